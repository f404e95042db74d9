//! Table `approval_policies`.

use crate::id::{ApprovalPolicyId, BusinessId, UserId};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "approval_policies")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ApprovalPolicyId,
    pub business_id: Option<BusinessId>,
    pub revision: i64,
    /// JSON of [`crate::command::ApprovalPolicy`].
    pub document: String,
    pub created_by: Option<UserId>,
    pub created_at: DateTimeUtc,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
