//! One run, from plan to verdict.

mod answers;
mod ending;
mod frozen;
mod time;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use engine::channels::Channels;
use engine::control::Control;
use engine::line::Job;
use engine::news::Object;
use engine::ports::Clock as _;
use engine::query::Asker;
use engine::request::{Caller, Command, ControlCommand, Request};
use engine::work::Gateway;
use futures::FutureExt as _;
use futures::channel::oneshot;
use futures::executor::{LocalPool, block_on};
use futures::future::AbortHandle;
use kernel::message::risk::{BlockKind, Switch};
use kernel::message::rules::BUILT_IN_VERSION;
use kernel::time::{MINUTE_US, SECOND_US};
use kernel::{BlockId, Bucket, CaseId, EndpointId, KeyId, RootId, Shards, Time};
use rules::RuleBook;
use store::{Store, StoreError};

use self::answers::{Expect, Open};
use self::time::Stuck;
use crate::callers::{Callers, Deed};
use crate::clock::VirtualClock;
use crate::disk::{self, Orphans};
use crate::institution::{self, Institution};
use crate::mishap::Mishaps;
use crate::node::{Ground, Node};
use crate::oracle::{self, Seen};
use crate::people;
use crate::plan::{Act, Blocked, Plan, What};
use crate::planted::Planted;
use crate::planted::wire::CrookedAdapter;
use crate::post::Post;
use crate::risk::RiskModel;
use crate::rng::Rng;
use crate::wire::Wire;

/// What lines remember; in a quarter of the worlds it is nothing.
const MEMORY: usize = 160;
/// Acts between two looks at the sums.
const BETWEEN_LOOKS: usize = 8;

thread_local! {
    /// The store of the world before. Making tables and preparing statements is a tenth of a life.
    static LEFT: Cell<Option<Store>> = const { Cell::new(None) };
}

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
    /// How many faults were armed and had not struck when the world was healed.
    pub unmet: usize,
}

struct World {
    pool: LocalPool,
    ground: Ground,
    mishaps: Mishaps,
    orphans: Orphans,
    /// Orphans that go on.
    adopted: Vec<AbortHandle>,
    /// What came of those that must not be.
    broken: Rc<RefCell<Vec<String>>>,
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
    unmet: usize,
    moments: usize,
    /// What tasks, and what money between shards, wait for.
    stuck: [Stuck; 2],
    /// Users whose accounts were ever frozen, and whether they still are.
    frozen: BTreeMap<u8, bool>,
}

/// A part of a run.
type Stage = fn(&mut World, &Plan) -> Result<(), String>;

