//! The machine from outside: its grid, stories about each command, and properties over random histories.

mod close;
mod combined;
mod confirm;
mod create;
mod dispute;
mod dues;
mod fixture;
mod grid;
mod pay;
mod payout;
mod properties;
mod refund;
mod repayment;
mod topup;
mod transfer;
