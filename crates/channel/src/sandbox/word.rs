//! The words that choose what the simulated institution does (`"sandbox": "…"`), and its timings.

use kernel::time::{DAY_US, SECOND_US};
use serde::{Deserialize, Serialize};

/// From a QR code or a redirect to the buyer's payment.
pub const BUYER_US: i64 = SECOND_US / 5;
/// From a request to an asynchronous result.
pub const LATER_US: i64 = SECOND_US;
/// From a payment whose answer was lost to its notification.
pub const LOST_US: i64 = 30 * SECOND_US;
/// From a close or the expiry to the success that comes after it.
pub const LATE_US: i64 = 2 * SECOND_US;
/// From the first receipt to the second.
pub const TWICE_US: i64 = SECOND_US / 2;
/// From a receipt to its dispute.
pub const DISPUTED_US: i64 = 2 * SECOND_US;
/// From a dispute to the institution's decision.
pub const DECIDED_US: i64 = 3 * SECOND_US;
/// From a dispute to the end of the time to answer it.
pub const RESPOND_US: i64 = 7 * DAY_US;
/// Between copies of a notification that is sent more than once.
pub const COPY_US: i64 = SECOND_US / 10;
/// How many copies of it are sent.
pub const COPIES: u16 = 3;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$word_doc])* $word,)* }

        impl $name {
            /// Every word.
            pub const ALL: &'static [Self] = &[$(Self::$word,)*];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text,)* }
            }

            /// Reads the word back.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == text)
            }
        }
    };
}

words! {
    /// What becomes of an order to pay.
    PayWord {
        /// Paid: at once, or soon after the buyer was shown a code or sent to a page.
        Succeed = "succeed",
        /// Paid a second later; told by notification.
        SucceedLater = "succeed_later",
        /// Refused.
        Decline = "decline",
        /// Paid, but the answer is lost; a query tells at once, a notification late.
        TimeoutPaid = "timeout_paid",
        /// The request is lost, and every repeat of it: the institution never knows the order.
        TimeoutUnpaid = "timeout_unpaid",
        /// Paid, and the notification is sent several times.
        DuplicateNotify = "duplicate_notify",
        /// Paid, and a moment later paid again under another number.
        PayTwice = "pay_twice",
        /// Taken; paid only after it was closed or had expired.
        LateSuccess = "late_success",
        /// Paid one minor unit less than asked (more, where only one was asked).
        WrongAmount = "wrong_amount",
        /// Paid in another currency.
        WrongCurrency = "wrong_currency",
        #[serde(rename = "error_500")]
        /// The institution breaks down (500) before it takes the order, and at every repeat.
        Error500 = "error_500",
        /// Paid, but the answer is rubbish; a query tells.
        Garbage = "garbage",
        /// Taken and never paid; closed when its time is over.
        Never = "never",
        /// Paid; then disputed, and decided for the merchant.
        DisputeWon = "dispute_won",
        /// Paid; then disputed, and decided for the buyer.
        DisputeLost = "dispute_lost",
        /// Paid; then disputed, and decided for the buyer by half.
        DisputePart = "dispute_part",
    }
}

words! {
    /// What becomes of an order to refund.
    RefundWord {
        /// Given back at once.
        Succeed = "succeed",
        /// Given back a second later; told by notification.
        RefundLater = "refund_later",
        /// Refused for good; another way is what should be done.
        RefundFail = "refund_fail",
        /// Refused for good, and no other way is named.
        RefundRefused = "refund_refused",
        /// Given back, but the answer is lost; a query tells.
        RefundUnknown = "refund_unknown",
        /// Given back at once, and a second later it comes back.
        RefundReturned = "refund_returned",
    }
}

words! {
    /// What becomes of an order to pay out.
    PayoutWord {
        /// Paid out at once.
        Succeed = "succeed",
        /// Refused for good.
        PayoutFail = "payout_fail",
        /// Paid out at once, and a second later it comes back.
        PayoutReturned = "payout_returned",
        /// Paid out, but the answer is lost; a query tells.
        PayoutUnknown = "payout_unknown",
    }
}

/// Whether this word may stand on a payout.
pub fn is_payout_word(text: &str) -> bool {
    PayoutWord::parse(text).is_some()
}

/// Whether this word may stand on a channel tool.
pub fn is_pay_word(text: &str) -> bool {
    PayWord::parse(text).is_some()
}

/// Whether this word may stand on a refund.
pub fn is_refund_word(text: &str) -> bool {
    RefundWord::parse(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_in_json() {
        for word in PayWord::ALL {
            assert_eq!(serde_json::to_value(word).unwrap(), word.as_str());
        }
        for word in RefundWord::ALL {
            assert_eq!(serde_json::to_value(word).unwrap(), word.as_str());
        }
        for word in PayoutWord::ALL {
            assert_eq!(serde_json::to_value(word).unwrap(), word.as_str());
            assert!(is_payout_word(word.as_str()));
        }
        assert!(!is_payout_word("refund_fail"));
        assert!(is_pay_word("succeed") && is_refund_word("succeed"));
        assert!(!is_pay_word("refund_fail") && !is_refund_word("decline") && !is_pay_word(""));
    }
}
