//! Trades whose money waits until somebody confirms.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::host::Host;
use crate::shop::{Shop, balance, id, list};

on_both!(confirmed_in_parts, confirmed_by_share, confirmed_by_time, closed_unpaid, of_a_past_or_far_expiry);

fn two_sellers() -> Value {
    json!({"splits": [{"receiver": "seller:s1", "amount": 12_000}, {"receiver": "seller:s2", "amount": 2_490}]})
}

/// What has been released, seller by seller.
async fn released(shop: &Shop) -> [i64; 2] {
    [shop.balance(&shop.seller("s1"), "2003").await.0, shop.balance(&shop.seller("s2"), "2003").await.0]
}

/// A part, spread by largest remainder over what is left; then all the rest.
async fn confirmed_in_parts(host: &Host) {
    let shop = host.shop().await;
    let trade = shop.paid("escrow", 14_490, &two_sellers()).await;
    let paid = shop.trade(&trade).await;
    assert_eq!((&paid["escrow_amount"], &paid["confirmed_amount"]), (&json!(14_490), &json!(0)));
    assert_eq!(released(&shop).await, [0, 0]);

    let part = shop.confirm(&trade, &json!({"amount": 10_000})).await.ok(200);
    assert_eq!((&part["status"], &part["escrow_amount"]), (&json!("paid"), &json!(4_490)));
    // 10,000 × 12,000 / 14,490 = 8,281.57…; 10,000 × 2,490 / 14,490 = 1,718.42…
    assert_eq!(released(&shop).await, [8_282, 1_718]);

    shop.confirm(&trade, &json!({"amount": 4_491})).await.refused(422, "nothing_to_confirm");
    let done = shop.confirm(&trade, &json!({})).await.ok(200);
    assert_eq!((&done["status"], &done["escrow_amount"]), (&json!("completed"), &json!(0)));
    assert_eq!(released(&shop).await, [12_000, 2_490]);
    shop.confirm(&trade, &json!({})).await.refused(409, "invalid_state");
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 14_490), ("2003", 14_490)]);
}

/// One receiver's part, named.
async fn confirmed_by_share(host: &Host) {
    let shop = host.shop().await;
    let trade = shop.unpaid("escrow", 14_490, &two_sellers()).await;
    shop.confirm(&trade, &json!({})).await.refused(409, "invalid_state");
    host.fund("user:42", 14_490, "CNY").await;
    shop.pay(&trade, &json!([balance(14_490)])).await.ok(201);
    let share = |seller: &str, amount: i64| json!({"splits": [{"receiver": seller, "amount": amount}]});
    shop.confirm(&trade, &share("seller:s2", 2_490)).await.ok(200);
    assert_eq!(released(&shop).await, [0, 2_490]);
    shop.confirm(&trade, &share("seller:s2", 1)).await.refused(422, "nothing_to_confirm");
    shop.confirm(&trade, &share("seller:s3", 1)).await.refused(422, "receiver_unknown");
    shop.confirm(&trade, &share("seller:s1", 12_000)).await.ok(200);
    assert_eq!(released(&shop).await, [12_000, 2_490]);
    assert_eq!(shop.trade(&trade).await["status"], "completed");
}

async fn confirmed_by_time(host: &Host) {
    let shop = host.shop().await;
    let at = (Timestamp::now() + SignedDuration::from_secs(4)).to_string();
    let trade = shop.paid("escrow", 500, &json!({"confirm_by": at})).await;
    let part = shop.confirm(&trade, &json!({"amount": 100})).await.ok(200);
    assert_eq!((&part["status"], &part["confirm_by"].is_string()), (&json!("paid"), &true));
    assert!(Timestamp::now().to_string() < at, "this machine is too slow for this story");
    let done = shop.trade_is(&trade, "completed").await;
    assert!(Timestamp::now() >= at.parse::<Timestamp>().unwrap(), "not before its time");
    assert_eq!(done["confirmed_amount"], 500);
    let past = json!({"confirm_by": (Timestamp::now() - SignedDuration::from_secs(1)).to_string()});
    shop.open("escrow", 500, &past).await.refused(422, "confirm_by_invalid");
    host.trial_balance("CNY").await.assert_is(&[("1011.sandbox.in", 500), ("2003", 500)]);
}

async fn closed_unpaid(host: &Host) {
    let shop = host.shop().await;
    let trade = shop.unpaid("escrow", 500, &json!({})).await;
    let close = format!("/v1/trades/{trade}/close");
    let closed = shop.post(&close, &json!({})).await.ok(200);
    assert_eq!((&closed["status"], &closed["closed_reason"]), (&json!("closed"), &json!("canceled")), "{closed:#}");
    assert_eq!(shop.post(&close, &json!({})).await.ok(200), closed, "closing what is closed changes nothing");
    shop.pay(&trade, &json!([balance(500)])).await.refused(409, "trade_not_payable");
    shop.refund(&trade, 1, &json!({})).await.refused(409, "invalid_state");

    let paid = shop.paid("escrow", 500, &json!({})).await;
    shop.post(&format!("/v1/trades/{paid}/close"), &json!({})).await.refused(409, "invalid_state");
    let open: Vec<_> = shop.all("/v1/trades?status=closed", 10).await.iter().map(id).collect();
    assert_eq!(open, [trade]);
}

async fn of_a_past_or_far_expiry(host: &Host) {
    let shop = host.shop().await;
    let after = |seconds| json!({"expires_at": (Timestamp::now() + SignedDuration::from_secs(seconds)).to_string()});
    for seconds in [-1, 60, 91 * 86_400] {
        shop.open("escrow", 500, &after(seconds)).await.refused(422, "expires_at_invalid");
    }
    let trade = shop.open("escrow", 500, &after(130)).await.ok(201);
    assert_eq!(list(&trade["splits"]).len(), 1);
}
