//! Signing in: the first half, and the second where there is one.

pub mod calls;
mod factor;
mod page;

pub use factor::SignInFactorPage;
pub use page::SignInPage;
