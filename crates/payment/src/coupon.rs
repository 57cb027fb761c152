//! A coupon (优惠券): an aggregate of its own, because many trades may want the same one and only one may have it.
//!
//! It is spent once, by one instruction. What its face exceeds the part used goes back to where it came from; so it can be
//! made usable again only after a part as large as its face.

use kernel::message::accounting::{CouponSource, Post, Verb};
use kernel::{Amount, Code, CouponId, InstructionId, MerchantId, Money, Problem, Scenes, SubType, Time, UserId};

/// One coupon of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coupon {
    /// Its id.
    pub id: CouponId,
    /// The only merchant whose trades it pays; any where `None`, it is the platform's then.
    pub merchant: Option<MerchantId>,
    /// Who may spend it.
    pub user: UserId,
    /// Its face.
    pub money: Money,
    /// Where its money came from.
    pub source: CouponSource,
    /// On which terms it is used.
    pub terms: CouponTerms,
    /// Where it stands.
    pub status: CouponStatus,
    /// The instruction that holds it or spent it.
    pub held_by: Option<InstructionId>,
    /// From when on it can be used no more.
    pub expires_at: Option<Time>,
    /// When it was issued.
    pub created_at: Time,
}

/// On which terms a coupon is used, beside whose it is, for which merchant and until when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CouponTerms {
    /// The least amount of the payment (满减门槛).
    pub min_spend: Option<Amount>,
    /// How many hundredths of the payment it pays at most (折扣券); its face is the cap then.
    pub percent: Option<u8>,
    /// In which scenes.
    pub scenes: Option<Scenes>,
    /// From when on.
    pub usable_from: Option<Time>,
    /// Whether it is the only coupon of its payment (不可叠加).
    pub alone: bool,
}

impl CouponTerms {
    /// What of them stands against a part of a payment of this amount, in words.
    ///
    /// # Errors
    /// The first that does.
    pub fn allow(
        &self,
        part: Amount,
        whole: Amount,
        scene: &SubType,
        coupons: usize,
        now: Time,
    ) -> Result<(), &'static str> {
        if self.usable_from.is_some_and(|from| now < from) {
            return Err("the coupon cannot be used yet");
        }
        if self.scenes.as_ref().is_some_and(|scenes| !scenes.have(scene)) {
            return Err("the coupon is for another scene");
        }
        if self.alone && coupons > 1 {
            return Err("the coupon is not combined with other coupons");
        }
        if self.min_spend.is_some_and(|least| whole < least) {
            return Err("the payment is smaller than the coupon asks for");
        }
        let share = |percent: u8| i128::from(whole.minor()) * i128::from(percent) / 100;
        if self.percent.is_some_and(|percent| i128::from(part.minor()) > share(percent)) {
            return Err("the part is larger than the coupon's share of the payment");
        }
        Ok(())
    }
}

/// Where a coupon stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CouponStatus {
    /// It can be spent.
    Usable,
    /// A payment waits for something outside and holds it.
    Held,
    /// Spent.
    Spent,
    /// Its time ran out unspent.
    Expired,
}

impl CouponStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Usable, Self::Held, Self::Spent, Self::Expired];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usable => "usable",
            Self::Held => "held",
            Self::Spent => "spent",
            Self::Expired => "expired",
        }
    }

    /// Reads the wire word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// What a coupon can be told. All but `Expire` come from the payment core, which looked at the coupon first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Command {
    /// Keep it for this instruction.
    Hold(InstructionId),
    /// This instruction took effect.
    Spend(InstructionId),
    /// This instruction came to nothing.
    Free(InstructionId),
    /// What this instruction spent was given back whole.
    Restore(InstructionId),
    /// Its time ran out (a timer says so).
    Expire,
}

/// What happened to a coupon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// It stands here now, for this instruction.
    Moved(CouponStatus, Option<InstructionId>),
}

/// A command that does not fit the coupon's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the coupon {coupon} is {} and cannot be told {command:?}", status.as_str())]
pub struct Refusal {
    /// Which coupon.
    pub coupon: CouponId,
    /// Where it stands.
    pub status: CouponStatus,
    /// What was asked.
    pub command: Command,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(Code::coupon_not_applicable, refusal.to_string()).about(refusal.coupon)
    }
}

