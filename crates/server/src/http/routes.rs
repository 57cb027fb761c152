//! The table of contents: every route of the API, one declaration each. Router and documentation are made from it.

mod credit;

use kernel::Code;

use super::auth::Scope;
use super::route::{Route, Tell};
use super::{
    accounts, blocks, cases, channels, coupons, disputes, docs, events, gifts, health, keys, ledger, merchants, notify,
    payments, points, refunds, rules, sandbox, search, switches, trades, webhook_endpoints,
};
use crate::config::Environment;

/// What every handler of tools can refuse with.
const PAYING: &[Code] = &[
    Code::combined_trade,
    Code::amount_not_positive,
    Code::amount_out_of_range,
    Code::amount_sum_mismatch,
    Code::coupon_not_applicable,
    Code::method_not_supported,
    Code::payer_consent_required,
    Code::tool_not_applicable,
    Code::tool_switched_off,
    Code::rule_refused,
    Code::trade_not_payable,
    Code::due_not_open,
    Code::due_unknown,
    Code::payment_in_progress,
    Code::too_many_objects,
    Code::environment_mismatch,
    Code::not_found,
    Code::pan_not_accepted,
];
const OPENING: &[Code] = &[
    Code::order_exists,
    Code::merchant_required,
    Code::merchant_mismatch,
    Code::unknown_currency,
    Code::pan_not_accepted,
    Code::currency_exponent_mismatch,
    Code::amount_not_positive,
    Code::amount_out_of_range,
    Code::amount_sum_mismatch,
    Code::expires_at_invalid,
    Code::opens_at_invalid,
    Code::due_not_open,
    Code::confirm_by_invalid,
    Code::duplicate_receiver,
    Code::receiver_not_applicable,
    Code::payer_not_applicable,
    Code::field_not_applicable,
    Code::too_many_objects,
    Code::coupon_not_applicable,
    Code::method_not_supported,
    Code::payer_consent_required,
    Code::tool_not_applicable,
    Code::tool_switched_off,
    Code::rule_refused,
    Code::not_found,
    Code::environment_mismatch,
];
const CONFIRMING: &[Code] = &[
    Code::not_found,
    Code::combined_trade,
    Code::merchant_required,
    Code::invalid_state,
    Code::nothing_to_confirm,
    Code::receiver_unknown,
    Code::duplicate_receiver,
    Code::amount_not_positive,
    Code::amount_out_of_range,
    Code::amount_sum_mismatch,
];
const REFUNDING: &[Code] = &[
    Code::not_found,
    Code::combined_trade,
    Code::merchant_required,
    Code::invalid_state,
    Code::refund_exists,
    Code::refund_exceeds_paid,
    Code::receiver_unknown,
    Code::insufficient_receiver_balance,
    Code::payer_consent_required,
    Code::not_refundable,
    Code::amount_not_positive,
    Code::amount_out_of_range,
    Code::amount_sum_mismatch,
    Code::duplicate_receiver,
    Code::pan_not_accepted,
    Code::too_many_objects,
    Code::environment_mismatch,
];
const MONEY: &[Code] =
    &[Code::amount_not_positive, Code::amount_out_of_range, Code::unknown_currency, Code::currency_exponent_mismatch];
const ISSUING: &[Code] = &[
    Code::amount_not_positive,
    Code::amount_out_of_range,
    Code::unknown_currency,
    Code::currency_exponent_mismatch,
    Code::budget_exhausted,
    Code::expires_at_invalid,
    Code::merchant_mismatch,
];
const CLAIMING: &[Code] =
    &[Code::not_found, Code::gift_not_claimable, Code::gift_code_invalid, Code::receiver_not_applicable];
