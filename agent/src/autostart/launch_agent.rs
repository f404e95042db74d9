//! Autostart on macOS: a LaunchAgent, which launchd runs when somebody signs in.

use super::{Who, write};
use crate::install::launchd::escaped;
use std::{
    io,
    path::{Path, PathBuf},
};

const LABEL: &str = "org.reeve.agent.user";

/// Where the property list goes.
///
/// # Errors
/// When the user has no home.
pub(super) fn file(
    who: Who,
    root: &Path,
    environment: &dyn Fn(&str) -> Option<PathBuf>,
) -> io::Result<PathBuf> {
    let folder = match who {
        Who::Everybody => root.to_owned(),
        Who::User => {
            environment("HOME").ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "HOME is not set"))?
        }
    };
    Ok(folder.join(format!("Library/LaunchAgents/{LABEL}.plist")))
}

/// Writes the property list.
///
/// # Errors
/// Whatever the file system refuses.
pub(super) fn set(file: &Path, agent: &Path) -> io::Result<()> {
    let agent = escaped(&agent.display().to_string());
    write(
        file,
        &format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>{LABEL}</string>
	<key>ProgramArguments</key>
	<array>
		<string>{agent}</string>
		<string>run</string>
	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>ProcessType</key>
	<string>Background</string>
</dict>
</plist>
"#
        ),
    )
}
