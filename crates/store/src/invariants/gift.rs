//! Gifts: shared out exactly, each user once, and what waits of them on the books.

use super::invariants;
use crate::tables::accounting::AccountRow;
use crate::tables::payment::GiftRow;

invariants! {
    Gifts "gift_shares" "I38" on GiftRow, "a gift's claims are within it, all of it where all have claimed, and each user's once":
        "SELECT g.id FROM gift g WHERE g.shard = $1 AND g.id > $2 AND g.id <= $3
           AND EXISTS (SELECT 1 FROM gift_claim c WHERE c.shard = g.shard AND c.gift = g.id
                 GROUP BY c.gift
                 HAVING COUNT(*) > g.shares OR CAST(SUM(c.amount) AS BIGINT) > g.amount
                   OR (COUNT(*) = g.shares) <> (CAST(SUM(c.amount) AS BIGINT) = g.amount)
                   OR COUNT(DISTINCT c.claimer) <> COUNT(*) OR MAX(c.no) <> COUNT(*))";
    Gifts "gift_range" "I34" on GiftRow, "amounts are in range and currencies are of three letters":
        "SELECT g.id FROM gift g WHERE g.shard = $1 AND g.id > $2 AND g.id <= $3
           AND (g.amount > 1000000000000000 OR length(g.currency) <> 3 OR upper(g.currency) <> g.currency)";
    Shard "gift_books" "I38" on AccountRow, "an issuer's gifts on the books (2035) are what nobody has claimed of them":
        "SELECT x.owner, x.currency FROM
           (SELECT a.owner AS owner, a.currency AS currency, a.cp - a.dp AS minor FROM account a
            WHERE a.shard = $1 AND a.subject = '2035'
            UNION ALL
            SELECT g.issuer, g.currency, -g.amount FROM gift g WHERE g.shard = $1 AND g.expired IS NULL
            UNION ALL
            SELECT g.issuer, g.currency, c.amount FROM gift_claim c
            JOIN gift g ON g.shard = c.shard AND g.id = c.gift
            WHERE c.shard = $1 AND g.expired IS NULL) x
         GROUP BY x.owner, x.currency HAVING CAST(SUM(x.minor) AS BIGINT) <> 0";
}
