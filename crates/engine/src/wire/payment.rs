//! Payments, refunds, disputes, cases and coupons on the wire.

use kernel::message::accounting::CouponSource;
use kernel::message::channel::Credential;
use kernel::message::payment::Tool;
use kernel::{
    Amount, CaseId, CouponId, Currency, DisputeId, InstructionId, KeyId, MerchantId, PaymentId, RefundId, Scenes, Time,
    TradeId,
};
use payment::{
    Case, CaseStep, Coupon, Dispute, DisputeLine, Instruction, Part, Payment, Payments, Refund, Subject, TrailEntry,
    Way,
};
use serde::Serialize;

/// The JSON of a trade's payment of this number; `None` where there is none.
pub fn payment_json(state: &Payments, no: u16) -> Option<String> {
    state.payment(no).map(|payment| super::json(&Object::new(state.trade, payment)))
}

/// The JSON of a trade's refund of this number; `None` where there is none.
pub fn refund_json(state: &Payments, no: u16) -> Option<String> {
    refund(state, no).map(|refund| super::json(&refund))
}

/// The JSON of a trade's dispute of this number; `None` where there is none.
pub fn dispute_json(state: &Payments, no: u16) -> Option<String> {
    state.dispute(no).map(|known| super::json(&dispute(state, known)))
}

/// The JSON of a trade's case of this number; `None` where there is none.
pub fn case_json(state: &Payments, no: u16) -> Option<String> {
    state.case(no).map(|case| super::json(&CaseObject::new(state.trade, case)))
}

/// A coupon's JSON.
pub fn coupon_json(coupon: &Coupon) -> String {
    super::json(&CouponObject::new(coupon))
}

/// `"object": "payment"`.
#[derive(Serialize)]
pub struct Object<'a> {
    id: PaymentId,
    object: &'static str,
    trade_id: TradeId,
    due: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<PaymentId>,
    status: &'static str,
    amount: Amount,
    currency: Currency,
    instructions: Vec<InstructionObject<'a>>,
    next_action: Option<NextAction<'a>>,
    failure: Option<FailureObject<'a>>,
    rule_version: i64,
    created_at: Time,
    sequence: i64,
}

/// One instruction.
#[derive(Serialize)]
struct InstructionObject<'a> {
    id: InstructionId,
    tool: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    coupon: Option<CouponId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_account: Option<&'a str>,
    amount: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    points: Option<i64>,
    status: &'static str,
    received_amount: i64,
    returned_amount: i64,
    surplus: bool,
}

/// What the buyer must do.
#[derive(Serialize)]
struct NextAction<'a> {
    instruction: InstructionId,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
}

/// Why it failed.
#[derive(Serialize)]
struct FailureObject<'a> {
    code: &'a str,
    message: &'a str,
}

impl<'a> Object<'a> {
    /// A payment of a trade.
    pub fn new(trade: TradeId, payment: &'a Payment) -> Self {
        Self {
            id: PaymentId::new(trade, payment.no),
            object: "payment",
            trade_id: trade,
            due: payment.due,
            parent: payment.parent,
            status: payment.status.as_str(),
            amount: payment.money.amount,
            currency: payment.money.currency,
            instructions: payment.instructions.iter().map(|leg| instruction(trade, leg)).collect(),
            next_action: payment.next_action().and_then(|leg| next_action(trade, leg)),
            failure: payment
                .failure
                .as_ref()
                .map(|failure| FailureObject { code: failure.code.as_str(), message: &failure.message }),
            rule_version: payment.rule_version,
            created_at: payment.created_at,
            sequence: payment.sequence,
        }
    }
}

fn instruction(trade: TradeId, leg: &Instruction) -> InstructionObject<'_> {
    InstructionObject {
        id: InstructionId::new(trade, leg.no),
        tool: tool(&leg.tool),
        coupon: leg.coupon_id(),
        method: leg.method(),
        channel_account: leg.channel_account.as_deref(),
        amount: leg.amount,
        points: leg.points.as_ref().map(|used| used.points),
        status: leg.status.as_str(),
        received_amount: leg.received,
        returned_amount: leg.returned,
        surplus: leg.surplus,
    }
}

/// The wire word of a tool.
pub fn tool(tool: &Tool) -> &str {
    match tool {
        Tool::Stored(kind) => kind.as_str(),
        Tool::Balance => "balance",
        Tool::Points => "points",
        Tool::Credit => "credit",
        Tool::Coupon(_) => "coupon",
        Tool::Channel { .. } => "channel",
        Tool::Payout { .. } => "payout",
    }
}

fn next_action(trade: TradeId, leg: &Instruction) -> Option<NextAction<'_>> {
    let instruction = InstructionId::new(trade, leg.no);
    Some(match leg.credential.as_ref()? {
        Credential::Redirect(url) => NextAction { instruction, kind: "redirect", url: Some(url), data: None },
        Credential::QrCode(data) => NextAction { instruction, kind: "qr_code", url: None, data: Some(data) },
    })
}

