//! Runs the rules: the batch loop, the flows between domains, the workers, and the reads of the doors.
//!
//! | concept | where |
//! |---|---|
//! | what waits for a line, and who is let in | `queue` |
//! | one shard's ordered line: take, decide, load, write, answer | `line` |
//! | deciding a batch, and its rows | `batch`, `ledger`, `news`, `tasks` |
//! | one request: key, flow, answer | `serve`, `answers`, `view` |
//! | which shard's line a request goes to | `route` |
//! | what each command does over the domains | `flows` |
//! | objects as clients see them | `wire` |
//! | reading the log with its bodies | `events` |
//! | what happens after a commit: due tasks, webhooks, projections | `work` |
//! | what the doors read | `query` |
//! | merchants, keys, endpoints, rule books | `control`, `planning` |
//! | what the outside risk service is told of a payment | `question` |
//! | everything that must always hold, proven from the rows | `verify` |
//! | the outside world, as traits | `ports` |
//!
//! No business rule is here (they are in the domain crates), no SQL (that is in `store`), and no runtime, timer or socket:
//! the same code runs on a thread of its own, on a task, and in the simulator.

pub mod answers;
pub mod batch;
pub mod channels;
pub mod control;
pub mod events;
pub mod flows;
pub mod ledger;
pub mod line;
pub mod news;
pub mod place_id;
pub mod planning;
pub mod ports;
pub mod query;
pub mod question;
pub mod queue;
pub mod request;
pub mod route;
pub mod serve;
pub mod stop;
pub mod tasks;
pub mod verify;
pub mod view;
pub mod wire;
pub mod work;
