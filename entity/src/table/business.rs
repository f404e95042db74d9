//! Table `businesses`.

use crate::{id::BusinessId, release::Channel};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "businesses")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: BusinessId,
    pub business_name: String,
    /// The name folded by [`crate::input::fold`]; written whenever the name is.
    pub name_key: String,
    pub is_active: bool,
    pub created_at: DateTimeUtc,
    /// What its devices follow that have no channel of their own.
    pub release_channel: Channel,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
