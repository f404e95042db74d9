//! From somebody whom a provider vouches for to somebody of ours. Nobody is made by it, and nobody of another business
//! or of the MSP is found through a business's provider.

use crate::{
    Error, Store, Visitor,
    access::may_sign_in,
    audit::{Actor, Record},
};
use entity::{
    oidc::OidcFailure,
    table::{oidc_provider, user, user_identity},
};
use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set, SqlErr};
use serde_json::json;

/// Whoever has signed in with this provider as this subject before.
///
/// # Errors
/// Refused when they may not sign in any more.
pub(super) async fn known_person(
    store: &Store,
    provider: &oidc_provider::Model,
    subject: &str,
) -> Result<Option<user::Model>, OidcFailure> {
    let found = user_identity::Entity::find_by_id((provider.id, subject.to_owned()))
        .one(store.db())
        .await
        .map_err(Error::from)?;
    let Some(identity) = found else { return Ok(None) };
    let user = user::Entity::find_by_id(identity.user_id).one(store.db()).await.map_err(Error::from)?;
    match user {
        Some(user) if is_of(provider, &user) && may_sign_in(store, &user).await? => Ok(Some(user)),
        _ => {
            tracing::warn!(provider = %provider.id, "somebody who may not sign in any more tried to");
            Err(OidcFailure::Refused)
        }
    }
}

/// Finds the person with this address among those of the provider, and remembers the subject. Once for each person:
/// an address that was given to somebody else there does not open the account of whoever had it before.
///
/// # Errors
/// Refused, always in the same words; the audit log says why.
pub(super) async fn link_person(
    store: &Store,
    visitor: &Visitor,
    provider: &oidc_provider::Model,
    subject: &str,
    email: Option<&str>,
) -> Result<user::Model, OidcFailure> {
    let Some(email) = email else {
        return Err(
            refuse(store, visitor, provider, None, "the provider has not verified their address").await?
        );
    };
    let user = user::Entity::find()
        .filter(user::Column::Email.eq(email))
        .one(store.db())
        .await
        .map_err(Error::from)?
        .filter(|user| is_of(provider, user));
    let Some(user) = user else {
        let why = "nobody whom this provider signs in has their address";
        return Err(refuse(store, visitor, provider, Some(email), why).await?);
    };
    if !may_sign_in(store, &user).await? {
        let why = "they are switched off";
        return Err(refuse(store, visitor, provider, Some(email), why).await?);
    }
    let change = store.begin().await?;
    let others = user_identity::Entity::find()
        .filter(user_identity::Column::ProviderId.eq(provider.id))
        .filter(user_identity::Column::UserId.eq(user.id))
        .one(&*change)
        .await
        .map_err(Error::from)?;
    let linked = match others {
        Some(_) => false,
        None => {
            let identity = user_identity::ActiveModel {
                provider_id: Set(provider.id),
                subject: Set(subject.to_owned()),
                user_id: Set(user.id),
                email: Set(email.to_owned()),
                linked_at: Set(store.now()),
            };
            match identity.insert(&*change).await {
                Ok(_) => true,
                Err(error) => match error.sql_err() {
                    Some(SqlErr::UniqueConstraintViolation(_)) => false,
                    _ => return Err(Error::from(error).into()),
                },
            }
        }
    };
    if !linked {
        drop(change);
        let why = "they are known by another account of the provider";
        return Err(refuse(store, visitor, provider, Some(email), why).await?);
    }
    let summary = format!("Linked their account at {}", provider.provider_name);
    let record = Record::new("account.link_identity", summary)
        .after(json!({"provider_id": provider.id, "subject": subject, "email": email}));
    change.commit(&Actor::arriving(visitor, &user), user.business_id, record).await?;
    Ok(user)
}

/// Is this a person whom the provider may sign in at all?
fn is_of(provider: &oidc_provider::Model, user: &user::Model) -> bool {
    user.business_id == provider.business_id
}

/// Writes down, for those who manage how people sign in, why somebody was not let in whom their provider vouches for.
async fn refuse(
    store: &Store,
    visitor: &Visitor,
    provider: &oidc_provider::Model,
    email: Option<&str>,
    why: &str,
) -> crate::Result<OidcFailure> {
    let summary = format!("Refused a sign-in with {}: {why}", provider.provider_name);
    let record = Record::new("account.sign_in_refused", summary).after(
        json!({"provider_id": provider.id, "email": email.map(|email| entity::input::clip(email, 320))}),
    );
    store.begin().await?.commit(&Actor::knocking(visitor), provider.business_id, record).await?;
    Ok(OidcFailure::Refused)
}
