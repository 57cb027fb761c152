//! The trade core's rules (交易核心): what a business system's order may do with money, and when.
//!
//! A [`Trade`] is opened by [`Trade::create`] and told everything else through [`Trade::handle`], which is three pure
//! steps: [`Trade::decide`] (may it be, and what happens then), [`Trade::apply`] (it happened) and [`Trade::react`] (who
//! must be told). The whole machine is the two matches in `machine.rs`; its grid of states and inputs is a snapshot.
//!
//! How money goes through a trade:
//! 1. *Paid*: every due is paid by one payment. `escrow` money then waits in escrow (2004); all other money is with the
//!    receivers at once, by the payment's own voucher: pending settlement, or on the balance that a `topup` fills. Of several
//!    dues the money waits in escrow until the last is paid, whatever the type; where one is not paid in time, what the
//!    others brought goes back or is forfeited to the receivers ([`kernel::message::trade::UnpaidDue`]).
//! 2. *Released*: the merchant, or time, confirms, whole or in parts; what nobody asked back goes to the receivers (2003).
//! 3. *Returned*: a refund reserves at once what it will take, from escrow first, then from what was released; the payment
//!    core says later whether it went through. What is reserved is neither released nor refunded a second time.
//!
//! A transfer whose payee lives in another shard is *paid* when the money has left for there, and *completed* when the payee
//! has it; refused there, it is back with its payer and the trade closed ([`Crossing`]).
//!
//! A *combined* trade has no receivers: it pays its *children*, ordinary trades of the same buyer, which wait for it and are
//! paid or closed with it, in the same batch. After that each of them goes its own way.
//!
//! The trade knows amounts per receiver and nothing of tools, institutions or accounts: those belong to the payment core
//! and to accounting. Refunds are listed (and their merchant numbers kept unique) by the payment core alone.

mod event;
mod machine;
mod moved;
mod open;
mod parts;
mod reaction;
mod refusal;
mod status;
mod timer;
mod trade;

#[cfg(test)]
mod tests;

pub use event::Event;
pub use machine::{Crossing, Input, Known};
pub use moved::Moved;
pub use reaction::{Message, News, Reaction};
pub use refusal::{Excess, Refusal};
pub use status::{ClosedReason, Status, Stop};
pub use timer::{Timer, TimerKind};
pub use trade::{Child, Due, DuePaid, Split, Trade};