const BUDGETS: &[Code] = &[
    Code::amount_not_positive,
    Code::amount_out_of_range,
    Code::unknown_currency,
    Code::currency_exponent_mismatch,
    Code::insufficient_funds,
    Code::merchant_mismatch,
];
const PAGED: &[Code] = &[Code::cursor_invalid, Code::merchant_mismatch, Code::projection_behind];
const FOUND: &[Code] =
    &[Code::cursor_invalid, Code::merchant_mismatch, Code::merchant_required, Code::projection_behind];
const MISSING: &[Code] = &[Code::not_found];

/// Every route of an environment.
pub(super) fn table(environment: Environment) -> Vec<Route> {
    let mut routes = Vec::new();
    routes.extend(of_trades());
    routes.extend(of_disputes());
    routes.extend(of_cases());
    routes.extend(of_accounts());
    routes.extend(of_points());
    routes.extend(credit::of_credit());
    routes.extend(of_control());
    routes.extend(of_rules());
    routes.extend(of_blocks());
    routes.extend(of_switches());
    routes.extend(of_events());
    routes.extend(in_the_open());
    if environment == Environment::Test {
        routes.extend(of_the_sandbox());
    }
    routes
}

fn of_trades() -> [Route; 14] {
    use Scope::{Read, Write};
    [
        Route::post("/v1/trades", Write, trades::create, "Open a trade, perhaps with its first payment")
            .takes("NewTrade")
            .answers(201, "Trade")
            .refuses(OPENING),
        Route::act(
            "/v1/trades/preview",
            Write,
            trades::preview,
            "Say what opening a trade would come to; nothing is kept",
        )
        .takes("NewTrade")
        .answers(200, "TradePreview")
        .refuses(OPENING),
        Route::get("/v1/trades", Read, trades::list, "List trades, or find one by the merchant's own number")
            .asks(&["merchant_id", "merchant_order_id", "status", "limit", "cursor", "stale"])
            .answers(200, "TradeList")
            .refuses(FOUND),
        Route::get("/v1/trades/{id}", Read, trades::show, "Read a trade")
            .asks(&["wait"])
            .answers(200, "Trade")
            .refuses(MISSING),
        Route::get("/v1/trades/{id}/chain", Read, trades::chain, "Read everything that belongs to a trade")
            .answers(200, "Chain")
            .refuses(MISSING),
        Route::get(
            "/v1/trades/{id}/offer",
            Read,
            trades::offer,
            "Read what may pay a trade now, and with what it is paid best",
        )
        .answers(200, "Offer")
        .refuses(&[
            Code::not_found,
            Code::trade_not_payable,
            Code::due_not_open,
            Code::combined_trade,
            Code::projection_behind,
        ]),
        Route::post("/v1/trades/{id}/payments", Write, trades::pay, "Pay a trade")
            .takes("NewPayment")
            .answers(201, "Payment")
            .refuses(PAYING),
        Route::post(
            "/v1/trades/{id}/confirm",
            Write,
            trades::confirm,
            "Release escrow to the receivers, whole or in part",
        )
        .goes_on()
        .takes("Confirm")
        .answers(200, "Trade")
        .refuses(CONFIRMING),
        Route::post("/v1/trades/{id}/close", Write, trades::close, "Close an unpaid trade")
            .goes_on()
            .takes("Nothing")
            .answers(200, "Trade")
            .refuses(&[Code::not_found, Code::invalid_state, Code::combined_trade]),
        Route::post("/v1/trades/{id}/refunds", Write, trades::refund, "Give money of a paid trade back")
            .goes_on()
            .takes("NewRefund")
            .answers(201, "Refund")
            .refuses(REFUNDING),
        Route::get("/v1/payments/{id}", Read, payments::show, "Read a payment, or wait for its change")
            .asks(&["wait"])
            .answers(200, "Payment")
            .refuses(MISSING),
        Route::get("/v1/payments/{id}/explain", Read, payments::explain, "Read why a payment was planned as it was")
            .answers(200, "Explanation")
            .refuses(MISSING),
        Route::post("/v1/payments/{id}/cancel", Write, payments::cancel, "Cancel an open payment")
            .goes_on()
            .takes("Nothing")
            .answers(200, "Payment")
            .refuses(&[Code::not_found, Code::payment_not_cancelable]),
        Route::get("/v1/refunds/{id}", Read, refunds::show, "Read a refund, or wait for its change")
            .asks(&["wait"])
            .answers(200, "Refund")
            .refuses(MISSING),
    ]
}

