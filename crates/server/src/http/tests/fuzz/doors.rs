//! What comes through the doors: bodies, queries, headers, cursors, notifications.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Uri};
use channel::sandbox::wire::{About, PayState, Report, bytes};
use channel::signature::{Role, SIGNATURE_HEADER, Secret, TIMESTAMP_HEADER, digest, sign};
use channel::{Incoming, Registry};
use kernel::{Code, Currency, OrderId, Time};
use serde_json::Value;

use super::Target;
use crate::config::Environment;
use crate::http::cursor::Cursors;
use crate::http::route::Route;
use crate::http::tests::house::{Answer, House, PLATFORM, SHOP, trade};
use crate::http::{idempotency, openapi, routes};

const SECOND_US: i64 = 1_000_000;
/// Parts of bodies.
const FIELDS: &[&str] = &[
    "amount",
    "currency",
    "CNY",
    "JPY",
    "merchant_id",
    "tools",
    "tool",
    "channel",
    "coupon",
    "balance",
    "splits",
    "receiver",
    "seller:s1",
    "metadata",
    "expires_at",
    "2026-11-23T16:30:00Z",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"\":1,",
    "true",
    "1.5",
];

/// A house with a runtime to live in.
struct Home {
    runtime: tokio::runtime::Runtime,
    house: House,
}

impl Home {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let house = runtime.block_on(async { House::test() });
        Self { runtime, house }
    }

    /// Asks, a second after the last question, so that no rate is reached.
    fn ask(&self, request: Request<Body>) -> Answer {
        self.house.later(10 * SECOND_US);
        self.runtime.block_on(self.house.send(request))
    }
}

fn chosen<'a>(routes: &'a [Route], input: &'a [u8]) -> Option<(&'a Route, &'a [u8])> {
    let (first, rest) = input.split_first()?;
    Some((&routes[usize::from(*first) % routes.len()], rest))
}

/// An answer that is good, or a refusal that the document names for the route, in the shape of every refusal.
fn assert_documented(route: &Route, answer: &Answer) {
    if answer.status.is_success() {
        return;
    }
    let code = answer.code();
    let known = openapi::refusals(route)
        .into_iter()
        .any(|(status, codes)| codes.iter().any(|known| code == format!("{status} {known}")));
    assert!(known, "{}: {code} is not documented: {}", route.path, answer.text);
    assert!(answer.status.is_client_error(), "{}", answer.text);
}

/// The first byte chooses the route.
pub(super) const BODIES: Target = Target {
    name: "bodies",
    words: FIELDS,
    more: || {
        let schemas = openapi::schemas(&kernel::StoredKind::BUILT_IN);
        let examples = posts().into_iter().map(|route| schemas[route.body.unwrap()]["example"].to_string());
        (0..).zip(examples).map(|(n, example)| [&[n], example.as_bytes()].concat()).collect()
    },
    judge: || {
        let (home, routes) = (Home::new(), posts());
        Box::new(move |input| {
            let Some((route, body)) = chosen(&routes, input) else { return false };
            let path = route.path.replace("{id}", &trade().to_string());
            let request = home.house.request(PLATFORM, Method::POST, &path).header("idempotency-key", "k");
            let request = request.header("content-type", "application/json").body(Body::from(body.to_vec())).unwrap();
            let answer = home.ask(request);
            assert_documented(route, &answer);
            if answer.status.is_success() && !body.is_empty() {
                serde_json::from_slice::<Value>(body).unwrap();
            }
            answer.status.is_success()
        })
    },
};

fn posts() -> Vec<Route> {
    let all = routes::table(Environment::Test).into_iter();
    all.filter(|route| route.is_post() && route.scope().is_some()).collect()
}

/// The first byte chooses the route. Those that wait are left out: here time stands still.
pub(super) const QUERIES: Target = Target {
    name: "queries",
    words: &[
        "merchant_id",
        "limit",
        "cursor",
        "stale=ok",
        "status",
        "after",
        "owner",
        "currency",
        "date",
        "&",
        "=",
        "%26",
        "+",
    ],
    more: || (0..).zip(reads()).flat_map(|(n, _)| [vec![n], [&[n], b"limit=20".as_slice()].concat()]).collect(),
    judge: || {
        let (home, routes) = (Home::new(), reads());
        Box::new(move |input| {
            let Some((route, query)) = chosen(&routes, input) else { return false };
            let path =
                format!("{}?{}", route.path.replace("{id}", &trade().to_string()), String::from_utf8_lossy(query));
            // What is no address does not come through a socket.
            let Ok(uri) = path.parse::<Uri>() else { return false };
            let request = home.house.request(PLATFORM, Method::GET, "/").uri(uri).body(Body::empty()).unwrap();
            let answer = home.ask(request);
            assert_documented(route, &answer);
            answer.status.is_success()
        })
    },
};

fn reads() -> Vec<Route> {
    let all = routes::table(Environment::Test).into_iter();
    all.filter(|route| !route.is_post() && route.scope().is_some() && !route.parameters.contains(&"wait")).collect()
}

