//! One number, whatever it is: an id of ours, a merchant's own number, an institution's.
//!
//! 1. A text that is one of our ids, or the number of an order as its institution knows it, says itself where it leads.
//! 2. An institution's number of a movement is claimed by its channel account; the claim leads to the order.
//! 3. Merchants' own numbers, and those that an institution named in a word that a case is about, are in the projections by
//!    their hash ([`store::tables::derived::NumberPlace`]).
//!
//! A number may be several of these at once, and one number may be many merchants' own. What was found is compared with the
//! rows that it leads to, and those say whose it is.

use std::collections::BTreeSet;

use channel::Orders;
use kernel::{
    CaseId, CouponId, DisputeId, InstructionId, MerchantId, OrderId, PaymentId, Problem, RefundId, RootId, Time,
    TradeId,
};
use payment::{Coupon, Payments};
use store::tables::accounting::{TransferRow, VoucherRow};
use store::tables::derived::{NUMBERED, NUMBERED_OF, NumberPlace};
use store::tables::log::Event;
use store::unit::{Kept as _, Memory};
use store::{Ask, Cell, Row};
use trade::Trade;

use super::objects::there;
use super::shard::OfShard;
use super::{Queries, bytes, inconsistent, one_more};
use crate::answers::ClaimKind;
use crate::place_id::{PlaceId, Placed};
use crate::wire::search::{Hit, json};

/// What a number names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// JSON objects.
    pub data: Vec<String>,
    /// Whether there are more than were asked for.
    pub more: bool,
    /// The moment that the numbers of merchants are as of, where the caller allowed them to lag.
    pub as_of: Option<Time>,
}

/// The place of a number among the projections: eight bytes of its BLAKE3.
pub(crate) fn number_place(number: &str) -> i64 {
    blake3::hash(number.as_bytes()).as_bytes().first_chunk::<8>().map_or(0, |bytes| i64::from_le_bytes(*bytes))
}

/// Something of a trade's tree that has an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Trade(TradeId),
    Payment(PaymentId),
    Instruction(InstructionId),
    Refund(RefundId),
    Dispute(DisputeId),
    Case(CaseId),
    Order(OrderId),
}

impl Node {
    /// What an id of ours names.
    fn by_id(text: &str) -> Option<Self> {
        let trade = TradeId::parse(text).map(Self::Trade);
        trade
            .or_else(|| PaymentId::parse(text).map(Self::Payment))
            .or_else(|| InstructionId::parse(text).map(Self::Instruction))
            .or_else(|| RefundId::parse(text).map(Self::Refund))
            .or_else(|| DisputeId::parse(text).map(Self::Dispute))
            .or_else(|| CaseId::parse(text).map(Self::Case))
            .or_else(|| OrderId::parse(text).map(Self::Order))
    }

    fn trade(self) -> TradeId {
        match self {
            Self::Trade(id) => id,
            Self::Payment(id) => id.trade,
            Self::Instruction(id) => id.trade,
            Self::Refund(id) => id.trade,
            Self::Dispute(id) => id.trade,
            Self::Case(id) => id.trade,
            Self::Order(id) => id.trade,
        }
    }

    /// What it is, and its id.
    fn named(self) -> (&'static str, String) {
        match self {
            Self::Trade(id) => ("trade", id.to_string()),
            Self::Payment(id) => ("payment", id.to_string()),
            Self::Instruction(id) => ("instruction", id.to_string()),
            Self::Refund(id) => ("refund", id.to_string()),
            Self::Dispute(id) => ("dispute", id.to_string()),
            Self::Case(id) => ("case", id.to_string()),
            Self::Order(id) => ("channel_order", id.to_string()),
        }
    }

    /// Whether it is there.
    fn is_in(self, rows: &Memory) -> bool {
        let payments = there::<Payments>(rows, self.trade());
        let in_payments = |has: fn(&Payments, u16) -> bool, no| payments.is_some_and(|state| has(&state, no));
        match self {
            Self::Trade(_) => true,
            Self::Payment(id) => in_payments(|state, no| state.payment(no).is_some(), id.no),
            Self::Instruction(id) => in_payments(|state, no| state.leg(no).is_some(), id.no),
            Self::Refund(id) => in_payments(|state, no| state.refund(no).is_some(), id.no),
            Self::Dispute(id) => in_payments(|state, no| state.dispute(no).is_some(), id.no),
            Self::Case(id) => in_payments(|state, no| state.case(no).is_some(), id.no),
            Self::Order(id) => there::<Orders>(rows, id.trade).is_some_and(|orders| orders.get(id.no).is_some()),
        }
    }

