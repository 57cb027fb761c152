//! Which book holds when, and which may not be released.

use std::sync::Arc;

use kernel::time::HOUR_US;
use kernel::{OrderType, Time};

use super::world::{NOW, Sale};
use crate::{Overlap, Release, RuleBook, Shelf};

/// A book's version with a scope, as the lines of a book.
fn shelf(versions: &[(&str, &str)]) -> Shelf {
    let mut shelf = Shelf::default();
    for (name, scope) in versions {
        let source = format!("book = \"{name}\"\nabout = \"x\"\n{scope}\n");
        shelf.add(shelf.next(), Arc::new(RuleBook::load(&source).unwrap()));
    }
    shelf
}

fn release(book: &str, version: i64, after_us: i64) -> Release {
    Release { book: book.to_owned(), version, from: NOW.plus(after_us) }
}

fn held(shelf: &Shelf, order_type: OrderType, scene: &str, at: Time) -> i64 {
    shelf.holding(&Sale::new(order_type, scene, Vec::new()).context, at).unwrap().number
}

#[test]
fn the_closest_scope_holds() {
    let mut shelf = shelf(&[
        ("all", ""),
        ("escrow", "order_type = \"escrow\""),
        ("shop", "sub_type = \"shop.*\""),
        ("checkout", "sub_type = \"shop.checkout\""),
        ("escrow-shop", "order_type = \"escrow\"\nsub_type = \"shop.*\""),
    ]);
    let names = ["all", "escrow", "shop", "checkout", "escrow-shop"];
    for (version, name) in (2..).zip(names) {
        shelf.release(release(name, version, 0));
    }
    assert_eq!(held(&shelf, OrderType::Instant, "general", NOW), 2);
    assert_eq!(held(&shelf, OrderType::Escrow, "general", NOW), 3);
    assert_eq!(held(&shelf, OrderType::Instant, "shop.app", NOW), 4);
    assert_eq!(held(&shelf, OrderType::Escrow, "shop.checkout", NOW), 5);
    assert_eq!(held(&shelf, OrderType::Escrow, "shop.app", NOW), 6);
    assert_eq!(held(&shelf, OrderType::Escrow, "shop.app", NOW.plus(-1)), 1, "nothing was released then");
}

#[test]
fn versions_follow_each_other() {
    let mut shelf = shelf(&[("shop", ""), ("shop", ""), ("shop", "")]);
    shelf.release(release("shop", 2, 0));
    shelf.release(release("shop", 4, 2 * HOUR_US));
    shelf.release(release("shop", 3, HOUR_US));
    let at = |after| held(&shelf, OrderType::Instant, "general", NOW.plus(after));
    assert_eq!([at(0), at(HOUR_US - 1), at(HOUR_US), at(2 * HOUR_US)], [2, 2, 3, 4]);
    assert_eq!(shelf.next(), 5);
    shelf.release(release("shop", 1, 3 * HOUR_US));
    assert_eq!(held(&shelf, OrderType::Instant, "general", NOW.plus(3 * HOUR_US)), 1, "out of use");
    assert_eq!(shelf.current("shop", NOW.plus(-1)), None);
    assert_eq!(shelf.current("shop", NOW), Some(2));
}

#[test]
fn what_overlaps_is_not_released() {
    let mut shelf = shelf(&[("a", "sub_type = \"x\""), ("b", "sub_type = \"x\""), ("b", "sub_type = \"y\"")]);
    shelf.release(release("a", 2, HOUR_US));
    assert_eq!(shelf.may_release(&release("a", 2, HOUR_US)), Err(Overlap::Moment));
    assert_eq!(shelf.may_release(&release("a", 2, 0)), Ok(()));
    let scope = Err(Overlap::Scope { book: "a".to_owned() });
    assert_eq!(shelf.may_release(&release("b", 3, 0)), scope, "it will be for the same trades");
    assert_eq!(shelf.may_release(&release("b", 3, 2 * HOUR_US)), scope);
    assert_eq!(shelf.may_release(&release("b", 4, 0)), Ok(()));
    shelf.release(release("a", 1, 2 * HOUR_US));
    assert_eq!(shelf.may_release(&release("b", 3, 2 * HOUR_US)), Ok(()), "the other one is out of use by then");
}
