//! G: what institutions are said to have said (cases 75 to 91), at the door of the sandbox's channel account.
//!
//! The test takes the account's key from the store, so that it can also send what is signed and still wrong.

use channel::sandbox::wire::{About, DisputeState, PayState, RefundState, Report, bytes};
use channel::signature::{Role, SIGNATURE_HEADER, Secret, TIMESTAMP_HEADER, sign};
use kernel::{Code, Currency, OrderId, Time, TradeId, limits};
use serde_json::{Value, json};

use super::routes::{Document, nowhere};
use super::rows;
use super::stage::{Stage, assert_problem, attack, attack_in_silence};
use super::wire::{Answer, Call};
use crate::shop::{card_that, id, list};

const DOOR: &str = "/notify/sandbox";
const ACCOUNT: &str = "sandbox";
/// How the key of the sandbox's account is derived from the store's salt.
const CONTEXT: &str = "suanpan sandbox channel account, signing key";

/// The institution, or whoever says to be it.
struct Institution<'a> {
    stage: &'a Stage<'a>,
    key: Secret,
}

impl<'a> Institution<'a> {
    fn of(stage: &'a Stage<'a>) -> Self {
        let body = rows::text(&stage.host.store.url, "SELECT body FROM control WHERE kind = 'birth'");
        let body: Value = serde_json::from_str(&body).unwrap();
        let salt: Vec<u8> = serde_json::from_value(body["birth"]["salt"].clone()).unwrap();
        let key = blake3::Hash::from(blake3::derive_key(CONTEXT, &salt)).to_hex().to_string();
        Self { stage, key: Secret::new(key) }
    }

    fn now() -> Time {
        Time::from_micros(jiff::Timestamp::now().as_microsecond())
    }

    /// A notification signed at a moment with a key.
    fn signed(key: &Secret, role: Role, at: Time, body: &[u8]) -> Call {
        let call = Call::new("POST", DOOR, body);
        sign(key, role, at, body).into_iter().fold(call, |call, (name, value)| call.with(&name, value))
    }

    /// A genuine notification.
    fn genuine(&self, report: &Report) -> Call {
        Self::signed(&self.key, Role::Notification, Self::now(), &bytes(report))
    }

    /// Says it, and is answered as the institution wants to be.
    #[track_caller]
    fn says(&self, report: &Report) -> Answer {
        let answer = self.genuine(report).send(&self.stage.platform.address);
        assert_eq!((answer.status, answer.body.as_str()), (200, "success"), "{report:?}");
        answer
    }
}

/// A trade whose payment is out, and of which the institution has said nothing yet.
async fn waiting(stage: &Stage<'_>) -> String {
    let trade = stage.shop.unpaid("escrow", 100, &json!({})).await;
    let payment = stage.shop.pay(&trade, &json!([card_that("never", 100)])).await.ok(201);
    let sent = |shown: &Value| shown["status"] != "created";
    stage.shop.wait_until(&format!("/v1/payments/{}", id(&payment)), sent).await;
    trade
}

/// A word about the trade's first channel order.
fn about(trade: &str, about: About) -> Report {
    let order = OrderId::new(TradeId::parse(trade).unwrap(), 1);
    Report { account: ACCOUNT.to_owned(), number: order.institution_number(), about }
}

fn paid(amount: i64, currency: &str) -> About {
    let currency = Currency::parse(currency).unwrap();
    let at = Institution::now().micros();
    About::Payment(PayState::Paid { amount, currency, at, channel_no: crate::shop::number("CH") })
}

/// The institution says something about a dispute of this number.
fn opened(dispute: &str, amount: i64, currency: &str) -> About {
    let (dispute, currency) = (dispute.to_owned(), Currency::parse(currency).unwrap());
    let (at, reason) = (Institution::now().micros(), "fraudulent".to_owned());
    About::Dispute(DisputeState::Opened { dispute, amount, currency, reason, respond_by: at + 1, at })
}

fn lost(dispute: &str, amount: i64) -> About {
    let (dispute, currency) = (dispute.to_owned(), Currency::parse("CNY").unwrap());
    About::Dispute(DisputeState::Lost { dispute, amount, currency, at: Institution::now().micros() })
}

