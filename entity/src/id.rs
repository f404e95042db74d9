//! Every typed id: a UUIDv7 that cannot be mistaken for another noun's.

/// Declares the id newtypes; with `orm` they are columns and primary keys too.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "orm", derive(sea_orm::DeriveValueType))]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub uuid::Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        #[cfg(feature = "orm")]
        impl $name {
            /// A new id, ordered by time of creation.
            #[must_use]
            pub fn generate() -> Self {
                Self(uuid::Uuid::now_v7())
            }
        }

        #[cfg(feature = "orm")]
        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    )+};
}

ids! {
    /// Names what a user was granted or denied.
    AccessGrantId,
    /// Names an alert: one firing of a rule.
    AlertId,
    /// Names an alert rule.
    AlertRuleId,
    /// Names an API key.
    ApiKeyId,
    /// Names one entry of the audit log.
    AuditEntryId,
    /// Names one person's decision of a request.
    ApprovalId,
    /// Names a revision of an approval policy.
    ApprovalPolicyId,
    /// Names a business: a customer of the MSP.
    BusinessId,
    /// Names something begun and not yet finished, such as a sign-in that waits for its second factor.
    CeremonyId,
    /// Names a command: one request for one device.
    CommandId,
    /// Names what people decide: one payload for some devices.
    CommandRequestId,
    /// Names a role that the MSP made from permissions.
    CustomRoleId,
    /// Names one entry of a device's activity.
    DeviceEventId,
    /// Names a device: the machine.
    DeviceId,
    /// Names an error of a device, or one report of it.
    ErrorReportId,
    /// Names where a business, a device or everybody's agents look for log lines.
    LogSourceId,
    /// Names a rule that says which service is looked after.
    MonitoredServiceRuleId,
    /// Names a server process, from its start to its end.
    NodeId,
    /// Names a provider of sign-in by OpenID Connect.
    OidcProviderId,
    /// Names a passkey.
    PasskeyId,
    /// Names a registration token.
    RegistrationTokenId,
    /// Names a release of our agent.
    ReleaseId,
    /// Names a rollout: how something reaches devices over time.
    RolloutId,
    /// Names a script of the library.
    ScriptId,
    /// Names one version of a script, which never changes.
    ScriptVersionId,
    /// Names a service location: a place of a business.
    ServiceLocationId,
    /// Names a portal session.
    SessionId,
    /// Names a command that the server proposes.
    SuggestionId,
    /// Names one device's part in a rollout.
    UpdateId,
    /// Names a user of the portal.
    UserId,
    /// Names an invitation or a link to choose a new password.
    UserLinkId,
}

impl UserId {
    /// The server itself, where it asks for something that nobody asked for: no person has this id.
    pub const SERVER: Self = Self(uuid::Uuid::nil());
}
