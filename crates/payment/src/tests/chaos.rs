//! Random plans under random facts, in any order, doubled, late and contradictory. After each step the world checks
//! everything it knows (`world.rs`); here it is only stirred, and at the end brought to rest.

use kernel::message::channel::Purpose;
use kernel::message::payment::{CaseAct, Resolution, ToolRequest};
use kernel::message::trade::{LateSuccess, Share};
use kernel::{Currency, Money, Owner};
use proptest::prelude::*;

use super::world::{SECOND, World, amount, balance, card, coupon, credit, gift_card, merchant, money, points};
use crate::{CaseKind, PaymentStatus, RefundStatus};

#[derive(Clone, Debug)]
enum Step {
    /// One of two dues.
    Pay(u16, Vec<Leg>),
    Cancel(u16),
    Stop(bool),
    Refund(i64),
    Resolve(u16, Resolution),
    Desk(u16, u8, CaseAct),
    /// About one of the orders placed so far.
    Say(u16, Word),
    Pass(i64),
    Freeze(bool),
}

#[derive(Clone, Copy, Debug)]
enum Leg {
    Balance,
    Stored,
    Points,
    Credit,
    Coupon(u8),
    Card,
}

#[derive(Clone, Copy, Debug)]
enum Word {
    Accepted,
    Pending,
    Unknown,
    Done,
    DoneAgain,
    Less,
    More,
    OtherCurrency,
    Refused,
    Closed,
    OtherWay,
    Returned,
    Silent,
    Suspect,
    /// Under one of two numbers, of so many minor units.
    Disputed(bool, i64),
    DisputeWon(bool),
    DisputeLost(bool, i64),
}

const WHOLE: i64 = 700;

/// Legs that sum to the due: coupons give up to their face, the last leg what is missing.
fn tools(legs: &[Leg]) -> Vec<ToolRequest> {
    let mut missing = WHOLE;
    let mut tools = Vec::new();
    for (n, leg) in legs.iter().enumerate() {
        let last = n + 1 == legs.len();
        let part = match leg {
            Leg::Coupon(n) => [100, 63][usize::from(*n) % 2],
            Leg::Balance | Leg::Stored | Leg::Points | Leg::Credit | Leg::Card if last => missing,
            Leg::Balance | Leg::Stored | Leg::Points | Leg::Credit | Leg::Card => 97,
        };
        missing -= part;
        tools.push(match leg {
            Leg::Balance => balance(part),
            Leg::Stored => gift_card(part),
            Leg::Points => points(part),
            Leg::Credit => credit(part),
            Leg::Coupon(n) => coupon(u128::from(*n), part),
            Leg::Card => card(part),
        });
    }
    tools
}

fn legs() -> impl Strategy<Value = Vec<Leg>> {
    let leg = prop_oneof![1 => Just(Leg::Balance), 1 => Just(Leg::Stored), 1 => Just(Leg::Points), 1 => Just(Leg::Credit), 1 => (1u8..4).prop_map(Leg::Coupon), 3 => Just(Leg::Card)];
    let last = prop_oneof![2 => Just(Leg::Balance), 1 => Just(Leg::Stored), 1 => Just(Leg::Points), 1 => Just(Leg::Credit), 6 => Just(Leg::Card)];
    (prop::collection::vec(leg, 0..4), last).prop_map(|(mut legs, last)| {
        legs.push(last);
        legs
    })
}

fn word() -> impl Strategy<Value = Word> {
    prop_oneof![
        2 => Just(Word::Accepted),
        2 => Just(Word::Pending),
        2 => Just(Word::Unknown),
        8 => Just(Word::Done),
        2 => Just(Word::DoneAgain),
        2 => Just(Word::Less),
        2 => Just(Word::More),
        1 => Just(Word::OtherCurrency),
        3 => Just(Word::Refused),
        3 => Just(Word::Closed),
        2 => Just(Word::OtherWay),
        2 => Just(Word::Returned),
        2 => Just(Word::Silent),
        1 => Just(Word::Suspect),
        3 => (any::<bool>(), 1i64..1_000).prop_map(|(which, minor)| Word::Disputed(which, minor)),
        1 => any::<bool>().prop_map(Word::DisputeWon),
        1 => (any::<bool>(), 1i64..1_000).prop_map(|(which, minor)| Word::DisputeLost(which, minor)),
    ]
}

