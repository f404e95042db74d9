//! Every typed id: a UUIDv7 that cannot be mistaken for another noun's.

/// Declares the id newtypes; with `orm` they are columns and primary keys too.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "orm", derive(sea_orm::DeriveValueType))]
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
    /// Names an API key.
    ApiKeyId,
    /// Names one entry of the audit log.
    AuditEntryId,
    /// Names a business: a customer of the MSP.
    BusinessId,
    /// Names something begun and not yet finished, such as a sign-in that waits for its second factor.
    CeremonyId,
    /// Names a role that the MSP made from permissions.
    CustomRoleId,
    /// Names one entry of a device's activity.
    DeviceEventId,
    /// Names a device: the machine.
    DeviceId,
    /// Names a provider of sign-in by OpenID Connect.
    OidcProviderId,
    /// Names a passkey.
    PasskeyId,
    /// Names a registration token.
    RegistrationTokenId,
    /// Names a service location: a place of a business.
    ServiceLocationId,
    /// Names a portal session.
    SessionId,
    /// Names a user of the portal.
    UserId,
    /// Names an invitation or a link to choose a new password.
    UserLinkId,
}
