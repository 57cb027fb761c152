//! A gift (发放): a sum of stored value that waits to be claimed (领取), by one user or shared by many.
//!
//! A gift card (礼品卡) is a gift of one share with a code; a red packet (红包) is one of many shares. The money is there
//! from the moment the gift is issued and waits in the issuer's name (2035). A claim takes one share to the user's stored
//! value of the gift's kind (2033.{kind}), each user one, and the shares sum to the gift exactly. What nobody has claimed
//! when the gift's time is over goes back to where it came from.

use kernel::message::accounting::{CouponSource, Post, Verb, Way};
use kernel::{Amount, Code, GiftClaimId, GiftId, MerchantId, Money, Owner, Problem, StoredKind, Time, UserId};

/// One gift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gift {
    /// Its id.
    pub id: GiftId,
    /// Who issued it; the platform where `None`.
    pub merchant: Option<MerchantId>,
    /// What its shares become in the hands of those who claim them.
    pub kind: StoredKind,
    /// All of it.
    pub money: Money,
    /// Where its money came from, and goes back to.
    pub source: CouponSource,
    /// How many share it; at most as many as it has minor units.
    pub shares: u16,
    /// How large each share is.
    pub split: Split,
    /// BLAKE3 of the code that a claim must show; none is needed where `None`.
    pub code_hash: Option<[u8; 32]>,
    /// Who claimed, in order.
    pub claims: Vec<Claim>,
    /// From when on nothing of it can be claimed.
    pub expires_at: Option<Time>,
    /// Whether what was left then has gone back.
    pub expired: bool,
    /// When it was issued.
    pub created_at: Time,
}

/// One user's share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose.
    pub user: UserId,
    /// How much, in the gift's currency.
    pub amount: Amount,
    /// When it was claimed.
    pub at: Time,
}

/// How large the shares are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Split {
    /// All the same, but for a minor unit where they cannot be: the earlier ones are larger then.
    Equal,
    /// By luck (拼手气): each is drawn evenly between one minor unit and twice the average of what is left.
    Lucky,
}

impl Split {
    /// Every split.
    pub const ALL: [Self; 2] = [Self::Equal, Self::Lucky];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Lucky => "lucky",
        }
    }

    /// Reads the wire word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// Where a gift stands; it follows from its claims and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GiftStatus {
    /// Something can be claimed.
    Open,
    /// Everything was.
    Claimed,
    /// Its time ran out, and what was left went back.
    Expired,
}

impl GiftStatus {
    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Claimed => "claimed",
            Self::Expired => "expired",
        }
    }
}

/// What a gift can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A user takes a share.
    Claim {
        /// Who.
        user: UserId,
        /// BLAKE3 of the code that was shown, where one was.
        code_hash: Option<[u8; 32]>,
        /// A number drawn for it, evenly among all.
        luck: u64,
        /// Where the user lives in another shard: the way there.
        away: Option<Way>,
    },
    /// Its time ran out (a timer says so).
    Expire,
}

/// What happened to a gift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A share was taken.
    Claimed {
        /// By whom, and how much.
        claim: Claim,
        /// Where the user lives in another shard: the way there.
        away: Option<Way>,
    },
    /// What was left goes back.
    Expired,
}

/// Why a claim is refused; nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another code than the gift's, or none.
    #[error("the code does not belong to the gift")]
    WrongCode,
    /// Everything was claimed.
    #[error("all shares of the gift have been claimed")]
    AllClaimed,
    /// Its time is over.
    #[error("the time of the gift is over")]
    Over,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            Refusal::WrongCode => Self::at(Code::gift_code_invalid, "code", detail),
            Refusal::AllClaimed | Refusal::Over => Self::new(Code::gift_not_claimable, detail),
        }
    }
}

impl Gift {
    /// What must be booked when it is issued; a budget that does not cover it refuses.
    pub fn issue_post(&self) -> Post {
        let verb = Verb::IssueGift { issuer: self.issuer(), source: self.source.clone(), money: self.money };
        self.post(self.id.to_string(), verb)
    }

    /// In whose name it waits.
    pub fn issuer(&self) -> Owner {
        self.merchant.map_or(Owner::Platform, Owner::Merchant)
    }

    /// Where it stands.
    pub fn status(&self) -> GiftStatus {
        if self.expired {
            GiftStatus::Expired
        } else if self.claims.len() >= usize::from(self.shares) {
            GiftStatus::Claimed
        } else {
            GiftStatus::Open
        }
    }

    /// Minor units that nobody has claimed, gone back or not.
    pub fn left(&self) -> i64 {
        self.claims.iter().fold(self.money.amount.minor(), |left, claim| left.saturating_sub(claim.amount.minor()))
    }

