//! What a server, perhaps a taken one, says to an agent.
#![no_main]

use entity::{
    agent_token::{AgentToken, Challenge},
    registration::RegisterAnswer,
    wire::{HeartbeatAnswer, MetricsAnswer, ToAgent},
};
use fuzz::{json_round_trip, reads};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    reads::<AgentToken>(data);
    reads::<Challenge>(data);
    reads::<RegisterAnswer>(data);
    json_round_trip::<MetricsAnswer>(data);
    if let Some(answer) = json_round_trip::<HeartbeatAnswer>(data) {
        let settings = answer.settings.bounded();
        assert_eq!(settings.clone().bounded(), settings, "bounding twice changes nothing");
    }
    match json_round_trip::<ToAgent>(data) {
        Some(ToAgent::Welcome(welcome)) => drop(welcome.settings.bounded()),
        Some(ToAgent::Config { settings }) => drop(settings.bounded()),
        _ => {}
    }
});
