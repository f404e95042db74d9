//! What a machine's firmware says of it (SMBIOS): maker, model, serial number, and the kind of its case.

/// What the tables say; empty texts are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Board {
    /// Maker of the machine.
    pub manufacturer: Option<String>,
    /// Model of the machine.
    pub model: Option<String>,
    /// Serial number of the machine.
    pub serial_number: Option<String>,
    /// Kind of the case, by the specification's numbers.
    pub chassis: Option<u32>,
}

/// Bytes before the tables in what Windows answers: version, revision, length.
const HEAD: usize = 8;

/// Reads the tables, as Windows hands them out. What is broken is not read any further.
#[must_use]
pub fn read(raw: &[u8]) -> Board {
    let mut board = Board::default();
    let mut rest = raw.get(HEAD..).unwrap_or_default();
    while let [kind, length, ..] = *rest {
        let length = usize::from(length);
        let (Some(fields), Some(after)) = (rest.get(..length).filter(|_| length >= 4), rest.get(length..))
        else {
            break;
        };
        let (texts, next) = texts(after);
        // A number at this place of the fields tells which text; 0 is none.
        let text = |place: usize| {
            let number = usize::from(*fields.get(place)?);
            let text = texts.get(number.checked_sub(1)?)?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        match kind {
            1 if board.manufacturer.is_none() && board.model.is_none() => {
                board.manufacturer = text(4);
                board.model = text(5);
                board.serial_number = text(7);
            }
            // The highest bit says whether the case can be locked.
            3 if board.chassis.is_none() => board.chassis = fields.get(5).map(|kind| u32::from(kind & 0x7F)),
            127 => break,
            _ => {}
        }
        rest = next;
    }
    board
}

/// The texts behind a table, each with a zero at its end and another zero after the last, and what follows.
fn texts(bytes: &[u8]) -> (Vec<String>, &[u8]) {
    let mut texts = Vec::new();
    let mut rest = bytes;
    loop {
        let Some(end) = rest.iter().position(|byte| *byte == 0) else { return (texts, &[]) };
        let (text, after) = rest.split_at(end);
        let after = after.get(1..).unwrap_or_default();
        if text.is_empty() {
            // A table without texts has two zeros all the same.
            let next = if texts.is_empty() { after.get(1..).unwrap_or_default() } else { after };
            return (texts, next);
        }
        texts.push(String::from_utf8_lossy(text).into_owned());
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables() -> Vec<u8> {
        let mut raw = vec![0, 3, 2, 0, 0, 0, 0, 0];
        raw.extend([0, 5, 0, 0, 9, 0, 0]);
        raw.extend([1, 8, 1, 0, 1, 2, 0, 3]);
        raw.extend(b"LENOVO\0 21CB \0PF3ABC12\0\0");
        raw.extend([3, 9, 2, 0, 1, 0x80 | 10, 0, 0, 0]);
        raw.extend(b"LENOVO\0\0");
        raw.extend([127, 4, 3, 0, 0, 0]);
        raw
    }

    #[test]
    fn a_laptop_is_read() {
        let text = |text: &str| Some(text.to_owned());
        let laptop = Board {
            manufacturer: text("LENOVO"),
            model: text("21CB"),
            serial_number: text("PF3ABC12"),
            chassis: Some(10),
        };
        assert_eq!(read(&tables()), laptop);
    }

    #[test]
    fn broken_tables_end_without_a_panic() {
        let tables = tables();
        for end in 0..tables.len() {
            let _ = read(&tables[..end]);
        }
        for at in HEAD..tables.len() {
            for byte in [0, 1, 3, 255] {
                let mut broken = tables.clone();
                broken[at] = byte;
                let _ = read(&broken);
            }
        }
        assert_eq!(read(&[]), Board::default());
    }
}
