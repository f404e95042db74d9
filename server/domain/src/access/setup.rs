//! The first admin: made through a one-time link, and never again.

use crate::{
    Error, Result, SessionSecret, Store, SystemCx, Visitor,
    audit::{Actor, Record},
    secret,
    store::state,
};
use entity::{
    id::UserId,
    input,
    session::{SetupInput, SignedInWith},
    table::{server_state, user},
    user::{Role, UserKind},
};
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, PaginatorTrait as _, Set};

/// Where the digest of the key is kept.
const SETUP_KEY: &str = "setup_key_digest";

/// May the first admin still be made?
///
/// # Errors
/// When the database fails.
pub async fn setup_is_open(store: &Store) -> Result<bool> {
    Ok(user::Entity::find().count(store.db()).await? == 0)
}

/// A new key for the one-time link while there is no user; the key before it stops working.
///
/// # Errors
/// When the database fails.
pub async fn new_setup_key(store: &Store) -> Result<Option<String>> {
    if !setup_is_open(store).await? {
        return Ok(None);
    }
    let key = secret::opaque()?;
    let change = store.begin().await?;
    state::keep(&*change, SETUP_KEY, &secret::digest(&key)).await?;
    change.commit_unattended().await?;
    Ok(Some(key))
}

/// Makes the first admin and signs them in.
///
/// # Errors
/// Not found when there is a user already or the key is not the one; invalid names the field.
pub async fn complete_setup(store: &Store, visitor: &Visitor, setup: SetupInput) -> Result<SessionSecret> {
    let gone = || Error::not_found("page");
    let ticket = store.throttle().enter(store.now(), &visitor.source_ip, SETUP_KEY)?;
    let stored = server_state::Entity::find_by_id(SETUP_KEY).one(store.db()).await?;
    if !setup_is_open(store).await? || stored.is_none_or(|row| row.value != secret::digest(&setup.key)) {
        return Err(gone());
    }
    ticket.succeeded();
    let admin = first_admin(store, &setup, |admin| Actor::arriving(visitor, admin)).await?;
    super::begin_session(store, visitor, &admin, SignedInWith::Password).await
}

/// Makes the first admin for whoever runs the server's own command line, and gives their name back.
///
/// # Errors
/// Conflict when there are people already; invalid names the field.
pub async fn make_first_admin(cx: &SystemCx, email: &str, full_name: &str, password: &str) -> Result<String> {
    let Some(key) = new_setup_key(cx.store()).await? else {
        return Err(Error::conflict(None, "There are people already."));
    };
    let (email, full_name, password) = (email.to_owned(), full_name.to_owned(), password.to_owned());
    let setup = SetupInput { key, full_name, email, password };
    Ok(first_admin(cx.store(), &setup, |_| Actor::system(cx.job())).await?.full_name)
}

/// Makes the first admin; the key is the one that counts now.
async fn first_admin(
    store: &Store,
    setup: &SetupInput,
    actor: impl FnOnce(&user::Model) -> Actor,
) -> Result<user::Model> {
    let full_name = input::line("full_name", &setup.full_name)?;
    let email = input::email("email", &setup.email)?;
    let chooser = super::Chooser { email: &email, full_name: &full_name };
    super::check_new_password(store, "password", &setup.password, chooser).await?;
    let password_hash = super::hash_password(store, &setup.password).await?;

    let change = store.begin().await?;
    // Whoever deletes the key makes the admin: of two at the same time, one.
    if server_state::Entity::delete_by_id(SETUP_KEY).exec(&*change).await?.rows_affected != 1 {
        return Err(Error::not_found("page"));
    }
    let admin = user::ActiveModel {
        id: Set(UserId::generate()),
        business_id: Set(None),
        kind: Set(UserKind::Person),
        custom_role_id: Set(None),
        extra_permissions: Set("[]".to_owned()),
        email: Set(email),
        name_key: Set(input::fold(&full_name)),
        full_name: Set(full_name),
        role: Set(Role::MspAdmin),
        password_hash: Set(password_hash),
        must_change_password: Set(false),
        is_active: Set(true),
        last_sign_in_at: Set(None),
        created_at: Set(store.now()),
    }
    .insert(&*change)
    .await?;
    let record = Record::new("setup.complete", format!("{} became the first MSP admin", admin.full_name));
    change.commit(&actor(&admin), None, record).await?;
    Ok(admin)
}
