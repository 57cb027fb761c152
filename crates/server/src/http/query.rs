//! Query parameters, read as strictly as bodies: each once, each known, each well-formed.

use std::collections::BTreeMap;

use kernel::{Code, Problem, Time, limits};

/// Most parameters of one request.
const MAX_PARAMETERS: usize = 32;

/// The parameters that were not read yet.
#[derive(Debug, Default)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads a query string.
    pub(super) fn parse(query: &str) -> Result<Self, Problem> {
        let mut found = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if found.contains_key(&name) {
                return Err(Problem::at(Code::parameter_pollution, name, "the parameter is given twice"));
            }
            found.insert(name, value);
            if found.len() > MAX_PARAMETERS {
                return Err(Problem::new(Code::invalid_value, format!("at most {MAX_PARAMETERS} parameters")));
            }
        }
        Ok(Self(found))
    }

    /// The names that were given.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A text, where it is given.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// A value that `parse` reads, where it is given; refused with `code` otherwise.
    pub(super) fn read<T>(
        &mut self,
        name: &str,
        code: Code,
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        parse(&text).map(Some).ok_or_else(|| Problem::at(code, name, format!("wanted: {wanted}")))
    }

    /// A moment in RFC 3339, where it is given.
    pub(super) fn time(&mut self, name: &str) -> Result<Option<Time>, Problem> {
        self.read(name, Code::invalid_time, "RFC 3339, as 2026-11-23T16:00:00Z", Time::parse)
    }

    /// `?limit=`, 1 to [`limits::MAX_PAGE`], by default 20.
    pub(super) fn limit(&mut self) -> Result<usize, Problem> {
        let wanted = format!("1 to {}", limits::MAX_PAGE);
        let fits = |text: &str| text.parse().ok().filter(|limit| (1..=limits::MAX_PAGE).contains(limit));
        Ok(self.read("limit", Code::invalid_value, &wanted, fits)?.unwrap_or(20))
    }

    /// Whether `?stale=ok` says that the list may lag.
    pub(super) fn stale(&mut self) -> Result<bool, Problem> {
        let ok = self.read("stale", Code::invalid_value, "ok", |text| (text == "ok").then_some(true))?;
        Ok(ok.unwrap_or(false))
    }

    /// Refuses what nobody read.
    pub(super) fn finish(self) -> Result<(), Problem> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(Problem::at(Code::unknown_field, name, "this route does not know the parameter")),
        }
    }
}

/// Percent-decoding; `+` is a space. Anything that does not come out as clean UTF-8 is refused.
fn decode(text: &str) -> Result<String, Problem> {
    let bad = || Problem::new(Code::invalid_text, "a query parameter is not percent-encoded UTF-8");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = rest.next().and_then(hex).ok_or_else(bad)?;
                high << 4 | rest.next().and_then(hex).ok_or_else(bad)?
            }
            other => other,
        });
    }
    let decoded = String::from_utf8(bytes).map_err(|_| bad())?;
    if decoded.chars().any(char::is_control) { Err(bad()) } else { Ok(decoded) }
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_once_and_known() {
        let mut query = Query::parse("owner=user%3A42&limit=7&x=").unwrap();
        assert_eq!(query.text("owner").as_deref(), Some("user:42"));
        assert_eq!(query.limit().unwrap(), 7);
        assert_eq!(query.finish().unwrap_err().code, Code::unknown_field);
        assert_eq!(Query::parse("").unwrap().limit().unwrap(), 20);
    }

    #[test]
    fn a10_pollution_and_other_tricks() {
        for (query, code) in [
            ("merchant_id=1&merchant_id=2", Code::parameter_pollution),
            ("a=1&%61=2", Code::parameter_pollution),
            ("a=%", Code::invalid_text),
            ("a=%4", Code::invalid_text),
            ("a=%zz", Code::invalid_text),
            ("a=%00", Code::invalid_text),
            ("a=%ff", Code::invalid_text),
        ] {
            assert_eq!(Query::parse(query).unwrap_err().code, code, "{query}");
        }
        for limit in ["0", "101", "-1", "1e1", "", "٥"] {
            let mut query = Query::parse(&format!("limit={limit}")).unwrap();
            assert_eq!(query.limit().unwrap_err().code, Code::invalid_value, "{limit}");
        }
        assert_eq!(Query::parse("stale=yes").unwrap().stale().unwrap_err().code, Code::invalid_value);
    }
}
