//! What must never be believed: forged, changed, stale, foreign, unreadable; and bytes that mean nothing.

use kernel::message::channel::PayOutcome;
use kernel::time::{MINUTE_US, SECOND_US};
use kernel::{Code, Currency};
use proptest::prelude::*;

use super::world::{START, account, money, order_id};
use crate::adapter::{Account, Adapter, Answer, Call, Incoming, Refused, StatementError, Task};
use crate::sandbox::wire::{self, About, PayState, RefundState, Report, Shown};
use crate::sandbox::{Sandbox, bank};
use crate::signature::{self, Role, SIGNATURE_HEADER, Secret, TIMESTAMP_HEADER};

fn paid() -> PayState {
    PayState::Paid {
        amount: 1_000,
        currency: Currency::parse("CNY").unwrap(),
        at: START.micros(),
        channel_no: "SBX1".into(),
    }
}

fn report(about: About) -> Report {
    Report { account: "sandbox".into(), number: order_id(1).institution_number(), about }
}

fn signed_body(key: &str, role: Role, body: Vec<u8>) -> Incoming {
    let headers = signature::sign(&Secret::new(key.into()), role, START, &body);
    Incoming { status: 200, headers, body }
}

fn signed(report: &Report, role: Role) -> Incoming {
    signed_body("test key", role, wire::bytes(report))
}

fn notify(message: &Incoming) -> Result<Answer, Refused> {
    Sandbox.notification(message, &account("test key"), START).map(|heard| heard.word)
}

fn query() -> Call {
    Call { order: order_id(1), channel_account: "sandbox".into(), task: Task::Query }
}

fn decode(answer: &Incoming) -> Answer {
    Sandbox.decode(&query(), answer, &account("test key"), START)
}

#[test]
fn the_genuine_one_is_believed() {
    let word = signed(&report(About::Payment(paid())), Role::Notification);
    let heard = Sandbox.notification(&word, &account("test key"), START).unwrap();
    assert_eq!(heard.order, order_id(1));
    assert_eq!(heard.digest, signature::digest(&word.body));
    assert!(matches!(heard.word, Answer::Pay(PayOutcome::Paid { .. })));
    assert!(matches!(
        decode(&signed(&report(About::Payment(paid())), Role::Answer)),
        Answer::Pay(PayOutcome::Paid { .. })
    ));
}

#[test]
fn every_changed_byte_is_refused() {
    let genuine = signed(&report(About::Payment(paid())), Role::Notification);
    for place in 0..genuine.body.len() {
        let mut changed = genuine.clone();
        changed.body[place] ^= 1;
        assert_eq!(notify(&changed), Err(Refused::SignatureInvalid), "body byte {place}");
    }
    for place in 0..genuine.headers[1].1.len() {
        let mut changed = genuine.clone();
        let digit = if &changed.headers[1].1[place..=place] == "0" { "1" } else { "0" };
        changed.headers[1].1.replace_range(place..=place, digit);
        assert_eq!(notify(&changed), Err(Refused::SignatureInvalid), "signature digit {place}");
    }
}

#[test]
fn signatures_that_are_none() {
    let genuine = signed(&report(About::Payment(paid())), Role::Notification);
    let with = |headers: Vec<(&str, &str)>| Incoming {
        headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        ..genuine.clone()
    };
    let stamp = genuine.headers[0].1.as_str();
    let code = genuine.headers[1].1.as_str();
    let upper = code.to_uppercase();
    let longer = format!("{code}00");
    for headers in [
        vec![],
        vec![(TIMESTAMP_HEADER, stamp)],
        vec![(SIGNATURE_HEADER, code)],
        vec![(TIMESTAMP_HEADER, stamp), (SIGNATURE_HEADER, "")],
        vec![(TIMESTAMP_HEADER, stamp), (SIGNATURE_HEADER, "none")],
        vec![(TIMESTAMP_HEADER, stamp), (SIGNATURE_HEADER, upper.as_str())],
        vec![(TIMESTAMP_HEADER, stamp), (SIGNATURE_HEADER, longer.as_str())],
        vec![(TIMESTAMP_HEADER, stamp), (SIGNATURE_HEADER, &code[..62])],
        vec![(TIMESTAMP_HEADER, stamp), (SIGNATURE_HEADER, code), (SIGNATURE_HEADER, code)],
        vec![(TIMESTAMP_HEADER, stamp), (TIMESTAMP_HEADER, stamp), (SIGNATURE_HEADER, code)],
        vec![(TIMESTAMP_HEADER, "+1800000000"), (SIGNATURE_HEADER, code)],
        vec![(TIMESTAMP_HEADER, "1800000001"), (SIGNATURE_HEADER, code)],
        vec![(TIMESTAMP_HEADER, "99999999999999999999"), (SIGNATURE_HEADER, code)],
    ] {
        let message = with(headers.clone());
        let refused = notify(&message).unwrap_err();
        assert_eq!(refused.code(), Code::signature_invalid, "{headers:?}");
        assert_eq!(decode(&message), Answer::Unknown);
    }
}

