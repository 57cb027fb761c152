//! Gifts: one row each with a row per claim, because many users may want the same one and each has one share of it.

use kernel::{GiftId, Owner, RootId, StoredKind, Time, UserId};
use payment::Gift;
use payment::gift::{Claim, Split};

use super::fits::Fits;
use super::{mark, source_text};
use crate::door::{Cell, Inconsistent};
use crate::unit::{Aggregate, TableRows, read_all};
use crate::{Row, Text, row};

row! {
    /// One gift.
    pub struct GiftRow in Main "gift" key 2 {
        /// The shard.
        pub shard: i64,
        /// Its id.
        pub id: [u8; 16],
        /// Who issued it, and in whose name it waits: platform, or a merchant.
        pub issuer: Text,
        /// What its shares become: a kind of stored value.
        pub kind: Text,
        /// All of it, minor units.
        pub amount: i64,
        /// ISO 4217.
        pub currency: Text,
        /// Where its money came from: expense, or the owner of a budget.
        pub source: Text,
        /// How many share it.
        pub shares: i64,
        /// equal or lucky.
        pub split: Text,
        /// BLAKE3 of the code that a claim must show; none is needed where null.
        pub code_hash: Option<[u8; 32]>,
        /// Microseconds.
        pub expires_at: Option<i64>,
        /// 1 where what was left then has gone back.
        pub expired: Option<i64>,
        /// Microseconds.
        pub created_at: i64,
    }
    check "amount > 0 AND shares > 0 AND shares <= amount";
    check "split IN ('equal', 'lucky')";
}

row! {
    /// One user's share of a gift.
    pub struct GiftClaimRow in Main "gift_claim" key 3 {
        /// The shard.
        pub shard: i64,
        /// The gift.
        pub gift: [u8; 16],
        /// Its number among the gift's claims, from 1.
        pub no: i64,
        /// Whose.
        pub claimer: Text,
        /// Minor units of the gift's currency.
        pub amount: i64,
        /// Microseconds.
        pub at: i64,
    }
    check "amount > 0 AND no > 0";
}

impl Aggregate for Gift {
    type Key = GiftId;
    const TABLES: &'static [&'static crate::Table] = &[GiftRow::TABLE, GiftClaimRow::TABLE];

    fn prefix(key: GiftId) -> Vec<Cell> {
        vec![Cell::bytes(key.0.bytes())]
    }

    fn rows(&self, shard: i64) -> TableRows {
        let claims = self.claims.iter().zip(1..).map(|(claim, no)| claim_row(shard, self.id, no, claim).cells());
        vec![vec![gift_row(shard, self).cells()], claims.collect()]
    }

    fn assemble(_: GiftId, rows: TableRows) -> Result<Option<Self>, Inconsistent> {
        let mut tables = rows.into_iter();
        let gift = read_all::<GiftRow>(tables.next())?.into_iter().next();
        let claims = read_all::<GiftClaimRow>(tables.next())?;
        match gift {
            Some(row) => gift_of(row, claims).map(Some),
            None if claims.is_empty() => Ok(None),
            None => Err(Fits("gift_claim").wrong("gift", "names no gift")),
        }
    }
}

fn gift_row(shard: i64, gift: &Gift) -> GiftRow {
    GiftRow {
        shard,
        id: gift.id.0.bytes(),
        issuer: gift.issuer().to_string().into(),
        kind: gift.kind.as_str().into(),
        amount: gift.money.amount.minor(),
        currency: gift.money.currency.code().into(),
        source: source_text(&gift.source).into(),
        shares: i64::from(gift.shares),
        split: gift.split.as_str().into(),
        code_hash: gift.code_hash,
        expires_at: gift.expires_at.map(Time::micros),
        expired: mark(gift.expired),
        created_at: gift.created_at.micros(),
    }
}

fn claim_row(shard: i64, gift: GiftId, no: i64, claim: &Claim) -> GiftClaimRow {
    GiftClaimRow {
        shard,
        gift: gift.0.bytes(),
        no,
        claimer: claim.user.as_str().into(),
        amount: claim.amount.minor(),
        at: claim.at.micros(),
    }
}

fn gift_of(row: GiftRow, claims: Vec<GiftClaimRow>) -> Result<Gift, Inconsistent> {
    let fits = Fits("gift");
    if claims.iter().zip(1..).any(|(claim, no)| claim.no != no) {
        return Err(Fits("gift_claim").wrong("no", "leaves a number out"));
    }
    Ok(Gift {
        id: GiftId(RootId::from_bytes(row.id)),
        merchant: match fits.owner("issuer", &row.issuer)? {
            Owner::Platform => None,
            Owner::Merchant(merchant) => Some(merchant),
            Owner::User(_) | Owner::Seller(..) | Owner::Channel(_) => {
                return Err(fits.wrong("issuer", "issues no gifts"));
            }
        },
        kind: fits.word("kind", StoredKind::parse(&row.kind))?,
        money: fits.money(row.amount, &row.currency)?,
        source: fits.source("source", &row.source)?,
        shares: fits.number("shares", row.shares)?,
        split: fits.word("split", Split::parse(&row.split))?,
        code_hash: row.code_hash,
        claims: claims.into_iter().map(claim).collect::<Result<_, _>>()?,
        expires_at: row.expires_at.map(Time::from_micros),
        expired: fits.mark("expired", row.expired)?,
        created_at: Time::from_micros(row.created_at),
    })
}

fn claim(row: GiftClaimRow) -> Result<Claim, Inconsistent> {
    let fits = Fits("gift_claim");
    Ok(Claim {
        user: fits.word("claimer", UserId::parse(&row.claimer))?,
        amount: fits.amount("amount", row.amount)?,
        at: Time::from_micros(row.at),
    })
}
