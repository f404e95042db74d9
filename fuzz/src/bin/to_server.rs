//! What agents say to the server: over the socket as tagged messages, over HTTP as bare ones; then what is done to each
//! before it is stored.
#![no_main]

use entity::{
    agent_token::{ChallengeProof, KeyRotation},
    device_lock::LockSummary,
    registration::RegisterRequest,
    wire::{Event, FactsReport, Heartbeat, Metrics, MonitoredServices, Services, Software, ToServer},
};
use fuzz::{json_round_trip, reads};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    reads::<Event>(data);
    reads::<Heartbeat>(data);
    reads::<RegisterRequest>(data);
    reads::<ChallengeProof>(data);
    reads::<KeyRotation>(data);
    for message in [
        json_round_trip::<ToServer>(data),
        json_round_trip::<Metrics>(data).map(ToServer::Metrics),
        json_round_trip::<Services>(data).map(ToServer::Services),
        json_round_trip::<Software>(data).map(ToServer::Software),
        json_round_trip::<FactsReport>(data).map(ToServer::Facts),
        json_round_trip::<LockSummary>(data).map(ToServer::DeviceLock),
        json_round_trip::<MonitoredServices>(data).map(ToServer::MonitoredServices),
    ] {
        match message {
            Some(ToServer::Metrics(metrics)) => {
                for sample in metrics.samples {
                    let bounded = sample.bounded();
                    assert_eq!(bounded.clone().bounded(), bounded, "bounding twice changes nothing");
                }
            }
            Some(ToServer::Services(services)) => {
                services.items.into_iter().for_each(|item| drop(item.bounded()));
            }
            Some(ToServer::Software(software)) => {
                software.items.into_iter().for_each(|item| drop(item.bounded()));
            }
            Some(ToServer::Facts(report)) => drop(report.facts.bounded()),
            Some(ToServer::DeviceLock(lock)) => {
                let bounded = lock.bounded();
                assert_eq!(bounded.clone().bounded(), bounded, "bounding twice changes nothing");
            }
            _ => {}
        }
    }
});
