//! What was signed and hashed yesterday has to open and hash today: devices and bundles of evidence keep it for years.
use super::*;
use crate::{
    command::{
        ApprovalNote, ChainEvent, CommandResult, KeyGrant, OnOffline, Order, Payload, Refusal, Request,
        ResultStatus, Shell,
    },
    id::{BusinessId, CommandId, CommandRequestId, UserId},
};
use serde_json::{Value, json};
use std::{fs, path::Path};
use uuid::Uuid;

fn request() -> Request {
    Request {
        request_id: CommandRequestId(Uuid::from_u128(1)),
        business_id: BusinessId(Uuid::from_u128(2)),
        payload: Payload::RunScript {
            shell: Shell::Bash,
            script: "echo \"ä\"\n".to_owned(),
            script_sha256: sha256("echo \"ä\"\n".as_bytes()),
            parameters: vec!["a b".to_owned(), String::new()],
            script_version_id: None,
        },
        targets_count: 2,
        targets_sha256: targets_sha256(&[
            DeviceId(Uuid::from_u128(4)),
            DeviceId(Uuid::from_u128(3)),
            DeviceId(Uuid::from_u128(4)),
        ]),
        timeout_seconds: 60,
        deliver_by: at(3_600),
        on_offline: OnOffline::Skip,
        reason: Some("Because “so”".to_owned()),
        requested_by: UserId(Uuid::from_u128(5)),
    }
}

fn order() -> Order {
    let request = request();
    let request_sha256 = request_sha256(&request);
    Order {
        command_id: CommandId(Uuid::from_u128(6)),
        device_id: DeviceId(Uuid::from_u128(3)),
        request,
        approvals: vec![ApprovalNote {
            user_id: UserId(Uuid::from_u128(7)),
            user_name: "Olga".to_owned(),
            approved_at: at(5),
            request_sha256: request_sha256.clone(),
            signature: None,
        }],
        request_sha256,
        issued_at: at(10),
        expires_at: at(90),
        approvals_needed: 1,
        break_glass: None,
    }
}

fn result() -> CommandResult {
    CommandResult {
        command_id: CommandId(Uuid::from_u128(6)),
        order_sha256: "cd".repeat(32),
        status: ResultStatus::Refused,
        refusal: Some(Refusal::LockedLocal),
        detail: "the device is locked".to_owned(),
        exit_code: None,
        output: String::new(),
        output_bytes: 0,
        started_at: None,
        ended_at: at(11),
    }
}

fn entry() -> ChainEntry {
    let mut entry = ChainEntry {
        seq: 1,
        at: at(12),
        event: ChainEvent::Refused,
        command_id: Some(CommandId(Uuid::from_u128(6))),
        subject_sha256: result_sha256(&result()),
        note: "locked_local".to_owned(),
        previous: chain_start(),
        hash: String::new(),
    };
    entry.hash = chain_hash(&entry);
    entry
}

/// The vector of this name; with `REEVE_GOLDEN=write` a new one is made where there is none.
fn vector(name: &str, made: &Value) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/seal/golden").join(format!("{name}.json"));
    if !file.exists() && std::env::var("REEVE_GOLDEN").as_deref() == Ok("write") {
        fs::write(&file, format!("{made:#}\n")).unwrap();
    }
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

fn keys() -> (SealKey, SealKey) {
    (SealKey::from_seed(&[1; 32]), SealKey::from_seed(&[2; 32]))
}

#[test]
fn what_was_sealed_before_opens_and_is_sealed_the_same() {
    let (root, key) = keys();
    let made = key.seal(Purpose::Order, &order(), vec![grant(&root, &key)]).unwrap();
    let kept = vector("order", &json!(made));
    assert_eq!(json!(made), kept, "an order is signed letter for letter as it was");
    let kept: Envelope = serde_json::from_value(kept).unwrap();
    let (opened, bytes) = open::<Order>(&root.public(), Purpose::Order, &kept, at(20)).unwrap();
    assert_eq!(opened, order());
    assert!(is_what_was_approved(&opened) && opened.has_its_approvals());
    assert_eq!(bytes, serde_json::to_vec(&order()).unwrap());
}

#[test]
fn every_digest_is_what_it_was() {
    let made = json!({
        "request": request(),
        "request_sha256": request_sha256(&request()),
        "targets_sha256": request().targets_sha256,
        "result": result(),
        "result_sha256": result_sha256(&result()),
        "entry": entry(),
        "chain_hash": chain_hash(&entry()),
        "root_keyid": keys().0.keyid(),
    });
    let kept = vector("digests", &made);
    assert_eq!(made, kept);
    let request: Request = serde_json::from_value(kept["request"].clone()).unwrap();
    assert_eq!(request_sha256(&request), kept["request_sha256"]);
}

