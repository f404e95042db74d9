//! How a run of one device's samples is stored: rows of whole numbers in order of time, turned into bit-packed columns
//! with a checksum. No IO, no clock, no meaning: what a column says is known to who writes it.
//!
//! # Format, version 1
//!
//! ```text
//! u8       version = 1
//! u8       kind: what the columns mean
//! varint   rows, 1 to ROWS_MAX
//! varint   columns, 0 to COLUMNS_MAX
//! zigzag   time of the first row
//! varint   time of the last row, less that of the first
//! column   the times
//! column   each column in turn
//! u32      CRC-32 of everything before, little endian
//! ```
//!
//! A column begins with its length in bytes as a varint, so that one can be passed over. Length 0 says that no row has a
//! value. Otherwise:
//!
//! ```text
//! u8       bits 0–1 order, bits 2–5 length of a block as a power of two less 4, bit 6 bitmap, bit 7 shift
//! u8       if there is a shift: how many zero bits every value ends in
//! bytes    if there is a bitmap: a bit for each row, lowest first, set where the row has a value
//! zigzag   `order` of them: the first value, and its difference to the second
//! blocks   of each: u8 width in bits, and unless bit 7 is set, zigzag base; with bit 7 the base is -2^(width - 1)
//! bits     the residuals less the base of their block, lowest bit first
//! ```
//!
//! A residual is the value itself (order 0), its difference to the value before (1), or the difference of that
//! difference to the one before (2). The writer takes whatever is shortest. Sums and differences wrap, so that every
//! number of 64 bits can stand next to every other.
#![warn(missing_docs)]

mod bits;
mod column;
mod error;
mod reader;
mod row;

pub use column::Column;
pub use error::{DecodeError, EncodeError};
pub use reader::{Chunk, Header};
pub use row::{Row, decode, encode};

/// The version of the format that is written.
pub const VERSION: u8 = 1;
/// Most rows of one chunk, so that a few bytes cannot ask for much memory.
pub const ROWS_MAX: usize = 8_192;
/// Most columns of one chunk.
pub const COLUMNS_MAX: usize = 64;

/// The checksum that stands behind `body`. For tools that make chunks by hand.
#[must_use]
pub fn checksum(body: &[u8]) -> [u8; 4] {
    crc32fast::hash(body).to_le_bytes()
}
