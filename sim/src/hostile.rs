//! Agents that mean no good: each misdeed is done once, and says what the server must not have answered.

use crate::{Door, Identity, Reply, Socket, Trouble};
use entity::wire::{ToAgent, limits::MESSAGE_BYTES_MAX};
use flate2::{Compression, write::GzEncoder};
use reqwest::Method;
use std::{io::Write as _, time::Duration};
use tokio::{
    io::AsyncWriteExt as _,
    time::{sleep, timeout},
};

/// How long a half-open socket is held.
const HOLD: Duration = Duration::from_secs(20);
/// An answer that takes longer will not come.
const PATIENCE: Duration = Duration::from_secs(60);
/// Frames of one flood.
const FLOOD: usize = 2_000;

/// One way to be a nuisance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misdeed {
    /// Text that is no message, bytes that are no text.
    JunkFrames,
    /// A frame that is larger than any honest one.
    HugeFrame,
    /// A frame whose end never comes.
    PartialFrame,
    /// Thousands of frames without content.
    TinyFrames,
    /// One message in thousands of pieces that never end.
    Fragments,
    /// A socket that is opened and left alone.
    HalfOpen,
    /// One hello after the other.
    RepeatedHello,
    /// Reports in the name of another device, signatures over something else.
    Lies,
    /// JSON that is broken, deep, or of another shape.
    BadJson,
    /// A small body that would become a large one.
    GzipBomb,
    /// 64 MiB of JSON.
    HugeBody,
    /// A body that comes a byte at a time.
    SlowBody,
}

impl Misdeed {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::JunkFrames,
        Self::HugeFrame,
        Self::PartialFrame,
        Self::TinyFrames,
        Self::Fragments,
        Self::HalfOpen,
        Self::RepeatedHello,
        Self::Lies,
        Self::BadJson,
        Self::GzipBomb,
        Self::HugeBody,
        Self::SlowBody,
    ];
}

/// A masked frame, as clients send them: the opcode, whether it is the last of its message, and what it holds.
#[must_use]
pub fn frame(opcode: u8, last: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(opcode, last, payload.len() as u64);
    // The mask is all zeros, so that the payload stays as it is.
    bytes.extend_from_slice(payload);
    bytes
}

/// The beginning of a frame that claims to hold so many bytes.
fn header(opcode: u8, last: bool, bytes: u64) -> Vec<u8> {
    let mut head = vec![opcode | if last { 0x80 } else { 0 }];
    if let Ok(small) = u8::try_from(bytes)
        && small < 126
    {
        head.push(0x80 | small);
    } else if let Ok(middle) = u16::try_from(bytes) {
        head.push(0x80 | 126);
        head.extend_from_slice(&middle.to_be_bytes());
    } else {
        head.push(0x80 | 127);
        head.extend_from_slice(&bytes.to_be_bytes());
    }
    head.extend_from_slice(&[0; 4]);
    head
}

/// Does a misdeed in the name of a device; what it says is what the server should not have done.
///
/// # Errors
/// A sentence, when the server took what it must not take.
pub async fn misbehave(door: &Door, identity: &Identity, misdeed: Misdeed) -> Result<(), String> {
    let done = timeout(PATIENCE * 2, Box::pin(attempt(door, identity, misdeed))).await;
    match done {
        // Cut off, held back or refused: that is the point.
        Err(_) | Ok(Ok(()) | Err(Wrong::Refused(_))) => Ok(()),
        Ok(Err(Wrong::Taken(what))) => Err(format!("{misdeed:?}: {what}")),
    }
}

