//! Projections (读模型): what lists, statements of account and day sums are read from.
//!
//! One worker writes them from what the lines have committed, in order, each range of batches in one transaction with the
//! `watermark` that says how far it has come. They can be thrown away and made anew at any time; nothing here is the
//! truth, and rows that are shown are read from the truth by the keys that stand here. That keeps secondary indexes off
//! the write path.

use crate::{Row, Text, row, statements};

row! {
    /// How far the projections of a shard have come.
    pub struct Watermark in Derived "watermark" key 1 {
        /// The shard.
        pub shard: i64,
        /// Everything up to and including this batch is in.
        pub seq: i64,
        /// The time of that batch, in microseconds.
        pub at: i64,
    }
}

row! {
    /// One line of an account's statement: a transfer that touched it, and its counters after it, in minor units.
    pub struct AccountEntry in Derived "account_entry" key 3 {
        /// The shard.
        pub shard: i64,
        /// The account.
        pub account: [u8; 16],
        /// The account's version after it: 1, 2, 3, … without gaps.
        pub ver: i64,
        /// The transfer's batch.
        pub seq: i64,
        /// The transfer's number within the batch.
        pub n: i64,
        /// The number of its voucher within the batch.
        pub voucher: i64,
        /// The batch's time, in microseconds.
        pub at: i64,
        /// Debits posted.
        pub dp: i64,
        /// Credits posted.
        pub cp: i64,
        /// Debits held.
        pub dh: i64,
        /// Credits held.
        pub ch: i64,
    }
}

row! {
    /// An account: whose it is, and its counters as of the watermark, in minor units.
    pub struct AccountList in Derived "account_list" key 2 {
        /// The shard.
        pub shard: i64,
        /// The account.
        pub account: [u8; 16],
        /// Whose, in canonical text form.
        pub owner: Text,
        /// The subject's code.
        pub subject: Text,
        /// ISO 4217.
        pub currency: Text,
        /// How many transfers touched it.
        pub ver: i64,
        /// Debits posted.
        pub dp: i64,
        /// Credits posted.
        pub cp: i64,
        /// Debits held.
        pub dh: i64,
        /// Credits held.
        pub ch: i64,
    }
    index "account_list_owner" (shard, owner);
}

row! {
    /// What one accounting date moved on one subject in one currency, in minor units; what is held may fall.
    pub struct SubjectDay in Derived "subject_day" key 4 {
        /// The shard.
        pub shard: i64,
        /// The accounting date, as `yyyymmdd`.
        pub date: i64,
        /// ISO 4217.
        pub currency: Text,
        /// The subject's code.
        pub subject: Text,
        /// Debits posted.
        pub dp: i64,
        /// Credits posted.
        pub cp: i64,
        /// Debits held, less those let go or captured.
        pub dh: i64,
        /// Credits held, less those let go or captured.
        pub ch: i64,
    }
}

row! {
    /// A trade, to be found by merchant and status. Its id begins with its time, so ids are the order of the lists.
    pub struct TradeList in Derived "trade_list" key 2 {
        /// The shard.
        pub shard: i64,
        /// The trade.
        pub trade: [u8; 16],
        /// Whose.
        pub merchant: [u8; 16],
        /// created, paid, completed or closed.
        pub status: Text,
    }
    index "trade_list_merchant" (shard, merchant, trade);
    index "trade_list_merchant_status" (shard, merchant, status, trade);
    index "trade_list_status" (shard, status, trade);
}

row! {
    /// A case, to be found by merchant and status. Its opening's place in the log is its place in the lists.
    pub struct CaseList in Derived "case_list" key 3 {
        /// The shard.
        pub shard: i64,
        /// The trade.
        pub trade: [u8; 16],
        /// Its number in the trade's tree.
        pub no: i64,
        /// Whose.
        pub merchant: [u8; 16],
        /// open or closed.
        pub status: Text,
        /// The batch of the event that opened it.
        pub opened_seq: i64,
        /// The number of that event within the batch.
        pub opened_n: i64,
    }
    index "case_list_all" (shard, opened_seq, opened_n);
    index "case_list_merchant" (shard, merchant, opened_seq, opened_n);
    index "case_list_merchant_status" (shard, merchant, status, opened_seq, opened_n);
    index "case_list_status" (shard, status, opened_seq, opened_n);
}

