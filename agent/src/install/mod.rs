//! `reeve-agent install | uninstall | start | stop`: the agent as a service of the operating system. What is to be done
//! is a list of steps; a dry run prints it, and doing it twice changes nothing the second time.

pub mod launchd;
pub mod pending;
pub mod place;
mod scm;
pub mod step;
pub mod systemd;
#[cfg(test)]
mod tests;

use crate::{
    config,
    failure::Failure,
    paths::{Context, Paths},
};
use clap::Args;
use place::{Manager, PROGRAMS, Places};
use std::{fs::File, path::PathBuf, time::Duration};
use step::{ServiceStep, Step};
use updater::{exit, slot::Home, uninstall};

/// The supervisor has this long to end once its service was told to: longer than any service manager waits.
const END_WITHIN: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 40 });

/// What installation needs.
#[derive(Args, Debug)]
pub struct InstallInput {
    /// Where the programs go [default: /usr/local/lib/reeve, on Windows Reeve in the folder of programs]
    #[arg(long, value_name = "FOLDER")]
    pub prefix: Option<PathBuf>,
    /// Make the service, but do not start it before the next boot
    #[arg(long)]
    pub no_start: bool,
    /// Only show what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// What taking it away needs.
#[derive(Args, Debug)]
pub struct UninstallInput {
    /// Where the programs are [default: as for install]
    #[arg(long, value_name = "FOLDER")]
    pub prefix: Option<PathBuf>,
    /// Remove the data too: key, registration, spool and logs
    #[arg(long)]
    pub purge: bool,
    /// Only what updates brought, for an installer that takes the rest away itself
    #[arg(long, hide = true, conflicts_with_all = ["prefix", "purge"])]
    pub updates_only: bool,
    /// Only show what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// What starting and stopping need.
#[derive(Args, Debug)]
pub struct ServiceInput {
    /// Only show what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// Installs the agent as a service and starts it.
///
/// # Errors
/// When this takes more rights, the agent came by a package, or the system refuses a step.
pub fn install(paths: &Paths, input: &InstallInput, say: Say<'_>) -> Result<(), Failure> {
    allowed("install", input.dry_run)?;
    let places = Places::here(input.prefix.as_deref(), paths)?;
    let steps = plan_install(&places, !input.no_start)?;
    carry_out(&steps, input.dry_run, say)?;
    if !input.dry_run {
        say(if has_work(paths) {
            "The agent is installed as a service of this system."
        } else {
            "The agent is installed as a service of this system. Next, register this machine: reeve-agent register --server URL, then: reeve-agent start"
        });
    }
    Ok(())
}

/// Stops the service and takes it away, with the programs.
///
/// # Errors
/// As for [`install`].
pub fn uninstall(paths: &Paths, input: &UninstallInput, say: Say<'_>) -> Result<(), Failure> {
    allowed("uninstall", input.dry_run)?;
    let places = Places::here(input.prefix.as_deref(), paths)?;
    if input.updates_only {
        return carry_out(&plan_forget_updates(&places), input.dry_run, say);
    }
    let steps = plan_uninstall(&places, input.purge)?;
    carry_out(&steps, input.dry_run, say)?;
    if !input.dry_run {
        let data = places.data.display();
        say(&if input.purge || !places.data.exists() {
            "The agent is gone from this system. Its device stays in the portal until somebody removes it there.".to_owned()
        } else {
            format!(
                "The agent is gone from this system. Its data stays in {data}; uninstall --purge removes it too."
            )
        });
    }
    Ok(())
}

/// Starts the service.
///
/// # Errors
/// When this takes more rights, there is no service, or the system refuses.
pub fn start(paths: &Paths, input: &ServiceInput, say: Say<'_>) -> Result<(), Failure> {
    allowed("start", input.dry_run)?;
    let places = Places::here(None, paths)?;
    let steps = match places.manager {
        Manager::Systemd => systemd::start(&places),
        Manager::Launchd => launchd::start(&places),
        Manager::Scm => vec![Step::Service(ServiceStep::Start)],
    };
    carry_out(&steps, input.dry_run, say)?;
    if !input.dry_run {
        say(if has_work(paths) {
            "The service runs."
        } else {
            "This machine is not registered, so the service has nothing to do. Register it: reeve-agent register --server URL"
        });
    }
    Ok(())
}

/// True when this machine is registered, or told how at its first start; the unit of systemd asks the same.
fn has_work(paths: &Paths) -> bool {
    config::path(paths).exists() || paths.registration().exists() || pending::is_there()
}

/// Stops the service, until it is started or the machine is.
///
/// # Errors
/// As for [`start`].
pub fn stop(paths: &Paths, input: &ServiceInput, say: Say<'_>) -> Result<(), Failure> {
    allowed("stop", input.dry_run)?;
    let places = Places::here(None, paths)?;
    let steps = match places.manager {
        Manager::Systemd => systemd::stop(&places),
        Manager::Launchd => launchd::stop(&places),
        Manager::Scm => vec![Step::Service(ServiceStep::Stop)],
    };
    carry_out(&steps, input.dry_run, say)?;
    if !input.dry_run {
        say("The service is stopped, until it is started or this machine is.");
    }
    Ok(())
}

/// Takes one line for a person.
pub type Say<'a> = &'a mut dyn FnMut(&str);

/// Everything that makes an installation.
///
/// # Errors
/// When a package of the distribution looks after the agent, or a program is missing beside this one.
pub fn plan_install(places: &Places, starts: bool) -> Result<Vec<Step>, Failure> {
    refuse_packaged(places, "upgrade")?;
    let mut steps = vec![Step::Folder(places.prefix.clone())];
    // A service that runs holds its program fast.
    if places.manager == Manager::Scm {
        steps.push(Step::Service(ServiceStep::Stop));
    }
    for name in PROGRAMS {
        let from = places.program(&places.source, name);
        if !from.is_file() {
            let why = format!("{} is missing; keep the agent's two programs together", from.display());
            return Err(Failure::failed(why));
        }
        steps.push(Step::Program { from, to: places.program(&places.prefix, name) });
    }
    if let Some(path) = places.link() {
        steps.push(Step::Link { path, to: places.program(&places.prefix, PROGRAMS[0]) });
    }
    steps.push(Step::PrivateFolder(places.data.clone()));
    steps.extend(match places.manager {
        Manager::Systemd => systemd::install(places, starts),
        Manager::Launchd => launchd::install(places, starts),
        Manager::Scm => scm::install(places, starts),
    });
    Ok(steps)
}

/// Everything that takes an installation away.
///
/// # Errors
/// When a package of the distribution looks after the agent, or what is to be purged is no folder of an agent.
pub fn plan_uninstall(places: &Places, purge: bool) -> Result<Vec<Step>, Failure> {
    refuse_packaged(places, "remove")?;
    let mut steps = match places.manager {
        Manager::Systemd => systemd::uninstall(places),
        Manager::Launchd => launchd::uninstall(places),
        Manager::Scm => scm::uninstall(),
    };
    // One that was started by other means, or has not ended yet, would start the agent again and write what is removed here.
    steps.push(Step::Alone(places.data.clone()));
    steps.extend(places.link().map(Step::Remove));
    for name in PROGRAMS {
        let program = places.program(&places.prefix, name);
        let beside = uninstall::beside(&program);
        let aside = program.with_extension("old");
        let aside = Some(aside).filter(|aside| !beside.contains(aside));
        steps.extend(beside.into_iter().chain(aside).map(Step::Remove));
        steps.push(Step::Remove(program));
    }
    for step in plan_forget_updates(places) {
        if !steps.contains(&step) {
            steps.push(step);
        }
    }
    steps.push(Step::RemoveEmpty(places.prefix.clone()));
    if purge && places.manager != Manager::Scm {
        // A token that was never used; the folder may hold a server's settings too.
        steps.push(Step::Remove(places.system("/etc/reeve/registration.conf")));
        steps.push(Step::RemoveEmpty(places.system("/etc/reeve")));
    }
    if purge && places.data.exists() {
        check_is_of_an_agent(places)?;
        steps.push(Step::RemoveAll(places.data.clone()));
    }
    Ok(steps)
}

/// Versions that the agent fetched itself, and what is pending of them, are programs and no data. Whom this machine trusts
/// and what it has had stays: an installation over it must not open the way back.
#[must_use]
pub fn plan_forget_updates(places: &Places) -> Vec<Step> {
    let home = Home::under(&places.data);
    let supervisor = places.program(&places.prefix, PROGRAMS[1]);
    let files = uninstall::files(&home).into_iter().chain(uninstall::beside(&supervisor));
    uninstall::folders(&home).map(Step::RemoveAll).into_iter().chain(files.map(Step::Remove)).collect()
}

/// A slip in `--data-dir` must not cost somebody their home.
fn check_is_of_an_agent(places: &Places) -> Result<(), Failure> {
    let paths = Paths::under(&places.data);
    // Names that nothing else has: a home may well hold a folder of logs.
    let known = [paths.key(), paths.next_key(), paths.registration(), paths.lock(), paths.secret()];
    let is_empty = std::fs::read_dir(&places.data).is_ok_and(|mut entries| entries.next().is_none());
    if is_empty || known.iter().any(|file| file.exists()) {
        return Ok(());
    }
    let why = format!("{} does not look like an agent's data; nothing was removed", places.data.display());
    Err(Failure::new(exit::USAGE, why))
}

fn refuse_packaged(places: &Places, what: &str) -> Result<(), Failure> {
    match places.packaged_unit() {
        None => Ok(()),
        Some(unit) => Err(Failure::failed(format!(
            "the agent came to this system as a package ({} belongs to it); {what} it with apt or dnf, under the name reeve-agent",
            unit.display()
        ))),
    }
}

fn allowed(verb: &str, is_dry: bool) -> Result<(), Failure> {
    if is_dry || Context::current() == Context::Machine {
        return Ok(());
    }
    let how = if cfg!(windows) {
        format!("open a terminal as administrator and run it again: reeve-agent {verb}")
    } else {
        format!("run it as root: sudo reeve-agent {verb}")
    };
    let or = match verb {
        "install" => "; without, the agent can start when you sign in: reeve-agent --enable-autostart",
        _ => "",
    };
    let who = if cfg!(windows) { "an administrator" } else { "root" };
    Err(Failure::new(exit::NOT_PERMITTED, format!("only {who} can {verb} the service; {how}{or}")))
}

/// Does the steps in order, or shows them.
///
/// # Errors
/// The first that the system refuses; what was done before stays, and doing it all again goes on from there.
pub fn carry_out(steps: &[Step], is_dry: bool, say: Say<'_>) -> Result<(), Failure> {
    let mut changed = false;
    // What keeps supervisors away until all is done.
    let mut held: Vec<(PathBuf, File)> = Vec::new();
    for step in steps {
        if is_dry {
            say(&format!("would {step}"));
            step.details().lines().for_each(|line| say(&format!("    {line}")));
            continue;
        }
        let refused =
            |error: std::io::Error| Failure::failed(format!("could not {step}: {}", with_code(&error)));
        if let Step::Alone(data) = step {
            let home = Home::under(data);
            held.extend(uninstall::hold(&home, END_WITHIN).map_err(refused)?.map(|file| (home.lock(), file)));
            continue;
        }
        if let Step::RemoveAll(folder) = step {
            // Windows keeps what is open.
            held.retain(|(lock, _)| !lock.starts_with(folder));
        }
        let done = step.carry_out(changed).map_err(refused)?;
        if done {
            say(&format!("done: {step}"));
        }
        changed |= done;
    }
    Ok(())
}

fn with_code(error: &std::io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), |code| format!("{error} (code {code})"))
}
