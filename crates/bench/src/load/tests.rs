//! A server that stalls once, seen by both loops.

use std::sync::atomic::AtomicBool;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Answers every request with `201 {}`; at request `stall_at` everybody waits once for `stall`.
async fn stalling_server(stall_at: u64, stall: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicU64::new(0));
    let gate = Arc::new(tokio::sync::Mutex::new(()));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (count, gate) = (Arc::clone(&count), Arc::clone(&gate));
            tokio::spawn(async move {
                let mut buffer = [0; 1_024];
                while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    let turn = gate.lock().await;
                    if count.fetch_add(1, Ordering::Relaxed) == stall_at {
                        tokio::time::sleep(stall).await;
                    }
                    drop(turn);
                    if stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}").await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

/// Request `number` is its number; a first answer is followed by another request where `followed`.
struct Numbers {
    followed: bool,
    limit: u64,
    asked_twice: AtomicBool,
}

impl Workload for Numbers {
    fn write(&self, number: u64, request: &mut Vec<u8>) -> bool {
        request.extend_from_slice(format!("GET /{number} HTTP/1.1\r\n\r\n").as_bytes());
        number < self.limit
    }

    fn write_next(&self, number: u64, next: &Next, request: &mut Vec<u8>) {
        assert_eq!(next.thing, number.to_string());
        request.extend_from_slice(format!("GET /{} HTTP/1.1\r\n\r\n", next.part).as_bytes());
    }

    fn judge(&self, number: u64, asked: Option<&Next>, answer: &Answer<'_>) -> Judged {
        assert_eq!((answer.status, answer.body), (201, b"{}".as_slice()));
        self.asked_twice.fetch_or(asked.is_some(), Ordering::Relaxed);
        match asked {
            None if self.followed => {
                Judged::Next(Next { step: "end", thing: number.to_string(), part: "it".to_owned() })
            }
            _ => Judged::Done,
        }
    }
}

fn numbers(followed: bool, limit: u64) -> Arc<Numbers> {
    Arc::new(Numbers { followed, limit, asked_twice: AtomicBool::new(false) })
}

const NEVER: u64 = u64::MAX;

fn load(callers: usize, seconds: u64, rate: Option<u64>) -> Drive {
    Drive { callers, duration: Duration::from_secs(seconds), warm_up: Duration::ZERO, rate }
}

async fn driven(address: SocketAddr, work: Arc<dyn Workload>, load: Drive) -> Driven {
    drive(address, work, load, &Watch::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_loop_counts_the_waiting_that_a_closed_loop_hides() {
    let stall = Duration::from_secs(1);
    let work = || numbers(false, NEVER);
    let closed = driven(stalling_server(50, stall).await, work(), load(2, 3, None)).await;
    let open = driven(stalling_server(50, stall).await, work(), load(2, 3, Some(200))).await;
    let closed_p99 = closed.tally.latency.summary().unwrap().p99_ms;
    let open = open.tally.latency.summary().unwrap();
    assert!(closed_p99 < 50.0, "the closed loop met the stall twice only: {closed_p99}");
    assert!(open.p99_ms > 900.0, "200 of 600 arrivals were meant to start during the stall: {open:?}");
    assert!(open.p90_ms > 500.0, "{open:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arrivals_that_find_no_free_caller_have_waited_all_the_same() {
    let address = stalling_server(50, Duration::from_secs(2)).await;
    let driven = driven(address, numbers(false, NEVER), load(1, 1, Some(200))).await;
    assert!((140..=150).contains(&driven.not_started), "{}", driven.not_started);
    let latency = driven.tally.latency.summary().unwrap();
    assert!(latency.p50_ms > 250.0 && latency.p90_ms > 600.0, "{latency:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_late_answer_does_not_lower_the_throughput() {
    let address = stalling_server(100, Duration::from_secs(2)).await;
    let driven = driven(address, numbers(false, NEVER), load(1, 1, Some(200))).await;
    assert_eq!(driven.elapsed, Duration::from_secs(1));
    assert!((90..=100).contains(&driven.tally.done_in_time()), "{}", driven.tally.done_in_time());
    assert_eq!(driven.tally.done, driven.tally.done_in_time() + 1, "the late one is among the latencies only");
}

#[tokio::test]
async fn a_load_ends_when_its_work_does_and_counts_each_number_once() {
    let address = stalling_server(NEVER, Duration::ZERO).await;
    let driven = driven(address, numbers(false, 100), load(8, 2, None)).await;
    assert_eq!((driven.tally.done, driven.tally.refusals()), (100, 0));
    assert_eq!(driven.tally.done_in_time(), 100);
    assert!(driven.elapsed < Duration::from_secs(1), "the time until the last was done: {:?}", driven.elapsed);
}

#[tokio::test]
async fn things_are_followed_to_their_end() {
    let work = numbers(true, 10);
    let driven = driven(stalling_server(NEVER, Duration::ZERO).await, work.clone(), load(1, 1, None)).await;
    assert_eq!(driven.tally.done, 10);
    assert!(work.asked_twice.load(Ordering::Relaxed));
    assert!(driven.tally.accepted_latency.summary().is_some());
}

/// Panics at its tenth answer.
struct Fragile;

impl Workload for Fragile {
    fn write(&self, _: u64, request: &mut Vec<u8>) -> bool {
        request.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
        true
    }

    fn write_next(&self, _: u64, _: &Next, _: &mut Vec<u8>) {}

    fn judge(&self, number: u64, _: Option<&Next>, _: &Answer<'_>) -> Judged {
        assert!(number < 10, "a fault of the program");
        Judged::Done
    }
}

#[tokio::test]
async fn a_caller_that_panicked_leaves_no_report() {
    let address = stalling_server(NEVER, Duration::ZERO).await;
    let error = drive(address, Arc::new(Fragile), load(2, 1, None), &Watch::default()).await.unwrap_err();
    assert_eq!(error.word(), "caller");
}

#[tokio::test]
async fn a_server_that_is_away_is_told_and_does_not_spin() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let driven = driven(address, numbers(false, NEVER), load(2, 1, None)).await;
    let count = driven.tally.refused["no_connection"];
    assert!((10..=110).contains(&count), "{count}");
}
