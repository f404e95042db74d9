//! Sealed samples, as a damaged disk or a tampered backup would hand them back. The checksum is put right, so that what
//! is behind it is reached.
#![no_main]

use chunk::{Chunk, Column, checksum, decode, encode};
use libfuzzer_sys::fuzz_target;

/// Columns of the rows that are read.
const COLUMNS: usize = 16;

fuzz_target!(|data: &[u8]| {
    drop(decode::<COLUMNS>(data.get(1).copied().unwrap_or_default(), data));
    let Some(kind) = data.get(1).copied() else { return };
    let mut bytes = data.to_vec();
    bytes.extend_from_slice(&checksum(data));
    if let Ok(chunk) = Chunk::open(kind, &bytes) {
        let mut column = Column::default();
        for index in 0..=chunk.columns() {
            let _ = chunk.column(index, &mut column);
        }
    }
    if let Ok(rows) = decode::<COLUMNS>(kind, &bytes) {
        // What reads can be written, and says the same again; its times may be in any order, which writing refuses.
        if let Ok(written) = encode(kind, &rows) {
            assert_eq!(decode::<COLUMNS>(kind, &written).as_ref(), Ok(&rows), "another after it was written");
        }
    }
});
