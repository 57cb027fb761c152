//! What a shopper does: a function of the seed and the order's number.
//!
//! Most orders go well. Every third meets the next outcome of [`PAY_OUTCOMES`] in turn, every sixth is refunded with the
//! next of [`REFUND_OUTCOMES`], so 39 orders show everything the sandbox can do; the others vary tools, receivers and
//! releases.

use crate::seed::Dice;

/// Everything a simulated institution can do to a payment.
pub const PAY_OUTCOMES: [&str; 13] = [
    "succeed",
    "succeed_later",
    "decline",
    "timeout_paid",
    "timeout_unpaid",
    "duplicate_notify",
    "pay_twice",
    "late_success",
    "wrong_amount",
    "wrong_currency",
    "error_500",
    "garbage",
    "never",
];
/// Everything it can do to a refund.
pub const REFUND_OUTCOMES: [&str; 6] =
    ["succeed", "refund_later", "refund_fail", "refund_refused", "refund_unknown", "refund_returned"];
/// Shops of the demo.
pub const MERCHANTS: [&str; 3] = ["Lantern Books", "Harbour Tea", "Abacus Toys"];
const METHODS: [&str; 4] = ["card", "alipay.qr", "wechat.qr", "unionpay"];
const SUB_TYPES: [&str; 3] = ["shop.checkout", "shop.group_buy", "shop.membership"];
/// Buyers of the demo.
const BUYERS: i64 = 20;
/// The cheapest and the dearest cart, in minor units.
const AMOUNTS_MINOR: (i64, i64) = (900, 89_900);

/// One tool's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The buyer's balance, put there before unless the buyer is to be found short.
    Balance {
        /// Minor units.
        amount_minor: i64,
        /// Whether the buyer gets that much first.
        funded: bool,
    },
    /// A coupon issued before.
    Coupon {
        /// Minor units.
        amount_minor: i64,
    },
    /// The sandbox.
    Channel {
        /// `card`, ….
        method: &'static str,
        /// Minor units.
        amount_minor: i64,
        /// One of [`PAY_OUTCOMES`].
        outcome: &'static str,
    },
}

/// What happens once it is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// Release a part of the escrow, or (`None`) all that is left.
    Confirm(Option<i64>),
    /// Give back so much, with one of [`REFUND_OUTCOMES`].
    Refund(i64, &'static str),
}

/// One order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cart {
    /// Index of [`MERCHANTS`].
    pub merchant: usize,
    /// A user id.
    pub buyer: String,
    /// Whether the money waits for the buyer's confirmation.
    pub escrow: bool,
    /// The scene.
    pub sub_type: &'static str,
    /// Minor units.
    pub amount_minor: i64,
    /// Who gets how much; empty: all to the merchant.
    pub receivers: Vec<(String, i64)>,
    /// How it is paid.
    pub parts: Vec<Part>,
    /// What happens once it is paid.
    pub after: Vec<After>,
    /// Whether the shop closes the trade when it is not paid in time.
    pub close_unpaid: bool,
}

/// The order of a number.
pub fn cart(seed: u64, number: u64) -> Cart {
    let mut dice = Dice::new(seed, number);
    let amount_minor = dice.between(AMOUNTS_MINOR.0, AMOUNTS_MINOR.1);
    let mut cart = Cart {
        merchant: usize::try_from(dice.between(0, 2)).unwrap_or(0),
        buyer: format!("shopper{}", dice.between(1, BUYERS)),
        escrow: dice.chance(60),
        sub_type: dice.pick(&SUB_TYPES).copied().unwrap_or("shop.checkout"),
        amount_minor,
        receivers: Vec::new(),
        parts: Vec::new(),
        after: Vec::new(),
        close_unpaid: dice.chance(50),
    };
    match number % 6 {
        0 | 3 => trouble(&mut cart, &mut dice, number / 3),
        1 => refunded(&mut cart, &mut dice, number / 6),
        2 => by_balance(&mut cart, number / 6),
        4 => shared_release(&mut cart, &mut dice),
        _ => three_tools(&mut cart, &mut dice),
    }
    cart
}

fn channel(dice: &mut Dice, amount_minor: i64, outcome: &'static str) -> Part {
    Part::Channel { method: dice.pick(&METHODS).copied().unwrap_or("card"), amount_minor, outcome }
}

