//! Starts the agent, watches it, starts it again, and does what the brain decides about updates; ends when it is asked to
//! or when the agent ended in order. One thread decides; others only read, write and wait.

use crate::{
    backoff::{self, Backoff, Ending},
    child::Agent,
    engine::{Engine, Launch, Next, Now, Order, Outcome, Purpose, Start},
    exit,
    fs::Disk,
    patience::Patient,
    probe,
    signal::{self, WAITING_MAX, Wake},
    slot::Home,
    terms::{Terms, ms},
};
use chrono::Utc;
use std::{
    ffi::{OsStr, OsString},
    fmt,
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

/// Between two looks while nothing is under way.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Between two looks during an update, at most.
const LOOK_EVERY_BUSY: Duration = Duration::from_secs(1);
/// An agent that has ended is looked for this often while it is being ended.
const LOOK_EVERY_ENDING: Duration = Duration::from_millis(200);

/// What is to be supervised.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program that the package installed.
    pub agent: PathBuf,
    /// What it is started with after `run --supervised`.
    pub arguments: Vec<OsString>,
    /// Where the agent keeps its data, if that was said; the slots lie there. Without it nothing is updated.
    pub data_dir: Option<PathBuf>,
    /// How long things may take.
    pub terms: Terms,
}

impl Plan {
    /// The data directory: as it was said to the supervisor, else as it is said to the agent.
    #[must_use]
    pub fn data_dir(&self) -> Option<PathBuf> {
        self.data_dir.clone().or_else(|| {
            let mut words = self.arguments.iter();
            while let Some(word) = words.next() {
                if word == OsStr::new("--data-dir") {
                    return words.next().map(PathBuf::from);
                }
                if let Some(folder) = word.to_str().and_then(|word| word.strip_prefix("--data-dir=")) {
                    return Some(folder.into());
                }
            }
            None
        })
    }
}

