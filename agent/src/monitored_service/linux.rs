//! Linux: systemd. Whether anything happened is read from the names of the runs that systemd keeps as links, which costs
//! microseconds; only then, and every few minutes, systemd itself is asked.

use super::{machine::Seen, systemd};
use crate::program;
use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io,
    path::PathBuf,
};

/// The service manager of this machine.
#[derive(Clone, Debug)]
pub struct Manager {
    /// The tool that asks and tells it.
    pub program: String,
    /// Its folder below `/run`.
    pub run: PathBuf,
}

impl Manager {
    /// The one that there is.
    #[must_use]
    pub fn usual() -> Self {
        let run = crate::system_service::systemd_folder();
        Self { program: "systemctl".to_owned(), run }
    }

    /// Is systemd in charge here?
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.run.join("system").is_dir()
    }

    /// Changes whenever one of the services starts, ends or is restarted; nothing where systemd keeps no such links,
    /// and then it has to be asked each time.
    #[must_use]
    pub fn stamp(&self, names: &[String]) -> Option<u64> {
        let runs = self.run.join("units");
        if !runs.is_dir() {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        for name in names {
            // Each run of a unit has another name.
            fs::read_link(runs.join(format!("invocation:{name}"))).ok().hash(&mut hasher);
        }
        Some(hasher.finish())
    }

    /// The services as they are now; `None` when systemd does not say.
    pub async fn look(&self, names: &[String]) -> Option<BTreeMap<String, Seen>> {
        if !self.is_there() {
            return None;
        }
        let mut arguments = vec!["show", "--no-pager", systemd::PROPERTIES, "--"];
        arguments.extend(names.iter().map(String::as_str));
        let text = program::output(&self.program, &arguments)
            .await
            .inspect_err(|error| {
                tracing::warn!(%error, "systemd cannot be asked for the services that are looked after");
            })
            .ok()?;
        systemd::services(names, &text)
    }

    /// Restarts a service, and waits until it has started or failed to.
    ///
    /// # Errors
    /// When it did not start.
    pub async fn restart(&self, name: &str) -> io::Result<()> {
        if !is_service(name) {
            return Err(io::Error::other("it is no service"));
        }
        let arguments = ["restart", "--no-ask-password", "--", name];
        program::output(&self.program, &arguments).await.map(drop)
    }
}

/// Is it one service? Restarting a target can restart the machine, and a pattern many units; the device's lock was asked
/// about neither.
fn is_service(name: &str) -> bool {
    const OTHERS: [&str; 10] =
        ["target", "socket", "mount", "automount", "swap", "timer", "path", "slice", "scope", "device"];
    let is_other = name.rsplit_once('.').is_some_and(|(_, kind)| OTHERS.contains(&kind));
    !is_other && !name.contains(['*', '?', '[', ']'])
}

#[cfg(test)]
mod tests {
    use super::is_service;

    #[test]
    fn a_service_is_one_unit_that_is_a_service() {
        for name in ["nginx", "nginx.service", "php8.3-fpm", "getty@tty1.service", "a\\x2db.service"] {
            assert!(is_service(name), "{name}");
        }
        for name in
            ["reboot.target", "ssh.socket", "-.mount", "php*.service", "ngin?", "user.slice", "[a-z]x"]
        {
            assert!(!is_service(name), "{name}");
        }
    }
}
