//! Releases as a server has them: a root, signed documents, files, and how it answers about them.

use super::http;
use chrono::{TimeDelta, Utc};
use entity::{
    id::{DeviceId, RolloutId, UpdateId},
    problem::{Problem, ProblemCode},
    release::{
        Artifact, ArtifactKind, Channel, Manifest, PRODUCT, PublicKey, Receipt, Role, RoleKeys, Root, SPEC,
        Sha256Hex, Signer, Timestamp, stamp::Stamp,
    },
    update::{
        FreshnessQuestion, GoAnswer, ReceiptAnswer, ReceiptRequest, TrustAnswer, UpdateAnswer,
        UpdateQuestion, UpdateStatus, UpdateStatusAck,
    },
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// What a server has, knows and was told of releases.
#[derive(Default)]
pub struct Releases {
    /// What it tells those who register.
    pub root: Option<String>,
    /// The release that is due, for everybody who runs less.
    pub due: Option<Due>,
    /// Files by their digest.
    pub files: HashMap<String, Vec<u8>>,
    /// The next answer with a file ends after so many bytes.
    pub cut: Option<usize>,
    /// Where each request for a file began.
    pub fetched_from: Vec<usize>,
    /// What was asked, in order.
    pub questions: Vec<UpdateQuestion>,
    /// What it says when it is asked at the last moment.
    pub no_go: bool,
    /// How often it was asked that.
    pub gos: u32,
    /// What devices said of updates.
    pub statuses: Vec<UpdateStatus>,
    /// Statuses are stored, but not acknowledged.
    pub keep_status_acks: bool,
    /// Who asked for receipts.
    pub receipts: Vec<ReceiptRequest>,
    /// How many receipts a build still gets, where that is bounded.
    pub receipts_left: HashMap<String, u32>,
    /// Everything about releases is answered with 503, to come back after so many seconds.
    pub busy: Option<u32>,
    /// What it says to everybody who asks for a newer version, instead of the truth.
    pub lie: Option<Lie>,
    /// Files have no end.
    pub endless: Option<Endless>,
    /// What it signs itself is signed by keys that nobody has heard of.
    pub is_of_a_stranger: bool,
}

/// Any answer to a question.
pub type Lie = Box<dyn Fn(&UpdateQuestion) -> UpdateAnswer + Send>;

/// How a file without an end is announced.
#[derive(Clone, Copy)]
pub enum Endless {
    /// As one of this length.
    WithLength(usize),
    /// Not at all.
    WithoutLength,
}

/// A release that is due.
#[derive(Clone)]
pub struct Due {
    pub manifest: String,
    pub payload_sha256: Sha256Hex,
    pub version: String,
    pub seq: u64,
    pub sha256: Sha256Hex,
    pub update_id: UpdateId,
}

/// The keys of all roles.
pub struct Keys {
    pub roots: [Signer; 3],
    pub release: Signer,
    pub freshness: Signer,
}

impl Keys {
    pub fn new() -> Self {
        Self::from_seeds(0)
    }

    /// The same of somebody whom nobody trusts.
    pub fn of_a_stranger() -> Self {
        Self::from_seeds(100)
    }

    fn from_seeds(after: u8) -> Self {
        let key = |seed: u8| Signer::from_seed(&[after + seed; 32]);
        Self { roots: [key(1), key(2), key(3)], release: key(4), freshness: key(5) }
    }

    /// The first root, signed by two.
    pub fn root(&self) -> String {
        self.root_of(1)
    }

    /// The root of a version.
    pub fn root_of(&self, version: u64) -> String {
        let keys: Vec<PublicKey> = self
            .roots
            .iter()
            .chain([&self.release, &self.freshness])
            .map(|signer| signer.public_key("somebody"))
            .collect();
        let of = |signers: &[&Signer], threshold| RoleKeys {
            keyids: signers.iter().map(|signer| signer.keyid().clone()).collect(),
            threshold,
        };
        let [one, two, three] = &self.roots;
        let root = Root {
            spec: SPEC,
            product: PRODUCT.to_owned(),
            version,
            issued: Utc::now() - TimeDelta::days(1),
            expires: Utc::now() + TimeDelta::days(700),
            keys,
            roles: BTreeMap::from([
                (Role::Root, of(&[one, two, three], 2)),
                (Role::Release, of(&[&self.release], 1)),
                (Role::Freshness, of(&[&self.freshness], 1)),
            ]),
            ext: BTreeMap::new(),
        };
        two.add_signature(&one.sign(&root).unwrap()).unwrap()
    }

    fn timestamp(&self, nonce: &str, device_id: DeviceId, due: Option<&Due>) -> String {
        let timestamp = Timestamp {
            spec: SPEC,
            product: PRODUCT.to_owned(),
            nonce: nonce.to_owned(),
            device_id,
            signed_time: Utc::now(),
            expires: Utc::now() + TimeDelta::hours(12),
            seq: due.map_or(0, |due| due.seq),
            manifest_sha256: due.map(|due| due.payload_sha256.clone()),
        };
        self.freshness.sign(&timestamp).unwrap()
    }

    fn receipt(&self, device_id: DeviceId, request: &ReceiptRequest, batches: u64) -> String {
        let receipt = Receipt {
            spec: SPEC,
            product: PRODUCT.to_owned(),
            device_id,
            build_id: request.running.build_id.clone(),
            nonce: request.nonce.clone(),
            signed_time: Utc::now(),
            batches,
        };
        self.freshness.sign(&receipt).unwrap()
    }

    /// Signs a release of one program for this machine.
    pub fn release(&self, built: &Stamp, program: &[u8]) -> Due {
        Due::signed(&self.release, &manifest(built, program))
    }
}

impl Due {
    /// A release that some key has signed.
    pub fn signed(by: &Signer, manifest: &Manifest) -> Self {
        let payload = serde_json::to_vec(manifest).unwrap();
        Self {
            manifest: by.sign(manifest).unwrap(),
            payload_sha256: Sha256Hex::of(&payload),
            version: manifest.version.to_string(),
            seq: manifest.seq,
            sha256: manifest.artifacts[0].sha256.clone(),
            update_id: UpdateId(Uuid::from_u128(0x7000 + u128::from(manifest.seq))),
        }
    }
}

/// What is said of a release of one program for this machine.
pub fn manifest(built: &Stamp, program: &[u8]) -> Manifest {
    Manifest {
        spec: SPEC,
        product: PRODUCT.to_owned(),
        channel: Channel::Stable,
        seq: built.seq,
        version: built.version.parse().unwrap(),
        issued: Utc::now() - TimeDelta::hours(1),
        expires: Utc::now() + TimeDelta::days(45),
        min_from: 0,
        min_secure: 0,
        revoked: Vec::new(),
        artifacts: vec![Artifact {
            kind: ArtifactKind::Agent,
            os: agent::machine::OS,
            arch: agent::machine::ARCH,
            libc: updater::built::libc(),
            size_bytes: program.len() as u64,
            sha256: Sha256Hex::of(program),
            build_id: built.build_id.clone(),
            config_schema: agent::config::VERSION,
            spool_schema: agent::spool::SCHEMA,
        }],
        notes: String::new(),
        ext: BTreeMap::new(),
    }
}

impl Releases {
    /// This release is due from now on.
    pub fn publish(&mut self, due: Due, program: Vec<u8>) {
        self.files.insert(due.sha256.to_string(), program);
        self.due = Some(due);
    }

    fn keys(&self) -> Keys {
        if self.is_of_a_stranger { Keys::of_a_stranger() } else { Keys::new() }
    }

    fn trust(&self, nonce: Option<&str>, device: DeviceId, due: Option<&Due>) -> TrustAnswer {
        TrustAnswer {
            roots: Vec::new(),
            timestamp: nonce.map(|nonce| self.keys().timestamp(nonce, device, due)),
            manifest: due.map(|due| due.manifest.clone()),
        }
    }

    /// Answers `check_update`.
    pub fn check(&mut self, query: &str, url: &str) -> (u16, Value) {
        if let Some(busy) = self.refuse() {
            return busy;
        }
        let question: UpdateQuestion = parsed(query);
        self.questions.push(question.clone());
        if let Some(lie) = &self.lie {
            return (200, json!(lie(&question)));
        }
        let device = question.agent_id.expect("it says who it is");
        let Some(due) = self.due.clone().filter(|due| due.seq > question.highest_seq.max(question.seq))
        else {
            return (204, Value::Null);
        };
        let answer = UpdateAnswer {
            new_version: due.version.clone(),
            download_url: format!("{url}/api/v1/artifacts/sha256/{}", due.sha256),
            checksum: due.sha256.clone(),
            update_id: due.update_id,
            rollout_id: RolloutId(Uuid::from_u128(0x8000)),
            seq: due.seq,
            lease_expires_at: Utc::now() + TimeDelta::hours(1),
            not_before: None,
            trust: self.trust(question.nonce.as_deref(), device, Some(&due)),
        };
        (200, json!(answer))
    }

    /// Answers what belongs to one device; `None`: it is not about releases.
    pub fn of_device(
        &mut self,
        device: DeviceId,
        what: &str,
        body: &[u8],
        batches: u64,
    ) -> Option<(u16, Value)> {
        let (what, query) = what.split_once('?').unwrap_or((what, ""));
        let is_ours = matches!(what, "freshness" | "receipt") || what.starts_with("updates/");
        if !is_ours {
            return None;
        }
        if let Some(busy) = self.refuse() {
            return Some(busy);
        }
        if what == "freshness" {
            let question: FreshnessQuestion = parsed(query);
            let due = self.due.clone();
            return Some((200, json!(self.trust(Some(&question.nonce), device, due.as_ref()))));
        }
        if what == "receipt" {
            let request: ReceiptRequest = serde_json::from_slice(body).unwrap();
            match self.receipts_left.get_mut(&request.running.build_id) {
                Some(0) => return Some((500, json!("broken"))),
                Some(left) => *left -= 1,
                None => {}
            }
            let receipt = self.keys().receipt(device, &request, batches);
            self.receipts.push(request);
            return Some((200, json!(ReceiptAnswer { receipt })));
        }
        if what.ends_with("/go") {
            self.gos += 1;
            return Some((200, json!(GoAnswer { go: !self.no_go, reason: None })));
        }
        let status: UpdateStatus = serde_json::from_slice(body).unwrap();
        let ack = UpdateStatusAck { update_id: status.update_id, step: status.step };
        self.statuses.push(status);
        Some((200, json!(ack)))
    }

    fn refuse(&self) -> Option<(u16, Value)> {
        let seconds = self.busy?;
        let problem = Problem::new(ProblemCode::Unavailable, "No time.");
        Some((503, json!(Problem { retry_after_seconds: Some(seconds), ..problem })))
    }

    /// A part of a file: status, headers, and as much of it as is sent.
    pub fn part(&mut self, request: &http::Request, sha256: &str) -> (u16, String, Vec<u8>, usize) {
        let Some(file) = self.files.get(sha256) else { return (404, String::new(), Vec::new(), 0) };
        let range = request.headers.get("range").and_then(|range| range.strip_prefix("bytes="));
        let from = range.and_then(|range| range.strip_suffix('-')?.parse().ok()).unwrap_or(0_usize);
        self.fetched_from.push(from);
        let rest = file[from..].to_vec();
        let length = rest.len();
        let sent = self.cut.take().map_or(length, |cut| cut.min(length));
        let headers = if range.is_some() {
            format!("content-range: bytes {from}-{}/{}\r\n", file.len() - 1, file.len())
        } else {
            String::new()
        };
        (if range.is_some() { 206 } else { 200 }, headers, rest[..sent].to_vec(), length)
    }

    /// The states of an update, as they were told.
    pub fn states(&self) -> Vec<&'static str> {
        let mut states: Vec<_> = self.statuses.iter().map(|status| status.state.word()).collect();
        states.dedup();
        states
    }
}

/// A query, read as the server reads it.
fn parsed<T: serde::de::DeserializeOwned>(query: &str) -> T {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let is_number = matches!(name, "seq" | "highest_seq" | "root_version");
        let value = value.replace('+', " ").replace("%2B", "+");
        (name.to_owned(), if is_number { json!(value.parse::<u64>().unwrap()) } else { json!(value) })
    };
    let fields: serde_json::Map<String, Value> = query.split('&').map(pair).collect();
    serde_json::from_value(Value::Object(fields)).expect("the question is the wire's")
}

/// A copy of a program that says it is another build: only its stamp differs.
pub fn stamped(program: &[u8], built: &Stamp) -> Vec<u8> {
    let mut copy = program.to_vec();
    built.write(&mut copy).unwrap();
    copy
}
