//! Releases as they are shown.

use super::{check_view, find, manifest_of, people, root};
use crate::{
    Cx, Result, Store, SystemCx,
    store::keyset::{self, Order, holds, pattern},
};
use entity::{
    agent_release::{ArtifactView, ReleaseDetail, ReleasePlatform, ReleaseQuery, ReleaseView, file_name},
    device::DeviceState,
    id::{ReleaseId, UserId},
    page::Page,
    policy::Action,
    release::{ArtifactKind, Role, Root, Sha256Hex, open_manifest, signed_by},
    table::{device, release, release_artifact as artifact},
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, sea_query::Expr,
};
use std::collections::{BTreeSet, HashMap};

/// One page of the releases, newest first.
///
/// # Errors
/// Forbidden by role; invalid names the field of the query.
pub async fn list(cx: &Cx, query: &ReleaseQuery) -> Result<Page<ReleaseView>> {
    check_view(cx)?;
    let mut select = release::Entity::find();
    if let Some(channel) = query.channel {
        select = select.filter(release::Column::Channel.eq(channel));
    }
    if let Some(state) = query.state {
        select = select.filter(release::Column::State.eq(state));
    }
    let version = || Expr::expr(keyset::column::<release::Entity>(release::Column::Version));
    if let Some(pattern) = pattern(query.search.as_deref())? {
        select = select.filter(holds(version(), &pattern));
    }
    let db = cx.store().db();
    let total = keyset::total(db, select.clone()).await?;
    // Sequences rise with each release that is brought, and ids with time.
    let order = Order::newest("releases");
    let slice = keyset::page(db, select, order, query.cursor.as_deref(), query.limit).await?;
    Ok(Page { items: views(cx, slice.rows).await?, next_cursor: slice.next_cursor, total: Some(total) })
}

/// One release with its files.
///
/// # Errors
/// Not found; forbidden by role.
pub async fn get(cx: &Cx, id: ReleaseId) -> Result<ReleaseDetail> {
    check_view(cx)?;
    let store = cx.store();
    let row = find(store.db(), id).await?;
    let manifest = manifest_of(&row)?;
    let files = files(store, vec![id]).await?;
    let names = people(store, files.iter().filter_map(|file| file.stored_by).collect()).await?;
    let running = running_files(cx, &files).await?;
    let artifacts = files.into_iter().map(|file| {
        let sha256 = file.sha256.parse::<Sha256Hex>().map_err(|_| super::not_found())?;
        Ok(ArtifactView {
            file_name: file_name(file.kind, file.os, file.arch, file.libc, &row.version),
            devices: running.get(&file.sha256).copied().unwrap_or_default(),
            kind: file.kind,
            os: file.os,
            arch: file.arch,
            libc: file.libc,
            size_bytes: file.size_bytes.unsigned_abs(),
            sha256,
            build_id: file.build_id,
            stored_at: file.stored_at,
            stored_by: file.stored_by.and_then(|id| names.get(&id).cloned()),
        })
    });
    let artifacts = artifacts.collect::<Result<_>>()?;
    Ok(ReleaseDetail {
        manifest_sha256: row.manifest_sha256.parse().map_err(|_| super::not_found())?,
        signers: signers(&root::all(store.db()).await?, &row.manifest),
        release: view_of(cx, row).await?,
        min_from: manifest.min_from,
        min_secure: manifest.min_secure,
        revoked: manifest.revoked,
        artifacts,
        may_manage: cx.me().may(Action::ManageRelease) && cx.reach().includes_msp(),
    })
}

/// A release as the command line shows it.
///
/// # Errors
/// Not found.
pub async fn get_at_terminal(cx: &SystemCx, id: ReleaseId) -> Result<ReleaseView> {
    let store = cx.store();
    let row = find(store.db(), id).await?;
    let mut views = views_with(store, vec![row], &HashMap::new()).await?;
    views.pop().ok_or_else(super::not_found)
}

async fn view_of(cx: &Cx, row: release::Model) -> Result<ReleaseView> {
    views(cx, vec![row]).await?.pop().ok_or_else(super::not_found)
}

async fn views(cx: &Cx, rows: Vec<release::Model>) -> Result<Vec<ReleaseView>> {
    let running = running_releases(cx, &rows).await?;
    views_with(cx.store(), rows, &running).await
}

