//! Who pays whom under which numbers: a function of the seed and the request's number.

use crate::pay::prepare::{Prepared, buyer_name};
use crate::seed::Dice;

/// Minor units of a payment.
pub(in crate::pay) const AMOUNT_MINOR: i64 = 100;
/// The part of it that a coupon pays.
pub(in crate::pay) const COUPON_MINOR: i64 = 30;
const SUB_TYPE: &str = "bench.pay";

/// The people of a row, and how the payments are spread over them.
#[derive(Clone, Debug)]
pub(in crate::pay) struct Mix {
    pub(in crate::pay) seed: u64,
    pub(in crate::pay) hot_share_percent: u8,
    pub(in crate::pay) prepared: Prepared,
}

/// The variable parts of one thing.
pub(in crate::pay) struct Draw<'a> {
    pub(in crate::pay) merchant: &'a str,
    pub(in crate::pay) buyer: String,
    pub(super) key: String,
    pub(super) order_number: String,
    /// What is drawn next is a function of seed and number as well.
    pub(super) dice: Dice,
}

impl Mix {
    /// The parts of thing `number`.
    pub(in crate::pay) fn draw(&self, number: u64) -> Draw<'_> {
        let mut dice = Dice::new(self.seed, number);
        let merchant = if dice.chance(self.hot_share_percent.into()) {
            self.prepared.hot.as_str()
        } else {
            dice.pick(&self.prepared.spread).map_or(self.prepared.hot.as_str(), String::as_str)
        };
        let buyer = buyer_name(dice.roll() % self.prepared.buyers.max(1));
        Draw { merchant, buyer, key: uuid(&mut dice), order_number: order_number(&mut dice), dice }
    }
}

impl Draw<'_> {
    /// The key of a further step of the same thing.
    pub(super) fn key_of(&self, step: &str) -> String {
        format!("{}-{step}", self.key)
    }

    /// A new trade; `pay` is its last field, or nothing.
    pub(super) fn trade(&self, r#type: &str, pay: std::fmt::Arguments<'_>) -> String {
        format!(
            r#"{{"merchant_id":"{}","merchant_order_id":"{}","type":"{type}","sub_type":"{SUB_TYPE}","amount":{AMOUNT_MINOR},"currency":"CNY","buyer":"{}"{pay}}}"#,
            self.merchant, self.order_number, self.buyer
        )
    }

    /// A new trade that the buyer's balance pays at once.
    pub(super) fn paid_by_balance(&self) -> String {
        let pay = format_args!(r#","pay":{{"tools":[{{"tool":"balance","amount":{AMOUNT_MINOR}}}]}}"#);
        self.trade("instant", pay)
    }
}

/// Looks like a UUID v4.
fn uuid(dice: &mut Dice) -> String {
    let (a, b) = (dice.roll(), dice.roll());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0x0fff,
        0x8000 | (b >> 48) & 0x3fff,
        b & 0xffff_ffff_ffff
    )
}

/// Letters between the groups, so that no run of digits looks like a card number.
fn order_number(dice: &mut Dice) -> String {
    let (a, b) = (dice.roll(), dice.roll());
    format!("b{:08x}n{:08x}n{:08x}", a >> 32, a & 0xffff_ffff, b >> 32)
}

#[cfg(test)]
impl Mix {
    /// Two merchants and ten buyers.
    pub(super) fn small(hot_share_percent: u8) -> Self {
        let prepared = Prepared { hot: "mch_hot".into(), spread: vec!["mch_a".into(), "mch_b".into()], buyers: 10 };
        Self { seed: 1, hot_share_percent, prepared }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hot_share_is_kept() {
        let count = |share| (0..10_000).filter(|n| Mix::small(share).draw(*n).merchant == "mch_hot").count();
        assert_eq!((count(0), count(100)), (0, 10_000));
        assert!((4_700..5_300).contains(&count(50)));
    }

    #[test]
    fn keys_and_order_numbers_do_not_repeat() {
        let mut seen = std::collections::BTreeSet::new();
        for number in 0..10_000 {
            let mix = Mix::small(0);
            let draw = mix.draw(number);
            assert_eq!(draw.key.len(), 36);
            assert!(seen.insert(draw.key) && seen.insert(draw.order_number));
        }
    }
}
