//! Time as a value: microseconds since the Unix epoch, UTC. Nothing below the server reads a clock.

use std::fmt;

use serde::{Serialize, Serializer};

/// A moment, in microseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

/// Microseconds of one second.
pub const SECOND_US: i64 = 1_000_000;
/// Microseconds of one minute.
pub const MINUTE_US: i64 = 60 * SECOND_US;
/// Microseconds of one hour.
pub const HOUR_US: i64 = 60 * MINUTE_US;
/// Microseconds of one day.
pub const DAY_US: i64 = 24 * HOUR_US;

impl Time {
    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The moment `micros` later (earlier when negative); stops at the ends of the range.
    pub const fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Microseconds from `earlier` to here; stops at the ends of the range.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Parses RFC 3339, any offset.
    pub fn parse(text: &str) -> Option<Self> {
        let stamp: jiff::Timestamp = text.parse().ok()?;
        Some(Self(stamp.as_microsecond()))
    }

    /// The calendar day of this moment in a zone, as the number `yyyymmdd`.
    pub fn day_in(self, zone: &jiff::tz::TimeZone) -> i64 {
        let Ok(stamp) = jiff::Timestamp::from_microsecond(self.0) else { return 0 };
        let date = zone.to_datetime(stamp).date();
        i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(stamp) => write!(f, "{stamp:.6}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_round_trip_and_days() {
        let time = Time::parse("2026-11-23T16:18:45.123456+08:00").unwrap();
        assert_eq!(time.to_string(), "2026-11-23T08:18:45.123456Z");
        assert_eq!(Time::parse(&time.to_string()), Some(time));
        assert_eq!(Time::parse("yesterday"), None);
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
        assert_eq!(Time::parse("2026-12-31T16:00:00Z").unwrap().day_in(&zone), 20_270_101);
    }
}
