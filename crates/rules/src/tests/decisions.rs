//! What books say.

use kernel::message::risk::{Signals, Switch};
use kernel::message::rules::{AskRisk, PaymentTerms, PointsWorth, RefundFailed, RuleRefusal, TradeTerms, Unsaid};
use kernel::message::trade::{LateSuccess, UnpaidDue};
use kernel::time::{DAY_US, HOUR_US, MINUTE_US};

use kernel::{Amount, Currency, Money, OrderType};

use super::world::*;
use crate::{BUILT_IN, Facts, Name, RuleBook};

fn sale() -> Sale {
    Sale::new(OrderType::Escrow, "shop.checkout", vec![channel("card", 300), coupon(100), balance(600)])
}

/// The rule and the place that refuse a sale.
fn refused(rules: &str, sale: &Sale) -> Option<(String, Option<usize>)> {
    let refusal: Option<RuleRefusal> = book(rules).payment_terms(2, &sale.facts()).err();
    refusal.map(|refusal| (format!("{}: {}", refusal.rule, refusal.why), refusal.place))
}

#[test]
fn the_built_in_book_says_what_the_platform_does_by_itself() {
    let book = RuleBook::load(BUILT_IN).unwrap();
    assert_eq!(book.trade_terms(&sale().opened()), TradeTerms::default());
    assert_eq!(book.payment_terms(1, &sale().facts()), Ok(PaymentTerms::default()));
}

#[test]
fn every_name_has_its_value() {
    let tools = vec![channel("card", 300), coupon(100), balance(400), gift_card(200)];
    let mut sale = Sale::new(OrderType::Escrow, "shop.checkout", tools);
    sale.switches = [Switch::Risk].into();
    sale.signals = Signals {
        device: Some("d-1".to_owned()),
        ip: "192.0.2.7".parse().ok(),
        card_fingerprint: Some("f-1".to_owned()),
    };
    let expected = [
        "trade.order_type == \"escrow\"",
        "trade.sub_type == \"shop.checkout\"",
        "trade.amount == 1000",
        "trade.currency == \"CNY\"",
        "trade.receivers == 1",
        "trade.dues == 1",
        "merchant.id.startsWith(\"mch_\")",
        "payer.owner == \"user:42\"",
        "payment.amount == 1000",
        "payment.attempt == 1",
        "payment.due == 1",
        "tools.count == 4",
        "\"coupon\" in tools.names && \"channel\" in tools.names && !(\"points\" in tools.names)",
        "\"card\" in tools.methods && !(\"coupon\" in tools.methods)",
        "\"gift_card\" in tools.stored_kinds && !(\"red_packet\" in tools.stored_kinds)",
        "tools.balance == 400",
        "tools.coupon == 100",
        "tools.stored == 200",
        "tools.points == 0",
        "tools.credit == 0",
        "tools.channel == 300",
        "tools.payout == 0",
        "tools.coupons == 1",
        "tools.channels == 1",
        "risk.device == \"d-1\"",
        "risk.ip == \"192.0.2.7\" && risk.ip.startsWith(\"192.\")",
        "risk.card_fingerprint == \"f-1\"",
        "\"risk\" in switches && !(\"marketing\" in switches)",
        "time.hour == 6",
        "time.weekday == 2",
        "time.date == 20261201",
    ];
    for (name, condition) in Name::ALL.into_iter().zip(expected) {
        assert!(condition.contains(name.as_str()), "{condition} is about {}", name.as_str());
        assert!(holds(condition, &sale), "{condition}");
        assert!(!holds(&format!("!({condition})"), &sale), "{condition}");
    }
}

#[test]
fn points_are_worth_what_the_first_rule_says() {
    let worth = |rules: &str, sale: &Sale| book(rules).payment_terms(2, &sale.facts()).unwrap().points;
    let rules = "[[rule]]\nname = \"members\"\nwhen = 'tools.points > 500'\n\
                 points = { currency = \"CNY\", points = 90, amount = 100 }\n\
                 [[rule]]\nname = \"all\"\npoints = { currency = \"CNY\", points = 100, amount = 1, budget = true }\n";
    let mut sale = Sale::new(OrderType::Instant, "shop.checkout", vec![points(500), balance(10)]);
    assert_eq!(worth(rules, &sale), Some(PointsWorth { points: 100, minor: 1, budget: true }));
    sale.tools = vec![points(501)];
    assert_eq!(worth(rules, &sale), Some(PointsWorth { points: 90, minor: 100, budget: false }));
    sale.currency = "JPY";
    assert_eq!(worth(rules, &sale), None, "in another currency they are worth nothing");
    sale.currency = "CNY";
    assert_eq!(worth("[[rule]]\nname = \"r\"\norder = [\"points\"]\n", &sale), None, "nor where no rule says so");
    let said = book(rules).explain(&sale.facts()).payment;
    let words: Vec<_> = said.iter().map(|said| (said.key, said.words.as_str())).collect();
    assert_eq!(words, [("points", "90 points pay 100 minor units of CNY, out of marketing expense")]);
    assert!(holds("tools.points == 501 && \"points\" in tools.names", &sale));
}

