//! Games with signatures and keys.

use super::*;

/// A root whose release role needs two of its two keys.
fn strict() -> Root {
    let mut root = root();
    root.roles.insert(Role::Release, role(&[&key(4), &key(5)], 2));
    root
}

fn refused(root: &Root, envelope: &str) -> Reason {
    open_manifest(root, envelope).unwrap_err()
}

#[test]
fn root_threshold_of_one() {
    let mut weak = root();
    weak.roles.insert(Role::Root, role(&[&key(1), &key(2)], 1));
    assert_eq!(open_root(&sealed(&weak, &[1, 2])), Err(Reason::Malformed));
}

#[test]
fn threshold_of_nought() {
    for which in Role::ALL {
        let mut open = root();
        open.roles.get_mut(which).unwrap().threshold = 0;
        assert_eq!(open_root(&sealed(&open, &[1, 2])), Err(Reason::Malformed), "{which:?}");
    }
    // Even if such a root were believed, nobody's signature is not enough.
    let mut open = root();
    open.roles.get_mut(&Role::Release).unwrap().threshold = 0;
    assert_eq!(refused(&open, &sealed(&manifest(1), &[])), Reason::ThresholdUnmet);
}

#[test]
fn too_few_keys_for_the_threshold() {
    let mut unreachable = root();
    unreachable.roles.get_mut(&Role::Freshness).unwrap().threshold = 2;
    assert_eq!(open_root(&sealed(&unreachable, &[1, 2])), Err(Reason::Malformed));
}

#[test]
fn threshold_unmet() {
    assert_eq!(refused(&strict(), &sealed(&manifest(1), &[4])), Reason::ThresholdUnmet);
    assert!(open_manifest(&strict(), &sealed(&manifest(1), &[4, 5])).is_ok());
}

#[test]
fn duplicate_sig_keyids() {
    assert_eq!(refused(&strict(), &sealed(&manifest(1), &[4, 4])), Reason::ThresholdUnmet);
    let twice = changed(&sealed(&manifest(1), &[4]), |sealed| {
        let mut copy = sealed.signatures[0].clone();
        copy.keyid = key(5).keyid().to_string();
        sealed.signatures.push(copy);
    });
    assert_eq!(refused(&strict(), &twice), Reason::ThresholdUnmet, "the same signature under another name");
}

#[test]
fn duplicate_keys_in_the_root() {
    let mut twice = root();
    let copy = twice.keys[3].clone();
    twice.keys.push(copy);
    assert_eq!(open_root(&sealed(&twice, &[1, 2])), Err(Reason::Malformed));
}

#[test]
fn duplicate_keyid_in_a_role() {
    let mut twice = root();
    twice.roles.insert(Role::Release, role(&[&key(4), &key(4)], 2));
    assert_eq!(open_root(&sealed(&twice, &[1, 2])), Err(Reason::Malformed));
    assert_eq!(
        refused(&twice, &sealed(&manifest(1), &[4, 4])),
        Reason::ThresholdUnmet,
        "nor would it count twice"
    );
}

#[test]
fn the_same_key_under_two_keyids() {
    let mut twice = root();
    let mut copy = twice.keys[3].clone();
    copy.keyid = Sha256Hex::of(b"another name");
    twice.roles.get_mut(&Role::Release).unwrap().keyids =
        vec![twice.keys[3].keyid.clone(), copy.keyid.clone()];
    twice.roles.get_mut(&Role::Release).unwrap().threshold = 2;
    twice.keys.push(copy);
    assert_eq!(open_root(&sealed(&twice, &[1, 2])), Err(Reason::Malformed));
    assert_eq!(refused(&twice, &sealed(&manifest(1), &[4, 4])), Reason::ThresholdUnmet);
}

#[test]
fn a_keyid_that_is_not_the_digest_of_its_key() {
    let mut renamed = root();
    renamed.keys[3].keyid = key(5).keyid().clone();
    renamed.keys[4].keyid = key(4).keyid().clone();
    assert_eq!(open_root(&sealed(&renamed, &[1, 2])), Err(Reason::Malformed));
}

