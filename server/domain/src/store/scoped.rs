//! The tenant filter. Rows of a tenant table are reached only through [`Reach::select`], which carries it.

use super::db::Scope;
use entity::{
    id::{BusinessId, ServiceLocationId},
    table,
    user::Effect,
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter as _, Select, Value,
    sea_query::{Expr, Query, SelectStatement},
};
use std::collections::{BTreeMap, BTreeSet};

/// What somebody may reach: businesses, or single service locations of them. What is denied is out of reach, whatever
/// else allows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    every: bool,
    businesses: BTreeSet<BusinessId>,
    locations: BTreeMap<ServiceLocationId, BusinessId>,
    denied: BTreeSet<BusinessId>,
    denied_locations: BTreeMap<ServiceLocationId, BusinessId>,
}

impl Reach {
    /// Nothing at all.
    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    /// Every business, and what is the MSP's own.
    pub(crate) fn everything() -> Self {
        Self { every: true, ..Self::default() }
    }

    /// One business.
    pub(crate) fn of(business: BusinessId) -> Self {
        Self { businesses: BTreeSet::from([business]), ..Self::default() }
    }

    /// From what was granted and denied.
    pub(crate) fn from_grants(grants: &[table::access_grant::Model]) -> Self {
        let mut reach = Self::default();
        for grant in grants {
            match (grant.effect, grant.business_id, grant.service_location_id) {
                (Effect::Allow, None, _) => reach.every = true,
                (Effect::Allow, Some(business), None) => drop(reach.businesses.insert(business)),
                (Effect::Allow, Some(business), Some(location)) => {
                    reach.locations.insert(location, business);
                }
                // A denial of everything, which nothing writes, leaves nothing.
                (Effect::Deny, None, _) => return Self::nothing(),
                (Effect::Deny, Some(business), None) => drop(reach.denied.insert(business)),
                (Effect::Deny, Some(business), Some(location)) => {
                    reach.denied_locations.insert(location, business);
                }
            }
        }
        reach
    }

    /// Is nothing within reach?
    pub(crate) fn is_nothing(&self) -> bool {
        !self.every && self.businesses.is_empty() && self.locations.is_empty()
    }

    /// Is what belongs to no business, but to the MSP itself, within reach?
    pub(crate) fn includes_msp(&self) -> bool {
        self.every
    }

    /// Is every business within reach, and what is the MSP's own?
    pub(crate) fn is_everything(&self) -> bool {
        self.every && self.denied.is_empty() && self.denied_locations.is_empty()
    }

    /// Is all of this business within reach, but for single service locations that are denied?
    pub(crate) fn includes(&self, business: BusinessId) -> bool {
        (self.every || self.businesses.contains(&business)) && !self.denied.contains(&business)
    }

    /// Is all or a part of this business within reach?
    pub(crate) fn touches(&self, business: BusinessId) -> bool {
        !self.denied.contains(&business)
            && (self.includes(business) || self.granted_locations().any(|(_, other)| other == business))
    }

