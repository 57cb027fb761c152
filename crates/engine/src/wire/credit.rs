//! Credit lines and their bills on the wire.

use accounting::Account;
use kernel::{BillId, CreditLineId, Currency, Time};
use payment::{Bill, CreditLine};
use serde::Serialize;

/// A line's JSON, with what is owed and held on its account; nothing where there is no account yet.
pub fn json(line: &CreditLine, account: Option<&Account>, now: Time) -> String {
    let (owed, held) = account.map_or((0, 0), |account| (account.posted(), account.incoming()));
    let (drawn, repaid) = account.map_or((0, 0), |account| (account.dp, account.cp));
    let billing = line.billing.as_ref().map(|billing| {
        let unbilled = drawn.saturating_sub(billing.up_to.max(repaid)).max(0);
        BillingObject {
            bill_day: billing.terms.day,
            due_days: billing.terms.due_days,
            next_bill_at: billing.next_at,
            billed_amount: owed.saturating_sub(unbilled),
            unbilled_amount: unbilled,
            due_at: billing.oldest.map(|oldest| oldest.due_at),
        }
    });
    super::json(&Object {
        id: line.id,
        object: "credit_line",
        status: line.status(now),
        owner: format!("user:{}", line.user),
        currency: line.currency,
        limit: line.limit,
        owed_amount: owed,
        held_amount: held,
        available_amount: line.free(owed.saturating_add(held), now),
        billing,
        created_at: line.created_at,
    })
}

/// A bill's JSON; how much of it is paid follows from its line's account.
pub fn bill_json(line: &CreditLine, bill: &Bill, account: Option<&Account>) -> String {
    super::json(&BillObject {
        id: bill.id,
        object: "bill",
        status: bill.status().as_str(),
        credit_line_id: bill.id.line,
        owner: format!("user:{}", line.user),
        currency: line.currency,
        amount: bill.amount(),
        paid_amount: bill.paid(account.map_or(0, |account| account.cp)),
        created_at: bill.issued_at,
        due_at: bill.due_at,
        overdue_at: bill.overdue_at,
        paid_at: bill.paid_at,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    billing: Option<BillingObject>,
    created_at: Time,
}

/// Of a line that is billed.
#[derive(Serialize)]
struct BillingObject {
    bill_day: u8,
    due_days: u8,
    next_bill_at: Time,
    billed_amount: i64,
    unbilled_amount: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<Time>,
}

/// `"object": "bill"`.
#[derive(Serialize)]
struct BillObject {
    id: BillId,
    object: &'static str,
    status: &'static str,
    credit_line_id: CreditLineId,
    owner: String,
    currency: Currency,
    amount: i64,
    paid_amount: i64,
    created_at: Time,
    due_at: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    overdue_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_at: Option<Time>,
}
