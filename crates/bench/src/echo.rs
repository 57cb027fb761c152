//! The yardstick beside every figure: the same HTTP stack answering a JSON POST of the same size through a bounded queue
//! to one worker and back, nothing decided, nothing stored. What a payment costs beyond it is the platform's own.
//!
//! It is served on a listener of its own, by `suanpan bench` only; the platform has no such path.

use std::future::Future;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// Where it is served.
pub const PATH: &str = "/bench/echo";
/// Most requests waiting for the worker; beyond that the answer is 503.
const MAX_QUEUE: usize = 8_192;
/// Most requests that the worker takes at a time.
const MAX_BATCH: usize = 512;

struct Job {
    body: Value,
    reply: oneshot::Sender<Value>,
}

/// Serves until `stop` is ready and the requests under way are answered.
pub async fn serve(listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
    let (queue, jobs) = mpsc::channel(MAX_QUEUE);
    let worker = tokio::spawn(work(jobs));
    let router = Router::new().route(PATH, post(echo)).with_state(queue);
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        // Without it small answers may wait for the client's acknowledgement; a failure only costs time.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).with_graceful_shutdown(stop).await?;
    // The router, and with it the queue's last sender, is gone: the worker ends.
    let _ = worker.await;
    Ok(())
}

async fn echo(State(queue): State<mpsc::Sender<Job>>, Json(body): Json<Value>) -> Response {
    let (reply, answer) = oneshot::channel();
    if queue.try_send(Job { body, reply }).is_err() {
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")]).into_response();
    }
    match answer.await {
        Ok(body) => (StatusCode::CREATED, Json(body)).into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn work(mut jobs: mpsc::Receiver<Job>) {
    let mut batch = Vec::with_capacity(MAX_BATCH);
    while jobs.recv_many(&mut batch, MAX_BATCH).await > 0 {
        for job in batch.drain(..) {
            // A caller that went away needs no answer.
            let _ = job.reply.send(job.body);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Client;

    #[tokio::test]
    async fn what_is_posted_comes_back_and_the_server_stops() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(listener, async {
            let _ = stopped.await;
        }));
        let client = Client::new(&url, "none").unwrap();
        let answer = client.post(PATH, "k1", r#"{"amount":100}"#).await.unwrap();
        assert_eq!((answer.status, answer.body.as_ref()), (201, br#"{"amount":100}"#.as_ref()));
        drop(client);
        stop.send(()).unwrap();
        server.await.unwrap().unwrap();
    }
}
