//! Keys are made once, renewed with overlap, and go on without their root for as long as it said.

use super::*;
use crate::clock::ManualClock;
use entity::{
    command::KeyGrant,
    seal::{self, Unsealed},
};
use std::fs;

fn start() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn stop(seq: u64) -> StopOrder {
    StopOrder { seq, business_id: None, is_stopped: true, decided_at: start(), approvals: Vec::new() }
}

fn signer(folder: &Path, clock: &Arc<ManualClock>) -> Result<Signer> {
    Signer::load_or_create(SignerPlace::new(folder, None), Arc::clone(clock) as Arc<dyn Clock>)
}

fn opens(
    root: &[u8; 32],
    envelope: &Envelope,
    at: DateTime<Utc>,
) -> std::result::Result<StopOrder, Unsealed> {
    seal::open::<StopOrder>(root, Purpose::Stop, envelope, at).map(|(stop, _)| stop)
}

#[test]
fn keys_are_made_once_for_their_owner_alone() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Arc::new(ManualClock::new(start())));
    let made = signer(folder.path(), &clock).unwrap();
    let again = signer(folder.path(), &clock).unwrap();
    assert_eq!(made.report(), again.report());
    assert!(made.report().has_root && made.report().keys.len() == 1);
    let sealed = made.seal_stop(&stop(1)).unwrap();
    assert_eq!(opens(&again.root_public(), &sealed, start()).unwrap(), stop(1));
    let place = SignerPlace::new(folder.path(), None);
    let seeds = [fs::read_to_string(&place.root).unwrap(), fs::read_to_string(&place.command).unwrap()];
    assert!(!format!("{made:?}{:?}", made.report()).contains(&seeds[0]));
    #[cfg(unix)]
    for file in [&place.root, &place.command] {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
}

#[test]
fn a_key_gets_a_successor_before_its_end_and_stays_good_until_then() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Arc::new(ManualClock::new(start())));
    let signer = signer(folder.path(), &clock).unwrap();
    let first = signer.report().keys.remove(0);
    let sealed = signer.seal_stop(&stop(1)).unwrap();
    clock.advance(TimeDelta::days(GRANT_DAYS - RENEW_DAYS));
    signer.refresh().unwrap();
    assert_eq!(signer.report().keys.len(), 1, "it is not time yet");
    clock.advance(TimeDelta::seconds(1));
    signer.refresh().unwrap();
    let report = signer.report();
    assert_eq!(report.keys.get(1), Some(&first), "the former one overlaps");
    assert_eq!(report.warning(clock.now()), None);
    let envelope = signer.seal_stop(&stop(2)).unwrap();
    assert_eq!(envelope.signatures[0].keyid, report.keys[0].keyid, "the newest signs");
    assert!(opens(&signer.root_public(), &envelope, clock.now()).is_ok());
    assert!(
        opens(&signer.root_public(), &sealed, clock.now()).is_ok(),
        "what was signed before is good still"
    );
    clock.advance(TimeDelta::days(RENEW_DAYS));
    assert_eq!(
        opens(&signer.root_public(), &sealed, clock.now()).unwrap_err(),
        Unsealed::Untrusted,
        "but not for ever"
    );
}

#[test]
fn without_its_root_a_key_signs_until_its_end_and_says_so_before() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Arc::new(ManualClock::new(start())));
    let place = SignerPlace::new(folder.path(), None);
    let elsewhere = folder.path().join("elsewhere.key");
    let signer_at = || signer(folder.path(), &clock).unwrap();
    let root = signer_at().root_public();
    fs::rename(&place.root, &elsewhere).unwrap();
    let running = signer_at();
    assert_eq!((running.root_public(), running.report().has_root), (root, false));
    clock.advance(TimeDelta::days(GRANT_DAYS - WARN_DAYS) - TimeDelta::seconds(1));
    assert_eq!(running.report().warning(clock.now()), None);
    clock.advance(TimeDelta::seconds(1));
    assert!(running.report().warning(clock.now()).unwrap().contains("until"));
    clock.advance(TimeDelta::days(WARN_DAYS));
    running.refresh().unwrap();
    assert!(running.report().warning(clock.now()).unwrap().contains("since"));
    assert!(running.seal_stop(&stop(1)).unwrap_err().to_string().contains("reeve command-key rotate"));
    assert!(!place.root.exists(), "no other root is made");
    let stranger = folder.path().join("stranger.key");
    fs::write(&stranger, "00".repeat(32)).unwrap();
    assert!(rotate(&place, Some(&stranger), &*clock).unwrap_err().to_string().contains("is not the root"));
    assert!(rotate(&place, None, &*clock).unwrap_err().to_string().contains("is not there"));
    assert_eq!(rotate(&place, Some(&elsewhere), &*clock).unwrap().keys.len(), 1);
    running.refresh().unwrap();
    let envelope = running.seal_stop(&stop(2)).unwrap();
    assert!(opens(&root, &envelope, clock.now()).is_ok(), "the running server took the new key up");
}

#[test]
fn keys_that_do_not_belong_together_are_refused_and_changed_by_nobody() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Arc::new(ManualClock::new(start())));
    let place = SignerPlace::new(folder.path(), None);
    drop(signer(folder.path(), &clock).unwrap());
    let good = fs::read_to_string(&place.command).unwrap();
    let other = tempfile::tempdir().unwrap();
    let stranger = signer(other.path(), &clock).unwrap();
    let theirs = fs::read_to_string(SignerPlace::new(other.path(), None).command).unwrap();
    let mut mixed: serde_json::Value = serde_json::from_str(&good).unwrap();
    mixed["keys"] = serde_json::from_str::<serde_json::Value>(&theirs).unwrap()["keys"].clone();
    for bad in ["", "{}", &good[..good.len() - 9], &mixed.to_string()] {
        fs::write(&place.command, bad).unwrap();
        assert!(signer(folder.path(), &clock).is_err(), "{}", bad.len());
        assert_eq!(fs::read_to_string(&place.command).unwrap(), bad);
    }
    // Whoever can write the file alone gives devices nothing: the root's word for the stranger's key is the stranger's.
    let forged = stranger.seal_stop(&stop(1)).unwrap();
    fs::write(&place.command, &good).unwrap();
    let ours = signer(folder.path(), &clock).unwrap().root_public();
    assert_eq!(opens(&ours, &forged, start()).unwrap_err(), Unsealed::Untrusted);
    let grant = &forged.grants[0];
    assert!(seal::open_by::<KeyGrant>(&ours, Purpose::KeyGrant, grant).is_err());
}
