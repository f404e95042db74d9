//! What a passkey is asked to sign, and the check of what it answers. Nothing is stored before the answer is good: the
//! question travels sealed in the asker's cookie, so that whoever only opens the sign-in page costs no write.

use super::relying_party::relying_party;
use crate::{
    Error, Result, Store,
    access::{CEREMONY_MINUTES, CeremonySecret},
    audit::{Actor, Record},
    error::on_duplicate,
    secret,
    store::Change,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Duration, Utc};
use entity::{
    id::{CeremonyId, UserId},
    problem::Problem,
    table::{ceremony, passkey, user},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set, sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use webauthn_rs::prelude::{DiscoverableAuthentication, Passkey, PublicKeyCredential, WebauthnError};

/// Names the ceremony of a question that was answered: it cannot be answered again.
const ANSWERED: &str = "passkey_answered";
/// Bytes of the most that a sealed question takes.
const QUESTION_MAX: usize = 4096;
/// Times that an answer is checked anew because the same passkey was used at the same moment.
const ROUNDS: u32 = 5;

/// A question.
#[derive(Serialize, Deserialize)]
struct Question {
    state: DiscoverableAuthentication,
    /// What it is a part of, such as a sign-in or a session.
    bound_to: String,
    expires_at: DateTime<Utc>,
}

/// Asks for one of these passkeys, or for whichever there is: the options for the browser, and the secret that finishes
/// it. `place`: what it is for; it is good for nothing else.
///
/// # Errors
/// Conflict where passkeys are impossible.
pub(super) fn ask(
    store: &Store,
    place: &str,
    bound_to: &str,
    passkeys: &[passkey::Model],
) -> Result<(Value, CeremonySecret)> {
    let (options, state) =
        relying_party(store)?.start_discoverable_authentication().map_err(|error| failed(&error))?;
    let mut options = serde_json::to_value(options).map_err(|error| Error::Internal(error.to_string()))?;
    // How the browser offers it is decided by the page.
    options.as_object_mut().map(|options| options.remove("mediation"));
    options["publicKey"]["allowCredentials"] = passkeys.iter().map(descriptor).collect();
    let expires_at = store.now() + Duration::minutes(CEREMONY_MINUTES);
    let question = Question { state, bound_to: bound_to.to_owned(), expires_at };
    let question = serde_json::to_vec(&question).map_err(|error| Error::Internal(error.to_string()))?;
    Ok((options, CeremonySecret::from_text(&store.seal().close(place, &question)?)))
}

/// A passkey as browsers look for it.
pub(super) fn descriptor(row: &passkey::Model) -> Value {
    let stored: Value = serde_json::from_str(&row.credential).unwrap_or_default();
    let mut descriptor = json!({"type": "public-key", "id": row.credential_id});
    if let Some(transports) = stored["cred"]["transports"].as_array() {
        descriptor["transports"] = json!(transports);
    }
    descriptor
}

/// What has to be known to check an answer.
pub(super) struct Asked<'a> {
    pub(super) place: &'a str,
    pub(super) bound_to: &'a str,
    pub(super) secret: &'a CeremonySecret,
    /// Whose passkey it has to be; nobody in particular where the passkey says who it is.
    pub(super) user_id: Option<UserId>,
    /// Who answers, for the audit log.
    pub(super) actor: Actor,
}

