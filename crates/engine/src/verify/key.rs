//! Keys of rows as people read them: ids in their text form, places in the log as `batch/number`.

use accounting::HoldKey;
use kernel::message::accounting::HoldNo;
use kernel::{
    AccountId, BillId, CaseId, CouponId, CreditLineId, DisputeId, GiftClaimId, GiftId, InstructionId, OrderId,
    PaymentId, PointsGrantId, RefundId, RootId, TradeId,
};
use store::{Cell, Table};

/// The key in a whole row.
pub(super) fn of_row(table: &'static Table, row: &[Cell]) -> String {
    let key = row.get(..table.key).unwrap_or(row);
    let key = if table.sharded() { key.get(1..).unwrap_or_default() } else { key };
    of(table, key)
}

/// A key without its shard; anything that is no key of the table is shown cell by cell.
pub(super) fn of(table: &'static Table, key: &[Cell]) -> String {
    match key {
        [Cell::Bytes(root)] => one(table, root).unwrap_or_else(|| plain(key)),
        [Cell::Bytes(root), Cell::Int(no)] => child(table, root, *no).unwrap_or_else(|| plain(key)),
        [Cell::Int(due), Cell::Bytes(tree), Cell::Int(no), Cell::Text(kind)] => {
            let tree = root(tree).map_or_else(|| "?".to_owned(), |tree| format!("{tree:?}"));
            format!("{kind} of {tree}/{no} at {due}")
        }
        _ => plain(key),
    }
}

fn root(bytes: &[u8]) -> Option<RootId> {
    bytes.try_into().ok().map(RootId::from_bytes)
}

fn one(table: &'static Table, bytes: &[u8]) -> Option<String> {
    let root = root(bytes)?;
    Some(match table.name {
        "account" => AccountId(root).to_string(),
        "coupon" => CouponId(root).to_string(),
        "credit_line" => CreditLineId(root).to_string(),
        "gift" => GiftId(root).to_string(),
        "points_grant" => PointsGrantId(root).to_string(),
        "trade" => TradeId(root).to_string(),
        _ => format!("{root:?}"),
    })
}

fn child(table: &'static Table, bytes: &[u8], number: i64) -> Option<String> {
    let above = root(bytes)?;
    let (trade, gift) = (TradeId(above), GiftId(above));
    let no = u16::try_from(number).ok();
    Some(match (table.name, no) {
        ("bill", Some(no)) => BillId::new(CreditLineId(above), no).to_string(),
        ("gift_claim", Some(no)) => GiftClaimId::new(gift, no).to_string(),
        ("payment", Some(no)) => PaymentId::new(trade, no).to_string(),
        ("instruction", Some(no)) => InstructionId::new(trade, no).to_string(),
        ("dispute", Some(no)) => DisputeId::new(trade, no).to_string(),
        ("refund", Some(no)) => RefundId::new(trade, no).to_string(),
        ("channel_order", Some(no)) => OrderId::new(trade, no).to_string(),
        ("work_case", Some(no)) => CaseId::new(trade, no).to_string(),
        ("hold", _) => hold(trade, number),
        ("counter", _) => format!("{above:?}/{number}"),
        _ => format!("{trade}/{number}"),
    })
}

/// A hold's key.
pub(super) fn hold(trade: TradeId, number: i64) -> String {
    match HoldKey::from_number(number) {
        Some(HoldKey { no: HoldNo::Instruction(no), leg }) => format!("{} leg {leg}", InstructionId::new(trade, no)),
        Some(HoldKey { no: HoldNo::DisputeLine(no), leg }) => format!("{trade} dispute line {no} leg {leg}"),
        Some(HoldKey { no: HoldNo::RefundLine(no), leg }) => format!("{trade} refund line {no} leg {leg}"),
        None => format!("{trade}/{number}"),
    }
}

fn plain(key: &[Cell]) -> String {
    let cells: Vec<String> = key
        .iter()
        .map(|cell| match cell {
            Cell::Text(text) => text.to_string(),
            Cell::Bytes(bytes) => root(bytes).map_or_else(|| format!("{cell:?}"), |root| format!("{root:?}")),
            Cell::Int(number) => number.to_string(),
            Cell::Null => "null".to_owned(),
        })
        .collect();
    cells.join("/")
}

#[cfg(test)]
mod tests {
    use store::Row as _;
    use store::tables::accounting::{AccountRow, HoldRow, TransferRow};
    use store::tables::payment::PaymentRow;

    use super::*;

    #[test]
    fn keys_are_readable() {
        let trade = TradeId(RootId::from_bytes([3; 16]));
        let root = || Cell::bytes([3; 16]);
        assert_eq!(of(PaymentRow::TABLE, &[root(), Cell::Int(2)]), PaymentId::new(trade, 2).to_string());
        assert_eq!(of(AccountRow::TABLE, &[root()]), AccountId(trade.0).to_string());
        assert_eq!(of(AccountRow::TABLE, &[Cell::text("CNY")]), "CNY");
        let line = HoldKey { no: HoldNo::RefundLine(7), leg: 1 };
        assert_eq!(of(HoldRow::TABLE, &[root(), Cell::Int(line.number())]), format!("{trade} refund line 7 leg 1"));
        assert_eq!(of(PaymentRow::TABLE, &[root(), Cell::Int(-2)]), format!("{trade}/-2"));
        let row = [Cell::Int(0), Cell::Int(4), Cell::Int(1), Cell::Int(9)];
        assert_eq!(of_row(TransferRow::TABLE, &row), "4/1");
    }
}
