//! A registration token: the single-use secret that turns a machine into a device.

use crate::{
    facts::Facts,
    id::{BusinessId, DeviceId, RegistrationTokenId, ServiceLocationId},
    package::PackageCommand,
    page::list_query,
    platform::{Arch, Os, words},
    wire::Settings,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What every token starts with.
pub const TOKEN_PREFIX: &str = "AGT-";
/// Hours a token lives when nothing else is asked for.
pub const EXPIRES_IN_HOURS_DEFAULT: u32 = 24;
/// Longest life of a token, in hours.
pub const EXPIRES_IN_HOURS_MAX: u32 = 24 * 30;

words! {
    /// Where a registration token is in its life.
    RegistrationState {
        /// Waiting for a machine.
        Issued = "issued",
        /// A machine has used it.
        Consumed = "consumed",
        /// Its time is over.
        Expired = "expired",
        /// Somebody took it back.
        Revoked = "revoked",
    }
}

words! {
    /// What moves a registration token.
    RegistrationEvent {
        /// A machine registers with it.
        Consume = "consume",
        /// Its time is over.
        Expire = "expire",
        /// Somebody takes it back.
        Revoke = "revoke",
    }
}

impl RegistrationState {
    /// The state that follows, or `None` when the event is refused in this state.
    #[must_use]
    pub const fn on(self, event: RegistrationEvent) -> Option<Self> {
        match (self, event) {
            (Self::Issued, RegistrationEvent::Consume) => Some(Self::Consumed),
            (Self::Issued, RegistrationEvent::Expire) => Some(Self::Expired),
            (Self::Issued, RegistrationEvent::Revoke) => Some(Self::Revoked),
            _ => None,
        }
    }

    /// The word people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Issued => "Waiting",
            Self::Consumed => "Used",
            Self::Expired => "Expired",
            Self::Revoked => "Revoked",
        }
    }
}

/// What is asked to make a token.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RegistrationTokenInput {
    /// Whose device it will be.
    pub business_id: BusinessId,
    /// Where it will stand.
    #[serde(default)]
    pub service_location_id: Option<ServiceLocationId>,
    /// What it will be called; the machine's host name when empty.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::MaybeLine", example = &"till-1"))]
    #[serde(default)]
    pub device_name: String,
    /// Hours until it expires.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::TokenHours>"))]
    #[serde(default)]
    pub expires_in_hours: Option<u32>,
}

/// A token as listed: everything but the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RegistrationTokenView {
    /// Names the token; not the secret.
    pub id: RegistrationTokenId,
    /// Whose device it makes.
    pub business_id: BusinessId,
    /// The name of whose device it makes.
    pub business_name: String,
    /// Where that device will stand.
    pub service_location_id: Option<ServiceLocationId>,
    /// The name of that place.
    pub location_name: Option<String>,
    /// What the device will be called.
    pub device_name: Option<String>,
    /// Where it is in its life.
    pub state: RegistrationState,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops working.
    pub expires_at: DateTime<Utc>,
    /// The device that it became.
    pub device_id: Option<DeviceId>,
    /// Who made it.
    pub created_by: Option<String>,
}

/// A new token with its secret: the only time the secret is seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IssuedRegistrationToken {
    /// Names the token.
    pub id: RegistrationTokenId,
    /// The secret.
    pub token: String,
    /// When it stops working.
    pub expires_at: DateTime<Utc>,
    /// One line for a shell on Linux.
    pub install_command_linux: String,
    /// One line for a shell on macOS.
    pub install_command_macos: String,
    /// One line for PowerShell on Windows.
    pub install_command_windows: String,
    /// Every kind of package, with the line where this server has it.
    #[serde(default)]
    pub packages: Vec<PackageCommand>,
}

/// `POST /agents/register`: a machine asks to become a device. Unknown fields are ignored: agents are older or
/// newer than the server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RegisterRequest {
    /// The registration token.
    pub token: String,
    /// Ed25519 public key made on the device, 32 bytes as base64url without padding.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Bytes32"))]
    pub device_public_key: String,
    /// Host name of the machine.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::HostName", example = &"till-1"))]
    pub hostname: String,
    /// Operating system family.
    pub os_type: Os,
    /// Processor architecture.
    pub os_architecture: Arch,
    /// Version of the agent.
    pub agent_version: String,
    /// What the machine is.
    #[serde(default)]
    pub facts: Facts,
}

/// Answer to [`RegisterRequest`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RegisterAnswer {
    /// The device that the machine has become.
    pub agent_id: DeviceId,
    /// Short-lived bearer token; later ones come from `POST /agents/{id}/token`.
    pub agent_token: String,
    /// Seconds that `agent_token` lives.
    pub agent_token_expires_in_seconds: u32,
    /// Whose device it is.
    pub business_id: BusinessId,
    /// Where it stands.
    pub service_location_id: Option<ServiceLocationId>,
    /// What it is called in the portal.
    pub device_name: String,
    /// Base of the HTTP API.
    pub api_url: String,
    /// Where the WebSocket is.
    pub websocket_url: String,
    /// Intervals and the like.
    pub settings: Settings,
    /// Public key of the root that says which keys may sign commands, 32 bytes as base64. The device keeps it, and nothing
    /// that the server says later takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_root: Option<String>,
    /// The root of release trust as its envelope, which the device keeps; none when the server has none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_root: Option<String>,
}

list_query! {
    /// What is asked of the list of registration tokens, newest first.
    RegistrationTokenQuery, {
        /// Only this business.
        business_id: BusinessId,
        /// Only this state.
        state: RegistrationState,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn every_state_and_event() {
        let mut grid = String::new();
        for state in RegistrationState::ALL {
            for event in RegistrationEvent::ALL {
                let next = state.on(*event).map_or("refused", RegistrationState::word);
                writeln!(grid, "{:<10} {:<10} {next}", state.word(), event.word())
                    .expect("a string takes all");
            }
        }
        insta::assert_snapshot!(grid);
    }
}
