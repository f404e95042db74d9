//! Signing in, and the sessions that come of it.

use crate::id::SessionId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

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
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last used.
    pub last_seen_at: DateTime<Utc>,
    /// True for the session that asks.
    pub is_current: bool,
}
