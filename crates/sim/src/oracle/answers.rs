//! Every answer as it comes: it is about what was asked, and what it shows never goes back.

use std::collections::BTreeMap;

use engine::line::Reply;
use engine::request::{Command, CreditChange, Request};
use kernel::message::payment::CaseAct;
use kernel::message::trade::{Command as TradeCommand, Create};
use kernel::{KeyId, OrderType};
use payment::CaseKind;
use serde_json::Value;

use crate::people;

/// What answers have shown of objects: how far each has come.
#[derive(Default)]
pub(crate) struct Seen(BTreeMap<String, Sight>);

/// One object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sight {
    /// The count of its events.
    pub(super) sequence: i64,
    /// Where it stood.
    pub(super) status: String,
}

impl Seen {
    /// Takes in what an answer shows.
    pub(crate) fn told(&mut self, reply: &Reply) {
        let Ok(body) = serde_json::from_str::<Value>(&reply.body) else { return };
        for object in std::iter::once(&body).chain(body.get("payment")) {
            if let Some((id, sight)) = sight(object) {
                let known = self.0.entry(id).or_insert_with(|| sight.clone());
                if known.sequence <= sight.sequence {
                    *known = sight;
                }
            }
        }
    }

    /// What is wrong with what was read of an object: it is at least as far as what was told.
    pub(crate) fn read(&self, id: &str, body: Option<&str>) -> Option<String> {
        let known = self.0.get(id)?;
        let read = body.and_then(|body| serde_json::from_str::<Value>(body).ok());
        match read.as_ref().and_then(sight) {
            None => Some(format!("{id} was told and cannot be read")),
            Some((_, read)) if read.sequence < known.sequence => Some(format!("{id} was read as it was before")),
            Some(_) => None,
        }
    }

    /// Every object that was shown.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &Sight)> {
        self.0.iter().map(|(id, sight)| (id.as_str(), sight))
    }
}

fn sight(object: &Value) -> Option<(String, Sight)> {
    let text = |name| object.get(name).and_then(Value::as_str).map(str::to_owned);
    let sequence = object.get("sequence").and_then(Value::as_i64)?;
    Some((text("id")?, Sight { sequence, status: text("status")? }))
}

/// What of an answer does not fit what was asked, in words.
pub(crate) fn misfit(request: &Request, reply: &Reply) -> Option<String> {
    if reply.status >= 500 {
        return Some(format!("was answered {}", reply.status));
    }
    if reply.status >= 400 {
        return None;
    }
    let Ok(body) = serde_json::from_str::<Value>(&reply.body) else {
        return Some("was not answered in JSON".to_owned());
    };
    let wanted = wanted(&request.command);
    let wrong = wanted.iter().find(|(pointer, value)| body.pointer(pointer) != Some(value));
    if let Some((pointer, value)) = wrong {
        return Some(format!("was answered with another object: {pointer} is not {value}"));
    }
    match &request.command {
        Command::Case { by, act, .. } => alone(*by, act, &body),
        _ => None,
    }
}

/// What is wrong with an offer: it suggests what is due, of tools that it says can be used.
pub(super) fn odd_offer(body: &str) -> Option<String> {
    let offer: Value = serde_json::from_str(body).ok()?;
    let suggestion = offer.get("suggestion")?.as_array()?;
    let minor = |tool: &Value| tool.get("amount").and_then(Value::as_i64).unwrap_or_default();
    let sum: i64 = suggestion.iter().map(minor).sum();
    let names = |tool: &Value| [tool.get("tool").cloned(), tool.get("coupon").cloned(), tool.get("method").cloned()];
    let tools = offer.get("tools").and_then(Value::as_array);
    let usable = |wanted: &Value| {
        let is_it = |tool: &&Value| names(tool) == names(wanted) && tool.get("usable") == Some(&Value::Bool(true));
        tools.is_some_and(|tools| tools.iter().find(is_it).is_some_and(|tool| minor(tool) >= minor(wanted)))
    };
    let fits = Some(sum) == offer.get("amount").and_then(Value::as_i64) && suggestion.iter().all(usable);
    (!fits).then(|| format!("an offer does not pay what is due: {body}"))
}

/// Where a case stands when this was done about it; `None` where that depends on where it stood.
fn status_after(act: &CaseAct) -> Option<&'static str> {
    match act {
        CaseAct::Assign { .. } | CaseAct::Comment { .. } => None,
        CaseAct::Propose { .. } => Some("proposed"),
        CaseAct::Reject { .. } => Some("open"),
        CaseAct::Approve | CaseAct::Resolve { .. } => Some("closed"),
    }
}

