//! Payments and instructions: what they add up to, and what must be true of a success.

use super::invariants;
use crate::tables::payment::{CaseRow, CaseStepRow, InstructionRow, PaymentRow};
use crate::tables::trade::DueRow;

invariants! {
    Trades "payment_tree" "I20" on PaymentRow, "a payment belongs to a trade and pays one of its dues":
        "SELECT x.trade, x.no FROM payment x WHERE x.shard = $1 AND x.trade > $2 AND x.trade <= $3
           AND NOT EXISTS (SELECT 1 FROM trade t, due d WHERE t.shard = x.shard AND t.trade = x.trade
                 AND d.shard = x.shard AND d.trade = x.trade AND d.no = x.due)";
    Trades "instruction_tree" "I20" on InstructionRow, "an instruction belongs to a payment":
        "SELECT x.trade, x.no FROM instruction x WHERE x.shard = $1 AND x.trade > $2 AND x.trade <= $3
           AND NOT EXISTS (SELECT 1 FROM payment p
                           WHERE p.shard = x.shard AND p.trade = x.trade AND p.no = x.payment)";
    Trades "case_tree" "I20" on CaseRow, "a case is about an instruction, a refund part or a dispute of its trade":
        "SELECT x.trade, x.no FROM work_case x WHERE x.shard = $1 AND x.trade > $2 AND x.trade <= $3
           AND NOT EXISTS (SELECT 1 FROM instruction i
                           WHERE i.shard = x.shard AND i.trade = x.trade AND i.no = COALESCE(x.instruction, -1))
           AND NOT EXISTS (SELECT 1 FROM refund_part r
                           WHERE r.shard = x.shard AND r.trade = x.trade AND r.no = COALESCE(x.part, -1))
           AND NOT EXISTS (SELECT 1 FROM dispute d
                           WHERE d.shard = x.shard AND d.trade = x.trade AND d.no = COALESCE(x.dispute, -1))";
    Trades "case_step_tree" "I20" on CaseStepRow, "a step was taken in a case of its trade":
        "SELECT x.trade, x.work_case, x.no FROM case_step x WHERE x.shard = $1 AND x.trade > $2 AND x.trade <= $3
           AND NOT EXISTS (SELECT 1 FROM work_case c
                           WHERE c.shard = x.shard AND c.trade = x.trade AND c.no = x.work_case)";
    Trades "case_steps" "I12" on CaseRow, "a case has a step for every event after its first, numbered without gaps":
        "SELECT c.trade, c.no FROM work_case c WHERE c.shard = $1 AND c.trade > $2 AND c.trade <= $3
           AND (c.sequence - 1 <> (SELECT COUNT(*) FROM case_step x
                  WHERE x.shard = c.shard AND x.trade = c.trade AND x.work_case = c.no)
             OR c.sequence - 1 <> (SELECT COALESCE(MAX(x.no), 0) FROM case_step x
                  WHERE x.shard = c.shard AND x.trade = c.trade AND x.work_case = c.no))";
    Trades "case_end" "I11" on CaseRow, "a case is closed by its last step, and as that says":
        "SELECT c.trade, c.no FROM work_case c WHERE c.shard = $1 AND c.trade > $2 AND c.trade <= $3
           AND (c.status = 'closed' AND NOT EXISTS (SELECT 1 FROM case_step x
                  WHERE x.shard = c.shard AND x.trade = c.trade AND x.work_case = c.no AND x.no = c.sequence - 1
                    AND x.step IN ('approved', 'resolved', 'overtaken')
                    AND COALESCE(x.resolution, '') = COALESCE(c.resolution, ''))
             OR EXISTS (SELECT 1 FROM case_step x
                  WHERE x.shard = c.shard AND x.trade = c.trade AND x.work_case = c.no
                    AND (c.status <> 'closed' OR x.no < c.sequence - 1)
                    AND x.step IN ('approved', 'resolved', 'overtaken')))";
    Trades "two_people" "I11" on CaseStepRow, "what is approved was proposed by another key, and not rejected since":
        "SELECT x.trade, x.work_case, x.no FROM case_step x WHERE x.shard = $1 AND x.trade > $2 AND x.trade <= $3
           AND x.step = 'approved'
           AND NOT EXISTS (SELECT 1 FROM case_step p
                WHERE p.shard = x.shard AND p.trade = x.trade AND p.work_case = x.work_case AND p.no < x.no
                  AND p.step = 'proposed' AND p.by_key <> x.by_key AND p.resolution = x.resolution
                  AND NOT EXISTS (SELECT 1 FROM case_step r
                       WHERE r.shard = p.shard AND r.trade = p.trade AND r.work_case = p.work_case
                         AND r.no > p.no AND r.no < x.no AND r.step IN ('proposed', 'rejected')))";
    Trades "payment_sum" "I05" on PaymentRow, "the instructions of a payment add up to it":
        "SELECT p.trade, p.no FROM payment p WHERE p.shard = $1 AND p.trade > $2 AND p.trade <= $3
           AND p.amount <> (SELECT COALESCE(CAST(SUM(i.amount) AS BIGINT), 0) FROM instruction i
                            WHERE i.shard = p.shard AND i.trade = p.trade AND i.payment = p.no)";
    Trades "payment_due" "I05" on PaymentRow, "a payment is of its due's amount and of its trade's currency and payer":
        "SELECT p.trade, p.no FROM payment p WHERE p.shard = $1 AND p.trade > $2 AND p.trade <= $3
           AND EXISTS (SELECT 1 FROM trade t, due d WHERE t.shard = p.shard AND t.trade = p.trade
                 AND d.shard = p.shard AND d.trade = p.trade AND d.no = p.due
                 AND (p.amount <> d.amount OR p.currency <> t.currency OR p.payer <> t.payer))";
    Trades "success_legs" "I06" on PaymentRow, "of a payment that took effect every instruction that counts succeeded":
        "SELECT p.trade, p.no FROM payment p WHERE p.shard = $1 AND p.trade > $2 AND p.trade <= $3
           AND p.status = 'succeeded'
           AND EXISTS (SELECT 1 FROM instruction i WHERE i.shard = p.shard AND i.trade = p.trade AND i.payment = p.no
                 AND i.surplus IS NULL AND i.status <> 'superseded' AND (i.status <> 'succeeded' OR i.received < i.amount))";
    Trades "ended_returns" "I06" on InstructionRow, "what a payment without effect brought is back or on its way":
        "SELECT i.trade, i.no FROM instruction i, payment p
         WHERE i.shard = $1 AND i.trade > $2 AND i.trade <= $3
           AND p.shard = i.shard AND p.trade = i.trade AND p.no = i.payment
           AND p.status IN ('failed', 'canceled', 'expired') AND i.returned + i.\"returning\" <> i.received";
    Trades "one_success" "I07" on DueRow, "at most one payment of a due took effect":
        "SELECT p.trade, p.due FROM payment p WHERE p.shard = $1 AND p.trade > $2 AND p.trade <= $3
           AND p.status = 'succeeded'
         GROUP BY p.shard, p.trade, p.due HAVING COUNT(*) > 1";
    Trades "surplus_returns" "I07" on InstructionRow, "surplus money is back or on its way":
        "SELECT i.trade, i.no FROM instruction i, payment p
         WHERE i.shard = $1 AND i.trade > $2 AND i.trade <= $3
           AND p.shard = i.shard AND p.trade = i.trade AND p.no = i.payment AND p.status = 'succeeded'
           AND (i.surplus = 1 AND i.returned + i.\"returning\" <> i.received
             OR i.surplus IS NULL AND i.received - i.returned - i.\"returning\" > i.amount)";
    Trades "leg_bounds" "I08" on InstructionRow, "no more goes back of an instruction than it brought":
        "SELECT i.trade, i.no FROM instruction i WHERE i.shard = $1 AND i.trade > $2 AND i.trade <= $3
           AND (i.returned < 0 OR i.\"returning\" < 0 OR i.returned + i.\"returning\" > i.received)";
    Trades "leg_parts" "I08" on InstructionRow, "what went back of an instruction are its refund parts and its disputes":
        "SELECT i.trade, i.no FROM instruction i, payment p
         WHERE i.shard = $1 AND i.trade > $2 AND i.trade <= $3
           AND p.shard = i.shard AND p.trade = i.trade AND p.no = i.payment
           AND (i.returned <> (SELECT COALESCE(CAST(SUM(r.amount) AS BIGINT), 0) FROM refund_part r, refund f
                  WHERE r.shard = i.shard AND r.trade = i.trade AND r.instruction = i.no AND r.status = 'succeeded'
                    AND f.shard = r.shard AND f.trade = r.trade AND f.no = r.refund AND f.currency = p.currency)
                + (SELECT COALESCE(CAST(SUM(l.lost) AS BIGINT), 0) FROM dispute_line l, dispute d
                  WHERE d.shard = i.shard AND d.trade = i.trade AND d.instruction = i.no
                    AND l.shard = d.shard AND l.trade = d.trade AND l.dispute = d.no)
             OR i.\"returning\" <> (SELECT COALESCE(CAST(SUM(r.amount) AS BIGINT), 0) FROM refund_part r, refund f
                  WHERE r.shard = i.shard AND r.trade = i.trade AND r.instruction = i.no AND r.status <> 'succeeded'
                    AND f.shard = r.shard AND f.trade = r.trade AND f.no = r.refund AND f.currency = p.currency)
                + (SELECT COALESCE(CAST(SUM(l.amount) AS BIGINT), 0) FROM dispute_line l, dispute d
                  WHERE d.shard = i.shard AND d.trade = i.trade AND d.instruction = i.no AND d.status = 'open'
                    AND l.shard = d.shard AND l.trade = d.trade AND l.dispute = d.no))";
    Trades "internal_received" "I09" on InstructionRow, "an internal instruction brought its amount exactly when it succeeded":
        "SELECT i.trade, i.no FROM instruction i WHERE i.shard = $1 AND i.trade > $2 AND i.trade <= $3
           AND i.tool <> 'channel'
           AND i.received <> CASE WHEN i.status = 'succeeded' THEN i.amount ELSE 0 END";
    Trades "payment_context" "I19" on PaymentRow, "a payment has its trade's context":
        "SELECT p.trade, p.no FROM payment p WHERE p.shard = $1 AND p.trade > $2 AND p.trade <= $3
           AND NOT EXISTS (SELECT 1 FROM trade t WHERE t.shard = p.shard AND t.trade = p.trade
                 AND t.merchant = p.merchant AND t.order_type = p.order_type AND t.sub_type = p.sub_type)";
    Trades "leg_pay_org" "I19" on InstructionRow, "internal instructions are internal, others name their institution":
        "SELECT i.trade, i.no FROM instruction i WHERE i.shard = $1 AND i.trade > $2 AND i.trade <= $3
           AND (i.pay_org = '' OR (i.tool IN ('channel', 'payout')) = (i.pay_org = 'internal'))";
    Trades "payment_range" "I34" on PaymentRow, "amounts are in range and currencies are of three letters":
        "SELECT p.trade, p.no FROM payment p WHERE p.shard = $1 AND p.trade > $2 AND p.trade <= $3
           AND (p.amount <= 0 OR p.amount > 1000000000000000
             OR length(p.currency) <> 3 OR upper(p.currency) <> p.currency)";
    Trades "leg_range" "I34" on InstructionRow, "amounts are in range":
        "SELECT i.trade, i.no FROM instruction i WHERE i.shard = $1 AND i.trade > $2 AND i.trade <= $3
           AND (i.amount <= 0 OR i.amount > 1000000000000000)";
    Deadlines "payment_deadline" "I32" on PaymentRow, "no payment is open past its time without a case":
        "SELECT p.trade, p.no FROM payment p WHERE p.shard = $1 AND p.trade > $2 AND p.trade <= $3
           AND p.status IN ('created', 'requires_action', 'processing', 'review') AND p.expires_at < $4
           AND NOT EXISTS (SELECT 1 FROM work_case c
                           WHERE c.shard = p.shard AND c.trade = p.trade AND c.status <> 'closed')";
}
