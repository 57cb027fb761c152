//! What another book would have changed (试算): what was said of a trade or a payment beside what would be said of it.

use kernel::message::payment::{Tool, ToolRequest};
use kernel::message::rules::{PaymentTerms, PointsWorth, RuleRefusal, TradeTerms};
use kernel::message::trade::LateSuccess;

use crate::rule::asking;
use crate::{selector, span};

/// One thing that would be otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What: a key of a book, or `refused`.
    pub what: &'static str,
    /// What holds, in words; `None` where nothing was said.
    pub was: Option<String>,
    /// What would hold.
    pub would: Option<String>,
}

impl Change {
    fn of(what: &'static str, was: Option<String>, would: Option<String>) -> Option<Self> {
        (was != would).then_some(Self { what, was, would })
    }
}

/// What would be otherwise with a trade. What its request named itself is not asked of a book: `expiry_named` says that the
/// trade's expiry is such. Only where it is paid in several dues one of them can stay unpaid.
pub fn of_trade(was: &TradeTerms, would: &TradeTerms, expiry_named: bool, in_dues: bool) -> Vec<Change> {
    let late = |terms: &TradeTerms| match terms.late_success {
        LateSuccess::Refund => "refund".to_owned(),
        LateSuccess::Reopen => "reopen".to_owned(),
    };
    let life = |terms: &TradeTerms| Some(span::words(terms.life_us)).filter(|_| !expiry_named);
    let confirm = |terms: &TradeTerms| terms.confirm_us.map(span::words);
    let unpaid = |terms: &TradeTerms| in_dues.then(|| terms.unpaid_due.as_str().to_owned());
    let fee = |terms: &TradeTerms| (terms.fee > 0).then(|| format!("{} minor units", terms.fee));
    let changes = [
        Change::of("expires_after", life(was), life(would)),
        Change::of("confirm_after", confirm(was), confirm(would)),
        Change::of("late_success", Some(late(was)), Some(late(would))),
        Change::of("unpaid_due", unpaid(was), unpaid(would)),
        Change::of("fee", fee(was), fee(would)),
    ];
    changes.into_iter().flatten().collect()
}

/// What would be otherwise with a payment that was made, of tools in the order in which they were used.
pub fn of_payment(was: &PaymentTerms, would: &Result<PaymentTerms, RuleRefusal>, tools: &[ToolRequest]) -> Vec<Change> {
    let would = match would {
        Ok(terms) => terms,
        Err(RuleRefusal { rule, why, .. }) => {
            return vec![Change { what: "refused", was: None, would: Some(format!("rule `{rule}`: {why}")) }];
        }
    };
    let named = |places: &[usize]| {
        let names = places.iter().filter_map(|place| tools.get(*place));
        names.map(|request| selector::narrowest(&request.tool)).collect::<Vec<_>>().join(", ")
    };
    let as_used: Vec<usize> = (0..tools.len()).collect();
    let order = if would.order.is_empty() { &as_used } else { &would.order };
    let life = |terms: &PaymentTerms| terms.order_life_us.map(span::words);
    let by_points = tools.iter().any(|request| request.tool == Tool::Points);
    let worth = |terms: &PaymentTerms| terms.points.filter(|_| by_points).map(|worth| worth_words(&worth));
    let refunds = |terms: &PaymentTerms| {
        let mut places = as_used.clone();
        places.sort_by_key(|place| terms.refund_ranks.get(*place));
        let all_alike = terms.refund_ranks.iter().all(|rank| terms.refund_ranks.first() == Some(rank));
        (!all_alike).then(|| named(&places))
    };
    // Only what an institution gives back can be refused by one.
    let outside = tools.iter().any(|request| matches!(request.tool, Tool::Channel { .. }));
    let failed = |terms: &PaymentTerms| outside.then(|| terms.refund_failed.as_str().to_owned());
    let changes = [
        Change::of("order", Some(named(&as_used)), Some(named(order))),
        Change::of("order_life", life(was), life(would)),
        Change::of("refund_order", refunds(was), refunds(would)),
        Change::of("refund_failed", failed(was), failed(would)),
        Change::of("ask_risk", was.ask_risk.as_ref().map(asking), would.ask_risk.as_ref().map(asking)),
        Change::of("points", worth(was), worth(would)),
    ];
    changes.into_iter().flatten().collect()
}

