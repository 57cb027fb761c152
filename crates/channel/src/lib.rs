//! The channel gateway (渠道网关): what we asked institutions to do, what they verifiably said, and how to speak to them.
//!
//! Two halves, both pure. [`order`] is the state machine of channel orders (attempts at an institution): it decides what
//! an institution's word means, when to ask again (补单), and which facts the payment core hears, each once. [`adapter`]
//! is the contract of a plug-in: bytes in, bytes out, and a [`profile`] as data. [`sandbox`] is the first plug-in, together
//! with the simulated institution behind it. Nothing here does I/O, reads a clock or draws a random number; money moves
//! on an institution's own verified word only, never on a time-out.

pub mod adapter;
pub mod order;
pub mod profile;
pub mod registry;
pub mod sandbox;
pub mod signature;

pub use adapter::{Account, Adapter, Answer, Call, Incoming, Notification, Outgoing, Refused, StatementLine, Task};
pub use order::{
    Event, Evidence, Input, Job, Known, Message, Order, Orders, Outcome, PayStatus, PayoutStatus, Reaction,
    RefundStatus, Refusal, Source, Timer, TimerKind, Told,
};
pub use profile::{Operation, Profile, Profiles};
pub use registry::Registry;