/// What is wrong with who did it: the trail's last step is the asker's own, a case that wants two people was not resolved
/// by one, and nobody approved what the same person proposed.
fn alone(by: KeyId, act: &CaseAct, case: &Value) -> Option<String> {
    let trail: Vec<&Value> = case.get("trail").and_then(Value::as_array).into_iter().flatten().collect();
    let key = Value::from(by.to_string());
    let of = |entry: &&Value, name: &str| entry.get(name).cloned().unwrap_or_default();
    if trail.last().is_none_or(|last| of(last, "by") != key) {
        return Some("was done in another person's name".to_owned());
    }
    let approvals = people::approvals();
    let kind = case.get("kind").and_then(Value::as_str).and_then(CaseKind::parse);
    let large = case.get("amount").and_then(Value::as_i64) >= approvals.from_minor;
    let wants_two = large || kind.is_some_and(|kind| approvals.kinds.contains(&kind));
    let proposer = trail.iter().rev().find(|entry| of(entry, "step") == "proposed").map(|entry| of(entry, "by"));
    match act {
        CaseAct::Resolve { .. } if wants_two => Some("one person resolved what wants two".to_owned()),
        CaseAct::Approve if proposer.is_none_or(|proposer| proposer == key) => {
            Some("one person approved what nobody else proposed".to_owned())
        }
        _ => None,
    }
}

/// Whose money it is, as a trade of its type says so.
fn payer(create: &Create) -> (&'static str, Value) {
    match create.context.order_type {
        OrderType::Instant | OrderType::Escrow | OrderType::Combined => {
            ("/buyer", create.payer.user().map(|user| user.as_str().to_owned()).into())
        }
        OrderType::Topup => ("/payee", create.payer.wire().into()),
        OrderType::Transfer | OrderType::Payout | OrderType::Repayment => ("/payer", create.payer.wire().into()),
    }
}

/// What a good answer says, by JSON pointers.
fn wanted(command: &Command) -> Vec<(&'static str, Value)> {
    match command {
        Command::CreateTrade(create) => vec![
            ("/object", "trade".into()),
            ("/merchant_id", create.context.merchant.to_string().into()),
            ("/merchant_order_id", create.merchant_order_id.clone().into()),
            ("/amount", create.money.amount.minor().into()),
            payer(create),
            ("/type", create.context.order_type.as_str().into()),
        ],
        Command::Trade(id, TradeCommand::Pay { due, tools }) => {
            let sum: i64 = tools.iter().map(|tool| tool.amount.minor()).sum();
            let mut wanted =
                vec![("/object", "payment".into()), ("/trade_id", id.to_string().into()), ("/amount", sum.into())];
            wanted.extend(due.map(|due| ("/due", due.into())));
            wanted
        }
        Command::Trade(id, TradeCommand::Refund(refund)) => vec![
            ("/object", "refund".into()),
            ("/trade_id", id.to_string().into()),
            ("/merchant_refund_id", refund.merchant_refund_id.clone().into()),
            ("/amount", refund.amount.minor().into()),
        ],
        Command::Trade(id, _) => vec![("/object", "trade".into()), ("/id", id.to_string().into())],
        Command::CancelPayment(id) => vec![("/object", "payment".into()), ("/id", id.to_string().into())],
        Command::Case { case, act, .. } => {
            let mut wanted = vec![("/object", "case".into()), ("/id", case.to_string().into())];
            wanted.extend(status_after(act).map(|status| ("/status", status.into())));
            wanted
        }
        Command::IssueCoupon(issue) => vec![
            ("/object", "coupon".into()),
            ("/id", issue.id.to_string().into()),
            ("/amount", issue.money.amount.minor().into()),
            ("/owner", format!("user:{}", issue.user).into()),
        ],
        Command::IssueGift(issue) => vec![
            ("/object", "gift".into()),
            ("/id", issue.id.to_string().into()),
            ("/amount", issue.money.amount.minor().into()),
            ("/tool", issue.kind.to_string().into()),
        ],
        Command::ClaimGift { gift, user, .. } => vec![
            ("/object", "gift_claim".into()),
            ("/gift_id", gift.to_string().into()),
            ("/owner", format!("user:{user}").into()),
        ],
        Command::GrantPoints(grant) => vec![
            ("/object", "points_grant".into()),
            ("/id", grant.id.to_string().into()),
            ("/points", grant.points.minor().into()),
            ("/owner", format!("user:{}", grant.user).into()),
        ],
        Command::ReversePoints { grant, .. } => {
            vec![("/object", "points_grant".into()), ("/id", grant.to_string().into())]
        }
        Command::OpenCredit { user, limit, .. } => vec![
            ("/object", "credit_line".into()),
            ("/owner", format!("user:{user}").into()),
            ("/limit", limit.amount.minor().into()),
        ],
        Command::ChangeCredit { line, change } => {
            let mut wanted = vec![("/object", "credit_line".into()), ("/id", line.to_string().into())];
            wanted.extend(match change {
                CreditChange::Limit(limit) => Some(("/limit", limit.minor().into())),
                CreditChange::Terms(terms) => Some(("/billing/bill_day", terms.day.into())),
                CreditChange::Freeze => Some(("/status", "frozen".into())),
                // Active, or overdue.
                CreditChange::Unfreeze => None,
            });
            wanted
        }
        Command::Fund { owner, money } | Command::FundBudget { owner, money } => vec![
            ("/object", "funding".into()),
            ("/owner", owner.wire().into()),
            ("/amount", money.amount.minor().into()),
        ],
        Command::ExpireCoupon(_)
        | Command::ExpireGift(_)
        | Command::CleanCounter { .. }
        | Command::BillCredit(_)
        | Command::ExpireBill(_)
        | Command::Control(_)
        | Command::Word(_)
        | Command::Timer(..)
        | Command::Recall(_)
        | Command::Arrive(_) => Vec::new(),
    }
}
