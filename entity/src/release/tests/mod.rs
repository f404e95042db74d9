//! The attacks that The Update Framework names, by the names of its conformance tests where they apply, and our own.
//! What the tests share: keys of fixed seeds, and documents that are good until a test changes them.

mod due;
mod freshness;
mod golden;
mod manifest;
mod mutation;
mod root;
mod rotation;
mod shape;
mod threshold;

use super::{envelope::Sealed, *};
use crate::{
    id::DeviceId,
    platform::{Arch, Os},
    seal::pre_authentication,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::Signer as _;
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

const NONCE: &str = "00112233445566778899aabbccddeeff";

fn device() -> DeviceId {
    DeviceId(Uuid::from_u128(7))
}

/// Days after the first root was made.
fn day(days: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000 + days)
}

/// A key whose seed is this byte.
fn key(seed: u8) -> Signer {
    Signer::from_seed(&[seed; 32])
}

/// 1 to 3 sign roots, 4 and 5 releases, 6 is the server's; 9 is nobody's.
fn root_keys() -> [Signer; 3] {
    [key(1), key(2), key(3)]
}

fn role(keys: &[&Signer], threshold: u8) -> RoleKeys {
    RoleKeys { keyids: keys.iter().map(|key| key.keyid().clone()).collect(), threshold }
}

fn root() -> Root {
    let [a, b, c] = root_keys();
    let all = [
        (&a, "Anna"),
        (&b, "Boris"),
        (&c, "safe"),
        (&key(4), "Dora"),
        (&key(5), "Emil"),
        (&key(6), "server"),
    ];
    Root {
        spec: SPEC,
        product: PRODUCT.to_owned(),
        version: 1,
        issued: day(0),
        expires: day(730),
        keys: all.iter().map(|(key, holder)| key.public_key(holder)).collect(),
        roles: BTreeMap::from([
            (Role::Root, role(&[&a, &b, &c], 2)),
            (Role::Release, role(&[&key(4), &key(5)], 1)),
            (Role::Freshness, role(&[&key(6)], 1)),
        ]),
        ext: BTreeMap::new(),
    }
}

/// A root that follows another, before anything is changed in it.
fn after(root: &Root) -> Root {
    Root { version: root.version + 1, issued: day(10), expires: day(740), ..root.clone() }
}

fn artifact(kind: ArtifactKind, os: Os, libc: Option<Libc>, byte: u8) -> Artifact {
    Artifact {
        kind,
        os,
        arch: Arch::X86_64,
        libc,
        size_bytes: 4_000_000,
        sha256: Sha256Hex::of(&[byte]),
        build_id: format!("build-{byte}"),
        config_schema: 2,
        spool_schema: 1,
    }
}

fn manifest(seq: u64) -> Manifest {
    Manifest {
        spec: SPEC,
        product: PRODUCT.to_owned(),
        channel: Channel::Stable,
        seq,
        version: format!("1.{seq}.0").parse().unwrap(),
        issued: day(1),
        expires: day(46),
        min_from: 0,
        min_secure: 0,
        revoked: Vec::new(),
        artifacts: vec![
            artifact(ArtifactKind::Agent, Os::Linux, Some(Libc::Gnu), 1),
            artifact(ArtifactKind::Agent, Os::Linux, Some(Libc::Musl), 2),
            artifact(ArtifactKind::Agent, Os::Windows, None, 3),
            artifact(ArtifactKind::Supervisor, Os::Linux, Some(Libc::Gnu), 4),
        ],
        notes: "Faster — and calmer.".to_owned(),
        ext: BTreeMap::new(),
    }
}

fn timestamp(manifest: &Opened<Manifest>) -> Timestamp {
    Timestamp {
        spec: SPEC,
        product: PRODUCT.to_owned(),
        nonce: NONCE.to_owned(),
        device_id: device(),
        signed_time: day(2),
        expires: day(3),
        seq: manifest.document.seq,
        manifest_sha256: Some(manifest.payload_sha256.clone()),
    }
}

fn receipt() -> Receipt {
    Receipt {
        spec: SPEC,
        product: PRODUCT.to_owned(),
        device_id: device(),
        build_id: "build-1".to_owned(),
        nonce: NONCE.to_owned(),
        signed_time: day(2),
        batches: 12,
    }
}

/// Signs any bytes as anything, as somebody with these keys could: without the checks of a [`Signer`].
fn forged(payload_type: &str, payload: &[u8], seeds: &[u8]) -> String {
    let message = pre_authentication(payload_type, payload);
    let marks = seeds.iter().map(|seed| {
        let sig = ed25519_dalek::SigningKey::from_bytes(&[*seed; 32]).sign(&message).to_bytes();
        envelope::Mark { keyid: key(*seed).keyid().to_string(), sig: BASE64_STANDARD.encode(sig) }
    });
    written(&Sealed {
        payload: BASE64_STANDARD.encode(payload),
        payload_type: payload_type.to_owned(),
        signatures: marks.collect(),
    })
}

/// Signs a document, right or wrong.
fn sealed<T: Document>(document: &T, seeds: &[u8]) -> String {
    forged(T::PAYLOAD_TYPE, &serde_json::to_vec(document).unwrap(), seeds)
}

/// Signs a document of which a test has changed the JSON.
fn sealed_json<T: Document>(document: &T, seeds: &[u8], change: impl FnOnce(&mut Value)) -> String {
    let mut json = serde_json::to_value(document).unwrap();
    change(&mut json);
    forged(T::PAYLOAD_TYPE, &serde_json::to_vec(&json).unwrap(), seeds)
}

fn written(sealed: &Sealed) -> String {
    serde_json::to_string(sealed).unwrap()
}

/// Changes an envelope from outside.
fn changed(envelope: &str, change: impl FnOnce(&mut Sealed)) -> String {
    let mut sealed: Sealed = serde_json::from_str(envelope).unwrap();
    change(&mut sealed);
    written(&sealed)
}

fn opened(seq: u64) -> Opened<Manifest> {
    open_manifest(&root(), &sealed(&manifest(seq), &[4])).unwrap()
}
