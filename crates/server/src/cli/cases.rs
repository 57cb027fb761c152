//! `suanpan cases`: what waits for people (差错工单), and what people say of it.

use clap::{Args, Subcommand};
use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use serde_json::{Value, json};

use super::remote::{Remote, word};
use super::{Exit, block, say};

/// Works on cases.
#[derive(Debug, Args)]
pub(super) struct Cases {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// List cases, newest first
    List {
        /// In this status only: open, proposed or closed
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: u8,
        #[command(flatten)]
        remote: Remote,
    },
    /// Read a case with all that was done about it
    Show {
        #[command(flatten)]
        case: Case,
    },
    /// Give a case to a person
    Assign {
        #[command(flatten)]
        case: Case,
        /// Who
        #[arg(long, value_name = "PERSON")]
        to: String,
    },
    /// Say what was found out
    Comment {
        #[command(flatten)]
        case: Case,
        /// What
        #[arg(long, value_name = "TEXT")]
        text: String,
    },
    /// Propose a decision that somebody else approves
    Propose {
        #[command(flatten)]
        case: Case,
        #[command(flatten)]
        decision: Decision,
    },
    /// Approve what somebody else proposed; it is carried out
    Approve {
        #[command(flatten)]
        case: Case,
    },
    /// Take a proposal back, or turn it down
    Reject {
        #[command(flatten)]
        case: Case,
        /// Why
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Decide alone; it is carried out
    Resolve {
        #[command(flatten)]
        case: Case,
        #[command(flatten)]
        decision: Decision,
    },
}

/// Which case.
#[derive(Args, Debug)]
struct Case {
    /// Its id, as cas_…
    #[arg(value_name = "CASE")]
    id: String,
    #[command(flatten)]
    remote: Remote,
}

/// What is to be done.
#[derive(Args, Debug)]
struct Decision {
    /// accept, refund, retry or other_way
    #[arg(long, value_name = "ACTION")]
    action: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

impl Decision {
    fn body(&self) -> Value {
        with_note(json!({"action": self.action}), self.note.as_deref())
    }
}

fn with_note(mut body: Value, note: Option<&str>) -> Value {
    if let (Some(fields), Some(note)) = (body.as_object_mut(), note) {
        fields.insert("note".to_owned(), json!(note));
    }
    body
}

impl Cases {
    pub(super) fn run(self) -> Result<Exit, Exit> {
        block(async move {
            let case = match self.act {
                Act::List { status, limit, remote } => return list(&remote, status.as_deref(), limit).await,
                Act::Show { case } => case.remote.get(&format!("/v1/cases/{}", case.id), &[]).await?,
                Act::Assign { case, to } => case.tell("assign", json!({"to": to})).await?,
                Act::Comment { case, text } => case.tell("comment", json!({"text": text})).await?,
                Act::Propose { case, decision } => case.tell("propose", decision.body()).await?,
                Act::Approve { case } => case.tell("approve", json!({})).await?,
                Act::Reject { case, note } => case.tell("reject", with_note(json!({}), note.as_deref())).await?,
                Act::Resolve { case, decision } => case.tell("resolve", decision.body()).await?,
            };
            say(&format!("{case:#}"));
            Ok(Exit::Ok)
        })
    }
}

impl Case {
    async fn tell(&self, act: &str, body: Value) -> Result<Value, Exit> {
        self.remote.post(&format!("/v1/cases/{}/{act}", self.id), &body).await
    }
}

async fn list(remote: &Remote, status: Option<&str>, limit: u8) -> Result<Exit, Exit> {
    let limit = limit.to_string();
    let mut parameters = vec![("limit", limit.as_str())];
    parameters.extend(status.map(|status| ("status", status)));
    let page = remote.get("/v1/cases", &parameters).await?;
    let cases = page.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
    let columns = ["id", "status", "kind", "amount", "currency", "assignee", "opened_at"];
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(columns);
    for case in &cases {
        table.add_row(columns.map(|column| word(case, column)));
    }
    say(&table.to_string());
    if page.get("has_more") == Some(&Value::Bool(true)) {
        say("… and more");
    }
    Ok(Exit::Ok)
}
