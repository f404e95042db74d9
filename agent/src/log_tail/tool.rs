//! The system's tools that read its logs: what they write is read line by line, and one that hangs is ended, so that the
//! other logs are followed all the same.

use std::{
    io::{self, BufRead as _, BufReader, Read as _},
    ops::ControlFlow,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

/// A tool that writes nothing for so long, and does not end, hangs.
pub const SILENCE: Duration = Duration::from_secs(30);
/// Longest line that is read, in bytes; the rest of a longer one is another line.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// Lines that are read ahead.
const LINES_AHEAD: usize = 8;
/// Between two looks whether a tool that has closed its output has ended too.
const END_LOOK: Duration = Duration::from_millis(5);

/// Runs a tool and shows what it writes, line by line with their ends, until it ends or is told to stop.
///
/// # Errors
/// When it is not there or fails; [`io::ErrorKind::TimedOut`] when it neither wrote nor ended for `silence`: it is ended.
pub fn lines(
    command: &mut Command,
    silence: Duration,
    mut show: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> io::Result<()> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let Some(output) = child.stdout.take() else { return Ok(()) };
    let (found, next) = sync_channel(LINES_AHEAD);
    // A read cannot be given up; whoever waits for it can.
    let reader = thread::Builder::new().name("log tool".to_owned()).spawn(move || read(output, &found));
    if let Err(error) = reader {
        end(child);
        return Err(error);
    }
    loop {
        match next.recv_timeout(silence) {
            Ok(Ok(line)) => {
                if show(&line).is_break() {
                    // It would wait for somebody who reads on.
                    end(child);
                    return Ok(());
                }
            }
            Ok(Err(error)) => {
                end(child);
                return Err(error);
            }
            Err(RecvTimeoutError::Timeout) => return Err(hangs(child)),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begun.elapsed() >= silence {
            return Err(hangs(child));
        }
        thread::sleep(END_LOOK);
    };
    ended(command, status)
}

fn ended(command: &Command, status: ExitStatus) -> io::Result<()> {
    if status.success() {
        return Ok(());
    }
    let program = command.get_program().to_string_lossy();
    Err(io::Error::other(format!("{program} ended with {status}")))
}

/// Hands over what is read; ends with the output, or when nobody listens any more.
fn read(output: ChildStdout, found: &SyncSender<io::Result<Vec<u8>>>) {
    let mut reader = BufReader::new(output);
    loop {
        let mut line = Vec::new();
        let more = match reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(0) => return,
            Ok(_) => found.send(Ok(line)).is_ok(),
            Err(error) => {
                let _ = found.send(Err(error));
                false
            }
        };
        if !more {
            return;
        }
    }
}

fn hangs(child: Child) -> io::Error {
    end(child);
    io::Error::new(io::ErrorKind::TimedOut, "it hangs, and was ended")
}

/// Ends a tool without waiting for it: one that is stuck in the kernel does not end before that lets go of it.
fn end(mut child: Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let waits = thread::Builder::new().name("log tool".to_owned()).spawn(move || child.wait());
    if let Err(error) = waits {
        tracing::debug!(%error, "nobody waits for the end of a tool");
    }
}
