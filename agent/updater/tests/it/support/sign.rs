//! Keys and signed documents for tests, made with the signer that the tool uses.
#![allow(dead_code, reason = "each of those who include this uses a part of it")]

use chrono::{DateTime, Duration, Utc};
use entity::{
    id::DeviceId,
    platform::{Arch, Os},
    release::{
        Artifact, ArtifactKind, Channel, Manifest, PRODUCT, Receipt, Role, RoleKeys, Root, SPEC, Sha256Hex,
        Signer, Timestamp, open_manifest,
    },
    update::TrustAnswer,
};
use std::collections::BTreeMap;

/// Everybody's keys.
pub struct Keys {
    root: [Signer; 2],
    release: Signer,
    freshness: Signer,
}

/// What a release brings.
#[derive(Clone, Debug)]
pub struct Release {
    pub seq: u64,
    pub version: String,
    pub build_id: String,
    pub bytes: Vec<u8>,
}

/// When the documents of tests were made.
pub fn today() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().expect("is a time")
}

pub fn platform() -> (Os, Arch) {
    let os = if cfg!(windows) { Os::Windows } else { Os::Linux };
    (os, if cfg!(target_arch = "aarch64") { Arch::Aarch64 } else { Arch::X86_64 })
}

impl Keys {
    pub fn new(seed: u8) -> Self {
        let signer = |number: u8| Signer::from_seed(&[seed.wrapping_add(number); 32]);
        Self { root: [signer(1), signer(2)], release: signer(3), freshness: signer(4) }
    }

    pub fn root(&self) -> Root {
        let role = |signers: &[&Signer], threshold| RoleKeys {
            keyids: signers.iter().map(|signer| signer.keyid().clone()).collect(),
            threshold,
        };
        let [first, second] = &self.root;
        Root {
            spec: SPEC,
            product: PRODUCT.to_owned(),
            version: 1,
            issued: today() - Duration::days(30),
            expires: today() + Duration::days(700),
            keys: [first, second, &self.release, &self.freshness]
                .map(|signer| signer.public_key("a test"))
                .to_vec(),
            roles: BTreeMap::from([
                (Role::Root, role(&[first, second], 2)),
                (Role::Release, role(&[&self.release], 1)),
                (Role::Freshness, role(&[&self.freshness], 1)),
            ]),
            ext: BTreeMap::new(),
        }
    }

    pub fn root_envelope(&self) -> String {
        let once = self.root[0].sign(&self.root()).expect("is signed");
        self.root[1].add_signature(&once).expect("is signed")
    }

    /// The root after this one: other people's keys, signed by them and by these.
    pub fn next_root_envelope(&self, next: &Self, version: u64) -> String {
        let root = Root { version, ..next.root() };
        let signed = next.root[0].sign(&root).expect("is signed");
        let others = [&next.root[1], &self.root[0], &self.root[1]];
        others
            .into_iter()
            .fold(signed, |envelope, signer| signer.add_signature(&envelope).expect("is signed"))
    }

    pub fn manifest(&self, release: &Release, change: impl FnOnce(&mut Manifest)) -> String {
        let (os, arch) = platform();
        let mut manifest = Manifest {
            spec: SPEC,
            product: PRODUCT.to_owned(),
            channel: Channel::Stable,
            seq: release.seq,
            version: release.version.parse().expect("is a version"),
            issued: today() - Duration::hours(1),
            expires: today() + Duration::days(45),
            min_from: 0,
            min_secure: 0,
            revoked: Vec::new(),
            artifacts: vec![Artifact {
                kind: ArtifactKind::Agent,
                os,
                arch,
                libc: updater_libc(),
                size_bytes: release.bytes.len() as u64,
                sha256: Sha256Hex::of(&release.bytes),
                build_id: release.build_id.clone(),
                config_schema: 1,
                spool_schema: 1,
            }],
            notes: String::new(),
            ext: BTreeMap::new(),
        };
        change(&mut manifest);
        self.release.sign(&manifest).expect("is signed")
    }

    pub fn trust(&self, manifest: &str, nonce: &str, device: DeviceId, now: DateTime<Utc>) -> TrustAnswer {
        self.trust_of(manifest, self, nonce, device, now)
    }

    /// A timestamp by these keys for a manifest of somebody's.
    pub fn trust_of(
        &self,
        manifest: &str,
        whose: &Self,
        nonce: &str,
        device: DeviceId,
        now: DateTime<Utc>,
    ) -> TrustAnswer {
        let opened = open_manifest(&whose.root(), manifest).expect("is theirs");
        let timestamp = Timestamp {
            spec: SPEC,
            product: PRODUCT.to_owned(),
            nonce: nonce.to_owned(),
            device_id: device,
            signed_time: now,
            expires: now + Duration::hours(24),
            seq: opened.document.seq,
            manifest_sha256: Some(opened.payload_sha256),
        };
        TrustAnswer {
            roots: Vec::new(),
            timestamp: Some(self.freshness.sign(&timestamp).expect("is signed")),
            manifest: Some(manifest.to_owned()),
        }
    }

    pub fn receipt(&self, build_id: &str, nonce: &str, device: DeviceId, now: DateTime<Utc>) -> String {
        let receipt = Receipt {
            spec: SPEC,
            product: PRODUCT.to_owned(),
            device_id: device,
            build_id: build_id.to_owned(),
            nonce: nonce.to_owned(),
            signed_time: now,
            batches: 1,
        };
        self.freshness.sign(&receipt).expect("is signed")
    }
}

fn updater_libc() -> Option<entity::release::Libc> {
    if cfg!(windows) {
        return None;
    }
    Some(if cfg!(target_env = "musl") { entity::release::Libc::Musl } else { entity::release::Libc::Gnu })
}
