//! The commands that people work with at a running server: search, cases, rule books, files of trades.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::host::{Host, play};
use crate::server::KEY;
use crate::shop::{Shop, card, card_that, id};
use crate::store::{Engine, program, text};

/// The program, told where the server is, with the platform's key.
fn desk(host: &Host, arguments: &[&str]) -> Output {
    as_key(host, KEY, arguments)
}

fn as_key(host: &Host, key: &str, arguments: &[&str]) -> Output {
    let mut command: Command = program();
    command.args(arguments).env("SUANPAN_URL", format!("http://{}", host.address)).env("SUANPAN_KEY", key);
    command.output().unwrap()
}

fn told(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), text(output))
}

/// What it printed is one JSON object.
fn object(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", text(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_number_is_found() {
    play(Engine::Sqlite, &[], async |host| {
        let shop = host.shop().await;
        let trade = shop.paid("escrow", 100, &json!({"merchant_order_id": "A/1-x-y"})).await;
        let (code, said) = told(&desk(host, &["search", "A/1-x-y"]));
        assert_eq!((code, said), (Some(0), format!("trade {trade}  trade {trade}  found as merchant_order_id\n")));
        let chain = object(&desk(host, &["search", &trade, "--chain"]));
        assert_eq!(chain["trade"]["id"], trade);
        assert_eq!(told(&desk(host, &["search", "nowhere"])), (Some(1), String::new()));
        let (code, said) = told(&as_key(host, "sk_test_nobody", &["search", "A1"]));
        assert_eq!(code, Some(1));
        assert!(said.starts_with("suanpan: unauthorized: "), "{said}");
    });
}

#[test]
fn something_is_taken_out_of_use() {
    play(Engine::Sqlite, &[], async |host| {
        assert_eq!(told(&desk(host, &["switches", "list"])), (Some(0), "risk off\nmarketing off\n".to_owned()));
        let (code, said) = told(&desk(host, &["switches", "on", "marketing", "--reason", "coupons are slow"]));
        assert_eq!(code, Some(0));
        assert!(said.starts_with("marketing on  since ") && said.ends_with(": coupons are slow\n"), "{said}");
        let (_, said) = told(&desk(host, &["switches", "off", "marketing", "--reason", "they are well"]));
        assert!(said.starts_with("marketing off  since "), "{said}");
        let (code, said) = told(&desk(host, &["switches", "on", "coupons", "--reason", "x"]));
        assert_eq!(code, Some(1));
        assert!(said.starts_with("suanpan: not_found: "), "{said}");
        assert_eq!(told(&desk(host, &["switches", "on", "risk"])).0, Some(2), "why must be said");
    });
}

#[test]
fn a_server_that_is_not_there() {
    let mut command = program();
    let output = command.args(["search", "A1", "--url", "http://127.0.0.1:1", "--key", "k"]).output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{}", text(&output));
    let output = program().args(["search", "A1"]).env_remove("SUANPAN_KEY").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}

#[test]
fn a_case_is_decided_by_two() {
    play(Engine::Sqlite, &[], async |host| {
        let shop = host.shop().await;
        let trade = shop.unpaid("escrow", 1_000, &json!({})).await;
        shop.pay(&trade, &json!([card_that("wrong_amount", 1_000)])).await.ok(201);
        let case = shop.open_case(&trade, "amount_mismatch").await;
        let (code, said) = told(&desk(host, &["cases", "list", "--status", "open"]));
        assert!(code == Some(0) && said.contains(&case) && said.contains("amount_mismatch"), "{said}");
        assert_eq!(object(&desk(host, &["cases", "show", &case]))["id"], case);
        assert_eq!(object(&desk(host, &["cases", "assign", &case, "--to", "Li Lei"]))["assignee"], "Li Lei");
        object(&desk(host, &["cases", "comment", &case, "--text", "asked the bank"]));
        let proposed = object(&desk(host, &["cases", "propose", &case, "--action", "refund", "--note", "all of it"]));
        assert_eq!((&proposed["status"], &proposed["proposal"]["note"]), (&json!("proposed"), &json!("all of it")));
        let (code, said) = told(&desk(host, &["cases", "approve", &case]));
        assert_eq!(code, Some(1), "{said}");
        assert!(said.starts_with("suanpan: second_person_required: "), "{said}");
        assert_eq!(object(&desk(host, &["cases", "reject", &case]))["status"], "open");
        let (_, said) = told(&desk(host, &["cases", "resolve", &case, "--action", "nothing"]));
        assert!(said.starts_with("suanpan: invalid_value (action): "), "{said}");
        assert_eq!(object(&desk(host, &["cases", "resolve", &case, "--action", "refund"]))["status"], "closed");
    });
}

