//! `reeve-updater`: the supervisor of the agent (`run`; `service` is for the service control manager of Windows), what it
//! knows (`status`), the look of the supervisor before at the one that took its place (`restore`), and the one-shot
//! replacement of a program (`apply`, or its four arguments alone).

use std::{
    ffi::{OsStr, OsString},
    fmt,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};
use updater::{
    apply, built, exit,
    fs::Disk,
    restore::{self, Restored},
    selfcheck::SelfCheck,
    slot::Home,
    status,
    supervise::{Plan, supervise},
    terms::Terms,
};

const USAGE: &str = "usage: reeve-updater run --agent PATH [--data-dir DIR] [--terms FILE] [-- arguments for `reeve-agent run`]
       reeve-updater status --data-dir DIR [--json]
       reeve-updater.old restore --data-dir DIR --program PATH
       reeve-updater [apply] PACKAGE AGENT PID LOG_DIR
       reeve-updater selfcheck
       reeve-updater version

--terms is for tests and labs: it shortens times and changes limits of updates. The file has to belong to root or to
the user of the service, and nobody else may write it.";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let (verb, rest) = match arguments.split_first() {
        Some((verb, rest)) => (verb.to_str().unwrap_or_default(), rest),
        None => ("", &[] as &[OsString]),
    };
    match verb {
        "version" | "--version" => show(&version()),
        "selfcheck" => self_check(),
        "status" => show_status(rest),
        "restore" => restore_one_before(rest),
        "apply" => apply::run(rest).into(),
        "run" => with_plan(rest, |plan| supervise(&plan, log)),
        #[cfg(windows)]
        "service" => with_plan(rest, |plan| updater::service::run(plan).map(|()| exit::CLEAN)),
        // The four words of the specification, which has no verbs.
        _ if apply::is_asked(&arguments) => apply::run(&arguments).into(),
        _ => usage(),
    }
}

/// A log that cannot be written, on a disk that is full, is no reason to end.
fn log(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "reeve-updater: {line}");
}

fn with_plan(arguments: &[OsString], run: impl FnOnce(Plan) -> io::Result<u8>) -> ExitCode {
    let plan = match plan(arguments) {
        None => return usage(),
        Some(Err(error)) => return failed(&error, exit::CONFIG_INVALID),
        Some(Ok(plan)) => plan,
    };
    match run(plan) {
        Ok(code) => ExitCode::from(code),
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => failed(&error, exit::ALREADY_RUNNING),
        Err(error) => failed(&error, exit::FAILED),
    }
}

fn failed(error: &io::Error, code: u8) -> ExitCode {
    eprintln!("reeve-updater: {error}");
    ExitCode::from(code)
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(exit::USAGE)
}

fn show(text: &str) -> ExitCode {
    match writeln!(io::stdout(), "{}", text.trim_end()) {
        Ok(()) => ExitCode::from(exit::CLEAN),
        Err(_) => ExitCode::from(exit::FAILED),
    }
}

fn version() -> String {
    let stamp = built::of_this();
    match stamp.seq {
        0 => format!("reeve-updater {}", stamp.version),
        seq => format!("reeve-updater {} (sequence {seq}, build {})", stamp.version, stamp.build_id),
    }
}

/// What this program is, for the supervisor before it that is about to make room for it.
fn self_check() -> ExitCode {
    let (os, arch) = built::platform();
    let check = SelfCheck {
        running: built::running(&built::of_this()),
        os,
        arch,
        libc: built::libc(),
        config_schema: 0,
        spool_schema: 0,
        is_config_good: true,
        is_server_reached: false,
        is_server_busy: false,
        receipt: None,
    };
    match serde_json::to_string(&check) {
        Ok(line) => show(&line),
        Err(error) => failed(&error.into(), exit::FAILED),
    }
}

fn show_status(arguments: &[OsString]) -> ExitCode {
    let mut words = arguments.iter();
    let (mut data, mut is_json) = (None, false);
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--data-dir") => data = words.next(),
            Some("--json") => is_json = true,
            _ => return usage(),
        }
    }
    let Some(data) = data else { return usage() };
    let status = status::read(&Disk, &Home::under(data));
    if !is_json {
        return show(&status.text());
    }
    match serde_json::to_string_pretty(&status) {
        Ok(text) => show(&text),
        Err(error) => failed(&error.into(), exit::FAILED),
    }
}

/// For the service manager, before each start of the service.
fn restore_one_before(arguments: &[OsString]) -> ExitCode {
    let mut words = arguments.iter();
    let (mut data, mut program) = (None, None);
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--data-dir") => data = words.next(),
            Some("--program") => program = words.next(),
            _ => return usage(),
        }
    }
    let (Some(data), Some(program)) = (data, program) else { return usage() };
    match restore::run(&Home::under(data), Path::new(program)) {
        Ok(Restored::Nothing) => {}
        Ok(Restored::Counted(start)) => log(format_args!("the new supervisor is started for time {start}")),
        Ok(Restored::Back) => log(format_args!("the new supervisor was never confirmed: this one is back")),
        Err(error) => return failed(&error, exit::FAILED),
    }
    ExitCode::from(exit::CLEAN)
}

/// None: the words were not understood.
fn plan(arguments: &[OsString]) -> Option<io::Result<Plan>> {
    let mut words = arguments.iter();
    let (mut agent, mut data_dir, mut terms) = (None::<PathBuf>, None, None::<PathBuf>);
    let mut for_agent = Vec::new();
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--agent") => agent = Some(words.next()?.into()),
            Some("--data-dir") => data_dir = Some(words.next()?.into()),
            Some("--terms") => terms = Some(words.next()?.into()),
            _ if word == OsStr::new("--") => {
                for_agent = words.cloned().collect();
                break;
            }
            _ => return None,
        }
    }
    let agent = agent?;
    let terms = match terms.map_or(Ok(Terms::USUAL), |file| Terms::read(&file)) {
        Ok(terms) => terms,
        Err(error) => return Some(Err(error)),
    };
    Some(Ok(Plan { agent, arguments: for_agent, data_dir, terms }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan_of(line: &str) -> Option<Plan> {
        let words: Vec<OsString> =
            line.split(' ').filter(|word| !word.is_empty()).map(OsString::from).collect();
        plan(&words).map(|plan| plan.expect("the terms can be read"))
    }

    #[test]
    fn the_command_line_is_understood_or_refused() {
        let good = plan_of("--agent /a -- --data-dir /d").expect("understood");
        assert_eq!(good.agent, Path::new("/a"));
        assert_eq!(good.arguments, ["--data-dir", "/d"]);
        assert_eq!(good.data_dir().as_deref(), Some(Path::new("/d")));
        let own = plan_of("--data-dir /own --agent /a -- --data-dir=/d").expect("understood");
        assert_eq!(own.data_dir().as_deref(), Some(Path::new("/own")));
        assert_eq!(
            plan_of("--agent /a -- --data-dir=/d").and_then(|plan| plan.data_dir()).as_deref(),
            Some(Path::new("/d"))
        );
        let bare = plan_of("--agent /a").expect("understood");
        assert!(bare.arguments.is_empty() && bare.data_dir().is_none());
        for bad in ["", "--agent", "/a", "--agent /a --force", "--data-dir /d", "--agent /a --terms"] {
            assert!(plan_of(bad).is_none(), "{bad}");
        }
        let missing = ["--agent", "/a", "--terms", "/nowhere"].map(OsString::from);
        assert!(plan(&missing).expect("understood").is_err());
    }
}
