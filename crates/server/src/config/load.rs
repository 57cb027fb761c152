//! Reading the layers, and saying exactly what is wrong with one.

use std::path::{Path, PathBuf};

use engine::work::signed;
use figment::providers::{Env, Format as _, Serialized, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Metadata, Source};
use kernel::{Shards, limits};

use super::keys::{self, KEYS};
use super::{Config, Environment};
use crate::http::auth::{is_secret, key_prefix};

/// What flags set; each over all other layers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    values: Vec<(&'static str, String)>,
}

impl Flags {
    /// Sets a key where the flag was given.
    pub(crate) fn with(mut self, key: &'static str, value: Option<impl ToString>) -> Self {
        self.values.extend(value.map(|value| (key, value.to_string())));
        self
    }
}

/// A configuration, and where its values came from.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The values.
    pub(crate) config: Config,
    layers: Figment,
}

impl Loaded {
    /// Every key with its value as text (secrets masked) and its source in words.
    pub(crate) fn rows(&self) -> Vec<(&'static str, String, String)> {
        let values = Value::serialize(&self.config).ok();
        KEYS.iter()
            .map(|key| {
                let value = values.as_ref().and_then(|values| values.find_ref(key.name)).map_or_else(String::new, show);
                let source = self.layers.find_metadata(key.name).map_or_else(|| "default".to_owned(), source);
                (key.name, value, source)
            })
            .collect()
    }
}

/// The default of a key as text.
pub(crate) fn default_of(key: &str) -> String {
    let values = Value::serialize(Config::default()).ok();
    values.as_ref().and_then(|values| values.find_ref(key)).map_or_else(String::new, show)
}

fn show(value: &Value) -> String {
    match value {
        Value::String(_, text) => text.clone(),
        Value::Char(_, char) => char.to_string(),
        Value::Bool(_, bool) => bool.to_string(),
        Value::Num(..) => integer(value).map_or_else(String::new, |number| number.to_string()),
        Value::Empty(..) => "(none)".to_owned(),
        Value::Array(_, values) => format!("[{}]", values.iter().map(show).collect::<Vec<_>>().join(", ")),
        Value::Dict(..) => "(section)".to_owned(),
    }
}

/// A whole number, whatever its width.
fn integer(value: &Value) -> Option<i128> {
    value.to_i128().or_else(|| i128::try_from(value.to_u128()?).ok())
}

/// What is wrong with the configuration; one line per fault.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub(crate) struct ConfigError(pub(crate) Vec<String>);

/// Reads defaults, file, environment and flags, in that order, and checks them.
pub(crate) fn load(file: Option<&Path>, flags: &Flags) -> Result<Loaded, ConfigError> {
    let mut layers = Figment::from(Serialized::defaults(Config::default()));
    if let Some(path) = file {
        if !path.is_file() {
            return Err(ConfigError(vec![format!("--config: {}: there is no such file", path.display())]));
        }
        layers = layers.merge(Toml::file_exact(PathBuf::from(path)));
    }
    layers = layers.merge(environment_of_top_keys()).merge(Env::prefixed("SUANPAN__").split("__"));
    for (key, value) in &flags.values {
        layers = layers.merge(flag(key, value));
    }
    check(layers)
}

/// `SUANPAN_STORE` and its like. Other names under that prefix are none of ours: container platforms put theirs there.
fn environment_of_top_keys() -> Env {
    let top: Vec<&str> = KEYS.iter().map(|key| key.name).filter(|name| !name.contains('.')).collect();
    Env::prefixed("SUANPAN_").only(&top)
}

