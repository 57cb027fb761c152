//! What workers read and write beside the lines: due tasks, leases, cursors, parked events. Their tables are the log's and
//! the shard's; only a line changes `task`.

use crate::statements;

statements! {
    /// Tasks due until a moment, in order, after a place among them.
    TASKS_DUE = "work.tasks_due" (Int, Int, Int, Bytes, Int, Text, Int)
        "SELECT shard, due, tree, no, kind, attempts FROM task
         WHERE shard = $1 AND due <= $2 AND (due, tree, no, kind) > ($3, $4, $5, $6)
         ORDER BY shard, due, tree, no, kind LIMIT $7";
    /// Takes a lease that is free or over; touches no row where another holds it.
    LEASE_TAKE = "work.lease_take" (Int, Text, Text, Int, Int, Int)
        "INSERT INTO lease (shard, role, holder, epoch, until) VALUES ($1, $2, $3, 1, $4)
         ON CONFLICT (shard, role) DO UPDATE SET holder = $3, epoch = lease.epoch + 1, until = $4
         WHERE lease.until < $5 OR lease.until > $6";
    /// Prolongs a lease; touches no row where it was lost.
    LEASE_KEEP = "work.lease_keep" (Int, Text, Text, Int)
        "UPDATE lease SET until = $4 WHERE shard = $1 AND role = $2 AND holder = $3";
    /// Gives a lease back.
    LEASE_DROP = "work.lease_drop" (Int, Text, Text)
        "UPDATE lease SET until = 0 WHERE shard = $1 AND role = $2 AND holder = $3";
    /// How far a reader has come.
    CURSOR = "work.cursor" (Text, Int) "SELECT reader, shard, seq, n FROM cursor WHERE reader = $1 AND shard = $2";
    /// A reader begins, unless it has begun already.
    CURSOR_BEGIN = "work.cursor_begin" (Text, Int, Int, Int)
        "INSERT INTO cursor (reader, shard, seq, n) VALUES ($1, $2, $3, $4) ON CONFLICT (reader, shard) DO NOTHING";
    /// A reader moves on from where it is known to be; touches no row where it is elsewhere.
    CURSOR_MOVE = "work.cursor_move" (Text, Int, Int, Int, Int, Int)
        "UPDATE cursor SET seq = $3, n = $4 WHERE reader = $1 AND shard = $2 AND seq = $5 AND n = $6";
    /// Parked events of the readers whose names lie between two texts that are due until a moment.
    PARKED_DUE = "work.parked_due" (Int, Int, Text, Text, Int)
        "SELECT reader, shard, seq, n, due, attempts, error FROM parked
         WHERE shard = $1 AND due <= $2 AND reader >= $3 AND reader < $4 ORDER BY shard, due LIMIT $5";
    /// A parked event is done.
    PARKED_DONE = "work.parked_done" (Text, Int, Int, Int)
        "DELETE FROM parked WHERE reader = $1 AND shard = $2 AND seq = $3 AND n = $4";
}