#[test]
fn a_book_from_its_file_into_use_and_back() {
    play(Engine::Sqlite, &[], async |host| {
        let shop = host.shop().await;
        let trade = shop.paid("escrow", 900, &json!({"sub_type": "desk.x"})).await;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("book.toml");
        let path = file.to_str().unwrap();
        let book = "book = \"desk\"\nabout = \"A desk.\"\nsub_type = \"desk.*\"\n[[rule]]\nname = \"small\"\n\
                    limit = { currency = \"CNY\", max = 500 }\n";
        std::fs::write(&file, book).unwrap();

        let (code, said) = told(&desk(host, &["rules", "dry-run", path]));
        let payment = id(&shop.chain(&trade).await["payments"][0]);
        let refused = format!("{payment}: refused: rule `small`: a payment lies between 0 and 500 minor units of CNY");
        assert!(code == Some(0) && said.contains(&refused), "{said}");
        assert!(said.ends_with("2 of them this book's: 1 changes, 1 payments refused\n"), "{said}");

        let (code, said) = told(&desk(host, &["rules", "upload", path]));
        assert_eq!((code, said.as_str()), (Some(0), "desk: version 2 is kept as a draft\n"));
        assert_eq!(told(&desk(host, &["rules", "list"])).1, "desk: not in use\ngeneral: version 1\n");
        let (code, said) = told(&desk(host, &["rules", "approve", "desk", "2"]));
        assert!(code == Some(1) && said.starts_with("suanpan: second_person_required: "), "{said}");
        let key = host.post("/v1/keys", &json!({})).await.ok(201)["key"].as_str().unwrap().to_owned();
        let (code, said) = told(&as_key(host, &key, &["rules", "approve", "desk", "2"]));
        assert!(code == Some(0) && said.starts_with("desk: version 2 from 2"), "{said}");
        assert_eq!(told(&desk(host, &["rules", "show", "desk", "--version", "2"])).1, book);
        assert_eq!(object(&desk(host, &["rules", "show", "desk"]))["current_version"], 2);
        shop.open("escrow", 501, &json!({"sub_type": "desk.x", "pay": {"tools": [card(501)]}}))
            .await
            .refused(422, "rule_refused");
        let (code, said) = told(&desk(host, &["rules", "rollback", "desk", "1"]));
        assert!(code == Some(0) && said.starts_with("desk: version 1 from 2"), "{said}");

        std::fs::write(&file, "book = 1\n").unwrap();
        let (code, said) = told(&desk(host, &["rules", "upload", path]));
        assert!(code == Some(1) && said.contains("book.toml: line 1, column "), "{said}");
    });
}

fn import(host: &Host, file: &Path, more: &[&str]) -> (Option<i32>, String) {
    let mut arguments = vec!["import", file.to_str().unwrap()];
    arguments.extend(more);
    told(&desk(host, &arguments))
}

async fn trades(shop: &Shop) -> usize {
    shop.all("/v1/trades", 100).await.len()
}

