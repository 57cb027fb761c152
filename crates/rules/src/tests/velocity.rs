//! Velocity limits: which payments a rule counts, with whom, and up to what.

use kernel::OrderType;
use kernel::message::risk::{Signals, Window};
use kernel::time::{DAY_US, HOUR_US};

use super::world::*;
use crate::Counting;

fn sale() -> Sale {
    Sale::new(OrderType::Instant, "shop.checkout", vec![channel("card", 300), coupon(100), balance(600)])
}

fn counted(limit: &str, sale: &Sale) -> Vec<Counting> {
    let rules = format!("utc_offset = \"+08:00\"\n[[rule]]\nname = \"r\"\nvelocity = {{ {limit} }}\n");
    book(&rules).velocity(7, &sale.facts())
}

#[track_caller]
fn one(limit: &str, sale: &Sale) -> Counting {
    let counted = counted(limit, sale);
    let [one] = counted.as_slice() else { panic!("one limit concerns it: {counted:?}") };
    one.clone()
}

#[test]
fn what_is_counted() {
    let all = one("by = \"user\", window = \"1d\", currency = \"CNY\", sum = 500, count = 20", &sale());
    assert_eq!((all.minor, all.sum, all.count, all.window), (1_000, Some(500), Some(20), Window::Last(DAY_US)));
    assert_eq!(all.refusal.why, "one user pays 20 times and 500 minor units of CNY at most within 1d");
    assert_eq!((all.refusal.rule.as_str(), all.refusal.rule_version, all.refusal.place), ("r", 7, None));
    let often = one("by = \"merchant\", window = \"day\", count = 3", &sale());
    assert_eq!((often.minor, often.window), (0, Window::Day(8 * HOUR_US)), "payments alone, on the book's day");
    assert_eq!(often.refusal.why, "one merchant pays 3 times at most on one day");
    let tool = one("by = \"user\", window = \"90m\", currency = \"CNY\", sum = 5, tool = \"balance\"", &sale());
    assert_eq!((tool.minor, tool.refusal.place), (600, Some(2)));
    assert_eq!(tool.refusal.why, "one user pays with balance 5 minor units of CNY at most within 90m");
    let in_cny = one("by = \"user\", window = \"1h\", currency = \"CNY\", count = 5", &sale());
    assert_eq!((in_cny.minor, in_cny.refusal.why.as_str()), (0, "one user pays 5 times in CNY at most within 1h"));
}

#[test]
fn whom_a_limit_does_not_concern() {
    let dollars = Sale { currency: "USD", ..sale() };
    assert_eq!(counted("by = \"user\", window = \"1d\", currency = \"CNY\", sum = 5", &dollars), []);
    assert_eq!(counted("by = \"user\", window = \"1d\", count = 5", &dollars).len(), 1);
    assert_eq!(counted("by = \"user\", window = \"1d\", count = 5, tool = \"stored\"", &sale()), []);
    assert_eq!(counted("by = \"device\", window = \"1d\", count = 5", &sale()), [], "it names no device");
    let shop = Sale { payer: kernel::Owner::Merchant(sale().context.merchant), ..sale() };
    assert_eq!(counted("by = \"user\", window = \"1d\", count = 5", &shop), [], "a merchant is no user");
    let rules = "[[rule]]\nname = \"r\"\nwhen = 'trade.amount > 1000'\n\
                 velocity = { by = \"user\", window = \"1d\", count = 5 }\n";
    assert_eq!(book(rules).velocity(2, &sale().facts()), []);
    let terms = book(rules).payment_terms(2, &sale().facts());
    assert!(terms.is_ok(), "nothing is refused before it is counted");
}

#[test]
fn what_is_counted_together() {
    let limit = "by = \"user\", window = \"1d\", currency = \"CNY\", sum = 500";
    let identity = |limit: &str, sale: &Sale| one(limit, sale).identity;
    let usual = identity(limit, &sale());
    let scene = Sale::new(OrderType::Escrow, "games", vec![balance(1)]);
    assert_eq!(identity(limit, &scene), usual, "whatever else it is");
    assert_eq!(identity(&limit.replace("500", "900"), &sale()), usual, "a bound that is drawn anew counts on");
    let other = Sale { payer: kernel::Owner::User(kernel::UserId::parse("43").unwrap()), ..sale() };
    let device =
        |name: &str| Sale { signals: Signals { device: Some(name.to_owned()), ..Signals::default() }, ..sale() };
    let by_device = limit.replace("\"user\"", "\"device\"");
    let mut all = vec![
        usual.clone(),
        identity(limit, &other),
        identity(&limit.replace("\"user\"", "\"merchant\""), &sale()),
        identity(&by_device, &device("a")),
        identity(&by_device, &device("b")),
        identity(&limit.replace("1d", "2d"), &sale()),
        identity(&limit.replace("1d", "day"), &sale()),
        identity(&format!("{limit}, tool = \"balance\""), &sale()),
        identity(&limit.replace("sum", "count"), &sale()),
    ];
    let distinct = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), distinct, "{all:#?}");
}