    /// Single service locations that are granted and not denied again.
    fn granted_locations(&self) -> impl Iterator<Item = (ServiceLocationId, BusinessId)> + '_ {
        self.locations.iter().map(|(location, business)| (*location, *business)).filter(
            |(location, business)| {
                !self.denied_locations.contains_key(location) && !self.denied.contains(business)
            },
        )
    }

    /// Is a row within reach that belongs to this business, and perhaps to a service location of it?
    pub(crate) fn covers(&self, business: BusinessId, location: Option<ServiceLocationId>) -> bool {
        let is_granted = self.includes(business)
            || location.is_some_and(|location| self.locations.get(&location) == Some(&business));
        is_granted
            && !self.denied.contains(&business)
            && location.is_none_or(|location| !self.denied_locations.contains_key(&location))
    }

    /// True when the business alone does not decide: then rows have to be asked for.
    pub(crate) fn depends_on_location(&self) -> bool {
        !self.locations.is_empty() || !self.denied_locations.is_empty()
    }

    /// Is all that these reach within the reach of those? Errs on the side of no.
    pub(crate) fn is_within(&self, others: &Self) -> bool {
        if others.is_everything() {
            return true;
        }
        (!self.every || (others.every && others.denied.is_subset(&self.denied)))
            && self
                .businesses
                .iter()
                .all(|business| self.denied.contains(business) || others.includes(*business))
            && self
                .granted_locations()
                .all(|(location, business)| others.covers(business, Some(location)))
            // What is kept from those must be out of reach of these, too.
            && others
                .denied_locations
                .iter()
                .all(|(location, business)| !self.covers(*business, Some(*location)))
    }

    /// What the database itself is told, where it can keep rows apart.
    pub(crate) fn scope(&self) -> Scope {
        let businesses = self.businesses.iter().chain(self.locations.values()).copied();
        Scope::new(self.every, businesses, self.denied.iter().copied())
    }

    /// A query that already carries the tenant filter.
    pub(crate) fn select<E: Tenant>(&self) -> Select<E> {
        E::find().filter(self.filter::<E>())
    }

    /// The same for a query that has more to say about whose rows it takes.
    pub(crate) fn filter<E: Tenant>(&self) -> Condition {
        let mut allowed = Condition::any();
        if self.every {
            allowed = allowed.add(Expr::cust("1 = 1"));
        }
        if !self.businesses.is_empty() {
            allowed = allowed.add(E::BUSINESS.is_in(self.businesses.iter().copied()));
        }
        let (locations, of_businesses): (Vec<_>, Vec<_>) = self.granted_locations().unzip();
        if !locations.is_empty() {
            match E::PLACE {
                Place::Business => {}
                Place::Itself => allowed = allowed.add(E::BUSINESS.is_in(of_businesses)),
                Place::Location(column) => allowed = allowed.add(column.is_in(locations)),
                // An entry about a device that has moved away stays with the business that it was written for.
                Place::Device(column) => {
                    allowed = allowed.add(
                        Condition::all()
                            .add(E::BUSINESS.is_in(of_businesses))
                            .add(column.in_subquery(devices_at(locations))),
                    );
                }
            }
        }
        // An empty "any" would be left out, and nothing would come to mean everything.
        let mut all = Condition::all().add(if allowed.is_empty() {
            Condition::all().add(Expr::cust("1 = 0"))
        } else {
            allowed
        });
        if !self.denied.is_empty() {
            all = all.add(
                Condition::any()
                    .add(E::BUSINESS.is_null())
                    .add(E::BUSINESS.is_not_in(self.denied.iter().copied())),
            );
        }
        if !self.denied_locations.is_empty() {
            match E::PLACE {
                Place::Business | Place::Itself => {}
                Place::Location(column) => {
                    let denied = self.denied_locations.keys().copied();
                    all = all.add(Condition::any().add(column.is_null()).add(column.is_not_in(denied)));
                }
                // Not "at none of the denied places": a device may have stood at one before it moved away.
                Place::Device(column) => {
                    let here = column.in_subquery(self.devices());
                    all = all.add(Condition::any().add(column.is_null()).add(here));
                }
            }
        }
        all
    }

    /// The ids of the devices within reach.
    fn devices(&self) -> SelectStatement {
        Query::select()
            .column(table::device::Column::Id)
            .from(table::device::Entity)
            .cond_where(self.filter::<table::device::Entity>())
            .to_owned()
    }

    /// The same filter for raw SQL over rows that have a business and a service location: a condition on the two
    /// columns and its values.
    pub(crate) fn condition(&self, business: &str, location: &str) -> (String, Vec<Value>) {
        let mut values: Vec<Value> = Vec::new();
        let mut allowed = Vec::new();
        if self.every {
            allowed.push("1 = 1".to_owned());
        }
        if !self.businesses.is_empty() {
            allowed.push(format!("{business} IN ({})", super::placeholders(self.businesses.len())));
            values.extend(self.businesses.iter().map(|id| Value::from(*id)));
        }
        let locations: Vec<_> = self.granted_locations().map(|(id, _)| id).collect();
        if !locations.is_empty() {
            allowed.push(format!("{location} IN ({})", super::placeholders(locations.len())));
            values.extend(locations.into_iter().map(Value::from));
        }
        if allowed.is_empty() {
            return ("1 = 0".to_owned(), Vec::new());
        }
        let mut all = vec![format!("({})", allowed.join(" OR "))];
        if !self.denied.is_empty() {
            all.push(format!("{business} NOT IN ({})", super::placeholders(self.denied.len())));
            values.extend(self.denied.iter().map(|id| Value::from(*id)));
        }
        if !self.denied_locations.is_empty() {
            let denied = super::placeholders(self.denied_locations.len());
            all.push(format!("({location} IS NULL OR {location} NOT IN ({denied}))"));
            values.extend(self.denied_locations.keys().map(|id| Value::from(*id)));
        }
        (all.join(" AND "), values)
    }
}

