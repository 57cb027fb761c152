//! Stories, by what they are about.

mod blocks;
mod cases;
mod credit;
mod disputes;
mod dues;
mod endings;
mod escrow;
mod events;
mod gifts;
mod instant;
mod ledger;
mod offers;
mod outcomes;
mod payouts;
mod points;
mod refund_outcomes;
mod refunds;
mod repeats;
mod rules;
mod scopes;
mod search;
mod statement;
mod tools;
mod topups;
mod transfers;
mod velocity;
pub(crate) mod webhooks;
