//! Somebody who asks devices for something harmless, again and again, over the REST API.

use crate::{Estate, Identity, Tally, Trouble, tally::Kind};
use entity::command::CommandDetail;
use reqwest::Method;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

/// Requests under way at once; what cannot be asked for in time is left out.
const ASKING_MAX: usize = 64;

/// Asks one device to look for patches, and counts it.
///
/// # Errors
/// When the server refuses, or does not answer.
pub async fn ask(estate: &Estate, of: &Identity, tally: &Tally) -> Result<CommandDetail, Trouble> {
    let path = format!("/agents/{}/commands", of.device);
    let body = json!({ "payload": { "kind": "patch_scan" } }).to_string().into_bytes();
    let at = std::time::Instant::now();
    let made: CommandDetail = estate.ask(Method::POST, &path, body).await?.read()?;
    tally.took(Kind::Ask, of.number, at.elapsed());
    tally.asked(made.command.id, of.number, at);
    Ok(made)
}

/// Asks so many times a second, each time another device, until it is dropped.
pub async fn keep_asking(estate: Arc<Estate>, of: Vec<Identity>, a_second: f64, tally: Arc<Tally>) {
    let mut ticks = interval(Duration::from_secs_f64(1.0 / a_second.max(0.001)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut asking = JoinSet::new();
    for device in of.iter().cycle() {
        let _: Instant = ticks.tick().await;
        while asking.try_join_next().is_some() {}
        if asking.len() >= ASKING_MAX {
            tally.note("ask: the server was behind, a command was left out");
            continue;
        }
        let (estate, tally, device) = (Arc::clone(&estate), Arc::clone(&tally), device.clone());
        asking.spawn(async move {
            if let Err(trouble) = ask(&estate, &device, &tally).await {
                tally.note(&format!("ask: {}", trouble.name()));
            }
        });
    }
}
