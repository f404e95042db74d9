//! Password hashes: argon2id at OWASP's parameters, a few at once, and made anew when they are weaker than today's.

mod breached;
mod choice;
#[cfg(test)]
mod tests;
mod turn;

pub(crate) use breached::BreachedList;
pub(crate) use choice::{Chooser, check as check_new};
pub(crate) use turn::Turns;

use crate::{Error, Result, Store};
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use entity::table::user;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, sea_query::Expr};

/// OWASP password storage cheat sheet: 19 MiB, in KiB.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over it.
const PASSES: u32 = 2;
/// A hash with such parameters is never looked at for long, wherever it came from.
const WORK_MAX: u64 = 64 * MEMORY_KIB as u64 * PASSES as u64;

fn argon2(memory_kib: u32, passes: u32) -> Result<Argon2<'static>> {
    let params = Params::new(memory_kib, passes, 1, None).map_err(internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("password hash: {error}"))
}

/// Hashes a password to a PHC string.
///
/// # Errors
/// Unavailable when too many wait for this already.
pub(crate) async fn hash(store: &Store, password: &str) -> Result<String> {
    let password = password.to_owned();
    store.hashing().run(move || hash_now(&password)).await
}

fn hash_now(password: &str) -> Result<String> {
    let hash = argon2(MEMORY_KIB, PASSES)?.hash_password(password.as_bytes()).map_err(internal)?;
    Ok(hash.to_string())
}

/// Checks a password. Without a hash to check against, the same work is done and the answer is no, so that an
/// unknown user takes as long as a wrong password.
///
/// # Errors
/// Unavailable when too many wait for this already.
pub(crate) async fn verify(store: &Store, password: &str, hash: Option<String>) -> Result<bool> {
    let password = password.to_owned();
    store.hashing().run(move || verify_now(&password, hash.as_deref().unwrap_or_default())).await
}

fn verify_now(password: &str, hash: &str) -> Result<bool> {
    if hash.is_empty() {
        spend(password, MEMORY_KIB)?;
        return Ok(false);
    }
    let hash = PasswordHash::new(hash).map_err(internal)?;
    let params = Params::try_from(&hash).map_err(internal)?;
    let done = work(params.m_cost(), params.t_cost());
    if done > WORK_MAX {
        return Err(internal("stored parameters out of bounds"));
    }
    let is_right = argon2(MEMORY_KIB, PASSES)?.verify_password(password.as_bytes(), &hash).is_ok();
    // An older, cheaper hash is topped up to what any other try costs: nobody can tell it by the time it takes.
    spend(password, top_up(done))?;
    Ok(is_right)
}

/// What a hash costs: kibibytes written, over all passes.
fn work(memory_kib: u32, passes: u32) -> u64 {
    u64::from(memory_kib) * u64::from(passes)
}

/// The memory, in KiB, that makes up for a hash that cost this much less than today's.
fn top_up(done: u64) -> u32 {
    let missing = work(MEMORY_KIB, PASSES).saturating_sub(done);
    u32::try_from(missing / u64::from(PASSES)).unwrap_or(MEMORY_KIB)
}

/// Does the work of a hash and throws the result away.
fn spend(password: &str, memory_kib: u32) -> Result<()> {
    if memory_kib < Params::MIN_M_COST {
        return Ok(());
    }
    argon2(memory_kib, PASSES)?.hash_password(password.as_bytes()).map(drop).map_err(internal)
}

/// Is this hash weaker than one made today?
fn is_outdated(hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    let Ok(params) = Params::try_from(&hash) else { return true };
    hash.algorithm.as_str() != "argon2id" || params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES
}

/// Replaces the hash of somebody who has just given the right password, when it is weaker than today's. A failure
/// keeps nobody out: the next sign-in tries again.
pub(crate) async fn renew(store: &Store, user: &mut user::Model, password: &str) {
    if !is_outdated(&user.password_hash) {
        return;
    }
    let renewed = async {
        let hash = hash(store, password).await?;
        let change = store.begin().await?;
        // Only in the place of the one that was checked: another password may have been chosen meanwhile.
        user::Entity::update_many()
            .col_expr(user::Column::PasswordHash, Expr::value(hash.as_str()))
            .filter(user::Column::Id.eq(user.id))
            .filter(user::Column::PasswordHash.eq(user.password_hash.as_str()))
            .exec(&*change)
            .await?;
        change.commit_unattended().await?;
        Ok::<_, Error>(hash)
    };
    match renewed.await {
        Ok(hash) => user.password_hash = hash,
        Err(error) => tracing::warn!(%error, "a password hash could not be renewed"),
    }
}
