//! Time passes in moments: the world jumps to the next one at which something happens, and everybody does what can be done.

use engine::ports::Clock as _;
use futures::executor::block_on;
use kernel::Time;
use kernel::time::{MINUTE_US, SECOND_US};
use store::Cell;
use store::tables::work::{PARKED_DUE, TASKS_DUE};

use super::World;

/// Most moments of one run.
const MAX_MOMENTS: usize = 200_000;
/// The longest time for which looks at tasks that do not move are put off, in microseconds.
const MAX_LAG_US: i64 = 10 * MINUTE_US;

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
        let names = ["", "~"].map(Cell::text);
        let mut params = vec![Cell::Int(0), Cell::Int(i64::MAX)];
        params.extend(names);
        params.push(Cell::Int(1));
        let rows =
            block_on(self.ground.store.reader().query(&PARKED_DUE, params)).map_err(|error| error.to_string())?;
        Ok(rows.first().and_then(|row| int(row.get(4)?)))
    }

    fn first_task(&self) -> Result<Option<i64>, String> {
        let beginning = [Cell::Int(i64::MIN), Cell::bytes([]), Cell::Int(0), Cell::text("")];
        let mut params = vec![Cell::Int(0), Cell::Int(i64::MAX)];
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