fn devices_at(locations: Vec<ServiceLocationId>) -> SelectStatement {
    Query::select()
        .column(table::device::Column::Id)
        .from(table::device::Entity)
        .and_where(table::device::Column::ServiceLocationId.is_in(locations))
        .to_owned()
}

/// How a row of a tenant table belongs to a service location.
pub(crate) enum Place<C> {
    /// Not at all: it is the business's as a whole.
    Business,
    /// It is the business: seen by whoever reaches a part of it.
    Itself,
    /// By this column.
    Location(C),
    /// By the device that this column names.
    Device(C),
}

/// A table whose rows belong to a business. A table without this declaration cannot be selected with a reach.
pub(crate) trait Tenant: EntityTrait {
    /// The column that says whose row it is.
    const BUSINESS: Self::Column;
    /// How it belongs to a service location.
    const PLACE: Place<Self::Column>;
}

/// One line per tenant table. Owned tables have `NOT NULL`; in Shared ones an absent business means the MSP's own,
/// which only those who reach every business see.
macro_rules! tenants {
    ($($module:ident.$column:ident: $place:ident $(($of:ident))?),+ $(,)?) => {
        $(
            impl Tenant for table::$module::Entity {
                const BUSINESS: Self::Column = table::$module::Column::$column;
                const PLACE: Place<Self::Column> = Place::$place $((table::$module::Column::$of))?;
            }
        )+

        /// The names of the tenant tables, for the test that compares them with the database's own catalogue.
        #[cfg(test)]
        pub(super) fn tenant_tables() -> Vec<&'static str> {
            use sea_orm::EntityName as _;
            vec![$(table::$module::Entity.table_name()),+]
        }
    };
}

