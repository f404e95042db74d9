//! Suggestions in the portal: what alerts propose, with both locks, where people read about the alert.

pub mod calls;

mod card;
mod open;

pub(crate) use card::{SuggestionActs, SuggestionCard};
pub use open::OpenSuggestions;
