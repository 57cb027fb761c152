//! What the outside risk service is told of a payment, and how its answer is read. Never a card number; of an account
//! outside only its end.

use channel::Incoming;
use kernel::message::payment::{Pay, Tool, ToolRequest};
use kernel::message::risk::{Heard, Signals};
use kernel::{Amount, CouponId, Currency, MerchantId, OrderType, SubType, Time, TradeId, limits, text};
use serde::{Deserialize, Serialize};
use trade::Trade;

use crate::wire;

/// A question about one payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Question {
    merchant_id: MerchantId,
    order_type: OrderType,
    sub_type: SubType,
    merchant_order_id: String,
    trade_id: TradeId,
    trade_amount: Amount,
    due: u16,
    /// Which payment of its trade it is.
    attempt: u16,
    amount: Amount,
    currency: Currency,
    payer: String,
    receivers: Vec<Receiver>,
    tools: Vec<Part>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<Destination>,
    risk: Signals,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Receiver {
    receiver: String,
    amount: Amount,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Part {
    tool: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coupon: Option<CouponId>,
    amount: Amount,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Destination {
    #[serde(rename = "type")]
    kind: &'static str,
    account: String,
}

impl Question {
    /// What the question is called: never the same twice, as the platform's time never stands still.
    pub(crate) fn id(&self, now: Time) -> String {
        format!("{}.{}.{}", self.trade_id, self.attempt, now.micros())
    }

    /// Which payment of its trade it is about.
    pub(crate) const fn attempt(&self) -> u16 {
        self.attempt
    }

    /// About a payment that is to be made for a trade.
    pub fn new(trade: &Trade, pay: &Pay, attempt: u16, signals: &Signals) -> Self {
        let receiver = |split: &trade::Split| Receiver { receiver: split.receiver.wire(), amount: split.amount };
        // Of a cart, those whose trades it pays.
        let seller = |child: &trade::Child| {
            let receiver = kernel::Owner::Merchant(child.merchant).wire();
            Receiver { receiver, amount: child.amount }
        };
        let destination = trade.destination.as_ref().map(|destination| Destination {
            kind: destination.kind.as_str(),
            account: kernel::destination::masked(&destination.account),
        });
        Self {
            merchant_id: pay.context.merchant,
            order_type: pay.context.order_type,
            sub_type: pay.context.sub_type.clone(),
            merchant_order_id: trade.merchant_order_id.clone(),
            trade_id: trade.id,
            trade_amount: trade.money.amount,
            due: pay.due,
            attempt,
            amount: pay.money.amount,
            currency: pay.money.currency,
            payer: pay.payer.wire(),
            receivers: trade.splits.iter().map(receiver).chain(trade.children.iter().map(seller)).collect(),
            tools: pay.tools.iter().map(part).collect(),
            destination,
            risk: signals.clone(),
        }
    }
}

fn part(request: &ToolRequest) -> Part {
    let (method, coupon) = match &request.tool {
        Tool::Channel { method, .. } => (Some(method.clone()), None),
        Tool::Coupon(coupon) => (None, Some(*coupon)),
        Tool::Balance | Tool::Stored(_) | Tool::Points | Tool::Credit | Tool::Payout { .. } => (None, None),
    };
    Part { tool: wire::payment::tool(&request.tool).to_owned(), method, coupon, amount: request.amount }
}

/// An answer's body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    verdict: Verdict,
    #[serde(default)]
    code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Pass,
    Refuse,
}

/// What an answer says, and its own reason; it is known to be the service's, about this question.
pub(crate) fn read(answer: &Incoming) -> (Heard, Option<String>) {
    let wrong = (Heard::Wrong, None);
    // A list would be read as the fields in their order.
    if answer.status != 200 || answer.body.trim_ascii_start().first() != Some(&b'{') {
        return wrong;
    }
    match serde_json::from_slice(&answer.body) {
        Ok(Answer { code: Some(code), .. }) if !text::is_reference(&code, limits::MAX_SIGNAL) => wrong,
        Ok(Answer { verdict: Verdict::Pass, code }) => (Heard::Pass, code),
        Ok(Answer { verdict: Verdict::Refuse, code }) => (Heard::Refuse, code),
        Err(_) => wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_is_one() {
        let heard = |status, body: &str| {
            let (heard, code) = read(&Incoming { status, headers: Vec::new(), body: body.as_bytes().to_vec() });
            (heard.as_str(), code)
        };
        assert_eq!(heard(200, r#"{"verdict":"pass"}"#), ("pass", None));
        assert_eq!(heard(200, r#"{"verdict":"refuse","code":"R-17"}"#), ("refuse", Some("R-17".to_owned())));
        for (status, body) in [
            (500, r#"{"verdict":"pass"}"#),
            (302, r#"{"verdict":"pass"}"#),
            (201, r#"{"verdict":"pass"}"#),
            (200, ""),
            (200, "null"),
            (200, "\"pass\""),
            (200, r#"{"verdict":"Pass"}"#),
            (200, r#"{"verdict":"review"}"#),
            (200, r#"{"verdict":"pass","verdict":"refuse"}"#),
            (200, r#"{"verdict":"pass","score":0.2}"#),
            (200, r#"{"verdict":"pass"} {"verdict":"refuse"}"#),
            (200, r#"{"verdict":"pass","code":7}"#),
            (200, r#"{"verdict":"pass","code":""}"#),
            (200, r#"{"verdict":"pass","code":"a\nb"}"#),
            (200, r#"[{"verdict":"pass"}]"#),
            (200, r#"["pass"]"#),
        ] {
            assert_eq!(heard(status, body), ("wrong", None), "{status} {body}");
        }
        let long = format!(r#"{{"verdict":"pass","code":"{}"}}"#, "x".repeat(65));
        assert_eq!(heard(200, &long).0, "wrong");
    }
}
