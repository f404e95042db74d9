//! Changing what people may do: one change at a time, by somebody who may still do what they could when they asked.

use super::{Confirmed, key, sign_in};
use crate::{Error, Result, Store, node, store::Change};
use entity::{
    id::{BusinessId, CustomRoleId},
    policy::{Permissions, held},
    table::{custom_role, session, user},
};
use sea_orm::{
    ColumnTrait as _, DatabaseTransaction, EntityTrait as _, QueryFilter as _, QuerySelect as _,
    QueryTrait as _, sea_query::Expr,
};
use std::collections::HashMap;
use tokio::sync::{Mutex, MutexGuard};

/// Held from the check of what somebody may hand on until it has been committed: two such changes at once could
/// together give what neither may give alone.
static TURN: Mutex<()> = Mutex::const_new(());

/// The turn to change what people may do.
pub(crate) struct Authority {
    _turn: MutexGuard<'static, ()>,
    /// The same among server processes. One connection of each at most, for whoever has the turn here.
    _lock: Option<DatabaseTransaction>,
}

impl Authority {
    /// Waits for the turn and looks again at what who asks may do.
    ///
    /// # Errors
    /// Forbidden when it has become less since they asked.
    pub(crate) async fn of(cx: &Confirmed<'_>) -> Result<Self> {
        let turn = TURN.lock().await;
        let store = cx.store();
        let lock = node::alone_with_authority(store).await?;
        let less = || Error::forbidden("What you may do has just been changed. Load the page anew.");
        let row = user::Entity::find_by_id(cx.me().id).one(store.db()).await?.ok_or_else(less)?;
        let (_, permissions) = sign_in::held_by(store, &row).await?;
        let reach = sign_in::reach_of(store, &row).await?;
        if row.is_active && permissions.include(&cx.me().permissions) && cx.reach().is_within(&reach) {
            Ok(Self { _turn: turn, _lock: lock })
        } else {
            Err(less())
        }
    }
}

/// Every custom role. They belong to the MSP and have no business; who may know of which is for the caller to say.
pub(crate) async fn custom_roles(store: &Store) -> Result<HashMap<CustomRoleId, custom_role::Model>> {
    let rows = custom_role::Entity::find().all(store.db()).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// One custom role.
pub(crate) async fn custom_role(store: &Store, id: CustomRoleId) -> Result<Option<custom_role::Model>> {
    Ok(custom_role::Entity::find_by_id(id).one(store.db()).await?)
}

/// Everybody who has a custom role, within whose reach they are or not.
pub(crate) async fn holders(store: &Store, id: CustomRoleId) -> Result<Vec<user::Model>> {
    Ok(user::Entity::find().filter(user::Column::CustomRoleId.eq(id)).all(store.db()).await?)
}

/// All that a user may do, when the custom roles are known already.
pub(crate) fn held_with(
    roles: &HashMap<CustomRoleId, custom_role::Model>,
    user: &user::Model,
) -> Result<Permissions> {
    let custom = user.custom_role_id.and_then(|id| roles.get(&id));
    let custom = custom.map(|role| key::read(&role.permissions)).transpose()?;
    Ok(held(user.role, custom.as_ref(), &key::read(&user.extra_permissions)?))
}

/// Ends every session of a business's people.
pub(crate) async fn end_sessions_of(store: &Store, change: &Change, business: BusinessId) -> Result<()> {
    let people = user::Entity::find()
        .select_only()
        .column(user::Column::Id)
        .filter(user::Column::BusinessId.eq(business))
        .into_query();
    session::Entity::update_many()
        .col_expr(session::Column::EndedAt, Expr::value(store.now()))
        .filter(session::Column::UserId.in_subquery(people))
        .filter(session::Column::EndedAt.is_null())
        .exec(&**change)
        .await?;
    Ok(())
}
