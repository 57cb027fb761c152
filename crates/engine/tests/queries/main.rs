//! Queries and projections over stores that a real line has written.

mod accounts;
mod house;
mod lists;
mod objects;
mod rebuild;
