//! From one root to the next.

use super::*;

/// Puts these keys in the place of those that a role has.
fn with_role(mut root: Root, which: Role, seeds: &[u8], threshold: u8) -> Root {
    let signers: Vec<Signer> = seeds.iter().map(|seed| key(*seed)).collect();
    for signer in &signers {
        let public = signer.public_key("another");
        if !root.keys.iter().any(|key| key.keyid == public.keyid) {
            root.keys.push(public);
        }
    }
    root.roles.insert(which, role(&signers.iter().collect::<Vec<_>>(), threshold));
    root
}

#[test]
fn root_rotation() {
    let next = after(&root());
    assert_eq!(next_root(&root(), &sealed(&next, &[1, 2])), Ok(next.clone()), "the same keys");
    let next = with_role(next, Role::Root, &[1, 11, 12], 2);
    assert_eq!(next_root(&root(), &sealed(&next, &[1, 2, 11])), Ok(next.clone()), "both thresholds");
    assert_eq!(next_root(&root(), &sealed(&next, &[1, 2])), Err(Reason::ThresholdUnmet), "not by its own");
    assert_eq!(
        next_root(&root(), &sealed(&next, &[1, 11])),
        Err(Reason::ThresholdUnmet),
        "not by the one before"
    );
}

#[test]
fn root_rotation_to_wholly_other_keys() {
    let next = with_role(after(&root()), Role::Root, &[11, 12, 13], 2);
    assert_eq!(next_root(&root(), &sealed(&next, &[1, 2, 12, 13])), Ok(next.clone()));
    assert_eq!(next_root(&root(), &sealed(&next, &[12, 13])), Err(Reason::ThresholdUnmet));
}

#[test]
fn root_rotation_with_a_higher_and_a_lower_threshold() {
    let higher = with_role(after(&root()), Role::Root, &[1, 2, 3], 3);
    assert_eq!(next_root(&root(), &sealed(&higher, &[1, 2])), Err(Reason::ThresholdUnmet));
    assert_eq!(next_root(&root(), &sealed(&higher, &[1, 2, 3])), Ok(higher.clone()));
    let lower = with_role(after(&higher), Role::Root, &[1, 2, 3], 2);
    assert_eq!(next_root(&higher, &sealed(&lower, &[1, 2])), Err(Reason::ThresholdUnmet));
    assert_eq!(next_root(&higher, &sealed(&lower, &[3, 1, 2])), Ok(lower.clone()));
}

#[test]
fn one_root_key_alone_rotates_nothing() {
    for thief in [1, 2, 3] {
        let next = with_role(after(&root()), Role::Release, &[9], 1);
        assert_eq!(next_root(&root(), &sealed(&next, &[thief, 9, 4, 5, 6])), Err(Reason::ThresholdUnmet));
    }
}

#[test]
fn new_root_nonversioned_gap() {
    let third = Root { version: 3, ..after(&root()) };
    assert_eq!(next_root(&root(), &sealed(&third, &[1, 2])), Err(Reason::RootNotNext));
}

#[test]
fn root_version_rollback_and_repeat() {
    let second = after(&root());
    for version in [1, 2] {
        let again = Root { version, ..second.clone() };
        assert_eq!(next_root(&second, &sealed(&again, &[1, 2])), Err(Reason::RootNotNext));
    }
}

#[test]
fn root_fast_forward() {
    let last = Root { version: u64::MAX, ..root() };
    assert_eq!(next_root(&root(), &sealed(&last, &[1, 2])), Err(Reason::RootNotNext));
    assert_eq!(
        next_root(&last, &sealed(&root(), &[1, 2])),
        Err(Reason::RootNotNext),
        "and nothing overflows"
    );
}

#[test]
fn max_root_rotations() {
    let mut trusted = root();
    for step in 0..u8::try_from(ROOTS_MAX).unwrap() {
        // Each time one key is another one.
        let seeds = [1 + step, 2 + step, 3 + step].map(|seed| if seed > 3 { seed + 100 } else { seed });
        let new = [2 + step, 3 + step, 4 + step].map(|seed| if seed > 3 { seed + 100 } else { seed });
        let mut next = with_role(after(&trusted), Role::Root, &new, 2);
        let named: Vec<Sha256Hex> = next.roles.values().flat_map(|keys| keys.keyids.clone()).collect();
        next.keys.retain(|key| named.contains(&key.keyid));
        trusted = next_root(&trusted, &sealed(&next, &[seeds[1], seeds[2]])).unwrap();
    }
    assert_eq!(trusted.version, 33);
}

#[test]
fn intermediate_root_incorrectly_signed() {
    let second = after(&root());
    assert_eq!(next_root(&root(), &sealed(&second, &[1])), Err(Reason::ThresholdUnmet));
    // And the third, well signed, cannot be reached past it.
    let third = after(&second);
    assert_eq!(next_root(&root(), &sealed(&third, &[1, 2])), Err(Reason::RootNotNext));
}

#[test]
fn expired_local_root_can_still_be_followed() {
    let old = Root { expires: day(1), ..root() };
    let next = after(&old);
    assert_eq!(next_root(&old, &sealed(&next, &[1, 2])), Ok(next.clone()));
}

#[test]
fn role_removal() {
    for which in Role::ALL {
        let mut next = after(&root());
        next.roles.remove(which);
        assert_eq!(next_root(&root(), &sealed(&next, &[1, 2, 3])), Err(Reason::Malformed), "{which:?}");
    }
}

#[test]
fn non_root_rotations() {
    let next = with_role(after(&root()), Role::Release, &[14], 1);
    let next = next_root(&root(), &sealed(&next, &[1, 2])).unwrap();
    assert!(open_manifest(&next, &sealed(&manifest(5), &[14])).is_ok());
    assert_eq!(
        open_manifest(&next, &sealed(&manifest(5), &[4])).unwrap_err(),
        Reason::ThresholdUnmet,
        "the stolen key signs nothing any longer"
    );
    assert_eq!(open_manifest(&root(), &sealed(&manifest(5), &[14])).unwrap_err(), Reason::ThresholdUnmet);
}

#[test]
fn a_next_root_whose_bytes_were_not_signed_is_not_even_read() {
    // Nonsense that the old keys did not sign is refused for its signatures, not for what it says.
    let nonsense = forged(Root::PAYLOAD_TYPE, b"nonsense", &[9]);
    assert_eq!(next_root(&root(), &nonsense), Err(Reason::ThresholdUnmet));
    assert_eq!(next_root(&root(), &forged(Root::PAYLOAD_TYPE, b"nonsense", &[1, 2])), Err(Reason::Malformed));
}

#[test]
fn timestamp_fast_forward_recovery() {
    let same = after(&root());
    assert!(!root().forgets_time(&same));
    let more = with_role(after(&root()), Role::Freshness, &[6, 15], 1);
    assert!(!root().forgets_time(&more), "the old key is still believed");
    let other = with_role(after(&root()), Role::Freshness, &[15], 1);
    assert!(root().forgets_time(&other), "what the old key said of the time is forgotten");
}
