//! The chart of accounts (科目表): every subject that money can stand on, with its normal side and its floor.
//!
//! A [`Subject`] is known by its code, which is what rows store and statements show. Subjects of an institution carry the
//! channel account in the code (`1011.sandbox.in`), so that a trial balance shows each institution on lines of its own.
//! Liabilities may never go below zero: what we owe somebody is theirs to spend, and no more. Clearing, transit, income and
//! expense accounts have no limits.

use std::borrow::Cow;
use std::fmt;

use kernel::message::accounting::Way;
use kernel::{Owner, StoredKind};

/// The side of an account (借贷方向).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Debit (借).
    Debit,
    /// Credit (贷).
    Credit,
}

impl Side {
    /// The letter that rows store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debit => "D",
            Self::Credit => "C",
        }
    }

    /// Reads the letter back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Debit, Self::Credit].into_iter().find(|side| side.as_str() == text)
    }

    /// The other side: where an account with this normal side is spent.
    pub const fn other(self) -> Self {
        match self {
            Self::Debit => Self::Credit,
            Self::Credit => Self::Debit,
        }
    }
}

/// A line of the chart. An institution's two lines stand for one subject per channel account, that of stored value for one
/// per kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entry {
    /// 1011.{ca}.in: an institution received it for us, the statement has yet to say so.
    ChannelIn,
    /// 1011.{ca}.out: an institution paid it out for us, the statement has yet to say so.
    ChannelOut,
    /// 1011.{ca}.refund: an institution gave it back for us, the statement has yet to say so.
    ChannelRefund,
    /// 1011.{ca}.dispute: an institution took it back for a dispute, the statement has yet to say so.
    ChannelDispute,
    /// 1061: what a user has paid on credit and owes us.
    Credit,
    /// 1062: owed to us by a receiver who had not enough when a dispute took its money.
    Owed,
    /// 2001: a user's balance.
    UserBalance,
    /// 2002: a merchant's or seller's balance.
    MerchantBalance,
    /// 2003: a receiver's money that waits for settlement.
    Pending,
    /// 2004: a trade's money before it is released.
    Escrow,
    /// 2011.{a}.{b}: money on its way from shard a to shard b. What a owes it, b has yet to take: the two stripes together
    /// are what is sent and not yet arrived.
    Transit,
    /// 2012: money of a combined trade on its way to its children; nothing is left of it after a batch.
    Combined,
    /// 2021: money that came otherwise than asked.
    Suspense,
    /// 2022: money that came and is not (yet) effective.
    Received,
    /// 2031: coupons in users' hands.
    Coupons,
    /// 2032: money set aside for coupons.
    Budget,
    /// 2033.{kind}: stored value in users' hands, one subject per kind.
    Stored,
    /// 2034: points in users' hands, in their own currency.
    Points,
    /// 2034.redeemed: points that users paid with, by the merchant that they paid.
    PointsRedeemed,
    /// 2035: gifts that nobody has claimed yet.
    Unclaimed,
    /// 4001: what the platform keeps of top-ups, transfers and payouts.
    Fees,
    /// 5002: what marketing costs us.
    Marketing,
    /// 5003: points that were given, in their own currency.
    PointsIssued,
}

impl Entry {
    /// The whole chart, in the order of the codes.
    pub const ALL: [Self; 23] = [
        Self::ChannelIn,
        Self::ChannelOut,
        Self::ChannelRefund,
        Self::ChannelDispute,
        Self::Credit,
        Self::Owed,
        Self::UserBalance,
        Self::MerchantBalance,
        Self::Pending,
        Self::Escrow,
        Self::Transit,
        Self::Combined,
        Self::Suspense,
        Self::Received,
        Self::Coupons,
        Self::Budget,
        Self::Stored,
        Self::Points,
        Self::PointsRedeemed,
        Self::Unclaimed,
        Self::Fees,
        Self::Marketing,
        Self::PointsIssued,
    ];

