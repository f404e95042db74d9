//! Evidence is good as it was made. No byte of it can be another, and what an evil server could claim all the same, with
//! its own keys, is listed.

use super::*;
use crate::{
    clock::ManualClock,
    command::signer::{Signer, SignerPlace},
};
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ed25519_dalek::{Signer as _, SigningKey};
use entity::{
    audit::ActorKind,
    command::{
        ApprovalNote, Approver, ChainEntry, ChainHead, CommandReceipt, CommandResult, Door, OnOffline,
        Payload, Priority, Request, chain_head_message,
    },
    evidence::{
        EvidenceApproval, EvidenceAudit, EvidenceChain, EvidenceCommand, EvidenceDecision, EvidenceDevice,
    },
    id::{ApprovalId, AuditEntryId, BusinessId, CommandId, CommandRequestId, DeviceId, UserId},
};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_700_000_000 + seconds)
}

/// A server with keys, and a device with a key.
struct World {
    signer: Signer,
    device: SigningKey,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = SignerPlace::new(folder.path(), None);
        let signer = Signer::load_or_create(place, Arc::new(ManualClock::new(at(0)))).expect("keys");
        Self { signer, device: SigningKey::from_bytes(&[9; 32]), _folder: folder }
    }

    fn file(&self, bundle: &EvidenceBundle) -> Vec<u8> {
        evidence_file::write(bundle, &self.signer).expect("sealed").into_bytes()
    }

    fn request(&self) -> Request {
        Request {
            request_id: CommandRequestId(Uuid::from_u128(1)),
            business_id: BusinessId(Uuid::from_u128(2)),
            payload: Payload::RestartService { service_name: "nginx".to_owned() },
            targets_count: 1,
            targets_sha256: seal::targets_sha256(&[DeviceId(Uuid::from_u128(3))]),
            timeout_seconds: 60,
            deliver_by: at(3_600),
            on_offline: OnOffline::Queue,
            reason: Some("It hangs".to_owned()),
            requested_by: UserId(Uuid::from_u128(4)),
        }
    }

    fn order(&self) -> Order {
        let request = self.request();
        let request_sha256 = seal::request_sha256(&request);
        Order {
            command_id: CommandId(Uuid::from_u128(5)),
            device_id: DeviceId(Uuid::from_u128(3)),
            request,
            approvals: vec![ApprovalNote {
                user_id: UserId(Uuid::from_u128(6)),
                user_name: "Olga Owner".to_owned(),
                approved_at: at(-20),
                request_sha256: request_sha256.clone(),
                signature: None,
            }],
            request_sha256,
            issued_at: at(-10),
            expires_at: at(3_600),
            approvals_needed: 1,
            break_glass: None,
        }
    }

    fn head(&self, entry: &ChainEntry) -> ChainHead {
        let message = chain_head_message(DeviceId(Uuid::from_u128(3)), entry.seq, &entry.hash);
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.device.sign(&message).to_bytes());
        ChainHead { seq: entry.seq, hash: entry.hash.clone(), signature: Some(signature) }
    }

    /// The evidence of a service that was restarted after one person had said yes.
    fn bundle(&self) -> EvidenceBundle {
        let order = self.order();
        let envelope = self.signer.seal_order(&order).expect("signed");
        let order_sha256 = seal::sha256(&seal::payload(&envelope).expect("bytes"));
        let result = CommandResult {
            command_id: order.command_id,
            order_sha256: order_sha256.clone(),
            status: ResultStatus::Completed,
            refusal: None,
            detail: "the service runs".to_owned(),
            exit_code: Some(0),
            output: "restarted\n".to_owned(),
            output_bytes: 10,
            started_at: Some(at(-8)),
            ended_at: at(-5),
        };
        let mut entries: Vec<ChainEntry> = Vec::new();
        let result_sha256 = seal::result_sha256(&result);
        for (event, subject, note) in [
            (ChainEvent::Received, &order_sha256, "restart_service"),
            (ChainEvent::Started, &order_sha256, ""),
            (ChainEvent::Done, &result_sha256, "completed"),
        ] {
            let last = entries.last();
            let mut entry = ChainEntry {
                seq: last.map_or(1, |last| last.seq + 1),
                at: at(-8),
                event,
                command_id: Some(order.command_id),
                subject_sha256: subject.clone(),
                note: note.to_owned(),
                previous: last.map_or_else(seal::chain_start, |last| last.hash.clone()),
                hash: String::new(),
            };
            entry.hash = seal::chain_hash(&entry);
            entries.push(entry);
        }
        let to = self.head(&entries[2]);
        let approval = &order.approvals[0];
        EvidenceBundle {
            format: EVIDENCE_FORMAT.to_owned(),
            made_at: at(0),
            server: "https://reeve.example".to_owned(),
            command_root: self.signer.root_public_text(),
            request_sha256: order.request_sha256.clone(),
            door: Door::Portal,
            priority: Priority::Normal,
            created_at: at(-30),
            targets: vec![order.device_id],
            decision: EvidenceDecision {
                policy: None,
                policy_revision: None,
                approvals_needed: 1,
                approver: Approver::Anyone,
                approvals: vec![EvidenceApproval {
                    id: ApprovalId(Uuid::from_u128(7)),
                    user_id: approval.user_id,
                    user_name: approval.user_name.clone(),
                    decision: ApprovalDecision::Approve,
                    request_sha256: approval.request_sha256.clone(),
                    note: None,
                    decided_at: approval.approved_at,
                    revoked_at: None,
                }],
                break_glass_reason: None,
                break_glass_at: None,
            },
            device: EvidenceDevice {
                id: order.device_id,
                device_name: "web-01".to_owned(),
                business_id: order.request.business_id,
                business_name: "Acme".to_owned(),
                public_key: BASE64_URL_SAFE_NO_PAD.encode(self.device.verifying_key().as_bytes()),
            },
            command: EvidenceCommand {
                id: order.command_id,
                state: CommandState::Completed,
                sent_at: Some(at(-10)),
                is_late: false,
                locks: None,
                order: Some(envelope),
                order_sha256: Some(order_sha256.clone()),
                receipt: Some(CommandReceipt {
                    command_id: order.command_id,
                    order_sha256,
                    at: at(-9),
                    is_started: false,
                }),
                result: Some(result),
            },
            audit: self.audit(&order.request, &to),
            chain: EvidenceChain {
                fork: 0,
                from: ChainHead { seq: 0, hash: seal::chain_start(), signature: None },
                entries,
                to: Some(to),
                fault: None,
            },
            request: order.request,
        }
    }

    fn audit(&self, request: &Request, to: &ChainHead) -> EvidenceAudit {
        let mut entries: Vec<EvidenceAuditEntry> = Vec::new();
        let anchor = json!(Anchor { fork: 0, head: to.clone() });
        let asked = json!({"request_id": request.request_id});
        for (action, after) in [("command.request", asked), (ANCHOR, anchor)] {
            let last = entries.last();
            let mut entry = EvidenceAuditEntry {
                seq: last.map_or(41, |last| last.seq + 1),
                id: AuditEntryId(Uuid::from_u128(8)),
                at: at(-4),
                actor_kind: ActorKind::System,
                actor_id: None,
                actor_name: "test".to_owned(),
                source_ip: "local".to_owned(),
                request_id: None,
                business_id: Some(request.business_id),
                device_id: Some(DeviceId(Uuid::from_u128(3))),
                action: action.to_owned(),
                summary: "It was so".to_owned(),
                before_json: None,
                after_json: Some(after.to_string()),
                previous_hash: last.map_or_else(|| "ab".repeat(32), |last| last.hash.clone()),
                hash: String::new(),
            };
            entry.hash = audit::chain::digest(&row(&entry)).expect("a hash");
            entries.push(entry);
        }
        let head_hash = entries[1].hash.clone();
        EvidenceAudit { head_seq: 42, head_hash, entries }
    }
}

