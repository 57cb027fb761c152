//! One run, from seed to verdict.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::control::Control;
use engine::line::{Job, Reply};
use engine::ports::Clock as _;
use engine::request::{Caller, Command, ControlCommand, Request};
use futures::channel::oneshot;
use futures::executor::{LocalPool, block_on};
use kernel::{Bucket, KeyId, MerchantId, Problem, RootId};
use serde_json::Value;
use store::{Ask, Row as _, Store};

use crate::caller::{self, Asked};
use crate::clock::VirtualClock;
use crate::faults::{Faults, Planted};
use crate::model::Model;
use crate::node::{Ground, Node};
use crate::rng::Rng;

/// Operations of one run.
const OPERATIONS: u64 = 40;
/// How often callers ask again in the end before they give up.
const PATIENCE: usize = 50;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The seed; the same seed gives the same verdict.
    pub seed: u64,
    /// What must not be, in words; empty when all is well.
    pub findings: Vec<String>,
    /// A hash of everything that was answered, in order.
    pub trace: [u8; 32],
    /// How many payments took effect.
    pub payments: usize,
}

/// An operation under way.
struct Open {
    place: usize,
    answer: oneshot::Receiver<Result<Reply, Problem>>,
}

struct World {
    pool: LocalPool,
    ground: Ground,
    nodes: Vec<Node>,
    merchant: MerchantId,
    asked: Vec<Asked>,
    open: Vec<Open>,
    trace: blake3::Hasher,
    findings: Vec<String>,
}

/// Runs a seed, with a planted bug or without.
///
/// # Errors
/// When the world itself cannot be built; never because of what happens in it.
pub fn run(seed: u64, planted: Option<Planted>) -> Result<Verdict, String> {
    let mut world = World::new(seed, planted)?;
    world.safety()?;
    world.heal()?;
    world.judge()?;
    let payments = world.paid();
    Ok(Verdict { seed, findings: world.findings, trace: *world.trace.finalize().as_bytes(), payments })
}

/// The store is born and has a merchant, before anything goes wrong.
fn begin(pool: &mut LocalPool, ground: &Ground, merchant: MerchantId) -> Result<(), String> {
    let midwife = Node::start(0, ground)?;
    let key = KeyId(RootId::new(ground.clock.now(), Bucket::of("platform"), 2));
    for command in [
        ControlCommand::Bootstrap { salt: [7; 32], key, hash: [8; 32] },
        ControlCommand::CreateMerchant { id: merchant, name: "shop".to_owned() },
    ] {
        let request = Request {
            caller: Caller::System,
            idempotency: None,
            request_id: "begin".to_owned(),
            command: Command::Control(command),
        };
        let (reply, mut answer) = oneshot::channel();
        midwife.submit(Job { request, deadline: ground.clock.now().plus(1_000_000), reply });
        pool.run_until_stalled();
        match answer.try_recv() {
            Ok(Some(Ok(_))) => {}
            other => return Err(format!("the world could not begin: {other:?}")),
        }
    }
    Ok(())
}

