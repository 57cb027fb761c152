//! Load generator and shoppers against a small platform.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, reason = "tests")]

mod fake;

use std::time::Duration;

use bench::pay::{Options, Scenario, run};
use bench::{echo, shoppers};
use fake::{Fake, KEY, world};
use tokio::net::TcpListener;

async fn measure(options: &Options) -> (bench::pay::Report, String) {
    let mut printed = Vec::new();
    let report = run(options, &mut printed).await.unwrap();
    (report, String::from_utf8(printed).unwrap())
}

fn options(fake: &Fake, scenario: Scenario) -> Options {
    Options {
        base_url: fake.url(),
        key: KEY.to_owned(),
        scenario,
        callers: vec![1, 8],
        hot_share_percent: vec![0, 100],
        duration_s: 1,
        warm_up_s: 0,
        merchants: 3,
        buyers: 20,
        ..Options::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payments_by_balance_are_counted_beside_the_echo() {
    let world = world();
    let fake = Fake::start(&world).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let echo_url = format!("http://{}", listener.local_addr().unwrap());
    let echo = tokio::spawn(echo::serve(listener, std::future::pending()));
    let mut options = options(&fake, Scenario::Balance);
    options.echo_url = Some(echo_url);
    options.watch.server_pid = Some(std::process::id());
    let (report, printed) = measure(&options).await;
    assert_eq!(report.rows.len(), 4);
    for row in &report.rows {
        assert!(row.done > 50 && row.refused.is_empty(), "{printed}");
        assert!(row.echo_ratio > Some(0.0) && row.server_cpu_us > Some(0.0), "{printed}");
    }
    let counted: u64 = report.rows.iter().map(|row| row.done).sum();
    let paid = world.lock().unwrap().trades.values().filter(|trade| trade["status"] == "completed").count();
    assert_eq!(paid as u64, counted, "every counted payment is one on the other side");
    assert!(printed.contains("| callers | hot % |"), "{printed}");
    echo.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coupon_and_channel_is_counted_when_the_payment_succeeded() {
    let world = world();
    let fake = Fake::start(&world).await;
    let mut options = options(&fake, Scenario::CouponChannel);
    (options.callers, options.hot_share_percent, options.coupons) = (vec![4], vec![50], Some(120));
    let (report, printed) = measure(&options).await;
    assert_eq!(report.rows[0].done, 120, "the row ends with its coupons: {printed}");
    let spent = world.lock().unwrap().coupons.values().filter(|(_, spent)| *spent).count();
    assert_eq!(spent, 120);
    assert!(report.rows[0].accepted_latency.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_flow_is_counted_at_its_end_and_some_come_back() {
    let world = world();
    let fake = Fake::start(&world).await;
    let mut options = options(&fake, Scenario::Full);
    (options.callers, options.hot_share_percent, options.limit) = (vec![4], vec![0], Some(200));
    (options.duration_s, options.seed) = (20, Some(3));
    let (report, printed) = measure(&options).await;
    let row = &report.rows[0];
    assert_eq!((row.done, row.refused.len()), (200, 0), "{printed}");
    assert!(row.elapsed_s < 20.0 && row.accepted_latency.is_some(), "{printed}");
    let world = world.lock().unwrap();
    assert_eq!(world.trades.values().filter(|trade| trade["status"] == "completed").count(), 200);
    assert_eq!(world.payments.values().filter(|payment| payment["status"] == "succeeded").count(), 200);
    assert!((3..=20).contains(&world.refunds.len()), "5 % of 200: {}", world.refunds.len());
    assert!(world.refunds.values().all(|refund| refund["status"] == "succeeded"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_reads_to_a_payment_are_told_apart() {
    let world = world();
    let fake = Fake::start(&world).await;
    let mut options = options(&fake, Scenario::Mixed);
    (options.callers, options.hot_share_percent, options.limit) = (vec![8], vec![0], Some(400));
    let (report, printed) = measure(&options).await;
    let row = &report.rows[0];
    assert_eq!((row.done, row.by_kind["pay"].done, row.by_kind["read"].done), (400, 100, 300), "{printed}");
    assert_eq!(world.lock().unwrap().payments.len(), 100);
    assert!(printed.contains("300 × read: p50"), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_orders_is_created_and_nothing_is_paid() {
    let world = world();
    let fake = Fake::start(&world).await;
    let mut options = options(&fake, Scenario::BatchCreate);
    (options.callers, options.hot_share_percent, options.limit) = (vec![16], vec![100], Some(300));
    let (report, printed) = measure(&options).await;
    assert_eq!(report.rows[0].done, 300, "{printed}");
    let world = world.lock().unwrap();
    assert_eq!((world.trades.len(), world.payments.len()), (300, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_loop_keeps_its_rate() {
    let fake = Fake::start(&world()).await;
    let mut options = options(&fake, Scenario::Balance);
    (options.callers, options.hot_share_percent, options.rate) = (vec![8], vec![0], Some(100));
    let (report, printed) = measure(&options).await;
    assert!((95..=100).contains(&(report.rows[0].done + report.rows[0].not_started)), "{printed}");
    assert!(report.rows[0].per_s < 120.0, "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shoppers_meet_every_outcome_and_double_nothing() {
    let world = world();
    let fake = Fake::start(&world).await;
    let options = shoppers::Options { base_url: fake.url(), key: KEY.to_owned(), orders: 39, seed: 7 };
    let mut printed = Vec::new();
    let summary = shoppers::play(&options, &mut printed).await.unwrap();
    let printed = String::from_utf8(printed).unwrap();
    assert_eq!(summary.orders, 39, "{printed}");
    assert_eq!(summary.trades.values().sum::<u64>(), 39, "{printed}");
    assert!(summary.payments["succeeded"] > 20 && summary.payments["review"] == 2, "{printed}");
    assert_eq!(summary.payments["failed:insufficient_funds"], 1, "{printed}");
    let ledger = world.lock().unwrap().ledger.clone();
    shoppers::play(&options, &mut Vec::new()).await.unwrap();
    let again = world.lock().unwrap();
    assert_eq!(again.trades.len(), 39);
    assert_eq!(again.ledger, ledger);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trickle_ends_when_it_is_told() {
    let fake = Fake::start(&world()).await;
    let options = shoppers::Options { base_url: fake.url(), key: KEY.to_owned(), orders: 0, seed: 7 };
    let stop = tokio::time::sleep(Duration::from_millis(900));
    let summary = shoppers::trickle(&options, Duration::from_millis(50), stop, &mut Vec::new()).await.unwrap();
    assert!(summary.orders >= 1, "{summary:?}");
}
