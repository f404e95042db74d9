//! Who signs orders in tests: a root, a key that it lets sign, and people who say yes.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    command::{
        ApprovalNote, Envelope, KeyGrant, OnOffline, Order, Payload, Request, Shell, StopOrder, Strength,
    },
    id::{BusinessId, CommandId, CommandRequestId, DeviceId, UserId},
    seal::{self, Purpose, SealKey},
};
use uuid::Uuid;

/// The business of all tests.
const BUSINESS: BusinessId = BusinessId(Uuid::from_u128(0xb1));

/// A root and the key that signs.
pub struct Signer {
    root: SealKey,
    key: SealKey,
    count: u128,
    /// How far its clock is ahead of this machine's.
    pub ahead: TimeDelta,
}

impl Signer {
    pub fn new() -> Self {
        Self {
            root: SealKey::from_seed(&[1; 32]),
            key: SealKey::from_seed(&[2; 32]),
            count: 0,
            ahead: TimeDelta::zero(),
        }
    }

    /// What a device is told at its registration.
    pub fn command_root(&self) -> String {
        BASE64_STANDARD.encode(self.root.public())
    }

    fn grants(&self) -> Vec<Envelope> {
        let grant = KeyGrant {
            keyid: self.key.keyid().to_owned(),
            public_key: BASE64_STANDARD.encode(self.key.public()),
            not_before: Utc::now() + self.ahead - TimeDelta::days(1),
            not_after: Utc::now() + self.ahead + TimeDelta::days(1),
        };
        vec![self.root.seal(Purpose::KeyGrant, &grant, Vec::new()).unwrap()]
    }

    /// An order as it should be.
    pub fn order(&mut self, device_id: DeviceId, payload: Payload) -> Order {
        self.count += 1;
        let now = Utc::now() + self.ahead;
        let strong = payload.kind().strength() == Strength::Strong;
        let request = Request {
            request_id: CommandRequestId(Uuid::from_u128(0xe000 + self.count)),
            business_id: BUSINESS,
            payload,
            targets_count: 1,
            targets_sha256: seal::targets_sha256(&[device_id]),
            timeout_seconds: 30,
            deliver_by: now + TimeDelta::hours(1),
            on_offline: OnOffline::Queue,
            reason: None,
            requested_by: UserId(Uuid::from_u128(1)),
        };
        let note = approval(&request, now);
        Order {
            command_id: CommandId(Uuid::from_u128(0xc000 + self.count)),
            device_id,
            request_sha256: seal::request_sha256(&request),
            approvals: if strong { vec![note] } else { Vec::new() },
            approvals_needed: u32::from(strong),
            request,
            issued_at: now,
            expires_at: now + TimeDelta::minutes(30),
            break_glass: None,
        }
    }

    /// The same, with another time to run; approved so.
    pub fn order_for(&mut self, device_id: DeviceId, payload: Payload, timeout_seconds: u32) -> Order {
        let mut order = self.order(device_id, payload);
        order.request.timeout_seconds = timeout_seconds;
        order.request_sha256 = seal::request_sha256(&order.request);
        order.approvals = vec![approval(&order.request, order.issued_at)];
        order
    }

    /// Has somebody approve what it asks for as it is now.
    pub fn approve(&self, order: &mut Order) {
        order.request_sha256 = seal::request_sha256(&order.request);
        if !order.approvals.is_empty() {
            order.approvals = vec![approval(&order.request, order.issued_at)];
        }
    }

    /// Signs anything for any purpose.
    pub fn seal(&self, purpose: Purpose, document: &impl serde::Serialize) -> Envelope {
        self.key.seal(purpose, document, self.grants()).unwrap()
    }

    pub fn sign(&self, order: &Order) -> Envelope {
        self.key.seal(Purpose::Order, order, self.grants()).unwrap()
    }

    /// Signs with a key that no root knows.
    pub fn forge(&self, order: &Order) -> Envelope {
        SealKey::from_seed(&[9; 32]).seal(Purpose::Order, order, self.grants()).unwrap()
    }

    pub fn stop(&self, seq: u64, is_stopped: bool) -> Envelope {
        let note = ApprovalNote {
            user_id: UserId(Uuid::from_u128(2)),
            user_name: "Somebody".to_owned(),
            approved_at: Utc::now(),
            request_sha256: String::new(),
            signature: None,
        };
        let approvals = if is_stopped { Vec::new() } else { vec![note] };
        let order =
            StopOrder { seq, business_id: Some(BUSINESS), is_stopped, decided_at: Utc::now(), approvals };
        self.key.seal(Purpose::Stop, &order, self.grants()).unwrap()
    }
}

fn approval(request: &Request, at: DateTime<Utc>) -> ApprovalNote {
    ApprovalNote {
        user_id: UserId(Uuid::from_u128(2)),
        user_name: "Somebody".to_owned(),
        approved_at: at,
        request_sha256: seal::request_sha256(request),
        signature: None,
    }
}

/// A script of the system's own shell.
pub fn script(text: &str) -> Payload {
    script_of(Shell::Sh, text, &[])
}

pub fn script_of(shell: Shell, text: &str, parameters: &[&str]) -> Payload {
    Payload::RunScript {
        shell,
        script: text.to_owned(),
        script_sha256: seal::sha256(text.as_bytes()),
        parameters: parameters.iter().map(|one| (*one).to_owned()).collect(),
        script_version_id: None,
    }
}
