//! Errors as clients see them: a stable code, its kind, and what it says about the request.
//!
//! Every code stands in the one table below with its kind and its title; `docs/errors/<code>.md` explains it. The HTTP
//! status and `retryable` follow from the kind. Each domain has refusal enums of its own and maps them to a [`Problem`].

use std::fmt;

/// What sort of no it is; the HTTP status follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The request's shape is wrong.
    Invalid,
    /// Nobody, or nobody we know, is asking.
    Unauthenticated,
    /// Known, but may not.
    Forbidden,
    /// Not there, or not for the one who asks.
    NotFound,
    /// The method does not exist here.
    MethodNotAllowed,
    /// Does not fit the state things are in.
    Conflict,
    /// Larger than allowed.
    TooLarge,
    /// Another media type or encoding than we read.
    UnsupportedMedia,
    /// Well-formed, but it cannot be done.
    Unprocessable,
    /// Header section too large.
    HeadersTooLarge,
    /// Too many requests from this caller.
    TooMany,
    /// We are at fault, and say nothing about how.
    Internal,
    /// Not now.
    Unavailable,
}

impl Kind {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::UnsupportedMedia => 415,
            Self::Unprocessable => 422,
            Self::TooMany => 429,
            Self::HeadersTooLarge => 431,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    /// Whether the same request may succeed later without being changed.
    pub const fn retryable(self) -> bool {
        matches!(self, Self::TooMany | Self::Internal | Self::Unavailable)
    }
}

macro_rules! codes {
    ($($code:ident $kind:ident $title:literal;)*) => {
        /// A stable code. The text never changes its meaning; new ones may be added.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(non_camel_case_types, missing_docs)]
        pub enum Code { $($code,)* }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$code,)*];

            /// The text clients see.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$code => stringify!($code),)* }
            }

            /// Its kind.
            pub const fn kind(self) -> Kind {
                match self { $(Self::$code => Kind::$kind,)* }
            }

            /// One sentence for people, the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$code => $title,)* }
            }
        }
    };
}

