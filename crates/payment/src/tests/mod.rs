//! The aggregate as a whole, in a small world: a ledger of places, coupons, and institutions that say what a test wants.

mod chaos;
mod check;
mod combined;
mod desk;
mod disputes;
mod dues;
mod grid;
mod ledger;
mod payouts;
mod refunds;
mod rules;
mod show;
mod stories;
mod tools;
mod world;