/// What points would pay, and who would pay for them.
fn worth_words(worth: &PointsWorth) -> String {
    let payer = if worth.budget { "budget" } else { "expense" };
    format!("{} points for {}, {payer}", worth.points, worth.minor)
}

#[cfg(test)]
mod tests {
    use kernel::message::rules::{AskRisk, RefundFailed, Unsaid};
    use kernel::message::trade::UnpaidDue;
    use kernel::time::{DAY_US, MINUTE_US};

    use super::*;
    use crate::tests::world::{balance, channel, coupon, points};

    fn shown(changes: Vec<Change>) -> Vec<String> {
        let word = |side: Option<String>| side.unwrap_or_else(|| "-".to_owned());
        changes.into_iter().map(|it| format!("{}: {} -> {}", it.what, word(it.was), word(it.would))).collect()
    }

    #[test]
    fn of_a_trade_only_what_its_request_left_open() {
        let was = TradeTerms::default();
        let would = TradeTerms {
            life_us: 30 * MINUTE_US,
            confirm_us: Some(10 * DAY_US),
            late_success: LateSuccess::Reopen,
            unpaid_due: UnpaidDue::Forfeit,
            fee: 30,
        };
        let all = [
            "expires_after: 2h -> 30m",
            "confirm_after: - -> 10d",
            "late_success: refund -> reopen",
            "fee: - -> 30 minor units",
        ];
        assert_eq!(shown(of_trade(&was, &would, false, false)), all);
        assert_eq!(shown(of_trade(&was, &would, true, false)), all[1..]);
        let in_dues = shown(of_trade(&was, &would, true, true));
        assert!(in_dues.contains(&"unpaid_due: return -> forfeit".to_owned()));
        assert!(of_trade(&would, &would, false, true).is_empty());
    }

    #[test]
    fn of_a_payment_that_was_made() {
        let tools = [channel("card", 60), balance(40), coupon(1)];
        let was = PaymentTerms { refund_ranks: vec![0, 0, 0], ..PaymentTerms::default() };
        let would = PaymentTerms {
            order: vec![2, 1, 0],
            order_life_us: Some(10 * MINUTE_US),
            refund_ranks: vec![1, 0, 1],
            refund_failed: RefundFailed::Balance,
            ask_risk: Some(AskRisk { no_answer: Unsaid::Refuse, degraded: Unsaid::Pass }),
            ..PaymentTerms::default()
        };
        assert_eq!(
            shown(of_payment(&was, &Ok(would.clone()), &tools)),
            [
                "order: channel:card, balance, coupon -> coupon, balance, channel:card",
                "order_life: - -> 10m",
                "refund_order: - -> balance, channel:card, coupon",
                "refund_failed: case -> balance",
                "ask_risk: - -> without its answer a payment is refused; while it is switched off a payment passes",
            ]
        );
        assert!(of_payment(&would, &Ok(PaymentTerms { order: Vec::new(), ..would.clone() }), &tools).is_empty());
        let own = [balance(40)];
        let other = PaymentTerms { refund_failed: RefundFailed::Balance, ..PaymentTerms::default() };
        assert!(of_payment(&PaymentTerms::default(), &Ok(other), &own).is_empty(), "no institution refuses it");
        let worth = |points| Some(PointsWorth { points, minor: 1, budget: points == 9 });
        let (was, would) = (PaymentTerms { points: worth(10), ..was }, PaymentTerms { points: worth(9), ..would });
        let by_points = [points(5)];
        let changed = shown(of_payment(&was, &Ok(PaymentTerms { points: worth(9), ..was.clone() }), &by_points));
        assert_eq!(changed, ["points: 10 points for 1, expense -> 9 points for 1, budget"]);
        assert!(!shown(of_payment(&was, &Ok(would), &tools)).iter().any(|it| it.starts_with("points")));
        let (book, rule, why) = ("b".to_owned(), "r".to_owned(), "no".to_owned());
        let refused = Err(RuleRefusal { rule_version: 2, book, rule, why, place: None });
        assert_eq!(shown(of_payment(&was, &refused, &tools)), ["refused: - -> rule `r`: no"]);
    }
}
