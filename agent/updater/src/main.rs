//! `reeve-updater run --agent PATH [-- arguments of reeve-agent run]`: the supervisor of the agent.

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
    let Some(plan) = plan(arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(exit::USAGE);
    };
    match supervise(&plan, |line| eprintln!("reeve-updater: {line}")) {
        Ok(()) => ExitCode::from(exit::CLEAN),
        Err(error) => {
            eprintln!("reeve-updater: {error}");
            ExitCode::from(exit::FAILED)
        }
    }
}

fn plan(arguments: Vec<OsString>) -> Option<Plan> {
    let mut words = arguments.into_iter();
    if words.next()? != "run" || words.next()? != "--agent" {
        return None;
    }
    let agent = words.next()?.into();
    match words.next() {
        None => Some(Plan { agent, arguments: Vec::new() }),
        Some(word) if word == "--" => Some(Plan { agent, arguments: words.collect() }),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan_of(line: &str) -> Option<Plan> {
        plan(line.split(' ').map(OsString::from).collect())
    }

    #[test]
    fn the_command_line_is_understood_or_refused() {
        let good = plan_of("run --agent /a -- --data-dir /d").expect("understood");
        assert_eq!(good.agent, std::path::Path::new("/a"));
        assert_eq!(good.arguments, ["--data-dir", "/d"]);
        assert!(plan_of("run --agent /a").expect("understood").arguments.is_empty());
        for bad in ["", "run", "run --agent", "run /a", "stop --agent /a", "run --agent /a --data-dir /d"] {
            assert!(plan_of(bad).is_none(), "{bad}");
        }
    }
}
