//! Reads an object field by field, by name and type, and refuses what is left over.
//!
//! A handler takes each field it knows out of the object and calls [`Fields::finish`]; a name that nobody took is
//! `unknown_field`, so a misspelt or forced field never passes in silence. Every refusal names the place as a path
//! (`splits[1].amount`). For optional fields `null` is the same as absence, except for amounts: a computed amount that
//! turned out to be `null` must not come to mean "all of it".

use std::collections::BTreeMap;

use kernel::{Amount, Code, Currency, Money, Problem, Time, limits, text};

use super::{Json, amount};

/// The fields of one object that were not read yet.
pub(crate) struct Fields {
    path: String,
    members: BTreeMap<String, Json>,
}

impl Fields {
    /// The fields of a body, which must be an object.
    pub(crate) fn of(body: Json) -> Result<Self, Problem> {
        match body {
            Json::Object(members) => Ok(Self { path: String::new(), members }),
            other => Err(Problem::new(Code::invalid_type, format!("the body is {}, not an object", other.kind()))),
        }
    }

    /// Whether the field was sent and not read yet.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Refuses a field that does not belong here, where it says anything.
    pub(crate) fn without(&mut self, name: &str, code: Code, detail: &str) -> Result<(), Problem> {
        match self.optional(name) {
            None => Ok(()),
            Some(_) => Err(self.refuse(code, name, detail)),
        }
    }

    /// Refuses what nobody read.
    pub(crate) fn finish(&self) -> Result<(), Problem> {
        match self.members.keys().next() {
            None => Ok(()),
            Some(name) => {
                let shown: String = name.chars().take(limits::MAX_METADATA_NAME).collect();
                Err(self.refuse(Code::unknown_field, &shown, "this route does not know the field"))
            }
        }
    }

    /// A required text that names something: a word, a name; without control characters, 1 to `max` characters.
    pub(crate) fn text(&mut self, name: &str, max: usize) -> Result<String, Problem> {
        let found = self.maybe_text(name, max)?;
        found.ok_or_else(|| self.missing(name))
    }

    /// The same, where it may be left out.
    pub(crate) fn maybe_text(&mut self, name: &str, max: usize) -> Result<Option<String>, Problem> {
        let Some(found) = self.string(name)? else { return Ok(None) };
        if found.is_empty() || !text::is_clean(&found, max) {
            return Err(self.refuse(Code::invalid_text, name, format!("1 to {max} characters, no control characters")));
        }
        Ok(Some(found))
    }

    /// A text that people wrote for people; it must not hold a card number.
    pub(crate) fn prose(&mut self, name: &str, max: usize) -> Result<Option<String>, Problem> {
        let Some(found) = self.maybe_text(name, max)? else { return Ok(None) };
        self.without_card_number(name, &found)?;
        Ok(Some(found))
    }

    /// A required reference of the caller's own system: printable ASCII without spaces.
    pub(crate) fn reference(&mut self, name: &str, max: usize) -> Result<String, Problem> {
        self.maybe_reference(name, max)?.ok_or_else(|| self.missing(name))
    }

    /// The same, where it may be left out.
    pub(crate) fn maybe_reference(&mut self, name: &str, max: usize) -> Result<Option<String>, Problem> {
        let Some(found) = self.string(name)? else { return Ok(None) };
        if !text::is_reference(&found, max) {
            let detail = format!("1 to {max} printable ASCII characters without spaces");
            return Err(self.refuse(Code::invalid_text, name, detail));
        }
        Ok(Some(found))
    }

