//! Links to choose a password: invitations, forgotten passwords, and the page that both lead to.

pub mod calls;
mod forgotten;
mod page;

pub use forgotten::{ForgottenPage, SentPage};
pub use page::{ChoosePage, WelcomePage};
