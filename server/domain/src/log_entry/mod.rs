//! Log entries: what devices wrote about things going wrong. They come in many devices' at a time (`writer`), are read
//! newest first by keyset (`list`), and go after their time (`retention`). `sources` says where agents look for them.

mod append;
mod in_force;
mod insert;
mod list;
mod retention;
mod sources;
mod writer;

pub use append::append;
pub(crate) use in_force::in_force;
pub use list::{list, of_device};
pub(crate) use retention::retain;
pub use sources::{get_business, get_default, get_device, set_business, set_default, set_device};
pub(crate) use writer::LogWriter;

/// Days that entries are kept when nothing else is asked for.
pub const KEPT_DAYS: u32 = 30;
