//! The whole grid of states and inputs, and what must hold for any sequence of words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use kernel::id::{Bucket, MerchantId, RootId};
use kernel::message::channel::{DisputeOutcome, PayOutcome, Place, RefundOutcome};
use kernel::time::SECOND_US;
use kernel::{Amount, Currency, OrderType, SubType, limits};
use proptest::prelude::*;

use super::*;
use crate::adapter::{Adapter, Task};
use crate::sandbox::Sandbox;

const START: Time = Time::from_micros(1_800_000_000 * SECOND_US);
const LIFETIME_S: i64 = 600;

fn at(seconds: i64) -> Time {
    START.plus(seconds * SECOND_US)
}

fn trade() -> TradeId {
    TradeId(RootId::new(START, Bucket::of("user:42"), 7))
}

fn money(minor: i64, currency: &str) -> Money {
    Money { amount: Amount::new(minor).unwrap(), currency: Currency::parse(currency).unwrap() }
}

fn profiles() -> Profiles {
    BTreeMap::from([("sandbox".to_owned(), Sandbox.profile())])
}

fn place(no: u16, purpose: Purpose) -> Input {
    Input::Command(Command::Place(Box::new(Place {
        order: OrderId::new(trade(), no),
        context: Context {
            merchant: MerchantId(RootId::new(START, Bucket::of("m"), 1)),
            order_type: OrderType::Escrow,
            sub_type: SubType::general(),
        },
        purpose,
        channel_account: "sandbox".into(),
        method: "card".into(),
        money: money(1_000, "CNY"),
        expires_at: Some(at(LIFETIME_S)),
        sandbox: None,
        destination: None,
    })))
}

fn pay_place() -> Input {
    place(1, Purpose::Pay(InstructionId::new(trade(), 1)))
}

fn refund_place() -> Input {
    place(2, Purpose::Refund { of: OrderId::new(trade(), 1), part: 5 })
}

fn told(no: u16, source: Source, word: Answer) -> Input {
    Input::Told(Told { order: OrderId::new(trade(), no), word, source, digest: [no as u8; 32] })
}

fn paid(minor: i64, currency: &str, channel_no: &str) -> Answer {
    Answer::Pay(PayOutcome::Paid { money: money(minor, currency), at: START, channel_no: channel_no.into() })
}

fn refunded(minor: i64, channel_no: &str) -> Answer {
    Answer::Refund(RefundOutcome::Refunded { money: money(minor, "CNY"), at: START, channel_no: channel_no.into() })
}

fn accepted() -> Answer {
    Answer::Pay(PayOutcome::Accepted(Credential::QrCode("qr".into())))
}

fn failed() -> Answer {
    Answer::Pay(PayOutcome::Failed { code: "declined".into() })
}

fn returned() -> Answer {
    Answer::Refund(RefundOutcome::Returned { code: "gone".into(), at: START })
}

struct Bench {
    orders: Orders,
    profiles: Profiles,
    taken: BTreeSet<String>,
}

impl Bench {
    fn new() -> Self {
        Self { orders: Orders::new(trade()), profiles: profiles(), taken: BTreeSet::from(["TAKEN".to_owned()]) }
    }

    fn with(inputs: impl IntoIterator<Item = Input>) -> Self {
        let mut bench = Self::new();
        for input in inputs {
            bench.tell(input, START);
        }
        bench
    }

    fn known(&self, now: Time) -> Known<'_> {
        Known { now, profiles: &self.profiles, jitter: 1 << 31, taken: &self.taken }
    }

    fn try_tell(&mut self, input: Input, now: Time) -> Result<Vec<Message>, Refusal> {
        let mut orders = self.orders.clone();
        let reaction = orders.handle(input, &self.known(now))?;
        self.orders = orders;
        Ok(reaction.messages)
    }

    fn tell(&mut self, input: Input, now: Time) -> Vec<Message> {
        self.try_tell(input, now).unwrap()
    }
}

