//! Writing scripts: a version is added and never changed, a script is renamed or put away and never removed, because
//! commands were made of it.

use super::{find, get, latest};
use crate::{Cx, Error, Result, access::Target, audit::Record, business, error::on_duplicate, store::Change};
use chrono::{DateTime, Utc};
use entity::{
    id::{ScriptId, ScriptVersionId},
    input::{fold, line},
    policy::Action,
    script::{ScriptChange, ScriptInput, ScriptVersionInput, ScriptView, VERSIONS_MAX, description},
    seal,
    table::{script, script_version as version},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set, sea_query::Expr,
};
use serde_json::json;

const TAKEN: &str = "There is a script of this name already.";

/// Adds a script with its first version.
///
/// # Errors
/// Not found when the business is out of reach, forbidden by role; invalid or conflict names the field.
pub async fn add(cx: &Cx, input: ScriptInput) -> Result<ScriptView> {
    if let Some(id) = input.business_id {
        business::find(cx, id).await?;
    }
    let permit = cx.permit(Action::ManageScript, Target::of(input.business_id))?;
    let name = line("script_name", &input.script_name)?;
    let about = description(&input.description)?;
    let first = input.version.checked()?;
    let (id, now) = (ScriptId::generate(), cx.store().now());
    let row = script::Model {
        id,
        business_id: input.business_id,
        name_key: fold(&name),
        script_name: name.clone(),
        description: about,
        latest_version: 1,
        created_by: Some(cx.me().id),
        created_at: now,
        changed_at: now,
        archived_at: None,
    };
    let change = permit.begin().await?;
    script::ActiveModel::from(row.clone())
        .insert(&*change)
        .await
        .map_err(on_duplicate("script_name", TAKEN))?;
    let digest = insert(cx, &change, &row, 1, first).await?;
    let record = Record::new("script.add", format!("Added the script {name}"));
    permit
        .commit(change, record.after(json!({ "script_id": id, "version": 1, "script_sha256": digest })))
        .await?;
    get(cx, id).await
}

/// Adds a version; those before stay as they are.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role; conflict when it was put away, somebody else has just added one, or
/// nothing is different; invalid names the field.
pub async fn add_version(cx: &Cx, id: ScriptId, input: ScriptVersionInput) -> Result<ScriptView> {
    let row = find(cx, id).await?;
    let permit = cx.permit(Action::ManageScript, Target::of(row.business_id))?;
    check_there(&row)?;
    let input = input.checked()?;
    let before = latest(cx, &row).await?;
    let parameters = serde_json::to_string(&input.parameters).unwrap_or_default();
    if before.script == input.script && before.shell == input.shell && before.parameters == parameters {
        return Err(Error::conflict(Some("script"), "This is what the last version says already."));
    }
    if row.latest_version.unsigned_abs() >= VERSIONS_MAX {
        return Err(Error::conflict(None, "This script has too many versions; begin another one."));
    }
    let number = row.latest_version + 1;
    let change = permit.begin().await?;
    let moved = script::Entity::update_many()
        .col_expr(script::Column::LatestVersion, Expr::value(number))
        .col_expr(script::Column::ChangedAt, Expr::value(cx.store().now()))
        .filter(script::Column::Id.eq(id))
        .filter(script::Column::LatestVersion.eq(row.latest_version))
        .filter(script::Column::ArchivedAt.is_null())
        .exec(&*change)
        .await?;
    if moved.rows_affected != 1 {
        return Err(Error::conflict(None, "Somebody else has just changed this script. Look at it again."));
    }
    let digest = insert(cx, &change, &row, number, input).await?;
    let summary = format!("Added version {number} of the script {}", row.script_name);
    let record = Record::new("script.add_version", summary)
        .before(json!({ "version": row.latest_version, "script_sha256": before.script_sha256 }))
        .after(json!({ "version": number, "script_sha256": digest }));
    permit.commit(change, record).await?;
    get(cx, id).await
}

/// Gives a script another name or description.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role; conflict when it was put away or the name is taken; invalid names
/// the field.
pub async fn change(cx: &Cx, id: ScriptId, input: ScriptChange) -> Result<ScriptView> {
    let row = find(cx, id).await?;
    let permit = cx.permit(Action::ManageScript, Target::of(row.business_id))?;
    check_there(&row)?;
    let name = line("script_name", &input.script_name)?;
    let about = description(&input.description)?;
    let change = permit.begin().await?;
    script::Entity::update_many()
        .col_expr(script::Column::ScriptName, Expr::value(name.as_str()))
        .col_expr(script::Column::NameKey, Expr::value(fold(&name)))
        .col_expr(script::Column::Description, Expr::value(about.as_str()))
        .col_expr(script::Column::ChangedAt, Expr::value(cx.store().now()))
        .filter(script::Column::Id.eq(id))
        .exec(&*change)
        .await
        .map_err(on_duplicate("script_name", TAKEN))?;
    let record = Record::new("script.change", format!("Changed the script {}", row.script_name))
        .before(json!({ "script_name": row.script_name, "description": row.description }))
        .after(json!({ "script_name": name, "description": about }));
    permit.commit(change, record).await?;
    get(cx, id).await
}

/// Puts a script away: it can no longer be asked for, and what was made of it stays.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role; conflict when it was put away already.
pub async fn archive(cx: &Cx, id: ScriptId) -> Result<ScriptView> {
    let row = find(cx, id).await?;
    let permit = cx.permit(Action::ManageScript, Target::of(row.business_id))?;
    check_there(&row)?;
    let change = permit.begin().await?;
    let moved = script::Entity::update_many()
        .col_expr(script::Column::ArchivedAt, Expr::value(cx.store().now()))
        .filter(script::Column::Id.eq(id))
        .filter(script::Column::ArchivedAt.is_null())
        .exec(&*change)
        .await?;
    if moved.rows_affected != 1 {
        return Err(gone());
    }
    permit
        .commit(change, Record::new("script.archive", format!("Put the script {} away", row.script_name)))
        .await?;
    get(cx, id).await
}

fn check_there(row: &script::Model) -> Result<()> {
    if row.archived_at.is_some() { Err(gone()) } else { Ok(()) }
}

fn gone() -> Error {
    Error::conflict(None, "This script was put away.")
}

/// Writes a version; answers its digest.
async fn insert(
    cx: &Cx,
    change: &Change,
    row: &script::Model,
    number: i64,
    input: ScriptVersionInput,
) -> Result<String> {
    let digest = seal::sha256(input.script.as_bytes());
    let created_at: DateTime<Utc> = cx.store().now();
    version::ActiveModel {
        id: Set(ScriptVersionId::generate()),
        script_id: Set(row.id),
        business_id: Set(row.business_id),
        version: Set(number),
        shell: Set(input.shell),
        script: Set(input.script),
        script_sha256: Set(digest.clone()),
        parameters: Set(
            serde_json::to_string(&input.parameters).map_err(|error| Error::Internal(error.to_string()))?
        ),
        created_by: Set(Some(cx.me().id)),
        created_at: Set(created_at),
    }
    .insert(&**change)
    .await?;
    Ok(digest)
}