    /// Whether its time has run out.
    pub fn is_over(&self, now: Time) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// When it must be told [`Command::Expire`].
    pub fn timer(&self) -> Option<Time> {
        self.expires_at.filter(|_| self.status() == GiftStatus::Open)
    }

    /// The claim of a user, with its number from 1.
    pub fn claim_of(&self, user: &UserId) -> Option<u16> {
        let place = self.claims.iter().position(|claim| claim.user == *user)?;
        u16::try_from(place).ok()?.checked_add(1)
    }

    /// The claim of this number.
    pub fn claim(&self, no: u16) -> Option<&Claim> {
        self.claims.get(usize::from(no.checked_sub(1)?))
    }

    /// The machine. A user who has claimed changes nothing by claiming again, but must show the code again.
    ///
    /// # Errors
    /// Why nothing can be claimed.
    pub fn decide(&self, command: &Command, now: Time) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::Claim { code_hash, .. } if self.code_hash.is_some() && *code_hash != self.code_hash => {
                Err(Refusal::WrongCode)
            }
            Command::Claim { user, .. } if self.claim_of(user).is_some() => Ok(Vec::new()),
            Command::Claim { user, luck, away, .. } => match self.status() {
                GiftStatus::Open if self.is_over(now) => Err(Refusal::Over),
                GiftStatus::Open => {
                    let amount = self.next_share(*luck).ok_or(Refusal::AllClaimed)?;
                    let claim = Claim { user: user.clone(), amount, at: now };
                    Ok(vec![Event::Claimed { claim, away: *away }])
                }
                GiftStatus::Claimed => Err(Refusal::AllClaimed),
                GiftStatus::Expired => Err(Refusal::Over),
            },
            Command::Expire if self.status() == GiftStatus::Open && self.is_over(now) => Ok(vec![Event::Expired]),
            // Too early, or nothing was left: the timer is stale.
            Command::Expire => Ok(Vec::new()),
        }
    }

    /// Takes over what happened.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Claimed { claim, .. } => self.claims.push(claim.clone()),
            Event::Expired => self.expired = true,
        }
    }

    /// What must be booked. Cannot be refused, but where the claimer's account takes nothing.
    pub fn react(&self, events: &[Event]) -> Vec<Post> {
        events.iter().filter_map(|event| self.booked(event)).collect()
    }

    /// Decide, apply and react in one step.
    ///
    /// # Errors
    /// As [`Self::decide`].
    pub fn handle(&mut self, command: &Command, now: Time) -> Result<Vec<Post>, Refusal> {
        let events = self.decide(command, now)?;
        events.iter().for_each(|event| self.apply(event));
        Ok(self.react(&events))
    }

    fn booked(&self, event: &Event) -> Option<Post> {
        let currency = self.money.currency;
        let (issuer, source) = (self.issuer(), self.source.clone());
        match event {
            Event::Claimed { claim, away } => {
                let id = GiftClaimId::new(self.id, self.claim_of(&claim.user)?);
                let (user, kind) = (claim.user.clone(), self.kind.clone());
                let money = Money { amount: claim.amount, currency };
                let verb = Verb::ClaimGift { issuer, user, kind, money, away: *away };
                Some(self.post(id.to_string(), verb))
            }
            Event::Expired => {
                let money = Money { amount: Amount::new(self.left()).ok()?, currency };
                Some(self.post(self.id.to_string(), Verb::ExpireGift { issuer, source, money }))
            }
        }
    }

    /// The share of the next who claims; `None` where there is none.
    fn next_share(&self, luck: u64) -> Option<Amount> {
        let waiting = i64::from(self.shares).checked_sub(i64::try_from(self.claims.len()).ok()?)?;
        let left = self.left();
        let share = match self.split {
            _ if waiting <= 1 => left,
            Split::Equal => (left + waiting - 1) / waiting,
            Split::Lucky => lucky(left, waiting, luck),
        };
        Amount::new(share).ok()
    }

    fn post(&self, object: String, verb: Verb) -> Post {
        Post { context: None, merchant: self.merchant, currency: self.money.currency, object, verb }
    }
}

