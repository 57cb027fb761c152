//! Draws a plan from a seed.

mod apart;
mod beside;
mod carts;
mod credit;
mod dues;
mod gifts;
pub(crate) mod points;
mod rules;

use channel::sandbox::word::{PayWord, RefundWord};

use kernel::Shards;
use kernel::message::risk::Switch;

use super::{Act, Blocked, Kind, Means, Plan, PostFault, Sale, Slice, StoreFault, What, WireFault};
use crate::callers::Deed;
use crate::people;
use crate::rng::Rng;

/// Acts after the first money.
const ACTS: u32 = 90;
/// Most purchases of one rush.
const MOST_RUSHING: i64 = 50;
/// Most of what is moved to another shard at a time.
const MOST_MOVED: i64 = 400;
/// The words of payments that are disputed later.
const DISPUTED: [PayWord; 3] = [PayWord::DisputeWon, PayWord::DisputeLost, PayWord::DisputePart];
/// Merchants.
const MERCHANTS: u64 = 2;

/// The plan of a seed.
pub(crate) fn draw(seed: u64) -> Plan {
    let rng = Rng::new(seed, 1);
    let leases = rng.chance(50);
    let shards = shards(&Rng::new(seed, 6));
    let (acts, sales, coupons) = (Vec::new(), Vec::new(), Vec::new());
    let (gifts, refunds) = (Vec::new(), Vec::new());
    let disputes = Rng::new(seed, 8);
    let refused = Rng::new(seed, 9);
    let mut drawing = Drawing { rng, disputes, refused, shards, acts, sales, coupons, gifts, refunds };
    drawing.money_in_hands();
    for _ in 0..ACTS {
        drawing.one();
        drawing.beside_sales();
        drawing.gifts();
        if shards.count() > 1 {
            drawing.between_shards();
        }
    }
    drawing.in_dues(Rng::new(seed, 8));
    drawing.carts(Rng::new(seed, 9));
    let listens = Rng::new(seed, 5).chance(25);
    let ruled = Rng::new(seed, 7);
    let rules = ruled.chance(40).then(|| rules::draw(&ruled, &Rng::new(seed, 10)));
    let pointed = Rng::new(seed, 9);
    let rules = match pointed.chance(40) {
        true => {
            drawing.in_points(&pointed);
            Some(points::rules(rules))
        }
        false => rules,
    };
    let lends = Rng::new(seed, 10);
    if lends.chance(40) {
        drawing.on_credit(&lends);
    }
    let blocked = blocked(&Rng::new(seed, 8));
    let switched = switched(&Rng::new(seed, 11));
    Plan { seed, leases, listens, shards: shards.count(), rules, blocked, switched, acts: drawing.acts }
}

/// In a tenth of the worlds somebody or something pays nothing.
fn blocked(rng: &Rng) -> Option<Blocked> {
    match rng.below(30) {
        0 => Some(Blocked::User(1)),
        1 => Some(Blocked::Device("device-2".to_owned())),
        2 => Some(Blocked::Card("card-1".to_owned())),
        _ => None,
    }
}

/// In a tenth of the worlds something is switched off.
fn switched(rng: &Rng) -> Option<Switch> {
    match rng.below(20) {
        0 => Some(Switch::Risk),
        1 => Some(Switch::Marketing),
        _ => None,
    }
}

/// A quarter of the worlds have several.
fn shards(rng: &Rng) -> Shards {
    let count = match rng.below(8) {
        0 => 2,
        1 => 4,
        _ => 1,
    };
    Shards::new(count).unwrap_or(Shards::ONE)
}

/// What was drawn so far.
struct Drawing {
    rng: Rng,
    /// Which of those that pay dispute it later.
    disputes: Rng,
    /// Of refunds that the institution cannot make, for which it names no other way.
    refused: Rng,
    shards: Shards,
    acts: Vec<Act>,
    /// Sales by the numbers of their acts.
    sales: Vec<(u32, Sale)>,
    /// Coupons: act, user, face.
    coupons: Vec<(u32, u64, i64)>,
    /// Gifts, by the numbers of their acts.
    gifts: Vec<u32>,
    refunds: Vec<u32>,
}

