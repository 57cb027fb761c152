//! Timers are a function of the state: what is listed here should be waiting, whatever else should not.

use kernel::Time;
use kernel::message::trade::Command;

use crate::{Status, Trade};

/// What a trade waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKind {
    /// Its time to be paid ends, or that of the due which ends first.
    Expire,
    /// Its escrow is released without a word from the merchant.
    Confirm,
}

impl TimerKind {
    /// Every kind there is.
    pub const ALL: [Self; 2] = [Self::Expire, Self::Confirm];

    /// The word in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expire => "trade.expire",
            Self::Confirm => "trade.confirm",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// What the trade is told when the time has come.
    pub const fn command(self) -> Command {
        match self {
            Self::Expire => Command::Expire,
            Self::Confirm => Command::ConfirmByTime,
        }
    }
}

/// Something that is due at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// What.
    pub kind: TimerKind,
    /// Of which numbered child; 0 is the trade itself.
    pub no: u16,
    /// When; in the past means at once.
    pub due: Time,
}

impl Timer {
    const fn of_trade(kind: TimerKind, due: Time) -> Self {
        Self { kind, no: 0, due }
    }
}

impl Trade {
    /// What the trade waits for. The confirm timer stands only while something can be released: it is gone when refunds
    /// under way reserve all of the escrow, and back (perhaps overdue) when one of them fails.
    pub fn timers(&self) -> Vec<Timer> {
        match self.status {
            // What pays itself does not wait for anybody who pays; what its parent pays ends with that.
            Status::Created if self.context.order_type.pays_itself() || self.parent.is_some() => Vec::new(),
            Status::Created => vec![Timer::of_trade(TimerKind::Expire, self.ends_at())],
            Status::Paid if self.confirmable_amount() > 0 => {
                self.confirm_by.map(|due| Timer::of_trade(TimerKind::Confirm, due)).into_iter().collect()
            }
            Status::Closing(_) | Status::Paid | Status::Completed | Status::Closed(_) => Vec::new(),
        }
    }
}
