//! What Windows does otherwise: files that others hold open, programs that run and cannot be replaced, and whole updates
//! with the real supervisor. `cargo xtask windows` runs this under Wine, and what was seen there was seen under Wine.
#![cfg(windows)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod held;
#[path = "../it/own.rs"]
mod own;
mod running;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, reason = "those that run on Linux use all of it")]
mod support;
mod update;
