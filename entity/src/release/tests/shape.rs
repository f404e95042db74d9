//! The bounds of every list and text, each with the field that it names.

use super::*;

fn fault_of<T: Shape>(document: T, change: impl FnOnce(&mut T)) -> String {
    let mut document = document;
    change(&mut document);
    document.check().expect_err("it is out of bounds").to_string()
}

#[test]
fn the_documents_of_these_tests_are_well_formed() {
    root().check().unwrap();
    manifest(5).check().unwrap();
    timestamp(&opened(5)).check().unwrap();
    receipt().check().unwrap();
}

#[test]
fn roots_out_of_bounds_name_the_field() {
    let fault = |change: fn(&mut Root)| fault_of(root(), change);
    assert_eq!(fault(|root| root.spec = 2), "spec must be 1");
    assert_eq!(fault(|root| root.product.push('x')), "product must be reeve");
    assert_eq!(fault(|root| root.version = 0), "version must be at least 1");
    assert_eq!(fault(|root| root.expires = root.issued), "expires must be later than issued");
    assert_eq!(
        fault(|root| root.keys[1].holder.clear()),
        "keys[1].holder must be one line of 1 to 100 characters"
    );
    assert_eq!(
        fault(|root| root.keys[1].holder = "x".repeat(101)),
        "keys[1].holder must be one line of 1 to 100 characters"
    );
    assert_eq!(
        fault(|root| root.keys[1].holder.push('\u{1b}')),
        "keys[1].holder must be one line of 1 to 100 characters"
    );
    assert_eq!(
        fault(|root| root.keys = (20..=52).map(|seed| key(seed).public_key("x")).collect()),
        "keys must not be more than 32"
    );
    assert_eq!(
        fault(|root| drop(root.ext.insert("x".to_owned(), "y".repeat(EXT_BYTES_MAX).into()))),
        "ext must not exceed 16384 bytes"
    );
    assert_eq!(fault(|root| drop(root.roles.remove(&Role::Freshness))), "roles.freshness is missing");
}

#[test]
fn manifests_out_of_bounds_name_the_field() {
    let fault = |change: fn(&mut Manifest)| fault_of(manifest(5), change);
    assert_eq!(fault(|manifest| manifest.seq = 0), "seq must be at least 1");
    assert_eq!(fault(|manifest| manifest.min_from = 5), "min_from must be lower than seq");
    assert_eq!(fault(|manifest| manifest.min_secure = 6), "min_secure must not be higher than seq");
    assert_eq!(fault(|manifest| manifest.expires = manifest.issued), "expires must be later than issued");
    assert_eq!(
        fault(|manifest| manifest.notes = "x".repeat(NOTES_BYTES_MAX + 1)),
        "notes must not exceed 16384 bytes"
    );
    assert_eq!(
        fault(
            |manifest| manifest.revoked = (0..=1_000_u32).map(|n| Sha256Hex::of(&n.to_be_bytes())).collect()
        ),
        "revoked must not be more than 1000"
    );
    assert_eq!(
        fault(|manifest| manifest.revoked = vec![Sha256Hex::of(b"x"), Sha256Hex::of(b"x")]),
        "revoked must not name an artifact twice"
    );
    assert_eq!(
        fault(|manifest| manifest.revoked = vec![manifest.artifacts[2].sha256.clone()]),
        "artifacts[2].sha256 is revoked by the same manifest"
    );
    assert_eq!(fault(|manifest| manifest.artifacts.clear()), "artifacts must be 1 to 64");
    assert_eq!(
        fault(|manifest| manifest.artifacts = vec![manifest.artifacts[0].clone(); 65]),
        "artifacts must be 1 to 64"
    );
    assert_eq!(
        fault(|manifest| manifest.artifacts.push(manifest.artifacts[0].clone())),
        "artifacts[4] is a second one of its kind for the same platform"
    );
    assert_eq!(
        fault(|manifest| manifest.artifacts[1].size_bytes = 0),
        "artifacts[1].size_bytes must be 1 to 536870912"
    );
    assert_eq!(
        fault(|manifest| manifest.artifacts[1].size_bytes = ARTIFACT_BYTES_MAX + 1),
        "artifacts[1].size_bytes must be 1 to 536870912"
    );
    assert_eq!(
        fault(|manifest| manifest.artifacts[0].libc = None),
        "artifacts[0].libc must be given for Linux"
    );
    assert_eq!(
        fault(|manifest| manifest.artifacts[2].libc = Some(Libc::Gnu)),
        "artifacts[2].libc must be given for Linux only"
    );
    for bad in ["", "a b", "a\n", "é", &"x".repeat(65)] {
        let mut made = manifest(5);
        made.artifacts[0].build_id = bad.to_owned();
        assert_eq!(
            made.check().unwrap_err().to_string(),
            "artifacts[0].build_id must be 1 to 64 printable characters without spaces"
        );
    }
}

#[test]
fn what_is_out_of_bounds_is_refused_though_it_is_signed() {
    let envelope = sealed(&Manifest { min_from: 5, ..manifest(5) }, &[4]);
    assert_eq!(open_manifest(&root(), &envelope).unwrap_err(), Reason::Malformed);
}
