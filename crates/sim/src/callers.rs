//! The callers: what they ask, under which keys, and what they were told. They remember everything, as the product must.

use std::collections::BTreeMap;

use channel::sandbox::word::{PayWord, RefundWord};
use engine::flows::credit::line_of;
use engine::line::Reply;
use engine::request::{Caller, Command, CreditChange, GrantPoints, Idempotency, IssueCoupon, IssueGift, Request};
use kernel::message::payment::{CaseAct, Resolution, Tool, ToolRequest};
use kernel::message::risk::Signals;
use kernel::message::trade::{Command as TradeCommand, Create, DueRequest, LateSuccess, Refund, Share, UnpaidDue};
use kernel::time::SECOND_US;
use kernel::{
    Amount, Bucket, CaseId, Context, CouponId, CreditLineId, Currency, Destination, DestinationType, GiftId, Money,
    OrderType, Owner, PaymentId, PointsGrantId, RootId, Shards, StoredKind, SubType, Time, TradeId,
};
use payment::gift::Split;
use payment::{BillTerms, CouponTerms};

use crate::people;
use crate::plan::{self, Act, Kind, Means, OfChild, Party, Portion, Sale, Slice, What};
use crate::rng::Rng;

/// Something asked, under one key.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The request; the same each time it is made.
    pub(crate) request: Request,
    /// The answer, once there was one.
    pub(crate) told: Option<Reply>,
}

/// What somebody does about a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Resolve(Resolution),
    Propose(Resolution),
    Approve,
    Reject,
    Comment,
}

impl Deed {
    /// How many ways there are to do something.
    pub(crate) const WAYS: u8 = 12;

    /// By a number below [`Self::WAYS`]: four ways to resolve, the same to propose, and what another does then.
    pub(crate) const fn of(way: u8) -> Self {
        let resolution = match way % 4 {
            0 => Resolution::Accept,
            1 => Resolution::Refund,
            2 => Resolution::Retry,
            _ => Resolution::OtherWay,
        };
        match way {
            0..=3 => Self::Resolve(resolution),
            4..=7 => Self::Propose(resolution),
            8 | 9 => Self::Approve,
            10 => Self::Reject,
            _ => Self::Comment,
        }
    }
}

/// What a request says of who pays: one of few devices and cards, that many share, or nothing.
fn signals(act: u32) -> Signals {
    let named = |kind: &str, one: u32| (one > 0).then(|| format!("{kind}-{one}"));
    Signals { device: named("device", act % 4), ip: None, card_fingerprint: named("card", act % 3) }
}

/// All callers of a world.
pub(crate) struct Callers {
    seed: u64,
    shards: Shards,
    /// By the act that asked.
    pub(crate) asked: BTreeMap<u32, Asked>,
    /// Keys used so far, by scope: every caller counts its own from 1, so that keys meet.
    keys: BTreeMap<String, u32>,
}

impl Callers {
    /// Have asked nothing yet.
    pub(crate) fn new(seed: u64, shards: Shards) -> Self {
        Self { seed, shards, asked: BTreeMap::new(), keys: BTreeMap::new() }
    }

    /// What an act asks for the first time, remembered. `None` where what it refers to is not there.
    pub(crate) fn ask(&mut self, act: &Act, now: Time) -> Option<Request> {
        let (caller, command) = self.command(act, now)?;
        Some(self.remember(act.no, caller, command))
    }

    /// One of the platform's people does something about a case.
    pub(crate) fn desk(&mut self, act: u32, case: CaseId, who: u32, deed: Deed) -> Request {
        let note = || "looked at".to_owned();
        let what = match deed {
            Deed::Resolve(resolution) => CaseAct::Resolve { resolution, note: note() },
            Deed::Propose(resolution) => CaseAct::Propose { resolution, note: note() },
            Deed::Approve => CaseAct::Approve,
            Deed::Reject => CaseAct::Reject { note: note() },
            Deed::Comment => CaseAct::Comment { text: note(), attachment: None },
        };
        let command = Command::Case { case, by: people::desk(who), act: what };
        self.remember(act, Caller::Platform, command)
    }

    fn remember(&mut self, act: u32, caller: Caller, command: Command) -> Request {
        let request = self.request(act, caller, command);
        self.asked.insert(act, Asked { request: request.clone(), told: None });
        request
    }

