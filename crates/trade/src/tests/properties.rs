//! Random histories of one trade beside a model of the books and of the payment core: no order of events, refused or
//! not, makes money, loses it, or promises it twice.

use std::collections::BTreeMap;

use kernel::message::accounting::Verb;
use kernel::message::payment::{self, RefundShare};
use kernel::message::rules::TradeTerms;
use kernel::message::trade::{Command, Create, DueRequest, Share, UnpaidDue};
use kernel::time::HOUR_US;
use kernel::{Money, OrderType, Owner};
use proptest::prelude::*;

use super::fixture::*;
use crate::{ClosedReason, Due, Input, Known, Message, Moved, Reaction, Split, Status, Trade};

/// What may happen next; numbers are taken modulo what makes sense, and sometimes beyond it.
#[derive(Clone, Debug)]
enum Step {
    Pay,
    Succeeded,
    Quiet,
    Close,
    Expire,
    ConfirmByTime,
    Confirm(i64),
    ConfirmAll,
    ConfirmFrom(usize, i64),
    Refund(i64),
    RefundFrom(usize, i64),
    Dispute(i64),
    Settle { refund: usize, partly: bool, succeeds: bool },
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Pay),
        3 => Just(Step::Succeeded),
        1 => Just(Step::Quiet),
        1 => Just(Step::Close),
        1 => Just(Step::Expire),
        1 => Just(Step::ConfirmByTime),
        4 => (1i64..40).prop_map(Step::Confirm),
        1 => Just(Step::ConfirmAll),
        3 => (0usize..4, 1i64..20).prop_map(|(receiver, minor)| Step::ConfirmFrom(receiver, minor)),
        4 => (1i64..40).prop_map(Step::Refund),
        3 => (0usize..4, 1i64..20).prop_map(|(receiver, minor)| Step::RefundFrom(receiver, minor)),
        1 => (1i64..60).prop_map(Step::Dispute),
        6 => (0usize..4, any::<bool>(), prop::bool::weighted(0.7))
            .prop_map(|(refund, partly, succeeds)| Step::Settle { refund, partly, succeeds }),
        1 => (0i64..30).prop_map(Step::Wait),
    ]
}

/// The trade, what the books say of each receiver (in escrow, released), and the refunds under way.
struct World {
    trade: Trade,
    now_us: i64,
    books: BTreeMap<Owner, (i64, i64)>,
    under_way: Vec<Vec<RefundShare>>,
    given_back: i64,
}

impl World {
    /// Of these parts by receiver; in two dues where one is named.
    fn new(order_type: OrderType, parts: &[i64], first_due: Option<(i64, UnpaidDue)>) -> Self {
        let named = !order_type.fills_balances();
        let parts_of = parts.iter().zip('a'..).filter(|_| named);
        let splits: Vec<Share> = parts_of.map(|(part, name)| share(&name.to_string(), *part)).collect();
        let money = Money { amount: amount(parts.iter().sum()), ..order(order_type).money };
        let whole = money.amount.minor();
        let due = |minor| DueRequest { amount: amount(minor), opens_at: None, expires_at: Some(T0.plus(9 * HOUR_US)) };
        let of_dues = |(first, unpaid_due): (i64, UnpaidDue)| {
            let first = 1 + first % (whole - 1);
            (vec![due(first), due(whole - first)], Some(unpaid_due))
        };
        let (dues, unpaid_due) = first_due.filter(|_| whole > 1).map_or((Vec::new(), None), of_dues);
        let create = Create { money, splits, dues, unpaid_due, ..order(order_type) };
        let (trade, _) = Trade::create(&create, &known(0)).unwrap();
        let books = trade.splits.iter().map(|split| (split.receiver.clone(), (0, 0))).collect();
        Self { trade, now_us: 0, books, under_way: Vec::new(), given_back: 0 }
    }

