//! How people sign in: the providers, who has to have a second factor, and the buttons of the sign-in page.

pub mod calls;

mod buttons;
mod detail;
mod form;
mod page;
mod policy;

pub use buttons::{ProviderButtons, ProviderNotice};
pub use detail::ProviderPage;
pub use page::SignInSettingsPage;
