//! Metrics behind a narrow interface: append a batch, the latest, the history. How samples are stored is nobody
//! else's business.

mod append;
mod history;
mod latest;
mod thin;
mod writer;

pub use append::append;
pub use history::history;
pub(crate) use latest::{latest, sparklines};
pub(crate) use thin::thin;
pub(crate) use writer::Writer;
