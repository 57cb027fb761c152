//! One trade and everything below it, driven by a random script through the domains' own machines: what a batch loop does,
//! without a store. Whatever a machine refuses undoes its whole step.

mod things;

use std::collections::{BTreeMap, BTreeSet};

use accounting::Books;
use channel::adapter::{Adapter as _, Answer};
use channel::sandbox::Sandbox;
use channel::{Job, Orders, Profiles, Told};
use kernel::message::accounting::{CouponSource, Onto, PayLeg, Post, Refused, Source, Verb};
use kernel::message::channel::{
    Command as ChannelCommand, Credential, DisputeOutcome, PayOutcome, PayoutOutcome, RefundOutcome,
};
use kernel::message::payment::{Command as PaymentCommand, LegShare, ParentPaid, Tool, ToolRequest};
use kernel::message::risk::{Asked, Assessment, CounterId, Heard, Signals, Switch, Window};
use kernel::message::rules::{
    AskRisk, Paying, PaymentRules, PaymentTerms, PointsWorth, RuleRefusal, TradeTerms, Unsaid, Velocity,
};
use kernel::message::trade::{Command, Create, DueRequest, LateSuccess, OfParent, Refund, Share};
use kernel::time::{DAY_US, HOUR_US, MINUTE_US, SECOND_US};
use kernel::{
    Amount, BillId, Bucket, CaseId, Context, CouponId, CreditLineId, Currency, Destination, DestinationType, GiftId,
    InstructionId, KeyId, MerchantId, Money, OrderId, OrderType, Owner, PaymentId, PointsGrantId, RootId, Scenes,
    StoredKind, SubType, Time, TradeId, UserId,
};
use payment::coupon::CouponStatus;
use payment::gift::{self, Split};
use payment::{
    Approvals, Bill, BillTerms, Billing, ChannelAccount, Counter, Coupon, CouponTerms, CreditLine, Gift, Oldest,
    Payments, PointsGrant, Routes,
};
use trade::Trade;

use self::things::*;
use super::script::{FACES, PRICE, Part, Script, Step, Word};
use crate::tables::accounting::Holds;
use crate::unit::Memory;

const START: Time = Time::from_micros(1_800_000_000_000_000);

const COUNTER: CounterId = CounterId(RootId::from_bytes([5; 16]));

/// Every payment is planned on the same terms, and counted for its day or not.
#[derive(Clone, Debug)]
struct Rules {
    counts: bool,
    /// Whether the merchant's budget pays for points.
    budget: bool,
}

impl PaymentRules for Rules {
    fn terms(&self, _: &Paying<'_>) -> Result<PaymentTerms, RuleRefusal> {
        let ask = AskRisk { no_answer: Unsaid::Pass, degraded: Unsaid::Pass };
        let points = Some(PointsWorth { points: 3, minor: 2, budget: self.budget });
        Ok(PaymentTerms { ask_risk: self.counts.then_some(ask), points, ..PaymentTerms::default() })
    }

    fn stops(&self, _: &Paying<'_>) -> bool {
        false
    }

    fn velocity(&self, paying: &Paying<'_>) -> Vec<Velocity> {
        let (minor, most) = (paying.money.amount.minor(), PRICE);
        let (book, rule, why) = ("shop".to_owned(), "a-day".to_owned(), "enough".to_owned());
        let refusal = RuleRefusal { rule_version: 1, book, rule, why, place: None };
        let window = Window::Last(10 * MINUTE_US);
        let limit = Velocity { counter: COUNTER, window, minor, sum: Some(most), count: None, refusal };
        self.counts.then_some(limit).into_iter().collect()
    }
}

fn signals() -> Signals {
    let (device, card) = ("d-1".to_owned(), "f-1".to_owned());
    Signals { device: Some(device), ip: "192.0.2.7".parse().ok(), card_fingerprint: Some(card) }
}

/// One trade and everything below it.
#[derive(Clone)]
pub(super) struct Town {
    trade: Trade,
    payments: Payments,
    orders: Orders,
    books: Books,
    coupons: BTreeMap<CouponId, Coupon>,
    gifts: BTreeMap<GiftId, Gift>,
    grant: PointsGrant,
    line: CreditLine,
    bills: [Bill; 2],
    /// What a day's payments are counted in, where they are.
    counter: Counter,
    rules: Rules,
    signals: Signals,
    switches: BTreeSet<Switch>,
    now: Time,
    seq: i64,
    claims: BTreeMap<String, OrderId>,
}