fn said(checks: &Checks) -> String {
    checks.list.iter().map(|check| format!("{:?}: {}\n", check.found, check.what)).collect()
}

#[test]
fn evidence_is_good_as_it_was_made_and_each_check_is_said() {
    let world = World::new();
    let file = world.file(&world.bundle());
    let root = world.signer.root_public();
    assert!(check(&file, None).is_good());
    let checks = check(&file, Some(root));
    assert!(checks.is_good(), "{}", said(&checks));
    let text = said(&checks);
    let head = world.bundle().audit.head_hash;
    insta::assert_snapshot!(text.replace(&head, "HEAD"));
    let stranger = check(&file, Some([3; 32]));
    assert!(!stranger.is_good(), "of another root");
    let forged = World::new();
    assert!(!check(&forged.file(&forged.bundle()), Some(root)).is_good(), "with keys of one's own");
}

#[test]
fn no_byte_can_be_another() {
    let world = World::new();
    let good = world.file(&world.bundle());
    let root = world.signer.root_public();
    let mut file = good.clone();
    for place in 0..good.len() {
        for bit in [1, 0x20] {
            file[place] = good[place] ^ bit;
            assert!(!check(&file, Some(root)).is_good(), "byte {place} of {}", good.len());
            // Whoever knows no root is not fooled either.
            assert!(!check(&file, None).is_good(), "byte {place} of {}", good.len());
        }
        file[place] = good[place];
    }
    for end in [0, 1, good.len() / 2, good.len() - 1] {
        assert!(!check(&good[..end], Some(root)).is_good());
    }
    assert!(!check(&[good.as_slice(), b"\n"].concat(), Some(root)).is_good());
}