fn resolution() -> impl Strategy<Value = Resolution> {
    prop_oneof![Just(Resolution::Accept), Just(Resolution::Refund), Just(Resolution::Retry), Just(Resolution::OtherWay),]
}

fn act() -> impl Strategy<Value = CaseAct> {
    prop_oneof![
        3 => resolution().prop_map(|resolution| CaseAct::Propose { resolution, note: "p".into() }),
        3 => Just(CaseAct::Approve),
        1 => Just(CaseAct::Reject { note: "r".into() }),
        1 => Just(CaseAct::Comment { text: "c".into(), attachment: None }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (prop_oneof![3 => Just(1u16), 1 => Just(2)], legs()).prop_map(|(due, legs)| Step::Pay(due, legs)),
        1 => (1u16..4).prop_map(Step::Cancel),
        1 => any::<bool>().prop_map(Step::Stop),
        2 => (1i64..400).prop_map(Step::Refund),
        3 => ((1u16..6), resolution()).prop_map(|(case, resolution)| Step::Resolve(case, resolution)),
        3 => ((1u16..4), 0u8..3, act()).prop_map(|(case, who, act)| Step::Desk(case, who, act)),
        14 => (any::<u16>(), word()).prop_map(|(order, word)| Step::Say(order, word)),
        1 => (1i64..900).prop_map(Step::Pass),
        1 => any::<bool>().prop_map(Step::Freeze),
    ]
}

fn take(world: &mut World, n: usize, step: &Step) {
    match step {
        // Commands may be refused; then nothing has changed, which `tell` sees to.
        Step::Pay(due, legs) => drop(world.pay_due(*due, tools(legs))),
        Step::Cancel(no) => drop(world.cancel(*no)),
        // A trade that stopped before its first payment never asks for one.
        Step::Stop(expired) if !world.state.payments.is_empty() => world.stop(*expired),
        Step::Stop(_) => {}
        Step::Refund(minor) => drop(world.refund(&format!("r{n}"), *minor)),
        Step::Resolve(case, resolution) => drop(world.resolve(*case, *resolution)),
        Step::Desk(case, who, act) => drop(world.people(*case, *who, act.clone())),
        Step::Say(order, word) => {
            if let Some(order) = chosen(world, *order) {
                say(world, order, *word);
            }
        }
        Step::Pass(seconds) => world.now = world.now.plus(seconds * SECOND),
        Step::Freeze(frozen) => world.ledger.frozen = frozen.then(|| "2001:42".to_owned()),
    }
}

/// One of the orders placed so far.
fn chosen(world: &World, random: u16) -> Option<u16> {
    let count = u16::try_from(world.orders.len()).unwrap();
    random.checked_rem(count).map(|place| place + 1)
}

fn say(world: &mut World, order: u16, word: Word) {
    let asked = world.orders[&order].money;
    let pays = matches!(world.orders[&order].purpose, Purpose::Pay(_));
    match (word, pays) {
        (Word::Accepted, true) => world.accepted(order),
        (Word::Pending, true) => world.pending(order),
        (Word::Unknown, true) => world.unknown(order),
        (Word::Done, true) => world.paid_exactly(order),
        (Word::DoneAgain, true) => world.paid_again(order, asked),
        (Word::Less, true) => world.paid(order, money(1)),
        (Word::More, true) => world.paid(order, money(asked.amount.minor() + 7)),
        (Word::OtherCurrency, true) => {
            world.paid(order, Money { currency: Currency::parse("USD").unwrap(), ..asked });
        }
        (Word::Refused, true) => world.refused(order),
        (Word::Closed, true) => world.closed(order),
        (Word::Silent, _) => world.silent(order),
        (Word::Suspect, _) => world.suspect(order),
        (Word::OtherWay | Word::Returned, true) => {}
        (Word::Disputed(which, minor), true) => world.disputed(order, number(which), minor),
        (Word::DisputeWon(which), true) => world.dispute_won(order, number(which)),
        (Word::DisputeLost(which, minor), true) => world.dispute_lost(order, number(which), minor),
        (Word::Disputed(..) | Word::DisputeWon(_) | Word::DisputeLost(..), false) => {}
        (Word::Done | Word::DoneAgain, false) => world.refunded(order),
        (Word::Refused | Word::Closed, false) => world.refund_failed(order, false),
        (Word::OtherWay, false) => world.refund_failed(order, true),
        (Word::Returned, false) => world.refund_returned(order),
        (Word::Accepted | Word::Pending | Word::Unknown | Word::Less | Word::More | Word::OtherCurrency, false) => {}
    }
}

const fn number(which: bool) -> &'static str {
    if which { "d1" } else { "d2" }
}

