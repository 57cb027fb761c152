//! The pages of `docs/errors`, embedded: the compiler refuses a code without a page.

use kernel::Code;

macro_rules! pages {
    ($($code:ident)*) => {
        /// The page of a code, in Markdown.
        pub(super) fn page(code: Code) -> &'static str {
            match code {
                $(Code::$code => include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"), "/../../docs/errors/", stringify!($code), ".md"
                )),)*
            }
        }
    };
}

pages! {
    malformed_json duplicate_field body_too_deep body_too_large unknown_field missing_field
    invalid_type invalid_text invalid_value invalid_amount invalid_id invalid_time
    parameter_pollution unsupported_media_type method_not_allowed not_found headers_too_large cursor_invalid
    pan_not_accepted unauthorized scope_required merchant_mismatch merchant_required payer_consent_required
    environment_mismatch shadow_forbidden idempotency_key_required idempotency_key_invalid idempotency_key_reused request_in_progress
    amount_not_positive amount_out_of_range currency_exponent_mismatch unknown_currency currency_mismatch amount_sum_mismatch
    order_exists invalid_state trade_not_payable due_not_open due_unknown opens_at_invalid payment_in_progress expires_at_invalid confirm_by_invalid
    too_many_objects duplicate_receiver receiver_not_applicable payer_not_applicable receiver_unknown nothing_to_confirm
    field_not_applicable not_refundable combined_trade tool_not_applicable tool_switched_off rule_refused
    rule_book_invalid rule_books_overlap second_person_required
    coupon_not_applicable method_not_supported refund_exceeds_paid refund_exists insufficient_receiver_balance payment_not_cancelable
    credit_line_exists points_not_reversible gift_not_claimable gift_code_invalid case_not_open action_not_applicable approval_required budget_exhausted insufficient_funds url_not_allowed signature_invalid
    timestamp_out_of_range event_type_mismatch rate_limited overloaded deadline_exceeded projection_behind
    store_unavailable draining internal_error
}

/// The code of this name.
pub(super) fn code(name: &str) -> Option<Code> {
    Code::ALL.iter().copied().find(|code| code.as_str() == name)
}
