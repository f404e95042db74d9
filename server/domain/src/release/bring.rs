//! A manifest comes: what people signed elsewhere becomes a release, or the same release signed again.

use super::{hand::Hand, root};
use crate::{Confirmed, Error, Result, SystemCx, audit::Record, store::Change};
use entity::{
    agent_release::{ReleaseEvent, ReleaseState},
    id::ReleaseId,
    problem::Problem,
    release::{Manifest, Opened, Reason, Version, open_manifest},
    table::{release, release_artifact as artifact},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _,
    sea_query::Expr,
};
use serde_json::json;

/// Brings a signed manifest. The same one again changes nothing; the same release signed again with a later end takes the
/// place of the one before.
///
/// # Errors
/// Forbidden by role; invalid names the field: `manifest` when it is not signed by the root in force, out of date, or not
/// above what is there, or `version`.
pub async fn bring(cx: &Confirmed<'_>, manifest: &str) -> Result<ReleaseId> {
    take(&Hand::of(cx)?, manifest).await.map(|row| row.id)
}

/// The same at the server's command line.
///
/// # Errors
/// As [`bring`].
pub async fn bring_at_terminal(cx: &SystemCx, manifest: &str) -> Result<ReleaseId> {
    take(&Hand::at_terminal(cx), manifest).await.map(|row| row.id)
}

/// The release of a manifest, made when there is none.
async fn take(hand: &Hand<'_>, envelope: &str) -> Result<release::Model> {
    let store = hand.store();
    let current = root::current(store.db()).await?.ok_or_else(|| refused(Reason::NoRoot))?;
    let opened = open_manifest(&current, envelope).map_err(refused)?;
    let manifest = &opened.document;
    if current.expires <= store.now() {
        return Err(refused(Reason::RootExpired));
    }
    if manifest.expires <= store.now() {
        return Err(refused(Reason::ManifestExpired));
    }
    let seq = i64::try_from(manifest.seq).map_err(|_| refused(Reason::Malformed))?;
    let change = hand.begin().await?;
    let rows = release::Entity::find().all(&*change).await?;
    if let Some(before) = rows.iter().find(|row| row.seq == seq) {
        return again(hand, change, before.clone(), &opened, envelope).await;
    }
    check_above(&rows, manifest, seq)?;
    let row = release::Model {
        id: ReleaseId::generate(),
        version: manifest.version.as_str().to_owned(),
        seq,
        channel: manifest.channel,
        state: ReleaseState::Incomplete,
        manifest: envelope.to_owned(),
        manifest_sha256: opened.payload_sha256.to_string(),
        issued_at: manifest.issued,
        expires_at: manifest.expires,
        notes: manifest.notes.clone(),
        created_by: hand.user(),
        created_at: change.now(),
        available_at: None,
        withdrawn_by: None,
        withdrawn_at: None,
        withdrawn_reason: None,
    };
    release::ActiveModel::from(row.clone()).insert(&*change).await?;
    insert_artifacts(&change, &row, manifest).await?;
    complete(&change).await?;
    let record = Record::new("release.add", format!("Added the release {}", row.version)).after(json!({
        "release_id": row.id, "seq": manifest.seq, "channel": manifest.channel,
        "manifest_sha256": opened.payload_sha256, "artifacts": manifest.artifacts.len(),
    }));
    let id = row.id;
    hand.commit(change, record).await?;
    super::find(store.db(), id).await
}

/// Sequences rise over all channels, versions within each.
fn check_above(rows: &[release::Model], manifest: &Manifest, seq: i64) -> Result<()> {
    if let Some(highest) = rows.iter().map(|row| row.seq).max().filter(|highest| *highest >= seq) {
        let detail =
            format!("Its sequence is {seq}, and there is one of {highest} already: sequences only rise.");
        return Err(Problem::invalid("manifest", detail).into());
    }
    let version = &manifest.version;
    for row in rows {
        let Ok(there) = row.version.parse::<Version>() else { continue };
        if there == *version || (row.channel == manifest.channel && there > *version) {
            let detail =
                format!("{} is not above {}, which is there already.", version.as_str(), row.version);
            return Err(Problem::invalid("version", detail).into());
        }
    }
    Ok(())
}

