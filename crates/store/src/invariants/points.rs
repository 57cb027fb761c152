//! Points: what users have of them is what they were given, less what was taken back and what they paid with.

use super::invariants;
use crate::tables::accounting::AccountRow;
use crate::tables::payment::{InstructionRow, PointsGrantRow};

invariants! {
    Trades "points_back" "I42" on InstructionRow, "an instruction gives back no more points than it took, and all of them with all of its money":
        "SELECT i.trade, i.no FROM instruction i WHERE i.shard = $1 AND i.trade > $2 AND i.trade <= $3
           AND i.points IS NOT NULL
           AND (SELECT COALESCE(CAST(SUM(r.points) AS BIGINT), 0) FROM refund_part r
                WHERE r.shard = i.shard AND r.trade = i.trade AND r.instruction = i.no)
             NOT BETWEEN CASE WHEN i.received > 0 AND i.returned + i.\"returning\" = i.received THEN i.points ELSE 0 END
               AND i.points";
    Grants "grant_range" "I34" on PointsGrantRow, "points are in range":
        "SELECT g.id FROM points_grant g WHERE g.shard = $1 AND g.id > $2 AND g.id <= $3
           AND g.points > 1000000000000000";
    Shard "points_issued" "I42" on AccountRow, "points on the books as issued (5003) are what was granted and not taken back":
        "SELECT x.owner, x.currency FROM
           (SELECT a.owner AS owner, a.currency AS currency, a.dp - a.cp AS points FROM account a
            WHERE a.shard = $1 AND a.subject = '5003'
            UNION ALL
            SELECT 'platform', 'PTS', g.reversed - g.points FROM points_grant g WHERE g.shard = $1) x
         GROUP BY x.owner, x.currency HAVING CAST(SUM(x.points) AS BIGINT) <> 0";
    Shard "points_hands" "I42" on AccountRow, "a user's points on the books (2034) are those granted and neither taken back nor paid with":
        "SELECT x.owner, x.currency FROM
           (SELECT a.owner AS owner, a.currency AS currency, a.cp - a.dp AS points FROM account a
            WHERE a.shard = $1 AND a.subject = '2034'
            UNION ALL
            SELECT 'user:' || g.holder, 'PTS', g.reversed - g.points FROM points_grant g WHERE g.shard = $1
            UNION ALL
            SELECT 'user:' || p.payer, 'PTS', i.points FROM instruction i
            JOIN payment p ON p.shard = i.shard AND p.trade = i.trade AND p.no = i.payment
            WHERE i.shard = $1 AND i.points IS NOT NULL AND i.status = 'succeeded' AND p.parent IS NULL
            UNION ALL
            SELECT 'user:' || p.payer, 'PTS', -r.points FROM refund_part r
            JOIN instruction i ON i.shard = r.shard AND i.trade = r.trade AND i.no = r.instruction
            JOIN payment p ON p.shard = i.shard AND p.trade = i.trade AND p.no = i.payment
            WHERE r.shard = $1 AND r.points IS NOT NULL AND r.status = 'succeeded') x
         GROUP BY x.owner, x.currency HAVING CAST(SUM(x.points) AS BIGINT) <> 0";
}
