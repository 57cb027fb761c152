//! What an input makes happen: commands are checked, words are compared with what is on record.

use kernel::message::channel::{Command, DisputeOutcome, PayOutcome, PayoutOutcome, Place, Purpose, RefundOutcome};
use kernel::{Money, OrderId, limits};

use super::dispute::{Standing, Step, Word};
use super::evidence::{Evidence, Outcome, Said};
use super::pay::{PayStatus, PayStep, PayWord};
use super::payout::PayoutStatus;
use super::refund::{RefundStatus, RefundStep, RefundWord};
use super::{Event, Input, Job, Known, Order, Orders, Refusal, Told};
use crate::adapter::Answer;
use crate::profile::Operation;

/// What a word leads to, before evidence and schedule.
#[derive(Default)]
struct Effect {
    events: Vec<Event>,
    said: Option<Said>,
    send_again: bool,
}

impl Orders {
    /// What an input makes happen. Commands may be refused; words never are.
    pub fn decide(&self, input: &Input, known: &Known) -> Result<Vec<Event>, Refusal> {
        match input {
            Input::Command(Command::Place(place)) => self.place(place, known),
            Input::Command(Command::Close(id)) => self.close(*id, known),
            Input::Told(told) => Ok(self.told(told, known)),
        }
    }

    fn place(&self, place: &Place, known: &Known) -> Result<Vec<Event>, Refusal> {
        let taken = self.get(place.order.no).is_some();
        if taken || place.order.trade != self.trade || place.order.no == 0 {
            return Err(Refusal::WrongOrder(place.order));
        }
        let account = &place.channel_account;
        let profile = known.profiles.get(account).ok_or_else(|| Refusal::ChannelUnknown(account.clone()))?;
        let (operation, job, lifetime_s) = match &place.purpose {
            Purpose::Pay(instruction) => {
                let job = Job::Pay { instruction: *instruction, status: PayStatus::Sent };
                (Operation::Pay, job, profile.lifetime_s)
            }
            Purpose::Refund { of, part } => {
                self.check_refund(*of)?;
                let job = Job::Refund { of: *of, part: *part, status: RefundStatus::Sent };
                (Operation::Refund, job, profile.refund_lifetime_s)
            }
            Purpose::Payout(instruction) => {
                place.destination.as_ref().ok_or(Refusal::NoDestination)?;
                let job = Job::Payout { instruction: *instruction, status: PayoutStatus::Sent };
                (Operation::Payout, job, profile.refund_lifetime_s)
            }
        };
        if !profile.can(operation) {
            return Err(Refusal::OperationNotSupported);
        }
        // A refund goes the way the money came, whatever the books say of methods today.
        let served = match operation {
            Operation::Pay => profile.serves(&place.method),
            Operation::Payout => profile.pays_out_to(&place.method),
            _ => true,
        };
        if !served {
            return Err(Refusal::MethodNotSupported(place.method.clone()));
        }
        if operation != Operation::Refund && !profile.takes(place.money.currency) {
            return Err(Refusal::CurrencyNotSupported(place.money.currency));
        }
        let longest = known.now.plus(i64::from(lifetime_s).saturating_mul(kernel::time::SECOND_US));
        Ok(vec![Event::Placed(Box::new(Order {
            no: place.order.no,
            job,
            context: place.context.clone(),
            channel_account: account.clone(),
            method: place.method.clone(),
            money: place.money,
            sandbox: place.sandbox.clone(),
            destination: place.destination.clone(),
            closing: false,
            credential: None,
            attempts: 0,
            queries: 0,
            next_call_at: Some(known.now),
            next_query_at: None,
            created_at: known.now,
            lifetime_until: place.expires_at.map_or(longest, |at| at.min(longest)),
            channel_no: None,
            receipts: 0,
            silent: false,
        }))])
    }

    /// An order of another tree is that of the combined trade which paid this one: the payment core has it from there.
    fn check_refund(&self, of: OrderId) -> Result<(), Refusal> {
        if of.trade != self.trade {
            return Ok(());
        }
        match self.get(of.no) {
            None => Err(Refusal::WrongOrder(of)),
            Some(order) if order.receipts == 0 => Err(Refusal::NothingReceived(of)),
            Some(_) => Ok(()),
        }
    }

