//! Ends processes and starts them again: by the service that they belong to, or as they were started before.

use super::{End, Verdict, table::Row};

/// Elsewhere nothing says how a process was started.
#[cfg(not(target_os = "linux"))]
pub fn run(task: &End, _: &[Row]) -> Verdict {
    let _ = task;
    Verdict::failed("this system does not say how a process was started")
}

#[cfg(target_os = "linux")]
pub use linux::run;

#[cfg(target_os = "linux")]
mod linux {
    use super::{End, Row, Verdict};
    use crate::command::hand::{end, table};
    use std::{
        collections::BTreeSet,
        ffi::OsString,
        fs, io,
        os::unix::{ffi::OsStringExt as _, fs::MetadataExt as _, process::CommandExt as _},
        path::{Path, PathBuf},
        process::{Command, Stdio},
        thread::sleep,
        time::{Duration, Instant},
    };

    /// Whoever keeps a process starts it again within this time.
    const KEPT: Duration = Duration::from_millis(1_500);
    /// What ends within this time was not started.
    const SETTLE: Duration = Duration::from_millis(500);

    /// Restarts them.
    pub fn run(task: &End, found: &[Row]) -> Verdict {
        // Those that others of them have started come back by themselves.
        let first: Vec<&Row> =
            found.iter().filter(|row| found.iter().all(|other| other.pid != row.parent)).collect();
        let units: BTreeSet<String> = first.iter().filter_map(|row| unit(row.pid)).collect();
        if !units.is_empty() {
            return restart_units(&units);
        }
        let starts: io::Result<Vec<Start>> = first.iter().map(|row| Start::of(row.pid)).collect();
        let starts = match starts {
            Ok(starts) => starts,
            Err(error) => return Verdict::failed(format!("it cannot be seen how it was started: {error}")),
        };
        let killed = match end::all(found, Duration::from_millis(task.patience_milliseconds)) {
            Ok(killed) => killed,
            Err(stubborn) => {
                return Verdict::failed(format!("{stubborn} of {} did not end", found.len()));
            }
        };
        let said = end::ended(found, killed);
        if comes_back(&task.name, found) {
            return Verdict::completed(format!("{said}; what keeps it has started it again"));
        }
        for start in &starts {
            if let Err(error) = start.again() {
                return Verdict::failed(format!("{said}; it could not be started again: {error}"));
            }
        }
        Verdict::completed(format!("{said} and was started again"))
    }

    fn restart_units(units: &BTreeSet<String>) -> Verdict {
        let names: Vec<&str> = units.iter().map(String::as_str).collect();
        let asked = Command::new("systemctl")
            .args(["restart", "--no-ask-password", "--"])
            .args(&names)
            .stdin(Stdio::null())
            .output();
        match asked {
            Ok(output) if output.status.success() => {
                Verdict::completed(format!("restarted as {}", names.join(", ")))
            }
            Ok(output) => Verdict::failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Verdict::failed(format!("systemctl: {error}")),
        }
    }

    /// The system's service that a process belongs to.
    fn unit(pid: u32) -> Option<String> {
        if !Path::new("/run/systemd/system").is_dir() {
            return None;
        }
        unit_of(&fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?)
    }

