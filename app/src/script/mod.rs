//! The script library in the portal: scripts, their versions that never change, and their digests.

pub mod calls;

mod detail;
pub mod form;
mod list;
mod text;

pub use detail::ScriptPage;
pub use list::ScriptListPage;
pub(crate) use text::{ScriptText, load_script_text, load_scripts};
