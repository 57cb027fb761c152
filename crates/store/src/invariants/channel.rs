//! Channel orders and evidence: only an institution's own word moves money, and no word is ignored.

use super::invariants;
use crate::tables::channel::{EvidenceRow, OrderRow};
use crate::tables::payment::{InstructionRow, PartRow};

invariants! {
    Trades "order_tree" "I20" on OrderRow, "a channel order serves an instruction or a refund part of its trade":
        "SELECT o.trade, o.no FROM channel_order o WHERE o.shard = $1 AND o.trade > $2 AND o.trade <= $3
           AND NOT EXISTS (SELECT 1 FROM instruction i
                 WHERE i.shard = o.shard AND i.trade = o.trade AND i.no = COALESCE(o.instruction, -1))
           AND NOT EXISTS (SELECT 1 FROM refund_part r, channel_order b
                 WHERE r.shard = o.shard AND r.trade = o.trade AND r.no = COALESCE(o.part, -1)
                   AND b.shard = o.shard AND b.trade = COALESCE(o.parent, o.trade)
                   AND b.no = COALESCE(o.refund_of, -1))";
    Trades "evidence_tree" "I20" on EvidenceRow, "evidence is about a channel order of its trade":
        "SELECT e.trade, e.no FROM evidence e WHERE e.shard = $1 AND e.trade > $2 AND e.trade <= $3
           AND NOT EXISTS (SELECT 1 FROM channel_order o
                           WHERE o.shard = e.shard AND o.trade = e.trade AND o.no = e.channel_order)";
    Trades "one_number" "I15" on OrderRow, "an institution's number belongs to one order":
        "SELECT o.trade, o.no FROM channel_order o, channel_order b
         WHERE o.shard = $1 AND o.trade > $2 AND o.trade <= $3
           AND b.shard = o.shard AND b.trade = o.trade AND b.no < o.no
           AND b.pay_org = o.pay_org AND b.channel_no = o.channel_no";
    Trades "leg_order" "I15" on InstructionRow, "an instruction and its channel order name each other":
        "SELECT i.trade, i.no FROM instruction i WHERE i.shard = $1 AND i.trade > $2 AND i.trade <= $3
           AND i.channel_order IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.shard = i.shard AND p.trade = i.trade AND p.no = i.payment
                 AND p.parent IS NOT NULL)
           AND NOT EXISTS (SELECT 1 FROM channel_order o
                 WHERE o.shard = i.shard AND o.trade = i.trade AND o.no = i.channel_order AND o.instruction = i.no)";
    Trades "leg_no" "I16" on InstructionRow, "no instruction failed without the institution's own no, or people's":
        "SELECT i.trade, i.no FROM instruction i WHERE i.shard = $1 AND i.trade > $2 AND i.trade <= $3
           AND i.tool = 'channel' AND i.status = 'failed'
           AND NOT EXISTS (SELECT 1 FROM evidence e WHERE e.shard = i.shard AND e.trade = i.trade
                 AND e.channel_order = i.channel_order AND e.outcome IN ('failed', 'closed', 'not_found'))
           AND NOT EXISTS (SELECT 1 FROM work_case c WHERE c.shard = i.shard AND c.trade = i.trade
                 AND c.instruction = i.no AND c.kind = 'amount_mismatch' AND c.resolution = 'refund')";
    Trades "part_no" "I16" on PartRow, "no refund part failed without the institution's own no":
        "SELECT r.trade, r.no FROM refund_part r WHERE r.shard = $1 AND r.trade > $2 AND r.trade <= $3
           AND r.way = 'channel' AND r.status = 'failed'
           AND NOT EXISTS (SELECT 1 FROM evidence e WHERE e.shard = r.shard AND e.trade = r.trade
                 AND e.channel_order = r.channel_order AND e.outcome IN ('failed', 'not_found', 'returned'))";
    Trades "leg_evidence" "I17" on InstructionRow, "no instruction succeeded without evidence of the same money":
        "SELECT i.trade, i.no FROM instruction i, payment p
         WHERE i.shard = $1 AND i.trade > $2 AND i.trade <= $3
           AND p.shard = i.shard AND p.trade = i.trade AND p.no = i.payment
           AND i.tool = 'channel' AND i.status IN ('succeeded', 'reversed') AND p.parent IS NULL
           AND NOT EXISTS (SELECT 1 FROM evidence e WHERE e.shard = i.shard AND e.trade = i.trade
                 AND e.channel_order = i.channel_order AND e.outcome = 'paid'
                 AND e.amount = i.amount AND e.currency = p.currency)
           AND NOT EXISTS (SELECT 1 FROM evidence e, work_case c WHERE e.shard = i.shard AND e.trade = i.trade
                 AND e.channel_order = i.channel_order AND e.outcome = 'paid'
                 AND c.shard = i.shard AND c.trade = i.trade AND c.instruction = i.no
                 AND c.amount = e.amount AND c.currency = e.currency AND c.resolution = 'accept')";
    Trades "payout_evidence" "I17" on InstructionRow, "nothing was paid out without the word on the same money":
        "SELECT i.trade, i.no FROM instruction i, payment p
         WHERE i.shard = $1 AND i.trade > $2 AND i.trade <= $3
           AND p.shard = i.shard AND p.trade = i.trade AND p.no = i.payment
           AND i.tool = 'payout' AND i.status = 'succeeded'
           AND NOT EXISTS (SELECT 1 FROM evidence e WHERE e.shard = i.shard AND e.trade = i.trade
                 AND e.channel_order = i.channel_order
                 AND (e.outcome = 'returned' OR e.outcome = 'paid_out' AND e.currency = p.currency
                   AND e.amount = i.amount - COALESCE((SELECT s.amount FROM split s
                     WHERE s.shard = i.shard AND s.trade = i.trade AND s.receiver = 'platform'), 0)))";
    Trades "payout_no" "I16" on InstructionRow, "no payout that was ordered failed without the institution's own no":
        "SELECT i.trade, i.no FROM instruction i WHERE i.shard = $1 AND i.trade > $2 AND i.trade <= $3
           AND i.tool = 'payout' AND i.status = 'failed' AND i.channel_order IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM evidence e WHERE e.shard = i.shard AND e.trade = i.trade
                 AND e.channel_order = i.channel_order AND e.outcome IN ('failed', 'not_found'))";
    Trades "payout_kept" "I18" on EvidenceRow, "a payout's words count: it succeeded, what came back is a refund":
        "SELECT e.trade, e.no FROM evidence e, channel_order o, instruction i
         WHERE e.shard = $1 AND e.trade > $2 AND e.trade <= $3 AND e.outcome IN ('paid_out', 'returned')
           AND o.shard = e.shard AND o.trade = e.trade AND o.no = e.channel_order
           AND i.shard = o.shard AND i.trade = o.trade AND i.no = o.instruction AND i.tool = 'payout'
           AND (i.status <> 'succeeded'
             OR e.outcome = 'returned' AND NOT EXISTS (SELECT 1 FROM refund_part r, refund f
                  WHERE r.shard = i.shard AND r.trade = i.trade AND r.instruction = i.no AND r.amount = i.amount
                    AND f.shard = r.shard AND f.trade = r.trade AND f.no = r.refund AND f.reason_code = 'returned'))";
    Trades "payout_hold" "I36" on InstructionRow, "what a payout holds is taken or let go once, by its end":
        "SELECT i.trade, i.no FROM instruction i WHERE i.shard = $1 AND i.trade > $2 AND i.trade <= $3
           AND i.tool = 'payout' AND i.channel_order IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM hold h WHERE h.shard = i.shard AND h.trade = i.trade
                 AND h.no >= i.no * 256 AND h.no < i.no * 256 + 256
                GROUP BY h.trade
                HAVING CAST(SUM(h.amount) AS BIGINT) = i.amount
                  AND CAST(SUM(h.captured) AS BIGINT) = CASE WHEN i.status = 'succeeded' THEN i.amount ELSE 0 END
                  AND CAST(SUM(h.released) AS BIGINT) = CASE WHEN i.status = 'failed' THEN i.amount ELSE 0 END)";
    Trades "part_evidence" "I17" on PartRow, "no refund went out through an institution without its word, or people's":
        "SELECT r.trade, r.no FROM refund_part r WHERE r.shard = $1 AND r.trade > $2 AND r.trade <= $3
           AND r.way = 'channel' AND r.status = 'succeeded'
           AND NOT EXISTS (SELECT 1 FROM evidence e WHERE e.shard = r.shard AND e.trade = r.trade
                 AND e.channel_order = r.channel_order AND e.outcome = 'refunded' AND e.amount = r.amount)
           AND NOT EXISTS (SELECT 1 FROM work_case c WHERE c.shard = r.shard AND c.trade = r.trade
                 AND c.part = r.no AND c.kind = 'contradiction' AND c.resolution = 'accept')";
    Trades "evidence_kept" "I18" on EvidenceRow, "no word of money is ignored: it succeeded its instruction, or has a case":
        "SELECT e.trade, e.no FROM evidence e, channel_order o, instruction i
         WHERE e.shard = $1 AND e.trade > $2 AND e.trade <= $3 AND e.outcome = 'paid'
           AND o.shard = e.shard AND o.trade = e.trade AND o.no = e.channel_order
           AND i.shard = o.shard AND i.trade = o.trade AND i.no = o.instruction
           AND NOT (i.status IN ('succeeded', 'reversed') AND e.amount = i.amount AND e.currency = o.currency)
           AND NOT EXISTS (SELECT 1 FROM work_case c WHERE c.shard = i.shard AND c.trade = i.trade
                 AND c.instruction = i.no AND c.kind = 'amount_mismatch')";
    Trades "suspect_kept" "I18" on EvidenceRow, "no contradiction is ignored: it has a case":
        "SELECT e.trade, e.no FROM evidence e, channel_order o
         WHERE e.shard = $1 AND e.trade > $2 AND e.trade <= $3 AND e.outcome = 'suspect'
           AND o.shard = e.shard AND o.trade = e.trade AND o.no = e.channel_order
           AND NOT EXISTS (SELECT 1 FROM work_case c WHERE c.shard = o.shard AND c.trade = o.trade
                 AND c.kind = 'contradiction' AND (c.instruction = o.instruction OR c.part = o.part))";
    Trades "order_receipts" "I18" on OrderRow, "a channel order counts its receipts, and so does its instruction":
        "SELECT o.trade, o.no FROM channel_order o WHERE o.shard = $1 AND o.trade > $2 AND o.trade <= $3
           AND o.instruction IS NOT NULL
           AND (o.receipts <> (SELECT COUNT(*) FROM evidence e WHERE e.shard = o.shard AND e.trade = o.trade
                               AND e.channel_order = o.no AND e.outcome = 'paid')
             OR o.receipts <> (SELECT COALESCE(MAX(i.receipts), 0) FROM instruction i WHERE i.shard = o.shard
                               AND i.trade = o.trade AND i.no = o.instruction))";
    Trades "order_context" "I19" on OrderRow, "a channel order has its trade's context and its instruction's institution":
        "SELECT o.trade, o.no FROM channel_order o WHERE o.shard = $1 AND o.trade > $2 AND o.trade <= $3
           AND (NOT EXISTS (SELECT 1 FROM trade t WHERE t.shard = o.shard AND t.trade = o.trade
                   AND t.merchant = o.merchant AND t.order_type = o.order_type AND t.sub_type = o.sub_type)
             OR EXISTS (SELECT 1 FROM instruction i WHERE i.shard = o.shard AND i.trade = o.trade
                   AND i.no = o.instruction AND i.pay_org <> o.pay_org)
             OR EXISTS (SELECT 1 FROM channel_order b WHERE b.shard = o.shard AND b.trade = COALESCE(o.parent, o.trade)
                   AND b.no = o.refund_of AND b.pay_org <> o.pay_org))";
    Trades "order_range" "I34" on OrderRow, "amounts are in range and currencies are of three letters":
        "SELECT o.trade, o.no FROM channel_order o WHERE o.shard = $1 AND o.trade > $2 AND o.trade <= $3
           AND (o.amount <= 0 OR o.amount > 1000000000000000
             OR length(o.currency) <> 3 OR upper(o.currency) <> o.currency)";
    Deadlines "order_deadline" "I32" on OrderRow, "no channel order is open past its lifetime without a case":
        "SELECT o.trade, o.no FROM channel_order o WHERE o.shard = $1 AND o.trade > $2 AND o.trade <= $3
           AND o.status IN ('sent', 'pending', 'unknown') AND o.lifetime_until < $4
           AND NOT EXISTS (SELECT 1 FROM work_case c WHERE c.shard = o.shard AND c.trade = o.trade
                 AND c.status <> 'closed' AND (c.instruction = o.instruction OR c.part = o.part))";
}
