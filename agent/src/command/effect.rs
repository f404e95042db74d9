//! What each kind of command does on this machine.

use super::{
    hand::{self, End, Script, Task},
    invocation::invocation,
    output::Output,
    perform::{Job, perform},
};
use crate::{
    machine,
    monitored_service::Manager,
    paths::{self, Paths},
    program,
    protect::{self, Kind},
    system_service, update,
};
use entity::{
    command::{CommandKind, Order, Payload, ResultStatus, Shell},
    platform::Os,
    system_service::ServiceManager,
};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::{sleep, timeout};

/// A process has so long to end by itself.
const PATIENCE: Duration = Duration::from_secs(10);
/// A machine that is told to restart has at least this long until the command counts as failed.
const GOING_DOWN: Duration = Duration::from_secs(120);

/// How something went, before it is a result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How; absent: it was done.
    pub failed: Option<ResultStatus>,
    /// A sentence.
    pub detail: String,
    /// What a process ended with.
    pub exit_code: Option<i32>,
    /// What it wrote.
    pub output: String,
    /// How much it wrote in all.
    pub output_bytes: u64,
}

impl Outcome {
    /// It was done.
    pub fn done(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..Self::default() }
    }

    /// It was tried, without success.
    pub fn failed(detail: impl Into<String>) -> Self {
        Self { failed: Some(ResultStatus::Failed), detail: detail.into(), ..Self::default() }
    }
}

/// Can this agent do that on this system?
#[must_use]
pub fn can(payload: &Payload) -> bool {
    match payload {
        Payload::RunScript { shell, .. } => reader(*shell).is_some(),
        other => can_kind(other.kind()),
    }
}

/// Can it do anything of this kind?
#[must_use]
pub fn can_kind(kind: CommandKind) -> bool {
    match kind {
        CommandKind::SetMode
        | CommandKind::NotifyOps
        | CommandKind::CollectInventory
        | CommandKind::SetRateLimit
        | CommandKind::StopProcess
        | CommandKind::Reboot => true,
        CommandKind::RunScript => Shell::ALL.iter().any(|shell| reader(*shell).is_some()),
        CommandKind::RestartService => system_service::manager() != ServiceManager::None,
        // Only there it can be seen how a process was started.
        CommandKind::RestartProcess => machine::OS == Os::Linux,
        CommandKind::PatchScan
        | CommandKind::InstallPatches
        | CommandKind::RollbackPatches
        | CommandKind::Rollback => false,
        // Somebody has to put the new version in the place of this one.
        CommandKind::UpdateAgent => update::is_open(),
    }
}

/// What reads a script, where the system has it: looked for in the folders that only an administrator changes.
fn reader(shell: Shell) -> Option<PathBuf> {
    let places: &[&str] = match (shell, machine::OS) {
        (Shell::Powershell, Os::Windows) => {
            let root = std::env::var_os("SystemRoot").map_or_else(|| r"C:\Windows".into(), PathBuf::from);
            let program = root.join(r"System32\WindowsPowerShell\v1.0\powershell.exe");
            return program.is_file().then_some(program);
        }
        (_, Os::Windows) => &[],
        (Shell::Bash, _) => &["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"],
        (Shell::Sh, _) => &["/bin/sh", "/usr/bin/sh"],
        (Shell::Python, _) => &["/usr/bin/python3", "/usr/local/bin/python3"],
        (Shell::Powershell, _) => &["/usr/bin/pwsh", "/usr/local/bin/pwsh"],
    };
    places.iter().map(PathBuf::from).find(|path| path.is_file())
}

/// Does what takes a while. `tell` gets its output, piece by piece.
pub async fn carry_out(paths: &Paths, order: &Order, tell: &(dyn Fn(u64, String) + Send + Sync)) -> Outcome {
    let longest = Duration::from_secs(u64::from(order.request.timeout_seconds));
    match &order.request.payload {
        Payload::RestartService { service_name } => restart_service(service_name, longest).await,
        Payload::RestartProcess { process_name } => end(order, process_name, true, longest, tell).await,
        Payload::StopProcess { process_name } => end(order, process_name, false, longest, tell).await,
        Payload::RunScript { shell, script, parameters, .. } => {
            run_script(paths, order, *shell, script, parameters, longest, tell).await
        }
        Payload::Reboot { delay_seconds } => reboot(*delay_seconds, longest).await,
        // Refused, or done at once, before it comes here.
        _ => Outcome::failed("this agent cannot do that"),
    }
}

async fn restart_service(name: &str, longest: Duration) -> Outcome {
    let manager = Manager::usual();
    // People say nginx where systemd says nginx.service.
    let is_short = system_service::manager() == ServiceManager::Systemd && !name.contains('.');
    let unit = if is_short { format!("{name}.service") } else { name.to_owned() };
    match timeout(longest, manager.restart(&unit)).await {
        Ok(Ok(())) => Outcome::done(format!("{unit} was restarted")),
        Ok(Err(error)) => Outcome::failed(format!("{unit} could not be restarted: {error}")),
        Err(_) => Outcome {
            failed: Some(ResultStatus::TimedOut),
            detail: format!("{unit} did not come up within {} s", longest.as_secs()),
            ..Outcome::default()
        },
    }
}

