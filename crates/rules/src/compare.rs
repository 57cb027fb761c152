//! What another book would have changed (试算): what was said of a trade or a payment beside what would be said of it.

use kernel::message::payment::ToolRequest;
use kernel::message::rules::{PaymentTerms, RuleRefusal, TradeTerms};
use kernel::message::trade::LateSuccess;

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
/// trade's expiry is such.
pub fn of_trade(was: &TradeTerms, would: &TradeTerms, expiry_named: bool) -> Vec<Change> {
    let late = |terms: &TradeTerms| match terms.late_success {
        LateSuccess::Refund => "refund".to_owned(),
        LateSuccess::Reopen => "reopen".to_owned(),
    };
    let life = |terms: &TradeTerms| Some(span::words(terms.life_us)).filter(|_| !expiry_named);
    let confirm = |terms: &TradeTerms| terms.confirm_us.map(span::words);
    let changes = [
        Change::of("expires_after", life(was), life(would)),
        Change::of("confirm_after", confirm(was), confirm(would)),
        Change::of("late_success", Some(late(was)), Some(late(would))),
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
    let refunds = |terms: &PaymentTerms| {
        let mut places = as_used.clone();
        places.sort_by_key(|place| terms.refund_ranks.get(*place));
        let all_alike = terms.refund_ranks.iter().all(|rank| terms.refund_ranks.first() == Some(rank));
        (!all_alike).then(|| named(&places))
    };
    let changes = [
        Change::of("order", Some(named(&as_used)), Some(named(order))),
        Change::of("order_life", life(was), life(would)),
        Change::of("refund_order", refunds(was), refunds(would)),
    ];
    changes.into_iter().flatten().collect()
}
