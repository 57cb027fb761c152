//! Connections: accepted up to a bound, each with a head that must arrive in time, all drained at the end.
//!
//! One beyond the bound is not left waiting: its first request is answered 503 and it is closed, within a second. Only
//! so many are answered at a time; the rest are closed without a word.
//!
//! HTTP/1.1 as hyper reads it, strictly: folded headers, bad chunks and differing lengths are 400, and the connection is
//! closed. Where both a length and a transfer coding are given, the coding counts and nothing after that request is read
//! (RFC 9112, 6.3), so no second request can hide in it. Header sections beyond hyper's own bounds get a bare 431 from
//! it; those that are merely too large get a problem.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
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
use tower::ServiceExt as _;

use super::Gate;
use crate::ports::task;
use crate::telemetry::TURNED_AWAY;

/// Most header lines that hyper reads; the doors refuse at fewer.
const MAX_HEADERS: usize = 512;
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

/// What requests come to.
#[derive(Clone)]
pub(crate) struct Front {
    /// Asked first.
    pub(crate) gate: Option<Gate>,
    /// The doors.
    pub(crate) router: Router,
}

/// Serves until `end` is ready, then lets open requests finish within the bound.
pub(crate) async fn serve(listener: TcpListener, front: Front, bounds: Bounds, end: impl Future<Output = ()>) {
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
                task(turn_away(stream, peer, front.router.clone(), place));
            }
            continue;
        };
        let served = graceful.watch(connect(stream, peer, front.clone(), bounds.head));
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

/// Marks a request on a connection for which there is no place. The doors answer it without looking at it.
#[derive(Clone, Copy)]
pub(super) struct TooMany;

/// Answers one request, and closes.
async fn turn_away(stream: TcpStream, peer: SocketAddr, router: Router, place: OwnedSemaphorePermit) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(TooMany);
        answer(router.clone(), peer, request)
    });
    let served = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
    // Whatever ends it is the client's business.
    let _ = tokio::time::timeout(TURNING_AWAY, served).await;
    drop(place);
}

fn connect(
    stream: TcpStream,
    peer: SocketAddr,
    front: Front,
    head: Duration,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send {
    // Answers are small and whole; waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        match front.gate.as_ref().and_then(|gate| gate.refusal(&request)) {
            Some(refusal) => Either::Left(ready(Ok(refusal))),
            None => Either::Right(answer(front.router.clone(), peer, request)),
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
}

async fn answer(router: Router, peer: SocketAddr, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request).await
}
