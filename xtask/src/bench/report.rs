//! Reading reports: their rows, and of several runs the one in the middle.

use serde_json::Value;

use crate::failure::Failure;

/// The rows of a report.
pub(super) fn rows(report: &Value) -> Result<Vec<Value>, Failure> {
    report.get("rows").and_then(Value::as_array).cloned().ok_or_else(|| Failure::new("a report without rows"))
}

/// A number of a row; 0 where it has none.
pub(super) fn number(row: &Value, name: &str) -> f64 {
    row.get(name).and_then(Value::as_f64).unwrap_or(0.0)
}

/// Of several runs of the same rows, each row from the run in which its `per_s` was in the middle.
pub(super) fn middle(runs: &[Vec<Value>]) -> Vec<Value> {
    let count = runs.iter().map(Vec::len).min().unwrap_or(0);
    (0..count).filter_map(|place| middle_of(runs.iter().filter_map(|rows| rows.get(place)))).collect()
}

fn middle_of<'a>(rows: impl Iterator<Item = &'a Value>) -> Option<Value> {
    let mut rows: Vec<&Value> = rows.collect();
    rows.sort_by(|a, b| number(a, "per_s").total_cmp(&number(b, "per_s")));
    rows.get(rows.len().saturating_sub(1) / 2).copied().cloned()
}

/// A row with more fields.
pub(super) fn with(mut row: Value, fields: &[(&str, Value)]) -> Value {
    if let Some(object) = row.as_object_mut() {
        for (name, value) in fields {
            object.insert((*name).to_owned(), value.clone());
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_middle_run_counts_row_by_row_and_as_a_whole() {
        let run =
            |first: u32, second: u32, p99: u32| vec![json!({"per_s": first, "p99": p99}), json!({"per_s": second})];
        let rows = middle(&[run(30, 1, 3), run(10, 2, 1), run(20, 3, 2)]);
        assert_eq!(rows, [json!({"per_s": 20, "p99": 2}), json!({"per_s": 2})]);
        assert_eq!(middle(&[run(1, 2, 3)]).len(), 2);
        assert_eq!(middle(&[]), [] as [Value; 0]);
    }
}
