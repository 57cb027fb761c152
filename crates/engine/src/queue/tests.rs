//! The queue by hand: order, shares, deadlines, ends.

use std::sync::atomic::{AtomicI64, Ordering};

use futures::FutureExt as _;
use futures::channel::oneshot;
use kernel::time::{HOUR_US, SECOND_US};

use super::*;
use crate::line::Reply;
use crate::request::{Command, Request};

#[derive(Default)]
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Ordering::SeqCst))
    }
}

struct World {
    clock: Hand,
    entrance: Entrance,
    exit: Exit,
    answers: Vec<oneshot::Receiver<Result<Reply, Problem>>>,
}

impl World {
    fn new(terms: Terms) -> Self {
        let (entrance, exit) = queue(terms);
        Self { clock: Hand::default(), entrance, exit, answers: Vec::new() }
    }

    fn pass(&self, millis: i64) {
        self.clock.0.fetch_add(millis * 1_000, Ordering::SeqCst);
    }

    fn job(&mut self, name: &str, patience_us: i64) -> Job {
        let (reply, answer) = oneshot::channel();
        self.answers.push(answer);
        let command = Command::Recall(Problem::new(Code::not_found, "never asked"));
        let request = Request::of_system(name, command);
        Job { request, deadline: self.clock.now().plus(patience_us), reply }
    }

    /// Lays so many jobs, named by a letter and a number.
    fn lay(&mut self, stage: Stage, letter: &str, count: usize) -> Result<(), Refusal> {
        for n in 0..count {
            let job = self.job(&format!("{letter}{n}"), 10 * SECOND_US);
            self.entrance.lay(stage, job, 0, self.clock.now())?;
        }
        Ok(())
    }

    /// What is there now, by name, once what was taken before is over.
    fn take(&mut self, limit: usize) -> Option<Vec<String>> {
        self.exit.end_batch(&self.clock);
        self.take_ahead(1, limit)
    }

    /// The same while what was taken before is under way.
    fn take_ahead(&mut self, least: usize, limit: usize) -> Option<Vec<String>> {
        let taken = self.exit.take_ahead(least, limit, &self.clock).now_or_never()??;
        Some(taken.jobs.into_iter().map(|laid| laid.job.request.request_id).collect())
    }

    fn answer(&mut self, n: usize) -> Option<Code> {
        self.answers[n].try_recv().ok()??.err().map(|problem| problem.code)
    }
}

#[test]
fn a_clock_that_is_set_makes_nobody_late() {
    struct SetForward;
    impl Clock for SetForward {
        fn now(&self) -> Time {
            Time::from_micros(3 * HOUR_US)
        }
        fn steady(&self) -> Time {
            Time::default()
        }
    }
    let mut world = World::new(Terms::of_places(10));
    world.lay(Stage::New, "n", 2).unwrap();
    let taken = world.exit.take(8, &SetForward).now_or_never().flatten().unwrap();
    assert_eq!((taken.jobs.len(), taken.waited_us), (2, 0));
}

#[test]
fn what_has_begun_goes_first_and_leaves_a_quarter() {
    let mut world = World::new(Terms::of_places(100));
    world.lay(Stage::New, "n", 4).unwrap();
    world.lay(Stage::Begun, "b", 9).unwrap();
    assert_eq!(world.take(8).unwrap().join(" "), "b0 b1 b2 b3 b4 b5 n0 n1");
    assert_eq!(world.take(8).unwrap().join(" "), "b6 b7 b8 n2 n3", "no place is left empty");
    world.lay(Stage::Begun, "b", 9).unwrap();
    assert_eq!(world.take(8).unwrap().len(), 8, "nobody else is there");
}

#[test]
fn the_late_take_no_place_and_are_answered() {
    let mut world = World::new(Terms::of_places(100));
    for n in 0..3 {
        let job = world.job(&format!("late{n}"), SECOND_US);
        world.entrance.lay(Stage::New, job, 0, world.clock.now()).unwrap();
    }
    world.lay(Stage::New, "n", 2).unwrap();
    world.pass(1_001);
    assert_eq!(world.take(2).unwrap().join(" "), "n0 n1");
    for n in 0..3 {
        assert_eq!(world.answer(n), Some(Code::deadline_exceeded));
    }
    let figures = world.entrance.figures();
    assert_eq!((figures.expired.new, figures.admitted.new, figures.bytes), (3, 5, 0));
}

#[test]
fn the_late_are_swept_while_the_line_is_busy() {
    let mut world = World::new(Terms::of_places(100));
    world.lay(Stage::New, "n", 1).unwrap();
    let job = world.job("late", SECOND_US);
    world.entrance.lay(Stage::Begun, job, 7, world.clock.now()).unwrap();
    world.lay(Stage::Begun, "b", 1).unwrap();
    world.entrance.sweep(world.clock.now());
    assert_eq!(world.answer(1), None, "it has time");
    world.pass(1_001);
    world.entrance.sweep(world.clock.now());
    assert_eq!(world.answer(1), Some(Code::deadline_exceeded));
    assert_eq!(world.take(9).unwrap().join(" "), "b0 n0");
    assert_eq!(world.entrance.figures().bytes, 0);
}

