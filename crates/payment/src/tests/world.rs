//! The world around one trade's payments: the loop that carries messages, as the engine's does. Whenever it is still,
//! everything is checked (`check.rs`).

mod words;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use kernel::message::accounting::CouponSource;
use kernel::message::channel::{self, Place};
use kernel::message::payment::{
    self, CaseAct, Command, OpenRefund, ParentPaid, Pay, RefundShare, Resolution, ShareDisputed, Tool, ToolRequest,
};
use kernel::message::risk::{Asked, CounterId, Signals, Switch, Window};
use kernel::message::rules::{Paying, PaymentRules, PaymentTerms, PointsWorth, RuleRefusal, Velocity};
use kernel::message::trade::{LateSuccess, Share};
use kernel::{
    Amount, Bucket, CaseId, Context, CouponId, CreditLineId, Currency, DisputeId, KeyId, MerchantId, Money, OrderType,
    Owner, PaymentId, RootId, StoredKind, SubType, Time, TradeId, UserId,
};

use super::ledger::Ledger;
use super::show;
use crate::counter::Counter;
use crate::coupon::{Coupon, CouponStatus, CouponTerms};
use crate::credit::CreditLine;
use crate::{
    Approvals, Booking, ChannelAccount, DisputeStatus, Input, Known, Message, News, ObjectRef, PaymentStatus, Payments,
    Refusal, Routes,
};

pub(super) const START: i64 = 1_000_000_000_000;
pub(super) const SECOND: i64 = 1_000_000;
const THREE_FOR_ONE: PointsWorth = PointsWorth { points: 3, minor: 1, budget: false };

/// A step of a story: its title, and what is done.
pub(super) type Step<'a> = (&'a str, &'a dyn Fn(&mut World));

#[derive(Clone)]
pub(super) struct World {
    pub(super) state: Payments,
    pub(super) now: Time,
    pub(super) ledger: Ledger,
    pub(super) coupons: BTreeMap<CouponId, Coupon>,
    /// What was placed, by order number.
    pub(super) orders: BTreeMap<u16, Place>,
    /// Receipts that institutions reported, by order number.
    pub(super) receipts: BTreeMap<u16, u16>,
    pub(super) order_type: OrderType,
    /// Whose money pays.
    pub(super) payer: Owner,
    pub(super) late_success: LateSuccess,
    /// What every payment is planned by.
    pub(super) terms: PaymentTerms,
    /// Most payments, and most minor units, of one day; no limit where `None`.
    pub(super) most: Option<(i64, i64)>,
    pub(super) counters: BTreeMap<CounterId, Counter>,
    /// The buyer's credit line.
    pub(super) credit: Option<CreditLine>,
    /// Whether risk control stops every payment.
    pub(super) stopped: bool,
    /// What is known of the outside risk service's word.
    pub(super) asked: Asked,
    /// What is switched off.
    pub(super) switches: BTreeSet<Switch>,
    /// Which cases want two people.
    pub(super) approvals: Approvals,
    /// Receivers that are paid at once; the merchant's escrow where empty.
    pub(super) receivers: Vec<Share>,
    pub(super) expires_at: Time,
    /// Which due is paid next.
    pub(super) due: u16,
    /// What was told to trades that this one pays.
    pub(super) told_children: Vec<(TradeId, ParentPaid)>,
    /// The payments of these trades.
    pub(super) children: Vec<Arc<Payments>>,
    /// What they were told of disputes.
    pub(super) told_shares: Vec<(TradeId, DisputeId, ShareDisputed)>,
    pub(super) told_quiet: u32,
    pub(super) told_succeeded: u32,
    pub(super) told_refunded: i64,
    pub(super) told_failed: u16,
    /// What the trade has set aside for disputes that are open.
    pub(super) told_disputed: i64,
    /// What it was told that disputes took.
    pub(super) told_lost: i64,
    pub(super) sequences: BTreeMap<ObjectRef, i64>,
    pub(super) statuses: BTreeMap<u16, PaymentStatus>,
    pub(super) log: Vec<String>,
}