    fn take(&mut self, step: Step) {
        let command = Input::Command;
        match step {
            Step::Pay => self.tell(pay(self.next_due().map_or(1, |due| due.amount.minor()))),
            Step::Succeeded => self.succeed(),
            Step::Quiet => self.tell(quiet()),
            Step::Close => self.tell(close()),
            Step::Expire => self.tell(command(Command::Expire)),
            Step::ConfirmByTime => self.tell(command(Command::ConfirmByTime)),
            Step::Confirm(minor) => self.tell(confirm(Some(minor), &[])),
            Step::ConfirmAll => self.tell(confirm(None, &[])),
            Step::ConfirmFrom(receiver, minor) => self.tell(confirm(None, &[self.share(receiver, minor)])),
            Step::Refund(minor) => self.tell(refund(minor, &[])),
            Step::RefundFrom(receiver, minor) => self.tell(refund(minor, &[self.share(receiver, minor)])),
            Step::Dispute(minor) => self.tell(disputed(minor)),
            Step::Settle { refund, partly, succeeds } => self.settle(refund, partly, succeeds),
            Step::Wait(hours) => self.now_us += hours * HOUR_US,
        }
    }

    /// A receiver of the trade, or, one past the last, nobody's.
    fn share(&self, receiver: usize, minor: i64) -> Share {
        let names = ["a", "b", "c", "z"];
        share(names[receiver % names.len()], minor)
    }

    fn next_due(&self) -> Option<&Due> {
        self.trade.dues.iter().find(|due| due.paid.is_none())
    }

    /// A payment takes effect, at most once for each due (that is the payment core's promise), and for one of several only
    /// before the trade is closed.
    fn succeed(&mut self) {
        let (before, has_dues) = (self.trade.paid, self.trade.has_dues());
        if has_dues && matches!(self.trade.status, Status::Closed(_)) {
            return;
        }
        self.tell(self.next_due().map_or_else(succeeded, |due| due_succeeded(due.no)));
        // What of several dues is paid waits in escrow and is nobody's, until all of it is there.
        if self.trade.paid == before || self.trade.paid < self.trade.money.amount.minor() {
            return;
        }
        for split in &self.trade.splits {
            let book = self.books.get_mut(&split.receiver).unwrap();
            match self.trade.context.order_type {
                OrderType::Instant if has_dues => book.0 += split.amount.minor(),
                OrderType::Escrow => book.0 += split.amount.minor(),
                OrderType::Instant
                | OrderType::Topup
                | OrderType::Transfer
                | OrderType::Payout
                | OrderType::Repayment
                | OrderType::Combined => book.1 += split.amount.minor(),
            }
        }
    }

    /// A refund under way ends, whole or by its first share alone.
    fn settle(&mut self, refund: usize, partly: bool, succeeds: bool) {
        if self.under_way.is_empty() {
            return;
        }
        let place = refund % self.under_way.len();
        let mut shares = self.under_way.remove(place);
        if partly && shares.len() > 1 {
            self.under_way.push(shares.split_off(1));
        }
        if succeeds {
            for share in &shares {
                let book = self.books.get_mut(&share.receiver).unwrap();
                *book = (book.0 - share.before, book.1 - share.after);
                self.given_back += share.before + share.after;
            }
            self.tell(refunded(&shares));
        } else {
            self.tell(refund_failed(&shares));
        }
    }

    fn tell(&mut self, input: Input) {
        let known = Known { now: T0.plus(self.now_us), terms: TradeTerms::default(), away: None };
        let before = self.trade.clone();
        match self.trade.handle(input.clone(), &known) {
            Err(_) => {
                assert_eq!(self.trade, before, "a refused command changes nothing");
                assert!(matches!(input, Input::Command(_)), "a fact is never refused");
                assert!(!matches!(input, Input::Command(Command::Expire | Command::ConfirmByTime)), "nor is time");
            }
            Ok(reaction) => self.obey(&before, reaction),
        }
    }

