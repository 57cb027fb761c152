//! A tiny ledger: places with balances and holds. It refuses what a buyer or receiver cannot pay, and panics at whatever
//! a correct payment core can never ask for.

use std::collections::BTreeMap;

use kernel::message::accounting::{
    CouponSource, DisputeLine, HoldNo, InternalTool, LineSource, Onto, PayLeg, Post, RefundLine, RefundTo, Refused,
    Source, ToolHold, Verb,
};
use kernel::{AccountId, Amount, Bucket, Currency, Money, Owner, RootId, Time, UserId};

/// A place where money can be: its name, and the currency.
pub(super) type Place = (String, Currency);

#[derive(Clone, Default)]
pub(super) struct Ledger {
    pub(super) balances: BTreeMap<Place, i64>,
    /// What is held, from which place.
    pub(super) holds: BTreeMap<HoldNo, Vec<(Place, i64)>>,
    /// A place whose owner has been frozen.
    pub(super) frozen: Option<String>,
}

/// Places that may fall below zero: the world outside, and sources without a floor.
fn is_outside(name: &str) -> bool {
    name.starts_with("1011") || name.starts_with("1062") || name.starts_with("1061") || name == "5002" || name == "2032"
}

impl Ledger {
    pub(super) fn at(&self, name: &str, currency: Currency) -> i64 {
        self.balances.get(&(name.to_owned(), currency)).copied().unwrap_or(0)
    }

    fn held(&self, place: &Place) -> i64 {
        self.holds.values().flatten().filter(|(held, _)| held == place).map(|(_, amount)| amount).sum()
    }

    pub(super) fn fund(&mut self, name: &str, money: Money) {
        *self.balances.entry((name.to_owned(), money.currency)).or_default() += money.amount.minor();
        *self.balances.entry(("1011.fund".to_owned(), money.currency)).or_default() -= money.amount.minor();
    }

    /// A user repays out of the balance.
    pub(super) fn repay(&mut self, user: &str, minor: i64) {
        let currency = Currency::parse("CNY").unwrap();
        self.shift(&(format!("2001:{user}"), currency), &(format!("1061:{user}"), currency), minor);
    }

    /// All or nothing.
    pub(super) fn book(&mut self, post: &Post) -> Result<(), Refused> {
        let mut next = self.clone();
        next.verb(&post.verb, post.currency)?;
        let total: i64 = next.balances.values().sum();
        assert_eq!(total, 0, "every verb moves, none makes money: {:?}", post.verb);
        *self = next;
        Ok(())
    }