pub(super) fn amount(minor: i64) -> Amount {
    Amount::new(minor).unwrap()
}

pub(super) fn cny() -> Currency {
    Currency::parse("CNY").unwrap()
}

pub(super) fn money(minor: i64) -> Money {
    Money { amount: amount(minor), currency: cny() }
}

pub(super) fn root(random: u128) -> RootId {
    RootId::new(Time::from_micros(START), Bucket::of("user:42"), random)
}

pub(super) fn trade() -> TradeId {
    TradeId(root(1))
}

pub(super) fn merchant() -> MerchantId {
    MerchantId(root(2))
}

/// The key of one of the platform's people.
pub(super) fn person(who: u8) -> KeyId {
    KeyId(root(1_000 + u128::from(who)))
}

pub(super) fn buyer() -> UserId {
    UserId::parse("42").unwrap()
}

pub(super) fn coupon_id(n: u128) -> CouponId {
    CouponId(root(100 + n))
}

pub(super) fn balance(minor: i64) -> ToolRequest {
    ToolRequest { tool: Tool::Balance, amount: amount(minor) }
}

pub(super) fn card(minor: i64) -> ToolRequest {
    ToolRequest { tool: Tool::Channel { method: "card".into(), sandbox: None }, amount: amount(minor) }
}

pub(super) fn coupon(n: u128, minor: i64) -> ToolRequest {
    ToolRequest { tool: Tool::Coupon(coupon_id(n)), amount: amount(minor) }
}

pub(super) fn gift_card(minor: i64) -> ToolRequest {
    ToolRequest { tool: Tool::Stored(StoredKind::GIFT_CARD), amount: amount(minor) }
}

/// Of 500.
fn credit_line() -> CreditLine {
    let (id, user, created_at) = (CreditLineId(root(7)), buyer(), Time::from_micros(START));
    CreditLine { id, user, currency: cny(), limit: 500, frozen: false, billing: None, created_at }
}

pub(super) fn points(minor: i64) -> ToolRequest {
    ToolRequest { tool: Tool::Points, amount: amount(minor) }
}

pub(super) fn credit(minor: i64) -> ToolRequest {
    ToolRequest { tool: Tool::Credit, amount: amount(minor) }
}

impl World {
    /// A buyer with 1,000 of balance, 300 on gift cards, 1,000 points of which three pay one, and coupons 1 and 2 of 100 (without and with budget).
    pub(super) fn new() -> Self {
        let mut world = Self {
            state: Payments::new(trade()),
            now: Time::from_micros(START),
            ledger: Ledger::default(),
            coupons: BTreeMap::new(),
            orders: BTreeMap::new(),
            receipts: BTreeMap::new(),
            order_type: OrderType::Escrow,
            payer: Owner::User(buyer()),
            late_success: LateSuccess::Refund,
            terms: PaymentTerms { points: Some(THREE_FOR_ONE), ..PaymentTerms::default() },
            most: None,
            counters: BTreeMap::new(),
            credit: Some(credit_line()),
            stopped: false,
            asked: Asked::NotYet,
            switches: BTreeSet::new(),
            approvals: Approvals::default(),
            receivers: Vec::new(),
            expires_at: Time::from_micros(START + 1_800 * SECOND),
            due: 1,
            told_children: Vec::new(),
            children: Vec::new(),
            told_shares: Vec::new(),
            told_quiet: 0,
            told_succeeded: 0,
            told_refunded: 0,
            told_failed: 0,
            told_disputed: 0,
            told_lost: 0,
            sequences: BTreeMap::new(),
            statuses: BTreeMap::new(),
            log: Vec::new(),
        };
        world.ledger.fund("2001:42", money(1_000));
        world.ledger.fund("2033.gift_card:42", money(300));
        world.ledger.fund("2034:42", Money { amount: amount(1_000), currency: Currency::POINTS });
        world.issue(1, CouponSource::Expense, 100);
        world.issue(2, CouponSource::Budget(Owner::Merchant(merchant())), 100);
        world
    }

