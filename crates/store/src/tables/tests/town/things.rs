//! What there is in town before anything happens: the order, coupons, gifts, a credit line, and with what is paid.

use super::*;

pub(super) fn order(script: &Script) -> Create {
    let seller = |n: usize| Owner::Seller(merchant(), format!("s{n}"));
    let share = |(n, minor)| Share { receiver: seller(n), amount: amount(minor) };
    let splits: &[i64] = match script.receivers {
        0 => &[],
        1 => &[PRICE],
        2 => &[400, 600],
        _ => &[333, 333, 334],
    };
    let whose = |plain: bool| if plain { Owner::Merchant(merchant()) } else { Owner::User(buyer()) };
    let (payer, splits) = match script.order_type {
        OrderType::Instant | OrderType::Escrow => {
            (Owner::User(buyer()), splits.iter().copied().enumerate().map(share).collect())
        }
        OrderType::Topup | OrderType::Payout => (whose(script.plain), Vec::new()),
        OrderType::Repayment | OrderType::Combined => (Owner::User(buyer()), Vec::new()),
        OrderType::Transfer => {
            let payee = Share { receiver: whose(!script.plain), amount: amount(PRICE) };
            (whose(script.plain), vec![payee])
        }
    };
    let dues = dues(script);
    Create {
        id: TradeId(root(2)),
        context: Context {
            merchant: merchant(),
            order_type: script.order_type,
            sub_type: SubType::parse("shop.web").unwrap(),
        },
        merchant_order_id: "A1001".to_owned(),
        money: cny(PRICE),
        payer,
        subject: (!script.plain).then(|| "两件商品".to_owned()),
        expires_at: (!script.plain && dues.is_empty()).then(|| START.plus(3 * HOUR_US)),
        confirm_by: (script.order_type == OrderType::Escrow).then(|| START.plus(4 * HOUR_US)),
        return_url: (!script.plain).then(|| "https://shop.example/back".to_owned()),
        metadata: if script.plain { BTreeMap::new() } else { BTreeMap::from([("\"a".to_owned(), "b\n".to_owned())]) },
        splits,
        late_success: (dues.is_empty() && script.order_type != OrderType::Combined).then_some(script.late_success),
        unpaid_due: script.dues.filter(|_| !dues.is_empty()),
        dues,
        destination: (script.order_type == OrderType::Payout).then(|| destination(script.plain)),
        children: if script.order_type == OrderType::Combined { children() } else { Vec::new() },
        parent: (is_sale(script) && script.child).then(parent),
        pay: None,
    }
}

/// Whether it is a sale that is paid whole.
pub(super) fn is_sale(script: &Script) -> bool {
    matches!(script.order_type, OrderType::Instant | OrderType::Escrow) && dues(script).is_empty()
}

/// Two sales of other merchants, that sum to the price.
pub(super) fn children() -> Vec<Create> {
    let child = |no: u128, order_type, minor| {
        let script = Script {
            order_type,
            late_success: LateSuccess::Refund,
            receivers: 0,
            dues: None,
            child: true,
            funds: 0,
            plain: true,
            steps: Vec::new(),
        };
        let context = Context { merchant: MerchantId(root(60 + no)), order_type, sub_type: SubType::general() };
        Create {
            id: TradeId(root(70 + no)),
            context,
            money: cny(minor),
            splits: Vec::new(),
            parent: Some(TradeId(root(2))),
            ..order(&script)
        }
    };
    vec![child(1, OrderType::Instant, 400), child(2, OrderType::Escrow, 600)]
}

/// The first at once, the second an hour later.
pub(super) fn dues(script: &Script) -> Vec<DueRequest> {
    let sale = matches!(script.order_type, OrderType::Instant | OrderType::Escrow);
    let due = |minor, after| DueRequest { amount: amount(minor), opens_at: Some(START.plus(after)), expires_at: None };
    if sale && script.dues.is_some() { vec![due(400, 0), due(PRICE - 400, HOUR_US)] } else { Vec::new() }
}

pub(super) fn destination(plain: bool) -> Destination {
    Destination {
        kind: DestinationType::BankAccount,
        channel_account: (!plain).then(|| "sandbox".to_owned()),
        account: "6222020200112233445".to_owned(),
        name: "张三 \"A\"".to_owned(),
        sandbox: (!plain).then(|| "payout_returned".to_owned()),
    }
}

