//! Lists that come a page at a time.

use serde::{Deserialize, Serialize};

/// Rows per page when nothing else is asked for.
pub const PAGE_SIZE: u32 = 50;
/// The most rows one page may hold.
pub const PAGE_SIZE_MAX: u32 = 200;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Opaque; asks for the page after this one. Absent on the last.
    pub next_cursor: Option<String>,
    /// How many rows match in all, when that was counted.
    pub total: Option<u64>,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { items: Vec::new(), next_cursor: None, total: None }
    }
}