fn of_disputes() -> [Route; 2] {
    use Scope::Read;
    [
        Route::get("/v1/disputes", Read, disputes::list, "List disputes: money that institutions may take back")
            .asks(&["merchant_id", "status", "limit", "cursor", "stale"])
            .answers(200, "DisputeList")
            .refuses(PAGED),
        Route::get("/v1/disputes/{id}", Read, disputes::show, "Read a dispute, or wait for its change")
            .asks(&["wait"])
            .answers(200, "Dispute")
            .refuses(MISSING),
    ]
}

/// What every route refuses with that does something about a case.
const DESK: &[Code] = &[Code::not_found, Code::case_not_open, Code::pan_not_accepted, Code::too_many_objects];
/// The same where it is about a decision.
const DECIDING: &[Code] = &[
    Code::not_found,
    Code::case_not_open,
    Code::pan_not_accepted,
    Code::too_many_objects,
    Code::invalid_state,
    Code::action_not_applicable,
];
/// The same where a second person decides.
const APPROVING: &[Code] = &[
    Code::not_found,
    Code::case_not_open,
    Code::invalid_state,
    Code::action_not_applicable,
    Code::second_person_required,
];
/// The same where one person decides alone.
const ALONE: &[Code] = &[
    Code::not_found,
    Code::case_not_open,
    Code::pan_not_accepted,
    Code::invalid_state,
    Code::action_not_applicable,
    Code::approval_required,
];

fn of_cases() -> [Route; 8] {
    use Scope::{Admin, Read};
    let post =
        |path, tell, summary, body| Route::post(path, Admin, tell, summary).goes_on().takes(body).answers(200, "Case");
    [
        Route::get("/v1/cases", Read, cases::list, "List cases: work that people must decide")
            .asks(&["merchant_id", "status", "limit", "cursor", "stale"])
            .answers(200, "CaseList")
            .refuses(PAGED),
        Route::get("/v1/cases/{id}", Read, cases::show, "Read a case").answers(200, "Case").refuses(MISSING),
        post("/v1/cases/{id}/assign", cases::assign as Tell, "Give a case to a person", "Assign").refuses(DESK),
        post("/v1/cases/{id}/comment", cases::comment, "Write down what was found out", "Comment").refuses(DESK),
        post("/v1/cases/{id}/propose", cases::propose, "Propose a decision, for another to approve", "Resolve")
            .refuses(DECIDING),
        post("/v1/cases/{id}/approve", cases::approve, "Approve what another proposed; it is done by that", "Nothing")
            .refuses(APPROVING),
        post("/v1/cases/{id}/reject", cases::reject, "Reject what is proposed; the case is open again", "Reject")
            .refuses(DECIDING),
        post("/v1/cases/{id}/resolve", cases::resolve, "Decide a case alone, at once, where one person may", "Resolve")
            .refuses(ALONE),
    ]
}

