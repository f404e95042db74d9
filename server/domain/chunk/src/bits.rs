//! Numbers as bytes and bits: varints, zigzag, and packed fields of any width.

use crate::DecodeError;

/// A signed number as an unsigned one: small ones of either sign stay small.
pub(crate) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

pub(crate) const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// Appends a number, seven bits a byte.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

/// How many bytes a number takes.
pub(crate) const fn varint_len(value: u64) -> usize {
    let bits = 64 - value.leading_zeros();
    if bits == 0 { 1 } else { bits.div_ceil(7) as usize }
}

/// Reads from the front of some bytes.
#[derive(Clone, Copy)]
pub(crate) struct Front<'a>(pub(crate) &'a [u8]);

impl<'a> Front<'a> {
    pub(crate) fn byte(&mut self) -> Result<u8, DecodeError> {
        let (first, rest) = self.0.split_first().ok_or(DecodeError::Truncated)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(DecodeError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::Malformed("a number is longer than 64 bits"))
    }

    pub(crate) fn zigzag(&mut self) -> Result<i64, DecodeError> {
        self.varint().map(unzigzag)
    }
}

/// Appends fields of any width, lowest bit first.
pub(crate) struct Packer<'a> {
    out: &'a mut Vec<u8>,
    held: u128,
    bits: u32,
}

impl<'a> Packer<'a> {
    pub(crate) const fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, held: 0, bits: 0 }
    }

    /// Appends the lowest `width` bits of a number that has no more.
    pub(crate) fn put(&mut self, value: u64, width: u32) {
        self.held |= u128::from(value) << self.bits;
        self.bits += width;
        if self.bits >= 64 {
            self.out.extend_from_slice(&((self.held & u128::from(u64::MAX)) as u64).to_le_bytes());
            self.held >>= 64;
            self.bits -= 64;
        }
    }

    /// Writes what is held, filled up with zeros.
    pub(crate) fn finish(self) {
        let bytes = self.held.to_le_bytes();
        self.out.extend_from_slice(&bytes[..self.bits.div_ceil(8) as usize]);
    }
}

/// Reads fields of any width. The caller has made sure that there are enough bits.
pub(crate) struct Unpacker<'a> {
    bytes: &'a [u8],
    bit: usize,
}

impl<'a> Unpacker<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, bit: 0 }
    }

    pub(crate) fn take(&mut self, width: u32) -> u64 {
        if width == 0 {
            return 0;
        }
        let (byte, offset) = (self.bit / 8, (self.bit % 8) as u32);
        self.bit += width as usize;
        let mask = u64::MAX >> (64 - width);
        if offset + width <= 64
            && let Some(eight) = self.bytes.get(byte..).and_then(|rest| rest.first_chunk::<8>())
        {
            return (u64::from_le_bytes(*eight) >> offset) & mask;
        }
        let mut window = [0; 16];
        for (to, from) in window.iter_mut().zip(self.bytes.get(byte..).unwrap_or_default()) {
            *to = *from;
        }
        ((u128::from_le_bytes(window) >> offset) & u128::from(mask)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_width_come_back() {
        let mut out = Vec::new();
        let mut packer = Packer::new(&mut out);
        for width in 0..=64_u32 {
            packer.put(if width == 0 { 0 } else { u64::MAX >> (64 - width) }, width);
            packer.put(0, width);
        }
        packer.finish();
        assert_eq!(out.len(), (0..=64).sum::<usize>() * 2 / 8);
        let mut unpacker = Unpacker::new(&out);
        for width in 0..=64_u32 {
            assert_eq!(unpacker.take(width), if width == 0 { 0 } else { u64::MAX >> (64 - width) });
            assert_eq!(unpacker.take(width), 0);
        }
    }

    #[test]
    fn numbers_come_back_and_take_what_they_are_said_to() {
        for value in [0, 1, -1, 63, -64, 64, 1 << 40, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            put_varint(&mut out, zigzag(value));
            assert_eq!(out.len(), varint_len(zigzag(value)));
            assert_eq!(Front(&out).zigzag(), Ok(value));
        }
        assert!(Front(&[0xff; 9]).varint().is_err());
        assert!(Front(&[0xff; 10]).varint().is_err());
    }
}
