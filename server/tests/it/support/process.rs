//! The program `reeve` itself, as an operator runs it: with arguments, variables and files, in a folder of its own.

use super::{PATIENCE, server::write_site};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// A folder with what a server needs, and nothing of this machine's settings.
pub struct Place {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// A server that runs.
pub struct Serving {
    child: Child,
    /// Where it says that it is.
    pub url: String,
    /// What it said on its way there.
    pub welcome: String,
    log: Arc<Mutex<String>>,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        write_site(&folder.path().join("site"));
        Self { folder, variables: vec![] }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// A file in the folder, as an argument.
    pub fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).expect("written");
        self.path(name).display().to_string()
    }

    /// Sets a variable for everything that is started from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// The program with these arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reeve"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("REEVE_")) {
            command.env_remove(name);
        }
        command.env_remove("NOTIFY_SOCKET").env_remove("JOURNAL_STREAM");
        // An empty name: the machine's own settings file is not read.
        command.env("REEVE_CONFIG", "").env("REEVE_DATA_DIR", self.data());
        command.env("REEVE_SITE_ROOT", self.path("site"));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs it to its end.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        timeout(PATIENCE, self.command(arguments).output()).await.expect("it ends").expect("it runs")
    }

    /// Runs it to its end, with this on its standard input.
    pub async fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        // It does not read what it does not need.
        let _ = child.stdin.take().expect("its input").write_all(input.as_bytes()).await;
        timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").expect("it runs")
    }

    /// Starts a server on a free port and waits until it is there.
    pub async fn serve(&self, arguments: &[&str]) -> Serving {
        self.start(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat()).await
    }

    /// Starts what serves, and waits until it is there.
    pub async fn start(&self, arguments: &[&str]) -> Serving {
        let mut command = self.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let log = Arc::<Mutex<String>>::default();
        let mut lines = BufReader::new(child.stderr.take().expect("its log")).lines();
        let kept = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut welcome = String::new();
        let url = timeout(PATIENCE, async {
            loop {
                let line = lines.next_line().await.expect("its output");
                let Some(line) = line else { panic!("it ended: {}", log.lock().expect("whole")) };
                welcome.push_str(&line);
                welcome.push('\n');
                let Some(at) = line.find("http") else { continue };
                let url = line[at..].trim();
                return url.split("/setup").next().unwrap_or(url).to_owned();
            }
        })
        .await
        .expect("it starts in time");
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Serving { child, url, welcome, log }
    }
}

impl Serving {
    /// What it has logged.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the log has this.
    pub async fn logged(&self, part: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.log().contains(part) {
            assert!(Instant::now() < deadline, "{part:?} is not in the log:\n{}", self.log());
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Its number in the system.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id().expect("it runs")).expect("a number")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.pid()).expect("a process");
        rustix::process::kill_process(pid, signal).expect("signalled");
    }

    /// Waits until it has ended; true when it ended well.
    pub async fn ended(&mut self) -> bool {
        timeout(PATIENCE, self.child.wait()).await.expect("it ends").expect("its status").success()
    }

    /// Asks it to stop, and waits.
    pub async fn stop(mut self) -> String {
        self.signal(rustix::process::Signal::TERM);
        assert!(self.ended().await, "{}", self.log());
        self.log()
    }
}

/// What a program said to people: its standard output, when it ended well.
#[track_caller]
pub fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", complaint(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a program complained of.
pub fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Makes a file readable for these.
pub fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
}
