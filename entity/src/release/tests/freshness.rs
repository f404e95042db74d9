//! What the server signs for one question.

use super::*;

fn stamped() -> Timestamp {
    timestamp(&opened(5))
}

fn refused(envelope: &str) -> Reason {
    open_timestamp(&root(), envelope, NONCE, device()).unwrap_err()
}

#[test]
fn a_timestamp_opens_for_its_question() {
    let envelope = key(6).sign(&stamped()).unwrap();
    assert_eq!(open_timestamp(&root(), &envelope, NONCE, device()), Ok(stamped()));
}

#[test]
fn nonce_replay() {
    let envelope = sealed(&stamped(), &[6]);
    let other = "ffeeddccbbaa99887766554433221100";
    assert_eq!(open_timestamp(&root(), &envelope, other, device()), Err(Reason::NonceMismatch));
    assert_eq!(open_timestamp(&root(), &envelope, "", device()), Err(Reason::NonceMismatch));
}

#[test]
fn answer_of_another_device() {
    let envelope = sealed(&stamped(), &[6]);
    let other = DeviceId(Uuid::from_u128(8));
    assert_eq!(open_timestamp(&root(), &envelope, NONCE, other), Err(Reason::NonceMismatch));
}

#[test]
fn unsigned_timestamp() {
    assert_eq!(refused(&sealed(&stamped(), &[])), Reason::ThresholdUnmet);
    assert_eq!(refused(&sealed(&stamped(), &[1, 2, 3, 4, 5])), Reason::ThresholdUnmet, "by every other key");
}

#[test]
fn timestamp_of_the_wrong_type() {
    let receipt = sealed(&receipt(), &[6]);
    assert_eq!(refused(&receipt), Reason::Malformed);
    let renamed = changed(&receipt, |sealed| sealed.payload_type = Timestamp::PAYLOAD_TYPE.to_owned());
    assert_eq!(refused(&renamed), Reason::ThresholdUnmet);
}

#[test]
fn timestamp_custom_fields() {
    assert_eq!(refused(&sealed_json(&stamped(), &[6], |json| json["x"] = 1.into())), Reason::Malformed);
    assert_eq!(refused(&sealed_json(&stamped(), &[6], |json| json["ext"] = 1.into())), Reason::Malformed);
}

#[test]
fn a_timestamp_lives_a_day_at_most() {
    let long = Timestamp { expires: day(3) + TimeDelta::seconds(1), ..stamped() };
    assert_eq!(refused(&sealed(&long, &[6])), Reason::Malformed);
    for expires in [day(2), day(1)] {
        assert_eq!(refused(&sealed(&Timestamp { expires, ..stamped() }, &[6])), Reason::Malformed);
    }
}

#[test]
fn a_timestamp_names_a_manifest_or_none() {
    let none = Timestamp { seq: 0, manifest_sha256: None, ..stamped() };
    assert_eq!(open_timestamp(&root(), &sealed(&none, &[6]), NONCE, device()), Ok(none));
    assert_eq!(refused(&sealed(&Timestamp { seq: 0, ..stamped() }, &[6])), Reason::Malformed);
    assert_eq!(refused(&sealed(&Timestamp { manifest_sha256: None, ..stamped() }, &[6])), Reason::Malformed);
}

#[test]
fn nonces_are_128_bits() {
    for nonce in ["", "abc", &NONCE.to_uppercase(), &format!("{NONCE}0"), &"g".repeat(32)] {
        let envelope = sealed(&Timestamp { nonce: nonce.to_owned(), ..stamped() }, &[6]);
        assert_eq!(open_timestamp(&root(), &envelope, nonce, device()), Err(Reason::Malformed), "{nonce}");
    }
}

#[test]
fn endless_timestamp() {
    let envelope = sealed(&stamped(), &[6]);
    assert_eq!(refused(&format!("{envelope}{}", " ".repeat(TIMESTAMP_BYTES_MAX))), Reason::TooLarge);
}

#[test]
fn a_receipt_opens_for_its_question_and_device() {
    let envelope = key(6).sign(&receipt()).unwrap();
    assert_eq!(open_receipt(&root(), &envelope, NONCE, device()), Ok(receipt()));
    let refused =
        |envelope: &str, nonce: &str, device| open_receipt(&root(), envelope, nonce, device).unwrap_err();
    assert_eq!(refused(&envelope, &"0".repeat(32), device()), Reason::NonceMismatch);
    assert_eq!(refused(&envelope, NONCE, DeviceId(Uuid::from_u128(8))), Reason::NonceMismatch);
    assert_eq!(refused(&sealed(&receipt(), &[4]), NONCE, device()), Reason::ThresholdUnmet);
    for build_id in ["", "a b", "ä", &"x".repeat(65)] {
        let bad = Receipt { build_id: build_id.to_owned(), ..receipt() };
        assert_eq!(refused(&sealed(&bad, &[6]), NONCE, device()), Reason::Malformed, "{build_id}");
    }
}

#[test]
fn a_receipt_is_no_timestamp_and_the_other_way_round() {
    let refused = open_receipt(&root(), &sealed(&stamped(), &[6]), NONCE, device()).unwrap_err();
    assert_eq!(refused, Reason::Malformed);
}
