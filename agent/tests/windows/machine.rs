//! A Windows that Wine makes, and devices on it.

use crate::support::FakeServer;
use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
    time::timeout,
};

/// A program that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(40);

/// One installation of Wine, as xtask made it.
pub struct Windows {
    wine: PathBuf,
    /// Where the programs lie, as this machine names it.
    pub programs: PathBuf,
    drive: PathBuf,
    count: AtomicU32,
}

impl Windows {
    /// The one that xtask made, if it did.
    pub fn here() -> Option<Self> {
        let path = |name: &str| env::var_os(name).map(PathBuf::from);
        Some(Self {
            wine: path("REEVE_WINE")?,
            programs: path("REEVE_PROGRAMS")?,
            drive: path("WINEPREFIX")?.join("drive_c"),
            count: AtomicU32::new(0),
        })
    }

    /// A program of Windows, by its path on this machine or its name.
    pub fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(&self.wine);
        command.arg(program).stdin(Stdio::null()).kill_on_drop(true);
        command.env_remove("REEVE_TOKEN").env_remove("REEVE_LOG").env_remove("REEVE_DATA_DIR");
        command
    }

    /// What a program answers, within bounds.
    pub async fn output(&self, program: impl AsRef<OsStr>, arguments: &[&str]) -> Output {
        let output = self.program(program).args(arguments).output();
        timeout(PATIENCE, output).await.expect("it ends").unwrap()
    }

    /// Where a path of drive C lies on this machine.
    pub fn place(&self, path: &str) -> PathBuf {
        let below = path.strip_prefix(r"C:\").expect("a path of drive C");
        self.drive.join(below.replace('\\', "/"))
    }

    /// A value of the registry, when it is there.
    pub async fn registry(&self, key: &str, value: &str) -> Option<String> {
        let output = self.output("reg", &["query", key, "/v", value]).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find(|line| line.trim_start().starts_with(value))?;
        let at = line.find("REG_SZ")?;
        Some(line[at + 6..].trim().to_owned())
    }

    /// A device with a data directory of its own.
    pub fn device(&self) -> Device<'_> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let data = format!(r"C:\reeve-test\{}-{number}\data", std::process::id());
        fs::create_dir_all(self.place(&data).parent().unwrap()).unwrap();
        Device { windows: self, data }
    }
}

/// A data directory, and the agent for it.
pub struct Device<'a> {
    pub windows: &'a Windows,
    /// As Windows names it.
    pub data: String,
}

impl Device<'_> {
    /// A file of the data directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.windows.place(&self.data).join(name)
    }

    /// The agent with these arguments.
    pub fn agent(&self, arguments: &[&str]) -> Command {
        let mut command = self.windows.program(self.windows.programs.join("reeve-agent.exe"));
        command.args(arguments).args(["--data-dir", &self.data]);
        command
    }

    pub async fn output(&self, arguments: &[&str]) -> Output {
        timeout(PATIENCE, self.agent(arguments).output()).await.expect("it ends").unwrap()
    }

    /// Registers with the token on standard input.
    pub async fn register(&self, server: &FakeServer, token: &str) -> Output {
        let mut command = self.agent(&["register", "--server", &server.url]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(format!("{token}\n").as_bytes()).await;
        timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").unwrap()
    }

    /// A device that the server knows.
    pub async fn registered(self, server: &FakeServer) -> Self {
        let output = self.register(server, "AGT-good").await;
        assert!(output.status.success(), "{}", said(&output));
        self
    }

    /// Starts the agent as its supervisor would: it ends with its standard input.
    pub fn run(&self, arguments: &[&str]) -> Child {
        let output = fs::OpenOptions::new().create(true).append(true).open(self.file("output")).unwrap();
        let mut command = self.agent(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(output).spawn().unwrap()
    }

    /// What the agents of this device logged.
    pub fn log(&self) -> String {
        let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        read(&self.file("logs/agent.log")) + &read(&self.file("output"))
    }
}

/// What a program wrote to standard error, and to standard output.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

/// Waits for a program to end by itself.
pub async fn ended(child: &mut Child) -> Option<i32> {
    timeout(PATIENCE, child.wait()).await.expect("it ends").unwrap().code()
}
