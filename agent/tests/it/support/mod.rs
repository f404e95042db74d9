//! What the tests share: a server, a device, and patience.

mod device;
mod front;
mod http;
mod machine;
mod releases;
mod server;
mod signer;
mod socket;
mod supervisor;
mod world;

pub use device::{Device, Running};
pub use front::{Authority, Front};
pub use machine::{Machine, program, stamp};
pub use releases::{Due, Endless, Keys, manifest, stamped};
pub use server::FakeServer;
pub use signer::{Signer, script, script_of};
pub use supervisor::{NONCE, Supervisor, digest};
pub use world::World;

use std::{path::PathBuf, time::Duration};
use tokio::time::{Instant, sleep};

/// Waits until something is so.
pub async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < until, "{what}: not within 30 s");
        sleep(Duration::from_millis(20)).await;
    }
}

/// The supervisor, built where the agent is. `None` where only the agent was built.
pub fn updater() -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_BIN_EXE_reeve-agent")).with_file_name("reeve-updater");
    if !path.exists() {
        eprintln!("skipped: {} was not built", path.display());
    }
    path.exists().then_some(path)
}