impl Drawing {
    fn push(&mut self, what: What) -> u32 {
        let no = u32::try_from(self.acts.len()).unwrap_or(u32::MAX) + 1;
        // Mostly a quick succession, so that things meet; now and then time for them to end.
        let wait = match self.rng.below(20) {
            0 => self.rng.below(180_000),
            1..=5 => self.rng.below(4_000),
            6..=12 => self.rng.below(60),
            _ => 0,
        };
        let node = usize::try_from(self.rng.below(2)).unwrap_or(0);
        self.acts.push(Act { no, wait_ms: u32::try_from(wait).unwrap_or(0), node, after: 0, what });
        no
    }

    fn small(&self, bound: u64) -> u8 {
        u8::try_from(self.rng.below(bound)).unwrap_or(0)
    }

    fn buyer(&self) -> u8 {
        let buyers = people::buyers(self.shards);
        self.rng.pick(buyers).copied().unwrap_or(0)
    }

    fn money_in_hands(&mut self) {
        let savers = if self.shards.count() > 1 { people::SAVERS } else { &[] };
        for user in people::buyers(self.shards).iter().chain(savers) {
            let amount = self.rng.between(300, 3_000);
            self.push(What::Fund { user: *user, amount });
        }
        let amount = self.rng.between(50, 500);
        self.push(What::FundMerchant { merchant: 0, amount });
        self.push(What::FundBudget { merchant: None, amount });
        self.push(What::FundBudget { merchant: Some(0), amount: amount / 2 });
        self.issue();
        self.issue();
        self.give();
    }

    fn one(&mut self) {
        match self.rng.below(100) {
            0..=29 => self.sell(),
            30..=36 => self.of_a_sale(|it, no, sale| What::Pay { sale: no, tools: it.tools(sale), due: None }),
            37..=44 => self.of_a_sale(|it, no, sale| What::Confirm { sale: no, amount: it.part(sale.amount) }),
            45..=54 => self.refund(),
            55..=57 => self.of_a_sale(|_, no, _| What::Close { sale: no }),
            58..=59 => self.of_a_sale(|it, no, _| What::Cancel { sale: no, payment: 1 + u16::from(it.small(2)) }),
            60..=62 => self.issue(),
            63 => {
                let what = What::Fund { user: self.buyer(), amount: self.rng.between(1, 800) };
                self.push(what);
            }
            64..=67 => self.again(),
            68..=70 => self.of_an_act(|act, _| What::Repeat { act, other: false }),
            71 => self.of_an_act(|act, _| What::Repeat { act, other: true }),
            72 => self.of_an_act(|act, _| What::Trespass { act }),
            73..=75 => self.of_an_act(|act, _| What::Read { act }),
            76 => self.of_a_sale(|it, no, _| What::Resolve { sale: no, way: it.small(Deed::WAYS.into()) }),
            77..=78 => {
                self.push(What::Crash);
            }
            79..=80 => self.rush(),
            81..=90 => {
                let fault = self.store_fault();
                self.push(What::Store(fault));
            }
            91..=95 => {
                let fault = self.wire_fault();
                self.push(What::Wire(fault));
            }
            96..=98 => {
                let fault = self.post_fault();
                self.push(What::Post(fault));
            }
            _ if self.rng.chance(40) => {
                self.push(What::Verify);
            }
            _ => {}
        }
    }

    fn issue(&mut self) {
        let (user, amount) = (self.buyer(), self.rng.between(1, 120));
        let merchant = self.rng.chance(30).then(|| self.small(MERCHANTS));
        let life_s = self.rng.chance(40).then(|| u32::try_from(self.rng.below(7_200)).unwrap_or(0) + 1);
        let budget = self.rng.chance(40) && self.is_served(user, merchant);
        let what = What::Issue { user, merchant, amount, budget, life_s };
        let no = self.push(what);
        self.coupons.push((no, u64::from(user), amount));
    }

