//! The figures that are compared: ratios within one run, which carry over to other machines better than rates do.

use serde_json::{Value, json};

use super::{rows_of, thousands};
use crate::bench::report::number;

const STORES: [&str; 2] = ["SQLite", "PostgreSQL"];

/// A row per measure, a column per store; what was not measured is left empty.
fn table_rows(figures: &Value) -> Vec<Vec<String>> {
    let each = |measure: &dyn Fn(&str) -> Option<f64>, digits: usize| {
        STORES.map(|store| measure(store).map_or_else(String::new, |value| shown(value, digits)))
    };
    let pay = |store: &str, scenario: &str, callers: u64, hot: u64| {
        find(
            figures,
            "pay",
            &[
                ("store", json!(store)),
                ("scenario", json!(scenario)),
                ("callers", json!(callers)),
                ("hot_share_percent", json!(hot)),
            ],
        )
    };
    let of = |row: Option<&Value>, name: &str| row.map(|row| number(row, name)).filter(|value| *value > 0.0);
    let naive = |hot: bool| of(find(figures, "naive", &[("hot", json!(hot))]), "per_s");
    let against_naive = |store: &str, hot: bool| {
        let ours = of(pay(store, "balance", 256, if hot { 100 } else { 0 }), "per_s")?;
        naive(hot).filter(|_| store == "PostgreSQL").map(|naive| ours / naive)
    };
    let ledger = |store: &str| {
        find(
            figures,
            "ledger",
            &[("store", json!(store)), ("batch", json!(2000)), ("writers", json!(1)), ("hot", json!(false))],
        )
    };
    let time = |store: &str, name: &str| of(find(figures, "time", &[("store", json!(store))]), name);
    let half = |store: &str, name: &str| {
        let row = find(figures, "latency", &[("store", json!(store)), ("scenario", json!("balance"))])?;
        row.pointer(&format!("/latency/{name}")).and_then(Value::as_f64)
    };
    let one = |store: &str| pay(store, "balance", 1, 0)?.pointer("/latency/p50_ms").and_then(Value::as_f64);
    let cpu = |store: &str| {
        let row = pay(store, "balance", 256, 0);
        of(row, "server_cpu_us").map(|server| server + of(row, "database_cpu_us").unwrap_or(0.0))
    };
    let hot = |store: &str| {
        of(pay(store, "balance", 256, 100), "per_s")
            .zip(of(pay(store, "balance", 256, 0), "per_s"))
            .map(|(hot, spread)| hot / spread)
    };
    let overload = |store: &str| of(find(figures, "overload", &[("store", json!(store))]), "ratio");
    let measures: [(&str, &str, [String; 2]); 13] = [
        (
            "pay by balance ÷ echo, 256 callers",
            "0.20 / 0.15",
            each(&|store| of(pay(store, "balance", 256, 0), "echo_ratio"), 2),
        ),
        (
            "coupon and channel ÷ echo",
            "0.08 / 0.06",
            each(&|store| of(pay(store, "coupon_channel", 256, 0), "echo_ratio"), 2),
        ),
        ("pay by balance ÷ the naive way", "3", each(&|store| against_naive(store, false), 1)),
        ("the same, all to one merchant", "8", each(&|store| against_naive(store, true), 1)),
        ("all to one merchant ÷ spread", "0.95", each(&hot, 2)),
        ("p50 at half of capacity, ms", "3", each(&|store| half(store, "p50_ms"), 2)),
        ("p99 at half of capacity, ms", "15", each(&|store| half(store, "p99_ms"), 2)),
        ("p50 of one caller, ms", "1.2 / 2.5", each(&one, 2)),
        ("CPU µs per payment, server and database", "120 / 160", each(&cpu, 0)),
        ("ledger alone, transfers per s, batch of 2,000", "50,000", each(&|store| of(ledger(store), "per_s"), 0)),
        ("long run, last part ÷ first", "0.85", each(&|store| time(store, "sustained"), 2)),
        ("on the full store ÷ empty", "0.7", each(&|store| time(store, "growth"), 2)),
        ("done ÷ peak at twice of it", "0.7", each(&overload, 2)),
    ];
    measures
        .into_iter()
        .map(|(measure, aim, [sqlite, postgres])| vec![measure.to_owned(), aim.to_owned(), sqlite, postgres])
        .collect()
}

/// The table.
pub(super) fn table(figures: &Value) -> String {
    super::table(&["measure", "aim", "SQLite", "PostgreSQL"], table_rows(figures))
}

fn find<'a>(figures: &'a Value, part: &str, fields: &[(&str, Value)]) -> Option<&'a Value> {
    rows_of(figures, part).iter().find(|row| fields.iter().all(|(name, value)| row.get(*name) == Some(value)))
}

fn shown(value: f64, digits: usize) -> String {
    if digits == 0 { thousands(value) } else { format!("{value:.digits$}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_the_rows_they_name() {
        let pay = |store: &str, hot: u32, per_s: u32| {
            json!({ "store": store, "scenario": "balance", "callers": 256, "hot_share_percent": hot, "per_s": per_s,
                "echo_ratio": 0.25, "server_cpu_us": 50.0, "database_cpu_us": 40.0 })
        };
        let figures = json!({
            "pay": [pay("SQLite", 0, 1_000), pay("SQLite", 100, 1_100), pay("PostgreSQL", 0, 800), pay("PostgreSQL", 100, 900)],
            "naive": [{ "hot": false, "per_s": 200 }, { "hot": true, "per_s": 100 }],
        });
        let rows = table_rows(&figures);
        let row =
            |name: &str| rows.iter().find(|row| row[0] == name).map(|row| [row[2].as_str(), row[3].as_str()]).unwrap();
        assert_eq!(row("all to one merchant ÷ spread"), ["1.10", "1.12"]);
        assert_eq!(row("pay by balance ÷ the naive way"), ["", "4.0"]);
        assert_eq!(row("the same, all to one merchant"), ["", "9.0"]);
        assert_eq!(row("CPU µs per payment, server and database"), ["90", "90"]);
        assert_eq!(row("done ÷ peak at twice of it"), ["", ""], "not measured");
    }
}
