//! What a connection is told for which there is no place. Briefly, and without waiting for anything it may say.

use super::place::{Full, Places};
use entity::problem::{Problem, ProblemCode};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{net::TcpStream, time::timeout};

/// Seconds after which there may be room again.
const RETRY_AFTER_SECONDS: u32 = 5;
/// So many connections at once hear why; the others are reset.
const REFUSALS_MAX: usize = 256;
/// How long the answer may take to arrive.
const LINGER: Duration = Duration::from_secs(1);

/// Ends a connection for which there is no place. Before TLS there is no way to say why, and none is tried.
pub(super) fn refuse(stream: TcpStream, full: Full, is_tls: bool, places: &Arc<Places>) {
    tracing::debug!(?full, "a connection was refused");
    if is_tls || places.refusals.fetch_add(1, Ordering::Relaxed) >= REFUSALS_MAX {
        if !is_tls {
            places.refusals.fetch_sub(1, Ordering::Relaxed);
        }
        reset(&stream);
        return;
    }
    let places = Arc::clone(places);
    tokio::spawn(async move {
        say(&stream, &no_room(full));
        // A close with bytes unread would be a reset, which can overtake the answer.
        let _ = timeout(LINGER, drain(&stream)).await;
        places.refusals.fetch_sub(1, Ordering::Relaxed);
    });
}

/// Answers somebody who speaks HTTP where TLS is expected.
pub(super) fn not_tls(stream: &TcpStream, public_url: &str) {
    let text = format!("This port speaks HTTPS: {public_url}\n");
    say(
        stream,
        &format!(
            "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        ),
    );
}

fn no_room(full: Full) -> String {
    let detail = match full {
        Full::All => "The server has as many connections as it can hold. Try again in a few seconds.",
        Full::Address => "There are too many connections from this address. Close some and try again.",
    };
    let problem = Problem {
        retry_after_seconds: Some(RETRY_AFTER_SECONDS),
        ..Problem::new(ProblemCode::Unavailable, detail)
    };
    // A problem is plain data; it always has a JSON form.
    let body = serde_json::to_string(&problem).unwrap_or_default();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: \
         {RETRY_AFTER_SECONDS}\r\nconnection: close\r\ncache-control: no-store\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Says it, as far as the system takes it at once: a new connection has room for it.
fn say(stream: &TcpStream, answer: &str) {
    let _ = stream.try_write(answer.as_bytes());
    #[cfg(unix)]
    let _ = rustix::net::shutdown(stream, rustix::net::Shutdown::Write);
}

async fn drain(stream: &TcpStream) {
    let mut bytes = [0; 512];
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut bytes) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// Lets the close of a connection be a reset: the system keeps nothing of it.
fn reset(stream: &TcpStream) {
    #[cfg(unix)]
    let _ = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
    #[cfg(not(unix))]
    let _ = stream;
}