fn of_accounts() -> [Route; 10] {
    use Scope::{Admin, Read, Write};
    [
        Route::get("/v1/accounts", Read, accounts::list, "List an owner's accounts")
            .asks(&["owner", "merchant_id"])
            .answers(200, "AccountList")
            .refuses(MISSING),
        Route::get("/v1/accounts/{id}", Read, accounts::show, "Read an account, now or as of a moment")
            .asks(&["at"])
            .answers(200, "Account")
            .refuses(MISSING),
        Route::get("/v1/accounts/{id}/transfers", Read, accounts::transfers, "List what moved an account")
            .asks(&["limit", "cursor", "stale"])
            .answers(200, "TransferList")
            .refuses(PAGED),
        Route::get("/v1/ledger/trial_balance", Admin, ledger::trial_balance, "Read the trial balance of a currency")
            .asks(&["currency", "date"])
            .answers(200, "TrialBalance")
            .refuses(&[Code::projection_behind, Code::unknown_currency]),
        Route::post("/v1/coupons", Write, coupons::create, "Issue a coupon to a user")
            .takes("NewCoupon")
            .answers(201, "Coupon")
            .refuses(ISSUING),
        Route::post("/v1/coupons/budgets", Write, coupons::fund, "Fill a marketing budget")
            .takes("NewBudget")
            .answers(201, "Posted")
            .refuses(BUDGETS),
        Route::get("/v1/coupons/{id}", Read, coupons::show, "Read a coupon").answers(200, "Coupon").refuses(MISSING),
        Route::post(
            "/v1/gifts",
            Write,
            gifts::create,
            "Issue a gift: a gift card, a red packet; its code is shown once",
        )
        .takes("NewGift")
        .answers(201, "NewlyMadeGift")
        .refuses(ISSUING),
        Route::get("/v1/gifts/{id}", Read, gifts::show, "Read a gift").answers(200, "Gift").refuses(MISSING),
        Route::post("/v1/gifts/{id}/claims", Write, gifts::claim, "Claim a share of a gift for a user")
            .takes("NewGiftClaim")
            .answers(201, "GiftClaim")
            .refuses(CLAIMING),
    ]
}

fn of_points() -> [Route; 4] {
    use Scope::Admin;
    [
        Route::post("/v1/points", Admin, points::grant, "Give a user points")
            .takes("NewPointsGrant")
            .answers(201, "PointsGrant")
            .refuses(&[
                Code::amount_not_positive,
                Code::amount_out_of_range,
                Code::currency_exponent_mismatch,
                Code::receiver_not_applicable,
            ]),
        Route::get("/v1/points", Admin, points::list, "List the points that a user was given")
            .asks(&["owner", "limit", "cursor", "stale"])
            .answers(200, "PointsGrantList")
            .refuses(PAGED),
        Route::get("/v1/points/{id}", Admin, points::show, "Read a grant of points")
            .answers(200, "PointsGrant")
            .refuses(MISSING),
        Route::post("/v1/points/{id}/reverse", Admin, points::reverse, "Take points of a grant back, all or some")
            .goes_on()
            .takes("ReversePoints")
            .answers(200, "PointsGrant")
            .refuses(&[
                Code::not_found,
                Code::points_not_reversible,
                Code::amount_not_positive,
                Code::amount_out_of_range,
                Code::currency_exponent_mismatch,
            ]),
    ]
}