    pub(super) fn issue(&mut self, n: u128, source: CouponSource, face: i64) {
        self.ledger.fund("2031:42", money(face));
        let id = coupon_id(n);
        let coupon = Coupon {
            id,
            merchant: None,
            user: buyer(),
            money: money(face),
            source,
            terms: CouponTerms::default(),
            status: CouponStatus::Usable,
            held_by: None,
            expires_at: None,
            created_at: self.now,
        };
        self.coupons.insert(id, coupon);
    }

    pub(super) fn pay(&mut self, tools: Vec<ToolRequest>) -> Result<(), Refusal> {
        let total = tools.iter().map(|tool| tool.amount.minor()).sum();
        self.pay_exactly(total, tools)
    }

    pub(super) fn pay_due(&mut self, due: u16, tools: Vec<ToolRequest>) -> Result<(), Refusal> {
        self.due = due;
        self.pay(tools)
    }

    pub(super) fn pay_exactly(&mut self, total: i64, tools: Vec<ToolRequest>) -> Result<(), Refusal> {
        self.tell(self.asked(total, tools))
    }

    /// What asks for a payment.
    pub(super) fn asked(&self, total: i64, tools: Vec<ToolRequest>) -> Input {
        let pay = Pay {
            context: self.context(),
            due: self.due,
            money: money(total),
            payer: self.payer.clone(),
            expires_at: self.expires_at,
            receivers: self.receivers.clone(),
            late_success: self.late_success,
            tools,
            destination: None,
        };
        Input::Command(Command::Pay(Box::new(pay)))
    }

    fn context(&self) -> Context {
        Context { merchant: merchant(), order_type: self.order_type, sub_type: SubType::general() }
    }

    pub(super) fn cancel(&mut self, no: u16) -> Result<(), Refusal> {
        self.command(Command::Cancel(PaymentId::new(trade(), no)))
    }

    pub(super) fn stop(&mut self, expired: bool) {
        self.command(Command::Stop { expired }).unwrap();
    }

    pub(super) fn refund(&mut self, number: &str, minor: i64) -> Result<(), Refusal> {
        self.refund_from(number, minor, self.shares(minor))
    }

    pub(super) fn refund_from(&mut self, number: &str, minor: i64, shares: Vec<RefundShare>) -> Result<(), Refusal> {
        self.open_refund(Some(number.into()), minor, shares)
    }

    /// Another due was not paid: so much goes back of what some brought.
    pub(super) fn return_dues(&mut self, minor: i64) {
        self.open_refund(None, minor, self.shares(minor)).expect("what a trade gives back by itself is not refused");
    }

    fn open_refund(
        &mut self,
        merchant_refund_id: Option<String>,
        minor: i64,
        shares: Vec<RefundShare>,
    ) -> Result<(), Refusal> {
        let (context, money) = (self.context(), money(minor));
        let open = OpenRefund { context, merchant_refund_id, money, reason: None, shares, sandbox: None };
        self.command(Command::Refund(Box::new(open)))
    }

    /// What the trade would take from whom: from escrow, or from the receivers in order as far as each still has.
    fn shares(&self, minor: i64) -> Vec<RefundShare> {
        if self.receivers.is_empty() {
            return vec![RefundShare { receiver: Owner::Merchant(merchant()), before: minor, after: 0 }];
        }
        let mut wanted = minor;
        let mut shares = Vec::new();
        for share in &self.receivers {
            let gone: i64 = self
                .state
                .refunds
                .iter()
                .flat_map(|refund| &refund.shares)
                .filter(|taken| taken.receiver == share.receiver)
                .map(|taken| taken.after)
                .sum();
            let gone = gone + self.disputed_of(&share.receiver);
            let after = wanted.min(share.amount.minor() - gone);
            wanted -= after;
            shares.push(RefundShare { receiver: share.receiver.clone(), before: 0, after });
        }
        shares
    }

