//! What can be replayed and what cannot, and why.
//!
//! An order is payable when its payments and its items agree to the cent. A payment of value zero moves nothing: it is
//! dropped (and counted) where the rest agrees, and otherwise the order is refused for it.

use std::collections::BTreeMap;

use super::{Order, Orders, PaymentType};

/// One tool's part of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Its place among the order's payments.
    pub sequential: u32,
    /// How it was paid; never [`PaymentType::Other`].
    pub payment_type: PaymentType,
    /// Minor units, above zero.
    pub amount_minor: i64,
}

/// What one seller gets of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Who.
    pub seller: String,
    /// Minor units, above zero.
    pub amount_minor: i64,
}

/// An order that can be paid as it was. Σ legs = Σ shares = amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payable {
    /// The order's id.
    pub id: String,
    /// Minor units.
    pub amount_minor: i64,
    /// The tools, in the order of the payments.
    pub legs: Vec<Leg>,
    /// The sellers, in the order of the items.
    pub shares: Vec<Share>,
    /// Payments of value zero that were left out.
    pub dropped_zero_legs: usize,
}

/// Why an order is not replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A line of it could not be read.
    Malformed(Vec<String>),
    /// It was paid, but nothing was bought.
    MissingItems,
    /// Something was bought, but nothing was paid.
    MissingPayments,
    /// A payment type that the replay has no tool for.
    UndefinedType(String),
    /// A payment is of value zero and the rest does not agree with the items, or nothing is left.
    ZeroPayment,
    /// Payments and items differ.
    AmountsDisagree {
        /// Sum of the items in minor units.
        items_minor: i128,
        /// Sum of the payments in minor units.
        payments_minor: i128,
    },
}

impl Reason {
    /// A stable word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::MissingItems => "missing_items",
            Self::MissingPayments => "missing_payments",
            Self::UndefinedType(_) => "undefined_type",
            Self::ZeroPayment => "zero_payment",
            Self::AmountsDisagree { .. } => "amounts_disagree",
        }
    }

    /// The particulars, where there are any.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Malformed(lines) => Some(lines.join("; ")),
            Self::UndefinedType(word) => Some(word.clone()),
            Self::AmountsDisagree { items_minor, payments_minor } => {
                Some(format!("items {items_minor}, payments {payments_minor}"))
            }
            Self::MissingItems | Self::MissingPayments | Self::ZeroPayment => None,
        }
    }
}

/// What becomes of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is replayed.
    Payable(Payable),
    /// It is not.
    Refused(Reason),
}

/// The verdict on every order, by id.
pub fn classify_all(orders: &Orders) -> BTreeMap<String, Verdict> {
    orders.by_id.iter().map(|(id, order)| (id.clone(), classify(id, order))).collect()
}

/// The verdict on one order.
pub fn classify(id: &str, order: &Order) -> Verdict {
    match payable(id, order) {
        Ok(payable) => Verdict::Payable(payable),
        Err(reason) => Verdict::Refused(reason),
    }
}

fn payable(id: &str, order: &Order) -> Result<Payable, Reason> {
    if !order.faults.is_empty() {
        return Err(Reason::Malformed(order.faults.clone()));
    }
    if order.items.is_empty() {
        return Err(Reason::MissingItems);
    }
    if order.payments.is_empty() {
        return Err(Reason::MissingPayments);
    }
    if let Some(word) = order.payments.iter().find_map(|payment| match &payment.payment_type {
        PaymentType::Other(word) => Some(word.clone()),
        _ => None,
    }) {
        return Err(Reason::UndefinedType(word));
    }
    let legs: Vec<Leg> = order
        .payments
        .iter()
        .filter(|payment| payment.amount_minor > 0)
        .map(|payment| Leg {
            sequential: payment.sequential,
            payment_type: payment.payment_type.clone(),
            amount_minor: payment.amount_minor,
        })
        .collect();
    let dropped_zero_legs = order.payments.len() - legs.len();
    let payments_minor: i128 = legs.iter().map(|leg| i128::from(leg.amount_minor)).sum();
    let items_minor: i128 =
        order.items.iter().map(|item| i128::from(item.price_minor) + i128::from(item.freight_minor)).sum();
    match i64::try_from(payments_minor) {
        Ok(amount_minor) if payments_minor == items_minor && amount_minor > 0 => {
            Ok(Payable { id: id.to_owned(), amount_minor, legs, shares: shares(order), dropped_zero_legs })
        }
        _ if dropped_zero_legs > 0 => Err(Reason::ZeroPayment),
        _ => Err(Reason::AmountsDisagree { items_minor, payments_minor }),
    }
}

