//! `suanpan`, the binary: configuration, command line, HTTP doors, telemetry, and the ports on the real world.
//!
//! Read in this order: `cli` (what can be called), `runtime` (how the parts become a server), `http` (the doors), `ports`
//! (clock, randomness, sockets, threads), `bank` (the embedded sandbox institution). No rule about money is here.

mod bank;
mod cli;
mod config;
mod http;
mod ports;
mod runtime;
mod telemetry;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // First of all: with two providers in the graph TLS would have to guess. It can only be set once, and this is it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    cli::main().into()
}