fn pay_states() -> Vec<(&'static str, Vec<Input>)> {
    let after = |words: Vec<Input>| std::iter::once(pay_place()).chain(words).collect();
    let close = || Input::Command(Command::Close(OrderId::new(trade(), 1)));
    vec![
        ("sent", after(vec![])),
        ("sent, closing", after(vec![close()])),
        ("pending", after(vec![told(1, Source::Answer, accepted())])),
        ("pending, closing", after(vec![told(1, Source::Answer, accepted()), close()])),
        ("unknown", after(vec![told(1, Source::Answer, Answer::Unknown)])),
        ("unknown, closing", after(vec![told(1, Source::Answer, Answer::Unknown), close()])),
        ("paid", after(vec![told(1, Source::Answer, paid(1_000, "CNY", "N1"))])),
        ("closed", after(vec![told(1, Source::Answer, Answer::Pay(PayOutcome::Closed))])),
        ("failed", after(vec![told(1, Source::Answer, failed())])),
    ]
}

fn pay_inputs() -> Vec<(&'static str, Time, Input)> {
    let soon = at(10);
    let over = at(LIFETIME_S);
    let silent = at(LIFETIME_S + 60);
    vec![
        ("answer accepted", soon, told(1, Source::Answer, accepted())),
        ("notify accepted", soon, told(1, Source::Notify, accepted())),
        ("query paying", soon, told(1, Source::Query, Answer::Pay(PayOutcome::Paying))),
        ("notify paid N1", soon, told(1, Source::Notify, paid(1_000, "CNY", "N1"))),
        ("notify paid N2", soon, told(1, Source::Notify, paid(1_000, "CNY", "N2"))),
        ("notify paid N1 999", soon, told(1, Source::Notify, paid(999, "CNY", "N1"))),
        ("notify paid 999", soon, told(1, Source::Notify, paid(999, "CNY", "N3"))),
        ("notify paid USD", soon, told(1, Source::Notify, paid(1_000, "USD", "N4"))),
        ("notify paid, number taken", soon, told(1, Source::Notify, paid(1_000, "CNY", "TAKEN"))),
        ("answer closed", soon, told(1, Source::Answer, Answer::Pay(PayOutcome::Closed))),
        ("answer failed", soon, told(1, Source::Answer, failed())),
        ("answer unknown", soon, told(1, Source::Answer, Answer::Unknown)),
        ("query unknown", soon, told(1, Source::Query, Answer::Unknown)),
        ("query not found", soon, told(1, Source::Query, Answer::NotFound)),
        ("answer not found", soon, told(1, Source::Answer, Answer::NotFound)),
        ("query not found, lifetime over", over, told(1, Source::Query, Answer::NotFound)),
        ("query unknown, lifetime over", over, told(1, Source::Query, Answer::Unknown)),
        ("query unknown, grace over", silent, told(1, Source::Query, Answer::Unknown)),
        ("refund word", soon, told(1, Source::Notify, refunded(1_000, "R1"))),
        ("close command", soon, Input::Command(Command::Close(OrderId::new(trade(), 1)))),
    ]
}

fn refund_states() -> Vec<(&'static str, Vec<Input>)> {
    let after = |words: Vec<Input>| {
        [pay_place(), told(1, Source::Answer, paid(1_000, "CNY", "N1")), refund_place()]
            .into_iter()
            .chain(words)
            .collect()
    };
    let refused = RefundOutcome::Failed { code: "refused".into(), other_way: true };
    vec![
        ("sent", after(vec![])),
        ("pending", after(vec![told(2, Source::Answer, Answer::Refund(RefundOutcome::Accepted))])),
        ("unknown", after(vec![told(2, Source::Answer, Answer::Unknown)])),
        ("refunded", after(vec![told(2, Source::Answer, refunded(1_000, "R1"))])),
        ("failed", after(vec![told(2, Source::Answer, Answer::Refund(refused))])),
        ("returned", after(vec![told(2, Source::Answer, refunded(1_000, "R1")), told(2, Source::Notify, returned())])),
    ]
}

