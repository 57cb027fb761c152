//! The legs of every verb, as one table that changes visibly when a template does.

use kernel::message::accounting::{
    DisputeLine, HoldNo, InternalTool, LineSource, Onto, PayLeg, Payout, RefundLine, RefundTo, Source, ToolHold,
};
use kernel::{Bucket, Context, MerchantId, OrderType, RootId, SubType, Time};

use super::*;
use crate::book::Books;

/// A book in which receivers have what is written here and nothing else is known.
#[derive(Default)]
struct Known {
    available: BTreeMap<AccountKey, i64>,
    left: BTreeMap<HoldKey, i64>,
}

impl Lookup for Known {
    fn available(&self, key: &AccountKey) -> i64 {
        self.available.get(key).copied().unwrap_or(0)
    }

    fn left(&self, hold: HoldKey) -> i64 {
        self.left.get(&hold).copied().unwrap_or(0)
    }
}

fn merchant() -> MerchantId {
    MerchantId(RootId::new(Time::from_micros(0), Bucket::of("m"), 1))
}

fn seller(name: &str) -> Owner {
    Owner::Seller(merchant(), name.to_owned())
}

fn shop() -> Owner {
    Owner::Merchant(merchant())
}

fn user() -> UserId {
    UserId::parse("42").unwrap()
}

fn buyer() -> Owner {
    Owner::User(user())
}

fn cny() -> Currency {
    Currency::parse("CNY").unwrap()
}

fn amount(minor: i64) -> Amount {
    Amount::new(minor).unwrap()
}

fn money(minor: i64, code: &str) -> Money {
    Money { amount: amount(minor), currency: Currency::parse(code).unwrap() }
}

fn share(receiver: Owner, minor: i64) -> Share {
    Share { receiver, amount: amount(minor) }
}

fn posting(verb: Verb) -> Post {
    let context = Context { merchant: merchant(), order_type: OrderType::Instant, sub_type: SubType::general() };
    Post { context: Some(context), merchant: Some(merchant()), currency: cny(), object: "pay_1".into(), verb }
}

fn coupon(rest: i64) -> InternalTool {
    InternalTool::Coupon { user: user(), source: CouponSource::Budget(shop()), rest }
}

fn stored() -> InternalTool {
    InternalTool::Stored(user(), StoredKind::GIFT_CARD)
}

fn credit() -> InternalTool {
    InternalTool::Credit { user: user(), limit: 500 }
}

fn points(source: CouponSource) -> InternalTool {
    InternalTool::Points { user: user(), points: amount(700), source }
}

fn line(no: u16, receiver: Owner, released: bool, minor: i64, to: RefundTo) -> RefundLine {
    let from = if released { LineSource::Receiver } else { LineSource::Escrow };
    RefundLine { line: no, receiver, from, amount: amount(minor), to }
}

fn bank() -> RefundTo {
    RefundTo::Channel("sandbox".into())
}

fn back_to_coupon(usable_again: bool, rest: i64) -> RefundTo {
    RefundTo::Coupon { user: user(), source: CouponSource::Expense, usable_again, rest }
}

fn back_to_points(points: i64) -> RefundTo {
    RefundTo::Points { user: user(), source: CouponSource::Budget(shop()), points }
}

fn pay(source: Source, minor: i64) -> PayLeg {
    PayLeg { source, amount: amount(minor) }
}

fn pending(receiver: Owner) -> AccountKey {
    AccountKey { owner: receiver, subject: Subject::PENDING, currency: cny() }
}

fn account(key: &AccountKey) -> String {
    let owner = key.owner.to_string().replace(&merchant().to_string(), "M");
    format!("{:<19} {owner:<16}", key.subject.as_str())
}

fn hold(key: HoldKey) -> String {
    match key.no {
        HoldNo::Instruction(no) => format!("i{no}.{}", key.leg),
        HoldNo::RefundLine(no) => format!("r{no}.{}", key.leg),
        HoldNo::DisputeLine(no) => format!("d{no}.{}", key.leg),
    }
}

