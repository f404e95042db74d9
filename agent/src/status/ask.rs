//! Asks the agent that runs, and looks at its files when none does or none answers.

use super::{Report, report};
use crate::{
    doctor::{self, Check},
    failure::Failure,
    ipc::{
        Answer, Ask, Connection,
        tail::{Tail, plain},
    },
    paths::Paths,
    timing::Timing,
};
use std::io::{self, Write as _};

/// What the agent that runs answers, if one does.
async fn told<T: serde::de::DeserializeOwned>(paths: &Paths, timing: &Timing, ask: Ask) -> Option<T> {
    let mut connection = Connection::open(paths, timing).await.ok()?;
    match connection.ask(ask).await {
        Ok(Answer::Ok { report }) => serde_json::from_value(report).ok(),
        _ => None,
    }
}

/// How the agent is.
///
/// # Errors
/// When this machine is not registered.
pub async fn ask(paths: &Paths, timing: &Timing) -> Result<Report, Failure> {
    match told(paths, timing, Ask::Status).await {
        Some(report) => Ok(report),
        None => report(paths, None),
    }
}

/// What the agent that runs finds, and what can be seen from outside.
pub async fn doctor(paths: &Paths, timing: &Timing) -> Vec<Check> {
    let mut checks = doctor::examine(paths);
    checks.extend(doctor::ask_server(paths, timing).await);
    match told::<Vec<Check>>(paths, timing, Ask::Doctor).await {
        Some(more) => checks.extend(more),
        None => checks.push(doctor::not_answering(paths)),
    }
    checks
}

/// Writes the end of the log to standard output, and what is added when `follow`.
///
/// # Errors
/// When standard output takes no more.
pub async fn logs(
    paths: &Paths,
    timing: &Timing,
    lines: u32,
    follow: bool,
    json: bool,
) -> Result<(), Failure> {
    let outcome = match Connection::open(paths, timing).await {
        Ok(mut connection) => match connection.ask(Ask::Logs { lines, follow }).await {
            Ok(Answer::Ok { .. }) => from_channel(&mut connection, json).await,
            _ => from_files(paths, lines, follow, json).await,
        },
        Err(_) => from_files(paths, lines, follow, json).await,
    };
    match outcome {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| Failure::failed(format!("the log cannot be shown: {error}"))),
    }
}

async fn from_channel(connection: &mut Connection, json: bool) -> io::Result<()> {
    let mut rest = Vec::new();
    loop {
        let some = connection.rest().await?;
        if some.is_empty() {
            return show(&mut rest, json, true);
        }
        rest.extend(some);
        show(&mut rest, json, false)?;
    }
}

async fn from_files(paths: &Paths, lines: u32, follow: bool, json: bool) -> io::Result<()> {
    let mut tail = Tail::new(paths, lines);
    let mut rest = Vec::new();
    loop {
        let some = tail.read();
        if some.is_empty() {
            if !follow {
                return show(&mut rest, json, true);
            }
            tokio::time::sleep(Tail::LOOK_EVERY).await;
        }
        rest.extend(some);
        show(&mut rest, json, false)?;
    }
}

/// Writes the whole lines of `rest` and leaves what is none yet; at the end, that too.
fn show(rest: &mut Vec<u8>, json: bool, is_end: bool) -> io::Result<()> {
    let whole =
        if is_end { rest.len() } else { rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1) };
    let bytes: Vec<u8> = rest.drain(..whole).collect();
    let mut stdout = io::stdout().lock();
    for line in String::from_utf8_lossy(&bytes).lines() {
        if json {
            writeln!(stdout, "{line}")?;
        } else {
            writeln!(stdout, "{}", plain(line))?;
        }
    }
    stdout.flush()
}
