//! What was signed yesterday opens today and is signed the same: devices that were off for a year read it.

use super::*;
use std::{fs, path::Path};

/// The envelope of this name; with `REEVE_GOLDEN=write` a new one is made where there is none.
fn vector(name: &str, made: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/release/golden").join(format!("{name}.json"));
    if !file.exists() && std::env::var("REEVE_GOLDEN").as_deref() == Ok("write") {
        fs::write(&file, format!("{made}\n")).unwrap();
    }
    fs::read_to_string(file).unwrap().trim_end().to_owned()
}

/// Signed by all of these, one after another.
fn signed<T: Document>(document: &T, seeds: &[u8]) -> String {
    let first = key(seeds[0]).sign(document).unwrap();
    seeds[1..].iter().fold(first, |envelope, seed| key(*seed).add_signature(&envelope).unwrap())
}

#[test]
fn what_was_signed_before_opens_and_is_signed_the_same() {
    let second = Root { ext: BTreeMap::from([("note".to_owned(), "ext".into())]), ..after(&root()) };
    let (made, next) = (signed(&root(), &[1, 2]), signed(&second, &[3, 1]));
    let (first, next) = (vector("root-1", &made), (vector("root-2", &next), next));
    assert_eq!(first, made);
    assert_eq!(next.0, next.1);
    let trusted = open_root(&first).unwrap();
    assert_eq!(next_root(&trusted, &next.0), Ok(second));

    let made = signed(&manifest(5), &[4]);
    let kept = vector("manifest", &made);
    assert_eq!(kept, made);
    let opened = open_manifest(&trusted, &kept).unwrap();
    assert_eq!(opened.document, manifest(5));

    let made = signed(&timestamp(&opened), &[6]);
    let kept = vector("timestamp", &made);
    assert_eq!(kept, made);
    let stamped = open_timestamp(&trusted, &kept, NONCE, device()).unwrap();
    assert_eq!(stamped, timestamp(&opened));

    let made = signed(&receipt(), &[6]);
    let kept = vector("receipt", &made);
    assert_eq!(kept, made);
    assert_eq!(open_receipt(&trusted, &kept, NONCE, device()), Ok(receipt()));
}

/// Fixed by hand, so that files and code cannot change together without notice.
#[test]
fn the_fingerprint_of_the_first_root_is_what_it_was() {
    let first = vector("root-1", "");
    assert_eq!(root_fingerprint(&first).unwrap().as_str(), "FINGERPRINT");
}
