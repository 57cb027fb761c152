//! What the log says of one trade: its objects' last events, and the money that was booked in its name.

use std::collections::BTreeMap;

use accounting::chart::Entry;
use accounting::hold::Op;
use accounting::template::KEPT;
use accounting::{Account, Side};
use kernel::{Currency, Owner, PaymentId, RefundId};
use store::tables::accounting::{TransferRow, VoucherRow};

use super::events::{Last, Thing};

/// Money somewhere: the line of the chart, whose it is where that matters (an institution, a receiver), the currency.
pub(super) type Spot = (Entry, String, Currency);

/// What the log says of one trade.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trail {
    /// The last event of each object, by kind and number in the tree.
    pub(super) last: BTreeMap<(Thing, u16), Last>,
    /// Per payment that took effect, in what and how much: one for each voucher.
    pub(super) effects: Vec<(u16, Currency, i128)>,
    /// Minor units that vouchers of refunds took from receivers, by refund.
    pub(super) refunds: BTreeMap<u16, i128>,
    /// What came from institutions, one for each transfer.
    pub(super) receipts: Vec<(String, Currency, i64)>,
    /// What is left of the trade's money in escrow, on its way from a parent to its children, with receivers (2003, and their
    /// balance counted with it), received, in suspense, redeemed (in points), and paid out, refunded and disputed away
    /// through institutions.
    pub(super) left: BTreeMap<Spot, i128>,
}

/// A posted transfer with its accounts.
pub(super) struct Posted<'a> {
    pub(super) row: &'a TransferRow,
    pub(super) op: Op,
    pub(super) debit: &'a Account,
    pub(super) credit: &'a Account,
}

impl Trail {
    /// Takes a voucher's transfers, all of them at once.
    pub(super) fn book(&mut self, voucher: &VoucherRow, transfers: &[Posted<'_>]) {
        let template = voucher.template.as_str();
        let moved: Vec<_> = transfers.iter().filter(|it| matches!(it.op, Op::Post | Op::Capture(_))).collect();
        for transfer in &moved {
            self.move_money(template, transfer);
        }
        let kept: Vec<_> = transfers.iter().filter(|it| it.row.code == KEPT).collect();
        for transfer in &kept {
            self.shift(template, transfer.debit, Side::Debit, transfer.row.amount);
        }
        match template {
            "pay" | "pay_out" => {
                let of = PaymentId::parse(&voucher.object).map(|id| id.no);
                let into = moved.iter().filter(|it| is_goal(it.credit) && !is_on_the_way(it.debit));
                let sum = into.clone().map(|it| i128::from(it.row.amount)).sum();
                let currency = into.map(|it| it.credit.currency).next();
                self.effects.extend(of.zip(currency).map(|(of, currency)| (of, currency, sum)));
            }
            "refund" => {
                let taken = moved.iter().filter(|it| it.row.code == "refund").chain(&kept);
                let taken = taken.map(|it| i128::from(it.row.amount));
                if let Some(id) = RefundId::parse(&voucher.object) {
                    *self.refunds.entry(id.no).or_default() += taken.sum::<i128>();
                }
            }
            _ => {}
        }
    }

    fn move_money(&mut self, template: &str, transfer: &Posted<'_>) {
        let minor = transfer.row.amount;
        if transfer.debit.subject.entry() == Entry::ChannelIn {
            self.receipts.push((channel(transfer.debit), transfer.debit.currency, minor));
        }
        self.shift(template, transfer.debit, Side::Debit, minor);
        self.shift(template, transfer.credit, Side::Credit, minor);
    }

    /// A balance is a receiver's where a payment goes to it and where a refund takes from it; else it is somebody's whose
    /// money is no business of the trade's any more, or not yet.
    fn shift(&mut self, template: &str, account: &Account, side: Side, minor: i64) {
        let of_receiver = matches!(
            (template, side),
            ("pay" | "send_transfer", Side::Credit) | ("refund" | "lose_dispute" | "return_transfer", Side::Debit)
        );
        let (entry, whose) = match account.subject.entry() {
            entry @ (Entry::Escrow | Entry::Combined | Entry::PointsRedeemed) => (entry, String::new()),
            Entry::Pending => (Entry::Pending, account.owner.to_string()),
            Entry::UserBalance | Entry::MerchantBalance | Entry::Fees if of_receiver => {
                (Entry::Pending, account.owner.to_string())
            }
            // What is owed less again is another's business too; here what payments have drawn.
            Entry::Credit if (template, side) == ("pay", Side::Debit) => (Entry::Credit, String::new()),
            // What a repayment makes less is its receiver's, like what of it goes to the balance.
            Entry::Credit if (template, side) == ("pay", Side::Credit) => (Entry::Pending, account.owner.to_string()),
            // What a receiver owes us was taken of it all the same.
            Entry::Owed => (Entry::Pending, account.owner.to_string()),
            // On its way to another shard, or back.
            Entry::Transit => (Entry::Transit, String::new()),
            // Of a payout.
            Entry::Fees => (Entry::Fees, String::new()),
            entry @ (Entry::Received
            | Entry::Suspense
            | Entry::ChannelOut
            | Entry::ChannelRefund
            | Entry::ChannelDispute) => (entry, channel(account)),
            Entry::ChannelIn
            | Entry::Credit
            | Entry::UserBalance
            | Entry::MerchantBalance
            | Entry::Coupons
            | Entry::Budget
            | Entry::Stored
            | Entry::Points
            | Entry::Unclaimed
            | Entry::Marketing
            | Entry::PointsIssued => return,
        };
        let normal = match (account.subject.entry(), entry) {
            (Entry::Owed, _) | (Entry::Credit, Entry::Pending) => Side::Credit,
            _ => account.side,
        };
        let signed = if normal == side { i128::from(minor) } else { -i128::from(minor) };
        add(&mut self.left, (entry, whose, account.currency), signed);
    }
}

/// Adds to a sum; one that comes to nothing is forgotten.
pub(super) fn add(sums: &mut BTreeMap<Spot, i128>, spot: Spot, minor: i128) {
    let sum = sums.remove(&spot).unwrap_or_default() + minor;
    if sum != 0 {
        sums.insert(spot, sum);
    }
}

/// Where tools pay to.
fn is_goal(account: &Account) -> bool {
    is_on_the_way(account)
        || matches!(
            account.subject.entry(),
            Entry::UserBalance
                | Entry::MerchantBalance
                | Entry::ChannelOut
                | Entry::Combined
                | Entry::Fees
                | Entry::Credit
        )
}

/// Where tools have paid to already.
fn is_on_the_way(account: &Account) -> bool {
    matches!(account.subject.entry(), Entry::Escrow | Entry::Pending)
}

fn channel(account: &Account) -> String {
    match &account.owner {
        Owner::Channel(name) => name.clone(),
        Owner::User(_) | Owner::Merchant(_) | Owner::Seller(..) | Owner::Platform => String::new(),
    }
}