    fn verb(&mut self, verb: &Verb, currency: Currency) -> Result<(), Refused> {
        match verb {
            Verb::HoldTools(holds) => holds.iter().try_for_each(|hold| self.hold_tool(hold, currency)),
            Verb::ReleaseTools(holds) => {
                for hold in holds {
                    let kept = self.holds.remove(&hold.hold).expect("only what is held is released");
                    assert_eq!(kept, tool_moves(&hold.tool, hold.amount, currency));
                }
                Ok(())
            }
            Verb::Pay { legs, receivers, onto } => {
                let total: i64 = legs.iter().map(|leg| leg.amount.minor()).sum();
                legs.iter().try_for_each(|leg| self.pay_leg(leg, currency))?;
                if receivers.is_empty() {
                    return Ok(());
                }
                assert_eq!(total, receivers.iter().map(|share| share.amount.minor()).sum::<i64>());
                for share in receivers {
                    let goal = match onto {
                        Onto::Settlement => receiver(&share.receiver, currency).0,
                        // Which part of it a debt takes is the books' to say.
                        Onto::Balance | Onto::Debt => balance(&share.receiver),
                    };
                    self.shift(&escrow(currency), &(goal, currency), share.amount.minor());
                }
                Ok(())
            }
            Verb::Receive { money, .. } => self.post(("1011.in", *money), "2022"),
            Verb::Suspend { money, .. } => self.post(("1011.in", *money), "2021"),
            Verb::ReturnReceived { money, .. } => self.post(("2022", *money), "1011.refund"),
            Verb::ReturnSuspended { money, .. } => self.post(("2021", *money), "1011.refund"),
            Verb::KeepReceived { owner, money, .. } => self.post(("2022", *money), &balance(owner)),
            Verb::KeepSuspended { owner, money, .. } => self.post(("2021", *money), &balance(owner)),
            Verb::RefundReturned { money, .. } => self.post(("1011.refund", *money), "2022"),
            Verb::ReserveRefund(lines) => lines.iter().try_for_each(|line| self.reserve(line, currency)),
            Verb::Refund { lines, reserved } => {
                lines.iter().try_for_each(|line| self.refund(line, *reserved, currency))
            }
            Verb::HoldPayout(payout) => {
                let place = (balance(&payout.owner), currency);
                let minor = payout.amount.minor() + payout.fee;
                self.check(&place, minor)?;
                let moves = vec![(place, minor)];
                assert!(self.holds.insert(payout.hold, moves).is_none(), "a hold's number is used once");
                Ok(())
            }
            Verb::PayOut(payout) => {
                let kept = self.holds.remove(&payout.hold).expect("only what is held is captured");
                let from = (balance(&payout.owner), currency);
                assert_eq!(kept, [(from.clone(), payout.amount.minor() + payout.fee)]);
                self.shift(&from, &("1011.out".to_owned(), currency), payout.amount.minor());
                self.shift(&from, &(balance(&Owner::Platform), currency), payout.fee);
                Ok(())
            }
            Verb::ReleasePayout(payout) => {
                let kept = self.holds.remove(&payout.hold).expect("only what is held is released");
                assert_eq!(kept, [((balance(&payout.owner), currency), payout.amount.minor() + payout.fee)]);
                Ok(())
            }
            Verb::HoldDispute { lines, owed, .. } => {
                lines.iter().try_for_each(|line| self.set_aside(line, *owed, currency))
            }
            Verb::ReleaseDispute { lines, .. } => {
                lines.iter().for_each(|line| self.end_dispute(line, 0, currency));
                Ok(())
            }
            Verb::LoseDispute { lines, .. } => {
                lines.iter().for_each(|line| self.end_dispute(line, line.lost, currency));
                Ok(())
            }
            Verb::ReturnPayout(payout) => {
                let to = (balance(&payout.owner), currency);
                self.shift(&("1011.out".to_owned(), currency), &to, payout.amount.minor());
                self.shift(&(balance(&Owner::Platform), currency), &to, payout.fee);
                Ok(())
            }
            other => panic!("the payment core never asks for {other:?}"),
        }
    }

    /// What a user may owe, holds counted.
    fn check_limit(&self, tool: &InternalTool, amount: Amount, currency: Currency) -> Result<(), Refused> {
        let InternalTool::Credit { limit, .. } = tool else { return Ok(()) };
        let place = tool_place(tool, currency);
        let used = self.held(&place) - self.at(&place.0, currency);
        if used + amount.minor() <= *limit {
            return Ok(());
        }
        let id = AccountId(RootId::new(Time::from_micros(0), Bucket::of(&place.0), 0));
        let (subject, needed, available) = ("1061".to_owned(), amount.minor(), limit - used);
        Err(Refused::Insufficient { account: id, subject, needed, available, held: self.held(&place), floor: 0 })
    }

    fn hold_tool(&mut self, hold: &ToolHold, currency: Currency) -> Result<(), Refused> {
        self.check_limit(&hold.tool, hold.amount, currency)?;
        let moves = tool_moves(&hold.tool, hold.amount, currency);
        for (place, amount) in &moves {
            self.check(place, *amount)?;
        }
        assert!(self.holds.insert(hold.hold, moves).is_none(), "a hold's number is used once");
        Ok(())
    }

    fn pay_leg(&mut self, leg: &PayLeg, currency: Currency) -> Result<(), Refused> {
        let amount = leg.amount.minor();
        match &leg.source {
            Source::Tool(tool) => {
                self.check_limit(tool, leg.amount, currency)?;
                self.spend(tool, leg.amount, currency)?;
            }
            Source::Held(tool, hold) => {
                let kept = self.holds.remove(hold).expect("only what is held is captured");
                assert_eq!(kept, tool_moves(tool, leg.amount, currency));
                // What was held within the limit is captured.
                self.spend(tool, leg.amount, currency)?;
            }
            Source::Channel(_) => self.shift(&("1011.in".into(), currency), &escrow(currency), amount),
            Source::Earlier(_) => self.shift(&("2022".into(), currency), &escrow(currency), amount),
            Source::Parent { points } => {
                let shared = ("2034.shared".into(), Currency::POINTS);
                self.check(&shared, *points)?;
                self.shift(&shared, &redeemed(), *points);
                self.check(&("2012".into(), currency), amount)?;
                self.shift(&("2012".into(), currency), &escrow(currency), amount);
            }
            Source::Suspended(_) => self.shift(&("2021".into(), currency), &escrow(currency), amount),
        }
        Ok(())
    }