fn table(verb: Verb, known: &Known) -> String {
    let template = Template::of(&verb);
    let mut text = format!("{} v{}\n", template.name, template.version);
    for leg in legs(&posting(verb), known) {
        text += &format!(
            "  {:<8}{:<6}{} -> {} {:>5} {} {:<9}{}\n",
            leg.op.as_str(),
            leg.op.hold().map_or(String::new(), hold),
            account(&leg.debit),
            account(&leg.credit),
            leg.amount.minor(),
            leg.debit.currency,
            leg.pay_org.as_str(),
            leg.code,
        );
        assert_eq!(leg.debit.currency, leg.credit.currency);
    }
    text
}

fn tools() -> Vec<ToolHold> {
    vec![
        ToolHold { hold: HoldNo::Instruction(1), tool: InternalTool::Balance(buyer()), amount: amount(300) },
        ToolHold { hold: HoldNo::Instruction(2), tool: coupon(20), amount: amount(80) },
        ToolHold { hold: HoldNo::Instruction(3), tool: coupon(0), amount: amount(50) },
        ToolHold { hold: HoldNo::Instruction(4), tool: stored(), amount: amount(40) },
        ToolHold { hold: HoldNo::Instruction(6), tool: credit(), amount: amount(60) },
        ToolHold { hold: HoldNo::Instruction(5), tool: points(CouponSource::Budget(shop())), amount: amount(30) },
    ]
}

fn sources() -> Vec<PayLeg> {
    vec![
        pay(Source::Tool(InternalTool::Balance(buyer())), 300),
        pay(Source::Tool(coupon(20)), 80),
        pay(Source::Held(coupon(30), HoldNo::Instruction(3)), 70),
        pay(Source::Tool(stored()), 40),
        pay(Source::Held(stored(), HoldNo::Instruction(4)), 60),
        pay(Source::Tool(credit()), 15),
        pay(Source::Held(credit(), HoldNo::Instruction(6)), 60),
        pay(Source::Tool(points(CouponSource::Expense)), 20),
        pay(Source::Held(points(CouponSource::Budget(shop())), HoldNo::Instruction(5)), 30),
        pay(Source::Channel("sandbox".into()), 300),
        pay(Source::Earlier("other".into()), 100),
        pay(Source::Suspended("sandbox".into()), 50),
    ]
}

/// What a parent pays a child with: a share that took points, and one that took none.
fn shared() -> Vec<PayLeg> {
    vec![pay(Source::Parent { points: 70 }, 100), pay(Source::Parent { points: 0 }, 50)]
}

fn refund_lines() -> Vec<RefundLine> {
    vec![
        line(1, shop(), false, 10, bank()),
        line(2, shop(), true, 100, RefundTo::Balance(buyer())),
        line(3, shop(), true, 100, bank()),
        line(4, seller("s1"), true, 5, back_to_coupon(false, 7)),
        line(5, seller("s1"), false, 6, back_to_coupon(true, 7)),
        line(6, shop(), false, 8, RefundTo::Stored(user(), StoredKind::GIFT_CARD)),
        line(9, shop(), true, 90, RefundTo::Credit(user())),
        line(7, shop(), false, 3, back_to_points(70)),
        line(8, seller("s1"), true, 2, back_to_points(0)),
    ]
}

/// What tops up a balance.
fn on_balance() -> Vec<PayLeg> {
    vec![pay(Source::Channel("sandbox".into()), 100), pay(Source::Earlier("other".into()), 50)]
}

fn owed_by(owner: Owner) -> AccountKey {
    AccountKey { owner, subject: Subject::CREDIT, currency: cny() }
}

/// Repaid by a purse, or from outside.
fn repaid(source: Source, minor: i64) -> Verb {
    Verb::Pay { legs: vec![pay(source, minor)], receivers: vec![share(buyer(), minor)], onto: Onto::Debt }
}

/// A dispute of what waits in escrow, of what was released, and of what is on a balance.
fn disputed() -> Vec<DisputeLine> {
    let line = |line, receiver, from, minor, lost| DisputeLine { line, receiver, from, amount: amount(minor), lost };
    vec![
        line(1, shop(), LineSource::Escrow, 10, 10),
        line(2, shop(), LineSource::Receiver, 200, 170),
        line(3, buyer(), LineSource::Balance, 10, 0),
    ]
}