    fn close(&self, id: OrderId, known: &Known) -> Result<Vec<Event>, Refusal> {
        let order = if id.trade == self.trade { self.get(id.no) } else { None };
        match order {
            Some(order) if !matches!(order.job, Job::Pay { .. }) => Err(Refusal::WrongOrder(id)),
            None => Err(Refusal::WrongOrder(id)),
            Some(order) if order.closing || !order.is_open() => Ok(Vec::new()),
            Some(order) => Ok(vec![Event::ClosingStarted { no: order.no, due: order.first_close(known) }]),
        }
    }

    fn told(&self, told: &Told, known: &Known) -> Vec<Event> {
        if !self.fits(told.order, &told.word) || self.evidence.len() >= usize::from(limits::MAX_TREE_NUMBER) {
            return Vec::new();
        }
        let Some(order) = self.get(told.order.no) else { return Vec::new() };
        let over = known.now >= order.lifetime_until;
        let effect = match (&order.job, &told.word) {
            (_, Answer::Dispute(outcome)) => self.told_dispute(order, outcome, known),
            (Job::Pay { status, .. }, word) => self.told_pay(order, *status, word, over, known),
            (Job::Refund { status, .. }, word) => {
                self.told_refund(order, |word| status.step(word, over), word, Outcome::Refunded, known)
            }
            (Job::Payout { status, .. }, word) => self.told_payout(order, |word| status.step(word, over), word, known),
        };
        let mut events = self.keep(order, told, &effect, known);
        events.extend(effect.events);
        let mut after = order.clone();
        for event in &events {
            after.apply(event);
        }
        if after.is_open() && !after.silent && known.now >= after.silent_at(known.profile(&after.channel_account)) {
            events.push(Event::FellSilent { no: order.no });
        }
        let schedule = after.schedule(order, told, effect.send_again, known);
        if schedule != order.counters() && (order.is_open() || after.is_open()) {
            events.push(Event::Scheduled { no: order.no, schedule });
        }
        events
    }

    /// Evidence for a word that is new, or that decides something.
    fn keep(&self, order: &Order, told: &Told, effect: &Effect, known: &Known) -> Vec<Event> {
        let Some(said) = &effect.said else { return Vec::new() };
        let heard = self.evidence.iter().any(|row| said.is(row, order.no));
        let no = u16::try_from(self.evidence.len() + 1).ok();
        match no {
            Some(no) if !heard || !effect.events.is_empty() => vec![Event::Heard(Evidence {
                no,
                order: order.no,
                source: told.source,
                outcome: said.outcome,
                amount: said.money.map(|money| money.amount.minor()),
                currency: said.money.map(|money| money.currency),
                channel_no: said.channel_no.clone(),
                at: known.now,
                digest: told.digest,
            })],
            Some(_) | None => Vec::new(),
        }
    }