fn refund_inputs() -> Vec<(&'static str, Time, Input)> {
    let soon = at(10);
    let over = at(LIFETIME_S);
    let refused = RefundOutcome::Failed { code: "refused".into(), other_way: false };
    vec![
        ("answer accepted", soon, told(2, Source::Answer, Answer::Refund(RefundOutcome::Accepted))),
        ("notify refunded R1", soon, told(2, Source::Notify, refunded(1_000, "R1"))),
        ("notify refunded R2", soon, told(2, Source::Notify, refunded(1_000, "R2"))),
        ("notify refunded 999", soon, told(2, Source::Notify, refunded(999, "R1"))),
        ("notify refunded, number of the payment", soon, told(2, Source::Notify, refunded(1_000, "N1"))),
        ("answer failed", soon, told(2, Source::Answer, Answer::Refund(refused))),
        ("notify returned", soon, told(2, Source::Notify, returned())),
        ("answer unknown", soon, told(2, Source::Answer, Answer::Unknown)),
        ("query not found", soon, told(2, Source::Query, Answer::NotFound)),
        ("query not found, lifetime over", over, told(2, Source::Query, Answer::NotFound)),
        ("query unknown, grace over", at(LIFETIME_S + 60), told(2, Source::Query, Answer::Unknown)),
        ("pay word", soon, told(2, Source::Notify, paid(1_000, "CNY", "N9"))),
        ("close command", soon, Input::Command(Command::Close(OrderId::new(trade(), 2)))),
    ]
}

fn opened(minor: i64, currency: &str, number: &str) -> Answer {
    Answer::Dispute(DisputeOutcome::Opened {
        number: number.into(),
        money: money(minor, currency),
        reason: "fraudulent".into(),
        respond_by: at(60),
        at: START,
    })
}

fn won(number: &str) -> Answer {
    Answer::Dispute(DisputeOutcome::Won { number: number.into(), at: START })
}

fn lost(minor: i64, number: &str) -> Answer {
    Answer::Dispute(DisputeOutcome::Lost { number: number.into(), money: money(minor, "CNY"), at: START })
}

/// Of order 1, which was paid; D1 is the dispute.
fn dispute_states() -> Vec<(&'static str, Vec<Input>)> {
    let after = |words: Vec<Answer>| {
        let words = [paid(1_000, "CNY", "N1")].into_iter().chain(words);
        std::iter::once(pay_place()).chain(words.map(|word| told(1, Source::Notify, word))).collect()
    };
    let many = (0..limits::MAX_DISPUTES).map(|no| opened(1, "CNY", &format!("M{no}")));
    vec![
        ("not paid", vec![pay_place()]),
        ("paid", after(vec![])),
        ("disputed", after(vec![opened(1_000, "CNY", "D1")])),
        ("won before it was opened", after(vec![won("D1")])),
        ("won", after(vec![opened(1_000, "CNY", "D1"), won("D1")])),
        ("lost in part", after(vec![opened(1_000, "CNY", "D1"), lost(400, "D1")])),
        ("lost before it was opened", after(vec![lost(400, "D1")])),
        ("as many as it may have", after(many.collect())),
    ]
}

fn dispute_inputs() -> Vec<(&'static str, Time, Input)> {
    let word = |word| told(1, Source::Notify, word);
    let soon = at(10);
    vec![
        ("opened", soon, word(opened(1_000, "CNY", "D1"))),
        ("opened of other money", soon, word(opened(900, "CNY", "D1"))),
        ("opened in another currency", soon, word(opened(1_000, "USD", "D1"))),
        ("another opened", soon, word(opened(100, "CNY", "D2"))),
        ("opened, number taken", soon, word(opened(100, "CNY", "TAKEN"))),
        ("won", soon, word(won("D1"))),
        ("lost", soon, word(lost(1_000, "D1"))),
        ("lost in part", soon, word(lost(400, "D1"))),
        ("more lost than disputed", soon, word(lost(1_001, "D1"))),
        ("paid again", soon, word(paid(1_000, "CNY", "N1"))),
    ]
}