    /// What disputes have set aside of a receiver, or taken.
    fn disputed_of(&self, receiver: &Owner) -> i64 {
        let lines =
            self.state.disputes.iter().flat_map(|dispute| dispute.lines.iter().map(move |line| (dispute, line)));
        let of_receiver = lines.filter(|(_, line)| line.line.receiver == *receiver);
        let gone = of_receiver.map(|(dispute, line)| match dispute.status {
            DisputeStatus::Open => line.line.amount.minor(),
            DisputeStatus::Won | DisputeStatus::Lost => line.lost,
        });
        gone.sum()
    }

    pub(super) fn resolve(&mut self, case: u16, resolution: Resolution) -> Result<(), Refusal> {
        self.people(case, 1, CaseAct::Resolve { resolution, note: "looked".into() })
    }

    /// The first person proposes.
    pub(super) fn propose(&mut self, case: u16, resolution: Resolution) -> Result<(), Refusal> {
        self.people(case, 1, CaseAct::Propose { resolution, note: "as agreed".into() })
    }

    /// Somebody does something about a case.
    pub(super) fn people(&mut self, case: u16, who: u8, act: CaseAct) -> Result<(), Refusal> {
        self.command(Command::Case { case: CaseId::new(trade(), case), by: person(who), act })
    }

    fn command(&mut self, command: Command) -> Result<(), Refusal> {
        self.tell(Input::Command(command))
    }

    /// Carries one input to its end, depth first, and looks at everything then. A refusal leaves the world as it was.
    pub(super) fn tell(&mut self, input: Input) -> Result<(), Refusal> {
        let before = self.clone();
        let mut queue = VecDeque::from([Carried::Payments(input)]);
        while let Some(carried) = queue.pop_front() {
            match self.carry(carried) {
                Ok(caused) => caused.into_iter().rev().for_each(|message| queue.push_front(message)),
                Err(refusal) => {
                    *self = before;
                    return Err(refusal);
                }
            }
        }
        self.check();
        Ok(())
    }

    fn carry(&mut self, carried: Carried) -> Result<Vec<Carried>, Refusal> {
        match carried {
            Carried::Payments(input) => {
                let account = ChannelAccount {
                    name: "sandbox".into(),
                    methods: vec!["card".into()],
                    payouts: vec!["bank_account".into()],
                };
                let routes = Routes { accounts: vec![account] };
                let rules = Book { terms: self.terms.clone(), most: self.most, stopped: self.stopped };
                let signals = Signals { device: Some("d-1".to_owned()), ..Signals::default() };
                let needed = self.state.counters_needed(&input, (&signals, &self.switches), &rules, self.now);
                let mut counters = self.counters.clone();
                counters.retain(|counter, _| needed.contains(counter));
                let known = Known {
                    now: self.now,
                    coupons: &self.coupons,
                    children: &self.children,
                    routes: &routes,
                    credit: self.credit.as_ref(),
                    counters: &counters,
                    signals: &signals,
                    switches: &self.switches,
                    asked: &self.asked,
                    rules: &rules,
                    approvals: &self.approvals,
                };
                let decided = self.state.decide(&input, &known);
                let mut replayed = self.state.clone();
                let reaction = self.state.handle(&input, &known)?;
                let events = decided.expect("what is handled is decided");
                events.iter().for_each(|event| replayed.apply(event));
                assert_eq!(replayed, self.state, "what is decided is what is applied");
                reaction.news.iter().for_each(|news| self.hear(news));
                Ok(reaction.messages.into_iter().map(Carried::Message).collect())
            }
            Carried::Message(message) => {
                self.log.push(show::message(&message));
                Ok(self.deliver(message))
            }
        }
    }

