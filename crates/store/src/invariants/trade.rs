//! Trades: their dues, their receivers, and what must be true of a status.

use super::invariants;
use crate::tables::trade::{DueRow, SplitRow, TradeRow};

invariants! {
    Trades "due_tree" "I20" on DueRow, "a due belongs to a trade":
        "SELECT x.trade, x.no FROM due x WHERE x.shard = $1 AND x.trade > $2 AND x.trade <= $3
           AND NOT EXISTS (SELECT 1 FROM trade t WHERE t.shard = x.shard AND t.trade = x.trade)";
    Trades "split_tree" "I20" on SplitRow, "a receiver's part belongs to a trade":
        "SELECT x.trade, x.no FROM split x WHERE x.shard = $1 AND x.trade > $2 AND x.trade <= $3
           AND NOT EXISTS (SELECT 1 FROM trade t WHERE t.shard = x.shard AND t.trade = x.trade)";
    Trades "trade_dues" "I24" on TradeRow, "the dues add up to the trade, and those paid to what it says was paid":
        "SELECT t.trade FROM trade t WHERE t.shard = $1 AND t.trade > $2 AND t.trade <= $3
           AND (t.amount <> (SELECT COALESCE(CAST(SUM(d.amount) AS BIGINT), 0) FROM due d
                             WHERE d.shard = t.shard AND d.trade = t.trade)
             OR t.paid <> (SELECT COALESCE(CAST(SUM(d.amount) AS BIGINT), 0) FROM due d
                           WHERE d.shard = t.shard AND d.trade = t.trade AND d.payment IS NOT NULL))";
    Trades "trade_splits" "I24" on TradeRow, "the receivers' parts add up to the trade, counter by counter, where it does not pay others":
        "SELECT t.trade FROM trade t LEFT JOIN split s ON s.shard = t.shard AND s.trade = t.trade
         WHERE t.shard = $1 AND t.trade > $2 AND t.trade <= $3 AND t.order_type <> 'combined'
         GROUP BY t.shard, t.trade, t.amount, t.released, t.returned_before, t.returned_after, t.returning_before,
                  t.returning_after
         HAVING COALESCE(CAST(SUM(s.amount) AS BIGINT), 0) <> t.amount
             OR COALESCE(CAST(SUM(s.released) AS BIGINT), 0) <> t.released
             OR COALESCE(CAST(SUM(s.returned_before) AS BIGINT), 0) <> t.returned_before
             OR COALESCE(CAST(SUM(s.returned_after) AS BIGINT), 0) <> t.returned_after
             OR COALESCE(CAST(SUM(s.returning_before) AS BIGINT), 0) <> t.returning_before
             OR COALESCE(CAST(SUM(s.returning_after) AS BIGINT), 0) <> t.returning_after";
    Trades "split_bounds" "I24" on SplitRow, "what left a receiver's part is within it":
        "SELECT s.trade, s.no FROM split s WHERE s.shard = $1 AND s.trade > $2 AND s.trade <= $3
           AND (s.released + s.returned_before + s.returning_before > s.amount
             OR s.returned_after + s.returning_after > s.released
             OR s.released < 0 OR s.returned_before < 0 OR s.returned_after < 0
             OR s.returning_before < 0 OR s.returning_after < 0)";
    Trades "closed_unpaid" "I07b" on TradeRow, "of a trade that closed unpaid, what some of its dues brought is back or on its way, and no other payment took effect":
        "SELECT t.trade FROM trade t WHERE t.shard = $1 AND t.trade > $2 AND t.trade <= $3
           AND t.status = 'closed' AND t.reason IN ('expired', 'canceled')
           AND (t.released <> 0 OR t.paid <> t.returned_before + t.returning_before
             OR t.paid <> 0 AND COALESCE(t.unpaid_due, '') <> 'return'
             OR EXISTS (SELECT 1 FROM payment p
                        WHERE p.shard = t.shard AND p.trade = t.trade AND p.status = 'succeeded'
                          AND NOT EXISTS (SELECT 1 FROM due d WHERE d.shard = p.shard AND d.trade = p.trade
                                AND d.no = p.due AND COALESCE(d.payment, -1) = p.no)))";
    Trades "due_payment" "I07" on DueRow, "a due is paid by the payment of it that took effect, and only by that":
        "SELECT d.trade, d.no FROM due d WHERE d.shard = $1 AND d.trade > $2 AND d.trade <= $3
           AND COALESCE(d.payment, -1) <> COALESCE((SELECT MAX(p.no) FROM payment p
                 WHERE p.shard = d.shard AND p.trade = d.trade AND p.due = d.no AND p.status = 'succeeded'), -1)";
    Trades "unpaid_due" "I24" on TradeRow, "a trade of several dues says what becomes of them where one is not paid, and no other does":
        "SELECT t.trade FROM trade t WHERE t.shard = $1 AND t.trade > $2 AND t.trade <= $3
           AND (t.unpaid_due IS NOT NULL) <> (EXISTS (SELECT 1 FROM due d
                 WHERE d.shard = t.shard AND d.trade = t.trade AND d.no > 1))";
    Trades "paid_dues" "I07c" on TradeRow, "a trade is paid exactly when every due has its payment":
        "SELECT t.trade FROM trade t WHERE t.shard = $1 AND t.trade > $2 AND t.trade <= $3
           AND (t.status IN ('paid', 'completed') OR t.status = 'closed' AND (COALESCE(t.reason, '') = 'refunded'
                  OR COALESCE(t.reason, '') = 'failed' AND t.to_shard IS NOT NULL AND t.paid > 0))
            <> (NOT EXISTS (SELECT 1 FROM due d WHERE d.shard = t.shard AND d.trade = t.trade
                 AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.shard = d.shard AND p.trade = d.trade
                       AND p.no = COALESCE(d.payment, -1) AND p.due = d.no AND p.status = 'succeeded')))";
    Trades "status_moved" "I07c" on TradeRow, "a status fits what left the escrow":
        "SELECT t.trade FROM trade t WHERE t.shard = $1 AND t.trade > $2 AND t.trade <= $3
           AND (t.status = 'completed' AND (t.released = 0 OR t.paid <> t.released + t.returned_before)
             OR t.status = 'paid' AND t.to_shard IS NULL AND t.paid = t.released + t.returned_before
             OR t.status = 'paid' AND t.to_shard IS NOT NULL AND (t.paid <> t.released OR t.returned_after <> 0)
             OR t.status = 'closed' AND t.to_shard IS NOT NULL AND (t.paid <> t.released OR t.paid <> t.returned_after)
             OR t.status = 'closed' AND COALESCE(t.reason, '') = 'refunded'
                AND (t.released <> 0 OR t.paid <> t.returned_before)
             OR t.status = 'closed' AND COALESCE(t.reason, '') = 'forfeited'
                AND (t.paid = 0 OR t.paid <> t.released OR t.returned_before <> 0)
             OR t.status NOT IN ('paid', 'completed', 'closed') AND t.released + t.returned_before <> 0)";
    Trades "trade_range" "I34" on TradeRow, "amounts are in range and currencies are of three letters":
        "SELECT t.trade FROM trade t WHERE t.shard = $1 AND t.trade > $2 AND t.trade <= $3
           AND (t.amount <= 0 OR t.amount > 1000000000000000 OR t.paid < 0 OR t.paid > t.amount
             OR length(t.currency) <> 3 OR upper(t.currency) <> t.currency)";
    Deadlines "trade_deadline" "I32" on TradeRow, "no trade waits for its payment past its time without a case":
        "SELECT t.trade FROM trade t WHERE t.shard = $1 AND t.trade > $2 AND t.trade <= $3
           AND t.status = 'created'
           AND EXISTS (SELECT 1 FROM due d WHERE d.shard = t.shard AND d.trade = t.trade
                 AND d.payment IS NULL AND d.expires_at < $4)
           AND NOT EXISTS (SELECT 1 FROM work_case c
                           WHERE c.shard = t.shard AND c.trade = t.trade AND c.status <> 'closed')";
}
