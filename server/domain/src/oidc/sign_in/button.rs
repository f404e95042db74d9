//! The buttons of the sign-in page.

use super::usable;
use crate::{Result, Store};
use entity::{id::OidcProviderId, oidc::SignInProvider, table::oidc_provider};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};

/// The providers that strangers are shown: the MSP's own. A business's provider is shown to those alone who know its
/// id, from a link that the business was given, or because they have signed in with it in this browser before: whose
/// customers there are is nobody's business.
///
/// # Errors
/// When the database fails.
pub async fn buttons(
    store: &Store,
    asked: Option<OidcProviderId>,
    known: Option<OidcProviderId>,
) -> Result<Vec<SignInProvider>> {
    let mut rows = match asked {
        Some(id) => usable(store, id).await?.into_iter().collect(),
        None => {
            oidc_provider::Entity::find()
                .filter(oidc_provider::Column::BusinessId.is_null())
                .filter(oidc_provider::Column::IsActive.eq(true))
                .order_by_asc(oidc_provider::Column::ProviderName)
                .all(store.db())
                .await?
        }
    };
    if let Some(id) = known.filter(|id| asked.is_none() && rows.iter().all(|row| row.id != *id)) {
        rows.splice(0..0, usable(store, id).await?);
    }
    Ok(rows.into_iter().map(|row| SignInProvider { id: row.id, provider_name: row.provider_name }).collect())
}