/// Nothing is sent before it is confirmed, nor where a line is bad; the same file twice opens nothing twice.
fn files_of_payouts(engine: Engine) {
    play(engine, &[], async |host| {
        let shop = host.shop().await;
        host.fund("user:42", 1_000, "CNY").await;
        let directory = tempfile::tempdir().unwrap();
        let (file, report) = (directory.path().join("payouts.csv"), directory.path().join("report.csv"));
        let header =
            "type,merchant_order_id,amount,currency,payer,destination.type,destination.account,destination.name";
        let line = |order: &str, amount: &str, name: &str| {
            format!("payout,{order},{amount},CNY,user:42,bank_account,6222020000000000,{name}")
        };
        let write = |lines: &[String]| std::fs::write(&file, format!("{header}\n{}\n", lines.join("\n"))).unwrap();
        let of = ["--merchant", &shop.id];
        let confirmed = ["--merchant", &shop.id, "--confirm", "--report", report.to_str().unwrap()];

        write(&[
            line("P1", "300", "Li Lei"),
            line("P2", "1.5", "Han Meimei"),
            line("P3", "0", "Han Meimei"),
            line("P1", "200", "Han Meimei"),
            line("P4", "1001", "Han Meimei"),
            "payout,P5".to_owned(),
            line("P6", "1", ""),
        ]);
        let (code, said) = import(host, &file, &confirmed);
        assert_eq!(code, Some(1), "{said}");
        let lines: Vec<&str> = said.lines().collect();
        for (line, begins) in lines.iter().zip([
            "line 3: invalid_type (amount): ",
            "line 4: amount_not_positive (amount): ",
            "line 5: merchant_order_id is that of line 2",
            "line 6: insufficient_balance",
            "line 7: 2 cells, the first line has 8",
            "line 8: missing_field (destination.name): ",
            "1 payout over 300 CNY, 6 bad lines",
            "nothing was sent",
        ]) {
            assert!(line.starts_with(begins), "{line} should begin with {begins}\n{said}");
        }
        assert_eq!(lines.len(), 8, "{said}");
        assert!(!said.contains("6222"), "an account is nobody else's business: {said}");
        assert_eq!(trades(&shop).await, 0);

        write(&[line("P1", "300", "Li Lei"), line("P2", "200", "Han Meimei")]);
        let good = "2 payout over 500 CNY, 0 bad lines\n";
        let unsent = (Some(0), format!("{good}nothing was sent; --confirm sends it\n"));
        assert_eq!(import(host, &file, &of), unsent);
        assert_eq!(trades(&shop).await, 0);
        assert_eq!(import(host, &file, &confirmed), (Some(0), format!("{good}created: 2\n")));
        let opened = shop.all("/v1/trades", 100).await;
        let orders: Vec<&Value> = opened.iter().map(|trade| &trade["merchant_order_id"]).collect();
        assert_eq!(orders.len(), 2);
        let written = std::fs::read_to_string(&report).unwrap();
        assert!(written.starts_with("line,merchant_order_id,trade_id,status\n2,P1,trd_"), "{written}");
        for trade in &opened {
            shop.trade_is(&id(trade), "completed").await;
        }
        let (code, said) = import(host, &file, &confirmed);
        assert_eq!((code, trades(&shop).await), (Some(0), 2), "{said}");

        // Cut off and changed: the order number remembers.
        write(&[line("P1", "301", "Li Lei")]);
        let (code, said) = import(host, &file, &confirmed);
        assert!(code == Some(1) && said.starts_with("line 2: order_exists (merchant_order_id): "), "{said}");
        let nowhere = import(host, Path::new("/nowhere.csv"), &of);
        assert_eq!(nowhere.0, Some(6), "{}", nowhere.1);
    });
}

#[test]
fn files_of_payouts_on_sqlite() {
    files_of_payouts(Engine::Sqlite);
}

#[test]
fn files_of_payouts_on_postgres() {
    files_of_payouts(Engine::Postgres);
}
