//! One's own account: facts, password, sessions.

mod browser;
pub mod calls;
mod page;
mod password;

pub use page::AccountPage;
pub use password::PasswordPage;
