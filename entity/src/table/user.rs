//! Table `users`.

use crate::{
    id::{BusinessId, CustomRoleId, UserId},
    user::{Role, UserKind},
};
use sea_orm::entity::prelude::*;

#[expect(missing_docs, reason = "columns are described by the views that show them")]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    pub business_id: Option<BusinessId>,
    pub kind: UserKind,
    pub email: String,
    pub full_name: String,
    /// The name folded by [`crate::input::fold`]; written whenever the name is.
    pub name_key: String,
    pub role: Role,
    pub custom_role_id: Option<CustomRoleId>,
    pub extra_permissions: String,
    pub password_hash: String,
    pub must_change_password: bool,
    pub is_active: bool,
    pub last_sign_in_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
}

/// Relations are composite keys in the schema; queries join by hand.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
