//! `suanpan import`: trades from a CSV file (批量付款): payouts, transfers, anything that one request can open.
//!
//! 1. Every line is read; a line is the body of one request, a column one of its fields, and a dot leads into an object
//!    (`destination.account`). An empty cell is a field that is left out.
//! 2. Every line is previewed by the server, by the very rules that would open it. Bad lines are told, all of them.
//! 3. Only with `--confirm`, and only where no line is bad, lines are sent, each under a key made of its own content and
//!    under the merchant's order number: the same file sent twice opens nothing twice, and one that was cut off goes on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use csv::ByteRecord;
use futures::stream::{self, StreamExt as _};
use serde_json::{Map, Value, json};

use super::remote::{Refusal, Remote, word};
use super::{Exit, block, complain, say};

/// Most lines of a file.
const MAX_LINES: usize = 100_000;
/// Calls under way at a time.
const AT_A_TIME: usize = 16;
/// What is a number on the wire.
const NUMBERS: [&str; 1] = ["amount"];

/// Opens trades from a CSV file.
#[derive(Args, Debug)]
pub(super) struct Import {
    /// The file: its first line names the fields, as type,merchant_order_id,amount,currency,payer,destination.type,…
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// For this merchant, where the key is the platform's
    #[arg(long, value_name = "MERCHANT")]
    merchant: Option<String>,
    /// Send the lines, where none is bad; without it nothing is opened
    #[arg(long)]
    confirm: bool,
    /// Write what became of each line, as CSV
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

/// A line that can be asked about.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    /// Its number in the file, from 1; the header is line 1.
    number: u64,
    /// The request's body.
    body: Value,
}

/// What is wrong with a line, or with what was asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bad {
    number: u64,
    why: String,
}

/// What became of a line.
struct Outcome {
    number: u64,
    order: String,
    trade: String,
    /// Its trade's status, its first payment's where that is worse, or the code of a refusal.
    status: String,
}

impl Import {
    pub(super) fn run(self) -> Result<Exit, Exit> {
        let text = std::fs::read(&self.file).map_err(|error| self.cannot(&self.file, &error))?;
        let (lines, mut bad) = read(&text, self.merchant.as_deref());
        block(async move {
            bad.extend(self.preview(&lines).await?);
            bad.sort_by_key(|bad| bad.number);
            bad.iter().for_each(|bad| say(&format!("line {}: {}", bad.number, bad.why)));
            say(&summary(&lines, &bad));
            if !bad.is_empty() {
                say("nothing was sent");
                return Ok(Exit::Findings);
            }
            if !self.confirm {
                say("nothing was sent; --confirm sends it");
                return Ok(Exit::Ok);
            }
            let outcomes = self.send(&lines).await?;
            self.tell(&outcomes)
        })
    }

    /// What the server would refuse, and what would come to nothing at once.
    async fn preview(&self, lines: &[Line]) -> Result<Vec<Bad>, Exit> {
        let ask = |line: Line| async move {
            let tried = self.remote.try_post(&key("preview", &line), "/v1/trades/preview", &line.body).await?;
            Ok(match tried {
                Err(Refusal { line: why, .. }) => Some(Bad { number: line.number, why }),
                Ok(preview) => {
                    let failure = preview.pointer("/payment/failure").filter(|failure| !failure.is_null());
                    let why = failure.map(|failure| format!("{}: {}", word(failure, "code"), word(failure, "message")));
                    why.map(|why| Bad { number: line.number, why })
                }
            })
        };
        let asked = stream::iter(lines.iter().cloned()).map(ask).buffered(AT_A_TIME).collect::<Vec<_>>().await;
        let bad: Vec<Option<Bad>> = asked.into_iter().collect::<Result<_, Exit>>()?;
        Ok(bad.into_iter().flatten().collect())
    }

    async fn send(&self, lines: &[Line]) -> Result<Vec<Outcome>, Exit> {
        let ask = |line: Line| async move {
            let opened = self.remote.try_post(&key("import", &line), "/v1/trades", &line.body).await?;
            let order = word(&line.body, "merchant_order_id");
            Ok(match opened {
                Ok(trade) => {
                    let failed = trade.pointer("/payment/failure/code").and_then(Value::as_str);
                    let status = failed.map_or_else(|| word(&trade, "status"), str::to_owned);
                    Outcome { number: line.number, order, trade: word(&trade, "id"), status }
                }
                Err(refusal) => Outcome { number: line.number, order, trade: String::new(), status: refusal.code },
            })
        };
        // What was sent is told even where a later line found no server.
        let sent: Vec<Result<Outcome, Exit>> =
            stream::iter(lines.iter().cloned()).map(ask).buffered(AT_A_TIME).collect().await;
        let unsent = sent.iter().filter(|outcome| outcome.is_err()).count();
        if unsent > 0 {
            complain(&format!("{unsent} lines have no answer; send the same file again"));
        }
        Ok(sent.into_iter().flatten().collect())
    }