    /// A required id in the text form of its type.
    pub(crate) fn id<T>(&mut self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Problem> {
        let found = self.maybe_id(name, parse)?;
        found.ok_or_else(|| self.missing(name))
    }

    /// The same, where it may be left out.
    pub(crate) fn maybe_id<T>(&mut self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(found) = self.string(name)? else { return Ok(None) };
        match parse(&found) {
            Some(id) => Ok(Some(id)),
            None => Err(self.refuse(Code::invalid_id, name, "this is not the form of such an id")),
        }
    }

    /// A required word out of a closed set; `allowed` names the set.
    pub(crate) fn word<T>(
        &mut self,
        name: &str,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Problem> {
        let found = self.maybe_word(name, allowed, parse)?;
        found.ok_or_else(|| self.missing(name))
    }

    /// The same, where it may be left out.
    pub(crate) fn maybe_word<T>(
        &mut self,
        name: &str,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(found) = self.string(name)? else { return Ok(None) };
        match parse(&found) {
            Some(word) => Ok(Some(word)),
            None => Err(self.refuse(Code::invalid_value, name, format!("allowed: {allowed}"))),
        }
    }

    /// A moment in RFC 3339, where it may be left out.
    pub(crate) fn time(&mut self, name: &str) -> Result<Option<Time>, Problem> {
        let Some(found) = self.string(name)? else { return Ok(None) };
        match Time::parse(&found) {
            Some(time) => Ok(Some(time)),
            None => Err(self.refuse(Code::invalid_time, name, "a time is RFC 3339, as 2026-11-23T16:00:00Z")),
        }
    }

    /// A yes or no, where it may be left out.
    pub(crate) fn flag(&mut self, name: &str) -> Result<Option<bool>, Problem> {
        match self.optional(name) {
            None => Ok(None),
            Some(Json::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(self.wrong_type(name, "true or false", &other)),
        }
    }

    /// A required currency.
    pub(crate) fn currency(&mut self, name: &str) -> Result<Currency, Problem> {
        let Some(found) = self.string(name)? else { return Err(self.missing(name)) };
        let known = Currency::parse(&found);
        known.ok_or_else(|| self.refuse(Code::unknown_currency, name, "not an active currency of ISO 4217"))
    }

    /// The required fields `amount` and `currency`.
    pub(crate) fn money(&mut self) -> Result<Money, Problem> {
        let currency = self.currency("currency")?;
        Ok(Money { amount: self.amount("amount", Some(currency))?, currency })
    }

    /// A required amount; `currency` where this body names it.
    pub(crate) fn amount(&mut self, name: &str, currency: Option<Currency>) -> Result<Amount, Problem> {
        let found = self.maybe_amount(name, currency)?;
        found.ok_or_else(|| self.missing(name))
    }

    /// The same, where it may be left out; `null` is refused.
    pub(crate) fn maybe_amount(&mut self, name: &str, currency: Option<Currency>) -> Result<Option<Amount>, Problem> {
        let Some(found) = self.members.remove(name) else { return Ok(None) };
        amount::read(&found, currency).map(Some).map_err(|(code, detail)| self.refuse(code, name, detail))
    }

    /// An object within this one, where it may be left out.
    pub(crate) fn object(&mut self, name: &str) -> Result<Option<Self>, Problem> {
        match self.optional(name) {
            None => Ok(None),
            Some(Json::Object(members)) => Ok(Some(Self { path: self.at(name), members })),
            Some(other) => Err(self.wrong_type(name, "an object", &other)),
        }
    }

    /// A list of objects, at most `max`; empty where it is left out.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        max: usize,
        mut read: impl FnMut(Self) -> Result<T, Problem>,
    ) -> Result<Vec<T>, Problem> {
        let mut values = Vec::new();
        for (path, item) in self.items(name, max)? {
            match item {
                Json::Object(members) => values.push(read(Self { path, members })?),
                other => return Err(wrong_type(path, "an object", &other)),
            }
        }
        Ok(values)
    }

    /// A list of texts, at most `max`, each read by `parse`; `None` where it is left out.
    pub(crate) fn words<T>(
        &mut self,
        name: &str,
        max: usize,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<Vec<T>>, Problem> {
        if !self.has(name) {
            return Ok(None);
        }
        let mut values = Vec::new();
        for (path, item) in self.items(name, max)? {
            match item {
                Json::Text(found) => match parse(&found) {
                    Some(word) => values.push(word),
                    None => return Err(Problem::at(Code::invalid_value, path, format!("allowed: {allowed}"))),
                },
                other => return Err(wrong_type(path, "a text", &other)),
            }
        }
        Ok(Some(values))
    }

    /// A required whole number from 1 on.
    pub(crate) fn number(&mut self, name: &str) -> Result<i64, Problem> {
        self.maybe_number(name)?.ok_or_else(|| self.missing(name))
    }

    /// The same, where it may be left out.
    pub(crate) fn maybe_number(&mut self, name: &str) -> Result<Option<i64>, Problem> {
        match self.optional(name) {
            None => Ok(None),
            Some(Json::Number(found)) => {
                let parsed = found.parse().ok().filter(|number| *number >= 1);
                let parsed = parsed.map(Some);
                parsed.ok_or_else(|| self.refuse(Code::invalid_value, name, "a whole number from 1 on"))
            }
            Some(other) => Err(self.wrong_type(name, "a number", &other)),
        }
    }

    /// The caller's own notes: names and texts, both bounded, without card numbers.
    pub(crate) fn notes(&mut self, name: &str) -> Result<BTreeMap<String, String>, Problem> {
        let Some(inner) = self.object(name)? else { return Ok(BTreeMap::new()) };
        if inner.members.len() > limits::MAX_METADATA_KEYS {
            let detail = format!("at most {} entries", limits::MAX_METADATA_KEYS);
            return Err(self.refuse(Code::invalid_value, name, detail));
        }
        let mut notes = BTreeMap::new();
        for (key, value) in inner.members {
            if key.is_empty() || !text::is_clean(&key, limits::MAX_METADATA_NAME) {
                let detail = format!("names have 1 to {} characters", limits::MAX_METADATA_NAME);
                return Err(self.refuse(Code::invalid_text, name, detail));
            }
            self.without_card_number(name, &key)?;
            let place = format!("{name}.{key}");
            let Json::Text(value) = value else { return Err(self.wrong_type(&place, "a text", &value)) };
            if !text::is_clean(&value, limits::MAX_METADATA_VALUE) {
                let detail = format!("at most {} characters", limits::MAX_METADATA_VALUE);
                return Err(self.refuse(Code::invalid_text, &place, detail));
            }
            self.without_card_number(&place, &value)?;
            notes.insert(key, value);
        }
        Ok(notes)
    }

    /// A refusal of a field of this object.
    pub(crate) fn refuse(&self, code: Code, name: &str, detail: impl Into<String>) -> Problem {
        Problem::at(code, self.at(name), detail)
    }

    fn items(&mut self, name: &str, max: usize) -> Result<Vec<(String, Json)>, Problem> {
        let items = match self.optional(name) {
            None => return Ok(Vec::new()),
            Some(Json::List(items)) => items,
            Some(other) => return Err(self.wrong_type(name, "a list", &other)),
        };
        if items.len() > max {
            return Err(self.refuse(Code::invalid_value, name, format!("at most {max} entries")));
        }
        let path = self.at(name);
        Ok(items.into_iter().enumerate().map(|(place, item)| (format!("{path}[{place}]"), item)).collect())
    }

    fn string(&mut self, name: &str) -> Result<Option<String>, Problem> {
        match self.optional(name) {
            None => Ok(None),
            Some(Json::Text(found)) => Ok(Some(found)),
            Some(other) => Err(self.wrong_type(name, "a text", &other)),
        }
    }

    /// Takes a field out; `null` is absence.
    fn optional(&mut self, name: &str) -> Option<Json> {
        self.members.remove(name).filter(|value| *value != Json::Null)
    }

    fn without_card_number(&self, name: &str, value: &str) -> Result<(), Problem> {
        if text::holds_card_number(value) {
            return Err(self.refuse(Code::pan_not_accepted, name, "the text holds what looks like a card number"));
        }
        Ok(())
    }

    fn missing(&self, name: &str) -> Problem {
        self.refuse(Code::missing_field, name, "the field is required")
    }

    fn wrong_type(&self, name: &str, wanted: &str, found: &Json) -> Problem {
        wrong_type(self.at(name), wanted, found)
    }

    fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

fn wrong_type(path: String, wanted: &str, found: &Json) -> Problem {
    Problem::at(Code::invalid_type, path, format!("this is {}, not {wanted}", found.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::json::parse;

    fn fields(body: &str) -> Fields {
        Fields::of(parse(body.as_bytes()).unwrap()).unwrap()
    }

    #[track_caller]
    fn refused<T: std::fmt::Debug>(result: Result<T, Problem>, code: Code, param: &str) {
        let problem = result.unwrap_err();
        assert_eq!((problem.code, problem.param.as_deref()), (code, Some(param)), "{}", problem.detail);
    }

    #[test]
    fn a5_what_nobody_reads_is_refused() {
        let mut body = fields(r#"{"a":"x","is_paid":true}"#);
        assert_eq!(body.text("a", 5).unwrap(), "x");
        refused(body.finish(), Code::unknown_field, "is_paid");
        let mut outer = fields(r#"{"l":[{"a":"x"},{"b":1}]}"#);
        refused(
            outer.list("l", 5, |mut item| item.maybe_text("a", 5).and_then(|_| item.finish())),
            Code::unknown_field,
            "l[1].b",
        );
        refused(fields(r#"{"exchange_rate":"7.1"}"#).finish(), Code::unknown_field, "exchange_rate");
    }

    #[test]
    fn a6_types() {
        assert_eq!(Fields::of(Json::List(Vec::new())).err().map(|problem| problem.code), Some(Code::invalid_type));
        refused(fields(r#"{"a":1}"#).text("a", 5), Code::invalid_type, "a");
        refused(fields(r#"{"a":"yes"}"#).flag("a"), Code::invalid_type, "a");
        refused(fields(r#"{"a":{}}"#).list("a", 5, |_| Ok(())), Code::invalid_type, "a");
        refused(fields(r#"{"a":[{},1]}"#).list("a", 5, |_| Ok(())), Code::invalid_type, "a[1]");
        refused(fields(r#"{"a":["x",1]}"#).words("a", 5, "x", |_| Some(())), Code::invalid_type, "a[1]");
        refused(fields(r#"{"a":{"k":1}}"#).notes("a"), Code::invalid_type, "a.k");
    }

    #[test]
    fn null_is_absence_but_not_for_amounts() {
        assert_eq!(fields(r#"{"a":null}"#).maybe_text("a", 5).unwrap(), None);
        refused(fields(r#"{"a":null}"#).text("a", 5), Code::missing_field, "a");
        refused(fields(r#"{"amount":null}"#).maybe_amount("amount", None), Code::invalid_type, "amount");
        assert_eq!(fields("{}").maybe_amount("amount", None).unwrap(), None);
    }

    #[test]
    fn texts_are_bounded_and_clean() {
        refused(fields(r#"{"a":"abcdef"}"#).text("a", 5), Code::invalid_text, "a");
        refused(fields(r#"{"a":""}"#).text("a", 5), Code::invalid_text, "a");
        refused(fields(r#"{"a":"a b"}"#).reference("a", 5), Code::invalid_text, "a");
        refused(fields(r#"{"a":"é"}"#).reference("a", 5), Code::invalid_text, "a");
        refused(fields(r#"{"a":"4111 1111 1111 1111"}"#).prose("a", 50), Code::pan_not_accepted, "a");
        refused(fields(r#"{"m":{"k":"4111111111111111"}}"#).notes("m"), Code::pan_not_accepted, "m.k");
        assert!(fields(r#"{"a":"' OR 1=1; -- {{7*7}}"}"#).prose("a", 50).is_ok(), "stored literally");
    }

    #[test]
    fn b22_b23_currencies() {
        for code in ["XXX", "cny", "", "СNY"] {
            let body = format!(r#"{{"amount":1,"currency":"{code}"}}"#);
            refused(fields(&body).money(), Code::unknown_currency, "currency");
        }
        refused(fields(r#"{"amount":100.00,"currency":"JPY"}"#).money(), Code::currency_exponent_mismatch, "amount");
        refused(fields(r#"{"amount":1,"currency":156}"#).money(), Code::invalid_type, "currency");
    }

    #[test]
    fn other_values() {
        refused(fields(r#"{"a":"trd_x"}"#).id("a", kernel::TradeId::parse), Code::invalid_id, "a");
        refused(fields(r#"{"a":"tomorrow"}"#).time("a"), Code::invalid_time, "a");
        refused(fields(r#"{"a":"c"}"#).word("a", "b", |word| (word == "b").then_some(())), Code::invalid_value, "a");
        refused(fields(r#"{"a":[{},{},{}]}"#).list("a", 2, |_| Ok(())), Code::invalid_value, "a");
        refused(
            fields(r#"{"a":["b","c"]}"#).words("a", 2, "b", |word| (word == "b").then_some(())),
            Code::invalid_value,
            "a[1]",
        );
        let many: Vec<String> = (0..=limits::MAX_METADATA_KEYS).map(|n| format!("\"{n}\":\"\"")).collect();
        refused(fields(&format!("{{\"m\":{{{}}}}}", many.join(","))).notes("m"), Code::invalid_value, "m");
    }
}
