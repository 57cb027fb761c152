//! What a book says of a trade or a payment, in words.

use kernel::message::rules::RefundFailed;
use kernel::message::trade::{LateSuccess, UnpaidDue};

use crate::book::RuleBook;
use crate::facts::Facts;
use crate::rule::{Says, asking};
use crate::selector;
use crate::span;

/// One thing that a rule says and that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The rule.
    pub rule: String,
    /// Its condition, as it is written; `None` where it always holds.
    pub when: Option<String>,
    /// What about: the key in the book.
    pub key: &'static str,
    /// In words.
    pub words: String,
}

/// What counts, in the order of the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Of the trade itself.
    pub trade: Vec<Said>,
    /// Of the payment.
    pub payment: Vec<Said>,
}

impl RuleBook {
    /// Why a trade or a payment is as it is. The same facts give the same words, so they need not be kept.
    pub fn explain(&self, facts: &Facts<'_>) -> Explanation {
        let said = |of_trade| {
            let counting = self.counting(facts, of_trade);
            counting.map(|(rule, says)| Said {
                rule: rule.name.clone(),
                when: rule.written.clone(),
                key: says.key().as_str(),
                words: words(says),
            })
        };
        Explanation { trade: said(true).collect(), payment: said(false).collect() }
    }
}

fn words(says: &Says) -> String {
    match says {
        Says::ExpiresAfter(micros) => format!("a trade that names no expiry can be paid for {}", span::words(*micros)),
        Says::ConfirmAfter(micros) => {
            format!("escrow of a trade that names no time is released {} after its opening", span::words(*micros))
        }
        Says::LateSuccess(LateSuccess::Refund) => "money that comes too late goes back".to_owned(),
        Says::LateSuccess(LateSuccess::Reopen) => "money that comes too late opens the trade again".to_owned(),
        Says::UnpaidDue(UnpaidDue::Return) => "where a due is not paid, what the others brought goes back".to_owned(),
        Says::UnpaidDue(UnpaidDue::Forfeit) => {
            "where a due is not paid, what the others brought is forfeited to the receivers".to_owned()
        }
        Says::Fee(fee) => fee.to_string(),
        Says::Tools(tools) => format!("these may pay: {}", selector::list(tools)),
        Says::Combine(sets) => {
            let sets: Vec<String> = sets.iter().map(|set| selector::list(set)).collect();
            format!("these may pay together: {}", sets.join("; or "))
        }
        Says::Order(order) => format!("tools are used in this order: {}", selector::list(order)),
        Says::OrderLife(micros) => format!("an order at an institution lives for {} at most", span::words(*micros)),
        Says::RefundOrder(order) => {
            format!("refunds are taken from the tools in this order: {}", selector::list(order))
        }
        Says::RefundFailed(RefundFailed::Case) => "people decide about a refund that an institution refuses".to_owned(),
        Says::RefundFailed(RefundFailed::Balance) => {
            "a refund that an institution refuses goes to the balance of the user who paid".to_owned()
        }
        Says::AskRisk(ask) => format!("the outside risk service is asked: {}", asking(ask)),
        Says::Points(worth) => worth.to_string(),
        Says::Limit(limit) => limit.to_string(),
        Says::Velocity(limit) => limit.to_string(),
        Says::Refuse(why) => format!("refused: {why}"),
    }
}
