//! The replay against a small platform that loses requests, answers, itself, and a cent.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests"
)]

mod fake;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bench::replay::report::Outcome;
use bench::replay::{Options, Report, replay};
use fake::{Fake, KEY, world};

/// Files with `count` payable orders of every kind and one order for each reason to refuse.
fn files(folder: &Path, count: u32) -> (PathBuf, PathBuf) {
    let mut items = String::from("order_id,order_item_id,seller_id,price,freight_value\n");
    let mut payments = String::from("order_id,payment_sequential,payment_type,payment_installments,payment_value\n");
    for n in 0..count {
        let cents = 1_000 + n * 37;
        let amount = |cents: u32| format!("{}.{:02}", cents / 100, cents % 100);
        let (first, second) = (cents / 3, cents - cents / 3);
        writeln!(items, "{n:08x}a,1,s{},{},0.00", n % 7, amount(first)).unwrap();
        writeln!(items, "{n:08x}a,2,s{},{},0.05", n % 5, amount(second - 5)).unwrap();
        let legs = match n % 5 {
            0 => vec![("credit_card", cents)],
            1 => vec![("boleto", cents)],
            2 => vec![("debit_card", cents)],
            3 => vec![("voucher", second), ("voucher", first)],
            _ => vec![("credit_card", first), ("voucher", second - 7), ("voucher", 7), ("voucher", 0)],
        };
        for ((word, part), sequential) in legs.iter().zip(1..) {
            writeln!(payments, "{n:08x}a,{sequential},{word},1,{}", amount(*part)).unwrap();
        }
    }
    items.push_str("bad1,1,s1,1.00,0.00\nbad2,1,s1,1.00,0.00\nbad3,1,s1,oops,0.00\n");
    payments.push_str("bad1,1,boleto,1,1.01\nbad2,1,not_defined,1,1.00\nbad3,1,boleto,1,1.00\nbad4,1,boleto,1,1.00\n");
    let paths = (folder.join("items.csv"), folder.join("payments.csv"));
    std::fs::write(&paths.0, items).unwrap();
    std::fs::write(&paths.1, payments).unwrap();
    paths
}

fn options(fake: &Fake, (orders, payments): (PathBuf, PathBuf)) -> Options {
    Options {
        orders,
        payments,
        base_url: fake.url(),
        key: KEY.to_owned(),
        concurrency: 8,
        refund_share_percent: 60,
        patience_s: 10,
        ..Options::default()
    }
}

async fn run(options: &Options) -> (Report, String) {
    let mut printed = Vec::new();
    let report = replay(options, &mut printed).await.unwrap();
    (report, String::from_utf8(printed).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_books_agree_although_requests_and_answers_are_lost_and_a_second_run_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let world = world();
    {
        let mut world = world.lock().unwrap();
        (world.refuse_every, world.lose_answer_every) = (7, 11);
    }
    let fake = Fake::start(&world).await;
    let mut options = options(&fake, files(folder.path(), 200));
    options.json_out = Some(folder.path().join("report.json"));
    let (report, printed) = run(&options).await;
    assert!(report.agrees(), "{printed}");
    assert_eq!(report.count(Outcome::Completed), 200);
    assert_eq!(report.dropped_zero_legs, 40);
    let refused: Vec<&str> = report.outcomes.keys().map(String::as_str).collect();
    assert_eq!(
        refused,
        [
            "completed",
            "refused: amounts_disagree",
            "refused: malformed",
            "refused: missing_items",
            "refused: undefined_type"
        ]
    );
    assert_eq!(report.refunds.len(), 6, "every way to refund, and none: {:?}", report.refunds);
    assert!(printed.contains("7 of 7 sellers agree") && printed.contains("items.csv:404: price \"oops\""), "{printed}");
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("report.json")).unwrap()).unwrap();
    assert_eq!(json["orders"].as_array().map(Vec::len), Some(204));

    let ledger = world.lock().unwrap().ledger.clone();
    let (again, printed) = run(&options).await;
    assert!(again.agrees(), "{printed}");
    assert_eq!(world.lock().unwrap().ledger, ledger, "nothing twice");
    assert_eq!(world.lock().unwrap().trades.len(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_under_way_and_started_again_ends_with_the_same_totals() {
    let folder = tempfile::tempdir().unwrap();
    let world = world();
    let fake = Fake::start(&world).await;
    let address = fake.address;
    let options = options(&fake, files(folder.path(), 400));
    let running = tokio::spawn(async move { run(&options).await });
    while world.lock().unwrap().trades.len() < 100 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    drop(fake);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(world.lock().unwrap().trades.len() < 400, "killed under way");
    let _fake = Fake::start_at(&world, address).await;
    let (report, printed) = running.await.unwrap();
    assert!(report.agrees(), "{printed}");
    assert_eq!(world.lock().unwrap().trades.len(), 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_cent_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let world = world();
    world.lock().unwrap().lose_a_cent = true;
    let fake = Fake::start(&world).await;
    let mut options = options(&fake, files(folder.path(), 10));
    options.refund_share_percent = 0;
    let (report, printed) = run(&options).await;
    assert!(!report.agrees());
    assert!(printed.contains("MISMATCH") && printed.contains("sellers that do not agree: 7"), "{printed}");
}

#[tokio::test]
async fn a_wrong_key_or_no_server_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let world = world();
    let fake = Fake::start(&world).await;
    let mut options = options(&fake, files(folder.path(), 1));
    options.key = "sk_test_other".to_owned();
    let error = replay(&options, &mut Vec::new()).await.unwrap_err();
    assert_eq!(error.word(), "unauthorized");
    drop(fake);
    options.patience_s = 1;
    let error = replay(&options, &mut Vec::new()).await.unwrap_err();
    assert_eq!(error.word(), "no_answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_the_real_orders() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/olist");
    if !data.exists() {
        eprintln!("not run: the real orders are not at {}", data.display());
        return;
    }
    let world = world();
    let fake = Fake::start(&world).await;
    let mut options = options(&fake, (data.join("order_items.csv.gz"), data.join("order_payments.csv.gz")));
    options.limit = Some(1_500);
    let (report, printed) = run(&options).await;
    assert!(report.agrees(), "{printed}");
    assert_eq!(report.orders.len(), 1_500);
    assert!(report.count(Outcome::Refused) > 0, "{printed}");
}
