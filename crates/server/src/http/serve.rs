//! Connections: accepted up to a bound, each with a head that must arrive in time, all drained at the end.
//!
//! One beyond the bound is not left waiting: its first request is answered 503 and it is closed, within a second. Only
//! so many are answered at a time; the rest are closed without a word.
//!
//! HTTP/1.1 as hyper reads it, strictly: folded headers, bad chunks and differing lengths are 400, and the connection is
//! closed. Where both a length and a transfer coding are given, the coding counts and nothing after that request is read
//! (RFC 9112, 6.3), so no second request can hide in it. Header sections beyond hyper's bounds, 100 lines or
//! [`MAX_HEAD_BYTES`], get a bare 431 from it; those that are merely too large get a problem.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use futures::FutureExt as _;
use futures::future::Either;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Visitor;
use crate::ports::task;
use crate::telemetry::TURNED_AWAY;

/// Most bytes of a head that hyper reads; the doors refuse at fewer.
const MAX_HEAD_BYTES: usize = 128 * 1024;
/// Most connections that are being turned away at a time.
const MAX_TURNED_AWAY: usize = 512;
/// How long one of them may take.
const TURNING_AWAY: Duration = Duration::from_secs(1);
/// How long accepting rests when the system has no sockets left.
const REST: Duration = Duration::from_millis(100);

/// What bounds the connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Most open connections; more are answered 503 and closed.
    pub(crate) connections: usize,
    /// How long the head of a request may take.
    pub(crate) head: Duration,
    /// How long open requests may take once the end was asked for.
    pub(crate) drain: Duration,
}

/// Serves until `end` is ready, then lets open requests finish within the bound. `answer` is what a request comes to.
pub(crate) async fn serve<A, R>(listener: TcpListener, answer: A, bounds: Bounds, end: impl Future<Output = ()>)
where
    A: Fn(Visitor, Request<Body>) -> R + Clone + Send + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(bounds.connections));
    let turned_away = Arc::new(Semaphore::new(MAX_TURNED_AWAY));
    let refused = metrics::counter!(TURNED_AWAY);
    let graceful = GracefulShutdown::new();
    let mut end = pin!(end.fuse());
    loop {
        let next = pin!(listener.accept());
        let Either::Left((connection, _)) = futures::future::select(next, &mut end).await else { break };
        let Ok((stream, peer)) = connection else {
            tokio::time::sleep(REST).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            refused.increment(1);
            if let Ok(place) = Arc::clone(&turned_away).try_acquire_owned() {
                task(turn_away(stream, peer.ip(), answer.clone(), place));
            }
            continue;
        };
        let served = graceful.watch(connect(stream, peer.ip(), answer.clone(), bounds.head));
        task(async move {
            // Whatever ends a connection is the client's business; its requests were logged.
            let _ = served.await;
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(bounds.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were not finished when the server stopped");
    }
}

/// Answers one request, and closes.
async fn turn_away<A, R>(stream: TcpStream, address: IpAddr, answer: A, place: OwnedSemaphorePermit)
where
    A: Fn(Visitor, Request<Body>) -> R + Send + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    let visitor = Visitor { address, has_place: false };
    let service =
        service_fn(move |request: Request<Incoming>| answer(visitor, request.map(Body::new)).map(Ok::<_, Infallible>));
    let served = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
    // Whatever ends it is the client's business.
    let _ = tokio::time::timeout(TURNING_AWAY, served).await;
    drop(place);
}

fn connect<A, R>(
    stream: TcpStream,
    address: IpAddr,
    answer: A,
    head: Duration,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send
where
    A: Fn(Visitor, Request<Body>) -> R + Send + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    // Answers are small and whole; waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let visitor = Visitor { address, has_place: true };
    let service =
        service_fn(move |request: Request<Incoming>| answer(visitor, request.map(Body::new)).map(Ok::<_, Infallible>));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
}
