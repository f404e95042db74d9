//! Releases as people would make them: keys, roots, manifests, and files that begin like programs.

use super::{
    people::{Answer, Person, send},
    server::TestServer,
    world::noon,
};
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    agent_release::{RootView, UploadAnswer},
    id::ReleaseId,
    platform::{Arch, Os},
    release::{
        Artifact, ArtifactKind, Channel, Libc, Manifest, PRODUCT, PublicKey, Role, RoleKeys, Root, SPEC,
        Sha256Hex, Signer,
    },
};
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde_json::json;
use std::collections::BTreeMap;

/// The keys of an MSP that makes releases.
pub struct Trust {
    roots: [Signer; 3],
    release: Signer,
    freshness: PublicKey,
}

/// One file of a release.
#[derive(Clone)]
pub struct Built {
    pub kind: ArtifactKind,
    pub os: Os,
    pub arch: Arch,
    pub libc: Option<Libc>,
    pub bytes: Vec<u8>,
}

impl Built {
    pub fn sha256(&self) -> Sha256Hex {
        Sha256Hex::of(&self.bytes)
    }

    fn artifact(&self) -> Artifact {
        Artifact {
            kind: self.kind,
            os: self.os,
            arch: self.arch,
            libc: self.libc,
            size_bytes: self.bytes.len() as u64,
            sha256: self.sha256(),
            build_id: format!("b-{}", self.sha256().short()),
            config_schema: 1,
            spool_schema: 1,
        }
    }
}

/// An agent for a platform, of so many bytes; `seed` tells builds apart.
pub fn built(os: Os, arch: Arch, seed: u8, size: usize) -> Built {
    let mut bytes = vec![seed; size];
    let head = match os {
        Os::Linux => elf(arch),
        Os::Windows => pe(arch),
        Os::Macos => mach_o(arch),
    };
    bytes[..head.len()].copy_from_slice(&head);
    let libc = (os == Os::Linux).then_some(Libc::Gnu);
    Built { kind: ArtifactKind::Agent, os, arch, libc, bytes }
}

fn elf(arch: Arch) -> Vec<u8> {
    let mut head = vec![0; 64];
    head[..8].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0]);
    head[16] = 3;
    head[18] = if arch == Arch::X86_64 { 0x3e } else { 0xb7 };
    head
}

fn pe(arch: Arch) -> Vec<u8> {
    let mut head = vec![0; 160];
    head[..2].copy_from_slice(b"MZ");
    head[0x3c] = 128;
    head[128..132].copy_from_slice(b"PE\0\0");
    let machine: u16 = if arch == Arch::X86_64 { 0x8664 } else { 0xaa64 };
    head[132..134].copy_from_slice(&machine.to_le_bytes());
    head[150] = 0x22;
    head[152..154].copy_from_slice(&0x20b_u16.to_le_bytes());
    head
}

fn mach_o(arch: Arch) -> Vec<u8> {
    let cpu: u32 = if arch == Arch::X86_64 { 0x0100_0007 } else { 0x0100_000c };
    let mut head = vec![0xcf, 0xfa, 0xed, 0xfe];
    head.extend(cpu.to_le_bytes());
    head.extend([0; 4]);
    head.extend(2_u32.to_le_bytes());
    head
}

/// What a manifest says beside its files.
#[derive(Clone)]
pub struct Words<'a> {
    pub seq: u64,
    pub version: &'a str,
    pub channel: Channel,
    pub expires: DateTime<Utc>,
}

/// A stable release, good for a month.
pub fn words(seq: u64, version: &str) -> Words<'_> {
    Words { seq, version, channel: Channel::Stable, expires: noon() + TimeDelta::days(30) }
}

impl Trust {
    /// Keys, of which the server has that for freshness.
    pub fn of(server: &TestServer) -> Self {
        Self::in_folder(server.world.folder())
    }

    /// The same for a server in this folder.
    pub fn in_folder(folder: &std::path::Path) -> Self {
        let freshness = domain::release::freshness_key(folder, "server").expect("a key");
        let roots = [1, 2, 3].map(|seed| Signer::from_seed(&[seed; 32]));
        Self { roots, release: Signer::from_seed(&[9; 32]), freshness }
    }

