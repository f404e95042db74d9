//! One's own account: facts, password, second factors, sessions.

mod browser;
pub mod calls;
mod page;
mod password;
mod sessions;

pub(crate) use browser::browser_name;
pub use page::AccountPage;
pub use password::PasswordPage;
