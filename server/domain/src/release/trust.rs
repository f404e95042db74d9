//! What a device asks: whether an update is due, whether what it knows is still what is meant, and that it was heard.

use super::{find, root};
use crate::{AgentCx, Error, Result, rollout};
use chrono::Duration;
use entity::{
    agent_release::ReleaseState,
    problem::{Problem, ProblemCode},
    release::{
        NotSigned, PRODUCT, Receipt, SPEC, Sha256Hex, TIMESTAMP_HOURS_MAX, Timestamp, is_build_id, is_nonce,
    },
    table::{device_latest, release},
    update::{FreshnessQuestion, ReceiptAnswer, ReceiptRequest, TrustAnswer, UpdateAnswer, UpdateQuestion},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

/// Is an update due for this device? A rollout says so; what it grants comes with everything that the device needs to
/// find out for itself whether to believe it.
///
/// # Errors
/// Not found when another device is asked about; invalid names the field.
pub async fn check_update(cx: &AgentCx, question: &UpdateQuestion) -> Result<Option<UpdateAnswer>> {
    if question.agent_id.is_some_and(|id| id != cx.device_id()) {
        return Err(Error::not_found("device"));
    }
    if let Some(nonce) = &question.nonce {
        check_nonce(nonce)?;
    }
    let telemetry = cx.store().telemetry();
    let answer = granted(cx, question).await;
    telemetry.update_asked(match &answer {
        Ok(Some(_)) => "granted",
        Ok(None) => "nothing",
        Err(_) => "failed",
    });
    answer
}

async fn granted(cx: &AgentCx, question: &UpdateQuestion) -> Result<Option<UpdateAnswer>> {
    let Some(grant) = rollout::offer(cx, question).await? else { return Ok(None) };
    let store = cx.store();
    let row = find(store.db(), grant.release_id).await?;
    let artifact = super::artifact_for(store.db(), row.id, question.os, question.arch, question.libc).await?;
    let Some(artifact) = artifact.filter(|_| row.state == ReleaseState::Available) else { return Ok(None) };
    let checksum: Sha256Hex =
        artifact.sha256.parse().map_err(|_| Error::Internal("a stored digest".to_owned()))?;
    Ok(Some(UpdateAnswer {
        new_version: row.version.clone(),
        download_url: format!("{}/api/v1/artifacts/sha256/{checksum}", store.public_url()),
        checksum,
        update_id: grant.update_id,
        rollout_id: grant.rollout_id,
        seq: row.seq.unsigned_abs(),
        lease_expires_at: grant.lease_expires_at,
        not_before: grant.not_before,
        trust: trust(cx, Some(&row), question.root_version, question.nonce.as_deref()).await?,
    }))
}

/// The roots that the device does not know yet, and the server's word that a manifest is still what is meant for it: that
/// of the update that it is at, else that of what it runs.
///
/// # Errors
/// Invalid names the field `nonce`.
pub async fn freshness(cx: &AgentCx, question: &FreshnessQuestion) -> Result<TrustAnswer> {
    check_nonce(&question.nonce)?;
    let row = meant(cx).await?;
    trust(cx, row.as_ref(), question.root_version, Some(&question.nonce)).await
}

/// The release that is meant for a device now.
async fn meant(cx: &AgentCx) -> Result<Option<release::Model>> {
    let db = cx.store().db();
    if let Some(id) = rollout::open_release(cx).await? {
        return find(db, id).await.map(Some);
    }
    let Some(seq) = cx.device().await?.running_seq else { return Ok(None) };
    Ok(release::Entity::find().filter(release::Column::Seq.eq(seq)).one(db).await?)
}

async fn trust(
    cx: &AgentCx,
    row: Option<&release::Model>,
    root_version: u64,
    nonce: Option<&str>,
) -> Result<TrustAnswer> {
    let store = cx.store();
    let roots = root::after(store.db(), root_version).await?;
    let (Some(nonce), Some(signer)) = (nonce, store.freshness().signer()?) else {
        return Ok(TrustAnswer { roots, timestamp: None, manifest: row.map(|row| row.manifest.clone()) });
    };
    let manifest_sha256 = row.map(|row| row.manifest_sha256.parse()).transpose();
    let signed_time = store.now();
    let timestamp = Timestamp {
        spec: SPEC,
        product: PRODUCT.to_owned(),
        nonce: nonce.to_owned(),
        device_id: cx.device_id(),
        signed_time,
        expires: signed_time + Duration::hours(TIMESTAMP_HOURS_MAX),
        seq: row.map_or(0, |row| row.seq.unsigned_abs()),
        manifest_sha256: manifest_sha256.map_err(|_| Error::Internal("a stored digest".to_owned()))?,
    };
    let timestamp = signer.sign(&timestamp).map_err(not_signed)?;
    Ok(TrustAnswer { roots, timestamp: Some(timestamp), manifest: row.map(|row| row.manifest.clone()) })
}

/// Signs that the server has heard this build.
///
/// # Errors
/// Invalid names the field; unavailable when the server has no key for it.
pub async fn receipt(cx: &AgentCx, request: ReceiptRequest) -> Result<ReceiptAnswer> {
    check_nonce(&request.nonce)?;
    if !is_build_id(&request.running.build_id) {
        let detail = "A build is named by printable characters without spaces.";
        return Err(Problem::invalid("running.build_id", detail).into());
    }
    let store = cx.store();
    let signer = store.freshness().signer()?.ok_or_else(no_key)?;
    // A program that looks whether it could work here, beside the one that does, is not what runs.
    if request.running.is_supervised {
        rollout::seen(cx, &request.running).await?;
    }
    let receipt = Receipt {
        spec: SPEC,
        product: PRODUCT.to_owned(),
        device_id: cx.device_id(),
        build_id: request.running.build_id,
        nonce: request.nonce,
        signed_time: store.now(),
        batches: batches(cx).await?,
    };
    Ok(ReceiptAnswer { receipt: signer.sign(&receipt).map_err(not_signed)? })
}

/// A number that rises with every commit of newer samples of the device: when the server wrote the last of them. The same
/// in every process that shares the database.
async fn batches(cx: &AgentCx) -> Result<u64> {
    let latest = device_latest::Entity::find_by_id(cx.device_key()).one(cx.store().db()).await?;
    Ok(latest.map_or(0, |latest| latest.received_at.timestamp_millis().unsigned_abs()))
}

fn check_nonce(nonce: &str) -> Result<()> {
    if is_nonce(nonce) {
        Ok(())
    } else {
        Err(Problem::invalid("nonce", "128 bits as 32 lower-case hex digits.").into())
    }
}

fn no_key() -> Error {
    let detail = "This server has no freshness key: `reeve release freshness-key` makes one.";
    Problem::new(ProblemCode::Unavailable, detail).into()
}

fn not_signed(error: NotSigned) -> Error {
    Error::Internal(format!("signing: {error}"))
}
