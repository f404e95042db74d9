//! Command line in, exit code out.

use agent::{
    arguments::{Arguments, RunInput, Verb},
    autostart, command, config, device_lock, doctor, error_report,
    failure::Failure,
    force::{self, NewArguments, Outcome},
    install, log, machine,
    paths::Paths,
    protect, register, rotate,
    run::{self, Ended, Start},
    status,
    timing::Timing,
    update,
};
use clap::Parser as _;
use std::{io::Write as _, process::ExitCode};
use updater::exit;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let paths = arguments.paths();
    let verb = arguments.verb().unwrap_or_else(|refused| refused.exit());
    match carry_out(&paths, verb) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            // Nobody may be there to read it.
            let _ = writeln!(std::io::stderr(), "reeve-agent: {failure}");
            ExitCode::from(failure.code)
        }
    }
}

fn carry_out(paths: &Paths, verb: Verb) -> Result<u8, Failure> {
    let timing = Timing::default();
    let said = match verb {
        Verb::Register(input) => {
            log::start_plain();
            let registration = runtime()?.block_on(register::register(paths, &input))?;
            say(&format!("Registered as “{}” ({}).\n", registration.device_name, registration.device_id))
        }
        Verb::Run(input) => {
            return run_agent(paths, input, timing)
                .inspect_err(|failure| error_report::last_words(paths, failure));
        }
        Verb::RotateKey => {
            protect::require(paths)?;
            let fingerprint = runtime()?.block_on(rotate::rotate(paths))?;
            say(&format!("The device key was replaced; its fingerprint is {fingerprint}.\n"))
        }
        Verb::Status { json } => {
            let report = runtime()?.block_on(status::ask(paths, &timing))?;
            say(&if json { report.json() } else { report.text() })
        }
        Verb::Doctor { fix, json } => return examine(paths, fix, json, &timing),
        Verb::Logs { lines, follow, json } => {
            return runtime()?
                .block_on(status::logs(paths, &timing, lines, follow, json))
                .map(|()| exit::CLEAN);
        }
        Verb::Lock(input) => say(&device_lock::carry_out(paths, &input)?),
        Verb::Install(input) => install::install(paths, &input, &mut tell),
        Verb::Uninstall(input) => install::uninstall(paths, &input, &mut tell),
        Verb::Start(input) => install::start(paths, &input, &mut tell),
        Verb::Stop(input) => install::stop(paths, &input, &mut tell),
        Verb::EnableAutostart => {
            log::start_plain();
            say(&format!("{}\n", autostart::enable()?))
        }
        Verb::DisableAutostart => {
            log::start_plain();
            say(&format!("{}\n", autostart::disable()?))
        }
        Verb::Trust(input) => say(&update::pin::carry_out(paths, &input)?),
        Verb::Selfcheck { nonce } => {
            log::start_plain();
            let (answer, code) = update::selfcheck::carry_out(paths, &nonce);
            let line = serde_json::to_string(&answer).unwrap_or_default() + "\n";
            return say(&line).map(|()| code);
        }
        Verb::Perform => return Ok(command::hand::perform()),
        Verb::Version => say(&format!("reeve-agent {}\n", machine::version())),
    };
    said.map(|()| exit::CLEAN)
}

/// Becomes the agent, after the one before it has made room when that is asked for.
fn run_agent(paths: &Paths, input: RunInput, timing: Timing) -> Result<u8, Failure> {
    // First of all: a supervisor that keeps versions wants to know which one this is.
    let channel = if input.channel { Some(open_channel()?) } else { None };
    // Before anything is read from there, or written.
    protect::prepare(paths)?;
    let handed = if input.supervised { force::take_handed(paths) } else { None };
    let asked = NewArguments { loglevel: input.start.loglevel, foreground: input.start.foreground };
    let arguments = handed.unwrap_or(asked);
    let level = arguments.loglevel.as_deref().and_then(|level| level.parse().ok());
    // What is wrong with it is said once the log is there.
    let choices = config::read(paths).ok().flatten().map(|found| found.config.choices()).unwrap_or_default();
    let _log = log::start(
        paths,
        log::Choice {
            level: level.unwrap_or(choices.log_level),
            rotation: choices.rotation,
            // Without a supervisor there is somebody in front of it.
            foreground: arguments.foreground || !input.supervised,
        },
    );
    error_report::report_panics();
    if input.supervised {
        machine::end_with_parent(channel.is_some());
    }
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let mut start = Start { supervised: input.supervised, lock: None, channel };
        if input.start.force {
            match force::force(paths, &arguments, &timing).await? {
                Outcome::TakenOver(lock) => start.lock = Some(lock),
                Outcome::Restarted(pid) => {
                    say(&format!("The agent was started again by its supervisor (PID {pid}).\n"))?;
                    return Ok(Ended::Stopped);
                }
            }
        }
        if start.lock.is_none() {
            install::pending::settle(paths).await?;
        }
        run::run_as(paths, timing, start, run::asked_to_stop()?).await
    });
    // A look at the machine that hangs must not keep the agent from ending.
    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    Ok(match ended? {
        Ended::Stopped => exit::CLEAN,
        Ended::Restart => exit::RESTART,
    })
}

fn open_channel() -> Result<update::Channel, Failure> {
    update::Channel::open()
        .map_err(|error| Failure::failed(format!("the supervisor cannot be spoken to: {error}")))
}

/// Looks at everything, after repairing it when that is asked for.
fn examine(paths: &Paths, fix: bool, json: bool, timing: &Timing) -> Result<u8, Failure> {
    let mut checks = if fix { doctor::fix(paths) } else { Vec::new() };
    checks.extend(runtime()?.block_on(status::doctor(paths, timing)));
    let text = if json {
        serde_json::to_string_pretty(&checks).unwrap_or_default() + "\n"
    } else {
        doctor::text(&checks)
    };
    say(&text)?;
    let is_well = checks.iter().all(|check| check.outcome != doctor::Outcome::Wrong);
    Ok(if is_well { exit::CLEAN } else { exit::UNWELL })
}

/// One thread for everything but file access: an agent should hardly be noticed.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()
        .map_err(|error| Failure::failed(format!("the runtime could not be started: {error}")))
}

/// Says one line; when nobody listens, what is done is done all the same.
fn tell(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn say(text: &str) -> Result<(), Failure> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| Failure::failed(format!("the answer could not be written: {error}")))
}
