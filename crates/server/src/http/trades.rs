//! Trades (交易): open, pay, confirm, close, refund, read.

use engine::request::Command;
use kernel::message::risk::Signals;
use kernel::message::trade::{Command as TradeCommand, Create, DueRequest, LateSuccess, Refund, Share, UnpaidDue};
use kernel::{Code, Context, Currency, MerchantId, OrderType, Problem, SubType, TradeId, limits};

use super::json::Fields;
use super::ports::{Asker, Filter, Object};
use super::query::Query;
use super::visit::{Shown, Told, Visit};
use super::{list, parties, risk, tools, wait};
use crate::config::Environment;

mod children;

const TYPES: &str = "instant, escrow, topup, transfer, payout, repayment, combined";
pub(super) const STATUSES: [&str; 4] = ["created", "paid", "completed", "closed"];

/// `POST /v1/trades`
pub(super) fn create(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let (create, signals) = opening(visit, body)?;
    Ok(Told { signals, ..Command::CreateTrade(Box::new(create)).into() })
}

/// `POST /v1/trades/preview`: opens nothing.
pub(super) async fn preview(visit: Visit, mut body: Fields) -> Result<Shown, Problem> {
    let (create, signals) = opening(&visit, &mut body)?;
    body.finish()?;
    visit.house.doors.lookup.preview(Box::new(create), signals).await.map(|found| Shown::json(found.body))
}

/// What a body asks to be opened, and what it says of who pays.
fn opening(visit: &Visit, body: &mut Fields) -> Result<(Create, Signals), Problem> {
    let merchant = visit.merchant(body)?;
    let order_type = body.word("type", TYPES, OrderType::parse)?;
    let context = Context { merchant, order_type, sub_type: sub_type(body)? };
    let merchant_order_id = body.reference("merchant_order_id", limits::MAX_MERCHANT_NUMBER)?;
    let money = body.money()?;
    parties::only_of(order_type, body)?;
    let payer = parties::payer(visit, order_type, body)?;
    let destination = parties::destination(visit, order_type, body)?;
    let payee = parties::payee(order_type, body)?.map(|receiver| Share { receiver, amount: money.amount });
    let (pay, signals) = match body.object("pay")? {
        // Nothing is said where nothing is paid: only a trade that pays itself takes the field itself.
        None => (None, risk::signals(body)?),
        Some(mut pay) => {
            let (tools, signals) = (tools::tools(visit, &mut pay, Some(money.currency))?, risk::signals(&mut pay)?);
            pay.finish()?;
            (Some(tools), signals)
        }
    };
    let dues = dues(body, money.currency)?;
    let unpaid_due = unpaid_due(body, &dues)?;
    let id = TradeId(visit.draw(&payer.to_string()));
    let children = match order_type {
        OrderType::Combined => children::read(visit, body, &children::Parent { id, payer: &payer, money })?,
        _ => Vec::new(),
    };
    let create = Create {
        id,
        context,
        merchant_order_id,
        money,
        subject: body.prose("subject", limits::MAX_SUBJECT)?,
        expires_at: body.time("expires_at")?,
        confirm_by: body.time("confirm_by")?,
        return_url: return_url(visit, body)?,
        metadata: body.notes("metadata")?,
        splits: match payee {
            Some(payee) => vec![payee],
            None => tools::splits(body, Some(merchant), Some(money.currency))?,
        },
        late_success: body.maybe_word("late_success", "refund, reopen", late_success)?,
        unpaid_due,
        dues,
        payer,
        destination,
        children,
        parent: None,
        pay,
    };
    Ok((create, signals))
}

fn sub_type(body: &mut Fields) -> Result<SubType, Problem> {
    let found = body.maybe_word("sub_type", "lower-case letters, digits and ._-, as shop.checkout", SubType::parse)?;
    Ok(found.unwrap_or_else(SubType::general))
}

fn late_success(word: &str) -> Option<LateSuccess> {
    match word {
        "refund" => Some(LateSuccess::Refund),
        "reopen" => Some(LateSuccess::Reopen),
        _ => None,
    }
}

/// The parts that are paid one by one; what the rules say of their sum and times is theirs to say.
fn dues(body: &mut Fields, currency: Currency) -> Result<Vec<DueRequest>, Problem> {
    let dues = body.list("dues", limits::MAX_DUES, |mut fields| {
        let due = DueRequest {
            amount: fields.amount("amount", Some(currency))?,
            opens_at: fields.time("opens_at")?,
            expires_at: fields.time("expires_at")?,
        };
        fields.finish().map(|()| due)
    })?;
    if dues.len() == 1 {
        return Err(body.refuse(Code::invalid_value, "dues", "a trade is paid whole, or in 2 to 8 dues"));
    }
    Ok(dues)
}

/// What becomes of what dues brought; it says nothing where there are none.
fn unpaid_due(body: &mut Fields, dues: &[DueRequest]) -> Result<Option<UnpaidDue>, Problem> {
    let said = body.maybe_word("unpaid_due", "return, forfeit", UnpaidDue::parse)?;
    if said.is_some() && dues.is_empty() {
        return Err(body.refuse(Code::missing_field, "dues", "only a trade of several dues says what becomes of them"));
    }
    Ok(said)
}

fn return_url(visit: &Visit, body: &mut Fields) -> Result<Option<String>, Problem> {
    let environment = visit.house.doors.environment;
    let known = |text: &str| is_return_address(text, environment).then(|| text.to_owned());
    body.maybe_word("return_url", "an https address", known)
}