    fn obey(&mut self, before: &Trade, reaction: Reaction) {
        let numbers: Vec<i64> = reaction.news.iter().map(|news| news.sequence).collect();
        let gapless: Vec<i64> = (before.sequence + 1..=self.trade.sequence).collect();
        assert_eq!(numbers, gapless);
        let same = before.status == self.trade.status && before.dues == self.trade.dues;
        let told = self.trade.has_dues() || before.status != self.trade.status;
        assert_eq!(same || !told || is_started(before, &self.trade), numbers.is_empty());
        for message in reaction.messages {
            match message {
                Message::Post(post) => self.book(&post.verb),
                Message::Child(..) => panic!("nothing here pays others"),
                Message::Payment(payment::Command::Refund(open)) => self.under_way.push(open.shares),
                Message::Payment(payment::Command::Dispute { shares, .. }) => self.under_way.push(shares),
                Message::Payment(_) => {}
                Message::Send { .. } => panic!("nobody lives in another shard"),
            }
        }
    }

    fn book(&mut self, verb: &Verb) {
        let Verb::Confirm(shares) = verb else { panic!("a trade posts nothing else: {verb:?}") };
        for share in shares {
            let book = self.books.get_mut(&share.receiver).unwrap();
            *book = (book.0 - share.amount.minor(), book.1 + share.amount.minor());
        }
    }

    fn check(&self) {
        let trade = &self.trade;
        assert!(trade.moved.is_within(trade.paid), "{trade:?}");
        assert_eq!(sum(&trade.splits), trade.moved, "the trade's counters are the sum of its receivers'");
        assert_eq!(trade.paid, trade.moved.released + trade.moved.returned_before + trade.escrow_amount());
        if trade.paid == trade.money.amount.minor() {
            for split in &trade.splits {
                self.check_split(split);
            }
        } else {
            self.check_partly();
        }
        assert_eq!(trade.refunded_amount(), self.given_back);
        let reserved: i64 = self.under_way.iter().flatten().map(|share| share.before + share.after).sum();
        assert_eq!(reserved, trade.moved.returning_before + trade.moved.returning_after);
        let open = matches!(trade.status, Status::Created | Status::Closing(_));
        let left = if open { 0 } else { trade.paid - self.given_back - reserved };
        assert_eq!(trade.refundable_amount(), left);
        self.check_status();
    }

    /// Some of the dues are paid: what is in escrow is that, less what went to receivers or back.
    fn check_partly(&self) {
        let left: i64 = self.books.values().map(|(escrow, _)| *escrow).sum();
        assert_eq!(self.trade.escrow_amount(), self.trade.paid + left, "the books agree");
        for split in &self.trade.splits {
            let moved = split.moved;
            assert!(moved.is_within(split.amount.minor()), "{split:?}");
            assert_eq!(self.books[&split.receiver].1, moved.released - moved.returned_after, "the books agree");
        }
    }

    fn check_split(&self, split: &Split) {
        let whole = split.amount.minor();
        assert!(split.moved.is_within(whole), "{split:?}");
        let with_receiver = split.moved.released - split.moved.returned_after;
        assert_eq!(self.books[&split.receiver], (split.moved.in_escrow(whole), with_receiver), "the books agree");
    }

    fn check_status(&self) {
        let Trade { status, paid, moved, .. } = &self.trade;
        let escrow = self.trade.escrow_amount();
        match status {
            Status::Created | Status::Closing(_) => {
                assert!(*paid < self.trade.money.amount.minor() && escrow == *paid && moved.returning_before == 0);
            }
            Status::Paid => assert!(escrow > 0),
            Status::Completed => assert!(escrow == 0 && moved.released > 0),
            Status::Closed(ClosedReason::Refunded) => {
                assert!(moved.released == 0 && *paid > 0 && moved.returned_before == *paid);
            }
            Status::Closed(ClosedReason::Expired | ClosedReason::Canceled) => {
                // A refund of the whole that failed is the one thing that leaves money there.
                assert!(moved.released == 0 && *paid < self.trade.money.amount.minor());
                assert!(*paid == 0 || self.trade.unpaid_due == Some(UnpaidDue::Return));
            }
            Status::Closed(ClosedReason::Forfeited) => {
                assert!(*paid > 0 && moved.released == *paid && moved.returned_before == 0);
                assert_eq!(self.trade.unpaid_due, Some(UnpaidDue::Forfeit));
            }
            Status::Closed(ClosedReason::Failed) => panic!("these types do not fail"),
        }
    }
}

