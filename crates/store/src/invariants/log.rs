//! The log: events and answers stand in batches that exist, and carry the context of what they are about.

use super::invariants;
use crate::tables::log::{Answer, Event};

invariants! {
    Shard "event_place" "I12" on Event, "no event stands outside the shard's batches":
        "SELECT e.seq, e.n FROM event e, shard s WHERE s.shard = $1 AND e.shard = $1 AND e.seq > s.seq
         UNION ALL SELECT e.seq, e.n FROM event e WHERE e.shard = $1 AND e.seq < 1";
    Shard "answer_place" "I14" on Answer, "no answer stands outside the shard's batches":
        "SELECT a.seq, a.n FROM answer a, shard s WHERE s.shard = $1 AND a.shard = $1 AND a.seq > s.seq
         UNION ALL SELECT a.seq, a.n FROM answer a WHERE a.shard = $1 AND a.seq < 1";
    Log "event_numbers" "I12" on Event, "the events of a batch are numbered without gaps, at the batch's time":
        "SELECT e.seq, e.n FROM event e LEFT JOIN batch b ON b.shard = e.shard AND b.seq = e.seq
         WHERE e.shard = $1 AND e.seq > $2 AND e.seq <= $3
           AND (b.at IS NULL OR e.at <> b.at OR e.n < 0
             OR e.n > 0 AND NOT EXISTS (SELECT 1 FROM event f
                  WHERE f.shard = e.shard AND f.seq = e.seq AND f.n = e.n - 1))";
    Log "event_body" "I12" on Event, "an event's body is where it says":
        "SELECT e.seq, e.n FROM event e WHERE e.shard = $1 AND e.seq > $2 AND e.seq <= $3
           AND (e.body_at IS NULL AND e.body IS NULL
             OR e.body_at >= 0 AND NOT EXISTS (SELECT 1 FROM answer a
                  WHERE a.shard = e.shard AND a.seq = e.seq AND a.n = e.body_at AND a.body IS NOT NULL)
             OR e.body_at < 0 AND NOT EXISTS (SELECT 1 FROM event f
                  WHERE f.shard = e.shard AND f.seq = e.seq AND f.n = -1 - e.body_at AND f.body IS NOT NULL))";
    Log "event_context" "I19" on Event, "an event has the context of its trade, and a bill's has none":
        "SELECT e.seq, e.n FROM event e WHERE e.shard = $1 AND e.seq > $2 AND e.seq <= $3
           AND CASE WHEN e.object = 'bil'
             THEN e.merchant IS NOT NULL OR e.order_type IS NOT NULL OR e.sub_type IS NOT NULL OR e.pay_org IS NOT NULL
             ELSE (COALESCE(e.pay_org, '') = '' OR NOT EXISTS (SELECT 1 FROM trade t
                  WHERE t.shard = e.shard AND t.trade = e.tree AND t.merchant = e.merchant
                    AND t.order_type = e.order_type AND t.sub_type = e.sub_type)) END";
    Log "answer_status" "I14" on Answer, "the answer under an idempotency key has its request's hash, a status and bytes":
        "SELECT a.seq, a.n FROM answer a WHERE a.shard = $1 AND a.seq > $2 AND a.seq <= $3
           AND (a.kind = 'key') <> (a.body_hash IS NOT NULL AND a.status >= 200)";
}