fn fact_word(message: &Message) -> String {
    match message {
        Message::Claim { channel_no, .. } => format!("claim {channel_no}"),
        Message::Payment(Fact::Paid { money, receipt, channel_no, .. }) => {
            format!("Paid {money:?} #{receipt} {channel_no}")
        }
        Message::Payment(Fact::NotPaid { code, closed, .. }) => format!("NotPaid {code} closed={closed}"),
        Message::Payment(Fact::RefundFailed { code, other_way, .. }) => {
            format!("RefundFailed {code} other_way={other_way}")
        }
        Message::Payment(Fact::Disputed { number, money, .. }) => format!("Disputed {number} {money:?}"),
        Message::Payment(Fact::DisputeLost { number, money, .. }) => format!("DisputeLost {number} {money:?}"),
        Message::Payment(Fact::Suspect { channel_no, .. }) => format!("Suspect {channel_no}"),
        Message::Payment(fact) => format!("{fact:?}").split([' ', '{']).next().unwrap().to_owned(),
    }
}

fn timer_words(orders: &Orders, no: u16, now: Time) -> String {
    let timers = orders.timers().into_iter().filter(|timer| timer.no == no);
    let words: Vec<String> = timers
        .map(|timer| {
            let tenths = timer.due.since(now) / (SECOND_US / 10);
            format!("{} in {}.{}s", timer.kind.as_str(), tenths / 10, (tenths % 10).abs())
        })
        .collect();
    words.join(", ")
}

/// One line per cell: state × input → state | messages | evidence | timers.
fn grid(no: u16, states: Vec<(&'static str, Vec<Input>)>, inputs: &[(&'static str, Time, Input)]) -> String {
    let mut out = String::new();
    for (name, path) in states {
        writeln!(out, "{name}").unwrap();
        for (input_name, now, input) in inputs {
            let mut bench = Bench::with(path.clone());
            let evidence = bench.orders.evidence.len();
            let result = bench.try_tell(input.clone(), *now);
            let Ok(messages) = result else {
                writeln!(out, "  {input_name:<40} refused: {}", result.unwrap_err()).unwrap();
                continue;
            };
            let order = bench.orders.get(no).unwrap();
            let closing = if order.closing { ", closing" } else { "" };
            let told: Vec<String> = messages.iter().map(fact_word).collect();
            let kept: Vec<&str> = bench.orders.evidence[evidence..].iter().map(|row| row.outcome.as_str()).collect();
            writeln!(
                out,
                "  {input_name:<40} {:<18} [{}] evidence [{}] timers [{}]",
                format!("{}{closing}", order.job.status()),
                told.join(", "),
                kept.join(", "),
                timer_words(&bench.orders, no, *now),
            )
            .unwrap();
        }
    }
    out
}

#[test]
fn pay_grid() {
    insta::assert_snapshot!(grid(1, pay_states(), &pay_inputs()));
}

#[test]
fn refund_grid() {
    insta::assert_snapshot!(grid(2, refund_states(), &refund_inputs()));
}

#[test]
fn dispute_grid() {
    insta::assert_snapshot!(grid(1, dispute_states(), &dispute_inputs()));
}

#[test]
fn told_twice_is_told_once() {
    let cells = pay_states().into_iter().map(|state| (1, state, pay_inputs()));
    let refunds = refund_states().into_iter().map(|state| (2, state, refund_inputs()));
    let disputes = dispute_states().into_iter().map(|state| (1, state, dispute_inputs()));
    for (_, (name, path), inputs) in cells.chain(refunds).chain(disputes) {
        for (input_name, now, input) in inputs {
            let mut bench = Bench::with(path.clone());
            if bench.try_tell(input.clone(), now).is_err() {
                continue;
            }
            let evidence = bench.orders.evidence.clone();
            assert_eq!(bench.tell(input, now), [], "{name} × {input_name}");
            assert_eq!(bench.orders.evidence, evidence, "{name} × {input_name}");
        }
    }
}

