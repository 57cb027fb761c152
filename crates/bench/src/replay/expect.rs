//! What the books must say, computed from the files and the refund plan alone.

use std::collections::BTreeMap;

use super::plan::Plan;
use crate::olist::{Payable, PaymentType};

/// A payable order and what happens to it after it is paid.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The order.
    pub order: Payable,
    /// The steps after its payment.
    pub plan: Plan,
}

/// Sums in minor units over all payable orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Paid in all.
    pub paid: i128,
    /// Refunded in all.
    pub refunded: i128,
    /// Paid by each payment type: how many parts, how much.
    pub by_type: BTreeMap<String, (u64, i128)>,
    /// Received through the channel.
    pub channel_in: i128,
    /// Returned through the channel.
    pub channel_refunded: i128,
    /// Coupons spent, less those returned: what marketing paid for.
    pub coupons_kept: i128,
    /// What each seller keeps.
    pub by_seller: BTreeMap<String, i128>,
}

impl Expected {
    /// The sums of `orders`.
    pub fn of(orders: &[Planned]) -> Self {
        let mut expected = Self::default();
        for planned in orders {
            expected.add_payment(&planned.order);
            expected.subtract_refunds(planned);
        }
        expected
    }

    /// What all sellers keep.
    pub fn receivers(&self) -> i128 {
        self.by_seller.values().sum()
    }

    fn add_payment(&mut self, order: &Payable) {
        self.paid += i128::from(order.amount_minor);
        for leg in &order.legs {
            let amount = i128::from(leg.amount_minor);
            let (count, sum) = self.by_type.entry(leg.payment_type.as_str().to_owned()).or_default();
            *count += 1;
            *sum += amount;
            match leg.payment_type {
                PaymentType::Voucher => self.coupons_kept += amount,
                _ => self.channel_in += amount,
            }
        }
        for share in &order.shares {
            *self.by_seller.entry(share.seller.clone()).or_default() += i128::from(share.amount_minor);
        }
    }

    fn subtract_refunds(&mut self, planned: &Planned) {
        for refund in planned.plan.refunds() {
            self.refunded += i128::from(refund.amount_minor);
            for (leg, part) in planned.order.legs.iter().zip(&refund.by_leg) {
                match leg.payment_type {
                    PaymentType::Voucher => self.coupons_kept -= i128::from(*part),
                    _ => self.channel_refunded += i128::from(*part),
                }
            }
            for (share, part) in planned.order.shares.iter().zip(&refund.by_share) {
                *self.by_seller.entry(share.seller.clone()).or_default() -= i128::from(*part);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::olist::classify::{Leg, Share};
    use crate::replay::plan::{RefundKind, of_kind};

    #[test]
    fn sums_balance_whatever_is_refunded() {
        let order = Payable {
            id: "a".to_owned(),
            amount_minor: 1_000,
            legs: vec![
                Leg { sequential: 1, payment_type: PaymentType::Voucher, amount_minor: 301 },
                Leg { sequential: 2, payment_type: PaymentType::Boleto, amount_minor: 699 },
            ],
            shares: vec![
                Share { seller: "s1".to_owned(), amount_minor: 400 },
                Share { seller: "s2".to_owned(), amount_minor: 600 },
            ],
            dropped_zero_legs: 0,
        };
        let planned: Vec<Planned> = RefundKind::REFUNDS
            .iter()
            .map(|kind| Planned { order: order.clone(), plan: of_kind(&order, *kind, 30) })
            .collect();
        let expected = Expected::of(&planned);
        assert_eq!(expected.paid, 5_000);
        assert_eq!(expected.by_type["voucher"], (5, 1_505));
        assert_eq!(expected.receivers(), expected.paid - expected.refunded);
        assert_eq!(
            expected.channel_in - expected.channel_refunded + expected.coupons_kept,
            expected.receivers(),
            "what came in and stayed is what the sellers have"
        );
        assert!(expected.refunded > 2_000 && expected.refunded < 5_000);
    }
}
