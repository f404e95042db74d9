//! The second half of a sign-in: a code or a passkey after the password or the provider. And passkeys alone, which are
//! two factors by themselves.

use super::{
    challenge::{Asked, ask},
    own::Factors,
    recovery, relying_party, totp,
};
use crate::{
    Error, Result, SessionSecret, Store, Visitor,
    access::{
        Arrival, CeremonySecret, FACTOR, Ticket, begin_session, look_ceremony, peek_ceremony, take_ceremony,
    },
    audit::{Actor, Record},
    secret,
};
use entity::{
    factor::{CodeInput, FactorChoice},
    problem::{Problem, ProblemCode},
    session::SignedInWith,
    table::{session, user},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::Value;

/// Characters of the longest code that is looked at.
const CODE_MAX: usize = 100;
/// Stands for all addresses together where tries are counted.
pub(super) const ANYWHERE: &str = "anywhere";
/// What a question to a passkey is for: to say who it is, or to be the second half.
const ALONE: &str = "passkey sign-in";
const SECOND: &str = "passkey second factor";

/// By what somebody went on.
#[derive(Clone, Copy)]
enum By {
    Totp,
    Passkey,
    RecoveryCode,
}

/// Both halves together.
const fn together(first: SignedInWith, by: By) -> SignedInWith {
    let is_oidc = matches!(first, SignedInWith::Oidc | SignedInWith::OidcWithFactor);
    match (is_oidc, by) {
        (false, By::Totp) => SignedInWith::PasswordAndTotp,
        (false, By::Passkey) => SignedInWith::PasswordAndPasskey,
        (false, By::RecoveryCode) => SignedInWith::PasswordAndRecoveryCode,
        (true, By::Totp) => SignedInWith::OidcAndTotp,
        (true, By::Passkey) => SignedInWith::OidcAndPasskey,
        (true, By::RecoveryCode) => SignedInWith::OidcAndRecoveryCode,
    }
}

/// Whose sign-in waits, and how it began.
async fn waiting(store: &Store, half: &CeremonySecret) -> Result<(user::Model, Arrival)> {
    let (id, arrival): (_, Arrival) = look_ceremony(store, FACTOR, half).await?;
    let id = id.ok_or_else(Error::signed_out)?;
    let user = user::Entity::find_by_id(id).one(store.db()).await?.ok_or_else(Error::signed_out)?;
    if !arrival.is_still_good(&user) {
        return Err(Error::gone("The password was changed meanwhile. Sign in again."));
    }
    Ok((user, arrival))
}

/// With what a sign-in can go on.
///
/// # Errors
/// Gone when none waits.
pub async fn choice(store: &Store, half: &CeremonySecret) -> Result<FactorChoice> {
    let (user, _) = waiting(store, half).await?;
    let factors = Factors::of(store.db(), user.id).await?;
    Ok(FactorChoice {
        totp: factors.totp.is_some(),
        passkey: !factors.passkeys.is_empty() && relying_party::passkeys_are_possible(store),
        recovery_code: recovery::left(store.db(), user.id).await? > 0,
    })
}

/// Goes on with a sign-in by a code of the authenticator app or a recovery code; each of them works once.
///
/// # Errors
/// Signed out when the code is not good, gone when no sign-in waits, too many after many failures.
pub async fn sign_in_with_code(
    store: &Store,
    visitor: &Visitor,
    half: &CeremonySecret,
    input: CodeInput,
) -> Result<SessionSecret> {
    let (user, arrival) = waiting(store, half).await?;
    let by = if totp::is_code(&input.code) { By::Totp } else { By::RecoveryCode };
    let tickets = enter(store, visitor, &user, by).await?;
    peek_ceremony::<Arrival>(store, FACTOR, half).await?;
    let is_good = match by {
        _ if input.code.chars().count() > CODE_MAX => false,
        By::Totp => totp::spend(store, user.id, &input.code).await?,
        By::Passkey | By::RecoveryCode => recovery::spend(store, user.id, &input.code).await?,
    };
    if !is_good {
        if tickets.iter().any(Ticket::is_last) {
            let record = Record::new("account.guessing", "Tried too many codes, and has to wait");
            let change = store.begin().await?;
            change.commit(&Actor::knocking(visitor), user.business_id, record.after(&user.email)).await?;
        }
        return Err(wrong());
    }
    tickets.into_iter().for_each(Ticket::succeeded);
    take_ceremony::<Arrival>(store, FACTOR, half).await?;
    begin_session(store, visitor, &user, together(arrival.with, by)).await
}

/// Counts a try: for the address and the account, and, against those who guess from many addresses, for the account
/// alone. The latter does not hold up whoever signed in from their address before, nor recovery codes, which nobody
/// guesses.
async fn enter<'a>(
    store: &'a Store,
    visitor: &Visitor,
    user: &user::Model,
    by: By,
) -> Result<Vec<Ticket<'a>>> {
    let (now, account) = (store.now(), format!("code {}", user.id));
    let is_known_here = session::Entity::find()
        .filter(session::Column::UserId.eq(user.id))
        .filter(session::Column::SourceIp.eq(visitor.source_ip.as_str()))
        .one(store.db())
        .await?
        .is_some();
    let mut tickets = vec![store.throttle().enter_as(now, &visitor.source_ip, &account, is_known_here)?];
    if !is_known_here && matches!(by, By::Totp) {
        tickets.push(store.throttle().enter_as(now, ANYWHERE, &account, true)?);
    }
    Ok(tickets)
}

fn wrong() -> Error {
    Problem {
        field: Some("code".to_owned()),
        ..Problem::new(ProblemCode::SignedOut, "This code is wrong, or was used already. Try the next one.")
    }
    .into()
}

/// Begins to sign in with a passkey: the options for `navigator.credentials.get`, and the secret that finishes it.
/// `half`: the sign-in that waits for it; without, the passkey says who it is.
///
/// # Errors
/// Gone when no sign-in waits; conflict where passkeys are impossible.
pub async fn begin_passkey_sign_in(
    store: &Store,
    half: Option<&CeremonySecret>,
) -> Result<(Value, CeremonySecret)> {
    let Some(half) = half else { return ask(store, ALONE, "", &[]) };
    let (user, _) = waiting(store, half).await?;
    let factors = Factors::of(store.db(), user.id).await?;
    if factors.passkeys.is_empty() {
        return Err(Error::conflict(None, "There is no passkey for this account. Use a code instead."));
    }
    ask(store, SECOND, &secret::digest(half.expose()), &factors.passkeys)
}

/// Signs in with what the passkey answered.
///
/// # Errors
/// Invalid when the answer is not good, gone when it was not asked for here, signed out when they may not sign in.
pub async fn finish_passkey_sign_in(
    store: &Store,
    visitor: &Visitor,
    secret: &CeremonySecret,
    half: Option<&CeremonySecret>,
    credential: Value,
) -> Result<SessionSecret> {
    let actor = Actor::knocking(visitor);
    let Some(half) = half else {
        let asked = Asked { place: ALONE, bound_to: "", secret, user_id: None, actor };
        let user = asked.answer(store, credential).await?;
        return begin_session(store, visitor, &user, SignedInWith::Passkey).await;
    };
    let (user, arrival) = waiting(store, half).await?;
    let bound_to = secret::digest(half.expose());
    let asked = Asked { place: SECOND, bound_to: &bound_to, secret, user_id: Some(user.id), actor };
    asked.answer(store, credential).await?;
    take_ceremony::<Arrival>(store, FACTOR, half).await?;
    begin_session(store, visitor, &user, together(arrival.with, By::Passkey)).await
}
