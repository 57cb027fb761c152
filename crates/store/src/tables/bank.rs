//! The simulated institution's own records. They share no transaction with ours, as a real institution's would not.

use crate::{Text, row, statements};

row! {
    /// One order at the simulated institution.
    pub struct BankOrder in Bank "bank_order" key 1 {
        /// Our number of it.
        pub number: Text,
        /// When its next notification is due, in microseconds; none where nothing is to be told.
        pub due: Option<i64>,
        /// The record, as JSON that SQL never looks into.
        pub body: Text,
    }
    index "bank_order_due" (due) where "due IS NOT NULL";
}

statements! {
    /// The orders whose notifications are due first.
    NEXT_DUE = "bank.next_due" (Int)
        "SELECT number, due, body FROM bank_order WHERE due IS NOT NULL ORDER BY due LIMIT $1";
    /// The orders after a number, for a statement.
    AFTER = "bank.after" (Text, Int)
        "SELECT number, due, body FROM bank_order WHERE number > $1 ORDER BY number LIMIT $2";
}