    /// The code, for an institution's lines with `{ca}` where the channel account stands.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ChannelIn => "1011.{ca}.in",
            Self::ChannelOut => "1011.{ca}.out",
            Self::ChannelRefund => "1011.{ca}.refund",
            Self::ChannelDispute => "1011.{ca}.dispute",
            Self::Credit => "1061",
            Self::Owed => "1062",
            Self::UserBalance => "2001",
            Self::MerchantBalance => "2002",
            Self::Pending => "2003",
            Self::Escrow => "2004",
            Self::Transit => "2011.{a}.{b}",
            Self::Combined => "2012",
            Self::Suspense => "2021",
            Self::Received => "2022",
            Self::Coupons => "2031",
            Self::Budget => "2032",
            Self::Stored => "2033.{kind}",
            Self::Points => "2034",
            Self::PointsRedeemed => "2034.redeemed",
            Self::Unclaimed => "2035",
            Self::Fees => "4001",
            Self::Marketing => "5002",
            Self::PointsIssued => "5003",
        }
    }

    /// The English name.
    pub const fn english(self) -> &'static str {
        match self {
            Self::ChannelIn => "To be cleared, received",
            Self::ChannelOut => "To be cleared, paid out",
            Self::ChannelRefund => "To be cleared, refunded",
            Self::ChannelDispute => "To be cleared, disputed",
            Self::Credit => "Owed by users on credit",
            Self::Owed => "Owed by receivers",
            Self::UserBalance => "User balance",
            Self::MerchantBalance => "Merchant balance",
            Self::Pending => "Pending settlement",
            Self::Escrow => "Escrow",
            Self::Transit => "In transit",
            Self::Combined => "Combined checkout",
            Self::Suspense => "Suspense",
            Self::Received => "Received, not effective",
            Self::Coupons => "Coupons issued",
            Self::Budget => "Marketing budget",
            Self::Stored => "Stored value",
            Self::Points => "Points",
            Self::PointsRedeemed => "Points, redeemed",
            Self::Unclaimed => "Gifts, unclaimed",
            Self::Fees => "Fee income",
            Self::Marketing => "Marketing expense",
            Self::PointsIssued => "Points issued",
        }
    }

    /// The Chinese term.
    pub const fn chinese(self) -> &'static str {
        match self {
            Self::ChannelIn => "待清算收款",
            Self::ChannelOut => "待清算付款",
            Self::ChannelRefund => "待清算退款",
            Self::ChannelDispute => "待清算拒付",
            Self::Credit => "应收信用付款",
            Self::Owed => "应收垫款",
            Self::UserBalance => "用户余额",
            Self::MerchantBalance => "商户余额",
            Self::Pending => "待结算",
            Self::Escrow => "担保资金",
            Self::Transit => "在途资金",
            Self::Combined => "合并支付",
            Self::Suspense => "挂账",
            Self::Received => "已收未生效",
            Self::Coupons => "已发优惠券",
            Self::Budget => "营销预算",
            Self::Stored => "储值余额",
            Self::Points => "积分余额",
            Self::PointsRedeemed => "已兑积分",
            Self::Unclaimed => "待领取",
            Self::Fees => "手续费收入",
            Self::Marketing => "营销费用",
            Self::PointsIssued => "已发积分",
        }
    }

    /// The normal side: debit for what others owe us and for expense, credit for what we owe and for income.
    pub const fn side(self) -> Side {
        match self {
            Self::ChannelIn | Self::Credit | Self::Owed | Self::Marketing | Self::PointsIssued => Side::Debit,
            Self::ChannelOut
            | Self::ChannelRefund
            | Self::ChannelDispute
            | Self::UserBalance
            | Self::MerchantBalance
            | Self::Pending
            | Self::Escrow
            | Self::Transit
            | Self::Combined
            | Self::Suspense
            | Self::Received
            | Self::Coupons
            | Self::Budget
            | Self::Stored
            | Self::Points
            | Self::PointsRedeemed
            | Self::Unclaimed
            | Self::Fees => Side::Credit,
        }
    }

    /// Whether it lives with its owner: money that the owner may spend at will, in the shard of the owner's bucket. All
    /// other subjects are local: each shard that moves one has a stripe of its own.
    pub const fn homed(self) -> bool {
        match self {
            Self::UserBalance | Self::MerchantBalance | Self::Coupons | Self::Stored | Self::Points | Self::Credit => {
                true
            }
            Self::ChannelIn
            | Self::ChannelOut
            | Self::ChannelRefund
            | Self::ChannelDispute
            | Self::Owed
            | Self::Pending
            | Self::Escrow
            | Self::Transit
            | Self::Combined
            | Self::Suspense
            | Self::Received
            | Self::Budget
            | Self::PointsRedeemed
            | Self::Unclaimed
            | Self::Fees
            | Self::Marketing
            | Self::PointsIssued => false,
        }
    }

    /// The floor of a new account in minor units; `None` where it has no limit.
    pub const fn floor(self) -> Option<i64> {
        match self {
            Self::ChannelIn
            | Self::ChannelOut
            | Self::ChannelRefund
            | Self::ChannelDispute
            | Self::Owed
            | Self::Transit
            | Self::Fees
            | Self::Marketing
            | Self::PointsIssued => None,
            Self::Credit
            | Self::UserBalance
            | Self::MerchantBalance
            | Self::Pending
            | Self::Escrow
            | Self::Combined
            | Self::Suspense
            | Self::Received
            | Self::Coupons
            | Self::Budget
            | Self::Stored
            | Self::Points
            | Self::PointsRedeemed
            | Self::Unclaimed => Some(0),
        }
    }
}