#[test]
fn other_keys_roles_and_accounts_are_refused() {
    let genuine = report(About::Payment(paid()));
    let foreign = signed_body("other key", Role::Notification, wire::bytes(&genuine));
    assert_eq!(notify(&foreign), Err(Refused::SignatureInvalid));
    for role in [Role::Request, Role::Answer] {
        assert_eq!(notify(&signed(&genuine, role)), Err(Refused::SignatureInvalid), "{role:?}");
    }
    for role in [Role::Request, Role::Notification] {
        assert_eq!(decode(&signed(&genuine, role)), Answer::Unknown, "{role:?}");
    }
    let elsewhere = Report { account: "other".into(), ..genuine.clone() };
    assert_eq!(notify(&signed(&elsewhere, Role::Notification)), Err(Refused::SignatureInvalid));
    assert_eq!(decode(&signed(&elsewhere, Role::Answer)), Answer::Unknown);
    let keyless = Account { keys: Vec::new(), ..account("") };
    let message = signed_body("", Role::Notification, wire::bytes(&genuine));
    assert_eq!(Sandbox.notification(&message, &keyless, START), Err(Refused::SignatureInvalid));
    assert!(Sandbox.encode(&query(), &keyless, START).is_err());
}

#[test]
fn both_keys_are_valid_while_they_rotate() {
    let rotating = Account { keys: vec![Secret::new("new".into()), Secret::new("old".into())], ..account("") };
    for (key, valid) in [("new", true), ("old", true), ("revoked", false)] {
        let message = signed_body(key, Role::Notification, wire::bytes(&report(About::Payment(paid()))));
        assert_eq!(Sandbox.notification(&message, &rotating, START).is_ok(), valid, "{key}");
    }
}

#[test]
fn stale_and_future_ones_are_refused() {
    let message = signed(&report(About::Payment(paid())), Role::Notification);
    let answer = signed(&report(About::Payment(paid())), Role::Answer);
    let account = account("test key");
    for (apart, fits) in [(0, true), (300, true), (-300, true), (301, false), (-301, false), (100_000, false)] {
        let now = START.plus(apart * SECOND_US);
        let heard = Sandbox.notification(&message, &account, now);
        assert_eq!(heard.is_ok(), fits, "{apart}");
        if !fits {
            assert_eq!(heard, Err(Refused::TimestampOutOfRange));
        }
        assert_eq!(Sandbox.decode(&query(), &answer, &account, now) != Answer::Unknown, fits, "{apart}");
    }
    let outgoing = Sandbox.encode(&query(), &account, START).unwrap();
    assert!(bank::read(&outgoing, &account, START).is_ok());
    assert_eq!(bank::read(&outgoing, &account, START.plus(6 * MINUTE_US)), Err(Refused::TimestampOutOfRange));
}

