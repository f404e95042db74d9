//! What was signed yesterday opens today and is signed the same: devices that were off for a year read it.

use super::*;
use std::{fs, path::Path};

/// The envelope of this name. The files were made by another implementation (Python's `cryptography`) from the same seeds.
fn vector(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/release/golden").join(format!("{name}.json"));
    fs::read_to_string(file).unwrap().trim_end().to_owned()
}

/// Signed by all of these, one after another.
fn signed<T: Document>(document: &T, seeds: &[u8]) -> String {
    let first = key(seeds[0]).sign(document).unwrap();
    seeds[1..].iter().fold(first, |envelope, seed| key(*seed).add_signature(&envelope).unwrap())
}

#[test]
fn what_was_signed_before_opens_and_is_signed_the_same() {
    let first = vector("root-1");
    assert_eq!(first, signed(&root(), &[1, 2]));
    let trusted = open_root(&first).unwrap();
    assert_eq!(trusted, root());

    let second = Root { ext: BTreeMap::from([("note".to_owned(), "ext".into())]), ..after(&root()) };
    let next = vector("root-2");
    assert_eq!(next, signed(&second, &[3, 1]));
    assert_eq!(next_root(&trusted, &next), Ok(second));

    let kept = vector("manifest");
    assert_eq!(kept, signed(&manifest(5), &[4]));
    let opened = open_manifest(&trusted, &kept).unwrap();
    assert_eq!(opened.document, manifest(5));

    let kept = vector("timestamp");
    assert_eq!(kept, signed(&timestamp(&opened), &[6]));
    assert_eq!(open_timestamp(&trusted, &kept, NONCE, device()), Ok(timestamp(&opened)));

    let kept = vector("receipt");
    assert_eq!(kept, signed(&receipt(), &[6]));
    assert_eq!(open_receipt(&trusted, &kept, NONCE, device()), Ok(receipt()));
}

/// Fixed by hand, so that files and code cannot change together without notice.
#[test]
fn the_fingerprint_of_the_first_root_is_what_it_was() {
    let first = vector("root-1");
    assert_eq!(
        root_fingerprint(&first).unwrap().as_str(),
        "5e04f6572b637520b79223b2e2d2c38ea774571edb198b4afd46b1a07b71115b"
    );
}
