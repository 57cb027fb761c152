//! From bytes to a tree (RFC 8259), with the refusals that a lenient reader would swallow.
//!
//! Bounded by the caller's limit on bytes and by [`limits::MAX_JSON_DEPTH`]; the parser recurses no deeper than that.
//! Control characters are refused even where escaped: no text of this API needs one, and log lines and terminals do not
//! deserve them.

use std::collections::BTreeMap;

use kernel::{Code, Problem, limits};

use super::Json;

/// Longest part of a caller's own name that is repeated in a refusal, in characters.
const SHOWN_NAME: usize = 64;

/// Reads one JSON value that fills the whole input.
///
/// Refuses with `malformed_json`, `duplicate_field`, `body_too_deep` or `invalid_text`.
pub(crate) fn parse(bytes: &[u8]) -> Result<Json, Problem> {
    let Ok(text) = str::from_utf8(bytes) else {
        return Err(Problem::new(Code::invalid_text, "the body is not UTF-8"));
    };
    let mut parser = Parser { text, at: 0, depth: 0, path: String::new() };
    let value = parser.value()?;
    parser.skip_space();
    if parser.at < text.len() {
        return Err(parser.malformed("something follows the value"));
    }
    Ok(value)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// Where in the tree, as `splits[1].amount`.
    path: String,
}