    fn request(&mut self, act: u32, caller: Caller, command: Command) -> Request {
        let request_id = format!("r{act}");
        let counter = self.keys.entry(caller.scope()).or_insert(0);
        *counter += 1;
        let hash = blake3::hash(format!("{command:?}").as_bytes());
        let body_hash = hash.as_bytes().first_chunk::<16>().copied().unwrap_or_default();
        let idempotency = Some(Idempotency { key: format!("k{counter}"), body_hash });
        Request { caller, idempotency, request_id, signals: signals(act), assessment: None, command }
    }

    /// An earlier request with another body under the same key. A trade's is by a buyer of another shard, where there is
    /// one.
    pub(crate) fn altered(&self, act: u32) -> Option<Request> {
        let mut request = self.asked.get(&act)?.request.clone();
        if let Command::CreateTrade(create) = &mut request.command {
            let home = self.shards.of(create.id.0.bucket());
            let mut buyers = people::buyers(self.shards).iter().filter_map(|buyer| people::user(*buyer));
            let elsewhere = buyers.find(|buyer| people::home(self.shards, &Owner::User(buyer.clone())) != home);
            if let Some(buyer) = elsewhere {
                create.id = TradeId(self.root(act, &format!("user:{buyer}"), create.id.0.time()));
                create.payer = Owner::User(buyer);
            }
        }
        let idempotency = request.idempotency.as_mut()?;
        for byte in &mut idempotency.body_hash {
            *byte = !*byte;
        }
        Some(request)
    }

    /// An earlier request about a trade, made by a merchant that it does not belong to.
    pub(crate) fn trespass(&mut self, act: u32) -> Option<Request> {
        let request = self.asked.get(&act)?.request.clone();
        let (Caller::Merchant(own), Command::Trade(..) | Command::CancelPayment(_)) =
            (&request.caller, &request.command)
        else {
            return None;
        };
        let other = people::merchants().into_iter().find(|merchant| merchant != own)?;
        Some(self.request(act, Caller::Merchant(other), request.command))
    }

    /// The trade that an act opened, or asked to open.
    pub(crate) fn create(&self, act: u32) -> Option<&Create> {
        match &self.asked.get(&act)?.request.command {
            Command::CreateTrade(create) => Some(create),
            _ => None,
        }
    }

    /// The coupon that an act issued.
    fn coupon(&self, act: u32) -> Option<CouponId> {
        match &self.asked.get(&act)?.request.command {
            Command::IssueCoupon(issue) => Some(issue.id),
            _ => None,
        }
    }

    /// The gift that an act issued, or asked for.
    pub(crate) fn gift(&self, act: u32) -> Option<&IssueGift> {
        match &self.asked.get(&act)?.request.command {
            Command::IssueGift(issue) => Some(issue),
            _ => None,
        }
    }

    fn give(&self, act: u32, gift: &plan::Gift, now: Time) -> Option<Command> {
        let merchant = match gift.merchant {
            Some(merchant) => Some(people::merchant(merchant)?),
            None => None,
        };
        let issuer = merchant.map_or(Owner::Platform, Owner::Merchant);
        Some(Command::IssueGift(Box::new(IssueGift {
            id: GiftId(self.root(act, &issuer.to_string(), now)),
            merchant,
            kind: kind(gift.card),
            money: cny(gift.amount)?,
            shares: gift.shares,
            split: if gift.lucky { Split::Lucky } else { Split::Equal },
            code_hash: gift.code.then(|| code_of(act)),
            budget: gift.budget,
            expires_at: gift.life_s.map(|life| now.plus(i64::from(life) * SECOND_US)),
        })))
    }

    /// A claim with the gift's code, where it has one, or with that of another gift.
    fn claim(&self, act: u32, of: u32, user: u8, code: bool) -> Option<Command> {
        let gift = self.gift(of)?;
        let code_hash = if code { gift.code_hash } else { Some(code_of(act)) };
        let luck = Rng::new(self.seed, 1_000 + u64::from(act)).bits();
        Some(Command::ClaimGift { gift: gift.id, user: people::user(user)?, code_hash, luck })
    }

