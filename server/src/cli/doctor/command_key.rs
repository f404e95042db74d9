//! The keys that sign commands: are they there, are they their owner's alone, and how long are they good.

use super::finding::Finding;
use crate::{cli::command_key, setting::Data};
use domain::{Clock as _, clock::SystemClock, command::signer};
use std::path::Path;

pub(super) fn examine(data: &Data) -> Vec<Finding> {
    let place = command_key::place(data);
    let report = match signer::report_at(&place) {
        Ok(Some(report)) => report,
        Ok(None) if data.data_dir.join("keys").join("agent-token.key").exists() && !place.root.exists() => {
            let what = format!("{} is missing, and so is its root.", place.command.display());
            let advice = "Put your copy of command.key or command-root.key there: a backup holds them only if it was taken \
                          with --with-command-keys. Where there is none, `reeve accept-keys` makes new ones, and devices \
                          have to be registered anew.";
            return vec![Finding::problem("commands", what, advice)];
        }
        Ok(None) => {
            return vec![Finding::ok("commands", "There are no command keys yet; `reeve serve` makes them.")];
        }
        Err(error) => {
            let advice = "Bring the keys back from a backup; without them no device does what it is told.";
            return vec![Finding::problem("commands", format!("{error}."), advice)];
        }
    };
    let mut found = vec![match report.warning(SystemClock.now()) {
        Some(warning) => Finding::warning(
            "commands",
            warning,
            "`reeve command-key rotate --root FILE` makes another one; with its root beside it, the server does so itself.",
        ),
        None => {
            let until = report.ends_at().map(|at| at.format("%Y-%m-%d").to_string()).unwrap_or_default();
            let root = if report.has_root { "is beside it" } else { "is kept elsewhere" };
            Finding::ok("commands", format!("The command key signs until {until}; its root {root}."))
        }
    }];
    let files = [&place.command, &place.root];
    found.extend(files.into_iter().filter(|file| is_readable_by_others(file)).map(|file| {
        let what = format!("Others on this machine can read {}.", file.display());
        Finding::problem(
            "commands",
            what,
            "Let the server's user alone read it, and make another command key.",
        )
    }));
    found
}

#[cfg(unix)]
fn is_readable_by_others(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &Path) -> bool {
    false
}