#[test]
fn e59_a_dispute_beside_a_refund() {
    attack_in_silence(async |stage| {
        let trade = waiting(stage).await;
        stage.settle().await;
        let bank = Institution::of(stage);
        // As far as we know nobody has paid: it is not taken, and can be said again.
        let early = bank.genuine(&about(&trade, opened("D1", 100, "CNY")));
        stage.refused(&early, Code::event_type_mismatch, None);
        bank.says(&about(&trade, paid(100, "CNY")));
        stage.shop.trade_is(&trade, "paid").await;
        stage.shop.confirm(&trade, &json!({})).await.ok(200);
        let refund = stage.shop.refund(&trade, 60, &json!({})).await.ok(201);
        // Many at once, of more than is left; forged ones and others' are nothing.
        let report = about(&trade, opened("D1", 100, "CNY"));
        let (call, address) = (bank.genuine(&report), &stage.platform.address);
        std::thread::scope(|crowd| {
            for _ in 0..20 {
                crowd.spawn(|| assert_eq!(call.send(address).status, 200));
            }
        });
        let shown = stage.shop.chain(&trade).await["disputes"].clone();
        assert_eq!((list(&shown).len(), &shown[0]["set_aside_amount"]), (1, &json!(40)), "{shown:#}");
        stage.shop.refund(&trade, 1, &json!({})).await.refused(422, "refund_exceeds_paid");
        stage.settle().await;
        let forged = Institution::signed(
            &Secret::new("another".to_owned()),
            Role::Notification,
            Institution::now(),
            &bytes(&about(&trade, lost("D1", 100))),
        );
        stage.refused(&forged, Code::signature_invalid, None);
        let nowhere = OrderId::new(TradeId::parse(&nowhere("trades")).unwrap(), 1).institution_number();
        bank.says(&Report { number: nowhere, ..about(&trade, lost("D1", 100)) });
        stage.unchanged("a dispute of nothing");
        // More than was disputed, and another currency: people must look, nothing moves.
        bank.says(&about(&trade, lost("D1", 101)));
        bank.says(&about(&trade, opened("D2", 10, "USD")));
        let kinds = |chain: &Value| -> Vec<String> {
            list(&chain["cases"]).iter().map(|case| case["kind"].as_str().unwrap().to_owned()).collect()
        };
        let chain = stage.shop.chain(&trade).await;
        assert_eq!((list(&chain["disputes"]).len(), &chain["disputes"][0]["status"]), (1, &json!("open")));
        assert!(kinds(&chain).contains(&"contradiction".to_owned()), "{chain:#}");
        for report in [lost("D1", 100), lost("D1", 100), opened("D1", 100, "CNY")] {
            bank.says(&about(&trade, report));
        }
        let at = Institution::now().micros();
        bank.says(&about(&trade, About::Dispute(DisputeState::Won { dispute: "D1".to_owned(), at })));
        let chain = stage.shop.chain(&trade).await;
        let dispute = &chain["disputes"][0];
        assert_eq!((&dispute["status"], &dispute["taken_amount"]), (&json!("lost"), &json!(40)), "{dispute:#}");
        // What the refund set aside is its own still.
        let refund = stage.shop.get(&format!("/v1/refunds/{}", id(&refund))).await.ok(200);
        assert_eq!((&refund["status"], &refund["amount"]), (&json!("pending"), &json!(60)));
        assert_eq!(stage.platform.balance(&stage.shop.owner(), "2003").await, (60, 0));
    });
}

#[test]
fn g75_g76_g77_g79_what_is_not_signed_as_it_must_be() {
    attack_in_silence(async |stage| {
        let trade = waiting(stage).await;
        stage.settle().await;
        let bank = Institution::of(stage);
        let report = about(&trade, paid(100, "CNY"));
        let good = bank.genuine(&report);
        let body = bytes(&report);
        let text = String::from_utf8(body.clone()).unwrap();
        let again = |body: String| {
            let signed = sign(&bank.key, Role::Notification, Institution::now(), text.as_bytes());
            signed.into_iter().fold(Call::new("POST", DOOR, body), |call, (name, value)| call.with(&name, value))
        };
        let at = |seconds: i64| Institution::now().plus(seconds * 1_000_000);
        let signed = |key: &str, role, at| Institution::signed(&Secret::new(key.to_owned()), role, at, &body);
        for call in [
            good.clone().without(SIGNATURE_HEADER),
            good.clone().without(TIMESTAMP_HEADER),
            good.clone().changed(SIGNATURE_HEADER, ""),
            good.clone().changed(SIGNATURE_HEADER, "0".repeat(64)),
            good.clone().changed(SIGNATURE_HEADER, "none"),
            good.clone().with(SIGNATURE_HEADER, "0".repeat(64)),
            good.clone().without(SIGNATURE_HEADER).with("sign_type", "NONE"),
            good.clone()
                .without(SIGNATURE_HEADER)
                .with("sign_type", "MD5")
                .with("sign", "d41d8cd98f00b204e9800998ecf8427e"),
            good.changed(TIMESTAMP_HEADER, "0"),
            again(text.replace("100", "101")),
            again(text.replace("\"sandbox\"", "\"sandbox\",\"more\":1")),
            again(text.replacen('{', "{ ", 1)),
            again(format!("{text}\n")),
            again(String::new()),
            signed("", Role::Notification, at(0)),
            signed("another", Role::Notification, at(0)),
            Institution::signed(&bank.key, Role::Answer, at(0), &body),
            Institution::signed(&bank.key, Role::Request, at(0), &body),
        ] {
            stage.refused(&call, Code::signature_invalid, None);
        }
        for seconds in [-360, 360, -86_400] {
            let call = Institution::signed(&bank.key, Role::Notification, at(seconds), &body);
            stage.refused(&call, Code::timestamp_out_of_range, None);
        }
        assert_eq!(stage.shop.trade(&trade).await["status"], "created");
    });
}

