//! The first root, by itself.

use super::*;

#[test]
fn basic_init() {
    let envelope = sealed(&root(), &[1, 2]);
    assert_eq!(open_root(&envelope), Ok(root()));
    assert_eq!(root_fingerprint(&envelope).unwrap(), Sha256Hex::of(&serde_json::to_vec(&root()).unwrap()));
}

#[test]
fn a_signer_makes_the_same_and_another_adds_to_it() {
    let one = key(1).sign(&root()).unwrap();
    assert_eq!(open_root(&one), Err(Reason::ThresholdUnmet));
    let two = key(3).add_signature(&one).unwrap();
    assert_eq!(open_root(&two), Ok(root()));
    assert_eq!(root_fingerprint(&one), root_fingerprint(&two), "signatures are no part of it");
    assert_eq!(key(3).add_signature(&two).unwrap(), two, "who signs twice is there once");
    let who: Vec<String> = signed_by(&root(), &two).unwrap().iter().map(|key| key.holder.clone()).collect();
    assert_eq!(who, ["Anna", "safe"]);
}

#[test]
fn unsigned_initial_root() {
    assert_eq!(open_root(&sealed(&root(), &[])), Err(Reason::ThresholdUnmet));
}

#[test]
fn invalid_initial_root() {
    for text in ["", "{}", "[]", "null", "\u{0}", "{\"payload\":\"\",\"payloadType\":\"\",\"signatures\":[]}"]
    {
        assert_eq!(open_root(text), Err(Reason::Malformed), "{text}");
    }
    let not_a_root = forged(Root::PAYLOAD_TYPE, b"{\"spec\":1,\"product\":\"reeve\"}", &[1, 2]);
    assert_eq!(open_root(&not_a_root), Err(Reason::Malformed));
}

#[test]
fn initial_root_signed_by_one_of_three() {
    assert_eq!(open_root(&sealed(&root(), &[2])), Err(Reason::ThresholdUnmet));
}

#[test]
fn initial_root_signed_by_strangers() {
    assert_eq!(open_root(&sealed(&root(), &[9, 10])), Err(Reason::ThresholdUnmet));
}

#[test]
fn initial_root_signed_by_keys_of_other_roles() {
    assert_eq!(open_root(&sealed(&root(), &[4, 5, 6])), Err(Reason::ThresholdUnmet));
    assert_eq!(open_root(&sealed(&root(), &[1, 4, 5, 6])), Err(Reason::ThresholdUnmet));
}

#[test]
fn incorrect_metadata_type() {
    let payload = serde_json::to_vec(&root()).unwrap();
    for other in [Manifest::PAYLOAD_TYPE, Timestamp::PAYLOAD_TYPE, "application/json", ""] {
        let envelope = forged(other, &payload, &[1, 2]);
        assert_eq!(open_root(&envelope), Err(Reason::Malformed), "signed as {other}");
        // And what was signed as one thing is not another because the envelope says so.
        let renamed = changed(&envelope, |sealed| sealed.payload_type = Root::PAYLOAD_TYPE.to_owned());
        assert_eq!(open_root(&renamed), Err(Reason::ThresholdUnmet), "signed as {other}");
    }
    let as_manifest = forged(Manifest::PAYLOAD_TYPE, &payload, &[4]);
    assert_eq!(open_manifest(&root(), &as_manifest).unwrap_err(), Reason::Malformed);
}

#[test]
fn unrecognized_fields() {
    let envelope = sealed_json(&root(), &[1, 2], |json| json["x"] = 1.into());
    assert_eq!(open_root(&envelope), Err(Reason::Malformed), "nothing that nobody reads");
    let envelope = sealed_json(&root(), &[1, 2], |json| json["keys"][0]["scheme"] = "ed25519".into());
    assert_eq!(open_root(&envelope), Err(Reason::Malformed));
    let envelope = sealed(&root(), &[1, 2]).replacen('{', "{\"grants\":[],", 1);
    assert_eq!(open_root(&envelope), Err(Reason::Malformed));
}

#[test]
fn custom_fields() {
    let made = Root { ext: BTreeMap::from([("later".to_owned(), serde_json::json!({"a": [1]}))]), ..root() };
    assert_eq!(open_root(&sealed(&made, &[1, 2])), Ok(made));
}

#[test]
fn a_field_or_role_that_comes_twice() {
    let text = serde_json::to_string(&root()).unwrap();
    let twice = text.replacen("\"version\":1", "\"version\":1,\"version\":1", 1);
    assert_ne!(text, twice);
    assert_eq!(open_root(&forged(Root::PAYLOAD_TYPE, twice.as_bytes(), &[1, 2])), Err(Reason::Malformed));
    let roles = "\"roles\":{\"freshness\":{\"keyids\":[],\"threshold\":1},";
    let twice = text.replacen("\"roles\":{", roles, 1);
    assert_ne!(text, twice);
    assert_eq!(open_root(&forged(Root::PAYLOAD_TYPE, twice.as_bytes(), &[1, 2])), Err(Reason::Malformed));
}

#[test]
fn another_product_or_format() {
    let other = Root { product: "other".to_owned(), ..root() };
    assert_eq!(open_root(&sealed(&other, &[1, 2])), Err(Reason::WrongProduct));
    // A later format may have other fields, and is still called by its name.
    let later = sealed_json(&root(), &[1, 2], |json| {
        json["spec"] = 2.into();
        json["new"] = true.into();
    });
    assert_eq!(open_root(&later), Err(Reason::WrongProduct));
}

#[test]
fn endless_root() {
    let envelope = sealed(&root(), &[1, 2]);
    let padded = format!("{envelope}{}", " ".repeat(ROOT_BYTES_MAX - envelope.len()));
    assert_eq!(open_root(&padded), Ok(root()), "as large as it may be");
    assert_eq!(open_root(&format!("{padded} ")), Err(Reason::TooLarge));
}

#[test]
fn more_signatures_than_anybody_needs() {
    let many = changed(&sealed(&root(), &[1, 2]), |sealed| {
        let first = sealed.signatures[0].clone();
        sealed.signatures.extend(std::iter::repeat_n(first, 63));
    });
    assert_eq!(open_root(&many), Err(Reason::Malformed));
}

#[test]
fn a_root_for_people_who_gather_signatures_is_read_without_them() {
    assert_eq!(read_unsigned_root(&sealed(&root(), &[])), Ok(root()));
    assert_eq!(read_unsigned_root(&sealed(&Root { version: 0, ..root() }, &[1, 2])), Err(Reason::Malformed));
}
