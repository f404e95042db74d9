//! `reeve-agent --force`: the agent that runs makes room, and this one takes its place; a supervised one is started
//! again by its supervisor.

mod hand_over;

pub use hand_over::{Handed, hand_over, take_handed};

use crate::{
    arguments::LOG_LEVELS,
    failure::Failure,
    ipc::{Answer, Connection, NotConnected},
    lock::{self, Attempt, Holder, Lock},
    paths::Paths,
    state::State,
    timing::Timing,
};
use entity::input::clip;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use updater::exit;

/// Between two tries of the lock.
const BETWEEN_TRIES: Duration = Duration::from_millis(200);
/// Most arguments that are read.
const ARGUMENTS_MAX: usize = 8;

/// What an agent may be started with by whoever knows the secret. Nothing that says whom it obeys.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NewArguments {
    /// Level of the log.
    #[serde(default)]
    pub loglevel: Option<String>,
    /// Log to standard error too.
    #[serde(default)]
    pub foreground: bool,
}

impl NewArguments {
    /// Reads arguments as they stand on a command line.
    ///
    /// # Errors
    /// A sentence that names the first argument that is not accepted.
    pub fn read(arguments: &[String]) -> Result<Self, String> {
        if arguments.len() > ARGUMENTS_MAX {
            return Err(format!("new_args has more than {ARGUMENTS_MAX} arguments"));
        }
        let mut read = Self::default();
        let mut words = arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let (name, value) =
                word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
            match (name, value) {
                ("--foreground", None) => read.foreground = true,
                ("--loglevel" | "--log-level", value) => {
                    let level = value.or_else(|| words.next()).unwrap_or_default().to_ascii_lowercase();
                    if !LOG_LEVELS.contains(&level.as_str()) {
                        let level = clip(&level, 40);
                        return Err(format!(
                            "{name} {level:?} is not accepted: the level is one of {}",
                            LOG_LEVELS.join(", ")
                        ));
                    }
                    read.loglevel = Some(level);
                }
                _ => {
                    let word = clip(word, 80);
                    return Err(format!(
                        "the argument {word:?} is not accepted: only --loglevel and --foreground can be changed"
                    ));
                }
            }
        }
        Ok(read)
    }

    /// As they stand on a command line.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let level = self.loglevel.iter().flat_map(|level| ["--loglevel".to_owned(), level.clone()]);
        level.chain(self.foreground.then(|| "--foreground".to_owned())).collect()
    }
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    /// The lock is ours: this process is the agent now.
    TakenOver(Lock),
    /// The supervisor has started another one, with this process id.
    Restarted(u32),
}

/// Asks the agent that runs to make room, and waits until it has.
///
/// # Errors
/// Each with an exit code of its own.
pub async fn force(paths: &Paths, arguments: &NewArguments, timing: &Timing) -> Result<Outcome, Failure> {
    tracing::info!("--force: asking the agent that runs to make room");
    let mut connection = match connect(paths, timing).await {
        Ok(connection) => connection,
        Err(error) => return without_connection(paths, &error),
    };
    let holder = lock::running(paths);
    let supervised = holder.is_some() && State::load(paths).is_some_and(|state| state.supervised);
    tracing::info!("--force: connected to the agent that runs");
    match connection.force(arguments.words()).await {
        Ok(Answer::BusyUpdating { target_version }) => {
            let version = clip(&target_version, 40);
            tracing::warn!(
                "Instance A reported it is busy updating to version {version}. Cannot force restart."
            );
            return Err(Failure::new(
                exit::BUSY_UPDATING,
                format!(
                    "The running agent is currently updating to version {version} and cannot be restarted now. Please try again later."
                ),
            ));
        }
        Ok(Answer::InvalidSecret) => {
            let said = "IPC secret mismatch. Ensure Instance B has the correct secret or Instance A's secret storage is intact.";
            tracing::error!("{said}");
            return Err(Failure::new(exit::SECRET_REFUSED, said));
        }
        Ok(Answer::Acknowledged) => {
            tracing::info!("Instance A acknowledged --force request. Waiting for lock release.");
        }
        other => {
            if let Ok(Answer::Error { message }) = &other {
                tracing::warn!("Instance A answered: {}", clip(message, 300));
            }
            tracing::warn!(
                "Did not receive expected acknowledgment from Instance A (Timeout={}s). Assuming it might be unresponsive or older version. Proceeding to wait for lock release.",
                timing.channel_answer.as_secs()
            );
        }
    }
    let former = holder.unwrap_or_default();
    let outcome = if supervised {
        wait_for_supervisor(paths, &former, timing).await
    } else {
        wait_for_lock(paths, &former, timing).await
    };
    // Open until here: an agent that hears the request late makes room only for somebody who still waits.
    drop(connection);
    outcome
}

