//! A user of the portal and the role that says what they may do.

use crate::{
    id::{BusinessId, CustomRoleId, ServiceLocationId, UserId},
    page::list_query,
    platform::words,
    policy::{Action, Permissions},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

words! {
    /// What a user is. The first three are the MSP's own people.
    Role {
        /// Every business, everything.
        MspAdmin = "msp_admin",
        /// The businesses granted to them.
        Technician = "technician",
        /// Sees everything, changes nothing.
        Auditor = "auditor",
        /// The customer's own administrator: one business.
        BusinessOwner = "business_owner",
        /// Somebody at the customer: one business, reading.
        Contact = "contact",
    }
}

impl Role {
    /// The name people know.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::MspAdmin => "MSP admin",
            Self::Technician => "Technician",
            Self::Auditor => "Auditor",
            Self::BusinessOwner => "Business owner",
            Self::Contact => "Contact",
        }
    }

    /// True for the MSP's own people; false for those who belong to one business.
    #[must_use]
    pub const fn is_msp(self) -> bool {
        matches!(self, Self::MspAdmin | Self::Technician | Self::Auditor)
    }
}

words! {
    /// What signs in.
    UserKind {
        /// Somebody.
        Person = "person",
        /// A program with API keys; has no password and cannot sign in.
        Service = "service",
    }
}

words! {
    /// What a grant does. A denial wins over whatever allows.
    Effect {
        /// May reach.
        Allow = "allow",
        /// May not.
        Deny = "deny",
    }
}

words! {
    /// What a link that was sent to somebody is for.
    LinkKind {
        /// The first password.
        Invitation = "invitation",
        /// Another password.
        Reset = "reset",
    }
}

/// A user as shown to those who manage people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UserView {
    /// Names the user.
    pub id: UserId,
    /// A person or a service account.
    pub kind: UserKind,
    /// Signs in with this.
    pub email: String,
    /// The person's name.
    pub full_name: String,
    /// What they are; decides what they reach.
    pub role: Role,
    /// The custom role whose permissions stand in for those of `role`.
    pub custom_role: Option<NamedRole>,
    /// Permissions beside those of the role.
    pub extra_permissions: Permissions,
    /// All that they may do.
    pub permissions: Permissions,
    /// Whose person this is; absent for the MSP's own.
    pub business_id: Option<BusinessId>,
    /// The name of that business.
    pub business_name: Option<String>,
    /// What they were granted and denied, as far as whoever asks may know of it.
    pub grants: Vec<GrantView>,
    /// False: cannot sign in, sessions are over.
    pub is_active: bool,
    /// True until a password was chosen.
    pub must_change_password: bool,
    /// True while an invitation waits to be used.
    pub is_invited: bool,
    /// True when a second factor is asked for.
    pub has_factor: bool,
    /// When they last signed in.
    pub last_sign_in_at: Option<DateTime<Utc>>,
    /// When they were added.
    pub created_at: DateTime<Utc>,
}

impl UserView {
    /// What they are, in words.
    #[must_use]
    pub fn role_label(&self) -> &str {
        self.custom_role.as_ref().map_or_else(|| self.role.label(), |role| role.role_name.as_str())
    }
}

/// A custom role by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NamedRole {
    /// Names the role.
    pub id: CustomRoleId,
    /// What people call it.
    pub role_name: String,
}

/// Something granted or denied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GrantView {
    /// Which of the two.
    pub effect: Effect,
    /// The business; absent for every business.
    pub business_id: Option<BusinessId>,
    /// Its name.
    pub business_name: Option<String>,
    /// One service location of it; absent for all of the business.
    pub service_location_id: Option<ServiceLocationId>,
    /// Its name.
    pub location_name: Option<String>,
}

/// What is asked to invite a user, or to change one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UserInput {
    /// Signs in with this.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Email", example = &"ada@example.com"))]
    pub email: String,
    /// The person's name.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Line", example = &"Ada Lang"))]
    pub full_name: String,
    /// What they are.
    pub role: Role,
    /// A custom role whose permissions stand in for those of `role`; must be made for that role.
    #[serde(default)]
    pub custom_role_id: Option<CustomRoleId>,
    /// Permissions beside those of the role.
    #[serde(default)]
    pub extra_permissions: Vec<Action>,
    /// Required for a business owner or contact, refused for the MSP's own people.
    #[serde(default)]
    pub business_id: Option<BusinessId>,
    /// For a technician: every business, but for those denied.
    #[serde(default)]
    pub every_business: bool,
    /// Businesses granted to a technician.
    #[serde(default)]
    pub granted: Vec<BusinessId>,
    /// Single service locations granted to a technician.
    #[serde(default)]
    pub granted_locations: Vec<ServiceLocationId>,
    /// Businesses denied to a technician, whatever is granted.
    #[serde(default)]
    pub denied: Vec<BusinessId>,
    /// Single service locations denied to a technician, whatever is granted.
    #[serde(default)]
    pub denied_locations: Vec<ServiceLocationId>,
}

/// A link that its receiver uses once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IssuedLink {
    /// What it is for.
    pub kind: LinkKind,
    /// The address with the secret; absent when it was sent by mail instead of shown.
    pub url: Option<String>,
    /// The address that it was sent to; absent when it is shown.
    pub mailed_to: Option<String>,
    /// When it stops working.
    pub expires_at: DateTime<Utc>,
}

/// A user who was just invited, or got a link to choose another password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UserWithLink {
    /// The user.
    pub user: UserView,
    /// The link, shown once or sent.
    pub link: IssuedLink,
}

/// A person of the sample MSP, with the password that works once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserWithPassword {
    /// The user.
    pub user: UserView,
    /// Shown once; has to be replaced at the first sign-in.
    pub one_time_password: String,
}

/// Who is signed in, as the portal's frame needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Me {
    /// Names the user.
    pub id: UserId,
    /// Signs in with this.
    pub email: String,
    /// The person's name.
    pub full_name: String,
    /// What they are.
    pub role: Role,
    /// The name of the custom role that stands in for it.
    pub custom_role_name: Option<String>,
    /// All that they may do.
    pub permissions: Permissions,
    /// Whose person this is; absent for the MSP's own.
    pub business_id: Option<BusinessId>,
    /// The name of that business.
    pub business_name: Option<String>,
    /// True until the one-time password has been replaced; nothing else is open until then.
    pub must_change_password: bool,
    /// True until a required second factor has been added; nothing else is open until then.
    pub must_add_factor: bool,
}

impl Me {
    /// May they do this, to a row within their reach?
    #[must_use]
    pub fn may(&self, action: Action) -> bool {
        self.permissions.allow(action)
    }

    /// What they are, in words.
    #[must_use]
    pub fn role_label(&self) -> &str {
        self.custom_role_name.as_deref().unwrap_or_else(|| self.role.label())
    }
}

words! {
    /// What a list of people is sorted by.
    UserSort {
        /// Name.
        Name = "name",
        /// Address.
        Email = "email",
        /// What they are.
        Role = "role",
        /// When they last signed in, or were invited.
        LastSignIn = "last_sign_in",
    }
}

list_query! {
    /// What is asked of the list of people.
    UserQuery sorted by UserSort, {
        /// Only this business.
        business_id: BusinessId,
        /// Only those who are this.
        role: Role,
    }
}