fn root(random: u128) -> RootId {
    RootId::new(START, Bucket::of("user:42"), random)
}

fn cny(minor: i64) -> Money {
    Money { amount: amount(minor), currency: Currency::parse("CNY").unwrap() }
}

fn amount(minor: i64) -> Amount {
    Amount::new(minor).unwrap()
}

fn merchant() -> MerchantId {
    MerchantId(root(1))
}

fn buyer() -> UserId {
    UserId::parse("42").unwrap()
}

/// The trade that pays this one, where one does.
fn parent() -> TradeId {
    TradeId(root(50))
}

/// Its payment, which is on its way to this trade.
fn parents_post() -> Post {
    let context = Context { merchant: merchant(), order_type: OrderType::Combined, sub_type: SubType::general() };
    let leg = PayLeg { source: Source::Channel("sandbox".to_owned()), amount: amount(PRICE) };
    Post {
        context: Some(context),
        merchant: Some(merchant()),
        currency: cny(PRICE).currency,
        object: PaymentId::new(parent(), 2).to_string(),
        verb: Verb::Pay { legs: vec![leg], receivers: Vec::new(), onto: Onto::Settlement },
    }
}

fn coupon_id(n: usize) -> CouponId {
    CouponId(root(100 + n as u128))
}

fn gift_id(n: u8) -> GiftId {
    GiftId(root(200 + u128::from(n)))
}

impl Town {
    pub(super) fn new(script: &Script) -> Self {
        let create = order(script);
        let (trade, reaction) =
            Trade::create(&create, &trade::Known { now: START, terms: TradeTerms::default(), away: None }).unwrap();
        let mut town = Self {
            payments: Payments::new(trade.id),
            orders: Orders::new(trade.id),
            trade,
            books: Books::default(),
            coupons: BTreeMap::new(),
            gifts: BTreeMap::new(),
            grant: grant(script.plain),
            line: line(script.plain),
            bills: bills(),
            counter: Counter::new(COUNTER),
            rules: Rules { counts: !script.plain, budget: script.plain },
            signals: if script.plain { Signals::default() } else { signals() },
            switches: if script.funds % 2 == 0 { [Switch::Risk].into() } else { BTreeSet::new() },
            now: START,
            seq: 1,
            claims: BTreeMap::new(),
        };
        town.fund(Verb::Fund { owner: Owner::User(buyer()), money: cny(script.funds) });
        town.fund(Verb::Fund { owner: Owner::Merchant(merchant()), money: cny(script.funds) });
        town.fund(Verb::FundBudget { owner: Owner::Platform, money: cny(1_000) });
        town.fund(Verb::Fund { owner: Owner::Merchant(merchant()), money: cny(300) });
        town.fund(Verb::FundBudget { owner: Owner::Merchant(merchant()), money: cny(300) });
        if town.trade.parent.is_some() {
            town.book(&parents_post()).unwrap();
        }
        for (n, face) in FACES.into_iter().enumerate() {
            let coupon = coupon(n, face, script.plain);
            town.book(&coupon.issue_post()).unwrap();
            town.coupons.insert(coupon.id, coupon);
        }
        for (n, shares) in (0..).zip([1, 3]) {
            let gift = gift(n, shares, script.plain);
            town.book(&gift.issue_post()).unwrap();
            town.gifts.insert(gift.id, gift);
        }
        let granted = town.grant.grant_post();
        town.book(&granted).unwrap();
        town.react(reaction).unwrap();
        town
    }

    /// One step of a script, all or nothing.
    pub(super) fn step(&mut self, step: &Step) {
        let before = self.clone();
        self.seq += 1;
        self.now = self.now.plus(1_000);
        if self.run(step).is_none() {
            *self = before;
        }
    }

