//! Combined checkouts: a parent and its children stand together, and every cent of the one is the others'.

use super::invariants;
use crate::tables::accounting::AccountRow;
use crate::tables::payment::{DisputeRow, InstructionRow};
use crate::tables::trade::TradeRow;

invariants! {
    Trades "child_parent" "I39" on TradeRow, "a child is a trade of its parent's buyer and currency, and is paid and closed with it":
        "SELECT t.trade FROM trade t WHERE t.shard = $1 AND t.trade > $2 AND t.trade <= $3 AND t.parent IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM trade p WHERE p.shard = t.shard AND p.trade = t.parent
                 AND p.order_type = 'combined' AND p.payer = t.payer AND p.currency = t.currency
                 AND (p.paid > 0) = (t.paid > 0)
                 AND (p.status = 'closed') = (t.status = 'closed' AND COALESCE(t.reason, '') <> 'refunded'))";
    Trades "share_of" "I39" on InstructionRow, "a share is of an instruction of the parent's payment that took effect: tool, institution, order, coupon, source and limit":
        "SELECT i.trade, i.no FROM instruction i, payment p WHERE i.shard = $1 AND i.trade > $2 AND i.trade <= $3
           AND p.shard = i.shard AND p.trade = i.trade AND p.no = i.payment AND p.parent IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM trade t, payment q, instruction o
                 WHERE t.shard = i.shard AND t.trade = i.trade AND COALESCE(t.parent, t.trade) = p.parent
                   AND q.shard = p.shard AND q.trade = p.parent AND q.no = p.parent_no AND q.status = 'succeeded'
                   AND o.shard = q.shard AND o.trade = q.trade AND o.no = i.no AND o.payment = q.no
                   AND o.tool = i.tool AND o.pay_org = i.pay_org
                   AND COALESCE(o.channel_order, -1) = COALESCE(i.channel_order, -1)
                   AND (o.coupon IS NULL AND i.coupon IS NULL OR o.coupon = i.coupon)
                   AND COALESCE(o.source, '') = COALESCE(i.source, '')
                   AND COALESCE(o.credit_limit, -1) = COALESCE(i.credit_limit, -1))";
    Shard "parent_children" "I39" on TradeRow, "the children of a combined trade add up to it":
        "SELECT p.trade FROM trade p
         LEFT JOIN (SELECT t.parent AS parent, CAST(SUM(t.amount) AS BIGINT) AS amount FROM trade t
                    WHERE t.shard = $1 AND t.parent IS NOT NULL GROUP BY t.parent) c ON c.parent = p.trade
         WHERE p.shard = $1 AND p.order_type = 'combined' AND COALESCE(c.amount, 0) <> p.amount";
    Shard "leg_shares" "I39" on InstructionRow, "the children's shares of an instruction that took effect add up to it, and their points to its":
        "SELECT i.trade, i.no FROM trade t, payment p, instruction i
         LEFT JOIN (SELECT q.parent AS parent, q.parent_no AS payment, s.no AS no, CAST(SUM(s.amount) AS BIGINT) AS amount,
                      CAST(SUM(COALESCE(s.points, 0)) AS BIGINT) AS points
                    FROM payment q, instruction s
                    WHERE q.shard = $1 AND q.parent IS NOT NULL
                      AND s.shard = q.shard AND s.trade = q.trade AND s.payment = q.no
                    GROUP BY q.parent, q.parent_no, s.no) x
           ON x.parent = i.trade AND x.payment = i.payment AND x.no = i.no
         WHERE t.shard = $1 AND t.order_type = 'combined'
           AND p.shard = t.shard AND p.trade = t.trade AND p.status = 'succeeded'
           AND i.shard = p.shard AND i.trade = p.trade AND i.payment = p.no AND i.surplus IS NULL
           AND (COALESCE(x.amount, 0) <> i.amount OR COALESCE(x.points, 0) <> COALESCE(i.points, 0))";
    Trades "share_dispute" "I39" on DisputeRow, "a share of a dispute stands with that of the parent that paid it: instruction, number, end":
        "SELECT d.trade, d.no FROM dispute d WHERE d.shard = $1 AND d.trade > $2 AND d.trade <= $3 AND d.parent IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM dispute o, instruction i, payment p
                 WHERE o.shard = d.shard AND o.trade = d.parent AND o.no = d.parent_no AND o.parent IS NULL
                   AND o.instruction = d.instruction AND o.channel_no = d.channel_no AND o.currency = d.currency
                   AND (o.status = 'open') = (d.status = 'open') AND (o.status = 'lost' OR d.status <> 'lost')
                   AND i.shard = d.shard AND i.trade = d.trade AND i.no = d.instruction
                   AND p.shard = i.shard AND p.trade = i.trade AND p.no = i.payment AND p.parent = d.parent)";
    Shard "dispute_shares" "I39" on DisputeRow, "the shares of a dispute add up to what is covered of it, and what they lose to what it loses":
        "SELECT d.trade, d.no FROM dispute d
         LEFT JOIN (SELECT c.parent AS parent, c.parent_no AS no, CAST(SUM(c.amount) AS BIGINT) AS amount,
                      CAST(SUM(c.lost) AS BIGINT) AS lost
                    FROM dispute c WHERE c.shard = $1 AND c.parent IS NOT NULL GROUP BY c.parent, c.parent_no) x
           ON x.parent = d.trade AND x.no = d.no
         WHERE d.shard = $1 AND (COALESCE(x.amount, 0) <> d.of_children
           OR COALESCE(x.lost, 0) <> CASE WHEN d.lost < d.of_children THEN d.lost ELSE d.of_children END)";
    Shard "combined_books" "I39" on AccountRow, "nothing stays on its way from a parent to its children (2012, and points at 2034.redeemed of the platform)":
        "SELECT a.id FROM account a WHERE a.shard = $1 AND a.cp <> a.dp
           AND (a.subject = '2012' OR a.subject = '2034.redeemed' AND a.owner = 'platform')";
}
