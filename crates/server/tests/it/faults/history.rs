//! What clients asked and were told, written down outside the system and flushed before anybody goes on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::api::Reply;
use crate::store::Store;

/// A file with one line per question and one per answer.
pub(crate) struct History {
    path: PathBuf,
    file: Mutex<File>,
}

/// What a client knows of one request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Word {
    /// It was done: the answer's bytes.
    Acknowledged(String),
    /// It was not done, said a 4xx.
    Refused(u16),
    /// No answer, or one that leaves it open.
    Unknown,
}

/// One request and what became of it, as far as its client knows.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) key: String,
    pub(crate) path: String,
    pub(crate) body: Value,
    pub(crate) word: Word,
}

impl Told {
    /// The answer's object, where it was acknowledged.
    pub(crate) fn object(&self) -> Option<Value> {
        match &self.word {
            Word::Acknowledged(body) => Some(serde_json::from_str(body).unwrap()),
            Word::Refused(_) | Word::Unknown => None,
        }
    }
}

impl History {
    /// An empty one beside a store.
    pub(crate) fn new(store: &Store) -> Self {
        let path = store.path("history.jsonl");
        let file = Mutex::new(File::create_new(&path).unwrap());
        Self { path, file }
    }

    /// Somebody is going to ask this.
    pub(crate) fn ask(&self, key: &str, path: &str, body: &Value) {
        self.note(&json!({"ask": key, "path": path, "body": body}));
    }

    /// This came back; gives what it means.
    pub(crate) fn told(&self, key: &str, reply: Option<&Reply>) -> Word {
        let word = reply.map_or(Word::Unknown, word);
        match &word {
            Word::Acknowledged(body) => self.note(&json!({"told": key, "done": body})),
            Word::Refused(status) => self.note(&json!({"told": key, "refused": status})),
            Word::Unknown => {}
        }
        word
    }

    fn note(&self, line: &Value) {
        let mut file = self.file.lock().unwrap();
        writeln!(file, "{line}").unwrap();
        file.sync_data().unwrap();
    }

    /// Everything that was asked, in the order of keys, read back from the file.
    pub(crate) fn read(&self) -> Vec<Told> {
        let mut all = BTreeMap::new();
        for line in std::fs::read_to_string(&self.path).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            if let Some(key) = line["ask"].as_str() {
                let path = line["path"].as_str().unwrap().to_owned();
                let told = Told { key: key.to_owned(), path, body: line["body"].clone(), word: Word::Unknown };
                all.insert(key.to_owned(), told);
            } else {
                let told = all.get_mut(line["told"].as_str().unwrap()).unwrap();
                told.word = match line["done"].as_str() {
                    Some(body) => Word::Acknowledged(body.to_owned()),
                    None => Word::Refused(u16::try_from(line["refused"].as_u64().unwrap()).unwrap()),
                };
            }
        }
        all.into_values().collect()
    }
}

/// A 409 about the same key may be about an attempt that is still under way, and a 5xx leaves everything open.
fn word(reply: &Reply) -> Word {
    match reply.status {
        200..300 => Word::Acknowledged(reply.text()),
        409 if reply.json()["code"] == "request_in_progress" => Word::Unknown,
        status @ 400..500 => Word::Refused(status),
        _ => Word::Unknown,
    }
}
