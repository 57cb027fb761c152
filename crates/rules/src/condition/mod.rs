//! A condition, checked: an expression in which every part has a type, no step can fail, and the number of steps is known.
//!
//! CEL's own interpreter has no types before it runs, errors while it runs, and no bound; so only its parser is used, and
//! what it reads becomes this. A property test holds both to the same answers.

mod check;
mod range;

use std::borrow::Cow;

pub(crate) use check::{Checked, Definitions, Typed, check, names};
pub(crate) use range::Range;

use crate::facts::{Facts, Name};

/// True or false.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Logic {
    Is(bool),
    Not(Box<Self>),
    And(Box<(Self, Self)>),
    Or(Box<(Self, Self)>),
    If(Box<(Self, Self, Self)>),
    Same(Box<(Self, Self)>),
    Compare(Order, Box<(Number, Number)>),
    SameText(Box<(Text, Text)>),
    NumberIn(Box<Number>, Vec<i64>),
    TextIn(Box<Text>, Texts),
    Test(Test, Box<(Text, Text)>),
}

/// How two numbers stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Same,
    Less,
    AtMost,
}

/// How one text lies in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    Starts,
    Ends,
    Contains,
}

/// A whole number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Number {
    Is(i64),
    Named(Name),
    Add(Box<(Self, Self)>),
    Subtract(Box<(Self, Self)>),
    Multiply(Box<(Self, Self)>),
    Divide(Box<(Self, Self)>),
    Rest(Box<(Self, Self)>),
    Negate(Box<Self>),
    If(Box<(Logic, Self, Self)>),
}

/// A text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Text {
    Is(String),
    Named(Name),
    If(Box<(Logic, Self, Self)>),
}

/// A list of texts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Texts {
    Are(Vec<String>),
    Named(Name),
}

/// What a condition is asked about.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) facts: &'a Facts<'a>,
    /// The book's distance from UTC, in microseconds.
    pub(crate) offset_us: i64,
}

impl Logic {
    pub(crate) fn holds(&self, question: Question<'_>) -> bool {
        match self {
            Self::Is(value) => *value,
            Self::Not(of) => !of.holds(question),
            Self::And(both) => both.0.holds(question) && both.1.holds(question),
            Self::Or(both) => both.0.holds(question) || both.1.holds(question),
            Self::If(parts) => match parts.0.holds(question) {
                true => parts.1.holds(question),
                false => parts.2.holds(question),
            },
            Self::Same(both) => both.0.holds(question) == both.1.holds(question),
            Self::Compare(order, both) => order.between(both.0.value(question), both.1.value(question)),
            Self::SameText(both) => both.0.value(question) == both.1.value(question),
            Self::NumberIn(number, list) => list.contains(&number.value(question)),
            Self::TextIn(text, list) => list.holds(&text.value(question), question),
            Self::Test(test, both) => test.of(&both.0.value(question), &both.1.value(question)),
        }
    }
}

impl Order {
    const fn between(self, left: i64, right: i64) -> bool {
        match self {
            Self::Same => left == right,
            Self::Less => left < right,
            Self::AtMost => left <= right,
        }
    }
}

impl Test {
    fn of(self, text: &str, part: &str) -> bool {
        match self {
            Self::Starts => text.starts_with(part),
            Self::Ends => text.ends_with(part),
            Self::Contains => text.contains(part),
        }
    }
}

impl Number {
    /// Nothing here reaches an end of the range and no divisor is zero: that was checked when the book was loaded.
    fn value(&self, question: Question<'_>) -> i64 {
        match self {
            Self::Is(value) => *value,
            Self::Named(name) => question.facts.number(*name, question.offset_us),
            Self::Add(both) => Self::of(both, question, i64::saturating_add),
            Self::Subtract(both) => Self::of(both, question, i64::saturating_sub),
            Self::Multiply(both) => Self::of(both, question, i64::saturating_mul),
            Self::Divide(both) => Self::of(both, question, |left, right| left.checked_div(right).unwrap_or(0)),
            Self::Rest(both) => Self::of(both, question, |left, right| left.checked_rem(right).unwrap_or(0)),
            Self::Negate(of) => of.value(question).saturating_neg(),
            Self::If(parts) => match parts.0.holds(question) {
                true => parts.1.value(question),
                false => parts.2.value(question),
            },
        }
    }

    fn of(both: &(Self, Self), question: Question<'_>, calculate: fn(i64, i64) -> i64) -> i64 {
        calculate(both.0.value(question), both.1.value(question))
    }
}

impl Text {
    fn value<'a>(&'a self, question: Question<'a>) -> Cow<'a, str> {
        match self {
            Self::Is(value) => value.into(),
            Self::Named(name) => question.facts.text(*name),
            Self::If(parts) => match parts.0.holds(question) {
                true => parts.1.value(question),
                false => parts.2.value(question),
            },
        }
    }
}

impl Texts {
    fn holds(&self, text: &str, question: Question<'_>) -> bool {
        match self {
            Self::Are(list) => list.iter().any(|known| known == text),
            Self::Named(name) => question.facts.texts(*name).any(|known| known == text),
        }
    }
}
