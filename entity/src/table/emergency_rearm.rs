//! Table `emergency_rearms`.

use crate::id::{ApprovalId, BusinessId, UserId};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "emergency_rearms")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ApprovalId,
    pub stop_seq: i64,
    pub business_id: Option<BusinessId>,
    pub user_id: UserId,
    pub user_name: String,
    pub note: Option<String>,
    pub approved_at: DateTimeUtc,
    /// The server's own mark: nobody who writes into the database can say this.
    pub proof: String,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
