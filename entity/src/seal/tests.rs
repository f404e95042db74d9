//! What was signed opens; what was changed, is for something else, or is too old does not.

mod golden;

use super::*;
use crate::command::StopOrder;
use chrono::TimeDelta;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_700_000_000 + seconds)
}

fn grant(root: &SealKey, key: &SealKey) -> Envelope {
    let grant = KeyGrant {
        keyid: key.keyid().to_owned(),
        public_key: BASE64_STANDARD.encode(key.public()),
        not_before: at(0),
        not_after: at(100),
    };
    root.seal(Purpose::KeyGrant, &grant, Vec::new()).unwrap()
}

#[test]
fn an_envelope_opens_for_its_purpose_its_time_and_its_key_alone() {
    let (root, key, stranger) =
        (SealKey::from_seed(&[1; 32]), SealKey::from_seed(&[2; 32]), SealKey::from_seed(&[3; 32]));
    let stop =
        StopOrder { seq: 7, business_id: None, is_stopped: true, decided_at: at(1), approvals: Vec::new() };
    let sealed = key.seal(Purpose::Stop, &stop, vec![grant(&root, &key)]).unwrap();
    let opened = |envelope: &Envelope, when| open::<StopOrder>(&root.public(), Purpose::Stop, envelope, when);
    assert_eq!(opened(&sealed, at(50)).unwrap().0, stop);
    assert_eq!(opened(&sealed, at(100)).unwrap_err(), Unsealed::Untrusted, "the grant is over");
    assert_eq!(opened(&sealed, at(-1)).unwrap_err(), Unsealed::Untrusted, "the grant has not begun");
    assert_eq!(
        open::<StopOrder>(&root.public(), Purpose::Order, &sealed, at(50)).unwrap_err(),
        Unsealed::Malformed,
        "another purpose"
    );
    assert_eq!(
        open::<StopOrder>(&stranger.public(), Purpose::Stop, &sealed, at(50)).unwrap_err(),
        Unsealed::Untrusted
    );
    let forged = stranger.seal(Purpose::Stop, &stop, vec![grant(&stranger, &stranger)]).unwrap();
    assert_eq!(opened(&forged, at(50)).unwrap_err(), Unsealed::Untrusted, "a root of its own");
    let borrowed = stranger.seal(Purpose::Stop, &stop, vec![grant(&root, &key)]).unwrap();
    assert_eq!(opened(&borrowed, at(50)).unwrap_err(), Unsealed::Untrusted, "the grant is for another key");
    let mut changed = sealed.clone();
    changed.payload = BASE64_STANDARD.encode(serde_json::to_vec(&StopOrder { seq: 8, ..stop }).unwrap());
    assert_eq!(opened(&changed, at(50)).unwrap_err(), Unsealed::Untrusted);
}
