//! Good data: every kind of trade in every state that the line can bring it to.

use channel::Answer;
use engine::request::Command;
use kernel::message::channel::{Credential, DisputeOutcome, PayOutcome, PayoutOutcome, RefundOutcome};
use kernel::message::payment::{Attachment, CaseAct, Resolution, Tool};
use kernel::message::trade::{Command as TradeCommand, LateSuccess, Refund, UnpaidDue};
use kernel::time::{DAY_US, HOUR_US, MINUTE_US};
use kernel::{
    Amount, CaseId, CouponId, GiftId, KeyId, Money, OrderType, Owner, PaymentId, PointsGrantId, RootId, StoredKind,
    Time, TradeId, UserId,
};
use trade::TimerKind;

use crate::world::{Sale, World, card, cny, shares, user};
use crate::{carts, tools};

/// Who is who.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cast {
    /// Instant, paid by balance, completed.
    pub(crate) instant: TradeId,
    /// Escrow with three receivers, partly confirmed, partly refunded.
    pub(crate) escrow: TradeId,
    /// Coupon and card, completed; paid twice; refunded in part through the institution.
    pub(crate) mixed: TradeId,
    /// Coupon held, card asked.
    pub(crate) open: TradeId,
    /// Other money came; people have to decide.
    pub(crate) mismatch: TradeId,
    /// Of two cards one has paid.
    pub(crate) half: TradeId,
    /// Closed unpaid by time.
    pub(crate) expired: TradeId,
    /// Refused by the institution.
    pub(crate) declined: TradeId,
    /// Its time was over, and the money came after all.
    pub(crate) late: TradeId,
    /// Paid out to a bank.
    pub(crate) payout: TradeId,
    /// Paid out, and it came back.
    pub(crate) bounced: TradeId,
    /// Refused by the institution, which was to pay it out.
    pub(crate) refused: TradeId,
    /// Escrow of two receivers, disputed, and lost in part.
    pub(crate) disputed: TradeId,
    /// Disputed, and the institution has not decided.
    pub(crate) contested: TradeId,
    /// In two dues, of which the first is paid.
    pub(crate) deposit: TradeId,
    /// The same, closed: it went back, by balance and through the institution.
    pub(crate) given_back: TradeId,
    /// The same, closed: it is the receivers'.
    pub(crate) forfeited: TradeId,
    /// A coupon that nobody used.
    pub(crate) usable: CouponId,
    /// A gift of two shares; both were claimed.
    pub(crate) packet: GiftId,
    /// Paid with points and a card, and partly refunded.
    pub(crate) points: TradeId,
    /// Points that a user was given, of which some were taken back.
    pub(crate) grant: PointsGrantId,
    /// Paid on credit and by card, and partly refunded.
    pub(crate) credit: TradeId,
    /// Paid, and counted for a limit.
    pub(crate) counted: TradeId,
    /// Pays two others, by balance and by card.
    pub(crate) cart: TradeId,
    /// Of these, the one that was refunded in part through the institution.
    pub(crate) child: TradeId,
    /// Paid by a cart that was disputed: what is disputed of it is lost in part.
    pub(crate) sued: TradeId,
    /// Paid by a cart with points, on credit and by card, and refunded by half.
    pub(crate) exchanged: TradeId,
}

pub(crate) fn paid(money: Money, number: &str) -> Answer {
    Answer::Pay(PayOutcome::Paid { money, at: Time::from_micros(1), channel_no: number.to_owned() })
}

pub(crate) fn refunded(money: Money, number: &str) -> Answer {
    Answer::Refund(RefundOutcome::Refunded { money, at: Time::from_micros(1), channel_no: number.to_owned() })
}

pub(crate) fn accepted() -> Answer {
    Answer::Pay(PayOutcome::Accepted(Credential::Redirect("https://bank.example/pay".to_owned())))
}