impl Coupon {
    /// What must be booked when it is issued; a budget that does not cover it refuses.
    pub fn issue_post(&self) -> Post {
        let verb = Verb::IssueCoupon { user: self.user.clone(), source: self.source.clone(), money: self.money };
        self.post(verb)
    }

    /// Whether it is usable at this moment.
    pub fn is_usable(&self, now: Time) -> bool {
        self.status == CouponStatus::Usable && !self.is_over(now)
    }

    /// Whether its time has run out.
    pub fn is_over(&self, now: Time) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// When it must be told [`Command::Expire`].
    pub fn timer(&self) -> Option<Time> {
        self.expires_at.filter(|_| self.status == CouponStatus::Usable)
    }

    /// The machine. A command told twice changes nothing.
    pub fn decide(&self, command: Command, now: Time) -> Result<Vec<Event>, Refusal> {
        let refused = Err(Refusal { coupon: self.id, status: self.status, command });
        let mine = |instruction| self.held_by == Some(instruction);
        let moved = |status, by| Ok(vec![Event::Moved(status, by)]);
        match (self.status, command) {
            // Usable: anybody may take it, until its time is over.
            (CouponStatus::Usable, Command::Hold(by)) => moved(CouponStatus::Held, Some(by)),
            (CouponStatus::Usable, Command::Spend(by)) => moved(CouponStatus::Spent, Some(by)),
            (CouponStatus::Usable, Command::Free(_) | Command::Restore(_)) => Ok(Vec::new()),
            (CouponStatus::Usable, Command::Expire) if self.is_over(now) => moved(CouponStatus::Expired, None),
            // Too early, or it was taken meanwhile: the timer is stale.
            (CouponStatus::Usable | CouponStatus::Held | CouponStatus::Spent, Command::Expire) => Ok(Vec::new()),
            // Held: only its holder may go on with it; it cannot expire meanwhile.
            (CouponStatus::Held, Command::Hold(by)) if mine(by) => Ok(Vec::new()),
            (CouponStatus::Held, Command::Spend(by)) if mine(by) => moved(CouponStatus::Spent, Some(by)),
            (CouponStatus::Held, Command::Free(by)) if mine(by) => moved(CouponStatus::Usable, None),
            (CouponStatus::Held, Command::Hold(_) | Command::Spend(_) | Command::Free(_) | Command::Restore(_)) => {
                refused
            }
            // Spent: only the whole part given back makes it usable again.
            (CouponStatus::Spent, Command::Spend(by)) if mine(by) => Ok(Vec::new()),
            (CouponStatus::Spent, Command::Restore(by)) if mine(by) => moved(CouponStatus::Usable, None),
            (CouponStatus::Spent, Command::Hold(_) | Command::Spend(_) | Command::Free(_) | Command::Restore(_)) => {
                refused
            }
            // Expired: over.
            (CouponStatus::Expired, Command::Expire) => Ok(Vec::new()),
            (CouponStatus::Expired, Command::Hold(_) | Command::Spend(_) | Command::Free(_) | Command::Restore(_)) => {
                refused
            }
        }
    }

