//! What a command writes: kept up to a limit, counted beyond it, and told in pieces while it runs.

use entity::{
    command::{OUTPUT_BYTES_MAX, PROGRESS_BYTES_MAX},
    wire::limits::SOCKET_MESSAGE_BYTES_MAX,
};
use std::time::{Duration, Instant};

/// Between two pieces.
const PAUSE: Duration = Duration::from_millis(250);
/// Most bytes of a piece as JSON, which writes some characters as six: a message has a little more.
const ESCAPED_MAX: usize = SOCKET_MESSAGE_BYTES_MAX - 512;

/// What was written so far.
#[derive(Debug, Default)]
pub struct Output {
    bytes: Vec<u8>,
    total: u64,
    told: usize,
    told_at: Option<Instant>,
}

impl Output {
    /// More was written.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = OUTPUT_BYTES_MAX.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.total = self.total.saturating_add(bytes.len() as u64);
    }

    /// How many bytes were written in all.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// What is kept, as text.
    #[must_use]
    pub fn text(&self) -> String {
        let end = match std::str::from_utf8(&self.bytes) {
            // Cut off within a character.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.bytes.len(),
        };
        readable(&self.bytes[..end])
    }

    /// When the next piece can be told, while there is one.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        (self.told < self.bytes.len())
            .then(|| self.told_at.map_or_else(Instant::now, |told_at| told_at + PAUSE))
    }

    /// The next piece, and where it begins.
    pub fn piece(&mut self) -> Option<(u64, String)> {
        let begin = self.told;
        let mut most = PROGRESS_BYTES_MAX;
        loop {
            let rest = &self.bytes[begin..self.bytes.len().min(begin + most)];
            let whole = match std::str::from_utf8(rest) {
                Err(error) if error.error_len().is_none() => &rest[..error.valid_up_to()],
                _ => rest,
            };
            // What follows will complete the character, or show that it is none.
            self.told_at = Some(Instant::now());
            if whole.is_empty() {
                return None;
            }
            let text = readable(whole);
            let escaped = serde_json::to_string(&text).map_or(usize::MAX, |json| json.len());
            if escaped <= ESCAPED_MAX {
                self.told = begin + whole.len();
                return Some((begin as u64, text));
            }
            most /= 2;
        }
    }
}

/// As text: what is none is replaced, and so is the one character that databases do not take.
fn readable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_counted_and_left_out() {
        let mut output = Output::default();
        for _ in 0..3_000 {
            output.push(&[b'y'; 1_000]);
        }
        assert_eq!((output.text().len(), output.total()), (OUTPUT_BYTES_MAX, 3_000_000));
        let mut pieces = 0;
        let mut offset = 0;
        while let Some((at, text)) = output.piece() {
            assert_eq!(at, offset);
            offset += text.len() as u64;
            pieces += 1;
        }
        assert_eq!((offset, pieces), (OUTPUT_BYTES_MAX as u64, 128));
        assert_eq!(output.due(), None);
    }

    #[test]
    fn characters_stay_whole_and_escapes_stay_small() {
        let mut output = Output::default();
        output.push("grü".as_bytes());
        output.push(&"ß".as_bytes()[..1]);
        assert_eq!(output.piece(), Some((0, "grü".to_owned())));
        assert_eq!(output.piece(), None);
        assert_eq!(output.text(), "grü");
        output.push(&"ß".as_bytes()[1..]);
        output.push(b"\0\xff.");
        assert_eq!(output.piece(), Some((4, "ß\u{fffd}\u{fffd}.".to_owned())));
        let mut output = Output::default();
        output.push(&b"\x1b".repeat(PROGRESS_BYTES_MAX));
        let mut told = 0;
        while let Some((_, text)) = output.piece() {
            assert!(serde_json::to_string(&text).unwrap().len() <= ESCAPED_MAX);
            told += text.len();
        }
        assert_eq!(told, PROGRESS_BYTES_MAX);
    }
}