/// A dispute is opened.
pub(crate) fn opened(minor: i64, number: &str) -> Answer {
    let (number, reason) = (number.to_owned(), "fraudulent".to_owned());
    let (at, respond_by) = (Time::from_micros(1), Time::from_micros(9));
    Answer::Dispute(DisputeOutcome::Opened { number, money: cny(minor), reason, respond_by, at })
}

/// It is decided for the merchant.
pub(crate) fn won(number: &str) -> Answer {
    Answer::Dispute(DisputeOutcome::Won { number: number.to_owned(), at: Time::from_micros(1) })
}

/// So much of it is decided for the buyer.
pub(crate) fn lost(minor: i64, number: &str) -> Answer {
    let (number, at) = (number.to_owned(), Time::from_micros(1));
    Answer::Dispute(DisputeOutcome::Lost { number, money: cny(minor), at })
}

pub(crate) fn refund(number: &str, minor: i64) -> TradeCommand {
    TradeCommand::Refund(Refund {
        merchant_refund_id: number.to_owned(),
        amount: Amount::new(minor).unwrap(),
        reason: None,
        splits: Vec::new(),
        sandbox: None,
        users_debit: true,
    })
}

pub(crate) fn confirm(minor: Option<i64>) -> TradeCommand {
    TradeCommand::Confirm { amount: minor.map(|minor| Amount::new(minor).unwrap()), splits: Vec::new() }
}

/// Plays them all.
pub(crate) fn play(world: &mut World) -> Cast {
    money_in_hands(world);
    let instant = by_balance(world);
    let escrow = escrow(world);
    let mixed = mixed(world);
    let expired = ended(world);
    let declined = declined(world);
    let late = late(world);
    cases(world);
    refunds_that_fail(world);
    let usable = coupons(world);
    let packet = gifts(world);
    on_balances(world);
    let (payout, bounced, refused) = payouts(world);
    let (disputed, contested) = disputes(world);
    let (deposit, given_back, forfeited) = dues(world);
    let (points, grant) = tools::points(world);
    let credit = tools::credit(world);
    let (open, mismatch, half) = under_way(world);
    // Before there is a limit.
    let (cart, child) = carts::paid_and_closed(world);
    let sued = carts::disputed(world);
    let exchanged = carts::in_points_and_on_credit(world);
    tools::bills(world);
    let counted = counted(world);
    Cast {
        instant,
        escrow,
        mixed,
        open,
        mismatch,
        half,
        expired,
        declined,
        late,
        payout,
        bounced,
        refused,
        disputed,
        contested,
        deposit,
        given_back,
        forfeited,
        usable,
        packet,
        points,
        grant,
        credit,
        counted,
        cart,
        child,
        sued,
        exchanged,
    }
}

