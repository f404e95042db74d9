//! An agent for the supervisor's tests, with a server in it: it speaks the channel, answers a self-check, hands over offers
//! that it signs itself, and misbehaves when the end of its own file says so (`habit=crash;`). What it was told and how
//! often it was started stands in its data directory.

#[path = "../tests/it/support/sign.rs"]
mod sign;

use chrono::{DateTime, Utc};
use entity::{
    id::DeviceId,
    release::{Reason, Sha256Hex},
    update::{Running, UpdateAnswer},
};
use sign::{Keys, today};
use std::{
    fs::{self, OpenOptions},
    io::{self, BufRead as _, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    process::{self, ExitCode},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant, SystemTime},
};
use updater::{
    built,
    channel::{Beat, ToAgent, ToSupervisor},
    selfcheck::SelfCheck,
};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<ExitCode, Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word_after = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        words.get(at + 1).cloned()
    };
    let data = PathBuf::from(word_after("--data-dir").ok_or("no --data-dir")?);
    let agent = Agent { keys: Keys::new(7), device: device(&data)?, habit: habit()?, data };
    match words.first().map(String::as_str) {
        Some("selfcheck") => agent.self_check(&word_after("--nonce").ok_or("no --nonce")?),
        Some("run") => agent.run(),
        _ => Ok(ExitCode::from(2)),
    }
}

fn device(data: &Path) -> Result<DeviceId, Failure> {
    let config: serde_json::Value = serde_json::from_slice(&fs::read(data.join("config.json"))?)?;
    Ok(serde_json::from_value(config["device_id"].clone())?)
}

/// From the end of this program's own file.
fn habit() -> Result<String, Failure> {
    let mut file = fs::File::open(std::env::current_exe()?)?;
    file.seek(SeekFrom::End(-64))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    let end = String::from_utf8_lossy(&end).into_owned();
    let habit = end.split("habit=").nth(1).and_then(|rest| rest.split(';').next());
    Ok(habit.unwrap_or("good").to_owned())
}

/// What the server offers, from `offer.json`.
#[derive(serde::Deserialize)]
struct Offer {
    manifest: String,
    file: PathBuf,
    seq: u64,
    version: String,
    #[serde(default)]
    attack: String,
    /// The supervisor of the same release, if there is such a file.
    supervisor: Option<PathBuf>,
}

struct Agent {
    keys: Keys,
    device: DeviceId,
    habit: String,
    data: PathBuf,
}

impl Agent {
    /// The server's clock: it began when the test did.
    fn now(&self) -> DateTime<Utc> {
        let began = fs::metadata(self.data.join("config.json")).and_then(|about| about.modified());
        let since =
            began.ok().and_then(|began| SystemTime::now().duration_since(began).ok()).unwrap_or_default();
        today() + chrono::Duration::from_std(since).unwrap_or_default()
    }

    fn is_away(&self) -> bool {
        self.data.join("away").exists()
    }

    fn note(&self, file: &str, line: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(self.data.join(file))?;
        file.write_all(format!("{line}\n").as_bytes())
    }

    fn self_check(&self, nonce: &str) -> Result<ExitCode, Failure> {
        let running = built::running(&built::of_this());
        let (os, arch) = built::platform();
        if self.habit == "stuck" {
            thread::sleep(Duration::from_secs(3600));
        }
        let is_reached = !self.is_away();
        let check = SelfCheck {
            os,
            arch,
            libc: built::libc(),
            config_schema: 1,
            spool_schema: 1,
            is_config_good: self.habit != "unsound",
            is_server_reached: is_reached,
            is_server_busy: false,
            receipt: is_reached.then(|| self.keys.receipt(&running.build_id, nonce, self.device, self.now())),
            running,
        };
        writeln!(io::stdout(), "{}", serde_json::to_string(&check)?)?;
        Ok(ExitCode::SUCCESS)
    }

