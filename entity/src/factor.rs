//! Second factors: codes of an authenticator app, passkeys, and the codes kept for when those are lost.

use crate::{id::PasskeyId, platform::words};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Digits of a code.
pub const CODE_DIGITS: usize = 6;
/// Recovery codes handed out at once.
pub const RECOVERY_CODES: usize = 10;
/// Passkeys that one person may have.
pub const PASSKEYS_MAX: usize = 20;

words! {
    /// Who has to have a second factor.
    FactorPolicy {
        /// Nobody has to.
        Nobody = "nobody",
        /// The MSP's own people; the default.
        Msp = "msp",
        /// Everybody, customers too.
        Everybody = "everybody",
    }
}

impl FactorPolicy {
    /// Does somebody of the MSP, or of a customer, have to have one?
    #[must_use]
    pub const fn requires(self, is_msp: bool) -> bool {
        match self {
            Self::Nobody => false,
            Self::Msp => is_msp,
            Self::Everybody => true,
        }
    }
}

/// One's own factors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorsView {
    /// Since when an authenticator app is set up.
    pub totp_since: Option<DateTime<Utc>>,
    /// Recovery codes that were not used yet.
    pub recovery_codes_left: u64,
    /// Passkeys, oldest first.
    pub passkeys: Vec<PasskeyView>,
    /// True when this person has to have a factor: the last one cannot be taken away.
    pub is_required: bool,
    /// False when browsers cannot make passkeys for the address of this server, such as a bare IP address.
    pub passkeys_are_possible: bool,
}

impl FactorsView {
    /// Is there any?
    #[must_use]
    pub fn has_any(&self) -> bool {
        self.totp_since.is_some() || !self.passkeys.is_empty()
    }
}

/// A passkey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeyView {
    /// Names the passkey.
    pub id: PasskeyId,
    /// What its owner calls it.
    pub passkey_name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When somebody last signed in with it.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// What an authenticator app needs, shown once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotpSetup {
    /// The secret in base 32, for typing.
    pub secret: String,
    /// The `otpauth:` address.
    pub uri: String,
    /// The same as a QR code: an SVG picture.
    pub qr_svg: String,
}

/// A code of an authenticator app, or one of the recovery codes.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeInput {
    /// The code.
    pub code: String,
}

/// Which second factors somebody can choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorChoice {
    /// A code of an authenticator app.
    pub totp: bool,
    /// A passkey.
    pub passkey: bool,
    /// A recovery code.
    pub recovery_code: bool,
}

impl std::fmt::Debug for TotpSetup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TotpSetup").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for CodeInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CodeInput").finish_non_exhaustive()
    }
}