    fn told_pay(&self, order: &Order, status: PayStatus, word: &Answer, over: bool, known: &Known) -> Effect {
        let no = order.no;
        let step = |word| status.step(word, over);
        match word {
            Answer::Unknown | Answer::Pay(PayOutcome::Unknown) => match step(PayWord::Unknown) {
                PayStep::Doubt => Effect { events: vec![Event::Doubted { no }], ..Effect::default() },
                _ => Effect::default(),
            },
            Answer::NotFound => {
                let said = Said::plain(Outcome::NotFound);
                match step(PayWord::NotFound) {
                    PayStep::Fail => Effect::one(said, Event::NotPaid { no, code: "not_found".into(), closed: false }),
                    PayStep::SendAgain => Effect { send_again: !order.closing, ..Effect::none(said) },
                    _ => Effect::none(said),
                }
            }
            Answer::Pay(PayOutcome::Accepted(credential)) => {
                let said = Said::plain(Outcome::Accepted);
                match step(PayWord::Accepted) {
                    PayStep::Show if order.credential.as_ref() != Some(credential) || !order.is_pending() => {
                        Effect::one(said, Event::Accepted { no, credential: credential.clone() })
                    }
                    _ => Effect::none(said),
                }
            }
            Answer::Pay(PayOutcome::Paying) => match step(PayWord::Paying) {
                PayStep::Wait => Effect::one(Said::plain(Outcome::Paying), Event::Pending { no }),
                _ => Effect::none(Said::plain(Outcome::Paying)),
            },
            Answer::Pay(PayOutcome::Closed) => match step(PayWord::Closed) {
                PayStep::Close => Effect::one(
                    Said::plain(Outcome::Closed),
                    Event::NotPaid { no, code: "closed".into(), closed: true },
                ),
                _ => Effect::none(Said::plain(Outcome::Closed)),
            },
            Answer::Pay(PayOutcome::Failed { code }) => match step(PayWord::Failed) {
                PayStep::Fail => {
                    Effect::one(Said::plain(Outcome::Failed), Event::NotPaid { no, code: code.clone(), closed: false })
                }
                _ => Effect::none(Said::plain(Outcome::Failed)),
            },
            Answer::Pay(PayOutcome::Paid { money, channel_no, .. }) => match step(PayWord::Paid) {
                PayStep::Receive => self.receive(order, *money, channel_no, known),
                _ => Effect::default(),
            },
            // `fits` keeps such words away.
            Answer::Refund(_) | Answer::Payout(_) | Answer::Dispute(_) => Effect::default(),
        }
    }

    /// The same number again is the same receipt; another one is one more; one that belongs to another order, or came
    /// with other money before, is none.
    fn receive(&self, order: &Order, money: Money, channel_no: &str, known: &Known) -> Effect {
        let said = Said::moved(Outcome::Paid, money, channel_no);
        if self.evidence.iter().any(|row| said.is(row, order.no)) {
            return Effect::default();
        }
        let other_money = self.evidence.iter().any(|row| {
            row.order == order.no && row.outcome == Outcome::Paid && row.channel_no.as_deref() == Some(channel_no)
        });
        if other_money || known.taken.contains(channel_no) || self.is_taken(order, channel_no) {
            return self.suspect(order, money, channel_no);
        }
        let receipt = order.receipts.saturating_add(1);
        let paid = Event::Paid { no: order.no, money, receipt, channel_no: channel_no.to_owned() };
        Effect::one(said, paid)
    }

    /// A payout's words are a refund's, but for the money that a return names: it is all of it, or people must look.
    fn told_payout(
        &self,
        order: &Order,
        step: impl Fn(RefundWord) -> RefundStep,
        word: &Answer,
        known: &Known,
    ) -> Effect {
        let told = match word {
            Answer::Payout(PayoutOutcome::Accepted) => RefundOutcome::Accepted,
            Answer::Payout(PayoutOutcome::PaidOut { money, at, channel_no }) => {
                RefundOutcome::Refunded { money: *money, at: *at, channel_no: channel_no.clone() }
            }
            Answer::Payout(PayoutOutcome::Failed { code }) => {
                RefundOutcome::Failed { code: code.clone(), other_way: false }
            }
            Answer::Payout(PayoutOutcome::Returned { money, code, .. }) if *money != order.money => {
                return self.suspect(order, *money, code);
            }
            Answer::Payout(PayoutOutcome::Returned { at, code, .. }) => {
                RefundOutcome::Returned { code: code.clone(), at: *at }
            }
            Answer::Payout(PayoutOutcome::Unknown) | Answer::Unknown => RefundOutcome::Unknown,
            Answer::NotFound => return self.told_refund(order, step, &Answer::NotFound, Outcome::PaidOut, known),
            // `fits` keeps such words away.
            Answer::Pay(_) | Answer::Refund(_) | Answer::Dispute(_) => return Effect::default(),
        };
        self.told_refund(order, step, &Answer::Refund(told), Outcome::PaidOut, known)
    }