/// A subject (科目), known by its code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    entry: Entry,
    code: Cow<'static, str>,
}

impl Subject {
    /// 1061.
    pub const CREDIT: Self = Self::plain(Entry::Credit);
    /// 1062.
    pub const OWED: Self = Self::plain(Entry::Owed);
    /// 2001.
    pub const USER_BALANCE: Self = Self::plain(Entry::UserBalance);
    /// 2002.
    pub const MERCHANT_BALANCE: Self = Self::plain(Entry::MerchantBalance);
    /// 2003.
    pub const PENDING: Self = Self::plain(Entry::Pending);
    /// 2004.
    pub const ESCROW: Self = Self::plain(Entry::Escrow);
    /// 2012.
    pub const COMBINED: Self = Self::plain(Entry::Combined);
    /// 2021.
    pub const SUSPENSE: Self = Self::plain(Entry::Suspense);
    /// 2022.
    pub const RECEIVED: Self = Self::plain(Entry::Received);
    /// 2031.
    pub const COUPONS: Self = Self::plain(Entry::Coupons);
    /// 2032.
    pub const BUDGET: Self = Self::plain(Entry::Budget);
    /// 2034.
    pub const POINTS: Self = Self::plain(Entry::Points);
    /// 2034.redeemed.
    pub const POINTS_REDEEMED: Self = Self::plain(Entry::PointsRedeemed);
    /// 2035.
    pub const UNCLAIMED: Self = Self::plain(Entry::Unclaimed);
    /// 4001.
    pub const FEES: Self = Self::plain(Entry::Fees);
    /// 5002.
    pub const MARKETING: Self = Self::plain(Entry::Marketing);
    /// 5003.
    pub const POINTS_ISSUED: Self = Self::plain(Entry::PointsIssued);

    const fn plain(entry: Entry) -> Self {
        Self { entry, code: Cow::Borrowed(entry.code()) }
    }

    /// 1011.{ca}.in of a channel account.
    pub fn channel_in(channel_account: &str) -> Self {
        Self { entry: Entry::ChannelIn, code: Cow::Owned(format!("1011.{channel_account}.in")) }
    }

    /// 1011.{ca}.out of a channel account.
    pub fn channel_out(channel_account: &str) -> Self {
        Self { entry: Entry::ChannelOut, code: Cow::Owned(format!("1011.{channel_account}.out")) }
    }

    /// 1011.{ca}.refund of a channel account.
    pub fn channel_refund(channel_account: &str) -> Self {
        Self { entry: Entry::ChannelRefund, code: Cow::Owned(format!("1011.{channel_account}.refund")) }
    }

