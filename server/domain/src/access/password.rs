//! Password hashes: argon2id at OWASP's parameters, at most a few at once.

use crate::{Error, Result, Store};
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use entity::table::user;

/// OWASP password storage cheat sheet: 19 MiB, two passes, one lane.
fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Runs `work` off the async threads, when it is its turn.
async fn in_turn<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let _turn = store.hashing().acquire().await.map_err(|error| Error::Internal(error.to_string()))?;
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.to_string()))?
}

/// Is this good enough for a new password of theirs?
///
/// # Errors
/// Names the field.
pub(crate) fn check_new(_: &Store, field: &str, password: &str, _: &user::Model) -> Result<()> {
    Ok(entity::input::password(field, password)?)
}

/// Hashes a password to a PHC string.
pub(crate) async fn hash(store: &Store, password: &str) -> Result<String> {
    let password = password.to_owned();
    in_turn(store, move || {
        let hash = argon2()?
            .hash_password(password.as_bytes())
            .map_err(|error| Error::Internal(format!("password hash: {error}")))?;
        Ok(hash.to_string())
    })
    .await
}

/// Checks a password. Without a hash to check against, the same work is done and the answer is no, so that an
/// unknown user takes as long as a wrong password.
pub(crate) async fn verify(store: &Store, password: &str, hash: Option<String>) -> Result<bool> {
    let password = password.to_owned();
    in_turn(store, move || {
        let argon2 = argon2()?;
        let Some(hash) = hash else {
            let _ = argon2.hash_password(password.as_bytes());
            return Ok(false);
        };
        if hash.is_empty() {
            let _ = argon2.hash_password(password.as_bytes());
            return Ok(false);
        }
        let hash =
            PasswordHash::new(&hash).map_err(|error| Error::Internal(format!("stored hash: {error}")))?;
        Ok(argon2.verify_password(password.as_bytes(), &hash).is_ok())
    })
    .await
}