/// Where a browser may be sent: https, or http in the test environment, without anything that deceives people.
fn is_return_address(text: &str, environment: Environment) -> bool {
    let plain = kernel::text::is_reference(text, limits::MAX_URL) && !text.contains(['\\', '"', '<', '>', '`']);
    let Ok(url) = text.parse::<reqwest::Url>() else { return false };
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && environment == Environment::Test);
    plain && scheme && url.has_host() && url.username().is_empty() && url.password().is_none()
}

/// `POST /v1/trades/{id}/payments`
pub(super) fn pay(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let trade = visit.named(TradeId::parse)?;
    let due = due(body)?;
    let (tools, signals) = (tools::tools(visit, body, None)?, risk::signals(body)?);
    Ok(Told { signals, ..Command::Trade(trade, TradeCommand::Pay { due, tools }).into() })
}

/// The number of a due; the first that is open and unpaid where it is left out.
fn due(body: &mut Fields) -> Result<Option<u16>, Problem> {
    let Some(found) = body.maybe_number("due")? else { return Ok(None) };
    let number = u16::try_from(found).ok().filter(|no| usize::from(*no) <= limits::MAX_DUES);
    number.map(Some).ok_or_else(|| body.refuse(Code::invalid_value, "due", "the number of a due, 1 to 8"))
}

/// `POST /v1/trades/{id}/confirm`
pub(super) fn confirm(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let trade = visit.named(TradeId::parse)?;
    let merchant = visit.maybe_merchant(body)?;
    let amount = body.maybe_amount("amount", None)?;
    let splits = tools::splits(body, merchant, None)?;
    Ok(Command::Trade(trade, TradeCommand::Confirm { amount, splits }).into())
}

/// `POST /v1/trades/{id}/close`
pub(super) fn close(visit: &Visit, _body: &mut Fields) -> Result<Told, Problem> {
    let trade = visit.named(TradeId::parse)?;
    Ok(Command::Trade(trade, TradeCommand::Close).into())
}

/// `POST /v1/trades/{id}/refunds`
pub(super) fn refund(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let trade = visit.named(TradeId::parse)?;
    let merchant = visit.maybe_merchant(body)?;
    let refund = Refund {
        merchant_refund_id: body.reference("merchant_refund_id", limits::MAX_MERCHANT_NUMBER)?,
        amount: body.amount("amount", None)?,
        reason: body.prose("reason", limits::MAX_SUBJECT)?,
        splits: tools::splits(body, merchant, None)?,
        sandbox: tools::sandbox(visit, body, channel::sandbox::word::is_refund_word)?,
        users_debit: visit.may_debit_users(),
    };
    Ok(Command::Trade(trade, TradeCommand::Refund(refund)).into())
}

/// `GET /v1/trades/{id}`
pub(super) async fn show(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let trade = visit.named(TradeId::parse)?;
    let patience = wait::patience(&mut query)?;
    query.finish()?;
    wait::for_change(&visit, Object::Trade(trade), patience).await
}

/// `GET /v1/trades/{id}/chain`
pub(super) async fn chain(visit: Visit, query: Query) -> Result<Shown, Problem> {
    let trade = visit.named(TradeId::parse)?;
    query.finish()?;
    // Whose the children are is for the platform to see.
    let whole = visit.identity.merchant().is_none();
    list::object(&visit, visit.house.doors.lookup.chain(trade, whole).await?)
}

/// `GET /v1/trades/{id}/offer`
pub(super) async fn offer(visit: Visit, query: Query) -> Result<Shown, Problem> {
    let trade = visit.named(TradeId::parse)?;
    query.finish()?;
    let asker = Asker { caller: visit.identity.caller.clone(), users_debit: visit.may_debit_users() };
    list::object(&visit, visit.house.doors.lookup.offer(trade, asker).await?)
}

/// `GET /v1/trades`
pub(super) async fn list(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let merchant = visit.merchant_in(&mut query)?;
    if let Some(number) = query.text("merchant_order_id") {
        query.finish()?;
        return by_order(&visit, merchant, &number).await;
    }
    let wanted = STATUSES.join(", ");
    let status =
        query.read("status", Code::invalid_value, &wanted, |text| STATUSES.into_iter().find(|known| *known == text))?;
    let name = format!("trades:{merchant:?}:{status:?}");
    let part = list::part(&visit, &mut query, &name, "cursor")?;
    query.finish()?;
    let page = visit.house.doors.lookup.trades(Filter { merchant, status }, part).await?;
    Ok(list::page(&visit, &name, page))
}

/// A merchant's own number names at most one trade; it is read from the rows themselves.
async fn by_order(visit: &Visit, merchant: Option<MerchantId>, number: &str) -> Result<Shown, Problem> {
    let Some(merchant) = merchant else {
        let detail = "an order number is a merchant's; name the merchant";
        return Err(Problem::at(Code::merchant_required, "merchant_id", detail));
    };
    let found = visit.house.doors.lookup.trade_by_order(merchant, number).await?;
    let data = found.into_iter().map(|found| found.body).collect();
    Ok(list::page(visit, "trades", super::ports::Page { data, ..Default::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_browser_may_be_sent() {
        assert!(is_return_address("https://shop.example/done?x=1#y", Environment::Live));
        assert!(is_return_address("http://localhost:3000/done", Environment::Test));
        for url in [
            "javascript:alert(1)",
            "http://shop.example",
            "data:text/html,x",
            "/done",
            "//shop.example",
            "https://a\"onload=x",
            "https://bank@evil.example",
            "https://shop.example\\@evil",
            "https://",
            "https://shop.example/ x",
            "",
        ] {
            assert!(!is_return_address(url, Environment::Live), "{url}");
        }
    }
}
