//! What a rule says, read key by key: each value with everything that is checked of it.

use kernel::message::risk::Window;
use kernel::message::rules::{AskRisk, PointsWorth, RefundFailed, Unsaid};
use kernel::message::trade::{LateSuccess, UnpaidDue};
use kernel::{Currency, limits as bounds};

use super::Loading;
use crate::finding::unknown;
use crate::rule::{By, Fee, Limit, Says, Velocity, Worth};
use crate::selector::Selector;
use crate::toml::{Located, Reader, Section};
use crate::{limits, span};

impl<'a> Loading<'a> {
    pub(super) fn says(&mut self, section: Section<'a>, offset_us: i64) -> Vec<Says> {
        let life = bounds::MIN_TRADE_LIFE_US..=bounds::MAX_TRADE_LIFE_US;
        let order = limits::MIN_ORDER_LIFE_US..=bounds::MAX_TRADE_LIFE_US;
        let confirm = bounds::MIN_TRADE_LIFE_US..=bounds::MAX_CONFIRM_US;
        [
            self.span(section, "expires_after", life).map(Says::ExpiresAfter),
            self.span(section, "confirm_after", confirm).map(Says::ConfirmAfter),
            self.late_success(section).map(Says::LateSuccess),
            self.unpaid_due(section).map(Says::UnpaidDue),
            self.fee(section).map(Says::Fee),
            self.selectors(section, "tools").map(Says::Tools),
            self.combinations(section).map(Says::Combine),
            self.selectors(section, "order").map(Says::Order),
            self.span(section, "order_life", order).map(Says::OrderLife),
            self.selectors(section, "refund_order").map(Says::RefundOrder),
            self.refund_failed(section).map(Says::RefundFailed),
            self.ask_risk(section).map(Says::AskRisk),
            self.points(section).map(Says::Points),
            self.limit(section).map(Says::Limit),
            self.velocity(section, offset_us).map(Says::Velocity),
            self.reader.sentence(section, "refuse").map(|why| Says::Refuse(why.value.to_owned())),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn span(&mut self, section: Section<'a>, key: &str, within: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let found = self.reader.text(section, key)?;
        let parsed = span::parse(found.value);
        if parsed.is_none_or(|micros| !within.contains(&micros)) {
            let (least, most) = (span::words(*within.start()), span::words(*within.end()));
            self.reader.find(found.at, format!("`{key}` is a number and a unit (s, m, h, d), from {least} to {most}"));
            return Some(*within.start());
        }
        parsed
    }

    fn late_success(&mut self, section: Section<'a>) -> Option<LateSuccess> {
        let found = self.reader.text(section, "late_success")?;
        match found.value {
            "refund" => Some(LateSuccess::Refund),
            "reopen" => Some(LateSuccess::Reopen),
            other => {
                self.reader.find(found.at, unknown("way for late money", other, &["refund", "reopen"]));
                Some(LateSuccess::Refund)
            }
        }
    }

    fn unpaid_due(&mut self, section: Section<'a>) -> Option<UnpaidDue> {
        let found = self.reader.text(section, "unpaid_due")?;
        let parsed = UnpaidDue::parse(found.value);
        if parsed.is_none() {
            let known = UnpaidDue::ALL.map(UnpaidDue::as_str);
            self.reader.find(found.at, unknown("way for what dues brought", found.value, &known));
        }
        Some(parsed.unwrap_or_default())
    }

    fn refund_failed(&mut self, section: Section<'a>) -> Option<RefundFailed> {
        let found = self.reader.text(section, "refund_failed")?;
        let parsed = RefundFailed::parse(found.value);
        if parsed.is_none() {
            let known = RefundFailed::ALL.map(RefundFailed::as_str);
            self.reader.find(found.at, unknown("way for a refused refund", found.value, &known));
        }
        Some(parsed.unwrap_or_default())
    }

    fn ask_risk(&mut self, section: Section<'a>) -> Option<AskRisk> {
        let table = self.reader.section(section, "ask_risk")?;
        self.reader.known(table, &["no_answer", "degraded"]);
        let before = self.reader.len();
        let no_answer = self.unsaid(table, "no_answer");
        if no_answer.is_none() && self.reader.len() == before {
            self.reader.find(table.at, "`no_answer` is missing");
        }
        let degraded = self.unsaid(table, "degraded").or(no_answer)?;
        Some(AskRisk { no_answer: no_answer?, degraded })
    }

    /// What holds without an answer, where it is said.
    fn unsaid(&mut self, table: Section<'a>, key: &str) -> Option<Unsaid> {
        if let Some(below) = Reader::quiet_section(table, key) {
            self.reader.known(below, &["pass_below", "currency"]);
            let code = self.required(below, "currency", Reader::text)?;
            let currency = self.currency(&code);
            self.required(below, "pass_below", Reader::number)?;
            let minor = self.bound(below, "pass_below", bounds::MAX_AMOUNT_MINOR);
            return Some(Unsaid::PassBelow(currency?, minor?));
        }
        let found = self.reader.text(table, key)?;
        match found.value {
            "pass" => Some(Unsaid::Pass),
            "refuse" => Some(Unsaid::Refuse),
            other => {
                let reason = unknown("way without an answer", other, &["pass", "refuse"]);
                self.reader.find(found.at, reason);
                None
            }
        }
    }

    fn selectors(&mut self, section: Section<'a>, key: &str) -> Option<Vec<Selector>> {
        let found = self.reader.texts(section, key)?;
        Some(found.value.iter().filter_map(|name| self.selector(name)).collect())
    }

    fn combinations(&mut self, section: Section<'a>) -> Option<Vec<Vec<Selector>>> {
        let found = self.reader.lists(section, "combine")?;
        Some(found.value.iter().map(|list| list.iter().filter_map(|name| self.selector(name)).collect()).collect())
    }

    fn selector(&mut self, name: &Located<&'a str>) -> Option<Selector> {
        let parsed = Selector::parse(name.value);
        if parsed.is_none() {
            let known = [
                "balance",
                "coupon",
                "stored",
                "stored:KIND",
                "points",
                "credit",
                "channel",
                "channel:METHOD",
                "payout",
            ];
            self.reader.find(name.at, unknown("tool", name.value, &known));
        }
        parsed
    }

    fn points(&mut self, section: Section<'a>) -> Option<Worth> {
        let table = self.reader.section(section, "points")?;
        self.reader.known(table, &["currency", "points", "amount", "budget"]);
        let code = self.required(table, "currency", Reader::text)?;
        let currency = self.currency(&code);
        let points = self.counted(table, "points");
        let minor = self.counted(table, "amount");
        let budget = self.reader.flag(table, "budget").unwrap_or(false);
        Some(Worth { currency: currency?, worth: PointsWorth { points: points?, minor: minor?, budget } })
    }

    /// A number from 1 on, which must be there.
    fn counted(&mut self, table: Section<'a>, key: &str) -> Option<i64> {
        let found = self.required(table, key, Reader::number)?.value;
        let fits = (1..=bounds::MAX_AMOUNT_MINOR).contains(&found);
        if !fits {
            self.reader.find(table.at, format!("`{key}` is from 1 to {}", bounds::MAX_AMOUNT_MINOR));
        }
        fits.then_some(found)
    }

    fn limit(&mut self, section: Section<'a>) -> Option<Limit> {
        let table = self.reader.section(section, "limit")?;
        self.reader.known(table, &["tool", "currency", "min", "max"]);
        let tool = match self.reader.text(table, "tool") {
            None => None,
            Some(name) => Some(self.selector(&name)?),
        };
        let code = self.required(table, "currency", Reader::text)?;
        let currency = self.currency(&code);
        let (min, max) = (self.reader.number(table, "min"), self.reader.number(table, "max"));
        if min.is_none() && max.is_none() {
            self.reader.find(table.at, "a limit has `min`, `max` or both");
        }
        let least = min.map_or(0, |min| min.value);
        let most = max.map_or(bounds::MAX_AMOUNT_MINOR, |max| max.value);
        if !(0 <= least && least <= most && most <= bounds::MAX_AMOUNT_MINOR) {
            let reason =
                format!("`min` and `max` are minor units from 0 to {}, `min` the smaller", bounds::MAX_AMOUNT_MINOR);
            self.reader.find(table.at, reason);
        }
        Some(Limit { tool, currency: currency?, min: least, max: most })
    }

    fn fee(&mut self, section: Section<'a>) -> Option<Fee> {
        let table = self.reader.section(section, "fee")?;
        self.reader.known(table, &["bp", "fixed", "min", "max", "currency"]);
        let currency = match self.reader.text(table, "currency") {
            None => None,
            Some(code) => Some(self.currency(&code)?),
        };
        let bp = self.bound(table, "bp", limits::MAX_FEE_BP);
        let [fixed, min, max] = ["fixed", "min", "max"].map(|key| self.bound(table, key, bounds::MAX_AMOUNT_MINOR));
        if bp.is_none() && fixed.is_none() {
            self.reader.find(table.at, "a fee has `bp`, hundredths of a percent, `fixed`, or both");
        }
        if currency.is_none() && [fixed, min, max].iter().any(Option::is_some) {
            self.reader.find(table.at, "`currency` is missing: minor units are of one");
        }
        let fee = Fee {
            currency,
            bp: bp.unwrap_or(0),
            fixed: fixed.unwrap_or(0),
            min: min.unwrap_or(0),
            max: max.unwrap_or(bounds::MAX_AMOUNT_MINOR),
        };
        if fee.min > fee.max {
            self.reader.find(table.at, "`min` is more than `max`");
        }
        Some(fee)
    }

    fn currency(&mut self, code: &Located<&'a str>) -> Option<Currency> {
        let currency = Currency::parse(code.value);
        if currency.is_none() {
            self.reader.find(code.at, format!("`{}` is no active currency of ISO 4217", code.value));
        }
        currency
    }

    fn velocity(&mut self, section: Section<'a>, offset_us: i64) -> Option<Velocity> {
        let table = self.reader.section(section, "velocity")?;
        self.reader.known(table, &["by", "window", "tool", "currency", "sum", "count"]);
        let by = self.by(table);
        let window = self.window(table, offset_us);
        let tool = match self.reader.text(table, "tool") {
            None => None,
            Some(name) => Some(self.selector(&name)?),
        };
        let currency = match self.reader.text(table, "currency") {
            None => None,
            Some(code) => Some(self.currency(&code)?),
        };
        let sum = self.bound(table, "sum", bounds::MAX_AMOUNT_MINOR);
        let count = self.bound(table, "count", limits::MAX_VELOCITY_COUNT);
        if sum.is_none() && count.is_none() {
            self.reader.find(table.at, "a velocity limit has `sum`, `count` or both");
        }
        if sum.is_some() && currency.is_none() {
            self.reader.find(table.at, "`currency` is missing: a sum is in one");
        }
        Some(Velocity { by: by?, window: window?, tool, currency, sum, count })
    }

    fn by(&mut self, table: Section<'a>) -> Option<By> {
        let found = self.required(table, "by", Reader::text)?;
        let by = By::parse(found.value);
        if by.is_none() {
            self.reader.find(found.at, unknown("way to count", found.value, &By::ALL.map(By::as_str)));
        }
        by
    }

    fn window(&mut self, table: Section<'a>, offset_us: i64) -> Option<Window> {
        let found = self.required(table, "window", Reader::text)?;
        if found.value == "day" {
            return Some(Window::Day(offset_us));
        }
        let within = limits::MIN_WINDOW_US..=limits::MAX_WINDOW_US;
        let window = span::parse(found.value).filter(|micros| within.contains(micros));
        if window.is_none() {
            let (least, most) = (span::words(*within.start()), span::words(*within.end()));
            let reason = format!("`window` is `day`, or a number and a unit (s, m, h, d), from {least} to {most}");
            self.reader.find(found.at, reason);
        }
        window.map(Window::Last)
    }

    /// A number from 1 to `most`, where there is one.
    fn bound(&mut self, table: Section<'a>, key: &str, most: i64) -> Option<i64> {
        let found = self.reader.number(table, key)?;
        if !(1..=most).contains(&found.value) {
            self.reader.find(found.at, format!("`{key}` is from 1 to {most}"));
        }
        Some(found.value)
    }
}
