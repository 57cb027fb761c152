//! From a text to a condition: CEL's parser reads it, then every part gets a type, a range and a number of steps.
//!
//! What CEL has and a rule book does not: fractions, unsigned numbers, bytes, maps, macros that walk lists, regular
//! expressions, functions of one's own. What costs an unknown time or is not a whole number is refused by name.

use std::collections::BTreeMap;

use cel::common::ast::{CallExpr, Expr, IdedExpr, ListExpr, LiteralValue, SelectExpr, SourceInfo, operators};
use cel::parser::Parser;

use kernel::message::risk::Switch;

use super::{Logic, Number, Order, Range, Test, Text, Texts};
use crate::facts::{Kind, Name};
use crate::finding::unknown;
use crate::limits::{MAX_CONDITION, MAX_DEPTH, MAX_LIST, MAX_STEPS};

/// An expression of any type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Typed {
    Logic(Logic),
    Number(Number, Range),
    Text(Text),
    Texts(Texts),
    Numbers(Vec<i64>),
}

impl Typed {
    const fn name(&self) -> &'static str {
        match self {
            Self::Logic(_) => "a condition",
            Self::Number(..) => "a number",
            Self::Text(_) => "a text",
            Self::Texts(_) => "a list of texts",
            Self::Numbers(_) => "a list of numbers",
        }
    }
}

/// An expression with what it costs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checked {
    pub(crate) typed: Typed,
    /// Most steps that asking it takes.
    pub(crate) steps: usize,
    /// The first name in it that is known only once a payment is asked for.
    pub(crate) needs_payment: Option<Name>,
}

/// What is wrong, and at which byte of the condition.
#[derive(Debug, PartialEq)]
pub(crate) struct Wrong {
    pub(crate) at: usize,
    /// `None` where it was told before: a definition that is wrong is used.
    pub(crate) reason: Option<String>,
}

/// Named expressions that others may use; `None` for one that is wrong.
pub(crate) type Definitions = BTreeMap<String, Option<Checked>>;

/// Reads and checks a text. `defined` holds the definitions that it may use.
pub(crate) fn check(source: &str, defined: &Definitions) -> Result<Checked, Wrong> {
    if source.len() > MAX_CONDITION {
        return Err(Wrong { at: 0, reason: Some(format!("a condition has at most {MAX_CONDITION} characters")) });
    }
    if let Some(at) = source.find(|letter: char| !letter.is_ascii() || letter.is_control() && letter != '\n') {
        return Err(Wrong { at, reason: Some("a condition is written in printable ASCII".to_owned()) });
    }
    let (expression, info) = parse(source)?;
    let mut checker = Checker { info: &info, defined, steps: 0, needs_payment: None };
    let typed = checker.typed(&expression)?;
    Ok(Checked { typed, steps: checker.steps, needs_payment: checker.needs_payment })
}

/// The names under which a text uses definitions, for finding cycles before anything is checked.
pub(crate) fn names(source: &str) -> Vec<String> {
    let Ok((expression, _)) = parse(source) else { return Vec::new() };
    expression.references().variables().into_iter().map(str::to_owned).collect()
}

fn parse(source: &str) -> Result<(IdedExpr, SourceInfo), Wrong> {
    if let Some(at) = too_deep(source) {
        return Err(Wrong { at, reason: Some(format!("the condition is nested deeper than {MAX_DEPTH}")) });
    }
    Parser::new().max_recursion_depth(4 * MAX_DEPTH).parse_with_source_info(source).map_err(|errors| {
        let first = errors.errors.first();
        let at = first.map_or(0, |error| byte_of(source, error.pos));
        let words = first.map_or("", |error| error.msg.as_str());
        let words = words.split(" expecting ").next().unwrap_or(words).trim_start_matches("Syntax error: ");
        Wrong { at, reason: Some(format!("this is no CEL expression: {words}")) }
    })
}

/// The byte of the first bracket that opens too deep a level. Asked before the parser is, which recurses.
fn too_deep(source: &str) -> Option<usize> {
    let mut depth = 0_u16;
    for (at, byte) in source.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' | b'?' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Some(at);
        }
    }
    None
}

/// A place as the parser gives it (line from 1, column from 0) as a byte.
fn byte_of(source: &str, (line, column): (isize, isize)) -> usize {
    let lines = usize::try_from(line - 1).unwrap_or(0);
    let before: usize = source.split_inclusive('\n').take(lines).map(str::len).sum();
    (before + usize::try_from(column).unwrap_or(0)).min(source.len())
}

