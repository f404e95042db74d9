//! Lists that come a page at a time.

use serde::{Deserialize, Serialize};

/// Rows per page when nothing else is asked for.
pub const PAGE_SIZE: u32 = 50;
/// The most rows one page may hold.
pub const PAGE_SIZE_MAX: u32 = 200;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "{T}Page"))]
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

/// Declares what can be asked of one list: its own filters, then what every list takes. The same words stand in the
/// portal's URL and in the API's.
macro_rules! list_query {
    (
        $(#[$doc:meta])* $name:ident $(sorted by $sort:ty)?,
        { $($(#[$fdoc:meta])* $field:ident: $type:ty),* $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$fdoc])* #[serde(default)] pub $field: Option<$type>,)*
            /// Part of what people would look for.
            #[serde(default)]
            #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Search>"))]
            pub search: Option<String>,
            $(
                /// Sorted by; the first of them when absent.
                #[serde(default)]
                pub sort: Option<$sort>,
                /// True: the other way round.
                #[serde(default)]
                pub descending: bool,
            )?
            /// From [`crate::page::Page::next_cursor`].
            #[serde(default)]
            #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Cursor>"))]
            pub cursor: Option<String>,
            /// Rows; [`crate::page::PAGE_SIZE`] when absent.
            #[serde(default)]
            #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::PageLimit>"))]
            pub limit: Option<u32>,
        }
    };
}
pub(crate) use list_query;
