//! The roots: who may sign what. The first is believed because people compared its fingerprint; each further one because
//! the one before vouches for it.

use super::{check_view, hand::Hand, people};
use crate::{
    Confirmed, Cx, Error, Result, SystemCx, audit::Record, error::on_duplicate, store::open_for_reading,
};
use chrono::{DateTime, Utc};
use entity::{
    agent_release::{RootInput, RootKeyView, RootView, ThresholdView},
    problem::Problem,
    release::{PublicKey, Reason, Role, Root, Sha256Hex, next_root, open_root, root_fingerprint},
    table::release_root as table,
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use serde_json::json;

/// The root in force.
pub(crate) async fn current(db: &impl ConnectionTrait) -> Result<Option<Root>> {
    row(db).await?.map(|row| opened(&row)).transpose()
}

/// The root in force as its envelope: what a device pins when it is registered.
pub(crate) async fn current_envelope(db: &impl ConnectionTrait) -> Result<Option<String>> {
    Ok(row(db).await?.map(|row| row.envelope))
}

/// The envelopes of the roots after this version, in order, as many as one answer takes.
pub(super) async fn after(db: &impl ConnectionTrait, version: u64) -> Result<Vec<String>> {
    let most = u64::try_from(entity::release::ROOTS_MAX).unwrap_or(u64::MAX);
    let rows = table::Entity::find()
        .filter(table::Column::Version.gt(i64::try_from(version).unwrap_or(i64::MAX)))
        .order_by_asc(table::Column::Version)
        .limit(most)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| row.envelope).collect())
}

/// Every root, the one in force first.
pub(super) async fn all(db: &impl ConnectionTrait) -> Result<Vec<Root>> {
    let rows = table::Entity::find().order_by_desc(table::Column::Version).all(db).await?;
    rows.iter().map(opened).collect()
}

async fn row(db: &impl ConnectionTrait) -> Result<Option<table::Model>> {
    Ok(table::Entity::find().order_by_desc(table::Column::Version).one(db).await?)
}

fn opened(row: &table::Model) -> Result<Root> {
    // Each was checked when it came; whoever changes a row cannot sign it.
    open_root(&row.envelope).map_err(|reason| Error::Internal(format!("a stored root: {}", reason.word())))
}

/// The roots, the one in force first.
///
/// # Errors
/// Forbidden by role.
pub async fn roots(cx: &Cx) -> Result<Vec<RootView>> {
    check_view(cx)?;
    let rows = table::Entity::find().order_by_desc(table::Column::Version).all(cx.store().db()).await?;
    let names = people(cx.store(), rows.iter().filter_map(|row| row.added_by).collect()).await?;
    let newest = rows.first().map(|row| row.version);
    rows.iter()
        .map(|row| {
            let view = view(cx, &opened(row)?, &row.envelope)?;
            Ok(RootView {
                is_current: Some(row.version) == newest,
                added_by: row.added_by.and_then(|id| names.get(&id).cloned()),
                added_at: Some(row.added_at),
                ..view
            })
        })
        .collect()
}

/// Reads a root that somebody wants to add, and changes nothing: people compare its fingerprint first.
///
/// # Errors
/// Forbidden by role; invalid when it is none, or does not follow the one in force.
pub async fn look_at_root(cx: &Cx, envelope: &str) -> Result<RootView> {
    check_view(cx)?;
    let root = follows(current(cx.store().db()).await?.as_ref(), envelope)?;
    view(cx, &root, envelope)
}

/// Adds a root: the first by its fingerprint, which people compared; each further one only if the one before vouches for it.
///
/// # Errors
/// Forbidden by role; invalid names the field `root` or `fingerprint`; conflict when somebody else has just added one.
pub async fn add_root(cx: &Confirmed<'_>, input: RootInput) -> Result<RootView> {
    let added = add(&Hand::of(cx)?, &input.root, input.fingerprint.as_ref()).await?;
    let roots = roots(cx).await?;
    roots
        .into_iter()
        .find(|view| view.version == added)
        .ok_or_else(|| Error::Internal("a root that was added is not there".to_owned()))
}

