//! What was released.

use super::*;

fn refused(envelope: &str) -> Reason {
    open_manifest(&root(), envelope).unwrap_err()
}

#[test]
fn basic_refresh() {
    let opened = open_manifest(&root(), &key(4).sign(&manifest(5)).unwrap()).unwrap();
    assert_eq!(opened.document, manifest(5));
    assert_eq!(opened.payload_sha256, Sha256Hex::of(&serde_json::to_vec(&manifest(5)).unwrap()));
}

#[test]
fn unsigned_manifest() {
    assert_eq!(refused(&sealed(&manifest(5), &[])), Reason::ThresholdUnmet);
}

#[test]
fn manifest_signed_by_the_wrong_role() {
    // Whoever has every key that the server and the people at the roots have still releases nothing.
    assert_eq!(refused(&sealed(&manifest(5), &[1, 2, 3, 6])), Reason::ThresholdUnmet);
}

#[test]
fn manifest_of_the_wrong_type() {
    let payload = serde_json::to_vec(&manifest(5)).unwrap();
    for other in [Root::PAYLOAD_TYPE, Timestamp::PAYLOAD_TYPE, Receipt::PAYLOAD_TYPE] {
        assert_eq!(refused(&forged(other, &payload, &[4])), Reason::Malformed, "{other}");
    }
    let command = forged("application/vnd.reeve.order.v1+json", &payload, &[4]);
    let renamed = changed(&command, |sealed| sealed.payload_type = Manifest::PAYLOAD_TYPE.to_owned());
    assert_eq!(refused(&renamed), Reason::ThresholdUnmet, "signed for something else");
}

#[test]
fn manifest_custom_fields() {
    let ext = BTreeMap::from([("rings".to_owned(), serde_json::json!([1, 2]))]);
    let made = Manifest { ext, ..manifest(5) };
    assert_eq!(open_manifest(&root(), &sealed(&made, &[4])).unwrap().document, made);
    let envelope = sealed_json(&manifest(5), &[4], |json| json["url"] = "https://elsewhere.example".into());
    assert_eq!(refused(&envelope), Reason::Malformed);
    let envelope = sealed_json(&manifest(5), &[4], |json| json["artifacts"][0]["path"] = "../x".into());
    assert_eq!(refused(&envelope), Reason::Malformed);
}

#[test]
fn unknown_hash_algorithm() {
    let envelope = sealed_json(&manifest(5), &[4], |json| {
        let artifact = json["artifacts"][0].as_object_mut().unwrap();
        artifact.remove("sha256");
        artifact.insert("sha1".to_owned(), "da39a3ee5e6b4b0d3255bfef95601890afd80709".into());
    });
    assert_eq!(refused(&envelope), Reason::Malformed);
}

#[test]
fn digests_that_are_none() {
    let good = Sha256Hex::of(b"x").to_string();
    for bad in [
        String::new(),
        good.to_uppercase(),
        good[1..].to_owned(),
        format!("{good}0"),
        format!(" {}", &good[1..]),
    ] {
        let envelope =
            sealed_json(&manifest(5), &[4], |json| json["artifacts"][0]["sha256"] = bad.clone().into());
        assert_eq!(refused(&envelope), Reason::Malformed, "{bad:?}");
    }
}

#[test]
fn endless_manifest() {
    let envelope = sealed(&manifest(5), &[4]);
    let padded = format!("{envelope}{}", " ".repeat(MANIFEST_BYTES_MAX - envelope.len()));
    assert!(open_manifest(&root(), &padded).is_ok());
    assert_eq!(refused(&format!("{padded}\n")), Reason::TooLarge);
}

#[test]
fn another_product() {
    let envelope = sealed(&Manifest { product: "reeves".to_owned(), ..manifest(5) }, &[4]);
    assert_eq!(refused(&envelope), Reason::WrongProduct);
}

#[test]
fn a_payload_that_was_not_signed_is_not_read() {
    let nonsense = forged(Manifest::PAYLOAD_TYPE, &[0xff; 100], &[9]);
    assert_eq!(
        refused(&nonsense),
        Reason::ThresholdUnmet,
        "refused for its signatures, not for what it says"
    );
    assert_eq!(refused(&forged(Manifest::PAYLOAD_TYPE, &[0xff; 100], &[4])), Reason::Malformed);
}

#[test]
fn a_swapped_payload() {
    let (five, six) = (sealed(&manifest(5), &[4]), sealed(&manifest(6), &[4]));
    let other: envelope::Sealed = serde_json::from_str(&six).unwrap();
    let swapped = changed(&five, |sealed| sealed.payload = other.payload);
    assert_eq!(refused(&swapped), Reason::ThresholdUnmet);
}

#[test]
fn byte_exact_persistence() {
    // The payload is what was signed, not what today's types would write.
    let text = format!(" {} ", serde_json::to_string_pretty(&manifest(5)).unwrap());
    let envelope = forged(Manifest::PAYLOAD_TYPE, text.as_bytes(), &[4]);
    let opened = open_manifest(&root(), &envelope).unwrap();
    assert_eq!(opened.payload_sha256, Sha256Hex::of(text.as_bytes()));
    let added = key(5).add_signature(&envelope).unwrap();
    assert_eq!(open_manifest(&root(), &added).unwrap(), opened, "nor does a second signature change a byte");
}

#[test]
fn what_nobody_would_take_is_not_signed() {
    let error = key(4).sign(&Manifest { seq: 0, ..manifest(5) }).unwrap_err();
    assert_eq!(error.to_string(), "seq must be at least 1");
    let notes = "é".repeat(NOTES_BYTES_MAX / 2 + 1);
    assert!(key(4).sign(&Manifest { notes, ..manifest(5) }).is_err());
    assert!(key(4).add_signature("{}").is_err());
    let question = key(6).sign(&receipt()).unwrap();
    assert!(key(4).add_signature(&question).is_err(), "what answers a question has one signature");
}
