//! What the tests stand on: both databases, people, agents, servers, and the repository itself.

pub mod agent;
pub mod authenticator;
pub mod buckets;
pub mod certificate;
pub mod fault_proxy;
pub mod mail;
pub mod nats;
pub mod nodes;
pub mod oidc;
pub mod oidc_fake;
pub mod own_cluster;
pub mod people;
pub mod postgres;
pub mod process;
pub mod program;
pub mod release;
pub mod server;
pub mod workspace;
pub mod world;

use std::time::Duration;

/// How often a race is run: `usual`, or what `REEVE_RACES` asks for, when somebody looks for an order of events that
/// comes once in thousands.
pub fn races(usual: usize) -> usize {
    std::env::var("REEVE_RACES").ok().map_or(usual, |text| text.parse().expect("REEVE_RACES is a number"))
}

/// Steps aside, a random number of times, so that races are run in ever other orders.
pub async fn hesitate() {
    let mut byte = [0];
    getrandom::fill(&mut byte).expect("the system's randomness");
    for _ in 0..byte[0] % 32 {
        tokio::task::yield_now().await;
    }
}

/// What is awaited longer than this will not come.
pub const PATIENCE: Duration = Duration::from_secs(15);