/// In two dues: one paid, both paid and partly refunded, the first given back or forfeited because of the second.
fn dues(world: &mut World) -> (TradeId, TradeId, TradeId) {
    let splits = vec![(Owner::Merchant(world.merchant), 333), (Owner::Platform, 667)];
    let sale = |kind, unpaid_due| Sale {
        kind,
        splits: splits.clone(),
        dues: vec![(300, 0, HOUR_US), (700, HOUR_US, 3 * HOUR_US)],
        unpaid_due,
        ..Sale::escrow("u1", 1_000)
    };
    let coupon = world.coupon("u1", 100, false, None);
    let both = world.sell(sale(OrderType::Instant, None).paid(vec![(Tool::Coupon(coupon), 100), (card(), 200)]));
    let given_back = world.sell(sale(OrderType::Instant, None).paid(vec![(Tool::Balance, 100), (card(), 200)]));
    let forfeited = world.sell(sale(OrderType::Escrow, Some(UnpaidDue::Forfeit)).paid(vec![(Tool::Balance, 300)]));
    let lost = world.sell(sale(OrderType::Escrow, Some(UnpaidDue::Forfeit)));
    world.word(both, 1, paid(cny(200), "Q1"));
    world.word(given_back, 1, paid(cny(200), "Q2"));
    world.pass(HOUR_US);
    world.system(Command::Timer(lost, TimerKind::Expire));
    world.pay(both, &[(Tool::Balance, 300), (card(), 400)]);
    world.word(both, 2, paid(cny(400), "Q3"));
    world.tell_trade(both, refund("r1", 500));
    world.word(both, 3, refunded(cny(100), "Q4"));
    world.pay(forfeited, &[(card(), 700)]);
    world.word(forfeited, 1, accepted());
    let deposit = world.sell(sale(OrderType::Escrow, None).paid(vec![(Tool::Balance, 300)]));
    world.pass(2 * HOUR_US);
    world.system(Command::Timer(given_back, TimerKind::Expire));
    world.word(given_back, 2, refunded(cny(200), "Q5"));
    world.system(Command::Timer(forfeited, TimerKind::Expire));
    world.word(forfeited, 1, Answer::Pay(PayOutcome::Closed));
    world.tell_trade(forfeited, refund("r1", 100));
    // Too late for the second due: it goes back by itself.
    world.word(forfeited, 1, paid(cny(700), "Q6"));
    (deposit, given_back, forfeited)
}

/// Out of balances: paid, back again, refused, told to have been of other money, and not answered yet.
fn payouts(world: &mut World) -> (TradeId, TradeId, TradeId) {
    let out = |world: &mut World, minor| world.sell(Sale { kind: OrderType::Payout, ..Sale::instant("u1", minor) });
    let (at, code) = (Time::from_micros(1), || "no_account".to_owned());
    let through = |minor, number: &str| {
        Answer::Payout(PayoutOutcome::PaidOut { money: cny(minor), at, channel_no: number.to_owned() })
    };
    let back = |minor| Answer::Payout(PayoutOutcome::Returned { money: cny(minor), at, code: code() });
    let paid = out(world, 300);
    world.word(paid, 1, Answer::Payout(PayoutOutcome::Accepted));
    world.word(paid, 1, through(300, "P1"));
    // Nobody gives back what a bank has, and what came back is not all of it.
    world.word(paid, 1, back(299));
    let bounced = out(world, 200);
    world.word(bounced, 1, through(200, "P2"));
    world.word(bounced, 1, back(200));
    world.word(bounced, 1, back(200));
    // Only its return is known.
    let only_back = out(world, 70);
    world.word(only_back, 1, back(70));
    let refused = out(world, 100);
    world.word(refused, 1, Answer::Payout(PayoutOutcome::Failed { code: code() }));
    out(world, 100_000_000);
    let suspect = out(world, 50);
    world.word(suspect, 1, through(49, "P3"));
    let unknown = out(world, 60);
    world.word(unknown, 1, Answer::Unknown);
    (paid, bounced, refused)
}