    /// 1011.{ca}.dispute of a channel account.
    pub fn channel_dispute(channel_account: &str) -> Self {
        Self { entry: Entry::ChannelDispute, code: Cow::Owned(format!("1011.{channel_account}.dispute")) }
    }

    /// 2011.{a}.{b} of a way between shards.
    pub fn transit(way: Way) -> Self {
        Self { entry: Entry::Transit, code: Cow::Owned(format!("2011.{}.{}", way.from, way.to)) }
    }

    /// 2033.{kind} of a kind of stored value.
    pub fn stored(kind: &StoredKind) -> Self {
        Self { entry: Entry::Stored, code: Cow::Owned(format!("2033.{kind}")) }
    }

    /// Reads a code back; `None` for what the chart does not have.
    pub fn parse(code: &str) -> Option<Self> {
        if let Some(way) = code.strip_prefix("2011.") {
            let (from, to) = way.split_once('.')?;
            let transit = Self::transit(Way { from: from.parse().ok()?, to: to.parse().ok()? });
            return (transit.as_str() == code).then_some(transit);
        }
        if let Some(kind) = code.strip_prefix("2033.") {
            return StoredKind::parse(kind).map(|kind| Self::stored(&kind));
        }
        if let Some(clearing) = code.strip_prefix("1011.") {
            let (channel_account, line) = clearing.rsplit_once('.')?;
            Owner::parse(&format!("channel:{channel_account}"), None)?;
            return match line {
                "in" => Some(Self::channel_in(channel_account)),
                "out" => Some(Self::channel_out(channel_account)),
                "refund" => Some(Self::channel_refund(channel_account)),
                "dispute" => Some(Self::channel_dispute(channel_account)),
                _ => None,
            };
        }
        Entry::ALL.into_iter().find(|entry| entry.code() == code).map(Self::plain)
    }

    /// Its line in the chart.
    pub const fn entry(&self) -> Entry {
        self.entry
    }

    /// The code, as `2001`.
    pub fn as_str(&self) -> &str {
        &self.code
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_back() {
        for entry in Entry::ALL {
            let code = entry
                .code()
                .replace("{ca}", "sandbox")
                .replace("{a}", "0")
                .replace("{b}", "3")
                .replace("{kind}", "gift_card");
            let subject = Subject::parse(&code).unwrap();
            assert_eq!((subject.entry(), subject.as_str()), (entry, code.as_str()));
        }
        assert_eq!(Subject::parse("1011.sandbox.in"), Some(Subject::channel_in("sandbox")));
        assert_eq!(Subject::parse("2011.2.1"), Some(Subject::transit(Way { from: 2, to: 1 })));
        assert_eq!(Subject::parse("1011.a.in.refund"), Some(Subject::channel_refund("a.in")));
        for bad in [
            "",
            "2",
            "20011",
            "1011",
            "1011..in",
            "1011.in",
            "1011.{ca}.in",
            "1011.a b.in",
            "1011.sandbox.disputes",
            "9999",
            "2011",
            "2011.",
            "2011.1",
            "2011.1.",
            "2011.01.2",
            "2011.1.2.3",
            "2011.a.b",
            "2033",
            "2033.",
            "2033.Gift",
            "2033.{kind}",
            "2034.",
            "2034.spent",
        ] {
            assert_eq!(Subject::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn liabilities_have_a_floor_and_so_has_what_users_owe() {
        for entry in Entry::ALL {
            // Of money in transit each shard has one side only.
            let liability = entry.code().starts_with('2') && entry != Entry::Transit;
            // No user owes less than nothing.
            let limited = liability || entry == Entry::Credit;
            assert_eq!(entry.floor(), limited.then_some(0), "{}", entry.code());
            if liability {
                assert_eq!(entry.side(), Side::Credit, "{}", entry.code());
            }
        }
        assert_eq!(Side::parse(Side::Debit.as_str()), Some(Side::Debit));
        assert_eq!(Side::Debit.other(), Side::Credit);
        assert_eq!(Side::parse("X"), None);
    }
}