fn hold_dispute(owed: bool) -> Verb {
    Verb::HoldDispute { channel_account: "sandbox".into(), lines: disputed(), owed }
}

/// Of instruction 1.
fn payout(owner: Owner) -> Payout {
    Payout { hold: HoldNo::Instruction(1), owner, channel_account: "sandbox".into(), amount: amount(9), fee: 0 }
}

/// Lines of a refund of what was put on balances: another's, and the payer's own.
fn balance_lines(to: RefundTo) -> Vec<RefundLine> {
    let line =
        |no, receiver| RefundLine { line: no, receiver, from: LineSource::Balance, amount: amount(10), to: to.clone() };
    vec![line(7, shop()), line(8, buyer())]
}

#[test]
fn every_verb() {
    let nothing = Known::default();
    let way = Way { from: 0, to: 3 };
    let (ca, user) = ("sandbox".to_owned(), user());
    let has_150 = Known { available: BTreeMap::from([(pending(shop()), 150)]), ..Known::default() };
    let line = |no, leg| HoldKey { no: HoldNo::RefundLine(no), leg };
    let reserved = Known {
        left: BTreeMap::from([(line(2, 0), 100), (line(3, 0), 50), (line(3, 1), 50), (line(4, 1), 5)]),
        ..Known::default()
    };
    let aside = |no, leg| HoldKey { no: HoldNo::DisputeLine(no), leg };
    let set_aside = Known {
        left: BTreeMap::from([(aside(1, 0), 10), (aside(2, 0), 150), (aside(2, 2), 50), (aside(3, 1), 10)]),
        ..Known::default()
    };
    let both = vec![share(shop(), 900), share(seller("s1"), 100)];
    let cases = [
        ("some tools", table(Verb::HoldTools(tools()), &nothing)),
        ("the same", table(Verb::ReleaseTools(tools()), &nothing)),
        ("into escrow", table(Verb::Pay { legs: sources(), receivers: vec![], onto: Onto::Settlement }, &nothing)),
        (
            "to one receiver",
            table(
                Verb::Pay { legs: sources(), receivers: vec![share(shop(), 1000)], onto: Onto::Settlement },
                &nothing,
            ),
        ),
        (
            "onto a balance",
            table(
                Verb::Pay { legs: on_balance(), receivers: vec![share(buyer(), 150)], onto: Onto::Balance },
                &nothing,
            ),
        ),
        (
            "less owed",
            table(
                Verb::Pay { legs: on_balance(), receivers: vec![share(buyer(), 150)], onto: Onto::Debt },
                &Known { available: BTreeMap::from([(owed_by(buyer()), 70)]), ..Known::default() },
            ),
        ),
        (
            "to two receivers",
            table(Verb::Pay { legs: sources(), receivers: both.clone(), onto: Onto::Settlement }, &nothing),
        ),
        (
            "by a parent's payment",
            table(Verb::Pay { legs: shared(), receivers: vec![share(shop(), 150)], onto: Onto::Settlement }, &nothing),
        ),
        ("", table(Verb::Receive { channel_account: ca.clone(), money: money(9, "CNY") }, &nothing)),
        ("another currency", table(Verb::Suspend { channel_account: ca.clone(), money: money(9, "USD") }, &nothing)),
        ("", table(Verb::ReturnReceived { channel_account: ca.clone(), money: money(9, "CNY") }, &nothing)),
        ("", table(Verb::ReturnSuspended { channel_account: ca.clone(), money: money(9, "USD") }, &nothing)),
        (
            "",
            table(Verb::KeepReceived { channel_account: ca.clone(), owner: buyer(), money: money(9, "CNY") }, &nothing),
        ),
        (
            "",
            table(
                Verb::KeepSuspended { channel_account: ca.clone(), owner: buyer(), money: money(9, "USD") },
                &nothing,
            ),
        ),
        ("", table(Verb::Confirm(both), &nothing)),
        ("2003 has 150", table(Verb::ReserveRefund(refund_lines()), &has_150)),
        ("2003 has 150", table(Verb::Refund { lines: refund_lines(), reserved: false }, &has_150)),
        ("as reserved", table(Verb::Refund { lines: refund_lines(), reserved: true }, &reserved)),
        ("as reserved", table(Verb::ReleaseRefund(refund_lines()), &reserved)),
        ("of balances", table(Verb::ReserveRefund(balance_lines(bank())), &has_150)),
        ("of balances", table(Verb::Refund { lines: balance_lines(bank()), reserved: true }, &reserved)),
        ("of balances, kept", {
            let lines = balance_lines(RefundTo::Balance(buyer()));
            table(Verb::Refund { lines, reserved: true }, &reserved)
        }),
        ("", table(Verb::RefundReturned { channel_account: ca, money: money(9, "CNY") }, &nothing)),
        ("2003 has 150", table(hold_dispute(false), &has_150)),
        ("2003 has 150, the rest is owed", table(hold_dispute(true), &has_150)),
        ("of 150 and a debt", {
            let (channel_account, lines) = ("sandbox".to_owned(), disputed());
            table(Verb::ReleaseDispute { channel_account, lines }, &set_aside)
        }),
        ("of 150 and a debt, in part", {
            let (channel_account, lines) = ("sandbox".to_owned(), disputed());
            table(Verb::LoseDispute { channel_account, lines }, &set_aside)
        }),
        ("of a user", table(Verb::HoldPayout(payout(buyer())), &nothing)),
        ("of a merchant", table(Verb::PayOut(payout(shop())), &nothing)),
        ("of a user", table(Verb::ReleasePayout(payout(buyer())), &nothing)),
        ("to a merchant", table(Verb::ReturnPayout(payout(shop())), &nothing)),
        ("with a fee", table(Verb::HoldPayout(Payout { fee: 2, ..payout(buyer()) }), &nothing)),
        ("with a fee", table(Verb::PayOut(Payout { fee: 2, ..payout(buyer()) }), &nothing)),
        ("with a fee", table(Verb::ReturnPayout(Payout { fee: 2, ..payout(buyer()) }), &nothing)),
        (
            "of the platform",
            table(
                Verb::IssueCoupon { user: user.clone(), source: CouponSource::Expense, money: money(9, "CNY") },
                &nothing,
            ),
        ),
        (
            "of a merchant",
            table(
                Verb::ExpireCoupon { user: user.clone(), source: CouponSource::Budget(shop()), money: money(9, "CNY") },
                &nothing,
            ),
        ),
        (
            "of the platform",
            table(
                Verb::IssueGift { issuer: Owner::Platform, source: CouponSource::Expense, money: money(9, "CNY") },
                &nothing,
            ),
        ),
        (
            "of a merchant",
            table(
                Verb::ClaimGift {
                    issuer: shop(),
                    user: user.clone(),
                    kind: StoredKind::RED_PACKET,
                    money: money(9, "CNY"),
                    away: None,
                },
                &nothing,
            ),
        ),
        (
            "of the platform, from shard 0 to 3",
            table(
                Verb::ClaimGift {
                    issuer: Owner::Platform,
                    user: user.clone(),
                    kind: StoredKind::RED_PACKET,
                    money: money(9, "CNY"),
                    away: Some(way),
                },
                &nothing,
            ),
        ),
        (
            "of a merchant",
            table(
                Verb::ExpireGift { issuer: shop(), source: CouponSource::Budget(shop()), money: money(9, "CNY") },
                &nothing,
            ),
        ),
        ("to a user", table(Verb::GrantPoints { user: user.clone(), points: amount(500) }, &nothing)),
        ("of a user", table(Verb::ReversePoints { user: user.clone(), points: amount(200) }, &nothing)),
        ("of the platform", table(Verb::FundBudget { owner: Owner::Platform, money: money(9, "CNY") }, &nothing)),
        ("of a merchant", table(Verb::FundBudget { owner: shop(), money: money(9, "CNY") }, &nothing)),
        ("a user", table(Verb::Fund { owner: Owner::User(user), money: money(9, "CNY") }, &nothing)),
        ("a merchant", table(Verb::Fund { owner: shop(), money: money(9, "CNY") }, &nothing)),
        ("from shard 0 to 3, with a fee", table(Verb::SendTransfer { money: money(9, "CNY"), fee: 2, way }, &nothing)),
        (
            "from shard 0 to 3",
            table(Verb::Arrive { purse: Purse::Balance(shop()), money: money(9, "CNY"), way }, &nothing),
        ),
        (
            "from shard 0 to 3, stored",
            table(
                Verb::Arrive {
                    purse: Purse::Stored(UserId::parse("42").unwrap(), StoredKind::RED_PACKET),
                    money: money(9, "CNY"),
                    way,
                },
                &nothing,
            ),
        ),
        ("from shard 0 to 3", table(Verb::TurnBack { money: money(9, "CNY"), way }, &nothing)),
        (
            "from shard 3 to 0, with a fee",
            table(Verb::ReturnTransfer { payer: buyer(), money: money(9, "CNY"), fee: 2, way: way.back() }, &nothing),
        ),
    ];
    let text: String = cases.map(|(title, table)| format!("# {title}\n{table}\n")).concat();
    insta::assert_snapshot!(text);
}

