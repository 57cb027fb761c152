//! What may pay a trade now (收银台): every tool of its buyer, and a combination that pays what is due.
//!
//! Nothing is checked here. Each combination is tried: the command that would pay it runs through the very rules that a
//! line runs, over rows that were read, and what it did is thrown away ([`WhatIf`]). So what an offer says can be paid is
//! paid as long as nothing changes, and what it says cannot has the code and the words of the refusal.
//!
//! 1. One snapshot brings the trade's tree; the projections name the buyer's newest coupons, and one more brings these, and
//!    the buyer's balance and stored value.
//! 2. Each method alone; the balance, stored value and each coupon alone where they suffice, else with a method, or with the
//!    balance.
//! 3. Of what is usable, the first combination that goes through: with all coupons that fit, with one, with none; each with
//!    as much of the stored value and the balance as there is, then without.
//!
//! Bounded by [`limits::MAX_OFFERED_COUPONS`], [`MOST_METHODS`] and [`MOST_COUPONS`].

use std::collections::BTreeSet;
use std::sync::Arc;

use accounting::chart::Entry;
use accounting::{Account, AccountKey, Subject};
use channel::Orders;
use kernel::message::payment::{Tool, ToolRequest};
use kernel::message::risk::Signals;
use kernel::message::rules::{Paying, PointsWorth};
use kernel::message::trade::Command as TradeCommand;
use kernel::{Amount, Code, CouponId, Currency, Money, Problem, RootId, TradeId, limits};
use payment::{Coupon, CreditLine, PaymentStatus, Payments};
use store::tables::accounting::Holds;
use store::tables::derived::{COUPONS_OF, CouponList};
use store::unit::{Kept as _, Key};
use store::{Cell, Row as _};
use trade::{Due, Trade};

use super::objects::there;
use super::shard::OfShard;
use super::what_if::WhatIf;
use super::{Found, Queries, broken, inconsistent};
use crate::flows;
use crate::flows::credit::line_of;
use crate::planning::Planner;
use crate::request::Caller;
use crate::stop::Stop;
use crate::view::View;
use crate::wire::offer::{self, Choice, Reason};

/// Most methods, and most coupons, that are combined with others.
const MOST_METHODS: usize = 4;
const MOST_COUPONS: usize = 4;

/// Who asks for an offer.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Who.
    pub caller: Caller,
    /// Whether it may spend, and see, what is the buyer's own.
    pub users_debit: bool,
}

impl Queries {
    /// What may pay a trade now.
    ///
    /// # Errors
    /// When the trade takes no payment, the store cannot be read, or the projections are behind.
    pub async fn offer(&self, id: TradeId, asker: &Asker) -> Result<Option<Found>, Problem> {
        let home = self.home(id.0.bucket())?;
        let mut what_if = WhatIf::new(self, home);
        what_if.load([Trade::key(id), Payments::key(id), Orders::key(id), Holds::key(id)].into()).await?;
        let Some(trade) = there::<Trade>(&what_if.known, id) else { return Ok(None) };
        let merchant = trade.context.merchant;
        if !asker.caller.may_see(Some(merchant)) {
            return Ok(None);
        }
        let due = trade.payable_now(what_if.now)?.clone();
        let mut offer = Offer { what_if, trade: id, due, choices: Vec::new() };
        offer.purses(&trade, asker).await?;
        let coupons = offer.coupons(&trade, asker).await?;
        offer.ask(coupons).await?;
        if let Some(reason) = offer.closed() {
            return Err(Problem::new(Code::trade_not_payable, reason));
        }
        let suggestion = offer.suggestion().await?;
        let body = offer::json(&trade, &offer.due, &offer.choices, suggestion.as_deref());
        Ok(Some(Found { merchant: Some(merchant), body }))
    }
}