row! {
    /// A dispute, to be found by merchant and status. Its opening's place in the log is its place in the lists.
    pub struct DisputeList in Derived "dispute_list" key 3 {
        /// The shard.
        pub shard: i64,
        /// The trade.
        pub trade: [u8; 16],
        /// Its number in the trade's tree.
        pub no: i64,
        /// Whose.
        pub merchant: [u8; 16],
        /// open, won or lost.
        pub status: Text,
        /// The batch of the event that opened it.
        pub opened_seq: i64,
        /// The number of that event within the batch.
        pub opened_n: i64,
    }
    index "dispute_list_all" (shard, opened_seq, opened_n);
    index "dispute_list_merchant" (shard, merchant, opened_seq, opened_n);
    index "dispute_list_merchant_status" (shard, merchant, status, opened_seq, opened_n);
    index "dispute_list_status" (shard, status, opened_seq, opened_n);
}

row! {
    /// What one batch wrote about one trade, as ranges of numbers within the batch: from the first to before the last. A
    /// range may also hold rows of other trades; where it is empty, both ends are 0.
    pub struct TradeBatch in Derived "trade_batch" key 3 {
        /// The shard.
        pub shard: i64,
        /// The trade.
        pub trade: [u8; 16],
        /// The batch.
        pub seq: i64,
        /// Its first voucher.
        pub vouchers_from: i64,
        /// After its last voucher.
        pub vouchers_to: i64,
        /// Its first transfer.
        pub transfers_from: i64,
        /// After its last transfer.
        pub transfers_to: i64,
        /// Its first event.
        pub events_from: i64,
        /// After its last event.
        pub events_to: i64,
    }
}

row! {
    /// That one batch told something about one merchant: the range of its events, from the first to before the last. The
    /// range may also hold other merchants' events.
    pub struct MerchantBatch in Derived "merchant_batch" key 3 {
        /// The shard.
        pub shard: i64,
        /// The merchant.
        pub merchant: [u8; 16],
        /// The batch.
        pub seq: i64,
        /// Its first event.
        pub events_from: i64,
        /// After its last event.
        pub events_to: i64,
    }
}

row! {
    /// A number that others gave something of a trade: a merchant's own number of the trade or of a refund, or the number
    /// of an institution that a case is about. Placed by its hash; whoever finds it compares it with what it leads to.
    pub struct NumberPlace in Derived "number_place" key 6 {
        /// The shard.
        pub shard: i64,
        /// Eight bytes of the hash of the number.
        pub h: i64,
        /// Whose.
        pub merchant: [u8; 16],
        /// The trade.
        pub trade: [u8; 16],
        /// What has the number: trade, refund or case.
        pub object: Text,
        /// Its number in the trade's tree; 0 is the trade.
        pub no: i64,
    }
}

row! {
    /// A coupon, to be found by its user. Whether it can still be used is said by the coupon itself.
    pub struct CouponList in Derived "coupon_list" key 3 {
        /// The shard.
        pub shard: i64,
        /// Whose, in canonical text form.
        pub owner: Text,
        /// The coupon; its id begins with its time.
        pub coupon: [u8; 16],
    }
}

row! {
    /// A grant of points, to be found by its user.
    pub struct GrantList in Derived "grant_list" key 3 {
        /// The shard.
        pub shard: i64,
        /// Whose, in canonical text form.
        pub owner: Text,
        /// The grant; its id begins with its time.
        pub points_grant: [u8; 16],
    }
}

