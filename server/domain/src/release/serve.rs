//! Files of releases go out: to devices and the MSP's people by their digest, to anybody by the name of a version.

use super::{check_view, not_found};
use crate::{AgentCx, Cx, Result, Store, artifact_store::ArtifactBytes};
use entity::{
    agent_release::{ReleaseState, file_name},
    platform::{Arch, Os},
    release::{ArtifactKind, Libc, Sha256Hex},
    table::{release, release_artifact as artifact},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};
use std::ops::Range;

/// A file that may be handed out.
#[derive(Clone)]
pub struct Served {
    store: Store,
    /// Its name among files.
    pub sha256: Sha256Hex,
    /// Bytes.
    pub size_bytes: u64,
    /// What it is called when a person saves it.
    pub file_name: String,
}

impl Served {
    /// Reads a part of it.
    ///
    /// # Errors
    /// Unavailable when it cannot be read.
    pub async fn read(&self, range: Range<u64>) -> Result<ArtifactBytes> {
        Ok(self.store.artifacts()?.get(&self.sha256, range).await?)
    }
}

/// A file for a device. Also of a release that was withdrawn: who may fetch it is no promise to run it.
///
/// # Errors
/// Not found when there is no such file here.
pub async fn for_device(cx: &AgentCx, sha256: &Sha256Hex) -> Result<Served> {
    by_digest(cx.store(), sha256).await
}

/// A file for somebody of the MSP.
///
/// # Errors
/// Forbidden by role; not found when there is no such file here.
pub async fn for_person(cx: &Cx, sha256: &Sha256Hex) -> Result<Served> {
    check_view(cx)?;
    by_digest(cx.store(), sha256).await
}

async fn by_digest(store: &Store, sha256: &Sha256Hex) -> Result<Served> {
    let file = artifact::Entity::find()
        .filter(artifact::Column::Sha256.eq(sha256.as_str()))
        .filter(artifact::Column::StoredAt.is_not_null())
        .order_by_desc(artifact::Column::ReleaseId)
        .one(store.db())
        .await?
        .ok_or_else(not_found)?;
    let row = super::find(store.db(), file.release_id).await?;
    served(store, &row, file)
}

/// The file of this name, such as `agent-linux-x86_64-1.4.0`, of a release that is there for everybody. Whoever looks for
/// processors by the names of others finds them too.
///
/// # Errors
/// Not found when there is none.
pub async fn named(store: &Store, name: &str) -> Result<Served> {
    let wanted = name.replace("-amd64-", "-x86_64-").replace("-arm64-", "-aarch64-");
    let (kind, os, arch, libc, version) = parts(&wanted).ok_or_else(not_found)?;
    let row = release::Entity::find()
        .filter(release::Column::Version.eq(version))
        .filter(release::Column::State.eq(ReleaseState::Available))
        .one(store.db())
        .await?
        .ok_or_else(not_found)?;
    let files = artifact::Entity::find()
        .filter(artifact::Column::ReleaseId.eq(row.id))
        .filter(artifact::Column::Kind.eq(kind))
        .filter(artifact::Column::Os.eq(os))
        .filter(artifact::Column::Arch.eq(arch))
        .filter(artifact::Column::StoredAt.is_not_null())
        .order_by_asc(artifact::Column::Position)
        .all(store.db())
        .await?;
    // Linux without a word about the C library is that of GNU, or the only one that there is.
    let exact = files.iter().position(|file| file.libc.unwrap_or(Libc::Gnu) == libc.unwrap_or(Libc::Gnu));
    let at = exact.or_else(|| (libc.is_none() && files.len() == 1).then_some(0)).ok_or_else(not_found)?;
    let file = files.into_iter().nth(at).ok_or_else(not_found)?;
    let served = served(store, &row, file)?;
    // One name for one file, but for the names of processors and the word that may be left out.
    let is_it = served.file_name == wanted || served.file_name.replace("-musl-", "-") == wanted;
    if is_it { Ok(served) } else { Err(not_found()) }
}

fn served(store: &Store, row: &release::Model, file: artifact::Model) -> Result<Served> {
    Ok(Served {
        store: store.clone(),
        file_name: file_name(file.kind, file.os, file.arch, file.libc, &row.version),
        size_bytes: file.size_bytes.unsigned_abs(),
        sha256: file.sha256.parse().map_err(|_| not_found())?,
    })
}

/// What a name says: `{agent|updater}-{os}-{arch}[-musl]-{version}[.exe]`.
fn parts(name: &str) -> Option<(ArtifactKind, Os, Arch, Option<Libc>, &str)> {
    let (kind, rest) = match name.split_once('-')? {
        ("agent", rest) => (ArtifactKind::Agent, rest),
        ("updater", rest) => (ArtifactKind::Supervisor, rest),
        _ => return None,
    };
    let (os, rest) = rest.split_once('-')?;
    let (arch, rest) = rest.split_once('-')?;
    let (os, arch): (Os, Arch) = (os.parse().ok()?, arch.parse().ok()?);
    let rest = if os == Os::Windows { rest.strip_suffix(".exe")? } else { rest };
    Some(match rest.strip_prefix("musl-") {
        Some(version) => (kind, os, arch, Some(Libc::Musl), version),
        None => (kind, os, arch, None, rest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_is_meant() {
        assert_eq!(
            parts("agent-linux-x86_64-1.4.0"),
            Some((ArtifactKind::Agent, Os::Linux, Arch::X86_64, None, "1.4.0"))
        );
        assert_eq!(
            parts("updater-windows-aarch64-1.4.0-beta.2.exe"),
            Some((ArtifactKind::Supervisor, Os::Windows, Arch::Aarch64, None, "1.4.0-beta.2"))
        );
        assert_eq!(
            parts("agent-linux-aarch64-musl-1.4.0"),
            Some((ArtifactKind::Agent, Os::Linux, Arch::Aarch64, Some(Libc::Musl), "1.4.0"))
        );
        for name in [
            "agent-linux-x86_64",
            "agent-windows-x86_64-1.0.0",
            "other-linux-x86_64-1.0.0",
            "",
            "--",
            "agent-x-y-z",
        ] {
            assert_eq!(parts(name), None, "{name}");
        }
    }
}
