//! What is read from texts and files: JSON, amounts, ids, times, statements, configuration.

use std::fmt::Display;

use channel::sandbox::statement;
use engine::place_id::{PlaceId, Placed};
use kernel::{
    AccountId, CaseId, Code, CouponId, Currency, EndpointId, KeyId, MerchantId, OrderId, Owner, PaymentId, RefundId,
    SubType, Time, TradeId, UserId, limits,
};
use serde::de::IgnoredAny;

use super::Target;
use crate::config::keys::KEYS;
use crate::config::{self, Flags};
use crate::http::json::{Fields, Json, body_hash, parse};

fn text(input: &[u8]) -> String {
    String::from_utf8_lossy(input).into_owned()
}

/// What is read is what was written; what is refused as JSON is none to others either.
pub(super) const JSON: Target = Target {
    name: "json",
    words: &["{\"a\":", "}", "[", "]", ",", "\\n", "\\u0041", "1.0", "-0", "true", "false", "null", "\\ud83d\\ude00"],
    more: || vec!["[".repeat(limits::MAX_JSON_DEPTH + 1).into_bytes()],
    judge: || {
        Box::new(|input| match parse(input) {
            Ok(tree) => {
                let shown = show(&tree);
                let again = parse(shown.as_bytes()).unwrap();
                assert_eq!(again, tree, "{shown}");
                assert_eq!(body_hash("POST", "/", &again), body_hash("POST", "/", &tree));
                serde_json::from_slice::<IgnoredAny>(input).unwrap();
                true
            }
            Err(refusal) => {
                let codes = [Code::malformed_json, Code::duplicate_field, Code::body_too_deep, Code::invalid_text];
                assert!(codes.contains(&refusal.code), "{refusal}");
                if refusal.code == Code::malformed_json {
                    assert!(serde_json::from_slice::<IgnoredAny>(input).is_err(), "others read it: {refusal}");
                }
                false
            }
        })
    },
};

