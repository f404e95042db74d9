//! Envelopes of release trust and what is in them: a device reads them from a server that it does not believe.
#![no_main]

use entity::{
    id::DeviceId,
    release::{
        Document, Manifest, Receipt, Root, Shape as _, Signer, Timestamp, look, next_root, open_manifest,
        open_receipt, open_root, open_timestamp, root_fingerprint,
    },
};
use fuzz::json_round_trip;
use libfuzzer_sys::fuzz_target;

/// What is well-formed and signed is what it was when its envelope is opened; answers that envelope.
fn signed<T: Document + PartialEq + std::fmt::Debug>(data: &[u8]) -> Option<(T, String)> {
    let document: T = json_round_trip(data)?;
    let envelope = Signer::from_seed(&[7; 32]).sign(&document).ok()?;
    let inside = look(&envelope).expect("what was signed is an envelope");
    let again: T = serde_json::from_slice(&inside.payload).expect("what was signed reads");
    assert_eq!(document, again);
    Some((document, envelope))
}

fuzz_target!(|data: &[u8]| {
    if let Some((root, envelope)) = signed::<Root>(data) {
        root.check().expect("nothing is signed that is out of bounds");
        // Nobody has its keys.
        assert!(next_root(&root, &envelope).is_err());
    }
    drop(signed::<Manifest>(data));
    drop(signed::<Timestamp>(data));
    drop(signed::<Receipt>(data));
    let Ok(text) = std::str::from_utf8(data) else { return };
    drop(look(text));
    drop(root_fingerprint(text));
    if let Ok(root) = open_root(text) {
        // A root is signed by itself; whatever else this text is, it is no other document, and not its own successor.
        assert!(next_root(&root, text).is_err());
        assert!(open_manifest(&root, text).is_err());
        let device = DeviceId(uuid::Uuid::nil());
        assert!(open_timestamp(&root, text, "", device).is_err());
        assert!(open_receipt(&root, text, "", device).is_err());
    }
});
