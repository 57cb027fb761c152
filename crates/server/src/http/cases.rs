//! Cases (差错工单): merchants see theirs, the platform's people decide, one alone or two together.

use engine::request::Command;
use kernel::message::payment::{Attachment, CaseAct, Resolution};
use kernel::{CaseId, Code, Problem, limits, text};

use super::json::Fields;
use super::list;
use super::ports::{Filter, Object};
use super::query::Query;
use super::visit::{Shown, Told, Visit};

pub(super) const STATUSES: [&str; 3] = ["open", "proposed", "closed"];

/// `POST /v1/cases/{id}/resolve`
pub(super) fn resolve(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let (resolution, note) = decision(body)?;
    act(visit, CaseAct::Resolve { resolution, note })
}

/// `POST /v1/cases/{id}/propose`
pub(super) fn propose(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let (resolution, note) = decision(body)?;
    act(visit, CaseAct::Propose { resolution, note })
}

/// `POST /v1/cases/{id}/approve`
pub(super) fn approve(visit: &Visit, _body: &mut Fields) -> Result<Told, Problem> {
    act(visit, CaseAct::Approve)
}

/// `POST /v1/cases/{id}/reject`
pub(super) fn reject(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let note = note(body)?;
    act(visit, CaseAct::Reject { note })
}

/// `POST /v1/cases/{id}/assign`
pub(super) fn assign(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let to = required(body, "to", limits::MAX_OWNER_NAME)?;
    act(visit, CaseAct::Assign { to })
}

/// `POST /v1/cases/{id}/comment`
pub(super) fn comment(visit: &Visit, body: &mut Fields) -> Result<Told, Problem> {
    let text = required(body, "text", limits::MAX_METADATA_VALUE)?;
    let attachment = match body.object("attachment")? {
        None => None,
        Some(mut fields) => {
            let attachment = attachment(&mut fields)?;
            fields.finish()?;
            Some(attachment)
        }
    };
    act(visit, CaseAct::Comment { text, attachment })
}

fn act(visit: &Visit, act: CaseAct) -> Result<Told, Problem> {
    let case = visit.named(CaseId::parse)?;
    Ok(Command::Case { case, by: visit.identity.key, act }.into())
}

fn decision(body: &mut Fields) -> Result<(Resolution, String), Problem> {
    let resolution = body.word("action", "accept, refund, retry, other_way", resolution)?;
    Ok((resolution, note(body)?))
}

fn note(body: &mut Fields) -> Result<String, Problem> {
    Ok(body.prose("note", limits::MAX_METADATA_VALUE)?.unwrap_or_default())
}

fn required(body: &mut Fields, name: &str, max: usize) -> Result<String, Problem> {
    let found = body.prose(name, max)?;
    found.ok_or_else(|| body.refuse(Code::missing_field, name, "the field is required"))
}

/// Something that is kept elsewhere; here is only what it is known by.
fn attachment(fields: &mut Fields) -> Result<Attachment, Problem> {
    Ok(Attachment {
        name: required(fields, "name", limits::MAX_ATTACHMENT_NAME)?,
        media_type: fields.word("media_type", "a media type, as image/png", media_type)?,
        sha256: fields.word("sha256", "64 hexadecimal digits in lower case", sha256)?,
        url: fields.word("url", "an https address", address)?,
    })
}

fn media_type(word: &str) -> Option<String> {
    let is_name =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    let fits = word.len() <= limits::MAX_ATTACHMENT_NAME
        && word.split_once('/').is_some_and(|(kind, of)| is_name(kind) && is_name(of));
    fits.then(|| word.to_owned())
}

fn sha256(word: &str) -> Option<[u8; 32]> {
    if word.len() != 64 || !word.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return None;
    }
    Some(*blake3::Hash::from_hex(word).ok()?.as_bytes())
}

/// An address that people open: nothing that deceives them.
fn address(word: &str) -> Option<String> {
    let plain = text::is_reference(word, limits::MAX_ATTACHMENT_URL) && !word.contains(['\\', '"', '<', '>', '`']);
    let url = word.parse::<reqwest::Url>().ok()?;
    let fits = plain && url.scheme() == "https" && url.has_host() && url.username().is_empty();
    (fits && url.password().is_none()).then(|| word.to_owned())
}

fn resolution(word: &str) -> Option<Resolution> {
    match word {
        "accept" => Some(Resolution::Accept),
        "refund" => Some(Resolution::Refund),
        "retry" => Some(Resolution::Retry),
        "other_way" => Some(Resolution::OtherWay),
        _ => None,
    }
}

/// `GET /v1/cases/{id}`
pub(super) async fn show(visit: Visit, query: Query) -> Result<Shown, Problem> {
    let case = visit.named(CaseId::parse)?;
    query.finish()?;
    list::object(&visit, visit.house.doors.lookup.object(Object::Case(case)).await?)
}

/// `GET /v1/cases`
pub(super) async fn list(visit: Visit, mut query: Query) -> Result<Shown, Problem> {
    let merchant = visit.merchant_in(&mut query)?;
    let wanted = STATUSES.join(", ");
    let status =
        query.read("status", Code::invalid_value, &wanted, |text| STATUSES.into_iter().find(|known| *known == text))?;
    let name = format!("cases:{merchant:?}:{status:?}");
    let part = list::part(&visit, &mut query, &name, "cursor")?;
    query.finish()?;
    let page = visit.house.doors.lookup.cases(Filter { merchant, status }, part).await?;
    Ok(list::page(&visit, &name, page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_attachment_is_known_by() {
        for (word, fits) in [("image/png", true), ("application/vnd.x+json", true), ("png", false), ("image/", false)] {
            assert_eq!(media_type(word).is_some(), fits, "{word}");
        }
        assert!(media_type(&format!("a/{}", "b".repeat(126))).is_none());
        assert_eq!(sha256(&"0f".repeat(32)), Some([15; 32]));
        for word in ["", "0f", &"0F".repeat(32), &"0g".repeat(32)] {
            assert_eq!(sha256(word), None, "{word}");
        }
        assert!(address("https://desk.example/a?b=c").is_some());
        for word in ["http://desk.example/", "https://", "javascript:alert(1)", "https://a@b.example", "https://a b/"] {
            assert_eq!(address(word), None, "{word}");
        }
    }
}
