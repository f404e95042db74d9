//! `--enable-autostart` and `--disable-autostart`: the agent starts when somebody signs in. For agents of one user; an
//! agent of the machine is better off as a service (`reeve-agent install`). With the rights of an administrator it is
//! for everybody who signs in, without them for the present user.

#[cfg(any(target_os = "macos", all(test, unix)))]
mod launch_agent;
#[cfg(any(target_os = "linux", all(test, unix)))]
mod xdg;

use crate::{failure::Failure, paths::Context};
use std::{io, path::Path};

/// For whom the agent starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// For everybody who signs in to this machine.
    Everybody,
    /// For the present user.
    User,
}

impl Who {
    /// As the rights of this process are.
    #[must_use]
    pub fn by_rights() -> Self {
        match Context::current() {
            Context::Machine => Self::Everybody,
            Context::User => Self::User,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Everybody => "when anybody signs in to this machine",
            Self::User => "when this user signs in",
        }
    }
}

/// Makes the agent start with each sign-in; answers a sentence for people.
///
/// # Errors
/// When the system refuses; its error code is in the message and in the log.
pub fn enable() -> Result<String, Failure> {
    let who = Who::by_rights();
    let set = std::env::current_exe().and_then(|agent| set(who, &agent));
    told(who, "enable", set.map(|place| (true, place)))
}

/// Makes it start no more with each sign-in; answers a sentence for people.
///
/// # Errors
/// As for [`enable`].
pub fn disable() -> Result<String, Failure> {
    let who = Who::by_rights();
    told(who, "disable", clear(who))
}

/// Logs how it went, and says it.
fn told(who: Who, what: &str, done: io::Result<(bool, String)>) -> Result<String, Failure> {
    match done {
        Ok((changed, place)) => {
            tracing::info!(autostart = what, place, changed, "autostart was changed");
            Ok(match (what, changed) {
                ("enable", _) => format!("The agent starts {}: {place}", who.words()),
                (_, true) => format!("The agent starts no more {}: {place} was removed", who.words()),
                (_, false) => format!("The agent did not start {}: {place} was not there", who.words()),
            })
        }
        Err(error) => {
            let code = error.raw_os_error();
            tracing::error!(autostart = what, code, %error, "autostart could not be changed");
            let code = code.map_or_else(String::new, |code| format!(" (code {code})"));
            Err(Failure::failed(format!("autostart could not be {what}d: {error}{code}")))
        }
    }
}

#[cfg(target_os = "linux")]
fn set(who: Who, agent: &Path) -> io::Result<String> {
    let file = xdg::file(who, Path::new("/"), &environment)?;
    xdg::set(&file, agent).map(|()| file.display().to_string())
}

#[cfg(target_os = "linux")]
fn clear(who: Who) -> io::Result<(bool, String)> {
    remove(&xdg::file(who, Path::new("/"), &environment)?)
}

#[cfg(target_os = "macos")]
fn set(who: Who, agent: &Path) -> io::Result<String> {
    let file = launch_agent::file(who, Path::new("/"), &environment)?;
    launch_agent::set(&file, agent).map(|()| file.display().to_string())
}

#[cfg(target_os = "macos")]
fn clear(who: Who) -> io::Result<(bool, String)> {
    remove(&launch_agent::file(who, Path::new("/"), &environment)?)
}

#[cfg(windows)]
fn set(who: Who, agent: &Path) -> io::Result<String> {
    let (scope, place) = key(who)?;
    windows_api::run_key::set(&scope, windows_api::name::AGENT, &run_command(agent))?;
    Ok(place)
}

#[cfg(windows)]
fn clear(who: Who) -> io::Result<(bool, String)> {
    let (scope, place) = key(who)?;
    Ok((windows_api::run_key::remove(&scope, windows_api::name::AGENT)?, place))
}

#[cfg(windows)]
fn key(who: Who) -> io::Result<(windows_api::name::Scope, String)> {
    let (scope, root) = match who {
        Who::Everybody => (windows_api::name::Scope::Machine, "HKEY_LOCAL_MACHINE"),
        Who::User => (windows_api::identity::scope()?, "HKEY_CURRENT_USER"),
    };
    let name = windows_api::name::AGENT;
    Ok((scope, format!(r"{root}\Software\Microsoft\Windows\CurrentVersion\Run\{name}")))
}

