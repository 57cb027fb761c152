//! Credit lines on the wire.

use accounting::Account;
use kernel::{CreditLineId, Currency, Time};
use payment::CreditLine;
use serde::Serialize;

/// A line's JSON, with what is owed and held on its account; nothing where there is no account yet.
pub fn json(line: &CreditLine, account: Option<&Account>) -> String {
    let (owed, held) = account.map_or((0, 0), |account| (account.posted(), account.incoming()));
    super::json(&Object {
        id: line.id,
        object: "credit_line",
        status: line.status(),
        owner: format!("user:{}", line.user),
        currency: line.currency,
        limit: line.limit,
        owed_amount: owed,
        held_amount: held,
        available_amount: line.free(owed.saturating_add(held)),
        created_at: line.created_at,
    })
}

/// `"object": "credit_line"`.
#[derive(Serialize)]
struct Object {
    id: CreditLineId,
    object: &'static str,
    status: &'static str,
    owner: String,
    currency: Currency,
    limit: i64,
    owed_amount: i64,
    held_amount: i64,
    available_amount: i64,
    created_at: Time,
}
