//! Our agent as devices have it: registered, started by its supervisor, over TLS.

use crate::{
    estate::Estate,
    machine,
    wire::{Line, Place},
};
use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::{
    fs,
    io::Write as _,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A supervisor has started its agent by then.
const STARTED_WITHIN: Duration = Duration::from_secs(20);

/// An agent that runs; it ends when this goes.
pub struct Resident {
    first: Child,
    /// The agent's process.
    pub agent: u32,
    /// Its supervisor's, when it has one.
    pub updater: Option<u32>,
    /// Where it keeps its things.
    pub data: PathBuf,
}

impl Resident {
    /// Starts a registered agent, by the supervisor that lies beside its program where one does.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn start(program: &Path, data: &Path) -> Result<Self> {
        let updater = program.with_file_name("reeve-updater");
        let is_supervised = updater.is_file();
        let mut command = Command::new(if is_supervised { &updater } else { program });
        if is_supervised {
            command.arg("run").arg("--agent").arg(program).arg("--").arg("--data-dir").arg(data);
        } else {
            command.arg("--data-dir").arg(data).arg("run");
        }
        let log = fs::File::create(data.with_extension("log"))?;
        let first = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        let first = first.context("the agent does not start")?;
        let pid = first.id();
        let mut resident = Self { first, agent: pid, updater: None, data: data.to_owned() };
        let since = Instant::now();
        while is_supervised && resident.updater.is_none() {
            ensure!(since.elapsed() < STARTED_WITHIN, "the supervisor started no agent");
            tokio::time::sleep(Duration::from_millis(20)).await;
            if let Some(agent) = machine::children(pid).first() {
                (resident.agent, resident.updater) = (*agent, Some(pid));
            }
        }
        Ok(resident)
    }

    /// Fails when the agent has ended.
    ///
    /// # Errors
    /// With the end of what it said.
    pub fn is_there(&self) -> Result<()> {
        let said = || fs::read_to_string(self.data.with_extension("log")).unwrap_or_default();
        ensure!(
            machine::rss_bytes(self.agent) > 0,
            "the agent has ended: {}",
            said().lines().last().unwrap_or("?")
        );
        Ok(())
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        // In order, so that a supervisor takes its agent with it.
        if let Some(pid) = Pid::from_raw(i32::try_from(self.first.id()).unwrap_or(0)) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let since = Instant::now();
        while since.elapsed() < Duration::from_secs(10) {
            if !matches!(self.first.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.first.kill();
        let _ = self.first.wait();
    }
}

/// A registration token, asked for as a person would.
///
/// # Errors
/// When the server gives none.
pub async fn token(place: &Place, estate: &mut Estate) -> Result<String> {
    let business = estate.devices[0].business;
    let answer =
        ask(place, estate, "POST", "/api/v1/agents/registration-tokens", &json!({"business_id": business}))
            .await?;
    Ok(answer["token"].as_str().context("no token")?.to_owned())
}

/// Asks the server for something as a person would.
///
/// # Errors
/// With its refusal.
pub async fn ask(
    place: &Place,
    estate: &mut Estate,
    method: &str,
    path: &str,
    body: &Value,
) -> Result<Value> {
    let mut line = Line::open(place, Ipv4Addr::LOCALHOST).await?;
    // Behind TLS the cookie has a name that only its own site may set.
    let name = if place.tls.is_some() { "Cookie: __Host-reeve=" } else { "Cookie: reeve=" };
    let cookie = estate.cookie().replacen("Cookie: reeve=", name, 1);
    let headers = format!("{cookie}Content-Type: application/json\r\nOrigin: {}\r\n", place.url());
    let answer = line.ask(method, path, &headers, body.to_string().as_bytes()).await?.good()?;
    Ok(serde_json::from_slice(&answer)?)
}

/// Makes this machine a device.
///
/// # Errors
/// When the agent says no.
pub fn register(program: &Path, data: &Path, place: &Place, token: &str) -> Result<()> {
    let mut register = Command::new(program);
    register.arg("--data-dir").arg(data).args(["register", "--server", &place.url(), "--token-file", "-"]);
    if let Some(tls) = &place.tls {
        register.arg("--ca-file").arg(&tls.cert);
    }
    register.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut running = register.spawn().context("the agent does not start")?;
    if let Some(mut input) = running.stdin.take() {
        input.write_all(token.as_bytes())?;
    }
    let said = running.wait_with_output()?;
    let words = String::from_utf8_lossy(&said.stderr);
    ensure!(said.status.success(), "the agent did not register: {}", words.lines().last().unwrap_or("?"));
    Ok(())
}

/// The id of this machine's device: the one that the estate was not planted with.
///
/// # Errors
/// When the server does not list it.
pub async fn device_id(place: &Place, estate: &mut Estate) -> Result<String> {
    let list = ask(place, estate, "GET", "/api/v1/agents", &Value::Null).await?;
    let ids = list["items"].as_array().into_iter().flatten().filter_map(|item| item["id"].as_str());
    let planted: Vec<String> = estate.devices.iter().map(|device| device.id.to_string()).collect();
    let own = ids.into_iter().find(|id| !planted.iter().any(|planted| planted == id));
    Ok(own.context("the server does not list this machine")?.to_owned())
}
