//! Whether a device may take what it was offered.

use super::*;
use proptest::prelude::*;

fn never(_: &Sha256Hex) -> bool {
    false
}

fn here<'a>() -> Device<'a> {
    Device {
        kind: ArtifactKind::Agent,
        os: Os::Linux,
        arch: Arch::X86_64,
        libc: Some(Libc::Gnu),
        running_seq: 4,
        highest_seq: 4,
        root_expires: day(730),
        time_floor: day(0),
        denied: &never,
    }
}

fn with(change: impl FnOnce(&mut Manifest)) -> Opened<Manifest> {
    let mut made = manifest(5);
    change(&mut made);
    open_manifest(&root(), &sealed(&made, &[4])).unwrap()
}

fn answer(manifest: &Opened<Manifest>, device: &Device<'_>) -> Result<String, Reason> {
    due(manifest, &timestamp(manifest), device).map(|artifact| artifact.build_id.clone())
}

#[test]
fn a_newer_release_is_due_for_each_platform() {
    let five = opened(5);
    assert_eq!(answer(&five, &here()).as_deref(), Ok("build-1"));
    assert_eq!(answer(&five, &Device { libc: Some(Libc::Musl), ..here() }).as_deref(), Ok("build-2"));
    assert_eq!(answer(&five, &Device { os: Os::Windows, libc: None, ..here() }).as_deref(), Ok("build-3"));
    let supervisor = Device { kind: ArtifactKind::Supervisor, ..here() };
    assert_eq!(answer(&five, &supervisor).as_deref(), Ok("build-4"));
}

#[test]
fn artifact_substitution() {
    let five = opened(5);
    for stranger in [
        Device { arch: Arch::Aarch64, ..here() },
        Device { os: Os::Macos, libc: None, ..here() },
        Device { libc: None, ..here() },
        Device { os: Os::Windows, libc: None, kind: ArtifactKind::Supervisor, ..here() },
    ] {
        assert_eq!(answer(&five, &stranger), Err(Reason::NoArtifact), "{stranger:?}");
    }
}

#[test]
fn manifest_rollback() {
    assert_eq!(
        answer(&opened(5), &Device { highest_seq: 6, ..here() }),
        Err(Reason::Downgrade),
        "confirmed once"
    );
    assert_eq!(answer(&opened(5), &Device { running_seq: 6, ..here() }), Err(Reason::Downgrade), "runs");
}

#[test]
fn the_same_release_again() {
    assert_eq!(answer(&opened(4), &here()), Err(Reason::Downgrade));
}

#[test]
fn mix_and_match() {
    let (four, five) = (opened(4), opened(5));
    assert_eq!(due(&five, &timestamp(&four), &here()), Err(Reason::ManifestMismatch));
    let half = Timestamp { seq: 5, ..timestamp(&four) };
    assert_eq!(due(&five, &half, &here()), Err(Reason::ManifestMismatch), "another digest");
    let half = Timestamp { seq: 4, ..timestamp(&five) };
    assert_eq!(due(&five, &half, &here()), Err(Reason::ManifestMismatch), "another sequence");
}

#[test]
fn timestamp_content_change_without_bump() {
    // Two manifests of one sequence: only the one that the timestamp names.
    let (one, other) = (opened(5), with(|manifest| manifest.notes.push('!')));
    assert!(due(&one, &timestamp(&one), &here()).is_ok());
    assert_eq!(due(&other, &timestamp(&one), &here()), Err(Reason::ManifestMismatch));
}

#[test]
fn timestamp_fast_forward() {
    let five = opened(5);
    let far = Timestamp { seq: u64::MAX, ..timestamp(&five) };
    assert_eq!(due(&five, &far, &here()), Err(Reason::ManifestMismatch), "there is no such release");
}

#[test]
fn nothing_released() {
    let none = Timestamp { seq: 0, manifest_sha256: None, ..timestamp(&opened(5)) };
    assert_eq!(due(&opened(5), &none, &here()), Err(Reason::ManifestMismatch));
    assert_eq!(current(day(730), None, &none, day(0)), Ok(day(2)));
}

#[test]
fn root_expired() {
    assert_eq!(answer(&opened(5), &Device { root_expires: day(2), ..here() }), Err(Reason::RootExpired));
}