#[test]
fn a_payout_has_a_name_of_its_own() {
    let payout = Sale::new(OrderType::Payout, "wallet.payout", vec![payout(700)]);
    for condition in [
        "trade.order_type == \"payout\" && tools.payout == 700 && tools.balance == 0 && tools.channel == 0",
        "\"payout\" in tools.names && !(\"bank_account\" in tools.methods)",
    ] {
        assert!(holds(condition, &payout), "{condition}");
    }
    let refuses = |rule: &str| refused(&format!("[[rule]]\nname = \"r\"\n{rule}\n"), &payout).is_some();
    assert!(refuses("tools = [\"balance\", \"channel\", \"channel:bank_account\"]"));
    assert!(!refuses("tools = [\"payout\"]"));
    assert!(refuses("limit = { tool = \"payout\", currency = \"CNY\", max = 699 }"));
    assert!(!refuses("limit = { tool = \"payout\", currency = \"CNY\", max = 700 }"));
}

#[test]
fn what_the_platform_keeps() {
    let fee = |says: &str, order_type, minor| {
        let book = book(&format!("[[rule]]\nname = \"r\"\nfee = {{ {says} }}\n"));
        book.trade_terms(&Sale::new(order_type, "general", vec![balance(minor)]).opened()).fee
    };
    for order_type in [OrderType::Topup, OrderType::Transfer, OrderType::Payout] {
        assert_eq!(fee("bp = 10", order_type, 100_000), 100);
    }
    for order_type in [OrderType::Instant, OrderType::Escrow, OrderType::Repayment] {
        assert_eq!(fee("bp = 10", order_type, 100_000), 0, "sales and repayments have none");
    }
    let payout = |says: &str, minor| fee(says, OrderType::Payout, minor);
    assert_eq!(
        (payout("bp = 50", 99), payout("bp = 50", 100), payout("bp = 50", 299), payout("bp = 50", 300)),
        (0, 1, 1, 2)
    );
    assert_eq!(payout("bp = 10000", 1_000_000_000_000_000), 1_000_000_000_000_000);
    assert_eq!(payout("bp = 10, fixed = 5, currency = \"CNY\"", 1_000), 6);
    let bounded = "bp = 100, min = 10, max = 20, currency = \"CNY\"";
    assert_eq!((payout(bounded, 900), payout(bounded, 1_500), payout(bounded, 2_100)), (10, 15, 20));
    assert_eq!(payout("fixed = 7, currency = \"USD\"", 900), 0, "of another currency");
}

/// The first that holds and is in the trade's currency.
#[test]
fn one_fee_counts() {
    let book = book(
        "[[rule]]\nname = \"dollars\"\nfee = { fixed = 1, currency = \"USD\" }\n\
         [[rule]]\nname = \"large\"\nwhen = 'trade.amount > 500'\nfee = { fixed = 2, currency = \"CNY\" }\n\
         [[rule]]\nname = \"else\"\nfee = { bp = 100 }\n",
    );
    let payout = |currency, minor| {
        let sale = Sale { currency, ..Sale::new(OrderType::Payout, "general", vec![payout(minor)]) };
        let said = book.explain(&sale.facts()).trade;
        (book.trade_terms(&sale.opened()).fee, said.into_iter().map(|said| said.words).collect::<Vec<_>>())
    };
    assert_eq!(
        payout("USD", 900),
        (
            1,
            vec![
                "the platform keeps 0.00 % of the amount and 1, from 0 to 1000000000000000 minor units of USD"
                    .to_owned()
            ]
        )
    );
    assert_eq!(payout("CNY", 900).0, 2);
    assert_eq!(payout("CNY", 300), (3, vec!["the platform keeps 1.00 % of the amount".to_owned()]));
    assert_eq!(payout("EUR", 900).0, 9);
}

