//! J: texts that want to be more than text (cases 113, 115, 116).

use kernel::Code;
use serde_json::{Value, json};

use super::stage::attack;
use super::wire::Call;
use crate::shop::{card, id, order};

/// Card numbers that institutions publish for tests, in the spellings of people.
const CARDS: [&str; 6] = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "card 5500-0000-0000-0004 please",
    "378282246310005",
    "6011111111111117",
    "３７８２８２２４６３１０００５ 4012888888881881",
];

/// What other languages would execute.
const METACHARACTERS: [&str; 12] = [
    "'; DROP TABLE trade; --",
    "\" OR 1=1 --",
    "{\"$gt\":\"\"}",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "$(id)`id`|id;id&&id",
    "../../../../etc/passwd",
    "%s%n%x",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "\\u0000\\x00%00",
    "*)(uid=*))(|(uid=*",
    "商品\u{202e}gpj.exe",
];

#[test]
fn j113_line_ends_do_not_reach_the_log() {
    attack(async |stage| {
        for field in ["merchant_order_id", "subject", "buyer", "sub_type"] {
            for text in ["x\n{\"level\":\"ERROR\"}", "x\r\ny", "x\u{1b}[2Jy", "x\u{85}y"] {
                let mut body = order("instant", 5, &json!({}));
                body[field] = json!(text);
                let call = Call::post(&stage.shop.key, "/v1/trades", body.to_string());
                stage.refused(&call, Code::invalid_text, Some(field));
            }
        }
    });
}

/// A payout to an account in this name.
fn payout(name: &str) -> String {
    let destination = json!({"type": "bank_account", "account": "6222020200112233445", "name": name});
    order("payout", 5, &json!({"payer": "user:42", "destination": destination})).to_string()
}

#[test]
fn j115_card_numbers_are_not_taken() {
    attack(async |stage| {
        let paid = stage.shop.paid("instant", 100, &json!({})).await;
        let odd = stage.shop.unpaid("instant", 100, &json!({})).await;
        stage.shop.pay(&odd, &json!([crate::shop::card_that("wrong_amount", 100)])).await.ok(201);
        let case = stage.shop.open_case(&odd, "amount_mismatch").await;
        stage.settle().await;
        for number in CARDS {
            let opened = |more: Value| order("instant", 5, &more).to_string();
            for (key, path, body, param) in [
                (&stage.shop.key, "/v1/trades".to_owned(), opened(json!({"subject": number})), "subject"),
                (
                    &stage.shop.key,
                    "/v1/trades".to_owned(),
                    opened(json!({"metadata": {"note": number}})),
                    "metadata.note",
                ),
                (&stage.shop.key, "/v1/trades".to_owned(), payout(number), "destination.name"),
                (
                    &stage.shop.key,
                    format!("/v1/trades/{paid}/refunds"),
                    json!({"merchant_refund_id": "R", "amount": 5, "reason": number}).to_string(),
                    "reason",
                ),
                (
                    &stage.platform.key,
                    format!("/v1/cases/{case}/resolve"),
                    json!({"action": "refund", "note": number}).to_string(),
                    "note",
                ),
            ] {
                let problem = stage.refused(&Call::post(key, &path, body), Code::pan_not_accepted, Some(param));
                assert!(!problem.to_string().contains(number), "it is repeated: {problem:#}");
            }
        }
        stage.host.with_server(|server| {
            let log = server.log();
            assert!(CARDS.iter().all(|number| !log.contains(number)), "it is in the log");
        });
    });
}

#[test]
fn j116_texts_are_stored_as_they_are() {
    attack(async |stage| {
        for (n, text) in METACHARACTERS.into_iter().enumerate() {
            let plain = text.chars().all(|c| c.is_ascii_graphic());
            let number = if plain { format!("{text}{n}") } else { format!("J{n}") };
            let more = json!({
                "merchant_order_id": number, "subject": text, "metadata": {"note": text}, "pay": {"tools": [card(5)]},
            });
            let trade = id(&stage.shop.open("instant", 5, &more).await.ok(201));
            let shown = stage.shop.trade_is(&trade, "completed").await;
            assert_eq!((&shown["subject"], &shown["metadata"]["note"]), (&json!(text), &json!(text)));
            let refund =
                stage.shop.refund(&trade, 5, &json!({"reason": text, "merchant_refund_id": number})).await.ok(201);
            let refund = stage.shop.refund_is(&id(&refund), "succeeded").await;
            assert_eq!((&refund["reason"], &refund["merchant_refund_id"]), (&json!(text), &json!(number)));
            let encoded: String = number.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let found = stage.shop.get(&format!("/v1/trades?merchant_order_id={encoded}")).await.ok(200);
            assert_eq!(found["data"][0]["id"], trade.as_str(), "{text}");
        }
        let merchant = stage.platform.post("/v1/merchants", &json!({"name": METACHARACTERS[0]})).await.ok(201);
        assert_eq!(merchant["name"], METACHARACTERS[0]);
    });
}
