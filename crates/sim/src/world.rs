//! One run, from plan to verdict.

use std::sync::Arc;

use engine::channels::Channels;
use engine::control::Control;
use engine::line::{Job, Reply};
use engine::ports::Clock as _;
use engine::request::{Caller, Command, ControlCommand, Request};
use engine::work::Gateway;
use futures::FutureExt as _;
use futures::channel::oneshot;
use futures::executor::{LocalPool, block_on};
use kernel::time::{HOUR_US, MINUTE_US, SECOND_US};
use kernel::{Bucket, CaseId, Code, EndpointId, KeyId, MerchantId, Problem, RootId, Time};
use store::tables::work::{PARKED_DUE, TASKS_DUE};
use store::{Cell, Store, StoreError};

use crate::callers::Callers;
use crate::clock::VirtualClock;
use crate::disk;
use crate::institution::{self, Institution};
use crate::mishap::Mishaps;
use crate::node::{Ground, Node};
use crate::oracle::{self, Seen};
use crate::plan::{Act, Plan, What};
use crate::planted::Planted;
use crate::planted::door;
use crate::planted::wire::CrookedAdapter;
use crate::post::Post;
use crate::rng::Rng;
use crate::wire::Wire;

/// How often callers ask again in the end before they give up.
const PATIENCE: usize = 60;
/// Acts between two looks at the sums.
const BETWEEN_LOOKS: usize = 8;
/// Most moments of one run.
const MAX_MOMENTS: usize = 200_000;
/// Looks of workers after everything else.
const LAST_LOOKS: usize = 12;
/// The longest time for which looks at tasks that do not move are put off, in microseconds.
const MAX_LAG_US: i64 = 10 * MINUTE_US;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What must not be, in words; empty when all is well. A run ends with its first.
    pub findings: Vec<String>,
    /// A hash of everything that was answered, in order.
    pub trace: [u8; 32],
    /// How many payments there were.
    pub payments: usize,
    /// How many batches were committed.
    pub batches: i64,
}

/// What an answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// That of the act.
    Own,
    /// The refusal of a key that was used for another body.
    Reused,
    /// That there is no such thing.
    NotThere,
}

/// A request under way.
struct Open {
    act: u32,
    expect: Expect,
    answer: oneshot::Receiver<Result<Reply, Problem>>,
}

struct World {
    pool: LocalPool,
    ground: Ground,
    mishaps: Mishaps,
    institution: Institution,
    post: Post,
    nodes: Vec<Node>,
    callers: Callers,
    planted: Option<Planted>,
    open: Vec<Open>,
    seen: Seen,
    /// Drawn from for what the plan leaves open.
    rng: Rng,
    trace: blake3::Hasher,
    findings: Vec<String>,
    moments: usize,
    /// The first task that was due at the last look, and how long looks are put off because it does not move.
    stuck: (Option<i64>, i64),
}

/// Plays a plan, with a planted bug or without.
///
/// # Errors
/// When the world itself cannot be built; never because of what happens in it.
pub fn play(plan: &Plan, planted: Option<Planted>) -> Result<Verdict, String> {
    let mut world = World::new(plan, planted)?;
    world.safety(plan)?;
    if world.findings.is_empty() {
        world.heal()?;
    }
    if world.findings.is_empty() {
        world.judge()?;
    }
    world.verdict()
}