    /// Everything as the store is given it.
    pub(super) fn memory(&self) -> Memory {
        let mut memory = Memory::default();
        let trade = self.trade.id;
        memory.put(trade, Some(self.trade.clone().into()));
        memory.put(trade, (!self.payments.payments.is_empty()).then(|| self.payments.clone().into()));
        memory.put(trade, (!self.orders.orders.is_empty()).then(|| self.orders.clone().into()));
        let holds = Holds { trade, holds: self.books.holds.clone() };
        memory.put(trade, (!holds.holds.is_empty()).then(|| holds.into()));
        for (id, account) in &self.books.accounts {
            memory.put(*id, Some(account.clone().into()));
        }
        for (id, coupon) in &self.coupons {
            memory.put(*id, Some(coupon.clone().into()));
        }
        for (id, gift) in &self.gifts {
            memory.put(*id, Some(gift.clone().into()));
        }
        memory.put(self.line.id, Some(self.line.clone().into()));
        for bill in self.bills.iter().filter(|_| self.line.billing.is_some()) {
            memory.put(bill.id, Some(bill.clone().into()));
        }
        memory.put(self.grant.id, Some(self.grant.clone().into()));
        memory.put(COUNTER, (!self.counter.is_empty()).then(|| self.counter.clone().into()));
        memory
    }

    fn run(&mut self, step: &Step) -> Option<()> {
        match step {
            Step::Pay(parts) if self.trade.parent.is_some() => {
                let paid = self.paid_by_parent(parts);
                self.trade(trade::Input::Parent(OfParent::Paid(Box::new(paid))))
            }
            Step::Close if self.trade.parent.is_some() => {
                self.trade(trade::Input::Parent(OfParent::Closed { expired: false }))
            }
            Step::Pay(parts) => {
                let due = self.trade.open_due(self.now).map_or(PRICE, |due| due.amount.minor());
                self.command(Command::Pay { due: None, tools: tools(parts, due) })
            }
            Step::Confirm(part) => self.command(Command::Confirm { amount: part.map(amount), splits: Vec::new() }),
            Step::Close => self.command(Command::Close),
            Step::Wait(minutes) => {
                self.now = self.now.plus(minutes * MINUTE_US);
                for bill in &mut self.bills {
                    bill.expire(self.now);
                }
                Some(())
            }
            Step::Timers => self.timers(),
            Step::Refund(minor) => self.command(Command::Refund(Refund {
                merchant_refund_id: format!("R{}", self.seq),
                amount: amount(*minor),
                reason: (minor % 2 == 0).then(|| "太大了".to_owned()),
                splits: Vec::new(),
                sandbox: (minor % 3 == 0).then(|| "refund_fails".to_owned()),
                users_debit: true,
            })),
            Step::Cancel(no) => {
                self.payment(payment::Input::Command(PaymentCommand::Cancel(PaymentId::new(self.trade.id, *no))))
            }
            Step::Desk(no, who, act) => self.payment(payment::Input::Command(PaymentCommand::Case {
                case: CaseId::new(self.trade.id, *no),
                by: KeyId(root(u128::from(*who))),
                act: act.clone(),
            })),
            Step::Tell(place, word) => self.tell(*place, *word),
            Step::Freeze(place) => {
                let count = self.books.accounts.len();
                let account = self.books.accounts.values_mut().nth(place % count)?;
                account.debit_frozen = !account.debit_frozen;
                account.credit_frozen = place % 2 == 0;
                account.closed = place % 3 == 0;
                Some(())
            }
            // Another trade is faster.
            Step::Rival(n) => {
                let rival = InstructionId::new(TradeId(root(3)), 1);
                self.coupon(coupon_id(*n), payment::coupon::Command::Hold(rival))
            }
            Step::Claim(n, Some(user)) => {
                let user = if *user == 0 { buyer() } else { UserId::parse(&format!("u{user}")).unwrap() };
                let code_hash = (*n == 0).then_some([7; 32]);
                self.gift(
                    gift_id(*n),
                    &gift::Command::Claim { user, code_hash, luck: self.seq.unsigned_abs(), away: None },
                )
            }
            Step::TakeBack(points) => {
                let post = self.grant.reverse(points.map(amount)).ok()?;
                self.book(&post).ok()
            }
            Step::Claim(n, None) => self.gift(gift_id(*n), &gift::Command::Expire),
        }
    }