#[test]
fn escrow_is_the_trades_merchants() {
    let of = |merchant: Option<MerchantId>, context: Option<Context>| {
        let verb = Verb::Confirm(vec![share(seller("s1"), 1)]);
        legs(&Post { merchant, context, ..posting(verb) }, &Known::default())[0].debit.owner.clone()
    };
    let context = posting(Verb::Confirm(vec![])).context;
    assert_eq!(of(Some(merchant()), None), shop());
    assert_eq!(of(None, context), shop());
    assert_eq!(of(None, None), Owner::Platform);
}

/// Books one verb, or says why not.
fn run(books: &mut Books, verb: Verb) -> Result<(), kernel::message::accounting::Refused> {
    let legs = legs(&posting(verb), books);
    books.book(&legs, 1).map(|_| ())
}

fn balance(books: &Books, owner: Owner, subject: Subject) -> i64 {
    books.available(&AccountKey { owner, subject, currency: cny() })
}

#[test]
fn a_coupon_held_is_spent_or_let_go_exactly() {
    for spent in [true, false] {
        let mut books = Books::default();
        run(&mut books, Verb::Fund { owner: shop(), money: money(1_000, "CNY") }).unwrap();
        run(&mut books, Verb::FundBudget { owner: shop(), money: money(1_000, "CNY") }).unwrap();
        let source = CouponSource::Budget(shop());
        run(&mut books, Verb::IssueCoupon { user: user(), source, money: money(100, "CNY") }).unwrap();
        let held = ToolHold { hold: HoldNo::Instruction(1), tool: coupon(20), amount: amount(80) };
        run(&mut books, Verb::HoldTools(vec![held.clone()])).unwrap();
        assert_eq!(balance(&books, Owner::User(user()), Subject::COUPONS), 0, "the whole face is held");
        let legs = vec![pay(Source::Held(coupon(20), HoldNo::Instruction(1)), 80)];
        let verb = match spent {
            true => Verb::Pay { legs, receivers: vec![share(shop(), 80)], onto: Onto::Settlement },
            false => Verb::ReleaseTools(vec![held]),
        };
        run(&mut books, verb).unwrap();
        assert!(books.holds.values().all(|hold| hold.left() == 0));
        let after = (
            balance(&books, Owner::User(user()), Subject::COUPONS),
            balance(&books, shop(), Subject::BUDGET),
            balance(&books, shop(), Subject::PENDING),
            balance(&books, shop(), Subject::ESCROW),
        );
        assert_eq!(after, if spent { (0, 920, 80, 0) } else { (100, 900, 0, 0) });
    }
}

