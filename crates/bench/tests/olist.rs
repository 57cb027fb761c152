//! The real files, read whole: counts and sums must be those of their own README.
#![allow(clippy::print_stderr, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;

use bench::olist::{self, Verdict, classify};

#[test]
fn counts_and_sums_of_the_real_files() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/olist");
    if !data.exists() {
        eprintln!("not run: the real orders are not at {}", data.display());
        return;
    }
    let orders = olist::read(&data.join("order_items.csv.gz"), &data.join("order_payments.csv.gz")).unwrap();
    assert_eq!(orders.faults, []);
    let with = |some: fn(&olist::Order) -> bool| orders.by_id.values().filter(|order| some(order)).count();
    assert_eq!((orders.payment_count(), with(|order| !order.payments.is_empty())), (52_117, 49_884));
    assert_eq!((orders.item_count(), with(|order| !order.items.is_empty())), (56_434, 49_503));
    assert_eq!((orders.payment_sum(), orders.item_sum()), (798_056_376, 790_365_237));
    assert_eq!(orders.sellers().len(), 2_695);
    assert_eq!(with(|order| order.payments.len() > 1), 1_493);

    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut several_sellers, mut dropped) = (0, 0);
    for verdict in classify::classify_all(&orders).values() {
        let word = match verdict {
            Verdict::Payable(order) => {
                several_sellers += usize::from(order.shares.len() > 1);
                dropped += order.dropped_zero_legs;
                let legs: i64 = order.legs.iter().map(|leg| leg.amount_minor).sum();
                let shares: i64 = order.shares.iter().map(|share| share.amount_minor).sum();
                assert_eq!((legs, shares), (order.amount_minor, order.amount_minor), "{}", order.id);
                "payable"
            }
            Verdict::Refused(reason) => reason.code(),
        };
        *counts.entry(word).or_default() += 1;
    }
    let expected = [("amounts_disagree", 289), ("missing_items", 381), ("payable", 49_214)];
    assert_eq!(counts, expected.into_iter().collect());
    assert_eq!(dropped, 1, "the one payment of value zero belongs to an order that agrees otherwise");
    assert!((600..=658).contains(&several_sellers), "{several_sellers}");
}
