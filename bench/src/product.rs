//! The product as people run it: the release build of `reeve`, a process of its own.

use crate::{
    database::Database,
    machine,
    wire::{Line, Place, Tls},
};
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::net::TcpListener;

/// A server that is not ready within this time will not come.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// A server that has not ended within this time after it was asked to is ended by force.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// What the bench was built with.
#[derive(Clone)]
pub struct Programs {
    /// The server.
    pub reeve: PathBuf,
    /// The portal's files.
    pub site: PathBuf,
    /// The agent for devices, when it was built.
    pub agent: Option<PathBuf>,
}

/// A running server.
pub struct Product {
    child: Option<Child>,
    pub place: Place,
    /// From the start of the process to the first good answer of `/readyz`.
    pub ready_in: Duration,
    log: PathBuf,
}

impl Product {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// With the end of its log, when it does not become ready.
    pub async fn start(
        programs: &Programs,
        database: &Database,
        data_dir: &Path,
        tls: Option<&Tls>,
    ) -> Result<Self> {
        let port = free_port().await?;
        Self::start_on(programs, database, data_dir, tls, port).await
    }

    /// Starts one on a port that agents know.
    ///
    /// # Errors
    /// With the end of its log, when it does not become ready.
    pub async fn start_on(
        programs: &Programs,
        database: &Database,
        data_dir: &Path,
        tls: Option<&Tls>,
        port: u16,
    ) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let url = Place { address, tls: tls.cloned() }.url();
        Self::start_behind(programs, database, data_dir, tls, port, &url).await
    }

    /// Starts one that is reached at another address than its own.
    ///
    /// # Errors
    /// With the end of its log, when it does not become ready.
    pub async fn start_behind(
        programs: &Programs,
        database: &Database,
        data_dir: &Path,
        tls: Option<&Tls>,
        port: u16,
        public_url: &str,
    ) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let place = Place { address, tls: tls.cloned() };
        let log = data_dir.join("server.log");
        let out = fs::OpenOptions::new().create(true).append(true).open(&log)?;
        let mut command = Command::new(&programs.reeve);
        command.args(["serve", "--listen", &address.to_string(), "--public-url", public_url]);
        command.arg("--data-dir").arg(data_dir).arg("--site-root").arg(&programs.site);
        if let Some(tls) = tls {
            command.arg("--tls-cert").arg(&tls.cert).arg("--tls-key").arg(&tls.key);
        }
        // The URL has no password here, but the habit is to keep it out of the list of processes.
        command.env("REEVE_DATABASE_URL", database.url()).env("REEVE_LOG", "warn");
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let start = Instant::now();
        let child = command.spawn().context("cannot start reeve")?;
        let mut product = Self { child: Some(child), place, ready_in: Duration::ZERO, log };
        product.wait_until_ready(start).await?;
        Ok(product)
    }

    async fn wait_until_ready(&mut self, start: Instant) -> Result<()> {
        loop {
            if let Ok(mut line) = Line::open(&self.place, Ipv4Addr::LOCALHOST).await
                && let Ok(answer) = line.ask("GET", "/readyz", "", b"").await
                && answer.status == 200
            {
                self.ready_in = start.elapsed();
                return Ok(());
            }
            let ended = self.child.as_mut().map(Child::try_wait).transpose()?.flatten();
            if ended.is_some() || start.elapsed() > READY_WITHIN {
                bail!("reeve did not become ready: {}", self.last_words());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Processor seconds that it has used.
    pub fn cpu_seconds(&self) -> f64 {
        machine::cpu_seconds(self.pid())
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let child = self.child.as_ref().context("the server has ended")?;
        Ok(kill_process(Pid::from_child(child), signal)?)
    }

    /// Waits for its end, which has to be on its way.
    ///
    /// # Errors
    /// When it had to be ended by force.
    pub async fn ended(mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let deadline = Instant::now() + STOP_WITHIN;
        while child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                child.kill()?;
                child.wait()?;
                bail!("reeve did not stop within {STOP_WITHIN:?} and was ended by force");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Asks it to stop and waits for that.
    ///
    /// # Errors
    /// When it had to be ended by force.
    pub async fn stop(self) -> Result<()> {
        self.signal(Signal::TERM)?;
        self.ended().await
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Nothing is left to do about a process that cannot be ended.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A port that nobody listens on.
///
/// # Errors
/// When the system has none.
pub async fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?.port())
}