    fn sell(&mut self) {
        let escrow = self.rng.chance(50);
        let amount = if self.rng.chance(8) { 1 } else { self.rng.between(2, 400) };
        let mut sale = Sale {
            kind: Kind::Goods,
            merchant: self.small(MERCHANTS),
            buyer: self.buyer(),
            escrow,
            amount,
            splits: self.splits(amount),
            pay: None,
            life_s: u32::try_from(self.rng.between(120, 5_400)).unwrap_or(120),
            confirm_s: (escrow && self.rng.chance(30)).then(|| u32::try_from(self.rng.between(5, 9_000)).unwrap_or(5)),
            reopen: self.rng.chance(30),
            dues: Vec::new(),
            forfeit: false,
        };
        sale.pay = self.rng.chance(85).then(|| self.tools(&sale));
        let no = self.push(What::Sell(sale.clone()));
        self.sales.push((no, sale));
    }

    /// Many small purchases at one moment, at one node: large batches, and balances that run out.
    fn rush(&mut self) {
        let (node, merchant) = (usize::from(self.small(2)), self.small(MERCHANTS));
        for _ in 0..self.rng.between(10, MOST_RUSHING) {
            let amount = self.rng.between(1, 9);
            let pay = Some(vec![Slice { tool: Means::Balance, amount }]);
            let (buyer, escrow) = (self.buyer(), self.rng.chance(20));
            let sale = Sale {
                kind: Kind::Goods,
                merchant,
                buyer,
                escrow,
                amount,
                splits: Vec::new(),
                pay,
                life_s: 600,
                confirm_s: None,
                reopen: false,
                dues: Vec::new(),
                forfeit: false,
            };
            self.push(What::Sell(sale));
            if let Some(act) = self.acts.last_mut() {
                (act.node, act.wait_ms) = (node, 0);
            }
        }
    }

    fn splits(&self, amount: i64) -> Vec<(u8, i64)> {
        if amount < 4 || self.rng.chance(55) {
            return Vec::new();
        }
        let first = self.rng.between(1, amount - 2);
        let second = self.rng.between(1, amount - first);
        let rest = amount - first - second;
        let mut splits = vec![(0, first), (1 + self.small(2), second)];
        if rest > 0 {
            splits.push((3, rest));
        }
        splits
    }

    /// One to four tools that sum to the amount.
    fn tools(&self, sale: &Sale) -> Vec<Slice> {
        let mut rest = sale.amount;
        let mut tools = Vec::new();
        let most = match self.rng.below(10) {
            0..=4 => 1,
            5..=7 => 2,
            8 => 3,
            _ => 4,
        };
        while rest > 0 {
            let last = tools.len() + 1 >= most || rest == 1;
            let amount = if last { rest } else { self.rng.between(1, rest - 1) };
            tools.push(self.slice(sale, amount));
            rest -= tools.last().map_or(rest, |slice| slice.amount);
        }
        tools
    }

    fn slice(&self, sale: &Sale, amount: i64) -> Slice {
        let of_buyer: Vec<_> = self.coupons.iter().filter(|(_, user, _)| *user == u64::from(sale.buyer)).collect();
        let coupon = self.rng.pick(&of_buyer);
        if self.rng.chance(beside::percent_outside(sale)) {
            return Slice { tool: Means::Channel { code: self.rng.chance(40), word: self.pay_word() }, amount };
        }
        match (self.rng.below(10), coupon) {
            (0..=2, Some((act, _, face))) => {
                // Most of the time its whole face, so that it may become usable again.
                let part = if self.rng.chance(70) { *face } else { self.rng.between(1, *face) };
                Slice { tool: Means::Coupon(*act), amount: part.min(amount) }
            }
            (0..=1, None) => Slice { tool: Means::Stored { card: self.rng.chance(40) }, amount },
            (0..=5, _) => Slice { tool: Means::Balance, amount },
            _ => Slice { tool: Means::Channel { code: self.rng.chance(40), word: self.pay_word() }, amount },
        }
    }

    fn pay_word(&self) -> PayWord {
        let undisputed: Vec<PayWord> = PayWord::ALL.iter().filter(|word| !DISPUTED.contains(word)).copied().collect();
        let any = self.rng.pick(&undisputed).copied().unwrap_or(PayWord::Succeed);
        let word = if self.rng.chance(45) { PayWord::Succeed } else { any };
        let disputed = word == PayWord::Succeed && self.disputes.chance(15);
        if disputed { self.disputes.pick(&DISPUTED).copied().unwrap_or(word) } else { word }
    }