fn in_points(books: &Books, owner: Owner, subject: Subject) -> i64 {
    books.available(&AccountKey { owner, subject, currency: Currency::POINTS })
}

#[test]
fn points_and_their_money_move_together_or_not_at_all() {
    let budget = || points(CouponSource::Budget(shop()));
    let held = |tool| ToolHold { hold: HoldNo::Instruction(1), tool, amount: amount(30) };
    for spent in [true, false] {
        let mut books = Books::default();
        run(&mut books, Verb::GrantPoints { user: user(), points: amount(700) }).unwrap();
        let before = books.clone();
        run(&mut books, Verb::HoldTools(vec![held(budget())])).unwrap_err();
        assert_eq!(books, before, "the budget is empty: the points stay where they are");
        run(&mut books, Verb::Fund { owner: shop(), money: money(40, "CNY") }).unwrap();
        run(&mut books, Verb::FundBudget { owner: shop(), money: money(40, "CNY") }).unwrap();
        run(&mut books, Verb::HoldTools(vec![held(budget())])).unwrap();
        assert_eq!(in_points(&books, buyer(), Subject::POINTS), 0);
        run(&mut books, Verb::ReversePoints { user: user(), points: amount(1) }).unwrap_err();
        let legs = vec![pay(Source::Held(budget(), HoldNo::Instruction(1)), 30)];
        let verb = match spent {
            true => Verb::Pay { legs, receivers: vec![share(shop(), 30)], onto: Onto::Settlement },
            false => Verb::ReleaseTools(vec![held(budget())]),
        };
        run(&mut books, verb).unwrap();
        let after = |books: &Books| {
            let redeemed = in_points(books, shop(), Subject::POINTS_REDEEMED);
            let (budget, pending) = (balance(books, shop(), Subject::BUDGET), balance(books, shop(), Subject::PENDING));
            (in_points(books, buyer(), Subject::POINTS), redeemed, budget, pending)
        };
        assert_eq!(after(&books), if spent { (0, 700, 10, 30) } else { (700, 0, 40, 0) });
        if spent {
            let back = |minor, points| vec![line(1, shop(), true, minor, back_to_points(points))];
            run(&mut books, Verb::ReserveRefund(back(20, 466))).unwrap();
            run(&mut books, Verb::Refund { lines: back(20, 466), reserved: true }).unwrap();
            assert_eq!(after(&books), (466, 234, 30, 10));
            let all = vec![line(2, shop(), true, 10, back_to_points(235))];
            run(&mut books, Verb::Refund { lines: all, reserved: false }).unwrap_err();
        }
        assert!(books.holds.values().all(|hold| hold.left() == 0));
    }
}