#[test]
fn what_a_presale_says() {
    let presale = |amount, due, tools| {
        let sale = Sale { dues: (2, due), ..Sale::new(OrderType::Escrow, "presale.tea", tools) };
        let book = RuleBook::load(crate::sample("presale").unwrap()).unwrap();
        assert_eq!(book.trade_terms(&sale.opened()).unpaid_due, UnpaidDue::Forfeit);
        let money = Money { amount: Amount::new(amount).unwrap(), ..sale.opened().money };
        book.payment_terms(2, &Facts { money, ..sale.facts() }).err().map(|refusal| refusal.rule)
    };
    assert_eq!(presale(1_000, 1, vec![channel("card", 200)]), None);
    let large = presale(1_000, 1, vec![channel("card", 201)]);
    assert_eq!(large.as_deref(), Some("a-deposit-is-a-fifth-at-most"));
    let by_coupon = presale(1_000, 1, vec![coupon(50), channel("card", 150)]);
    assert_eq!(by_coupon.as_deref(), Some("coupons-count-towards-the-balance"));
    assert_eq!(presale(1_000, 2, vec![coupon(50), channel("card", 750)]), None);
}

#[test]
fn operators() {
    let sale = sale();
    for condition in [
        "1 + 2 * 3 == 7 && 7 - 10 == -3 && -7 / 2 == -3 && -7 % 3 == -1",
        "1 < 2 && 2 <= 2 && 3 > 2 && 2 >= 2 && 1 != 2 && !(1 == 2)",
        "(tools.count > 5 ? 1 : 2) == 2 && (true ? \"a\" : \"b\") == \"a\" && (false ? false : true)",
        "trade.amount in [1, 1000] && trade.currency in [\"CNY\", \"USD\"] && !(3 in [1, 2])",
        "\"shop.checkout\".startsWith(\"shop\") && \"abc\".endsWith(\"bc\") && \"abc\".contains(\"b\")",
        "(tools.count > 1) == true && (1 > 2) != true && (true || false) && !(true && false)",
        "-tools.count < 0 && -(-3) == 3",
    ] {
        assert!(holds(condition, &sale), "{condition}");
    }
}

#[test]
fn definitions_stand_for_what_they_define() {
    let rules = "[define]\nmany = 'half < tools.coupon'\nhalf = 'payment.amount / 2'\n\
                 [[rule]]\nname = \"r\"\nwhen = 'many && !many || many'\nrefuse = \"too much\"\n";
    let rich = Sale::new(OrderType::Instant, "general", vec![coupon(501), balance(499)]);
    assert_eq!(refused(rules, &rich), Some(("r: too much".to_owned(), None)));
    assert_eq!(refused(rules, &sale()), None);
}

#[test]
fn the_first_rule_that_holds_counts() {
    let book = book(
        "[[rule]]\nname = \"night\"\nwhen = 'time.hour < 6'\nexpires_after = \"10m\"\n\
         [[rule]]\nname = \"large\"\nwhen = 'trade.amount >= 1000'\nexpires_after = \"1h\"\nlate_success = \"reopen\"\n\
         [[rule]]\nname = \"else\"\nexpires_after = \"3h\"\nconfirm_after = \"10d\"\n",
    );
    let terms = book.trade_terms(&sale().opened());
    let late_success = LateSuccess::Reopen;
    assert_eq!(
        terms,
        TradeTerms { life_us: HOUR_US, confirm_us: Some(10 * DAY_US), late_success, ..TradeTerms::default() }
    );
    let small = Sale { tools: vec![balance(999)], ..sale() };
    assert_eq!(book.trade_terms(&small.opened()).life_us, 3 * HOUR_US);
    assert_eq!(book.trade_terms(&small.opened()).late_success, LateSuccess::Refund);
    assert_eq!(book.payment_terms(7, &small.facts()).unwrap().rule_version, 7);
}

#[test]
fn tools_that_may_pay() {
    let rules = "[[rule]]\nname = \"r\"\ntools = [\"balance\", \"channel:card\"]\n";
    let why = "r: only these may pay: balance, channel:card".to_owned();
    assert_eq!(refused(rules, &sale()), Some((why.clone(), Some(1))));
    assert_eq!(refused(rules, &Sale { tools: vec![balance(1), channel("card", 2)], ..sale() }), None);
    let boleto = Sale { tools: vec![balance(1), channel("boleto", 2)], ..sale() };
    assert_eq!(refused(rules, &boleto), Some((why, Some(1))));
}

