//! `reeve-agent perform`, started here or by systemd.

use super::{Job, SLACK};
use crate::command::hand::{self, Task, Verdict};
use entity::{command::ResultStatus, id::CommandId};
use std::{ffi::OsString, io, path::Path, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{ChildStderr, ChildStdin, ChildStdout, Command},
    time::{Instant, timeout, timeout_at},
};

/// Most bytes that are read of what it says at its end.
const SAID_BYTES_MAX: usize = 64 * 1024;
/// Once it has ended, its output has so long to end too.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Where systemd's tool is; a path that is looked up could lead anywhere.
const SYSTEMD_RUN: [&str; 2] = ["/usr/bin/systemd-run", "/bin/systemd-run"];
/// Most tasks of a command, where the system counts them.
const TASKS_MAX: u32 = 1024;

/// Has it done.
///
/// # Errors
/// When it cannot be begun.
pub async fn perform(task: &Task, mut job: Job<'_>) -> io::Result<Verdict> {
    let deadline = Instant::now() + job.longest + SLACK;
    // Not killed when it is dropped: it ends by itself when this end of its input is closed, and takes along what it has
    // started.
    let mut child =
        command(task, &job)?.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let nothing = || io::Error::other("it cannot be talked to");
    let mut input = child.stdin.take().ok_or_else(nothing)?;
    let output = child.stdout.take().ok_or_else(nothing)?;
    let said = child.stderr.take().ok_or_else(nothing)?;
    let id = job.command_id;
    let said = {
        let talk = talk(task, &mut input, output, said, &mut job);
        tokio::pin!(talk);
        let first = async {
            tokio::select! { said = &mut talk => Some(said), _ = child.wait() => None }
        };
        match timeout_at(deadline, first).await {
            Ok(Some(said)) => Ok(said),
            Ok(None) => match timeout(LAST_WORDS, &mut talk).await {
                Ok(said) => Ok(said),
                // It was ended, and what it should have ended holds its output open.
                Err(_) => {
                    leave_nothing(task, id).await;
                    timeout_at(deadline, &mut talk).await
                }
            },
            Err(late) => Err(late),
        }
    };
    let Ok(said) = said else {
        drop(input);
        let _ = child.start_kill();
        let detail = "it did not end in time, and what it was run by did not either".to_owned();
        return Ok(Verdict { status: ResultStatus::TimedOut, exit_code: None, detail });
    };
    let said = said?;
    drop(input);
    let _ = timeout_at(deadline, child.wait()).await;
    let text = String::from_utf8_lossy(&said);
    let verdict = text.lines().rev().find_map(|line| serde_json::from_str::<Verdict>(line).ok());
    if verdict.is_none() {
        leave_nothing(task, id).await;
    }
    Ok(verdict.unwrap_or_else(|| {
        let why = text.lines().last().unwrap_or("it ended without a word").to_owned();
        Verdict::failed(format!("it is not known how it ended: {why}"))
    }))
}

/// Ends what a script has started when nobody else has.
async fn leave_nothing(task: &Task, id: CommandId) {
    if matches!(task, Task::Script(_)) {
        let _ = tokio::task::spawn_blocking(move || hand::end_left_behind(id)).await;
    }
}

async fn talk(
    task: &Task,
    input: &mut ChildStdin,
    mut output: ChildStdout,
    mut said: ChildStderr,
    job: &mut Job<'_>,
) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(task)?;
    line.push(b'\n');
    // One that ended at once has something to say about it.
    let _ = input.write_all(&line).await;
    drop(line);
    let (mut verdict, mut chunk, mut word) = (Vec::new(), vec![0; 16 * 1024], [0; 1024]);
    let (mut writes, mut speaks) = (true, true);
    while writes || speaks {
        tokio::select! {
            read = output.read(&mut chunk), if writes => match read? {
                0 => writes = false,
                length => job.output.push(&chunk[..length]),
            },
            read = said.read(&mut word), if speaks => match read? {
                0 => speaks = false,
                length => {
                    verdict.extend_from_slice(&word[..length]);
                    // Its last words count.
                    let over = verdict.len().saturating_sub(SAID_BYTES_MAX);
                    verdict.drain(..over);
                }
            },
            () = job.tell_when_due() => {}
        }
    }
    Ok(verdict)
}

