//! Credit lines: what is owed to us is what was paid on credit, less what came back.

use super::invariants;
use crate::tables::accounting::AccountRow;
use crate::tables::payment::{CreditLineRow, InstructionRow};

invariants! {
    Lines "credit_range" "I34" on CreditLineRow, "limits are in range and currencies are of three letters":
        "SELECT c.id FROM credit_line c WHERE c.shard = $1 AND c.id > $2 AND c.id <= $3
           AND (c.most > 1000000000000000 OR length(c.currency) <> 3 OR upper(c.currency) <> c.currency)";
    Trades "credit_leg" "I43" on InstructionRow, "what is paid on credit is within the limit that it was planned with":
        "SELECT i.trade, i.no FROM instruction i WHERE i.shard = $1 AND i.trade > $2 AND i.trade <= $3
           AND i.credit_limit IS NOT NULL AND i.status IN ('held', 'succeeded') AND i.amount > i.credit_limit";
    Shard "credit_lines" "I43" on AccountRow, "who owes us (1061) has a credit line":
        "SELECT a.owner, a.currency FROM account a WHERE a.shard = $1 AND a.subject = '1061'
           AND NOT EXISTS (SELECT 1 FROM credit_line c WHERE c.shard = a.shard AND c.id = a.id
                 AND 'user:' || c.holder = a.owner AND c.currency = a.currency)";
}