    /// Where it is there: what it is, and whose.
    fn hit(self, rows: &Memory, found_as: &'static str) -> Option<Hit> {
        let trade = there::<Trade>(rows, self.trade())?;
        let (object, id) = self.named();
        let hit = Hit { object, id, trade: Some(trade.id), merchant: Some(trade.context.merchant), found_as };
        self.is_in(rows).then_some(hit)
    }
}

impl Queries {
    /// Everything that a number names, at most `limit`: all merchants', or one's.
    ///
    /// # Errors
    /// When the store cannot be read, or the projections are behind and may not be.
    pub async fn search(
        &self,
        number: &str,
        merchant: Option<MerchantId>,
        limit: usize,
        stale: bool,
    ) -> Result<Hits, Problem> {
        let mut hits: Vec<Hit> = self.by_id(number).await?.into_iter().collect();
        hits.extend(self.by_channel_no(number).await?);
        let as_of = self.caught_up(stale).await?;
        let places = self.everywhere(|shard| shard.numbered(number.to_owned(), merchant, limit)).await?;
        hits.extend(places.into_iter().flatten());
        hits.retain(|hit| merchant.is_none_or(|merchant| hit.merchant == Some(merchant)));
        let more = hits.len() > limit;
        Ok(Hits { data: hits.iter().take(limit).map(json).collect(), more, as_of })
    }

    /// What a text names that is an id of ours, or an order's number at its institution.
    async fn by_id(&self, text: &str) -> Result<Option<Hit>, Problem> {
        if let Some(node) = Node::by_id(text) {
            return self.node(node, "id").await;
        }
        if let Some(id) = OrderId::parse_institution_number(text) {
            return self.node(Node::Order(id), "number").await;
        }
        if let Some(id) = CouponId::parse(text) {
            return self.coupon_hit(id).await;
        }
        let salt = self.salt();
        if let Some(place) = PlaceId::parse(text, Placed::Event, &salt) {
            return self.event_hit(text, place).await;
        }
        match PlaceId::parse(text, Placed::Transfer, &salt) {
            Some(place) => self.transfer_hit(text, place).await,
            None => Ok(None),
        }
    }

    async fn node(&self, node: Node, found_as: &'static str) -> Result<Option<Hit>, Problem> {
        let rows = self.home(node.trade().0.bucket())?.tree_of([node.trade()].into()).await?;
        Ok(node.hit(&rows, found_as))
    }

    /// A coupon leads to the trade that holds it or spent it. Where it is nobody's in particular, it is that trade's
    /// merchant's business.
    async fn coupon_hit(&self, id: CouponId) -> Result<Option<Hit>, Problem> {
        let memory = self.home(id.0.bucket())?.load([Coupon::key(id)]).await?;
        let Some(coupon) = there::<Coupon>(&memory, id) else { return Ok(None) };
        let holder = match coupon.held_by {
            Some(by) => self.node(Node::Instruction(by), "id").await?,
            None => None,
        };
        Ok(Some(Hit {
            object: "coupon",
            id: id.to_string(),
            trade: coupon.held_by.map(|by| by.trade),
            merchant: coupon.merchant.or(holder.and_then(|hit| hit.merchant)),
            found_as: "id",
        }))
    }

    async fn event_hit(&self, id: &str, place: PlaceId) -> Result<Option<Hit>, Problem> {
        let Some(shard) = self.shard(place.shard) else { return Ok(None) };
        let event = shard.row::<Event>(place.seq, place.n).await?;
        Ok(event.map(|event| Hit {
            object: "event",
            id: id.to_owned(),
            trade: event.tree.map(trade_id),
            merchant: event.merchant.map(merchant_id),
            found_as: "id",
        }))
    }

    async fn transfer_hit(&self, id: &str, place: PlaceId) -> Result<Option<Hit>, Problem> {
        let Some(shard) = self.shard(place.shard) else { return Ok(None) };
        let Some(transfer) = shard.row::<TransferRow>(place.seq, place.n).await? else { return Ok(None) };
        let voucher = shard.row::<VoucherRow>(place.seq, transfer.voucher).await?;
        Ok(voucher.map(|voucher| Hit {
            object: "transfer",
            id: id.to_owned(),
            trade: voucher.trade.map(trade_id),
            merchant: voucher.merchant.map(merchant_id),
            found_as: "id",
        }))
    }