    fn run(&self) -> Result<ExitCode, Failure> {
        let running = built::running(&built::of_this());
        self.note("starts", &running.seq.to_string())?;
        eprintln!("sequence {} with habit {}", running.seq, self.habit);
        if self.data.join(format!("ailing-{}", running.seq)).exists() {
            // As if it had been so all the time and nobody had met with it yet.
            process::exit(101);
        }
        match self.habit.as_str() {
            "crash" => process::exit(101),
            "ends" => return Ok(ExitCode::SUCCESS),
            "abort" => process::abort(),
            "mute" => thread::sleep(Duration::from_secs(3600)),
            _ => {}
        }
        let seq = if self.habit == "liar" { running.seq + 1 } else { running.seq };
        say(&ToSupervisor::Hello {
            channel: 1,
            running: Running { seq, is_supervised: true, ..running.clone() },
        })?;
        say(&ToSupervisor::Root { root: self.keys.root_envelope(), replace: false })?;
        if self.habit == "hang" {
            thread::sleep(Duration::from_secs(3600));
        }
        let mut life = Life {
            agent: self,
            running,
            began: Instant::now(),
            nonce: String::new(),
            every: None,
            receipt: None,
            asked: None,
            is_updating: false,
            old_nonce: String::new(),
        };
        let heard = listen();
        loop {
            match heard.recv_timeout(Duration::from_millis(50)) {
                Ok(Some(message)) => life.hear(message)?,
                // The end of its input asks it to end.
                Ok(None) => return Ok(ExitCode::SUCCESS),
                Err(_) => life.go_on()?,
            }
        }
    }
}

fn say(message: &ToSupervisor) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    writeln!(output, "{}", serde_json::to_string(message)?)?;
    Ok(output.flush()?)
}

fn listen() -> Receiver<Option<ToAgent>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let message = line.ok().and_then(|line| serde_json::from_str(&line).ok());
            if sender.send(message).is_err() {
                return;
            }
        }
        let _ = sender.send(None);
    });
    receiver
}

struct Life<'a> {
    agent: &'a Agent,
    running: Running,
    began: Instant,
    nonce: String,
    every: Option<Duration>,
    receipt: Option<Instant>,
    asked: Option<Instant>,
    is_updating: bool,
    old_nonce: String,
}

