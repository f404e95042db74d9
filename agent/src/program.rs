//! Runs the operating system's own tools: bounded in time and output, in the C locale, never through a shell.

use std::{io, process::Stdio, time::Duration};
use tokio::{io::AsyncReadExt as _, process::Command, time::timeout};

/// A tool that takes longer is ended.
const LONGEST: Duration = Duration::from_secs(30);
/// Most bytes read from a tool.
const OUTPUT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What the tool writes to its standard output.
///
/// # Errors
/// When it is not there, fails, hangs or writes without end.
pub async fn output(program: &str, arguments: &[&str]) -> io::Result<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdout =
        child.stdout.take().ok_or_else(|| io::Error::other("it has no output"))?.take(OUTPUT_BYTES_MAX);
    let run = async {
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).await?;
        if stdout.limit() == 0 {
            return Err(io::Error::other("it writes without end"));
        }
        let status = child.wait().await?;
        if !status.success() {
            return Err(io::Error::other(format!("it failed: {status}")));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    timeout(LONGEST, run).await.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "it hangs")))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tool_answers_fails_or_is_missing() {
        assert_eq!(output("echo", &["a b"]).await.unwrap(), "a b\n");
        assert!(output("false", &[]).await.is_err());
        assert_eq!(output("no-such-tool-here", &[]).await.unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(output("yes", &[]).await.is_err(), "endless output is cut off");
    }
}
