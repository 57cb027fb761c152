//! A new trade: defaults, and the checks that need nothing but the request and the time.
//!
//! The door has already checked every field's own shape. A sale names nobody as receiver but its merchant, that
//! merchant's sellers and the platform; what a user receives is another type of trade. Money that goes to a merchant's
//! balance, or comes from there, is that of the trade's own merchant.

use kernel::message::payment::{Tool, ToolRequest};
use kernel::message::rules::TradeTerms;
use kernel::message::trade::{Create, DueRequest, LateSuccess, Share, UnpaidDue};
use kernel::{Amount, OrderType, Owner, Time, limits};

use crate::{Child, Due, Known, Moved, News, Reaction, Refusal, Split, Status, Trade, parts};

impl Trade {
    /// Opens a trade, with its first payment where `pay` is given; refused as a whole where either is.
    pub fn create(create: &Create, known: &Known) -> Result<(Self, Reaction), Refusal> {
        let mut trade = Self::open(create, known)?;
        let created = News { kind: "trade.created", sequence: trade.sequence };
        let mut reaction = Reaction { messages: Vec::new(), news: vec![created] };
        let own = trade.own_tools();
        if let Some(tools) = create.pay.as_deref().or(own.as_deref()) {
            let events = trade.pay(None, tools, "pay.tools", known.now)?;
            reaction.extend(trade.perform(&events));
        }
        Ok((trade, reaction))
    }

    /// With what a trade pays itself.
    fn own_tools(&self) -> Option<Vec<ToolRequest>> {
        let tool = match (self.context.order_type, &self.destination) {
            (OrderType::Transfer, _) => Tool::Balance,
            (OrderType::Payout, Some(to)) => Tool::Payout { to: to.kind, sandbox: to.sandbox.clone() },
            (OrderType::Payout, None)
            | (
                OrderType::Instant | OrderType::Escrow | OrderType::Topup | OrderType::Repayment | OrderType::Combined,
                _,
            ) => return None,
        };
        Some(vec![ToolRequest { tool, amount: self.money.amount }])
    }

    fn open(create: &Create, known: &Known) -> Result<Self, Refusal> {
        let Known { now, terms, .. } = *known;
        check_dues(create, &terms, now)?;
        check_children(create)?;
        let dues = match create.dues.as_slice() {
            [] => vec![Due {
                no: 1,
                amount: create.money.amount,
                opens_at: now,
                expires_at: expiry(create, &terms, now)?,
                paid: None,
            }],
            _ => dues(create, &terms, now),
        };
        let expires_at = dues.iter().map(|due| due.expires_at).max().unwrap_or(now);
        check_confirm_by(create, &dues, now)?;
        check_payer(create)?;
        check_receivers(create)?;
        if terms.fee >= create.money.amount.minor() {
            return Err(Refusal::BelowFee(terms.fee));
        }
        if create.destination.is_some() != (create.context.order_type == OrderType::Payout) {
            return Err(Refusal::DestinationNotApplicable);
        }
        Ok(Self {
            id: create.id,
            context: create.context.clone(),
            merchant_order_id: create.merchant_order_id.clone(),
            money: create.money,
            payer: create.payer.clone(),
            subject: create.subject.clone(),
            created_at: now,
            expires_at,
            expiry_given: create.expires_at.is_some(),
            confirm_by: confirm_by(create, &terms, now, expires_at),
            return_url: create.return_url.clone(),
            metadata: create.metadata.clone(),
            late_success: late_success(create, &terms),
            status: Status::Created,
            sequence: 1,
            paid: 0,
            moved: Moved::default(),
            dues,
            unpaid_due: unpaid_due(create, &terms),
            splits: (1..).zip(receivers(create, &terms)).map(|(no, share)| split(no, share)).collect(),
            children: create.children.iter().map(child).collect(),
            parent: create.parent,
            destination: create.destination.clone(),
            away: known.away,
        })
    }

