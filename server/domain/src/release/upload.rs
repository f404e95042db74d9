//! A file of a release comes in, piece by piece: hashed while it is written, compared with the signed manifest as early
//! as can be, and there for nobody before all of it is right.

use super::{bring, hand::Hand};
use crate::{Confirmed, Error, Result, SystemCx, artifact_store::ArtifactWriter, audit::Record};
use bytes::Bytes;
use entity::{
    agent_release::{ReleaseState, StoredArtifact, file_name},
    id::ReleaseId,
    platform::{Arch, Os},
    problem::Problem,
    release::{
        ArtifactKind, Libc, Sha256Hex,
        program::{self, HEAD_BYTES},
    },
    table::{release, release_artifact as artifact},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, sea_query::Expr};
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// What is said of a file before it comes. Each part that is given has to fit an entry of the manifest; together they
/// have to name one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArtifactInput {
    /// Of which release; the one whose manifest came along when absent.
    pub version: Option<String>,
    /// For which system.
    pub os: Option<Os>,
    /// For which processor.
    pub arch: Option<Arch>,
    /// For which C library; Linux only.
    pub libc: Option<Libc>,
    /// What it is.
    pub kind: Option<ArtifactKind>,
    /// What whoever sends it took for its SHA-256.
    pub sha256: Option<Sha256Hex>,
}

/// A file on its way in. Dropped before it is finished, nothing of it is left.
pub struct Upload<'a> {
    hand: Hand<'a>,
    release: release::Model,
    expected: artifact::Model,
    sha256: Sha256Hex,
    hash: Sha256,
    received: u64,
    /// The first bytes, until they are enough to say what the file is.
    head: Vec<u8>,
    stage: Stage,
    is_done: bool,
}

enum Stage {
    /// Too little has come to say what it is.
    Unknown,
    /// It is being written.
    Writing(Box<dyn ArtifactWriter>),
    /// It is there already and is only compared.
    Comparing,
}

impl<'a> Upload<'a> {
    /// Begins a file of a release that is there.
    ///
    /// # Errors
    /// Forbidden by role; conflict when the release was withdrawn; invalid names the first field that fits nothing in the
    /// manifest.
    pub async fn begin(
        cx: &'a Confirmed<'_>,
        release: Option<ReleaseId>,
        about: &ArtifactInput,
    ) -> Result<Self> {
        Self::open(Hand::of(cx)?, release, about).await
    }

    /// The same at the server's command line.
    ///
    /// # Errors
    /// As [`Upload::begin`].
    pub async fn begin_at_terminal(
        cx: &'a SystemCx,
        release: ReleaseId,
        about: &ArtifactInput,
    ) -> Result<Self> {
        Self::open(Hand::at_terminal(cx), Some(release), about).await
    }

    async fn open(hand: Hand<'a>, release: Option<ReleaseId>, about: &ArtifactInput) -> Result<Self> {
        let db = hand.store().db();
        let release = match (release, &about.version) {
            (Some(id), _) => super::find(db, id).await?,
            (None, Some(version)) => release::Entity::find()
                .filter(release::Column::Version.eq(version.as_str()))
                .one(db)
                .await?
                .ok_or_else(|| {
                    Problem::invalid(
                        "version",
                        "There is no release of this version: its manifest has to come first.",
                    )
                })?,
            (None, None) => {
                return Err(Problem::invalid("version", "Say of which release this file is.").into());
            }
        };
        if about.version.as_ref().is_some_and(|version| *version != release.version) {
            let detail = format!("The manifest is that of {}.", release.version);
            return Err(Problem::invalid("version", detail).into());
        }
        if release.state == ReleaseState::Withdrawn {
            return Err(bring::withdrawn());
        }
        let rows = artifact::Entity::find()
            .filter(artifact::Column::ReleaseId.eq(release.id))
            .order_by_asc(artifact::Column::Position)
            .all(db)
            .await?;
        let expected = pick(rows, about)?;
        let sha256 = expected.sha256.parse().map_err(|_| Error::Internal("a stored digest".to_owned()))?;
        Ok(Self {
            hand,
            release,
            expected,
            sha256,
            hash: Sha256::new(),
            received: 0,
            head: Vec::new(),
            stage: Stage::Unknown,
            is_done: false,
        })
    }

