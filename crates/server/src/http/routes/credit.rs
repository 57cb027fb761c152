//! Of credit lines and their bills.

use kernel::Code;

use super::MISSING;
use crate::http::auth::Scope;
use crate::http::credit_lines;
use crate::http::route::{Route, Tell};

pub(super) fn of_credit() -> [Route; 9] {
    use Scope::Admin;
    const AMOUNT: &[Code] = &[Code::not_found, Code::amount_not_positive, Code::amount_out_of_range];
    let post = |path, tell, summary, body| {
        Route::post(path, Admin, tell, summary).goes_on().takes(body).answers(200, "CreditLine")
    };
    [
        Route::post("/v1/credit_lines", Admin, credit_lines::open, "Let a user pay on credit, up to a limit")
            .takes("NewCreditLine")
            .answers(201, "CreditLine")
            .refuses(&[
                Code::credit_line_exists,
                Code::unknown_currency,
                Code::currency_exponent_mismatch,
                Code::amount_not_positive,
                Code::amount_out_of_range,
            ]),
        Route::get("/v1/credit_lines", Admin, credit_lines::list, "Find the credit line of a user")
            .asks(&["owner", "currency"])
            .answers(200, "CreditLineList")
            .refuses(&[Code::unknown_currency]),
        Route::get("/v1/credit_lines/{id}", Admin, credit_lines::show, "Read a credit line, and what is owed")
            .answers(200, "CreditLine")
            .refuses(MISSING),
        post("/v1/credit_lines/{id}/limit", credit_lines::limit as Tell, "Change the limit of a credit line", "Limit")
            .refuses(AMOUNT),
        post("/v1/credit_lines/{id}/freeze", credit_lines::freeze, "Let nothing be paid with a credit line", "Nothing")
            .refuses(MISSING),
        post("/v1/credit_lines/{id}/unfreeze", credit_lines::unfreeze, "Let it pay again", "Nothing").refuses(MISSING),
        post("/v1/credit_lines/{id}/terms", credit_lines::terms, "Change when a credit line is billed", "BillTerms")
            .refuses(MISSING),
        Route::get("/v1/credit_lines/{id}/bills", Admin, credit_lines::bills, "List the bills of a credit line")
            .asks(&["limit", "cursor", "stale"])
            .answers(200, "BillList")
            .refuses(&[Code::not_found, Code::cursor_invalid]),
        Route::get("/v1/bills/{id}", Admin, credit_lines::bill, "Read a bill").answers(200, "Bill").refuses(MISSING),
    ]
}
