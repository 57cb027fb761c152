//! The sandbox against the order machine: every word to its end, faults on the wire, attacks on the wire.

mod attacks;
mod stories;
mod world;
