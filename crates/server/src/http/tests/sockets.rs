//! Attack A11 and the life of a connection, over real sockets.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use futures::channel::oneshot;
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::house::House;
use crate::http::{Bounds, Visitor, serve};

struct Server {
    address: std::net::SocketAddr,
    end: Option<oneshot::Sender<()>>,
    done: tokio::task::JoinHandle<()>,
}

async fn server() -> Server {
    serving(|_, request: Request<Body>| async {
        let (is_slow, is_read) = (request.uri().path() == "/slow", request.method() == Method::GET);
        let Ok(body) = request.into_body().collect().await else {
            return Response::builder().status(StatusCode::BAD_REQUEST).body(Body::empty()).unwrap();
        };
        if is_slow {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        Response::new(match body.to_bytes() {
            _ if is_slow => Body::from("slow"),
            _ if is_read => Body::from("hello"),
            body => Body::from(body),
        })
    })
    .await
}

async fn serving<A, R>(answer: A) -> Server
where
    A: Fn(Visitor, Request<Body>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let bounds = Bounds { connections: 2, head: Duration::from_millis(400), drain: Duration::from_secs(5) };
    let (end, ended) = oneshot::channel::<()>();
    let done = crate::ports::task(serve(listener, answer, bounds, async { ended.await.unwrap_or(()) }));
    Server { address, end: Some(end), done }
}

/// Sends bytes and reads until the other side closes.
async fn exchange(server: &Server, bytes: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is as good as a close.
    let _ =
        tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.expect("it was closed");
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a11_requests_that_could_be_read_two_ways() {
    let server = server().await;
    for request in [
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +1\r\n\r\na",
        "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: x\r\nx-a: 1\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nhost : x\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\na\r\n0\r\n\r\n",
    ] {
        let answer = exchange(&server, request).await;
        assert!(answer.starts_with("HTTP/1.1 400") || answer.starts_with("HTTP/1.0 400"), "{request:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a11_no_request_hides_in_another() {
    let server = server().await;
    let hidden = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 40\r\ntransfer-encoding: chunked\r\n\r\n\
                  0\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n";
    let answer = exchange(&server, hidden).await;
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    assert!(!answer.contains("hello"), "{answer}");
}

async fn site() -> Server {
    let site = House::test().site;
    serving(move |visitor, request| site.clone().answer(visitor, request)).await
}

#[tokio::test]
async fn what_a_site_answers_beside_its_doors() {
    let server = site().await;
    let ask = async |line: &str, headers: usize| {
        let headers = "x: y\r\n".repeat(headers);
        exchange(&server, &format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n")).await
    };
    let head = ask("HEAD /livez", 0).await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("\r\ncontent-length: 3\r\n"), "{head}");
    assert!(head.ends_with("\r\n\r\n"), "there is no body: {head}");
    for (line, headers, status, code) in [
        ("GET /docs/errors/%ff", 0, 404, "not_found"),
        ("GET /docs/errors/not%5ffound", 0, 200, "<h1>"),
        ("GET /nowhere", 0, 404, "not_found"),
        ("GET *", 0, 404, "not_found"),
        ("CONNECT x:1", 0, 404, "not_found"),
        ("DELETE /livez", 0, 405, "method_not_allowed"),
        ("GET /livez", 62, 200, "ok"),
        ("GET /livez", 63, 431, "headers_too_large"),
    ] {
        let answer = ask(line, headers).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(code), "{line}: {answer}");
        assert!(answer.contains("\r\nrequest-id: req_"), "{line}: {answer}");
    }
    // Beyond what the connection reads at all.
    let answer = ask("GET /livez", 200).await;
    assert!(answer.starts_with("HTTP/1.1 431") && !answer.contains("request-id"), "{answer}");
}

#[tokio::test]
async fn a_head_that_does_not_come_frees_its_place() {
    let server = site().await;
    let livez = "GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let stuck = [TcpStream::connect(server.address).await.unwrap(), TcpStream::connect(server.address).await.unwrap()];
    // Both places are taken: the third connection is turned away, in words.
    let answer = exchange(&server, &livez.replace("connection: close\r\n", "")).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    for part in
        ["\r\nretry-after: 1\r\n", "\r\nconnection: close\r\n", "\r\nrequest-id: req_", "\"code\":\"overloaded\""]
    {
        assert!(answer.contains(part), "{part} is missing in {answer}");
    }
    // Whoever says nothing is closed all the same.
    let silent = tokio::time::timeout(Duration::from_secs(5), exchange(&server, ""));
    assert_eq!(silent.await.expect("it was closed in time"), "");
    // The heads of the first two are late by now.
    let answer = exchange(&server, livez).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(stuck);
}

#[tokio::test]
async fn open_requests_are_finished_at_the_end() {
    let mut server = server().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"POST /slow HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.end.take().unwrap().send(()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("slow"), "{answer}");
    server.done.await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err(), "nothing is accepted any more");
}
