//! What callers ask of the nodes, and what becomes of the answers.

use engine::line::{Job, Reply};
use engine::request::Request;
use futures::channel::oneshot;
use kernel::time::{MINUTE_US, SECOND_US};
use kernel::{Code, Problem};

use super::World;
use crate::oracle;
use crate::planted::door;

/// How often callers ask again in the end before they give up.
const PATIENCE: usize = 60;

/// What an answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    /// That of the act.
    Own,
    /// The refusal of a key that was used for another body.
    Reused,
    /// That there is no such thing.
    NotThere,
}

/// A request under way.
pub(super) struct Open {
    act: u32,
    expect: Expect,
    answer: oneshot::Receiver<Result<Reply, Problem>>,
}

impl World {
    pub(super) fn is_told(&self, act: u32) -> bool {
        self.callers.asked.get(&act).is_some_and(|asked| asked.told.is_some())
    }

    /// Asks a node. A full queue is a refusal that the caller does not take for an answer.
    pub(super) fn submit_if(&mut self, request: Option<Request>, act: u32, node: usize, expect: Expect) {
        let Some(request) = request else { return };
        let request = door::asked(self.planted, request);
        let (reply, answer) = oneshot::channel();
        let deadline = self.now().plus(MINUTE_US);
        if self.nodes.get(node).is_some_and(|node| node.submit(Job { request, deadline, reply })) {
            self.open.push(Open { act, expect, answer });
        }
    }

    /// Takes in what was answered. A crashed node's callers know nothing.
    pub(super) fn hear(&mut self) -> Result<(), String> {
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

    pub(super) fn ask_until_told(&mut self) -> Result<(), String> {
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
}
