//! Rows that come together: sorted, no moment twice, each into the chunk that covers it. No IO.

use super::sample::{HOUR, Row, around};
use std::ops::Range;

/// Rows of a chunk before it is divided.
pub(super) const ROWS_DIVIDED: usize = 2_048;
/// Rows of its parts, about.
const ROWS_OF_PART: usize = 1_440;

/// Rows in order of time, each moment once; of two of the same moment the one that stood first.
pub(super) fn in_order<const N: usize>(mut rows: Vec<chunk::Row<N>>) -> Vec<chunk::Row<N>> {
    if !rows.is_sorted_by(|a, b| a.at < b.at) {
        // Stable: what stood first stays first.
        rows.sort_by_key(|row| row.at);
        rows.dedup_by_key(|row| row.at);
    }
    rows
}

/// Sorted rows by the time that they belong to: what is covered already, or else their hour.
pub(super) fn placed(covered: &[Range<i64>], rows: &[Row]) -> Vec<(Range<i64>, Vec<Row>)> {
    let mut placed: Vec<(Range<i64>, Vec<Row>)> = Vec::new();
    for row in rows {
        if let Some((place, rows)) = placed.last_mut()
            && place.contains(&row.at)
        {
            rows.push(*row);
            continue;
        }
        let index = covered.partition_point(|place| place.end <= row.at);
        let place = covered
            .get(index)
            .filter(|place| place.contains(&row.at))
            .cloned()
            .unwrap_or_else(|| around(row.at, HOUR));
        placed.push((place, vec![*row]));
    }
    placed
}

/// Divides rows that are too many for one chunk; the parts cover the same time, and begin at whole seconds.
pub(super) fn divided<const N: usize>(
    place: Range<i64>,
    rows: &[chunk::Row<N>],
) -> Vec<(Range<i64>, &[chunk::Row<N>])> {
    if rows.len() <= ROWS_DIVIDED {
        return vec![(place, rows)];
    }
    let parts = rows.len().div_ceil(ROWS_OF_PART);
    let mut divided = Vec::with_capacity(parts);
    let (mut starts_at, mut from) = (place.start, 0);
    for part in 1..parts {
        // A second has a thousand rows at most, so that no part is empty or much longer than another.
        let boundary = rows[rows.len() * part / parts].at.div_euclid(1000) * 1000;
        let to = rows.partition_point(|row| row.at < boundary);
        if to > from && boundary > starts_at {
            divided.push((starts_at..boundary, &rows[from..to]));
            (starts_at, from) = (boundary, to);
        }
    }
    divided.push((starts_at..place.end, &rows[from..]));
    divided
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(at: i64, value: i64) -> Row {
        let mut row = Row::new(at);
        row.set(0, Some(value));
        row
    }

    #[test]
    fn what_came_first_stays() {
        let rows = in_order(vec![row(2, 1), row(1, 2), row(2, 3), row(3, 4), row(1, 5)]);
        let read: Vec<_> = rows.iter().map(|row| (row.at, row.get(0))).collect();
        assert_eq!(read, [(1, Some(2)), (2, Some(1)), (3, Some(4))]);
    }

    #[test]
    fn rows_go_where_their_time_is_covered_or_into_their_hour() {
        let covered = [0..HOUR / 2, HOUR / 2..HOUR, 24 * HOUR..48 * HOUR];
        let rows = [1, HOUR / 2, HOUR, HOUR + 1, 3 * HOUR, 25 * HOUR, 47 * HOUR].map(|at| row(at, 0));
        let places: Vec<_> =
            placed(&covered, &rows).into_iter().map(|(place, rows)| (place, rows.len())).collect();
        let expected = [
            (0..HOUR / 2, 1),
            (HOUR / 2..HOUR, 1),
            (HOUR..2 * HOUR, 2),
            (3 * HOUR..4 * HOUR, 1),
            (24 * HOUR..48 * HOUR, 2),
        ];
        assert_eq!(places, expected);
    }

    #[test]
    fn too_many_rows_are_divided_without_a_gap() {
        let rows: Vec<Row> = (0..10_000).map(|n| row(n * 7, n)).collect();
        let parts = divided(0..HOUR, &rows);
        assert_eq!(parts.iter().map(|(_, rows)| rows.len()).sum::<usize>(), rows.len());
        let mut end = 0;
        for (place, rows) in parts {
            assert_eq!(place.start, end);
            assert!(place.start % 1000 == 0 && rows.len() <= ROWS_DIVIDED);
            assert!(rows.iter().all(|row| place.contains(&row.at)));
            end = place.end;
        }
        assert_eq!(end, HOUR);
    }
}
