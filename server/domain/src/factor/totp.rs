//! Codes of an authenticator app (RFC 6238: six digits, every 30 seconds, SHA-1, which all apps know). Each is accepted
//! once.

use super::own::Changing;
use crate::{Confirmed, Cx, Error, Result, Store, audit::Record, secret};
use chrono::{DateTime, Duration, Utc};
use entity::{
    factor::{CODE_DIGITS, CodeInput, TotpSetup},
    id::{CeremonyId, SessionId, UserId},
    problem::Problem,
    table::{ceremony, totp_factor},
};
use qrcode::{EcLevel, QrCode, render::svg};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, Set,
    sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use totp_rs::{Builder, Secret, Totp};
use webauthn_rs::prelude::Url;

/// How long a secret that was shown waits for its first code.
const SETUP: Duration = Duration::hours(1);
/// Names the ceremony of that time.
const KIND: &str = "totp_setup";
/// Bytes of a secret, as RFC 4226 recommends.
const SECRET: usize = 20;

/// An authenticator app that was not confirmed yet.
#[derive(Serialize, Deserialize)]
struct Setup {
    session_id: SessionId,
    secret_sealed: String,
}

/// Begins to set an authenticator app up: nothing changes until [`confirm_totp`]. Asked again in the same session, the
/// same secret is shown, so that a mistyped code does not make the app start over.
///
/// # Errors
/// Confirm identity when it was too long ago.
pub async fn begin_totp(cx: &Cx) -> Result<TotpSetup> {
    cx.confirmed()?;
    let (store, id, session_id) = (cx.store(), cx.me().id, cx.session_id()?);
    let changing = Changing::begin(cx).await?;
    let begun = begun(store, &*changing.change, id).await?;
    if let Some((_, setup)) = begun.filter(|(_, setup)| setup.session_id == session_id) {
        return show(&store.seal().open(&place(id), &setup.secret_sealed)?, &cx.me().email);
    }
    let bytes = secret::random::<SECRET>()?;
    let setup = Setup { session_id, secret_sealed: store.seal().close(&place(id), &bytes)? };
    let state = serde_json::to_string(&setup).map_err(|error| Error::Internal(error.to_string()))?;
    ceremony::Entity::delete_many()
        .filter(ceremony::Column::Kind.eq(KIND))
        .filter(ceremony::Column::UserId.eq(id))
        .exec(&*changing.change)
        .await?;
    ceremony::ActiveModel {
        id: Set(CeremonyId::generate()),
        // Found by whose it is; nobody holds a secret to it.
        secret_hash: Set(secret::digest(&secret::opaque()?)),
        kind: Set(KIND.to_owned()),
        user_id: Set(Some(id)),
        state: Set(state),
        tries: Set(0),
        created_at: Set(store.now()),
        expires_at: Set(store.now() + SETUP),
    }
    .insert(&*changing.change)
    .await?;
    changing.change.commit_unattended().await?;
    show(&bytes, &cx.me().email)
}

/// What waits for its first code.
async fn begun(
    store: &Store,
    db: &impl ConnectionTrait,
    id: UserId,
) -> Result<Option<(ceremony::Model, Setup)>> {
    let row = ceremony::Entity::find()
        .filter(ceremony::Column::Kind.eq(KIND))
        .filter(ceremony::Column::UserId.eq(id))
        .filter(ceremony::Column::ExpiresAt.gt(store.now()))
        .one(db)
        .await?;
    row.map(|row| {
        let setup = serde_json::from_str(&row.state)
            .map_err(|error| Error::Internal(format!("a stored ceremony: {error}")))?;
        Ok((row, setup))
    })
    .transpose()
}

/// Sets the authenticator app up with a code that it shows, in the place of the one before. Recovery codes, shown once,
/// when it is the first factor.
///
/// # Errors
/// Invalid names the field; gone when nothing was begun in this session; too many after many wrong codes.
pub async fn confirm_totp(cx: &Cx, input: CodeInput) -> Result<Vec<String>> {
    let (store, id) = (cx.store(), cx.me().id);
    let session_id = cx.session_id()?;
    let ticket = store.throttle().enter_session(store.now(), session_id)?;
    let (row, setup) = begun(store, store.db(), id)
        .await?
        .filter(|(_, setup)| setup.session_id == session_id)
        .ok_or_else(over)?;
    let bytes = store.seal().open(&place(id), &setup.secret_sealed)?;
    let step = step_of(&bytes, &input.code, store.now())?.ok_or_else(|| {
        Problem::invalid("code", "This is not the code that the app shows now. Try the next one.")
    })?;
    ticket.succeeded();
    let changing = Changing::begin(cx).await?;
    if ceremony::Entity::delete_by_id(row.id).exec(&*changing.change).await?.rows_affected != 1 {
        return Err(over());
    }
    let codes = changing.codes_for_the_first().await?;
    totp_factor::Entity::delete_by_id(id).exec(&*changing.change).await?;
    totp_factor::ActiveModel {
        user_id: Set(id),
        secret_sealed: Set(setup.secret_sealed),
        last_step: Set(step),
        created_at: Set(row.created_at),
        confirmed_at: Set(Some(store.now())),
    }
    .insert(&*changing.change)
    .await?;
    let summary = match changing.before.totp {
        Some(_) => "Replaced their authenticator app",
        None => "Set an authenticator app up",
    };
    changing.commit(Record::new("account.add_totp", summary)).await?;
    Ok(codes)
}

fn over() -> Error {
    Error::gone("This took too long, or was done already. Begin again.")
}

