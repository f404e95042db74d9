//! As much of HTTP/1.1 as the agent's requests need: one request for each connection.

use std::collections::HashMap;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// One request.
pub struct Request {
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    /// The bearer token.
    pub fn bearer(&self) -> Option<&str> {
        self.headers.get("authorization")?.strip_prefix("Bearer ")
    }
}

/// Reads one request; `None` when the other side leaves.
pub async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Request { path, headers, body })
}

/// Answers with JSON and hangs up.
pub async fn answer(stream: &mut TcpStream, status: u16, body: &serde_json::Value) {
    answer_with(stream, status, body.to_string().as_bytes()).await;
}

/// Answers with a part of a file, which may be less than its length says, and hangs up.
pub async fn answer_part(stream: &mut TcpStream, status: u16, headers: &str, part: &[u8], length: usize) {
    let head = format!(
        "HTTP/1.1 {status} X\r\n{headers}content-type: application/octet-stream\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    let _ = stream.write_all(&[head.as_bytes(), part].concat()).await;
    let _ = stream.shutdown().await;
}

/// Answers with bytes for as long as somebody takes them.
pub async fn answer_endless(stream: &mut TcpStream, length: Option<usize>) {
    let length = length.map(|length| format!("content-length: {length}\r\n")).unwrap_or_default();
    let head = format!("HTTP/1.1 200 X\r\n{length}connection: close\r\n\r\n");
    if stream.write_all(head.as_bytes()).await.is_ok() {
        while stream.write_all(&[0; 16 * 1024]).await.is_ok() {}
    }
}

/// Answers with a file and hangs up.
pub async fn answer_with(stream: &mut TcpStream, status: u16, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(&[head.as_bytes(), body].concat()).await;
    let _ = stream.shutdown().await;
}
