//! Bodies that are right but for one thing, by the thousand: whatever is sent to whichever route, the answer is one that
//! the documentation knows, nothing breaks, and the books still hold at the end.
//!
//! The mutations come from a seed, so a failure comes again: it names the seed and the number of the request.

use std::collections::BTreeSet;
use std::path::Path;

use kernel::Code;
use serde_json::{Map, Value, json};

use super::routes::{Document, Operation, body_for};
use super::stage::{Stage, assert_problem, attack};
use super::tenancy::Goods;
use super::wire::{Answer, Call};

/// Requests of each of the callers, who ask at once.
const REQUESTS: u64 = 1_000;
const SEEDS: [u64; 4] = [1, 2, 3, 4];

/// Xorshift; a test needs no more.
struct Dice(u64);

impl Dice {
    fn new(seed: u64, request: u64) -> Self {
        let mut dice = Self((seed << 32 | request).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..4 {
            dice.next();
        }
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap() % bound.max(1)
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// A value that is wrong almost everywhere.
fn strange(dice: &mut Dice) -> Value {
    let all = [
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1),
        json!(1.5),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e300),
        json!(1_000_000_000_000_000_i64),
        json!(""),
        json!(" "),
        json!("0"),
        json!("\u{0}"),
        json!("😀"),
        json!("x".repeat(3_000)),
        json!("4111111111111111"),
        json!("2026-02-30T00:00:00Z"),
        json!("9999-12-31T23:59:59Z"),
        json!("0000-01-01T00:00:00Z"),
        json!("trd_01k9z8q5m0000000000000000a"),
        json!("user:42"),
        json!("seller:s1"),
        json!("platform"),
        json!("XXX"),
        json!([]),
        json!({}),
        json!([[]]),
        json!([null]),
        json!({"a": {"b": [1, {"c": null}]}}),
        json!(vec![1; 200]),
    ];
    dice.pick(&all).clone()
}

/// Changes something somewhere in a body.
fn mutate(dice: &mut Dice, value: &mut Value) {
    match value {
        Value::Object(members) if !members.is_empty() && !dice.once_in(6) => {
            let names: Vec<String> = members.keys().cloned().collect();
            let name = dice.pick(&names).clone();
            match dice.below(8) {
                0 => drop(members.remove(&name)),
                1 => drop(members.insert(format!("{name}_"), strange(dice))),
                2 => rename(members, &name, &name.to_uppercase()),
                3 => {
                    let other = dice.pick(&names).clone();
                    let taken = members[&other].clone();
                    members.insert(name, taken);
                }
                _ => mutate(dice, members.get_mut(&name).unwrap()),
            }
        }
        Value::Array(items) if !items.is_empty() && !dice.once_in(6) => {
            let place = dice.below(items.len());
            match dice.below(6) {
                0 => drop(items.remove(place)),
                1 => items.push(items[place].clone()),
                2 => *items = vec![items[place].clone(); 70],
                _ => mutate(dice, &mut items[place]),
            }
        }
        Value::Number(number) if !dice.once_in(3) => {
            let number = number.as_i64().unwrap_or(0);
            *value = json!(*dice.pick(&[
                number.wrapping_add(1),
                number.wrapping_sub(1),
                number.wrapping_neg(),
                number.saturating_mul(1_000_003),
                number / 2,
            ]));
        }
        other => *other = strange(dice),
    }
}

fn rename(members: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = members.remove(from) {
        members.insert(to.to_owned(), value);
    }
}

/// Changes the bytes of a body.
fn damage(dice: &mut Dice, bytes: &mut Vec<u8>) {
    let place = dice.below(bytes.len());
    let byte = u8::try_from(dice.below(256)).unwrap();
    match dice.below(4) {
        0 => bytes.truncate(place),
        1 => bytes.insert(place, byte),
        2 if !bytes.is_empty() => bytes[place] = byte,
        _ => bytes.extend_from_within(place..),
    }
}

/// Everything that requests are made of.
struct Material {
    posts: Vec<Operation>,
    bodies: Vec<Value>,
    goods: Goods,
    keys: [String; 3],
    address: String,
}

impl Material {
    async fn gather(stage: &Stage<'_>) -> Self {
        let posts = Document::read(stage).posts();
        Self {
            bodies: posts.iter().map(|route| body_for(route, stage)).collect(),
            goods: Goods::make(stage).await,
            posts,
            keys: [stage.platform.key.clone(), stage.shop.key.clone(), stage.other.key.clone()],
            address: stage.platform.address.clone(),
        }
    }

