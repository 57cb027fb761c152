//! What the rest of the platform is told when something happened to a trade.

use kernel::message::accounting::{Post, Way};
use kernel::message::payment;
use kernel::message::trade::OfParent;
use kernel::{Money, Owner, TradeId};

/// A message to a lower domain, or to another trade of the same domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// To the payment core, for this trade. Its refusal refuses the whole request.
    Payment(payment::Command),
    /// To accounting, which gives no answer: escrow covers whatever a trade releases.
    Post(Post),
    /// To another shard, which will say what became of it.
    Send {
        /// What is booked here; escrow covers it.
        post: Post,
        /// Whom it goes to.
        payee: Owner,
        /// How much.
        money: Money,
        /// The way there.
        way: Way,
    },
    /// To a trade that this one pays. Never refused.
    Child(TradeId, OfParent),
}

/// A public event of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    /// The wire's event type, as `trade.paid`.
    pub kind: &'static str,
    /// Its number among this trade's public events, gapless from 1.
    pub sequence: i64,
}

/// Everything that follows from one input, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reaction {
    /// For the lower domains.
    pub messages: Vec<Message>,
    /// For the log.
    pub news: Vec<News>,
}

impl Reaction {
    pub(crate) fn extend(&mut self, later: Self) {
        self.messages.extend(later.messages);
        self.news.extend(later.news);
    }
}