/// What a combination of tools would come to.
enum Trial {
    /// It goes through, or waits for an institution: these tools in the order in which they are used.
    Runs(Vec<ToolRequest>),
    /// It does not.
    Not(Reason),
}

/// An offer in the making.
struct Offer<'a> {
    what_if: WhatIf<'a>,
    trade: TradeId,
    due: Due,
    choices: Vec<Choice>,
}

impl Offer<'_> {
    /// Every tool by itself, or with another.
    async fn ask(&mut self, coupons: Vec<Choice>) -> Result<(), Problem> {
        let purses = std::mem::take(&mut self.choices);
        for method in self.what_if.methods() {
            let tool = Tool::Channel { method, sandbox: None };
            let mut choice = Choice::new(tool, self.due.amount.minor());
            self.judge(&mut choice, &purses).await?;
            self.choices.push(choice);
        }
        let methods: Vec<Choice> = self.choices.clone();
        let first = methods.iter().find(|choice| choice.is_usable()).or(methods.first()).cloned();
        for mut choice in purses {
            self.judge(&mut choice, first.as_slice()).await?;
            self.choices.push(choice);
        }
        let partners: Vec<Choice> =
            self.choices.iter().filter(|it| is_purse(&it.tool)).chain(&first).cloned().collect();
        for mut choice in coupons {
            self.judge(&mut choice, &partners).await?;
            self.choices.push(choice);
        }
        self.ask_again().await
    }

    /// Methods that cannot pay all that is due may pay what a coupon leaves.
    async fn ask_again(&mut self) -> Result<(), Problem> {
        let coupon = |choice: &&Choice| matches!(choice.tool, Tool::Coupon(_)) && choice.is_usable();
        let coupons: Vec<Choice> = self.choices.iter().filter(coupon).take(MOST_COUPONS).cloned().collect();
        let refused = |choice: &Choice| matches!(choice.tool, Tool::Channel { .. }) && !choice.is_usable();
        let places = (0..).zip(&self.choices).filter(|(_, choice)| refused(choice)).map(|(place, _)| place);
        for place in places.take(MOST_METHODS).collect::<Vec<usize>>() {
            let Some(known) = self.choices.get(place) else { continue };
            let mut choice = Choice { reason: None, ..known.clone() };
            self.judge(&mut choice, &coupons).await?;
            if let Some(known) = self.choices.get_mut(place).filter(|_| choice.is_usable()) {
                *known = choice;
            }
        }
        Ok(())
    }

    /// Whether a tool can be used for as much as it has, alone or with one of these; why not, where it cannot.
    async fn judge(&mut self, choice: &mut Choice, partners: &[Choice]) -> Result<(), Problem> {
        let (due, whole) = (self.due.amount.minor(), matches!(choice.tool, Tool::Channel { .. }));
        if choice.reason.is_some() {
            return Ok(());
        }
        let mut reason = None;
        if choice.amount == due {
            match self.what_if.pay(self.trade, &[(choice, due)]).await? {
                Trial::Runs(_) => return Ok(()),
                Trial::Not(why) => reason = Some(why),
            }
        }
        for partner in partners {
            // A method takes what the other leaves; everything else is used for as much as it has.
            let own = if whole { due - partner.amount } else { choice.amount };
            let rest = due - own;
            if own <= 0 || rest <= 0 || rest > partner.amount {
                continue;
            }
            match self.what_if.pay(self.trade, &[(choice, own), (partner, rest)]).await? {
                Trial::Runs(_) => {
                    choice.amount = own;
                    return Ok(());
                }
                Trial::Not(why) => reason = reason.or(Some(why)),
            }
        }
        let alone = || Reason::new(Code::amount_sum_mismatch.as_str(), "nothing else can pay the rest");
        choice.reason = Some(reason.unwrap_or_else(alone));
        Ok(())
    }

    /// The buyer's stored value and balance, where it is a user's and the trade may take it. Of stored value only what there
    /// is.
    async fn purses(&mut self, trade: &Trade, asker: &Asker) -> Result<(), Problem> {
        let Some(_) = trade.payer.user() else { return Ok(()) };
        if !asker.users_debit {
            let mut choice = Choice::new(Tool::Balance, 0);
            choice.reason = Some(Reason::new(
                Code::payer_consent_required.as_str(),
                "this needs an API key with the scope users:debit",
            ));
            self.choices.push(choice);
            return Ok(());
        }
        let kinds = self.what_if.queries.stored.iter();
        let stored = kinds.map(|kind| (Tool::Stored(kind.clone()), Subject::stored(kind)));
        let own =
            [(Tool::Points, Subject::POINTS), (Tool::Credit, Subject::CREDIT), (Tool::Balance, Subject::USER_BALANCE)];
        let purses = stored.chain(own);
        let salt = self.what_if.control.salt;
        let key = |subject: Subject| {
            let in_points = subject.entry() == Entry::Points;
            let currency = if in_points { Currency::POINTS } else { trade.money.currency };
            AccountKey { owner: trade.payer.clone(), subject, currency }
        };
        let purses: Vec<_> = purses.map(|(tool, subject)| (tool, key(subject).id(&salt))).collect();
        let line = trade.payer.user().map(|user| line_of(user, trade.money.currency, &salt));
        let mut keys: BTreeSet<Key> = purses.iter().map(|(_, id)| Account::key(*id)).collect();
        keys.extend(line.map(CreditLine::key));
        self.what_if.load(keys).await?;
        let line = line.and_then(|id| there::<CreditLine>(&self.what_if.known, id));
        let stopped = line.as_ref().and_then(|line| line.stopped(self.what_if.now));
        let worth = self.worth(trade);
        for (tool, id) in purses {
            let account = there::<Account>(&self.what_if.known, id);
            let there = account.as_ref().map_or(0, |account| account.available()).max(0);
            let used = account.as_ref().map_or(0, |account| account.posted().saturating_add(account.incoming()));
            let worth = worth.filter(|_| tool == Tool::Points);
            let available = match tool {
                Tool::Points => worth.map_or(0, |worth| worth.minor_for(there)),
                Tool::Credit => line.as_ref().map_or(0, |line| line.free(used, self.what_if.now)),
                _ => there,
            };
            let mut choice = Choice::new(tool, available.min(self.due.amount.minor()));
            (choice.available, choice.worth) = (Some(available), worth);
            match choice.tool {
                Tool::Balance if available == 0 => {
                    choice.reason = Some(Reason::new("insufficient_balance", "there is nothing on the balance"));
                }
                Tool::Points if there > 0 && worth.is_none() => {
                    let code = Code::tool_not_applicable.as_str();
                    choice.reason = Some(Reason::new(code, "no rule says what points are worth here"));
                }
                Tool::Credit if stopped.is_some() => {
                    choice.reason = stopped.as_ref().map(|why| Reason::new(why.code.as_str(), &why.message));
                }
                Tool::Credit if line.is_some() && available == 0 => {
                    choice.reason = Some(Reason::new("credit_exceeded", "nothing of the credit limit is free"));
                }
                _ if available == 0 => continue,
                _ => {}
            }
            self.choices.push(choice);
        }
        Ok(())
    }

    /// What points are worth for what is due, whether or not the rules let them pay all of it.
    fn worth(&self, trade: &Trade) -> Option<PointsWorth> {
        let tools = [ToolRequest { tool: Tool::Points, amount: self.due.amount }];
        let planner = Planner { control: &self.what_if.control, trade };
        let (signals, switches) = (Signals::default(), self.what_if.control.switches_off());
        let money = Money { amount: self.due.amount, currency: trade.money.currency };
        let paying = Paying {
            context: &trade.context,
            money,
            attempt: 1,
            due: self.due.no,
            tools: &tools,
            signals: &signals,
            switches: &switches,
            at: self.what_if.now,
            rule_version: None,
        };
        planner.points(&paying)
    }

    /// The buyer's newest coupons, as far as whoever asks may know of them: its own, with the buyer's consent the
    /// platform's, and nobody else's.
    async fn coupons(&mut self, trade: &Trade, asker: &Asker) -> Result<Vec<Choice>, Problem> {
        if trade.payer.user().is_none() {
            return Ok(Vec::new());
        }
        self.what_if.home.caught_up(false).await?;
        let ids = self.what_if.home.coupons_of(&trade.payer.to_string()).await?;
        self.what_if.load(ids.iter().map(|id| Coupon::key(*id)).collect()).await?;
        let mut coupons: Vec<Arc<Coupon>> =
            ids.iter().filter_map(|id| there::<Coupon>(&self.what_if.known, *id)).collect();
        coupons.retain(|coupon| coupon.status != payment::coupon::CouponStatus::Spent);
        let may_know = |coupon: &Coupon| match coupon.merchant {
            None => asker.users_debit,
            merchant => asker.caller.may_see(merchant),
        };
        coupons.retain(|coupon| may_know(coupon));
        coupons.sort_by_key(|coupon| std::cmp::Reverse(coupon.money.amount));
        let choice = |coupon: &Arc<Coupon>| {
            let face = coupon.money.amount.minor();
            let amount = face.min(self.due.amount.minor());
            Choice { available: Some(face), ..Choice::new(Tool::Coupon(coupon.id), amount) }
        };
        Ok(coupons.iter().map(choice).collect())
    }

    /// Why the trade takes no payment at all, where every tool that was tried is refused for that.
    fn closed(&self) -> Option<String> {
        let is_so = |reason: &&Reason| reason.code == Code::trade_not_payable.as_str();
        let mut tried = self.choices.iter().filter(|choice| choice.amount > 0).map(|choice| choice.reason.as_ref());
        let first = tried.next().flatten().filter(is_so)?;
        tried.all(|reason| reason.as_ref().is_some_and(is_so)).then(|| first.message.clone())
    }

    /// The first combination that pays what is due.
    async fn suggestion(&mut self) -> Result<Option<Vec<ToolRequest>>, Problem> {
        let usable = |fits: fn(&Tool) -> bool| {
            let choices = self.choices.iter().filter(move |choice| choice.is_usable() && fits(&choice.tool));
            choices.cloned().collect::<Vec<_>>()
        };
        let methods = usable(|tool| matches!(tool, Tool::Channel { .. }));
        let purses = usable(is_purse);
        let coupons = usable(|tool| matches!(tool, Tool::Coupon(_)));
        for chosen in self.sets(&coupons) {
            for purses in [&purses[..], &[]] {
                for method in methods.iter().take(MOST_METHODS).map(Some).chain([None]) {
                    let Some(combination) = self.filled(&chosen, purses, method) else { continue };
                    if let Trial::Runs(tools) = self.what_if.pay(self.trade, &combination).await? {
                        return Ok(Some(tools));
                    }
                }
            }
        }
        Ok(None)
    }

    /// All coupons that fit together, the largest first; one; none.
    fn sets<'c>(&self, coupons: &'c [Choice]) -> Vec<Vec<&'c Choice>> {
        let mut left = self.due.amount.minor();
        let mut all = Vec::new();
        for coupon in coupons.iter().filter(|coupon| coupon.available.is_some()) {
            if coupon.amount <= left {
                left -= coupon.amount;
                all.push(coupon);
            }
        }
        let one: Vec<&Choice> = coupons.iter().take(1).collect();
        let mut sets = vec![all];
        for set in [one, Vec::new()] {
            if sets.last().is_some_and(|last| last.len() > set.len()) {
                sets.push(set);
            }
        }
        sets
    }

    /// These tools with amounts that sum to what is due: the coupons whole, then what is the buyer's own, and the method what
    /// is left; `None` where they do not.
    fn filled<'c>(
        &self,
        coupons: &[&'c Choice],
        purses: &'c [Choice],
        method: Option<&'c Choice>,
    ) -> Option<Vec<(&'c Choice, i64)>> {
        let mut tools: Vec<(&Choice, i64)> = coupons.iter().map(|coupon| (*coupon, coupon.amount)).collect();
        let mut left = self.due.amount.minor() - tools.iter().map(|(_, amount)| amount).sum::<i64>();
        for purse in purses.iter().filter(|purse| purse.available.is_some()) {
            let part = purse.available.unwrap_or_default().min(left);
            if part > 0 {
                tools.push((purse, part));
                left -= part;
            }
        }
        if let Some(method) = method {
            tools.push((method, left));
            left = 0;
        }
        (left == 0 && tools.iter().all(|(_, amount)| *amount > 0)).then_some(tools)
    }
}