enum Wrong {
    /// The server did not want it.
    Refused(#[expect(dead_code, reason = "for whoever debugs")] Trouble),
    /// The server took it.
    Taken(String),
}

impl From<Trouble> for Wrong {
    fn from(trouble: Trouble) -> Self {
        Self::Refused(trouble)
    }
}

impl From<std::io::Error> for Wrong {
    fn from(_: std::io::Error) -> Self {
        Self::Refused(Trouble::Lost)
    }
}

async fn attempt(door: &Door, identity: &Identity, misdeed: Misdeed) -> Result<(), Wrong> {
    match misdeed {
        Misdeed::Lies => lies(door, identity).await,
        Misdeed::BadJson => bad_json(door, identity).await,
        Misdeed::GzipBomb => {
            let bomb = gzip(64 << 20).map_err(|error| Wrong::Taken(error.to_string()))?;
            let headers = [("content-encoding", "gzip")];
            refused(
                &post(door, identity, "software", &headers, bomb).await?,
                &[400, 411, 413, 415, 422, 429, 503],
            )
        }
        Misdeed::HugeBody => {
            let mut body = br#"{"digest":""#.to_vec();
            body.resize(64 << 20, b'x');
            refused(&post(door, identity, "software", &[], body).await?, &[413, 429, 503])
        }
        Misdeed::SlowBody => slow_body(door, identity).await,
        on_socket => {
            let token = identity.token(door).await?.agent_token;
            let opened = Socket::open(door, Some(&token)).await;
            let mut socket = opened.map_err(|error| Wrong::Refused(Trouble::from(*error)))?;
            if on_socket != Misdeed::HalfOpen {
                socket.greet(crate::hello()).await?;
            }
            on(&mut socket, on_socket).await
        }
    }
}

async fn on(socket: &mut Socket, misdeed: Misdeed) -> Result<(), Wrong> {
    match misdeed {
        Misdeed::JunkFrames => {
            for junk in
                ["", "{", "[]", "null", r#"{"type":7}"#, r#"{"type":"metrics","samples":{}}"#, "\u{0}"]
            {
                socket.send_text(junk.to_owned()).await?;
                unsupported(socket).await?;
            }
            socket.wire().write_all(&frame(2, true, &[0xFF; 100])).await?;
            unsupported(socket).await?;
            // Text that is none ends the socket.
            socket.wire().write_all(&frame(1, true, &[0xFF; 100])).await?;
            ended(socket).await
        }
        Misdeed::HugeFrame => {
            socket.wire().write_all(&header(1, true, MESSAGE_BYTES_MAX as u64 * 16)).await?;
            ended(socket).await
        }
        Misdeed::PartialFrame => {
            socket.wire().write_all(&header(1, true, 60_000)).await?;
            socket.wire().write_all(&[b' '; 59_999]).await?;
            socket.wire().flush().await?;
            ended(socket).await
        }
        Misdeed::TinyFrames => {
            let flood = frame(1, true, b"{}").repeat(FLOOD);
            socket.wire().write_all(&flood).await?;
            let pings = frame(9, true, b"").repeat(FLOOD);
            socket.wire().write_all(&pings).await?;
            Ok(())
        }
        Misdeed::Fragments => {
            socket.wire().write_all(&frame(1, false, b"{")).await?;
            let piece = frame(0, false, &[b' '; 1_000]);
            for _ in 0..FLOOD * 5 {
                socket.wire().write_all(&piece).await?;
            }
            ended(socket).await
        }
        Misdeed::HalfOpen => {
            sleep(HOLD).await;
            ended(socket).await
        }
        _ => {
            for _ in 0..20 {
                socket.send(&entity::wire::ToServer::Hello(crate::hello())).await?;
                unsupported(socket).await?;
            }
            Ok(())
        }
    }
}

async fn unsupported(socket: &mut Socket) -> Result<(), Wrong> {
    match timeout(PATIENCE, socket.next()).await {
        Ok(Ok(ToAgent::Unsupported { .. } | ToAgent::Busy { .. } | ToAgent::Ping { .. })) => Ok(()),
        Ok(Ok(message)) => Err(Wrong::Taken(format!("answered with {message:?}"))),
        Ok(Err(_)) => Err(Wrong::Refused(Trouble::Lost)),
        Err(_) => Err(Wrong::Taken("not answered".to_owned())),
    }
}

/// Waits for the server to end the socket; it may say things before.
async fn ended(socket: &mut Socket) -> Result<(), Wrong> {
    let end = async { while socket.next().await.is_ok() {} };
    timeout(PATIENCE, end).await.map_err(|_| Wrong::Taken("the socket was not ended".to_owned()))
}

async fn post(
    door: &Door,
    identity: &Identity,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Result<Reply, Trouble> {
    let bearer = format!("Bearer {}", identity.token(door).await?.agent_token);
    let mut all = vec![("authorization", bearer.as_str())];
    all.extend_from_slice(headers);
    door.send(Method::POST, &format!("/api/v1/agents/{}/{path}", identity.device), &all, body).await
}

fn refused(reply: &Reply, expected: &[u16]) -> Result<(), Wrong> {
    if expected.contains(&reply.status) {
        return Ok(());
    }
    Err(Wrong::Taken(format!("answered {}", reply.status)))
}

async fn lies(door: &Door, identity: &Identity) -> Result<(), Wrong> {
    let token = identity.token(door).await?.agent_token;
    let bearer = format!("Bearer {token}");
    let heartbeat = br#"{"link":"polling"}"#.to_vec();
    let own = identity.device.to_string();
    // Another device's id: there may be one, and it is not this one's.
    let (rest, last) = own.split_at(own.len() - 1);
    let other = format!("{rest}{}", if last == "7" { "8" } else { "7" });
    for (path, bearer) in [
        (format!("/api/v1/agents/{other}/heartbeat"), bearer.as_str()),
        (format!("/api/v1/agents/{own}/heartbeat"), "Bearer not.a.token"),
        (format!("/api/v1/agents/{own}/heartbeat"), &bearer[..bearer.len() - 4]),
        ("/api/v1/agents".to_owned(), bearer.as_str()),
    ] {
        let method = if path.ends_with("heartbeat") { Method::POST } else { Method::GET };
        let reply = door.send(method, &path, &[("authorization", bearer)], heartbeat.clone()).await?;
        refused(&reply, &[401, 403, 404, 429, 503])?;
    }
    let forged = Identity { key: crate::Key::fresh(), ..identity.clone() };
    match forged.token(door).await {
        Ok(_) => Err(Wrong::Taken("a token for another key".to_owned())),
        Err(trouble) => Err(trouble.into()),
    }
}

async fn bad_json(door: &Door, identity: &Identity) -> Result<(), Wrong> {
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    for body in [b"{".to_vec(), b"\xFF\xFE".to_vec(), br#"{"position":-1,"samples":[]}"#.to_vec(), deep] {
        refused(&post(door, identity, "metrics", &[], body).await?, &[400, 413, 422, 429, 503])?;
    }
    Ok(())
}

fn gzip(bytes: usize) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..bytes >> 20 {
        encoder.write_all(&zeros)?;
    }
    encoder.finish()
}

/// Claims a body and sends it a byte at a time, below HTTP libraries.
async fn slow_body(door: &Door, identity: &Identity) -> Result<(), Wrong> {
    let Some(address) = door.url().strip_prefix("http://") else { return Ok(()) };
    let token = identity.token(door).await?.agent_token;
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let head = format!(
        "POST /api/v1/agents/{}/metrics HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 100000\r\n\r\n",
        identity.device
    );
    stream.write_all(head.as_bytes()).await?;
    let trickle = async {
        loop {
            stream.write_all(b" ").await?;
            sleep(Duration::from_millis(500)).await;
        }
    };
    match timeout(PATIENCE + HOLD, trickle).await {
        Ok(Err::<(), std::io::Error>(_)) => Ok(()),
        Ok(Ok(())) | Err(_) => Err(Wrong::Taken("a body without end was read".to_owned())),
    }
}
