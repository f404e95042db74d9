//! The wrappers against a real Windows, or against Wine: `cargo xtask test` runs them there. What Wine does not keep
//! (who may open a pipe, inherited rights) is looked at as what was asked for, not as what is enforced.
#![cfg(windows)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod files;
mod machine;
mod pipe;
mod process;
mod secret;
