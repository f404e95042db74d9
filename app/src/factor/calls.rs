//! Server functions of second factors: one's own, the second half of a sign-in, and proving again that it is oneself.

use crate::{codec::Answer, error::PortalError};
use entity::{
    factor::{CodeInput, FactorChoice, FactorsView, TotpSetup},
    id::PasskeyId,
};
use leptos::prelude::*;

/// One's own factors.
#[server(prefix = "/portal", endpoint = "factor/get", output = Answer)]
pub async fn get_factors() -> Result<FactorsView, PortalError> {
    Ok(domain::factor::mine(&crate::context::cx().await?).await?)
}

/// Begins to set an authenticator app up; nothing changes until [`confirm_totp`].
#[server(prefix = "/portal", endpoint = "factor/begin-totp", output = Answer)]
pub async fn begin_totp() -> Result<TotpSetup, PortalError> {
    Ok(domain::factor::begin_totp(&crate::context::cx().await?).await?)
}

/// Sets the authenticator app up with a code that it shows. Answers the recovery codes, once, when it is the first
/// factor.
#[server(prefix = "/portal", endpoint = "factor/confirm-totp", output = Answer)]
pub async fn confirm_totp(input: CodeInput) -> Result<Vec<String>, PortalError> {
    let codes = domain::factor::confirm_totp(&crate::context::cx().await?, input).await?;
    crate::context::done("Authenticator app set up. Your other sessions have ended.");
    hand_over(&codes)?;
    Ok(codes)
}

/// Takes the authenticator app away.
#[server(prefix = "/portal", endpoint = "factor/remove-totp", output = Answer)]
pub async fn remove_totp() -> Result<(), PortalError> {
    let cx = crate::context::cx().await?;
    domain::factor::remove_totp(&cx.confirmed()?).await?;
    crate::context::done("Authenticator app removed. Your other sessions have ended.");
    Ok(())
}

/// Makes new recovery codes, shown once; those from before stop working.
#[server(prefix = "/portal", endpoint = "factor/new-recovery-codes", output = Answer)]
pub async fn new_recovery_codes() -> Result<Vec<String>, PortalError> {
    let cx = crate::context::cx().await?;
    let codes = domain::factor::new_recovery_codes(&cx.confirmed()?).await?;
    hand_over(&codes)?;
    Ok(codes)
}

/// The recovery codes that a form sent without JavaScript was answered with: shown by the page that it leads back to,
/// and by no other.
#[server(prefix = "/portal", endpoint = "factor/take-recovery-codes", output = Answer)]
pub async fn take_recovery_codes() -> Result<Option<Vec<String>>, PortalError> {
    crate::context::cx().await?;
    taken()
}

/// Begins to make a passkey: the options for `navigator.credentials.create`, as JSON.
#[server(prefix = "/portal", endpoint = "factor/begin-passkey", output = Answer)]
pub async fn begin_passkey() -> Result<String, PortalError> {
    let (options, secret) = domain::factor::begin_passkey(&crate::context::cx().await?).await?;
    keep(&options, &secret)
}

/// Keeps the passkey that the browser made. Answers the recovery codes, once, when it is the first factor.
#[server(prefix = "/portal", endpoint = "factor/finish-passkey", output = Answer)]
pub async fn finish_passkey(name: String, credential: String) -> Result<Vec<String>, PortalError> {
    let cx = crate::context::cx().await?;
    let codes = domain::factor::finish_passkey(&cx, &begun()?, name, read(&credential)?).await?;
    forget()?;
    crate::context::done("Passkey added. Your other sessions have ended.");
    Ok(codes)
}

/// Gives a passkey another name.
#[server(prefix = "/portal", endpoint = "factor/rename-passkey", output = Answer)]
pub async fn rename_passkey(id: PasskeyId, name: String) -> Result<(), PortalError> {
    domain::factor::rename_passkey(&crate::context::cx().await?, id, name).await?;
    crate::context::done("Passkey renamed.");
    crate::context::redirect("/account");
    Ok(())
}

