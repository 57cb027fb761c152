//! Accounts (账户): balances now and as of a moment, and what moved them.

use kernel::{AccountId, Code, Owner, Problem};

use super::query::Query;
use super::visit::{Shown, Visit, not_found};
use super::{list, ports};

/// `GET /v1/accounts?owner=`
pub(super) async fn list(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let merchant = visit.merchant_in(&mut query)?;
    let owner = query.read(
        "owner",
        Code::invalid_id,
        "user:…, merchant:…, seller:…, platform or channel:…",
        |text| Owner::parse(text, merchant),
    )?;
    query.finish()?;
    let owner = owner.ok_or_else(|| Problem::at(Code::missing_field, "owner", "name the owner of the accounts"))?;
    if !visit.identity.caller.may_see(owner.merchant()) {
        return Err(not_found());
    }
    let data = visit.house.doors.lookup.accounts(&owner).await?;
    Ok(list::page(&visit, "accounts", ports::Page { data, ..Default::default() }))
}

/// `GET /v1/accounts/{id}`
pub(super) async fn show(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let account = visit.named(AccountId::parse)?;
    let at = query.time("at")?;
    query.finish()?;
    list::object(&visit, visit.house.doors.lookup.account(account, at).await?)
}

/// `GET /v1/accounts/{id}/transfers`
pub(super) async fn transfers(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let account = visit.named(AccountId::parse)?;
    let name = format!("transfers:{account}");
    let part = list::part(&visit, &mut query, &name, "cursor")?;
    query.finish()?;
    list::object(&visit, visit.house.doors.lookup.account(account, None).await?)?;
    let page = visit.house.doors.lookup.account_transfers(account, part).await?;
    Ok(list::page(&visit, &name, page))
}
