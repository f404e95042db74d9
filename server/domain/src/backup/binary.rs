//! Rows in the binary form of PostgreSQL's `COPY`, both ways: the form has been the same since version 7.4.

use super::{
    catalogue::{Column, Kind, Table},
    failed,
    value::{Row, Value, time_text},
};
use crate::Result;
use chrono::{DateTime, Utc};

/// What every stream begins with: the signature, no flags, no extension.
pub(super) const HEAD: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What every stream ends with.
pub(super) const TAIL: [u8; 2] = [0xff, 0xff];
/// Midnight before the year 2000, UTC, from which PostgreSQL counts: microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;
/// PostgreSQL's words for times without end.
const NEVER_ENDING: [i64; 2] = [i64::MIN, i64::MAX];

/// Appends a row to a stream.
pub(super) fn encode(table: &Table, row: &[Value], out: &mut Vec<u8>) -> Result<()> {
    let count = i16::try_from(row.len()).map_err(|_| failed("a row has too many columns"))?;
    out.extend(count.to_be_bytes());
    for (column, value) in table.columns.iter().zip(row) {
        let at = out.len();
        out.extend((-1_i32).to_be_bytes());
        if is_nothing(value) {
            continue;
        }
        put(column.kind, value, out).map_err(|what| {
            failed(format!("PostgreSQL cannot keep a value of {}.{}: {what}", table.name, column.name))
        })?;
        let length = i32::try_from(out.len() - at - 4)
            .map_err(|_| failed(format!("a value of {}.{} is too long", table.name, column.name)))?;
        out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

/// A number that is none is nothing, as in the embedded database.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Real(real) => real.is_nan(),
        _ => false,
    }
}

fn put(kind: Kind, value: &Value, out: &mut Vec<u8>) -> std::result::Result<(), String> {
    let too_large = |_| "the number is too large".to_owned();
    match (kind, value) {
        (Kind::Truth, Value::Integer(truth @ (0 | 1))) => out.push(u8::from(*truth == 1)),
        (Kind::Integer2, Value::Integer(n)) => {
            out.extend(i16::try_from(*n).map_err(too_large)?.to_be_bytes())
        }
        (Kind::Integer4, Value::Integer(n)) => {
            out.extend(i32::try_from(*n).map_err(too_large)?.to_be_bytes())
        }
        (Kind::Integer8, Value::Integer(n)) => out.extend(n.to_be_bytes()),
        #[expect(clippy::cast_possible_truncation, reason = "the column is as fine on both engines")]
        (Kind::Real4, Value::Real(real)) => out.extend((*real as f32).to_be_bytes()),
        (Kind::Real8, Value::Real(real)) => out.extend(real.to_be_bytes()),
        (Kind::Text, Value::Text(text)) if text.contains('\0') => {
            return Err("it holds a character of value zero".to_owned());
        }
        (Kind::Text, Value::Text(text)) => out.extend(text.as_bytes()),
        (Kind::Time, Value::Text(text)) => {
            let at = DateTime::parse_from_rfc3339(text).map_err(|_| format!("`{text}` is no time"))?;
            out.extend((at.timestamp_micros() - EPOCH).to_be_bytes());
        }
        (Kind::Identity, Value::Bytes(bytes)) if bytes.len() == 16 => out.extend(bytes),
        (Kind::Bytes, Value::Bytes(bytes)) => out.extend(bytes),
        _ => return Err(format!("it is none of the kind {kind:?}")),
    }
    Ok(())
}

/// Takes rows off the front of a stream that arrives in pieces of any size.
pub(super) struct Decoder {
    columns: Vec<Column>,
    table: String,
    waiting: Vec<u8>,
    /// How much of `waiting` has been taken.
    taken: usize,
    has_begun: bool,
    has_ended: bool,
}

impl Decoder {
    pub(super) fn new(table: &Table) -> Self {
        Self {
            columns: table.columns.clone(),
            table: table.name.clone(),
            waiting: Vec::new(),
            taken: 0,
            has_begun: false,
            has_ended: false,
        }
    }

    /// Adds a piece.
    pub(super) fn feed(&mut self, piece: &[u8]) {
        if self.taken > 0 {
            self.waiting.drain(..self.taken);
            self.taken = 0;
        }
        self.waiting.extend_from_slice(piece);
    }