    /// What a parent paid by these tools; its order at the institution is the third of its tree.
    fn paid_by_parent(&self, parts: &[Part]) -> ParentPaid {
        let share = |(instruction, request): (u16, ToolRequest)| {
            let outside = matches!(request.tool, Tool::Channel { .. });
            let source = match &request.tool {
                Tool::Coupon(coupon) => self.coupons.get(coupon).map(|coupon| coupon.source.clone()),
                Tool::Points => Some(CouponSource::Expense),
                _ => None,
            };
            let credit_limit = (request.tool == Tool::Credit).then_some(PRICE);
            LegShare {
                instruction,
                tool: request.tool,
                amount: request.amount,
                channel_account: outside.then(|| "sandbox".to_owned()),
                order: outside.then_some(3),
                source,
                // So small a share that it has none.
                points: 0,
                credit_limit,
            }
        };
        let legs = (4..).zip(tools(parts, PRICE)).map(share).collect();
        ParentPaid { payment: PaymentId::new(parent(), 2), rule_version: 1, legs }
    }

    fn gift(&mut self, id: GiftId, command: &gift::Command) -> Option<()> {
        let now = self.now;
        let posts = self.gifts.get_mut(&id)?.handle(command, now).ok()?;
        posts.iter().try_for_each(|post| self.book(post).ok())
    }

    fn timers(&mut self) -> Option<()> {
        for id in self.coupons.keys().copied().collect::<Vec<_>>() {
            self.coupon(id, payment::coupon::Command::Expire)?;
        }
        self.command(Command::Expire)?;
        self.command(Command::ConfirmByTime)
    }

    fn command(&mut self, command: Command) -> Option<()> {
        self.trade(trade::Input::Command(command))
    }

    fn trade(&mut self, input: trade::Input) -> Option<()> {
        let reaction =
            self.trade.handle(input, &trade::Known { now: self.now, terms: TradeTerms::default(), away: None }).ok()?;
        self.react(reaction)
    }

    fn react(&mut self, reaction: trade::Reaction) -> Option<()> {
        for message in reaction.messages {
            match message {
                trade::Message::Payment(command) => self.payment(payment::Input::Command(command))?,
                trade::Message::Post(post) => self.book(&post).ok()?,
                trade::Message::Send { .. } => unreachable!("everybody lives here"),
                // Who is paid by this trade lives in another town.
                trade::Message::Child(..) => {}
            }
        }
        Some(())
    }

    fn payment(&mut self, input: payment::Input) -> Option<()> {
        let (methods, payouts) = (vec!["card".to_owned()], vec!["bank_account".to_owned()]);
        let routes = Routes { accounts: vec![ChannelAccount { name: "sandbox".to_owned(), methods, payouts }] };
        let counters = BTreeMap::from([(COUNTER, self.counter.clone())]);
        let known = payment::Known {
            now: self.now,
            coupons: &self.coupons,
            children: &[],
            routes: &routes,
            credit: Some(&self.line),
            counters: &counters,
            signals: &self.signals,
            switches: &self.switches,
            asked: &Asked::Heard(Assessment {
                heard: Heard::Pass,
                code: Some("R-1".to_owned()),
                attempt: Some(1),
                waited_ms: 12,
            }),
            rules: &self.rules,
            approvals: &Approvals::default(),
        };
        let reaction = self.payments.handle(&input, &known).ok()?;
        for message in reaction.messages {
            match message {
                payment::Message::Child(..) | payment::Message::ShareDisputed(..) => {}
                payment::Message::Trade(fact) => self.trade(trade::Input::Fact(fact))?,
                payment::Message::Channel(mut command) => {
                    if let ChannelCommand::Place(place) = &mut command {
                        place.destination.clone_from(&self.trade.destination);
                    }
                    self.channel(channel::Input::Command(command))?;
                }
                payment::Message::Coupon(id, command) => self.coupon(id, command)?,
                payment::Message::Counter(_, command) => self.counter.handle(command, self.now),
                payment::Message::Post { post, token } => {
                    let result = self.book(&post);
                    self.payment(payment::Input::Booked { token, result })?;
                }
            }
        }
        Some(())
    }

    fn channel(&mut self, input: channel::Input) -> Option<()> {
        let profiles: Profiles = BTreeMap::from([("sandbox".to_owned(), Sandbox.profile())]);
        let taken: BTreeSet<String> = match &input {
            channel::Input::Told(told) => {
                let number = told.word.channel_no().map(str::to_owned);
                number
                    .filter(|number| self.claims.get(number).is_some_and(|by| *by != told.order))
                    .into_iter()
                    .collect()
            }
            channel::Input::Command(_) => BTreeSet::new(),
        };
        let known = channel::Known { now: self.now, profiles: &profiles, jitter: 7, taken: &taken };
        for message in self.orders.handle(input, &known).ok()?.messages {
            match message {
                channel::Message::Payment(fact) => self.payment(payment::Input::Channel(fact))?,
                channel::Message::Claim { channel_no, order, .. } => {
                    self.claims.insert(channel_no, order);
                }
            }
        }
        Some(())
    }

