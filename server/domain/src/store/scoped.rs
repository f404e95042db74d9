//! The tenant filter. Rows of a tenant table are reached only through [`Reach::select`], which carries it.

use entity::{id::BusinessId, table};
use sea_orm::{ColumnTrait as _, Condition, EntityTrait, QueryFilter as _, Select, Value, sea_query::Expr};

/// The businesses whose rows somebody may reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All of them.
    EveryBusiness,
    /// The first and the others: never an empty list, because "none" must not come to mean "all".
    Businesses(BusinessId, Vec<BusinessId>),
    /// None.
    Nothing,
}

impl Reach {
    /// From what was granted.
    pub(crate) fn from_granted(mut granted: Vec<BusinessId>) -> Self {
        match granted.pop() {
            Some(first) => Self::Businesses(first, granted),
            None => Self::Nothing,
        }
    }

    /// Is this business within reach?
    pub(crate) fn includes(&self, business: BusinessId) -> bool {
        match self {
            Self::EveryBusiness => true,
            Self::Businesses(first, others) => *first == business || others.contains(&business),
            Self::Nothing => false,
        }
    }

    /// A query that already carries the tenant filter.
    pub(crate) fn select<E: Tenant>(&self) -> Select<E> {
        match self {
            Self::EveryBusiness => E::find(),
            Self::Businesses(first, others) => {
                E::find().filter(E::BUSINESS.is_in(std::iter::once(first).chain(others).copied()))
            }
            Self::Nothing => E::find().filter(Condition::all().add(Expr::cust("1 = 0"))),
        }
    }

    /// The same filter for raw SQL: a condition on `column` and its values.
    pub(crate) fn condition(&self, column: &str) -> (String, Vec<Value>) {
        match self {
            Self::EveryBusiness => ("1 = 1".to_owned(), Vec::new()),
            Self::Businesses(first, others) => {
                let values: Vec<Value> =
                    std::iter::once(first).chain(others).map(|id| (*id).into()).collect();
                (format!("{column} IN ({})", super::placeholders(values.len())), values)
            }
            Self::Nothing => ("1 = 0".to_owned(), Vec::new()),
        }
    }
}

/// A table whose rows belong to a business. A table without this declaration cannot be selected with a reach.
pub(crate) trait Tenant: EntityTrait {
    /// The column that says whose row it is.
    const BUSINESS: Self::Column;
}

/// One line per tenant table. Owned tables have `NOT NULL`; in Shared ones (`users`, `audit_entries`) an absent
/// business means the MSP's own, which only those who reach every business see.
macro_rules! tenants {
    ($($module:ident.$column:ident),+ $(,)?) => {
        $(
            impl Tenant for table::$module::Entity {
                const BUSINESS: Self::Column = table::$module::Column::$column;
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
    audit_entry.BusinessId,
    business.Id,
    device.BusinessId,
    device_event.BusinessId,
    monitored_service.BusinessId,
    registration_token.BusinessId,
    service_location.BusinessId,
    software_item.BusinessId,
    user.BusinessId,
}
