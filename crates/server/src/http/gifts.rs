//! Gifts (红包, 礼品卡): issue stored value to whoever claims it, claim a share, read.

use engine::request::{Command, IssueGift};
use kernel::{Code, GiftId, Owner, Problem, StoredKind, limits};
use payment::gift::Split;

use super::coupons::budget;
use super::json::Fields;
use super::list;
use super::query::Query;
use super::visit::{Shown, Told, Visit};

/// The letters and digits of a code; those that look alike are left out.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// How many of them a code has: 80 bits, which nobody guesses.
const CODE_CHARS: usize = 16;
/// How they are written, in groups.
const GROUP: usize = 4;

/// `POST /v1/gifts`
pub(super) fn create(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let merchant = visit.maybe_merchant(body)?;
    let kind = body.word("tool", &known(visit), |word| kind(visit, word))?;
    let money = body.money()?;
    let shares = shares(body, money.amount.minor())?;
    let split = body.maybe_word("split", "equal, lucky", Split::parse)?.unwrap_or(Split::Equal);
    let code = body.flag("code")?.unwrap_or(false).then(|| code(visit.house.doors.random.bits()));
    let budget = budget(visit, body)?;
    let expires_at = body.time("expires_at")?;
    let issuer = merchant.map_or(Owner::Platform, Owner::Merchant);
    let id = GiftId(visit.draw(&issuer.to_string()));
    let code_hash = code.as_deref().map(code_hash);
    let issue = IssueGift { id, merchant, kind, money, shares, split, code_hash, budget, expires_at };
    Ok(Told { secret: code.map(|code| ("code", code)), ..Command::IssueGift(Box::new(issue)).into() })
}

fn shares(body: &mut Fields, minor: i64) -> Result<u16, Problem> {
    let most = i64::from(limits::MAX_GIFT_SHARES).min(minor);
    let shares = body.maybe_number("shares")?.unwrap_or(1);
    let fits = u16::try_from(shares).ok().filter(|_| shares <= most);
    fits.ok_or_else(|| {
        let detail = format!("from 1 to {}, and at most as many as minor units", limits::MAX_GIFT_SHARES);
        body.refuse(Code::invalid_value, "shares", detail)
    })
}

/// The kind of stored value of this name, where the deployment has it.
pub(super) fn kind(visit: &Visit, word: &str) -> Option<StoredKind> {
    visit.house.doors.stored.iter().find(|kind| kind.as_str() == word).cloned()
}

/// The kinds of the deployment, in words.
pub(super) fn known(visit: &Visit) -> String {
    let kinds: Vec<&str> = visit.house.doors.stored.iter().map(StoredKind::as_str).collect();
    kinds.join(", ")
}

/// A code as it is shown: `7d3k-…`.
fn code(bits: u128) -> String {
    let mut text = String::with_capacity(CODE_CHARS + CODE_CHARS / GROUP);
    for place in 0..CODE_CHARS {
        if place > 0 && place.is_multiple_of(GROUP) {
            text.push('-');
        }
        let digit = (bits >> (place * 5) & 31) as usize;
        text.push(ALPHABET.get(digit).map_or('0', |byte| char::from(*byte)));
    }
    text
}

/// What is kept of a code. Written large or small, with or without its dashes, it is the same one.
fn code_hash(code: &str) -> [u8; 32] {
    let plain: String = code.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    *blake3::hash(plain.as_bytes()).as_bytes()
}

/// `POST /v1/gifts/{id}/claims`
pub(super) fn claim(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let gift = visit.named(GiftId::parse)?;
    let owner = body.id("owner", |text| Owner::parse(text, None))?;
    let Owner::User(user) = owner else {
        return Err(body.refuse(Code::invalid_value, "owner", "a user claims a gift: user:…"));
    };
    let code_hash = body.maybe_text("code", 2 * CODE_CHARS)?.as_deref().map(code_hash);
    let luck = (visit.house.doors.random.bits() & u128::from(u64::MAX)) as u64;
    Ok(Command::ClaimGift { gift, user, code_hash, luck }.into())
}

/// `GET /v1/gifts/{id}`
pub(super) async fn show(visit: Visit, query: Query) -> Result<Shown, Problem> {
    let gift = visit.named(GiftId::parse)?;
    query.finish()?;
    list::object(&visit, visit.house.doors.lookup.gift(gift).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_long_and_read_as_people_write_them() {
        let shown = code(u128::MAX >> 40);
        assert_eq!(shown.len(), CODE_CHARS + 3);
        assert_ne!(code(1), code(2));
        let typed = shown.to_uppercase().replace('-', "");
        assert_eq!(code_hash(&typed), code_hash(&shown));
        assert_ne!(code_hash(&shown), code_hash(&code(1)));
    }
}