    fn spend(&mut self, tool: &InternalTool, amount: Amount, currency: Currency) -> Result<(), Refused> {
        if let InternalTool::Points { user, points, .. } = tool {
            let own = points_of(user);
            self.check(&own, points.minor())?;
            self.shift(&own, &redeemed(), points.minor());
        }
        let from = tool_place(tool, currency);
        self.check(&from, amount.minor())?;
        self.shift(&from, &escrow(currency), amount.minor());
        if let InternalTool::Coupon { source, rest, .. } = tool {
            self.check(&from, *rest)?;
            self.shift(&from, &source_place(source, currency), *rest);
        }
        Ok(())
    }

    fn reserve(&mut self, line: &RefundLine, currency: Currency) -> Result<(), Refused> {
        let from = line_place(line, currency);
        self.check(&from, line.amount.minor())?;
        let hold = HoldNo::RefundLine(line.line);
        let mut moves = vec![(from, line.amount.minor())];
        moves.extend(points_back(line).map(|(_, points)| (redeemed(), points)));
        assert!(self.holds.insert(hold, moves).is_none(), "a line's number is used once");
        Ok(())
    }

    fn refund(&mut self, line: &RefundLine, reserved: bool, currency: Currency) -> Result<(), Refused> {
        let from = line_place(line, currency);
        if reserved {
            let kept = self.holds.remove(&HoldNo::RefundLine(line.line)).expect("only what is reserved is captured");
            let mut moves = vec![(from.clone(), line.amount.minor())];
            moves.extend(points_back(line).map(|(_, points)| (redeemed(), points)));
            assert_eq!(kept, moves);
        }
        if let Some((user, points)) = points_back(line) {
            self.shift(&redeemed(), &points_of(user), points);
        }
        self.check(&from, line.amount.minor())?;
        let to = match &line.to {
            RefundTo::Balance(owner) => (balance(owner), currency),
            RefundTo::Channel(_) => ("1011.refund".into(), currency),
            RefundTo::Stored(user, kind) => (format!("2033.{kind}:{user}"), currency),
            RefundTo::Points { source, .. } => source_place(source, currency),
            RefundTo::Credit(user) => {
                let debt = (format!("1061:{user}"), currency);
                let owed = (-self.at(&debt.0, currency)).min(line.amount.minor());
                self.shift(&from, &debt, owed);
                let beyond = line.amount.minor() - owed;
                self.shift(&from, &(format!("2001:{user}"), currency), beyond);
                return Ok(());
            }
            RefundTo::Coupon { source, usable_again: false, .. } => source_place(source, currency),
            RefundTo::Coupon { user, usable_again: true, source, rest } => {
                let coupons = (format!("2031:{user}"), currency);
                self.shift(&source_place(source, currency), &coupons, *rest);
                coupons
            }
        };
        self.shift(&from, &to, line.amount.minor());
        Ok(())
    }

    /// With `owed`, what is short, or frozen, is the receiver's debt.
    fn set_aside(&mut self, line: &DisputeLine, owed: bool, currency: Currency) -> Result<(), Refused> {
        let from = place(line.from, &line.receiver, currency);
        let wanted = line.amount.minor();
        if !owed {
            self.check(&from, wanted)?;
        }
        let spare =
            if self.frozen.as_ref() == Some(&from.0) { 0 } else { self.at(&from.0, currency) - self.held(&from) };
        let given = spare.clamp(0, wanted);
        let debt = (format!("1062:{}", line.receiver), currency);
        let moves = vec![(from, given), (debt, wanted - given)];
        assert!(self.holds.insert(HoldNo::DisputeLine(line.line), moves).is_none(), "a line's number is used once");
        Ok(())
    }