/// The sequence is there already: nothing new, or the same release signed again.
async fn again(
    hand: &Hand<'_>,
    change: Change,
    before: release::Model,
    opened: &Opened<Manifest>,
    envelope: &str,
) -> Result<release::Model> {
    if before.manifest_sha256 == opened.payload_sha256.as_str() {
        return Ok(before);
    }
    let manifest = &opened.document;
    if before.state == ReleaseState::Withdrawn {
        return Err(withdrawn());
    }
    let former = super::manifest_of(&before)?;
    let is_same = former.version == manifest.version
        && former.channel == manifest.channel
        && former.artifacts == manifest.artifacts;
    if !is_same {
        let detail =
            format!("There is another release with the sequence {}: {}.", before.seq, before.version);
        return Err(Problem::invalid("manifest", detail).into());
    }
    if manifest.expires <= before.expires_at {
        let detail = "This release is here already, with a manifest that is good for longer.";
        return Err(Problem::invalid("manifest", detail).into());
    }
    release::Entity::update_many()
        .col_expr(release::Column::Manifest, Expr::value(envelope))
        .col_expr(release::Column::ManifestSha256, Expr::value(opened.payload_sha256.as_str()))
        .col_expr(release::Column::IssuedAt, Expr::value(manifest.issued))
        .col_expr(release::Column::ExpiresAt, Expr::value(manifest.expires))
        .filter(release::Column::Id.eq(before.id))
        .exec(&*change)
        .await?;
    let record = Record::new("release.renew", format!("Renewed the manifest of {}", before.version))
        .before(json!({ "manifest_sha256": before.manifest_sha256, "expires": before.expires_at }))
        .after(json!({ "manifest_sha256": opened.payload_sha256, "expires": manifest.expires }));
    hand.commit(change, record).await?;
    super::find(hand.store().db(), before.id).await
}

async fn insert_artifacts(change: &Change, row: &release::Model, manifest: &Manifest) -> Result<()> {
    for (position, one) in (0..).zip(&manifest.artifacts) {
        // The same file may belong to several releases, such as an updater that did not change.
        let there = artifact::Entity::find()
            .filter(artifact::Column::Sha256.eq(one.sha256.as_str()))
            .filter(artifact::Column::StoredAt.is_not_null())
            .limit(1)
            .one(&**change)
            .await?;
        let model = artifact::Model {
            release_id: row.id,
            position,
            kind: one.kind,
            os: one.os,
            arch: one.arch,
            libc: one.libc,
            size_bytes: i64::try_from(one.size_bytes).map_err(|_| refused(Reason::Malformed))?,
            sha256: one.sha256.to_string(),
            build_id: one.build_id.clone(),
            stored_by: there.as_ref().and_then(|there| there.stored_by),
            stored_at: there.and_then(|there| there.stored_at),
        };
        artifact::ActiveModel::from(model).insert(&**change).await?;
    }
    Ok(())
}

/// Moves every release whose last file is here now. Says which.
pub(super) async fn complete(change: &Change) -> Result<Vec<release::Model>> {
    let waiting = release::Entity::find()
        .filter(release::Column::State.eq(ReleaseState::Incomplete))
        .all(&**change)
        .await?;
    let mut done = Vec::new();
    for row in waiting {
        let missing = artifact::Entity::find()
            .filter(artifact::Column::ReleaseId.eq(row.id))
            .filter(artifact::Column::StoredAt.is_null())
            .limit(1)
            .one(&**change)
            .await?;
        if let (None, Some(next)) = (missing, row.state.on(ReleaseEvent::Complete)) {
            release::Entity::update_many()
                .col_expr(release::Column::State, Expr::value(next))
                .col_expr(release::Column::AvailableAt, Expr::value(change.now()))
                .filter(release::Column::Id.eq(row.id))
                .exec(&**change)
                .await?;
            done.push(row);
        }
    }
    Ok(done)
}

/// Why a manifest is not taken, in words for people.
fn refused(reason: Reason) -> Error {
    let detail = match reason {
        Reason::NoRoot => {
            "The server trusts no root yet: add the root first, then nothing but what its keys signed is taken."
                .to_owned()
        }
        other => format!("{}.", other.label()),
    };
    Problem::invalid("manifest", detail).into()
}

pub(super) fn withdrawn() -> Error {
    Error::conflict(None, "This release was withdrawn. Sign one with a higher sequence instead.")
}