    fn command(&self, act: &Act, now: Time) -> Option<(Caller, Command)> {
        let platform = |command| Some((Caller::Platform, command));
        match &act.what {
            What::Fund { user, amount } => {
                platform(Command::Fund { owner: Owner::User(people::user(*user)?), money: cny(*amount)? })
            }
            What::FundMerchant { merchant, amount } => {
                let owner = Owner::Merchant(people::merchant(*merchant)?);
                platform(Command::Fund { owner, money: cny(*amount)? })
            }
            What::FundBudget { merchant, amount } => {
                let owner = match merchant {
                    Some(merchant) => Owner::Merchant(people::merchant(*merchant)?),
                    None => Owner::Platform,
                };
                platform(Command::FundBudget { owner, money: cny(*amount)? })
            }
            What::Issue { user, merchant, amount, budget, life_s } => {
                let merchant = match merchant {
                    Some(merchant) => Some(people::merchant(*merchant)?),
                    None => None,
                };
                platform(Command::IssueCoupon(Box::new(IssueCoupon {
                    id: CouponId(self.root(act.no, &format!("user:{user}"), now)),
                    merchant,
                    money: cny(*amount)?,
                    user: people::user(*user)?,
                    budget: *budget,
                    terms: terms(act.no),
                    expires_at: life_s.map(|life| now.plus(i64::from(life) * SECOND_US)),
                })))
            }
            What::Give(gift) => platform(self.give(act.no, gift, now)?),
            What::Claim { gift, user, code, by } => {
                let caller = match by {
                    Some(merchant) => Caller::Merchant(people::merchant(*merchant)?),
                    None => Caller::Platform,
                };
                Some((caller, self.claim(act.no, *gift, *user, *code)?))
            }
            What::Grant { user, points } => platform(Command::GrantPoints(Box::new(GrantPoints {
                id: PointsGrantId(self.root(act.no, &format!("user:{user}"), now)),
                user: people::user(*user)?,
                points: Amount::new(*points).ok()?,
                reference: None,
            }))),
            What::TakeBack { grant, points } => {
                let Command::GrantPoints(granted) = &self.asked.get(grant)?.request.command else { return None };
                platform(Command::ReversePoints { grant: granted.id, points: Some(Amount::new(*points).ok()?) })
            }
            What::Lend { user, limit, bills } => {
                let terms = bills.map(|(day, due_days)| BillTerms { day, due_days });
                platform(Command::OpenCredit { user: people::user(*user)?, limit: cny(*limit)?, terms })
            }
            What::Relend { user, limit, way } => {
                let change = match way {
                    0 => CreditChange::Limit(Amount::new(*limit).ok()?),
                    1 => CreditChange::Freeze,
                    _ => CreditChange::Unfreeze,
                };
                platform(Command::ChangeCredit { line: credit_line(*user)?, change })
            }
            What::Sell(sale) => self.sell(act.no, sale, now),
            What::Cart { cart, children } => self.cart(act.no, cart, children, now),
            What::OfChild { cart, child, what } => self.of_child(act.no, *cart, *child, *what),
            What::SellAgain { sale, other, buyer } => {
                let mut create = self.create(*sale)?.clone();
                if let Some(buyer) = buyer {
                    create.payer = Owner::User(people::user(*buyer)?);
                }
                create.id = TradeId(self.root(act.no, &create.payer.to_string(), now));
                let (parent, payer) = (create.id, create.payer.clone());
                for (place, child) in (1..).zip(&mut create.children) {
                    child.id = self.child_id(act.no, place, &payer, now);
                    (child.parent, child.payer) = (Some(parent), payer.clone());
                }
                if *other {
                    create.subject = Some("something else".to_owned());
                }
                Some((Caller::Merchant(create.context.merchant), Command::CreateTrade(Box::new(create))))
            }
            What::Pay { sale, tools, due } => {
                self.to_trade(*sale, TradeCommand::Pay { due: *due, tools: self.tools(tools)? })
            }
            What::Cancel { sale, payment } => {
                let create = self.create(*sale)?;
                let id = PaymentId::new(create.id, *payment);
                Some((Caller::Merchant(create.context.merchant), Command::CancelPayment(id)))
            }
            What::Close { sale } => self.to_trade(*sale, TradeCommand::Close),
            What::Confirm { sale, amount } => {
                let amount = amount.map(Amount::new).transpose().ok()?;
                self.to_trade(*sale, TradeCommand::Confirm { amount, splits: Vec::new() })
            }
            What::Refund { sale, amount, word } => {
                let refund = refund(act.no, *amount, *word)?;
                self.to_trade(*sale, TradeCommand::Refund(refund))
            }
            What::RefundAgain { refund, other } => self.refund_again(*refund, *other),
            What::Resolve { .. }
            | What::Repeat { .. }
            | What::Trespass { .. }
            | What::Read { .. }
            | What::Freeze { .. }
            | What::Crash
            | What::Store(_)
            | What::Wire(_)
            | What::Post(_)
            | What::Verify => None,
        }
    }