    fn end_dispute(&mut self, line: &DisputeLine, mut lost: i64, currency: Currency) {
        let kept = self.holds.remove(&HoldNo::DisputeLine(line.line)).expect("only what is set aside is taken");
        for (from, held) in kept {
            let taken = held.min(lost);
            lost -= taken;
            self.shift(&from, &("1011.dispute".to_owned(), currency), taken);
        }
        assert_eq!(lost, 0, "no more is taken than was set aside");
    }

    fn post(&mut self, (from, money): (&str, Money), to: &str) -> Result<(), Refused> {
        self.shift(&(from.to_owned(), money.currency), &(to.to_owned(), money.currency), money.amount.minor());
        Ok(())
    }

    fn shift(&mut self, from: &Place, to: &Place, amount: i64) {
        *self.balances.entry(from.clone()).or_default() -= amount;
        *self.balances.entry(to.clone()).or_default() += amount;
        assert!(is_outside(&from.0) || self.balances[from] >= self.held(from), "{from:?} has less than it gives");
    }

    fn check(&self, place: &Place, needed: i64) -> Result<(), Refused> {
        let id = AccountId(RootId::new(Time::from_micros(0), Bucket::of(&place.0), 0));
        let subject = place.0.split(':').next().unwrap_or_default().to_owned();
        if self.frozen.as_ref() == Some(&place.0) {
            return Err(Refused::Frozen { account: id, subject });
        }
        let (balance, held) = (self.at(&place.0, place.1), self.held(place));
        if is_outside(&place.0) || balance - held >= needed {
            return Ok(());
        }
        let available = balance - held;
        Err(Refused::Insufficient { account: id, subject, needed, available, held, floor: 0 })
    }
}

fn escrow(currency: Currency) -> Place {
    ("2004".to_owned(), currency)
}

fn receiver(owner: &Owner, currency: Currency) -> Place {
    (format!("2003:{owner}"), currency)
}

fn line_place(line: &RefundLine, currency: Currency) -> Place {
    place(line.from, &line.receiver, currency)
}

fn place(from: LineSource, owner: &Owner, currency: Currency) -> Place {
    match from {
        LineSource::Escrow => escrow(currency),
        LineSource::Receiver => receiver(owner, currency),
        LineSource::Balance => (balance(owner), currency),
    }
}

/// The balance of a user or a merchant.
pub(super) fn balance(owner: &Owner) -> String {
    match owner {
        Owner::User(user) => format!("2001:{user}"),
        other => format!("2002:{other}"),
    }
}

fn source_place(source: &CouponSource, currency: Currency) -> Place {
    let name = match source {
        CouponSource::Expense => "5002",
        CouponSource::Budget(_) => "2032",
    };
    (name.to_owned(), currency)
}

fn tool_place(tool: &InternalTool, currency: Currency) -> Place {
    match tool {
        InternalTool::Balance(owner) => (balance(owner), currency),
        InternalTool::Stored(user, kind) => (format!("2033.{kind}:{user}"), currency),
        InternalTool::Coupon { user, .. } => (format!("2031:{user}"), currency),
        InternalTool::Points { source, .. } => source_place(source, currency),
        InternalTool::Credit { user, .. } => (format!("1061:{user}"), currency),
    }
}

/// A user's points.
fn points_of(user: &UserId) -> Place {
    (format!("2034:{user}"), Currency::POINTS)
}

fn redeemed() -> Place {
    ("2034.redeemed".to_owned(), Currency::POINTS)
}

/// The points that go back with a line, and to whom.
fn points_back(line: &RefundLine) -> Option<(&UserId, i64)> {
    match &line.to {
        RefundTo::Points { user, points, .. } if *points > 0 => Some((user, *points)),
        _ => None,
    }
}

fn tool_moves(tool: &InternalTool, amount: Amount, currency: Currency) -> Vec<(Place, i64)> {
    if let InternalTool::Points { user, points, .. } = tool {
        return vec![(points_of(user), points.minor()), (tool_place(tool, currency), amount.minor())];
    }
    let rest = match tool {
        InternalTool::Balance(_)
        | InternalTool::Stored(..)
        | InternalTool::Points { .. }
        | InternalTool::Credit { .. } => 0,
        InternalTool::Coupon { rest, .. } => *rest,
    };
    vec![(tool_place(tool, currency), amount.minor() + rest)]
}
