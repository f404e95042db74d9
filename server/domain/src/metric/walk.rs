//! Through the samples of a device in order of time, each moment once, whatever they lie in: most chunks stand one
//! behind the other and are read straight; those that overlap are read together.

use super::sample::Tier;
use chunk::{Chunk, Column, DecodeError};
use std::ops::Range;

/// Whom the walk meets.
pub(super) trait Visitor {
    /// A sample, with the columns that were asked for.
    fn sample(&mut self, at: i64, values: &[Option<i64>]);
}

/// Walks through chunks of samples. Of two samples of the same moment the one in the chunk that stands first counts.
///
/// # Errors
/// When one of them cannot be read; the walk goes through all others first.
pub(super) fn walk(
    payloads: &[impl AsRef<[u8]>],
    columns: &[usize],
    range: &Range<i64>,
    visitor: &mut impl Visitor,
) -> Result<(), DecodeError> {
    let mut outcome = Ok(());
    let mut chunks = Vec::with_capacity(payloads.len());
    for (rank, payload) in payloads.iter().enumerate() {
        match Chunk::open(Tier::Raw.number(), payload.as_ref()) {
            Ok(chunk) => chunks.push((rank, chunk)),
            Err(error) => outcome = Err(error),
        }
    }
    chunks.sort_by_key(|(_, chunk)| chunk.header().first_at);
    let mut reader = Reader { columns, times: Vec::new(), read: vec![Column::default(); columns.len()] };
    let mut rest = chunks.as_slice();
    while let [(_, first), others @ ..] = rest {
        let mut end = first.header().last_at;
        let overlapping = others
            .iter()
            .take_while(|(_, chunk)| {
                let overlaps = chunk.header().first_at <= end;
                end = end.max(chunk.header().last_at);
                overlaps
            })
            .count();
        let read = if overlapping == 0 {
            reader.straight(first, range, visitor)
        } else {
            reader.together(&rest[..=overlapping], range, visitor)
        };
        outcome = outcome.and(read);
        rest = &others[overlapping..];
    }
    outcome
}

struct Reader<'a> {
    columns: &'a [usize],
    times: Vec<i64>,
    read: Vec<Column>,
}

impl Reader<'_> {
    fn open(&mut self, chunk: &Chunk<'_>) -> Result<(), DecodeError> {
        chunk.times(&mut self.times)?;
        for (index, column) in self.columns.iter().zip(&mut self.read) {
            chunk.column(*index, column)?;
        }
        Ok(())
    }

    fn straight(
        &mut self,
        chunk: &Chunk<'_>,
        range: &Range<i64>,
        visitor: &mut impl Visitor,
    ) -> Result<(), DecodeError> {
        if chunk.header().last_at < range.start || chunk.header().first_at >= range.end {
            return Ok(());
        }
        self.open(chunk)?;
        let mut values = vec![None; self.read.len()];
        let from = self.times.partition_point(|at| *at < range.start);
        for (row, at) in self.times.iter().enumerate().skip(from).take_while(|(_, at)| **at < range.end) {
            for (value, column) in values.iter_mut().zip(&self.read) {
                *value = column.get(row);
            }
            visitor.sample(*at, &values);
        }
        Ok(())
    }

    fn together(
        &mut self,
        chunks: &[(usize, Chunk<'_>)],
        range: &Range<i64>,
        visitor: &mut impl Visitor,
    ) -> Result<(), DecodeError> {
        let width = self.read.len();
        let (mut order, mut values) = (Vec::new(), Vec::new());
        for (rank, chunk) in chunks {
            self.open(chunk)?;
            for (row, at) in self.times.iter().enumerate().filter(|(_, at)| range.contains(at)) {
                order.push((*at, *rank, values.len()));
                values.extend(self.read.iter().map(|column| column.get(row)));
            }
        }
        order.sort_unstable();
        order.dedup_by_key(|(at, ..)| *at);
        for (at, _, place) in order {
            visitor.sample(at, &values[place..place + width]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::sample::Row, *};

    #[derive(Default)]
    struct Seen(Vec<(i64, Option<i64>)>);

    impl Visitor for Seen {
        fn sample(&mut self, at: i64, values: &[Option<i64>]) {
            self.0.push((at, values[0]));
        }
    }

    fn chunk(rows: &[(i64, i64)]) -> Vec<u8> {
        let rows: Vec<Row> = rows
            .iter()
            .map(|(at, value)| {
                let mut row = Row::new(*at);
                row.set(3, Some(*value));
                row
            })
            .collect();
        ::chunk::encode(Tier::Raw.number(), &rows).expect("writes")
    }

    #[test]
    fn every_moment_is_met_once_in_order_and_the_first_chunk_counts() {
        let chunks = [
            chunk(&[(10, 1), (20, 1), (30, 1)]),
            chunk(&[(40, 2), (60, 2)]),
            chunk(&[(5, 3), (20, 3), (25, 3)]),
            chunk(&[(50, 4), (60, 4), (70, 4)]),
            chunk(&[(80, 5)]),
        ];
        let mut seen = Seen::default();
        walk(&chunks, &[3], &(10..80), &mut seen).expect("reads");
        let expected = [(10, 1), (20, 1), (25, 3), (30, 1), (40, 2), (50, 4), (60, 2), (70, 4)];
        assert_eq!(seen.0, expected.map(|(at, value)| (at, Some(value))));
    }
}
