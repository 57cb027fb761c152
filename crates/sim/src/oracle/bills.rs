//! Credit lines billed again, from their transfers alone: which bills there must be, of how much, and which payments they must
//! have stopped.

use std::collections::BTreeMap;

use engine::flows::credit::line_of;
use engine::request::Command;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use kernel::message::payment::Tool;
use kernel::time::HOUR_US;
use kernel::{RootId, Time};
use payment::BillTerms;
use payment::payment::PaymentStatus;
use store::tables::accounting::TransferRow;
use store::tables::payment::BillRow;
use store::tables::shard::Batch;

use super::Scene;
use super::rows::{self, Rows};

/// How late a timer may be in the end.
const LATE_US: i64 = HOUR_US;

/// What was drawn on a line and what came back, moment by moment.
#[derive(Default)]
struct Course(Vec<(i64, i64, i64)>);

impl Course {
    /// What was drawn by a moment.
    fn drawn(&self, by: impl Fn(i64) -> bool) -> i64 {
        self.0.iter().filter(|(at, ..)| by(*at)).map(|(_, drawn, _)| drawn).sum()
    }

    /// When so much had come back.
    fn repaid(&self, minor: i64) -> Option<i64> {
        let mut sum = 0;
        self.0.iter().find_map(|(at, _, repaid)| {
            sum += repaid;
            (sum >= minor).then_some(*at)
        })
    }
}

pub(super) fn differences(scene: &Scene<'_>, rows: &Rows) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for shard in scene.shards.all() {
        let batches = rows::of_shard::<Batch>(scene.store, shard)?;
        let times: BTreeMap<i64, i64> = batches.into_iter().map(|batch| (batch.seq, batch.at)).collect();
        let mut courses: BTreeMap<RootId, Course> = BTreeMap::new();
        for row in rows::of_shard::<TransferRow>(scene.store, shard)? {
            let at = times.get(&row.seq).copied().unwrap_or_default();
            if row.op == "post" || row.op == "capture" {
                let of = |account| RootId::from_bytes(account);
                courses.entry(of(row.debit)).or_default().0.push((at, row.amount, 0));
                courses.entry(of(row.credit)).or_default().0.push((at, 0, row.amount));
            }
        }
        let mut bills: BTreeMap<RootId, Vec<BillRow>> = BTreeMap::new();
        for bill in rows::of_shard::<BillRow>(scene.store, shard)? {
            bills.entry(RootId::from_bytes(bill.line)).or_default().push(bill);
        }
        for (line, (terms, opened)) in
            lines(scene).into_iter().filter(|(line, _)| scene.shards.of(line.bucket()) == shard)
        {
            let (course, bills) = (courses.remove(&line).unwrap_or_default(), bills.remove(&line).unwrap_or_default());
            found.extend(odd(scene.now, terms, opened, &course, &bills).map(|what| format!("{line:?}: {what}")));
            found.extend(let_through(scene, rows, line, &bills));
        }
        found.extend(bills.keys().map(|line| format!("{line:?} is billed, and nobody asked for that")));
    }
    Ok(found)
}

/// The lines that callers let be billed, by which terms and since when: who asked first was heard.
fn lines(scene: &Scene<'_>) -> BTreeMap<RootId, (BillTerms, Time)> {
    let opened = scene.callers.asked.values().filter_map(|asked| {
        let Command::OpenCredit { user, limit, terms: Some(terms) } = &asked.request.command else { return None };
        let reply = asked.told.as_ref().filter(|reply| reply.status == 201)?;
        let shown: serde_json::Value = serde_json::from_str(&reply.body).ok()?;
        let at = Time::parse(shown.get("created_at")?.as_str()?)?;
        Some((line_of(user, limit.currency, &scene.salt).0, (*terms, at)))
    });
    opened.collect()
}

/// What is odd about a line's bills.
fn odd(now: Time, terms: BillTerms, opened: Time, course: &Course, bills: &[BillRow]) -> Option<String> {
    let ends = ends_of_periods(terms, opened, now);
    let (mut upto, mut before) = (0, opened.micros());
    for bill in bills {
        let at = bill.issued_at;
        if !ends.iter().any(|end| before < *end && *end <= at) {
            return Some(format!("bill {} is a second one of its period", bill.no));
        }
        let drawn = course.drawn(|moment| moment < at)..=course.drawn(|moment| moment <= at);
        if bill.begins != upto || !drawn.contains(&bill.up_to) || bill.up_to <= upto {
            return Some(format!("bill {} is from {upto} to {drawn:?}, and not so", bill.no));
        }
        if Some(bill.due_at) != days_on(at, terms.due_days) {
            return Some(format!("bill {} is due on another day", bill.no));
        }
        if bill.paid_at != course.repaid(bill.up_to).map(|paid| paid.max(at)) {
            return Some(format!("bill {} was paid at another time", bill.no));
        }
        let due = bill.due_at + LATE_US < now.micros() && bill.paid_at.is_none();
        if due && bill.overdue_at.is_none() || bill.overdue_at.is_some_and(|at| at < bill.due_at) {
            return Some(format!("bill {} is overdue, or is not", bill.no));
        }
        (upto, before) = (bill.up_to, at);
    }
    let last = ends.iter().rfind(|end| **end + LATE_US < now.micros())?;
    (course.drawn(|at| at < *last) > upto).then(|| "what was drawn in a period is not billed".to_owned())
}

/// The beginnings of the days that end periods.
fn ends_of_periods(terms: BillTerms, opened: Time, now: Time) -> Vec<i64> {
    let first = date(opened.micros());
    let months = (0..24).filter_map(|months| {
        let month = first.first_of_month().checked_add(Span::new().months(months)).ok()?;
        month.checked_add(Span::new().days(i64::from(terms.day) - 1)).ok()
    });
    let days = months.filter(|day| *day > first).filter_map(midnight);
    days.take_while(|day| *day <= now.micros()).collect()
}

fn date(at: i64) -> Date {
    Timestamp::from_microsecond(at).map_or(Date::ZERO, |at| TimeZone::UTC.to_datetime(at).date())
}

fn midnight(day: Date) -> Option<i64> {
    day.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp().as_microsecond())
}

fn days_on(at: i64, days: u8) -> Option<i64> {
    midnight(date(at).checked_add(Span::new().days(days)).ok()?)
}

/// Payments on credit that were let through although a bill was overdue.
fn let_through(scene: &Scene<'_>, rows: &Rows, line: RootId, bills: &[BillRow]) -> Vec<String> {
    let overdue = |at: i64| bills.iter().any(|bill| bill.due_at <= at && bill.paid_at.is_none_or(|paid| at < paid));
    let mut found = Vec::new();
    for (id, tree) in &rows.trees {
        let of_line = tree.trade.payer.user().map(|user| line_of(user, tree.trade.money.currency, &scene.salt).0);
        let payments = tree.payments.iter().flat_map(|state| &state.payments).filter(|_| of_line == Some(line));
        for payment in payments {
            let on_credit = payment.instructions.iter().any(|leg| leg.tool == Tool::Credit);
            let through = payment.status == PaymentStatus::Succeeded || payment.failure.is_none();
            if on_credit && through && overdue(payment.created_at.micros()) {
                found.push(format!("payment {} of {id} was let through although a bill was overdue", payment.no));
            }
        }
    }
    found
}