    fn part(&self, whole: i64) -> Option<i64> {
        self.rng.chance(60).then(|| self.rng.between(1, whole))
    }

    fn refund(&mut self) {
        let Some((no, sale)) = self.rng.pick(&self.sales).cloned() else { return };
        let amount = if self.rng.chance(30) { sale.amount } else { self.rng.between(1, sale.amount) };
        let word = self.rng.chance(60).then(|| self.refund_word());
        let act = self.push(What::Refund { sale: no, amount, word });
        self.refunds.push(act);
    }

    fn refund_word(&self) -> RefundWord {
        let known: Vec<RefundWord> =
            RefundWord::ALL.iter().filter(|word| **word != RefundWord::RefundRefused).copied().collect();
        let word = self.rng.pick(&known).copied().unwrap_or(RefundWord::Succeed);
        let refused = word == RefundWord::RefundFail && self.refused.chance(50);
        if refused { RefundWord::RefundRefused } else { word }
    }

    fn again(&mut self) {
        let other = self.rng.chance(30);
        if self.rng.chance(60) {
            let buyer = (self.shards.count() > 1 && self.rng.chance(40)).then(|| self.buyer());
            self.of_a_sale(|_, no, _| What::SellAgain { sale: no, other, buyer });
        } else if let Some(refund) = self.rng.pick(&self.refunds).copied() {
            self.push(What::RefundAgain { refund, other });
        }
    }

    fn of_a_sale(&mut self, what: impl FnOnce(&Self, u32, &Sale) -> What) {
        // Mostly one of the last few: the others have ended.
        let recent = self.sales.len().saturating_sub(if self.rng.chance(70) { 4 } else { 40 });
        let chosen = self.sales.get(recent..).and_then(|sales| self.rng.pick(sales)).cloned();
        if let Some((no, sale)) = chosen {
            let what = what(self, no, &sale);
            self.push(what);
        }
    }

    fn of_an_act(&mut self, what: impl FnOnce(u32, &Self) -> What) {
        let recent = self.acts.len().saturating_sub(12);
        let chosen = self.acts.get(recent..).and_then(|acts| self.rng.pick(acts)).map(|act| act.no);
        if let Some(no) = chosen {
            let what = what(no, self);
            self.push(what);
        }
    }

    fn store_fault(&self) -> StoreFault {
        let millis = u32::try_from(self.rng.below(15_000)).unwrap_or(0);
        match self.rng.below(16) {
            0 => StoreFault::LoadAway,
            1..=2 => StoreFault::WriteAway,
            3 => StoreFault::WriteFull,
            4 => StoreFault::WriteBusy,
            5 => StoreFault::WriteConflict,
            6..=7 => StoreFault::CommitLostBefore,
            8..=9 => StoreFault::CommitLostAfter,
            10 => StoreFault::WriteSlow(millis),
            11 => StoreFault::DiesInWrite(millis / 30),
            12 => StoreFault::ResolveAway,
            13 => StoreFault::ReadAway,
            14 => StoreFault::SideAway,
            _ => StoreFault::SideLost,
        }
    }

    fn wire_fault(&self) -> WireFault {
        let millis = u32::try_from(self.rng.below(60_000)).unwrap_or(0);
        match self.rng.below(8) {
            0 => WireFault::CallLost,
            1 => WireFault::CallLate(millis),
            2 => WireFault::CallTwice,
            3..=4 => WireFault::AnswerLost,
            5 => WireFault::AnswerSlow(millis / 12),
            6 => WireFault::AnswerGarbled,
            _ => WireFault::Unreachable,
        }
    }

    fn post_fault(&self) -> PostFault {
        match self.rng.below(6) {
            0 => PostFault::Lost,
            1 => PostFault::Unheard,
            2 => PostFault::Copies(1 + self.small(3)),
            3 => PostFault::Late(u32::try_from(self.rng.below(400)).unwrap_or(0)),
            _ => PostFault::Forged,
        }
    }
}