codes! {
    // Shape and transport.
    malformed_json Invalid "The body is not valid JSON.";
    duplicate_field Invalid "A field occurs twice in the same object.";
    body_too_deep Invalid "The body is nested too deeply.";
    body_too_large TooLarge "The body is larger than this route accepts.";
    unknown_field Invalid "The body has a field that this route does not know.";
    missing_field Invalid "A required field is missing.";
    invalid_type Invalid "A field has the wrong type.";
    invalid_text Invalid "A text has characters or a length that are not accepted.";
    invalid_value Invalid "A field has a value that is not accepted.";
    invalid_amount Invalid "An amount is not an integer number of minor units.";
    invalid_id Invalid "An id does not have the form of its type.";
    invalid_time Invalid "A time is not RFC 3339.";
    parameter_pollution Invalid "A parameter is given twice.";
    unsupported_media_type UnsupportedMedia "Only application/json, not compressed, is read here.";
    method_not_allowed MethodNotAllowed "This method does not exist here.";
    not_found NotFound "There is no such thing, or not for you.";
    headers_too_large HeadersTooLarge "The header section is too large.";
    cursor_invalid Invalid "The cursor was not made by this list for you.";
    pan_not_accepted Unprocessable "A free text holds what looks like a payment card number.";
    // Who is asking.
    unauthorized Unauthenticated "The API key is missing, malformed, unknown or revoked.";
    scope_required Forbidden "The API key lacks the scope for this.";
    merchant_mismatch Forbidden "The named merchant is not the API key's.";
    merchant_required Invalid "A platform key must name the merchant.";
    payer_consent_required Forbidden "Spending a user's own money needs the scope users:debit.";
    environment_mismatch Forbidden "This exists in the other environment only.";
    shadow_forbidden Forbidden "The shadow lane is not open to this caller.";
    // Idempotency.
    idempotency_key_required Invalid "Every POST needs an Idempotency-Key.";
    idempotency_key_invalid Invalid "The Idempotency-Key is not 1 to 128 printable ASCII characters.";
    idempotency_key_reused Unprocessable "The Idempotency-Key was used for another request.";
    request_in_progress Conflict "The first request with this Idempotency-Key is still running.";
    // Money.
    amount_not_positive Unprocessable "An amount must be positive.";
    amount_out_of_range Unprocessable "An amount or a sum of amounts is out of range.";
    currency_exponent_mismatch Unprocessable "The amount does not fit the currency's minor unit.";
    unknown_currency Unprocessable "The currency is not an active one of ISO 4217.";
    currency_mismatch Unprocessable "The currency is not the trade's.";
    amount_sum_mismatch Unprocessable "The parts do not sum to the whole.";
    // Trades.
    order_exists Conflict "The merchant order number belongs to a trade with other content.";
    invalid_state Conflict "The object's state does not allow this.";
    trade_not_payable Conflict "The trade is not open for payment.";
    due_not_open Conflict "The part of the trade cannot be paid yet.";
    payment_in_progress Conflict "A payment of this trade was sent and has no answer yet.";
    expires_at_invalid Unprocessable "The expiry is not within the time a trade may live.";
    due_unknown Unprocessable "The trade has no due of this number.";
    opens_at_invalid Unprocessable "The part of the trade opens before the one that comes before it.";
    confirm_by_invalid Unprocessable "The time of automatic confirmation does not fit this trade.";
    too_many_objects Unprocessable "The limit for objects of this kind is reached.";
    duplicate_receiver Unprocessable "A receiver occurs twice.";
    receiver_not_applicable Unprocessable "The owner cannot receive this trade's money.";
    payer_not_applicable Unprocessable "The owner cannot pay this trade.";
    receiver_unknown Unprocessable "The receiver has no part in this trade.";
    nothing_to_confirm Unprocessable "There is less in escrow than should be released.";
    // Payments and refunds.
    field_not_applicable Unprocessable "A trade of this type does not take the field.";
    tool_not_applicable Unprocessable "The tool cannot be used here.";
    tool_switched_off Unprocessable "The tool is switched off for a while.";
    coupon_not_applicable Unprocessable "The coupon cannot be used by this buyer for this trade.";
    rule_refused Unprocessable "A rule of the platform does not let this payment be made.";
    method_not_supported Unprocessable "The channel does not serve this method.";
    not_refundable Unprocessable "A trade of this type is not given back by a refund.";
    combined_trade Conflict "What is asked belongs to the other side of a combined checkout.";
    refund_exceeds_paid Unprocessable "The refund is larger than what is left of the payment.";
    refund_exists Conflict "The merchant refund number belongs to a refund with other content.";
    insufficient_receiver_balance Unprocessable "The receivers cannot cover the refund.";
    payment_not_cancelable Conflict "The payment cannot be canceled any more.";
    case_not_open Conflict "The case is already closed.";
    action_not_applicable Unprocessable "The case cannot be resolved this way.";
    approval_required Unprocessable "This case is not resolved by one person alone.";
    // Accounts and control data.
    budget_exhausted Unprocessable "The budget does not cover what it should pay for.";
    credit_line_exists Conflict "The user has a credit line in this currency.";
    points_not_reversible Unprocessable "The points cannot be taken back.";
    gift_not_claimable Unprocessable "Nothing of the gift is left to be claimed.";
    gift_code_invalid Unprocessable "The code does not belong to the gift.";
    insufficient_funds Unprocessable "The account does not cover the amount.";
    rule_book_invalid Unprocessable "The rule book has faults.";
    rule_books_overlap Conflict "Another rule book or version holds there already.";
    second_person_required Forbidden "Another key than the first person's must approve this.";
    url_not_allowed Unprocessable "The address is not one we send to.";
    // Notifications from institutions.
    signature_invalid Unauthenticated "The signature does not match.";
    timestamp_out_of_range Unauthenticated "The timestamp is too old or in the future.";
    event_type_mismatch Invalid "The notification is of a kind that this door does not take.";
    // Us.
    rate_limited TooMany "Too many requests.";
    overloaded Unavailable "The platform has more work than it can take.";
    deadline_exceeded Unavailable "The request waited longer than it may.";
    projection_behind Unavailable "The list is not up to date yet.";
    store_unavailable Unavailable "The database cannot be reached.";
    draining Unavailable "The server is shutting down.";
    internal_error Internal "Something is wrong on our side.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal with everything a client may know about it (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The stable code.
    pub code: Code,
    /// The field, as a path in the request (`splits[1].amount`), where one is to blame.
    pub param: Option<String>,
    /// This occurrence in words; holds no secret and no personal data.
    pub detail: String,
    /// The id of the object that stands in the way, where there is one.
    pub object: Option<String>,
    /// After how many seconds the same request may succeed, where that is known better than by the code.
    pub retry_after_s: Option<u16>,
}

impl Problem {
    /// A refusal in words.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, param: None, detail: detail.into(), object: None, retry_after_s: None }
    }

    /// The same, with the field to blame.
    pub fn at(code: Code, param: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(code, detail) }
    }

    /// The same, saying after how many seconds to come back.
    pub fn retry_after(mut self, seconds: u16) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The same, naming the object that stands in the way.
    pub fn about(mut self, object: impl fmt::Display) -> Self {
        self.object = Some(object.to_string());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_snake_case_and_unique() {
        let mut seen = std::collections::BTreeSet::new();
        for code in Code::ALL {
            assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code}");
            assert!(seen.insert(code.as_str()), "{code} twice");
        }
    }
}