/// Every projection, its watermark first.
pub const TABLES: &[&crate::Table] = &[
    Watermark::TABLE,
    AccountEntry::TABLE,
    AccountList::TABLE,
    SubjectDay::TABLE,
    TradeList::TABLE,
    CaseList::TABLE,
    DisputeList::TABLE,
    TradeBatch::TABLE,
    MerchantBatch::TABLE,
    NumberPlace::TABLE,
    CouponList::TABLE,
    GrantList::TABLE,
];

statements! {
    /// The projections of a shard begin, unless they have begun already.
    WATERMARK_BEGIN = "derived.watermark_begin" (Int)
        "INSERT INTO watermark (shard, seq, at) VALUES ($1, 0, 0) ON CONFLICT (shard) DO NOTHING";
    /// They move on from where they are known to be; touches no row where they are elsewhere.
    WATERMARK_MOVE = "derived.watermark_move" (Int, Int, Int, Int)
        "UPDATE watermark SET seq = $3, at = $4 WHERE shard = $1 AND seq = $2";
    /// What the log told in a range of batches, after the first to the last, without bodies; with the number that others
    /// gave the object, where the event is the first that could say so. None of these numbers ever changes.
    TOLD = "derived.told" (Int, Int, Int)
        "SELECT e.seq, e.n, e.type, e.merchant, e.tree, e.no, CASE e.type
           WHEN 'trade.created' THEN (SELECT t.merchant_order_id FROM trade t
             WHERE t.shard = e.shard AND t.trade = e.tree)
           WHEN 'refund.created' THEN (SELECT r.merchant_refund_id FROM refund r
             WHERE r.shard = e.shard AND r.trade = e.tree AND r.no = e.no)
           WHEN 'case.opened' THEN (SELECT MAX(w.channel_no) FROM evidence w
             WHERE w.shard = e.shard AND w.trade = e.tree AND w.at = e.at AND w.outcome = 'suspect')
         END AS number
         FROM event e WHERE e.shard = $1 AND e.seq > $2 AND e.seq <= $3 ORDER BY e.shard, e.seq, e.n";

    /// Trades before an id, newest first.
    TRADES = "derived.trades" (Int, Bytes, Int)
        "SELECT trade FROM trade_list WHERE shard = $1 AND trade < $2 ORDER BY trade DESC LIMIT $3";
    /// The same in one status.
    TRADES_IN = "derived.trades_in" (Int, Bytes, Int, Text)
        "SELECT trade FROM trade_list WHERE shard = $1 AND status = $4 AND trade < $2 ORDER BY trade DESC LIMIT $3";
    /// The same of one merchant.
    TRADES_OF = "derived.trades_of" (Int, Bytes, Int, Bytes)
        "SELECT trade FROM trade_list WHERE shard = $1 AND merchant = $4 AND trade < $2 ORDER BY trade DESC LIMIT $3";
    /// The same of one merchant in one status.
    TRADES_OF_IN = "derived.trades_of_in" (Int, Bytes, Int, Bytes, Text)
        "SELECT trade FROM trade_list
         WHERE shard = $1 AND merchant = $4 AND status = $5 AND trade < $2 ORDER BY trade DESC LIMIT $3";

    /// Cases opened before a place, newest first.
    CASES = "derived.cases" (Int, Int, Int, Int)
        "SELECT trade, no, opened_seq, opened_n FROM case_list
         WHERE shard = $1 AND (opened_seq, opened_n) < ($2, $3)
         ORDER BY opened_seq DESC, opened_n DESC LIMIT $4";
    /// The same in one status.
    CASES_IN = "derived.cases_in" (Int, Int, Int, Int, Text)
        "SELECT trade, no, opened_seq, opened_n FROM case_list
         WHERE shard = $1 AND status = $5 AND (opened_seq, opened_n) < ($2, $3)
         ORDER BY opened_seq DESC, opened_n DESC LIMIT $4";
    /// The same of one merchant.
    CASES_OF = "derived.cases_of" (Int, Int, Int, Int, Bytes)
        "SELECT trade, no, opened_seq, opened_n FROM case_list
         WHERE shard = $1 AND merchant = $5 AND (opened_seq, opened_n) < ($2, $3)
         ORDER BY opened_seq DESC, opened_n DESC LIMIT $4";
    /// The same of one merchant in one status.
    CASES_OF_IN = "derived.cases_of_in" (Int, Int, Int, Int, Bytes, Text)
        "SELECT trade, no, opened_seq, opened_n FROM case_list
         WHERE shard = $1 AND merchant = $5 AND status = $6 AND (opened_seq, opened_n) < ($2, $3)
         ORDER BY opened_seq DESC, opened_n DESC LIMIT $4";

    /// Disputes opened before a place, newest first.
    DISPUTES = "derived.disputes" (Int, Int, Int, Int)
        "SELECT trade, no, opened_seq, opened_n FROM dispute_list
         WHERE shard = $1 AND (opened_seq, opened_n) < ($2, $3)
         ORDER BY opened_seq DESC, opened_n DESC LIMIT $4";
    /// The same in one status.
    DISPUTES_IN = "derived.disputes_in" (Int, Int, Int, Int, Text)
        "SELECT trade, no, opened_seq, opened_n FROM dispute_list
         WHERE shard = $1 AND status = $5 AND (opened_seq, opened_n) < ($2, $3)
         ORDER BY opened_seq DESC, opened_n DESC LIMIT $4";
    /// The same of one merchant.
    DISPUTES_OF = "derived.disputes_of" (Int, Int, Int, Int, Bytes)
        "SELECT trade, no, opened_seq, opened_n FROM dispute_list
         WHERE shard = $1 AND merchant = $5 AND (opened_seq, opened_n) < ($2, $3)
         ORDER BY opened_seq DESC, opened_n DESC LIMIT $4";
    /// The same of one merchant in one status.
    DISPUTES_OF_IN = "derived.disputes_of_in" (Int, Int, Int, Int, Bytes, Text)
        "SELECT trade, no, opened_seq, opened_n FROM dispute_list
         WHERE shard = $1 AND merchant = $5 AND status = $6 AND (opened_seq, opened_n) < ($2, $3)
         ORDER BY opened_seq DESC, opened_n DESC LIMIT $4";

    /// The newest coupons of an owner.
    COUPONS_OF = "derived.coupons_of" (Int, Text, Int)
        "SELECT shard, owner, coupon FROM coupon_list
         WHERE shard = $1 AND owner = $2 ORDER BY coupon DESC LIMIT $3";
    /// What has a number, by the hash of it.
    NUMBERED = "derived.numbered" (Int, Int, Int)
        "SELECT shard, h, merchant, trade, object, no FROM number_place
         WHERE shard = $1 AND h = $2 ORDER BY merchant, trade, object, no LIMIT $3";
    /// The same of one merchant, the newest trades first.
    NUMBERED_OF = "derived.numbered_of" (Int, Int, Int, Bytes)
        "SELECT shard, h, merchant, trade, object, no FROM number_place
         WHERE shard = $1 AND h = $2 AND merchant = $4 ORDER BY trade DESC, object, no LIMIT $3";

    /// The accounts of an owner.
    ACCOUNTS_OF = "derived.accounts_of" (Int, Text)
        "SELECT account FROM account_list WHERE shard = $1 AND owner = $2 ORDER BY subject, currency";
    /// An account's statement before a version, newest first.
    ENTRIES = "derived.entries" (Int, Bytes, Int, Int)
        "SELECT shard, account, ver, seq, n, voucher, at, dp, cp, dh, ch FROM account_entry
         WHERE shard = $1 AND account = $2 AND ver < $3 ORDER BY ver DESC LIMIT $4";
    /// The newest line of an account's statement.
    NEWEST_ENTRY = "derived.newest_entry" (Int, Bytes)
        "SELECT ver FROM account_entry WHERE shard = $1 AND account = $2 ORDER BY ver DESC LIMIT 1";
    /// What every date up to one moved in a currency.
    DAYS = "derived.days" (Int, Int, Text)
        "SELECT shard, date, currency, subject, dp, cp, dh, ch FROM subject_day
         WHERE shard = $1 AND date <= $2 AND currency = $3 ORDER BY date, subject";
    /// A merchant's events after a place in the log, in order. The batches that told it something are walked first.
    EVENTS_OF = "derived.events_of" (Int, Bytes, Int, Int, Int)
        "SELECT e.shard, e.seq, e.n, e.type, e.merchant, e.object, e.tree, e.no, e.sequence, e.order_type, e.sub_type,
                e.pay_org, e.at, e.body_at, e.body_from, e.body_len, e.body
         FROM merchant_batch m CROSS JOIN event e
         WHERE m.shard = $1 AND m.merchant = $2 AND m.seq >= $3
           AND e.shard = m.shard AND e.seq = m.seq AND e.n >= m.events_from AND e.n < m.events_to
           AND e.merchant = m.merchant AND (e.seq > $3 OR e.n > $4)
         ORDER BY m.seq, e.n LIMIT $5";

    /// Forgets how far the projections of a shard have come.
    CLEAR_WATERMARK = "derived.clear_watermark" (Int) "DELETE FROM watermark WHERE shard = $1";
    /// Forgets the statements of accounts.
    CLEAR_ENTRIES = "derived.clear_entries" (Int) "DELETE FROM account_entry WHERE shard = $1";
    /// Forgets the accounts.
    CLEAR_ACCOUNTS = "derived.clear_accounts" (Int) "DELETE FROM account_list WHERE shard = $1";
    /// Forgets the day sums.
    CLEAR_DAYS = "derived.clear_days" (Int) "DELETE FROM subject_day WHERE shard = $1";
    /// Forgets the trades.
    CLEAR_TRADES = "derived.clear_trades" (Int) "DELETE FROM trade_list WHERE shard = $1";
    /// Forgets the cases.
    CLEAR_CASES = "derived.clear_cases" (Int) "DELETE FROM case_list WHERE shard = $1";
    /// Forgets the disputes.
    CLEAR_DISPUTES = "derived.clear_disputes" (Int) "DELETE FROM dispute_list WHERE shard = $1";
    /// Forgets the batches of trades.
    CLEAR_TRADE_BATCHES = "derived.clear_trade_batches" (Int) "DELETE FROM trade_batch WHERE shard = $1";
    /// Forgets the batches of merchants.
    CLEAR_MERCHANT_BATCHES = "derived.clear_merchant_batches" (Int) "DELETE FROM merchant_batch WHERE shard = $1";
    /// Forgets the numbers.
    CLEAR_NUMBERS = "derived.clear_numbers" (Int) "DELETE FROM number_place WHERE shard = $1";
    /// The grants of points of an owner before one of them, the newest first.
    GRANTS_OF = "derived.grants_of" (Int, Text, Bytes, Int)
        "SELECT shard, owner, points_grant FROM grant_list
         WHERE shard = $1 AND owner = $2 AND points_grant < $3 ORDER BY points_grant DESC LIMIT $4";
    /// Forgets the grants of points.
    CLEAR_GRANTS = "derived.clear_grants" (Int) "DELETE FROM grant_list WHERE shard = $1";
    /// Forgets the coupons.
    CLEAR_COUPONS = "derived.clear_coupons" (Int) "DELETE FROM coupon_list WHERE shard = $1";
}

/// What empties the projections of a shard.
pub static CLEAR: [&crate::Statement; 12] = [
    &CLEAR_WATERMARK,
    &CLEAR_ENTRIES,
    &CLEAR_ACCOUNTS,
    &CLEAR_DAYS,
    &CLEAR_TRADES,
    &CLEAR_CASES,
    &CLEAR_DISPUTES,
    &CLEAR_TRADE_BATCHES,
    &CLEAR_MERCHANT_BATCHES,
    &CLEAR_NUMBERS,
    &CLEAR_COUPONS,
    &CLEAR_GRANTS,
];
