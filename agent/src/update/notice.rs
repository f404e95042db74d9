//! A word to the person at the machine that another version of the agent is about to be put in place, where its owner
//! wants that (`show_update_notifications`). It says nothing that a server could choose, and nobody waits for it.

use crate::{machine, paths::Context};
use entity::platform::Os;
use std::{path::PathBuf, process::Stdio};
use tokio::process::Command;

/// What is said on Linux and macOS.
const TEXT: &str = "Another version of the Reeve agent is put in place now. You can go on working.";
/// Shown by macOS.
const SCRIPT: &str = r#"display notification "Another version of the Reeve agent is put in place now. You can go on working." with title "Reeve""#;
/// Shown by Windows, beside the clock; the sign goes after a while.
const BALLOON: &str = "Add-Type -AssemblyName System.Windows.Forms,System.Drawing; \
     $sign = New-Object System.Windows.Forms.NotifyIcon; \
     $sign.Icon = [System.Drawing.SystemIcons]::Information; $sign.Visible = $true; \
     $sign.ShowBalloonTip(10000, 'Reeve', 'Another version of the Reeve agent is put in place now. You can go on working.', 'Info'); \
     Start-Sleep -Seconds 10; $sign.Dispose()";

/// Shows it, where there is somebody: the agent of a machine runs in front of nobody.
pub(super) fn show() {
    if Context::current() != Context::User {
        return;
    }
    let (program, words) = by(machine::OS);
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.spawn() {
        Ok(_) => tracing::debug!("the person at the machine is told of the update"),
        Err(error) => tracing::debug!(%error, "the person at the machine cannot be told of the update"),
    }
}

/// By which program of the system, and with which words.
fn by(os: Os) -> (PathBuf, &'static [&'static str]) {
    match os {
        Os::Linux => (
            PathBuf::from("/usr/bin/notify-send"),
            &["--app-name=Reeve", "--expire-time=10000", "Reeve", TEXT],
        ),
        Os::Macos => (PathBuf::from("/usr/bin/osascript"), &["-e", SCRIPT]),
        Os::Windows => {
            let system =
                std::env::var_os("SystemRoot").map_or_else(|| PathBuf::from(r"C:\Windows"), PathBuf::from);
            let program = system.join(r"System32\WindowsPowerShell\v1.0\powershell.exe");
            (program, &["-NoProfile", "-NonInteractive", "-WindowStyle", "Hidden", "-Command", BALLOON])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_says_the_same_by_a_program_of_its_own() {
        for (os, name) in
            [(Os::Linux, "notify-send"), (Os::Macos, "osascript"), (Os::Windows, "powershell.exe")]
        {
            let (program, words) = by(os);
            assert!(program.display().to_string().ends_with(name), "{}", program.display());
            let said = words.last().copied().unwrap_or_default();
            assert!(said.contains(TEXT), "{said}");
        }
    }
}