/// Won, lost, lost in part; beside refunds, after them, of more than there is; told late, doubled and contradictory.
fn disputes(world: &mut World) -> (TradeId, TradeId) {
    let sold = |world: &mut World, sale: Sale, number: &str| {
        let (trade, money) = (sale.amount, cny(sale.amount));
        let trade = world.sell(sale.paid(vec![(card(), trade)]));
        world.word(trade, 1, paid(money, number));
        trade
    };
    let splits = vec![(Owner::Seller(world.merchant, "a".to_owned()), 200), (Owner::Merchant(world.merchant), 100)];
    let disputed = sold(world, Sale { splits, ..Sale::escrow("u1", 300) }, "J1");
    world.tell_trade(disputed, confirm(Some(90)));
    for word in [opened(200, "K1"), opened(200, "K1"), lost(50, "K1"), lost(50, "K1"), opened(200, "K1")] {
        world.word(disputed, 1, word);
    }
    // Again, of all that is left; the end of that overtakes its beginning, and somebody wins the last one.
    for word in [lost(150, "K2"), opened(150, "K2"), won("K3"), opened(100, "K3"), won("K3")] {
        world.word(disputed, 1, word);
    }
    // Contradictory: won after it was lost, more lost than was disputed, another's number.
    let odd = sold(world, Sale::instant("u1", 300), "J2");
    for word in [opened(100, "K4"), lost(100, "K4"), won("K4"), opened(50, "K5"), lost(60, "K5"), opened(10, "K1")] {
        world.word(odd, 1, word);
    }
    // Beside a refund, and after one of all.
    let beside = sold(world, Sale::instant("u1", 300), "J3");
    world.tell_trade(beside, refund("r1", 200));
    world.word(beside, 1, opened(300, "K6"));
    world.word(beside, 2, refunded(cny(200), "J4"));
    world.word(beside, 1, lost(300, "K6"));
    let after = sold(world, Sale::instant("u1", 300), "J5");
    world.tell_trade(after, refund("r1", 300));
    world.word(after, 2, refunded(cny(300), "J6"));
    world.word(after, 1, opened(300, "K7"));
    // All of an escrow that nobody confirmed; and what came twice is no receiver's.
    let whole = sold(world, Sale::escrow("u1", 300), "J7");
    world.word(whole, 1, opened(300, "K8"));
    world.word(whole, 1, lost(300, "K8"));
    let twice = sold(world, Sale::instant("u1", 300), "J8");
    world.word(twice, 1, paid(cny(300), "J9"));
    world.word(twice, 1, opened(600, "K9"));
    world.word(twice, 1, won("K9"));
    // Whoever spent it meanwhile owes it.
    let topup = sold(world, Sale { kind: OrderType::Topup, ..Sale::instant("u5", 500) }, "J10");
    world.sell(Sale { kind: OrderType::Transfer, splits: vec![(user("u2"), 400)], ..Sale::instant("u5", 400) });
    world.word(topup, 1, opened(500, "K10"));
    world.word(topup, 1, lost(300, "K10"));
    let contested = sold(world, Sale::instant("u1", 300), "J11");
    world.word(contested, 1, opened(120, "K11"));
    (disputed, contested)
}

/// Money from outside onto a balance, and back from there; from one balance to another, and where it is short.
fn on_balances(world: &mut World) {
    let topup = |buyer| Sale { kind: OrderType::Topup, ..Sale::instant(buyer, 500) };
    let trade = world.sell(topup("u3").paid(vec![(card(), 500)]));
    world.word(trade, 1, paid(cny(500), "U1"));
    let transfer =
        |minor| Sale { kind: OrderType::Transfer, splits: vec![(user("u2"), minor)], ..Sale::instant("u3", minor) };
    world.sell(transfer(200));
    world.sell(transfer(9_000));
    // One that goes back, one that stays on the balance, because the institution cannot give it back.
    world.tell_trade(trade, refund("r1", 100));
    world.word(trade, 2, refunded(cny(100), "U2"));
    world.tell_trade(trade, refund("r2", 50));
    let no = RefundOutcome::Failed { code: "closed".to_owned(), other_way: true };
    world.word(trade, 3, Answer::Refund(no));
    // Money that counts for nothing goes back, or stays on the balance.
    world.word(trade, 1, paid(cny(500), "U4"));
}

fn money_in_hands(world: &mut World) {
    world.fund(user("u1"), 1_000_000);
    world.fund(user("u2"), 50);
    world.fund(Owner::Merchant(world.merchant), 100_000);
    world.fund_budget(Owner::Platform, 50_000);
    world.fund_budget(Owner::Merchant(world.merchant), 20_000);
}

