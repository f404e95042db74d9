//! Signing in, and the sessions that come of it.

use crate::{id::SessionId, platform::words};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

words! {
    /// How somebody proved who they are.
    SignedInWith {
        /// A password alone.
        Password = "password",
        /// A password and a code of an authenticator app.
        PasswordAndTotp = "password_and_totp",
        /// A password and a passkey.
        PasswordAndPasskey = "password_and_passkey",
        /// A password and one of the codes kept for a lost factor.
        PasswordAndRecoveryCode = "password_and_recovery_code",
        /// A passkey, which holds two factors by itself.
        Passkey = "passkey",
        /// An OpenID Connect provider.
        Oidc = "oidc",
        /// An OpenID Connect provider that asked for a second factor itself.
        OidcWithFactor = "oidc_with_factor",
        /// An OpenID Connect provider and a code of an authenticator app.
        OidcAndTotp = "oidc_and_totp",
        /// An OpenID Connect provider and a passkey.
        OidcAndPasskey = "oidc_and_passkey",
        /// An OpenID Connect provider and one of the codes kept for a lost factor.
        OidcAndRecoveryCode = "oidc_and_recovery_code",
    }
}

impl SignedInWith {
    /// In words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Password => "Password",
            Self::PasswordAndTotp => "Password and code",
            Self::PasswordAndPasskey => "Password and passkey",
            Self::PasswordAndRecoveryCode => "Password and recovery code",
            Self::Passkey => "Passkey",
            Self::Oidc | Self::OidcWithFactor => "Single sign-on",
            Self::OidcAndTotp => "Single sign-on and code",
            Self::OidcAndPasskey => "Single sign-on and passkey",
            Self::OidcAndRecoveryCode => "Single sign-on and recovery code",
        }
    }
}

/// What comes after the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInStep {
    /// Nothing: they are signed in.
    Done,
    /// One of their second factors.
    Factor,
}

/// What is asked to use an invitation or a link to choose another password.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkInput {
    /// The secret from the link.
    pub key: String,
    /// The new password.
    pub password: String,
}

/// What is asked for a link to choose another password.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgottenInput {
    /// The user's address.
    pub email: String,
}

/// Who a link is for, shown before a password is chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkView {
    /// What it is for.
    pub kind: crate::user::LinkKind,
    /// The person's name.
    pub full_name: String,
    /// Signs in with this.
    pub email: String,
}

/// What is asked to sign in.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInInput {
    /// The user's address.
    pub email: String,
    /// The user's password.
    pub password: String,
}

/// What is asked to make the first admin.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetupInput {
    /// The secret from the one-time link.
    pub key: String,
    /// The person's name.
    pub full_name: String,
    /// Signs in with this.
    pub email: String,
    /// The new password.
    pub password: String,
}

/// What is asked to change one's own password.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordInput {
    /// The password so far.
    pub current_password: String,
    /// The new password.
    pub new_password: String,
}

// Written by hand so that no log can hold a secret.
impl std::fmt::Debug for SignInInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignInInput").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SetupInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetupInput").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for LinkInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkInput").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for PasswordInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordInput").finish_non_exhaustive()
    }
}

/// One of the user's own sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Names the session.
    pub id: SessionId,
    /// The browser, as it called itself.
    pub user_agent: String,
    /// Where it signed in from.
    pub source_ip: String,
    /// How they proved who they are.
    pub signed_in_with: SignedInWith,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last used.
    pub last_seen_at: DateTime<Utc>,
    /// True for the session that asks.
    pub is_current: bool,
}

/// Which page of one's own sessions, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionQuery {
    /// From [`crate::page::Page::next_cursor`].
    #[serde(default)]
    pub cursor: Option<String>,
    /// Rows; [`crate::page::PAGE_SIZE`] when absent.
    #[serde(default)]
    pub limit: Option<u32>,
}