    /// The orders whose movement, or dispute, an institution gave this number.
    async fn by_channel_no(&self, number: &str) -> Result<Vec<Hit>, Problem> {
        let mut hits = Vec::new();
        for account in self.channels.profiles.keys() {
            let answer = self.claimed(ClaimKind::Channel, account, number).await?;
            if let Some(order) = answer.and_then(|answer| OrderId::parse(answer.object.as_deref()?)) {
                let rows = self.home(order.trade.0.bucket())?.tree_of([order.trade].into()).await?;
                hits.extend(Node::Order(order).hit(&rows, "channel_no"));
                let disputes = disputes(&rows, order.trade, number);
                if !disputes.is_empty() {
                    hits.extend(disputes);
                    hits.extend(self.disputed_children(&rows, order.trade, number).await?);
                }
            }
        }
        Ok(hits)
    }

    /// The disputes of this number of the trades that one pays.
    async fn disputed_children(&self, rows: &Memory, trade: TradeId, number: &str) -> Result<Vec<Hit>, Problem> {
        let children: BTreeSet<TradeId> =
            there::<Trade>(rows, trade).iter().flat_map(|trade| &trade.children).map(|child| child.trade).collect();
        if children.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.home(trade.0.bucket())?.tree_of(children.clone()).await?;
        Ok(children.into_iter().flat_map(|child| disputes(&rows, child, number)).collect())
    }
}

/// The disputes of a trade that an institution knows by this number.
fn disputes(rows: &Memory, trade: TradeId, number: &str) -> Vec<Hit> {
    let state = there::<Payments>(rows, trade);
    let disputes = state.iter().flat_map(|state| &state.disputes).filter(|it| it.channel_no == number);
    let nodes = disputes.map(|dispute| Node::Dispute(DisputeId::new(trade, dispute.no)));
    nodes.filter_map(|node| node.hit(rows, "channel_no")).collect()
}

impl OfShard {
    /// Everything of these trades, as of one moment.
    async fn tree_of(&self, trades: BTreeSet<TradeId>) -> Result<Memory, Problem> {
        let keys = trades.into_iter().flat_map(|id| [Trade::key(id), Payments::key(id), Orders::key(id)]);
        self.load(keys).await
    }

    /// A row of the log.
    async fn row<R: Row>(&self, seq: i64, n: i64) -> Result<Option<R>, Problem> {
        let ask = Ask { table: R::TABLE, keys: vec![vec![Cell::Int(seq), Cell::Int(n)]] };
        let row = self.snapshot(vec![ask]).await?.rows.into_iter().flatten().next();
        row.map(R::from_cells).transpose().map_err(inconsistent)
    }

    /// What the projections of this shard have under a number; one more than asked for.
    async fn numbered(&self, number: String, merchant: Option<MerchantId>, limit: usize) -> Result<Vec<Hit>, Problem> {
        let mut params = vec![self.number(), Cell::Int(number_place(&number)), one_more(limit)];
        params.extend(merchant.map(|merchant| bytes(merchant.0)));
        let rows = self.rows(if merchant.is_some() { &NUMBERED_OF } else { &NUMBERED }, params).await?;
        let places = rows.into_iter().map(NumberPlace::from_cells).collect::<Result<Vec<_>, _>>();
        let places = places.map_err(inconsistent)?;
        let rows = self.tree_of(places.iter().map(|place| trade_id(place.trade)).collect()).await?;
        Ok(places.iter().filter_map(|place| placed(place, &number, &rows)).collect())
    }
}

/// What a place leads to, where that has the number indeed: hashes may collide.
fn placed(place: &NumberPlace, number: &str, rows: &Memory) -> Option<Hit> {
    let id = trade_id(place.trade);
    let no = u16::try_from(place.no).ok()?;
    let (node, found_as, has) = match place.object.as_str() {
        "trade" => {
            let own = there::<Trade>(rows, id).is_some_and(|trade| trade.merchant_order_id == number);
            (Node::Trade(id), "merchant_order_id", own)
        }
        "refund" => {
            let state = there::<Payments>(rows, id)?;
            let own = state.refund(no)?.merchant_refund_id.as_deref() == Some(number);
            (Node::Refund(RefundId::new(id, no)), "merchant_refund_id", own)
        }
        _ => {
            let orders = there::<Orders>(rows, id)?;
            let said = orders.evidence.iter().any(|word| word.channel_no.as_deref() == Some(number));
            (Node::Case(CaseId::new(id, no)), "channel_no", said)
        }
    };
    if has { node.hit(rows, found_as) } else { None }
}

fn trade_id(id: [u8; 16]) -> TradeId {
    TradeId(RootId::from_bytes(id))
}

fn merchant_id(id: [u8; 16]) -> MerchantId {
    MerchantId(RootId::from_bytes(id))
}
