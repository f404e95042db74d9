//! Whatever is written is read again as it was; whatever else is read is an error and nothing worse.

use chunk::{Chunk, Column, DecodeError, EncodeError, ROWS_MAX, Row, checksum, decode, encode};
use proptest::{collection::vec, option, prelude::*};

const KIND: u8 = 7;

/// Numbers of every size, and runs that look like gauges and counters.
fn values(rows: usize) -> impl Strategy<Value = Vec<Option<i64>>> {
    let wild = vec(option::of(any::<i64>()), rows);
    let walk = (any::<i32>(), vec(-50..50_i64, rows)).prop_map(|(begin, steps)| {
        let mut value = i64::from(begin);
        steps
            .into_iter()
            .map(|step| {
                value += step * 4096;
                Some(value)
            })
            .collect()
    });
    let counter = (any::<u32>(), vec(0..3_i64, rows)).prop_map(|(begin, noise)| {
        let mut value = i64::from(begin);
        noise
            .into_iter()
            .map(|noise| {
                value += 60 + noise;
                Some(value)
            })
            .collect()
    });
    let outlier = (0..rows, any::<i64>()).prop_map(move |(place, value)| {
        (0..rows).map(|row| Some(if row == place { value } else { row as i64 % 5 })).collect()
    });
    let nothing = Just(vec![None; rows]);
    prop_oneof![wild, walk, counter, outlier, nothing]
}

fn rows() -> impl Strategy<Value = Vec<Row<3>>> {
    (1..300_usize).prop_flat_map(|count| {
        (
            any::<i64>(),
            vec(prop_oneof![Just(60_000_u64), 1..100_000_u64, any::<u64>()], count),
            values(count),
            values(count),
            values(count),
        )
            .prop_map(|(begin, steps, a, b, c)| {
                let mut at = begin;
                let mut rows = Vec::new();
                for (index, step) in steps.into_iter().enumerate() {
                    let mut row = Row::new(at);
                    row.set(0, a[index]);
                    row.set(1, b[index]);
                    row.set(2, c[index]);
                    rows.push(row);
                    let Some(next) = at.checked_add_unsigned(step.max(1)) else { break };
                    at = next;
                }
                rows
            })
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(rows in rows()) {
        let bytes = encode(KIND, &rows).expect("writes");
        prop_assert_eq!(&decode::<3>(KIND, &bytes).expect("reads"), &rows);
        let chunk = Chunk::open(KIND, &bytes).expect("opens");
        let header = chunk.header();
        prop_assert_eq!((header.rows, header.first_at), (rows.len(), rows[0].at));
        prop_assert_eq!(header.last_at, rows[rows.len() - 1].at);
        // One column alone, into a place where another one was.
        let mut column = Column::default();
        for index in [2, 0] {
            chunk.column(index, &mut column).expect("reads");
            let read: Vec<_> = (0..column.rows()).map(|row| column.get(row)).collect();
            prop_assert_eq!(read, rows.iter().map(|row| row.get(index)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_was_changed_is_an_error(rows in rows(), place in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let mut bytes = encode(KIND, &rows).expect("writes");
        let place = place.index(bytes.len());
        prop_assert!(decode::<3>(KIND, &bytes[..place]).is_err());
        bytes[place] ^= 1 << bit;
        prop_assert!(decode::<3>(KIND, &bytes).is_err());
    }

    #[test]
    fn any_bytes_are_rows_or_an_error(body in vec(any::<u8>(), 0..400)) {
        let _ = decode::<3>(KIND, &body);
        // And with a good checksum and a good beginning, so that what lies behind is reached.
        for begin in [&[][..], &[1, KIND], &[1, KIND, 20, 3, 0, 19], &[1, KIND, 20, 0, 0, 19, 4, 1, 0, 128, 2]] {
            let mut bytes = [begin, &body].concat();
            let sum = checksum(&bytes);
            bytes.extend_from_slice(&sum);
            if let Ok(rows) = decode::<3>(KIND, &bytes) {
                prop_assert!(rows.len() <= ROWS_MAX);
                prop_assert_eq!(decode::<3>(KIND, &encode(KIND, &rows).expect("writes")), Ok(rows));
            }
        }
    }

    #[test]
    fn a_changed_chunk_with_a_good_checksum_is_rows_or_an_error(
        rows in rows(), changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encode(KIND, &rows).expect("writes");
        bytes.truncate(bytes.len() - 4);
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let sum = checksum(&bytes);
        bytes.extend_from_slice(&sum);
        let _ = decode::<3>(KIND, &bytes);
    }
}

#[test]
fn a_chunk_of_the_most_rows_is_read_and_one_more_is_refused() {
    let rows: Vec<Row<1>> = (0..=ROWS_MAX as i64).map(Row::new).collect();
    let bytes = encode(KIND, &rows[..ROWS_MAX]).expect("writes");
    assert!(bytes.len() < 40, "{}", bytes.len());
    assert_eq!(decode::<1>(KIND, &bytes).expect("reads").len(), ROWS_MAX);
    assert_eq!(encode(KIND, &rows), Err(EncodeError::Rows));
    assert_eq!(encode::<1>(KIND, &[]), Err(EncodeError::Rows));
}

#[test]
fn rows_out_of_order_are_refused() {
    let rows: [Row<1>; 2] = [Row::new(5), Row::new(5)];
    assert_eq!(encode(KIND, &rows), Err(EncodeError::Order));
}

#[test]
fn what_is_not_known_is_named() {
    let mut row = Row::<2>::new(1);
    row.set(1, Some(1));
    let bytes = encode(KIND, &[row]).expect("writes");
    assert_eq!(decode::<2>(KIND + 1, &bytes), Err(DecodeError::Kind(KIND)));
    assert_eq!(decode::<1>(KIND, &bytes), Err(DecodeError::Columns(2)));
    let mut later = bytes[..bytes.len() - 4].to_vec();
    later[0] = 2;
    let sum = checksum(&later);
    later.extend_from_slice(&sum);
    assert_eq!(decode::<2>(KIND, &later), Err(DecodeError::Version(2)));
    // A column that came later is without values in what was written before.
    let wider = decode::<3>(KIND, &bytes).expect("reads");
    assert_eq!((wider[0].get(1), wider[0].get(2)), (Some(1), None));
}
