//! Table `access_grants`.

use crate::{
    id::{AccessGrantId, BusinessId, ServiceLocationId, UserId},
    user::Effect,
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "access_grants")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AccessGrantId,
    pub user_id: UserId,
    pub effect: Effect,
    pub business_id: Option<BusinessId>,
    pub service_location_id: Option<ServiceLocationId>,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
