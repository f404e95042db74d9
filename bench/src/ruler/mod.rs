//! The rulers: the least programs that do the same physical work as the product, and nothing else.

pub mod agent;
pub mod disk;
pub mod hub;
pub mod ladder;
pub mod list;
pub mod rows;

use crate::machine;
use anyhow::{Context, Result};
use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::net::TcpStream;

/// A ruler that is a server: a process of its own, as the product is.
pub struct Process(Child);

impl Process {
    /// Runs this program as a ruler, and waits until it listens on the port.
    ///
    /// # Errors
    /// When it does not.
    pub async fn start(arguments: &[String], port: Option<u16>) -> Result<Self> {
        let program: PathBuf = std::env::current_exe()?;
        let mut command = Command::new(program);
        command.arg("ruler").args(arguments).stdin(Stdio::null());
        let process = Self(command.spawn().context("cannot start a ruler")?);
        let start = Instant::now();
        while let Some(port) = port {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                break;
            }
            anyhow::ensure!(start.elapsed() < Duration::from_secs(20), "a ruler does not listen");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(process)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Processor seconds that it has used.
    pub fn cpu_seconds(&self) -> f64 {
        machine::cpu_seconds(self.pid())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It keeps nothing that anybody would miss.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
