//! From what was sent to an [`Amount`]: minor units as a JSON integer, and nothing that resembles one.
//!
//! | sent | refusal |
//! |---|---|
//! | `0`, `-1` | 422 `amount_not_positive` |
//! | `9223372036854775807`, `1000000000000000000000` | 422 `amount_out_of_range` |
//! | more decimal places than the currency has, where the body names it: JPY `100.00`, BHD `1.2345` | 422 `currency_exponent_mismatch` |
//! | an exponent: `1e2`; less than one minor unit: `0.005` | 400 `invalid_amount` |
//! | a text that somebody would take for an integer: `"5"`, `"+5"`, `" 5"`, `"0x10"`, `"５"` | 400 `invalid_amount` |
//! | any other fraction, text or type: `1.5`, `"1e3"`, `true`, `null`, `[]` | 400 `invalid_type` |

use kernel::money::AmountError;
use kernel::{Amount, Code, Currency};

use super::Json;

/// Why a value is not an amount: the code, and the words.
pub(super) type Refusal = (Code, &'static str);

const NOT_AN_INTEGER: Refusal = (Code::invalid_type, "an amount is an integer number of minor units");
const NOT_PLAIN: Refusal = (Code::invalid_amount, "an amount is a plain integer number of minor units");
const NOT_THE_SCALE: Refusal =
    (Code::currency_exponent_mismatch, "more decimal places than the currency has; send its minor units as an integer");
const NOT_POSITIVE: Refusal = (Code::amount_not_positive, "an amount must be positive");
const OUT_OF_RANGE: Refusal = (Code::amount_out_of_range, "the amount is out of range");

/// Reads an amount; `currency` is given where the body names it.
pub(super) fn read(value: &Json, currency: Option<Currency>) -> Result<Amount, Refusal> {
    match value {
        Json::Number(number) => read_number(number, currency),
        Json::Text(text) if looks_like_integer(text) => Err(NOT_PLAIN),
        Json::Text(_) | Json::Null | Json::Bool(_) | Json::List(_) | Json::Object(_) => Err(NOT_AN_INTEGER),
    }
}

fn read_number(number: &str, currency: Option<Currency>) -> Result<Amount, Refusal> {
    if number.contains(['e', 'E']) {
        return Err(NOT_PLAIN);
    }
    if let Some((whole, decimals)) = number.split_once('.') {
        return Err(match currency {
            Some(currency) if decimals.len() > usize::from(currency.exponent()) => NOT_THE_SCALE,
            _ if whole.trim_start_matches('-') == "0" => NOT_PLAIN,
            _ => NOT_AN_INTEGER,
        });
    }
    if number.starts_with('-') {
        return Err(NOT_POSITIVE);
    }
    // The grammar leaves only digits; what does not fit into 64 bits is too large.
    let minor: i64 = number.parse().map_err(|_| OUT_OF_RANGE)?;
    Amount::new(minor).map_err(refusal)
}

/// Why a sum or a number is no amount.
pub(super) fn refusal(error: AmountError) -> Refusal {
    match error {
        AmountError::NotPositive => NOT_POSITIVE,
        AmountError::OutOfRange => OUT_OF_RANGE,
    }
}

/// Whether a lenient reader somewhere would take the text for an integer.
fn looks_like_integer(text: &str) -> bool {
    let text = text.trim().trim_start_matches(['+', '-']);
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => !text.is_empty() && text.chars().all(char::is_numeric),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::json::parse;

    #[track_caller]
    fn code_of(sent: &str, currency: &str) -> Code {
        read(&parse(sent.as_bytes()).unwrap(), Currency::parse(currency)).unwrap_err().0
    }

    #[test]
    fn a6_wrong_type() {
        for sent in ["\"1e3\"", "true", "null", "[]", "{}", "\"\"", "\"abc\"", "\"100.00\""] {
            assert_eq!(code_of(sent, "CNY"), Code::invalid_type, "{sent}");
        }
    }

    #[test]
    fn b16_b17_not_positive() {
        for sent in ["0", "-0", "-1", "-9223372036854775808", "-1000000000000000000000000000000"] {
            assert_eq!(code_of(sent, "CNY"), Code::amount_not_positive, "{sent}");
        }
    }

    #[test]
    fn b18_a_fraction_is_another_type() {
        assert_eq!(code_of("1.5", "CNY"), Code::invalid_type);
        assert_eq!(code_of("1.5", ""), Code::invalid_type, "the currency is not in the body");
        assert_eq!(code_of("144.90", "CNY"), Code::invalid_type);
    }

    #[test]
    fn b19_not_a_plain_integer() {
        for sent in
            ["1e2", "1E2", "1.5e1", "1e400", "\"0x10\"", "\"+5\"", "\" 5\"", "\"5\"", "\"５\"", "\"٥\"", "\"-5\""]
        {
            assert_eq!(code_of(sent, "CNY"), Code::invalid_amount, "{sent}");
        }
    }

    #[test]
    fn b20_out_of_range() {
        for sent in
            ["9223372036854775807", "9223372036854775808", "1000000000000000000000000000000", "1000000000000001"]
        {
            assert_eq!(code_of(sent, "CNY"), Code::amount_out_of_range, "{sent}");
        }
    }

    #[test]
    fn b22_the_scale_of_another_currency() {
        assert_eq!(code_of("100.00", "JPY"), Code::currency_exponent_mismatch);
        assert_eq!(code_of("1.2345", "BHD"), Code::currency_exponent_mismatch);
    }

    #[test]
    fn b30_less_than_one_minor_unit() {
        assert_eq!(code_of("0.005", ""), Code::invalid_amount);
        assert_eq!(code_of("-0.005", ""), Code::invalid_amount);
    }

    #[test]
    fn what_is_taken() {
        for sent in ["1", "14490", "1000000000000000"] {
            let amount = read(&parse(sent.as_bytes()).unwrap(), Currency::parse("CNY")).unwrap();
            assert_eq!(amount.to_string(), sent);
        }
    }
}