/// The same at the server's command line, where whoever types it sees the fingerprint.
///
/// # Errors
/// As [`add_root`].
pub async fn add_root_at_terminal(
    cx: &SystemCx,
    envelope: &str,
    fingerprint: Option<&Sha256Hex>,
) -> Result<u64> {
    add(&Hand::at_terminal(cx), envelope, fingerprint).await
}

async fn add(hand: &Hand<'_>, envelope: &str, fingerprint: Option<&Sha256Hex>) -> Result<u64> {
    let change = hand.begin().await?;
    let before = current(&*change).await?;
    let root = follows(before.as_ref(), envelope)?;
    let actual = root_fingerprint(envelope).map_err(refused)?;
    let is_confirmed = match fingerprint {
        Some(said) => *said == actual,
        // The one before vouches for it.
        None => before.is_some(),
    };
    if !is_confirmed {
        let detail = format!(
            "Compare the fingerprint {actual} with those who made this root, and say it when it is the same."
        );
        return Err(Problem::invalid("fingerprint", detail).into());
    }
    if root.expires <= change.now() {
        return Err(refused(Reason::RootExpired));
    }
    let model = table::Model {
        version: i64::try_from(root.version).map_err(|_| refused(Reason::Malformed))?,
        envelope: envelope.to_owned(),
        fingerprint: actual.to_string(),
        added_by: hand.user(),
        added_at: change.now(),
    };
    table::ActiveModel::from(model)
        .insert(&*change)
        .await
        .map_err(on_duplicate("root", "Somebody else has just added this root."))?;
    let record = Record::new("release_root.add", format!("Trusted the release root {}", root.version))
        .before(json!({ "version": before.map(|root| root.version) }))
        .after(json!({ "version": root.version, "fingerprint": actual, "expires": root.expires }));
    hand.commit(change, record).await?;
    Ok(root.version)
}

/// The root, if it may come next.
fn follows(current: Option<&Root>, envelope: &str) -> Result<Root> {
    match current {
        Some(current) => next_root(current, envelope),
        None => open_root(envelope),
    }
    .map_err(refused)
}

fn refused(reason: Reason) -> Error {
    Problem::invalid("root", format!("{}.", reason.label())).into()
}

fn view(cx: &Cx, root: &Root, envelope: &str) -> Result<RootView> {
    let held = cx.store().freshness().signer()?;
    let roles_of = |keyid: &Sha256Hex| {
        root.roles.iter().filter(|(_, keys)| keys.keyids.contains(keyid)).map(|(role, _)| *role).collect()
    };
    let keys = root.keys.iter().map(|key| RootKeyView {
        keyid: key.keyid.clone(),
        holder: key.holder.clone(),
        roles: roles_of(&key.keyid),
    });
    let thresholds = root
        .roles
        .iter()
        .map(|(role, keys)| ThresholdView { role: *role, threshold: keys.threshold })
        .collect();
    Ok(RootView {
        version: root.version,
        fingerprint: root_fingerprint(envelope).map_err(refused)?,
        issued_at: root.issued,
        expires_at: root.expires,
        is_expired: root.expires <= cx.store().now(),
        is_current: false,
        keys: keys.collect(),
        thresholds,
        has_freshness_key: held.is_some_and(|held| names(root, held.keyid())),
        added_by: None,
        added_at: None,
    })
}

/// Does this root let this key sign what is fresh?
pub(super) fn names(root: &Root, keyid: &Sha256Hex) -> bool {
    root.roles.get(&Role::Freshness).is_some_and(|keys| keys.keyids.contains(keyid))
}

/// How the trust in releases stands, for people around the server; nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootState {
    /// The root in force.
    pub version: u64,
    /// When it is out of date.
    pub expires: DateTime<Utc>,
    /// Does it name this key for freshness?
    pub names_key: bool,
}

/// The root in force of a database, asked from outside of a server. `None`: there is none. Reads only.
///
/// # Errors
/// When the database cannot be read.
pub async fn root_state(database_url: &str, freshness: Option<&PublicKey>) -> Result<Option<RootState>> {
    let db = open_for_reading(database_url).await?;
    let root = current(&db).await?;
    db.connection().clone().close().await?;
    Ok(root.map(|root| RootState {
        version: root.version,
        expires: root.expires,
        names_key: freshness.is_some_and(|key| names(&root, &key.keyid)),
    }))
}
