//! What the tests share: a server, a device, and patience.

mod device;
mod http;
mod server;
mod socket;
mod world;

pub use device::Device;
pub use server::FakeServer;
pub use world::World;

use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Waits until something is so.
pub async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < until, "{what}: not within 30 s");
        sleep(Duration::from_millis(20)).await;
    }
}