    /// True once the end was seen.
    pub(super) const fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// The next row, when all of it is there.
    pub(super) fn next(&mut self) -> Result<Option<Row>> {
        let mut rest = &self.waiting[self.taken..];
        if !self.has_begun {
            let Some((head, behind)) = rest.split_first_chunk::<19>() else { return Ok(None) };
            if head != HEAD {
                return Err(self.unreadable("the stream begins otherwise"));
            }
            (rest, self.has_begun) = (behind, true);
            self.taken += HEAD.len();
        }
        if self.has_ended {
            return Ok(None);
        }
        let begin = rest.len();
        let Some(count) = take::<2>(&mut rest).map(i16::from_be_bytes) else { return Ok(None) };
        if count == -1 {
            self.has_ended = true;
            return Ok(None);
        }
        if usize::try_from(count).ok() != Some(self.columns.len()) {
            return Err(self.unreadable("another number of columns"));
        }
        let mut row = Row::with_capacity(self.columns.len());
        for column in &self.columns {
            let Some(length) = take::<4>(&mut rest).map(i32::from_be_bytes) else { return Ok(None) };
            let Ok(length) = usize::try_from(length) else {
                row.push(Value::Null);
                continue;
            };
            let Some((bytes, behind)) = rest.split_at_checked(length) else { return Ok(None) };
            rest = behind;
            let value = get(column.kind, bytes);
            row.push(value.ok_or_else(|| self.unreadable(&format!("a value of {}", column.name)))?);
        }
        self.taken += begin - rest.len();
        Ok(Some(row))
    }

    fn unreadable(&self, what: &str) -> crate::Error {
        failed(format!("PostgreSQL's rows of {} cannot be read: {what}", self.table))
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*taken)
}

fn get(kind: Kind, bytes: &[u8]) -> Option<Value> {
    Some(match kind {
        Kind::Any => return None,
        Kind::Truth => Value::Integer(i64::from(*bytes.first()? != 0)),
        Kind::Integer2 => Value::Integer(i16::from_be_bytes(bytes.try_into().ok()?).into()),
        Kind::Integer4 => Value::Integer(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        Kind::Integer8 => Value::Integer(i64::from_be_bytes(bytes.try_into().ok()?)),
        Kind::Real4 => Value::Real(f32::from_be_bytes(bytes.try_into().ok()?).into()),
        Kind::Real8 => Value::Real(f64::from_be_bytes(bytes.try_into().ok()?)),
        Kind::Text => Value::Text(String::from_utf8(bytes.to_vec()).ok()?),
        Kind::Time => {
            let micros = i64::from_be_bytes(bytes.try_into().ok()?);
            if NEVER_ENDING.contains(&micros) {
                return None;
            }
            Value::Text(time_text(DateTime::<Utc>::from_timestamp_micros(micros.checked_add(EPOCH)?)?))
        }
        Kind::Identity | Kind::Bytes => Value::Bytes(bytes.to_vec()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(kinds: &[Kind]) -> Table {
        let columns =
            kinds.iter().enumerate().map(|(n, kind)| Column { name: format!("c{n:02}"), kind: *kind });
        Table { name: "notes".to_owned(), columns: columns.collect(), parents: Default::default() }
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn rows_come_back_however_the_stream_is_cut() {
        use Kind::{Bytes, Identity, Integer2, Integer4, Integer8, Real4, Real8, Text, Time, Truth};
        let table = table(&[Truth, Integer2, Integer4, Integer8, Real4, Real8, Text, Time, Identity, Bytes]);
        let rows = [
            vec![
                Value::Integer(1),
                Value::Integer(-2),
                Value::Integer(1 << 30),
                Value::Integer(i64::MIN),
                Value::Real(0.5),
                Value::Real(-1e300),
                text("ä\n\\N"),
                text("1999-12-31T23:59:59.000001+00:00"),
                Value::Bytes((0..16).collect()),
                Value::Bytes(vec![]),
            ],
            vec![Value::Null; 10],
        ];
        let mut stream = HEAD.to_vec();
        for row in &rows {
            encode(&table, row, &mut stream).expect("encodes");
        }
        stream.extend(TAIL);
        for size in [1, 3, 7, 1000] {
            let mut decoder = Decoder::new(&table);
            let mut back = Vec::new();
            for piece in stream.chunks(size) {
                decoder.feed(piece);
                while let Some(row) = decoder.next().expect("decodes") {
                    back.push(row);
                }
            }
            assert!(decoder.has_ended());
            assert_eq!(back, rows, "in pieces of {size}");
        }
    }

    #[test]
    fn what_postgres_cannot_keep_is_named() {
        for (kind, value, expected) in [
            (Kind::Text, text("a\0b"), "character of value zero"),
            (Kind::Time, text("yesterday"), "`yesterday` is no time"),
            (Kind::Truth, Value::Integer(2), "none of the kind Truth"),
            (Kind::Identity, Value::Bytes(vec![1]), "none of the kind Identity"),
            (Kind::Integer2, Value::Integer(1 << 20), "too large"),
        ] {
            let error = encode(&table(&[kind]), &[value], &mut Vec::new()).expect_err("refused").to_string();
            assert!(error.contains("notes.c00") && error.contains(expected), "{error}");
        }
    }
}