/// Takes a passkey away.
#[server(prefix = "/portal", endpoint = "factor/remove-passkey", output = Answer)]
pub async fn remove_passkey(id: PasskeyId) -> Result<(), PortalError> {
    let cx = crate::context::cx().await?;
    domain::factor::remove_passkey(&cx.confirmed()?, id).await?;
    crate::context::done("Passkey removed. Your other sessions have ended.");
    Ok(())
}

/// With what the sign-in that this browser began can go on.
#[server(prefix = "/portal", endpoint = "sign-in/choice", output = Answer)]
pub async fn sign_in_choice() -> Result<FactorChoice, PortalError> {
    Ok(domain::factor::choice(&crate::context::store()?, &crate::context::waiting_sign_in()?).await?)
}

/// Goes on with the sign-in by a code, and leads to `next` on this site.
#[server(prefix = "/portal", endpoint = "sign-in/code", output = Answer)]
pub async fn sign_in_with_code(input: CodeInput, next: String) -> Result<(), PortalError> {
    let (store, visitor) = (crate::context::store()?, crate::context::visitor()?);
    let half = crate::context::waiting_sign_in()?;
    let session = domain::factor::sign_in_with_code(&store, &visitor, &half, input).await?;
    crate::context::arrived(&domain::access::SignIn::Session(session), &next)
}

/// Begins to sign in with a passkey: the options for `navigator.credentials.get`, as JSON. `with_password`: as the
/// second half of a sign-in that this browser began; else the passkey alone says who it is.
#[server(prefix = "/portal", endpoint = "sign-in/begin-passkey", output = Answer)]
pub async fn begin_passkey_sign_in(with_password: bool) -> Result<String, PortalError> {
    let half = half(with_password)?;
    let (options, secret) =
        domain::factor::begin_passkey_sign_in(&crate::context::store()?, half.as_ref()).await?;
    keep(&options, &secret)
}

/// Signs in with what the passkey answered, and leads to `next` on this site.
#[server(prefix = "/portal", endpoint = "sign-in/finish-passkey", output = Answer)]
pub async fn finish_passkey_sign_in(
    credential: String,
    with_password: bool,
    next: String,
) -> Result<(), PortalError> {
    let (store, visitor, half) = (crate::context::store()?, crate::context::visitor()?, half(with_password)?);
    let (begun, credential) = (begun()?, read(&credential)?);
    let session =
        domain::factor::finish_passkey_sign_in(&store, &visitor, &begun, half.as_ref(), credential).await?;
    forget()?;
    crate::context::arrived(&domain::access::SignIn::Session(session), &next)
}

/// Proves with the password that it is still oneself, and goes on to `next`; stays when that is empty.
#[server(prefix = "/portal", endpoint = "confirm/password", output = Answer)]
pub async fn confirm_with_password(password: String, next: String) -> Result<(), PortalError> {
    domain::access::confirm_with_password(&crate::context::cx().await?, &password).await?;
    go_on(&next);
    Ok(())
}

/// Proves it with a code of the authenticator app, and goes on to `next`.
#[server(prefix = "/portal", endpoint = "confirm/code", output = Answer)]
pub async fn confirm_with_code(input: CodeInput, next: String) -> Result<(), PortalError> {
    domain::factor::confirm_with_code(&crate::context::cx().await?, input).await?;
    go_on(&next);
    Ok(())
}

/// Begins to prove it with a passkey: the options for `navigator.credentials.get`, as JSON.
#[server(prefix = "/portal", endpoint = "confirm/begin-passkey", output = Answer)]
pub async fn begin_passkey_confirm() -> Result<String, PortalError> {
    let (options, secret) = domain::factor::begin_passkey_confirm(&crate::context::cx().await?).await?;
    keep(&options, &secret)
}

