//! Attacks and bad input: numbered cases, each a test that says what is answered and that nothing has changed.
//!
//! `table` lists every case with its test, or with the feature that it waits for; when that feature comes, the table
//! fails and asks for the case. `stage` is where attacks are played: a server, two merchants, and the question whether
//! a refusal wrote anything (`rows`). `wire` sends what no client library would. The files go by the sections of the
//! list: the letter and the number of a case begin the name of its test.

mod carts;
mod hooks;
mod idempotency;
mod keys;
mod money;
mod mutations;
mod notify;
mod races;
mod routes;
mod rows;
mod rules;
mod shape;
mod stage;
mod state;
mod table;
mod tenancy;
mod texts;
mod transport;
mod wire;