/// Taken as it is, or refused.
pub(super) const IDEMPOTENCY_KEYS: Target = Target {
    name: "idempotency_keys",
    words: &[" ", "~", "0123456789abcdef0123456789abcdef0123456789abcdef"],
    more: Vec::new,
    judge: || {
        Box::new(|input| {
            let Ok(value) = HeaderValue::from_bytes(input) else { return false };
            let headers = HeaderMap::from_iter([(idempotency::HEADER, value)]);
            let good = (1..=128).contains(&input.len()) && input.iter().all(|byte| (b' '..=b'~').contains(byte));
            let key = idempotency::key(&headers);
            let read = key.is_ok();
            match key {
                Ok(key) => assert!(good && key.as_bytes() == input, "{key}"),
                Err(refusal) => assert!(!good && refusal.code == Code::idempotency_key_invalid, "{refusal}"),
            }
            read
        })
    },
};

/// Only the key itself opens, and a refusal repeats nothing.
pub(super) const CREDENTIALS: Target = Target {
    name: "credentials",
    words: &["Bearer ", "bearer ", "sk_test_", "sk_live_", "shop", "reader", "platform"],
    more: Vec::new,
    judge: || {
        let home = Home::new();
        Box::new(move |input| {
            let Ok(value) = HeaderValue::from_bytes(input) else { return false };
            let request = Request::builder().uri("/v1/trades").header("authorization", value);
            let answer = home.ask(request.body(Body::empty()).unwrap());
            if answer.status.is_success() {
                let text = std::str::from_utf8(input).unwrap();
                let (scheme, key) = text.split_once(' ').unwrap();
                assert!(scheme.eq_ignore_ascii_case("bearer"), "{text}");
                let known = [SHOP, "other_shop", "reader", PLATFORM].map(|name| format!("sk_test_{name}"));
                assert!(known.iter().any(|known| known == key), "{text}");
            } else {
                assert!(["401 unauthorized", "429 rate_limited"].contains(&&*answer.code()), "{}", answer.text);
            }
            answer.status.is_success()
        })
    },
};

/// Only what was sealed opens, and only to what was sealed.
pub(super) const CURSORS: Target = Target {
    name: "cursors",
    words: &["AAAA", "-", "_", "="],
    more: || ["", "17", "trd_01k9z8q5m0000000000000000a"].map(|place| cursors().seal(place).into_bytes()).to_vec(),
    judge: || {
        Box::new(|input| {
            let text = String::from_utf8_lossy(input);
            match cursors().open(&text) {
                Ok(place) => {
                    assert_eq!(cursors().seal(&place), text);
                    true
                }
                Err(refusal) => {
                    assert_eq!(refusal.code, Code::cursor_invalid);
                    false
                }
            }
        })
    },
};

fn cursors() -> Cursors {
    Cursors::new(&[7; 32], "mch_1", "trades")
}

/// Signed or not, by the first byte; what is not signed is never believed, what is believed is what was sent.
pub(super) const NOTIFICATIONS: Target = Target {
    name: "notifications",
    words: &["payment", "refund", "paid", "refunded", "status", "amount", "currency", "channel_no", "sandbox", "null"],
    more: || {
        let order = OrderId { trade: trade(), no: 1 };
        let amount =
            PayState::Paid { amount: 5, currency: Currency::parse("CNY").unwrap(), at: 1, channel_no: "SBX1".into() };
        [amount, PayState::Closed, PayState::Failed { code: "declined".into() }, PayState::NotFound]
            .into_iter()
            .map(|state| {
                let number = order.institution_number();
                let report = Report { account: "sandbox".into(), number, about: About::Payment(state) };
                [b"s".as_slice(), &bytes(&report)].concat()
            })
            .collect()
    },
    judge: || {
        let registry = Registry::test();
        let key = || Secret::new("fuzz".to_owned());
        let account = channel::Account { name: "sandbox".to_owned(), keys: vec![key()], sandbox: None };
        let now = Time::from_micros(1_800_000_000 * SECOND_US);
        Box::new(move |input| {
            let Some((first, body)) = input.split_first() else { return false };
            let signed = first % 2 == 1;
            let headers = if signed {
                sign(&key(), Role::Notification, now, body)
            } else {
                let seconds = (now.micros() / SECOND_US).to_string();
                let stranger = String::from_utf8_lossy(body).into_owned();
                vec![(TIMESTAMP_HEADER.to_owned(), seconds), (SIGNATURE_HEADER.to_owned(), stranger)]
            };
            let message = Incoming { status: 0, headers, body: body.to_vec() };
            match registry.get("sandbox").unwrap().notification(&message, &account, now) {
                Ok(told) => {
                    assert!(signed, "it was not signed");
                    assert_eq!(told.digest, digest(body));
                    let report: Report = serde_json::from_slice(body).unwrap();
                    assert_eq!(report.number, told.order.institution_number());
                    true
                }
                Err(refused) if signed => {
                    let told = serde_json::from_slice::<Report>(body);
                    // A key speaks for its own account only.
                    let foreign = told.is_ok_and(|report| report.account != account.name);
                    let codes = [Code::malformed_json, Code::event_type_mismatch];
                    assert!(
                        codes.contains(&refused.code()) || (foreign && refused.code() == Code::signature_invalid),
                        "{refused}"
                    );
                    false
                }
                Err(refused) => {
                    assert_eq!(refused.code(), Code::signature_invalid);
                    false
                }
            }
        })
    },
};