#[test]
fn a_pay_call_is_never_repeated_blindly() {
    let mut bench = Bench::with([pay_place()]);
    let task = |bench: &Bench, kind, now| bench.orders.request(1, kind, &bench.known(now)).map(|call| call.task);
    assert!(matches!(task(&bench, TimerKind::Call, START), Some(Task::Pay { .. })));
    // Found due only now: a process that died may have made the call.
    assert_eq!(task(&bench, TimerKind::Call, at(4)), Some(Task::Query));
    assert_eq!(task(&bench, TimerKind::Query, START), None);
    assert_eq!(task(&bench, TimerKind::Close, START), None);
    bench.tell(told(1, Source::Answer, Answer::Unknown), at(3));
    assert_eq!(task(&bench, TimerKind::Call, at(4)), None, "asks first");
    assert_eq!(task(&bench, TimerKind::Query, at(4)), Some(Task::Query));
    bench.tell(told(1, Source::Query, Answer::NotFound), at(5));
    assert!(matches!(task(&bench, TimerKind::Call, at(5)), Some(Task::Pay { .. })), "asked, and it is not there");
    bench.tell(Input::Command(Command::Close(OrderId::new(trade(), 1))), at(5));
    assert_eq!(task(&bench, TimerKind::Call, at(5)), None, "a closing order is not sent again");
    assert_eq!(task(&bench, TimerKind::Close, at(5)), Some(Task::Close));
}

#[test]
fn silence_is_told_once_and_asking_goes_on_seldom() {
    let mut bench = Bench::with([pay_place(), told(1, Source::Answer, Answer::Unknown)]);
    let mut now = START;
    let mut silences = Vec::new();
    for _ in 0..40 {
        let timer = bench.orders.timers().into_iter().min_by_key(|timer| timer.due).unwrap();
        assert_eq!(timer.kind, TimerKind::Query);
        assert!(timer.due > now, "time moves on");
        now = timer.due;
        let messages = bench.tell(told(1, Source::Query, Answer::Unknown), now);
        silences.extend(messages.iter().map(|message| (fact_word(message), now)));
    }
    assert_eq!(silences, [("Silent".to_owned(), at(LIFETIME_S + 60))]);
    assert_eq!(bench.orders.get(1).unwrap().job.status(), "unknown", "never a no");
    assert!(now.since(at(LIFETIME_S)) > 10 * 3_600 * SECOND_US, "asked hourly or so, and for ever");
}

#[test]
fn commands_are_checked() {
    let mut bench = Bench::with([pay_place()]);
    let refuse = |bench: &mut Bench, change: &dyn Fn(&mut Place)| {
        let Input::Command(Command::Place(mut place)) = place(9, Purpose::Pay(InstructionId::new(trade(), 1))) else {
            unreachable!()
        };
        change(&mut place);
        bench.try_tell(Input::Command(Command::Place(place)), START).unwrap_err()
    };
    let cash = refuse(&mut bench, &|place| place.method = "cash".into());
    assert_eq!(Problem::from(cash).code, Code::method_not_supported);
    let nowhere = refuse(&mut bench, &|place| place.channel_account = "nowhere".into());
    assert_eq!(nowhere, Refusal::ChannelUnknown("nowhere".into()));
    assert!(matches!(refuse(&mut bench, &|place| place.order.no = 1), Refusal::WrongOrder(_)));
    let of = OrderId::new(trade(), 1);
    let early = refuse(&mut bench, &|place| place.purpose = Purpose::Refund { of, part: 1 });
    assert_eq!(early, Refusal::NothingReceived(of));
    bench.profiles.get_mut("sandbox").unwrap().currencies = vec![Currency::parse("USD").unwrap()];
    assert!(matches!(refuse(&mut bench, &|_| ()), Refusal::CurrencyNotSupported(_)));
}