#[test]
fn no_byte_of_an_envelope_can_be_another() {
    let (root, key) = keys();
    let good = key.seal(Purpose::Order, &order(), vec![grant(&root, &key)]).unwrap();
    let text = serde_json::to_vec(&good).unwrap();
    let mut bytes = text.clone();
    for place in 0..text.len() {
        for bit in [1, 0x20] {
            bytes[place] = text[place] ^ bit;
            let read = serde_json::from_slice::<Envelope>(&bytes).ok();
            let opened = read.map(|read| open::<Order>(&root.public(), Purpose::Order, &read, at(20)));
            assert!(!matches!(opened, Some(Ok(_))), "byte {place}");
        }
        bytes[place] = text[place];
    }
}

/// Every leaf, changed one at a time.
fn changed(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                let mut all = Vec::new();
                changed(inner, &mut all);
                for inner in all {
                    let mut map = map.clone();
                    map.insert(name.clone(), inner);
                    found.push(Value::Object(map));
                }
            }
        }
        Value::Array(list) => {
            found.push(json!([]));
            for (index, inner) in list.iter().enumerate() {
                let mut all = Vec::new();
                changed(inner, &mut all);
                for inner in all {
                    let mut list = list.clone();
                    list[index] = inner;
                    found.push(Value::Array(list));
                }
            }
        }
        Value::Number(number) => found.push(json!(number.as_u64().unwrap_or_default() + 1)),
        Value::Bool(is) => found.push(json!(!is)),
        Value::Null => found.push(json!("x")),
        Value::String(text) => {
            found.push(json!(match (text.parse::<DateTime<Utc>>(), text.parse::<Uuid>()) {
                (Ok(time), _) => json!(time + TimeDelta::seconds(1)),
                (_, Ok(id)) => json!(Uuid::from_u128(id.as_u128() + 1)),
                _ if text == "skip" => json!("queue"),
                _ if text == "bash" => json!("sh"),
                _ if text == "refused" => json!("done"),
                _ => json!(format!("{text}x")),
            }));
        }
    }
}

#[test]
fn no_field_of_what_was_signed_or_hashed_can_be_another() {
    let (root, key) = keys();
    let good = key.seal(Purpose::Order, &order(), vec![grant(&root, &key)]).unwrap();
    let mut orders = Vec::new();
    changed(&json!(order()), &mut orders);
    assert!(orders.len() > 25, "{}", orders.len());
    for other in orders {
        // The signature of the good one under other words.
        let envelope = Envelope { payload: BASE64_STANDARD.encode(other.to_string()), ..good.clone() };
        assert_eq!(
            open::<Order>(&root.public(), Purpose::Order, &envelope, at(20)).unwrap_err(),
            Unsealed::Untrusted,
            "{other}"
        );
    }
    let mut requests = Vec::new();
    changed(&json!(request()), &mut requests);
    for other in requests.into_iter().filter_map(|other| serde_json::from_value::<Request>(other).ok()) {
        assert_ne!(request_sha256(&other), request_sha256(&request()), "{other:?}");
    }
    let mut entries = Vec::new();
    changed(&json!(ChainEntry { hash: String::new(), ..entry() }), &mut entries);
    let mut read = 0;
    for other in entries.into_iter().filter_map(|other| serde_json::from_value::<ChainEntry>(other).ok()) {
        read += 1;
        // The hash itself is not hashed.
        assert!(chain_hash(&other) != entry().hash || !other.hash.is_empty(), "{other:?}");
    }
    assert!(read >= 7, "{read}");
}

#[test]
fn a_grant_cannot_be_stretched() {
    let (root, key) = keys();
    let good = key.seal(Purpose::Order, &order(), vec![grant(&root, &key)]).unwrap();
    let word: KeyGrant = serde_json::from_slice(&payload(&good.grants[0]).unwrap()).unwrap();
    let mut words = Vec::new();
    changed(&json!(word), &mut words);
    for other in words {
        let mut stretched = good.clone();
        stretched.grants[0].payload = BASE64_STANDARD.encode(other.to_string());
        let opened = open::<Order>(&root.public(), Purpose::Order, &stretched, at(20));
        assert_eq!(opened.unwrap_err(), Unsealed::Untrusted, "{other}");
    }
    // What a command key signs is no grant, and what the root signs of an order is none of its business.
    let own = key.seal(Purpose::KeyGrant, &word, Vec::new()).unwrap();
    let by_itself = key.seal(Purpose::Order, &order(), vec![own]).unwrap();
    assert!(open::<Order>(&root.public(), Purpose::Order, &by_itself, at(20)).is_err());
    let by_root = root.seal(Purpose::Order, &order(), vec![grant(&root, &key)]).unwrap();
    assert!(open::<Order>(&root.public(), Purpose::Order, &by_root, at(20)).is_err());
}
