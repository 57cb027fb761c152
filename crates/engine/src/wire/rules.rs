//! Rule books on the wire: versions, releases, and why a payment was planned as it was.

use kernel::message::risk::Assessment;
use kernel::message::rules::BUILT_IN_VERSION;
use kernel::{InstructionId, KeyId, PaymentId, Time, TradeId};
use payment::{Instruction, Payment, Payments};
use rules::compare::Change;
use rules::{BUILT_IN, Finding, RuleBook, Said};
use serde::Serialize;
use serde_json::{Value, json};
use trade::Trade;

use crate::control::{Control, RuleRelease};
use crate::planning::{self, facts};

/// `"object": "rule_book"`: its versions, newest first, and its releases. `None` where there is no such book.
pub fn book(control: &Control, name: &str, now: Time) -> Option<String> {
    let numbers = numbers_of(control, name);
    let versions: Vec<Value> = numbers.iter().filter_map(|number| heading(control, *number, now)).collect();
    let releases: Vec<ReleaseObject<'_>> = releases_of(control, name).map(ReleaseObject::new).collect();
    let current = control.rules.current(name, now).or((name == built_in(control)?.name).then_some(BUILT_IN_VERSION));
    (!versions.is_empty()).then(|| {
        super::json(&json!({
            "object": "rule_book",
            "book": name,
            "current_version": current,
            "versions": versions,
            "releases": releases,
        }))
    })
}

/// The names of all books, in their order.
pub fn names(control: &Control) -> Vec<String> {
    let uploaded = control.rule_versions.values().map(|version| version.book.clone());
    let mut names: Vec<String> = uploaded.chain(built_in(control).map(|book| book.name.clone())).collect();
    names.sort();
    names.dedup();
    names
}

/// `"object": "rule_version"` with its text. `None` where there is none of this number.
pub fn version(control: &Control, number: i64, now: Time) -> Option<String> {
    let mut object = heading(control, number, now)?;
    let source = match control.rule_versions.get(&number) {
        Some(version) => version.source.as_str(),
        None => BUILT_IN,
    };
    object.as_object_mut()?.insert("lines".to_owned(), source.lines().collect());
    Some(super::json(&object))
}

/// `"object": "rule_check"`: what is wrong with a text, or what it would be.
pub fn check(checked: &Result<RuleBook, Vec<Finding>>) -> String {
    let findings = checked.as_ref().err().map_or(&[][..], Vec::as_slice);
    let shown = |finding: &Finding| json!({"line": finding.place.line, "column": finding.place.column, "reason": finding.reason});
    super::json(&json!({
        "object": "rule_check",
        "valid": checked.is_ok(),
        "book": checked.as_ref().ok().map(|book| book.name.as_str()),
        "findings": findings.iter().map(shown).collect::<Vec<_>>(),
    }))
}

/// A version without its text.
fn heading(control: &Control, number: i64, now: Time) -> Option<Value> {
    let book = control.rules.version(number)?;
    let uploaded = control.rule_versions.get(&number);
    let used = releases_of(control, &book.name).any(|release| release.version == number);
    let is_built_in = number == BUILT_IN_VERSION;
    let current = control.rules.current(&book.name, now);
    let status = match (current == Some(number) || is_built_in && current.is_none(), used || is_built_in) {
        (true, _) => "current",
        (false, true) => "released",
        (false, false) => "draft",
    };
    Some(json!({
        "object": "rule_version",
        "version": number,
        "book": book.name,
        "about": book.about,
        "order_type": book.scope.order_type,
        "sub_type": book.scope.sub_type,
        "status": status,
        "uploaded_by": uploaded.map(|version| version.uploaded_by),
        "created_at": uploaded.map(|version| Time::from_micros(version.created_at)),
    }))
}

fn built_in(control: &Control) -> Option<&RuleBook> {
    control.rules.version(BUILT_IN_VERSION).map(AsRef::as_ref)
}

/// The versions of a book, newest first.
fn numbers_of(control: &Control, name: &str) -> Vec<i64> {
    let uploaded = control.rule_versions.iter().rev().filter(|(_, version)| version.book == name);
    let built_in = built_in(control).filter(|book| book.name == name).map(|_| BUILT_IN_VERSION);
    uploaded.map(|(number, _)| *number).chain(built_in).collect()
}

fn releases_of<'a>(control: &'a Control, name: &'a str) -> impl Iterator<Item = &'a RuleRelease> {
    control.rule_releases.iter().map(AsRef::as_ref).filter(move |release| release.book == name)
}

/// What a text would have changed of recorded trades and payments.
#[derive(Debug, Default)]
pub struct DryRun {
    /// How many trades were asked about again.
    pub trades: usize,
    /// How many payments.
    pub payments: usize,
    /// How many of these trades and payments the book is for.
    pub concerned: usize,
    /// JSON objects.
    changes: Vec<String>,
    /// How many of the payments would be refused.
    refused: usize,
}