impl World {
    fn new(seed: u64, planted: Option<Planted>) -> Result<Self, String> {
        let rng = Rng::new(seed);
        let mut pool = LocalPool::new();
        let mut ground = Ground {
            store: Store::in_memory(1).map_err(|error| format!("{error}: {}", error.detail()))?,
            clock: VirtualClock::new(),
            faults: Faults { rng, on: Arc::new(AtomicBool::new(false)), planted: None },
            control: Control::default(),
            spawner: pool.spawner(),
        };
        let merchant = MerchantId(RootId::new(ground.clock.now(), Bucket::of("m"), 1));
        begin(&mut pool, &ground, merchant)?;
        ground.control =
            block_on(Control::load(&*ground.store.reader(), 0)).map_err(|error| error.detail().to_owned())?;
        ground.faults.planted = planted;
        ground.faults.on.store(true, Ordering::Relaxed);
        let nodes = vec![Node::start(1, &ground)?, Node::start(2, &ground)?];
        let (asked, open, findings) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { pool, ground, nodes, merchant, asked, open, trace: blake3::Hasher::new(), findings })
    }

    /// Operations while faults strike.
    fn safety(&mut self) -> Result<(), String> {
        for number in 0..OPERATIONS {
            let rng = self.ground.faults.rng.clone();
            self.ground.clock.pass(i64::try_from(rng.below(5_000)).unwrap_or(0));
            self.asked.push(caller::draw(&rng, number, self.merchant, self.ground.clock.now()));
            let newest = self.asked.len() - 1;
            self.ask(newest);
            // Impatient callers ask again, perhaps the other node, while the first answer is under way.
            if rng.chance(15) {
                let again = usize::try_from(rng.below(number + 1)).unwrap_or(0);
                self.ask(again);
            }
            if rng.chance(60) {
                self.pool.run_until_stalled();
            }
            if rng.chance(8) {
                let victim = usize::try_from(rng.below(2)).unwrap_or(0);
                let ground = self.ground.clone();
                if let Some(node) = self.nodes.get_mut(victim) {
                    node.crash(&ground)?;
                }
            }
            self.hear();
        }
        Ok(())
    }

    /// No more faults: whatever a caller does not know is asked again until it is answered.
    fn heal(&mut self) -> Result<(), String> {
        self.ground.faults.on.store(false, Ordering::Relaxed);
        // Whoever was away comes back from the store.
        let ground = self.ground.clone();
        for node in &mut self.nodes {
            node.crash(&ground)?;
        }
        for _ in 0..PATIENCE {
            self.pool.run_until_stalled();
            self.hear();
            let unknown: Vec<usize> = (0..self.asked.len()).filter(|place| self.told(*place).is_none()).collect();
            if unknown.is_empty() {
                return Ok(());
            }
            for place in unknown {
                self.ask(place);
            }
        }
        self.findings.push("an operation was never answered".to_owned());
        Ok(())
    }

    fn told(&self, place: usize) -> Option<&Reply> {
        self.asked.get(place)?.told.as_ref()
    }

    /// Asks one of the nodes. A full queue is a refusal that the caller does not take for an answer.
    fn ask(&mut self, place: usize) {
        let Some(request) = self.asked.get(place).and_then(|asked| asked.request(self.merchant)) else { return };
        let (reply, answer) = oneshot::channel();
        let deadline = self.ground.clock.now().plus(60_000_000);
        let node = usize::try_from(self.ground.faults.rng.below(2)).unwrap_or(0);
        if self.nodes.get(node).is_some_and(|node| node.submit(Job { request, deadline, reply })) {
            self.open.push(Open { place, answer });
        }
    }

    /// Takes in what was answered. A crashed node's callers know nothing; an error that is not stored is no answer.
    fn hear(&mut self) {
        let mut still_open = Vec::new();
        for mut open in std::mem::take(&mut self.open) {
            match open.answer.try_recv() {
                Ok(None) => still_open.push(open),
                Ok(Some(Ok(reply))) => self.note(open.place, reply),
                Ok(Some(Err(_))) | Err(oneshot::Canceled) => {}
            }
        }
        self.open = still_open;
    }

    fn note(&mut self, place: usize, reply: Reply) {
        self.trace.update(&reply.status.to_le_bytes()).update(reply.body.as_bytes());
        let Some(asked) = self.asked.get_mut(place) else { return };
        match &asked.told {
            None => asked.told = Some(reply),
            Some(first) if first.body == reply.body && first.status == reply.status => {}
            Some(_) => self.findings.push(format!("{} was answered in two ways", asked.key)),
        }
    }

    /// Everything that must hold in the end.
    fn judge(&mut self) -> Result<(), String> {
        // A bug that acknowledges early has had its chance to write; what a crash lost then is missing now.
        for place in 0..self.asked.len() {
            self.ask(place);
            self.pool.run_until_stalled();
            self.hear();
        }
        let mut model = Model::default();
        for asked in &self.asked {
            let Some(reply) = asked.told.as_ref().filter(|reply| reply.status < 300) else { continue };
            // An order number under a second key is answered with the first trade: no effect of its own.
            if reply.status == 201 {
                let answer: Value = serde_json::from_str(&reply.body).map_err(|error| error.to_string())?;
                model.learn(asked, &answer);
            }
        }
        let accounts = self.accounts()?;
        self.findings.extend(model.differences(&accounts));
        for node in &self.nodes {
            self.findings.extend(node.diary.stops().into_iter().filter(|why| why != "store_unreachable"));
        }
        self.findings.extend(self.broken_invariants()?);
        Ok(())
    }

    fn accounts(&self) -> Result<Vec<accounting::Account>, String> {
        let table = store::tables::accounting::AccountRow::TABLE;
        let ask = Ask { table, keys: vec![Vec::new()] };
        let snapshot = block_on(self.ground.store.reader().load(0, vec![ask])).map_err(|error| error.to_string())?;
        let rows = snapshot.rows.into_iter().flatten();
        rows.map(|row| {
            let row = store::tables::accounting::AccountRow::from_cells(row).map_err(|error| error.to_string())?;
            store::tables::accounting::account(row).map_err(|error| error.to_string())
        })
        .collect()
    }

    fn broken_invariants(&self) -> Result<Vec<String>, String> {
        let reader = self.ground.store.reader();
        let report = block_on(engine::verify::run(reader.as_ref(), 0)).map_err(|error| error.to_string())?;
        Ok(report.findings.iter().map(ToString::to_string).collect())
    }

    fn paid(&self) -> usize {
        self.asked
            .iter()
            .filter_map(|asked| asked.told.as_ref())
            .filter(|reply| reply.body.contains("\"succeeded\""))
            .count()
    }
}
