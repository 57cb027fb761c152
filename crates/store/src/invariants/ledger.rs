//! The ledger's rows among themselves. That they are the rows that were written, and that counters follow from them, is
//! proven by the verifier from the chain and the transfers.

use super::invariants;
use crate::tables::accounting::{AccountRow, HoldRow, TransferRow, VoucherRow};
use crate::tables::shard::Batch;

invariants! {
    Shard "trial_balance" "I01" on AccountRow, "debits are credits, posted and held, in every currency":
        "SELECT a.currency FROM account a WHERE a.shard = $1 GROUP BY a.currency
         HAVING CAST(SUM(a.dp - a.cp) AS BIGINT) <> 0 OR CAST(SUM(a.dh - a.ch) AS BIGINT) <> 0";
    Shard "transit_pairs" "I22" on AccountRow, "what a shard owes to another, less what that one has taken, is under way":
        "SELECT a.id FROM account a
         WHERE a.shard = $1 AND substr(a.subject, 1, 5) = '2011.'
           AND (SELECT CAST(SUM(b.cp - b.dp) AS BIGINT) FROM shard h, account b WHERE b.shard = h.shard AND b.id = a.id)
            <> COALESCE((SELECT CAST(SUM(s.amount) AS BIGINT) FROM sent s
                 WHERE '2011.' || CAST(s.shard AS TEXT) || '.' || CAST(s.to_shard AS TEXT) = a.subject
                   AND s.currency = a.currency
                   AND (NOT EXISTS (SELECT 1 FROM cursor c WHERE c.reader = 'shard:' || CAST(s.to_shard AS TEXT)
                              AND c.shard = s.shard AND (c.seq, c.n) >= (s.seq, s.n))
                     OR EXISTS (SELECT 1 FROM parked p WHERE p.reader = 'shard:' || CAST(s.to_shard AS TEXT)
                              AND p.shard = s.shard AND p.seq = s.seq AND p.n = s.n))), 0)";
    Shard "batch_place" "I33" on Batch, "no batch stands outside the shard's line":
        "SELECT b.seq FROM batch b, shard s WHERE s.shard = $1 AND b.shard = $1 AND b.seq > s.seq
         UNION ALL SELECT b.seq FROM batch b WHERE b.shard = $1 AND b.seq < 1";
    Shard "voucher_place" "I02" on VoucherRow, "no voucher stands outside the shard's batches":
        "SELECT v.seq, v.n FROM voucher v, shard s WHERE s.shard = $1 AND v.shard = $1 AND v.seq > s.seq
         UNION ALL SELECT v.seq, v.n FROM voucher v WHERE v.shard = $1 AND v.seq < 1";
    Shard "transfer_place" "I02" on TransferRow, "no transfer stands outside the shard's batches":
        "SELECT t.seq, t.n FROM transfer t, shard s WHERE s.shard = $1 AND t.shard = $1 AND t.seq > s.seq
         UNION ALL SELECT t.seq, t.n FROM transfer t WHERE t.shard = $1 AND t.seq < 1";
    Log "voucher_transfers" "I02" on VoucherRow, "a voucher has transfers":
        "SELECT v.seq, v.n FROM voucher v WHERE v.shard = $1 AND v.seq > $2 AND v.seq <= $3
           AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.shard = v.shard AND t.seq = v.seq AND t.voucher = v.n)";
    Log "transfer_voucher" "I02" on TransferRow, "a transfer has a voucher, a positive amount, and two accounts of one currency":
        "SELECT t.seq, t.n FROM transfer t WHERE t.shard = $1 AND t.seq > $2 AND t.seq <= $3
           AND (t.amount <= 0
             OR NOT EXISTS (SELECT 1 FROM voucher v WHERE v.shard = t.shard AND v.seq = t.seq AND v.n = t.voucher)
             OR NOT EXISTS (SELECT 1 FROM account d, account c
                  WHERE d.shard = t.shard AND d.id = t.debit AND c.shard = t.shard AND c.id = t.credit
                    AND d.id <> c.id AND d.currency = c.currency))";
    Log "voucher_context" "I19" on VoucherRow, "a voucher of a trade has the trade's context":
        "SELECT v.seq, v.n FROM voucher v WHERE v.shard = $1 AND v.seq > $2 AND v.seq <= $3
           AND v.trade IS NOT NULL AND NOT EXISTS (SELECT 1 FROM trade t
                 WHERE t.shard = v.shard AND t.trade = v.trade AND t.merchant = v.merchant
                   AND t.order_type = v.order_type AND t.sub_type = v.sub_type)";
    Log "transfer_pay_org" "I19" on TransferRow, "a transfer names the institution whose account it touches, else none":
        "SELECT t.seq, t.n FROM transfer t, account d, account c
         WHERE t.shard = $1 AND t.seq > $2 AND t.seq <= $3 AND t.op <> 'release'
           AND d.shard = t.shard AND d.id = t.debit AND c.shard = t.shard AND c.id = t.credit
           AND t.pay_org <> CASE WHEN substr(d.owner, 1, 8) = 'channel:' THEN substr(d.owner, 9)
                                 WHEN substr(c.owner, 1, 8) = 'channel:' THEN substr(c.owner, 9)
                                 ELSE 'internal' END";
    Trades "hold_tree" "I20" on HoldRow, "a hold belongs to a trade, between two accounts of one currency":
        "SELECT h.trade, h.no FROM hold h WHERE h.shard = $1 AND h.trade > $2 AND h.trade <= $3
           AND (NOT EXISTS (SELECT 1 FROM trade t WHERE t.shard = h.shard AND t.trade = h.trade)
             OR NOT EXISTS (SELECT 1 FROM account d, account c
                  WHERE d.shard = h.shard AND d.id = h.debit AND c.shard = h.shard AND c.id = h.credit
                    AND d.currency = c.currency))";
}
