//! Passkeys: made, named and taken away by their owner.

use super::{
    challenge::{descriptor, failed, write},
    own::{Changing, Factors},
    relying_party::relying_party,
};
use crate::{
    Confirmed, Cx, Error, Result,
    access::{CeremonySecret, begin_ceremony, take_ceremony},
    audit::Record,
    error::on_duplicate,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entity::{
    factor::PASSKEYS_MAX,
    id::{PasskeyId, SessionId},
    input,
    problem::Problem,
    table::passkey,
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set, sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use webauthn_rs::prelude::{PasskeyRegistration, RegisterPublicKeyCredential};

/// Names the ceremony of a passkey that is being made.
const KIND: &str = "passkey";

/// A passkey that is being made.
#[derive(Serialize, Deserialize)]
struct Begun {
    session_id: SessionId,
    state: PasskeyRegistration,
}

/// Begins to make a passkey: the options for `navigator.credentials.create`, and the secret that finishes it. Asks for
/// one that can say by itself whose it is, and that checks that it is them.
///
/// # Errors
/// Confirm identity when it was too long ago; conflict when there are too many, or where passkeys are impossible.
pub async fn begin_passkey(cx: &Cx) -> Result<(Value, CeremonySecret)> {
    cx.confirmed()?;
    let (store, me, session_id) = (cx.store(), cx.me(), cx.session_id()?);
    let party = relying_party(store)?;
    let factors = Factors::of(store.db(), me.id).await?;
    check_room(&factors)?;
    let (options, state) = party
        .start_passkey_registration(me.id.0, &me.email, &me.full_name, None)
        .map_err(|error| failed(&error))?;
    let mut options = serde_json::to_value(options).map_err(|error| Error::Internal(error.to_string()))?;
    options["publicKey"]["excludeCredentials"] = factors.passkeys.iter().map(descriptor).collect();
    options["publicKey"]["authenticatorSelection"]["residentKey"] = json!("preferred");
    let secret = begin_ceremony(store, KIND, Some(me.id), &Begun { session_id, state }).await?;
    Ok((options, secret))
}

fn check_room(factors: &Factors) -> Result<()> {
    if factors.passkeys.len() >= PASSKEYS_MAX {
        let detail = format!("You have {PASSKEYS_MAX} passkeys, which is the most. Remove one first.");
        return Err(Error::conflict(None, detail));
    }
    Ok(())
}

/// Keeps the passkey that the browser made. Recovery codes, shown once, when it is the first factor.
///
/// # Errors
/// Invalid names the field; gone when nothing was begun in this session; conflict when it is registered already.
pub async fn finish_passkey(
    cx: &Cx,
    secret: &CeremonySecret,
    name: String,
    credential: Value,
) -> Result<Vec<String>> {
    let (store, id) = (cx.store(), cx.me().id);
    let name = input::line("name", &name)?;
    let credential: RegisterPublicKeyCredential =
        serde_json::from_value(credential).map_err(|_| not_accepted())?;
    let (user_id, begun): (_, Begun) = take_ceremony(store, KIND, secret).await?;
    if user_id != Some(id) || begun.session_id != cx.session_id()? {
        return Err(Error::gone("This was begun by somebody else. Begin again."));
    }
    let passkey =
        relying_party(store)?.finish_passkey_registration(&credential, &begun.state).map_err(|error| {
            tracing::info!(%error, "a new passkey was refused");
            not_accepted()
        })?;
    let changing = Changing::begin(cx).await?;
    check_room(&changing.before)?;
    let codes = changing.codes_for_the_first().await?;
    passkey::ActiveModel {
        id: Set(PasskeyId::generate()),
        user_id: Set(id),
        credential_id: Set(URL_SAFE_NO_PAD.encode(passkey.cred_id())),
        passkey_name: Set(name.clone()),
        credential: Set(write(&passkey)?),
        created_at: Set(store.now()),
        last_used_at: Set(None),
    }
    .insert(&*changing.change)
    .await
    .map_err(on_duplicate("credential", "This passkey is registered already."))?;
    let record = Record::new("account.add_passkey", format!("Added the passkey {name}"));
    changing.commit(record.after(json!({"passkey_name": name}))).await?;
    Ok(codes)
}

fn not_accepted() -> Error {
    Problem::invalid(
        "credential",
        "What the browser made is not accepted as a passkey. Try again, or another.",
    )
    .into()
}

/// Gives a passkey another name.
///
/// # Errors
/// Invalid names the field; not found when it is not one's own.
pub async fn rename_passkey(cx: &Cx, id: PasskeyId, name: String) -> Result<()> {
    let name = input::line("name", &name)?;
    let permit = cx.permit_self()?;
    let change = permit.begin().await?;
    let own = passkey::Entity::find_by_id(id).filter(passkey::Column::UserId.eq(cx.me().id));
    let before = own.one(&*change).await?.ok_or_else(|| Error::not_found("passkey"))?;
    passkey::Entity::update_many()
        .col_expr(passkey::Column::PasskeyName, Expr::value(name.as_str()))
        .filter(passkey::Column::Id.eq(id))
        .exec(&*change)
        .await?;
    let record = Record::new("account.rename_passkey", format!("Renamed a passkey to {name}"));
    let (before, after) = (json!({"passkey_name": before.passkey_name}), json!({"passkey_name": name}));
    permit.commit(change, record.before(before).after(after)).await
}

/// Takes a passkey away.
///
/// # Errors
/// Not found when it is not one's own; conflict when it is the last factor and one is required.
pub async fn remove_passkey(cx: &Confirmed<'_>, id: PasskeyId) -> Result<()> {
    let changing = Changing::begin(cx).await?;
    let row = changing.before.passkeys.iter().find(|row| row.id == id);
    let name = row.map(|row| row.passkey_name.clone()).ok_or_else(|| Error::not_found("passkey"))?;
    changing.check_one_can_go()?;
    passkey::Entity::delete_by_id(id).exec(&*changing.change).await?;
    let record = Record::new("account.remove_passkey", format!("Removed the passkey {name}"));
    changing.commit(record.before(json!({"passkey_name": name}))).await
}