    /// `through` is what the evidence says of money that went through.
    fn told_refund(
        &self,
        order: &Order,
        step: impl Fn(RefundWord) -> RefundStep,
        word: &Answer,
        through: Outcome,
        known: &Known,
    ) -> Effect {
        let no = order.no;
        match word {
            Answer::Unknown | Answer::Refund(RefundOutcome::Unknown) => match step(RefundWord::Unknown) {
                RefundStep::Doubt => Effect { events: vec![Event::Doubted { no }], ..Effect::default() },
                _ => Effect::default(),
            },
            Answer::NotFound => {
                let said = Said::plain(Outcome::NotFound);
                match step(RefundWord::NotFound) {
                    RefundStep::Fail => {
                        Effect::one(said, Event::RefundFailed { no, code: "not_found".into(), other_way: false })
                    }
                    RefundStep::SendAgain => Effect { send_again: true, ..Effect::none(said) },
                    _ => Effect::none(said),
                }
            }
            Answer::Refund(RefundOutcome::Accepted) => match step(RefundWord::Accepted) {
                RefundStep::Wait => Effect::one(Said::plain(Outcome::Accepted), Event::Pending { no }),
                _ => Effect::none(Said::plain(Outcome::Accepted)),
            },
            Answer::Refund(RefundOutcome::Failed { code, other_way }) => match step(RefundWord::Failed) {
                RefundStep::Fail => Effect::one(
                    Said::plain(Outcome::Failed),
                    Event::RefundFailed { no, code: code.clone(), other_way: *other_way },
                ),
                _ => Effect::none(Said::plain(Outcome::Failed)),
            },
            Answer::Refund(RefundOutcome::Returned { code, .. }) => {
                let said = Said::plain(Outcome::Returned);
                let returned = Event::Returned { no, code: code.clone() };
                match step(RefundWord::Returned) {
                    RefundStep::Return => Effect::one(said, returned),
                    RefundStep::RefundAndReturn => Effect {
                        events: vec![Event::Refunded { no, channel_no: None }, returned],
                        ..Effect::none(said)
                    },
                    _ => Effect::none(said),
                }
            }
            Answer::Refund(RefundOutcome::Refunded { money, channel_no, .. }) => {
                let said = Said::moved(through, *money, channel_no);
                self.give_back(order, step(RefundWord::Refunded), said, *money, channel_no, known)
            }
            // `fits` keeps such words away.
            Answer::Pay(_) | Answer::Payout(_) | Answer::Dispute(_) => Effect::default(),
        }
    }

    /// A refund is believed when it is of the money asked for, under a number of its own.
    fn give_back(
        &self,
        order: &Order,
        step: RefundStep,
        said: Said,
        money: Money,
        channel_no: &str,
        known: &Known,
    ) -> Effect {
        if self.evidence.iter().any(|row| said.is(row, order.no)) {
            return Effect::default();
        }
        let other_number = order.channel_no.as_ref().is_some_and(|ours| ours != channel_no);
        let taken = known.taken.contains(channel_no) || self.is_taken(order, channel_no);
        if other_number || taken || money != order.money || step == RefundStep::Suspect {
            return self.suspect(order, money, channel_no);
        }
        match step {
            RefundStep::Refund => {
                let channel_no = Some(channel_no.to_owned());
                Effect::one(said, Event::Refunded { no: order.no, channel_no })
            }
            _ => Effect::none(said),
        }
    }