/// One share per seller, in the order in which they first appear; a seller who gets nothing has none.
fn shares(order: &Order) -> Vec<Share> {
    let mut shares: Vec<Share> = Vec::new();
    for item in &order.items {
        let amount_minor = item.price_minor.saturating_add(item.freight_minor);
        match shares.iter_mut().find(|share| share.seller == item.seller) {
            Some(share) => share.amount_minor = share.amount_minor.saturating_add(amount_minor),
            None => shares.push(Share { seller: item.seller.clone(), amount_minor }),
        }
    }
    shares.retain(|share| share.amount_minor > 0);
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::olist::{Item, Payment};

    fn order(items: &[(&str, i64)], payments: &[(&str, i64)]) -> Order {
        let items = items.iter().zip(1..).map(|((seller, price_minor), number)| Item {
            number,
            seller: (*seller).to_owned(),
            price_minor: *price_minor,
            freight_minor: 0,
        });
        let payments = payments.iter().zip(1..).map(|((word, amount_minor), sequential)| Payment {
            sequential,
            payment_type: PaymentType::parse(word),
            amount_minor: *amount_minor,
        });
        Order { items: items.collect(), payments: payments.collect(), faults: Vec::new() }
    }

    fn code(order: &Order) -> &'static str {
        match classify("a", order) {
            Verdict::Payable(_) => "payable",
            Verdict::Refused(reason) => reason.code(),
        }
    }

    #[test]
    fn every_verdict() {
        let item = [("s", 500)];
        assert_eq!(code(&order(&item, &[("credit_card", 300), ("voucher", 200)])), "payable");
        assert_eq!(code(&order(&item, &[("credit_card", 500), ("voucher", 0)])), "payable");
        assert_eq!(code(&order(&item, &[("credit_card", 499), ("voucher", 0)])), "zero_payment");
        assert_eq!(code(&order(&[("s", 0)], &[("voucher", 0)])), "zero_payment");
        assert_eq!(code(&order(&item, &[("credit_card", 501)])), "amounts_disagree");
        assert_eq!(code(&order(&item, &[("not_defined", 500)])), "undefined_type");
        assert_eq!(code(&order(&[], &[("boleto", 500)])), "missing_items");
        assert_eq!(code(&order(&item, &[])), "missing_payments");
        let mut spoiled = order(&item, &[("boleto", 500)]);
        spoiled.faults.push("items.csv:2: not UTF-8".to_owned());
        assert_eq!(code(&spoiled), "malformed");
    }

    #[test]
    fn sellers_share_by_what_they_sold_in_the_order_of_the_items() {
        let order = order(&[("s2", 100), ("s1", 50), ("free", 0), ("s2", 25)], &[("debit_card", 175), ("voucher", 0)]);
        let Verdict::Payable(payable) = classify("a", &order) else { panic!("payable") };
        let shares: Vec<(&str, i64)> =
            payable.shares.iter().map(|share| (share.seller.as_str(), share.amount_minor)).collect();
        assert_eq!(shares, [("s2", 125), ("s1", 50)]);
        assert_eq!((payable.legs.len(), payable.dropped_zero_legs), (1, 1));
    }
}
