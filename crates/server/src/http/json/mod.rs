//! Strict JSON: what a client meant, or a refusal that names the place.
//!
//! Three steps, each pure. [`parse`] reads the bytes into a tree and refuses what two readers could understand
//! differently: duplicate names, lone surrogates, control characters, deep nesting. [`Fields`] reads an object of that
//! tree by name and type and refuses what is left over. [`body_hash`] is the same for two bodies that mean the same.
//! A number stays the text that was sent until somebody asks for it as a type, so no float ever stands for money.

mod amount;
mod fields;
mod hash;
mod parse;

use std::collections::BTreeMap;

pub(crate) use fields::Fields;
pub(crate) use hash::body_hash;
pub(crate) use parse::parse;

/// A parsed body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it was sent.
    Number(String),
    /// A text without control characters.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object; no name occurs twice.
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// The name of its type, for people.
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}