/// Closing was started, of which nobody is told.
fn is_started(before: &Trade, after: &Trade) -> bool {
    after.status.is_closing() && !before.status.is_closing()
}

fn sum(splits: &[Split]) -> Moved {
    let of = |counter: fn(&Moved) -> i64| splits.iter().map(|split| counter(&split.moved)).sum();
    Moved {
        released: of(|m| m.released),
        returned_before: of(|m| m.returned_before),
        returned_after: of(|m| m.returned_after),
        returning_before: of(|m| m.returning_before),
        returning_after: of(|m| m.returning_after),
    }
}

/// A word for where a history ended, to see that the histories reach what they should.
fn ending(trade: &Trade) -> String {
    let refunds = if trade.moved.returned_after > 0 { ", returned after release" } else { "" };
    format!("{}{refunds}", trade.status)
}

fn run(order_type: OrderType, parts: &[i64], steps: Vec<Step>) -> Trade {
    run_in_dues(order_type, parts, None, steps)
}

fn run_in_dues(order_type: OrderType, parts: &[i64], due: Option<(i64, UnpaidDue)>, steps: Vec<Step>) -> Trade {
    let mut world = World::new(order_type, parts, due);
    world.check();
    for step in steps {
        world.take(step);
        world.check();
    }
    world.trade
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn escrow_is_conserved(
        parts in prop::collection::vec(1i64..40, 1..4), steps in prop::collection::vec(step(), 0..40),
    ) {
        run(OrderType::Escrow, &parts, steps);
    }

    #[test]
    fn instant_is_conserved(
        parts in prop::collection::vec(1i64..40, 1..4), steps in prop::collection::vec(step(), 0..30),
    ) {
        run(OrderType::Instant, &parts, steps);
    }

    #[test]
    fn dues_are_conserved(
        parts in prop::collection::vec(1i64..40, 1..4), steps in prop::collection::vec(step(), 0..40),
        first in 0i64..100, escrow in any::<bool>(), forfeit in any::<bool>(),
    ) {
        let unpaid_due = if forfeit { UnpaidDue::Forfeit } else { UnpaidDue::Return };
        let order_type = if escrow { OrderType::Escrow } else { OrderType::Instant };
        run_in_dues(order_type, &parts, Some((first, unpaid_due)), steps);
    }

    #[test]
    fn topup_is_conserved(whole in 1i64..100, steps in prop::collection::vec(step(), 0..30)) {
        run(OrderType::Topup, &[whole], steps);
    }

    /// Whatever a timer says when it is due removes it: no timer fires for ever.
    #[test]
    fn a_timer_that_fired_is_gone(steps in prop::collection::vec(step(), 0..20)) {
        let mut trade = run(OrderType::Escrow, &[7, 11], steps);
        for timer in trade.timers() {
            trade.handle(Input::Command(timer.kind.command()), &Known { now: timer.due, terms: TradeTerms::default(), away: None }).unwrap();
            prop_assert!(!trade.timers().contains(&timer));
        }
    }
}

#[test]
fn the_histories_reach_every_ending() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let histories = (prop::collection::vec(1i64..40, 1..4), prop::collection::vec(step(), 0..40));
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for turn in 0..3_000 {
        let (parts, steps) = histories.new_tree(&mut runner).unwrap().current();
        let due = (turn % 3 == 0).then_some((turn, UnpaidDue::Forfeit));
        *seen.entry(ending(&run_in_dues(OrderType::Escrow, &parts, due, steps))).or_default() += 1;
    }
    for expected in [
        "created",
        "closing",
        "paid",
        "paid, returned after release",
        "completed",
        "completed, returned after release",
        "closed (refunded)",
        "closed (canceled)",
        "closed (expired)",
        "closed (forfeited)",
        "closed (forfeited), returned after release",
    ] {
        assert!(seen.get(expected).is_some_and(|count| *count >= 5), "{expected}: {seen:?}");
    }
}
