//! Commands in the portal: the queue, one command, one request, the composer, and what a device was asked.

pub mod calls;

mod change;
mod compose;
mod detail;
mod device;
mod fields;
pub mod form;
mod list;
mod locks;
mod payload;
mod progress;
mod request;
mod said;
mod shortcut;
mod table;
mod targets;
mod test_control;
mod words;

pub use change::ChangeRequestPage;
pub use compose::ComposePage;
pub(crate) use compose::Target;
pub use detail::CommandPage;
pub(crate) use device::CommandsTab;
pub use list::CommandListPage;
pub(crate) use locks::LocksOf;
pub(crate) use payload::{PayloadView, Script};
pub use request::RequestPage;
pub(crate) use said::{Said, counted};
pub(crate) use shortcut::Shortcut;
pub(crate) use test_control::{TestModeBadge, provide_test_mode};
pub(crate) use words::{RequestMark, StrengthMark, needed, risk, shell_label};