fn of_control() -> [Route; 12] {
    use Scope::{Admin, Read, Write};
    [
        Route::post("/v1/merchants", Admin, merchants::create, "Open a merchant")
            .takes("NewMerchant")
            .answers(201, "Merchant"),
        Route::get("/v1/merchants", Admin, merchants::list, "List merchants")
            .asks(&["limit", "cursor", "stale"])
            .answers(200, "MerchantList")
            .refuses(&[Code::cursor_invalid]),
        Route::get("/v1/merchants/{id}", Read, merchants::show, "Read a merchant")
            .answers(200, "Merchant")
            .refuses(MISSING),
        Route::post("/v1/merchants/{id}/keys", Admin, keys::create, "Make an API key; its secret is shown once")
            .takes("NewKey")
            .answers(201, "NewlyMadeKey")
            .refuses(MISSING),
        Route::get("/v1/merchants/{id}/keys", Read, keys::list, "List a merchant's API keys")
            .asks(&["limit", "cursor", "stale"])
            .answers(200, "KeyList")
            .refuses(&[Code::not_found, Code::cursor_invalid]),
        Route::post("/v1/keys", Admin, keys::create_own, "Make another key of the platform; its secret is shown once")
            .takes("Nothing")
            .answers(201, "NewlyMadeKey"),
        Route::post("/v1/keys/{id}/revoke", Write, keys::revoke, "Revoke an API key")
            .goes_on()
            .takes("Nothing")
            .answers(200, "Key")
            .refuses(MISSING),
        Route::post("/v1/webhook_endpoints", Write, webhook_endpoints::create, "Add a webhook endpoint")
            .takes("NewWebhookEndpoint")
            .answers(201, "NewlyMadeWebhookEndpoint")
            .refuses(&[Code::url_not_allowed, Code::merchant_mismatch]),
        Route::get("/v1/webhook_endpoints", Read, webhook_endpoints::list, "List webhook endpoints")
            .asks(&["merchant_id", "limit", "cursor", "stale"])
            .answers(200, "WebhookEndpointList")
            .refuses(PAGED),
        Route::get("/v1/webhook_endpoints/{id}", Read, webhook_endpoints::show, "Read a webhook endpoint")
            .answers(200, "WebhookEndpoint")
            .refuses(MISSING),
        Route::post(
            "/v1/webhook_endpoints/{id}/disable",
            Write,
            webhook_endpoints::disable,
            "Disable a webhook endpoint",
        )
        .goes_on()
        .takes("Nothing")
        .answers(200, "WebhookEndpoint")
        .refuses(MISSING),
        Route::get("/v1/channels", Read, channels::list, "List channel accounts").answers(200, "ChannelList"),
    ]
}

fn of_rules() -> [Route; 7] {
    use Scope::Admin;
    [
        Route::get("/v1/rules", Admin, rules::list, "List the rule books").answers(200, "RuleBookList"),
        Route::get("/v1/rules/{id}", Admin, rules::show, "Read a rule book, or one version with its text")
            .asks(&["version"])
            .answers(200, "RuleBook")
            .refuses(MISSING),
        Route::post(
            "/v1/rules/{id}",
            Admin,
            rules::upload,
            "Upload a version of a rule book; it holds for nothing yet",
        )
        .takes("NewRules")
        .answers(201, "RuleVersion")
        .refuses(&[Code::rule_book_invalid, Code::too_many_objects, Code::not_found]),
        Route::act("/v1/rules/{id}/check", Admin, rules::check, "Check the text of a rule book; nothing is kept")
            .takes("NewRules")
            .answers(200, "RuleCheck")
            .refuses(MISSING),
        Route::act(
            "/v1/rules/{id}/dry_run",
            Admin,
            rules::dry_run,
            "Say what the text of a rule book would have changed of recorded trades; nothing is kept",
        )
        .takes("DryRunRules")
        .answers(200, "RuleDryRun")
        .refuses(&[Code::not_found, Code::rule_book_invalid, Code::cursor_invalid, Code::projection_behind]),
        Route::post("/v1/rules/{id}/approve", Admin, rules::approve, "Bring another person's version into use")
            .takes("RuleRelease")
            .answers(200, "RuleBook")
            .refuses(&[Code::not_found, Code::second_person_required, Code::rule_books_overlap]),
        Route::post("/v1/rules/{id}/rollback", Admin, rules::rollback, "Go back to a version that was in use, at once")
            .goes_on()
            .takes("RuleRollback")
            .answers(200, "RuleBook")
            .refuses(&[Code::not_found, Code::invalid_state, Code::rule_books_overlap]),
    ]
}

