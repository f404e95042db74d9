//! What a technician is granted and denied: from a form to rows, and back.

use crate::{
    Cx, Result,
    store::{Change, Reach},
};
use entity::{
    id::{AccessGrantId, BusinessId, ServiceLocationId, UserId},
    problem::Problem,
    table::access_grant,
    user::{Effect, UserInput},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use std::{collections::HashSet, hash::Hash};
use uuid::Uuid;

/// Grants and denials of one person.
#[derive(Default)]
pub(crate) struct Grants(Vec<access_grant::Model>);

impl Grants {
    /// The rows of what a form asks for, of a user who is not named yet.
    pub(super) async fn asked_for(cx: &Cx, input: &UserInput) -> Result<Self> {
        let mut rows = Vec::new();
        if input.every_business {
            rows.push(row(Effect::Allow, None, None));
        }
        for (field, effect, ids) in
            [("granted", Effect::Allow, &input.granted), ("denied", Effect::Deny, &input.denied)]
        {
            check_distinct(field, ids)?;
            for id in ids {
                crate::business::find(cx, *id).await.map_err(|_| unknown(field))?;
                rows.push(row(effect, Some(*id), None));
            }
        }
        for (field, effect, ids) in [
            ("granted_locations", Effect::Allow, &input.granted_locations),
            ("denied_locations", Effect::Deny, &input.denied_locations),
        ] {
            check_distinct(field, ids)?;
            for id in ids {
                let place = crate::service_location::find(cx, *id).await.map_err(|_| unknown(field))?;
                rows.push(row(effect, Some(place.business_id), Some(*id)));
            }
        }
        Ok(Self(rows))
    }

    /// What they reach with these and those.
    pub(super) fn reach_with(&self, others: &Self) -> Reach {
        let all: Vec<_> = self.0.iter().chain(&others.0).cloned().collect();
        Reach::from_grants(&all)
    }

    /// Takes them away.
    pub(super) async fn remove(&self, change: &Change) -> Result<()> {
        let ids = self.0.iter().map(|row| row.id);
        access_grant::Entity::delete_many()
            .filter(access_grant::Column::Id.is_in(ids))
            .exec(&**change)
            .await?;
        Ok(())
    }
}

/// Writes down what a user is granted and denied.
pub(crate) async fn grant(change: &Change, user: UserId, grants: &Grants) -> Result<()> {
    for row in &grants.0 {
        let row = access_grant::Model { user_id: user, ..row.clone() };
        access_grant::Entity::insert(access_grant::ActiveModel::from(row))
            .exec_without_returning(&**change)
            .await?;
    }
    Ok(())
}

/// What somebody who was found within reach is granted and denied: what who asks may know of, and the rest.
pub(super) async fn grants_of(cx: &Cx, user: UserId) -> Result<(Grants, Grants)> {
    let rows = access_grant::Entity::find().filter(access_grant::Column::UserId.eq(user));
    let (seen, unseen) = rows.all(cx.store().db()).await?.into_iter().partition(|row| is_known_to(cx, row));
    Ok((Grants(seen), Grants(unseen)))
}

/// May they know of this grant? Of every business only those who reach what is the MSP's own.
pub(super) fn is_known_to(cx: &Cx, row: &access_grant::Model) -> bool {
    match (row.business_id, row.service_location_id) {
        (None, _) => cx.reach().includes_msp(),
        (Some(business), None) => cx.reach().includes(business),
        (Some(business), place) => cx.reach().covers(business, place),
    }
}

fn row(
    effect: Effect,
    business_id: Option<BusinessId>,
    service_location_id: Option<ServiceLocationId>,
) -> access_grant::Model {
    access_grant::Model {
        id: AccessGrantId::generate(),
        user_id: UserId(Uuid::nil()),
        effect,
        business_id,
        service_location_id,
    }
}

fn check_distinct<I: Eq + Hash>(field: &str, ids: &[I]) -> Result<()> {
    let distinct: HashSet<_> = ids.iter().collect();
    if distinct.len() == ids.len() { Ok(()) } else { Err(unknown(field).into()) }
}

fn unknown(field: &str) -> Problem {
    Problem::invalid(field, "Choose from what exists, each once.")
}
