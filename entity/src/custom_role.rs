//! Roles that the MSP makes from named permissions.

use crate::{
    id::CustomRoleId,
    page::list_query,
    policy::{Action, Permissions},
    user::Role,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A custom role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CustomRoleView {
    /// Names the role.
    pub id: CustomRoleId,
    /// What people call it.
    pub role_name: String,
    /// The role that it stands in for; decides what its people reach.
    pub base_role: Role,
    /// What it allows.
    pub permissions: Permissions,
    /// People who have it.
    pub users: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What is asked to make or change a role.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CustomRoleInput {
    /// What people call it.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Line", example = &"First line"))]
    pub role_name: String,
    /// The role that it stands in for; stays as it is when a role is changed.
    pub base_role: Role,
    /// What it allows.
    #[serde(default)]
    pub permissions: Vec<Action>,
}

list_query! {
    /// What is asked of the list of custom roles, by name.
    CustomRoleQuery, {}
}
