//! Has a task done by a process of its own: outside of the walls around this agent where a service manager has put it
//! behind some, so that a script can do what an administrator can.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::perform;
#[cfg(windows)]
pub use windows::perform;

use super::output::Output;
use entity::id::CommandId;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Whoever does a task has so much longer than the task itself.
const SLACK: Duration = Duration::from_secs(20);

/// Which command it is for, how long it may take, and where its output goes.
pub struct Job<'a> {
    /// Which.
    pub command_id: CommandId,
    /// How long.
    pub longest: Duration,
    /// What it writes.
    pub output: &'a mut Output,
    /// Told of every piece.
    pub tell: &'a (dyn Fn(u64, String) + Send + Sync),
}

impl Job<'_> {
    /// Tells the next piece when it is time.
    async fn tell_when_due(&mut self) {
        match self.output.due() {
            Some(due) => {
                sleep_until(Instant::from_std(due)).await;
                if let Some((offset, text)) = self.output.piece() {
                    (self.tell)(offset, text);
                }
            }
            None => std::future::pending().await,
        }
    }
}