    /// Takes what comes next.
    ///
    /// # Errors
    /// Invalid names the field: `size` as soon as it is too large, `file`, `os`, `arch` or `libc` as soon as its first
    /// bytes say that it is something else; unavailable when it cannot be stored.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.received += bytes.len() as u64;
        if self.received > self.expected.size_bytes.unsigned_abs() {
            return Err(self.wrong_size("larger"));
        }
        self.hash.update(&bytes);
        match &mut self.stage {
            Stage::Writing(writer) => Ok(writer.write(bytes).await?),
            Stage::Comparing => Ok(()),
            Stage::Unknown => {
                self.head.extend_from_slice(&bytes);
                if self.head.len() >= HEAD_BYTES { self.recognise().await } else { Ok(()) }
            }
        }
    }

    /// The first bytes are here: they say what it is, and whether it has to be written.
    async fn recognise(&mut self) -> Result<()> {
        check_platform(&self.head, &self.expected)?;
        let store = self.hand.store().artifacts()?;
        let is_there = self.expected.stored_at.is_some()
            && store.size(&self.sha256).await? == Some(self.expected.size_bytes.unsigned_abs());
        self.stage = if is_there {
            Stage::Comparing
        } else {
            let mut writer = store.put(&self.sha256).await?;
            writer.write(std::mem::take(&mut self.head).into()).await?;
            Stage::Writing(writer)
        };
        self.head = Vec::new();
        Ok(())
    }

    /// All of it is here: it becomes a file of the release if it is what the manifest says.
    ///
    /// # Errors
    /// As [`Upload::write`], and invalid with the field `sha256`; conflict when the release was withdrawn meanwhile.
    pub async fn finish(mut self) -> Result<(ReleaseId, StoredArtifact)> {
        if self.received == 0 {
            return Err(Problem::invalid("file", "The file is empty.").into());
        }
        if matches!(self.stage, Stage::Unknown) {
            self.recognise().await?;
        }
        if self.received != self.expected.size_bytes.unsigned_abs() {
            return Err(self.wrong_size("smaller"));
        }
        let digest = hex::encode(std::mem::take(&mut self.hash).finalize());
        if digest != self.expected.sha256 {
            let detail = format!("Its SHA-256 is {digest}; the manifest says {}.", self.expected.sha256);
            return Err(Problem::invalid("sha256", detail).into());
        }
        let mut is_new = false;
        if let Stage::Writing(writer) = std::mem::replace(&mut self.stage, Stage::Comparing) {
            writer.finish().await?;
            is_new = note(&self.hand, &self.release, &self.expected).await?;
        }
        self.is_done = true;
        let telemetry = self.hand.store().telemetry();
        telemetry.artifact_uploaded(if is_new { "stored" } else { "again" });
        let stored = StoredArtifact { sha256: self.sha256.clone(), size_bytes: self.received, is_new };
        Ok((self.release.id, stored))
    }

    fn wrong_size(&self, how: &str) -> Error {
        let detail = format!(
            "The file is {how} than the {} bytes that the manifest says of {}.",
            self.expected.size_bytes,
            name_of(&self.release, &self.expected)
        );
        Problem::invalid("size", detail).into()
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.hand.store().telemetry().artifact_uploaded("refused");
        }
    }
}