fn nth(choices: &[&'static str], number: u64) -> &'static str {
    let at = usize::try_from(number).unwrap_or(0) % choices.len().max(1);
    choices.get(at).copied().unwrap_or("succeed")
}

/// The next outcome in turn, some of them with a coupon beside, which must come back when the payment fails.
fn trouble(cart: &mut Cart, dice: &mut Dice, turn: u64) {
    let coupon_minor = if dice.chance(40) { cart.amount_minor / 5 } else { 0 };
    if coupon_minor > 0 {
        cart.parts.push(Part::Coupon { amount_minor: coupon_minor });
    }
    cart.parts.push(channel(dice, cart.amount_minor - coupon_minor, nth(&PAY_OUTCOMES, turn)));
    if cart.escrow && dice.chance(70) {
        cart.after.push(After::Confirm(None));
    }
}

/// Paid by the channel and refunded, whole or in part, before or after the release.
fn refunded(cart: &mut Cart, dice: &mut Dice, turn: u64) {
    cart.parts.push(channel(dice, cart.amount_minor, "succeed"));
    let refund_minor = if dice.chance(50) { cart.amount_minor } else { cart.amount_minor / 3 };
    let refund = After::Refund(refund_minor, nth(&REFUND_OUTCOMES, turn));
    cart.after = match (cart.escrow, dice.chance(50)) {
        (true, true) => vec![After::Confirm(None), refund],
        (true, false) | (false, _) => vec![refund],
    };
}

/// By balance alone; one in five finds that it is short.
fn by_balance(cart: &mut Cart, turn: u64) {
    let funded = turn % 5 != 4;
    if !funded {
        cart.buyer = "shopper-short".to_owned();
    }
    cart.parts.push(Part::Balance { amount_minor: cart.amount_minor, funded });
    if cart.escrow {
        cart.after.push(After::Confirm(None));
    }
}

/// Coupon and channel, several receivers, released in two steps.
fn shared_release(cart: &mut Cart, dice: &mut Dice) {
    cart.escrow = true;
    let coupon_minor = cart.amount_minor / 10;
    cart.parts.push(Part::Coupon { amount_minor: coupon_minor });
    cart.parts.push(channel(dice, cart.amount_minor - coupon_minor, "succeed"));
    let first = cart.amount_minor / 2;
    let second = cart.amount_minor / 3;
    cart.receivers = vec![
        ("seller:workshop".to_owned(), first),
        ("seller:courier".to_owned(), second),
        ("seller:gallery".to_owned(), cart.amount_minor - first - second),
    ];
    cart.after = vec![After::Confirm(Some(cart.amount_minor / 4)), After::Confirm(None)];
}

/// Balance, coupon and channel; a part given back while in escrow, then released.
fn three_tools(cart: &mut Cart, dice: &mut Dice) {
    let (balance_minor, coupon_minor) = (cart.amount_minor / 4, cart.amount_minor / 8);
    cart.parts = vec![
        Part::Balance { amount_minor: balance_minor, funded: true },
        Part::Coupon { amount_minor: coupon_minor },
        channel(dice, cart.amount_minor - balance_minor - coupon_minor, "succeed_later"),
    ];
    if cart.escrow {
        cart.after = vec![After::Refund(cart.amount_minor / 5, "succeed"), After::Confirm(None)];
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn amount(part: &Part) -> i64 {
        match part {
            Part::Balance { amount_minor, .. } | Part::Coupon { amount_minor } => *amount_minor,
            Part::Channel { amount_minor, .. } => *amount_minor,
        }
    }

    #[test]
    fn thirty_nine_orders_meet_every_outcome() {
        let carts: Vec<Cart> = (0..39).map(|number| cart(7, number)).collect();
        let met: BTreeSet<&str> = carts
            .iter()
            .flat_map(|cart| &cart.parts)
            .filter_map(|part| match part {
                Part::Channel { outcome, .. } => Some(*outcome),
                _ => None,
            })
            .collect();
        assert_eq!(met, PAY_OUTCOMES.into_iter().collect());
        let refunds: BTreeSet<&str> = carts
            .iter()
            .flat_map(|cart| &cart.after)
            .filter_map(|after| match after {
                After::Refund(_, outcome) => Some(*outcome),
                After::Confirm(_) => None,
            })
            .collect();
        assert_eq!(refunds, REFUND_OUTCOMES.into_iter().collect());
    }

    #[test]
    fn parts_and_receivers_always_sum_up() {
        for number in 0..2_000 {
            let cart = cart(1, number);
            assert_eq!(cart.parts.iter().map(amount).sum::<i64>(), cart.amount_minor, "{number}");
            assert!(cart.parts.iter().all(|part| amount(part) > 0), "{number}");
            let split: i64 = cart.receivers.iter().map(|(_, amount)| amount).sum();
            assert!(cart.receivers.is_empty() || split == cart.amount_minor, "{number}");
            assert!(cart.receivers.iter().all(|(_, amount)| *amount > 0), "{number}");
            assert!(cart.merchant < MERCHANTS.len(), "{number}");
        }
    }

    #[test]
    fn the_same_seed_shops_the_same() {
        assert_eq!(cart(7, 12), cart(7, 12));
        assert_ne!(cart(7, 12), cart(8, 12));
    }
}