    /// What became of the lines, by status, and each in the report.
    fn tell(&self, outcomes: &[Outcome]) -> Result<Exit, Exit> {
        if let Some(path) = &self.report {
            write(path, outcomes).map_err(|error| self.cannot(path, &error))?;
        }
        let mut by_status: BTreeMap<&str, usize> = BTreeMap::new();
        outcomes.iter().for_each(|outcome| *by_status.entry(&outcome.status).or_default() += 1);
        by_status.iter().for_each(|(status, count)| say(&format!("{status}: {count}")));
        let fine = |outcome: &Outcome| matches!(outcome.status.as_str(), "created" | "paid" | "completed");
        for outcome in outcomes.iter().filter(|outcome| !fine(outcome)) {
            say(&format!("line {}: {} {}", outcome.number, outcome.status, outcome.trade));
        }
        Ok(if outcomes.iter().all(fine) { Exit::Ok } else { Exit::Findings })
    }

    fn cannot(&self, path: &Path, error: &dyn std::fmt::Display) -> Exit {
        complain(&format!("{}: {error}", path.display()));
        Exit::Machine
    }
}

/// The key of a line: the same content is the same request, whenever it is sent.
fn key(act: &str, line: &Line) -> String {
    format!("{act}-{}", blake3::hash(line.body.to_string().as_bytes()).to_hex())
}

/// The lines that can be asked about, and what is wrong with the others.
fn read(text: &[u8], merchant: Option<&str>) -> (Vec<Line>, Vec<Bad>) {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text);
    let names = match reader.headers() {
        Ok(names) if !names.is_empty() => names.clone(),
        Ok(_) => return (Vec::new(), vec![Bad { number: 1, why: "the file is empty".to_owned() }]),
        Err(_) => return (Vec::new(), vec![Bad { number: 1, why: "the names of the fields are no text".to_owned() }]),
    };
    let names: Vec<&str> = names.iter().collect();
    if let Some(twice) = names.iter().enumerate().find(|(place, name)| names.iter().take(*place).any(|it| it == *name))
    {
        return (Vec::new(), vec![Bad { number: 1, why: format!("{} is named twice", twice.1) }]);
    }
    let (mut lines, mut bad) = (Vec::new(), Vec::new());
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for record in reader.byte_records() {
        let found = match record {
            Ok(record) => {
                let number = number(text, record.position());
                body(&record, &names, merchant).map(|body| Line { number, body }).map_err(|why| Bad { number, why })
            }
            Err(error) => Err(Bad { number: number(text, error.position()), why: "it cannot be read".to_owned() }),
        };
        match found {
            Ok(_) if lines.len() == MAX_LINES => {
                bad.push(Bad { number: 0, why: format!("the file has more than {MAX_LINES} lines") });
                break;
            }
            Ok(line) => {
                let order = word(&line.body, "merchant_order_id");
                match seen.get(&order).filter(|_| !order.is_empty()) {
                    Some(first) => {
                        let why = format!("merchant_order_id is that of line {first}");
                        bad.push(Bad { number: line.number, why });
                    }
                    None => {
                        seen.insert(order, line.number);
                        lines.push(line);
                    }
                }
            }
            Err(found) => bad.push(found),
        }
    }
    (lines, bad)
}

/// The number of a record's line: its place is that of the empty lines before it.
fn number(text: &[u8], place: Option<&csv::Position>) -> u64 {
    let Some(place) = place else { return 0 };
    let begins = usize::try_from(place.byte()).ok().and_then(|byte| text.get(byte..)).unwrap_or_default();
    let empty = begins.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).filter(|byte| **byte == b'\n');
    place.line() + u64::try_from(empty.count()).unwrap_or_default()
}

/// A line as the body of a request.
fn body(record: &ByteRecord, names: &[&str], merchant: Option<&str>) -> Result<Value, String> {
    if record.len() != names.len() {
        return Err(format!("{} cells, the first line has {}", record.len(), names.len()));
    }
    let mut body = Map::new();
    body.extend(merchant.map(|merchant| ("merchant_id".to_owned(), json!(merchant))));
    for (name, cell) in names.iter().zip(record) {
        let cell = str::from_utf8(cell).map_err(|_| format!("{name} is not UTF-8"))?;
        if cell.is_empty() {
            continue;
        }
        put(&mut body, name, value(name, cell));
    }
    Ok(Value::Object(body))
}

