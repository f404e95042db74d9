//! The channel to the supervisor: JSON lines, in by standard input and out by standard output, each by a thread of its
//! own, so that a supervisor that does not read holds nothing up.

use crate::machine;
use entity::update::Running;
use std::{
    collections::VecDeque,
    fmt,
    io::{self, BufRead as _, BufReader, Read, Write},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};
use updater::channel::{CHANNEL, LINE_BYTES_MAX, ToAgent, ToSupervisor};

/// Lines that wait for a supervisor that does not read; more are dropped.
const WAITING_MAX: usize = 256;
/// Messages of the supervisor's that wait for the agent; more make the supervisor wait.
const HEARD_MAX: usize = 64;
/// A supervisor that is there answers the hello within this time; the first words of the link wait for it.
pub const WELCOME: Duration = Duration::from_secs(3);

/// This process has such a channel.
static IS_OPEN: AtomicBool = AtomicBool::new(false);

/// True when this agent has a supervisor that keeps versions of it: only then can it be updated.
#[must_use]
pub fn is_open() -> bool {
    IS_OPEN.load(Ordering::Relaxed)
}

/// What this build says that it is, before its supervisor has said more.
#[must_use]
pub fn running(is_supervised: bool) -> Running {
    Running { is_supervised, ..machine::running().clone() }
}

/// The way to the supervisor.
#[derive(Clone)]
pub struct Out(SyncSender<String>);

impl Out {
    /// Says something; never waits.
    pub fn say(&self, message: &ToSupervisor) {
        let mut line = serde_json::to_string(message).unwrap_or_default();
        if line.is_empty() || line.len() >= LINE_BYTES_MAX {
            tracing::warn!(bytes = line.len(), "a message to the supervisor is too long: left out");
            return;
        }
        line.push('\n');
        match self.0.try_send(line) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => tracing::debug!("the supervisor does not read what it is told"),
            Err(TrySendError::Disconnected(_)) => tracing::debug!("the supervisor is gone"),
        }
    }
}

impl fmt::Debug for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Out")
    }
}

/// An open channel.
#[derive(Debug)]
pub struct Channel {
    out: Out,
    heard: mpsc::Receiver<ToAgent>,
    /// What came before the task that answers was there.
    early: VecDeque<ToAgent>,
}

impl Channel {
    /// Opens it over standard input and output, and says hello.
    ///
    /// # Errors
    /// When the system gives no threads for it.
    pub fn open() -> io::Result<Self> {
        let channel = Self::over(io::stdin(), io::stdout())?;
        IS_OPEN.store(true, Ordering::Relaxed);
        Ok(channel)
    }

    /// The same over anything.
    ///
    /// # Errors
    /// As for [`Channel::open`].
    pub fn over(
        input: impl Read + Send + 'static,
        mut output: impl Write + Send + 'static,
    ) -> io::Result<Self> {
        let (out, lines) = sync_channel::<String>(WAITING_MAX);
        thread::Builder::new().name("to-supervisor".to_owned()).spawn(move || {
            for line in lines {
                if output.write_all(line.as_bytes()).and_then(|()| output.flush()).is_err() {
                    return;
                }
            }
        })?;
        let out = Out(out);
        out.say(&ToSupervisor::Hello { channel: CHANNEL, running: running(true) });
        let (tell, heard) = mpsc::channel(HEARD_MAX);
        thread::Builder::new()
            .name("from-supervisor".to_owned())
            .spawn(move || listen(BufReader::new(input), &tell))?;
        Ok(Self { out, heard, early: VecDeque::new() })
    }

    /// The way to the supervisor.
    #[must_use]
    pub fn out(&self) -> Out {
        self.out.clone()
    }

    /// Waits for what comes next; `None` is the end, which asks the agent to stop.
    pub async fn hear(&mut self) -> Option<ToAgent> {
        match self.early.pop_front() {
            Some(message) => Some(message),
            None => self.heard.recv().await,
        }
    }

    /// Waits a moment for the supervisor's answer to the hello: what runs, with the digest that only it knows.
    pub async fn greet(&mut self, patience: Duration) -> Option<Running> {
        let until = Instant::now() + patience;
        while let Ok(Some(message)) = timeout_at(until, self.heard.recv()).await {
            let running = match &message {
                ToAgent::Welcome { running, .. } => Some(running.clone()),
                _ => None,
            };
            self.early.push_back(message);
            if running.is_some() {
                return running;
            }
        }
        None
    }
}

/// Reads lines to their end, or to one that is none.
fn listen(mut input: impl io::BufRead, tell: &mpsc::Sender<ToAgent>) {
    loop {
        let mut line = Vec::new();
        let bytes_max = LINE_BYTES_MAX as u64 + 1;
        match input.by_ref().take(bytes_max).read_until(b'\n', &mut line) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                tracing::warn!(%error, "the supervisor cannot be heard");
                return;
            }
        }
        if line.len() > LINE_BYTES_MAX {
            tracing::error!("the supervisor said more than a line may hold");
            return;
        }
        match serde_json::from_slice(&line) {
            Ok(message) => {
                if tell.blocking_send(message).is_err() {
                    return;
                }
            }
            Err(error) => tracing::warn!(%error, "the supervisor said what this agent cannot read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hello_comes_first_and_the_end_of_the_input_is_heard() {
        let (mine, theirs) = std::io::pipe().unwrap();
        let (input, mut supervisor) = std::io::pipe().unwrap();
        let mut channel = Channel::over(input, theirs).unwrap();
        let mut said = String::new();
        let mut mine = BufReader::new(mine);
        mine.read_line(&mut said).unwrap();
        let ToSupervisor::Hello { channel: spoken, running } = serde_json::from_str(&said).unwrap() else {
            panic!("{said}")
        };
        assert!(spoken == CHANNEL && running.is_supervised && running.sha256.is_none());
        assert_eq!(channel.greet(Duration::from_millis(20)).await, None, "nobody has to answer");
        let known = Running { seq: 7, ..running };
        let welcome = ToAgent::Welcome {
            channel: 1,
            running: known.clone(),
            nonce: String::new(),
            receipt_every_seconds: None,
            staging: String::new(),
        };
        let text = format!(
            "nonsense\n{{\"type\":\"of_a_later_build\"}}\n{}\n",
            serde_json::to_string(&welcome).unwrap()
        );
        supervisor.write_all(text.as_bytes()).unwrap();
        assert_eq!(channel.greet(Duration::from_secs(10)).await, Some(known));
        assert_eq!(channel.hear().await, Some(ToAgent::Unknown), "nothing that came early is lost");
        assert_eq!(channel.hear().await, Some(welcome));
        drop(supervisor);
        assert_eq!(channel.hear().await, None);
    }

    #[tokio::test]
    async fn a_line_without_an_end_ends_the_channel() {
        let mut channel = Channel::over(io::repeat(b'x'), io::sink()).unwrap();
        assert_eq!(channel.hear().await, None);
    }
}