/// Supervises until asked to stop or until the agent ended in order; answers the code to end with, which has the service
/// manager start the supervisor again when another one has taken its place. `say` gets one line for each start and end.
///
/// # Errors
/// When another supervisor looks after the same data, or the operating system refuses to deliver signals or to say how
/// the agent ended.
pub fn supervise(plan: &Plan, say: impl FnMut(fmt::Arguments<'_>)) -> io::Result<u8> {
    let (sender, wakes) = sync_channel(WAITING_MAX);
    signal::listen(sender.clone())?;
    supervise_until(plan, sender, wakes, true, say)
}

/// Supervises until a wake says to stop or until the agent ended in order. What the agent prints goes where this
/// process's own goes, if there is such a place.
pub(crate) fn supervise_until(
    plan: &Plan,
    sender: SyncSender<Wake>,
    wakes: Receiver<Wake>,
    has_output: bool,
    say: impl FnMut(fmt::Arguments<'_>),
) -> io::Result<u8> {
    let supervisor = Supervisor {
        plan,
        sender,
        wakes,
        has_output,
        say,
        began: Instant::now(),
        engine: None,
        lock: None,
        is_refused: false,
        number: 0,
        agent: None,
        ending: None,
        is_stopping: false,
        code: exit::CLEAN,
        weighed: None,
    };
    supervisor.run()
}

struct Supervisor<'a, S> {
    plan: &'a Plan,
    sender: SyncSender<Wake>,
    wakes: Receiver<Wake>,
    has_output: bool,
    say: S,
    began: Instant,
    /// None while there is no data directory.
    engine: Option<Engine<Patient<Disk>>>,
    /// Held for as long as this process lives.
    lock: Option<File>,
    /// The folders could not be made; it is said once.
    is_refused: bool,
    number: u64,
    agent: Option<Agent>,
    /// The agent was asked to end, and is ended by force at this moment.
    ending: Option<Instant>,
    is_stopping: bool,
    /// What this process ends with.
    code: u8,
    /// When the agent's memory was looked at last.
    weighed: Option<Instant>,
}

impl<S: FnMut(fmt::Arguments<'_>)> Supervisor<'_, S> {
    fn run(mut self) -> io::Result<u8> {
        let mut backoff = Backoff::default();
        loop {
            self.open()?;
            if self.is_stopping {
                return Ok(self.code);
            }
            let (ending, lived) = self.one_life()?;
            if self.is_stopping {
                return Ok(self.code);
            }
            let now = self.now();
            let lived_ms = u64::try_from(lived.as_millis()).unwrap_or(u64::MAX);
            let next =
                self.engine.as_mut().map_or(Next::AsEver, |engine| engine.ended(ending, lived_ms, now));
            self.obey()?;
            let wait = match (next, backoff.on(ending, lived)) {
                (Next::AtOnce, _) => {
                    backoff = Backoff::default();
                    continue;
                }
                (Next::AsEver, backoff::Next::End) => return Ok(self.code),
                (_, backoff::Next::StartAfter(wait)) => wait,
                (Next::Again, backoff::Next::End) => Duration::from_secs(1),
            };
            (self.say)(format_args!("starting it again in {} s", wait.as_secs()));
            if self.pause(wait)? {
                return Ok(self.code);
            }
        }
    }

    /// The time in which nothing was heard because a file was waited for is nobody's: no agent was silent in it.
    fn now(&self) -> Now {
        let waited = self.engine.as_ref().map_or(Duration::ZERO, |engine| engine.fs().waited());
        let passed = self.began.elapsed().saturating_sub(waited);
        let mono_ms = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        Now { mono_ms, wall: Utc::now() }
    }

    /// Takes the data directory, as soon as there is one.
    fn open(&mut self) -> io::Result<()> {
        let Some(data) = self.plan.data_dir().filter(|data| data.is_dir() && self.engine.is_none()) else {
            return Ok(());
        };
        let home = Home::under(data);
        if self.lock.is_none() {
            match lock(&home) {
                Ok(lock) => self.lock = Some(lock),
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => return Err(error),
                Err(error) => return self.go_without(&error),
            }
        }
        let start = Start::usual(home, self.plan.terms.clone(), self.plan.agent.clone());
        let disk = Patient::new(Disk, ms(self.plan.terms.held_max_ms));
        match Engine::begin(disk, start, self.now()) {
            Ok(engine) => self.engine = Some(engine),
            Err(error) => return self.go_without(&error),
        }
        self.obey()
    }

    /// The agent runs all the same.
    fn go_without(&mut self, error: &io::Error) -> io::Result<()> {
        if !std::mem::replace(&mut self.is_refused, true) {
            (self.say)(format_args!("no updates: {error}"));
        }
        Ok(())
    }

    /// Starts the agent and stays with it until it ends.
    fn one_life(&mut self) -> io::Result<(Ending, Duration)> {
        let now = self.now();
        let launch = self.engine.as_mut().map(|engine| engine.launch(now));
        self.obey()?;
        let launch = launch.unwrap_or_else(|| Launch { program: self.plan.agent.clone(), is_channel: false });
        self.number += 1;
        let start =
            || Agent::start(&launch, &self.plan.arguments, self.number, self.has_output, &self.sender);
        let agent = match &self.engine {
            Some(engine) => engine.fs().patiently(&launch.program, start),
            None => start(),
        };
        let started = Instant::now();
        match agent {
            Ok(agent) => {
                (self.say)(format_args!("agent started, pid {}", agent.id()));
                self.agent = Some(agent);
                if let Some(engine) = &mut self.engine {
                    engine.started();
                }
            }
            Err(error) => {
                (self.say)(format_args!("{} could not be started: {error}", launch.program.display()));
                return Ok((Ending::NotStarted, Duration::ZERO));
            }
        }
        let status = self.watch(launch.is_channel)?;
        (self.say)(format_args!("agent ended: {status}"));
        Ok((ending_of(status), started.elapsed()))
    }

    fn watch(&mut self, is_channel: bool) -> io::Result<ExitStatus> {
        loop {
            let Some(agent) = &mut self.agent else { return Err(io::Error::other("there is no agent")) };
            let mut status = agent.ended()?;
            if status.is_none() && self.ending.is_some_and(|at| Instant::now() >= at) {
                status = Some(agent.kill()?);
            }
            if let Some(status) = status {
                self.hear_out();
                self.agent = None;
                self.ending = None;
                return Ok(status);
            }
            // A signal can be merged with one before it, so a look now and then is needed all the same.
            let mut wait = if is_channel { self.look_every() } else { LOOK_EVERY };
            if let Some(at) = self.ending {
                wait = wait.min(LOOK_EVERY_ENDING).min(at.saturating_duration_since(Instant::now()));
            }
            self.next(wait)?;
        }
    }

    /// What the agent still said and wrote before it ended.
    fn hear_out(&mut self) {
        if let (Some(agent), Some(engine)) = (&self.agent, &mut self.engine) {
            for line in agent.lines() {
                engine.heard(&line);
            }
        }
    }

    fn look_every(&self) -> Duration {
        let Some(engine) = &self.engine else { return LOOK_EVERY };
        if engine.is_busy() {
            LOOK_EVERY_BUSY.min(ms(engine.terms().beat_ms.max(50)) / 2)
        } else {
            LOOK_EVERY
        }
    }

    /// Waits for whatever comes next and sees to it.
    fn next(&mut self, wait: Duration) -> io::Result<()> {
        match self.wakes.recv_timeout(wait) {
            Ok(wake) => self.take(wake)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.stop(),
        }
        let now = self.now();
        self.weigh(now);
        if let Some(engine) = &mut self.engine {
            engine.tick(now);
        }
        self.obey()
    }

    fn take(&mut self, wake: Wake) -> io::Result<()> {
        let now = self.now();
        match wake {
            Wake::Look => {}
            Wake::Stop => self.stop(),
            Wake::Said(number, message) => {
                let is_its = self.agent.as_ref().is_some_and(|agent| agent.number() == number);
                if let (true, Some(engine)) = (is_its, &mut self.engine) {
                    engine.said(*message, now);
                }
            }
            Wake::Probed(purpose, outcome) => {
                if let Some(engine) = &mut self.engine {
                    engine.probed(purpose, &outcome, now);
                }
            }
        }
        self.obey()
    }

    /// Looks how much memory the agent takes, once in a while.
    fn weigh(&mut self, now: Now) {
        let (Some(engine), Some(agent)) = (&mut self.engine, &self.agent) else { return };
        let every = ms(engine.terms().beat_ms);
        if self.weighed.is_none_or(|at| at.elapsed() >= every) {
            self.weighed = Some(Instant::now());
            if let Some(bytes) = agent.memory() {
                engine.memory(bytes, now);
            }
        }
    }

    fn stop(&mut self) {
        self.is_stopping = true;
        self.end_agent();
    }

    fn end_agent(&mut self) {
        if let (Some(agent), None) = (&mut self.agent, self.ending) {
            self.ending = Some(Instant::now() + ms(self.plan.terms.stop_ms));
            agent.ask_to_stop();
        }
    }

    /// Does what the brain decided.
    fn obey(&mut self) -> io::Result<()> {
        while let Some(orders) = self.engine.as_mut().map(Engine::orders).filter(|orders| !orders.is_empty())
        {
            for order in orders {
                match order {
                    Order::Say(line) => (self.say)(format_args!("{line}")),
                    Order::Send(message) => {
                        let is_heard = self.agent.as_ref().is_none_or(|agent| agent.tell(&message));
                        if !is_heard && self.ending.is_none() {
                            (self.say)(format_args!("the agent does not listen"));
                        }
                    }
                    Order::Probe { program, nonce, purpose } => self.ask(program, nonce, purpose)?,
                    Order::Leave => {
                        self.code = exit::RESTART;
                        self.stop();
                    }
                    Order::Stop => self.end_agent(),
                    Order::Kill => {
                        if self.agent.is_some() {
                            self.ending = Some(Instant::now());
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn ask(&mut self, program: PathBuf, nonce: String, purpose: Purpose) -> io::Result<()> {
        let (sender, longest) = (self.sender.clone(), ms(self.plan.terms.probe_ms));
        let mut arguments = Vec::new();
        if let Some(data) = self.plan.data_dir() {
            arguments = vec![OsString::from("--data-dir"), data.into_os_string()];
        }
        let asked = thread::Builder::new().name("ask".to_owned()).spawn(move || {
            let outcome: Outcome = probe::ask(&program, &nonce, &arguments, longest);
            let _ = sender.send(Wake::Probed(purpose, Box::new(outcome)));
        });
        asked.map(|_| ())
    }

    /// Waits with no agent running. True: it is to stop.
    fn pause(&mut self, wait: Duration) -> io::Result<bool> {
        let until = Instant::now() + wait;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if self.is_stopping || left.is_zero() {
                return Ok(self.is_stopping);
            }
            self.next(left.min(self.look_every()))?;
        }
    }
}

/// One supervisor for each data directory: the kernel sees to it, and forgets it when this process is gone.
pub(crate) fn lock(home: &Home) -> io::Result<File> {
    use crate::fs::Fs as _;
    Disk.make_folder(&home.updates())?;
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(home.lock())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(busy(home.data())),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn busy(data: &Path) -> io::Error {
    let why = format!("another supervisor looks after {}", data.display());
    io::Error::new(io::ErrorKind::ResourceBusy, why)
}

fn ending_of(status: ExitStatus) -> Ending {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Ending::Signal(signal);
    }
    status.code().map_or(Ending::NotStarted, Ending::Code)
}
