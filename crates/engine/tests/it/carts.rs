//! Good data of combined checkouts.

use kernel::message::payment::Tool;
use kernel::message::trade::Command as TradeCommand;
use kernel::{Owner, TradeId};

use crate::stories::{confirm, lost, opened, paid, refund, refunded, won};
use crate::world::{Sale, World, card, cny, user};

/// One cart is paid by balance and card, its children confirmed and refunded; one is closed.
pub(crate) fn paid_and_closed(world: &mut World) -> (TradeId, TradeId) {
    let children = [Sale::instant("u1", 60), Sale::escrow("u1", 41)];
    let (cart, ids, open) =
        world.cart(Sale::instant("u1", 101).paid(vec![(Tool::Balance, 40), (card(), 61)]), &children);
    world.ok(open);
    world.word(cart, 1, paid(cny(61), "V1"));
    world.tell_trade(ids[0], refund("r1", 30));
    world.word(ids[0], 2, refunded(cny(18), "V2"));
    world.tell_trade(ids[1], confirm(Some(20)));
    world.tell_trade(ids[1], refund("r2", 41));
    let (canceled, _, open) = world.cart(Sale::instant("u1", 101), &children);
    world.ok(open);
    world.tell_trade(canceled, TradeCommand::Close);
    (cart, ids[0])
}

/// Carts that are disputed: beside a refund under way and lost in part, won, of what was not confirmed and lost, and one
/// that nobody has decided.
pub(crate) fn disputed(world: &mut World) -> TradeId {
    let children = [Sale::instant("u1", 60), Sale::escrow("u1", 41)];
    let cart = |world: &mut World, number: &str| {
        let sale = Sale::instant("u1", 101).paid(vec![(Tool::Balance, 40), (card(), 61)]);
        let (cart, ids, open) = world.cart(sale, &children);
        world.ok(open);
        world.word(cart, 1, paid(cny(61), number));
        (cart, ids)
    };
    let (beside, ids) = cart(world, "W1");
    world.tell_trade(ids[0], refund("r1", 30));
    // What is left of the card's 61: 18 of the one, 25 of the other.
    for word in [opened(61, "Y1"), opened(61, "Y1"), lost(20, "Y1"), lost(20, "Y1")] {
        world.word(beside, 1, word);
    }
    world.word(ids[0], 2, refunded(cny(18), "W2"));
    for word in [opened(10, "Y2"), won("Y2"), won("Y3"), opened(23, "Y3")] {
        world.word(beside, 1, word);
    }
    let (whole, _) = cart(world, "W3");
    world.word(whole, 1, lost(61, "Y4"));
    let (open, _) = cart(world, "W4");
    world.word(open, 1, opened(30, "Y5"));
    ids[0]
}

/// Paid with points, on credit and by card, and given back child by child.
pub(crate) fn in_points_and_on_credit(world: &mut World) -> TradeId {
    world.rules(
        "book = \"carts\"\nabout = \"Three points pay two.\"\norder_type = \"combined\"\n\
         [[rule]]\nname = \"all\"\npoints = { currency = \"CNY\", points = 3, amount = 2 }\n",
    );
    world.grant("u3", 100);
    world.lend("u3", 100);
    let children = [Sale::instant("u3", 60), Sale::escrow("u3", 41)];
    let tools = vec![(Tool::Points, 50), (Tool::Credit, 31), (card(), 20)];
    let (cart, ids, open) = world.cart(Sale::instant("u3", 101).paid(tools), &children);
    world.ok(open);
    world.word(cart, 1, paid(cny(20), "X1"));
    // Of 30, 18 and 12, and their 45 points.
    world.tell_trade(ids[0], refund("r1", 30));
    world.word(ids[0], 2, refunded(cny(6), "X2"));
    world.tell_trade(ids[1], confirm(Some(20)));
    world.tell_trade(ids[1], refund("r2", 41));
    world.word(ids[1], 2, refunded(cny(8), "X3"));
    world.no_rules("carts");
    ids[0]
}

/// However many receivers a cart has, what they need is read together.
#[test]
fn a_large_cart_is_paid_by_a_line_that_knows_nothing() {
    let mut world = World::forgetful();
    world.fund(user("u1"), 10_000);
    let merchant = world.merchant;
    let seller = |n| Owner::Seller(merchant, format!("s{n}"));
    let children: Vec<Sale> = (0..20)
        .map(|n| Sale { splits: vec![(seller(2 * n), 40), (seller(2 * n + 1), 60)], ..Sale::instant("u1", 100) })
        .collect();
    let (cart, _, open) = world.cart(Sale::instant("u1", 2_000), &children);
    world.ok(open);
    assert_eq!(world.pay(cart, &[(Tool::Balance, 2_000)])["status"], "succeeded");
    let (_, ids, open) = world.cart(Sale::instant("u1", 2_000).paid(vec![(Tool::Balance, 2_000)]), &children);
    assert_eq!(world.ok(open)["status"], "completed");
    world.tell_trade(ids[7], refund("r1", 30));
    assert!(world.verify().findings.is_empty());
}