/// Whether it is money of the buyer's own on our books, to be used in any parts.
const fn is_purse(tool: &Tool) -> bool {
    matches!(tool, Tool::Balance | Tool::Stored(_) | Tool::Points | Tool::Credit)
}

impl WhatIf<'_> {
    /// The methods that channels serve, each once, those of the best channel first.
    fn methods(&self) -> Vec<String> {
        let mut methods: Vec<String> = Vec::new();
        for method in self.queries.channels.routes.accounts.iter().flat_map(|account| &account.methods) {
            if !methods.contains(method) {
                methods.push(method.clone());
            }
        }
        methods
    }

    /// What these tools would come to.
    async fn pay(&mut self, trade: TradeId, tools: &[(&Choice, i64)]) -> Result<Trial, Problem> {
        let request = |(choice, minor): &(&Choice, i64)| {
            let amount = Amount::new(*minor).map_err(|_| broken())?;
            Ok(ToolRequest { tool: choice.tool.clone(), amount })
        };
        let tools = tools.iter().map(request).collect::<Result<Vec<_>, Problem>>()?;
        let command = TradeCommand::Pay { due: None, tools };
        let tried = self.attempt(|view| {
            flows::trade::command(view, &Caller::System, trade, &command)?;
            outcome(view, trade)
        });
        Ok(match tried.await? {
            Ok(trial) => trial,
            Err(refused) => Trial::Not(Reason::new(refused.code.as_str(), &refused.detail)),
        })
    }
}

