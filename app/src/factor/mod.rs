//! Second factors: one's own, the question for them at the sign-in, and proving again that it is oneself.

mod add_passkey;
mod browser;
pub mod calls;
mod codes;
mod confirm;
mod page;
mod panel;
mod passkey;
mod passkeys;
mod totp;

pub use confirm::{ConfirmOutlet, ConfirmPage};
pub use page::FactorPage;
pub use panel::FactorPanels;
pub(crate) use passkey::{Finish, PasskeyButton, Step};
pub(crate) use totp::CODE_LENGTH_MAX;