    /// Whether a repeated merchant order number asks for the trade that is already there. Compared is what the client
    /// said, not the id and not `pay`; what was left to the default both times is the same. `terms` are those that held
    /// when the trade was opened.
    pub fn same_content(&self, create: &Create, terms: &TradeTerms) -> bool {
        let expiry = if self.expiry_given { Some(self.expires_at) } else { None };
        self.context == create.context
            && self.merchant_order_id == create.merchant_order_id
            && self.money == create.money
            && self.payer == create.payer
            && self.subject == create.subject
            && expiry == create.expires_at
            && self.confirm_by == confirm_by(create, terms, self.created_at, self.expires_at)
            && self.return_url == create.return_url
            && self.metadata == create.metadata
            && self.late_success == late_success(create, terms)
            && self.unpaid_due == unpaid_due(create, terms)
            && self.same_dues(create, terms)
            && self.destination == create.destination
            && self.parent == create.parent
            && self.same_children(create)
            && self.splits.iter().map(Split::share).eq(receivers(create, terms))
    }

    /// Whether it asks for children of the same merchants and amounts; what else they are is theirs to compare.
    fn same_children(&self, create: &Create) -> bool {
        let theirs = create.children.iter().map(child);
        self.children.len() == create.children.len()
            && self.children.iter().zip(theirs).all(|(a, b)| (a.merchant, a.amount) == (b.merchant, b.amount))
    }

    /// Whether it asks for the same dues. That of a trade with one follows from what is compared anyway.
    fn same_dues(&self, create: &Create, terms: &TradeTerms) -> bool {
        let unpaid = self.dues.iter().map(|due| Due { paid: None, ..due.clone() });
        match create.dues.as_slice() {
            [] => !self.has_dues(),
            _ => unpaid.eq(dues(create, terms, self.created_at)),
        }
    }
}

fn split(no: u16, share: Share) -> Split {
    Split { no, receiver: share.receiver, amount: share.amount, moved: Moved::default() }
}

fn child(create: &Create) -> Child {
    Child { trade: create.id, merchant: create.context.merchant, amount: create.money.amount }
}

/// The receivers; where none is named, all to the merchant, or to whose balance a top-up fills or debt a repayment makes
/// less. The platform's fee is a part like any other, so that what goes back of the trade goes back of the fee, too.
fn receivers(create: &Create, terms: &TradeTerms) -> Vec<Share> {
    let only = |receiver: &Owner| Share { receiver: receiver.clone(), amount: create.money.amount };
    let named = match (create.context.order_type, create.splits.is_empty()) {
        (_, false) => create.splits.clone(),
        (OrderType::Instant | OrderType::Escrow, true) => vec![only(&Owner::Merchant(create.context.merchant))],
        (OrderType::Topup | OrderType::Transfer | OrderType::Payout | OrderType::Repayment, true) => {
            vec![only(&create.payer)]
        }
        (OrderType::Combined, true) => return Vec::new(),
    };
    with_fee(named, terms.fee)
}

/// Takes the fee out of the one receiver that there is where there is a fee.
fn with_fee(mut shares: Vec<Share>, fee: i64) -> Vec<Share> {
    if let ([only], Ok(fee)) = (shares.as_mut_slice(), Amount::new(fee))
        && let Ok(rest) = Amount::new(only.amount.minor() - fee.minor())
    {
        only.amount = rest;
        shares.push(Share { receiver: Owner::Platform, amount: fee });
    }
    shares
}

/// The dues of a request that names them. One opens with the one before it, the first at once, and can be paid for the
/// default life from its opening, where nothing else is said.
fn dues(create: &Create, terms: &TradeTerms, now: Time) -> Vec<Due> {
    let mut before = now;
    let due = |(no, request): (u16, &DueRequest)| {
        let opens_at = request.opens_at.unwrap_or(before);
        before = opens_at;
        let expires_at = request.expires_at.unwrap_or(opens_at.max(now).plus(terms.life_us));
        Due { no, amount: request.amount, opens_at, expires_at, paid: None }
    };
    (1..).zip(&create.dues).map(due).collect()
}