/// Takes the authenticator app away.
///
/// # Errors
/// Not found when there is none; conflict when it is the last factor and one is required.
pub async fn remove_totp(cx: &Confirmed<'_>) -> Result<()> {
    let changing = Changing::begin(cx).await?;
    if changing.before.totp.is_none() {
        return Err(Error::not_found("authenticator app"));
    }
    changing.check_one_can_go()?;
    totp_factor::Entity::delete_by_id(cx.me().id).exec(&*changing.change).await?;
    changing.commit(Record::new("account.remove_totp", "Removed their authenticator app")).await
}

/// Is this what a code of an authenticator app looks like? Recovery codes are longer and have letters.
pub(super) fn is_code(text: &str) -> bool {
    let digits = typed(text);
    digits.len() == CODE_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// A code as people type it, without the spaces that apps show.
fn typed(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace()).collect()
}

/// Uses a code up: no code of its moment or of an earlier one is accepted after it. Of many who use the same, one does.
pub(super) async fn spend(store: &Store, id: UserId, code: &str) -> Result<bool> {
    let row = totp_factor::Entity::find_by_id(id)
        .filter(totp_factor::Column::ConfirmedAt.is_not_null())
        .one(store.db())
        .await?;
    let Some(row) = row else { return Ok(false) };
    let bytes = store.seal().open(&place(id), &row.secret_sealed)?;
    let Some(step) = step_of(&bytes, code, store.now())?.filter(|step| *step > row.last_step) else {
        return Ok(false);
    };
    let change = store.begin().await?;
    let used = totp_factor::Entity::update_many()
        .col_expr(totp_factor::Column::LastStep, Expr::value(step))
        .filter(totp_factor::Column::UserId.eq(id))
        .filter(totp_factor::Column::SecretSealed.eq(row.secret_sealed))
        .filter(totp_factor::Column::LastStep.lt(step))
        .exec(&*change)
        .await?;
    change.commit_unattended().await?;
    Ok(used.rows_affected == 1)
}

/// The step that a code belongs to: the present one, or one beside it for clocks that are a little off.
fn step_of(secret: &[u8], code: &str, now: DateTime<Utc>) -> Result<Option<i64>> {
    if !is_code(code) {
        return Ok(None);
    }
    let seconds = u64::try_from(now.timestamp()).map_err(|error| Error::Internal(error.to_string()))?;
    let step = totp(secret)?.check(&typed(code), seconds);
    step.map(i64::try_from).transpose().map_err(|error| Error::Internal(error.to_string()))
}

fn totp(secret: &[u8]) -> Result<Totp> {
    let secret = Secret::new(secret.into());
    Builder::new().with_secret(secret).build().map_err(|error| Error::Internal(format!("TOTP: {error}")))
}

/// Where the secret of a person may be opened.
fn place(id: UserId) -> String {
    format!("totp {id}")
}

/// What an authenticator app needs.
fn show(secret: &[u8], email: &str) -> Result<TotpSetup> {
    let secret = Secret::new(secret.into()).to_base32();
    let mut uri = Url::parse("otpauth://totp/").map_err(|error| Error::Internal(error.to_string()))?;
    if let Ok(mut path) = uri.path_segments_mut() {
        path.clear().push(&format!("Reeve:{email}"));
    }
    uri.query_pairs_mut()
        .append_pair("secret", &secret)
        .append_pair("issuer", "Reeve")
        .append_pair("algorithm", "SHA1")
        .append_pair("digits", &CODE_DIGITS.to_string())
        .append_pair("period", "30");
    let uri = String::from(uri);
    let code = QrCode::with_error_correction_level(&uri, EcLevel::M)
        .map_err(|error| Error::Internal(format!("a QR code: {error}")))?;
    let picture = code.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
    // Without the declaration of a file of its own, so that it can stand in a page.
    let qr_svg = picture.find("<svg").map_or_else(String::new, |start| picture[start..].to_owned());
    Ok(TotpSetup { secret, uri, qr_svg })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret and the codes of RFC 6238, appendix B; of its eight digits the last six.
    const RFC: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("a moment")
    }

    #[test]
    fn codes_are_those_of_the_rfc_and_of_the_steps_beside() {
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            let step = seconds / 30;
            for now in [seconds, seconds - 30, seconds + 30] {
                assert_eq!(step_of(RFC, code, at(now)).expect("computes"), Some(step), "{code} at {now}");
            }
            assert_eq!(step_of(RFC, code, at(seconds + 61)).expect("computes"), None);
        }
        assert_eq!(step_of(RFC, " 287 082 ", at(59)).expect("computes"), Some(1));
        for odd in ["", "28708", "2870822", "28708a", "２８７０８２", "abc012-def345"] {
            assert_eq!(step_of(RFC, odd, at(59)).expect("computes"), None, "{odd}");
        }
    }

    #[test]
    fn an_app_is_told_what_it_needs() {
        let shown = show(RFC, "ada+x@msp.example").expect("shows");
        assert_eq!(shown.secret, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(
            shown.uri,
            "otpauth://totp/Reeve:ada+x@msp.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Reeve&\
             algorithm=SHA1&digits=6&period=30"
        );
        assert!(shown.qr_svg.starts_with("<svg ") && shown.qr_svg.ends_with("</svg>"));
        assert!(
            show(RFC, "a b/?#%@x")
                .expect("shows")
                .uri
                .starts_with("otpauth://totp/Reeve:a%20b%2F%3F%23%25@x?")
        );
    }
}
