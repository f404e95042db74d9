//! Every way in which an order can be less than it should be, and what the agent says to it.

use super::*;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use entity::{
    command::{ApprovalNote, BreakGlass, KeyGrant, OnOffline, Request, Shell},
    id::{CommandRequestId, UserId},
    seal::SealKey,
};
use uuid::Uuid;

const DEVICE: DeviceId = DeviceId(Uuid::from_u128(0xd1));
const NEIGHBOUR: DeviceId = DeviceId(Uuid::from_u128(0xd2));
const BUSINESS: BusinessId = BusinessId(Uuid::from_u128(0xb1));
const ASKS: UserId = UserId(Uuid::from_u128(1));
const APPROVES: UserId = UserId(Uuid::from_u128(2));

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn root() -> SealKey {
    SealKey::from_seed(&[1; 32])
}

fn key() -> SealKey {
    SealKey::from_seed(&[2; 32])
}

fn grant(root: &SealKey, key: &SealKey) -> Envelope {
    let grant = KeyGrant {
        keyid: key.keyid().to_owned(),
        public_key: BASE64_STANDARD.encode(key.public()),
        not_before: at(-1_000_000),
        not_after: at(1_000_000),
    };
    root.seal(Purpose::KeyGrant, &grant, Vec::new()).unwrap()
}

fn seal(order: &Order) -> Envelope {
    key().seal(Purpose::Order, order, vec![grant(&root(), &key())]).unwrap()
}

fn note(user_id: UserId, request: &Request) -> ApprovalNote {
    ApprovalNote {
        user_id,
        user_name: "Somebody".to_owned(),
        approved_at: at(-10),
        request_sha256: seal::request_sha256(request),
        signature: None,
    }
}

fn order(payload: Payload) -> Order {
    let request = Request {
        request_id: CommandRequestId(Uuid::from_u128(0xe1)),
        business_id: BUSINESS,
        payload,
        targets_count: 1,
        targets_sha256: seal::targets_sha256(&[DEVICE]),
        timeout_seconds: 60,
        deliver_by: at(3_600),
        on_offline: OnOffline::Queue,
        reason: None,
        requested_by: ASKS,
    };
    Order {
        command_id: CommandId(Uuid::from_u128(0xc1)),
        device_id: DEVICE,
        request_sha256: seal::request_sha256(&request),
        approvals: vec![note(APPROVES, &request)],
        approvals_needed: 1,
        request,
        issued_at: at(-5),
        expires_at: at(3_595),
        break_glass: None,
    }
}

fn nginx() -> Payload {
    Payload::RestartService { service_name: "nginx".to_owned() }
}

fn script() -> Payload {
    let script = "echo hello".to_owned();
    Payload::RunScript {
        shell: Shell::Sh,
        script_sha256: seal::sha256(script.as_bytes()),
        script,
        parameters: Vec::new(),
        script_version_id: None,
    }
}

fn open_lock(_: StrongKind, _: &str) -> Decision {
    Decision::Open
}

fn situation<'a>() -> Situation<'a> {
    Situation {
        root: Some(root().public()),
        device_id: DEVICE,
        is_stopped: &|_| false,
        mode: Mode::Normal,
        lock: &open_lock,
        can: &|_| true,
        now: at(0),
    }
}

