//! What happens in a town, drawn at random: what clients, institutions, people, time and other trades may do.

use kernel::OrderType;
use kernel::message::payment::{Attachment, CaseAct, Resolution};
use kernel::message::trade::{LateSuccess, UnpaidDue};
use proptest::prelude::*;

/// What the trade costs.
pub(super) const PRICE: i64 = 1_000;
/// The faces of the buyer's coupons.
pub(super) const FACES: [i64; 3] = [100, 100, 250];

/// Something that happens in a town.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Pay(Vec<Part>),
    Confirm(Option<i64>),
    Close,
    Wait(i64),
    Timers,
    Refund(i64),
    Cancel(u16),
    Desk(u16, u8, CaseAct),
    Tell(usize, Word),
    Freeze(usize),
    Rival(usize),
    /// Somebody claims a share of a gift, or its time is looked at.
    Claim(u8, Option<u8>),
    /// Points are taken back: so many, or all that are left.
    TakeBack(Option<i64>),
}

/// A tool of a payment.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Balance,
    Coupon(usize),
    Stored,
    Points,
    Credit,
    Card,
}

/// What an institution says, whatever it is asked about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word {
    Accepted,
    Under,
    Done(u8),
    Other(i64),
    Foreign,
    Closed,
    Refused(bool),
    Returned,
    NotFound,
    Unknown,
    /// Under one of a few numbers, of all or of a part.
    Disputed(u8, bool),
    DisputeWon(u8),
    DisputeLost(u8, bool),
}

/// How a town begins, and what happens in it.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) order_type: OrderType,
    pub(super) late_success: LateSuccess,
    /// How many sellers share; 0 leaves it to the merchant.
    pub(super) receivers: usize,
    /// Whether a sale is paid in two dues, and what becomes of the first where the second is not paid.
    pub(super) dues: Option<UnpaidDue>,
    /// Whether a sale that is paid whole is paid by a parent.
    pub(super) child: bool,
    /// The buyer's balance.
    pub(super) funds: i64,
    /// Whether what may be left out is left out.
    pub(super) plain: bool,
    pub(super) steps: Vec<Step>,
}

pub(super) fn scripts() -> impl Strategy<Value = Script> {
    let order_type = prop::sample::select(OrderType::ALL.to_vec());
    let late = prop::sample::select(vec![LateSuccess::Refund, LateSuccess::Reopen]);
    (
        order_type,
        late,
        0..4_usize,
        prop_oneof![8 => Just(None), 1 => Just(Some(UnpaidDue::Return)), 1 => Just(Some(UnpaidDue::Forfeit))],
        prop::sample::select(vec![500, 5_000]),
        any::<bool>(),
        prop::collection::vec(step(), 1..30),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(order_type, late_success, receivers, dues, funds, plain, steps, child)| Script {
            order_type,
            late_success,
            receivers,
            dues,
            child,
            funds,
            plain,
            steps,
        })
}

fn act() -> impl Strategy<Value = CaseAct> {
    let resolutions = vec![Resolution::Accept, Resolution::Refund, Resolution::Retry, Resolution::OtherWay];
    let note = || "问过银行".to_owned();
    let attachment = move || Attachment {
        name: "回单.png".to_owned(),
        media_type: "image/png".to_owned(),
        sha256: [3; 32],
        url: "https://desk.example/回单".to_owned(),
    };
    let resolution = prop::sample::select(resolutions);
    let comment = prop::bool::ANY.prop_map(move |shown| shown.then(attachment));
    prop_oneof![
        6 => resolution.clone().prop_map(move |resolution| CaseAct::Resolve { resolution, note: note() }),
        6 => resolution.prop_map(move |resolution| CaseAct::Propose { resolution, note: note() }),
        6 => Just(CaseAct::Approve),
        8 => Just(CaseAct::Reject { note: note() }),
        1 => Just(CaseAct::Assign { to: "李雷".to_owned() }),
        1 => comment.prop_map(move |attachment| CaseAct::Comment { text: note(), attachment }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let part = prop_oneof![
        2 => Just(Part::Balance),
        2 => (0..FACES.len()).prop_map(Part::Coupon),
        4 => Just(Part::Stored),
        2 => Just(Part::Points),
        3 => Just(Part::Credit),
        2 => Just(Part::Card),
    ];
    let last = prop_oneof![Just(Part::Balance), Just(Part::Card), Just(Part::Card)];
    let parts = (prop::collection::vec(part, 0..3), last).prop_map(|(mut parts, last)| {
        parts.push(last);
        parts
    });
    prop_oneof![
        6 => parts.prop_map(Step::Pay),
        2 => prop::option::of(1..PRICE).prop_map(Step::Confirm),
        1 => Just(Step::Close),
        1 => (1..300_i64).prop_map(Step::Wait),
        2 => Just(Step::Timers),
        3 => prop_oneof![1..PRICE, Just(PRICE)].prop_map(Step::Refund),
        1 => (1..4_u16).prop_map(Step::Cancel),
        7 => (1..4_u16, 1..3_u8, act()).prop_map(|(case, who, act)| Step::Desk(case, who, act)),
        14 => (0..6_usize, word()).prop_map(|(order, word)| Step::Tell(order, word)),
        2 => (0..9_usize).prop_map(Step::Freeze),
        1 => (0..FACES.len()).prop_map(Step::Rival),
        1 => prop::option::weighted(0.8, 1..400_i64).prop_map(Step::TakeBack),
        3 => (0..2_u8, prop::option::weighted(0.8, 0..4_u8)).prop_map(|(gift, user)| Step::Claim(gift, user)),
    ]
}

fn word() -> impl Strategy<Value = Word> {
    prop_oneof![
        3 => Just(Word::Accepted),
        2 => Just(Word::Under),
        6 => (0..4_u8).prop_map(Word::Done),
        1 => prop::sample::select(vec![1, 999, 1_001]).prop_map(Word::Other),
        1 => Just(Word::Foreign),
        2 => Just(Word::Closed),
        3 => any::<bool>().prop_map(Word::Refused),
        2 => Just(Word::Returned),
        1 => Just(Word::NotFound),
        2 => Just(Word::Unknown),
        3 => (0..3_u8, any::<bool>()).prop_map(|(n, whole)| Word::Disputed(n, whole)),
        1 => (0..3_u8).prop_map(Word::DisputeWon),
        1 => (0..3_u8, any::<bool>()).prop_map(|(n, whole)| Word::DisputeLost(n, whole)),
    ]
}