impl World {
    fn new(plan: &Plan, planted: Option<Planted>) -> Result<Self, String> {
        let stream = |stream| Rng::new(plan.seed, stream);
        let pool = LocalPool::new();
        let clock = VirtualClock::new();
        let (mishaps, institution) = (Mishaps::default(), Institution::new());
        let adapter = CrookedAdapter::new(planted);
        let profile = channel::Adapter::profile(&adapter);
        let registry = channel::Registry::live().with(adapter);
        let gateway = Arc::new(Gateway::new(registry).with("sandbox", institution::account()));
        let channels = Arc::new(Channels::new([(institution::NAME.to_owned(), profile)].into()));
        let wire = Wire::new(institution.clone(), clock.clone(), mishaps.clone(), stream(2), planted);
        let post = Post::new(institution.clone(), Arc::clone(&gateway), mishaps.clone(), stream(3));
        let ground = Ground {
            store: Store::in_memory(1).map_err(|error| format!("{error}: {}", error.detail()))?,
            clock,
            control: Control::default(),
            channels,
            gateway,
            wire,
            spawner: pool.spawner(),
            leases: plan.leases,
            listens: plan.listens,
        };
        let now = ground.clock.now();
        let merchants = [1, 2].map(|number| MerchantId(RootId::new(now, Bucket::of("m"), number)));
        let mut world = Self {
            pool,
            ground,
            mishaps,
            institution,
            post,
            nodes: Vec::new(),
            callers: Callers::new(plan.seed, merchants),
            planted: None,
            open: Vec::new(),
            seen: Seen::default(),
            rng: stream(4),
            trace: blake3::Hasher::new(),
            findings: Vec::new(),
            moments: 0,
            stuck: (None, 0),
        };
        world.begin(merchants)?;
        world.planted = planted;
        world.nodes = (0..2).map(|node| world.start(node)).collect::<Result<_, _>>()?;
        Ok(world)
    }

    fn start(&self, node: usize) -> Result<Node, String> {
        let disk = disk::Ground {
            node,
            clock: self.ground.clock.clone(),
            mishaps: self.mishaps.clone(),
            rng: self.rng.clone(),
            planted: self.planted,
        };
        Node::start(disk, &self.ground)
    }

    /// The store is born and has its merchants, before anything goes wrong.
    fn begin(&mut self, merchants: [MerchantId; 2]) -> Result<(), String> {
        let midwife = self.start(0)?;
        let key = KeyId(RootId::new(self.now(), Bucket::of("platform"), 3));
        let bootstrap = ControlCommand::Bootstrap { salt: [7; 32], key, hash: [8; 32] };
        let shops = merchants.map(|id| ControlCommand::CreateMerchant { id, name: "shop".to_owned() });
        let ear = ControlCommand::CreateEndpoint {
            id: EndpointId(RootId::new(self.now(), Bucket::of("platform"), 4)),
            merchant: None,
            url: "https://shop.example/hooks".to_owned(),
            types: Vec::new(),
            secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
        };
        let ear = self.ground.listens.then_some(ear);
        for command in std::iter::once(bootstrap).chain(shops).chain(ear) {
            let command = Command::Control(command);
            let request = Request { caller: Caller::System, idempotency: None, request_id: "b".to_owned(), command };
            let (reply, mut answer) = oneshot::channel();
            midwife.submit(Job { request, deadline: self.now().plus(MINUTE_US), reply });
            self.advance(SECOND_US)?;
            match answer.try_recv() {
                Ok(Some(Ok(_))) => {}
                other => return Err(format!("the world could not begin: {other:?}")),
            }
        }
        midwife.end();
        let control = block_on(Control::load(&*self.ground.store.reader(), 0));
        self.ground.control = control.map_err(|error| error.detail().to_owned())?;
        Ok(())
    }

    fn now(&self) -> Time {
        self.ground.clock.now()
    }