#[test]
fn manifest_expired() {
    let old = with(|manifest| manifest.expires = day(2));
    assert_eq!(answer(&old, &here()), Err(Reason::ManifestExpired));
}

#[test]
fn timestamp_expired() {
    assert_eq!(answer(&opened(5), &Device { time_floor: day(3), ..here() }), Err(Reason::TimestampExpired));
    let late = Device { time_floor: day(3) - TimeDelta::seconds(1), ..here() };
    assert!(answer(&opened(5), &late).is_ok());
}

#[test]
fn an_expired_manifest_does_not_come_back_with_the_clock() {
    // The floor is later than the manifest, the timestamp of a stolen key is earlier than both.
    let old = with(|manifest| manifest.expires = day(2) + TimeDelta::hours(1));
    let late = Device { time_floor: day(2) + TimeDelta::hours(2), ..here() };
    assert_eq!(answer(&old, &late), Err(Reason::ManifestExpired));
}

#[test]
fn a_server_whose_clock_is_years_ahead_moves_no_floor() {
    let five = opened(5);
    let far = Timestamp { signed_time: day(3650), expires: day(3651), ..timestamp(&five) };
    assert_eq!(current(day(730), Some(&five.document), &far, day(0)), Err(Reason::RootExpired));
    let near = Timestamp { signed_time: day(100), expires: day(101), ..timestamp(&five) };
    assert_eq!(current(day(730), Some(&five.document), &near, day(0)), Err(Reason::ManifestExpired));
    assert_eq!(
        current(day(730), Some(&five.document), &timestamp(&five), day(0)),
        Ok(day(2)),
        "once it is right again"
    );
}

#[test]
fn a_stepping_stone_comes_first() {
    let six = with(|manifest| manifest.min_from = 4);
    assert!(answer(&six, &here()).is_ok());
    assert_eq!(answer(&six, &Device { running_seq: 3, ..here() }), Err(Reason::MinFrom));
    assert_eq!(answer(&six, &Device { running_seq: 0, highest_seq: 0, ..here() }), Err(Reason::MinFrom));
}

#[test]
fn what_failed_here_is_not_taken_again() {
    let bad = opened(5).document.artifacts[0].sha256.clone();
    let is_bad = |sha256: &Sha256Hex| *sha256 == bad;
    assert_eq!(answer(&opened(5), &Device { denied: &is_bad, ..here() }), Err(Reason::Denied));
    let other = Device { denied: &is_bad, libc: Some(Libc::Musl), ..here() };
    assert!(answer(&opened(5), &other).is_ok(), "another build of it is");
}

#[test]
fn what_the_manifest_itself_revokes_is_not_taken() {
    // A manifest of this shape does not open; the rule holds by itself.
    let mut five = opened(5);
    five.document.revoked.push(five.document.artifacts[0].sha256.clone());
    assert_eq!(answer(&five, &here()), Err(Reason::Denied));
}

proptest! {
    /// Whatever a server does with its key and clock: what is due is newer, in time, for this machine and named.
    #[test]
    fn nothing_old_is_ever_due(
        seq in 1..20_u64, running in 0..20_u64, highest in 0..20_u64, min_from in 0..20_u64,
        signed in 0..100_i64, life in 1..24_i64, floor in 0..100_i64, expires in 2..100_i64, named in 1..20_u64,
    ) {
        let mut made = manifest(seq);
        made.min_from = min_from.min(seq - 1);
        made.expires = day(expires);
        let opened = open_manifest(&root(), &sealed(&made, &[4])).unwrap();
        let at = Timestamp {
            signed_time: day(signed), expires: day(signed) + TimeDelta::hours(life), seq: named, ..timestamp(&opened)
        };
        let device = Device {
            running_seq: running, highest_seq: highest, time_floor: day(floor), root_expires: day(90), ..here()
        };
        let is_due = due(&opened, &at, &device).is_ok();
        let now = day(signed).max(day(floor));
        let should = named == seq && seq > running && seq > highest && running >= made.min_from
            && at.expires > day(floor) && day(90) > now && made.expires > now;
        prop_assert_eq!(is_due, should);
    }
}