/// `"object": "refund"`.
#[derive(Serialize)]
pub struct RefundObject<'a> {
    id: RefundId,
    object: &'static str,
    trade_id: TradeId,
    payment_id: PaymentId,
    merchant_refund_id: Option<&'a str>,
    status: &'static str,
    amount: Amount,
    currency: Currency,
    reason: Option<&'a str>,
    reason_code: &'static str,
    splits: Vec<ShareObject<'a>>,
    parts: Vec<PartObject<'a>>,
    created_at: Time,
    sequence: i64,
}

/// What it takes from one receiver.
#[derive(Serialize)]
struct ShareObject<'a> {
    receiver: &'a kernel::Owner,
    before_release: i64,
    after_release: i64,
}

/// What it gives back of one tool.
#[derive(Serialize)]
struct PartObject<'a> {
    instruction: InstructionId,
    tool: &'a str,
    amount: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    points: Option<i64>,
    status: &'static str,
    way: &'static str,
}

/// A refund of a trade; `None` where there is none of this number.
pub fn refund(state: &Payments, no: u16) -> Option<RefundObject<'_>> {
    let refund = state.refund(no)?;
    Some(refund_object(state, refund))
}

fn refund_object<'a>(state: &'a Payments, refund: &'a Refund) -> RefundObject<'a> {
    let part = |part: &Part| PartObject {
        instruction: InstructionId::new(state.trade, part.instruction),
        tool: state.leg(part.instruction).map_or("channel", |(_, leg)| tool(&leg.tool)),
        amount: part.amount,
        points: (part.way == Way::Points).then_some(part.points),
        status: part.status.as_str(),
        way: part.way.as_str(),
    };
    RefundObject {
        id: RefundId::new(state.trade, refund.no),
        object: "refund",
        trade_id: state.trade,
        payment_id: PaymentId::new(state.trade, refund.payment),
        merchant_refund_id: refund.merchant_refund_id.as_deref(),
        status: refund.status.as_str(),
        amount: refund.money.amount,
        currency: refund.money.currency,
        reason: refund.reason.as_deref(),
        reason_code: refund.reason_code.as_str(),
        splits: refund
            .shares
            .iter()
            .map(|share| ShareObject {
                receiver: &share.receiver,
                before_release: share.before,
                after_release: share.after,
            })
            .collect(),
        parts: refund.parts.iter().map(part).collect(),
        created_at: refund.created_at,
        sequence: refund.sequence,
    }
}

/// `"object": "dispute"`.
#[derive(Serialize)]
pub struct DisputeObject<'a> {
    id: DisputeId,
    object: &'static str,
    trade_id: TradeId,
    payment_id: Option<PaymentId>,
    instruction: InstructionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<DisputeId>,
    channel_account: Option<&'a str>,
    channel_no: &'a str,
    status: &'static str,
    amount: Amount,
    currency: Currency,
    set_aside_amount: i64,
    lost_amount: i64,
    taken_amount: i64,
    reason: Option<&'a str>,
    respond_by: Option<Time>,
    splits: Vec<DisputeSplitObject<'a>>,
    opened_at: Time,
    closed_at: Option<Time>,
    sequence: i64,
}

/// What it sets aside of one receiver, and what was taken of that.
#[derive(Serialize)]
struct DisputeSplitObject<'a> {
    receiver: &'a kernel::Owner,
    released: bool,
    amount: Amount,
    taken: i64,
}

/// A dispute of a trade.
pub fn dispute<'a>(state: &'a Payments, dispute: &'a Dispute) -> DisputeObject<'a> {
    let leg = state.leg(dispute.instruction);
    let split = |DisputeLine { line, lost }: &'a DisputeLine| DisputeSplitObject {
        receiver: &line.receiver,
        released: line.released,
        amount: line.amount,
        taken: *lost,
    };
    DisputeObject {
        id: DisputeId::new(state.trade, dispute.no),
        object: "dispute",
        trade_id: state.trade,
        payment_id: leg.map(|(payment, _)| PaymentId::new(state.trade, payment.no)),
        instruction: InstructionId::new(state.trade, dispute.instruction),
        parent: dispute.parent,
        channel_account: leg.and_then(|(_, leg)| leg.channel_account.as_deref()),
        channel_no: &dispute.channel_no,
        status: dispute.status.as_str(),
        amount: dispute.money.amount,
        currency: dispute.money.currency,
        set_aside_amount: dispute.covered(),
        lost_amount: dispute.lost,
        taken_amount: dispute.lost_of_covered(),
        reason: dispute.reason.as_deref(),
        respond_by: dispute.respond_by,
        splits: dispute.lines.iter().map(split).collect(),
        opened_at: dispute.opened_at,
        closed_at: dispute.closed_at,
        sequence: dispute.sequence,
    }
}