    /// The root of a version, signed by two of three.
    pub fn root(&self, version: u64) -> String {
        self.root_until(version, noon() + TimeDelta::days(365))
    }

    /// The same, until some other day.
    pub fn root_until(&self, version: u64, expires: DateTime<Utc>) -> String {
        self.root_with(version, expires, &self.release)
    }

    /// The same with another key for releases.
    pub fn root_with(&self, version: u64, expires: DateTime<Utc>, release: &Signer) -> String {
        let keys = |keyids: Vec<Sha256Hex>, threshold| RoleKeys { keyids, threshold };
        let of_roots = self.roots.iter().map(|key| key.keyid().clone()).collect();
        let root = Root {
            spec: SPEC,
            product: PRODUCT.to_owned(),
            version,
            issued: noon() - TimeDelta::days(1),
            expires,
            keys: self
                .roots
                .iter()
                .map(|key| key.public_key("Ada"))
                .chain([release.public_key("Rel"), self.freshness.clone()])
                .collect(),
            roles: BTreeMap::from([
                (Role::Root, keys(of_roots, 2)),
                (Role::Release, keys(vec![release.keyid().clone()], 1)),
                (Role::Freshness, keys(vec![self.freshness.keyid.clone()], 1)),
            ]),
            ext: BTreeMap::new(),
        };
        let once = self.roots[0].sign(&root).expect("signed");
        self.roots[1].add_signature(&once).expect("signed")
    }

    /// A signed manifest.
    pub fn manifest(&self, words: &Words<'_>, files: &[Built]) -> String {
        self.sign(&document(words, files))
    }

    /// The same of a manifest that a test wrote.
    pub fn sign(&self, manifest: &Manifest) -> String {
        self.release.sign(manifest).expect("signed")
    }

    /// Trusts the first root, as a person does who compared its fingerprint.
    pub async fn begin(&self, server: &TestServer) -> RootView {
        let root = self.root(1);
        let seen: RootView =
            server.admin.post("/releases/roots/look", &json!({"root": root})).await.expect(200);
        let asked = json!({"root": root, "fingerprint": seen.fingerprint});
        server.admin.post("/releases/roots", &asked).await.expect(201)
    }

    /// A release whose files are all there.
    pub async fn released(&self, server: &TestServer, words: &Words<'_>, files: &[Built]) -> ReleaseId {
        let form = Form::new().text("manifest", self.manifest(words, files));
        let mut answer: UploadAnswer = upload(&server.admin, form).await.expect(200);
        for file in files {
            answer = upload(&server.admin, file_form(words.version, file)).await.expect(200);
        }
        assert!(answer.is_complete, "{answer:?}");
        answer.release.id
    }
}

/// What a manifest says.
pub fn document(words: &Words<'_>, files: &[Built]) -> Manifest {
    Manifest {
        spec: SPEC,
        product: PRODUCT.to_owned(),
        channel: words.channel,
        seq: words.seq,
        version: words.version.parse().expect("a version"),
        issued: noon() - TimeDelta::hours(1),
        expires: words.expires,
        min_from: 0,
        min_secure: 0,
        revoked: Vec::new(),
        artifacts: files.iter().map(Built::artifact).collect(),
        notes: "Fewer surprises.".to_owned(),
        ext: BTreeMap::new(),
    }
}

/// A form with a file, named by its platform.
pub fn file_form(version: &str, file: &Built) -> Form {
    Form::new()
        .text("version", version.to_owned())
        .text("os", file.os.word())
        .text("arch", file.arch.word())
        .text("kind", file.kind.word())
        .part("file", part(file.bytes.clone()))
}

/// A file as browsers send it.
pub fn part(bytes: Vec<u8>) -> Part {
    Part::bytes(bytes).file_name("agent")
}

/// Sends a form.
pub async fn upload(person: &Person, form: Form) -> Answer {
    send(person.request(Method::POST, "/api/v1/agents/upload").multipart(form)).await
}
