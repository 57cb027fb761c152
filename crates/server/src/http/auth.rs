//! Who asks: an API key in `Authorization: Bearer sk_test_…`, and what it may do.
//!
//! Only BLAKE3 of a secret is stored; the hash of whatever was sent is looked up, so neither the time of a comparison
//! nor a leaked table says anything about a secret. Every failure is the same 401, and every path does the same work.

use std::collections::BTreeSet;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use engine::control::Control;
use engine::request::Caller;
use kernel::{Code, KeyId, MerchantId, Problem};

use crate::config::Environment;

/// What the API keys of an environment start with.
pub(crate) const fn key_prefix(environment: Environment) -> &'static str {
    match environment {
        Environment::Test => "sk_test_",
        Environment::Live => "sk_live_",
    }
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// Read what it may see.
    Read,
    /// Everything a merchant's own systems do.
    Write,
    /// Spend users' own money without the user being present.
    UsersDebit,
    /// What only the platform does; no merchant's key has it. Holds all others.
    Admin,
}

impl Scope {
    /// Every scope there is.
    pub(crate) const ALL: [Self; 4] = [Self::Read, Self::Write, Self::UsersDebit, Self::Admin];
    /// Those that a merchant's key may have.
    pub(crate) const OF_MERCHANTS: [Self; 3] = [Self::Read, Self::Write, Self::UsersDebit];
    /// Those of a new merchant's key that names none.
    pub(crate) const DEFAULT: [Self; 2] = [Self::Read, Self::Write];

    /// The word in the control data and in requests.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::UsersDebit => "users:debit",
            Self::Admin => "admin",
        }
    }

    /// Reads the word back.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// A caller whose key was found.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The key, by its name.
    pub(crate) key: KeyId,
    /// Whose it is.
    pub(crate) caller: Caller,
    scopes: BTreeSet<Scope>,
}

impl Identity {
    /// Refuses with `scope_required` unless the key may do this.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), Problem> {
        if self.may(scope) {
            return Ok(());
        }
        Err(Problem::new(Code::scope_required, format!("this needs an API key with the scope {}", scope.as_str())))
    }

    /// Whether the key may do this.
    pub(crate) fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    /// The merchant whose key it is; `None` for the platform's.
    pub(crate) fn merchant(&self) -> Option<MerchantId> {
        match self.caller {
            Caller::Merchant(merchant) => Some(merchant),
            Caller::Platform | Caller::System => None,
        }
    }
}

/// What is stored of a secret.
pub(crate) fn secret_hash(secret: &str) -> [u8; 32] {
    *blake3::hash(secret.as_bytes()).as_bytes()
}

/// Whether a text can be an API key's secret in this environment: its prefix, then 4 to 120 letters, digits or `_`.
pub(crate) fn is_secret(text: &str, environment: Environment) -> bool {
    text.strip_prefix(key_prefix(environment)).is_some_and(|rest| {
        (4..=120).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

/// Finds out who asks, or refuses with `unauthorized`.
pub(super) fn authenticate(
    headers: &HeaderMap,
    control: &Control,
    environment: Environment,
) -> Result<Identity, Problem> {
    let sent = bearer(headers).unwrap_or_default();
    let found = control.key_of(&secret_hash(sent));
    match found {
        Some((key, record)) if is_secret(sent, environment) => Ok(Identity {
            key,
            caller: record.merchant.map_or(Caller::Platform, Caller::Merchant),
            scopes: record
                .scopes
                .iter()
                .filter_map(|scope| Scope::parse(scope))
                .filter(|scope| record.merchant.is_none() || *scope != Scope::Admin)
                .collect(),
        }),
        _ => Err(Problem::new(Code::unauthorized, "send Authorization: Bearer and an API key of this environment")),
    }
}

/// The one bearer token of the one header, else nothing.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use engine::control::{ApiKey, Version};
    use kernel::{Bucket, RootId, Time};

    use super::*;

    fn root(random: u128) -> RootId {
        RootId::new(Time::from_micros(0), Bucket::of("x"), random)
    }

    fn control(secret: &str, merchant: Option<MerchantId>, scopes: &[&str], revoked_at: Option<i64>) -> Control {
        let mut control = Control::default();
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let key = ApiKey { merchant, scopes, hash: secret_hash(secret), created_at: 0, revoked_at };
        control.apply(&Version::Key(KeyId(root(1)), key));
        control
    }

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, value.parse().unwrap())).collect()
    }

    #[test]
    fn who_is_let_in() {
        let merchant = MerchantId(root(2));
        let control = control("sk_test_secret", Some(merchant), &["read", "admin"], None);
        for value in ["Bearer sk_test_secret", "bearer sk_test_secret"] {
            let identity = authenticate(&headers(&[value]), &control, Environment::Test).unwrap();
            assert_eq!(identity.caller, Caller::Merchant(merchant));
            assert!(identity.may(Scope::Read));
            assert_eq!(identity.require(Scope::Write).unwrap_err().code, Code::scope_required);
            assert!(!identity.may(Scope::Admin), "never a merchant's");
        }
    }

    #[test]
    fn k117_who_is_not() {
        let live = control("sk_live_secret", None, &["admin"], None);
        let test = control("sk_test_secret", None, &["admin"], None);
        let revoked = control("sk_test_secret", None, &["admin"], Some(1));
        let refused = |values: &[&str], control: &Control| {
            let refusal = authenticate(&headers(values), control, Environment::Test);
            assert_eq!(refusal.unwrap_err().code, Code::unauthorized, "{values:?}");
        };
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "sk_test_secret",
            "Basic sk_test_secret",
            "Bearer sk_test_secret ",
            "Bearer sk_test_secre",
            "Bearer  sk_test_secret",
            "Bearer sk_live_secret",
            "Bearer eyJhbGciOiJub25lIn0.e30.",
        ] {
            refused(&[value], &test);
        }
        refused(&[], &test);
        refused(&["Bearer sk_test_secret", "Bearer sk_test_secret"], &test);
        refused(&["Bearer sk_test_secret"], &revoked);
        refused(&["Bearer sk_live_secret"], &live);
        assert!(authenticate(&headers(&["Bearer sk_live_secret"]), &live, Environment::Live).is_ok());
        assert!(authenticate(&headers(&["Bearer sk_test_secret"]), &test, Environment::Live).is_err());
    }
}