impl<'a> Parser<'a> {
    fn value(&mut self) -> Result<Json, Problem> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::list),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(_) => Err(self.malformed("a value was expected")),
            None => Err(self.malformed("the body ends too early")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Json, Problem>) -> Result<Json, Problem> {
        self.depth += 1;
        if self.depth > limits::MAX_JSON_DEPTH {
            let detail = format!("at most {} levels are read", limits::MAX_JSON_DEPTH);
            return Err(Problem::new(Code::body_too_deep, detail));
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Json, Problem> {
        self.at += 1;
        let mut members = BTreeMap::new();
        self.skip_space();
        if self.take(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.malformed("a name in quotes was expected"));
            }
            let name = self.string()?;
            let mark = self.path.len();
            if mark > 0 {
                self.path.push('.');
            }
            self.path.extend(name.chars().take(SHOWN_NAME));
            self.skip_space();
            if !self.take(b':') {
                return Err(self.malformed("a colon was expected"));
            }
            let value = self.value()?;
            if members.insert(name, value).is_some() {
                return Err(Problem::at(Code::duplicate_field, self.path.as_str(), "the name occurs twice"));
            }
            self.path.truncate(mark);
            self.skip_space();
            if self.take(b'}') {
                return Ok(Json::Object(members));
            }
            if !self.take(b',') {
                return Err(self.malformed("a comma or a closing brace was expected"));
            }
        }
    }

    fn list(&mut self) -> Result<Json, Problem> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.take(b']') {
            return Ok(Json::List(items));
        }
        loop {
            let mark = self.path.len();
            self.path.push_str(&format!("[{}]", items.len()));
            items.push(self.value()?);
            self.path.truncate(mark);
            self.skip_space();
            if self.take(b']') {
                return Ok(Json::List(items));
            }
            if !self.take(b',') {
                return Err(self.malformed("a comma or a closing bracket was expected"));
            }
        }
    }

    /// A text in quotes; plain runs are copied whole.
    fn string(&mut self) -> Result<String, Problem> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let Some(stop) = rest.find(['"', '\\']) else {
                return Err(self.malformed("a text does not end"));
            };
            let (run, _) = rest.split_at_checked(stop).unwrap_or((rest, ""));
            out.push_str(run);
            self.at += stop;
            let ends = self.peek() == Some(b'"');
            self.at += 1;
            if ends {
                break;
            }
            out.push(self.escape()?);
        }
        if out.chars().any(char::is_control) {
            return Err(self.bad_text("a text holds a control character"));
        }
        Ok(out)
    }

    fn escape(&mut self) -> Result<char, Problem> {
        let Some(letter) = self.peek() else { return Err(self.malformed("a text does not end")) };
        self.at += 1;
        Ok(match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(self.malformed("an unknown escape")),
        })
    }

    /// `\uXXXX`, or two of them that make one character.
    fn unicode(&mut self) -> Result<char, Problem> {
        let first = self.hex4()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or_else(|| self.bad_text("a text holds half a character"));
        }
        if !self.rest().starts_with("\\u") {
            return Err(self.bad_text("a text holds half a character"));
        }
        self.at += 2;
        let second = self.hex4()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(self.bad_text("a text holds half a character"));
        }
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        char::from_u32(code).ok_or_else(|| self.bad_text("a text holds half a character"))
    }

    fn hex4(&mut self) -> Result<u32, Problem> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| self.malformed("four hexadecimal digits were expected"))?;
        self.at += 4;
        Ok(code)
    }

    fn number(&mut self) -> Result<Json, Problem> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        if self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'.') {
            return Err(self.malformed("not a number"));
        }
        Ok(Json::Number(self.text.get(start..self.at).unwrap_or_default().to_owned()))
    }

    fn digits(&mut self) -> Result<(), Problem> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.malformed("a digit was expected")) } else { Ok(()) }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, Problem> {
        if !self.rest().starts_with(word) {
            return Err(self.malformed("a value was expected"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn malformed(&self, what: &str) -> Problem {
        Problem::new(Code::malformed_json, format!("{what}, at byte {}", self.at))
    }

    fn bad_text(&self, what: &str) -> Problem {
        let param = Some(self.path.clone()).filter(|path| !path.is_empty());
        Problem { param, ..Problem::new(Code::invalid_text, format!("{what}, before byte {}", self.at)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn refused(body: &[u8], code: Code, param: Option<&str>) {
        let problem = parse(body).unwrap_err();
        assert_eq!((problem.code, problem.param.as_deref()), (code, param), "{}", String::from_utf8_lossy(body));
    }

    #[test]
    fn a1_invalid_json() {
        for body in [
            "",
            "{",
            "{\"a\":1",
            "[1,]",
            "{\"a\":1,}",
            "nul",
            "{a:1}",
            "{'a':1}",
            "01",
            "1.",
            ".5",
            "+5",
            "-",
            "1e",
            "0x10",
            "1 2",
            "{\"a\" 1}",
            "\"\\x\"",
            "\"\\u12\"",
            "\u{feff}{}",
            "NaN",
            "Infinity",
            "/*c*/{}",
            "\"",
            "[1 2]",
            "1.2.3",
        ] {
            refused(body.as_bytes(), Code::malformed_json, None);
        }
    }

    #[test]
    fn a2_duplicate_names() {
        refused(br#"{"amount":1,"amount":100}"#, Code::duplicate_field, Some("amount"));
        refused(br#"{"splits":[{},{"a":1,"a":1}]}"#, Code::duplicate_field, Some("splits[1].a"));
        refused(br#"{"a":1,"\u0061":1}"#, Code::duplicate_field, Some("a"));
    }

    #[test]
    fn a3_depth() {
        let nest = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(nest(limits::MAX_JSON_DEPTH).as_bytes()).is_ok());
        refused(nest(limits::MAX_JSON_DEPTH + 1).as_bytes(), Code::body_too_deep, None);
        refused("[".repeat(10_000).as_bytes(), Code::body_too_deep, None);
        refused("{\"a\":".repeat(10_000).as_bytes(), Code::body_too_deep, None);
    }

    #[test]
    fn a8_text() {
        refused(b"{\"a\":\"\xff\"}", Code::invalid_text, None);
        refused(b"{\"a\":\"\xed\xa0\x80\"}", Code::invalid_text, None);
        for text in
            [r"\ud800", r"\udc00", r"\ud800x", r"\ud800\u0041", r"\u0000", "\0", r"\u001b[2J", "a\nb", r"\n", r"\u0085"]
        {
            refused(format!("{{\"a\":\"{text}\"}}").as_bytes(), Code::invalid_text, Some("a"));
        }
        refused(br#"{"\u0000":1}"#, Code::invalid_text, None);
    }

    #[test]
    fn a_tree_as_it_was_meant() {
        let body = parse(br#" {"a":[1.50,-0,1e2,true,null],"b":{"c":"\u5546\uD83D\uDE00\/\""}} "#).unwrap();
        let number = |text: &str| Json::Number(text.to_owned());
        let list = Json::List(vec![number("1.50"), number("-0"), number("1e2"), Json::Bool(true), Json::Null]);
        let inner = BTreeMap::from([("c".to_owned(), Json::Text("商😀/\"".to_owned()))]);
        let members = BTreeMap::from([("a".to_owned(), list), ("b".to_owned(), Json::Object(inner))]);
        assert_eq!(body, Json::Object(members));
    }

    fn plain(value: &serde_json::Value) -> Json {
        match value {
            serde_json::Value::Null => Json::Null,
            serde_json::Value::Bool(value) => Json::Bool(*value),
            serde_json::Value::Number(number) => Json::Number(number.to_string()),
            serde_json::Value::String(text) => Json::Text(text.clone()),
            serde_json::Value::Array(items) => Json::List(items.iter().map(plain).collect()),
            serde_json::Value::Object(members) => {
                Json::Object(members.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
            }
        }
    }

    fn values() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "\\PC{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::btree_map("\\PC{0,6}", inner, 0..5)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn agrees_with_another_reader(value in values()) {
            let parsed = parse(serde_json::to_string_pretty(&value).unwrap().as_bytes());
            prop_assert_eq!(parsed.unwrap(), plain(&value));
        }

        #[test]
        fn never_takes_what_another_reader_refuses(text in "[\\[\\]{}\",:0-9eE.+\\-a\\\\u ntrf]{0,24}") {
            if parse(text.as_bytes()).is_ok() {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok() || text.contains(['e', 'E']), "{}", text);
            }
        }
    }
}
