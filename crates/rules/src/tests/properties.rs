//! Random conditions and books: no text makes the program panic, whatever loads can be asked, and CEL's own interpreter
//! gives the same answers.

use std::time::Instant;

use cel::{Context, Program, Value};
use kernel::OrderType;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::world::*;
use crate::{BUILT_IN, Facts, Name, RuleBook, SAMPLES};

fn numbers() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (-1_000_i64..1_000).prop_map(|n| n.to_string()),
        prop::sample::select(vec![
            "trade.amount",
            "payment.amount",
            "payment.attempt",
            "trade.receivers",
            "tools.count",
            "tools.balance",
            "tools.coupon",
            "tools.channel",
            "tools.coupons",
            "tools.channels",
            "time.hour",
            "time.weekday",
            "time.date",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["+", "-", "*", "/", "%"]), inner.clone())
                .prop_map(|(left, operator, right)| format!("({left} {operator} {right})")),
            inner.clone().prop_map(|of| format!("(-({of}))")),
            (inner.clone(), inner.clone()).prop_map(|(yes, no)| format!("(tools.count > 2 ? {yes} : {no})")),
        ]
    })
}

fn texts() -> impl Strategy<Value = String> {
    let literal = prop::sample::select(vec!["shop", "shop.checkout", "card", "CNY", "escrow", "", "4"]);
    prop_oneof![
        literal.prop_map(|text| format!("\"{text}\"")),
        prop::sample::select(vec![
            "trade.sub_type",
            "trade.currency",
            "trade.order_type",
            "payer.owner",
            "merchant.id"
        ])
        .prop_map(str::to_owned),
    ]
}

fn conditions() -> impl Strategy<Value = String> {
    let compare = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let leaf = prop_oneof![
        (numbers(), compare, numbers()).prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
        (texts(), prop::sample::select(vec!["==", "!="]), texts()).prop_map(|(l, o, r)| format!("{l} {o} {r}")),
        (texts(), prop::sample::select(vec!["startsWith", "endsWith", "contains"]), texts())
            .prop_map(|(text, test, part)| format!("{text}.{test}({part})")),
        (texts(), prop::sample::select(vec!["tools.names", "tools.methods", "switches", "[\"CNY\", \"card\"]"]))
            .prop_map(|(text, list)| format!("{text} in {list}")),
        numbers().prop_map(|number| format!("{number} in [1, 2, 3, 1000]")),
        any::<bool>().prop_map(|value| value.to_string()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left} && {right})")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left} || {right})")),
            inner.clone().prop_map(|of| format!("!({of})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(c, yes, no)| format!("({c} ? {yes} : {no})")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left}) == ({right})")),
        ]
    })
}

fn sales() -> impl Strategy<Value = Sale> {
    let tool = prop_oneof![
        (1_i64..2_000).prop_map(balance),
        (1_i64..2_000).prop_map(coupon),
        (prop::sample::select(vec!["card", "boleto"]), 1_i64..2_000).prop_map(|(method, n)| channel(method, n)),
    ];
    let scene = prop::sample::select(vec!["shop.checkout", "general"]);
    (prop::collection::vec(tool, 1..6), scene, any::<bool>(), 1_u16..5).prop_map(|(tools, scene, escrow, attempt)| {
        let order_type = if escrow { OrderType::Escrow } else { OrderType::Instant };
        Sale { attempt, ..Sale::new(order_type, scene, tools) }
    })
}

/// The same facts for CEL's own interpreter, which takes them in maps of its own kind.
#[allow(clippy::disallowed_types)]
fn context(facts: &Facts<'_>) -> Context<'static, 'static> {
    use std::collections::BTreeMap;
    let mut roots: BTreeMap<&str, std::collections::HashMap<String, Value>> = BTreeMap::new();
    let mut context = Context::default();
    for name in Name::ALL {
        let value = match name.kind() {
            crate::facts::Kind::Number(_) => Value::Int(facts.number(name, 8 * kernel::time::HOUR_US)),
            crate::facts::Kind::Text => facts.text(name).into_owned().into(),
            crate::facts::Kind::Texts => facts.texts(name).map(str::to_owned).collect::<Vec<String>>().into(),
        };
        match name.as_str().split_once('.') {
            Some((root, field)) => drop(roots.entry(root).or_default().insert(field.to_owned(), value)),
            None => context.add_variable_from_value(name.as_str(), value),
        }
    }
    for (root, fields) in roots {
        context.add_variable_from_value(root, fields);
    }
    context
}

