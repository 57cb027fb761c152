//! refund_outcomes