    fn coupon(&mut self, id: CouponId, command: payment::coupon::Command) -> Option<()> {
        for post in self.coupons.get_mut(&id)?.handle(command, self.now).ok()? {
            self.book(&post).ok()?;
        }
        Some(())
    }

    fn book(&mut self, post: &Post) -> Result<(), Refused> {
        let legs = accounting::legs(post, &self.books);
        self.books.book(&legs, self.seq).map(|_| ())
    }

    fn fund(&mut self, verb: Verb) {
        let post = Post { context: None, merchant: None, currency: cny(1).currency, object: "test".to_owned(), verb };
        self.book(&post).unwrap();
    }

    fn tell(&mut self, place: usize, word: Word) -> Option<()> {
        let count = self.orders.orders.len();
        let order = self.orders.orders.get(place % count.max(1))?;
        let number = |n: u8| format!("T{}", u16::from(n) + order.no / 2);
        let (at, code) = (self.now, || "do_not_honor".to_owned());
        let pays = matches!(order.job, Job::Pay { .. });
        let out = matches!(order.job, Job::Payout { .. });
        let paid = |money, n| match order.job {
            Job::Pay { .. } => Answer::Pay(PayOutcome::Paid { money, at, channel_no: number(n) }),
            Job::Refund { .. } => Answer::Refund(RefundOutcome::Refunded { money, at, channel_no: number(n) }),
            Job::Payout { .. } => Answer::Payout(PayoutOutcome::PaidOut { money, at, channel_no: number(n) }),
        };
        let word = match word {
            Word::Disputed(n, whole) => Answer::Dispute(DisputeOutcome::Opened {
                number: number(100 + n),
                money: if whole { order.money } else { cny(60) },
                reason: "fraudulent".to_owned(),
                respond_by: at.plus(SECOND_US),
                at,
            }),
            Word::DisputeWon(n) => Answer::Dispute(DisputeOutcome::Won { number: number(100 + n), at }),
            Word::DisputeLost(n, whole) => {
                let money = if whole { order.money } else { cny(40) };
                Answer::Dispute(DisputeOutcome::Lost { number: number(100 + n), money, at })
            }
            Word::Accepted if pays => Answer::Pay(PayOutcome::Accepted(match place % 2 {
                0 => Credential::Redirect("https://bank.example/1".to_owned()),
                _ => Credential::QrCode("weixin://1".to_owned()),
            })),
            Word::Under if pays => Answer::Pay(PayOutcome::Paying),
            Word::Closed if pays => Answer::Pay(PayOutcome::Closed),
            Word::Refused(_) if pays => Answer::Pay(PayOutcome::Failed { code: code() }),
            Word::Accepted | Word::Under | Word::Closed if out => Answer::Payout(PayoutOutcome::Accepted),
            Word::Refused(_) if out => Answer::Payout(PayoutOutcome::Failed { code: code() }),
            Word::Returned if out => Answer::Payout(PayoutOutcome::Returned { money: order.money, at, code: code() }),
            Word::Accepted | Word::Under | Word::Closed => Answer::Refund(RefundOutcome::Accepted),
            Word::Refused(other_way) => Answer::Refund(RefundOutcome::Failed { code: code(), other_way }),
            Word::Returned if !pays => Answer::Refund(RefundOutcome::Returned { code: code(), at }),
            Word::Done(n) => paid(order.money, n),
            Word::Other(minor) => paid(cny(minor), 9),
            Word::Foreign => paid(Money { amount: amount(700), currency: Currency::parse("USD").unwrap() }, 8),
            Word::NotFound => Answer::NotFound,
            Word::Unknown | Word::Returned => Answer::Unknown,
        };
        let order = OrderId::new(self.trade.id, order.no);
        let source = channel::Source::ALL[place % channel::Source::ALL.len()];
        self.channel(channel::Input::Told(Told { order, word, source, digest: [place as u8; 32] }))
    }
}