fn word(envelope: &Envelope, situation: &Situation<'_>) -> &'static str {
    judge(envelope, situation).map_or_else(|refused| refused.refusal.word(), |_| "may")
}

/// Changes the order as its maker could have made it: what was approved stays in step.
fn made_with(change: impl FnOnce(&mut Order)) -> Envelope {
    let mut order = order(nginx());
    change(&mut order);
    order.request_sha256 = seal::request_sha256(&order.request);
    let digest = order.request_sha256.clone();
    for approval in &mut order.approvals {
        approval.request_sha256.clone_from(&digest);
    }
    seal(&order)
}

/// Changes it and signs it anew, and nothing else.
fn changed(change: impl FnOnce(&mut Order)) -> Envelope {
    let mut order = order(nginx());
    change(&mut order);
    seal(&order)
}

#[test]
fn what_is_as_it_should_be_may() {
    for payload in [
        nginx(),
        script(),
        Payload::CollectInventory {},
        Payload::Reboot { delay_seconds: 0 },
        Payload::StopProcess { process_name: "x".to_owned() },
    ] {
        let genuine = judge(&seal(&order(payload.clone())), &situation()).unwrap();
        assert_eq!(genuine.order.request.payload, payload);
        assert_eq!(genuine.order_sha256.len(), 64);
    }
    let safe = Order { approvals: Vec::new(), approvals_needed: 0, ..order(Payload::CollectInventory {}) };
    assert_eq!(word(&seal(&safe), &situation()), "may", "what needs nobody needs nobody");
    let many = made_with(|order| {
        order.request.targets_count = 2;
        order.request.targets_sha256 = seal::targets_sha256(&[DEVICE, NEIGHBOUR]);
    });
    assert_eq!(word(&many, &situation()), "may");
}

#[test]
fn every_change_to_an_envelope_is_found() {
    let other_text = |text: &str| BASE64_STANDARD.encode(text);
    let good = seal(&order(nginx()));
    let stranger = SealKey::from_seed(&[9; 32]);
    let plain = serde_json::to_string(&order(nginx())).unwrap();
    for (envelope, expected, why) in [
        (
            Envelope { payload: other_text(&plain.replace("nginx", "mysql")), ..good.clone() },
            "bad_signature",
            "altered",
        ),
        (
            Envelope { payload: other_text(&(plain + " ")), ..good.clone() },
            "bad_signature",
            "the same, written otherwise",
        ),
        (Envelope { payload: "%".to_owned(), ..good.clone() }, "malformed", "no base64"),
        (
            Envelope { payload_type: Purpose::Stop.payload_type().to_owned(), ..good.clone() },
            "malformed",
            "another type",
        ),
        (Envelope { signatures: Vec::new(), ..good.clone() }, "bad_signature", "unsigned"),
        (Envelope { grants: Vec::new(), ..good.clone() }, "bad_signature", "no grant"),
        (
            Envelope { grants: vec![grant(&stranger, &key())], ..good.clone() },
            "bad_signature",
            "another root's grant",
        ),
        (
            stranger.seal(Purpose::Order, &order(nginx()), vec![grant(&root(), &key())]).unwrap(),
            "bad_signature",
            "another key",
        ),
        (
            key().seal(Purpose::Stop, &order(nginx()), vec![grant(&root(), &key())]).unwrap(),
            "malformed",
            "signed as something else",
        ),
        (
            key().seal(Purpose::Order, &serde_json::json!({"x": 1}), vec![grant(&root(), &key())]).unwrap(),
            "malformed",
            "signed, but no order",
        ),
    ] {
        assert_eq!(word(&envelope, &situation()), expected, "{why}");
    }
}

#[test]
fn every_change_to_an_order_is_found() {
    for (envelope, expected, why) in [
        (changed(|order| order.device_id = NEIGHBOUR), "wrong_device", "the neighbour's"),
        (
            made_with(|order| order.request.targets_sha256 = seal::targets_sha256(&[NEIGHBOUR])),
            "wrong_device",
            "approved for the neighbour",
        ),
        (made_with(|order| order.expires_at = at(0)), "expired", "over"),
        (made_with(|order| order.request.deliver_by = at(0)), "expired", "what was approved is over"),
        (made_with(|order| order.expires_at = at(86_396)), "malformed", "for longer than a day"),
        (made_with(|order| order.request.timeout_seconds = 0), "malformed", "no time"),
        (made_with(|order| order.request.timeout_seconds = 86_401), "malformed", "too much time"),
        (
            made_with(|order| {
                order.request.payload = Payload::RestartService { service_name: " ".to_owned() }
            }),
            "malformed",
            "no name",
        ),
        (
            made_with(|order| {
                let Payload::RunScript { shell, script, parameters, script_version_id, .. } = script() else {
                    return;
                };
                let script_sha256 = seal::sha256(b"another");
                order.request.payload =
                    Payload::RunScript { shell, script, script_sha256, parameters, script_version_id };
            }),
            "malformed",
            "another script's digest",
        ),
        (
            changed(|order| {
                order.request.payload = Payload::RestartService { service_name: "mysql".to_owned() }
            }),
            "not_approved",
            "another service than was approved",
        ),
        (changed(|order| order.request.timeout_seconds = 61), "not_approved", "more time than was approved"),
        (changed(|order| order.request.deliver_by = at(3_601)), "not_approved", "later than was approved"),
        (changed(|order| order.request.targets_count = 2), "not_approved", "more devices than were approved"),
        (changed(|order| order.request.reason = Some("x".to_owned())), "not_approved", "another reason"),
        (changed(|order| order.request_sha256 = "00".repeat(32)), "not_approved", "another digest"),
        (made_with(|order| order.approvals.clear()), "not_approved", "nobody said yes"),
        (made_with(|order| order.approvals[0].user_id = ASKS), "not_approved", "who asks said yes"),
        (
            made_with(|order| {
                order.approvals.clear();
                order.approvals_needed = 0;
            }),
            "not_approved",
            "strong, and by its own words needs nobody",
        ),
        (
            made_with(|order| {
                order.approvals.push(order.approvals[0].clone());
                order.approvals_needed = 2;
            }),
            "not_approved",
            "one person twice",
        ),
        (
            changed(|order| order.approvals[0].request_sha256 = "00".repeat(32)),
            "not_approved",
            "a yes to something else",
        ),
        (
            made_with(|order| {
                order.approvals.clear();
                order.break_glass = Some(BreakGlass { reason: "fire".to_owned() });
            }),
            "not_approved",
            "an emergency takes one person",
        ),
    ] {
        assert_eq!(word(&envelope, &situation()), expected, "{why}");
    }
}

#[test]
fn every_bit_of_what_is_signed_counts() {
    let good = seal(&order(nginx()));
    let bytes = seal::payload(&good).unwrap();
    for at in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        let envelope = Envelope { payload: BASE64_STANDARD.encode(bytes), ..good.clone() };
        assert_eq!(word(&envelope, &situation()), "bad_signature", "byte {at}");
    }
}

