//! Why a command is refused; nothing has changed then.

use kernel::message::accounting::Refused;
use kernel::message::rules::RuleRefusal;
use kernel::{Code, Problem};

/// The reasons.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The tools' parts do not sum to the amount.
    #[error("the parts of the tools do not sum to the amount of the payment")]
    ToolsSum,
    /// The sum of the parts is out of range.
    #[error("the sum of the parts is out of range")]
    OutOfRange,
    /// More tools, payments, refunds or cases than a trade may have.
    #[error("no more than {limit} {objects} are possible")]
    TooMany {
        /// Of what, in words.
        objects: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// The coupon is not for this buyer, this merchant, this currency, this amount or this time.
    #[error("{why}")]
    CouponNotApplicable {
        /// The place among the tools, from 0.
        place: usize,
        /// Which of these, in words.
        why: &'static str,
    },
    /// The tool cannot be used for this payment.
    #[error("{why}")]
    ToolNotApplicable {
        /// The place among the tools, from 0.
        place: usize,
        /// Why, in words.
        why: &'static str,
    },
    /// The tool is switched off for a while.
    #[error("this tool is switched off for a while")]
    ToolSwitchedOff {
        /// The place among the tools, from 0.
        place: usize,
    },
    /// The rules want the outside risk service asked, and nothing was heard of it yet. Whoever hears this asks, and comes
    /// again with what was heard.
    #[error("the risk service must be asked first")]
    RiskUnasked,
    /// No channel account serves the method.
    #[error("no channel serves this method")]
    MethodNotSupported {
        /// The place among the tools, from 0.
        place: usize,
    },
    /// A rule of the book does not let the payment be made.
    #[error("rule `{}` of book `{}`, version {}: {}", .rule.rule, .rule.book, .rule.rule_version, .rule.why)]
    Rule {
        /// Which, and why.
        rule: Box<RuleRefusal>,
        /// Whether the trade pays itself, so that nobody has named tools.
        itself: bool,
    },
    /// No channel account pays out to such an account, or the one that was named does not.
    #[error("no channel pays out there")]
    PayoutNotSupported(&'static str),
    /// The due is paid, the trade is closing, or too little time is left.
    #[error("{0}")]
    TradeNotPayable(&'static str),
    /// A leg of an open payment was sent and has no answer that can be trusted.
    #[error("payment {0} waits for an answer")]
    PaymentInProgress(kernel::PaymentId),
    /// There is no such payment or case.
    #[error("there is no such object in this trade")]
    NotFound,
    /// The payment has ended, or people decide about it.
    #[error("the payment is {0} and cannot be canceled")]
    NotCancelable(&'static str),
    /// Nothing was paid that could be given back.
    #[error("no payment of this trade has taken effect")]
    NothingPaid,
    /// The merchant's refund number belongs to another refund.
    #[error("the merchant refund number belongs to refund {0}")]
    RefundExists(kernel::RefundId),
    /// More than is left of the payment's tools.
    #[error("{left} is left to be given back")]
    RefundExceedsPaid {
        /// Minor units.
        left: i64,
    },
    /// The refund is not in the payment's currency.
    #[error("the refund is not in the currency of the payment")]
    RefundCurrency,
    /// What is taken from the receivers is not the amount.
    #[error("the receivers' parts do not sum to the amount of the refund")]
    SharesSum,
    /// The receivers do not have the money.
    #[error("the receivers cannot cover the refund: {0}")]
    ReceiversShort(Refused),
    /// The case is closed.
    #[error("the case is closed")]
    CaseClosed,
    /// The case does not stand where this could be done.
    #[error("{0}")]
    CaseState(&'static str),
    /// One person does not decide this case alone.
    #[error("one person proposes how this case is resolved, and another approves")]
    ApprovalRequired,
    /// Who proposed does not approve.
    #[error("whoever proposed cannot approve it; use another key")]
    SecondPerson,
    /// The case cannot be decided this way.
    #[error("{0}")]
    ActionNotApplicable(&'static str),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::ToolsSum => Self::at(Code::amount_sum_mismatch, "tools", detail),
            Refusal::OutOfRange => Self::at(Code::amount_out_of_range, "tools", detail),
            Refusal::TooMany { .. } => Self::new(Code::too_many_objects, detail),
            Refusal::CouponNotApplicable { place, .. } => {
                Self::at(Code::coupon_not_applicable, format!("tools[{place}].coupon"), detail)
            }
            Refusal::ToolNotApplicable { place, .. } => {
                Self::at(Code::tool_not_applicable, format!("tools[{place}].tool"), detail)
            }
            Refusal::ToolSwitchedOff { place } => {
                Self::at(Code::tool_switched_off, format!("tools[{place}].tool"), detail)
            }
            // The line asks, and never tells anybody.
            Refusal::RiskUnasked => Self::new(Code::internal_error, detail),
            Refusal::MethodNotSupported { place } => {
                Self::at(Code::method_not_supported, format!("tools[{place}].method"), detail)
            }
            Refusal::Rule { rule, itself } => {
                let param = match rule.place {
                    _ if itself => "type".to_owned(),
                    None => "tools".to_owned(),
                    Some(place) => format!("tools[{place}]"),
                };
                Self::at(Code::rule_refused, param, detail)
            }
            Refusal::PayoutNotSupported(field) => Self::at(Code::method_not_supported, field, detail),
            Refusal::TradeNotPayable(_) => Self::new(Code::trade_not_payable, detail),
            Refusal::PaymentInProgress(payment) => Self::new(Code::payment_in_progress, detail).about(payment),
            Refusal::NotFound => Self::new(Code::not_found, detail),
            Refusal::NotCancelable(_) => Self::new(Code::payment_not_cancelable, detail),
            Refusal::NothingPaid => Self::new(Code::invalid_state, detail),
            Refusal::RefundExists(refund) => Self::at(Code::refund_exists, "merchant_refund_id", detail).about(refund),
            Refusal::RefundExceedsPaid { .. } => Self::at(Code::refund_exceeds_paid, "amount", detail),
            Refusal::RefundCurrency => Self::at(Code::currency_mismatch, "currency", detail),
            Refusal::SharesSum => Self::at(Code::amount_sum_mismatch, "splits", detail),
            Refusal::ReceiversShort(_) => Self::new(Code::insufficient_receiver_balance, detail),
            Refusal::CaseClosed => Self::new(Code::case_not_open, detail),
            Refusal::CaseState(_) => Self::new(Code::invalid_state, detail),
            Refusal::ApprovalRequired => Self::new(Code::approval_required, detail),
            Refusal::SecondPerson => Self::new(Code::second_person_required, detail),
            Refusal::ActionNotApplicable(_) => Self::at(Code::action_not_applicable, "action", detail),
        }
    }
}