/// The institutions say the last word about everything, and people decide what is left: nothing may stay undecided.
fn settle(world: &mut World) {
    world.ledger.frozen = None;
    world.stop(true);
    let pays: Vec<_> =
        world.orders.iter().filter(|(_, place)| matches!(place.purpose, Purpose::Pay(_))).map(|(no, _)| *no).collect();
    for order in pays {
        world.closed(order);
        world.dispute_won(order, "d1");
        world.dispute_lost(order, "d2", 300);
    }
    for _ in 0..4 {
        let cases = u16::try_from(world.state.cases.len()).unwrap();
        for case in 1..=cases {
            let resolution = match world.state.case(case).unwrap().kind {
                CaseKind::AmountMismatch => Resolution::Refund,
                CaseKind::RefundFailed | CaseKind::RefundReturned => Resolution::OtherWay,
                CaseKind::Contradiction
                | CaseKind::UnknownOutcome
                | CaseKind::Disputed
                | CaseKind::DisputeUncovered
                | CaseKind::DisputeShort => Resolution::Accept,
            };
            drop(world.people(case, 9, CaseAct::Reject { note: "anew".into() }));
            drop(world.resolve(case, resolution));
        }
        let orders: Vec<_> = world.orders.keys().copied().collect();
        for order in orders {
            if matches!(world.orders[&order].purpose, Purpose::Refund { .. }) {
                world.refunded(order);
            }
        }
    }
}

fn world(late_success: LateSuccess, at_once: bool) -> World {
    let receiver = |name: &str| Owner::Seller(merchant(), name.to_owned());
    let receivers =
        [("s1", 450), ("s2", 250)].map(|(name, part)| Share { receiver: receiver(name), amount: amount(part) });
    let mut world = World { late_success, ..World::new() };
    world.issue(3, kernel::message::accounting::CouponSource::Expense, 63);
    if at_once {
        world.receivers = receivers.to_vec();
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_is_gained(
        steps in prop::collection::vec(step(), 1..60), reopen: bool, at_once: bool, limited: bool,
    ) {
        let late_success = if reopen { LateSuccess::Reopen } else { LateSuccess::Refund };
        let mut world = world(late_success, at_once);
        world.most = limited.then_some((1, WHOLE));
        for (n, step) in steps.iter().enumerate() {
            take(&mut world, n, step);
        }
        settle(&mut world);
        for payment in &world.state.payments {
            let over = !payment.status.is_open();
            prop_assert!(over, "{}", super::show::state(&world.state));
            prop_assert!(payment.status == PaymentStatus::Succeeded || payment.instructions.iter().all(|leg| leg.left() == 0));
        }
        prop_assert!(world.state.refunds.iter().all(|refund| refund.status == RefundStatus::Succeeded));
        prop_assert!(world.state.cases.iter().all(|case| case.resolution.is_some() || case.status == crate::case::CaseStatus::Closed), "{}", super::show::state(&world.state));
        for place in ["2022", "2021"] {
            prop_assert_eq!(world.ledger.at(place, money(1).currency), 0);
        }
        prop_assert!(world.ledger.holds.is_empty());
    }

    #[test]
    fn what_is_told_twice_changes_nothing(steps in prop::collection::vec(step(), 1..40), order: u16, word in word()) {
        let mut world = world(LateSuccess::Refund, false);
        for (n, step) in steps.iter().enumerate() {
            take(&mut world, n, step);
        }
        let Some(order) = chosen(&world, order) else { return Ok(()) };
        let pays = matches!(world.orders[&order].purpose, Purpose::Pay(_));
        say(&mut world, order, word);
        let once = world.state.clone();
        // Money is told twice under the same receipt.
        let again = match word {
            Word::Done | Word::Less | Word::More | Word::OtherCurrency if pays => Word::DoneAgain,
            other => other,
        };
        say(&mut world, order, again);
        prop_assert_eq!(&world.state, &once);
    }
}
