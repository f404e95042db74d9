//! The frame around every page: rail, top bar, page head, and who is looking.

pub mod bare;
pub mod calls;
mod frame;
mod head;
pub mod idle;
mod keys;
mod menu;
mod named;
mod not_found;
mod rail;
mod top_bar;

pub use frame::{Frame, provide_me, use_me};
pub use head::{PageHead, Up};
pub use named::{load_named, named_id, refetch_after};
pub use not_found::{NotFound, NotFoundPage};
