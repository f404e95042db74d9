//! Whole updates over a simulated disk and a simulated agent, with the power going at any step: whatever happens, what the
//! pointer names verifies, and every update comes to its end.

mod disk;
mod heal;
mod held;
mod own;
mod power;
mod reinstall;
#[path = "../../tests/it/support/sign.rs"]
mod sign;
mod tests;
mod trust;

use crate::{
    backoff::Ending,
    built::stamp,
    channel::{Beat, ToAgent, ToSupervisor},
    engine::{Engine, Launch, Next, Now, Order, Outcome, Purpose, Start},
    fs::Fs as _,
    machine::Stage,
    patience::Patient,
    selfcheck::SelfCheck,
    slot::Home,
    terms::Terms,
};
use chrono::Duration;
use disk::SimDisk;
use entity::{
    id::{DeviceId, UpdateId},
    release::{Reason, Sha256Hex},
    update::{Running, UpdateAnswer, UpdateState, UpdateStatus},
};
use held::SimTime;
use sign::{Keys, Release, today};
use std::path::PathBuf;

/// How a build behaves; it stands in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    Good,
    Crashes,
    Hangs,
    Mute,
    Deaf,
    Liar,
    Lazy,
    Unsound,
    CrashesLater,
}

const HABITS: [(Habit, &str); 9] = [
    (Habit::Good, "good"),
    (Habit::Crashes, "crashes"),
    (Habit::Hangs, "hangs"),
    (Habit::Mute, "mute"),
    (Habit::Deaf, "deaf"),
    (Habit::Liar, "liar"),
    (Habit::Lazy, "lazy"),
    (Habit::Unsound, "unsound"),
    (Habit::CrashesLater, "later"),
];

/// A program: what a loader looks at, a stamp, and its habit.
fn program(seq: u64, habit: Habit) -> Vec<u8> {
    let mut bytes = vec![0; 256];
    bytes[..8].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0]);
    bytes[16] = 3;
    bytes[18] = if cfg!(target_arch = "aarch64") { 0xb7 } else { 0x3e };
    bytes.extend(stamp(&format!("1.{seq}.0"), &seq.to_string(), &format!("b{seq}"), ""));
    let word = HABITS.iter().find(|(one, _)| *one == habit).expect("is one").1;
    bytes.extend(format!("habit={word};").bytes());
    bytes.resize(3_000, b'.');
    bytes
}

fn habit_of(program: &[u8]) -> Habit {
    let text = String::from_utf8_lossy(program);
    let word = text.split("habit=").nth(1).and_then(|rest| rest.split(';').next()).expect("is a program");
    HABITS.iter().find(|(_, one)| *one == word).expect("is one").0
}

fn release(seq: u64, habit: Habit) -> Release {
    Release { seq, version: format!("1.{seq}.0"), build_id: format!("b{seq}"), bytes: program(seq, habit) }
}

/// A process.
#[derive(Debug)]
struct Process {
    running: Running,
    habit: Habit,
    began: u64,
    ask: u64,
    receipt: u64,
    nonce: String,
    every: Option<u64>,
}

struct World {
    disk: SimDisk,
    keys: Keys,
    device: DeviceId,
    home: Home,
    installed: PathBuf,
    /// Where the supervisor itself lies.
    supervisor: PathBuf,
    /// The one that the release brings.
    next_supervisor: Vec<u8>,
    /// It has ended for another one, and is about to be started.
    is_leaving: bool,
    engine: Option<Engine<Patient<SimDisk, SimTime>>>,
    process: Option<Process>,
    /// Nothing is started before this.
    wait: u64,
    now: u64,
    /// What the server would have devices run.
    release: Release,
    manifest: String,
    offers: u128,
    /// No server can be reached.
    is_away: bool,
    is_busy: bool,
    stored: Vec<UpdateStatus>,
    failed: Vec<Reason>,
    fetched: u32,
    terms: Terms,
    ask_every: u64,
    /// Sequences that crash at once from now on, whatever their habit is.
    ailing: Vec<u64>,
    /// Programs that may run besides the release and the first one.
    known: Vec<Vec<u8>>,
    /// The sequences that were started.
    launched: Vec<u64>,
    /// As the system says it; none for one that does not.
    boot_id: Option<String>,
}

