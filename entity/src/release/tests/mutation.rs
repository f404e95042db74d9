//! What was changed in any way is refused.

use super::*;
use proptest::prelude::*;

/// Where the hint stands, which is no part of what is signed and decides nothing.
fn hints(envelope: &str) -> Vec<std::ops::Range<usize>> {
    let mark = "\"keyid\":\"";
    envelope.match_indices(mark).map(|(at, _)| at + mark.len()..at + mark.len() + 64).collect()
}

/// Flips every bit, one at a time.
fn flip_every_bit<T: PartialEq + std::fmt::Debug>(envelope: &str, open: impl Fn(&str) -> Result<T, Reason>) {
    let good = open(envelope).expect("it opens as it is");
    let hints = hints(envelope);
    let mut bytes = envelope.as_bytes().to_vec();
    let mut refused = 0;
    for at in 0..bytes.len() {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            match std::str::from_utf8(&bytes).map(&open) {
                Ok(Ok(opened)) => {
                    assert!(hints.iter().any(|hint| hint.contains(&at)), "bit {bit} of byte {at}");
                    assert_eq!(opened, good, "what opens says the same");
                }
                Ok(Err(_)) | Err(_) => refused += 1,
            }
            bytes[at] ^= 1 << bit;
        }
    }
    assert!(refused > envelope.len() * 6, "{refused}");
}

#[test]
fn every_bit_of_a_root() {
    flip_every_bit(&sealed(&root(), &[1, 2]), open_root);
}

#[test]
fn every_bit_of_a_next_root() {
    flip_every_bit(&sealed(&after(&root()), &[1, 2]), |text| next_root(&root(), text));
}

#[test]
fn every_bit_of_a_manifest() {
    flip_every_bit(&sealed(&manifest(5), &[4]), |text| open_manifest(&root(), text));
}

#[test]
fn every_bit_of_a_timestamp_and_a_receipt() {
    let envelope = sealed(&timestamp(&opened(5)), &[6]);
    flip_every_bit(&envelope, |text| open_timestamp(&root(), text, NONCE, device()));
    flip_every_bit(&sealed(&receipt(), &[6]), |text| open_receipt(&root(), text, NONCE, device()));
}

#[test]
fn every_truncation_of_a_manifest() {
    let envelope = sealed(&manifest(5), &[4]);
    for length in 0..envelope.len() {
        assert!(open_manifest(&root(), &envelope[..length]).is_err(), "{length} bytes");
    }
}

/// Takes a piece out of a text and puts another in its place.
fn spliced(text: &str, at: usize, take: usize, put: &[u8]) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let start = at % bytes.len();
    let end = (start + take).min(bytes.len());
    bytes.splice(start..end, put.iter().copied());
    String::from_utf8(bytes).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_changed_manifest_is_refused_or_says_the_same(
        at in any::<usize>(), take in 0..200_usize, put in prop::collection::vec(32..127_u8, 0..200),
    ) {
        let envelope = sealed(&manifest(5), &[4]);
        if let Some(text) = spliced(&envelope, at, take, &put)
            && let Ok(opened) = open_manifest(&root(), &text)
        {
            prop_assert_eq!(opened.document, manifest(5));
        }
    }

    #[test]
    fn a_changed_root_is_refused_or_says_the_same(
        at in any::<usize>(), take in 0..200_usize, put in prop::collection::vec(32..127_u8, 0..200),
    ) {
        let envelope = sealed(&after(&root()), &[1, 2]);
        if let Some(text) = spliced(&envelope, at, take, &put)
            && let Ok(opened) = next_root(&root(), &text)
        {
            prop_assert_eq!(opened, after(&root()));
        }
    }

    #[test]
    fn a_changed_payload_is_refused_whoever_else_signs_it(
        at in any::<usize>(), take in 0..20_usize, put in prop::collection::vec(32..127_u8, 0..20),
        seeds in prop::collection::vec(prop::sample::select(vec![1_u8, 2, 3, 6, 9, 10]), 0..6),
    ) {
        let payload = serde_json::to_string(&manifest(5)).unwrap();
        if let Some(text) = spliced(&payload, at, take, &put) {
            let envelope = forged(Manifest::PAYLOAD_TYPE, text.as_bytes(), &seeds);
            prop_assert_eq!(open_manifest(&root(), &envelope).unwrap_err(), Reason::ThresholdUnmet);
        }
    }

    /// A signed payload that was badly made makes an error, never a panic.
    #[test]
    fn nonsense_that_is_signed_is_malformed(at in any::<usize>(), take in 0..40_usize, put in "[ -~]{0,40}") {
        let payload = serde_json::to_string(&root()).unwrap();
        if let Some(text) = spliced(&payload, at, take, put.as_bytes()) {
            let envelope = forged(Root::PAYLOAD_TYPE, text.as_bytes(), &[1, 2]);
            let _ = open_root(&envelope);
            let _ = next_root(&root(), &envelope);
        }
    }

    #[test]
    fn no_text_is_too_strange(text in ".{0,300}") {
        prop_assert!(open_root(&text).is_err());
        prop_assert!(open_manifest(&root(), &text).is_err());
        let _ = look(&text);
    }
}