/// What stands in the Run key: the full path, quoted because it may hold spaces.
#[cfg(any(windows, test))]
fn run_command(agent: &Path) -> String {
    format!("\"{}\" run", agent.display())
}

#[cfg(unix)]
fn environment(name: &str) -> Option<std::path::PathBuf> {
    std::env::var_os(name).map(std::path::PathBuf::from).filter(|path| path.is_absolute())
}

/// Removes a file. False: it was not there.
#[cfg(unix)]
fn remove(file: &Path) -> io::Result<(bool, String)> {
    match std::fs::remove_file(file) {
        Ok(()) => Ok((true, file.display().to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((false, file.display().to_string())),
        Err(error) => Err(error),
    }
}

/// Writes a file, and the folders that lead to it.
#[cfg(unix)]
fn write(file: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    updater::durable::write_atomic(file, text.as_bytes(), updater::durable::Mode::Public)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::{fs, path::PathBuf};

    /// An environment in which `HOME` is all there is.
    fn home(folder: &Path) -> impl Fn(&str) -> Option<PathBuf> {
        let home = folder.join("home");
        move |name| (name == "HOME").then(|| home.clone())
    }

    #[test]
    fn a_desktop_entry_comes_goes_and_runs_this_program() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let file = xdg::file(Who::User, root, &home(root)).unwrap();
        assert_eq!(file, root.join("home/.config/autostart/reeve-agent.desktop"));
        for _ in 0..2 {
            xdg::set(&file, Path::new("/opt/a folder/50%/reeve-agent")).unwrap();
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.starts_with("[Desktop Entry]\nType=Application\n"), "{text}");
            assert!(text.contains("\nExec=\"/opt/a folder/50%%/reeve-agent\" run\n"), "{text}");
        }
        assert!(remove(&file).unwrap().0);
        assert!(!remove(&file).unwrap().0, "twice is as good as once");
        let everybody = xdg::file(Who::Everybody, root, &home(root)).unwrap();
        assert_eq!(everybody, root.join("etc/xdg/autostart/reeve-agent.desktop"));
        assert!(xdg::file(Who::User, root, &|_: &str| None).is_err(), "without a home there is no place");
    }

    #[test]
    fn a_launch_agent_is_a_property_list_that_runs_this_program() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let file = launch_agent::file(Who::User, root, &home(root)).unwrap();
        assert_eq!(file, root.join("home/Library/LaunchAgents/org.reeve.agent.user.plist"));
        launch_agent::set(&file, Path::new("/Applications/A & B/reeve-agent")).unwrap();
        let list = plist::Value::from_file(&file).unwrap().into_dictionary().unwrap();
        let words = list["ProgramArguments"].as_array().unwrap().iter().filter_map(plist::Value::as_string);
        assert_eq!(words.collect::<Vec<_>>(), ["/Applications/A & B/reeve-agent", "run"]);
        assert_eq!(list["RunAtLoad"].as_boolean(), Some(true));
        assert_eq!(list["Label"].as_string(), Some("org.reeve.agent.user"));
        let everybody = launch_agent::file(Who::Everybody, root, &home(root)).unwrap();
        assert_eq!(everybody, root.join("Library/LaunchAgents/org.reeve.agent.user.plist"));
    }

    #[test]
    fn success_and_failure_are_said_with_the_code_of_the_system() {
        let good = told(Who::User, "enable", Ok((true, "/x".to_owned()))).unwrap();
        assert_eq!(good, "The agent starts when this user signs in: /x");
        let none = told(Who::Everybody, "disable", Ok((false, "/x".to_owned()))).unwrap();
        assert_eq!(none, "The agent did not start when anybody signs in to this machine: /x was not there");
        let bad = told(Who::User, "enable", Err(io::Error::from_raw_os_error(13))).unwrap_err();
        assert!(bad.message.starts_with("autostart could not be enabled: "), "{bad}");
        assert!(bad.message.ends_with("(code 13)"), "{bad}");
        assert_eq!(run_command(Path::new(r"C:\A B\reeve-agent.exe")), r#""C:\A B\reeve-agent.exe" run"#);
    }
}