fn command(task: &Task, job: &Job<'_>) -> io::Result<Command> {
    let own = std::env::current_exe()?;
    let Some(systemd_run) = outside() else {
        // Still there when the file was replaced meanwhile.
        let here = Path::new("/proc/self/exe");
        let mut command = Command::new(if here.exists() { here } else { &own });
        command.arg("perform");
        return Ok(command);
    };
    let mut command = Command::new(systemd_run);
    command.args(unit(task, job.command_id, job.longest)).arg("--").arg(own).arg("perform");
    Ok(command)
}

/// What systemd is told about it: a unit of its own, without the agent's walls, that ends with everything in it. Nothing
/// here is newer than systemd 236.
fn unit(task: &Task, command_id: CommandId, longest: Duration) -> Vec<String> {
    let is_restart = matches!(task, Task::End(end) if end.restart);
    // What is started again has to outlive the one that does so.
    let kill = if is_restart { "process" } else { "control-group" };
    let words = ["--quiet", "--pipe", "--wait", "--collect", "--description=Command of Reeve"];
    let mut arguments: Vec<String> = words.map(str::to_owned).into();
    arguments.push(format!("--unit=reeve-command-{command_id}"));
    for property in [
        format!("TasksMax={TASKS_MAX}"),
        format!("KillMode={kill}"),
        // Should it hang so that it does not even notice that this agent has given it up.
        format!("RuntimeMaxSec={}", (longest + SLACK * 2).as_secs()),
        "UMask=0077".to_owned(),
    ] {
        arguments.extend(["--property".to_owned(), property]);
    }
    arguments
}

/// systemd's tool, when it was systemd that put this agent behind walls and this agent may ask it for something.
fn outside() -> Option<&'static str> {
    if !cfg!(target_os = "linux") || !is_behind_walls(Path::new("/"), &|name| std::env::var_os(name)) {
        return None;
    }
    SYSTEMD_RUN.into_iter().find(|path| Path::new(path).exists())
}

/// Is this a service of a systemd that runs here, and one that it listens to?
fn is_behind_walls(root: &Path, environment: &dyn Fn(&str) -> Option<OsString>) -> bool {
    environment("INVOCATION_ID").is_some()
        && root.join("run/systemd/system").is_dir()
        && rustix::process::geteuid().is_root()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::hand::{End, Script};
    use std::{collections::BTreeMap, fs};
    use uuid::Uuid;

    const ID: CommandId = CommandId(Uuid::from_u128(0xc1));

    fn script() -> Task {
        Task::Script(Script {
            program: "/bin/sh".into(),
            arguments: vec!["-s".to_owned()],
            text: "secret words".to_owned(),
            folder: "/var/lib/reeve/x".into(),
            environment: BTreeMap::new(),
            timeout_milliseconds: 1_000,
        })
    }

    fn end(restart: bool) -> Task {
        let end = End { name: "nginx".to_owned(), restart, spare: Vec::new(), patience_milliseconds: 1_000 };
        Task::End(end)
    }

    #[test]
    fn a_unit_of_its_own_has_bounds_and_shows_nothing_of_the_script() {
        let arguments = unit(&script(), ID, Duration::from_secs(30));
        for argument in [
            "--pipe",
            "--wait",
            "--collect",
            "TasksMax=1024",
            "KillMode=control-group",
            "RuntimeMaxSec=70",
            "--unit=reeve-command-00000000-0000-0000-0000-0000000000c1",
        ] {
            assert!(arguments.iter().any(|one| one == argument), "{argument} in {arguments:?}");
        }
        assert!(!arguments.concat().contains("secret"), "every user of a machine can read arguments");
        let ends = unit(&end(false), ID, Duration::from_secs(1));
        assert!(ends.iter().any(|one| one == "KillMode=control-group"));
        let restarts = unit(&end(true), ID, Duration::from_secs(1));
        assert!(restarts.iter().any(|one| one == "KillMode=process"), "what was started again lives on");
    }

    #[test]
    fn it_goes_through_systemd_where_systemd_keeps_the_agent() {
        let root = tempfile::tempdir().unwrap();
        let service = |name: &str| (name == "INVOCATION_ID").then(|| OsString::from("x"));
        assert!(!is_behind_walls(root.path(), &service), "no systemd runs here");
        fs::create_dir_all(root.path().join("run/systemd/system")).unwrap();
        assert!(!is_behind_walls(root.path(), &|_| None), "somebody started it by hand");
        let is_root = rustix::process::geteuid().is_root();
        assert_eq!(is_behind_walls(root.path(), &service), is_root, "systemd listens to root");
    }
}