    fn to_trade(&self, sale: u32, command: TradeCommand) -> Option<(Caller, Command)> {
        let create = self.create(sale)?;
        Some((Caller::Merchant(create.context.merchant), Command::Trade(create.id, command)))
    }

    fn refund_again(&self, act: u32, other: bool) -> Option<(Caller, Command)> {
        let request = &self.asked.get(&act)?.request;
        let Command::Trade(id, TradeCommand::Refund(refund)) = &request.command else { return None };
        let mut refund = refund.clone();
        if other {
            refund.amount = Amount::new(refund.amount.minor() + 1).ok()?;
        }
        Some((request.caller.clone(), Command::Trade(*id, TradeCommand::Refund(refund))))
    }

    fn sell(&self, act: u32, sale: &Sale, now: Time) -> Option<(Caller, Command)> {
        let create = self.opening(act, sale, now)?;
        Some((Caller::Merchant(create.context.merchant), Command::CreateTrade(Box::new(create))))
    }

    /// A cart with its children, opened by the platform.
    fn cart(&self, act: u32, cart: &Sale, children: &[Sale], now: Time) -> Option<(Caller, Command)> {
        let mut create = self.opening(act, cart, now)?;
        create.context.order_type = OrderType::Combined;
        let (parent, payer) = (create.id, create.payer.clone());
        for (place, sale) in (1..).zip(children) {
            create.children.push(Create {
                id: self.child_id(act, place, &payer, now),
                merchant_order_id: format!("o{act}.{place}"),
                expires_at: None,
                parent: Some(parent),
                ..self.opening(act, sale, now)?
            });
        }
        Some((Caller::Platform, Command::CreateTrade(Box::new(create))))
    }

    fn child_id(&self, act: u32, place: u64, payer: &Owner, now: Time) -> TradeId {
        let rng = Rng::new(self.seed, 1_000_000 + u64::from(act) * 100 + place);
        let random = u128::from(rng.bits()) << 64 | u128::from(rng.bits());
        TradeId(RootId::new(now, Bucket::of(&payer.to_string()), random))
    }

    fn of_child(&self, act: u32, cart: u32, child: u8, what: OfChild) -> Option<(Caller, Command)> {
        let create = self.create(cart)?.children.get(usize::from(child))?;
        let command = match what {
            OfChild::Pay { amount } => {
                let tools = vec![ToolRequest { tool: Tool::Balance, amount: Amount::new(amount).ok()? }];
                TradeCommand::Pay { due: None, tools }
            }
            OfChild::Close => TradeCommand::Close,
            OfChild::Confirm { amount } => {
                TradeCommand::Confirm { amount: amount.map(Amount::new).transpose().ok()?, splits: Vec::new() }
            }
            OfChild::Refund { amount } => TradeCommand::Refund(refund(act, amount, None)?),
        };
        Some((Caller::Merchant(create.context.merchant), Command::Trade(create.id, command)))
    }

    fn opening(&self, act: u32, sale: &Sale, now: Time) -> Option<Create> {
        let merchant = people::merchant(sale.merchant)?;
        let (order_type, payer) = match sale.kind {
            Kind::Goods if sale.escrow => (OrderType::Escrow, Party::User(sale.buyer)),
            Kind::Goods => (OrderType::Instant, Party::User(sale.buyer)),
            Kind::TopUp(payee) => (OrderType::Topup, payee),
            Kind::Repay(user) => (OrderType::Repayment, Party::User(user)),
            Kind::Transfer(payer, _) => (OrderType::Transfer, payer),
            Kind::PayOut(payer, _) => (OrderType::Payout, payer),
        };
        let payer = people::owner(payer)?;
        let splits = sale.splits.iter().map(|(receiver, part)| {
            let receiver = match receiver {
                0 => Owner::Merchant(merchant),
                3 => Owner::Platform,
                seller => Owner::Seller(merchant, format!("s{seller}")),
            };
            Some(Share { receiver, amount: Amount::new(*part).ok()? })
        });
        let splits = match sale.kind {
            Kind::Goods | Kind::TopUp(_) | Kind::Repay(_) | Kind::PayOut(..) => splits.collect::<Option<_>>()?,
            Kind::Transfer(_, payee) => {
                vec![Share { receiver: people::owner(payee)?, amount: Amount::new(sale.amount).ok()? }]
            }
        };
        Some(Create {
            id: TradeId(self.root(act, &payer.to_string(), now)),
            context: Context { merchant, order_type, sub_type: SubType::general() },
            merchant_order_id: format!("o{act}"),
            money: cny(sale.amount)?,
            payer,
            subject: None,
            expires_at: sale.dues.is_empty().then(|| now.plus(i64::from(sale.life_s) * SECOND_US)),
            confirm_by: sale.confirm_s.map(|after| now.plus(i64::from(after) * SECOND_US)),
            return_url: None,
            metadata: BTreeMap::new(),
            splits,
            late_success: sale.reopen.then_some(LateSuccess::Reopen),
            dues: sale.dues.iter().map(|due| portion(*due, now)).collect::<Option<_>>()?,
            unpaid_due: sale.forfeit.then_some(UnpaidDue::Forfeit),
            destination: destination(sale.kind),
            children: Vec::new(),
            parent: None,
            pay: match &sale.pay {
                Some(tools) => Some(self.tools(tools)?),
                None => None,
            },
        })
    }