/// A flag's value is read as one from the environment is.
fn flag(key: &'static str, value: &str) -> impl figment::Provider {
    struct Flag(&'static str, Value);
    impl figment::Provider for Flag {
        fn metadata(&self) -> Metadata {
            Metadata::named(format!("the flag --{}", self.0))
        }
        fn data(&self) -> Result<figment::value::Map<figment::Profile, Dict>, figment::Error> {
            let dict = Dict::from([(self.0.to_owned(), self.1.clone())]);
            Ok(figment::Profile::Default.collect(dict))
        }
    }
    let value = value.parse::<Value>().unwrap_or_else(|never| match never {});
    Flag(key, value)
}

fn check(layers: Figment) -> Result<Loaded, ConfigError> {
    let config: Config = layers
        .extract()
        .map_err(|errors| ConfigError(errors.into_iter().map(|error| explain(&layers, &error)).collect()))?;
    let loaded = Loaded { config, layers };
    let mut faults = out_of_range(&loaded);
    faults.extend(contradictions(&loaded.config));
    if faults.is_empty() { Ok(loaded) } else { Err(ConfigError(faults)) }
}

/// One fault in words: key, value, what is allowed, and where it came from.
fn explain(layers: &Figment, error: &figment::Error) -> String {
    use figment::error::Kind;
    let path = error.path.join(".");
    let from = error.metadata.as_ref().map_or_else(String::new, |metadata| format!(" (from {})", source(metadata)));
    let allowed = keys::find(&path).map_or_else(String::new, |key| format!("; allowed: {}", allowed(key)));
    match &error.kind {
        Kind::Message(text) if path.is_empty() => format!("{text}{from}"),
        // Our own types say what is allowed, and repeat the value only where it is no secret.
        Kind::Message(text) if text.contains("allowed") => format!("{path}: {text}{from}"),
        Kind::Message(text) => {
            let value = layers.find_value(&path).map_or_else(|_| String::new(), |value| show(&value));
            format!("{path}: {value:?} is not allowed: {text}{allowed}{from}")
        }
        Kind::InvalidType(actual, _) | Kind::InvalidValue(actual, _) => {
            format!("{path}: {actual} is not allowed{allowed}{from}")
        }
        Kind::UnknownField(field, known) => {
            let full = error.path.iter().map(String::as_str).filter(|part| part != field).chain([field.as_str()]);
            let full = full.collect::<Vec<_>>().join(".");
            format!("{full}: there is no such key; known here: {}{from}", known.join(", "))
        }
        other => format!("{path}: {other}{from}"),
    }
}

fn allowed(key: &keys::Key) -> String {
    match key.range {
        Some((least, most)) => format!("{least} to {most} ({})", key.unit),
        None => key.unit.to_owned(),
    }
}

/// Where a value came from, in words.
fn source(metadata: &Metadata) -> String {
    match &metadata.source {
        Some(Source::File(path)) => path.display().to_string(),
        _ if metadata.name.contains("environment variable") => "the environment".to_owned(),
        _ if metadata.name.starts_with("the flag") => metadata.name.to_string(),
        _ => "default".to_owned(),
    }
}

/// Numbers beyond what the table of keys allows.
fn out_of_range(loaded: &Loaded) -> Vec<String> {
    let Ok(values) = Value::serialize(&loaded.config) else { return Vec::new() };
    let mut faults = Vec::new();
    for key in KEYS {
        let (Some((least, most)), Some(value)) = (key.range, values.find_ref(key.name)) else { continue };
        let numbers = match value {
            Value::Array(_, values) => values.iter().filter_map(integer).collect(),
            value => Vec::from_iter(integer(value)),
        };
        for number in numbers.into_iter().filter(|number| *number < least.into() || *number > most.into()) {
            let from = loaded.layers.find_metadata(key.name).map_or_else(|| "default".to_owned(), source);
            faults.push(format!("{}: {number} is not allowed; allowed: {} (from {from})", key.name, allowed(key)));
        }
    }
    faults
}

/// Values that are fine alone and not together.
fn contradictions(config: &Config) -> Vec<String> {
    let mut faults = Vec::new();
    if config.bootstrap_key.as_ref().is_some_and(|key| !is_secret(key.reveal(), config.environment)) {
        faults.push(format!(
            "bootstrap_key: the value is not allowed; allowed in the {} environment: {} and 4 to 120 letters, digits or _",
            config.environment.as_str(),
            key_prefix(config.environment)
        ));
    }
    if let Some(count) = config.shards.filter(|count| Shards::new(*count).is_none()) {
        faults.push(format!("shards: {count} is not allowed; allowed: 1, 2, 4, … {}", limits::MAX_SHARDS));
    }
    if let Some(url) = &config.public_url {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        if rest.is_none_or(|rest| rest.is_empty() || rest.contains(['?', '#', '@', ' '])) {
            faults.push(format!(
                "public_url: {url:?} is not allowed; allowed: http:// or https:// and a host, without query"
            ));
        } else if config.environment == Environment::Live && url.starts_with("http://") {
            faults.push(format!("public_url: {url:?} is not allowed in the live environment; allowed: https://…"));
        }
    }
    faults.extend(contradictions_of_risk(config));
    if config.webhook.schedule_s.len() > 32 {
        faults.push("webhook.schedule_s: too many pauses; allowed: at most 32".to_owned());
    }
    if tracing_subscriber::EnvFilter::try_new(&config.log.level).is_err() {
        faults.push(format!(
            "log.level: {:?} is not allowed; allowed: a filter, as `info` or `warn,engine=debug`",
            config.log.level
        ));
    }
    faults
}

fn contradictions_of_risk(config: &Config) -> Option<String> {
    let secret = config.risk.secret.as_ref();
    if secret.is_some_and(|secret| !signed::is_secret(secret.reveal())) {
        return Some("risk.secret: the value is not allowed; allowed: whsec_ and base64".to_owned());
    }
    let Some(url) = &config.risk.url else {
        return secret.map(|_| "risk.secret: is for nothing without risk.url".to_owned());
    };
    let plain = config.environment == Environment::Test && url.starts_with("http://");
    let parsed = reqwest::Url::parse(url).ok().filter(|_| plain || url.starts_with("https://"));
    let bare = |url: &reqwest::Url| url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if !parsed.as_ref().is_some_and(|url| url.has_host() && bare(url)) {
        let schemes = if config.environment == Environment::Test { "https:// or http://" } else { "https://" };
        // Not repeated: it may hold a password.
        return Some(format!("risk.url: the value is not allowed; allowed: {schemes} and a host, without a user"));
    }
    secret.is_none().then(|| "risk.secret: is missing; the service at risk.url must know who asks".to_owned())
}

#[cfg(test)]
mod tests;
