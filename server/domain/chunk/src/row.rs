//! Rows, and the two ways between them and bytes.

use crate::{
    COLUMNS_MAX, Chunk, Column, DecodeError, EncodeError, ROWS_MAX, VERSION,
    bits::{put_varint, zigzag},
    checksum,
    column::ColumnWriter,
};

/// One row of `N` columns, each of which has a value or none. `N` is at most [`COLUMNS_MAX`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Row<const N: usize> {
    /// When; in whatever unit the writer keeps.
    pub at: i64,
    present: u64,
    values: [i64; N],
}

impl<const N: usize> Row<N> {
    /// A row without values.
    #[must_use]
    pub const fn new(at: i64) -> Self {
        Self { at, present: 0, values: [0; N] }
    }

    /// Gives a column a value, or none. Columns that there are not stay as they are.
    pub fn set(&mut self, column: usize, value: Option<i64>) {
        if let Some(place) = self.values.get_mut(column) {
            *place = value.unwrap_or(0);
            let bit = 1_u64.checked_shl(column as u32).unwrap_or(0);
            self.present = if value.is_some() { self.present | bit } else { self.present & !bit };
        }
    }

    /// The value of a column, if it has one.
    #[must_use]
    pub fn get(&self, column: usize) -> Option<i64> {
        let is_present = self.present.checked_shr(column as u32).unwrap_or(0) & 1 == 1;
        self.values.get(column).copied().filter(|_| is_present)
    }
}

impl<const N: usize> std::fmt::Debug for Row<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.at)?;
        f.debug_list().entries((0..N).map(|column| self.get(column))).finish()
    }
}

/// Writes rows, which are in order of time, no time twice.
///
/// # Errors
/// When there are none or too many, or their times do not rise.
pub fn encode<const N: usize>(kind: u8, rows: &[Row<N>]) -> Result<Vec<u8>, EncodeError> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Err(EncodeError::Rows) };
    if rows.len() > ROWS_MAX {
        return Err(EncodeError::Rows);
    }
    if N > COLUMNS_MAX {
        return Err(EncodeError::Columns);
    }
    if rows.windows(2).any(|pair| pair[0].at >= pair[1].at) {
        return Err(EncodeError::Order);
    }
    let mut out = Vec::with_capacity(64 + N * 8 + rows.len() * N * 2);
    out.extend_from_slice(&[VERSION, kind]);
    put_varint(&mut out, rows.len() as u64);
    put_varint(&mut out, N as u64);
    put_varint(&mut out, zigzag(first.at));
    put_varint(&mut out, last.at.wrapping_sub(first.at).cast_unsigned());
    let mut writer = ColumnWriter::default();
    writer.write(rows.len(), |row| Some(rows[row].at), &mut out);
    for column in 0..N {
        writer.write(rows.len(), |row| rows[row].get(column), &mut out);
    }
    let checksum = checksum(&out);
    out.extend_from_slice(&checksum);
    Ok(out)
}

/// Reads all rows of a chunk of this kind. Columns that it does not have are without values; columns that are not known
/// here are an error, because whoever writes the rows again would lose them.
///
/// # Errors
/// Says what is wrong with the bytes.
pub fn decode<const N: usize>(kind: u8, bytes: &[u8]) -> Result<Vec<Row<N>>, DecodeError> {
    let chunk = Chunk::open(kind, bytes)?;
    if chunk.columns() > N {
        return Err(DecodeError::Columns(chunk.columns() as u64));
    }
    let mut times = Vec::new();
    chunk.times(&mut times)?;
    let mut rows: Vec<Row<N>> = times.into_iter().map(Row::new).collect();
    let mut column = Column::default();
    for index in 0..chunk.columns() {
        chunk.column(index, &mut column)?;
        for (number, row) in rows.iter_mut().enumerate() {
            row.set(index, column.get(number));
        }
    }
    Ok(rows)
}