    /// The plan is played.
    fn safety(&mut self, plan: &Plan) -> Result<(), String> {
        for (place, act) in plan.acts.iter().enumerate() {
            self.advance(i64::from(act.wait_ms) * 1_000)?;
            self.perform(act)?;
            if place % BETWEEN_LOOKS == 0 {
                self.findings.extend(oracle::sums(&self.ground.store)?);
            }
            if !self.findings.is_empty() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn perform(&mut self, act: &Act) -> Result<(), String> {
        let node = act.node;
        match &act.what {
            What::Crash => self.crash(node)?,
            What::Store(fault) => self.mishaps.arm_store(node, *fault),
            What::Wire(fault) => self.mishaps.arm_wire(*fault),
            What::Post(fault) => self.mishaps.arm_post(*fault),
            What::Verify => self.findings.extend(oracle::invariants(&self.ground.store, None)?),
            What::Read { act } => self.read(*act, node)?,
            What::Repeat { act, other: false } => {
                let again = self.callers.asked.get(act).map(|asked| asked.request.clone());
                self.submit_if(again, *act, node, Expect::Own);
            }
            // Before the first is known to have arrived, either may be the first.
            What::Repeat { act, other: true } if self.is_told(*act) => {
                let altered = self.callers.altered(*act);
                self.submit_if(altered, *act, node, Expect::Reused);
            }
            What::Repeat { .. } => {}
            What::Trespass { act } => {
                let foreign = self.callers.trespass(*act);
                self.submit_if(foreign, *act, node, Expect::NotThere);
            }
            What::Resolve { sale, way } => {
                let case = self.callers.create(*sale).map(|create| create.id);
                if let Some(case) = case.map(|trade| oracle::first_open_case(&self.ground.store, trade)).transpose()? {
                    self.resolve(act.no, case, *way, node);
                }
            }
            _ => {
                let request = self.callers.ask(act, self.now());
                self.submit_if(request, act.no, node, Expect::Own);
            }
        }
        Ok(())
    }

    fn resolve(&mut self, act: u32, case: Option<CaseId>, way: u8, node: usize) {
        let request = case.map(|case| self.callers.resolve(act, case, way));
        self.submit_if(request, act, node, Expect::Own);
    }

    /// No more faults: whatever a caller does not know is asked again until it is answered. Then two days pass, with
    /// people at work after the first.
    fn heal(&mut self) -> Result<(), String> {
        self.mishaps.heal();
        self.ground.wire.heal();
        for node in 0..self.nodes.len() {
            self.crash(node)?;
        }
        self.ask_until_told()?;
        for round in 0_u32..2 {
            self.advance(12 * HOUR_US)?;
            for (place, case) in (0_u32..).zip(oracle::open_cases(&self.ground.store)?) {
                let way = u8::try_from(self.rng.below(4)).unwrap_or(0);
                self.resolve(1_000_000 * (round + 1) + place, Some(case), way, 0);
            }
            self.ask_until_told()?;
            self.advance(12 * HOUR_US)?;
            if !self.findings.is_empty() {
                return Ok(());
            }
        }
        self.last_looks()
    }

    /// Workers look once more at what the other node has left them, whether there is something to find or not.
    fn last_looks(&mut self) -> Result<(), String> {
        for _ in 0..LAST_LOOKS {
            if let Some(nap) = self.ground.clock.next_nap() {
                self.advance(nap.since(self.now()))?;
            }
        }
        self.advance(MINUTE_US)
    }

    fn ask_until_told(&mut self) -> Result<(), String> {
        for _ in 0..PATIENCE {
            self.advance(SECOND_US)?;
            let unknown: Vec<u32> =
                self.callers.asked.iter().filter(|(_, asked)| asked.told.is_none()).map(|(act, _)| *act).collect();
            if unknown.is_empty() || !self.findings.is_empty() {
                return Ok(());
            }
            for act in unknown {
                let again = self.callers.asked.get(&act).map(|asked| asked.request.clone());
                let node = usize::try_from(self.rng.below(2)).unwrap_or(0);
                self.submit_if(again, act, node, Expect::Own);
            }
        }
        self.findings.push("an operation was never answered".to_owned());
        Ok(())
    }

    /// Everything that must hold in the end.
    fn judge(&mut self) -> Result<(), String> {
        let now = self.now();
        let Some(node) = self.nodes.first() else { return Ok(()) };
        self.findings.extend(oracle::invariants(&self.ground.store, Some(now))?);
        if self.findings.is_empty() {
            let scene = oracle::Scene {
                store: &self.ground.store,
                queries: &node.queries,
                callers: &self.callers,
                seen: &self.seen,
                institution: self.institution.records(),
                heard: self.ground.listens.then(|| self.ground.wire.heard()),
                salt: self.ground.control.salt,
                now,
            };
            self.findings.extend(scene.differences()?);
        }
        Ok(())
    }

    fn verdict(mut self) -> Result<Verdict, String> {
        let (payments, head) = oracle::payments_and_head(&self.ground.store)?;
        self.trace.update(&head.hash).update(&head.seq.to_le_bytes());
        for finding in &self.findings {
            self.trace.update(finding.as_bytes());
        }
        Ok(Verdict { findings: self.findings, trace: *self.trace.finalize().as_bytes(), payments, batches: head.seq })
    }

    fn is_told(&self, act: u32) -> bool {
        self.callers.asked.get(&act).is_some_and(|asked| asked.told.is_some())
    }

    /// Asks a node. A full queue is a refusal that the caller does not take for an answer.
    fn submit_if(&mut self, request: Option<Request>, act: u32, node: usize, expect: Expect) {
        let Some(request) = request else { return };
        let request = door::asked(self.planted, request);
        let (reply, answer) = oneshot::channel();
        let deadline = self.now().plus(MINUTE_US);
        if self.nodes.get(node).is_some_and(|node| node.submit(Job { request, deadline, reply })) {
            self.open.push(Open { act, expect, answer });
        }
    }

    fn crash(&mut self, node: usize) -> Result<(), String> {
        let ground = self.ground.clone();
        self.nodes.get_mut(node).map_or(Ok(()), |node| node.crash(&ground))
    }

    /// Reads what an act made: it shows at least what was told before.
    fn read(&mut self, act: u32, node: usize) -> Result<(), String> {
        let Some(trade) = self.callers.create(act).map(|create| create.id) else { return Ok(()) };
        let Some(node) = self.nodes.get(node) else { return Ok(()) };
        // The store answers at once or not at all.
        let Some(Ok(found)) = node.queries.trade(trade).now_or_never() else { return Ok(()) };
        let body = found.map(|found| found.body);
        self.trace.update(body.as_deref().unwrap_or("nothing").as_bytes());
        self.findings.extend(self.seen.read(&trade.to_string(), body.as_deref()));
        Ok(())
    }

    /// Lets time pass, moment by moment.
    fn advance(&mut self, micros: i64) -> Result<(), String> {
        let to = self.now().plus(micros);
        self.settle()?;
        while let Some(next) = self.next_moment(to)? {
            self.moments += 1;
            if self.moments > MAX_MOMENTS {
                return Err("the world does not come to rest".to_owned());
            }
            self.ground.clock.advance(next);
            self.settle()?;
        }
        self.ground.clock.advance(to);
        self.settle()
    }

    /// Everybody does what can be done at this moment.
    fn settle(&mut self) -> Result<(), String> {
        loop {
            let now = self.now();
            for (number, letter) in self.institution.work(now) {
                self.post.take(&number, &letter, now);
            }
            let (nodes, rng) = (&self.nodes, &self.rng);
            let any = self.post.deliver(now, |job| {
                let node = usize::try_from(rng.below(2)).unwrap_or(0);
                nodes.get(node).is_some_and(|node| node.submit(job))
            });
            self.pool.run_until_stalled();
            self.post.acknowledge(now);
            self.hear()?;
            self.nurse()?;
            if !any {
                return Ok(());
            }
        }
    }

    /// The next moment until `to` at which something happens. A look of a worker is one only if there is something to
    /// find, and less and less often if that does not go away.
    fn next_moment(&mut self, to: Time) -> Result<Option<Time>, String> {
        let sure = [self.ground.clock.next_alarm(), self.institution.next_due(), self.post.next_due()];
        let sure = sure.into_iter().flatten().min();
        let nap = self.ground.clock.next_nap().filter(|nap| sure.is_none_or(|sure| *nap < sure) && *nap <= to);
        let Some(nap) = nap else { return Ok(sure.filter(|sure| *sure <= to)) };
        let first = self.first_due()?;
        let (last, lag) = self.stuck;
        let look = first.map(|due| {
            let due = Time::from_micros(due).plus(SECOND_US);
            let lag = if last == first && due <= nap { (lag * 2).clamp(SECOND_US / 4, MAX_LAG_US) } else { 0 };
            self.stuck = (first, lag);
            nap.max(due).max(self.ground.clock.now().plus(lag))
        });
        Ok(sure.into_iter().chain(look).min().filter(|next| *next <= to))
    }

    /// The first thing that a worker could find to do.
    fn first_due(&self) -> Result<Option<i64>, String> {
        let task = self.first_task()?;
        let parked = if self.ground.listens { self.first_parked()? } else { None };
        Ok(task.into_iter().chain(parked).min())
    }

    fn first_parked(&self) -> Result<Option<i64>, String> {
        let names = ["", "~"].map(|name| Cell::Text(name.into()));
        let mut params = vec![Cell::Int(0), Cell::Int(i64::MAX)];
        params.extend(names);
        params.push(Cell::Int(1));
        let rows =
            block_on(self.ground.store.reader().query(&PARKED_DUE, params)).map_err(|error| error.to_string())?;
        Ok(rows.first().and_then(|row| int(row.get(4)?)))
    }

    fn first_task(&self) -> Result<Option<i64>, String> {
        let beginning = [Cell::Int(i64::MIN), Cell::Bytes([].into()), Cell::Int(0), Cell::Text("".into())];
        let mut params = vec![Cell::Int(0), Cell::Int(i64::MAX)];
        params.extend(beginning);
        params.push(Cell::Int(1));
        let rows = block_on(self.ground.store.reader().query(&TASKS_DUE, params)).map_err(|error| error.to_string())?;
        Ok(rows.first().and_then(|row| int(row.get(1)?)))
    }

    /// Takes in what was answered. A crashed node's callers know nothing.
    fn hear(&mut self) -> Result<(), String> {
        let mut still_open = Vec::new();
        for mut open in std::mem::take(&mut self.open) {
            match open.answer.try_recv() {
                Ok(None) => still_open.push(open),
                Ok(Some(answer)) => self.note(&open, answer),
                Err(oneshot::Canceled) => {}
            }
        }
        self.open = still_open;
        Ok(())
    }

    fn note(&mut self, open: &Open, answer: Result<Reply, Problem>) {
        match &answer {
            Ok(reply) => self.trace.update(&reply.status.to_le_bytes()).update(reply.body.as_bytes()),
            Err(problem) => self.trace.update(problem.code.as_str().as_bytes()),
        };
        let code = answer.as_ref().err().map(|problem| problem.code);
        let passes = [Code::store_unavailable, Code::deadline_exceeded];
        if code.is_some_and(|code| passes.contains(&code)) {
            return;
        }
        let act = open.act;
        match (open.expect, answer) {
            (Expect::Own, Ok(reply)) => self.told(act, reply),
            (Expect::Reused, Err(problem)) if problem.code == Code::idempotency_key_reused => {}
            (Expect::NotThere, Ok(reply)) if reply.status == Code::not_found.kind().status() => {}
            (expect, answer) => {
                let answer = answer.map_or_else(|problem| problem.code.to_string(), |reply| reply.status.to_string());
                self.findings.push(format!("act {act} was answered {answer}, where {expect:?} was to be answered"));
            }
        }
    }

    fn told(&mut self, act: u32, reply: Reply) {
        let Some(asked) = self.callers.asked.get_mut(&act) else { return };
        match &asked.told {
            None => {
                self.findings.extend(oracle::misfit(&asked.request, &reply).map(|what| format!("act {act}: {what}")));
                self.seen.told(&reply);
                asked.told = Some(reply);
            }
            Some(first) if first.body == reply.body && first.status == reply.status => {}
            Some(_) => self.findings.push(format!("act {act} was answered in two ways")),
        }
    }

    /// A node that gave up because somebody held the files is started again; one that found something broken is not.
    fn nurse(&mut self) -> Result<(), String> {
        let stopped: Vec<(usize, StoreError)> =
            self.nodes.iter().enumerate().filter_map(|(node, it)| Some((node, it.stopped()?))).collect();
        for (node, why) in stopped {
            if let StoreError::Busy { .. } = why {
                self.crash(node)?;
            } else if self.findings.is_empty() {
                self.findings.push(format!("a line stopped: {why}: {}", why.detail()));
            }
        }
        Ok(())
    }
}

fn int(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Int(value) => Some(*value),
        _ => None,
    }
}