#[test]
fn a_stall_refuses_and_its_end_lets_in() {
    let patience_us = Both { new: SECOND_US / 2, begun: 10 * SECOND_US };
    let mut world = World::new(Terms { patience_us, ..Terms::of_places(8_000) });
    world.lay(Stage::New, "n", 10).unwrap();
    assert_eq!(world.take(512).unwrap().len(), 10);
    world.pass(400);
    assert!(world.entrance.admits(Stage::New, world.clock.now()).is_ok());
    world.lay(Stage::New, "w", 10).unwrap();
    world.pass(3_000);
    let refusal = world.entrance.admits(Stage::New, world.clock.now()).unwrap_err();
    assert_eq!(refusal, Refusal { reason: Reason::Late, retry_after_s: 3 });
    assert_eq!(world.lay(Stage::New, "n", 1).unwrap_err().reason, Reason::Late);
    world.lay(Stage::Begun, "b", 1).unwrap();
    assert_eq!(world.take(512).unwrap().len(), 11, "the stall is over");
    world.lay(Stage::New, "n", 1).unwrap();
    let figures = world.entrance.figures();
    assert_eq!((figures.late.new, figures.late.begun), (2, 0));
}

#[test]
fn who_takes_ahead_waits_for_enough() {
    let mut world = World::new(Terms::of_places(100));
    world.lay(Stage::New, "n", 2).unwrap();
    assert_eq!(world.take_ahead(3, 8), None);
    world.lay(Stage::Begun, "b", 1).unwrap();
    assert_eq!(world.take_ahead(3, 8).unwrap().join(" "), "b0 n0 n1");
    world.lay(Stage::New, "n", 1).unwrap();
    world.entrance.close();
    assert_eq!(world.take_ahead(3, 8).unwrap().join(" "), "n0", "nobody comes any more");
}

#[test]
fn a_batch_that_was_taken_ahead_has_the_line_after_the_one_before() {
    let patience_us = Both { new: SECOND_US / 2, begun: 10 * SECOND_US };
    let mut world = World::new(Terms { patience_us, batch: 10, ..Terms::of_places(8_000) });
    for _ in 0..40 {
        // Each takes a millisecond, and is taken one millisecond before that.
        world.lay(Stage::New, "n", 10).unwrap();
        world.take_ahead(1, 10).unwrap();
        world.pass(1);
        if world.exit.shared.state().under_way.len() == 2 {
            world.exit.end_batch(&world.clock);
        }
    }
    let pace = world.exit.shared.state().load();
    assert_eq!(pace.under_way.map(|batch| batch.requests), Some(10));
    assert!(world.lay(Stage::New, "n", 4_900).is_ok(), "at 10,000 a second that is less than half a second");
    assert_eq!(world.lay(Stage::New, "n", 200).unwrap_err().reason, Reason::Late);
}

#[test]
fn bytes_are_counted_in_and_out() {
    let mut world = World::new(Terms { bytes: 4 * (1_000 + OVERHEAD_BYTES), ..Terms::of_places(100) });
    for n in 0..4 {
        let job = world.job(&n.to_string(), SECOND_US);
        let laid = world.entrance.lay(Stage::New, job, 1_000, world.clock.now());
        assert_eq!(laid.map_err(|refusal| refusal.reason), if n < 3 { Ok(()) } else { Err(Reason::Bytes) });
    }
    world.take(2).unwrap();
    assert_eq!(world.entrance.figures().bytes, 1_000 + OVERHEAD_BYTES);
    let job = world.job("own", SECOND_US);
    world.entrance.lay_own(job, world.clock.now()).unwrap();
    assert_eq!(world.take(2).unwrap().join(" "), "own 2");
}

#[test]
fn who_waits_is_woken_and_who_closes_is_heard() {
    let World { clock, entrance, mut exit, .. } = World::new(Terms::of_places(100));
    let mut other = World::new(Terms::of_places(1));
    let mut wait = Box::pin(exit.take(4, &clock));
    assert!(wait.as_mut().now_or_never().is_none());
    entrance.lay_own(other.job("one", SECOND_US), clock.now()).unwrap();
    assert_eq!(wait.now_or_never().flatten().unwrap().jobs.len(), 1);
    entrance.lay_own(other.job("two", SECOND_US), clock.now()).unwrap();
    let again = entrance.clone();
    drop(entrance);
    again.close();
    assert_eq!(again.admits(Stage::Begun, clock.now()).unwrap_err().reason, Reason::Closed);
    assert_eq!(again.lay_own(other.job("three", SECOND_US), clock.now()).unwrap_err().reason, Reason::Closed);
    assert_eq!(exit.take(4, &clock).now_or_never().flatten().unwrap().jobs.len(), 1, "what waits is still decided");
    assert!(exit.take(4, &clock).now_or_never().unwrap().is_none());
}

#[test]
fn the_last_way_in_closes_and_the_way_out_lets_go() {
    let mut world = World::new(Terms::of_places(100));
    world.lay(Stage::New, "n", 1).unwrap();
    let World { clock, entrance, mut exit, mut answers } = world;
    let (other, held) = queue(Terms::of_places(1));
    drop(entrance);
    assert_eq!(exit.take(4, &clock).now_or_never().flatten().unwrap().jobs.len(), 1);
    assert!(exit.take(4, &clock).now_or_never().unwrap().is_none());
    assert!(answers[0].try_recv().is_err(), "its job is gone");
    drop(held);
    assert_eq!(other.admits(Stage::Begun, clock.now()).unwrap_err().reason, Reason::Closed);
}