fn with_condition(condition: &str) -> String {
    format!(
        "book = \"b\"\nabout = \"a\"\nutc_offset = \"+08:00\"\n\
         [[rule]]\nname = \"r\"\nwhen = '{condition}'\nrefuse = \"no\"\n"
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn cels_own_interpreter_gives_the_same_answers(condition in conditions(), sale in sales()) {
        let Ok(book) = RuleBook::load(&with_condition(&condition)) else { return Ok(()) };
        let facts = sale.facts();
        let ours = book.payment_terms(2, &facts).is_err();
        let theirs = Program::compile(&condition).unwrap().execute(&context(&facts));
        prop_assert_eq!(theirs, Ok(Value::Bool(ours)), "{}", condition);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[ -~\n]{0,120}", condition in "[ -~]{0,60}") {
        for source in [text.clone(), format!("book = \"b\"\nabout = \"a\"\n{text}"), with_condition(&condition)] {
            if let Err(findings) = RuleBook::load(&source) {
                prop_assert!(!findings.is_empty());
                prop_assert!(findings.iter().all(|finding| finding.place.line >= 1 && finding.place.column >= 1));
            }
        }
    }

    #[test]
    fn a_broken_book_is_refused_not_survived(at in 0_usize..400, letter in "[ -~\n]") {
        let book = include_str!("../../books/marketplace.escrow.toml");
        let mut letters: Vec<char> = book.chars().collect();
        let at = at % letters.len();
        letters[at] = letter.chars().next().unwrap();
        let _ = RuleBook::load(&letters.into_iter().collect::<String>());
    }
}

#[test]
fn most_random_conditions_load() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = conditions();
    let loads = (0..200).filter(|_| {
        let condition = strategy.new_tree(&mut runner).unwrap().current();
        RuleBook::load(&with_condition(&condition)).is_ok()
    });
    assert!(loads.count() > 100, "else the comparison with the interpreter compares little");
}

#[test]
fn every_book_that_comes_with_the_program_loads() {
    RuleBook::load(BUILT_IN).unwrap();
    for (name, source) in SAMPLES {
        let book = RuleBook::load(source).unwrap_or_else(|findings| panic!("{name}: {findings:?}"));
        assert_eq!(book.name, *name);
    }
}

/// The guide's sample is a book, and its table of names is the one that conditions are checked by.
#[test]
fn the_guide_is_true() {
    let guide = include_str!("../../../../docs/guide/rules.md");
    let samples: Vec<&str> = guide.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!samples.is_empty());
    for sample in samples {
        let book = RuleBook::load(sample).unwrap_or_else(|findings| panic!("{findings:?}"));
        let sale = Sale::new(OrderType::Escrow, "marketplace.order", vec![coupon(600), balance(400)]);
        let refusal = book.payment_terms(2, &sale.facts()).unwrap_err();
        assert_eq!(refusal.rule, "a-coupon-pays-half-at-most");
        let sale = Sale { tools: vec![channel("card", 600), coupon(400)], ..sale };
        assert_eq!(book.payment_terms(2, &sale.facts()).unwrap().order, [1, 0]);
    }
    let limits = include_str!("../../../../docs/guide/risk.md").split("```toml\n").nth(1).unwrap();
    let book = RuleBook::load(limits.split("```").next().unwrap()).unwrap();
    let sale = Sale::new(OrderType::Escrow, "marketplace.order", vec![balance(400)]);
    assert_eq!(
        book.velocity(2, &sale.facts()).len(),
        1,
        "of these limits only the first is about a balance in the day"
    );
    for name in Name::ALL {
        let row = format!("| `{}` | {} |", name.as_str(), name.meaning());
        assert!(guide.contains(&row), "the guide lacks {row}");
    }
}

/// Prints what it costs to plan a payment of three tools; asserts no time, only that it ends.
#[test]
#[allow(clippy::disallowed_methods)]
fn the_cost_of_planning() {
    let sale = Sale::new(OrderType::Escrow, "marketplace.order", vec![coupon(100), balance(400), channel("card", 500)]);
    let facts = sale.facts();
    for (name, source) in [("built in", BUILT_IN), ("marketplace", include_str!("../../books/marketplace.escrow.toml"))]
    {
        let book = RuleBook::load(source).unwrap();
        let rounds = 10_000_u32;
        let start = Instant::now();
        let planned = (0..rounds).filter(|_| std::hint::black_box(book.payment_terms(2, &facts)).is_ok()).count();
        let each = start.elapsed().as_nanos() / u128::from(rounds);
        assert_eq!(planned, 10_000);
        println!("{name}: {each} ns for planning a payment of three tools");
    }
}
