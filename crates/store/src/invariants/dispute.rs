//! Disputes: their lines, what was set aside for them, and what the institution said.

use super::invariants;
use crate::tables::channel::EvidenceRow;
use crate::tables::payment::{DisputeLineRow, DisputeRow};

invariants! {
    Trades "dispute_tree" "I20" on DisputeRow, "a dispute is of an instruction that an institution brought money for":
        "SELECT d.trade, d.no FROM dispute d WHERE d.shard = $1 AND d.trade > $2 AND d.trade <= $3
           AND NOT EXISTS (SELECT 1 FROM instruction i, payment p
                 WHERE i.shard = d.shard AND i.trade = d.trade AND i.no = d.instruction AND i.tool = 'channel'
                   AND p.shard = i.shard AND p.trade = i.trade AND p.no = i.payment AND p.currency = d.currency)";
    Trades "dispute_line_tree" "I20" on DisputeLineRow, "a dispute's line belongs to a dispute, its receiver to the trade":
        "SELECT x.trade, x.no FROM dispute_line x WHERE x.shard = $1 AND x.trade > $2 AND x.trade <= $3
           AND NOT EXISTS (SELECT 1 FROM dispute d, split s
                 WHERE d.shard = x.shard AND d.trade = x.trade AND d.no = x.dispute
                   AND s.shard = x.shard AND s.trade = x.trade AND s.receiver = x.receiver)";
    Trades "dispute_sum" "I08" on DisputeRow, "no more is set aside than is disputed, and as much is taken as is lost of that":
        "SELECT d.trade, d.no FROM dispute d WHERE d.shard = $1 AND d.trade > $2 AND d.trade <= $3
           AND EXISTS (SELECT 1 FROM dispute e LEFT JOIN dispute_line l
                  ON l.shard = e.shard AND l.trade = e.trade AND l.dispute = e.no
                WHERE e.shard = d.shard AND e.trade = d.trade AND e.no = d.no
                GROUP BY e.amount, e.lost
                HAVING COALESCE(CAST(SUM(l.amount) AS BIGINT), 0) > e.amount
                  OR COALESCE(CAST(SUM(l.lost) AS BIGINT), 0) <> CASE
                       WHEN e.lost < COALESCE(CAST(SUM(l.amount) AS BIGINT), 0) THEN e.lost
                       ELSE COALESCE(CAST(SUM(l.amount) AS BIGINT), 0) END)";
    Trades "dispute_evidence" "I17" on DisputeRow, "a dispute stands where the institution's own word put it, in its money":
        "SELECT d.trade, d.no FROM dispute d, instruction i
         WHERE d.shard = $1 AND d.trade > $2 AND d.trade <= $3 AND d.parent IS NULL
           AND i.shard = d.shard AND i.trade = d.trade AND i.no = d.instruction
           AND (NOT EXISTS (SELECT 1 FROM evidence e WHERE e.shard = d.shard AND e.trade = d.trade
                  AND e.channel_order = i.channel_order AND e.channel_no = d.channel_no
                  AND e.outcome IN ('disputed', 'dispute_lost') AND e.amount = d.amount AND e.currency = d.currency)
             OR d.status = 'won' AND NOT EXISTS (SELECT 1 FROM evidence e WHERE e.shard = d.shard AND e.trade = d.trade
                  AND e.channel_order = i.channel_order AND e.channel_no = d.channel_no AND e.outcome = 'dispute_won')
             OR d.status = 'lost' AND NOT EXISTS (SELECT 1 FROM evidence e WHERE e.shard = d.shard AND e.trade = d.trade
                  AND e.channel_order = i.channel_order AND e.channel_no = d.channel_no
                  AND e.outcome = 'dispute_lost' AND e.amount = d.lost))";
    Trades "dispute_kept" "I18" on EvidenceRow, "no word of a dispute is ignored: there is one, and ended where it says so":
        "SELECT e.trade, e.no FROM evidence e, channel_order o
         WHERE e.shard = $1 AND e.trade > $2 AND e.trade <= $3 AND e.outcome IN ('disputed', 'dispute_lost')
           AND o.shard = e.shard AND o.trade = e.trade AND o.no = e.channel_order
           AND NOT EXISTS (SELECT 1 FROM dispute d WHERE d.shard = e.shard AND d.trade = e.trade
                 AND d.instruction = o.instruction AND d.channel_no = e.channel_no
                 AND (e.outcome = 'disputed' OR d.status = 'lost'))
         UNION ALL
         SELECT e.trade, e.no FROM evidence e, channel_order o, dispute d
         WHERE e.shard = $1 AND e.trade > $2 AND e.trade <= $3 AND e.outcome = 'dispute_won'
           AND o.shard = e.shard AND o.trade = e.trade AND o.no = e.channel_order
           AND d.shard = e.shard AND d.trade = e.trade AND d.instruction = o.instruction
           AND d.channel_no = e.channel_no AND d.status = 'open'";
    Trades "one_dispute" "I15" on DisputeRow, "an institution's number is of one dispute of an instruction":
        "SELECT d.trade, d.no FROM dispute d, dispute b
         WHERE d.shard = $1 AND d.trade > $2 AND d.trade <= $3
           AND b.shard = d.shard AND b.trade = d.trade AND b.no < d.no
           AND b.instruction = d.instruction AND b.channel_no = d.channel_no";
    Trades "dispute_hold" "I36" on DisputeLineRow, "what a dispute holds is taken or let go once, by its end":
        "SELECT x.trade, x.no FROM dispute_line x, dispute d
         WHERE x.shard = $1 AND x.trade > $2 AND x.trade <= $3
           AND d.shard = x.shard AND d.trade = x.trade AND d.no = x.dispute
           AND NOT EXISTS (SELECT 1 FROM hold h WHERE h.shard = x.shard AND h.trade = x.trade
                 AND h.no >= 33554432 + x.no * 256 AND h.no < 33554432 + x.no * 256 + 256
                GROUP BY h.trade
                HAVING CAST(SUM(h.amount) AS BIGINT) = x.amount AND CAST(SUM(h.captured) AS BIGINT) = x.lost
                  AND CAST(SUM(h.released) AS BIGINT) = CASE WHEN d.status = 'open' THEN 0 ELSE x.amount - x.lost END)";
    Trades "dispute_case" "I32" on DisputeRow, "a dispute that is open has a case, and one that is over, or a share, has none that waits for it":
        "SELECT d.trade, d.no FROM dispute d WHERE d.shard = $1 AND d.trade > $2 AND d.trade <= $3
           AND (d.status = 'open' AND d.parent IS NULL) <> EXISTS (SELECT 1 FROM work_case c WHERE c.shard = d.shard AND c.trade = d.trade
                 AND c.dispute = d.no AND c.kind = 'disputed' AND c.status <> 'closed')";
    Trades "dispute_rest" "I32" on DisputeRow, "what is disputed beyond what was set aside, or is children's, has had a case":
        "SELECT d.trade, d.no FROM dispute d WHERE d.shard = $1 AND d.trade > $2 AND d.trade <= $3
           AND d.amount <> d.of_children + COALESCE((SELECT CAST(SUM(l.amount) AS BIGINT) FROM dispute_line l
                 WHERE l.shard = d.shard AND l.trade = d.trade AND l.dispute = d.no), 0)
             + COALESCE((SELECT CAST(SUM(c.amount) AS BIGINT) FROM work_case c WHERE c.shard = d.shard
                 AND c.trade = d.trade AND c.dispute = d.no AND c.kind = 'dispute_uncovered'), 0)";
    Trades "dispute_range" "I34" on DisputeRow, "amounts are in range and currencies are of three letters":
        "SELECT d.trade, d.no FROM dispute d WHERE d.shard = $1 AND d.trade > $2 AND d.trade <= $3
           AND (d.amount > 1000000000000000 OR length(d.currency) <> 3 OR upper(d.currency) <> d.currency)";
}
