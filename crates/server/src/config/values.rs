//! The types of values that are more than a number or a text; each says what it allows.

use std::fmt;
use std::str::FromStr;

use kernel::StoredKind;
use payment::CaseKind;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Which world this deployment belongs to; its keys carry it in their prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Environment {
    /// Simulated institutions, `sk_test_…`.
    Test,
    /// Real money, `sk_live_…`.
    Live,
}

impl Environment {
    /// The one word used in configuration and answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Live => "live",
        }
    }
}

impl FromStr for Environment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "test" => Ok(Self::Test),
            "live" => Ok(Self::Live),
            other => Err(format!("{other:?} is not allowed; allowed: test, live")),
        }
    }
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people on a terminal, for machines elsewhere.
    Auto,
    /// For people.
    Pretty,
    /// One JSON object per line.
    Json,
}

impl LogFormat {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Pretty => "pretty",
            Self::Json => "json",
        }
    }
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Auto, Self::Pretty, Self::Json]
            .into_iter()
            .find(|known| known.as_str() == text)
            .ok_or_else(|| format!("{text:?} is not allowed; allowed: auto, pretty, json"))
    }
}

/// A kind of case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CaseKindWord(pub(crate) CaseKind);

impl fmt::Display for CaseKindWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl FromStr for CaseKindWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        CaseKind::parse(text).map(Self).ok_or_else(|| {
            let words = CaseKind::ALL.map(CaseKind::as_str).join(", ");
            format!("{text:?} is not allowed; allowed: {words}")
        })
    }
}

/// A time zone of the IANA database.
#[derive(Clone, Debug)]
pub(crate) struct Zone(pub(crate) jiff::tz::TimeZone);

impl Default for Zone {
    fn default() -> Self {
        // A machine without the database of zones still has the default one: China has had one offset since 1991.
        let fixed = || jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
        Self(jiff::tz::TimeZone::get("Asia/Shanghai").unwrap_or_else(|_| fixed()))
    }
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        jiff::tz::TimeZone::get(text)
            .map(Self)
            .map_err(|_| format!("{text:?} is not allowed; allowed: a zone of the IANA database, as Asia/Shanghai"))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.iana_name().unwrap_or("Asia/Shanghai"))
    }
}

/// A kind of stored value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored(pub(crate) StoredKind);

impl FromStr for Stored {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = "allowed: a word of small letters, digits and _, as meal_card, that no other tool is called by";
        StoredKind::parse(text).map(Self).ok_or_else(|| format!("{text:?} is not allowed; {allowed}"))
    }
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The address of a store. Shown without a password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct StoreUrl(pub(crate) store::Url);

impl StoreUrl {
    /// A directory of SQLite files.
    pub(crate) fn sqlite(directory: impl Into<std::path::PathBuf>) -> Self {
        Self(store::Url::Sqlite(directory.into()))
    }
}

impl FromStr for StoreUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The value itself may hold a password, so it is not repeated.
        let allowed = "allowed: sqlite:DIRECTORY, postgres://user:password@host:port/database";
        text.parse().map(Self).map_err(|_| format!("the value is not the address of a store; {allowed}"))
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A secret. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that needs it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Serialised as shown, read by `FromStr`, so that a value in a file and one in the environment mean the same.
macro_rules! as_text {
    ($($name:ty),+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

as_text!(Environment, LogFormat, Zone, CaseKindWord, Stored, StoreUrl, Secret);
