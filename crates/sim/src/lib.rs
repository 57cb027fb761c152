//! A seeded world: two nodes on one database, in one thread, in virtual time, with faults where real ones strike.
//!
//! The rules, the batch loop and the SQL are the real ones (SQLite in memory); only time, randomness and the store's door
//! are replaced. A run is: *plan* (operations and faults drawn from the seed), *safety* (operations while commits get
//! lost, nodes crash and work past each other), *heal* (no more faults; callers ask again for whatever they do not know),
//! *judge* (what was acknowledged is there once, what was refused is not, an independent model has the same balances, and
//! every invariant of the verifier holds). The same seed gives the same trace.
//!
//! | concept | file |
//! |---|---|
//! | a run from seed to verdict | `world` |
//! | what callers ask, and ask again | `caller` |
//! | the oracle: what balances must be | `model` |
//! | faults at the store's door, planted bugs among them | `faults` |
//! | a node that can crash | `node` |
//! | randomness and time | `rng`, `clock` |

mod caller;
mod clock;
mod faults;
mod model;
mod node;
mod rng;
mod world;

pub use faults::Planted;
pub use world::{Verdict, run};