/// What became of the payment that was opened last.
fn outcome(view: &mut View<'_>, trade: TradeId) -> Result<Trial, Stop> {
    let newest = |state: &Arc<Payments>| state.payments.last().cloned();
    let payment = view.get::<Payments>(trade)?.as_ref().and_then(newest);
    let payment = payment.ok_or_else(|| Stop::Broken("a payment left no trace".to_owned()))?;
    if let (PaymentStatus::Failed, Some(failure)) = (payment.status, &payment.failure) {
        return Ok(Trial::Not(Reason::new(failure.code.as_str(), &failure.message)));
    }
    let tool = |leg: &payment::Instruction| ToolRequest { tool: leg.tool.clone(), amount: leg.amount };
    Ok(Trial::Runs(payment.instructions.iter().map(tool).collect()))
}

impl OfShard {
    /// The newest coupons of an owner.
    async fn coupons_of(&self, owner: &str) -> Result<Vec<CouponId>, Problem> {
        let limit = i64::try_from(limits::MAX_OFFERED_COUPONS).unwrap_or(i64::MAX);
        let rows = self.rows(&COUPONS_OF, vec![self.number(), Cell::text(owner), Cell::Int(limit)]).await?;
        let id = |row| CouponList::from_cells(row).map(|row| CouponId(RootId::from_bytes(row.coupon)));
        rows.into_iter().map(id).collect::<Result<_, _>>().map_err(inconsistent)
    }
}