#[test]
fn a_word_about_nothing_we_know_changes_nothing() {
    let mut bench = Bench::with([pay_place()]);
    let before = bench.orders.clone();
    assert_eq!(bench.tell(told(77, Source::Notify, paid(1_000, "CNY", "N1")), at(1)), []);
    let foreign = TradeId(RootId::new(START, Bucket::of("user:43"), 8));
    let word = Told {
        order: OrderId::new(foreign, 1),
        word: paid(1_000, "CNY", "N1"),
        source: Source::Notify,
        digest: [0; 32],
    };
    assert!(!bench.orders.fits(word.order, &word.word));
    assert_eq!(bench.tell(Input::Told(word), at(1)), []);
    assert_eq!(bench.orders, before);
}

fn any_word() -> impl Strategy<Value = (Source, Answer)> {
    let source = prop_oneof![Just(Source::Answer), Just(Source::Notify), Just(Source::Query)];
    let word = prop_oneof![
        Just(accepted()),
        Just(Answer::Pay(PayOutcome::Paying)),
        Just(Answer::Pay(PayOutcome::Closed)),
        Just(failed()),
        Just(Answer::Unknown),
        Just(Answer::NotFound),
        (1i64..3, 1u8..4).prop_map(|(minor, no)| paid(minor * 1_000, "CNY", &format!("N{no}"))),
        Just(paid(1_000, "CNY", "TAKEN")),
        Just(Answer::Refund(RefundOutcome::Accepted)),
        (1u8..4).prop_map(|no| refunded(1_000, &format!("R{no}"))),
        Just(returned()),
        Just(Answer::Refund(RefundOutcome::Failed { code: "refused".into(), other_way: false })),
    ];
    (source, word)
}

proptest! {
    /// Whatever is said in whatever order: money is told once per number, never without evidence, and never unsaid;
    /// a no is never told without a no; something is due exactly while a final word is missing.
    #[test]
    fn any_words(words in prop::collection::vec((1u16..=2, any_word(), 0i64..120, any::<u32>(), any::<bool>()), 1..40)) {
        let mut bench = Bench::with([pay_place()]);
        let mut now = START;
        let mut numbers = BTreeSet::new();
        let mut refunds = 0;
        for (no, (source, word), pause, _, close) in words {
            now = now.plus(pause * SECOND_US);
            if no == 2 && bench.orders.get(1).unwrap().receipts > 0 && bench.orders.get(2).is_none() {
                bench.tell(refund_place(), now);
            }
            if close {
                bench.tell(Input::Command(Command::Close(OrderId::new(trade(), 1))), now);
            }
            let was_paid = bench.orders.get(1).unwrap().receipts;
            for message in bench.tell(told(no, source, word), now) {
                let Message::Payment(fact) = message else { continue };
                let said = |outcome| bench.orders.evidence.iter().any(|row| row.outcome == outcome);
                match fact {
                    Fact::Paid { channel_no, receipt, money, .. } => {
                        prop_assert_eq!(receipt, was_paid + 1);
                        prop_assert_ne!(&channel_no, "TAKEN");
                        let row = bench.orders.evidence.last().unwrap();
                        prop_assert_eq!(row.channel_no.as_ref(), Some(&channel_no));
                        prop_assert_eq!(row.amount, Some(money.amount.minor()));
                        prop_assert!(numbers.insert(channel_no), "told twice");
                    }
                    Fact::NotPaid { .. } => {
                        prop_assert_eq!(was_paid, 0, "a success was unsaid");
                        prop_assert!(said(Outcome::Closed) || said(Outcome::Failed) || said(Outcome::NotFound));
                        let order = bench.orders.get(1).unwrap();
                        prop_assert!(said(Outcome::Closed) || said(Outcome::Failed) || now >= order.lifetime_until);
                    }
                    Fact::Refunded { .. } => refunds += 1,
                    _ => {}
                }
            }
            prop_assert!(refunds <= 1);
            for order in &bench.orders.orders {
                let waits = bench.orders.timers().iter().any(|timer| timer.no == order.no);
                prop_assert_eq!(waits, order.is_open(), "{:?}", order);
            }
        }
        let order = bench.orders.get(1).unwrap();
        prop_assert_eq!(usize::from(order.receipts), numbers.len());
        prop_assert_eq!(order.job.status() == "paid", !numbers.is_empty());
    }
}
