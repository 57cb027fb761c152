//! What a book says of a trade, and of a payment.
//!
//! Rules are asked from the top. Of `expires_after`, `confirm_after`, `late_success`, `unpaid_due`, `fee`, `tools`,
//! `combine`, `order`, `order_life`, `refund_order`, `refund_failed`, `ask_risk` and `points` the first rule that holds and
//! says it counts; every `limit`, every `velocity` and every `refuse` of a rule that holds counts.

use std::collections::BTreeSet;

use kernel::OrderType;
use kernel::message::payment::ToolRequest;
use kernel::message::risk::Window;
use kernel::message::rules::{PaymentTerms, PointsWorth, RuleRefusal, TradeTerms};

use crate::book::RuleBook;
use crate::condition::Question;
use crate::facts::Facts;
use crate::rule::{By, Limit, Rule, Says, Velocity};
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
                Says::Fee(fee) => terms.fee = fee.of(facts.money.amount.minor()),
                Says::Tools(_)
                | Says::Combine(_)
                | Says::Order(_)
                | Says::OrderLife(_)
                | Says::RefundOrder(_)
                | Says::RefundFailed(_)
                | Says::AskRisk(_)
                | Says::Points(_)
                | Says::Limit(_)
                | Says::Velocity(_)
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
                Says::RefundOrder(order) => {
                    terms.refund_ranks = facts.tools().iter().map(|request| rank(request, order)).collect();
                    None
                }
                Says::RefundFailed(failed) => {
                    terms.refund_failed = *failed;
                    None
                }
                Says::AskRisk(ask) => {
                    terms.ask_risk = Some(*ask);
                    None
                }
                Says::Points(worth) => {
                    terms.points = worth.in_currency(facts.currency());
                    None
                }
                Says::ExpiresAfter(_)
                | Says::ConfirmAfter(_)
                | Says::LateSuccess(_)
                | Says::UnpaidDue(_)
                | Says::Fee(_)
                | Says::Velocity(_) => None,
            };
            if let Some((place, why)) = refused {
                let (book, rule) = (self.name.clone(), rule.name.clone());
                return Err(RuleRefusal { rule_version: version, book, rule, why, place });
            }
        }
        Ok(terms)
    }

    /// What points are worth in a payment, whether it may be made or not.
    pub fn points(&self, facts: &Facts<'_>) -> Option<PointsWorth> {
        self.counting(facts, false).find_map(|(_, says)| match says {
            Says::Points(worth) => worth.in_currency(facts.currency()),
            _ => None,
        })
    }

    /// Whether it counts anything at all.
    pub fn counts(&self) -> bool {
        self.rules.iter().any(|rule| rule.velocity().is_some())
    }

    /// In which counters a payment counts, and up to what, from the top; `version` is this book's. Nothing where a
    /// rule counts what is not known of the payment, as its device.
    pub fn velocity(&self, version: i64, facts: &Facts<'_>) -> Vec<Counting> {
        let question = Question { facts, offset_us: self.offset_us };
        let limits = self.rules.iter().filter_map(|rule| Some((rule, rule.velocity()?)));
        let holding = limits.filter(|(rule, _)| rule.when.holds(question));
        holding.filter_map(|(rule, limit)| self.counting_by(version, rule, limit, facts)).collect()
    }

    fn counting_by(&self, version: i64, rule: &Rule, limit: &Velocity, facts: &Facts<'_>) -> Option<Counting> {
        if limit.currency.is_some_and(|currency| currency != facts.currency()) {
            return None;
        }
        let whose = whose(limit.by, facts)?;
        let is_it = |request: &&ToolRequest| limit.tool.as_ref().is_none_or(|tool| tool.names(&request.tool));
        let place = facts.tools().iter().position(|request| is_it(&request))?;
        let amounts = facts.tools().iter().filter(is_it).map(|request| request.amount.minor());
        let (book, name) = (self.name.clone(), rule.name.clone());
        let why = limit.to_string();
        Some(Counting {
            identity: format!("{book} {name} {} {whose}", limit.shape()),
            window: limit.window,
            minor: limit.sum.map_or(0, |_| amounts.fold(0, i64::saturating_add)),
            sum: limit.sum,
            count: limit.count,
            refusal: RuleRefusal {
                rule_version: version,
                book,
                rule: name,
                why,
                place: limit.tool.as_ref().map(|_| place),
            },
        })
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
            is_about(says, facts) && key.of_trade() == of_trade && (!key.first_says() || said.insert(key))
        })
    }
}

/// Whether what a rule says is about a trade at all, whatever its condition. Of sales and repayments there is no fee.
fn is_about(says: &Says, facts: &Facts<'_>) -> bool {
    let Says::Fee(fee) = says else { return true };
    let of_money = matches!(facts.context.order_type, OrderType::Topup | OrderType::Transfer | OrderType::Payout);
    of_money && fee.currency.is_none_or(|currency| currency == facts.currency())
}

/// One limit of a book that concerns a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counting {
    /// What tells its counter from all others: the rule, what it counts, and whose. Personal; never written down.
    pub identity: String,
    /// Over which time.
    pub window: Window,
    /// What the payment adds, in minor units; 0 where only payments are counted.
    pub minor: i64,
    /// Most minor units.
    pub sum: Option<i64>,
    /// Most payments.
    pub count: Option<i64>,
    /// The rule, and the limit in words.
    pub refusal: RuleRefusal,
}

/// Whose payments are counted with this one; `None` where that is not known.
fn whose(by: By, facts: &Facts<'_>) -> Option<String> {
    let signals = facts.payment.map(|payment| payment.signals);
    match by {
        By::User => facts.payer.user().map(|_| facts.payer.to_string()),
        By::Merchant => Some(facts.context.merchant.to_string()),
        By::Device => signals?.device.clone(),
        By::CardFingerprint => signals?.card_fingerprint.clone(),
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

/// The place of a tool in an order; after all of it where it is not named.
fn rank(request: &ToolRequest, order: &[Selector]) -> usize {
    order.iter().position(|selector| selector.names(&request.tool)).unwrap_or(order.len())
}

/// The places of the tools in this order; those that it does not name come last. Among equals the client's order holds.
fn places(tools: &[ToolRequest], order: &[Selector]) -> Vec<usize> {
    let rank = |place: &usize| tools.get(*place).map_or(order.len(), |request| rank(request, order));
    let mut places: Vec<usize> = (0..tools.len()).collect();
    if places.is_sorted_by_key(rank) {
        return Vec::new();
    }
    places.sort_by_key(rank);
    places
}