#[test]
fn a_key_of_two_roles() {
    let mut shared = root();
    shared.roles.insert(Role::Release, role(&[&key(4), &key(6)], 1));
    assert_eq!(
        open_root(&sealed(&shared, &[1, 2])),
        Err(Reason::Malformed),
        "the server could sign releases"
    );
}

#[test]
fn root_has_keys_but_not_the_one_of_the_role() {
    let mut missing = root();
    missing.keys.retain(|one| one.keyid != *key(6).keyid());
    assert_eq!(open_root(&sealed(&missing, &[1, 2])), Err(Reason::Malformed));
}

#[test]
fn a_key_that_is_none() {
    let weak = |bytes: [u8; 32]| PublicKey {
        keyid: Sha256Hex::of(&bytes),
        public_key: BASE64_STANDARD.encode(bytes),
        holder: "nobody".to_owned(),
    };
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut second_spelling = [0xff; 32];
    (second_spelling[0], second_spelling[31]) = (0xee, 0x7f);
    for bad in [
        weak(identity),
        weak([0; 32]),
        weak(second_spelling),
        PublicKey { public_key: "AAAA".to_owned(), ..key(9).public_key("short") },
        PublicKey { public_key: "not base64!".to_owned(), ..key(9).public_key("none") },
    ] {
        let mut root = root();
        root.keys.push(bad.clone());
        assert_eq!(open_root(&sealed(&root, &[1, 2])), Err(Reason::Malformed), "{bad:?}");
    }
}

#[test]
fn invalid_signature_beside_valid_ones() {
    for junk in
        ["", "AAAA", "not base64", &BASE64_STANDARD.encode([0; 64]), &BASE64_STANDARD.encode([255; 64])]
    {
        let envelope = changed(&sealed(&manifest(1), &[4]), |sealed| {
            let keyid = key(5).keyid().to_string();
            sealed.signatures.insert(0, envelope::Mark { keyid, sig: junk.to_owned() });
        });
        assert!(open_manifest(&root(), &envelope).is_ok(), "what is worth nothing does no harm: {junk}");
        assert_eq!(refused(&strict(), &envelope), Reason::ThresholdUnmet, "nor does it count: {junk}");
    }
}

#[test]
fn unknown_keys_beside_valid_ones() {
    assert!(open_manifest(&root(), &sealed(&manifest(1), &[9, 10, 4])).is_ok());
    assert_eq!(refused(&strict(), &sealed(&manifest(1), &[9, 10, 4])), Reason::ThresholdUnmet);
}

#[test]
fn the_keyid_is_a_hint() {
    for name in ["", "somebody", key(9).keyid().as_str()] {
        let envelope =
            changed(&sealed(&manifest(1), &[4]), |sealed| sealed.signatures[0].keyid = name.to_owned());
        assert!(open_manifest(&root(), &envelope).is_ok(), "{name}");
    }
    let borrowed = changed(&sealed(&manifest(1), &[9]), |sealed| {
        sealed.signatures[0].keyid = key(4).keyid().to_string();
    });
    assert_eq!(refused(&root(), &borrowed), Reason::ThresholdUnmet, "a name makes no signature");
}

#[test]
fn unknown_signature_algorithm() {
    // The shape of an ECDSA signature (70 bytes) and of an RSA one (256).
    for length in [32, 63, 65, 70, 256] {
        let envelope = changed(&sealed(&manifest(1), &[4]), |sealed| {
            sealed.signatures[0].sig = BASE64_STANDARD.encode(vec![7; length]);
        });
        assert_eq!(refused(&root(), &envelope), Reason::ThresholdUnmet, "{length} bytes");
    }
    let named = sealed(&manifest(1), &[4]).replace("\"sig\"", "\"alg\":\"none\",\"sig\"");
    assert_eq!(refused(&root(), &named), Reason::Malformed);
}