    /// Each kind of control groups has a line of its own, and not all of them are systemd's.
    fn unit_of(cgroup: &str) -> Option<String> {
        cgroup.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            if !matches!(controllers, "" | "name=systemd") {
                return None;
            }
            let unit = path.strip_prefix("/system.slice/")?.split('/').next()?;
            // A scope is what somebody runs by hand, and what this agent started is not a service either.
            (unit.ends_with(".service")
                && !unit.starts_with("reeve-agent")
                && !unit.starts_with("reeve-command-"))
            .then(|| unit.to_owned())
        })
    }

    fn comes_back(name: &str, before: &[Row]) -> bool {
        let until = Instant::now() + KEPT;
        while Instant::now() < until {
            let is_other = |row: &Row| {
                !row.is_zombie && before.iter().all(|old| (old.pid, old.began) != (row.pid, row.began))
            };
            let named = |row: &Row| table::names(row).iter().any(|other| other == name);
            if table::all().iter().any(|row| row.pid != std::process::id() && is_other(row) && named(row)) {
                return true;
            }
            sleep(Duration::from_millis(50));
        }
        false
    }

    /// How a process was started.
    struct Start {
        program: PathBuf,
        arguments: Vec<OsString>,
        environment: Vec<(OsString, OsString)>,
        folder: PathBuf,
        user: u32,
        group: u32,
    }

    impl Start {
        fn of(pid: u32) -> io::Result<Self> {
            let folder = PathBuf::from(format!("/proc/{pid}"));
            let program = fs::read_link(folder.join("exe"))?.into_os_string().into_vec();
            // It was upgraded meanwhile: the new one stands where the old one was.
            let program = program.strip_suffix(b" (deleted)").unwrap_or(&program).to_vec();
            let texts = |name: &str| -> io::Result<Vec<OsString>> {
                let bytes = fs::read(folder.join(name))?;
                let bytes = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
                Ok(bytes.split(|byte| *byte == 0).map(|text| OsString::from_vec(text.to_vec())).collect())
            };
            let pair = |text: OsString| {
                let bytes = text.into_vec();
                let at = bytes.iter().position(|byte| *byte == b'=')?;
                let (name, value) = bytes.split_at(at);
                let name = OsString::from_vec(name.to_vec());
                (at > 0).then(|| (name, OsString::from_vec(value[1..].to_vec())))
            };
            let owner = fs::metadata(&folder)?;
            Ok(Self {
                program: OsString::from_vec(program).into(),
                arguments: texts("cmdline")?,
                environment: texts("environ")?.into_iter().filter_map(pair).collect(),
                folder: fs::read_link(folder.join("cwd"))?,
                user: owner.uid(),
                group: owner.gid(),
            })
        }

        fn again(&self) -> io::Result<()> {
            let mut command = Command::new(&self.program);
            let mut arguments = self.arguments.iter();
            if let Some(first) = arguments.next() {
                command.arg0(first);
            }
            command
                .args(arguments)
                .env_clear()
                .envs(self.environment.iter().map(|(name, value)| (name, value)))
                .current_dir(&self.folder)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .process_group(0);
            if self.user != rustix::process::geteuid().as_raw() {
                command.gid(self.group).uid(self.user);
            }
            let mut child = command.spawn()?;
            let until = Instant::now() + SETTLE;
            while Instant::now() < until {
                match child.try_wait()? {
                    // One that goes into the background ends like that.
                    Some(ended) if ended.success() => return Ok(()),
                    Some(ended) => return Err(io::Error::other(format!("it ended at once: {ended}"))),
                    None => sleep(Duration::from_millis(10)),
                }
            }
            Ok(())
        }
    }

    #[cfg(test)]
    mod tests {
        use super::unit_of;

        #[test]
        fn only_services_of_the_system_are_restarted_as_such() {
            for (cgroup, unit) in [
                ("0::/system.slice/nginx.service\n", Some("nginx.service")),
                ("12:pids:/x\n1:name=systemd:/system.slice/cron.service\n", Some("cron.service")),
                ("0::/system.slice/docker.service/worker", Some("docker.service")),
                ("0::/user.slice/user-1000.slice/session-3.scope", None),
                ("0::/system.slice/reeve-agent.service", None),
                ("9:name=systemd:/\n8:pids:/\n0::/system.slice/cron.service", Some("cron.service")),
                ("0::/system.slice/reeve-command-0191.service", None),
                ("0::/", None),
                ("", None),
            ] {
                assert_eq!(unit_of(cgroup).as_deref(), unit, "{cgroup}");
            }
        }
    }
}
