//! What the fuzzed parsers have to hold: whatever comes in, an error or a value that survives being written again.

use serde::{Serialize, de::DeserializeOwned};

/// Reads JSON as a `T`. What reads has to write, and to read again as the same.
///
/// # Panics
/// When it does not: that is what the fuzzer looks for.
pub fn json_round_trip<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(
    data: &[u8],
) -> Option<T> {
    let value: T = serde_json::from_slice(data).ok()?;
    let written =
        serde_json::to_vec(&value).unwrap_or_else(|error| panic!("{value:?} cannot be written: {error}"));
    let again: T = serde_json::from_slice(&written).unwrap_or_else(|error| {
        panic!("{} cannot be read again: {error}", String::from_utf8_lossy(&written))
    });
    // Numbers that are none (NaN) cannot come out of JSON, so equality is what it should be.
    assert_eq!(value, again, "written and read again it is another");
    Some(value)
}

/// Reads what people send: JSON in bodies, pairs in the query and in forms. Nothing but a panic is wrong.
pub fn reads<T: DeserializeOwned>(data: &[u8]) {
    drop(serde_json::from_slice::<T>(data));
    drop(serde_urlencoded::from_bytes::<T>(data));
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::{
        error_report::ErrorReport,
        release::{Manifest, Root, look, open_root},
        wire::{Logs, ToAgent, ToServer},
    };
    use std::{fs, path::Path};

    fn corpus(target: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        let files = fs::read_dir(folder).expect("a corpus");
        files.map(|file| fs::read(file.expect("readable").path()).expect("readable")).collect()
    }

    #[test]
    fn the_corpus_begins_with_messages_that_read() {
        let to_server = corpus("fuzz-to-server");
        assert!(to_server.iter().filter_map(|data| json_round_trip::<ToServer>(data)).count() >= 9);
        let to_agent = corpus("fuzz-to-agent");
        assert!(to_agent.iter().filter_map(|data| json_round_trip::<ToAgent>(data)).count() >= 7);
        let reports = corpus("fuzz-reports");
        assert!(reports.iter().filter_map(|data| json_round_trip::<Logs>(data)).count() >= 2);
        assert!(reports.iter().filter_map(|data| json_round_trip::<ErrorReport>(data)).count() >= 2);
        let release = corpus("fuzz-release");
        assert_eq!(release.iter().filter_map(|data| json_round_trip::<Root>(data)).count(), 2);
        assert_eq!(release.iter().filter_map(|data| json_round_trip::<Manifest>(data)).count(), 1);
        let texts: Vec<&str> = release.iter().filter_map(|data| std::str::from_utf8(data).ok()).collect();
        assert_eq!(texts.iter().filter(|text| look(text).is_ok()).count(), 5);
        assert_eq!(texts.iter().filter(|text| open_root(text).is_ok()).count(), 2);
    }
}