/// Every field, changed one at a time.
fn changed(value: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                let mut all = Vec::new();
                changed(inner, &format!("{path}.{name}"), &mut all);
                found.extend(all.into_iter().map(|(at, inner)| {
                    let mut map = map.clone();
                    map.insert(name.clone(), inner);
                    (at, Value::Object(map))
                }));
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                let mut all = Vec::new();
                changed(inner, &format!("{path}[{index}]"), &mut all);
                found.extend(all.into_iter().map(|(at, inner)| {
                    let mut list = list.clone();
                    list[index] = inner;
                    (at, Value::Array(list))
                }));
            }
            if let Some((_, rest)) = list.split_last() {
                found.push((format!("{path}[without the last]"), json!(rest)));
            }
        }
        Value::Number(number) => {
            found.push((path.to_owned(), json!(number.as_i64().unwrap_or_default() + 1)));
        }
        Value::Bool(is) => found.push((path.to_owned(), json!(!is))),
        Value::String(text) => {
            let other = match (text.parse::<DateTime<Utc>>(), text.parse::<Uuid>()) {
                (Ok(time), _) => json!(time + TimeDelta::seconds(1)),
                (_, Ok(id)) => json!(Uuid::from_u128(id.as_u128() ^ (1 << 90))),
                _ => word_instead_of(text),
            };
            found.push((path.to_owned(), other));
        }
        Value::Null => found.push((path.to_owned(), json!("something"))),
    }
}

/// Another word of the same kind where there is one.
fn word_instead_of(text: &str) -> Value {
    json!(match text {
        "portal" => "api",
        "normal" => "high",
        "anyone" => "business",
        "completed" => "failed",
        "approve" => "reject",
        "queue" => "skip",
        "system" => "person",
        "received" | "started" | "done" => "stop",
        "restart_service" => "stop_process",
        other => return json!(format!("{other}x")),
    })
}

/// An evil server that has its command key can seal what it likes. What it cannot make fit is found out; what only its own
/// word stands for is listed here.
#[test]
fn what_only_the_servers_word_stands_for_is_known() {
    let world = World::new();
    let good = serde_json::to_value(world.bundle()).expect("JSON");
    let mut all = Vec::new();
    changed(&good, "", &mut all);
    assert!(all.len() > 120, "{}", all.len());
    let mut unseen = String::new();
    for (path, value) in all {
        let Ok(bundle) = serde_json::from_value::<EvidenceBundle>(value) else { continue };
        if check(&world.file(&bundle), Some(world.signer.root_public())).is_good() {
            unseen.push_str(&format!("{path}\n"));
        }
    }
    insta::assert_snapshot!(unseen);
}

#[test]
fn what_was_handed_to_nobody_claims_nothing_more() {
    let world = World::new();
    let mut bundle = world.bundle();
    bundle.command = EvidenceCommand {
        state: CommandState::Rejected,
        sent_at: None,
        order: None,
        order_sha256: None,
        receipt: None,
        result: None,
        ..bundle.command
    };
    bundle.chain = EvidenceChain::default();
    let checks = check(&world.file(&bundle), None);
    assert!(checks.is_good(), "{}", said(&checks));
    bundle.command.state = CommandState::Completed;
    assert!(!check(&world.file(&bundle), None).is_good(), "done, and nobody has said so");
}
