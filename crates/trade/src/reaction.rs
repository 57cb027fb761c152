//! What the rest of the platform is told when something happened to a trade.

use kernel::TradeId;
use kernel::message::accounting::Post;
use kernel::message::payment;
use kernel::message::trade::OfParent;

/// A message to a lower domain, or to another trade of the same domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// To the payment core, for this trade. Its refusal refuses the whole request.
    Payment(payment::Command),
    /// To accounting, which gives no answer: escrow covers whatever a trade releases.
    Post(Post),
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
