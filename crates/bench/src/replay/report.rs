//! What became of every order, and whether the books agree: as a table for people, as JSON for machines.

use std::collections::BTreeMap;
use std::io::Write;

use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use serde::Serialize;

use super::books::Check;
use super::plan::RefundKind;
use crate::olist::LineFault;
use crate::olist::amount::show;

/// Most mismatches and failures shown in full to people; the JSON has all.
const SHOWN: usize = 20;

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Paid and played to the end of its plan.
    Completed,
    /// Payable, but not played to its end.
    NotCompleted,
    /// Not payable.
    Refused,
}

/// One order.
#[derive(Clone, Debug, Serialize)]
pub struct OrderReport {
    /// The order's id.
    pub order_id: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, unless completed: a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The particulars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Its trade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trade: Option<String>,
    /// What was paid by the file, in minor units.
    pub paid_minor: i128,
    /// How it was refunded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund: Option<RefundKind>,
    /// Payments of value zero that were left out.
    #[serde(skip_serializing_if = "is_zero")]
    pub dropped_zero_legs: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Orders and their sum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// How many.
    pub orders: u64,
    /// What was paid for them by the file, in minor units.
    pub paid_minor: i128,
}

/// The whole report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// When the replay ended, RFC 3339.
    pub finished_at: String,
    /// Seconds from the first call to the last order's end.
    pub elapsed_s: f64,
    /// Payment lines and item lines read.
    pub lines: (usize, usize),
    /// Counts and sums by outcome, with the reason after a colon.
    pub outcomes: BTreeMap<String, Sum>,
    /// Completed orders by the way they were refunded.
    pub refunds: BTreeMap<&'static str, Sum>,
    /// Payments of value zero that were left out of payable orders.
    pub dropped_zero_legs: usize,
    /// The platform's figures against our own.
    pub checks: Vec<Check>,
    /// Whether the platform itself calls its books balanced.
    pub balanced: bool,
    /// Lines that were skipped, as `file:line: reason`.
    pub skipped_lines: Vec<String>,
    /// Every order.
    pub orders: Vec<OrderReport>,
}

impl Report {
    /// Gathers the counts of `orders`.
    pub fn new(
        orders: Vec<OrderReport>,
        faults: &[LineFault],
        lines: (usize, usize),
        checks: Vec<Check>,
        balanced: bool,
        elapsed_s: f64,
    ) -> Self {
        let mut outcomes: BTreeMap<String, Sum> = BTreeMap::new();
        let mut refunds: BTreeMap<&'static str, Sum> = BTreeMap::new();
        for order in &orders {
            add(outcomes.entry(label(order)).or_default(), order);
            if let (Outcome::Completed, Some(kind)) = (order.outcome, order.refund) {
                add(refunds.entry(kind.as_str()).or_default(), order);
            }
        }
        Self {
            finished_at: jiff::Timestamp::now().to_string(),
            elapsed_s,
            lines,
            outcomes,
            refunds,
            dropped_zero_legs: orders.iter().map(|order| order.dropped_zero_legs).sum(),
            checks,
            balanced,
            skipped_lines: faults.iter().map(ToString::to_string).collect(),
            orders,
        }
    }

    /// Orders that ended so.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.orders.iter().filter(|order| order.outcome == outcome).count()
    }

    /// Whether every payable order was completed and every figure agrees to the cent.
    pub fn agrees(&self) -> bool {
        self.balanced && self.count(Outcome::NotCompleted) == 0 && self.checks.iter().all(Check::agrees)
    }

    /// Prints it for people.
    pub fn print(&self, out: &mut (dyn Write + Send)) -> std::io::Result<()> {
        writeln!(out, "{}\n", self.outcome_table())?;
        if self.dropped_zero_legs > 0 {
            writeln!(
                out,
                "{} payment(s) of value zero left out of orders that agree otherwise",
                self.dropped_zero_legs
            )?;
        }
        print_some(out, "skipped lines", self.skipped_lines.iter().cloned())?;
        let not_completed = self.orders.iter().filter(|order| order.outcome == Outcome::NotCompleted);
        print_some(out, "payable but not completed", not_completed.map(describe))?;
        writeln!(out, "{}\n", self.check_table())?;
        let sellers: Vec<&Check> = self.checks.iter().filter(|check| check.about == "seller").collect();
        let wrong = sellers.iter().filter(|check| !check.agrees());
        writeln!(out, "{} of {} sellers agree", sellers.len() - wrong.clone().count(), sellers.len())?;
        let tell = |check: &&Check| {
            format!("{}: expected {}, is {}", check.name, show(check.expected_minor), show(check.actual_minor))
        };
        print_some(out, "sellers that do not agree", wrong.map(tell))?;
        let orders = self.count(Outcome::Completed) + self.count(Outcome::NotCompleted);
        let pace = orders as f64 / self.elapsed_s.max(0.001);
        writeln!(out, "{orders} orders replayed in {:.1} s ({pace:.0} per second)", self.elapsed_s)?;
        let verdict = if self.agrees() { "the books agree to the cent" } else { "MISMATCH: see above" };
        writeln!(out, "{verdict}")
    }

    fn outcome_table(&self) -> Table {
        let mut table = table(["what became of it", "orders", "BRL paid"]);
        for (what, sum) in &self.outcomes {
            table.add_row([what.clone(), sum.orders.to_string(), show(sum.paid_minor)]);
        }
        for (way, sum) in self.refunds.iter().filter(|(way, _)| **way != RefundKind::None.as_str()) {
            table.add_row([
                format!("  of those completed, refunded {way}"),
                sum.orders.to_string(),
                show(sum.paid_minor),
            ]);
        }
        table
    }

    fn check_table(&self) -> Table {
        let mut table = table(["figure", "expected", "on the books", ""]);
        for check in self.checks.iter().filter(|check| check.about != "seller") {
            let verdict = if check.agrees() { "ok" } else { "MISMATCH" };
            table.add_row([
                check.name.clone(),
                show(check.expected_minor),
                show(check.actual_minor),
                verdict.to_owned(),
            ]);
        }
        table
    }
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header);
    table
}

fn add(sum: &mut Sum, order: &OrderReport) {
    sum.orders += 1;
    sum.paid_minor += order.paid_minor;
}

fn label(order: &OrderReport) -> String {
    let outcome = match order.outcome {
        Outcome::Completed => "completed",
        Outcome::NotCompleted => "not completed",
        Outcome::Refused => "refused",
    };
    match &order.reason {
        Some(reason) => format!("{outcome}: {reason}"),
        None => outcome.to_owned(),
    }
}

fn describe(order: &OrderReport) -> String {
    let word = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    format!("{} {}: {} ({})", order.order_id, word(&order.trade), word(&order.reason), word(&order.detail))
}

fn print_some(out: &mut (dyn Write + Send), title: &str, lines: impl Iterator<Item = String>) -> std::io::Result<()> {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "{title}: {}", lines.len())?;
    for line in lines.iter().take(SHOWN) {
        writeln!(out, "  {line}")?;
    }
    if lines.len() > SHOWN {
        writeln!(out, "  … and {} more", lines.len() - SHOWN)?;
    }
    Ok(())
}
