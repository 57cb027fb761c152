//! The payment core (支付核心): plans a payment over tools, runs its instructions, and handles every exception.
//!
//! One aggregate, [`Payments`], holds everything that was ever paid and given back for one trade. It is told commands by
//! the trade core and facts by the channel gateway and by accounting ([`Input`]); it answers with events, and these become
//! messages for the neighbours ([`Message`]) and news for the log ([`News`]). Coupons, gifts and grants of points are small aggregates of their
//! own ([`coupon::Coupon`], [`gift::Gift`], [`points::PointsGrant`], [`counter::Counter`]), because many trades, or many users, may want the same
//! one.
//!
//! | concept | file |
//! |---|---|
//! | the aggregate and the one door into it | `payments.rs`, `input.rs`, `draft.rs` |
//! | what happened, what it changes, whom it concerns | `event.rs`, `apply.rs`, `react.rs`, `news.rs` |
//! | the four machines | `payment.rs`, `instruction.rs`, `refund.rs`, `case.rs` |
//! | checking and opening a payment | `plan.rs` |
//! | what each tool does | `tool/` |
//! | how often and how much within a time | `counter.rs` |
//! | credit lines and their bills | `credit.rs`, `bill.rs` |
//! | what institutions say about orders to pay | `outside.rs` |
//! | success, late success | `settle.rs` |
//! | one payment for several trades | `combined.rs` |
//! | cancel, stop, failure, compensation | `ending.rs` |
//! | money that belongs to nothing | `surplus.rs` |
//! | paying out | `payout.rs` |
//! | what institutions take back for buyers | `dispute.rs` |
//! | giving money back | `giving_back.rs`, `spread.rs` |
//! | what people decide | `resolve.rs` |
//!
//! What bounds it: [`kernel::limits`]. What never happens here: I/O, clocks, randomness; a fact that is refused; a payment
//! that fails without a sure no; money that is dropped.

mod apply;
pub mod bill;
pub mod case;
mod combined;
pub mod counter;
pub mod coupon;
pub mod credit;
pub mod dispute;
mod draft;
mod ending;
mod event;
pub mod gift;
mod giving_back;
mod input;
pub mod instruction;
mod news;
mod outside;
pub mod payment;
mod payments;
mod payout;
mod plan;
pub mod points;
mod react;
pub mod refund;
mod refusal;
mod resolve;
mod settle;
mod spread;
mod surplus;
#[cfg(test)]
mod tests;
mod tool;

pub use bill::Bill;
pub use case::{Approvals, Case, CaseKind, CaseStep, Subject, TrailEntry};
pub use counter::Counter;
pub use coupon::{Coupon, CouponTerms};
pub use credit::{BillTerms, Billing, CreditLine, Oldest};
pub use dispute::{Dispute, DisputeLine, DisputeStatus};
pub use event::{Event, MoneyPlace};
pub use gift::Gift;
pub use input::{Booking, ChannelAccount, Input, Known, Message, Reaction, Routes};
pub use instruction::{CouponUse, Instruction, InstructionStatus, PointsUse};
pub use news::{News, ObjectRef};
pub use payment::{Ending, Failure, FailureCode, Payment, PaymentStatus};
pub use payments::Payments;
pub use points::PointsGrant;
pub use refund::{Line, Part, PartSource, PartStatus, ReasonCode, Refund, RefundStatus, Way};
pub use refusal::Refusal;
