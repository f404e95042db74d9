//! Agents that mean no good, against the program itself: each misdeed at once and several times over, beside a fleet
//! that goes on as if nothing were.

use super::{DRAIN_WITHIN, hurried, identities, serves_again};
use crate::support::{program::Program, server::TestServer};
use sim::{Door, Fleet, Identity, Manner, Misdeed, Stamps, Tally, misbehave};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

/// What the misdeeds may cost the server in memory, in bytes: its budget for what comes in, and room to work.
const GROWTH_MAX: u64 = 320 << 20;
/// How often each is done at once.
const TIMES: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn misdeeds_harm_nobody_else() {
    let mut first = TestServer::start().await;
    let tally = Arc::<Tally>::default();
    let honest = identities(&first, first.ours, 20, &tally).await;
    let bad = identities(&first, first.theirs, Misdeed::ALL.len() * TIMES, &tally).await;
    first.stop().await;

    let program = Program::start(first.world.folder(), &first.world.database_url).await;
    let door = Door::new(&program.url, None).expect("a door");
    let manner = |_: usize, _: &Identity| Manner::default();
    let fleet = Fleet::start(&door, honest, hurried(Stamps::Now), 1, &tally, manner);
    serves_again(&fleet).await;
    let before = program.memory_peak_bytes();

    let mut misdeeds = JoinSet::new();
    for (number, identity) in bad.into_iter().enumerate() {
        let (door, misdeed) = (door.clone(), Misdeed::ALL[number % Misdeed::ALL.len()]);
        misdeeds.spawn(async move { misbehave(&door, &identity, misdeed).await });
    }
    while let Some(done) = misdeeds.join_next().await {
        done.expect("no panic").expect("refused, held back or cut off");
        // The others are served meanwhile, not only afterwards.
        serves_again(&fleet).await;
    }
    let grown = program.memory_peak_bytes().saturating_sub(before);
    assert!(grown < GROWTH_MAX, "{} MiB more than before", grown >> 20);

    assert!(fleet.drain(DRAIN_WITHIN).await, "the fleet's samples arrive");
    let count = fleet.stop().await;
    assert!(count.holds() && count.dropped == 0, "{count:?}");
    assert_eq!(tally.unexpected_count(), 0, "{:?}", tally.troubles());
    tokio::time::timeout(Duration::from_secs(15), program.stop()).await.expect("an orderly end");
}