/// `"object": "case"`.
#[derive(Serialize)]
pub struct CaseObject<'a> {
    id: CaseId,
    object: &'static str,
    trade_id: TradeId,
    kind: &'static str,
    status: &'static str,
    instruction: Option<InstructionId>,
    refund_part: Option<u16>,
    dispute: Option<DisputeId>,
    amount: Amount,
    currency: Currency,
    actions: Vec<&'static str>,
    assignee: Option<&'a str>,
    proposal: Option<ProposalObject<'a>>,
    resolution: Option<&'static str>,
    note: Option<&'a str>,
    opened_at: Time,
    trail: Vec<TrailObject<'a>>,
    sequence: i64,
}

/// What waits for another person's approval.
#[derive(Serialize)]
struct ProposalObject<'a> {
    action: &'static str,
    note: &'a str,
    by: KeyId,
}

/// What was done about a case; `by` is nobody's where what happened elsewhere left nothing to decide.
#[derive(Serialize)]
struct TrailObject<'a> {
    at: Time,
    by: Option<KeyId>,
    step: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachment: Option<AttachmentObject<'a>>,
}

/// Something that is kept elsewhere.
#[derive(Serialize)]
struct AttachmentObject<'a> {
    name: &'a str,
    media_type: &'a str,
    sha256: String,
    url: &'a str,
}

impl<'a> TrailObject<'a> {
    fn new(entry: &'a TrailEntry) -> Self {
        let (at, by, step) = (entry.at, entry.by, entry.step.as_str());
        let bare = Self { at, by, step, to: None, action: None, note: None, text: None, attachment: None };
        match &entry.step {
            CaseStep::Assigned { to } => Self { to: Some(to), ..bare },
            CaseStep::Commented { text, attachment } => {
                let attachment = attachment.as_ref().map(|it| AttachmentObject {
                    name: &it.name,
                    media_type: &it.media_type,
                    sha256: blake3::Hash::from_bytes(it.sha256).to_hex().to_string(),
                    url: &it.url,
                });
                Self { text: Some(text), attachment, ..bare }
            }
            CaseStep::Proposed { resolution, note }
            | CaseStep::Approved { resolution, note }
            | CaseStep::Resolved { resolution, note } => {
                Self { action: Some(payment::case::resolution_as_str(*resolution)), note: Some(note), ..bare }
            }
            CaseStep::Rejected { note } => Self { note: Some(note), ..bare },
            CaseStep::Overtaken => bare,
        }
    }
}

impl<'a> CaseObject<'a> {
    /// A case of a trade.
    pub fn new(trade: TradeId, case: &'a Case) -> Self {
        use kernel::message::payment::Resolution;
        let (instruction, refund_part, dispute) = match case.subject {
            Subject::Instruction(no) => (Some(InstructionId::new(trade, no)), None, None),
            Subject::Part(no) => (None, Some(no), None),
            Subject::Dispute(no) => (None, None, Some(DisputeId::new(trade, no))),
        };
        let all = [Resolution::Accept, Resolution::Refund, Resolution::Retry, Resolution::OtherWay];
        let actions = all.into_iter().filter(|action| case.kind.allows(*action)).map(payment::case::resolution_as_str);
        Self {
            id: CaseId::new(trade, case.no),
            object: "case",
            trade_id: trade,
            kind: case.kind.as_str(),
            status: case.status.as_str(),
            instruction,
            refund_part,
            dispute,
            amount: case.money.amount,
            currency: case.money.currency,
            actions: actions.collect(),
            assignee: case.assignee(),
            proposal: case.proposal().map(|(resolution, note, by)| ProposalObject {
                action: payment::case::resolution_as_str(resolution),
                note,
                by,
            }),
            resolution: case.resolution.map(payment::case::resolution_as_str),
            note: case.note.as_deref(),
            opened_at: case.opened_at,
            trail: case.trail.iter().map(TrailObject::new).collect(),
            sequence: case.sequence,
        }
    }
}

/// `"object": "coupon"`.
#[derive(Serialize)]
pub struct CouponObject<'a> {
    id: CouponId,
    object: &'static str,
    status: &'static str,
    merchant_id: Option<MerchantId>,
    owner: String,
    amount: Amount,
    currency: Currency,
    budget: bool,
    min_spend: Option<Amount>,
    percent: Option<u8>,
    sub_type: Option<&'a str>,
    stackable: bool,
    usable_from: Option<Time>,
    expires_at: Option<Time>,
    created_at: Time,
}

impl<'a> CouponObject<'a> {
    /// A coupon.
    pub fn new(coupon: &'a Coupon) -> Self {
        Self {
            id: coupon.id,
            object: "coupon",
            status: coupon.status.as_str(),
            merchant_id: coupon.merchant,
            owner: format!("user:{}", coupon.user),
            amount: coupon.money.amount,
            currency: coupon.money.currency,
            budget: matches!(coupon.source, CouponSource::Budget(_)),
            min_spend: coupon.terms.min_spend,
            percent: coupon.terms.percent,
            sub_type: coupon.terms.scenes.as_ref().map(Scenes::as_str),
            stackable: !coupon.terms.alone,
            usable_from: coupon.terms.usable_from,
            expires_at: coupon.expires_at,
            created_at: coupon.created_at,
        }
    }
}