/// What comes too late for one of several dues, or of several trades, goes back: what the others brought has gone where it
/// goes by then, and who sells something else may have sold it to others.
fn late_success(create: &Create, terms: &TradeTerms) -> LateSuccess {
    let several = !create.dues.is_empty() || !create.children.is_empty() || create.parent.is_some();
    if several { LateSuccess::Refund } else { create.late_success.unwrap_or(terms.late_success) }
}

/// The children of a combined trade: sales to the same buyer, in the same currency, paid whole and by this trade. What one
/// of them says of itself is checked where it is opened.
fn check_children(create: &Create) -> Result<(), Refusal> {
    if create.children.is_empty() != (create.context.order_type != OrderType::Combined) {
        return Err(Refusal::ChildrenNotApplicable);
    }
    if create.children.is_empty() {
        return Ok(());
    }
    if create.late_success.is_some() {
        return Err(Refusal::NotWithDues("late_success"));
    }
    if create.children.len() > limits::MAX_CHILDREN {
        return Err(Refusal::TooManyChildren);
    }
    let sale = |child: &Create| matches!(child.context.order_type, OrderType::Instant | OrderType::Escrow);
    let fits = |child: &Create| {
        sale(child)
            && child.parent == Some(create.id)
            && child.payer == create.payer
            && child.money.currency == create.money.currency
            && child.dues.is_empty()
            && child.pay.is_none()
    };
    if let Some(place) = create.children.iter().position(|child| !fits(child)) {
        return Err(Refusal::ChildNotApplicable(place));
    }
    let sum = parts::total(create.children.iter().map(|child| child.money.amount), "children")?;
    parts::sums_to(create.money.amount.minor(), sum, "children")
}

fn unpaid_due(create: &Create, terms: &TradeTerms) -> Option<UnpaidDue> {
    (!create.dues.is_empty()).then(|| create.unpaid_due.unwrap_or(terms.unpaid_due))
}

/// Only sales are paid in parts. What the dues say themselves, the trade does not say another way.
fn check_dues(create: &Create, terms: &TradeTerms, now: Time) -> Result<(), Refusal> {
    if create.dues.is_empty() {
        return if create.unpaid_due.is_none() { Ok(()) } else { Err(Refusal::NotWithDues("unpaid_due")) };
    }
    match create.context.order_type {
        OrderType::Instant | OrderType::Escrow => {}
        OrderType::Topup | OrderType::Transfer | OrderType::Payout | OrderType::Repayment | OrderType::Combined => {
            return Err(Refusal::NotWithDues("dues"));
        }
    }
    if create.expires_at.is_some() {
        return Err(Refusal::NotWithDues("expires_at"));
    }
    if create.late_success.is_some() {
        return Err(Refusal::NotWithDues("late_success"));
    }
    if create.dues.len() > limits::MAX_DUES {
        return Err(Refusal::TooManyDues);
    }
    let sum = parts::total(create.dues.iter().map(|due| due.amount), "dues")?;
    parts::sums_to(create.money.amount.minor(), sum, "dues")?;
    check_due_times(&dues(create, terms, now), now)
}

fn check_due_times(dues: &[Due], now: Time) -> Result<(), Refusal> {
    let backwards = dues.windows(2).position(|pair| matches!(pair, [one, next] if next.opens_at < one.opens_at));
    if let Some(place) = backwards {
        return Err(Refusal::OpensAtInvalid(place + 1));
    }
    let lives = |due: &Due| {
        due.expires_at.since(due.opens_at.max(now)) >= limits::MIN_TRADE_LIFE_US
            && due.expires_at.since(now) <= limits::MAX_TRADE_LIFE_US
    };
    match dues.iter().position(|due| !lives(due)) {
        Some(place) => Err(Refusal::DueExpiryInvalid(place)),
        None => Ok(()),
    }
}

fn expiry(create: &Create, terms: &TradeTerms, now: Time) -> Result<Time, Refusal> {
    let life = limits::MIN_TRADE_LIFE_US..=limits::MAX_TRADE_LIFE_US;
    match create.expires_at {
        None => Ok(now.plus(terms.life_us)),
        Some(at) if life.contains(&at.since(now)) => Ok(at),
        Some(_) => Err(Refusal::ExpiresAtInvalid),
    }
}

