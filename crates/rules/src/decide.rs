//! What a book says of a trade, and of a payment.
//!
//! Rules are asked from the top. Of `expires_after`, `confirm_after`, `late_success`, `unpaid_due`, `tools`, `combine`,
//! `order` and `order_life` the first rule that holds and says it counts; every `limit` and every `refuse` of a rule that holds counts.

use std::collections::BTreeSet;

use kernel::message::payment::ToolRequest;
use kernel::message::rules::{PaymentTerms, RuleRefusal, TradeTerms};

use crate::book::RuleBook;
use crate::condition::Question;
use crate::facts::Facts;
use crate::rule::{Limit, Rule, Says};
use crate::selector::{self, Selector};

impl RuleBook {
    /// What holds for a trade where its request says nothing else.
    pub fn trade_terms(&self, facts: &Facts<'_>) -> TradeTerms {
        let mut terms = TradeTerms::default();
        for (_, says) in self.counting(facts, true) {
            match says {
                Says::ExpiresAfter(micros) => terms.life_us = *micros,
                Says::ConfirmAfter(micros) => terms.confirm_us = Some(*micros),
                Says::LateSuccess(late) => terms.late_success = *late,
                Says::UnpaidDue(unpaid) => terms.unpaid_due = *unpaid,
                Says::Tools(_)
                | Says::Combine(_)
                | Says::Order(_)
                | Says::OrderLife(_)
                | Says::Limit(_)
                | Says::Refuse(_) => {}
            }
        }
        terms
    }

    /// How a payment may be planned; `version` is this book's. Its tools are no more than a payment may have, and sum to
    /// its amount.
    ///
    /// # Errors
    /// The first rule, from the top, that does not let it be made.
    pub fn payment_terms(&self, version: i64, facts: &Facts<'_>) -> Result<PaymentTerms, RuleRefusal> {
        let mut terms = PaymentTerms { rule_version: version, ..PaymentTerms::default() };
        for (rule, says) in self.counting(facts, false) {
            let refused = match says {
                Says::Tools(allowed) => not_allowed(facts.tools(), allowed),
                Says::Combine(sets) => not_together(facts.tools(), sets),
                Says::Limit(limit) => beyond(facts, limit),
                Says::Refuse(why) => Some((None, why.clone())),
                Says::Order(order) => {
                    terms.order = places(facts.tools(), order);
                    None
                }
                Says::OrderLife(micros) => {
                    terms.order_life_us = Some(*micros);
                    None
                }
                Says::ExpiresAfter(_) | Says::ConfirmAfter(_) | Says::LateSuccess(_) | Says::UnpaidDue(_) => None,
            };
            if let Some((place, why)) = refused {
                let (book, rule) = (self.name.clone(), rule.name.clone());
                return Err(RuleRefusal { rule_version: version, book, rule, why, place });
            }
        }
        Ok(terms)
    }

    /// What counts, with its rule, from the top: of the trade itself, or of the payment.
    pub(crate) fn counting<'a>(
        &'a self,
        facts: &'a Facts<'a>,
        of_trade: bool,
    ) -> impl Iterator<Item = (&'a Rule, &'a Says)> {
        let mut said = BTreeSet::new();
        let question = Question { facts, offset_us: self.offset_us };
        let concerned = self.rules.iter().filter(move |rule| rule.says.iter().any(|s| s.key().of_trade() == of_trade));
        let holding = concerned.filter(move |rule| rule.when.holds(question));
        holding.flat_map(|rule| rule.says.iter().map(move |says| (rule, says))).filter(move |(_, says)| {
            let key = says.key();
            key.of_trade() == of_trade && (!key.first_says() || said.insert(key))
        })
    }
}

type Refused = Option<(Option<usize>, String)>;

fn not_allowed(tools: &[ToolRequest], allowed: &[Selector]) -> Refused {
    let place = tools.iter().position(|request| !named(request, allowed))?;
    Some((Some(place), format!("only these may pay: {}", selector::list(allowed))))
}

fn not_together(tools: &[ToolRequest], sets: &[Vec<Selector>]) -> Refused {
    if sets.iter().any(|set| tools.iter().all(|request| named(request, set))) {
        return None;
    }
    let sets: Vec<String> = sets.iter().map(|set| selector::list(set)).collect();
    Some((None, format!("only these may pay together: {}", sets.join("; or "))))
}

fn named(request: &ToolRequest, selectors: &[Selector]) -> bool {
    selectors.iter().any(|selector| selector.names(&request.tool))
}

fn beyond(facts: &Facts<'_>, limit: &Limit) -> Refused {
    if facts.currency() != limit.currency {
        return None;
    }
    let is_it = |request: &&ToolRequest| limit.tool.as_ref().is_none_or(|tool| tool.names(&request.tool));
    let place = facts.tools().iter().position(|request| is_it(&request))?;
    let amounts = facts.tools().iter().filter(is_it).map(|request| request.amount.minor());
    let sum = amounts.fold(0, i64::saturating_add);
    let inside = (limit.min..=limit.max).contains(&sum);
    (!inside).then(|| (limit.tool.as_ref().map(|_| place), limit.to_string()))
}

/// The places of the tools in this order; those that it does not name come last. Among equals the client's order holds.
fn places(tools: &[ToolRequest], order: &[Selector]) -> Vec<usize> {
    let rank = |place: &usize| {
        let request = tools.get(*place);
        let found = request.and_then(|request| order.iter().position(|selector| selector.names(&request.tool)));
        found.unwrap_or(order.len())
    };
    let mut places: Vec<usize> = (0..tools.len()).collect();
    if places.is_sorted_by_key(rank) {
        return Vec::new();
    }
    places.sort_by_key(rank);
    places
}
