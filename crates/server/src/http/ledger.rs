//! The ledger (账务) as a whole, for the platform only.

use kernel::{Code, Currency, Problem};

use super::query::Query;
use super::visit::{Shown, Visit};

/// `GET /v1/ledger/trial_balance`
pub(super) async fn trial_balance(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let currency =
        query.read("currency", Code::unknown_currency, "a currency of ISO 4217, or PTS", Currency::on_books)?;
    let date = query.read("date", Code::invalid_time, "a date, as 2026-11-23", day)?;
    query.finish()?;
    let currency = currency.ok_or_else(|| Problem::at(Code::missing_field, "currency", "name the currency"))?;
    visit.house.doors.lookup.trial_balance(currency, date).await.map(Shown::json)
}

/// `2026-11-23` as the number 20261123.
pub(super) fn day(text: &str) -> Option<i64> {
    let date: jiff::civil::Date = text.parse().ok().filter(|_| text.len() == 10)?;
    Some(i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        assert_eq!(day("2026-11-23"), Some(20_261_123));
        for bad in ["2026-02-30", "20261123", "2026-11-23T00:00:00", "", "2026-1-3"] {
            assert_eq!(day(bad), None, "{bad}");
        }
    }
}
