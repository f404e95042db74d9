//! A stored value apart from the engine that keeps it, and the digest of a table's rows, which is the same on both.

use chrono::{DateTime, SecondsFormat, SubsecRound as _, Utc};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;

/// What a column of a row holds. Identities are bytes, times are text and truths are integers, as the embedded database
/// keeps them.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Value {
    /// Bytes that it takes, about.
    pub(super) const fn size(&self) -> usize {
        match self {
            Self::Null | Self::Integer(_) | Self::Real(_) => 8,
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }
}

/// The values of a row, in the order of the names of its columns.
pub(super) type Row = Vec<Value>;

/// A time as the embedded database keeps it, as fine as PostgreSQL does.
pub(super) fn time_text(at: DateTime<Utc>) -> String {
    at.trunc_subsecs(6).to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

/// Counts rows and sums up their SHA-256: the order in which an engine hands them out does not matter.
#[derive(Clone)]
pub(super) struct Tally {
    /// Rows so far.
    pub(super) rows: u64,
    /// The digest's beginning, the same for each row of the table.
    head: Sha256,
    sum: [u64; 4],
}

impl Tally {
    /// For a table with these columns.
    pub(super) fn new<'a>(table: &'a str, columns: impl Iterator<Item = &'a str>) -> Self {
        let mut head = Sha256::new_with_prefix(b"reeve row v1\n");
        for name in std::iter::once(table).chain(columns) {
            head.update(name.as_bytes());
            head.update(b"\n");
        }
        Self { rows: 0, head, sum: [0; 4] }
    }

    /// Adds a row.
    pub(super) fn add(&mut self, row: &[Value]) {
        let mut hash = self.head.clone();
        for value in row {
            feed(&mut hash, value);
        }
        let digest = hash.finalize();
        let mut carry = false;
        for (limb, bytes) in self.sum.iter_mut().zip(digest.chunks_exact(8)) {
            let mut word = [0; 8];
            word.copy_from_slice(bytes);
            let (sum, over) = limb.overflowing_add(u64::from_le_bytes(word));
            let (sum, again) = sum.overflowing_add(u64::from(carry));
            (*limb, carry) = (sum, over || again);
        }
        self.rows += 1;
    }

    /// The digest of the rows so far, in hexadecimal digits.
    pub(super) fn digest(&self) -> String {
        self.sum.iter().map(|limb| hex::encode(limb.to_le_bytes())).collect()
    }
}

fn feed(hash: &mut Sha256, value: &Value) {
    let mut sized = |tag: u8, bytes: &[u8]| {
        hash.update([tag]);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    match value {
        Value::Null => hash.update([0]),
        // The embedded database knows no number that is none.
        Value::Real(real) if real.is_nan() => hash.update([0]),
        Value::Integer(integer) => sized(1, &integer.to_le_bytes()),
        // Zero has one sign.
        Value::Real(real) => sized(2, &(real + 0.0).to_bits().to_le_bytes()),
        Value::Text(text) => sized(3, same_on_both(text).as_bytes()),
        Value::Bytes(bytes) => sized(4, bytes),
    }
}

/// Text as it comes back from either engine: what reads as a time is taken as fine as PostgreSQL keeps it.
fn same_on_both(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let may_be_time = (20..=40).contains(&bytes.len())
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && bytes[13] == b':'
        && bytes[16] == b':';
    if may_be_time && let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Cow::Owned(time_text(at.with_timezone(&Utc)));
    }
    Cow::Borrowed(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(rows: &[Row]) -> String {
        let mut tally = Tally::new("notes", ["a", "b"].into_iter());
        rows.iter().for_each(|row| tally.add(row));
        assert_eq!(tally.rows, rows.len() as u64);
        tally.digest()
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn the_order_of_rows_does_not_matter_and_everything_else_does() {
        let one = vec![Value::Integer(1), text("x")];
        let two = vec![Value::Null, Value::Bytes(vec![0, 1])];
        let both = digest(&[one.clone(), two.clone()]);
        assert_eq!(both, digest(&[two.clone(), one.clone()]));
        assert_eq!(both.len(), 64);
        let mut seen =
            vec![both, digest(&[]), digest(std::slice::from_ref(&one)), digest(&[one.clone(), one.clone()])];
        for other in [
            vec![Value::Integer(1), text("y")],
            vec![Value::Real(1.0), text("x")],
            vec![text("x"), Value::Integer(1)],
            vec![Value::Integer(1), Value::Bytes(b"x".to_vec())],
            vec![Value::Integer(1), text("")],
            vec![Value::Integer(1), Value::Null],
        ] {
            seen.push(digest(&[other, two.clone()]));
        }
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count, "two of them have the same digest");
        let renamed = Tally::new("notes", ["a", "c"].into_iter());
        let mut renamed = renamed;
        renamed.add(&one);
        assert_ne!(renamed.digest(), digest(&[one]));
    }

    #[test]
    fn a_time_is_as_fine_as_postgres_keeps_it_and_other_text_is_as_it_is() {
        let fine = |nanos: &str| vec![text(&format!("2026-11-20T12:00:00{nanos}+00:00"))];
        assert_eq!(digest(&[fine(".123456789")]), digest(&[fine(".123456")]));
        assert_eq!(digest(&[fine(".120000")]), digest(&[fine(".12")]));
        assert_ne!(digest(&[fine(".123457")]), digest(&[fine(".123456")]));
        assert_ne!(digest(&[fine("")]), digest(&[fine(".000001")]));
        assert_eq!(same_on_both("2026-11-20 is no time, and stays"), "2026-11-20 is no time, and stays");
        assert_eq!(same_on_both("äöüäöüäöüäöüäöü"), "äöüäöüäöüäöüäöü");
        let (plus, minus) = (vec![Value::Real(0.0)], vec![Value::Real(-0.0)]);
        assert_eq!(digest(&[plus]), digest(&[minus]));
    }
}
