//! Who may say something about a request, and whose word counts.

use super::break_glass::may_review;
use crate::{
    Cx, Result, Store,
    access::{custom_roles, held_with, reach_of},
    store::Reach,
};
use entity::{
    approval::DecisionPowers,
    command::{ApprovalDecision, ApprovalView, Approver, RequestState},
    id::{BusinessId, UserId},
    policy::Action,
    table::{command_request as request, user},
    user::UserKind,
};
use sea_orm::{ColumnTrait as _, Condition, QueryFilter as _};

/// What this person may do about a request now.
pub(super) fn powers(
    cx: &Cx,
    row: &request::Model,
    approvals: &[ApprovalView],
    allows_break_glass: bool,
) -> DecisionPowers {
    let me = cx.me();
    let holds = me.may(Action::Approve) && cx.reach().includes(row.business_id) && cx.api_key_id().is_none();
    let now = cx.store().now();
    let waits = row.state == RequestState::Awaiting && now < row.decide_by.min(row.deliver_by);
    let own = approvals.iter().find(|one| one.user_id == me.id && one.revoked_at.is_none());
    let has_approved = own.is_some_and(|one| one.decision == ApprovalDecision::Approve);
    let is_own = row.requested_by == me.id;
    let counts = row.approver != Approver::Business || me.business_id == Some(row.business_id);
    let decides = holds && waits && !is_own;
    let why_not = if !waits || has_approved {
        None
    } else if is_own {
        Some("You asked for this: somebody else has to decide.")
    } else if !holds {
        Some("Your role does not let you decide requests of this business.")
    } else if !counts {
        Some("The business itself has to approve this; you may reject it.")
    } else {
        None
    };
    DecisionPowers {
        approve: decides && counts && !has_approved,
        reject: decides,
        revoke: holds && has_approved && matches!(row.state, RequestState::Awaiting | RequestState::Approved),
        break_glass: decides && allows_break_glass,
        review: holds && may_review(row, me.id),
        why_not: why_not.map(str::to_owned),
    }
}

/// Somebody whose word counts.
pub(crate) struct Voter {
    pub(crate) id: UserId,
    pub(crate) email: String,
    pub(crate) full_name: String,
    pub(crate) is_of_business: bool,
}

/// Everybody who may decide for a business now; for all of them when none is named.
pub(crate) async fn voters(store: &Store, business: Option<BusinessId>) -> Result<Vec<Voter>> {
    let mut whose = Condition::any().add(user::Column::BusinessId.is_null());
    if let Some(business) = business {
        whose = whose.add(user::Column::BusinessId.eq(business));
    }
    let people = Reach::everything()
        .select::<user::Entity>()
        .filter(whose)
        .filter(user::Column::IsActive.eq(true))
        .filter(user::Column::Kind.eq(UserKind::Person))
        .all(store.db())
        .await?;
    let roles = custom_roles(store).await?;
    let mut voters = Vec::new();
    for person in people {
        if !held_with(&roles, &person)?.allow(Action::Approve) {
            continue;
        }
        let reach = reach_of(store, &person).await?;
        if business.map_or_else(|| reach.includes_msp(), |business| reach.includes(business)) {
            voters.push(Voter {
                is_of_business: business.is_some() && person.business_id == business,
                id: person.id,
                email: person.email,
                full_name: person.full_name,
            });
        }
    }
    Ok(voters)
}
