//! A real mail server: aiosmtpd in a process of its own.

use super::PATIENCE;
use serde::Deserialize;
use serde_json::Value;
use server::mail::{MailConfig, SmtpMailer};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout},
    time::{Duration, timeout},
};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/mail_server.py");

/// A letter that the mail server took.
#[derive(Debug, Deserialize)]
pub struct Taken {
    pub sender: String,
    pub receivers: Vec<String>,
    pub is_encrypted: bool,
    pub user: Option<String>,
    pub subject: String,
    pub headers: Vec<String>,
    pub text: String,
}

impl Taken {
    /// The key of the link in it.
    pub fn key(&self) -> String {
        let link = self.text.split_whitespace().find(|word| word.contains("/welcome#")).expect("a link");
        link.split('#').nth(1).expect("a key").to_owned()
    }
}

/// A mail server that runs; ends with this value.
pub struct MailServer {
    pub port: u16,
    lines: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl MailServer {
    /// On a free port; the script says what the arguments are.
    pub async fn start(arguments: &[&str]) -> Self {
        let mut process = tokio::process::Command::new(python())
            .arg(SCRIPT)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It tells of refused passwords and broken connections there, which tests make on purpose.
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("a mail server");
        let stdout = process.stdout.take().expect("its output");
        let mut server = Self { port: 0, lines: BufReader::new(stdout).lines(), _process: process };
        let started: Value = server.line().await;
        server.port = started["port"].as_u64().and_then(|port| port.try_into().ok()).expect("a port");
        server
    }

    async fn line<T: for<'a> Deserialize<'a>>(&mut self) -> T {
        let line = timeout(PATIENCE, self.lines.next_line()).await.expect("in time").expect("a line");
        serde_json::from_str(&line.expect("the mail server runs")).expect("JSON")
    }

    /// The next letter.
    pub async fn letter(&mut self) -> Taken {
        self.line().await
    }

    /// True when no letter comes for a moment.
    pub async fn is_quiet(&mut self) -> bool {
        timeout(Duration::from_millis(700), self.lines.next_line()).await.is_err()
    }

    /// Sends through this server, which is on this machine and takes letters without TLS.
    pub fn mailer(&self) -> SmtpMailer {
        SmtpMailer::new(&self.config()).expect("good settings")
    }

    pub fn config(&self) -> MailConfig {
        MailConfig {
            smtp_url: format!("smtp://127.0.0.1:{}", self.port),
            from: "Reeve <reeve@msp.example>".to_owned(),
            password: None,
            extra_roots: None,
        }
    }
}

/// A Python that has aiosmtpd: the one that `cargo xtask test` made, or the system's.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("aiosmtpd/bin/python");
        let candidates = [made, PathBuf::from("python3"), PathBuf::from("/usr/bin/python3")];
        let has_it = |python: &PathBuf| {
            let tried = Command::new(python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
            tried.is_ok_and(|status| status.success())
        };
        candidates.into_iter().find(has_it).expect(
            "a Python with aiosmtpd: install the package `python3-aiosmtpd`, or run `cargo xtask test`, which does",
        )
    })
}
