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
    denied_locations: BTreeSet<ServiceLocationId>,
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
                (Effect::Deny, Some(_), Some(location)) => drop(reach.denied_locations.insert(location)),
            }
        }
        reach
    }

    /// Is nothing within reach?
    pub(crate) fn is_nothing(&self) -> bool {
        !self.every && self.businesses.is_empty() && self.locations.is_empty()
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
            && (self.includes(business) || self.locations.values().any(|other| *other == business))
    }

    /// Is a row within reach that belongs to this business, and perhaps to a service location of it?
    pub(crate) fn covers(&self, business: BusinessId, location: Option<ServiceLocationId>) -> bool {
        let is_granted = self.includes(business)
            || location.is_some_and(|location| self.locations.get(&location) == Some(&business));
        is_granted
            && !self.denied.contains(&business)
            && location.is_none_or(|location| !self.denied_locations.contains(&location))
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
        !self.every
            && self.businesses.iter().all(|business| others.includes(*business))
            && self.locations.iter().all(|(location, business)| others.covers(*business, Some(*location)))
            && others.denied_locations.is_subset(&self.denied_locations)
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

    fn filter<E: Tenant>(&self) -> Condition {
        let mut allowed = Condition::any();
        if self.every {
            allowed = allowed.add(Expr::cust("1 = 1"));
        }
        if !self.businesses.is_empty() {
            allowed = allowed.add(E::BUSINESS.is_in(self.businesses.iter().copied()));
        }
        if !self.locations.is_empty() {
            match E::PLACE {
                Place::Business => {}
                Place::Itself => allowed = allowed.add(E::BUSINESS.is_in(self.locations.values().copied())),
                Place::Location(column) => {
                    allowed = allowed.add(column.is_in(self.locations.keys().copied()));
                }
                Place::Device(column) => {
                    allowed = allowed.add(column.in_subquery(devices_at(self.locations.keys().copied())));
                }
            }
        }
        // An empty "any" would be left out, and nothing would come to mean everything.
        let mut all = Condition::all().add(if self.is_nothing() {
            Condition::all().add(Expr::cust("1 = 0"))
        } else if allowed.is_empty() {
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
            let denied = self.denied_locations.iter().copied();
            match E::PLACE {
                Place::Business | Place::Itself => {}
                Place::Location(column) => {
                    all = all.add(Condition::any().add(column.is_null()).add(column.is_not_in(denied)));
                }
                Place::Device(column) => {
                    let there = column.not_in_subquery(devices_at(denied));
                    all = all.add(Condition::any().add(column.is_null()).add(there));
                }
            }
        }
        all
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
        if !self.locations.is_empty() {
            allowed.push(format!("{location} IN ({})", super::placeholders(self.locations.len())));
            values.extend(self.locations.keys().map(|id| Value::from(*id)));
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
            values.extend(self.denied_locations.iter().map(|id| Value::from(*id)));
        }
        (all.join(" AND "), values)
    }
}

fn devices_at(locations: impl Iterator<Item = ServiceLocationId>) -> SelectStatement {
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
    api_key.BusinessId: Business,
    audit_entry.BusinessId: Device(DeviceId),
    business.Id: Itself,
    device.BusinessId: Location(ServiceLocationId),
    device_event.BusinessId: Device(DeviceId),
    monitored_service.BusinessId: Device(DeviceId),
    oidc_provider.BusinessId: Business,
    registration_token.BusinessId: Location(ServiceLocationId),
    service_location.BusinessId: Location(Id),
    software_item.BusinessId: Device(DeviceId),
    user.BusinessId: Business,
}
