//! The doors as a client meets them: the whole router in-process, with fakes behind it.
//!
//! `house` is the fixture. The others go through a subject each, most of them over every route of the table, so that a
//! route added tomorrow is tested tomorrow.

mod callers;
mod document;
mod fuzz;
mod house;
mod pages;
mod reads;
mod shapes;
mod sockets;
mod transport;