#[test]
fn credit_stays_within_its_limit_and_goes_back_to_the_debt_first() {
    let mut books = Books::default();
    run(&mut books, Verb::Fund { owner: buyer(), money: money(1_000, "CNY") }).unwrap();
    let spend = |minor: i64| Verb::Pay {
        legs: vec![pay(Source::Tool(credit()), minor)],
        receivers: vec![share(shop(), minor)],
        onto: Onto::Settlement,
    };
    let held = |minor| ToolHold { hold: HoldNo::Instruction(1), tool: credit(), amount: amount(minor) };
    run(&mut books, Verb::HoldTools(vec![held(200)])).unwrap();
    let before = books.clone();
    run(&mut books, spend(301)).unwrap_err();
    assert_eq!(books, before, "what is held counts");
    run(&mut books, spend(300)).unwrap();
    let repay = |minor| repaid(Source::Tool(InternalTool::Balance(buyer())), minor);
    run(&mut books, repay(301)).unwrap_err();
    run(&mut books, repay(220)).unwrap();
    let owed = |books: &Books| balance(books, buyer(), Subject::CREDIT);
    assert_eq!((owed(&books), balance(&books, buyer(), Subject::USER_BALANCE)), (80, 780));
    let lines =
        vec![line(1, shop(), true, 90, RefundTo::Credit(user())), line(2, shop(), true, 30, RefundTo::Credit(user()))];
    run(&mut books, Verb::ReserveRefund(lines.clone())).unwrap();
    assert_eq!(owed(&books), 0, "what goes back is set aside of the debt");
    run(&mut books, repay(1)).unwrap_err();
    run(&mut books, Verb::Refund { lines, reserved: true }).unwrap();
    assert_eq!((owed(&books), balance(&books, buyer(), Subject::USER_BALANCE)), (0, 780 + 40));
    run(&mut books, Verb::ReleaseTools(vec![held(200)])).unwrap();
    assert!(books.holds.values().all(|hold| hold.left() == 0));
    run(&mut books, spend(500)).unwrap();
    run(&mut books, spend(1)).unwrap_err();
}