#[test]
fn g78_g84_a_notification_a_hundred_times_and_a_worse_one_after() {
    attack_in_silence(async |stage| {
        let trade = waiting(stage).await;
        let bank = Institution::of(stage);
        let report = about(&trade, paid(100, "CNY"));
        let (call, address) = (bank.genuine(&report), &stage.platform.address);
        let answers: Vec<Answer> = std::thread::scope(|crowd| {
            let said: Vec<_> = (0..100).map(|_| crowd.spawn(|| call.send(address))).collect();
            said.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(answers.iter().all(|answer| (answer.status, answer.body.as_str()) == (200, "success")), "{answers:?}");
        let shown = stage.shop.trade_is(&trade, "paid").await;
        assert_eq!((&shown["paid_amount"], &shown["escrow_amount"]), (&json!(100), &json!(100)));
        stage.settle().await;
        let (evidence, vouchers) = (stage.rows().count("evidence"), stage.rows().count("voucher"));
        assert_eq!(list(&stage.shop.chain(&trade).await["refunds"]).len(), 0);
        // It is not taken back by what comes late.
        bank.says(&about(&trade, About::Payment(PayState::Closed)));
        bank.says(&about(&trade, About::Payment(PayState::Failed { code: "DECLINED".to_owned() })));
        bank.says(&about(&trade, About::Payment(PayState::Paying)));
        stage.settle().await;
        assert_eq!(stage.shop.trade(&trade).await["status"], "paid");
        assert_eq!(stage.rows().count("voucher"), vouchers);
        assert!(stage.rows().count("evidence") <= evidence + 3);
    });
}

#[test]
fn g80_g81_verified_but_of_another_amount_or_currency() {
    attack_in_silence(async |stage| {
        let bank = Institution::of(stage);
        for (amount, currency) in [(1, "CNY"), (101, "CNY"), (100, "USD")] {
            let trade = waiting(stage).await;
            bank.says(&about(&trade, paid(amount, currency)));
            let case = stage.shop.open_case(&trade, "amount_mismatch").await;
            assert!(case.starts_with("cas_"));
            let shown = stage.shop.trade(&trade).await;
            assert_eq!(
                (&shown["status"], &shown["paid_amount"]),
                (&json!("created"), &json!(0)),
                "{amount} {currency}"
            );
            let payments = stage.shop.chain(&trade).await["payments"].clone();
            assert_eq!(list(&payments)[0]["status"], "review", "{payments:#}");
        }
    });
}

#[test]
fn g82_g83_g86_about_what_is_not_ours_or_of_another_kind() {
    attack_in_silence(async |stage| {
        let trade = waiting(stage).await;
        let other = stage.shop.paid("instant", 100, &json!({})).await;
        stage.settle().await;
        let bank = Institution::of(stage);
        let mut foreign = about(&trade, paid(100, "CNY"));
        foreign.account = "another".to_owned();
        stage.refused(&bank.genuine(&foreign), Code::signature_invalid, None);
        let at = Institution::now().micros();
        let refunded = RefundState::Refunded {
            amount: 100,
            currency: Currency::parse("CNY").unwrap(),
            at,
            channel_no: "X".to_owned(),
        };
        for trade in [&trade, &other] {
            let report = about(trade, About::Refund(refunded.clone()));
            stage.refused(&bank.genuine(&report), Code::event_type_mismatch, None);
        }
        let credential = PayState::NotFound;
        stage.refused(&bank.genuine(&about(&trade, About::Payment(credential))), Code::event_type_mismatch, None);
        // A number of ours that was never given out is taken, and changes nothing.
        bank.says(&about(&nowhere("trades"), paid(100, "CNY")));
        stage.unchanged("a word about no order");
        let mut strange = about(&trade, paid(100, "CNY"));
        strange.number = "P-not-one-of-ours".to_owned();
        let answer = bank.genuine(&strange).send(&stage.platform.address);
        assert!(answer.status < 500, "{}", answer.body);
        stage.unchanged("a word about a number that is none of ours");
        let elsewhere = Call::new("POST", "/notify/nobody", "{}");
        stage.refused(&elsewhere, Code::not_found, None);
    });
}

#[test]
fn g85_g90_a_success_out_of_order() {
    attack(async |stage| {
        let bank = Institution::of(stage);
        // After the trade was closed: the money goes back.
        let trade = waiting(stage).await;
        stage.shop.post(&format!("/v1/trades/{trade}/close"), &json!({})).await.ok(200);
        stage.shop.trade_is(&trade, "closed").await;
        bank.says(&about(&trade, paid(100, "CNY")));
        let path = format!("/v1/trades/{trade}/chain");
        let chain = stage.shop.wait_until(&path, |chain| !list(&chain["refunds"]).is_empty()).await;
        let refund = &list(&chain["refunds"])[0];
        assert_eq!((&refund["reason_code"], &refund["amount"]), (&json!("late"), &json!(100)), "{chain:#}");
        // The institution itself knows of no money, so it refuses the refund, and people decide.
        stage.shop.open_case(&trade, "refund_failed").await;
        assert_eq!(stage.shop.trade(&trade).await["status"], "closed");
        // Before our own call was answered: the answer that comes later adds nothing.
        let trade = stage.shop.unpaid("escrow", 100, &json!({})).await;
        stage.shop.pay(&trade, &json!([card_that("timeout_paid", 100)])).await.ok(201);
        bank.says(&about(&trade, paid(100, "CNY")));
        let shown = stage.shop.trade_is(&trade, "paid").await;
        assert_eq!(shown["paid_amount"], 100);
    });
}

#[test]
fn g87_g91_bodies_that_are_no_notification() {
    attack_in_silence(async |stage| {
        let trade = waiting(stage).await;
        stage.settle().await;
        let bank = Institution::of(stage);
        let large = vec![b'x'; limits::MAX_BODY_BYTES + 1];
        let answer = Call::new("POST", DOOR, large).send(&stage.platform.address);
        assert_problem(&answer, Code::body_too_large, "a large notification");
        let route = Document::read(stage).operations().into_iter().find(|route| route.path == "/notify/{id}").unwrap();
        assert!(route.documents(413, "body_too_large"));
        stage.unchanged("a large notification");
        let entity = r#"<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>"#;
        let genuine = String::from_utf8(bytes(&about(&trade, paid(100, "CNY")))).unwrap();
        for body in [
            String::new(),
            "{}".to_owned(),
            "[".repeat(30_000),
            "{\"a\":".repeat(10_000),
            entity.to_owned(),
            genuine.replace("\"amount\":100", "\"amount\":1,\"amount\":100"),
            genuine.replace("\"amount\":100", "\"amount\":-100"),
            genuine.replace("\"amount\":100", "\"amount\":1e2"),
            genuine.replace("\"amount\":100", "\"amount\":9223372036854775807"),
            genuine.replace("\"amount\":100", "\"amount\":null"),
            genuine.replace("CNY", "XXX"),
            genuine.replace("\"account\"", "\"extra\":1,\"account\""),
        ] {
            let call = Institution::signed(&bank.key, Role::Notification, Institution::now(), body.as_bytes());
            let answer = call.send(&stage.platform.address);
            assert!(
                (400..500).contains(&answer.status),
                "{}: {}",
                answer.status,
                body.chars().take(200).collect::<String>()
            );
            assert!(!answer.body.contains("root:"), "{}", answer.body);
            let code = answer.json()["code"].as_str().unwrap().to_owned();
            assert!(route.documents(answer.status, &code), "{code} is not documented");
            stage.unchanged(&body.chars().take(200).collect::<String>());
        }
    });
}