impl World {
    fn new(seed: u64, habit: Habit) -> Self {
        let (keys, disk, home) = (Keys::new(7), SimDisk::new(seed), Home::under("/data"));
        let device: DeviceId = "019aa000-0000-7000-8000-000000000001".parse().expect("is an id");
        let installed = PathBuf::from("/bin/reeve-agent");
        let supervisor = PathBuf::from("/bin/reeve-updater");
        for path in [&installed, &supervisor] {
            disk.lay(path, &program(1, Habit::Good));
        }
        disk.lay(&home.data().join("config.json"), format!(r#"{{"device_id":"{device}"}}"#).as_bytes());
        let release = release(2, habit);
        let manifest = keys.manifest(&release, |_| ());
        Self {
            disk,
            keys,
            device,
            home,
            installed,
            supervisor,
            next_supervisor: Vec::new(),
            is_leaving: false,
            engine: None,
            process: None,
            wait: 0,
            now: 0,
            release,
            manifest,
            offers: 0,
            is_away: false,
            is_busy: false,
            stored: Vec::new(),
            failed: Vec::new(),
            fetched: 0,
            terms: Terms::USUAL,
            ask_every: 60_000,
            ailing: Vec::new(),
            known: Vec::new(),
            launched: Vec::new(),
            boot_id: None,
        }
    }

    fn wall(&self) -> chrono::DateTime<chrono::Utc> {
        today() + Duration::milliseconds(i64::try_from(self.now).expect("is not that late"))
    }

    fn now(&self) -> Now {
        Now { mono_ms: self.now, wall: self.wall() }
    }

    fn engine(&mut self) -> &mut Engine<Patient<SimDisk, SimTime>> {
        self.engine.as_mut().expect("is there")
    }

    /// The supervisor starts, with whatever survived.
    fn begin(&mut self) {
        self.process = None;
        self.wait = 0;
        self.is_leaving = false;
        let own = self.disk.inspect(&self.supervisor).expect("there is always a supervisor").stamp;
        let start = Start {
            home: self.home.clone(),
            terms: self.terms.clone(),
            installed: self.installed.clone(),
            own: own.expect("it has a stamp"),
            program: Some(self.supervisor.clone()),
            boot_id: self.boot_id.clone(),
        };
        let most = crate::terms::ms(self.terms.held_max_ms);
        let disk = Patient::with(self.disk.clone(), most, SimTime::default());
        match Engine::begin(disk, start, self.now()) {
            Ok(engine) => self.engine = Some(engine),
            Err(_) => {
                self.engine = None;
                return;
            }
        }
        self.check_pointer();
        self.obey();
    }

    /// The one thing that must never be untrue: what is to run is whole.
    fn check_pointer(&mut self) {
        if self.disk.is_off() {
            return;
        }
        let Some(build) = self.engine().pointer().current.slot().cloned() else { return };
        let bytes = self.disk.bytes(&self.home.program(&build)).expect("the pointer names a program");
        assert_eq!(Sha256Hex::of(&bytes), build.sha256, "the pointer names a whole program");
        let is_released = bytes == self.release.bytes || self.known.contains(&bytes);
        assert!(is_released, "and nothing that was not released");
    }

    /// Five seconds.
    fn step(&mut self) {
        self.now += 5_000;
        if self.engine.is_none() {
            return;
        }
        if self.is_leaving {
            return self.begin();
        }
        if self.process.is_none() && self.now >= self.wait {
            self.launch();
        }
        self.live();
        let now = self.now();
        self.engine().tick(now);
        self.obey();
    }

    fn launch(&mut self) {
        let now = self.now();
        let Launch { program, is_channel } = self.engine().launch(now);
        self.obey();
        let Some(bytes) = self.disk.bytes(&program) else { return self.ended(Ending::NotStarted) };
        let Some(built) = self.disk.inspect(&program).expect("is there").stamp else { return };
        assert!(is_channel);
        assert!(
            self.disk.is_off()
                || bytes == self.release.bytes
                || built.seq == 1
                || self.known.contains(&bytes),
            "nothing else is ever started"
        );
        self.engine().started();
        let running = Running { is_supervised: true, ..crate::built::running(&built) };
        let habit = if self.ailing.contains(&built.seq) { Habit::Crashes } else { habit_of(&bytes) };
        self.launched.push(built.seq);
        self.process = Some(Process {
            running: running.clone(),
            habit,
            began: self.now,
            ask: self.now + 60_000,
            receipt: 0,
            nonce: String::new(),
            every: None,
        });
        match habit {
            Habit::Crashes => self.ended(Ending::Signal(11)),
            Habit::Mute => {}
            _ => {
                let seq = if habit == Habit::Liar { running.seq + 1 } else { running.seq };
                self.say(ToSupervisor::Hello { channel: 1, running: Running { seq, ..running } });
                let root = self.keys.root_envelope();
                self.say(ToSupervisor::Root { root, replace: false });
            }
        }
    }

    fn say(&mut self, message: ToSupervisor) {
        let now = self.now();
        self.engine().said(message, now);
        self.obey();
    }

    fn ended(&mut self, ending: Ending) {
        let lived = self.process.take().map_or(0, |process| self.now - process.began);
        let now = self.now();
        let next = self.engine().ended(ending, lived, now);
        self.wait = if next == Next::AtOnce { 0 } else { self.now + 5_000 };
        self.obey();
    }

    /// What the process does by itself.
    fn live(&mut self) {
        let (now, is_away, is_busy) = (self.now, self.is_away, self.is_busy);
        let Some(process) = &mut self.process else { return };
        let (age, habit) = (now - process.began, process.habit);
        if habit == Habit::CrashesLater && age > 700_000 || habit == Habit::Hangs && age > 60_000 {
            if habit == Habit::CrashesLater {
                self.ended(Ending::Code(101));
            }
            return;
        }
        if habit == Habit::Mute || process.nonce.is_empty() {
            return;
        }
        let is_heard = habit != Habit::Deaf && !is_away && !is_busy;
        let is_receipt = is_heard && process.every.is_some_and(|every| now >= process.receipt + every);
        let is_asking = is_heard && now >= process.ask;
        let (build_id, nonce) = (process.running.build_id.clone(), process.nonce.clone());
        if is_receipt {
            process.receipt = now;
        }
        if is_asking {
            process.ask = now + self.ask_every;
        }
        let beat = Beat {
            samples: age,
            batches_acked: u64::from(is_heard && age > 20_000),
            is_spool_good: true,
            silent_collectors: if habit == Habit::Lazy { vec!["cpu".to_owned()] } else { Vec::new() },
            is_server_busy: is_busy,
        };
        if is_receipt {
            let receipt = self.keys.receipt(&build_id, &nonce, self.device, self.wall());
            self.say(ToSupervisor::Receipt { receipt });
        }
        if is_asking && self.process.is_some() {
            self.say(ToSupervisor::Ask);
        }
        if self.process.is_some() {
            self.say(ToSupervisor::Beat(beat));
        }
    }

    fn obey(&mut self) {
        while let Some(orders) = self.engine.as_mut().map(Engine::orders).filter(|orders| !orders.is_empty())
        {
            for order in orders {
                match order {
                    Order::Say(_) => {}
                    Order::Send(message) => self.hear(*message),
                    Order::Probe { program, nonce, purpose } => self.probe(&program, &nonce, purpose),
                    Order::Stop if self.process.is_some() => self.ended(Ending::Code(0)),
                    Order::Kill if self.process.is_some() => self.ended(Ending::Signal(9)),
                    Order::Stop | Order::Kill => {}
                    Order::Leave => {
                        self.process = None;
                        self.is_leaving = true;
                    }
                }
            }
        }
    }

    fn probe(&mut self, program: &std::path::Path, nonce: &str, purpose: Purpose) {
        let bytes = self.disk.bytes(program).expect("is there");
        let habit = habit_of(&bytes);
        let built = self.disk.inspect(program).expect("is there").stamp.expect("has one");
        let (os, arch) = crate::built::platform();
        let is_reached = !self.is_away && !self.is_busy;
        let answer = SelfCheck {
            running: crate::built::running(&built),
            os,
            arch,
            libc: None,
            config_schema: 1,
            spool_schema: 1,
            is_config_good: habit != Habit::Unsound,
            is_server_reached: is_reached,
            is_server_busy: self.is_busy,
            receipt: is_reached.then(|| self.keys.receipt(&built.build_id, nonce, self.device, self.wall())),
        };
        let now = self.now();
        self.engine().probed(purpose, &Outcome { answer: Some(answer), detail: String::new() }, now);
    }

    /// What the agent does about what it is told.
    fn hear(&mut self, message: ToAgent) {
        let Some(process) = &mut self.process else { return };
        match message {
            ToAgent::Welcome { nonce, receipt_every_seconds, .. } => {
                process.nonce = nonce;
                process.every = receipt_every_seconds.map(|seconds| u64::from(seconds) * 1_000);
            }
            ToAgent::Receipts { every_seconds } => {
                process.every = every_seconds.map(|seconds| u64::from(seconds) * 1_000);
            }
            ToAgent::Question { nonce, is_updating, .. } if !is_updating => {
                let trust = self.keys.trust(&self.manifest, &nonce, self.device, self.wall());
                if self.process.as_ref().is_some_and(|process| process.running.seq < self.release.seq) {
                    self.offer(trust);
                } else {
                    self.say(ToSupervisor::Fresh { trust });
                }
            }
            ToAgent::Fetch { sha256, .. } => {
                if !self.is_away {
                    self.fetched += 1;
                    let is_agent = sha256 == Sha256Hex::of(&self.release.bytes);
                    let bytes = if is_agent { &self.release.bytes } else { &self.next_supervisor };
                    self.disk.scribble(&self.home.part(&sha256), bytes);
                    self.say(ToSupervisor::Fetched { sha256 });
                } else {
                    let (reason, detail) = (Reason::DownloadFailed, String::new());
                    self.say(ToSupervisor::NotFetched { sha256, reason, detail });
                }
            }
            ToAgent::AskGo { update_id } => {
                let go = (!self.is_away).then_some(true);
                self.say(ToSupervisor::Go { update_id, go });
            }
            ToAgent::Quiesce => self.say(ToSupervisor::Quiesced),
            ToAgent::Status(status) if !self.is_away => {
                let (update_id, step) = (status.update_id, status.step);
                self.stored.push(*status);
                self.say(ToSupervisor::StatusStored { update_id, step });
            }
            ToAgent::Failed { reason, .. } => self.failed.push(reason),
            _ => {}
        }
    }

    fn offer(&mut self, trust: entity::update::TrustAnswer) {
        self.offers += 1;
        let answer = UpdateAnswer {
            new_version: self.release.version.clone(),
            download_url: String::new(),
            checksum: Sha256Hex::of(&self.release.bytes),
            update_id: id(self.offers),
            rollout_id: "019aa000-0000-7000-8000-000000000002".parse().expect("is an id"),
            seq: self.release.seq,
            lease_expires_at: self.wall() + Duration::hours(1),
            not_before: None,
            trust,
        };
        self.say(ToSupervisor::Offer { answer: Box::new(answer) });
    }

    fn run_for(&mut self, minutes: u64) {
        let until = self.now + minutes * 60_000;
        while self.now < until && !self.disk.is_off() {
            self.step();
        }
    }

    fn states(&self) -> Vec<UpdateState> {
        self.stored.iter().map(|status| status.state).collect()
    }

    fn runs(&self) -> u64 {
        self.process.as_ref().map_or(0, |process| process.running.seq)
    }
}

fn id(number: u128) -> UpdateId {
    format!("00000000-0000-7000-8000-{number:012}").parse().expect("is an id")
}

impl World {
    fn stage(&self) -> Option<Stage> {
        self.engine.as_ref()?.journal().update.as_ref().map(|update| update.stage)
    }
}
