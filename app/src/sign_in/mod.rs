//! Signing in.

pub mod calls;
mod page;

pub use page::SignInPage;
