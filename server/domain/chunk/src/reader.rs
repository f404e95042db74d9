//! A chunk opened for reading: its head, and the columns that somebody asks for.

use crate::{COLUMNS_MAX, Column, DecodeError, ROWS_MAX, VERSION, bits::Front, checksum};

/// What stands at the front of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the columns mean.
    pub kind: u8,
    /// How many rows there are.
    pub rows: usize,
    /// Time of the first row.
    pub first_at: i64,
    /// Time of the last row.
    pub last_at: i64,
}

/// A chunk whose checksum is good.
#[derive(Clone, Debug)]
pub struct Chunk<'a> {
    header: Header,
    times: &'a [u8],
    columns: Vec<&'a [u8]>,
}

impl<'a> Chunk<'a> {
    /// Opens a chunk of this kind; checks the checksum and finds the columns.
    ///
    /// # Errors
    /// Says what is wrong with the bytes.
    pub fn open(kind: u8, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (body, sum) = bytes.split_last_chunk::<4>().ok_or(DecodeError::Truncated)?;
        if checksum(body) != *sum {
            return Err(DecodeError::Checksum);
        }
        let mut front = Front(body);
        match front.byte()? {
            VERSION => {}
            other => return Err(DecodeError::Version(other)),
        }
        match front.byte()? {
            found if found == kind => {}
            other => return Err(DecodeError::Kind(other)),
        }
        let rows = usize::try_from(front.varint()?).unwrap_or(usize::MAX);
        if rows == 0 || rows > ROWS_MAX {
            return Err(DecodeError::Malformed("it has no rows, or too many"));
        }
        let columns = front.varint()?;
        if columns > COLUMNS_MAX as u64 {
            return Err(DecodeError::Columns(columns));
        }
        let first_at = front.zigzag()?;
        let last_at = first_at.wrapping_add(front.varint()?.cast_signed());
        let times = column_bytes(&mut front)?;
        let columns = (0..columns).map(|_| column_bytes(&mut front)).collect::<Result<_, _>>()?;
        if !front.0.is_empty() {
            return Err(DecodeError::Malformed("it goes on behind its last column"));
        }
        Ok(Self { header: Header { kind, rows, first_at, last_at }, times, columns })
    }

    /// What stands at its front.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// How many columns it has.
    #[must_use]
    pub const fn columns(&self) -> usize {
        self.columns.len()
    }

    /// Reads the times of its rows, which rise.
    ///
    /// # Errors
    /// Says what is wrong with them.
    pub fn times(&self, times: &mut Vec<i64>) -> Result<(), DecodeError> {
        let mut column = Column::default();
        column.read(self.times, self.header.rows)?;
        let all = column.whole().ok_or(DecodeError::Malformed("a row has no time"))?;
        if all.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(DecodeError::Malformed("its times do not rise"));
        }
        if all.first() != Some(&self.header.first_at) || all.last() != Some(&self.header.last_at) {
            return Err(DecodeError::Malformed("its times are not those that its front says"));
        }
        times.clear();
        times.extend_from_slice(all);
        Ok(())
    }

    /// Reads one column; a column that it does not have is without values.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn column(&self, index: usize, column: &mut Column) -> Result<(), DecodeError> {
        column.read(self.columns.get(index).copied().unwrap_or_default(), self.header.rows)
    }
}

fn column_bytes<'a>(front: &mut Front<'a>) -> Result<&'a [u8], DecodeError> {
    let len = usize::try_from(front.varint()?).unwrap_or(usize::MAX);
    front.bytes(len)
}
