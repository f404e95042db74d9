//! The way of a person through a provider: out with a question that only their browser can bring back, and home with
//! an answer that is checked before anybody is looked up.

mod begin;
mod button;
mod finish;
mod person;

pub(super) use begin::Waiting;
pub use begin::{Begun, begin};
pub use button::buttons;
pub use finish::{Callback, Finished, finish};

use crate::{Result, Store};
use entity::{
    id::OidcProviderId,
    oidc::OidcFailure,
    table::{business, oidc_provider},
};
use sea_orm::EntityTrait as _;

/// Names the ceremony of somebody who is at a provider.
const AT_PROVIDER: &str = "oidc";

/// A provider that people can sign in with: switched on, and of a business that is.
async fn usable(store: &Store, id: OidcProviderId) -> Result<Option<oidc_provider::Model>> {
    let found = oidc_provider::Entity::find_by_id(id).one(store.db()).await?;
    let Some(provider) = found.filter(|provider| provider.is_active) else { return Ok(None) };
    let is_on = match provider.business_id {
        Some(id) => business::Entity::find_by_id(id).one(store.db()).await?.is_some_and(|b| b.is_active),
        None => true,
    };
    Ok(is_on.then_some(provider))
}

/// Our own failures are written to the log and told apart from nothing.
impl From<crate::Error> for OidcFailure {
    fn from(error: crate::Error) -> Self {
        use entity::problem::ProblemCode;
        match error.problem().code {
            ProblemCode::Gone => Self::Over,
            ProblemCode::TooMany => Self::Slowed,
            ProblemCode::SignedOut => Self::Refused,
            _ => Self::Unavailable,
        }
    }
}