impl Life<'_> {
    fn go_on(&mut self) -> Result<(), Failure> {
        let Agent { habit, .. } = self.agent;
        if habit == "later" && self.began.elapsed() > Duration::from_secs(5) {
            process::exit(101);
        }
        let is_heard = habit != "deaf" && !self.agent.is_away();
        say(&ToSupervisor::Beat(Beat {
            samples: 1,
            batches_acked: u64::from(is_heard),
            is_spool_good: true,
            silent_collectors: if habit == "lazy" { vec!["cpu".to_owned()] } else { Vec::new() },
            is_server_busy: false,
        }))?;
        let is_due = |last: Option<Instant>, every: Duration| last.is_none_or(|last| last.elapsed() >= every);
        if let Some(every) = self.every.filter(|_| is_heard && !self.nonce.is_empty())
            && is_due(self.receipt, every)
        {
            self.receipt = Some(Instant::now());
            let now = self.agent.now();
            let receipt =
                self.agent.keys.receipt(&self.running.build_id, &self.nonce, self.agent.device, now);
            say(&ToSupervisor::Receipt { receipt })?;
        }
        if is_heard
            && self.agent.data.join("offer.json").exists()
            && is_due(self.asked, Duration::from_millis(300))
        {
            self.asked = Some(Instant::now());
            say(&ToSupervisor::Ask)?;
        }
        Ok(())
    }

    fn hear(&mut self, message: ToAgent) -> Result<(), Failure> {
        match message {
            ToAgent::Welcome { nonce, receipt_every_seconds, .. } => {
                self.nonce = nonce;
                self.every = receipt_every_seconds.map(|seconds| Duration::from_secs(seconds.into()));
            }
            ToAgent::Receipts { every_seconds } => {
                self.every = every_seconds.map(|seconds| Duration::from_secs(seconds.into()));
            }
            ToAgent::Question { nonce, is_updating, .. } => {
                self.is_updating = is_updating;
                if !is_updating {
                    self.offer(&nonce)?;
                }
                self.old_nonce = nonce;
            }
            ToAgent::Fetch { sha256, size_bytes } => self.fetch(sha256, size_bytes)?,
            ToAgent::AskGo { update_id } => {
                let go = (!self.agent.is_away()).then(|| !self.agent.data.join("stop").exists());
                say(&ToSupervisor::Go { update_id, go })?;
            }
            ToAgent::Quiesce => say(&ToSupervisor::Quiesced)?,
            ToAgent::Status(status) => {
                self.agent.note("statuses", &serde_json::to_string(&status)?)?;
                say(&ToSupervisor::StatusStored { update_id: status.update_id, step: status.step })?;
            }
            ToAgent::Failed { reason, .. } => self.agent.note("failures", reason.word())?,
            ToAgent::RootTaken { .. } | ToAgent::Unknown => {}
        }
        Ok(())
    }

    fn order(&self) -> Result<Option<Offer>, Failure> {
        match fs::read(self.agent.data.join("offer.json")) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            // While it is replaced Windows lets nobody read it; the next look finds it.
            Err(error) if error.kind() == io::ErrorKind::NotFound || cfg!(windows) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn offer(&mut self, nonce: &str) -> Result<(), Failure> {
        let Some(offer) = self.order()?.filter(|offer| offer.seq != self.running.seq) else { return Ok(()) };
        let agent = self.agent;
        let (nonce, device) = match offer.attack.as_str() {
            "old_nonce" => (self.old_nonce.as_str(), agent.device),
            "other_device" => (nonce, "019aa000-0000-7000-8000-00000000ffff".parse()?),
            _ => (nonce, agent.device),
        };
        if nonce.is_empty() {
            return Ok(());
        }
        let mut trust = agent.keys.trust(&offer.manifest, nonce, device, agent.now());
        match offer.attack.as_str() {
            // The timestamp is for the manifest, and another one comes along.
            "mixed" => trust.manifest = Some(fs::read_to_string(agent.data.join("other_manifest"))?),
            "other_keys" => {
                let keys = Keys::new(99);
                trust.timestamp =
                    keys.trust_of(&offer.manifest, &agent.keys, nonce, device, agent.now()).timestamp;
            }
            "no_timestamp" => trust.timestamp = None,
            _ => {}
        }
        let count = fs::read_to_string(agent.data.join("offers")).unwrap_or_default().lines().count();
        agent.note("offers", &offer.version)?;
        let answer = UpdateAnswer {
            new_version: offer.version,
            download_url: String::new(),
            checksum: Sha256Hex::of(b"believed by nobody"),
            update_id: format!("00000000-0000-7000-8000-{count:012}").parse()?,
            rollout_id: "019aa000-0000-7000-8000-000000000002".parse()?,
            seq: offer.seq,
            lease_expires_at: agent.now() + chrono::Duration::hours(1),
            not_before: None,
            trust,
        };
        say(&ToSupervisor::Offer { answer: Box::new(answer) })
    }

    fn fetch(&self, sha256: Sha256Hex, size_bytes: u64) -> Result<(), Failure> {
        let Some(offer) = self.order()? else {
            let (reason, detail) = (Reason::DownloadFailed, "no such file".to_owned());
            return say(&ToSupervisor::NotFetched { sha256, reason, detail });
        };
        let supervisor = offer.supervisor.as_ref().and_then(|file| fs::read(file).ok());
        let mut bytes = match supervisor.filter(|bytes| Sha256Hex::of(bytes) == sha256) {
            Some(bytes) => bytes,
            None => fs::read(&offer.file)?,
        };
        bytes.truncate(usize::try_from(size_bytes)?);
        match offer.attack.as_str() {
            "cut" => bytes.truncate(bytes.len() - 1),
            "flip" => bytes[40_000] ^= 1,
            _ => {}
        }
        let part = self.agent.data.join("updates/staging").join(format!("{sha256}.part"));
        let _ = fs::remove_file(&part);
        fs::write(&part, bytes)?;
        say(&ToSupervisor::Fetched { sha256 })
    }
}
