//! The words of institutions, as a story says them.

use kernel::message::channel::{self, Credential, Purpose};
use kernel::{InstructionId, Money, OrderId};

use super::{SECOND, World, money, trade};
use crate::Input;

impl World {
    fn ids(&self, order: u16) -> (OrderId, InstructionId) {
        let instruction = match &self.orders[&order].purpose {
            Purpose::Pay(leg) | Purpose::Payout(leg) => *leg,
            Purpose::Refund { .. } => panic!("order {order} is a refund"),
        };
        (OrderId::new(trade(), order), instruction)
    }

    fn part(&self, order: u16) -> (OrderId, u16) {
        match &self.orders[&order].purpose {
            Purpose::Pay(_) | Purpose::Payout(_) => panic!("order {order} is no refund"),
            Purpose::Refund { part, .. } => (OrderId::new(trade(), order), *part),
        }
    }

    pub(in super::super) fn accepted(&mut self, order: u16) {
        let (order, instruction) = self.ids(order);
        let credential = Credential::Redirect("https://bank.example/1".into());
        self.fact(channel::Fact::Accepted { order, instruction, credential });
    }

    pub(in super::super) fn pending(&mut self, order: u16) {
        let (order, instruction) = self.ids(order);
        self.fact(channel::Fact::Pending { order, instruction });
    }

    pub(in super::super) fn unknown(&mut self, order: u16) {
        let (order, instruction) = self.ids(order);
        self.fact(channel::Fact::Unknown { order, instruction });
    }

    /// New money under a new number of the institution.
    pub(in super::super) fn paid(&mut self, order: u16, money: Money) {
        *self.receipts.entry(order).or_default() += 1;
        self.paid_again(order, money);
    }

    /// The latest receipt, told once more.
    pub(in super::super) fn paid_again(&mut self, number: u16, money: Money) {
        let receipt = self.receipts.get(&number).copied().unwrap_or_default();
        let (order, instruction) = self.ids(number);
        self.fact(channel::Fact::Paid {
            order,
            instruction,
            channel_account: "sandbox".into(),
            money,
            receipt,
            channel_no: format!("{number}-{receipt}"),
        });
    }

    /// Exactly what was asked.
    pub(in super::super) fn paid_exactly(&mut self, order: u16) {
        self.paid(order, self.orders[&order].money);
    }

    pub(in super::super) fn refused(&mut self, order: u16) {
        let (order, instruction) = self.ids(order);
        self.fact(channel::Fact::NotPaid { order, instruction, code: "do_not_honor".into(), closed: false });
    }

    pub(in super::super) fn closed(&mut self, order: u16) {
        let (order, instruction) = self.ids(order);
        self.fact(channel::Fact::NotPaid { order, instruction, code: "closed".into(), closed: true });
    }

    pub(in super::super) fn silent(&mut self, order: u16) {
        let purpose = self.orders[&order].purpose.clone();
        self.fact(channel::Fact::Silent { order: OrderId::new(trade(), order), purpose });
    }

    pub(in super::super) fn suspect(&mut self, order: u16) {
        let purpose = self.orders[&order].purpose.clone();
        let channel_no = "x".to_owned();
        self.fact(channel::Fact::Suspect { order: OrderId::new(trade(), order), purpose, channel_no });
    }

    pub(in super::super) fn refunded(&mut self, order: u16) {
        let amount = self.orders[&order].money.amount;
        let (order, part) = self.part(order);
        self.fact(channel::Fact::Refunded { order, part, amount });
    }

    pub(in super::super) fn refund_failed(&mut self, order: u16, other_way: bool) {
        let (order, part) = self.part(order);
        self.fact(channel::Fact::RefundFailed { order, part, code: "account_closed".into(), other_way });
    }

    pub(in super::super) fn refund_returned(&mut self, order: u16) {
        let (order, part) = self.part(order);
        self.fact(channel::Fact::RefundReturned { order, part, code: "account_closed".into() });
    }

    /// So much of what an order brought is disputed under a number.
    pub(in super::super) fn disputed(&mut self, order: u16, number: &str, minor: i64) {
        let (order, instruction) = self.ids(order);
        self.fact(channel::Fact::Disputed {
            order,
            instruction,
            number: number.into(),
            money: money(minor),
            reason: Some("fraudulent".into()),
            respond_by: Some(self.now.plus(7 * 86_400 * SECOND)),
        });
    }

    pub(in super::super) fn dispute_won(&mut self, order: u16, number: &str) {
        let (order, instruction) = self.ids(order);
        self.fact(channel::Fact::DisputeWon { order, instruction, number: number.into() });
    }

    pub(in super::super) fn dispute_lost(&mut self, order: u16, number: &str, minor: i64) {
        let (order, instruction) = self.ids(order);
        self.fact(channel::Fact::DisputeLost { order, instruction, number: number.into(), money: money(minor) });
    }

    /// A fact is never refused.
    pub(in super::super) fn fact(&mut self, fact: channel::Fact) {
        self.tell(Input::Channel(fact)).expect("a fact is never refused");
    }
}
