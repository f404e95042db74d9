//! Listens on the channel and holds the conversations: few at once, each bounded in bytes and time.

use super::tail::Tail;
use super::{Answer, CONVERSATIONS_MAX, Desk, REQUEST_BYTES_MAX, desk::Reply, document, os};
use crate::{paths::Paths, timing::Timing};
use entity::agent_state::AgentEvent;
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

/// After a failure to listen, such as too many open files.
const BREATH: Duration = Duration::from_millis(200);

/// For a caller to read its answer where that does not outlive the connection.
const LINGER: Duration = Duration::from_millis(300);

/// The open channel; closed when dropped.
pub struct Channel(JoinSet<()>);

impl Channel {
    /// Closes the channel: no new conversation, and none that is held goes on.
    pub async fn close(mut self) {
        self.0.shutdown().await;
    }
}

/// Opens the channel. To be called by who holds the lock.
///
/// # Errors
/// Whatever the system refuses; an agent can live without it.
pub fn open(paths: &Paths, desk: Desk, timing: &Timing) -> io::Result<Channel> {
    let mut listener = os::Listener::open(paths)?;
    let (paths, patience) = (paths.clone(), timing.channel);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let room = Arc::new(Semaphore::new(CONVERSATIONS_MAX));
        let mut conversations = JoinSet::new();
        loop {
            while conversations.try_join_next().is_some() {}
            match listener.accept().await {
                Ok(stream) => {
                    let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
                        tracing::warn!("IPC: too many conversations at once, one is turned away");
                        continue;
                    };
                    tracing::debug!("IPC: connection");
                    let (desk, paths) = (desk.clone(), paths.clone());
                    conversations.spawn(async move {
                        converse(stream, &desk, &paths, patience).await;
                        drop(place);
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    tracing::warn!("IPC: connection refused: {error}");
                }
                Err(error) => {
                    tracing::warn!("IPC: a connection failed: {error}");
                    sleep(BREATH).await;
                }
            }
        }
    });
    Ok(Channel(tasks))
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    desk: &Desk,
    paths: &Paths,
    patience: Duration,
) {
    let reply = match timeout(patience, document::read(&mut stream, REQUEST_BYTES_MAX)).await {
        Ok(Ok(request)) => desk.reply(request),
        Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
            tracing::warn!("IPC: a request that cannot be read: {error}");
            Reply::Say(Answer::error(format!("the request cannot be read: {error}")))
        }
        Ok(Err(_)) => return,
        Err(_) => {
            tracing::warn!("IPC: no request within {} s", patience.as_secs());
            Reply::Say(Answer::error(format!("no whole request came within {} s", patience.as_secs())))
        }
    };
    match reply {
        Reply::Say(answer) => {
            say(&mut stream, &answer, patience).await;
            linger(&mut stream).await;
        }
        Reply::MakeRoom(arguments) => {
            if say(&mut stream, &Answer::Acknowledged, patience).await {
                linger(&mut stream).await;
                let _ = desk.make_room.send(arguments).await;
            } else {
                // It gave up while this agent was suspended: room would be made for nobody.
                let _ = desk.phase.on(AgentEvent::ForceAbandoned);
            }
        }
        Reply::Logs { lines, follow } => {
            say(&mut stream, &Answer::Ok { report: serde_json::Value::Null }, patience).await;
            tell_log(stream, paths, lines, follow, patience).await;
        }
    }
}

/// False: the caller has gone.
async fn say<S: AsyncWrite + Unpin>(stream: &mut S, answer: &Answer, patience: Duration) -> bool {
    let line = answer.line();
    let told = timeout(patience, async {
        stream.write_all(line.as_bytes()).await?;
        stream.flush().await
    });
    let is_told = matches!(told.await, Ok(Ok(())));
    if !is_told {
        tracing::debug!("IPC: the caller left before its answer");
    }
    is_told
}

/// A pipe that is closed takes with it what was not read yet, so the caller gets a moment to read and hang up.
async fn linger<S: AsyncRead + Unpin>(stream: &mut S) {
    if cfg!(windows) {
        let _ = timeout(LINGER, stream.read(&mut [0])).await;
    }
}

async fn tell_log<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    paths: &Paths,
    lines: u32,
    follow: bool,
    patience: Duration,
) {
    let (mut from, mut to) = tokio::io::split(stream);
    let telling = async {
        let mut tail = Tail::new(paths, lines);
        loop {
            let some = tail.read();
            if !some.is_empty() && !matches!(timeout(patience, to.write_all(&some)).await, Ok(Ok(()))) {
                return;
            }
            if some.is_empty() {
                if !follow {
                    let _ = to.shutdown().await;
                    if cfg!(windows) {
                        sleep(LINGER).await;
                    }
                    return;
                }
                sleep(Tail::LOOK_EVERY).await;
            }
        }
    };
    let mut rest = [0; 64];
    let hung_up = async { while matches!(from.read(&mut rest).await, Ok(count) if count > 0) {} };
    tokio::select! {
        () = telling => {}
        () = hung_up, if follow => {}
    }
}
