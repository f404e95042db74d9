//! Signing in with OpenID Connect: the providers of the MSP and of single businesses, and the way of a person through
//! one of them to a session here.

mod address;
mod directory;
mod exchange;
mod fetch;
mod provider;
mod sign_in;

pub use address::is_acceptable as is_acceptable_address;
pub(crate) use directory::Directory;
pub use provider::{add, change, get, list, remove, settings, sign_in_policy};
pub use sign_in::{Begun, Callback, Finished, begin, buttons, finish};
