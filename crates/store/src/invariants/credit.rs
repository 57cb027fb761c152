//! Credit lines: what is owed to us is what was paid on credit, less what came back; bills are stretches of the one, paid by the
//! other.

use super::invariants;
use crate::tables::accounting::AccountRow;
use crate::tables::payment::{BillRow, CreditLineRow, InstructionRow};

invariants! {
    Lines "credit_range" "I34" on CreditLineRow, "limits are in range and currencies are of three letters":
        "SELECT c.id FROM credit_line c WHERE c.shard = $1 AND c.id > $2 AND c.id <= $3
           AND (c.most > 1000000000000000 OR length(c.currency) <> 3 OR upper(c.currency) <> c.currency)";
    Trades "credit_leg" "I43" on InstructionRow, "what is paid on credit is within the limit that it was planned with":
        "SELECT i.trade, i.no FROM instruction i WHERE i.shard = $1 AND i.trade > $2 AND i.trade <= $3
           AND i.credit_limit IS NOT NULL AND i.status IN ('held', 'succeeded') AND i.amount > i.credit_limit";
    Lines "bill_line" "I44" on BillRow, "a bill is its line's, and the line counts it":
        "SELECT b.line, b.no FROM bill b WHERE b.shard = $1 AND b.line > $2 AND b.line <= $3
           AND NOT EXISTS (SELECT 1 FROM credit_line c WHERE c.shard = b.shard AND c.id = b.line AND c.bills >= b.no)";
    Lines "bill_stretch" "I44" on BillRow, "a bill begins where the one before it ends, and is not due before it":
        "SELECT b.line, b.no FROM bill b WHERE b.shard = $1 AND b.line > $2 AND b.line <= $3
           AND (b.no = 1 AND b.begins <> 0
             OR b.no > 1 AND NOT EXISTS (SELECT 1 FROM bill p WHERE p.shard = b.shard AND p.line = b.line
                  AND p.no = b.no - 1 AND p.up_to = b.begins AND p.issued_at < b.issued_at
                  AND (p.due_at <= b.due_at OR p.paid_at <= b.issued_at)))";
    Lines "bill_paid" "I44" on BillRow, "a bill is paid when what came back (1061) covers it, and not before":
        "SELECT b.line, b.no FROM bill b WHERE b.shard = $1 AND b.line > $2 AND b.line <= $3
           AND NOT EXISTS (SELECT 1 FROM account a WHERE a.shard = b.shard AND a.id = b.line
                 AND (a.cp >= b.up_to) = (b.paid_at IS NOT NULL))";
    Lines "line_billed" "I44" on CreditLineRow, "a line is billed as far as its last bill, and no further than was drawn (1061)":
        "SELECT c.id FROM credit_line c WHERE c.shard = $1 AND c.id > $2 AND c.id <= $3 AND c.bills IS NOT NULL
           AND (c.bills = 0 AND c.billed <> 0
             OR c.bills > 0 AND NOT EXISTS (SELECT 1 FROM bill b, account a WHERE b.shard = c.shard AND b.line = c.id
                  AND b.no = c.bills AND b.up_to = c.billed
                  AND a.shard = c.shard AND a.id = c.id AND a.dp >= c.billed))";
    Lines "line_oldest" "I44" on CreditLineRow, "a line knows its oldest bill that is not paid":
        "SELECT c.id FROM credit_line c WHERE c.shard = $1 AND c.id > $2 AND c.id <= $3 AND c.bills IS NOT NULL
           AND (EXISTS (SELECT 1 FROM bill b WHERE b.shard = c.shard AND b.line = c.id
                     AND (b.no <= c.bills_paid) <> (b.paid_at IS NOT NULL))
             OR c.bills_paid < c.bills AND NOT EXISTS (SELECT 1 FROM bill b WHERE b.shard = c.shard AND b.line = c.id
                  AND b.no = c.bills_paid + 1 AND b.up_to = c.oldest_up_to AND b.due_at = c.oldest_due_at))";
    Shard "credit_lines" "I43" on AccountRow, "who owes us (1061) has a credit line":
        "SELECT a.owner, a.currency FROM account a WHERE a.shard = $1 AND a.subject = '1061'
           AND NOT EXISTS (SELECT 1 FROM credit_line c WHERE c.shard = a.shard AND c.id = a.id
                 AND 'user:' || c.holder = a.owner AND c.currency = a.currency)";
}
