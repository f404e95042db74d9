//! The agent as a service and at sign-in, as the program itself does it: rights, files, sentences; and a registration
//! that was asked for before the agent's first start. Services that really start are installed by `cargo xtask package
//! --try`.

use crate::support::{Device, FakeServer};
use agent::{
    install::pending::{Source, settle_from},
    paths::Paths,
    registration::Registration,
};
use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;
use updater::exit;

/// A user of no rights, with a home of their own.
struct User {
    home: TempDir,
}

/// What Linux calls nobody.
const NOBODY: u32 = 65_534;

impl User {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        // The agent's own folder may be closed to others.
        fs::copy(env!("CARGO_BIN_EXE_reeve-agent"), home.path().join("reeve-agent")).unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(home.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        Self { home }
    }

    fn agent(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.home.path().join("reeve-agent"));
        command.args(arguments).env_clear().env("HOME", self.home.path());
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.output().unwrap()
    }

    fn entry(&self) -> PathBuf {
        let below = if cfg!(target_os = "macos") {
            "Library/LaunchAgents/org.reeve.agent.user.plist"
        } else {
            ".config/autostart/reeve-agent.desktop"
        };
        self.home.path().join(below)
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn autostart_of_a_user_comes_and_goes_and_says_so() {
    let user = User::new();
    for _ in 0..2 {
        let output = user.agent(&["--enable-autostart"]);
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("The agent starts when this user signs in: "), "{}", said(&output));
        let text = fs::read_to_string(user.entry()).unwrap();
        let program = user.home.path().join("reeve-agent").display().to_string();
        assert!(text.contains(&program), "{text}");
    }
    let output = user.agent(&["--disable-autostart"]);
    assert!(output.status.success() && said(&output).contains("was removed"), "{}", said(&output));
    assert!(!user.entry().exists());
    let again = user.agent(&["--disable-autostart"]);
    assert!(again.status.success() && said(&again).contains("was not there"), "{}", said(&again));
}

#[test]
fn autostart_that_cannot_be_set_says_why_with_the_code_of_the_system() {
    let user = User::new();
    // A file where a folder has to be.
    let config = user.home.path().join(if cfg!(target_os = "macos") { "Library" } else { ".config" });
    fs::write(config, "").unwrap();
    let output = user.agent(&["--enable-autostart"]);
    assert_eq!(output.status.code(), Some(i32::from(exit::FAILED)));
    let said = said(&output);
    assert!(said.contains("autostart could not be enabled") && said.contains("(code "), "{said}");
}

#[test]
fn a_service_is_only_for_root_to_install() {
    let user = User::new();
    for verb in ["install", "uninstall", "start", "stop"] {
        let output = user.agent(&[verb]);
        assert_eq!(output.status.code(), Some(i32::from(exit::NOT_PERMITTED)), "{}", said(&output));
        assert!(said(&output).contains(&format!("sudo reeve-agent {verb}")), "{}", said(&output));
    }
}

/// What an installer left, and the folder of an agent that was never started.
struct Asked {
    device: Device,
    _folder: TempDir,
    file: PathBuf,
}

impl Asked {
    fn for_token(server: &str, token: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("registration.conf");
        fs::write(&file, format!("SERVER={server}\nTOKEN={token}\nCA_FILE=\n")).unwrap();
        Self { device: Device::new(), _folder: folder, file }
    }

    fn paths(&self) -> Paths {
        Paths::under(self.device.data())
    }

    async fn settle(&self) -> Result<(), agent::failure::Failure> {
        settle_from(&self.paths(), &Source::File(self.file.clone())).await
    }
}

fn is_there(file: &Path) -> bool {
    file.exists()
}

#[tokio::test]
async fn the_first_start_registers_as_was_asked_and_the_token_is_gone_afterwards() {
    let server = FakeServer::start().await;
    let asked = Asked::for_token(&server.url, "AGT-good");
    asked.settle().await.unwrap();
    let registration = Registration::find(&asked.paths()).unwrap().expect("registered");
    assert!(!is_there(&asked.file));
    assert_eq!(server.world().devices.len(), 1);
    // Nothing is asked for any more.
    asked.settle().await.unwrap();
    // An upgrade that brings a token again changes nothing.
    fs::write(&asked.file, format!("SERVER={}\nTOKEN=AGT-good\n", server.url)).unwrap();
    asked.settle().await.unwrap();
    assert_eq!(Registration::find(&asked.paths()).unwrap().unwrap(), registration);
    assert!(!is_there(&asked.file));
    assert_eq!(server.world().devices.len(), 1);
}

#[tokio::test]
async fn a_refused_token_is_forgotten_and_a_server_that_is_away_is_asked_again() {
    let mut server = FakeServer::start().await;
    let refused = Asked::for_token(&server.url, "AGT-used");
    assert_eq!(refused.settle().await.unwrap_err().code, exit::TOKEN_REFUSED);
    assert!(!is_there(&refused.file));

    let early = Asked::for_token(&server.url, "AGT-good");
    server.vanish().await;
    assert_eq!(early.settle().await.unwrap_err().code, exit::UNREACHABLE);
    assert!(is_there(&early.file), "it is tried again at the next start");

    let typo = Asked::for_token("not an address", "AGT-good");
    let failure = typo.settle().await.unwrap_err();
    assert!(is_there(&typo.file) && !failure.message.contains("AGT-good"), "{failure}");
}
