//! The one-shot replacement of a program, over small scripts.

use super::*;

fn program(path: &Path, body: &str) {
    fs::write(path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

struct Old {
    folder: tempfile::TempDir,
    running: Child,
}

impl Old {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        program(&folder.path().join("agent"), "echo old >> \"$(dirname \"$0\")/starts\"; exec sleep 30");
        let running = Command::new("sleep").arg("1").spawn().unwrap();
        Self { folder, running }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn apply(&mut self, package: &str) -> i32 {
        self.apply_with(&["apply"], package)
    }

    /// The same with other words before the four arguments.
    fn apply_with(&mut self, words: &[&str], package: &str) -> i32 {
        program(&self.at("package"), package);
        let mut command = Command::new(env!("CARGO_BIN_EXE_reeve-updater"));
        command.args(words).arg(self.at("package")).arg(self.at("agent")).arg(self.running.id().to_string());
        let mut applied = command.arg(self.folder.path()).spawn().unwrap();
        // Somebody has to take note of its end, or its number stays taken.
        self.running.wait().unwrap();
        applied.wait().unwrap().code().unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.at("updater.log")).unwrap()
    }

    fn starts(&self) -> Vec<String> {
        lines(&self.at("starts"))
    }
}

#[test]
fn a_program_that_stays_up_takes_the_place_of_the_old_one() {
    let mut old = Old::new();
    // As the specification has it: four arguments and no verb.
    let code = old.apply_with(&[], "echo new >> \"$(dirname \"$0\")/starts\"; exec sleep 30");
    let log = old.log();
    assert_eq!((code, old.starts()), (0, vec!["new".to_owned()]), "{log}");
    assert!(!old.at("agent.old").exists() && !old.at("package").exists());
    let exited = format!("Old agent process (PID: {}) exited.", old.running.id());
    let said = [
        "Updater started with args: [",
        exited.as_str(),
        "New agent started successfully.",
        "agent.old removed",
        "package removed",
        "Updater finished. Exit code 0.",
    ];
    let at: Vec<_> = said.iter().map(|line| log.find(line)).collect();
    assert!(at.iter().all(Option::is_some) && at.is_sorted(), "{at:?} {log}");
}

#[test]
fn a_program_that_ends_is_rolled_back() {
    let mut old = Old::new();
    let code = old.apply("echo new >> \"$(dirname \"$0\")/starts\"; exit 1");
    assert_eq!(code, i32::from(updater::apply::ROLLED_BACK));
    wait_for("the old one", || old.starts() == ["new", "old"]);
    assert!(!old.at("agent.old").exists());
    let log = old.log();
    for line in [
        "New agent failed verification: ",
        "Initiating rollback.",
        "Rollback successful, old agent restarted.",
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
}

#[test]
fn an_agent_that_cannot_be_backed_up_is_started_again() {
    let mut old = Old::new();
    fs::create_dir(old.at("agent.old")).unwrap();
    let before = fs::read(old.at("agent")).unwrap();
    assert_eq!(old.apply("exit 0"), 1, "{}", old.log());
    wait_for("the old one", || old.starts() == ["old"]);
    assert_eq!(fs::read(old.at("agent")).unwrap(), before);
    assert!(!old.at("agent.new").exists(), "{}", old.log());
}

#[test]
fn an_update_that_was_cut_off_is_mended_first() {
    let mut old = Old::new();
    fs::rename(old.at("agent"), old.at("agent.old")).unwrap();
    assert_eq!(old.apply("exit 1"), i32::from(updater::apply::ROLLED_BACK));
    wait_for("the old one", || old.starts() == ["old"]);
}
