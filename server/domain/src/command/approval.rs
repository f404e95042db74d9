//! What people decide about a request, and whether it counts.

use crate::{
    Result, Store,
    access::{held_by, reach_of},
    store::Reach,
};
use entity::{
    command::{ApprovalDecision, ApprovalNote, PendingApproval},
    id::UserId,
    policy::Action,
    table::{api_key, approval, command_request, user},
};
use sea_orm::{ColumnTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};
use std::collections::BTreeSet;

/// What was said for a request, each with whether it counts at this moment.
///
/// # Errors
/// When the database fails.
pub(crate) async fn pending(store: &Store, request: &command_request::Model) -> Result<Vec<PendingApproval>> {
    let rows = Reach::of(request.business_id)
        .select::<approval::Entity>()
        .filter(approval::Column::RequestId.eq(request.id))
        .filter(approval::Column::Decision.eq(ApprovalDecision::Approve))
        .order_by_asc(approval::Column::DecidedAt)
        .all(store.db())
        .await?;
    let mut pending = Vec::new();
    let same_hands = hands_of(store, request).await?;
    for row in rows {
        if !super::proof::has_approval(store, &row) {
            continue;
        }
        let person = Reach::everything().select::<user::Entity>().filter(user::Column::Id.eq(row.user_id));
        let Some(person) = person.one(store.db()).await? else { continue };
        let (_, permissions) = held_by(store, &person).await?;
        let reaches = reach_of(store, &person).await?.includes(request.business_id);
        pending.push(PendingApproval {
            may_approve_now: person.is_active
                && reaches
                && permissions.allow(Action::Approve)
                && !same_hands.contains(&person.id),
            is_of_business: person.business_id == Some(request.business_id),
            is_revoked: row.revoked_at.is_some(),
            note: ApprovalNote {
                user_id: row.user_id,
                user_name: row.user_name,
                approved_at: row.decided_at,
                request_sha256: row.request_sha256,
                signature: None,
            },
        });
    }
    Ok(pending)
}

/// Whoever has made a key of the account that asks: it asks with their hands, so that their yes would be their own.
///
/// # Errors
/// When the database fails.
pub(crate) async fn hands_of(store: &Store, request: &command_request::Model) -> Result<BTreeSet<UserId>> {
    let makers: Vec<UserId> = Reach::everything()
        .select::<api_key::Entity>()
        .filter(api_key::Column::UserId.eq(request.requested_by))
        .select_only()
        .column(api_key::Column::CreatedBy)
        .into_tuple()
        .all(store.db())
        .await?;
    Ok(makers.into_iter().collect())
}