fn by_balance(world: &mut World) -> TradeId {
    let instant = world.sell(Sale::instant("u1", 1_000).paid(vec![(Tool::Balance, 1_000)]));
    world.tell_trade(instant, refund("r1", 300));
    let splits = vec![(Owner::Merchant(world.merchant), 333), (Owner::Platform, 667)];
    let shared = Sale { splits, ..Sale::instant("u1", 1_000) };
    world.sell(shared.paid(vec![(Tool::Balance, 1_000)]));
    // Too little money: failed, and the trade stays payable.
    let short = world.sell(Sale::instant("u2", 500).paid(vec![(Tool::Balance, 500)]));
    world.fund(user("u2"), 1_000);
    world.pay(short, &[(Tool::Balance, 500)]);
    instant
}

fn escrow(world: &mut World) -> TradeId {
    let seller = |name: &str| Owner::Seller(world.merchant, name.to_owned());
    let splits = vec![(seller("a"), 333), (seller("b"), 333), (Owner::Merchant(world.merchant), 334)];
    let sale = Sale { splits, confirm_after: Some(10 * DAY_US), ..Sale::escrow("u1", 1_000) };
    let trade = world.sell(sale.paid(vec![(Tool::Balance, 1_000)]));
    world.tell_trade(trade, confirm(Some(500)));
    world.tell_trade(trade, refund("r1", 100));
    let only_a = shares(&[(Owner::Seller(world.merchant, "a".to_owned()), 50)]);
    world.tell_trade(trade, TradeCommand::Confirm { amount: None, splits: only_a });
    // Another one to its end, one refunded whole, one confirmed by time.
    let whole = world.sell(Sale::escrow("u1", 700).paid(vec![(Tool::Balance, 700)]));
    world.tell_trade(whole, confirm(None));
    world.tell_trade(whole, refund("after", 200));
    let back = world.sell(Sale::escrow("u1", 400).paid(vec![(Tool::Balance, 400)]));
    world.tell_trade(back, refund("all", 400));
    let timed = Sale { confirm_after: Some(MINUTE_US), ..Sale::escrow("u1", 250) };
    let timed = world.sell(timed.paid(vec![(Tool::Balance, 250)]));
    world.pass(2 * MINUTE_US);
    world.system(Command::Timer(timed, TimerKind::Confirm));
    trade
}

fn mixed(world: &mut World) -> TradeId {
    let coupon = world.coupon("u1", 500, false, None);
    let sale = Sale::escrow("u1", 1_000).paid(vec![(Tool::Coupon(coupon), 300), (card(), 700)]);
    let trade = world.sell(sale);
    world.word(trade, 1, accepted());
    world.word(trade, 1, paid(cny(700), "B1"));
    // The same word again, and money a second time.
    world.word(trade, 1, paid(cny(700), "B1"));
    world.word(trade, 1, paid(cny(700), "B2"));
    world.word(trade, 2, refunded(cny(700), "B3"));
    world.word(trade, 1, paid(cny(700), "B4"));
    // Coupon and card give back their parts; the institution has its part to do.
    world.tell_trade(trade, refund("r1", 400));
    world.word(trade, 4, refunded(cny(280), "B5"));
    world.tell_trade(trade, confirm(Some(200)));
    world.tell_trade(trade, refund("r2", 100));
    trade
}

fn ended(world: &mut World) -> TradeId {
    let canceled = world.sell(Sale::instant("u1", 900).paid(vec![(card(), 900)]));
    world.word(canceled, 1, accepted());
    world.tell_trade(canceled, TradeCommand::Close);
    world.word(canceled, 1, Answer::Pay(PayOutcome::Closed));
    let coupon = world.coupon("u1", 100, true, None);
    let payment = world.sell(Sale::instant("u1", 900).paid(vec![(Tool::Coupon(coupon), 100), (card(), 800)]));
    world.word(payment, 1, accepted());
    world.ok(Command::CancelPayment(PaymentId::new(payment, 1)));
    world.word(payment, 1, Answer::Pay(PayOutcome::Closed));
    // A second try takes the place of the first.
    let again = world.sell(Sale::instant("u1", 600).paid(vec![(card(), 600)]));
    world.word(again, 1, accepted());
    world.pay(again, &[(Tool::Balance, 600)]);
    world.word(again, 1, paid(cny(600), "C1"));
    let expired = world.sell(Sale::instant("u1", 900));
    world.pass(2 * HOUR_US);
    world.system(Command::Timer(expired, TimerKind::Expire));
    world.system(Command::Timer(payment, TimerKind::Expire));
    expired
}