/// Evenly between one minor unit and twice the average of what is left (二倍均值法), so that every place in the row has the
/// same chances; the others keep a minor unit each.
fn lucky(left: i64, waiting: i64, luck: u64) -> i64 {
    let most = (2 * left / waiting - 1).min(left - (waiting - 1)).max(1);
    1 + i64::try_from(luck % most.unsigned_abs()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use kernel::{Bucket, Currency, RootId};
    use proptest::prelude::*;

    use super::*;

    fn gift(total: i64, shares: u16, split: Split) -> Gift {
        Gift {
            id: GiftId(RootId::new(Time::from_micros(0), Bucket::of("platform"), 1)),
            merchant: None,
            kind: StoredKind::RED_PACKET,
            money: Money { amount: Amount::new(total).unwrap(), currency: Currency::parse("CNY").unwrap() },
            source: CouponSource::Expense,
            shares,
            split,
            code_hash: None,
            claims: Vec::new(),
            expires_at: Some(Time::from_micros(100)),
            expired: false,
            created_at: Time::from_micros(0),
        }
    }

    fn claim(n: u16, luck: u64) -> Command {
        Command::Claim { user: UserId::parse(&format!("u{n}")).unwrap(), code_hash: None, luck, away: None }
    }

    #[test]
    fn the_whole_machine() {
        let open = gift(10, 2, Split::Equal);
        let mut half = open.clone();
        half.handle(&claim(1, 0), Time::from_micros(1)).unwrap();
        let mut claimed = half.clone();
        claimed.handle(&claim(2, 0), Time::from_micros(1)).unwrap();
        let mut expired = half.clone();
        expired.handle(&Command::Expire, Time::from_micros(100)).unwrap();
        let commands = [
            ("claim", claim(3, 0), 1),
            ("claim again", claim(1, 0), 1),
            ("claim late", claim(3, 0), 100),
            ("expire early", Command::Expire, 99),
            ("expire", Command::Expire, 100),
        ];
        let mut table = String::new();
        for (name, command, now) in commands {
            let cells: Vec<_> = [("open", &open), ("half", &half), ("claimed", &claimed), ("expired", &expired)]
                .into_iter()
                .map(|(state, gift)| {
                    let mut next = gift.clone();
                    let led = match next.handle(&command, Time::from_micros(now)) {
                        Ok(_) if next == *gift => ".".to_owned(),
                        Ok(posts) => {
                            let verbs: Vec<_> = posts.iter().map(|post| format!("{:?}", post.verb)).collect();
                            let verbs: Vec<_> = verbs.iter().filter_map(|verb| verb.split(' ').next()).collect();
                            format!("{} {} left {}", next.status().as_str(), verbs.join("+"), next.left())
                        }
                        Err(refusal) => format!("{refusal:?}"),
                    };
                    format!("{state} -> {led}")
                })
                .collect();
            table.push_str(&format!("{name:<14}{}\n", cells.join("  ")));
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn a_code_is_asked_of_everybody_each_time() {
        let mut card = gift(50, 1, Split::Equal);
        card.code_hash = Some([7; 32]);
        let user = UserId::parse("42").unwrap();
        let with = |code_hash| Command::Claim { user: user.clone(), code_hash, luck: 0, away: None };
        let now = Time::from_micros(1);
        for wrong in [None, Some([8; 32])] {
            assert_eq!(card.clone().handle(&with(wrong), now), Err(Refusal::WrongCode));
        }
        assert_eq!(card.handle(&with(Some([7; 32])), now).unwrap().len(), 1);
        assert_eq!(card.handle(&with(Some([7; 32])), now), Ok(Vec::new()), "once only");
        assert_eq!(card.handle(&with(None), now), Err(Refusal::WrongCode));
        assert_eq!((card.status(), card.left()), (GiftStatus::Claimed, 0));
    }

    #[test]
    fn nothing_waits_for_a_timer_that_has_nothing_to_do() {
        let mut packet = gift(2, 1, Split::Lucky);
        assert_eq!(packet.timer(), Some(Time::from_micros(100)));
        packet.handle(&claim(1, 9), Time::from_micros(1)).unwrap();
        assert_eq!(packet.timer(), None);
        assert!(Split::ALL.iter().all(|split| Split::parse(split.as_str()) == Some(*split)));
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_gift(
            total in 1i64..100_000,
            shares in 1u16..60,
            lucks in prop::collection::vec(any::<u64>(), 60),
            by_luck: bool,
        ) {
            prop_assume!(total >= i64::from(shares));
            let split = if by_luck { Split::Lucky } else { Split::Equal };
            let mut packet = gift(total, shares, split);
            for (no, luck) in (1..=shares).zip(lucks) {
                let (left, waiting) = (packet.left(), i64::from(shares - no + 1));
                packet.handle(&claim(no, luck), Time::from_micros(1)).unwrap();
                let share = packet.claim(no).unwrap().amount.minor();
                if split == Split::Lucky && waiting > 1 {
                    prop_assert!(share <= (2 * left / waiting).max(1), "{} of {} for {}", share, left, waiting);
                } else {
                    prop_assert!((share - total / i64::from(shares)).abs() <= 1 || by_luck);
                }
                prop_assert!(packet.left() >= waiting - 1, "a minor unit for each who comes later");
            }
            prop_assert_eq!(packet.left(), 0);
            prop_assert_eq!(packet.status(), GiftStatus::Claimed);
        }
    }
}
