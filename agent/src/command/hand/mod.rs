//! The process that does what a command asks for: `reeve-agent perform`. Everything that a script starts hangs below it,
//! whatever it does to get away, and ends with it. It ends by itself as soon as the agent that started it is gone.

#[cfg(unix)]
mod end;
#[cfg(unix)]
mod family;
#[cfg(unix)]
mod restart;
#[cfg(unix)]
mod script;
#[cfg(unix)]
mod table;

use entity::command::ResultStatus;
#[cfg(unix)]
use entity::id::CommandId;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// By this a script and what it starts know which command they are.
pub const MARK: &str = "REEVE_COMMAND_ID";

/// Ends what a script has left behind whose own `perform` did not end as it should.
#[cfg(unix)]
pub fn end_left_behind(command_id: CommandId) {
    if !family::end_marked(&format!("{MARK}={command_id}")) {
        tracing::warn!(id = %command_id, "something that a script has started does not end");
    }
}

/// What is to be done; one line of JSON on the standard input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Run a script.
    Script(Script),
    /// End processes, and start them again when that is asked for.
    End(End),
}

/// A script, and what reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// What reads it.
    pub program: PathBuf,
    /// What that is told.
    pub arguments: Vec<String>,
    /// The script, for its standard input.
    pub text: String,
    /// Where it begins.
    pub folder: PathBuf,
    /// All of its environment.
    pub environment: BTreeMap<String, String>,
    /// Milliseconds that it may run.
    pub timeout_milliseconds: u64,
}

/// Processes of one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Exactly this one.
    pub name: String,
    /// True: what is ended is started again.
    pub restart: bool,
    /// Processes that are never ended, with all those above them.
    pub spare: Vec<u32>,
    /// Milliseconds that they have to end by themselves.
    pub patience_milliseconds: u64,
}

/// How it went; one line of JSON on the standard error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// How.
    pub status: ResultStatus,
    /// What the process ended with.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// A sentence.
    pub detail: String,
}

impl Verdict {
    /// It did not succeed.
    #[must_use]
    pub fn failed(detail: impl Into<String>) -> Self {
        Self { status: ResultStatus::Failed, exit_code: None, detail: detail.into() }
    }

    /// It was done.
    #[must_use]
    pub fn completed(detail: impl Into<String>) -> Self {
        Self { status: ResultStatus::Completed, exit_code: None, detail: detail.into() }
    }
}

/// `reeve-agent perform`: reads the task, does it, says how it went.
#[cfg(unix)]
pub fn perform() -> u8 {
    use std::{
        io::{self, BufRead as _, BufReader, Read as _, Write as _},
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
    };
    const TASK_BYTES_MAX: u64 = 4 * 1024 * 1024;
    let is_left = Arc::new(AtomicBool::new(false));
    let mut line = String::new();
    let mut input = BufReader::new(io::stdin());
    let read = input.by_ref().take(TASK_BYTES_MAX).read_line(&mut line);
    let watch = {
        let is_left = Arc::clone(&is_left);
        move || {
            // Until the agent closes its end, or dies.
            let _ = io::copy(&mut input, &mut io::sink());
            is_left.store(true, Ordering::Relaxed);
        }
    };
    let watched = std::thread::Builder::new().name("agent".to_owned()).spawn(watch);
    let verdict = match (read, watched, serde_json::from_str::<Task>(&line)) {
        (Ok(_), Ok(_), Ok(Task::Script(task))) => script::run(&task, &is_left),
        (Ok(_), Ok(_), Ok(Task::End(task))) => end::run(&task),
        (Err(error), _, _) | (_, Err(error), _) => Verdict::failed(format!("it could not begin: {error}")),
        (_, _, Err(_)) => Verdict::failed("this is for the agent itself, which says what to do"),
    };
    let said = serde_json::to_string(&verdict).unwrap_or_default();
    // Nobody may be there to read it.
    let _ = writeln!(io::stderr(), "{said}");
    u8::from(verdict.status != ResultStatus::Completed)
}

/// Systems on which the agent does everything itself.
#[cfg(not(unix))]
pub fn perform() -> u8 {
    1
}
