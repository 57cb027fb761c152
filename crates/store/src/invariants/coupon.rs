//! Coupons: spent once, by whom they say, and all of them on the books.

use super::invariants;
use crate::tables::accounting::AccountRow;
use crate::tables::payment::{CouponRow, InstructionRow};

invariants! {
    Coupons "coupon_holder" "I23" on CouponRow, "a coupon is held or spent by an instruction that has it":
        "SELECT c.id FROM coupon c WHERE c.shard = $1 AND c.id > $2 AND c.id <= $3
           AND (c.status IN ('held', 'spent'))
            <> EXISTS (SELECT 1 FROM instruction i WHERE i.shard = c.shard AND i.trade = c.held_trade
                 AND i.no = c.held_no AND i.coupon = c.id
                 AND i.status = CASE WHEN c.status = 'held' THEN 'held' ELSE 'succeeded' END)";
    Trades "leg_coupon" "I23" on InstructionRow, "an instruction that has a coupon is the only one, within its face":
        "SELECT i.trade, i.no FROM instruction i WHERE i.shard = $1 AND i.trade > $2 AND i.trade <= $3
           AND i.coupon IS NOT NULL AND i.status IN ('held', 'succeeded')
           AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.shard = i.shard AND p.trade = i.trade AND p.no = i.payment
                 AND p.parent IS NOT NULL)
           AND NOT EXISTS (SELECT 1 FROM coupon c WHERE c.shard = i.shard AND c.id = i.coupon
                 AND c.held_trade = i.trade AND c.held_no = i.no
                 AND c.amount = i.amount + i.coupon_rest AND c.source = i.source
                 AND c.status = CASE WHEN i.status = 'held' THEN 'held' ELSE 'spent' END)
           AND NOT EXISTS (SELECT 1 FROM refund_part r WHERE r.shard = i.shard AND r.trade = i.trade
                 AND r.instruction = i.no AND r.way = 'coupon_again' AND r.status = 'succeeded')";
    Coupons "coupon_owner" "I20" on CouponRow, "a coupon is spent on its owner's trade, and its merchant's if it has one":
        "SELECT c.id FROM coupon c WHERE c.shard = $1 AND c.id > $2 AND c.id <= $3 AND c.held_trade IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM trade t WHERE t.shard = c.shard AND t.trade = c.held_trade
                 AND t.payer = c.buyer AND t.currency = c.currency AND COALESCE(c.merchant, t.merchant) = t.merchant)";
    Coupons "coupon_range" "I34" on CouponRow, "amounts are in range and currencies are of three letters":
        "SELECT c.id FROM coupon c WHERE c.shard = $1 AND c.id > $2 AND c.id <= $3
           AND (c.amount <= 0 OR c.amount > 1000000000000000
             OR length(c.currency) <> 3 OR upper(c.currency) <> c.currency)";
    Shard "coupon_books" "I23" on AccountRow, "a user's coupons on the books (2031) are those that can be spent or are held":
        "SELECT x.owner, x.currency FROM
           (SELECT a.owner AS owner, a.currency AS currency, a.cp - a.dp AS minor FROM account a
            WHERE a.shard = $1 AND a.subject = '2031'
            UNION ALL
            SELECT 'user:' || c.buyer, c.currency, -c.amount FROM coupon c
            WHERE c.shard = $1 AND c.status IN ('usable', 'held')) x
         GROUP BY x.owner, x.currency HAVING CAST(SUM(x.minor) AS BIGINT) <> 0";
}
