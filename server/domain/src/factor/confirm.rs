//! Step-up with a second factor: proof that the person themselves asked for something, in the last minutes.

use super::{
    challenge::{Asked, ask},
    own::Factors,
    sign_in::ANYWHERE,
    totp,
};
use crate::{
    Cx, Error, Result,
    access::{CeremonySecret, note_confirmed},
    audit::Actor,
};
use entity::{factor::CodeInput, problem::Problem};
use serde_json::Value;

/// What a question to a passkey is for.
const PLACE: &str = "passkey step-up";

/// Proves it with a code of the authenticator app. Recovery codes are for getting in, not for this.
///
/// # Errors
/// Invalid names the field; too many after many failures.
pub async fn confirm_with_code(cx: &Cx, input: CodeInput) -> Result<()> {
    let (store, id) = (cx.store(), cx.me().id);
    let session_id = cx.session_id()?;
    // By its own count: who guesses at the sign-in does not hold up those who are in.
    let here = store.throttle().enter_as(store.now(), cx.source_ip(), &format!("step-up {id}"), true)?;
    let session = store.throttle().enter_as(store.now(), ANYWHERE, &format!("step-up {session_id}"), true)?;
    if !totp::is_code(&input.code) {
        let detail =
            "Enter the six digits that the authenticator app shows. Recovery codes do not count here.";
        return Err(Problem::invalid("code", detail).into());
    }
    if !totp::spend(store, id, &input.code).await? {
        let detail = "This code is wrong, or was used already. Try the next one.";
        return Err(Problem::invalid("code", detail).into());
    }
    here.succeeded();
    session.succeeded();
    note_confirmed(cx, "code").await
}

/// Begins to prove it with a passkey: the options for `navigator.credentials.get`, and the secret that finishes it.
///
/// # Errors
/// Conflict when there is none, or where passkeys are impossible.
pub async fn begin_passkey_confirm(cx: &Cx) -> Result<(Value, CeremonySecret)> {
    let session_id = cx.session_id()?;
    let factors = Factors::of(cx.store().db(), cx.me().id).await?;
    if factors.passkeys.is_empty() {
        return Err(Error::conflict(None, "You have no passkey. Use a code instead."));
    }
    ask(cx.store(), PLACE, &session_id.to_string(), &factors.passkeys)
}

/// Proves it with what the passkey answered.
///
/// # Errors
/// Invalid when the answer is not good, gone when it was not asked for in this session.
pub async fn finish_passkey_confirm(cx: &Cx, secret: &CeremonySecret, credential: Value) -> Result<()> {
    let bound_to = cx.session_id()?.to_string();
    let actor = Actor::of(cx);
    let asked = Asked { place: PLACE, bound_to: &bound_to, secret, user_id: Some(cx.me().id), actor };
    asked.answer(cx.store(), credential).await?;
    note_confirmed(cx, "passkey").await
}
