//! The one who asks: how many questions at a time, and what comes back to the line.

use std::collections::VecDeque;
use std::sync::Mutex;

use futures::channel::oneshot;
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt as _;
use kernel::message::payment::{Pay, Tool, ToolRequest};
use kernel::message::risk::Signals;
use kernel::message::rules::TradeTerms;
use kernel::message::trade::{Create, LateSuccess};
use kernel::time::SECOND_US;
use kernel::{
    Amount, Bucket, Context, Currency, MerchantId, Money, OrderType, Owner, RootId, Shards, SubType, TradeId, UserId,
};
use trade::Trade;

use super::*;
use crate::line::Job;
use crate::queue::{Exit, Stage, Terms};
use crate::request::{Command, Request};

const NOW: Time = Time::from_micros(1_000_000_000_000);
const SECRET: &str = "whsec_cmlzay1zZXJ2aWNlLW9mLWEtdGVzdA==";

struct Still;

impl Clock for Still {
    fn now(&self) -> Time {
        NOW
    }
}

/// What a question is answered with, once the test says so.
type Answer = oneshot::Sender<Result<&'static str, NoAnswer>>;

/// A service that answers when the test says so, signed, about the question of these headers.
#[derive(Default)]
struct Service(Mutex<VecDeque<Answer>>);

impl RiskService for Service {
    fn ask(&self, headers: Vec<(&'static str, String)>, _: String) -> BoxFuture<'static, Result<Incoming, NoAnswer>> {
        let (answer, said) = oneshot::channel();
        self.0.lock().unwrap().push_back(answer);
        let id = headers[0].1.clone();
        async move {
            let body = said.await.unwrap_or(Err(NoAnswer::Broken))?;
            let headers = signed::headers(SECRET, id, NOW, body.as_bytes()).unwrap();
            let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            Ok(Incoming { status: 200, headers, body: body.as_bytes().to_vec() })
        }
        .boxed()
    }
}

fn root(number: u128) -> RootId {
    RootId::new(NOW, Bucket::of("user:42"), number)
}

fn question() -> Box<Question> {
    let money = Money { amount: Amount::new(100).unwrap(), currency: Currency::parse("CNY").unwrap() };
    let context =
        Context { merchant: MerchantId(root(1)), order_type: OrderType::Instant, sub_type: SubType::general() };
    let payer = Owner::User(UserId::parse("42").unwrap());
    let create = Create {
        id: TradeId(root(2)),
        context: context.clone(),
        merchant_order_id: "A1".to_owned(),
        money,
        payer: payer.clone(),
        subject: None,
        expires_at: None,
        confirm_by: None,
        return_url: None,
        metadata: Default::default(),
        splits: Vec::new(),
        late_success: None,
        dues: Vec::new(),
        unpaid_due: None,
        destination: None,
        children: Vec::new(),
        parent: None,
        pay: None,
    };
    let known = trade::Known { now: NOW, terms: TradeTerms::default(), away: None };
    let (trade, _) = Trade::create(&create, &known).unwrap();
    let tools = vec![ToolRequest { tool: Tool::Balance, amount: money.amount }];
    let (late_success, expires_at) = (LateSuccess::Refund, NOW.plus(SECOND_US));
    let (receivers, destination) = (Vec::new(), None);
    let pay = Pay { context, due: 1, money, payer, expires_at, receivers, late_success, tools, destination };
    Box::new(Question::new(&trade, &pay, 1, &Signals::default()))
}

struct Town {
    pool: LocalPool,
    service: Arc<Service>,
    inquiries: Inquiries,
    queues: Queues,
    exit: Exit,
}

impl Town {
    fn new(calls: usize) -> Self {
        let (queues, mut exits) = Queues::new(Shards::ONE, Terms::of_places(64));
        let service = Arc::new(Service::default());
        let (asker, inquiries) = Asker::new(Setup {
            service: Arc::<Service>::clone(&service),
            secret: SECRET.to_owned(),
            calls,
            queues: queues.clone(),
            clock: Arc::new(Still),
        });
        let pool = LocalPool::new();
        pool.spawner().spawn_local(asker.run()).unwrap();
        Self { pool, service, inquiries, queues, exit: exits.remove(0) }
    }

    /// A line that takes a request and wants it asked about.
    fn want(&mut self, request_id: &str) {
        let (reply, _) = oneshot::channel();
        let request =
            Request::of_system(request_id, Command::Recall(kernel::Problem::new(kernel::Code::not_found, "")));
        self.queues.lay(Stage::New, Job { request, deadline: NOW.plus(SECOND_US), reply }, 0, NOW).unwrap();
        for laid in self.taken() {
            self.inquiries.take(laid, question(), Shards::FIRST, &self.queues, NOW);
        }
        self.pool.run_until_stalled();
    }

    /// The next question is answered so.
    fn answer(&mut self, answer: Result<&'static str, NoAnswer>) {
        let next = self.service.0.lock().unwrap().pop_front().unwrap();
        next.send(answer).unwrap();
        self.pool.run_until_stalled();
    }

    fn taken(&mut self) -> Vec<Laid> {
        let taken = self.exit.take(64, &Still).now_or_never().flatten();
        taken.map(|taken| taken.jobs).unwrap_or_default()
    }

    /// What has come back to the line, and what was heard.
    fn back(&mut self) -> Vec<(String, Heard)> {
        let heard = |laid: Laid| (laid.job.request.request_id, laid.job.request.assessment.unwrap().heard);
        self.taken().into_iter().map(heard).collect()
    }
}

#[test]
fn so_many_are_asked_at_a_time() {
    let mut town = Town::new(2);
    for name in ["a", "b", "c"] {
        town.want(name);
    }
    assert_eq!(town.back(), [("c".to_owned(), Heard::Busy)], "who finds no place is back at once");
    town.answer(Ok(r#"{"verdict":"pass"}"#));
    town.answer(Err(NoAnswer::Timeout));
    assert_eq!(town.back(), [("a".to_owned(), Heard::Pass), ("b".to_owned(), Heard::Late)]);
    town.want("d");
    town.answer(Ok(r#"{"verdict":"refuse"}"#));
    assert_eq!(town.back(), [("d".to_owned(), Heard::Refuse)], "there is a place again");
}

#[test]
fn one_that_fails_too_often_is_not_asked() {
    let mut town = Town::new(8);
    let (late, away, broken) = (NoAnswer::Timeout, NoAnswer::Unreachable, NoAnswer::Broken);
    for (failure, heard) in [
        (late, Heard::Late),
        (away, Heard::Unreachable),
        (broken, Heard::Wrong),
        (late, Heard::Late),
        (away, Heard::Unreachable),
    ] {
        town.want("a");
        town.answer(Err(failure));
        assert_eq!(town.back(), [("a".to_owned(), heard)]);
    }
    town.want("next");
    assert_eq!(town.back(), [("next".to_owned(), Heard::BreakerOpen)]);
    assert!(town.service.0.lock().unwrap().is_empty(), "nobody was asked");
}

#[test]
fn where_there_is_none_nobody_waits() {
    let mut town = Town::new(1);
    town.inquiries = Inquiries::default();
    town.want("a");
    assert_eq!(town.back(), [("a".to_owned(), Heard::NotConfigured)]);
}