async fn views_with(
    store: &Store,
    rows: Vec<release::Model>,
    running: &HashMap<i64, u64>,
) -> Result<Vec<ReleaseView>> {
    let files = files(store, rows.iter().map(|row| row.id).collect()).await?;
    let who = rows.iter().flat_map(|row| [row.created_by, row.withdrawn_by]).flatten().collect();
    let names = people(store, who).await?;
    let name = |id: Option<UserId>| id.and_then(|id| names.get(&id).cloned());
    let current = root::current(store.db()).await?;
    let view = |row: release::Model| {
        let own = || files.iter().filter(|file| file.release_id == row.id);
        let stored = own().filter(|file| file.stored_at.is_some()).count();
        let agents = own().filter(|file| file.kind == ArtifactKind::Agent);
        let platforms: BTreeSet<_> =
            agents.map(|file| ReleasePlatform { os: file.os, arch: file.arch }).collect();
        ReleaseView {
            artifacts: u32::try_from(own().count()).unwrap_or(u32::MAX),
            artifacts_stored: u32::try_from(stored).unwrap_or(u32::MAX),
            platforms: platforms.into_iter().collect(),
            devices: running.get(&row.seq).copied().unwrap_or_default(),
            is_expired: row.expires_at <= store.now(),
            is_untrusted: !is_trusted(current.as_ref(), &row.manifest),
            created_by: name(row.created_by),
            withdrawn_by: name(row.withdrawn_by),
            id: row.id,
            version: row.version,
            seq: row.seq.unsigned_abs(),
            channel: row.channel,
            state: row.state,
            issued_at: row.issued_at,
            expires_at: row.expires_at,
            notes: row.notes,
            created_at: row.created_at,
            available_at: row.available_at,
            withdrawn_at: row.withdrawn_at,
            withdrawn_reason: row.withdrawn_reason,
        }
    };
    Ok(rows.into_iter().map(view).collect())
}

/// Does the root in force still vouch for what this manifest was signed with?
pub(super) fn is_trusted(current: Option<&Root>, manifest: &str) -> bool {
    current.is_some_and(|root| open_manifest(root, manifest).is_ok())
}

/// Who signed a manifest: by the names that the root in force gives to the holders of its release keys, or the newest root
/// that knows one of them.
fn signers(roots: &[Root], manifest: &str) -> Vec<String> {
    let of = |root: &Root| -> Vec<String> {
        let Some(role) = root.roles.get(&Role::Release) else { return Vec::new() };
        let signed = signed_by(root, manifest).unwrap_or_default();
        let own = signed.into_iter().filter(|key| role.keyids.contains(&key.keyid));
        own.map(|key| key.holder.clone()).collect()
    };
    roots.iter().map(of).find(|names| !names.is_empty()).unwrap_or_default()
}

async fn files(store: &Store, ids: Vec<ReleaseId>) -> Result<Vec<artifact::Model>> {
    Ok(artifact::Entity::find()
        .filter(artifact::Column::ReleaseId.is_in(ids))
        .order_by_asc(artifact::Column::Position)
        .all(store.db())
        .await?)
}

/// How many devices within reach said last that they run each of these releases.
async fn running_releases(cx: &Cx, rows: &[release::Model]) -> Result<HashMap<i64, u64>> {
    let found: Vec<(i64, i64)> = cx
        .select::<device::Entity>()
        .filter(device::Column::State.eq(DeviceState::Active))
        .filter(device::Column::RunningSeq.is_in(rows.iter().map(|row| row.seq)))
        .select_only()
        .column(device::Column::RunningSeq)
        .expr_as(Expr::cust("COUNT(*)"), "devices")
        .group_by(device::Column::RunningSeq)
        .into_tuple()
        .all(cx.db())
        .await?;
    Ok(found.into_iter().map(|(seq, devices)| (seq, devices.unsigned_abs())).collect())
}

/// The same for each of these files.
async fn running_files(cx: &Cx, files: &[artifact::Model]) -> Result<HashMap<String, u64>> {
    let found: Vec<(String, i64)> = cx
        .select::<device::Entity>()
        .filter(device::Column::State.eq(DeviceState::Active))
        .filter(device::Column::RunningSha256.is_in(files.iter().map(|file| file.sha256.as_str())))
        .select_only()
        .column(device::Column::RunningSha256)
        .expr_as(Expr::cust("COUNT(*)"), "devices")
        .group_by(device::Column::RunningSha256)
        .into_tuple()
        .all(cx.db())
        .await?;
    Ok(found.into_iter().map(|(sha256, devices)| (sha256, devices.unsigned_abs())).collect())
}
