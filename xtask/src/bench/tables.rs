//! The tables of the page, from the figures.

mod short;

use std::collections::BTreeMap;

use serde_json::Value;

use super::report::number;

/// Makes the table of some rows.
type Table = fn(&[Value]) -> String;

/// Every table that there are figures for, by its name on the page.
pub(super) fn all(measured: &Value) -> BTreeMap<&'static str, String> {
    let figures = measured.get("figures").unwrap_or(&Value::Null);
    let mut tables = BTreeMap::from([("machine", machine(figures.get("machine").unwrap_or(&Value::Null)))]);
    let parts: [(&str, Table); 7] = [
        ("pay", pay),
        ("latency", latency),
        ("naive", storage),
        ("ledger", storage),
        ("overload", overload),
        ("time", time),
        ("replay", replay),
    ];
    for (name, table) in parts {
        let rows = rows_of(figures, name);
        if !rows.is_empty() {
            tables.insert(name, table(rows));
        }
    }
    if !rows_of(figures, "pay").is_empty() {
        tables.insert("short", short::table(figures));
    }
    tables.insert("settings", settings(measured));
    tables
}

fn rows_of<'a>(figures: &'a Value, part: &str) -> &'a [Value] {
    figures.get(part).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn machine(machine: &Value) -> String {
    let processors = format!("{} of {}", whole(machine, "processors"), text(machine, "model"));
    let system = format!("{}, Linux {}", text(machine, "system"), text(machine, "linux"));
    let settings = machine.get("postgres_settings").and_then(Value::as_array).into_iter().flatten();
    let settings: Vec<String> = settings.filter_map(Value::as_str).map(|setting| format!("`{setting}`")).collect();
    let postgres = format!("{}, {}", text(machine, "postgres"), settings.join(", "));
    let rust = text(machine, "rust");
    let rust = rust.split(' ').nth(1).unwrap_or(&rust).to_owned();
    let row = vec![processors, format!("{} GiB", whole(machine, "memory_gib")), system, rust, postgres];
    table(&["processors", "memory", "system", "Rust", "PostgreSQL"], vec![row])
}

fn settings(measured: &Value) -> String {
    let settings = measured.get("settings").unwrap_or(&Value::Null);
    let kind = if measured.get("quick") == Some(&Value::Bool(true)) { "A quick run" } else { "A whole run" };
    format!(
        "{kind}: {} s a row after {} s that are not counted; of {} runs the one in the middle.\n",
        whole(settings, "duration_s"),
        whole(settings, "warm_up_s"),
        whole(settings, "runs")
    )
}

fn pay(rows: &[Value]) -> String {
    let header = [
        "store",
        "scenario",
        "callers",
        "hot %",
        "per s",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "CPU µs server",
        "CPU µs database",
        "MiB",
        "÷ echo",
    ];
    let cells = |row: &Value| {
        let mut cells = vec![text(row, "store"), format!("`{}`", text(row, "scenario")), whole(row, "callers")];
        cells.extend([whole(row, "hot_share_percent"), whole(row, "per_s")]);
        cells.extend(quantiles(row));
        cells.extend([whole(row, "server_cpu_us"), whole(row, "database_cpu_us"), whole(row, "server_memory_mib")]);
        cells.push(digits(row, "echo_ratio", 2));
        cells
    };
    table(&header, rows.iter().map(cells).collect())
}

fn latency(rows: &[Value]) -> String {
    let cells = |row: &Value| {
        let mut cells = vec![text(row, "store"), format!("`{}`", text(row, "scenario")), whole(row, "rate")];
        cells.push(whole(row, "per_s"));
        cells.extend(quantiles(row));
        cells
    };
    let header = ["store", "scenario", "asked per s", "done per s", "p50 ms", "p99 ms", "p99.9 ms"];
    table(&header, rows.iter().map(cells).collect())
}

fn storage(rows: &[Value]) -> String {
    let cells = |row: &Value| {
        let hot = if row.get("hot") == Some(&Value::Bool(true)) { "one" } else { "many" };
        let mut cells = vec![text(row, "store"), whole(row, "batch"), whole(row, "writers"), hot.to_owned()];
        cells.push(whole(row, "per_s"));
        cells.extend(quantiles(row).into_iter().take(2));
        cells.extend([digits(row, "own_cpu_us", 1), digits(row, "database_cpu_us", 1)]);
        cells
    };
    let header =
        ["store", "batch", "writers", "receivers", "per s", "p50 ms", "p99 ms", "CPU µs own", "CPU µs database"];
    table(&header, rows.iter().map(cells).collect())
}