    fn deliver(&mut self, message: Message) -> Vec<Carried> {
        match message {
            Message::Trade(payment::Fact::Quiet) => self.told_quiet += 1,
            Message::Trade(payment::Fact::Succeeded { .. }) => self.told_succeeded += 1,
            Message::Trade(payment::Fact::Refunded { shares, .. }) => {
                self.told_refunded += minor(&shares);
            }
            Message::Trade(payment::Fact::Failed { .. }) => self.told_failed += 1,
            Message::Trade(payment::Fact::Disputed { dispute, amount }) => {
                let shares = self.shares(amount.minor());
                self.told_disputed += minor(&shares);
                let answer = Command::Dispute { dispute, shares };
                return vec![Carried::Payments(Input::Command(answer))];
            }
            Message::Trade(payment::Fact::DisputeWon { shares, .. }) => self.told_disputed -= minor(&shares),
            Message::Trade(payment::Fact::DisputeLost { lost, kept, .. }) => {
                self.told_disputed -= minor(&lost) + minor(&kept);
                self.told_lost += minor(&lost);
            }
            Message::Trade(fact) => panic!("the payment core never tells {fact:?}"),
            Message::Child(trade, paid) => self.told_children.push((trade, *paid)),
            Message::ShareDisputed(trade, parent, told) => self.told_shares.push((trade, parent, *told)),
            Message::Channel(channel::Command::Place(place)) => {
                assert!(self.orders.insert(place.order.no, *place).is_none(), "an order's number is used once");
            }
            Message::Channel(channel::Command::Close(order)) => assert!(self.orders.contains_key(&order.no)),
            Message::Counter(id, command) => {
                self.counters.entry(id).or_insert(Counter::new(id)).handle(command, self.now)
            }
            Message::Coupon(id, command) => {
                let coupon = self.coupons.get_mut(&id).expect("a coupon that exists");
                let posts = coupon.handle(command, self.now).expect("a command that fits the coupon");
                assert!(posts.is_empty());
            }
            Message::Post { post, token } => {
                let result = self.ledger.book(&post);
                assert!(token != Booking::Sure || result.is_ok(), "cannot be refused: {:?} {result:?}", post.verb);
                if token != Booking::Sure {
                    return vec![Carried::Payments(Input::Booked { token, result })];
                }
            }
        }
        Vec::new()
    }

    fn hear(&mut self, news: &News) {
        let last = self.sequences.entry(news.object).or_default();
        assert_eq!(news.sequence, *last + 1, "{news:?} leaves a gap");
        *last = news.sequence;
        self.log.push(format!("* {} #{}", news.kind, news.sequence));
    }

    /// What happened since the last time, and how everything stands.
    pub(super) fn story(&mut self, title: &str) -> String {
        let log: Vec<_> = self.log.drain(..).map(|line| format!("    {line}\n")).collect();
        format!("{title}\n{}", log.concat())
    }
}

fn minor(shares: &[RefundShare]) -> i64 {
    shares.iter().map(|share| share.before + share.after).sum()
}

/// The rules of the world: the same terms for every payment, and one counter of a day.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) terms: PaymentTerms,
    pub(super) most: Option<(i64, i64)>,
    pub(super) stopped: bool,
}

impl PaymentRules for Book {
    fn terms(&self, _: &Paying<'_>) -> Result<PaymentTerms, RuleRefusal> {
        Ok(self.terms.clone())
    }

    fn stops(&self, _: &Paying<'_>) -> bool {
        self.stopped
    }

    fn velocity(&self, paying: &Paying<'_>) -> Vec<Velocity> {
        let limit = |(count, sum)| Velocity {
            counter: CounterId(root(77)),
            window: Window::Day(0),
            minor: paying.money.amount.minor(),
            sum: Some(sum),
            count: Some(count),
            refusal: RuleRefusal {
                rule_version: self.terms.rule_version,
                book: "shop".to_owned(),
                rule: "a-day".to_owned(),
                why: "enough for today".to_owned(),
                place: None,
            },
        };
        assert_eq!(paying.signals.device.as_deref(), Some("d-1"), "what was said is known again");
        self.most.map(limit).into_iter().collect()
    }
}

enum Carried {
    Payments(Input),
    Message(Message),
}
