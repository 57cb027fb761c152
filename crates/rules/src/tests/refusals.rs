//! Every way in which a book can be wrong, with the place and the reason that its author is told.

use crate::RuleBook;

const HEAD: &str = "book = \"shop\"\nabout = \"A shop.\"\n";

/// A whole book for texts that begin with `book`; else the head and what follows.
fn told(text: &str) -> String {
    let source = if text.contains("book =") || text.is_empty() { text.to_owned() } else { format!("{HEAD}{text}") };
    match RuleBook::load(&source) {
        Ok(_) => "nothing is wrong".to_owned(),
        Err(findings) => {
            assert!(!findings.is_empty(), "{source}");
            findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
    }
}

fn when(condition: &str) -> String {
    format!("[[rule]]\nname = \"r\"\nwhen = '{condition}'\nrefuse = \"no\"\n")
}

#[test]
fn every_bad_book() {
    let deep = format!("{}true{}", "(".repeat(25), ")".repeat(25));
    let long = format!("tools.count == {}1", "1 + ".repeat(101));
    let wide = vec!["tools.count == 1"; 70].join(" || ").chars().take(480).collect::<String>();
    let doubling: String = (1..12).fold("d0 = 'tools.count > 1'\n".to_owned(), |text, n| {
        format!("{text}d{n} = 'd{before} && d{before}'\n", before = n - 1)
    });
    let books = [
        ("nothing", String::new()),
        ("no TOML", "book = \"shop\"\nabout = \n".into()),
        ("a key twice", "book = \"a\"\nbook = \"b\"\nabout = \"c\"\n".into()),
        ("unknown key", "order_typ = \"escrow\"\n".into()),
        ("unknown key of a rule", "[[rule]]\nname = \"r\"\nwehn = 'true'\nrefuse = \"no\"\n".into()),
        ("name", "book = \"My Shop\"\nabout = \"x\"\n".into()),
        ("about is no text", "book = \"shop\"\nabout = 7\n".into()),
        ("order type", "order_type = \"escrwo\"\n".into()),
        ("scene", "sub_type = \"Shop\"\n".into()),
        ("offset", "utc_offset = \"+8\"\n".into()),
        ("offset too far", "utc_offset = \"+15:00\"\n".into()),
        ("a rule says nothing", "[[rule]]\nname = \"r\"\n".into()),
        ("a rule has no name", "[[rule]]\nrefuse = \"no\"\n".into()),
        ("rules are no list", "[rule]\nname = \"r\"\n".into()),
        ("two rules of a name", "[[rule]]\nname = \"r\"\nrefuse = \"a\"\n[[rule]]\nname = \"r\"\nrefuse = \"b\"\n".into()),
        ("a rule that never counts", "[[rule]]\nname = \"a\"\ntools = [\"balance\"]\n[[rule]]\nname = \"b\"\ntools = [\"coupon\"]\n".into()),
        ("tool", "[[rule]]\nname = \"r\"\ntools = [\"balanse\"]\n".into()),
        ("tools are no list", "[[rule]]\nname = \"r\"\ntools = \"balance\"\n".into()),
        ("no tools", "[[rule]]\nname = \"r\"\ntools = []\n".into()),
        ("method", "[[rule]]\nname = \"r\"\norder = [\"channel:\"]\n".into()),
        ("combine", "[[rule]]\nname = \"r\"\ncombine = [\"balance\"]\n".into()),
        ("span", "[[rule]]\nname = \"r\"\nexpires_after = \"2 hours\"\n".into()),
        ("span too long", "[[rule]]\nname = \"r\"\nexpires_after = \"91d\"\n".into()),
        ("span overflows", "[[rule]]\nname = \"r\"\nconfirm_after = \"9223372036854775807d\"\n".into()),
        ("order life", "[[rule]]\nname = \"r\"\norder_life = \"5s\"\n".into()),
        ("late money", "[[rule]]\nname = \"r\"\nlate_success = \"reopn\"\n".into()),
        ("unpaid due", "[[rule]]\nname = \"r\"\nunpaid_due = \"forfiet\"\n".into()),
        ("refused refund", "[[rule]]\nname = \"r\"\nrefund_failed = \"balanse\"\n".into()),
        ("refused refund is no text", "[[rule]]\nname = \"r\"\nrefund_failed = true\n".into()),
        ("risk is asked and nothing said", "[[rule]]\nname = \"r\"\nask_risk = {}\n".into()),
        ("risk is no table", "[[rule]]\nname = \"r\"\nask_risk = \"pass\"\n".into()),
        ("risk of an unknown way", "[[rule]]\nname = \"r\"\nask_risk = { no_answer = \"pas\" }\n".into()),
        ("risk of an unknown key", "[[rule]]\nname = \"r\"\nask_risk = { no_anser = \"pass\" }\n".into()),
        ("risk of a number", "[[rule]]\nname = \"r\"\nask_risk = { no_answer = 5 }\n".into()),
        ("risk below nothing", "[[rule]]\nname = \"r\"\nask_risk = { no_answer = { currency = \"CNY\" } }\n".into()),
        ("risk below zero", "[[rule]]\nname = \"r\"\nask_risk = { no_answer = { pass_below = 0, currency = \"CNY\" } }\n".into()),
        ("risk without currency", "[[rule]]\nname = \"r\"\nask_risk = { no_answer = \"pass\", degraded = { pass_below = 5 } }\n".into()),
        ("risk of no currency", "[[rule]]\nname = \"r\"\nask_risk = { no_answer = { pass_below = 5, currency = \"CNZ\" } }\n".into()),
        ("an unknown switch", when("\"rsk\" in switches")),
        ("a switch is no condition", when("switches.risk")),
        ("a definition called switches", "[define]\nswitches = 'true'\n[[rule]]\nname = \"r\"\nwhen = 'switches'\nrefuse = \"no\"\n".into()),
        ("switches before a payment", "[[rule]]\nname = \"r\"\nwhen = '\"risk\" in switches'\nexpires_after = \"1h\"\n".into()),
        ("dues of another type", "order_type = \"topup\"\n[[rule]]\nname = \"r\"\nunpaid_due = \"return\"\n".into()),
        ("fee of sales", "order_type = \"instant\"\n[[rule]]\nname = \"r\"\nfee = { bp = 10 }\n".into()),
        ("fee of nothing", "[[rule]]\nname = \"r\"\nfee = { min = 10, currency = \"CNY\" }\n".into()),
        ("fee without currency", "[[rule]]\nname = \"r\"\nfee = { fixed = 10 }\n".into()),
        ("fee of all and more", "[[rule]]\nname = \"r\"\nfee = { bp = 10001 }\n".into()),
        ("fee upside down", "[[rule]]\nname = \"r\"\nfee = { bp = 1, min = 6, max = 5, currency = \"CNY\" }\n".into()),
        ("fee of an unknown key", "[[rule]]\nname = \"r\"\nfee = { percent = 1 }\n".into()),
        ("fee that never counts", "[[rule]]\nname = \"a\"\nfee = { bp = 1 }\n[[rule]]\nname = \"b\"\nfee = { fixed = 1, currency = \"CNY\" }\n".into()),
        ("confirm of another type", "order_type = \"instant\"\n[[rule]]\nname = \"r\"\nconfirm_after = \"10d\"\n".into()),
        ("limit without currency", "[[rule]]\nname = \"r\"\nlimit = { max = 5 }\n".into()),
        ("limit without bounds", "[[rule]]\nname = \"r\"\nlimit = { currency = \"CNY\" }\n".into()),
        ("limit of no currency", "[[rule]]\nname = \"r\"\nlimit = { currency = \"CNZ\", max = 5 }\n".into()),
        ("limit is a fraction", "[[rule]]\nname = \"r\"\nlimit = { currency = \"CNY\", max = 5.5 }\n".into()),
        ("limit upside down", "[[rule]]\nname = \"r\"\nlimit = { currency = \"CNY\", min = 6, max = 5 }\n".into()),
        ("limit beyond amounts", "[[rule]]\nname = \"r\"\nlimit = { currency = \"CNY\", max = 1000000000000001 }\n".into()),
        ("limit of an unknown tool", "[[rule]]\nname = \"r\"\nlimit = { tool = \"cash\", currency = \"CNY\", max = 5 }\n".into()),
        ("points of nothing", "[[rule]]\nname = \"r\"\npoints = { currency = \"CNY\", points = 0, amount = 1 }\n".into()),
        ("points for a debt", "[[rule]]\nname = \"r\"\npoints = { currency = \"CNY\", points = 1, amount = -1 }\n".into()),
        ("points without a currency", "[[rule]]\nname = \"r\"\npoints = { points = 1, amount = 1 }\n".into()),
        ("points in points", "[[rule]]\nname = \"r\"\npoints = { currency = \"PTS\", points = 1, amount = 1 }\n".into()),
        ("points without an amount", "[[rule]]\nname = \"r\"\npoints = { currency = \"CNY\", points = 1 }\n".into()),
        ("points from a budget of a name", "[[rule]]\nname = \"r\"\npoints = { currency = \"CNY\", points = 1, amount = 1, budget = \"mine\" }\n".into()),
        ("points of another kind", "[[rule]]\nname = \"r\"\npoints = { currency = \"CNY\", points = 1, amount = 1, kind = \"gold\" }\n".into()),
        ("limit beyond numbers", "[[rule]]\nname = \"r\"\nlimit = { currency = \"CNY\", max = 99999999999999999999 }\n".into()),
        ("velocity of nobody", "[[rule]]\nname = \"r\"\nvelocity = { window = \"1d\", count = 5 }\n".into()),
        ("velocity by an unknown one", "[[rule]]\nname = \"r\"\nvelocity = { by = \"usr\", window = \"1d\", count = 5 }\n".into()),
        ("velocity without a window", "[[rule]]\nname = \"r\"\nvelocity = { by = \"user\", count = 5 }\n".into()),
        ("window too short", "[[rule]]\nname = \"r\"\nvelocity = { by = \"user\", window = \"59s\", count = 5 }\n".into()),
        ("window too long", "[[rule]]\nname = \"r\"\nvelocity = { by = \"user\", window = \"32d\", count = 5 }\n".into()),
        ("window beyond numbers", "[[rule]]\nname = \"r\"\nvelocity = { by = \"user\", window = \"9223372036854775807d\", count = 5 }\n".into()),
        ("window is no span", "[[rule]]\nname = \"r\"\nvelocity = { by = \"user\", window = \"today\", count = 5 }\n".into()),
        ("velocity without bounds", "[[rule]]\nname = \"r\"\nvelocity = { by = \"user\", window = \"day\" }\n".into()),
        ("velocity of nothing", "[[rule]]\nname = \"r\"\nvelocity = { by = \"user\", window = \"day\", count = 0 }\n".into()),
        ("velocity of too many", "[[rule]]\nname = \"r\"\nvelocity = { by = \"user\", window = \"day\", count = 1000001 }\n".into()),
        ("velocity sum without currency", "[[rule]]\nname = \"r\"\nvelocity = { by = \"user\", window = \"day\", sum = 5 }\n".into()),
        ("velocity sum of no currency", "[[rule]]\nname = \"r\"\nvelocity = { by = \"user\", window = \"day\", sum = 5, currency = \"CNZ\" }\n".into()),
        ("velocity sum beyond amounts", "[[rule]]\nname = \"r\"\nvelocity = { by = \"user\", window = \"day\", sum = 1000000000000001, currency = \"CNY\" }\n".into()),
        ("velocity of an unknown tool", "[[rule]]\nname = \"r\"\nvelocity = { by = \"user\", window = \"day\", count = 5, tool = \"cash\" }\n".into()),
        ("velocity of an unknown key", "[[rule]]\nname = \"r\"\nvelocity = { by = \"user\", window = \"day\", cuont = 5 }\n".into()),
        ("velocity is no table", "[[rule]]\nname = \"r\"\nvelocity = 5\n".into()),
        ("condition is no text", "[[rule]]\nname = \"r\"\nwhen = true\nrefuse = \"no\"\n".into()),
        ("no CEL", when("trade.amount >")),
        ("no CEL, two lines", "[[rule]]\nname = \"r\"\nwhen = '''\ntrade.amount > 1 &&\n  ) '''\nrefuse = \"no\"\n".into()),
        ("unknown name", when("trade.amont > 5")),
        ("unknown name far from any", when("weather.sunny")),
        ("unknown definition", when("big && tools.count > 1")),
        ("a name is not enough", when("trade.amount")),
        ("types: number and text", when("trade.amount == \"5\"")),
        ("types: text and number", when("trade.currency > 5")),
        ("types: no condition", when("tools.count && true")),
        ("types: list", when("tools.names == \"card\"")),
        ("types: in", when("5 in tools.names")),
        ("types: choice", when("(tools.count > 1 ? 1 : \"a\") == 1")),
        ("mixed list", when("tools.count in [1, \"a\"]")),
        ("calculated list", when("tools.count in [1 + 1]")),
        ("empty list", when("tools.count in []")),
        ("fraction", when("trade.amount * 0.5 > 3.0")),
        ("unsigned", when("trade.amount > 5u")),
        ("number beyond numbers", when("trade.amount > 99999999999999999999")),
        ("overflow", when("trade.amount * trade.amount > 5")),
        ("overflow of a sum", when("trade.amount + 9223372036854775807 > 5")),
        ("division by zero", when("trade.amount / tools.balance > 5")),
        ("rest by zero", when("trade.amount % 0 == 1")),
        ("macro", when("tools.names.all(n, n == \"card\")")),
        ("has", when("has(trade.amount)")),
        ("regular expression", when("trade.sub_type.matches(\"s.*\")")),
        ("function", when("trade.sub_type.startWith(\"shop\")")),
        ("function of a number", when("size(tools.names) > 1")),
        ("index", when("tools.names[0] == \"card\"")),
        ("map", when("{\"a\": 1}.a == 1")),
        ("bytes", when("b\"a\" == b\"a\"")),
        ("not ASCII", when("trade.sub_type == \"店\"")),
        ("too deep", when(&deep)),
        ("too long", when(&"x".repeat(501))),
        ("too many steps", when(&long)),
        ("unfinished", when(&wide)),
        ("risk before it is there", "[[rule]]\nname = \"r\"\nwhen = 'risk.device == \"\"'\nexpires_after = \"1h\"\n".into()),
        ("payment before it is there", "[[rule]]\nname = \"r\"\nwhen = 'tools.count > 1'\nexpires_after = \"1h\"\n".into()),
        ("payment through a definition", "[define]\nmany = 'tools.count > 1'\n[[rule]]\nname = \"r\"\nwhen = 'many'\nlate_success = \"reopen\"\n".into()),
        ("cycle", "[define]\na = 'b || tools.count > 1'\nb = 'c'\nc = '!a'\n[[rule]]\nname = \"r\"\nwhen = 'a'\nrefuse = \"no\"\n".into()),
        ("a definition of itself", "[define]\na = '!a'\n[[rule]]\nname = \"r\"\nwhen = 'a'\nrefuse = \"no\"\n".into()),
        ("a definition nobody uses", "[define]\na = 'true'\n[[rule]]\nname = \"r\"\nrefuse = \"no\"\n".into()),
        ("a definition's name", "[define]\ntrade = 'true'\n[[rule]]\nname = \"r\"\nwhen = 'trade'\nrefuse = \"no\"\n".into()),
        ("definitions that double", format!("[define]\n{doubling}[[rule]]\nname = \"r\"\nwhen = 'd11'\nrefuse = \"no\"\n")),
        ("refusal without a word", "[[rule]]\nname = \"r\"\nrefuse = \" \"\n".into()),
        ("several things", "order_type = \"x\"\n[[rule]]\nname = \"R\"\nwhen = 'a.b'\ntools = [\"y\"]\n".into()),
        ("too large", format!("book = \"shop\"\n#{}", "x".repeat(20_000))),
    ];
    let told: Vec<String> = books.iter().map(|(name, text)| format!("## {name}\n{}\n", told(text))).collect();
    insta::assert_snapshot!(told.join("\n"));
}