fn declined(world: &mut World) -> TradeId {
    let trade = world.sell(Sale::instant("u1", 800).paid(vec![(Tool::Balance, 100), (card(), 700)]));
    world.word(trade, 1, Answer::Pay(PayOutcome::Failed { code: "do_not_honor".to_owned() }));
    // The first of two cards paid, the second did not: compensation.
    let two = world.sell(Sale::instant("u1", 500).paid(vec![(card(), 200), (card(), 300)]));
    world.word(two, 1, paid(cny(200), "D1"));
    world.word(two, 2, Answer::Pay(PayOutcome::Failed { code: "do_not_honor".to_owned() }));
    world.word(two, 3, refunded(cny(200), "D2"));
    trade
}

fn late(world: &mut World) -> TradeId {
    let end = |world: &mut World, trade| {
        world.word(trade, 1, accepted());
        world.tell_trade(trade, TradeCommand::Close);
        world.word(trade, 1, Answer::Pay(PayOutcome::Closed));
    };
    let trade = world.sell(Sale::instant("u1", 400).paid(vec![(card(), 400)]));
    end(world, trade);
    world.word(trade, 1, paid(cny(400), "E1"));
    let reopened = Sale { late: LateSuccess::Reopen, ..Sale::instant("u1", 450) };
    let reopened = world.sell(reopened.paid(vec![(Tool::Balance, 50), (card(), 400)]));
    end(world, reopened);
    world.word(reopened, 1, paid(cny(400), "E2"));
    trade
}

fn cases(world: &mut World) {
    let resolve = |world: &mut World, trade, resolution| {
        by(world, trade, 1, CaseAct::Resolve { resolution, note: "seen".to_owned() });
    };
    let more = world.sell(Sale::instant("u1", 300).paid(vec![(card(), 300)]));
    world.word(more, 1, paid(cny(350), "F1"));
    resolve(world, more, Resolution::Accept);
    let less = world.sell(Sale::escrow("u1", 300).paid(vec![(Tool::Balance, 50), (card(), 250)]));
    world.word(less, 1, paid(cny(200), "F2"));
    resolve(world, less, Resolution::Refund);
    world.word(less, 2, refunded(cny(200), "F3"));
    let usd = Money { currency: kernel::Currency::parse("USD").unwrap(), ..cny(300) };
    let foreign = world.sell(Sale::instant("u1", 300).paid(vec![(card(), 300)]));
    world.word(foreign, 1, paid(usd, "F4"));
    resolve(world, foreign, Resolution::Refund);
    two_people(world);
}

/// Somebody of the platform does something about a trade's first case.
fn by(world: &mut World, trade: TradeId, who: u8, act: CaseAct) {
    let by = KeyId(RootId::from_bytes([who; 16]));
    world.ok(Command::Case { case: CaseId::new(trade, 1), by, act });
}