#[test]
fn the_situation_decides_over_what_is_genuine() {
    let restart = seal(&order(nginx()));
    let inventory = seal(&order(Payload::CollectInventory {}));
    let locked = |_: StrongKind, _: &str| Decision::Refused(RefusalCode::LockedLocal);
    let for_mysql = |_: StrongKind, argument: &str| {
        if argument == "mysql" { Decision::Open } else { Decision::Refused(RefusalCode::NotAllowed) }
    };
    let usual = situation;
    for (situation, strong, safe, why) in [
        (
            Situation { root: None, ..usual() },
            "bad_signature",
            "bad_signature",
            "registered before there were keys",
        ),
        (
            Situation { root: Some(key().public()), ..usual() },
            "bad_signature",
            "bad_signature",
            "another root",
        ),
        (
            Situation { device_id: NEIGHBOUR, ..usual() },
            "wrong_device",
            "wrong_device",
            "replayed to the neighbour",
        ),
        (Situation { now: at(3_595), ..usual() }, "expired", "expired", "too late"),
        (
            Situation { now: at(157_680_000), ..usual() },
            "bad_signature",
            "bad_signature",
            "five years later the key is over",
        ),
        (Situation { can: &|_| false, ..usual() }, "unsupported", "unsupported", "cannot"),
        (Situation { is_stopped: &|id| id == BUSINESS, ..usual() }, "stopped", "may", "stopped"),
        (
            Situation { is_stopped: &|id| id != BUSINESS, ..usual() },
            "may",
            "may",
            "another business is stopped",
        ),
        (Situation { mode: Mode::Safe, ..usual() }, "safe_mode", "may", "safe mode"),
        (Situation { lock: &locked, ..usual() }, "locked_local", "may", "a closed lock"),
        (Situation { lock: &for_mysql, ..usual() }, "not_allowed", "may", "armed for something else"),
    ] {
        assert_eq!(word(&restart, &situation), strong, "{why}");
        assert_eq!(word(&inventory, &situation), safe, "{why}");
    }
}

#[test]
fn all_of_what_is_asked_for_has_to_be_allowed() {
    let patches = ["apt:a", "apt:b"].map(str::to_owned).to_vec();
    let both = seal(&order(Payload::InstallPatches { patches }));
    let one = |_: StrongKind, patch: &str| {
        if patch == "apt:a" { Decision::Open } else { Decision::Refused(RefusalCode::NotAllowed) }
    };
    assert_eq!(word(&both, &Situation { lock: &one, ..situation() }), "not_allowed");
    assert_eq!(word(&both, &situation()), "may");
}

#[test]
fn a_refusal_says_which_command_it_is_about_and_whether_that_is_proven() {
    let genuine = judge(&changed(|order| order.expires_at = at(-1)), &situation()).unwrap_err();
    assert!(genuine.order.is_some());
    let foreign = judge(&changed(|order| order.device_id = NEIGHBOUR), &situation()).unwrap_err();
    assert_eq!((foreign.order, foreign.claimed), (None, Some(CommandId(Uuid::from_u128(0xc1)))));
}