fn of_blocks() -> [Route; 4] {
    use Scope::Admin;
    [
        Route::post("/v1/blocks", Admin, blocks::create, "Let somebody or something pay nothing")
            .takes("NewBlock")
            .answers(201, "Block")
            .refuses(&[Code::pan_not_accepted, Code::too_many_objects]),
        Route::get("/v1/blocks", Admin, blocks::list, "List whom and what risk control lets pay nothing")
            .asks(&["kind", "limit", "cursor", "stale"])
            .answers(200, "BlockList")
            .refuses(&[Code::cursor_invalid]),
        Route::get("/v1/blocks/{id}", Admin, blocks::show, "Read a block").answers(200, "Block").refuses(MISSING),
        Route::post("/v1/blocks/{id}/lift", Admin, blocks::lift, "Lift a block")
            .goes_on()
            .takes("Nothing")
            .answers(200, "Block")
            .refuses(MISSING),
    ]
}

fn of_switches() -> [Route; 3] {
    use Scope::Admin;
    [
        Route::get("/v1/switches", Admin, switches::list, "List what can be switched off, and what is")
            .answers(200, "SwitchList"),
        Route::get("/v1/switches/{id}", Admin, switches::show, "Read a switch, with every time it was thrown")
            .answers(200, "Switch")
            .refuses(MISSING),
        Route::post("/v1/switches/{id}", Admin, switches::throw, "Switch something off for a while, or on again")
            .goes_on()
            .takes("NewThrow")
            .answers(200, "Switch")
            .refuses(&[Code::not_found, Code::too_many_objects]),
    ]
}

fn of_events() -> [Route; 5] {
    use Scope::{Admin, Read, Write};
    [
        Route::get("/v1/events", Read, events::list, "Walk forward through the events, without gaps")
            .asks(&["merchant_id", "after", "limit", "stale"])
            .answers(200, "EventList")
            .refuses(PAGED),
        Route::get("/v1/events/{id}", Read, events::show, "Read an event").answers(200, "Event").refuses(MISSING),
        Route::act("/v1/events/{id}/resend", Write, events::resend, "Send an event to its endpoints again")
            .takes("Nothing")
            .answers(202, "Event")
            .refuses(MISSING),
        Route::get("/v1/search", Read, search::search, "Find what a number names, whichever number it is")
            .asks(&["number", "merchant_id", "limit", "stale"])
            .answers(200, "Hits")
            .refuses(&[Code::merchant_mismatch, Code::projection_behind]),
        Route::get(
            "/v1/channels/{id}/statements",
            Admin,
            channels::statement,
            "Read an institution's statement of a day",
        )
        .asks(&["date"])
        .answers(200, "Statement")
        .refuses(MISSING),
    ]
}

fn in_the_open() -> [Route; 10] {
    [
        Route::open_post("/notify/{id}", notify::notify, "Take a notification of an institution")
            .takes("Notification")
            .answers(200, "Text")
            .refuses(&[
                Code::signature_invalid,
                Code::timestamp_out_of_range,
                Code::event_type_mismatch,
                Code::malformed_json,
                Code::body_too_large,
                Code::store_unavailable,
                Code::overloaded,
                Code::not_found,
            ]),
        Route::open("/livez", health::livez, "Whether the process runs"),
        Route::open("/readyz", health::readyz, "Whether it serves").refuses(&[Code::draining]),
        Route::open("/metrics", health::metrics, "Figures for Prometheus"),
        Route::open("/openapi.json", docs::openapi, "This document").answers(200, "Document"),
        Route::open("/docs", docs::page, "This document, for people").answers(200, "Html"),
        Route::open("/docs/style.css", docs::style, "How the pages look").answers(200, "Css"),
        Route::open("/docs/errors", docs::error_index, "Every error code").answers(200, "Html"),
        Route::open("/docs/errors/{id}", docs::error, "An error code explained").answers(200, "Html").refuses(MISSING),
        Route::open("/", docs::home, "Where the documentation is").answers(303, "Text"),
    ]
}

fn of_the_sandbox() -> [Route; 1] {
    [Route::post("/v1/sandbox/fund", Scope::Admin, sandbox::fund, "Put money on an owner's balance")
        .takes("NewFund")
        .answers(201, "Posted")
        .refuses(MONEY)]
}