/// Connects; one that holds the lock and does not listen may be just starting, or just ending.
async fn connect(paths: &Paths, timing: &Timing) -> Result<Connection, NotConnected> {
    let until = Instant::now() + timing.channel;
    loop {
        match Connection::open(paths, timing).await {
            Err(NotConnected::Nobody(_)) if Instant::now() < until && lock::running(paths).is_some() => {
                sleep(BETWEEN_TRIES).await;
            }
            other => return other,
        }
    }
}

/// Nobody to ask: either nobody runs, or one that does not listen.
fn without_connection(paths: &Paths, error: &NotConnected) -> Result<Outcome, Failure> {
    let Some(holder) = lock::running(paths) else {
        tracing::info!("--force: no agent runs ({error}); starting as usual");
        return Lock::take(paths).map(Outcome::TakenOver);
    };
    tracing::error!("--force: {error}");
    let code = match error {
        NotConnected::NoSecret(_) | NotConnected::Refused(_) => exit::SECRET_REFUSED,
        NotConnected::Nobody(_) => exit::UNRESPONSIVE,
    };
    Err(Failure::new(code, format!("the agent that runs ({holder}) cannot be asked to make room: {error}")))
}

async fn wait_for_lock(paths: &Paths, former: &Holder, timing: &Timing) -> Result<Outcome, Failure> {
    let until = Instant::now() + timing.make_room;
    loop {
        match Lock::attempt(paths) {
            Ok(Attempt::Taken { lock, .. }) => {
                tracing::info!("Acquired lock successfully");
                return Ok(Outcome::TakenOver(lock));
            }
            // Somebody else was quicker: of many that ask at once, one gets the place.
            Ok(Attempt::Held(holder))
                if former.pid.is_some() && holder.pid.is_some_and(|pid| Some(pid) != former.pid) =>
            {
                return Err(lock::is_running(&holder));
            }
            Ok(Attempt::Held(_)) if Instant::now() < until => sleep(BETWEEN_TRIES).await,
            Ok(Attempt::Held(_)) => return Err(unresponsive(former)),
            Err(error) => {
                return Err(Failure::failed(format!("{}: {error}", paths.lock().display())));
            }
        }
    }
}

/// Waits for an agent with another process id that is up. Never takes the lock: two would fight for it.
async fn wait_for_supervisor(paths: &Paths, former: &Holder, timing: &Timing) -> Result<Outcome, Failure> {
    let until = Instant::now() + timing.make_room;
    tracing::info!("--force: the agent is supervised; its supervisor starts it again");
    loop {
        if let Some(pid) = lock::running(paths).and_then(|holder| holder.pid)
            && Some(pid) != former.pid
            && Connection::open(paths, timing).await.is_ok()
        {
            return Ok(Outcome::Restarted(pid));
        }
        if Instant::now() >= until {
            return Err(unresponsive(former));
        }
        sleep(BETWEEN_TRIES).await;
    }
}

fn unresponsive(former: &Holder) -> Failure {
    let pid = former.pid.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string());
    tracing::error!(
        "Timeout waiting for Instance A (PID read from lock: {pid}) to release lock after --force attempt. Instance A might be unresponsive. Instance B will now exit."
    );
    let said = "Could not acquire lock, another instance is running and unresponsive after force request.";
    tracing::error!("{said}");
    Failure::new(exit::UNRESPONSIVE, said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<NewArguments, String> {
        NewArguments::read(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn only_what_says_nothing_of_whom_to_obey_is_accepted() {
        assert_eq!(read(&[]), Ok(NewArguments::default()));
        let both = read(&["--foreground", "--loglevel", "DEBUG"]).unwrap();
        assert_eq!(both.words(), ["--loglevel", "debug", "--foreground"]);
        assert_eq!(read(&["--log-level=warn"]).unwrap().loglevel.as_deref(), Some("warn"));
        for (words, named) in [
            (&["--server", "http://evil"][..], "--server"),
            (&["--loglevel", "debug", "--data-dir=/x"], "--data-dir=/x"),
            (&["--loglevel"], "--loglevel"),
            (&["--loglevel", "loud"], "loud"),
            (&["--foreground=yes"], "--foreground=yes"),
            (&["register"], "register"),
            (&[""], "\"\""),
            (&["\u{1b}[2J"], "[2J"),
        ] {
            let refused = read(words).unwrap_err();
            assert!(refused.contains(named), "{named} is missing in: {refused}");
            assert!(!refused.contains('\u{1b}'), "{refused:?}");
        }
        assert!(read(&["--foreground"; 9]).is_err());
        assert!(read(&[&"x".repeat(5000)]).unwrap_err().len() < 300);
    }
}
