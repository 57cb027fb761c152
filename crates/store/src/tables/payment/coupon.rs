//! Coupons: one row each, because many trades may want the same one and only one may have it.

use kernel::{Amount, CouponId, InstructionId, MerchantId, RootId, Scenes, Time, TradeId, UserId};
use payment::coupon::CouponStatus;
use payment::{Coupon, CouponTerms};

use super::fits::Fits;
use super::{mark, source_text};
use crate::door::{Cell, Inconsistent};
use crate::unit::{Aggregate, TableRows, read_all};
use crate::{Row, Text, row};

row! {
    /// One coupon of one user.
    pub struct CouponRow in Main "coupon" key 2 {
        /// The shard.
        pub shard: i64,
        /// Its id.
        pub id: [u8; 16],
        /// The only merchant whose trades it pays; any where null.
        pub merchant: Option<[u8; 16]>,
        /// The user who may spend it.
        pub buyer: Text,
        /// Its face, minor units.
        pub amount: i64,
        /// ISO 4217.
        pub currency: Text,
        /// Where its money came from: expense, or the owner of a budget.
        pub source: Text,
        /// usable, held, spent or expired.
        pub status: Text,
        /// The trade of the instruction that holds it or spent it.
        pub held_trade: Option<[u8; 16]>,
        /// The number of that instruction.
        pub held_no: Option<i64>,
        /// The least amount of the payment, minor units.
        pub min_spend: Option<i64>,
        /// How many hundredths of the payment it pays at most.
        pub percent: Option<i64>,
        /// In which scenes: one, or with a final * those that begin so.
        pub scenes: Option<Text>,
        /// Microseconds.
        pub usable_from: Option<i64>,
        /// 1 where it is the only coupon of its payment.
        pub alone: Option<i64>,
        /// Microseconds.
        pub expires_at: Option<i64>,
        /// Microseconds.
        pub created_at: i64,
    }
    check "amount > 0 AND min_spend > 0 AND percent BETWEEN 1 AND 100";
    check "status IN ('usable', 'held', 'spent', 'expired')";
    check "(status IN ('held', 'spent')) = (held_trade IS NOT NULL)";
    check "(held_trade IS NULL) = (held_no IS NULL)";
}

impl Aggregate for Coupon {
    type Key = CouponId;
    const TABLES: &'static [&'static crate::Table] = &[CouponRow::TABLE];

    fn prefix(key: CouponId) -> Vec<Cell> {
        vec![Cell::bytes(key.0.bytes())]
    }

    fn rows(&self, shard: i64) -> TableRows {
        vec![vec![coupon_row(shard, self).cells()]]
    }

    fn assemble(_: CouponId, rows: TableRows) -> Result<Option<Self>, Inconsistent> {
        read_all::<CouponRow>(rows.into_iter().next())?.into_iter().next().map(coupon).transpose()
    }
}

fn coupon_row(shard: i64, coupon: &Coupon) -> CouponRow {
    CouponRow {
        shard,
        id: coupon.id.0.bytes(),
        merchant: coupon.merchant.map(|merchant| merchant.0.bytes()),
        buyer: coupon.user.as_str().into(),
        amount: coupon.money.amount.minor(),
        currency: coupon.money.currency.code().into(),
        source: source_text(&coupon.source).into(),
        status: coupon.status.as_str().into(),
        held_trade: coupon.held_by.map(|holder| holder.trade.0.bytes()),
        held_no: coupon.held_by.map(|holder| i64::from(holder.no)),
        min_spend: coupon.terms.min_spend.map(Amount::minor),
        percent: coupon.terms.percent.map(i64::from),
        scenes: coupon.terms.scenes.as_ref().map(|scenes| scenes.as_str().into()),
        usable_from: coupon.terms.usable_from.map(Time::micros),
        alone: mark(coupon.terms.alone),
        expires_at: coupon.expires_at.map(Time::micros),
        created_at: coupon.created_at.micros(),
    }
}

fn coupon(row: CouponRow) -> Result<Coupon, Inconsistent> {
    let fits = Fits("coupon");
    let status = fits.word("status", CouponStatus::parse(&row.status))?;
    let held_by = match (status, row.held_trade, row.held_no) {
        (CouponStatus::Usable | CouponStatus::Expired, None, None) => None,
        (CouponStatus::Held | CouponStatus::Spent, Some(trade), Some(no)) => {
            Some(InstructionId::new(TradeId(RootId::from_bytes(trade)), fits.number("held_no", no)?))
        }
        (CouponStatus::Usable | CouponStatus::Held | CouponStatus::Spent | CouponStatus::Expired, _, _) => {
            return Err(fits.wrong("held_trade", "does not go with its status and number"));
        }
    };
    Ok(Coupon {
        id: CouponId(RootId::from_bytes(row.id)),
        merchant: row.merchant.map(|merchant| MerchantId(RootId::from_bytes(merchant))),
        user: fits.word("buyer", UserId::parse(&row.buyer))?,
        money: fits.money(row.amount, &row.currency)?,
        source: fits.source("source", &row.source)?,
        terms: CouponTerms {
            min_spend: row.min_spend.map(|minor| fits.amount("min_spend", minor)).transpose()?,
            percent: row.percent.map(|percent| fits.percent("percent", percent)).transpose()?,
            scenes: row.scenes.as_deref().map(|text| fits.word("scenes", Scenes::parse(text))).transpose()?,
            usable_from: row.usable_from.map(Time::from_micros),
            alone: fits.mark("alone", row.alone)?,
        },
        status,
        held_by,
        expires_at: row.expires_at.map(Time::from_micros),
        created_at: Time::from_micros(row.created_at),
    })
}