    /// Takes over what happened.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Moved(status, by) => {
                self.status = *status;
                self.held_by = *by;
            }
        }
    }

    /// What must be booked: an expired coupon's money goes back to where it came from. Cannot be refused.
    pub fn react(&self, events: &[Event]) -> Vec<Post> {
        let expired = |event: &&Event| matches!(event, Event::Moved(CouponStatus::Expired, _));
        events.iter().filter(expired).map(|_| self.post(self.expire_verb())).collect()
    }

    /// Decide, apply and react in one step.
    pub fn handle(&mut self, command: Command, now: Time) -> Result<Vec<Post>, Refusal> {
        let events = self.decide(command, now)?;
        events.iter().for_each(|event| self.apply(event));
        Ok(self.react(&events))
    }

    fn expire_verb(&self) -> Verb {
        Verb::ExpireCoupon { user: self.user.clone(), source: self.source.clone(), money: self.money }
    }

    fn post(&self, verb: Verb) -> Post {
        Post {
            context: None,
            merchant: self.merchant,
            currency: self.money.currency,
            object: self.id.to_string(),
            verb,
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Bucket, Currency, RootId, TradeId};

    use super::*;

    fn root(random: u128) -> RootId {
        RootId::new(Time::from_micros(0), Bucket::of("user:42"), random)
    }

    fn instruction(no: u16) -> InstructionId {
        InstructionId::new(TradeId(root(1)), no)
    }

    fn coupon(status: CouponStatus) -> Coupon {
        let holder = matches!(status, CouponStatus::Held | CouponStatus::Spent).then(|| instruction(1));
        Coupon {
            id: CouponId(root(2)),
            merchant: None,
            user: UserId::parse("42").unwrap(),
            money: Money { amount: Amount::new(1_000).unwrap(), currency: Currency::parse("CNY").unwrap() },
            source: CouponSource::Expense,
            terms: CouponTerms::default(),
            status,
            held_by: holder,
            expires_at: Some(Time::from_micros(100)),
            created_at: Time::from_micros(0),
        }
    }

    fn step(status: CouponStatus, command: Command, now: i64) -> String {
        let mut coupon = coupon(status);
        match coupon.handle(command, Time::from_micros(now)) {
            Ok(_) if coupon.status == status => ".".into(),
            Ok(posts) => format!("{}{}", coupon.status.as_str(), if posts.is_empty() { "" } else { "+post" }),
            Err(_) => "refused".into(),
        }
    }

    #[test]
    fn the_whole_machine() {
        let (mine, other) = (instruction(1), instruction(2));
        let commands = [
            ("hold", Command::Hold(mine), 1),
            ("hold other", Command::Hold(other), 1),
            ("spend", Command::Spend(mine), 1),
            ("spend other", Command::Spend(other), 1),
            ("free", Command::Free(mine), 1),
            ("free other", Command::Free(other), 1),
            ("restore", Command::Restore(mine), 1),
            ("restore other", Command::Restore(other), 1),
            ("expire early", Command::Expire, 99),
            ("expire", Command::Expire, 100),
        ];
        let mut table = String::new();
        for (name, command, now) in commands {
            let cells: Vec<_> =
                CouponStatus::ALL.iter().map(|s| format!("{} -> {}", s.as_str(), step(*s, command, now))).collect();
            table.push_str(&format!("{name:<14}{}\n", cells.join("  ")));
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn terms() {
        let amount = |minor| Amount::new(minor).unwrap();
        let scene = |text| SubType::parse(text).unwrap();
        let all = CouponTerms {
            min_spend: Some(amount(1_000)),
            percent: Some(20),
            scenes: Scenes::parse("shop.*"),
            usable_from: Some(Time::from_micros(50)),
            alone: true,
        };
        let ask = |terms: &CouponTerms, part, whole, at, coupons, now| {
            terms.allow(amount(part), amount(whole), &scene(at), coupons, Time::from_micros(now)).err()
        };
        assert_eq!(ask(&all, 200, 1_000, "shop.web", 1, 50), None);
        assert_eq!(ask(&all, 200, 1_004, "shop.web", 1, 50), None);
        for (part, whole, at, coupons, now, why) in [
            (201, 1_004, "shop.web", 1, 50, "the part is larger than the coupon's share of the payment"),
            (200, 999, "shop.web", 1, 50, "the payment is smaller than the coupon asks for"),
            (200, 1_000, "shopping", 1, 50, "the coupon is for another scene"),
            (200, 1_000, "shop.web", 2, 50, "the coupon is not combined with other coupons"),
            (200, 1_000, "shop.web", 1, 49, "the coupon cannot be used yet"),
        ] {
            assert_eq!(ask(&all, part, whole, at, coupons, now), Some(why));
        }
        assert_eq!(ask(&CouponTerms::default(), 9, 9, "general", 9, 0), None);
        let most = Amount::new(kernel::limits::MAX_AMOUNT_MINOR).unwrap();
        let whole = CouponTerms { percent: Some(100), ..CouponTerms::default() };
        assert_eq!(whole.allow(most, most, &scene("general"), 1, Time::from_micros(0)), Ok(()));
    }

    #[test]
    fn usable_until_its_end() {
        let coupon = coupon(CouponStatus::Usable);
        assert!(coupon.is_usable(Time::from_micros(99)));
        assert!(!coupon.is_usable(Time::from_micros(100)));
        assert_eq!(coupon.timer(), Some(Time::from_micros(100)));
        assert_eq!(super::tests::coupon(CouponStatus::Spent).timer(), None);
        assert!(CouponStatus::ALL.iter().all(|s| CouponStatus::parse(s.as_str()) == Some(*s)));
    }
}
