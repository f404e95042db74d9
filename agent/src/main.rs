//! Command line in, exit code out.

use agent::{
    arguments::{Arguments, Verb},
    failure::Failure,
    log, machine, register, rotate, run, status,
    timing::Timing,
};
use clap::Parser as _;
use std::{io::Write as _, process::ExitCode};
use updater::exit;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match carry_out(arguments) {
        Ok(()) => ExitCode::from(exit::CLEAN),
        Err(failure) => {
            eprintln!("reeve-agent: {failure}");
            ExitCode::from(failure.code)
        }
    }
}

fn carry_out(arguments: Arguments) -> Result<(), Failure> {
    let paths = arguments.paths();
    match arguments.verb {
        Verb::Register(input) => {
            let registration = runtime()?.block_on(register::register(&paths, &input))?;
            say(&format!("Registered as “{}” ({}).\n", registration.device_name, registration.device_id))
        }
        Verb::Run { supervised } => {
            log::start();
            if supervised {
                machine::end_with_parent();
            }
            let runtime = runtime()?;
            let ended =
                runtime.block_on(async { run::run(&paths, Timing::default(), run::asked_to_stop()?).await });
            // A look at the machine that hangs must not keep the agent from ending.
            runtime.shutdown_timeout(std::time::Duration::from_millis(500));
            ended
        }
        Verb::RotateKey => {
            let fingerprint = runtime()?.block_on(rotate::rotate(&paths))?;
            say(&format!("The device key was replaced; its fingerprint is {fingerprint}.\n"))
        }
        Verb::Status { json } => {
            let report = status::report(&paths)?;
            say(&if json { report.json() } else { report.text() })
        }
        Verb::Version => say(&format!("reeve-agent {}\n", machine::VERSION)),
    }
}

/// One thread for everything but file access: an agent should hardly be noticed.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()
        .map_err(|error| Failure::failed(format!("the runtime could not be started: {error}")))
}

fn say(text: &str) -> Result<(), Failure> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| Failure::failed(format!("the answer could not be written: {error}")))
}
