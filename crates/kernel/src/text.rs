//! Checks on text that strangers send: no control characters, bounded, and no card number where none belongs.

/// Whether free text may be stored and shown: no control characters but those of a line, at most `max` characters.
pub fn is_clean(text: &str, max: usize) -> bool {
    text.chars().count() <= max && !text.chars().any(|c| c.is_control())
}

/// Whether a machine's reference may be stored: printable ASCII without spaces, 1 to `max` characters.
pub fn is_reference(text: &str, max: usize) -> bool {
    !text.is_empty() && text.len() <= max && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Whether the text holds what looks like a payment card number: 13 to 19 digits in a row (spaces and dashes between
/// them do not hide it) that begin as card numbers do (2 to 6) and pass Luhn's check.
pub fn holds_card_number(text: &str) -> bool {
    let mut digits: Vec<u8> = Vec::new();
    for c in text.chars().chain(std::iter::once('|')) {
        match c.to_digit(10) {
            Some(value) => digits.push(value as u8),
            None if c == ' ' || c == '-' => {}
            None => {
                if is_card(&digits) {
                    return true;
                }
                digits.clear();
            }
        }
    }
    false
}

fn is_card(digits: &[u8]) -> bool {
    (13..=19).contains(&digits.len()) && digits.first().is_some_and(|first| (2..=6).contains(first)) && luhn(digits)
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(*digit) * if place % 2 == 1 { 2 } else { 1 };
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_are_seen() {
        assert!(holds_card_number("pay with 4111 1111 1111 1111 please"));
        assert!(holds_card_number("5500-0000-0000-0004"));
        assert!(!holds_card_number("4111 1111 1111 1112"));
        assert!(!holds_card_number("order 20261123000017"));
        assert!(!holds_card_number("a4f"));
    }

    #[test]
    fn clean_text() {
        assert!(is_clean("两件商品", 4));
        assert!(!is_clean("a\0b", 10));
        assert!(!is_clean("abc", 2));
        assert!(is_reference("A-1/2", 64) && !is_reference("a b", 64) && !is_reference("", 64));
    }
}