fn show(json: &Json) -> String {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    match json {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(number) => number.clone(),
        Json::Text(text) => quoted(text),
        Json::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(",")),
        Json::Object(members) => {
            let member = |(name, value): (&String, &Json)| format!("{}:{}", quoted(name), show(value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
    }
}

/// An amount is the plain digits that were sent, and nothing else is one.
pub(super) const AMOUNTS: Target = Target {
    name: "amounts",
    words: &["0", "00", ".", "-", "+", "e", "\"", "1000000000000000", "1000000000000001", "100.00"],
    more: Vec::new,
    judge: || {
        Box::new(|input| {
            let sent = text(input);
            let Ok(body) = parse(format!("{{\"amount\":{sent}}}").as_bytes()) else { return false };
            let mut fields = Fields::of(body).unwrap();
            match fields.amount("amount", Currency::parse("JPY")) {
                Ok(amount) => {
                    let minor = amount.minor();
                    assert!((1..=limits::MAX_AMOUNT_MINOR).contains(&minor), "{minor}");
                    let first = sent.trim_matches([' ', '\t', '\r', '\n']);
                    assert!(first == minor.to_string() || first.contains(','), "{sent:?} was read as {minor}");
                    true
                }
                Err(refusal) => {
                    let codes = [
                        Code::amount_not_positive,
                        Code::amount_out_of_range,
                        Code::currency_exponent_mismatch,
                        Code::invalid_amount,
                        Code::invalid_type,
                    ];
                    assert!(codes.contains(&refusal.code), "{refusal}");
                    assert_eq!(refusal.param.as_deref(), Some("amount"));
                    false
                }
            }
        })
    },
};

/// What is read is written as it was sent: no two texts are the same thing.
pub(super) const IDS: Target = Target {
    name: "ids",
    words: &[
        "trd_",
        "pay_",
        "mch_",
        "seller:",
        "user:",
        "merchant:",
        "channel:",
        "platform",
        "evt_",
        "000",
        "zzz",
        "CNY",
    ],
    more: || {
        let place = PlaceId { shard: 0, seq: 17, n: 3 };
        [Placed::Event, Placed::Transfer].map(|kind| place.text(kind, &[7; 32]).into_bytes()).to_vec()
    },
    judge: || {
        fn same<T: Display>(text: &str, read: Option<T>) -> bool {
            let Some(read) = read else { return false };
            assert_eq!(read.to_string(), text);
            true
        }
        Box::new(|input| {
            let text = &*text(input);
            let mut read = [
                same(text, TradeId::parse(text)),
                same(text, PaymentId::parse(text)),
                same(text, RefundId::parse(text)),
                same(text, CaseId::parse(text)),
                same(text, AccountId::parse(text)),
                same(text, CouponId::parse(text)),
                same(text, MerchantId::parse(text)),
                same(text, KeyId::parse(text)),
                same(text, EndpointId::parse(text)),
                same(text, Owner::parse(text, None)),
                same(text, UserId::parse(text)),
                same(text, SubType::parse(text).map(|word| word.as_str().to_owned())),
                same(text, Currency::parse(text).map(|currency| currency.code().to_owned())),
                same(text, OrderId::parse_institution_number(text).map(|order| order.institution_number())),
            ]
            .contains(&true);
            for kind in [Placed::Event, Placed::Transfer] {
                read |= same(text, PlaceId::parse(text, kind, &[7; 32]).map(|place| place.text(kind, &[7; 32])));
            }
            read
        })
    },
};

/// A time that is read is the same when it is written and read again.
pub(super) const TIMES: Target = Target {
    name: "times",
    words: &["2026", "-02-29", "T24:00:00", "+08:00", "Z", ".999999999", "9999-12-31", "0000", "-", ":60"],
    more: Vec::new,
    judge: || {
        Box::new(|input| {
            let time = Time::parse(&text(input));
            if let Some(time) = time {
                assert_eq!(Time::parse(&time.to_string()), Some(time));
            }
            time.is_some()
        })
    },
};

/// All of a statement or nothing of it: one that is read is not read without its last line, nor with a line twice.
pub(super) const STATEMENTS: Target = Target {
    name: "statements",
    words: &["payment", "refund", "return", "total", ",", "\n", "CNY", "1,000", "-5", "￥5"],
    more: Vec::new,
    judge: || {
        Box::new(|input| {
            let Ok(lines) = statement::parse(input) else { return false };
            let whole = text(input);
            let rows: Vec<&str> = whole.split(['\n', '\r']).filter(|row| !row.is_empty()).collect();
            if lines.is_empty() {
                return false;
            }
            let without_last = rows[..rows.len() - 1].join("\n");
            assert!(statement::parse(without_last.as_bytes()).is_err(), "{whole}");
            let twice = [&rows[..2], &rows[1..]].concat().join("\n");
            assert!(statement::parse(twice.as_bytes()).is_err(), "{whole}");
            true
        })
    },
};

/// Amounts of files with orders: exact, or refused.
pub(super) const ORDER_FILES: Target = Target {
    name: "order_files",
    words: &["0", ".", "00", "9", "-", "e"],
    more: Vec::new,
    judge: || {
        Box::new(|input| {
            let read = bench::olist::amount::parse_minor(&text(input));
            if let Ok(minor) = read {
                assert!(minor >= 0);
                assert_eq!(bench::olist::amount::parse_minor(&bench::olist::amount::show(minor.into())), Ok(minor));
            }
            read.is_ok()
        })
    },
};

/// What is taken is within what `suanpan config keys` says; what is not is named.
pub(super) const CONFIGURATIONS: Target = Target {
    name: "configurations",
    words: &[
        "[limits]\n",
        "[webhook]\n",
        "batch = ",
        "queue = ",
        "store = ",
        "listen = ",
        "\"\"",
        "\n",
        "0",
        "-1",
        "1.5",
        "[",
        "]",
    ],
    more: Vec::new,
    judge: || {
        let directory = tempfile::tempdir().unwrap();
        Box::new(move |input| {
            let file = directory.path().join("suanpan.toml");
            std::fs::write(&file, input).unwrap();
            match config::load(Some(&file), &Flags::default()) {
                Ok(loaded) => {
                    for (name, value, _) in loaded.rows() {
                        let range = KEYS.iter().find(|key| key.name == name).unwrap().range;
                        if let (Some((least, most)), Ok(value)) = (range, value.parse::<i64>()) {
                            assert!((least..=most).contains(&value), "{name} = {value}");
                        }
                    }
                    true
                }
                Err(fault) => {
                    assert!(!fault.0.is_empty() && fault.0.iter().all(|line| !line.is_empty()));
                    false
                }
            }
        })
    },
};
