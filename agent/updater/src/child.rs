//! One process of the agent, with its channel: what it says comes in as wakes, what it is told goes out by a thread of its
//! own, so that an agent that does not listen keeps nobody waiting.

use crate::{
    channel::{LINE_BYTES_MAX, ToAgent, ToSupervisor},
    engine::Launch,
    signal::{self, Wake},
};
use entity::update::{LOG_LINE_MAX, LOG_LINES_MAX};
use std::{
    collections::VecDeque,
    ffi::OsString,
    io::{self, BufRead as _, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

/// So many messages may wait for the agent; one that takes none of them does not listen.
const WAITING_MAX: usize = 64;
/// Longest line of its standard error that is looked at in one piece.
const ERROR_LINE_MAX: u64 = 16 * 1024;

type Lines = Arc<Mutex<VecDeque<String>>>;

/// A process of the agent.
#[derive(Debug)]
pub struct Agent {
    process: Child,
    /// Tells its messages from those of the one before.
    number: u64,
    tell: Option<SyncSender<String>>,
    lines: Lines,
}

impl Agent {
    /// Starts it. What it prints goes where this process's own goes, if there is such a place.
    ///
    /// # Errors
    /// Whatever the operating system refuses.
    pub fn start(
        launch: &Launch,
        arguments: &[OsString],
        number: u64,
        has_output: bool,
        wakes: &SyncSender<Wake>,
    ) -> io::Result<Self> {
        let mut command = Command::new(&launch.program);
        command.args(["run", "--supervised"]).stdin(Stdio::null());
        if launch.is_channel {
            command.arg("--channel").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        } else {
            // On Windows there are no signals: the end of its input asks the agent to stop.
            if cfg!(windows) {
                command.stdin(Stdio::piped());
            }
            if !has_output {
                command.stdout(Stdio::null()).stderr(Stdio::null());
            }
        }
        command.args(arguments);
        // A terminal's Ctrl-C would otherwise reach the agent twice.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command.spawn()?;
        let lines = Lines::default();
        let mut tell = None;
        if launch.is_channel
            && let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take())
        {
            let (sender, receiver) = sync_channel(WAITING_MAX);
            thread::Builder::new().name("tell".to_owned()).spawn(move || write(input, &receiver))?;
            let wakes = wakes.clone();
            thread::Builder::new().name("listen".to_owned()).spawn(move || read(output, number, &wakes))?;
            tell = Some(sender);
        }
        if let Some(errors) = process.stderr.take() {
            let lines = lines.clone();
            thread::Builder::new()
                .name("errors".to_owned())
                .spawn(move || pass_on(errors, has_output, &lines))?;
        }
        Ok(Self { process, number, tell, lines })
    }

    /// Its process id, for the log.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// See [`Wake::Said`].
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Tells it something. False: it does not listen.
    pub fn tell(&self, message: &ToAgent) -> bool {
        let Ok(mut line) = serde_json::to_string(message) else { return false };
        line.push('\n');
        self.tell.as_ref().is_some_and(|tell| tell.try_send(line).is_ok())
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// Whatever the operating system refuses.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// Asks it to end in order: by the end of its input, and by a signal where there are signals.
    pub fn ask_to_stop(&mut self) {
        // The thread that writes ends when there is nothing more to come, and with it the input.
        self.tell = None;
        // It may have ended meanwhile; the next look finds that.
        let _ = signal::ask_to_stop(&mut self.process);
    }

    /// Ends it by force and waits for that.
    ///
    /// # Errors
    /// Whatever the operating system refuses.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        self.tell = None;
        self.process.kill()?;
        self.process.wait()
    }

    /// The last lines of its standard error.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    /// Resident memory in bytes, where the system says it.
    #[must_use]
    pub fn memory(&self) -> Option<u64> {
        #[cfg(target_os = "linux")]
        {
            let text = std::fs::read_to_string(format!("/proc/{}/statm", self.process.id())).ok()?;
            let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
            Some(pages.saturating_mul(rustix::param::page_size() as u64))
        }
        #[cfg(not(target_os = "linux"))]
        None
    }
}

fn write(mut input: ChildStdin, messages: &Receiver<String>) {
    while let Ok(line) = messages.recv() {
        if input.write_all(line.as_bytes()).and_then(|()| input.flush()).is_err() {
            return;
        }
    }
}

/// Until the agent closes its output, or says something that is no line.
fn read(output: impl Read, number: u64, wakes: &SyncSender<Wake>) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        match output.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(length) if length > LINE_BYTES_MAX => break,
            Ok(_) => {}
        }
        if let Ok(message) = serde_json::from_slice::<ToSupervisor>(&line)
            && wakes.send(Wake::Said(number, Box::new(message))).is_err()
        {
            return;
        }
    }
    // Whatever else it prints must not make it wait.
    let _ = io::copy(&mut output, &mut io::sink());
    let _ = wakes.send(Wake::Look);
}

/// Keeps the last lines, and hands everything on.
fn pass_on(errors: impl Read, has_output: bool, lines: &Lines) {
    let mut errors = BufReader::new(errors);
    let mut line = Vec::new();
    loop {
        line.clear();
        match errors.by_ref().take(ERROR_LINE_MAX).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if has_output {
            let _ = io::stderr().write_all(&line);
        }
        let text: String = String::from_utf8_lossy(&line).trim_end().chars().take(LOG_LINE_MAX).collect();
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= LOG_LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(text);
    }
}
