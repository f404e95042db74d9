//! A user of the portal and the role that says what they may do.

use crate::{
    id::{BusinessId, UserId},
    platform::words,
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

/// A user as shown to those who manage people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView {
    /// Names the user.
    pub id: UserId,
    /// Signs in with this.
    pub email: String,
    /// The person's name.
    pub full_name: String,
    /// What they are.
    pub role: Role,
    /// Whose person this is; absent for the MSP's own.
    pub business_id: Option<BusinessId>,
    /// The name of that business.
    pub business_name: Option<String>,
    /// Businesses granted to a technician.
    pub granted: Vec<GrantedBusiness>,
    /// False: cannot sign in, sessions are over.
    pub is_active: bool,
    /// True until the one-time password has been replaced.
    pub must_change_password: bool,
    /// When they last signed in.
    pub last_sign_in_at: Option<DateTime<Utc>>,
    /// When they were added.
    pub created_at: DateTime<Utc>,
}

/// A business that a technician may work on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantedBusiness {
    /// Names the business.
    pub id: BusinessId,
    /// What people call it.
    pub business_name: String,
}

/// What is asked to add a user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserInput {
    /// Signs in with this.
    pub email: String,
    /// The person's name.
    pub full_name: String,
    /// What they are.
    pub role: Role,
    /// Required for a business owner or contact, refused for the MSP's own people.
    #[serde(default)]
    pub business_id: Option<BusinessId>,
    /// Businesses granted to a technician.
    #[serde(default)]
    pub granted: Vec<BusinessId>,
}

/// A user who was just added or whose password was reset, with the password that works once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserWithPassword {
    /// The user.
    pub user: UserView,
    /// Shown once; has to be replaced at the first sign-in.
    pub one_time_password: String,
}

/// Who is signed in, as the portal's frame needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// Names the user.
    pub id: UserId,
    /// Signs in with this.
    pub email: String,
    /// The person's name.
    pub full_name: String,
    /// What they are.
    pub role: Role,
    /// Whose person this is; absent for the MSP's own.
    pub business_id: Option<BusinessId>,
    /// The name of that business.
    pub business_name: Option<String>,
    /// True until the one-time password has been replaced; nothing else is open until then.
    pub must_change_password: bool,
}