/// Plays a plan, with a planted bug or without.
///
/// # Errors
/// When the world itself cannot be built; never because of what happens in it.
pub fn play(plan: &Plan, planted: Option<Planted>) -> Result<Verdict, String> {
    let mut world = World::new(plan, planted)?;
    let stages: [Stage; 3] = [World::safety, |world, _| world.heal(), |world, _| world.judge()];
    for stage in stages {
        if world.findings.is_empty() {
            // What cannot go on, come to rest or be judged is wrong.
            stage(&mut world, plan).unwrap_or_else(|error| world.findings.push(error));
        }
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
        let risk = RiskModel::new(plan.seed, clock.clone(), stream(12), planted);
        let shards = Shards::new(plan.shards).ok_or("shards are a power of two")?;
        let store = match LEFT.take() {
            Some(left) => left.anew_in_memory(plan.shards),
            None => Store::in_memory(plan.shards),
        };
        let ground = Ground {
            store: store.map_err(|error| format!("{error}: {}", error.detail()))?,
            clock,
            control: Control::default(),
            channels,
            gateway,
            wire,
            spawner: pool.spawner(),
            leases: plan.leases,
            listens: plan.listens,
            blocked: plan.blocked.clone(),
            switched: plan.switched,
            risk,
            shards,
            memory: if stream(13).chance(25) { 0 } else { MEMORY },
        };
        let mut world = Self {
            pool,
            ground,
            mishaps,
            orphans: Orphans::new(stream(14)),
            adopted: Vec::new(),
            broken: Rc::default(),
            institution,
            post,
            nodes: Vec::new(),
            callers: Callers::new(plan.seed, shards),
            planted: None,
            open: Vec::new(),
            seen: Seen::default(),
            rng: stream(4),
            trace: blake3::Hasher::new(),
            findings: Vec::new(),
            unmet: 0,
            moments: 0,
            stuck: Default::default(),
            frozen: BTreeMap::new(),
        };
        world.begin(plan)?;
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
            orphans: self.orphans.clone(),
            planted: self.planted,
        };
        Node::start(disk, &self.ground)
    }

    /// The store is born and has its merchants and its rules, before anything goes wrong.
    fn begin(&mut self, plan: &Plan) -> Result<(), String> {
        let midwife = self.start(0)?;
        let key = KeyId(RootId::new(self.now(), Bucket::of("platform"), 3));
        let bootstrap = ControlCommand::Bootstrap { salt: crate::people::SALT, key, hash: [8; 32] };
        let shops = people::merchants().map(|id| ControlCommand::CreateMerchant { id, name: "shop".to_owned() });
        let ear = ControlCommand::CreateEndpoint {
            id: EndpointId(RootId::new(self.now(), Bucket::of("platform"), 4)),
            merchant: None,
            url: "https://shop.example/hooks".to_owned(),
            types: Vec::new(),
            secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
        };
        let ear = self.ground.listens.then_some(ear);
        let rules = plan.rules.as_deref().map_or_else(|| Ok(Vec::new()), |source| self.released(source))?;
        let block = plan.blocked.as_ref().map(|blocked| self.block(blocked));
        let switch = plan.switched.map(|switch| self.thrown(switch));
        for command in std::iter::once(bootstrap).chain(shops).chain(ear).chain(rules).chain(block).chain(switch) {
            let command = Command::Control(command);
            let request = Request::of_system("b", command);
            let (reply, mut answer) = oneshot::channel();
            midwife.submit(Job { request, deadline: self.now().plus(MINUTE_US), reply });
            self.advance(SECOND_US)?;
            match answer.try_recv() {
                Ok(Some(Ok(_))) => {}
                other => return Err(format!("the world could not begin: {other:?}")),
            }
        }
        midwife.abort();
        let control = block_on(Control::load(&*self.ground.store.reader(), 0, &Control::default()));
        self.ground.control = control.map_err(|error| error.detail().to_owned())?;
        Ok(())
    }

    /// What brings a rule book into use: uploaded by one, approved by another.
    fn released(&self, source: &str) -> Result<Vec<ControlCommand>, String> {
        let person = |number| KeyId(RootId::new(self.now(), Bucket::of("platform"), number));
        let book = RuleBook::load(source).map_err(|findings| format!("the drawn rules do not load: {findings:?}"))?;
        let (name, version) = (book.name.clone(), BUILT_IN_VERSION + 1);
        Ok(vec![
            ControlCommand::UploadRules { source: source.to_owned(), book: Arc::new(book), by: person(5) },
            ControlCommand::ReleaseRules { book: name, version, from: None, again: false, by: person(6) },
        ])
    }

    fn block(&self, blocked: &Blocked) -> ControlCommand {
        let (kind, value) = match blocked {
            Blocked::User(user) => (BlockKind::User, user.to_string()),
            Blocked::Device(device) => (BlockKind::Device, device.clone()),
            Blocked::Card(card) => (BlockKind::CardFingerprint, card.clone()),
        };
        let root = |number| RootId::new(self.now(), Bucket::of("platform"), number);
        let (id, by, reason) = (BlockId(root(7)), KeyId(root(5)), "looked odd".to_owned());
        ControlCommand::CreateBlock { id, kind, value, reason, until: None, by }
    }

    fn thrown(&self, switch: Switch) -> ControlCommand {
        let by = KeyId(RootId::new(self.now(), Bucket::of("platform"), 5));
        ControlCommand::Throw { switch, on: true, reason: "too much to do".to_owned(), by }
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
                self.findings.extend(oracle::sums(&self.ground.store, self.ground.shards)?);
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
            What::Store(fault) => self.mishaps.arm_store(node, act.after, *fault),
            What::Wire(fault) => self.mishaps.arm_wire(act.after, *fault),
            What::Post(fault) => self.mishaps.arm_post(act.after, *fault),
            What::Freeze { user, frozen } => self.freeze(*user, *frozen)?,
            What::Verify => self.verify(None)?,
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
                if let Some(trade) = self.callers.create(*sale).map(|create| create.id) {
                    let case = oracle::first_open_case(&self.ground.store, self.ground.shards, trade)?;
                    self.desk(act.no, case, act.no, Deed::of(*way), node);
                }
            }
            _ => {
                let request = self.callers.ask(act, self.now());
                self.submit_if(request, act.no, node, Expect::Own);
            }
        }
        Ok(())
    }

    /// One of three people does something about a case.
    fn desk(&mut self, act: u32, case: Option<CaseId>, who: u32, deed: Deed, node: usize) {
        let request = case.map(|case| self.callers.desk(act, case, who % 3, deed));
        self.submit_if(request, act, node, Expect::Own);
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
        let Some(Ok(found)) = node.queries.object(Object::Trade(trade)).now_or_never() else { return Ok(()) };
        let body = found.map(|found| found.body);
        self.trace.update(body.as_deref().unwrap_or("nothing").as_bytes());
        self.findings.extend(self.seen.read(&trade.to_string(), body.as_deref()));
        let asker = Asker { caller: Caller::Platform, users_debit: true };
        if let Some(Ok(Some(offer))) = node.queries.offer(trade, &asker).now_or_never() {
            self.findings.extend(oracle::odd_offer(&offer.body));
        }
        Ok(())
    }

    /// A node that died, or gave up because somebody held the files, is started again; one that found something broken is
    /// not.
    fn nurse(&mut self) -> Result<(), String> {
        for node in self.mishaps.dying() {
            self.crash(node)?;
        }
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
