//! Another revision of a policy. A stricter one voids what was approved under the one before and no device has got.

use super::{Document, in_force, last, list::view, of_msp};
use crate::{
    Confirmed, Error, Result,
    access::{Permit, Target},
    approval,
    audit::Record,
    business,
    command::queue,
    error::on_duplicate,
    store::{Change, Reach},
};
use entity::{
    approval_policy::{ApprovalPolicyInput, ApprovalPolicyView},
    command::ApprovalPolicy,
    id::{ApprovalPolicyId, BusinessId},
    policy::Action,
    problem::Problem,
    table::{approval_policy as policy, business as business_table},
};
use sea_orm::{ActiveModelTrait as _, QuerySelect as _, Set};

/// Decides for businesses that have no policy of their own.
///
/// # Errors
/// Forbidden by role; conflict when somebody else wrote another revision meanwhile; invalid names the field.
pub async fn set_default(cx: &Confirmed<'_>, input: ApprovalPolicyInput) -> Result<ApprovalPolicyView> {
    let permit = cx.permit(Action::ManageCommandPolicy, Target::Msp)?;
    if !cx.reach().is_everything() {
        return Err(Error::forbidden("This is about every business, and some are out of your reach."));
    }
    if input.inherits {
        return Err(Problem::invalid("inherits", "There is nothing further up that could hold.").into());
    }
    let before = of_msp(cx.store().db()).await?;
    write(cx, &permit, None, "Changed what has to be approved".to_owned(), before, input).await?;
    view(cx, None).await
}

/// Decides for a business.
///
/// # Errors
/// Not found when it is out of reach, forbidden by role; conflict when somebody else wrote another revision meanwhile;
/// invalid names the field.
pub async fn set_business(
    cx: &Confirmed<'_>,
    id: BusinessId,
    input: ApprovalPolicyInput,
) -> Result<ApprovalPolicyView> {
    let row = business::find(cx, id).await?;
    let permit = cx.permit(Action::ManageCommandPolicy, Target::Business(id))?;
    let before = in_force(cx.store().db(), id).await?;
    let summary = format!("Changed what has to be approved at {}", row.business_name);
    write(cx, &permit, Some(id), summary, before, input).await?;
    view(cx, Some((id, row.business_name))).await
}

async fn write(
    cx: &Confirmed<'_>,
    permit: &Permit<'_>,
    business: Option<BusinessId>,
    summary: String,
    before: ApprovalPolicy,
    input: ApprovalPolicyInput,
) -> Result<()> {
    let store = cx.store();
    let (inherits, read) = (input.inherits, input.revision);
    let own = last(store.db(), business).await?;
    let revision = own.map_or(0, |row| row.revision);
    if revision.unsigned_abs() != read {
        return Err(Error::conflict(Some("revision"), CHANGED));
    }
    let further_up = of_msp(store.db()).await?;
    let written = if inherits { further_up } else { input.checked()? };
    let document = Document {
        inherits,
        rules: written.rules.clone(),
        decide_seconds: written.decide_seconds,
        allows_break_glass: written.allows_break_glass,
        rearm_approvals: written.rearm_approvals,
        automatic: written.automatic.clone(),
    };
    let document = serde_json::to_string(&document).map_err(|error| Error::Internal(error.to_string()))?;
    let id = ApprovalPolicyId::generate();
    let change = permit.begin().await?;
    policy::ActiveModel {
        id: Set(id),
        business_id: Set(business),
        revision: Set(revision + 1),
        document: Set(document),
        created_by: Set(Some(cx.me().id)),
        created_at: Set(store.now()),
    }
    .insert(&*change)
    .await
    .map_err(on_duplicate("revision", CHANGED))?;
    let holds = ApprovalPolicy { id: if inherits { written.id } else { Some(id) }, ..written };
    let bound = match business {
        Some(business) => vec![business],
        None => without_own(&change).await?,
    };
    let (moved, voided) = approval::void_tightened(cx, &change, &bound, &holds).await?;
    let record = Record::new("approval_policy.set", summary).before(&before).after(&holds);
    permit.commit(change, record).await?;
    queue::announce(store, &moved);
    for id in voided {
        approval::notify(store, id);
    }
    Ok(())
}

const CHANGED: &str = "Somebody else has just changed this. Read what holds now, and decide again.";

/// Businesses for which the MSP's policy holds.
async fn without_own(change: &Change) -> Result<Vec<BusinessId>> {
    let all: Vec<BusinessId> = Reach::everything()
        .select::<business_table::Entity>()
        .select_only()
        .column(business_table::Column::Id)
        .into_tuple()
        .all(&**change)
        .await?;
    let mut bound = Vec::new();
    for business in all {
        let own = last(&**change, Some(business)).await?;
        if own.map(|row| super::read(&row)).transpose()?.is_none_or(|(inherits, _)| inherits) {
            bound.push(business);
        }
    }
    Ok(bound)
}