#[test]
fn a_reserved_refund_takes_pending_first_and_can_go_another_way() {
    let mut books = Books::default();
    run(&mut books, Verb::Fund { owner: shop(), money: money(70, "CNY") }).unwrap();
    let legs = vec![pay(Source::Channel("sandbox".into()), 100)];
    run(&mut books, Verb::Pay { legs, receivers: vec![share(shop(), 100)], onto: Onto::Settlement }).unwrap();

    let too_much = vec![line(1, shop(), true, 90, bank()), line(2, shop(), true, 90, bank())];
    let before = books.clone();
    run(&mut books, Verb::ReserveRefund(too_much)).unwrap_err();
    assert_eq!(books, before);

    let lines = vec![line(1, shop(), true, 60, bank()), line(2, shop(), true, 90, bank())];
    run(&mut books, Verb::ReserveRefund(lines)).unwrap();
    assert_eq!(balance(&books, shop(), Subject::PENDING), 0);
    assert_eq!(balance(&books, shop(), Subject::MERCHANT_BALANCE), 20);

    run(&mut books, Verb::ReleaseRefund(vec![line(1, shop(), true, 60, bank())])).unwrap();
    assert_eq!(balance(&books, shop(), Subject::PENDING), 60);

    // The institution cannot: the buyer gets it as balance, though the hold was towards the institution.
    let lines = vec![line(2, shop(), true, 90, RefundTo::Balance(buyer()))];
    run(&mut books, Verb::Refund { lines, reserved: true }).unwrap();
    assert_eq!(balance(&books, Owner::User(user()), Subject::USER_BALANCE), 90);
    assert_eq!(balance(&books, shop(), Subject::MERCHANT_BALANCE), 20);
    let channel = Owner::Channel("sandbox".into());
    let refunds = AccountKey { owner: channel, subject: Subject::channel_refund("sandbox"), currency: cny() };
    let refunds = &books.accounts[&refunds.id(&books.salt)];
    assert_eq!((refunds.posted(), refunds.ch), (0, 0), "nothing is left on its way to the institution");
}

#[test]
fn what_comes_beyond_the_debt_is_the_users_balance() {
    let mut books = Books::default();
    run(&mut books, Verb::Fund { owner: buyer(), money: money(60, "CNY") }).unwrap();
    let spend = Verb::Pay {
        legs: vec![pay(Source::Tool(credit()), 100)],
        receivers: vec![share(shop(), 100)],
        onto: Onto::Settlement,
    };
    run(&mut books, spend).unwrap();
    let stands =
        |books: &Books| (balance(books, buyer(), Subject::CREDIT), balance(books, buyer(), Subject::USER_BALANCE));
    let own = || Source::Tool(InternalTool::Balance(buyer()));
    run(&mut books, repaid(Source::Channel("sandbox".into()), 70)).unwrap();
    assert_eq!(stands(&books), (30, 60));
    run(&mut books, repaid(own(), 31)).unwrap_err();
    let hold = ToolHold { hold: HoldNo::Instruction(7), tool: InternalTool::Balance(buyer()), amount: amount(20) };
    run(&mut books, Verb::HoldTools(vec![hold])).unwrap();
    // Beside each other, and each no more than is still owed.
    let legs = vec![
        pay(Source::Held(InternalTool::Balance(buyer()), HoldNo::Instruction(7)), 20),
        pay(Source::Channel("sandbox".into()), 50),
    ];
    let both = Verb::Pay { legs, receivers: vec![share(buyer(), 70)], onto: Onto::Debt };
    run(&mut books, both).unwrap();
    assert_eq!(stands(&books), (0, 40 + 40));
    run(&mut books, repaid(Source::Channel("sandbox".into()), 5)).unwrap();
    assert_eq!(stands(&books), (0, 85));
    run(&mut books, repaid(own(), 1)).unwrap_err();
}
