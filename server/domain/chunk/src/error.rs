//! Why bytes are no chunk, and why rows cannot become one.

/// Why rows cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// None, or more than [`crate::ROWS_MAX`].
    #[error("a chunk has between 1 and {} rows", crate::ROWS_MAX)]
    Rows,
    /// More than [`crate::COLUMNS_MAX`].
    #[error("a chunk has at most {} columns", crate::COLUMNS_MAX)]
    Columns,
    /// Times do not rise from row to row.
    #[error("the rows are not in order of time")]
    Order,
}

/// Why bytes are not a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They end too early.
    #[error("it is cut off")]
    Truncated,
    /// The checksum is another: bytes were changed.
    #[error("its checksum does not fit: it was changed")]
    Checksum,
    /// A version of the format that is not known here.
    #[error("its format has version {0}, which is not known here")]
    Version(u8),
    /// It is a chunk, but of something else.
    #[error("it is of kind {0}, which was not asked for")]
    Kind(u8),
    /// It has columns that are not known here.
    #[error("it has {0} columns, more than are known here")]
    Columns(u64),
    /// The checksum fits and the rest makes no sense.
    #[error("it is malformed: {0}")]
    Malformed(&'static str),
}
