//! A server that stalls once, seen by both loops.

use std::sync::atomic::AtomicBool;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const STALL: Duration = Duration::from_millis(300);

/// Answers every request with `201 {}`; after `stall_at` requests in all, everybody waits once for [`STALL`].
async fn stalling_server(stall_at: u64) -> SocketAddr {
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
                        tokio::time::sleep(STALL).await;
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

/// Request `number` is its number; a first answer is pending where `followed`.
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

    fn judge(&self, answer: &Answer<'_>) -> Judged {
        assert_eq!((answer.status, answer.body), (201, b"{}".as_slice()));
        if self.followed { Judged::Pending("it".to_owned()) } else { Judged::Done }
    }

    fn write_follow_up(&self, id: &str, request: &mut Vec<u8>) {
        request.extend_from_slice(format!("GET /{id} HTTP/1.1\r\n\r\n").as_bytes());
    }

    fn judge_follow_up(&self, _: &Answer<'_>) -> Judged {
        self.asked_twice.store(true, Ordering::Relaxed);
        Judged::Done
    }
}

fn numbers(followed: bool, limit: u64) -> Arc<Numbers> {
    Arc::new(Numbers { followed, limit, asked_twice: AtomicBool::new(false) })
}

fn one_second(callers: usize, rate: Option<u64>) -> Drive {
    Drive { callers, duration: Duration::from_secs(1), warm_up: Duration::ZERO, rate }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_loop_counts_the_waiting_that_a_closed_loop_hides() {
    let closed =
        drive(stalling_server(50).await, numbers(false, u64::MAX), one_second(2, None), &Watch::default()).await;
    let open =
        drive(stalling_server(50).await, numbers(false, u64::MAX), one_second(2, Some(200)), &Watch::default()).await;
    let closed_p99 = closed.tally.done_latency.summary().unwrap().p99_ms;
    let open = open.tally.done_latency.summary().unwrap();
    assert!(closed_p99 < 50.0, "the closed loop saw the stall twice only: {closed_p99}");
    assert!(open.p99_ms > 200.0, "60 arrivals were meant to start during the stall: {open:?}");
    assert!(open.p90_ms > 50.0, "{open:?}");
}

#[tokio::test]
async fn a_load_ends_when_its_work_does_and_counts_each_number_once() {
    let address = stalling_server(u64::MAX).await;
    let driven = drive(address, numbers(false, 100), one_second(8, None), &Watch::default()).await;
    assert_eq!((driven.tally.done, driven.tally.refusals()), (100, 0));
    assert!(driven.elapsed < Duration::from_secs(1));
}

#[tokio::test]
async fn pending_things_are_followed_to_their_end() {
    let work = numbers(true, 10);
    let driven = drive(stalling_server(u64::MAX).await, work.clone(), one_second(1, None), &Watch::default()).await;
    assert_eq!(driven.tally.done, 10);
    assert!(work.asked_twice.load(Ordering::Relaxed));
    assert!(driven.tally.accepted_latency.summary().is_some());
}

#[tokio::test]
async fn a_server_that_is_away_is_told_and_does_not_spin() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let driven = drive(address, numbers(false, u64::MAX), one_second(2, None), &Watch::default()).await;
    let count = driven.tally.refused["no_connection"];
    assert!((10..=110).contains(&count), "{count}");
}