async fn end(
    order: &Order,
    name: &str,
    restart: bool,
    longest: Duration,
    tell: &(dyn Fn(u64, String) + Send + Sync),
) -> Outcome {
    let patience = PATIENCE.min(longest);
    let task = Task::End(End {
        name: name.to_owned(),
        restart,
        spare: vec![std::process::id()],
        patience_milliseconds: u64::try_from(patience.as_millis()).unwrap_or(u64::MAX),
    });
    performed(order, &task, longest + patience, tell).await
}

async fn performed(
    order: &Order,
    task: &Task,
    longest: Duration,
    tell: &(dyn Fn(u64, String) + Send + Sync),
) -> Outcome {
    let mut output = Output::default();
    let job = Job { command_id: order.command_id, longest, output: &mut output, tell };
    match perform(task, job).await {
        Ok(verdict) => Outcome {
            failed: (verdict.status != ResultStatus::Completed).then_some(verdict.status),
            detail: verdict.detail,
            exit_code: verdict.exit_code,
            output: output.text(),
            output_bytes: output.total(),
        },
        Err(error) => Outcome::failed(format!("it could not be begun: {error}")),
    }
}

async fn run_script(
    paths: &Paths,
    order: &Order,
    shell: Shell,
    script: &str,
    parameters: &[String],
    longest: Duration,
    tell: &(dyn Fn(u64, String) + Send + Sync),
) -> Outcome {
    let Some(program) = reader(shell) else {
        return Outcome::failed(format!("there is no {} on this device", shell.word()));
    };
    let folder = match own_folder(paths, order) {
        Ok(folder) => folder,
        Err(error) => return Outcome::failed(format!("there is no safe place to run it: {error}")),
    };
    let (arguments, text) = invocation(shell, script, parameters);
    let task = Task::Script(Script {
        program,
        arguments,
        text,
        environment: environment(&folder, order),
        folder: folder.clone(),
        timeout_milliseconds: u64::try_from(longest.as_millis()).unwrap_or(u64::MAX),
    });
    let outcome = performed(order, &task, longest, tell).await;
    if let Err(error) = fs::remove_dir_all(&folder) {
        tracing::warn!(%error, "what a script left in its folder could not be removed");
    }
    outcome
}

/// A folder of its own for a script, where nobody else can have put anything.
fn own_folder(paths: &Paths, order: &Order) -> io::Result<PathBuf> {
    let work = paths.folder().join("work");
    // Not followed where somebody has put a link, whoever that was.
    if work.symlink_metadata().is_ok_and(|there| !there.is_dir()) {
        return Err(io::Error::other(format!("{} is no folder", work.display())));
    }
    paths::make_private(&work)?;
    if let Some(finding) = protect::look(&work, Kind::Folder).first() {
        return Err(io::Error::other(finding.to_string()));
    }
    let folder = work.join(order.command_id.to_string());
    // Left over from a crash.
    if folder.symlink_metadata().is_ok() {
        fs::remove_dir_all(&folder)?;
    }
    paths::make_private(&folder)?;
    // Windows' own form of a path is one that many programs do not begin in.
    if cfg!(windows) { std::path::absolute(folder) } else { folder.canonicalize() }
}

/// All that a script knows of this machine: nothing of the agent's own environment.
fn environment(folder: &Path, order: &Order) -> BTreeMap<String, String> {
    let home = folder.display().to_string();
    let mut environment = BTreeMap::from([
        (hand::MARK.to_owned(), order.command_id.to_string()),
        ("TMPDIR".to_owned(), home.clone()),
        ("HOME".to_owned(), home.clone()),
    ]);
    if cfg!(windows) {
        environment.extend(["TEMP", "TMP"].map(|name| (name.to_owned(), home.clone())));
    } else {
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        environment.insert("PATH".to_owned(), path.to_owned());
        environment.insert("LANG".to_owned(), "C.UTF-8".to_owned());
    }
    environment
}

async fn reboot(delay_seconds: u32, longest: Duration) -> Outcome {
    let delay = delay_seconds.to_string();
    let minutes = format!("+{}", delay_seconds.div_ceil(60));
    let (tool, arguments): (&str, Vec<&str>) = match machine::OS {
        Os::Windows => ("shutdown.exe", vec!["/r", "/t", &delay, "/c", "Reeve restarts this machine."]),
        Os::Linux if delay_seconds == 0 && system_service::manager() == ServiceManager::Systemd => {
            ("systemctl", vec!["reboot", "--no-ask-password"])
        }
        _ if delay_seconds == 0 => ("shutdown", vec!["-r", "now"]),
        _ => ("shutdown", vec!["-r", &minutes, "Reeve restarts this machine."]),
    };
    if let Err(error) = program::output(tool, &arguments).await {
        return Outcome::failed(format!("the machine cannot be restarted: {tool}: {error}"));
    }
    if delay_seconds > 0 {
        return Outcome::done(format!("the machine restarts in {} min", delay_seconds.div_ceil(60)));
    }
    // It is done when the agent starts in another boot of the machine.
    sleep(longest.max(GOING_DOWN)).await;
    Outcome::failed("the machine was told to restart, and did not go down")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_done_is_said() {
        for kind in [CommandKind::PatchScan, CommandKind::InstallPatches, CommandKind::Rollback] {
            assert!(!can_kind(kind));
        }
        assert!(can_kind(CommandKind::RunScript) && can_kind(CommandKind::SetMode));
    }
}
