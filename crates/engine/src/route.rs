//! Which line a request goes to.
//!
//! A request is decided where its rows live: in the shard of the bucket that its root id carries, or of the owner whose
//! money it moves. So a payment never leaves its buyer's shard, and the same request asked again comes to the same line.
//! What belongs to nobody goes to the first shard.

use std::sync::Arc;

use kernel::{Bucket, Owner, Shards, Time};

use crate::line::Job;
use crate::queue::{Entrance, Exit, Figures, Laid, Reason, Refusal, Stage, Terms, queue};
use crate::request::Command;

impl Command {
    /// The bucket in which it happens; `None` where it belongs to nobody.
    pub fn bucket(&self) -> Option<Bucket> {
        match self {
            Self::CreateTrade(create) => Some(create.id.0.bucket()),
            Self::Trade(trade, _) | Self::Timer(trade, _) => Some(trade.0.bucket()),
            Self::CancelPayment(payment) => Some(payment.trade.0.bucket()),
            Self::Case { case, .. } => Some(case.trade.0.bucket()),
            Self::IssueCoupon(issue) => Some(issue.id.0.bucket()),
            Self::ExpireCoupon(coupon) => Some(coupon.0.bucket()),
            Self::IssueGift(issue) => Some(issue.id.0.bucket()),
            Self::ClaimGift { gift, .. } | Self::ExpireGift(gift) => Some(gift.0.bucket()),
            Self::OpenCredit { user, .. } => Some(Owner::User(user.clone()).bucket()),
            Self::ChangeCredit { line, .. } | Self::BillCredit(line) => Some(line.0.bucket()),
            Self::ExpireBill(bill) => Some(bill.line.0.bucket()),
            Self::GrantPoints(grant) => Some(grant.id.0.bucket()),
            Self::ReversePoints { grant, .. } => Some(grant.0.bucket()),
            Self::Fund { owner, .. } | Self::FundBudget { owner, .. } => Some(owner.bucket()),
            Self::Word(told) => Some(told.order.trade.0.bucket()),
            Self::Control(_) | Self::Recall(_) | Self::Arrive(_) | Self::CleanCounter { .. } => None,
        }
    }

    /// The shard whose line decides it.
    pub fn shard(&self, shards: Shards) -> i64 {
        match self {
            Self::Arrive(arrival) => arrival.to,
            Self::CleanCounter { shard, .. } => *shard,
            other => other.bucket().map_or(Shards::FIRST, |bucket| shards.of(bucket)),
        }
    }
}

/// The ways into the queues of all lines, one per shard, in order; none where a line is alone and hands nothing over.
/// Clones share them.
#[derive(Clone)]
pub struct Queues {
    shards: Shards,
    queues: Arc<[Entrance]>,
}

impl Default for Queues {
    fn default() -> Self {
        Self { shards: Shards::ONE, queues: Arc::new([]) }
    }
}

impl Queues {
    /// A queue on these terms for each shard, and the ways out of them.
    pub fn new(shards: Shards, terms: Terms) -> (Self, Vec<Exit>) {
        let (queues, exits): (Vec<_>, Vec<_>) = shards.all().map(|_| queue(terms)).unzip();
        (Self { shards, queues: queues.into() }, exits)
    }

    /// The queue of the only shard.
    pub fn one(queue: Entrance) -> Self {
        Self { shards: Shards::ONE, queues: Arc::new([queue]) }
    }

    /// How many shards there are.
    pub fn shards(&self) -> Shards {
        self.shards
    }

    /// The queue of a shard; `None` where there is no such shard.
    pub fn of(&self, shard: i64) -> Option<&Entrance> {
        self.queues.get(usize::try_from(shard).ok()?)
    }

    /// Whether a request would be let in now. Asked before its body is read, so that a refusal costs next to nothing.
    ///
    /// Only the body says which line it goes to, so it is refused here only where no line would take it. Where its own
    /// would not, [`lay`](Self::lay) says so when the body is there. It counts as refused by the line that would be the
    /// first to take it.
    ///
    /// # Errors
    /// Why not, and when to come back.
    pub fn admits(&self, stage: Stage, now: Time) -> Result<(), Refusal> {
        let mut first: Option<(u16, &Entrance)> = None;
        for queue in self.queues.iter() {
            let Err(refusal) = queue.would_admit(stage, now) else { return Ok(()) };
            if first.is_none_or(|(earliest, _)| refusal.retry_after_s < earliest) {
                first = Some((refusal.retry_after_s, queue));
            }
        }
        first.map_or(Err(NOBODY), |(_, queue)| queue.admits(stage, now))
    }

    /// Lays a request with a body of so many bytes into the queue of the shard that decides it.
    ///
    /// # Errors
    /// Why that line does not let it in, and when to come back; its caller's end of the reply is let go.
    pub fn lay(&self, stage: Stage, job: Job, bytes: usize, now: Time) -> Result<(), Refusal> {
        let queue = self.of(job.request.command.shard(self.shards)).ok_or(NOBODY)?;
        queue.lay(stage, job, bytes, now)
    }

    /// Gives a request to another shard's line, as what it was laid into this one's, or tells its caller why not.
    pub(crate) fn hand_over(&self, shard: i64, laid: Laid, now: Time) {
        match self.of(shard) {
            Some(queue) => queue.take_over(laid, now),
            None => laid.refuse(NOBODY),
        }
    }