/// When escrow is released by itself. Where that is left to the default, not before the trade can no longer be paid.
fn confirm_by(create: &Create, terms: &TradeTerms, opened: Time, expires_at: Time) -> Option<Time> {
    let default = || match create.context.order_type {
        OrderType::Escrow => terms.confirm_us.map(|after| opened.plus(after).max(expires_at)),
        OrderType::Instant
        | OrderType::Topup
        | OrderType::Transfer
        | OrderType::Payout
        | OrderType::Repayment
        | OrderType::Combined => None,
    };
    create.confirm_by.or_else(default)
}

/// Escrow cannot be released before all of it may be paid.
fn check_confirm_by(create: &Create, dues: &[Due], now: Time) -> Result<(), Refusal> {
    let Some(at) = create.confirm_by else { return Ok(()) };
    let opened = dues.iter().all(|due| at > due.opens_at);
    let fits = match create.context.order_type {
        OrderType::Escrow => opened && at > now && at.since(now) <= limits::MAX_CONFIRM_US,
        OrderType::Instant
        | OrderType::Topup
        | OrderType::Transfer
        | OrderType::Payout
        | OrderType::Repayment
        | OrderType::Combined => false,
    };
    if fits { Ok(()) } else { Err(Refusal::ConfirmByInvalid) }
}

fn check_payer(create: &Create) -> Result<(), Refusal> {
    let payer = &create.payer;
    match create.context.order_type {
        OrderType::Instant | OrderType::Escrow | OrderType::Combined if payer.user().is_none() => {
            Err(Refusal::PayerNotApplicable("buyer"))
        }
        OrderType::Topup if !is_of(create, payer) => Err(Refusal::PayeeNotApplicable),
        OrderType::Repayment if payer.user().is_none() => Err(Refusal::PayerNotApplicable("payer")),
        OrderType::Transfer | OrderType::Payout if !is_of(create, payer) => Err(Refusal::PayerNotApplicable("payer")),
        OrderType::Instant
        | OrderType::Escrow
        | OrderType::Topup
        | OrderType::Transfer
        | OrderType::Payout
        | OrderType::Repayment
        | OrderType::Combined => Ok(()),
    }
}

/// Whether a balance is a user's, or that of the trade's own merchant.
fn is_of(create: &Create, owner: &Owner) -> bool {
    owner.has_balance() && owner.merchant().is_none_or(|merchant| merchant == create.context.merchant)
}

/// Whom a transfer goes to: one owner of a balance, and another than the payer.
fn check_payee(create: &Create) -> Result<(), Refusal> {
    let may = |payee: &Share| payee.receiver.has_balance() && payee.receiver != create.payer;
    match create.splits.as_slice() {
        [payee] if may(payee) && payee.amount == create.money.amount => Ok(()),
        _ => Err(Refusal::PayeeNotApplicable),
    }
}

fn check_receivers(create: &Create) -> Result<(), Refusal> {
    if create.context.order_type == OrderType::Transfer {
        return check_payee(create);
    }
    if create.splits.is_empty() {
        return Ok(());
    }
    if create.splits.len() > limits::MAX_SPLITS {
        return Err(Refusal::TooManySplits);
    }
    if let Some(place) = create.splits.iter().position(|share| !may_receive(create, &share.receiver)) {
        return Err(Refusal::ReceiverNotApplicable(place));
    }
    parts::distinct(&create.splits)?;
    let sum = parts::total(create.splits.iter().map(|share| share.amount), "splits")?;
    parts::sums_to(create.money.amount.minor(), sum, "splits")
}

fn may_receive(create: &Create, receiver: &Owner) -> bool {
    match create.context.order_type {
        OrderType::Instant | OrderType::Escrow => {}
        OrderType::Topup | OrderType::Transfer | OrderType::Payout | OrderType::Repayment | OrderType::Combined => {
            return false;
        }
    }
    match receiver {
        Owner::Merchant(merchant) | Owner::Seller(merchant, _) => *merchant == create.context.merchant,
        Owner::Platform => true,
        Owner::User(_) | Owner::Channel(_) => false,
    }
}
