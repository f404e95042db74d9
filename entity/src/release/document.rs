//! What the documents say.

use super::Version;
use crate::{
    id::DeviceId,
    platform::{Arch, Os, words},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

words! {
    /// What a key may sign.
    Role {
        /// Who may sign what: offline, two of three.
        Root = "root",
        /// What was released: a person's key on the release workstation.
        Release = "release",
        /// That a manifest is still what is meant, and that an agent was heard: the server's key.
        Freshness = "freshness",
    }
}

words! {
    /// How far a release has come.
    Channel {
        /// For everybody.
        Stable = "stable",
        /// For those who asked for it.
        Beta = "beta",
    }
}

words! {
    /// What an artifact is.
    ArtifactKind {
        /// The program `reeve-agent`.
        Agent = "agent",
        /// The program `reeve-updater`.
        Supervisor = "supervisor",
    }
}

words! {
    /// Which C library a program for Linux needs.
    Libc {
        /// The GNU one.
        Gnu = "gnu",
        /// musl, linked into the program.
        Musl = "musl",
    }
}

/// SHA-256 as 64 lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Hex(String);

impl Sha256Hex {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight digits: enough to tell two slots apart.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or_default()
    }

    /// The digest of these bytes.
    #[cfg(feature = "seal")]
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(crate::seal::sha256(bytes))
    }

    /// A digest that was made piece by piece.
    #[cfg(feature = "seal")]
    #[must_use]
    pub fn of_digest(digest: &[u8; 32]) -> Self {
        Self(hex::encode(digest))
    }
}

impl std::fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Sha256Hex> for String {
    fn from(value: Sha256Hex) -> Self {
        value.0
    }
}

impl TryFrom<String> for Sha256Hex {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_hex = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_hex { Ok(Self(text)) } else { Err("must be 64 lower-case hex digits") }
    }
}

impl std::str::FromStr for Sha256Hex {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.to_owned().try_into()
    }
}

/// A key that may sign, as the root lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PublicKey {
    /// SHA-256 of the 32 bytes.
    pub keyid: Sha256Hex,
    /// Ed25519, 32 bytes as standard base64.
    pub public_key: String,
    /// Who holds it, for people.
    pub holder: String,
}

/// Which keys a role has and how many of them must sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RoleKeys {
    /// [`PublicKey::keyid`] of each, once.
    pub keyids: Vec<Sha256Hex>,
    /// Distinct keys that must have signed; at least 1, for the root at least 2.
    pub threshold: u8,
}

/// Reads a map whose keys come once: the last of two would otherwise win, and people may have read the first.
fn each_once<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Role, RoleKeys>, D::Error> {
    struct Roles;
    impl<'de> serde::de::Visitor<'de> for Roles {
        type Value = BTreeMap<Role, RoleKeys>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("each role once")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut roles = BTreeMap::new();
            while let Some((role, keys)) = map.next_entry::<Role, RoleKeys>()? {
                if roles.insert(role, keys).is_some() {
                    return Err(serde::de::Error::custom("a role comes twice"));
                }
            }
            Ok(roles)
        }
    }
    deserializer.deserialize_map(Roles)
}

/// Who may sign what. Version N + 1 is signed by the threshold of version N and by its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// [`super::SPEC`].
    pub spec: u16,
    /// [`super::PRODUCT`].
    pub product: String,
    /// Rises by one with each root; the first is 1.
    pub version: u64,
    /// When it was made.
    pub issued: DateTime<Utc>,
    /// When it stops being good for updates.
    pub expires: DateTime<Utc>,
    /// Every key of every role.
    pub keys: Vec<PublicKey>,
    /// Each role, once.
    #[serde(deserialize_with = "each_once")]
    pub roles: BTreeMap<Role, RoleKeys>,
    /// Room for later: the only place where unknown fields may stand.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ext: BTreeMap<String, serde_json::Value>,
}

/// One file of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// What it is.
    pub kind: ArtifactKind,
    /// For which system.
    pub os: Os,
    /// For which processor.
    pub arch: Arch,
    /// For which C library; Linux only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libc: Option<Libc>,
    /// Bytes.
    pub size_bytes: u64,
    /// Of those bytes.
    pub sha256: Sha256Hex,
    /// What the program says of itself (`--selfcheck`, hello); at most 64 characters.
    pub build_id: String,
    /// Version of the configuration that it writes.
    pub config_schema: u64,
    /// Version of the spool that it writes.
    pub spool_schema: u64,
}

/// What was released: one document for all platforms, so that nothing can be mixed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`super::SPEC`].
    pub spec: u16,
    /// [`super::PRODUCT`].
    pub product: String,
    /// Who it is for.
    pub channel: Channel,
    /// Rises with every release of every channel; a device never goes below the highest that it has confirmed.
    pub seq: u64,
    /// What people call it.
    pub version: Version,
    /// When it was signed.
    pub issued: DateTime<Utc>,
    /// When it stops being good for updates; signing it again with a later date is enough.
    pub expires: DateTime<Utc>,
    /// Lowest sequence from which a device may come: a stepping stone has to be taken first.
    #[serde(default)]
    pub min_from: u64,
    /// Whatever is below must not run any longer if there is something else.
    #[serde(default)]
    pub min_secure: u64,
    /// Artifacts that must not be run again.
    #[serde(default)]
    pub revoked: Vec<Sha256Hex>,
    /// One for each kind, system, processor and C library.
    pub artifacts: Vec<Artifact>,
    /// What is new, for people; at most 16 KiB.
    #[serde(default)]
    pub notes: String,
    /// Room for later: the only place where unknown fields may stand.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ext: BTreeMap<String, serde_json::Value>,
}

/// That a manifest is what is meant now, signed for one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Timestamp {
    /// [`super::SPEC`].
    pub spec: u16,
    /// [`super::PRODUCT`].
    pub product: String,
    /// From the question: 128 bits as 32 lower-case hex digits.
    pub nonce: String,
    /// Which device asked.
    pub device_id: DeviceId,
    /// The server's clock.
    pub signed_time: DateTime<Utc>,
    /// At most 24 hours later.
    pub expires: DateTime<Utc>,
    /// Sequence of the manifest; 0 when the server has no release.
    pub seq: u64,
    /// SHA-256 of the payload bytes of the manifest; none when the server has no release.
    pub manifest_sha256: Option<Sha256Hex>,
}

/// That the server has heard this build of the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// [`super::SPEC`].
    pub spec: u16,
    /// [`super::PRODUCT`].
    pub product: String,
    /// Which device.
    pub device_id: DeviceId,
    /// What the agent says that it is.
    pub build_id: String,
    /// From the supervisor: 128 bits as 32 lower-case hex digits.
    pub nonce: String,
    /// The server's clock.
    pub signed_time: DateTime<Utc>,
    /// Rises with what the server has committed of this device's samples: milliseconds since 1970 of the newest write. A
    /// device compares two receipts, and nothing else.
    pub batches: u64,
}
