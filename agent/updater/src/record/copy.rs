//! One copy as bytes: a line with format, generation, checksum and length, then JSON.

use serde::{Serialize, de::DeserializeOwned};

const FORMAT: &str = "reeve-record-1";

/// Writes a copy.
pub fn seal<T: Serialize>(generation: u64, value: &T) -> serde_json::Result<Vec<u8>> {
    let body = serde_json::to_vec(value)?;
    let check = check(generation, &body);
    let mut bytes = format!("{FORMAT} {generation} {check:08x} {}\n", body.len()).into_bytes();
    bytes.extend(body);
    Ok(bytes)
}

/// Reads a copy; nothing but what [`seal`] wrote, to the last byte.
pub fn open<T: DeserializeOwned>(bytes: &[u8]) -> Option<(u64, T)> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (head, body) = (std::str::from_utf8(bytes.get(..end)?).ok()?, bytes.get(end + 1..)?);
    let mut words = head.strip_prefix(FORMAT)?.strip_prefix(' ')?.split(' ');
    let generation: u64 = words.next()?.parse().ok()?;
    let sum = u32::from_str_radix(words.next()?, 16).ok()?;
    let length: usize = words.next()?.parse().ok()?;
    // Written in another way it is not what was written.
    let is_whole = words.next().is_none()
        && body.len() == length
        && sum == check(generation, body)
        && head == format!("{FORMAT} {generation} {sum:08x} {length}");
    is_whole.then(|| serde_json::from_slice(body).ok()).flatten().map(|value| (generation, value))
}

/// Over the generation too, so that an old copy cannot pass for a new one.
fn check(generation: u64, body: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&generation.to_le_bytes());
    sum.update(body);
    sum.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let bytes = seal(77, &vec!["one".to_owned(), "two".to_owned()]).unwrap();
        assert_eq!(open::<Vec<String>>(&bytes), Some((77, vec!["one".to_owned(), "two".to_owned()])));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open::<Vec<String>>(&flipped), None, "bit {bit}");
        }
        for end in 0..bytes.len() {
            assert_eq!(open::<Vec<String>>(&bytes[..end]), None, "cut at {end}");
        }
        assert_eq!(open::<Vec<String>>(&[&bytes[..], b" "].concat()), None);
        assert_eq!(open::<Vec<String>>(&vec![0; bytes.len()]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(open::<String>(&bytes).is_none());
            let _ = open::<String>(&[b"reeve-record-1 ", &bytes[..]].concat());
        }
    }
}
