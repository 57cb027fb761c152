#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    dead_code, unused_macros
)]
#[macro_use]
#[path = "it/host.rs"]
mod host;
#[path = "it/api.rs"]
mod api;
#[path = "it/books.rs"]
mod books;
#[path = "it/server.rs"]
mod server;
#[path = "it/shop.rs"]
mod shop;
#[path = "it/store.rs"]
mod store;
#[path = "it/attacks/mod.rs"]
mod attacks;
