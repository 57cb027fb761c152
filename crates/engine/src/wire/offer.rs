//! What may pay a trade now, on the wire. Its tools are written as a payment takes them, so that a suggestion can be sent
//! back as it is.

use ::trade::{Due, Trade};
use kernel::message::payment::{Tool, ToolRequest};
use kernel::message::rules::PointsWorth;
use kernel::{Amount, CouponId, Currency, Time, TradeId};
use serde::Serialize;

/// A tool, for how much it can be used, and why it cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Which.
    pub tool: Tool,
    /// Minor units that it would pay.
    pub amount: i64,
    /// Minor units that there are, of a balance, of what is free of a credit line, of stored value, or of a coupon; of points, what they are worth.
    pub available: Option<i64>,
    /// What points are worth, where it is points.
    pub worth: Option<PointsWorth>,
    /// Why it cannot be used; none where it can.
    pub reason: Option<Reason>,
}

/// Why a tool cannot be used: the code and the words of the refusal or failure that a payment would have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// A stable code.
    pub code: String,
    /// In words.
    pub message: String,
}

impl Reason {
    /// As a refusal or a failure says it.
    pub fn new(code: &str, message: &str) -> Self {
        Self { code: code.to_owned(), message: message.to_owned() }
    }
}

impl Choice {
    /// Nothing is known against it.
    pub fn new(tool: Tool, amount: i64) -> Self {
        Self { tool, amount, available: None, worth: None, reason: None }
    }

    /// Whether it can be used.
    pub fn is_usable(&self) -> bool {
        self.reason.is_none()
    }
}

/// `"object": "offer"`.
#[derive(Serialize)]
struct Object<'a> {
    object: &'static str,
    trade_id: TradeId,
    due: u16,
    amount: i64,
    currency: Currency,
    expires_at: Time,
    tools: Vec<ChoiceObject<'a>>,
    suggestion: Option<Vec<ToolObject<'a>>>,
}

/// A tool as a payment takes it.
#[derive(Serialize)]
struct ToolObject<'a> {
    tool: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    coupon: Option<CouponId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    amount: i64,
}

/// The same with what speaks for and against it.
#[derive(Serialize)]
struct ChoiceObject<'a> {
    #[serde(flatten)]
    tool: ToolObject<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    points: Option<Amount>,
    available: Option<i64>,
    usable: bool,
    reason: Option<&'a Reason>,
}

impl<'a> ToolObject<'a> {
    fn new(tool: &'a Tool, amount: i64) -> Self {
        let named = Self { tool: super::payment::tool(tool), coupon: None, method: None, amount };
        match tool {
            Tool::Balance | Tool::Stored(_) | Tool::Points | Tool::Credit | Tool::Payout { .. } => named,
            Tool::Coupon(id) => Self { coupon: Some(*id), ..named },
            Tool::Channel { method, .. } => Self { method: Some(method), ..named },
        }
    }
}

impl<'a> ChoiceObject<'a> {
    fn new(choice: &'a Choice) -> Self {
        let tool = ToolObject::new(&choice.tool, choice.amount);
        let points = choice.worth.and_then(|worth| worth.points_for(choice.amount));
        Self { tool, points, available: choice.available, usable: choice.is_usable(), reason: choice.reason.as_ref() }
    }
}

/// An offer; `suggestion` sums to what is due.
pub fn json(trade: &Trade, due: &Due, choices: &[Choice], suggestion: Option<&[ToolRequest]>) -> String {
    super::json(&Object {
        object: "offer",
        trade_id: trade.id,
        due: due.no,
        amount: due.amount.minor(),
        currency: trade.money.currency,
        expires_at: due.expires_at,
        tools: choices.iter().map(ChoiceObject::new).collect(),
        suggestion: suggestion
            .map(|tools| tools.iter().map(|it| ToolObject::new(&it.tool, it.amount.minor())).collect()),
    })
}