impl DryRun {
    /// Notes what would be otherwise with a trade, or with one of its payments.
    pub fn note(&mut self, trade: TradeId, payment: Option<PaymentId>, changes: Vec<Change>) {
        self.refused += changes.iter().filter(|change| change.what == "refused").count();
        let shown = |change: Change| {
            super::json(&json!({
                "trade_id": trade,
                "payment_id": payment,
                "change": change.what,
                "was": change.was,
                "would": change.would,
            }))
        };
        self.changes.extend(changes.into_iter().map(shown));
    }

    /// `"object": "rule_dry_run"`, with the cursor of what was opened before these trades.
    pub fn json(&self, book: &str, next: Option<&str>) -> String {
        let Self { trades, payments, concerned, refused, changes } = self;
        let (book, next_cursor) = (json!(book), json!(next));
        format!(
            r#"{{"object":"rule_dry_run","book":{book},"trades":{trades},"payments":{payments},"concerned":{concerned},"refused":{refused},"changes":[{}],"has_more":{},"next_cursor":{next_cursor}}}"#,
            changes.join(","),
            next.is_some(),
        )
    }
}

/// From when on a version holds, and who said so.
#[derive(Serialize)]
struct ReleaseObject<'a> {
    version: i64,
    from: Time,
    by: &'a KeyId,
    created_at: Time,
}

impl<'a> ReleaseObject<'a> {
    fn new(release: &'a RuleRelease) -> Self {
        Self {
            version: release.version,
            from: Time::from_micros(release.from),
            by: &release.by,
            created_at: Time::from_micros(release.created_at),
        }
    }
}

/// `"object": "explanation"`: why these tools, this order, this plan. `None` where there is no payment of this number. What
/// was heard of the outside risk service stands in it where `with_risk` says so.
pub fn explanation(control: &Control, trade: &Trade, state: &Payments, no: u16, with_risk: bool) -> Option<String> {
    let payment = state.payment(no)?;
    let book = control.rules.version(payment.rule_version)?;
    let tools = payment.tools();
    let asked = planning::asked(payment, &tools);
    let said = book.explain(&facts(trade, payment.created_at, Some(asked))).payment;
    let opening = control.rules.holding(&trade.context, trade.created_at)?;
    let terms = opening.book.explain(&facts(trade, trade.created_at, None)).trade;
    let mut object = json!({
        "object": "explanation",
        "payment_id": PaymentId::new(state.trade, payment.no),
        "rule_book": book.name,
        "rule_version": payment.rule_version,
        "rules": said.iter().map(rule).collect::<Vec<_>>(),
        "plan": plan(state, payment),
        "trade": {
            "rule_book": opening.book.name,
            "rule_version": opening.number,
            "rules": terms.iter().map(rule).collect::<Vec<_>>(),
        },
    });
    if with_risk {
        object.as_object_mut()?.insert("risk".to_owned(), json!(payment.assessment.as_ref().map(risk)));
        object.as_object_mut()?.insert("switches".to_owned(), json!(payment.switches));
    }
    Some(super::json(&object))
}

fn risk(assessment: &Assessment) -> Value {
    let Assessment { heard, code, attempt, waited_ms } = assessment;
    json!({"heard": heard, "code": code, "attempt": attempt, "waited_ms": waited_ms})
}

fn rule(said: &Said) -> Value {
    json!({"rule": said.rule, "when": said.when, "says": said.key, "words": said.words})
}

/// The steps, in words and in their order, each with the instruction that it is about.
fn plan(state: &Payments, payment: &Payment) -> Vec<Value> {
    let waits = payment.external().next().is_some();
    let step = |leg: &Instruction| {
        let amount = format!("{} minor units of {}", leg.amount.minor(), payment.money.currency);
        let words = match (leg.method(), &leg.channel_account) {
            (Some(to), Some(account)) if leg.is_payout() => {
                format!(
                    "{amount} are held until {account} has paid them out ({to}), the first channel account that can"
                )
            }
            (Some(method), Some(account)) => {
                format!("{amount} are asked for by {method} at {account}, the first channel account that serves it")
            }
            _ if waits => {
                format!("{amount} of {} are held until all other tools have paid", super::payment::tool(&leg.tool))
            }
            _ => format!("{amount} of {} are taken at once, all tools or none", super::payment::tool(&leg.tool)),
        };
        json!({"instruction": InstructionId::new(state.trade, leg.no), "words": words})
    };
    let held = payment.internal().filter(|_| waits);
    let outside = payment.external();
    let at_once = payment.internal().filter(|_| !waits);
    held.chain(outside).chain(at_once).map(step).collect()
}