    fn request(&self, dice: &mut Dice) -> (&Operation, Call) {
        let place = dice.below(self.posts.len());
        let (route, mut body) = (&self.posts[place], self.bodies[place].clone());
        // Half of the orders are new ones; the rest meet those that are there.
        if dice.once_in(2) && body.get("merchant_order_id").is_some() {
            body["merchant_order_id"] = json!(format!("M{}", dice.next()));
        }
        for _ in 0..dice.below(3) {
            mutate(dice, &mut body);
        }
        let mut bytes = body.to_string().into_bytes();
        if dice.once_in(8) {
            damage(dice, &mut bytes);
        }
        let id = if route.names_an_object() { dice.pick(self.goods.of(route)).clone() } else { String::new() };
        let key: &String = dice.pick(&self.keys);
        let mut call = Call::post(key, &route.path_to(&id), bytes);
        if dice.once_in(10) {
            call = call.changed("idempotency-key", format!("one of few {}", dice.below(5)));
        }
        if dice.once_in(40) {
            let name = *dice.pick(&["content-type", "idempotency-key"]);
            call = call.without(name);
        }
        (route, call)
    }

    /// How many requests did something, and what was refused otherwise than the documentation says.
    fn play(&self, seed: u64) -> (usize, BTreeSet<String>) {
        let (mut done, mut unknown) = (0, BTreeSet::new());
        for request in 0..REQUESTS {
            let mut dice = Dice::new(seed, request);
            let (route, call) = self.request(&mut dice);
            let asked = format!("seed {seed}, request {request}: {call}");
            let answer = call.send(&self.address);
            done += usize::from(answer.status < 300);
            unknown.extend(undocumented(route, &answer, &asked));
        }
        (done, unknown)
    }
}

/// The answer is sound; named where the documentation of its route does not know it.
fn undocumented(route: &Operation, answer: &Answer, asked: &str) -> Option<String> {
    assert!(answer.status < 500, "{asked}\n{} {}", answer.status, answer.body);
    if answer.status < 300 {
        assert!(answer.json()["id"].is_string() || answer.json()["object"].is_string(), "{asked}\n{}", answer.body);
        return None;
    }
    let problem = answer.json();
    let name = problem["code"].as_str().unwrap();
    let code = Code::ALL.iter().copied().find(|code| code.as_str() == name);
    assert_problem(answer, code.unwrap_or_else(|| panic!("{asked}\nthe code {name} is in no table")), asked);
    assert!(page(name).exists(), "docs/errors has no page of {name}");
    (!route.documents(answer.status, name)).then(|| format!("{}: {name}", route.path))
}

fn page(code: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/errors/{code}.md"))
}

#[test]
fn whatever_is_sent_is_answered_as_documented() {
    attack(async |stage| {
        let material = Material::gather(stage).await;
        let played: Vec<_> = std::thread::scope(|crowd| {
            let callers: Vec<_> = SEEDS
                .into_iter()
                .map(|seed| {
                    let material = &material;
                    crowd.spawn(move || material.play(seed))
                })
                .collect();
            callers.into_iter().map(|caller| caller.join().unwrap()).collect()
        });
        let sent = SEEDS.len() * usize::try_from(REQUESTS).unwrap();
        let taken: usize = played.iter().map(|(done, _)| done).sum();
        assert!(
            taken > sent / 20 && taken < sent * 19 / 20,
            "{taken} of {sent}: the mutations are too mild or too wild"
        );
        let unknown: BTreeSet<&String> = played.iter().flat_map(|(_, unknown)| unknown).collect();
        assert!(unknown.is_empty(), "refusals that the document does not have: {unknown:#?}");
    });
}

#[test]
fn every_code_has_a_page_that_the_server_shows() {
    attack(async |stage| {
        for code in Code::ALL {
            let text = std::fs::read_to_string(page(code.as_str())).unwrap();
            assert!(text.starts_with(&format!("# {code}\n\n{}\n\nKind: [{:?}]", code.title(), code.kind())), "{code}");
            let shown = Call::new("GET", &format!("/docs/errors/{code}"), "").send(&stage.platform.address);
            assert_eq!(shown.status, 200, "{code}");
            assert!(shown.body.contains(code.as_str()), "{code}");
        }
    });
}
