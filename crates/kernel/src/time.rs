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

    /// The beginning, in a zone, of the calendar day that is so many days after this moment's.
    pub fn days_on(self, days: u8, zone: &jiff::tz::TimeZone) -> Self {
        self.beginning(zone, |today| today.checked_add(jiff::Span::new().days(days)).ok())
    }

    /// The beginning, in a zone, of the next day of a month with this number (1 to 28) after this moment's day.
    pub fn next_monthday(self, day: u8, zone: &jiff::tz::TimeZone) -> Self {
        self.beginning(zone, |today| {
            let of_month = today.with().day(i8::try_from(day).ok()?).build().ok()?;
            let next = if of_month > today { Some(of_month) } else { None };
            next.or_else(|| of_month.checked_add(jiff::Span::new().months(1)).ok())
        })
    }

    /// The beginning of a day that follows from this moment's; the last moment there is where the calendar ends before.
    fn beginning(
        self,
        zone: &jiff::tz::TimeZone,
        day: impl FnOnce(jiff::civil::Date) -> Option<jiff::civil::Date>,
    ) -> Self {
        let stamp = jiff::Timestamp::from_microsecond(self.0).ok();
        let day = stamp.and_then(|stamp| day(zone.to_datetime(stamp).date()));
        let begins = day.and_then(|day| day.to_zoned(zone.clone()).ok());
        begins.map_or(Self(i64::MAX), |begins| Self(begins.timestamp().as_microsecond()))
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

    #[test]
    fn days_begin_where_the_zone_says() {
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
        let at = |text: &str| Time::parse(text).unwrap();
        let next = |text: &str, day| at(text).next_monthday(day, &zone).to_string();
        assert_eq!(next("2026-11-09T15:59:59.999999Z", 10), "2026-11-09T16:00:00.000000Z");
        assert_eq!(next("2026-11-09T16:00:00Z", 10), "2026-12-09T16:00:00.000000Z", "the day itself has begun");
        assert_eq!(next("2026-12-31T12:00:00Z", 28), "2027-01-27T16:00:00.000000Z");
        assert_eq!(next("2027-01-30T12:00:00Z", 28), "2027-02-27T16:00:00.000000Z");
        assert_eq!(at("2026-02-27T17:00:00Z").days_on(1, &zone).to_string(), "2026-02-28T16:00:00.000000Z");
        let end = Time::from_micros(i64::MAX);
        assert_eq!((end.days_on(1, &zone), end.next_monthday(1, &zone)), (end, end));
    }
}