/// A cell as its field's value: a text, and a whole number where the field is one and the cell, too.
fn value(name: &str, cell: &str) -> Value {
    let is_plain = cell.bytes().all(|byte| byte.is_ascii_digit());
    match cell.parse::<i64>() {
        Ok(number) if NUMBERS.contains(&name) && is_plain => json!(number),
        _ => json!(cell),
    }
}

/// Puts a field into its object; a dot leads into one.
fn put(object: &mut Map<String, Value>, name: &str, value: Value) {
    let Some((outer, inner)) = name.split_once('.') else {
        object.insert(name.to_owned(), value);
        return;
    };
    let there = object.entry(outer.to_owned()).or_insert_with(|| json!({}));
    // Where the outer field is a text already, the server says that it is no object.
    if let Some(fields) = there.as_object_mut() {
        put(fields, inner, value);
    }
}

/// How many lines of each type would be opened, and over how much; and how many are bad.
fn summary(lines: &[Line], bad: &[Bad]) -> String {
    let is_bad = |line: &&Line| bad.iter().any(|bad| bad.number == line.number);
    let mut sums: BTreeMap<(String, String), (u64, i128)> = BTreeMap::new();
    for line in lines.iter().filter(|line| !is_bad(line)) {
        let sum = sums.entry((word(&line.body, "type"), word(&line.body, "currency"))).or_default();
        sum.0 += 1;
        sum.1 += i128::from(line.body.get("amount").and_then(Value::as_i64).unwrap_or_default());
    }
    let shown = sums.iter().map(|((kind, currency), (count, sum))| format!("{count} {kind} over {sum} {currency}, "));
    format!("{}{} bad lines", shown.collect::<String>(), bad.len())
}

fn write(path: &Path, outcomes: &[Outcome]) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_path(path)?;
    writer.write_record(["line", "merchant_order_id", "trade_id", "status"])?;
    for outcome in outcomes {
        writer.write_record([&outcome.number.to_string(), &outcome.order, &outcome.trade, &outcome.status])?;
    }
    writer.flush().map_err(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_body() {
        let file = "\u{feff}type,merchant_order_id,amount,currency,payer,destination.type,destination.account,subject\n\
                    payout,A1,100,CNY,user:42,bank_account,\"6222, 1\",\n\
                    payout, A2 ,1.5,CNY,user:42,bank_account,6222,wages\n";
        let (lines, bad) = read(file.as_bytes(), Some("mch_1"));
        assert_eq!(bad, []);
        let first = json!({
            "merchant_id": "mch_1", "type": "payout", "merchant_order_id": "A1", "amount": 100, "currency": "CNY",
            "payer": "user:42", "destination": {"type": "bank_account", "account": "6222, 1"},
        });
        assert_eq!(lines[0], Line { number: 2, body: first });
        // What is no whole number goes on as it is, for the server to refuse.
        assert_eq!((&lines[1].body["amount"], &lines[1].body["subject"]), (&json!("1.5"), &json!("wages")));
        assert_eq!(lines[1].body["merchant_order_id"], "A2");
        assert_ne!(key("import", &lines[0]), key("import", &lines[1]));
        assert_ne!(key("import", &lines[0]), key("preview", &lines[0]));
        assert_eq!(summary(&lines, &[Bad { number: 3, why: String::new() }]), "1 payout over 100 CNY, 1 bad lines");
    }

    #[test]
    fn bad_lines_are_told_all_of_them() {
        let told = |file: &[u8]| {
            let (lines, bad) = read(file, None);
            (lines.len(), bad.into_iter().map(|bad| format!("{}: {}", bad.number, bad.why)).collect::<Vec<_>>())
        };
        assert_eq!(told(b""), (0, vec!["1: the file is empty".to_owned()]));
        assert_eq!(told(b"a,b,a\n1,2,3\n"), (0, vec!["1: a is named twice".to_owned()]));
        assert_eq!(told(b"a,\xff\n1,2\n"), (0, vec!["1: the names of the fields are no text".to_owned()]));
        let file = b"merchant_order_id,amount\nA1,1\nA2\nA1,2\n\nA3,\xff\nA4,1,1\nA5,5\n";
        let bad = [
            "3: 1 cells, the first line has 2",
            "4: merchant_order_id is that of line 2",
            "6: amount is not UTF-8",
            "7: 3 cells, the first line has 2",
        ];
        assert_eq!(told(file), (2, bad.map(str::to_owned).to_vec()));
    }

    #[test]
    fn numbers_are_whole_and_plain() {
        for (cell, number) in [("0", true), ("100", true), ("-1", false), ("+1", false), ("1e2", false), ("1.0", false)]
        {
            assert_eq!(value("amount", cell).is_number(), number, "{cell}");
        }
        assert!(value("amount", "99999999999999999999").is_string());
        assert!(value("destination.account", "6222").is_string());
    }
}
