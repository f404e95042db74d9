//! What agents tell of what goes wrong: error reports, which have a door of their own, and entries of logs; then what is
//! done to each before it is stored.
#![no_main]

use entity::{
    error_report::{self, ErrorReport},
    log_entry::{LogEntry, LogSources},
    wire::Logs,
};
use fuzz::{json_round_trip, reads};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    reads::<LogEntry>(data);
    if let Some(logs) = json_round_trip::<Logs>(data) {
        let _ = logs.position();
        for spooled in logs.entries {
            let entry = spooled.entry.bounded();
            assert!(!entry.message.chars().chain(entry.source.chars()).any(char::is_control), "{entry:?}");
        }
    }
    if let Some(sources) = json_round_trip::<LogSources>(data) {
        let bounded = sources.bounded();
        assert_eq!(bounded.clone().bounded(), bounded, "bounding twice changes nothing");
    }
    if let Some(report) = json_round_trip::<ErrorReport>(data) {
        let report = report.bounded();
        drop(error_report::shape(&report.error_message));
        drop(error_report::label(&report.error_type));
        assert!(report.error_type.chars().count() <= error_report::TYPE_MAX, "{report:?}");
        assert!(report.error_message.chars().count() <= error_report::MESSAGE_MAX, "{report:?}");
        assert!((1..=error_report::COUNT_MAX).contains(&report.count), "{report:?}");
    }
});