    /// The tools; a coupon that was never issued is left to the balance.
    fn tools(&self, slices: &[Slice]) -> Option<Vec<ToolRequest>> {
        let tool = |slice: &Slice| {
            let tool = match slice.tool {
                Means::Balance => Tool::Balance,
                Means::Points => Tool::Points,
                Means::Credit => Tool::Credit,
                Means::Stored { card } => Tool::Stored(kind(card)),
                Means::Coupon(act) => self.coupon(act).map_or(Tool::Balance, Tool::Coupon),
                Means::Channel { code, word } => Tool::Channel {
                    method: if code { "alipay.qr" } else { "card" }.to_owned(),
                    sandbox: Some(PayWord::as_str(word).to_owned()),
                },
            };
            Some(ToolRequest { tool, amount: Amount::new(slice.amount).ok()? })
        };
        slices.iter().map(tool).collect()
    }

    /// An id that the door draws, once per act.
    fn root(&self, act: u32, bucket: &str, now: Time) -> RootId {
        let rng = Rng::new(self.seed, 1_000 + u64::from(act));
        RootId::new(now, Bucket::of(bucket), u128::from(rng.bits()) << 64 | u128::from(rng.bits()))
    }
}

/// One coupon in four has terms.
fn terms(act: u32) -> CouponTerms {
    match act % 8 {
        0 => CouponTerms { min_spend: Amount::new(60).ok(), ..CouponTerms::default() },
        4 => CouponTerms { percent: Some(30), alone: true, ..CouponTerms::default() },
        _ => CouponTerms::default(),
    }
}

const fn kind(card: bool) -> StoredKind {
    if card { StoredKind::GIFT_CARD } else { StoredKind::RED_PACKET }
}

/// What is kept of the code of an act's gift.
fn code_of(act: u32) -> [u8; 32] {
    *blake3::hash(&act.to_le_bytes()).as_bytes()
}

/// A refund of an act; one in five is asked for by who may not spend users' own money.
fn refund(act: u32, amount: i64, word: Option<RefundWord>) -> Option<Refund> {
    Some(Refund {
        merchant_refund_id: format!("r{act}"),
        amount: Amount::new(amount).ok()?,
        reason: None,
        splits: Vec::new(),
        sandbox: word.map(|word| word.as_str().to_owned()),
        users_debit: !act.is_multiple_of(5),
    })
}

fn portion(due: Portion, now: Time) -> Option<DueRequest> {
    let opens_at = now.plus(i64::from(due.opens_s) * SECOND_US);
    let expires_at = opens_at.plus(i64::from(due.life_s) * SECOND_US);
    Some(DueRequest { amount: Amount::new(due.amount).ok()?, opens_at: Some(opens_at), expires_at: Some(expires_at) })
}

/// Where a payout goes.
fn destination(kind: Kind) -> Option<Destination> {
    let Kind::PayOut(_, word) = kind else { return None };
    let (account, name) = ("6222020200112233445".to_owned(), "Zhang San".to_owned());
    let sandbox = Some(word.as_str().to_owned());
    Some(Destination { kind: DestinationType::BankAccount, channel_account: None, account, name, sandbox })
}

/// The credit line of a user, whether or not there is one.
fn credit_line(user: u8) -> Option<CreditLineId> {
    Some(line_of(&people::user(user)?, Currency::parse("CNY")?, &people::SALT))
}

fn cny(minor: i64) -> Option<Money> {
    Some(Money { amount: Amount::new(minor).ok()?, currency: Currency::parse("CNY")? })
}
