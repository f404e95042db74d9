//! A script in a job of Windows, which ends with everything that it has started; processes by their names.

use super::{Job, SLACK};
use crate::command::hand::{End, Script, Task, Verdict};
use entity::command::ResultStatus;
use std::{
    ffi::OsStr,
    io::{self, Read as _, Write as _},
    process::{Command, Stdio},
};
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};
use tokio::{
    sync::mpsc,
    task::spawn_blocking,
    time::{Instant, sleep_until},
};
use windows_api::job::Job as Jail;

/// Most processes that a script may have at the same time.
const PROCESSES_MAX: u32 = 512;

/// Does a variable say where things of the system are? Without these hardly anything of Windows starts; all others are the
/// agent's own.
fn is_the_systems(name: &OsStr) -> bool {
    const NAMES: [&str; 17] = [
        "ALLUSERSPROFILE",
        "CommonProgramFiles",
        "CommonProgramFiles(x86)",
        "COMPUTERNAME",
        "ComSpec",
        "NUMBER_OF_PROCESSORS",
        "OS",
        "Path",
        "PATHEXT",
        "PROCESSOR_ARCHITECTURE",
        "ProgramData",
        "ProgramFiles",
        "ProgramFiles(x86)",
        "PSModulePath",
        "SystemDrive",
        "SystemRoot",
        "windir",
    ];
    NAMES.into_iter().any(|one| name.eq_ignore_ascii_case(one))
}

/// Has it done.
///
/// # Errors
/// When it cannot be begun.
pub async fn perform(task: &Task, job: Job<'_>) -> io::Result<Verdict> {
    match task {
        Task::Script(script) => run(script, job).await,
        Task::End(task) => {
            let task = task.clone();
            Ok(spawn_blocking(move || end(&task)).await.map_err(io::Error::other)?)
        }
    }
}

async fn run(script: &Script, mut job: Job<'_>) -> io::Result<Verdict> {
    let jail = Jail::of_at_most(PROCESSES_MAX)?;
    let (mut reader, writer) = io::pipe()?;
    let mut child = {
        let mut command = Command::new(&script.program);
        command
            .args(&script.arguments)
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| is_the_systems(name)))
            .envs(&script.environment)
            .current_dir(&script.folder)
            .stdin(Stdio::piped())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        command.spawn()?
    };
    // It waits for its script, so that nothing has been started yet that could get away.
    if let Err(error) = jail.add(&child) {
        let _ = child.kill();
        return Err(error);
    }
    let (text, input) = (script.text.clone(), child.stdin.take());
    std::thread::spawn(move || input.map(|mut input| input.write_all(text.as_bytes())));
    let (send, mut chunks) = mpsc::channel::<Vec<u8>>(16);
    std::thread::spawn(move || {
        let mut chunk = [0; 16 * 1024];
        while let Ok(length @ 1..) = reader.read(&mut chunk) {
            if send.blocking_send(chunk[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    let mut ended = spawn_blocking(move || child.wait());
    tracing::debug!(id = %job.command_id, "a script runs in a job");
    let deadline = Instant::now() + job.longest;
    let (mut status, mut is_late, mut writes) = (None, false, true);
    // Its output may end before it does, and after it.
    while writes || status.is_none() {
        tokio::select! {
            chunk = chunks.recv(), if writes => match chunk {
                Some(chunk) => job.output.push(&chunk),
                None => writes = false,
            },
            done = &mut ended, if status.is_none() => {
                status = Some(done.map_err(io::Error::other)??);
                // What it has left behind holds the pipe open.
                let _ = jail.end(1);
            }
            () = sleep_until(deadline), if status.is_none() && !is_late => {
                is_late = true;
                jail.end(1)?;
            }
            () = sleep_until(deadline + SLACK) => break,
            () = job.tell_when_due() => {}
        }
    }
    let exit_code = status.and_then(|status| status.code());
    let (status, detail) = match exit_code {
        _ if is_late => (
            ResultStatus::TimedOut,
            "it took too long and was ended, with everything that it had started".to_owned(),
        ),
        Some(0) => (ResultStatus::Completed, "the script has ended".to_owned()),
        Some(code) => (ResultStatus::Failed, format!("the script ended with exit code {code}")),
        None => (ResultStatus::Failed, "it is not known how the script ended".to_owned()),
    };
    Ok(Verdict { status, exit_code, detail })
}

fn end(task: &End) -> Verdict {
    if task.restart {
        return Verdict::failed("Windows does not say how a process was started");
    }
    let mut system = match System::new() {
        Ok(system) => system,
        Err(error) => return Verdict::failed(format!("the processes cannot be listed: {error}")),
    };
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, ProcessRefreshKind::nothing());
    let is_named = |name: &str| {
        let short = name.to_ascii_lowercase();
        let wanted = task.name.to_ascii_lowercase();
        short == wanted || short.strip_suffix(".exe") == Some(&wanted)
    };
    let named: Vec<u32> = system
        .processes()
        .iter()
        .filter(|(_, process)| is_named(&process.name().to_string_lossy()))
        .map(|(pid, _)| pid.as_u32())
        .collect();
    let found: Vec<u32> = named.iter().copied().filter(|pid| !task.spare.contains(pid)).collect();
    match (named.len(), found.len()) {
        (0, _) => return Verdict::failed(format!("there is no process {}", task.name)),
        (_, 0) => return Verdict::failed(format!("{} is the agent itself, and is not ended", task.name)),
        _ => {}
    }
    for pid in &found {
        if let Err(error) = windows_api::process::end(*pid) {
            return Verdict::failed(format!("process {pid}: {error}"));
        }
    }
    Verdict::completed(format!("{} processes ended", found.len()))
}

#[cfg(test)]
mod tests;