#[test]
fn tools_that_may_pay_together() {
    let rules = "[[rule]]\nname = \"r\"\ncombine = [[\"balance\", \"coupon\"], [\"channel\"]]\n";
    let why = "r: only these may pay together: balance, coupon; or channel".to_owned();
    assert_eq!(refused(rules, &sale()), Some((why, None)));
    assert_eq!(refused(rules, &Sale { tools: vec![balance(1), coupon(2)], ..sale() }), None);
    assert_eq!(refused(rules, &Sale { tools: vec![channel("card", 2), channel("boleto", 1)], ..sale() }), None);
}

#[test]
fn the_order_of_tools() {
    let order = |order: &str, tools| {
        let sale = Sale { tools, ..sale() };
        book(&format!("[[rule]]\nname = \"r\"\norder = {order}\n")).payment_terms(2, &sale.facts()).unwrap().order
    };
    let tools = || sale().tools;
    assert_eq!(order("[\"coupon\", \"balance\", \"channel\"]", tools()), [1, 2, 0]);
    assert_eq!(order("[\"balance\"]", tools()), [2, 0, 1], "what is not named comes last, as it came");
    assert_eq!(order("[\"channel\", \"coupon\", \"balance\"]", tools()), [0; 0], "it is the client's own");
    let cards = vec![channel("boleto", 1), channel("card", 2), channel("boleto", 3)];
    assert_eq!(order("[\"channel:card\", \"channel\"]", cards), [1, 0, 2]);
}

#[test]
fn the_order_of_refunds() {
    let ranks = |says: &str, tools| {
        let sale = Sale { tools, ..sale() };
        book(&format!("[[rule]]\nname = \"r\"\n{says}\n")).payment_terms(2, &sale.facts()).unwrap().refund_ranks
    };
    let tools = || vec![channel("card", 2), coupon(1), channel("boleto", 1), balance(3)];
    assert_eq!(ranks("refund_order = [\"balance\", \"channel\"]", tools()), [1, 2, 1, 0]);
    assert_eq!(ranks("refund_order = [\"channel:card\", \"coupon\"]", tools()), [0, 1, 2, 2]);
    assert_eq!(ranks("order = [\"coupon\"]", tools()), [0; 0], "all give alike");
}

#[test]
fn what_becomes_of_a_refund_that_is_refused() {
    let failed = |rules: &str| book(rules).payment_terms(2, &sale().facts()).unwrap().refund_failed;
    let small = "[[rule]]\nname = \"small\"\nwhen = 'payment.amount < 1000'\nrefund_failed = \"case\"\n";
    let all = "[[rule]]\nname = \"all\"\nrefund_failed = \"balance\"\n";
    assert_eq!(failed(small), RefundFailed::Case, "people decide where no rule says anything");
    assert_eq!(failed(&format!("{small}{all}")), RefundFailed::Balance);
    let large = small.replace("< 1000", ">= 1000");
    assert_eq!(failed(&format!("{large}{all}")), RefundFailed::Case, "the first that holds says it");
}

#[test]
fn when_the_risk_service_is_asked() {
    let asks = |ask: &str, sale: &Sale| {
        let rules = format!("[[rule]]\nname = \"r\"\nwhen = 'payment.amount > 500'\nask_risk = {{ {ask} }}\n");
        book(&rules).payment_terms(2, &sale.facts()).unwrap().ask_risk
    };
    let both = |no_answer, degraded| Some(AskRisk { no_answer, degraded });
    assert_eq!(asks("no_answer = \"pass\"", &sale()), both(Unsaid::Pass, Unsaid::Pass));
    assert_eq!(asks("no_answer = \"refuse\"", &Sale { tools: vec![balance(500)], ..sale() }), None);
    let below = Unsaid::PassBelow(Currency::parse("CNY").unwrap(), 20_000);
    let ask = "no_answer = { pass_below = 20_000, currency = \"CNY\" }, degraded = \"refuse\"";
    assert_eq!(asks(ask, &sale()), both(below, Unsaid::Refuse));
    let of = |currency: &str, minor| Money {
        amount: Amount::new(minor).unwrap(),
        currency: Currency::parse(currency).unwrap(),
    };
    assert!(below.lets_pass(of("CNY", 19_999)) && !below.lets_pass(of("CNY", 20_000)));
    assert!(!below.lets_pass(of("USD", 1)), "nobody has said what that is worth");
    assert!(Unsaid::Pass.lets_pass(of("USD", 1)) && !Unsaid::Refuse.lets_pass(of("USD", 1)));
}

