//! Draws a rule book that loads: conditions and what they say, put together at random.

use std::fmt::Write as _;

use crate::rng::Rng;

/// Most rules of each kind.
const MOST: u64 = 4;

/// A book for all trades; every rule of it has a condition. `later` is drawn from for what was added last, so that the rest
/// of a seed's book stays as it was.
pub(super) fn draw(rng: &Rng, later: &Rng) -> String {
    let mut book = "book = \"drawn\"\nabout = \"What this world goes by.\"\n".to_owned();
    for number in 0..rng.below(MOST) {
        rule(&mut book, &format!("trade-{number}"), &of_trades(rng), &terms(rng));
    }
    for number in 0..=rng.below(MOST) {
        rule(&mut book, &format!("payment-{number}"), &of_payments(rng), &plans(rng));
    }
    for number in 0..rng.below(3) {
        rule(&mut book, &format!("velocity-{number}"), &of_payments(rng), &velocity(rng));
    }
    if later.chance(60) {
        rule(&mut book, "refused-refunds", &of_payments(later), "refund_failed = \"balance\"");
    }
    if later.chance(40) {
        rule(&mut book, "risk", &of_payments(later), &ask_risk(later));
    }
    if later.chance(20) {
        rule(&mut book, "without-risk", "\"risk\" in switches", "limit = { currency = \"CNY\", max = 300 }");
    }
    book
}

/// The outside risk service is asked.
fn ask_risk(rng: &Rng) -> String {
    let unsaid = || match rng.below(3) {
        0 => "\"pass\"".to_owned(),
        1 => "\"refuse\"".to_owned(),
        _ => format!("{{ pass_below = {}, currency = \"CNY\" }}", rng.between(20, 300)),
    };
    let (no_answer, degraded) = (unsaid(), unsaid());
    format!("ask_risk = {{ no_answer = {no_answer}, degraded = {degraded} }}")
}

/// A limit within a time that some meet.
fn velocity(rng: &Rng) -> String {
    let by = rng.pick(&["user", "merchant", "device", "card_fingerprint"]).copied().unwrap_or("user");
    let window = rng.pick(&["1m", "7m", "1h", "day"]).copied().unwrap_or("day");
    let tool = rng.pick(&["", ", tool = \"balance\"", ", tool = \"channel\""]).copied().unwrap_or_default();
    let bound = match rng.chance(50) {
        true => format!("count = {}", rng.between(1, 5)),
        false => format!("currency = \"CNY\", sum = {}", rng.between(200, 2_000)),
    };
    format!("velocity = {{ by = \"{by}\", window = \"{window}\", {bound}{tool} }}")
}

fn rule(book: &mut String, name: &str, when: &str, says: &str) {
    // A text takes whatever is written to it.
    let _ = write!(book, "\n[[rule]]\nname = \"{name}\"\nwhen = '{when}'\n{says}\n");
}

fn of_trades(rng: &Rng) -> String {
    let amount = rng.between(1, 400);
    match rng.below(4) {
        0 => format!("trade.amount > {amount}"),
        1 => format!("trade.amount % {amount} == 0 || trade.receivers > 1"),
        2 => "trade.order_type == \"escrow\"".to_owned(),
        _ => format!("trade.currency == \"CNY\" && !(trade.amount in [1, {amount}])"),
    }
}

fn of_payments(rng: &Rng) -> String {
    let number = rng.between(1, 4);
    match rng.below(8) {
        0 => "\"channel\" in tools.names && \"coupon\" in tools.names".to_owned(),
        1 => format!("(tools.coupon + tools.stored) * {number} > payment.amount"),
        2 => format!("payment.attempt > {number}"),
        3 => format!("tools.count > {number}"),
        4 => format!("(tools.channels > 0 ? tools.channel : tools.balance) > {}", number * 60),
        5 => of_trades(rng),
        6 => format!("tools.payout > {}", number * 60),
        _ => "tools.count > 0".to_owned(),
    }
}

fn terms(rng: &Rng) -> String {
    match rng.below(4) {
        0 => "late_success = \"reopen\"".to_owned(),
        1 => format!("confirm_after = \"{}m\"", rng.between(2, 300)),
        2 => format!("fee = {{ bp = {}, currency = \"CNY\", min = {} }}", rng.between(1, 900), rng.between(1, 30)),
        _ => format!("fee = {{ bp = {} }}", rng.between(1, 900)),
    }
}

fn plans(rng: &Rng) -> String {
    let kinds = ["balance", "coupon", "stored", "channel", "payout"];
    let first = rng.pick(&kinds).copied().unwrap_or("channel");
    let second = rng.pick(&kinds).copied().filter(|kind| *kind != first).unwrap_or("channel:card");
    match rng.below(8) {
        0 => "refuse = \"not in this world\"".to_owned(),
        1 => format!("combine = [[\"{first}\", \"{second}\"], [\"balance\", \"channel\"], [\"payout\"]]"),
        2 => format!("limit = {{ tool = \"{first}\", currency = \"CNY\", max = {} }}", rng.between(50, 400)),
        3 => format!("order_life = \"{}s\"", rng.between(10, 600)),
        4 => format!("refund_order = [\"{first}\", \"{second}\"]"),
        _ => format!("order = [\"{first}\", \"{second}\"]"),
    }
}