fn overload(rows: &[Value]) -> String {
    let header =
        ["store", "peak per s", "asked per s", "done per s", "done ÷ peak", "refused", "refused p99 ms", "done p99 ms"];
    let cells = |row: &Value| {
        let mut cells = vec![text(row, "store"), whole(row, "peak_per_s"), whole(row, "asked_per_s")];
        cells.extend([whole(row, "done_per_s"), digits(row, "ratio", 2), whole(row, "refused")]);
        cells.extend([digits(row, "refused_p99_ms", 1), digits(row, "done_p99_ms", 1)]);
        cells
    };
    table(&header, rows.iter().map(cells).collect())
}

fn time(rows: &[Value]) -> String {
    let header = [
        "store",
        "start, empty",
        "start, full",
        "MiB at rest",
        "MiB under load",
        "first part per s",
        "last part per s",
        "last ÷ first",
        "payments in it",
        "per s on it",
        "full ÷ first",
        "bytes per payment",
    ];
    let cells = |row: &Value| {
        let mut cells = vec![text(row, "store")];
        cells.extend(["start_empty_ms", "start_full_ms"].map(|name| format!("{} ms", whole(row, name))));
        cells.extend(["rest_mib", "peak_mib", "first_per_s", "last_per_s"].map(|name| whole(row, name)));
        cells.extend([digits(row, "sustained", 2), whole(row, "payments"), whole(row, "full_per_s")]);
        cells.extend([digits(row, "growth", 2), whole(row, "bytes_per_payment")]);
        cells
    };
    table(&header, rows.iter().map(cells).collect())
}

fn replay(rows: &[Value]) -> String {
    let cells = |row: &Value| {
        let seconds = number(row, "seconds");
        let per_s = thousands(number(row, "orders") / seconds.max(0.001));
        vec![text(row, "store"), whole(row, "orders"), digits(row, "seconds", 1), per_s, "agree to the cent".to_owned()]
    };
    table(&["store", "orders", "seconds", "orders per s", "books"], rows.iter().map(cells).collect())
}

fn quantiles(row: &Value) -> [String; 3] {
    let latency = row.get("latency").unwrap_or(&Value::Null);
    ["p50_ms", "p99_ms", "p999_ms"].map(|name| digits(latency, name, 2))
}

fn text(row: &Value, name: &str) -> String {
    row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A number without its fraction; nothing where there is none.
fn whole(row: &Value, name: &str) -> String {
    row.get(name).and_then(Value::as_f64).map_or_else(String::new, thousands)
}

/// A number with so many digits after the point; nothing where there is none.
fn digits(row: &Value, name: &str, count: usize) -> String {
    row.get(name).and_then(Value::as_f64).map_or_else(String::new, |value| format!("{value:.count$}"))
}

/// 1234567.8 is `1,234,568`.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | ")).replace("|  |", "| |");
    let header: Vec<String> = header.iter().map(|cell| (*cell).to_owned()).collect();
    let mut out = line(&header);
    out.push_str(&format!("|{}\n", "---|".repeat(header.len())));
    for row in rows {
        let mut text = line(&row);
        while text.contains("|  |") {
            text = text.replace("|  |", "| |");
        }
        out.push_str(&text);
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_short_and_missing_ones_are_nothing() {
        assert_eq!(thousands(1_234_567.8), "1,234,568");
        assert_eq!([0.0, 999.0, 1_000.0].map(thousands), ["0", "999", "1,000"]);
        assert_eq!(
            (whole(&json!({}), "a"), digits(&json!({ "a": 0.456 }), "a", 2)),
            (String::new(), "0.46".to_owned())
        );
    }

    #[test]
    fn a_part_without_figures_has_no_table() {
        let row = json!({ "store": "SQLite", "scenario": "balance", "callers": 256, "hot_share_percent": 0,
            "per_s": 10_203.4, "latency": { "p50_ms": 22.9, "p99_ms": 58.94, "p999_ms": 68.0 }, "echo_ratio": 0.141,
            "server_cpu_us": 134.2, "database_cpu_us": null, "server_memory_mib": 155 });
        let tables = all(&json!({ "quick": true, "figures": { "pay": [row], "ledger": [] } }));
        let names: Vec<&str> = tables.keys().copied().collect();
        assert_eq!(names, ["machine", "pay", "settings", "short"]);
        assert_eq!(
            tables["pay"].lines().last(),
            Some("| SQLite | `balance` | 256 | 0 | 10,203 | 22.90 | 58.94 | 68.00 | 134 | | 155 | 0.14 |")
        );
    }
}
