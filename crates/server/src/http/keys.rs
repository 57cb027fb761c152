//! API keys (密钥): made by the platform for a merchant, shown once, revoked by either.

use engine::request::{Command, ControlCommand};
use engine::wire;
use kernel::{KeyId, MerchantId, Problem};

use super::auth::{Scope, key_prefix, secret_hash};
use super::json::Fields;
use super::list;
use super::query::Query;
use super::visit::{Shown, Told, Visit, not_found};
use crate::config::Environment;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// `POST /v1/merchants/{id}/keys`
pub(super) fn create(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let merchant = visit.named(MerchantId::parse)?;
    let allowed = Scope::OF_MERCHANTS.map(Scope::as_str).join(", ");
    let parse = |word: &str| Scope::parse(word).filter(|scope| Scope::OF_MERCHANTS.contains(scope));
    let named = body.words("scopes", Scope::ALL.len(), &allowed, parse)?;
    let mut scopes = named.unwrap_or_else(|| Scope::DEFAULT.to_vec());
    scopes.sort_unstable();
    scopes.dedup();
    let doors = &visit.house.doors;
    let secret = secret(doors.environment, [doors.random.bits(), doors.random.bits()]);
    let command = ControlCommand::CreateKey {
        id: KeyId(visit.draw(&merchant.to_string())),
        merchant: Some(merchant),
        scopes: scopes.into_iter().map(|scope| scope.as_str().to_owned()).collect(),
        hash: secret_hash(&secret),
    };
    Ok(Told { secret: Some(("key", secret)), ..Command::Control(command).into() })
}

/// `POST /v1/keys`: another key of the platform, with every scope; what two people must do needs two.
pub(super) fn create_own(visit: &Visit, _body: &mut Fields) -> Result<Told, Problem> {
    let doors = &visit.house.doors;
    let secret = secret(doors.environment, [doors.random.bits(), doors.random.bits()]);
    let command = ControlCommand::CreateKey {
        id: KeyId(visit.draw("platform")),
        merchant: None,
        scopes: Scope::ALL.map(|scope| scope.as_str().to_owned()).to_vec(),
        hash: secret_hash(&secret),
    };
    Ok(Told { secret: Some(("key", secret)), ..Command::Control(command).into() })
}

/// A new secret of 250 random bits.
pub(crate) fn secret(environment: Environment, random: [u128; 2]) -> String {
    let mut text = key_prefix(environment).to_owned();
    for bits in random {
        for place in 0..25 {
            let digit = (bits >> (place * 5) & 31) as usize;
            text.push(ALPHABET.get(digit).map_or('0', |byte| char::from(*byte)));
        }
    }
    text
}

/// `POST /v1/keys/{id}/revoke`
pub(super) fn revoke(visit: &Visit, _body: &mut Fields) -> Result<Told, Problem> {
    let id = visit.named(KeyId::parse)?;
    Ok(Command::Control(ControlCommand::RevokeKey(id)).into())
}

/// `GET /v1/merchants/{id}/keys`
pub(super) async fn list(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let merchant = visit.named(MerchantId::parse)?;
    let name = format!("keys:{merchant}");
    let part = list::part(&visit, &mut query, &name, "cursor")?;
    query.finish()?;
    let control = visit.house.doors.control.snapshot();
    if !visit.identity.caller.may_see(Some(merchant)) || !control.merchants.contains_key(&merchant) {
        return Err(not_found());
    }
    let own = control.keys.iter().rev().filter(|(_, key)| key.merchant == Some(merchant)).map(|(id, _)| *id);
    Ok(list::control_page(&visit, &name, &part, own, |id| wire::control::key(&control, id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::auth::is_secret;

    #[test]
    fn secrets_are_long_and_for_one_environment() {
        let one = secret(Environment::Test, [u128::MAX, 0]);
        assert_eq!(one.len(), "sk_test_".len() + 50);
        assert!(is_secret(&one, Environment::Test) && !is_secret(&one, Environment::Live));
        assert_ne!(one, secret(Environment::Test, [u128::MAX, 1]));
    }
}