fn two_people(world: &mut World) {
    let note = || "seen".to_owned();
    let trade = world.sell(Sale::instant("u1", 300).paid(vec![(card(), 300)]));
    world.word(trade, 1, paid(cny(310), "F5"));
    by(world, trade, 1, CaseAct::Assign { to: "Li Lei".to_owned() });
    by(world, trade, 1, CaseAct::Propose { resolution: Resolution::Refund, note: note() });
    by(world, trade, 2, CaseAct::Reject { note: note() });
    let attachment = Attachment {
        name: "letter.pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        sha256: [5; 32],
        url: "https://desk.example/1".to_owned(),
    };
    by(world, trade, 2, CaseAct::Comment { text: note(), attachment: Some(attachment) });
    by(world, trade, 2, CaseAct::Propose { resolution: Resolution::Accept, note: note() });
    by(world, trade, 1, CaseAct::Approve);
    let waiting = world.sell(Sale::instant("u1", 300).paid(vec![(card(), 300)]));
    world.word(waiting, 1, paid(cny(290), "F6"));
    by(world, waiting, 1, CaseAct::Propose { resolution: Resolution::Refund, note: note() });
    // The institution's word comes before the second person, and is settled with it.
    let overtaken = world.sell(Sale::instant("u1", 500).paid(vec![(card(), 500)]));
    world.word(overtaken, 1, paid(cny(500), "F7"));
    world.tell_trade(overtaken, refund("r1", 200));
    let failed = RefundOutcome::Failed { code: "closed_card".to_owned(), other_way: false };
    world.word(overtaken, 2, Answer::Refund(failed));
    by(world, overtaken, 1, CaseAct::Propose { resolution: Resolution::Retry, note: note() });
    world.word(overtaken, 2, refunded(cny(200), "F8"));
    let (case, by) = (CaseId::new(overtaken, 2), KeyId(RootId::from_bytes([2; 16])));
    let act = CaseAct::Resolve { resolution: Resolution::Accept, note: note() };
    world.ok(Command::Case { case, by, act });
}

fn refunds_that_fail(world: &mut World) {
    let sold = |world: &mut World, number: &str| {
        let trade = world.sell(Sale::instant("u1", 500).paid(vec![(card(), 500)]));
        world.word(trade, 1, paid(cny(500), number));
        world.tell_trade(trade, refund("r1", 200));
        trade
    };
    let failed = |other_way| Answer::Refund(RefundOutcome::Failed { code: "closed_card".to_owned(), other_way });
    let other_way = sold(world, "G1");
    world.word(other_way, 2, failed(true));
    let case = sold(world, "G2");
    world.word(case, 2, failed(false));
    let retried = sold(world, "G3");
    world.word(retried, 2, failed(false));
    by(world, retried, 1, CaseAct::Resolve { resolution: Resolution::Retry, note: "again".to_owned() });
    world.word(retried, 3, refunded(cny(200), "G4"));
    let came_back = Answer::Refund(RefundOutcome::Returned { code: "no_account".to_owned(), at: Time::from_micros(1) });
    let returned = sold(world, "G5");
    world.word(returned, 2, refunded(cny(200), "G6"));
    world.word(returned, 2, came_back.clone());
    let rerouted = sold(world, "G7");
    world.word(rerouted, 2, refunded(cny(200), "G8"));
    world.word(rerouted, 2, came_back);
    by(world, rerouted, 1, CaseAct::Resolve { resolution: Resolution::OtherWay, note: "balance".to_owned() });
    let contradicted = sold(world, "G9");
    world.word(contradicted, 2, refunded(cny(150), "G10"));
}

fn coupons(world: &mut World) -> CouponId {
    let gone = world.coupon("u1", 80, true, Some(MINUTE_US));
    world.pass(2 * MINUTE_US);
    world.system(Command::ExpireCoupon(gone));
    // Given back whole, a coupon can be used again.
    let again = world.coupon("u1", 200, false, Some(100 * DAY_US));
    let trade = world.sell(Sale::instant("u1", 300).paid(vec![(Tool::Coupon(again), 200), (Tool::Balance, 100)]));
    world.tell_trade(trade, refund("r1", 300));
    let partly = world.coupon("u1", 200, true, None);
    let trade = world.sell(Sale::instant("u1", 150).paid(vec![(Tool::Coupon(partly), 150)]));
    world.tell_trade(trade, refund("r1", 60));
    world.coupon("u1", 90, false, Some(50 * DAY_US))
}