/// Proves it with what the passkey answered, and goes on to `next`.
#[server(prefix = "/portal", endpoint = "confirm/finish-passkey", output = Answer)]
pub async fn finish_passkey_confirm(credential: String, next: String) -> Result<(), PortalError> {
    let cx = crate::context::cx().await?;
    domain::factor::finish_passkey_confirm(&cx, &begun()?, read(&credential)?).await?;
    forget()?;
    go_on(&next);
    Ok(())
}

#[cfg(feature = "ssr")]
use on_server::{begun, forget, go_on, half, hand_over, keep, read, taken};

/// What these calls keep in the browser between their two halves.
#[cfg(feature = "ssr")]
mod on_server {
    use crate::{
        context,
        error::PortalError,
        ui::toast::{decode, encode},
    };
    use domain::access::CeremonySecret;
    use entity::problem::{Problem, ProblemCode};

    /// Name of the cookie of a passkey that was asked for.
    const COOKIE: &str = "reeve-passkey";
    /// Bytes of the most that a browser answers for a passkey.
    const CREDENTIAL_MAX: usize = 64 * 1024;

    /// The options as the browser takes them, and the secret of what was begun in a cookie.
    pub(super) fn keep(options: &serde_json::Value, secret: &CeremonySecret) -> Result<String, PortalError> {
        context::put_secret_cookie(COOKIE, secret.expose(), context::CEREMONY_COOKIE_SECONDS)?;
        Ok(options.to_string())
    }

    /// What this browser began.
    pub(super) fn begun() -> Result<CeremonySecret, PortalError> {
        let store = context::store()?;
        let name = context::secret_cookie_name(COOKIE, store.public_url());
        let value = context::cookie(&name).filter(|value| !value.is_empty());
        value.map(|value| CeremonySecret::from_text(&value)).ok_or_else(|| {
            context::set_status(ProblemCode::Gone);
            PortalError(Problem::new(ProblemCode::Gone, "This took too long. Begin again."))
        })
    }

    /// It is done.
    pub(super) fn forget() -> Result<(), PortalError> {
        context::put_secret_cookie(COOKIE, "", 0)
    }

    /// Leads to `next`; those who were asked in place stay there.
    pub(super) fn go_on(next: &str) {
        if !next.is_empty() {
            context::redirect(next);
        }
    }

    /// Name of the cookie of recovery codes on their way to the page that shows them.
    const CODES: &str = "reeve-recovery-codes";
    /// Seconds that the way may take.
    const CODES_SECONDS: u32 = 60;

    /// The answer to a form that was sent without JavaScript is a redirect, which cannot carry the codes.
    pub(super) fn hand_over(codes: &[String]) -> Result<(), PortalError> {
        if codes.is_empty() || !context::is_plain_form_post() {
            return Ok(());
        }
        context::put_secret_cookie(CODES, &encode(&codes.join(" ")), CODES_SECONDS)
    }

    /// The codes that were handed over to this page, once.
    pub(super) fn taken() -> Result<Option<Vec<String>>, PortalError> {
        let name = context::secret_cookie_name(CODES, context::store()?.public_url());
        let Some(codes) = context::cookie(&name).filter(|codes| !codes.is_empty()) else { return Ok(None) };
        context::put_secret_cookie(CODES, "", 0)?;
        Ok(Some(decode(&codes).split(' ').map(str::to_owned).collect()))
    }

    /// The sign-in that waits for its second half, where there is to be one.
    pub(super) fn half(with_password: bool) -> Result<Option<CeremonySecret>, PortalError> {
        with_password.then(context::waiting_sign_in).transpose()
    }

    /// What the browser says that the passkey answered.
    pub(super) fn read(credential: &str) -> Result<serde_json::Value, PortalError> {
        let read = Some(credential).filter(|text| text.len() <= CREDENTIAL_MAX);
        read.and_then(|text| serde_json::from_str(text).ok()).ok_or_else(|| {
            context::set_status(ProblemCode::Invalid);
            PortalError(Problem::invalid("credential", "The browser answered something that is no passkey."))
        })
    }
}