#[test]
fn signed_nonsense_is_refused() {
    let number = order_id(1).institution_number();
    let notification = |body: String| notify(&signed_body("test key", Role::Notification, body.into_bytes()));
    let wrap = |about: &str| format!(r#"{{"account":"sandbox","number":"{number}","about":{about}}}"#);
    let money = |money: &str| wrap(&format!(r#"{{"payment":{{"status":"paid",{money},"at":0,"channel_no":"N"}}}}"#));
    assert!(notification(money(r#""amount":1,"currency":"CNY""#)).is_ok(), "the frame of this test");
    for bad in [
        money(r#""amount":0,"currency":"CNY""#),
        money(r#""amount":-1,"currency":"CNY""#),
        money(r#""amount":1.0,"currency":"CNY""#),
        money(r#""amount":"1","currency":"CNY""#),
        money(r#""amount":1e3,"currency":"CNY""#),
        money(r#""amount":1000000000000001,"currency":"CNY""#),
        money(r#""amount":99999999999999999999,"currency":"CNY""#),
        money(r#""amount":1,"amount":2,"currency":"CNY""#),
        money(r#""amount":1,"currency":"XXX""#),
        money(r#""amount":1,"currency":"CNY","extra":1"#),
        money(r#""amount":1"#),
        wrap(r#"{"payment":{"status":"splendid"}}"#),
        wrap(r#"{"payment":{"status":"paid","amount":1,"currency":"CNY","at":0,"channel_no":"a b"}}"#),
        wrap(r#"{"payment":{"status":"paid","amount":1,"currency":"CNY","at":0,"channel_no":""}}"#),
        wrap(r#"{"payment":{"status":"accepted","credential":{"type":"redirect","data":"javascript:alert(1)"}}}"#),
        wrap(r#"{"payment":{"status":"closed"},"payment":{"status":"closed"}}"#),
        wrap(r#"{"dispute":{"status":"opened"}}"#),
        wrap(r#"{"dispute":{"status":"won","dispute":"a b","at":0}}"#),
        wrap(r#"{"dispute":{"status":"lost","dispute":"D1","amount":0,"currency":"CNY","at":0}}"#),
        wrap("null"),
        String::new(),
        "[]".repeat(10_000),
        "[".repeat(100_000),
    ] {
        assert_eq!(notification(bad.clone()), Err(Refused::Malformed), "{}", &bad[..bad.len().min(200)]);
        let answer = signed_body("test key", Role::Answer, bad.into_bytes());
        assert_eq!(decode(&answer), Answer::Unknown);
    }
    let unknown_kind = notification(wrap(r#"{"mandate":{"status":"opened"}}"#)).unwrap_err();
    assert_eq!(unknown_kind.code(), Code::event_type_mismatch);
    let of_nobody = money(r#""amount":1,"currency":"CNY""#).replace(&number, "P123");
    assert_eq!(notification(of_nobody), Err(Refused::Malformed));
}

#[test]
fn answers_about_something_else_are_no_answers() {
    let other = Report { number: order_id(2).institution_number(), ..report(About::Payment(paid())) };
    assert_eq!(decode(&signed(&other, Role::Answer)), Answer::Unknown);
    let refund = report(About::Refund(RefundState::Accepted));
    assert_eq!(decode(&signed(&refund, Role::Answer)), Answer::Unknown);
    let credential = Shown::Redirect("http://plain.example/".into());
    let plain = report(About::Payment(PayState::Accepted { credential }));
    assert_eq!(decode(&signed(&plain, Role::Answer)), Answer::Unknown);
    for status in [201, 302, 400, 404, 500, 503] {
        let answer = Incoming { status, ..signed(&report(About::Payment(PayState::Closed)), Role::Answer) };
        assert_eq!(decode(&answer), Answer::Unknown, "{status}");
    }
}

#[test]
fn statements_that_do_not_add_up_are_rejected_whole() {
    let header = "kind,number,channel_no,amount,currency,fee,at\n";
    let line = "payment,P1,N1,1000,CNY,6,2027-01-15T08:00:00Z\n";
    let total = "total,payment,1,1000,CNY,6,\n";
    assert_eq!(Sandbox.statement(format!("{header}{line}{total}").as_bytes()).unwrap().len(), 1);
    assert_eq!(Sandbox.statement(format!("\u{feff}{header}{line}{total}").as_bytes()).unwrap().len(), 1, "with BOM");
    assert_eq!(Sandbox.statement(format!("{header}{line}{total}").replace('\n', "\r\n").as_bytes()).unwrap().len(), 1);
    for (bytes, error) in [
        (String::new(), StatementError::Header),
        (format!("{line}{total}"), StatementError::Header),
        (format!("kind,number\n{line}{total}"), StatementError::Header),
        (format!("{header}{line}"), StatementError::Totals),
        (format!("{header}{total}"), StatementError::Totals),
        (format!("{header}{line}{line}{total}"), StatementError::Totals),
        (format!("{header}{line}{total}{total}"), StatementError::Totals),
        (format!("{header}{line}{total}{line}"), StatementError::Totals),
        (format!("{header}{line}total,payment,1,1001,CNY,6,\n"), StatementError::Totals),
        (format!("{header}payment,P1,N1,\"1,000\",CNY,6,2027-01-15T08:00:00Z\n{total}"), StatementError::Line(2)),
        (format!("{header}{}{total}", line.replace("1000", "10.00")), StatementError::Line(2)),
        (format!("{header}{}{total}", line.replace("1000", "-1000")), StatementError::Line(2)),
        (format!("{header}{}{total}", line.replace("1000", "")), StatementError::Line(2)),
        (format!("{header}{}{total}", line.replace("payment", "gift")), StatementError::Line(2)),
        (format!("{header}payment,P1\n"), StatementError::Line(2)),
    ] {
        assert_eq!(Sandbox.statement(bytes.as_bytes()), Err(error), "{bytes}");
    }
}

fn any_message() -> impl Strategy<Value = Incoming> {
    let genuine = wire::bytes(&report(About::Payment(paid())));
    let body = prop_oneof![prop::collection::vec(any::<u8>(), 0..300), Just(genuine)];
    let name = prop_oneof![Just(TIMESTAMP_HEADER.to_owned()), Just(SIGNATURE_HEADER.to_owned()), ".{0,8}"];
    let value = prop_oneof!["[0-9]{0,12}", "[0-9a-f]{64}", Just("1800000000".to_owned()), ".{0,70}"];
    let headers = prop::collection::vec((name, value), 0..4);
    let status = prop_oneof![Just(200u16), any::<u16>()];
    (status, headers, body).prop_map(|(status, headers, body)| Incoming { status, headers, body })
}

proptest! {
    #[test]
    fn unsigned_bytes_are_never_believed(message in any_message()) {
        prop_assert_eq!(decode(&message), Answer::Unknown);
        prop_assert!(notify(&message).is_err());
    }

    #[test]
    fn signed_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(decode(&signed_body("test key", Role::Answer, body.clone())), Answer::Unknown);
        prop_assert!(notify(&signed_body("test key", Role::Notification, body)).is_err());
    }

    /// A signed body that was cut, or in which one byte was another, is read in range or not at all.
    #[test]
    fn signed_mistakes_stay_in_range(place in any::<prop::sample::Index>(), byte: u8, cut: bool) {
        let mut body = wire::bytes(&report(About::Payment(paid())));
        let place = place.index(body.len());
        if cut { body.truncate(place) } else { body[place] = byte }
        match decode(&signed_body("test key", Role::Answer, body)) {
            Answer::Pay(PayOutcome::Paid { money: heard, channel_no, .. }) => {
                prop_assert!(heard.amount <= money(kernel::limits::MAX_AMOUNT_MINOR).amount);
                prop_assert!(kernel::text::is_reference(&channel_no, 64));
            }
            Answer::Unknown => {}
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn statements_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0usize..200) {
        prop_assert!(Sandbox.statement(&bytes).is_err());
        let genuine = "kind,number,channel_no,amount,currency,fee,at\npayment,P1,N1,1000,CNY,6,2027-01-15T08:00:00Z\n\
                       total,payment,1,1000,CNY,6,\n";
        let short = &genuine.as_bytes()[..cut.min(genuine.len() - 2)];
        let lines = Sandbox.statement(short).map(|lines| lines.len());
        prop_assert!(lines != Ok(1), "a truncated statement was taken");
    }
}
