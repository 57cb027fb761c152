//! Refunds: their parts, their lines, and what the trade says of them.

use super::invariants;
use crate::tables::payment::{LineRow, PartRow, RefundRow};
use crate::tables::trade::TradeRow;

invariants! {
    Trades "refund_tree" "I20" on RefundRow, "a refund belongs to a payment; what takes from receivers, to one that took effect":
        "SELECT x.trade, x.no FROM refund x WHERE x.shard = $1 AND x.trade > $2 AND x.trade <= $3
           AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.shard = x.shard AND p.trade = x.trade AND p.no = x.payment
                 AND (x.reason_code NOT IN ('merchant', 'due_unpaid') OR p.status = 'succeeded'))";
    Trades "part_tree" "I20" on PartRow, "a refund part belongs to a refund, and to an instruction of its payment, or of another due's that took effect too":
        "SELECT x.trade, x.no FROM refund_part x WHERE x.shard = $1 AND x.trade > $2 AND x.trade <= $3
           AND NOT EXISTS (SELECT 1 FROM refund f, instruction i
                 WHERE f.shard = x.shard AND f.trade = x.trade AND f.no = x.refund
                   AND i.shard = x.shard AND i.trade = x.trade AND i.no = x.instruction
                   AND (i.payment = f.payment OR f.reason_code IN ('merchant', 'due_unpaid')
                     AND EXISTS (SELECT 1 FROM payment p WHERE p.shard = i.shard AND p.trade = i.trade
                                 AND p.no = i.payment AND p.status = 'succeeded')))";
    Trades "line_tree" "I20" on LineRow, "a refund line belongs to a part, and its receiver to the trade":
        "SELECT x.trade, x.no FROM refund_line x WHERE x.shard = $1 AND x.trade > $2 AND x.trade <= $3
           AND NOT EXISTS (SELECT 1 FROM refund_part r, split s
                 WHERE r.shard = x.shard AND r.trade = x.trade AND r.no = x.part
                   AND s.shard = x.shard AND s.trade = x.trade AND s.receiver = x.receiver)";
    Trades "refund_sum" "I08" on RefundRow, "the parts of a refund add up to it":
        "SELECT f.trade, f.no FROM refund f WHERE f.shard = $1 AND f.trade > $2 AND f.trade <= $3
           AND f.amount <> (SELECT COALESCE(CAST(SUM(r.amount) AS BIGINT), 0) FROM refund_part r
                            WHERE r.shard = f.shard AND r.trade = f.trade AND r.refund = f.no)";
    Trades "part_sum" "I24" on PartRow, "the lines of a refund part that takes from receivers add up to it; other parts have none":
        "SELECT r.trade, r.no FROM refund_part r, refund f WHERE r.shard = $1 AND r.trade > $2 AND r.trade <= $3
           AND f.shard = r.shard AND f.trade = r.trade AND f.no = r.refund
           AND CASE WHEN f.reason_code IN ('merchant', 'due_unpaid') THEN r.amount ELSE 0 END
            <> (SELECT COALESCE(CAST(SUM(l.amount) AS BIGINT), 0) FROM refund_line l
                WHERE l.shard = r.shard AND l.trade = r.trade AND l.part = r.no)";
    Trades "trade_refunds" "I08" on TradeRow, "the refunds that take from receivers and the disputes add up to what the trade says":
        "SELECT t.trade FROM trade t WHERE t.shard = $1 AND t.trade > $2 AND t.trade <= $3
           AND (CASE WHEN t.to_shard IS NULL THEN t.returned_before + t.returned_after ELSE 0 END
                 <> (SELECT COALESCE(CAST(SUM(f.amount) AS BIGINT), 0) FROM refund f WHERE f.shard = t.shard
                     AND f.trade = t.trade AND f.reason_code IN ('merchant', 'due_unpaid') AND f.status <> 'pending')
                 + (SELECT COALESCE(CAST(SUM(l.lost) AS BIGINT), 0) FROM dispute_line l WHERE l.shard = t.shard
                     AND l.trade = t.trade)
             OR t.returning_before + t.returning_after
                 <> (SELECT COALESCE(CAST(SUM(f.amount) AS BIGINT), 0) FROM refund f WHERE f.shard = t.shard
                     AND f.trade = t.trade AND f.reason_code IN ('merchant', 'due_unpaid') AND f.status = 'pending')
                 + (SELECT COALESCE(CAST(SUM(l.amount) AS BIGINT), 0) FROM dispute_line l, dispute d
                     WHERE l.shard = t.shard AND l.trade = t.trade AND d.shard = l.shard AND d.trade = l.trade
                       AND d.no = l.dispute AND d.status = 'open'))";
    Trades "refund_status" "I11b" on RefundRow, "a refund stands where its parts say":
        "SELECT f.trade, f.no FROM refund f WHERE f.shard = $1 AND f.trade > $2 AND f.trade <= $3
           AND (f.status = 'succeeded') <> (NOT EXISTS (SELECT 1 FROM refund_part r WHERE r.shard = f.shard
                 AND r.trade = f.trade AND r.refund = f.no AND r.status <> 'succeeded'))";
    Trades "refund_range" "I34" on RefundRow, "amounts are in range and currencies are of three letters":
        "SELECT f.trade, f.no FROM refund f WHERE f.shard = $1 AND f.trade > $2 AND f.trade <= $3
           AND (f.amount <= 0 OR f.amount > 1000000000000000
             OR length(f.currency) <> 3 OR upper(f.currency) <> f.currency)";
    Trades "part_case" "I32" on PartRow, "no refund part that failed or came back waits without a case":
        "SELECT r.trade, r.no FROM refund_part r WHERE r.shard = $1 AND r.trade > $2 AND r.trade <= $3
           AND r.status IN ('unknown', 'failed', 'returned')
           AND NOT EXISTS (SELECT 1 FROM work_case c WHERE c.shard = r.shard AND c.trade = r.trade
                           AND c.part = r.no AND c.status <> 'closed')";
}
