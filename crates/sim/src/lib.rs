//! A seeded world: two nodes on one database of one shard or several, and an institution, in one thread, in virtual time,
//! with faults where real ones strike.
//!
//! The rules, the batch loop, the workers and the SQL are the real ones (SQLite in memory), so are the adapter and the
//! bank behind it; only time, randomness, the wire and the store's door are replaced. A run is: *plan* (everything that
//! is asked and everything that goes wrong, drawn from the seed as data), *safety* (the plan is played; some invariants
//! are looked at meanwhile), *heal* (no more faults; callers ask again for whatever they do not know; 48 hours pass),
//! *judge* (every invariant of the verifier, and an oracle that knows what callers were told and what the institution
//! did). The same plan gives the same trace.
//!
//! | concept | file |
//! |---|---|
//! | a run from plan to verdict | `world` |
//! | everything that happens, as data; drawing it | `plan` |
//! | what callers ask, and remember | `callers` |
//! | who takes part, and in which shard each lives | `people` |
//! | what must be in the end, and in every answer | `oracle` |
//! | a node that can crash | `node` |
//! | faults that wait to strike | `mishap` |
//! | the store's door; the way to the institution; its notifications | `disk`, `wire`, `post` |
//! | the institution's own truth | `institution` |
//! | bugs that are put in on purpose | `planted` |
//! | shortening a plan that found something | `shrink` |
//! | randomness and time; the processor's time that a run takes | `rng`, `clock`, `cpu` |

mod callers;
mod clock;
pub mod cpu;
mod disk;
mod institution;
mod mishap;
mod node;
mod oracle;
mod people;
mod plan;
mod planted;
mod post;
mod risk;
mod rng;
mod shrink;
mod wire;
mod world;

pub use plan::{
    Act, Gift, Kind, Means, OfChild, Party, Plan, Portion, PostFault, Sale, Slice, StoreFault, What, WireFault,
};
pub use planted::Planted;
pub use shrink::shrink;
pub use world::{Verdict, play};

/// The plan of a seed.
pub fn draw(seed: u64) -> Plan {
    plan::draw(seed)
}
