//! The chain: each entry's hash covers the entry and the hash before it, so that nothing in between can be changed,
//! removed or put in without showing.

use super::{Actor, Record};
use crate::{Error, Result, store::statement};
use chrono::{DateTime, SecondsFormat, SubsecRound as _, Utc};
use entity::{
    id::{AuditEntryId, BusinessId},
    table::{audit_entry, audit_head},
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseBackend, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, TransactionTrait as _, sea_query::Expr,
};
use sha2::{Digest as _, Sha256};

/// The one row of `audit_head`.
const HEAD: i64 = 1;

/// Adds an entry. Others that add one wait until this transaction has ended.
pub(crate) async fn append(
    tx: &DatabaseTransaction,
    at: DateTime<Utc>,
    actor: &Actor,
    business_id: Option<BusinessId>,
    record: Record,
) -> Result<()> {
    let (head, previous) = lock_head(tx).await?;
    let text = |value: Option<serde_json::Value>| value.map(|value| value.to_string());
    let mut entry = audit_entry::Model {
        id: AuditEntryId::generate(),
        seq: Some(head + 1),
        // As fine as PostgreSQL keeps it: what is read back has to hash to the same.
        at: at.trunc_subsecs(6),
        actor_kind: actor.kind,
        actor_id: actor.id,
        actor_name: actor.name.clone(),
        source_ip: actor.source_ip.clone(),
        request_id: actor.request_id.clone(),
        business_id,
        device_id: record.device_id,
        action: record.action.to_owned(),
        summary: record.summary,
        before_json: text(record.before),
        after_json: text(record.after),
        previous_hash: Some(previous),
        hash: None,
    };
    let hash = digest(&entry)?;
    entry.hash = Some(hash.clone());
    let seq = head + 1;
    // Without `RETURNING`: who adds an entry need not be allowed to read it.
    audit_entry::Entity::insert(audit_entry::ActiveModel::from(entry)).exec_without_returning(tx).await?;
    move_head(tx, seq, hash).await
}

/// The hash of an entry over everything in it, and the hash before it.
pub(crate) fn digest(entry: &audit_entry::Model) -> Result<String> {
    let fields = serde_json::json!([
        entry.seq,
        entry.id,
        entry.at.to_rfc3339_opts(SecondsFormat::Micros, true),
        entry.actor_kind,
        entry.actor_id,
        entry.actor_name,
        entry.source_ip,
        entry.request_id,
        entry.business_id,
        entry.device_id,
        entry.action,
        entry.summary,
        entry.before_json,
        entry.after_json,
        entry.previous_hash,
    ]);
    let text = serde_json::to_string(&fields).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(hex::encode(Sha256::new().chain_update("reeve audit entry v1\n").chain_update(text).finalize()))
}

/// Chains entries that were written before there was a chain: once, when it begins.
pub(crate) async fn begin(db: &sea_orm::DatabaseConnection) -> Result<()> {
    let tx = db.begin().await?;
    if tx.get_database_backend() == DatabaseBackend::Postgres {
        tx.execute_unprepared("SELECT set_config('reeve.every', 'on', true)").await?;
    }
    let (mut seq, mut previous) = lock_head(&tx).await?;
    if seq > 0 {
        return Ok(());
    }
    let old = audit_entry::Entity::find()
        .filter(audit_entry::Column::Hash.is_null())
        .order_by_asc(audit_entry::Column::Id)
        .all(&tx)
        .await?;
    for mut entry in old {
        seq += 1;
        entry.seq = Some(seq);
        entry.at = entry.at.trunc_subsecs(6);
        entry.previous_hash = Some(previous);
        previous = digest(&entry)?;
        audit_entry::Entity::update_many()
            .col_expr(audit_entry::Column::Seq, Expr::value(seq))
            .col_expr(audit_entry::Column::At, Expr::value(entry.at))
            .col_expr(audit_entry::Column::PreviousHash, Expr::value(entry.previous_hash))
            .col_expr(audit_entry::Column::Hash, Expr::value(previous.clone()))
            .filter(audit_entry::Column::Id.eq(entry.id))
            .exec(&tx)
            .await?;
        move_head(&tx, seq, previous.clone()).await?;
    }
    Ok(tx.commit().await?)
}

/// The newest entry's place and hash, held until the transaction ends.
async fn lock_head(tx: &DatabaseTransaction) -> Result<(i64, String)> {
    let backend = tx.get_database_backend();
    let lock = if backend == DatabaseBackend::Postgres { " FOR UPDATE" } else { "" };
    let sql = format!("SELECT seq, hash FROM audit_head WHERE id = ?{lock}");
    let row = tx.query_one_raw(statement(backend, &sql, [HEAD.into()])).await?;
    let row = row.ok_or_else(|| Error::Internal("the audit chain has no head".to_owned()))?;
    Ok((row.try_get("", "seq")?, row.try_get("", "hash")?))
}

/// The newest entry's place and hash; another may be added at any moment.
pub(crate) async fn head(db: &impl ConnectionTrait) -> Result<(i64, String)> {
    let found = audit_head::Entity::find_by_id(HEAD).one(db).await?;
    let head = found.ok_or_else(|| Error::Internal("the audit chain has no head".to_owned()))?;
    Ok((head.seq, head.hash))
}

async fn move_head(tx: &DatabaseTransaction, seq: i64, hash: String) -> Result<()> {
    audit_head::Entity::update_many()
        .col_expr(audit_head::Column::Seq, Expr::value(seq))
        .col_expr(audit_head::Column::Hash, Expr::value(hash))
        .filter(audit_head::Column::Id.eq(HEAD))
        .exec(tx)
        .await?;
    Ok(())
}
