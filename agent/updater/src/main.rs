//! `reeve-updater run --agent PATH [-- arguments of reeve-agent run]`: the supervisor of the agent; `service` instead of
//! `run` is for the service control manager of Windows.

use std::{ffi::OsString, io::Write as _, process::ExitCode};
use updater::{
    exit,
    supervise::{Plan, supervise},
};

const USAGE: &str = "usage: reeve-updater run --agent PATH [-- arguments for `reeve-agent run`]\n       reeve-updater version";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|word| word == "version" || word == "--version") {
        return match writeln!(std::io::stdout(), "reeve-updater {}", env!("CARGO_PKG_VERSION")) {
            Ok(()) => ExitCode::from(exit::CLEAN),
            Err(_) => ExitCode::from(exit::FAILED),
        };
    }
    #[cfg(windows)]
    if let Some(plan) = plan("service", &arguments) {
        return ended(updater::service::run(plan));
    }
    let Some(plan) = plan("run", &arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(exit::USAGE);
    };
    ended(supervise(&plan, |line| eprintln!("reeve-updater: {line}")))
}

fn ended(supervised: std::io::Result<()>) -> ExitCode {
    match supervised {
        Ok(()) => ExitCode::from(exit::CLEAN),
        Err(error) => {
            eprintln!("reeve-updater: {error}");
            ExitCode::from(exit::FAILED)
        }
    }
}

fn plan(verb: &str, arguments: &[OsString]) -> Option<Plan> {
    let mut words = arguments.iter();
    if words.next()? != verb || words.next()? != "--agent" {
        return None;
    }
    let agent = words.next()?.into();
    match words.next() {
        None => Some(Plan { agent, arguments: Vec::new() }),
        Some(word) if word == "--" => Some(Plan { agent, arguments: words.cloned().collect() }),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan_of(line: &str) -> Option<Plan> {
        plan("run", &line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_command_line_is_understood_or_refused() {
        let good = plan_of("run --agent /a -- --data-dir /d").expect("understood");
        assert_eq!(good.agent, std::path::Path::new("/a"));
        assert_eq!(good.arguments, ["--data-dir", "/d"]);
        assert!(plan_of("run --agent /a").expect("understood").arguments.is_empty());
        for bad in [
            "",
            "service --agent /a",
            "run",
            "run --agent",
            "run /a",
            "stop --agent /a",
            "run --agent /a --data-dir /d",
        ] {
            assert!(plan_of(bad).is_none(), "{bad}");
        }
    }
}
