//! Decimal text to minor units, exactly: digits are moved, never computed with floating point.

/// Digits after the point in the files' currency (BRL).
pub const EXPONENT: usize = 2;

/// Reads an amount such as `218.04`, `31.5` or `12` as minor units. Refused, with the reason: signs, exponents, anything
/// else than ASCII digits and one point, more decimals than the currency has (even zeros: the text is not what it says
/// it is), and what does not fit.
pub fn parse_minor(text: &str) -> Result<i64, &'static str> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err("nothing after the point"),
        Some(parts) => parts,
        None => (text, ""),
    };
    if whole.is_empty() {
        return Err("no digits before the point");
    }
    if fraction.len() > EXPONENT {
        return Err("more decimals than the currency has");
    }
    let zeros = std::iter::repeat_n(b'0', EXPONENT - fraction.len());
    whole.bytes().chain(fraction.bytes()).chain(zeros).try_fold(0_i64, |value, byte| {
        if !byte.is_ascii_digit() {
            return Err("not a plain decimal number");
        }
        value.checked_mul(10).and_then(|value| value.checked_add(i64::from(byte - b'0'))).ok_or("too large")
    })
}

/// Minor units as a decimal number for people.
pub fn show(minor: i128) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let digits = format!("{:03}", minor.unsigned_abs());
    let (whole, fraction) = digits.split_at(digits.len() - EXPONENT);
    format!("{sign}{whole}.{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (text, minor) in
            [("218.04", 21_804), ("0.00", 0), ("0.29", 29), ("31.5", 3_150), ("12", 1_200), ("007.10", 710)]
        {
            assert_eq!(parse_minor(text), Ok(minor), "{text}");
        }
        assert_eq!(parse_minor("92233720368547758.07"), Ok(i64::MAX));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", ".", "1.", ".5", "-1.00", "+1", "1e2", "1.005", "1.000", "1,00", " 1", "１", "NaN", "1.2.3"] {
            assert!(parse_minor(text).is_err(), "{text}");
        }
        assert_eq!(parse_minor("92233720368547758.08"), Err("too large"));
    }

    #[test]
    fn amounts_are_shown() {
        assert_eq!(show(798_056_376), "7980563.76");
        assert_eq!(show(5), "0.05");
        assert_eq!(show(-105), "-1.05");
    }
}