pub(super) fn coupon(n: usize, face: i64, plain: bool) -> Coupon {
    Coupon {
        id: coupon_id(n),
        merchant: (n == 0).then(merchant),
        user: buyer(),
        money: cny(face),
        source: if n == 1 { CouponSource::Expense } else { CouponSource::Budget(Owner::Platform) },
        terms: if plain { CouponTerms::default() } else { terms(n) },
        status: CouponStatus::Usable,
        held_by: None,
        expires_at: (!plain).then(|| START.plus(2 * HOUR_US)),
        created_at: START,
    }
}

/// Terms that the town's trade keeps.
pub(super) fn terms(n: usize) -> CouponTerms {
    CouponTerms {
        min_spend: (n != 1).then(|| amount(PRICE)),
        percent: (n != 0).then_some(25),
        scenes: Scenes::parse(if n == 0 { "shop.web" } else { "shop.*" }),
        usable_from: (n == 2).then_some(START),
        alone: n == 2,
    }
}

/// The first is a card of the platform's, the second a packet of the merchant's.
pub(super) fn gift(n: u8, shares: u16, plain: bool) -> Gift {
    let card = n == 0;
    Gift {
        id: gift_id(n),
        merchant: (!card).then(merchant),
        kind: if card { StoredKind::GIFT_CARD } else { StoredKind::RED_PACKET },
        money: cny(300),
        source: if card { CouponSource::Expense } else { CouponSource::Budget(Owner::Merchant(merchant())) },
        shares,
        split: if card { Split::Equal } else { Split::Lucky },
        code_hash: (card && !plain).then_some([7; 32]),
        claims: Vec::new(),
        expires_at: (!plain).then(|| START.plus(2 * HOUR_US)),
        expired: false,
        created_at: START,
    }
}

/// Of little more than one part takes; frozen and without bills in a plain town.
pub(super) fn line(plain: bool) -> CreditLine {
    let (id, user, currency) = (CreditLineId(root(400)), buyer(), cny(1).currency);
    let [_, last] = bills();
    let billing = Billing {
        terms: BillTerms { day: 17, due_days: 20 },
        next_at: START.plus(DAY_US),
        last: last.id.no,
        up_to: last.up_to,
        paid: 1,
        oldest: Some(Oldest::from(&last)),
    };
    let billing = (!plain).then_some(billing);
    CreditLine { id, user, currency, limit: 150, frozen: plain, billing, created_at: START }
}

/// The bills of such a line: one that was paid late, and one to be paid.
pub(super) fn bills() -> [Bill; 2] {
    let (line, days) = (CreditLineId(root(400)), |days: i64| START.plus(days * DAY_US));
    let paid = Bill {
        id: BillId::new(line, 1),
        from: 0,
        up_to: 70,
        issued_at: days(-50),
        due_at: days(-30),
        overdue_at: Some(days(-30)),
        paid_at: Some(days(-29)),
    };
    let (id, issued_at, due_at) = (BillId::new(line, 2), days(-20), START.plus(2 * HOUR_US));
    [paid, Bill { id, from: 70, up_to: 90, issued_at, due_at, overdue_at: None, paid_at: None }]
}

/// More than the trade takes.
pub(super) fn grant(plain: bool) -> PointsGrant {
    PointsGrant {
        id: PointsGrantId(root(300)),
        user: buyer(),
        points: amount(700),
        reference: (!plain).then(|| "签到-17".to_owned()),
        reversed: 0,
        created_at: START,
    }
}

/// Every tool takes 100, the last one the rest.
pub(super) fn tools(parts: &[Part], due: i64) -> Vec<ToolRequest> {
    let count = parts.len() as i64;
    let tool = |part: &Part| match part {
        Part::Balance => Tool::Balance,
        Part::Coupon(n) => Tool::Coupon(coupon_id(*n)),
        Part::Stored => Tool::Stored(StoredKind::GIFT_CARD),
        Part::Points => Tool::Points,
        Part::Credit => Tool::Credit,
        Part::Card => Tool::Channel { method: "card".to_owned(), sandbox: (count == 3).then(|| "pay_late".to_owned()) },
    };
    let minor = |place: i64| if place + 1 == count { due - 100 * (count - 1) } else { 100 };
    parts.iter().zip(0..).map(|(part, place)| ToolRequest { tool: tool(part), amount: amount(minor(place)) }).collect()
}