impl Asked<'_> {
    /// Checks the answer, and writes down that the passkey was used. Each question is answered once.
    ///
    /// # Errors
    /// Gone when the question is; invalid when the answer is not good.
    pub(super) async fn answer(&self, store: &Store, credential: Value) -> Result<user::Model> {
        let question = self.open(store)?;
        let answer: PublicKeyCredential = serde_json::from_value(credential).map_err(|_| not_accepted())?;
        for _ in 0..ROUNDS {
            let (row, user) = self.passkey_of(store, &answer).await?;
            let mut passkey = read(&row)?;
            let checked = relying_party(store)?.finish_discoverable_authentication_v2(
                &answer,
                question.state.clone(),
                &passkey,
            );
            let result = match checked {
                Ok(result) => result,
                Err(WebauthnError::CredentialPossibleCompromise) => {
                    return Err(self.refuse_copy(store, &row, &user).await?);
                }
                Err(error) => {
                    tracing::info!(%error, "an answer of a passkey was refused");
                    return Err(not_accepted());
                }
            };
            passkey.update_credential(&result);
            let change = store.begin().await?;
            self.spend(store, &change, row.user_id, question.expires_at).await?;
            if note_use(store, &change, &row, &passkey).await? {
                change.commit_unattended().await?;
                return Ok(user);
            }
        }
        Err(Error::unavailable(1))
    }

    fn open(&self, store: &Store) -> Result<Question> {
        let sealed = Some(self.secret.expose()).filter(|text| text.len() <= QUESTION_MAX).ok_or_else(over)?;
        // A cookie is what its sender says it is: one that does not open is no failure of ours.
        let question = store.seal().open(self.place, sealed).map_err(|_| over())?;
        let question: Question = serde_json::from_slice(&question).map_err(|_| over())?;
        if question.expires_at <= store.now() || question.bound_to != self.bound_to {
            return Err(over());
        }
        Ok(question)
    }

    /// The passkey that answers, and whose it is.
    async fn passkey_of(
        &self,
        store: &Store,
        answer: &PublicKeyCredential,
    ) -> Result<(passkey::Model, user::Model)> {
        let row = passkey::Entity::find()
            .filter(passkey::Column::CredentialId.eq(URL_SAFE_NO_PAD.encode(answer.get_credential_id())))
            .one(store.db())
            .await?
            .ok_or_else(not_accepted)?;
        let says = answer.get_user_unique_id();
        let is_theirs = says.is_none_or(|id| id == row.user_id.0.as_bytes());
        let is_asked = match self.user_id {
            Some(id) => id == row.user_id,
            None => says.is_some(),
        };
        if !is_theirs || !is_asked {
            return Err(not_accepted());
        }
        let user = user::Entity::find_by_id(row.user_id).one(store.db()).await?.ok_or_else(not_accepted)?;
        Ok((row, user))
    }

    /// Of two copies of a passkey the one that was used less tells on itself.
    async fn refuse_copy(&self, store: &Store, row: &passkey::Model, user: &user::Model) -> Result<Error> {
        let record = Record::new(
            "account.passkey_copied",
            "Refused a passkey whose counter went backwards: there may be a copy of it",
        )
        .after(json!({"email": user.email, "passkey_name": row.passkey_name}));
        store.begin().await?.commit(&self.actor, user.business_id, record).await?;
        Ok(Problem::invalid(
            "credential",
            "This passkey was refused: it looks like a copy. Sign in otherwise, and remove it.",
        )
        .into())
    }

    /// Writes down that the question was answered; kept for as long as the question would be good.
    async fn spend(
        &self,
        store: &Store,
        change: &Change,
        user_id: UserId,
        expires_at: DateTime<Utc>,
    ) -> Result<()> {
        ceremony::ActiveModel {
            id: Set(CeremonyId::generate()),
            secret_hash: Set(secret::digest(self.secret.expose())),
            kind: Set(ANSWERED.to_owned()),
            user_id: Set(Some(user_id)),
            state: Set(String::new()),
            tries: Set(0),
            created_at: Set(store.now()),
            expires_at: Set(expires_at),
        }
        .insert(&**change)
        .await
        .map_err(on_duplicate("credential", "This was done already. Begin again."))?;
        Ok(())
    }
}

/// Keeps the counter and the state of a passkey; no when it was used at the same moment.
async fn note_use(store: &Store, change: &Change, row: &passkey::Model, now: &Passkey) -> Result<bool> {
    let noted = passkey::Entity::update_many()
        .col_expr(passkey::Column::Credential, Expr::value(write(now)?))
        .col_expr(passkey::Column::LastUsedAt, Expr::value(store.now()))
        .filter(passkey::Column::Id.eq(row.id))
        .filter(passkey::Column::Credential.eq(row.credential.as_str()))
        .exec(&**change)
        .await?;
    Ok(noted.rows_affected == 1)
}

/// A passkey as it is stored.
pub(super) fn read(row: &passkey::Model) -> Result<Passkey> {
    serde_json::from_str(&row.credential)
        .map_err(|error| Error::Internal(format!("a stored passkey: {error}")))
}

/// A passkey as it is to be stored: a public key, what is known of its keeper, and its counter.
pub(super) fn write(passkey: &Passkey) -> Result<String> {
    serde_json::to_string(passkey).map_err(|error| Error::Internal(error.to_string()))
}

pub(super) fn failed(error: &WebauthnError) -> Error {
    Error::Internal(format!("passkeys: {error}"))
}

fn over() -> Error {
    Error::gone("This took too long, or was done already. Begin again.")
}

fn not_accepted() -> Error {
    Problem::invalid("credential", "This passkey is not accepted here. Try another, or sign in otherwise.")
        .into()
}
