//! Spans of time as people write them: a whole number and one unit, as `30m`, `2h` or `10d`.

use kernel::time::{DAY_US, HOUR_US, MINUTE_US, SECOND_US};

const UNITS: [(char, i64); 4] = [('d', DAY_US), ('h', HOUR_US), ('m', MINUTE_US), ('s', SECOND_US)];

/// Microseconds; `None` where the text is no span, or one that is too long to count.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let unit = text.chars().next_back()?;
    let (_, micros) = UNITS.into_iter().find(|(letter, _)| *letter == unit)?;
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<i64>().ok()?.checked_mul(micros)
}

/// The same back in words, in the largest unit that fits without a rest.
pub(crate) fn words(micros: i64) -> String {
    let fits = UNITS.into_iter().find(|(_, unit)| micros % unit == 0);
    let (letter, unit) = fits.unwrap_or(('s', SECOND_US));
    format!("{}{letter}", micros / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_come_back() {
        for text in ["1s", "90s", "30m", "2h", "10d"] {
            assert_eq!(parse(text).map(words).as_deref(), Some(text));
        }
        assert_eq!(parse("24h").map(words).as_deref(), Some("1d"));
        for text in ["", "h", "2", "-2h", "+2h", "2.5h", "2 h", "2w", "9223372036854775807d", "99999999999999999999s"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