/// Stored value: claimed by two, spent with a card and without, given back; and what nobody claimed in time.
fn gifts(world: &mut World) -> GiftId {
    let gone = world.gift(70, 2, Some(MINUTE_US));
    world.ok(claim(gone, "u1"));
    world.pass(2 * MINUTE_US);
    world.system(Command::ExpireGift(gone));
    let packet = world.gift(301, 2, Some(50 * DAY_US));
    world.ok(claim(packet, "u1"));
    world.ok(claim(packet, "u2"));
    world.gift(40, 3, None);
    world.gift(50, 1, Some(60 * DAY_US));
    let stored = || Tool::Stored(StoredKind::RED_PACKET);
    let trade = world.sell(Sale::instant("u1", 100).paid(vec![(stored(), 60), (Tool::Balance, 40)]));
    world.tell_trade(trade, refund("r1", 50));
    let trade = world.sell(Sale::escrow("u2", 200).paid(vec![(stored(), 90), (card(), 110)]));
    world.word(trade, 1, paid(cny(110), "G1"));
    packet
}

fn claim(gift: GiftId, user: &str) -> Command {
    Command::ClaimGift { gift, user: UserId::parse(user).unwrap(), code_hash: None, luck: 99 }
}

/// Counted for limits: paid, refused by a limit, refused by the institution, under way, given back; and whole windows ago.
fn counted(world: &mut World) -> TradeId {
    world.rules(
        "book = \"limits\"\nabout = \"Twice a day, and little an hour.\"\n\
         [[rule]]\nname = \"a-day\"\nvelocity = { by = \"user\", window = \"day\", count = 3 }\n\
         [[rule]]\nname = \"an-hour\"\n\
         velocity = { by = \"merchant\", window = \"1h\", currency = \"CNY\", sum = 1_000, tool = \"channel\" }\n",
    );
    world.sell(Sale::instant("u2", 10).paid(vec![(card(), 10)]));
    world.pass(2 * DAY_US);
    let paid = world.sell(Sale::instant("u2", 20).paid(vec![(Tool::Balance, 20)]));
    world.tell_trade(paid, refund("r1", 20));
    let declined = world.sell(Sale::instant("u2", 900).paid(vec![(card(), 900)]));
    world.word(declined, 1, Answer::Pay(PayOutcome::Failed { code: "do_not_honor".to_owned() }));
    world.sell(Sale::instant("u2", 950).paid(vec![(card(), 950)]));
    let too_much = world.sell(Sale::instant("u3", 51).paid(vec![(card(), 51)]));
    let payment = world.pay(too_much, &[(Tool::Balance, 51)]);
    assert!(payment["status"] == "succeeded" && payment["id"].as_str().unwrap().ends_with("002"), "{payment}");
    world.sell(Sale::instant("u2", 5).paid(vec![(Tool::Balance, 5)]));
    world.sell(Sale::instant("u2", 5).paid(vec![(Tool::Balance, 5)]));
    paid
}

/// What is not finished.
fn under_way(world: &mut World) -> (TradeId, TradeId, TradeId) {
    let coupon = world.coupon("u1", 150, false, None);
    let open =
        world.sell(Sale::escrow("u1", 500).paid(vec![(Tool::Coupon(coupon), 120), (Tool::Balance, 80), (card(), 300)]));
    world.word(open, 1, accepted());
    let unknown = world.sell(Sale::escrow("u1", 500).paid(vec![(card(), 500)]));
    world.word(unknown, 1, Answer::Unknown);
    let mismatch = world.sell(Sale::instant("u1", 700).paid(vec![(card(), 700)]));
    world.word(mismatch, 1, paid(cny(650), "H1"));
    let half = world.sell(Sale::escrow("u1", 900).paid(vec![(card(), 400), (card(), 500)]));
    world.word(half, 1, paid(cny(400), "H2"));
    (open, mismatch, half)
}
