//! Are the files of releases still what was signed? Each is read whole and hashed. Reads only.

use crate::{Result, artifact_store::ArtifactStore, store::open_for_reading};
use entity::{
    agent_release::file_name,
    release::{Root, next_root, open_manifest, open_root},
    table::{release, release_artifact as artifact, release_root},
};
use futures::TryStreamExt as _;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};
use sha2::{Digest as _, Sha256};

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArtifactReport {
    /// Files that were read and are what was signed.
    pub good: u64,
    /// One sentence for each that is not, and for each document that cannot be read.
    pub faults: Vec<String>,
}

impl ArtifactReport {
    /// The report in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let files = if self.good == 1 { "1 file is".to_owned() } else { format!("{} files are", self.good) };
        match self.faults.len() {
            0 => format!("{files} what was signed."),
            1 => format!("{files} what was signed; there is 1 fault."),
            many => format!("{files} what was signed; there are {many} faults."),
        }
    }
}

/// Hashes every file that the database says is there, and reads every root and manifest.
///
/// # Errors
/// When the database cannot be read; a file that cannot be read is a fault.
pub async fn verify(database_url: &str, store: &dyn ArtifactStore) -> Result<ArtifactReport> {
    let db = open_for_reading(database_url).await?;
    let mut report = ArtifactReport::default();
    let roots = release_root::Entity::find().order_by_asc(release_root::Column::Version).all(&db).await?;
    let mut trusted: Vec<Root> = Vec::new();
    for row in roots {
        let opened = match trusted.last() {
            None => open_root(&row.envelope),
            Some(before) => next_root(before, &row.envelope),
        };
        match opened {
            Ok(root) => trusted.push(root),
            Err(reason) => {
                report.faults.push(format!("The release root {}: {}.", row.version, reason.label()));
            }
        }
    }
    for row in release::Entity::find().order_by_asc(release::Column::Seq).all(&db).await? {
        // A former root may have vouched for it.
        let is_signed = trusted.iter().any(|root| {
            open_manifest(root, &row.manifest)
                .is_ok_and(|opened| opened.payload_sha256.as_str() == row.manifest_sha256)
        });
        if !is_signed {
            report.faults.push(format!("The manifest of {} is not what was signed.", row.version));
        }
        let files = artifact::Entity::find()
            .filter(artifact::Column::ReleaseId.eq(row.id))
            .filter(artifact::Column::StoredAt.is_not_null())
            .order_by_asc(artifact::Column::Position)
            .all(&db)
            .await?;
        for file in files {
            let name = file_name(file.kind, file.os, file.arch, file.libc, &row.version);
            match fault_of(store, &file).await {
                None => report.good += 1,
                Some(fault) => report.faults.push(format!("{name}: {fault}")),
            }
        }
    }
    db.connection().clone().close().await?;
    Ok(report)
}

async fn fault_of(store: &dyn ArtifactStore, file: &artifact::Model) -> Option<String> {
    let Ok(sha256) = file.sha256.parse() else { return Some("its digest is none".to_owned()) };
    let expected = file.size_bytes.unsigned_abs();
    match store.size(&sha256).await {
        Ok(Some(size)) if size == expected => {}
        Ok(Some(size)) => return Some(format!("it has {size} bytes instead of {expected}")),
        Ok(None) => return Some("it is not there".to_owned()),
        Err(fault) => return Some(fault.to_string()),
    }
    let read = async {
        let mut bytes = store.get(&sha256, 0..expected).await?;
        let mut hash = Sha256::new();
        while let Some(piece) = bytes.try_next().await? {
            hash.update(&piece);
        }
        Ok::<_, crate::artifact_store::StoreFault>(hex::encode(hash.finalize()))
    };
    match read.await {
        Ok(digest) if digest == file.sha256 => None,
        Ok(digest) => Some(format!("its SHA-256 is {digest}")),
        Err(fault) => Some(fault.to_string()),
    }
}