    /// Answers those in all of them whose deadline has passed, while the lines are busy with something else.
    pub fn sweep(&self, now: Time) {
        for queue in self.queues.iter() {
            queue.sweep(now);
        }
    }

    /// Lets nobody into any of them any more. What waits is still decided.
    pub fn close(&self) {
        for queue in self.queues.iter() {
            queue.close();
        }
    }

    /// What has happened so far in all of them together.
    pub fn figures(&self) -> Figures {
        self.queues.iter().fold(Figures::default(), |sum, queue| sum.and(&queue.figures()))
    }
}

/// There is no such line.
const NOBODY: Refusal = Refusal { reason: Reason::Closed, retry_after_s: 5 };

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use futures::channel::oneshot;
    use kernel::time::SECOND_US;
    use kernel::{Amount, Code, Currency, Money, Problem, UserId};

    use super::*;
    use crate::line::Reply;
    use crate::ports::Clock;
    use crate::queue::Both;
    use crate::request::Request;

    const TWO: i64 = 2;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Time {
            NOW
        }
    }

    const NOW: Time = Time::from_micros(1_000_000);

    fn town(places: usize) -> (Queues, Vec<Exit>) {
        Queues::new(Shards::new(TWO).unwrap(), Terms::of_places(places))
    }

    /// A user who lives in that shard.
    fn owner(of: i64) -> Owner {
        let users = (0..).map(|n| Owner::User(UserId::parse(&format!("u{n}")).unwrap()));
        users.into_iter().find(|user| Shards::new(TWO).unwrap().of(user.bucket()) == of).unwrap()
    }

    type Answer = oneshot::Receiver<Result<Reply, Problem>>;

    /// A request that goes to that shard.
    fn job(shard: i64) -> (Job, Answer) {
        let (reply, answer) = oneshot::channel();
        let money = Money { amount: Amount::new(1).unwrap(), currency: Currency::parse("CNY").unwrap() };
        let command = Command::Fund { owner: owner(shard), money };
        let request = Request::of_system("r", command);
        (Job { request, deadline: NOW.plus(SECOND_US), reply }, answer)
    }

    /// What waits at the way out of a shard.
    fn take(exit: &mut Exit) -> Vec<Laid> {
        exit.take(8, &Still).now_or_never().flatten().map(|taken| taken.jobs).unwrap_or_default()
    }

    fn code(mut answer: Answer) -> Option<Code> {
        answer.try_recv().ok()??.err().map(|problem| problem.code)
    }

    #[test]
    fn a_request_is_laid_before_the_line_of_its_shard() {
        let (queues, mut exits) = town(8);
        queues.lay(Stage::New, job(1).0, 0, NOW).unwrap();
        assert_eq!((take(&mut exits[0]).len(), take(&mut exits[1]).len()), (0, 1));
    }

    #[test]
    fn who_may_go_elsewhere_is_refused_only_where_nobody_would_take_it() {
        let (queues, mut exits) = town(1);
        queues.lay(Stage::New, job(0).0, 0, NOW).unwrap();
        assert_eq!(queues.lay(Stage::New, job(0).0, 0, NOW).unwrap_err().reason, Reason::Full);
        assert!(queues.admits(Stage::New, NOW).is_ok(), "the other one has a place");
        assert_eq!(queues.figures().full.new, 1, "and nobody was refused but the one");
        queues.lay(Stage::New, job(1).0, 0, NOW).unwrap();
        assert_eq!(queues.admits(Stage::New, NOW).unwrap_err().reason, Reason::Full);
        let figures = queues.figures();
        assert_eq!((figures.waiting.new, figures.full.new), (2, 2), "refused once, not once per line");
        take(&mut exits[1]);
        assert!(queues.admits(Stage::New, NOW).is_ok());
        queues.close();
        assert_eq!(queues.admits(Stage::New, NOW).unwrap_err().reason, Reason::Closed);
        assert_eq!(Queues::default().admits(Stage::New, NOW).unwrap_err().reason, Reason::Closed);
    }

    #[test]
    fn what_is_handed_over_stays_what_it_was() {
        let (queues, mut exits) = town(4);
        queues.lay(Stage::Begun, job(0).0, 100, NOW).unwrap();
        queues.lay(Stage::New, job(0).0, 7, NOW).unwrap();
        let bytes = queues.figures().bytes;
        for laid in take(&mut exits[0]) {
            queues.hand_over(1, laid, NOW);
        }
        let figures = queues.figures();
        assert_eq!((figures.waiting, figures.bytes), (Both { new: 1, begun: 1 }, bytes));
        assert_eq!(take(&mut exits[1]).len(), 2);
    }

    #[test]
    fn who_is_not_let_in_elsewhere_is_told() {
        let (queues, mut exits) = town(1);
        let ((mine, answer), (again, told)) = (job(0), job(0));
        queues.lay(Stage::New, mine, 0, NOW).unwrap();
        queues.lay(Stage::New, job(1).0, 0, NOW).unwrap();
        take(&mut exits[0]).into_iter().for_each(|laid| queues.hand_over(1, laid, NOW));
        assert_eq!(code(answer), Some(Code::overloaded));
        queues.lay(Stage::New, again, 0, NOW).unwrap();
        take(&mut exits[0]).into_iter().for_each(|laid| queues.hand_over(9, laid, NOW));
        assert_eq!(code(told), Some(Code::draining), "there is no such line");
    }
}
