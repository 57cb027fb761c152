//! Time passes in moments: the world jumps to the next one at which something happens, and everybody does what can be done.

use std::rc::Rc;

use futures::FutureExt as _;
use futures::executor::block_on;
use futures::future::abortable;
use futures::task::LocalSpawnExt as _;
use kernel::Time;
use kernel::time::{MINUTE_US, SECOND_US};
use store::Cell;
use store::tables::work::{PARKED_DUE, TASKS_DUE};

use super::World;
use crate::disk::Write;
use crate::oracle;

/// Most moments of one run.
const MAX_MOMENTS: usize = 200_000;
/// The longest time for which looks at tasks that do not move are put off, in microseconds.
const MAX_LAG_US: i64 = 10 * MINUTE_US;

/// The first thing that was due at the last look, and how long looks are put off because it does not move.
#[derive(Default)]
pub(super) struct Stuck {
    first: Option<i64>,
    lag: i64,
}

impl Stuck {
    /// When the next look is, with this to be found and somebody who would look at that moment.
    fn look(&mut self, first: i64, nap: Time, now: Time) -> Time {
        let due = Time::from_micros(first).plus(SECOND_US);
        let stays = self.first == Some(first) && due <= nap;
        self.lag = if stays { (self.lag * 2).clamp(SECOND_US / 4, MAX_LAG_US) } else { 0 };
        self.first = Some(first);
        nap.max(due).max(now.plus(self.lag))
    }
}

impl World {
    /// Lets time pass, moment by moment.
    pub(super) fn advance(&mut self, micros: i64) -> Result<(), String> {
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
    pub(super) fn settle(&mut self) -> Result<(), String> {
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
            let orphans = self.orphans.take();
            let any = any || !orphans.is_empty();
            for write in orphans {
                self.adopt(write)?;
            }
            self.post.acknowledge(now);
            self.hear()?;
            self.findings.append(&mut self.broken.borrow_mut());
            self.nurse()?;
            if !any {
                return Ok(());
            }
        }
    }

    /// The store goes on with a write whose node died. What must not be is a finding, though nobody hears of it.
    fn adopt(&mut self, write: Write) -> Result<(), String> {
        let broken = Rc::clone(&self.broken);
        let (write, abort) = abortable(write.map(move |written| match written {
            Err(error) if error.is_fatal() => broken.borrow_mut().push(format!("{error}: {}", error.detail())),
            Err(_) | Ok(_) => {}
        }));
        self.adopted.push(abort);
        self.ground.spawner.spawn_local(write.map(|_| ())).map_err(|error| error.to_string())
    }

    /// Gives up every write whose node died.
    pub(super) fn give_up_writes(&mut self) {
        self.adopted.drain(..).for_each(|write| write.abort());
        // What was aborted is dropped when it is its turn.
        self.pool.run_until_stalled();
        drop(self.orphans.take());
    }

    /// The next moment until `to` at which something happens. A look of a worker is one only if there is something to
    /// find, and less and less often if that does not go away.
    fn next_moment(&mut self, to: Time) -> Result<Option<Time>, String> {
        let sure = [self.ground.clock.next_alarm(), self.institution.next_due(), self.post.next_due()];
        let sure = sure.into_iter().flatten().min();
        let nap = self.ground.clock.next_nap().filter(|nap| sure.is_none_or(|sure| *nap < sure) && *nap <= to);
        let Some(nap) = nap else { return Ok(sure.filter(|sure| *sure <= to)) };
        let (now, first) = (self.now(), [self.first_due()?, self.first_on_its_way()?]);
        let looks = self.stuck.iter_mut().zip(first).filter_map(|(stuck, first)| Some(stuck.look(first?, nap, now)));
        Ok(sure.into_iter().chain(looks).min().filter(|next| *next <= to))
    }

    /// The first thing that a worker could find to do.
    fn first_due(&self) -> Result<Option<i64>, String> {
        let mut first = Vec::new();
        for shard in self.ground.shards.all() {
            first.extend(self.first_task(shard)?);
            if self.ground.listens {
                first.extend(self.first_parked(shard)?);
            }
        }
        Ok(first.into_iter().min())
    }

    /// The first money that a courier could find to carry.
    fn first_on_its_way(&self) -> Result<Option<i64>, String> {
        if self.ground.shards.count() == 1 {
            return Ok(None);
        }
        let on_its_way = oracle::on_its_way(&self.ground.store, self.ground.shards)?;
        Ok(on_its_way.iter().map(|message| message.due()).min())
    }

    fn first_parked(&self, shard: i64) -> Result<Option<i64>, String> {
        // Between them lie the endpoints' names.
        let names = ["webhooks:", "webhooks;"].map(Cell::text);
        let mut params = vec![Cell::Int(shard), Cell::Int(i64::MAX)];
        params.extend(names);
        params.push(Cell::Int(1));
        let rows =
            block_on(self.ground.store.reader().query(&PARKED_DUE, params)).map_err(|error| error.to_string())?;
        Ok(rows.first().and_then(|row| int(row.get(4)?)))
    }

    fn first_task(&self, shard: i64) -> Result<Option<i64>, String> {
        let beginning = [Cell::Int(i64::MIN), Cell::bytes([]), Cell::Int(0), Cell::text("")];
        let mut params = vec![Cell::Int(shard), Cell::Int(i64::MAX)];
        params.extend(beginning);
        params.push(Cell::Int(1));
        let rows = block_on(self.ground.store.reader().query(&TASKS_DUE, params)).map_err(|error| error.to_string())?;
        Ok(rows.first().and_then(|row| int(row.get(1)?)))
    }
}

fn int(cell: &Cell) -> Option<i64> {
    match cell {
        Cell::Int(value) => Some(*value),
        _ => None,
    }
}
