//! Connections: accepted up to a bound, each with a head that must arrive in time, all drained at the end.
//!
//! HTTP/1.1 as hyper reads it, strictly: folded headers, bad chunks and differing lengths are 400, and the connection is
//! closed. Where both a length and a transfer coding are given, the coding counts and nothing after that request is read
//! (RFC 9112, 6.3), so no second request can hide in it. Header sections beyond hyper's own bounds get a bare 431 from
//! it; those that are merely too large get a problem.

use std::convert::Infallible;
use std::future::Future;
use std::io;
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
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use crate::ports::task;

/// Most header lines that hyper reads; the doors refuse at fewer.
const MAX_HEADERS: usize = 512;
/// Most bytes of a head that hyper reads; the doors refuse at fewer.
const MAX_HEAD_BYTES: usize = 128 * 1024;
/// How long accepting rests when the system has no sockets left.
const REST: Duration = Duration::from_millis(100);

/// What bounds the connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Most open connections; more wait to be accepted.
    pub(crate) connections: usize,
    /// How long the head of a request may take.
    pub(crate) head: Duration,
    /// How long open requests may take once the end was asked for.
    pub(crate) drain: Duration,
}

/// Serves until `end` is ready, then lets open requests finish within the bound.
pub(crate) async fn serve(listener: TcpListener, router: Router, bounds: Bounds, end: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(bounds.connections));
    let graceful = GracefulShutdown::new();
    let mut end = pin!(end.fuse());
    loop {
        let next = pin!(accept(&listener, &places));
        let Either::Left(((connection, place), _)) = futures::future::select(next, &mut end).await else { break };
        let Ok((stream, peer)) = connection else {
            tokio::time::sleep(REST).await;
            continue;
        };
        let served = graceful.watch(connect(stream, peer, router.clone(), bounds.head));
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

type Accepted = (io::Result<(TcpStream, SocketAddr)>, Option<tokio::sync::OwnedSemaphorePermit>);

/// The next connection, once there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Accepted {
    let place = Arc::clone(places).acquire_owned().await.ok();
    (listener.accept().await, place)
}

fn connect(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    head: Duration,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send {
    // Answers are small and whole; waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), peer, request));
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