/// Writes down that a file is there. False when somebody else was first.
async fn note(hand: &Hand<'_>, release: &release::Model, file: &artifact::Model) -> Result<bool> {
    let change = hand.begin().await?;
    if super::find(&*change, release.id).await?.state == ReleaseState::Withdrawn {
        return Err(bring::withdrawn());
    }
    let noted = artifact::Entity::update_many()
        .col_expr(artifact::Column::StoredAt, Expr::value(change.now()))
        .col_expr(artifact::Column::StoredBy, Expr::value(hand.user()))
        .filter(artifact::Column::Sha256.eq(file.sha256.as_str()))
        .filter(artifact::Column::StoredAt.is_null())
        .exec(&*change)
        .await?;
    if noted.rows_affected == 0 {
        return Ok(false);
    }
    let done = bring::complete(&change).await?;
    let name = name_of(release, file);
    let record = Record::new("release.store", format!("Stored {name}")).after(json!({
        "release_id": release.id, "sha256": file.sha256, "size_bytes": file.size_bytes,
        "completes": done.iter().map(|row| row.version.as_str()).collect::<Vec<_>>(),
    }));
    hand.commit(change, record).await?;
    Ok(true)
}

fn name_of(release: &release::Model, file: &artifact::Model) -> String {
    file_name(file.kind, file.os, file.arch, file.libc, &release.version)
}

/// The one entry that fits what is said of a file.
fn pick(mut rows: Vec<artifact::Model>, about: &ArtifactInput) -> Result<artifact::Model> {
    let mut narrow = |field: &str, fits: &dyn Fn(&artifact::Model) -> bool| {
        rows.retain(|row| fits(row));
        if rows.is_empty() {
            Err(Problem::invalid(field, "The release has no such file: its manifest names others."))
        } else {
            Ok(())
        }
    };
    if let Some(os) = about.os {
        narrow("os", &|row| row.os == os)?;
    }
    if let Some(arch) = about.arch {
        narrow("arch", &|row| row.arch == arch)?;
    }
    if let Some(libc) = about.libc {
        narrow("libc", &|row| row.libc == Some(libc))?;
    }
    // Whoever says neither what it is nor its digest means the agent.
    let meant = about.sha256.is_none().then_some(ArtifactKind::Agent);
    if let Some(kind) = about.kind.or(meant) {
        narrow("kind", &|row| row.kind == kind)?;
    }
    if let Some(sha256) = &about.sha256 {
        narrow("sha256", &|row| row.sha256 == sha256.as_str())?;
    }
    let [first, others @ ..] = &*rows else { return Err(super::not_found()) };
    let differs =
        |of: fn(&artifact::Model, &artifact::Model) -> bool| others.iter().any(|row| of(first, row));
    let missing = if others.is_empty() {
        None
    } else if differs(|one, other| one.os != other.os) {
        Some("os")
    } else if differs(|one, other| one.arch != other.arch) {
        Some("arch")
    } else if differs(|one, other| one.kind != other.kind) {
        Some("kind")
    } else {
        Some("libc")
    };
    match missing {
        None => Ok(rows.swap_remove(0)),
        Some(field) => {
            Err(Problem::invalid(field, "The manifest names several files that fit: say which it is.").into())
        }
    }
}

/// The digest decides; this tells people which file they took instead.
fn check_platform(head: &[u8], expected: &artifact::Model) -> Result<()> {
    let Some(found) = program::platform(head) else {
        return Err(Problem::invalid("file", "This is not a program for Linux, macOS or Windows.").into());
    };
    if found.os != expected.os {
        let detail = format!("This is a program for {}, not for {}.", found.os.label(), expected.os.label());
        return Err(Problem::invalid("os", detail).into());
    }
    if found.arch != expected.arch {
        let detail =
            format!("This is a program for {}, not for {}.", found.arch.word(), expected.arch.word());
        return Err(Problem::invalid("arch", detail).into());
    }
    // The other way round nothing can be said: a program may bring its own C library, whichever that is.
    if (found.libc, expected.libc) == (Some(Libc::Gnu), Some(Libc::Musl)) {
        return Err(Problem::invalid("libc", "This program needs the GNU C library.").into());
    }
    Ok(())
}