struct Checker<'a> {
    info: &'a SourceInfo,
    defined: &'a Definitions,
    steps: usize,
    needs_payment: Option<Name>,
}

impl Checker<'_> {
    fn wrong<T>(&self, at: &IdedExpr, reason: impl Into<String>) -> Result<T, Wrong> {
        let (start, _) = self.info.offset_for(at.id).unwrap_or((0, 0));
        Err(Wrong { at: start as usize, reason: Some(reason.into()) })
    }

    fn step(&mut self, at: &IdedExpr, steps: usize) -> Result<(), Wrong> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MAX_STEPS {
            return self.wrong(at, format!("the condition takes more than {MAX_STEPS} steps"));
        }
        Ok(())
    }

    fn typed(&mut self, at: &IdedExpr) -> Result<Typed, Wrong> {
        self.step(at, 1)?;
        match &at.expr {
            Expr::Literal(value) => self.literal(at, value),
            Expr::Ident(name) => match Name::parse(name) {
                Some(name) => Ok(self.known(name)),
                None => self.definition(at, name),
            },
            Expr::Select(select) => self.named(at, select),
            Expr::List(list) => self.list(at, list),
            Expr::Call(call) => self.call(at, call),
            Expr::Comprehension(_) => {
                self.wrong(at, "macros that walk lists are not used in rules; `in` asks whether a list holds something")
            }
            Expr::Map(_) | Expr::Struct(_) => self.wrong(at, "maps and messages are not used in rules"),
            Expr::Unspecified => self.wrong(at, "the expression is not complete"),
        }
    }

    fn literal(&self, at: &IdedExpr, value: &LiteralValue) -> Result<Typed, Wrong> {
        match value {
            LiteralValue::Boolean(value) => Ok(Typed::Logic(Logic::Is(*value.inner()))),
            LiteralValue::Int(value) => Ok(Typed::Number(Number::Is(*value.inner()), Range::of(*value.inner()))),
            LiteralValue::String(value) => Ok(Typed::Text(Text::Is(value.inner().to_owned()))),
            LiteralValue::Double(_) => self.wrong(at, "numbers are whole: amounts are in minor units"),
            LiteralValue::UInt(_) => self.wrong(at, "write the number without `u`"),
            LiteralValue::Bytes(_) | LiteralValue::Null => self.wrong(at, "bytes and null are not used in rules"),
        }
    }

    fn definition(&mut self, at: &IdedExpr, name: &str) -> Result<Typed, Wrong> {
        let Some(found) = self.defined.get(name) else {
            let defined = self.defined.keys().map(String::as_str);
            let known: Vec<&str> = defined.chain(Name::ALL.map(Name::as_str)).collect();
            return self.wrong(at, unknown("name", name, &known));
        };
        let Some(found) = found else { return Err(Wrong { at: 0, reason: None }) };
        let (typed, needs) = (found.typed.clone(), found.needs_payment);
        self.step(at, found.steps)?;
        self.needs_payment = self.needs_payment.or(needs);
        Ok(typed)
    }

    fn named(&mut self, at: &IdedExpr, select: &SelectExpr) -> Result<Typed, Wrong> {
        if select.test {
            return self.wrong(at, "`has` is not needed: every name always has a value");
        }
        let Some(path) = path(at) else {
            return self.wrong(at, "only the names of the context have parts");
        };
        let Some(name) = Name::parse(&path) else {
            return self.wrong(at, unknown("name", &path, &Name::ALL.map(Name::as_str)));
        };
        Ok(self.known(name))
    }

    fn known(&mut self, name: Name) -> Typed {
        if name.needs_payment() {
            self.needs_payment = self.needs_payment.or(Some(name));
        }
        match name.kind() {
            Kind::Number(range) => Typed::Number(Number::Named(name), range),
            Kind::Text => Typed::Text(Text::Named(name)),
            Kind::Texts => Typed::Texts(Texts::Named(name)),
        }
    }

    fn list(&mut self, at: &IdedExpr, list: &ListExpr) -> Result<Typed, Wrong> {
        if list.elements.len() > MAX_LIST {
            return self.wrong(at, format!("a list has at most {MAX_LIST} entries"));
        }
        let (mut texts, mut numbers) = (Vec::new(), Vec::new());
        for element in &list.elements {
            match self.typed(element)? {
                Typed::Text(Text::Is(text)) => texts.push(text),
                Typed::Number(Number::Is(number), _) => numbers.push(number),
                _ => return self.wrong(element, "a list holds texts or numbers as they are, nothing calculated"),
            }
        }
        match (texts.is_empty(), numbers.is_empty()) {
            (false, true) => Ok(Typed::Texts(Texts::Are(texts))),
            (true, false) => Ok(Typed::Numbers(numbers)),
            (true, true) => self.wrong(at, "nothing is in an empty list"),
            (false, false) => self.wrong(at, "a list holds texts or numbers, not both"),
        }
    }

    fn call(&mut self, at: &IdedExpr, call: &CallExpr) -> Result<Typed, Wrong> {
        let args: Vec<&IdedExpr> = call.target.iter().map(AsRef::as_ref).chain(&call.args).collect();
        let function = call.func_name.as_str();
        match (function, args.as_slice()) {
            (operators::LOGICAL_NOT, [of]) => Ok(Typed::Logic(Logic::Not(Box::new(self.logic(of)?)))),
            (operators::LOGICAL_AND, [left, right]) => {
                Ok(Typed::Logic(Logic::And(Box::new((self.logic(left)?, self.logic(right)?)))))
            }
            (operators::LOGICAL_OR, [left, right]) => {
                Ok(Typed::Logic(Logic::Or(Box::new((self.logic(left)?, self.logic(right)?)))))
            }
            (operators::CONDITIONAL, [condition, yes, no]) => self.choice(condition, yes, no),
            (operators::EQUALS, [left, right]) => self.same(left, right).map(Typed::Logic),
            (operators::NOT_EQUALS, [left, right]) => Ok(Typed::Logic(Logic::Not(Box::new(self.same(left, right)?)))),
            (operators::LESS, [left, right]) => self.compare(Order::Less, left, right),
            (operators::LESS_EQUALS, [left, right]) => self.compare(Order::AtMost, left, right),
            (operators::GREATER, [left, right]) => self.compare(Order::Less, right, left),
            (operators::GREATER_EQUALS, [left, right]) => self.compare(Order::AtMost, right, left),
            (operators::IN, [item, list]) => self.is_in(item, list),
            (operators::NEGATE, [of]) => {
                let (number, range) = self.number(of)?;
                self.bounded(at, Number::Negate(Box::new(number)), range.negated())
            }
            (
                operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO,
                [left, right],
            ) => self.calculation(at, function, left, right),
            ("startsWith", [text, part]) if call.target.is_some() => self.test(Test::Starts, text, part),
            ("endsWith", [text, part]) if call.target.is_some() => self.test(Test::Ends, text, part),
            ("contains", [text, part]) if call.target.is_some() => self.test(Test::Contains, text, part),
            ("matches", _) => {
                self.wrong(at, "regular expressions are not used in rules; use `startsWith`, `endsWith` or `contains`")
            }
            _ if function.starts_with(|letter: char| letter.is_alphabetic()) => {
                let known = ["startsWith", "endsWith", "contains"];
                self.wrong(at, unknown("function", function, &known))
            }
            _ => self.wrong(at, "this operator is not used in rules"),
        }
    }

    fn logic(&mut self, at: &IdedExpr) -> Result<Logic, Wrong> {
        match self.typed(at)? {
            Typed::Logic(logic) => Ok(logic),
            other => self.wrong(at, format!("a condition is needed here, and this is {}", other.name())),
        }
    }

    fn number(&mut self, at: &IdedExpr) -> Result<(Number, Range), Wrong> {
        match self.typed(at)? {
            Typed::Number(number, range) => Ok((number, range)),
            other => self.wrong(at, format!("a number is needed here, and this is {}", other.name())),
        }
    }

    fn text(&mut self, at: &IdedExpr) -> Result<Text, Wrong> {
        match self.typed(at)? {
            Typed::Text(text) => Ok(text),
            other => self.wrong(at, format!("a text is needed here, and this is {}", other.name())),
        }
    }

    fn choice(&mut self, condition: &IdedExpr, yes: &IdedExpr, no: &IdedExpr) -> Result<Typed, Wrong> {
        let condition = self.logic(condition)?;
        match (self.typed(yes)?, self.typed(no)?) {
            (Typed::Logic(yes), Typed::Logic(no)) => Ok(Typed::Logic(Logic::If(Box::new((condition, yes, no))))),
            (Typed::Number(yes, first), Typed::Number(no, second)) => {
                Ok(Typed::Number(Number::If(Box::new((condition, yes, no))), first.or(second)))
            }
            (Typed::Text(yes), Typed::Text(no)) => Ok(Typed::Text(Text::If(Box::new((condition, yes, no))))),
            (first, second) => self.wrong(
                no,
                format!("both sides must be of one type, and these are {} and {}", first.name(), second.name()),
            ),
        }
    }

    fn same(&mut self, left: &IdedExpr, right: &IdedExpr) -> Result<Logic, Wrong> {
        match (self.typed(left)?, self.typed(right)?) {
            (Typed::Number(left, _), Typed::Number(right, _)) => {
                Ok(Logic::Compare(Order::Same, Box::new((left, right))))
            }
            (Typed::Text(left), Typed::Text(right)) => Ok(Logic::SameText(Box::new((left, right)))),
            (Typed::Logic(left), Typed::Logic(right)) => Ok(Logic::Same(Box::new((left, right)))),
            (first, second) => self.wrong(
                right,
                format!(
                    "{} and {} cannot be compared; `in` asks whether a list holds something",
                    first.name(),
                    second.name()
                ),
            ),
        }
    }

    fn compare(&mut self, order: Order, left: &IdedExpr, right: &IdedExpr) -> Result<Typed, Wrong> {
        let both = (self.number(left)?.0, self.number(right)?.0);
        Ok(Typed::Logic(Logic::Compare(order, Box::new(both))))
    }

    fn is_in(&mut self, item: &IdedExpr, list: &IdedExpr) -> Result<Typed, Wrong> {
        match (self.typed(item)?, self.typed(list)?) {
            // One that there is not would never hold, and nobody would know.
            (Typed::Text(Text::Is(text)), Typed::Texts(Texts::Named(Name::Switches)))
                if Switch::parse(&text).is_none() =>
            {
                let known: Vec<&str> = Switch::ALL.iter().map(|switch| switch.as_str()).collect();
                self.wrong(item, unknown("switch", &text, &known))
            }
            (Typed::Text(text), Typed::Texts(texts)) => Ok(Typed::Logic(Logic::TextIn(Box::new(text), texts))),
            (Typed::Number(number, _), Typed::Numbers(numbers)) => {
                Ok(Typed::Logic(Logic::NumberIn(Box::new(number), numbers)))
            }
            (item, other) => self.wrong(list, format!("{} cannot be in {}", item.name(), other.name())),
        }
    }

    fn test(&mut self, test: Test, text: &IdedExpr, part: &IdedExpr) -> Result<Typed, Wrong> {
        let both = (self.text(text)?, self.text(part)?);
        Ok(Typed::Logic(Logic::Test(test, Box::new(both))))
    }

    fn calculation(
        &mut self,
        at: &IdedExpr,
        operator: &str,
        left: &IdedExpr,
        right: &IdedExpr,
    ) -> Result<Typed, Wrong> {
        let (first, low) = self.number(left)?;
        let (second, high) = self.number(right)?;
        let both = Box::new((first, second));
        match operator {
            operators::ADD => self.bounded(at, Number::Add(both), low.plus(high)),
            operators::SUBSTRACT => self.bounded(at, Number::Subtract(both), low.plus(high.negated())),
            operators::MULTIPLY => self.bounded(at, Number::Multiply(both), low.times(high)),
            _ if high.has_zero() => self.wrong(right, "this can be zero, and nothing is divided by zero"),
            operators::DIVIDE => self.bounded(at, Number::Divide(both), low.divided()),
            _ => self.bounded(at, Number::Rest(both), low.rest(high)),
        }
    }

    fn bounded(&self, at: &IdedExpr, number: Number, range: Range) -> Result<Typed, Wrong> {
        if range.fits() {
            return Ok(Typed::Number(number, range));
        }
        self.wrong(at, format!("this can leave the range of numbers: it lies between {} and {}", range.low, range.high))
    }
}

/// The dotted name that an expression spells.
fn path(at: &IdedExpr) -> Option<String> {
    match &at.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => Some(format!("{}.{}", path(&select.operand)?, select.field)),
        _ => None,
    }
}
