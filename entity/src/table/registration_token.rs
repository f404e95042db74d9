//! Table `registration_tokens`.

use crate::{
    id::{BusinessId, DeviceId, RegistrationTokenId, ServiceLocationId, UserId},
    registration::RegistrationState,
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "registration_tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RegistrationTokenId,
    pub business_id: BusinessId,
    pub service_location_id: Option<ServiceLocationId>,
    pub device_name: Option<String>,
    pub token_hash: String,
    pub state: RegistrationState,
    pub created_by: Option<UserId>,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub device_id: Option<DeviceId>,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
