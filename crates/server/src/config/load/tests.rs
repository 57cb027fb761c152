//! What the layers give, and that every fault is named with its key, its value and what is allowed.

use super::*;

fn read(text: &str) -> Result<Loaded, ConfigError> {
    check(Figment::from(Serialized::defaults(Config::default())).merge(Toml::string(text)))
}

fn fault(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn the_defaults_are_allowed_and_every_key_is_in_the_table() {
    let loaded = read("").unwrap();
    let mut names = Vec::new();
    fn walk(prefix: &str, value: &Value, names: &mut Vec<String>) {
        match value {
            Value::Dict(_, dict) => {
                for (name, value) in dict {
                    walk(&if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") }, value, names);
                }
            }
            _ => names.push(prefix.to_owned()),
        }
    }
    walk("", &Value::serialize(&loaded.config).unwrap(), &mut names);
    let mut table: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
    table.sort_unstable();
    names.sort_unstable();
    assert_eq!(names, table);
}

#[test]
fn a_wrong_value_is_named_with_its_key_and_what_is_allowed() {
    let text = fault("environment = \"prod\"");
    assert!(text.contains("environment") && text.contains("prod") && text.contains("test, live"), "{text}");
    let text = fault("[limits]\nbatch = \"many\"");
    assert!(text.contains("limits.batch") && text.contains("many") && text.contains("1 to 4096"), "{text}");
    let text = fault("[limits]\nbatch = 0");
    assert!(text.contains("limits.batch: 0 is not allowed") && text.contains("1 to 4096"), "{text}");
    let text = fault("[book]\nzone = \"Mars/Olympus\"");
    assert!(text.contains("book.zone") && text.contains("Mars/Olympus") && text.contains("IANA"), "{text}");
    let text = fault("listen = \"8080\"");
    assert!(text.contains("listen: \"8080\" is not allowed") && text.contains("address:port"), "{text}");
    let text = fault("[webhook]\nschedule_s = [5, 99999999]");
    assert!(text.contains("webhook.schedule_s: 99999999"), "{text}");
    let text = fault("[cases]\ntwo_people_kinds = [\"lost\"]");
    assert!(
        text.contains("cases.two_people_kinds") && text.contains("lost") && text.contains("refund_failed"),
        "{text}"
    );
    let text = fault("[cases]\ntwo_people_from = -1");
    assert!(text.contains("cases.two_people_from: -1"), "{text}");
    let text = fault("public_url = \"ftp://x\"");
    assert!(text.contains("public_url"), "{text}");
}

#[test]
fn a_risk_service_has_an_address_and_a_secret() {
    let secret = "whsec_cmlzay1zZXJ2aWNlLW9mLWEtdGVzdA==";
    let text = |environment: &str, url: &str| {
        let live = if environment == "live" { "environment = \"live\"\n" } else { "" };
        format!("{live}[risk]\nurl = \"{url}\"\nsecret = \"{secret}\"")
    };
    assert!(read(&text("test", "http://127.0.0.1:9000/ask")).is_ok());
    assert!(read(&text("live", "https://risk.internal/ask")).is_ok(), "also within the own network");
    for (environment, url) in [
        ("live", "http://risk.internal/ask"),
        ("test", "ftp://risk.internal/ask"),
        ("test", "risk.internal"),
        ("test", "https://user:hush@risk.internal/ask"),
    ] {
        let told = fault(&text(environment, url));
        assert!(told.starts_with("risk.url: ") && told.contains("https://") && !told.contains("hush"), "{url}: {told}");
    }
    assert!(fault("[risk]\nurl = \"https://risk.internal/ask\"").contains("risk.secret: is missing"));
    assert!(fault(&format!("[risk]\nsecret = \"{secret}\"")).contains("risk.secret: is for nothing"));
    let told = fault("[risk]\nurl = \"https://r.example\"\nsecret = \"hush\"");
    assert!(told.contains("whsec_") && !told.contains("hush"), "{told}");
    assert!(fault("[risk]\ntimeout_ms = 9").contains("risk.timeout_ms: 9"));
}

#[test]
fn an_unknown_key_is_refused_by_its_name() {
    let text = fault("[limits]\nbatches = 3");
    assert!(text.contains("limits.batches") && text.contains("batch"), "{text}");
}

#[test]
fn secrets_are_neither_shown_nor_repeated() {
    let loaded = read("bootstrap_key = \"sk_test_0123456789abcdefgh\"\nstore = \"postgres://u:hush@h:1/db\"").unwrap();
    let shown = format!("{:?} {:?}", loaded.config, loaded.rows());
    assert!(!shown.contains("0123456789abcdef") && !shown.contains("hush"), "{shown}");
    let text = fault("bootstrap_key = \"sk_live_0123456789abcdefgh\"\n");
    assert!(
        text.contains("bootstrap_key") && text.contains("sk_test_") && !text.contains("0123456789abcdef"),
        "{text}"
    );
    let text = fault("store = \"mysql://u:hush@h/db\"");
    assert!(text.contains("store") && !text.contains("hush"), "{text}");
}

#[test]
fn flags_win_over_the_file_and_say_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("suanpan.toml");
    std::fs::write(&path, "listen = \"127.0.0.1:1\"\npublic_url = \"https://pay.example\"").unwrap();
    let flags = Flags::default().with("listen", Some("127.0.0.1:2")).with("public_url", None::<String>);
    let loaded = load(Some(&path), &flags).unwrap();
    assert_eq!(loaded.config.listen.port(), 2);
    assert_eq!(loaded.config.public_url.as_deref(), Some("https://pay.example"));
    let rows = loaded.rows();
    let source = |key: &str| rows.iter().find(|(name, ..)| *name == key).map(|(.., source)| source.as_str());
    assert_eq!(source("listen"), Some("the flag --listen"));
    assert_eq!(source("public_url").map(|source| source.ends_with("suanpan.toml")), Some(true));
    assert_eq!(source("environment"), Some("default"));
    assert!(load(Some(&directory.path().join("none.toml")), &flags).is_err());
}