#[test]
fn what_is_switched_off_may_change_what_holds() {
    let rules = "[[rule]]\nname = \"r\"\nwhen = '\"risk\" in switches'\nlimit = { currency = \"CNY\", max = 999 }\n";
    assert_eq!(refused(rules, &sale()), None);
    assert!(refused(rules, &Sale { switches: [Switch::Risk].into(), ..sale() }).is_some());
    assert_eq!(refused(rules, &Sale { switches: [Switch::Marketing].into(), ..sale() }), None);
}

#[test]
fn limits_hold_in_their_currency_and_only_for_what_is_used() {
    let limit = |limit: &str, sale: &Sale| {
        refused(&format!("[[rule]]\nname = \"r\"\nlimit = {{ {limit} }}\n"), sale).map(|(_, place)| place)
    };
    assert_eq!(limit("currency = \"CNY\", max = 999", &sale()), Some(None));
    assert_eq!(limit("currency = \"CNY\", max = 1000, min = 1000", &sale()), None);
    assert_eq!(limit("currency = \"CNY\", min = 1001", &sale()), Some(None));
    assert_eq!(limit("currency = \"USD\", max = 1", &sale()), None);
    assert_eq!(limit("tool = \"coupon\", currency = \"CNY\", max = 99", &sale()), Some(Some(1)));
    assert_eq!(limit("tool = \"channel:card\", currency = \"CNY\", min = 301", &sale()), Some(Some(0)));
    assert_eq!(limit("tool = \"channel:boleto\", currency = \"CNY\", min = 301", &sale()), None, "it is not used");
    let cards = Sale { tools: vec![balance(1), channel("card", 60), channel("card", 60)], ..sale() };
    assert_eq!(limit("tool = \"channel\", currency = \"CNY\", max = 119", &cards), Some(Some(1)), "together");
    let two = "[[rule]]\nname = \"a\"\nlimit = { currency = \"CNY\", max = 5000 }\n\
               [[rule]]\nname = \"b\"\nlimit = { currency = \"CNY\", max = 500 }\n";
    let why = "b: a payment lies between 0 and 500 minor units of CNY".to_owned();
    assert_eq!(refused(two, &sale()), Some((why, None)), "every limit counts");
}

#[test]
fn the_life_of_orders() {
    let book = book("[[rule]]\nname = \"r\"\nwhen = 'tools.channels > 0'\norder_life = \"15m\"\n");
    assert_eq!(book.payment_terms(2, &sale().facts()).unwrap().order_life_us, Some(15 * MINUTE_US));
    let own = Sale { tools: vec![balance(1)], ..sale() };
    assert_eq!(book.payment_terms(2, &own.facts()).unwrap().order_life_us, None);
}

#[test]
fn in_words() {
    let book = book(
        "[[rule]]\nname = \"short\"\nexpires_after = \"30m\"\nlate_success = \"reopen\"\nunpaid_due = \"forfeit\"\nconfirm_after = \"10d\"\n\
         [[rule]]\nname = \"cards-first\"\nwhen = '\"card\" in tools.methods'\norder = [\"channel:card\", \"balance\"]\n\
         order_life = \"15m\"\nrefund_failed = \"balance\"\nask_risk = { no_answer = \"refuse\", degraded = { pass_below = 5000, currency = \"CNY\" } }\ntools = [\"balance\", \"channel\", \"coupon\"]\n\
         [[rule]]\nname = \"never\"\nwhen = 'tools.count > 9'\nrefuse = \"too many\"\n\
         [[rule]]\nname = \"later\"\norder = [\"coupon\"]\ncombine = [[\"balance\", \"coupon\", \"channel\"]]\n\
         limit = { tool = \"coupon\", currency = \"CNY\", max = 100 }\n",
    );
    let explanation = book.explain(&sale().facts());
    let lines = explanation.trade.iter().chain(&explanation.payment).map(|said| {
        let when = said.when.as_deref().unwrap_or("always");
        format!("{} [{when}] {}: {}", said.rule, said.key, said.words)
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}
