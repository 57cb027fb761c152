//! The least HTTP/1.1 a load generator needs: write a request, read its answer, on one connection.
//!
//! It reads answers with a `Content-Length`, as the platform gives to all its JSON; anything else (chunked, more than
//! [`MAX_ANSWER_BYTES`]) is an error of the connection. General clients are built on [`crate::Client`].

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest head and body that are read.
pub const MAX_ANSWER_BYTES: usize = 1024 * 1024;
const READ_BYTES: usize = 4 * 1024;

/// An answer; its body lives in the connection's buffer until the next request.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
}

/// A connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    open: bool,
}

impl Wire {
    /// Connects, without Nagle's delay.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(READ_BYTES), open: true })
    }

    /// Whether the server keeps the connection open for another request.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Sends a whole request and reads its whole answer.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.buffer.clear();
        self.stream.write_all(request).await?;
        let head = loop {
            if let Some(head) = read_head(&self.buffer)? {
                break head;
            }
            self.read_more().await?;
        };
        let whole = head.length + head.body_length;
        if whole > MAX_ANSWER_BYTES {
            return Err(Error::new(ErrorKind::InvalidData, "answer too long"));
        }
        while self.buffer.len() < whole {
            self.read_more().await?;
        }
        self.open = !head.closes;
        Ok(Answer { status: head.status, body: self.buffer.get(head.length..whole).unwrap_or_default() })
    }

    async fn read_more(&mut self) -> Result<()> {
        if self.buffer.len() > MAX_ANSWER_BYTES {
            return Err(Error::new(ErrorKind::InvalidData, "answer too long"));
        }
        self.buffer.reserve(READ_BYTES);
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Up to and with the empty line.
    length: usize,
    body_length: usize,
    closes: bool,
}

/// Reads a head, when it is there as a whole.
fn read_head(bytes: &[u8]) -> Result<Option<Head>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let text = bytes.get(..end).and_then(|head| std::str::from_utf8(head).ok()).ok_or(ErrorKind::InvalidData)?;
    let mut lines = text.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok())
        .ok_or(ErrorKind::InvalidData)?;
    let mut body_length = None;
    let mut closes = false;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            body_length = value.trim().parse().ok();
        } else if name.eq_ignore_ascii_case("connection") {
            closes = value.trim().eq_ignore_ascii_case("close");
        }
    }
    let body_length = body_length.ok_or_else(|| Error::new(ErrorKind::InvalidData, "no content-length"))?;
    Ok(Some(Head { status, length: end + 4, body_length, closes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_when_they_are_whole() {
        let answer = b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(read_head(&answer[..40]).unwrap(), None);
        let head = read_head(answer).unwrap().unwrap();
        assert_eq!(head, Head { status: 201, length: answer.len() - 2, body_length: 2, closes: false });
        let closing = read_head(b"HTTP/1.1 503 x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").unwrap().unwrap();
        assert!(closing.closes && closing.status == 503);
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        assert!(read_head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(read_head(b"SSH-2.0\r\n\r\n").is_err());
    }
}