    /// A dispute is believed where it is in the order's currency, under a number of its own, and where what is said of it fits
    /// what was said before: no more is lost than was disputed.
    fn told_dispute(&self, order: &Order, outcome: &DisputeOutcome, known: &Known) -> Effect {
        let (no, number) = (order.no, outcome.number());
        let (word, heard) = match outcome {
            DisputeOutcome::Opened { .. } => (Word::Opened, Outcome::Disputed),
            DisputeOutcome::Won { .. } => (Word::Won, Outcome::DisputeWon),
            DisputeOutcome::Lost { .. } => (Word::Lost, Outcome::DisputeLost),
        };
        let said = Said { outcome: heard, money: outcome.money(), channel_no: Some(number.to_owned()) };
        if self.evidence.iter().any(|row| said.is(row, no)) {
            return Effect::default();
        }
        let step = Standing::of(self.of_dispute(no, number)).step(word);
        let foreign = outcome.money().is_some_and(|money| money.currency != order.money.currency);
        let taken = known.taken.contains(number) || self.is_taken(order, number);
        if foreign || taken || step == Step::Suspect || self.is_one_too_many(no, number) {
            return self.contradiction(order, outcome.money(), number);
        }
        let number = number.to_owned();
        match (step, outcome) {
            (Step::Open, DisputeOutcome::Opened { money, reason, respond_by, .. }) => {
                let (money, reason, respond_by) = (*money, Some(reason.clone()), Some(*respond_by));
                Effect::one(said, Event::Disputed { no, number, money, reason, respond_by })
            }
            (Step::OpenAndWin, DisputeOutcome::Opened { money, reason, respond_by, .. }) => {
                let (money, reason, respond_by) = (*money, Some(reason.clone()), Some(*respond_by));
                let opened = Event::Disputed { no, number: number.clone(), money, reason, respond_by };
                Effect { events: vec![opened, Event::DisputeWon { no, number }], ..Effect::none(said) }
            }
            (Step::Win, _) => Effect::one(said, Event::DisputeWon { no, number }),
            (Step::Lose, DisputeOutcome::Lost { money, .. }) => {
                if self.disputed(no, &number) < money.amount.minor() {
                    return self.contradiction(order, Some(*money), &number);
                }
                Effect::one(said, Event::DisputeLost { no, number, money: *money })
            }
            (Step::OpenAndLose, DisputeOutcome::Lost { money, .. }) => {
                let money = *money;
                let opened = Event::Disputed { no, number: number.clone(), money, reason: None, respond_by: None };
                let events = vec![opened, Event::DisputeLost { no, number, money }];
                Effect { events, ..Effect::none(said) }
            }
            _ => Effect::none(said),
        }
    }

    /// What was said about an order's dispute of this number.
    pub(super) fn of_dispute<'a>(&'a self, no: u16, number: &'a str) -> impl Iterator<Item = &'a Evidence> {
        let about = move |row: &&Evidence| row.outcome.is_of_dispute() && row.order == no;
        self.evidence.iter().filter(about).filter(move |row| row.channel_no.as_deref() == Some(number))
    }

    /// Minor units that were disputed under a number.
    fn disputed(&self, no: u16, number: &str) -> i64 {
        let opened = self.of_dispute(no, number).find(|row| row.outcome == Outcome::Disputed);
        opened.and_then(|row| row.amount).unwrap_or(0)
    }

    /// Whether an order has as many disputes as it may, and this is another.
    fn is_one_too_many(&self, no: u16, number: &str) -> bool {
        let known = self.evidence.iter().filter(|row| row.outcome.is_of_dispute() && row.order == no);
        let mut numbers: Vec<_> = known.filter_map(|row| row.channel_no.as_deref()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.len() >= limits::MAX_DISPUTES && !numbers.contains(&number)
    }

    fn suspect(&self, order: &Order, money: Money, channel_no: &str) -> Effect {
        self.contradiction(order, Some(money), channel_no)
    }

    fn contradiction(&self, order: &Order, money: Option<Money>, channel_no: &str) -> Effect {
        let said = Said { outcome: Outcome::Suspect, money, channel_no: Some(channel_no.to_owned()) };
        if self.evidence.iter().any(|row| said.is(row, order.no)) {
            return Effect::none(said);
        }
        Effect::one(said, Event::Suspected { no: order.no, channel_no: channel_no.to_owned() })
    }

    /// Whether another order of this trade at the same channel account has the number.
    fn is_taken(&self, order: &Order, channel_no: &str) -> bool {
        self.evidence.iter().any(|row| {
            let theirs = row.order != order.no && row.channel_no.as_deref() == Some(channel_no);
            theirs
                && row.outcome != Outcome::Suspect
                && self.get(row.order).is_some_and(|other| other.channel_account == order.channel_account)
        })
    }
}

impl Effect {
    fn none(said: Said) -> Self {
        Self { events: Vec::new(), said: Some(said), send_again: false }
    }

    fn one(said: Said, event: Event) -> Self {
        Self { events: vec![event], said: Some(said), send_again: false }
    }
}