tenants! {
    access_grant.BusinessId: Business,
    alert.BusinessId: Device(DeviceId),
    alert_rule.BusinessId: Business,
    api_key.BusinessId: Business,
    approval.BusinessId: Business,
    approval_policy.BusinessId: Business,
    audit_entry.BusinessId: Device(DeviceId),
    business.Id: Itself,
    chain_entry.BusinessId: Device(DeviceId),
    chain_head.BusinessId: Device(DeviceId),
    command.BusinessId: Device(DeviceId),
    command_request.BusinessId: Business,
    device.BusinessId: Location(ServiceLocationId),
    device_event.BusinessId: Device(DeviceId),
    emergency_rearm.BusinessId: Business,
    emergency_stop.BusinessId: Business,
    error_report.BusinessId: Device(DeviceId),
    log_source.BusinessId: Device(DeviceId),
    monitored_service.BusinessId: Device(DeviceId),
    monitored_service_rule.BusinessId: Device(DeviceId),
    monitored_service_state.BusinessId: Device(DeviceId),
    oidc_provider.BusinessId: Business,
    registration_token.BusinessId: Location(ServiceLocationId),
    rollout_device.BusinessId: Device(DeviceId),
    script.BusinessId: Business,
    script_version.BusinessId: Business,
    service_location.BusinessId: Location(Id),
    software_item.BusinessId: Device(DeviceId),
    suggestion.BusinessId: Device(DeviceId),
    user.BusinessId: Business,
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::id::{AccessGrantId, UserId};

    /// Businesses a and b, with two places in a and one in b.
    struct Estate {
        a: BusinessId,
        b: BusinessId,
        a1: ServiceLocationId,
        a2: ServiceLocationId,
        b1: ServiceLocationId,
    }

    fn estate() -> Estate {
        Estate {
            a: BusinessId::generate(),
            b: BusinessId::generate(),
            a1: ServiceLocationId::generate(),
            a2: ServiceLocationId::generate(),
            b1: ServiceLocationId::generate(),
        }
    }

    fn reach(grants: &[(Effect, Option<BusinessId>, Option<ServiceLocationId>)]) -> Reach {
        let rows: Vec<_> = grants
            .iter()
            .map(|(effect, business_id, service_location_id)| table::access_grant::Model {
                id: AccessGrantId::generate(),
                user_id: UserId::generate(),
                effect: *effect,
                business_id: *business_id,
                service_location_id: *service_location_id,
            })
            .collect();
        Reach::from_grants(&rows)
    }

    use Effect::{Allow, Deny};

    #[test]
    fn a_denial_wins_over_whatever_allows() {
        let Estate { a, b, a1, a2, b1 } = estate();
        let but_a = reach(&[
            (Allow, None, None),
            (Allow, Some(a), None),
            (Allow, Some(a), Some(a1)),
            (Deny, Some(a), None),
        ]);
        assert!(
            !but_a.includes(a) && !but_a.touches(a) && !but_a.covers(a, None) && !but_a.covers(a, Some(a1))
        );
        assert!(
            but_a.includes(b) && but_a.covers(b, Some(b1)) && but_a.includes_msp() && !but_a.is_everything()
        );

        let but_a1 = reach(&[(Allow, Some(a), None), (Allow, Some(a), Some(a1)), (Deny, Some(a), Some(a1))]);
        assert!(!but_a1.covers(a, Some(a1)) && but_a1.covers(a, Some(a2)) && but_a1.covers(a, None));
        assert!(but_a1.depends_on_location());

        let nothing = reach(&[(Allow, Some(a), Some(a1)), (Deny, Some(a), Some(a1))]);
        assert!(!nothing.touches(a) && !nothing.covers(a, Some(a1)) && !nothing.covers(a, None));
        assert!(reach(&[(Allow, None, None), (Deny, None, None)]).is_nothing());
    }

    #[test]
    fn a_place_is_not_its_business() {
        let Estate { a, b, a1, a2, .. } = estate();
        let place = reach(&[(Allow, Some(a), Some(a1))]);
        assert!(place.touches(a) && !place.includes(a) && !place.includes_msp());
        assert!(place.covers(a, Some(a1)) && !place.covers(a, Some(a2)) && !place.covers(a, None));
        assert!(!place.covers(b, Some(a1)), "an id of a place says nothing about another business");
    }

    #[test]
    fn nobody_hands_on_more_than_they_reach() {
        let Estate { a, b, a1, a2, b1 } = estate();
        let everything = Reach::everything();
        let (of_a, of_a1) = (Reach::of(a), reach(&[(Allow, Some(a), Some(a1))]));
        let but_b = reach(&[(Allow, None, None), (Deny, Some(b), None)]);
        let a_but_a2 = reach(&[(Allow, Some(a), None), (Deny, Some(a), Some(a2))]);
        let all = [&everything, &of_a, &of_a1, &but_b, &a_but_a2];
        for reach in all {
            assert!(reach.is_within(reach) && reach.is_within(&everything), "{reach:?}");
            assert!(Reach::nothing().is_within(reach), "{reach:?}");
        }
        let wider = [
            (&everything, &but_b),
            (&but_b, &of_a),
            (&of_a, &of_a1),
            (&of_a, &a_but_a2),
            (&a_but_a2, &of_a1),
        ];
        for (wide, narrow) in wider {
            assert!(!wide.is_within(narrow), "{wide:?} in {narrow:?}");
            assert!(narrow.is_within(wide), "{narrow:?} in {wide:?}");
        }
        assert!(!Reach::of(b).is_within(&but_b) && !Reach::of(b).is_within(&of_a));
        // What is denied at another business does not matter here, and the same denial is kept.
        let but_b1 = reach(&[(Allow, None, None), (Deny, Some(b), Some(b1))]);
        assert!(of_a.is_within(&but_b1) && !Reach::of(b).is_within(&but_b1) && but_b.is_within(&but_b1));
        assert!(!everything.is_within(&but_b1) && but_b1.is_within(&everything));
        assert!(!reach(&[(Allow, Some(b), Some(b1))]).is_within(&but_b1));
    }
}
