//! One column: its values, and the shortest way to write them.

use crate::{
    DecodeError,
    bits::{Front, Packer, Unpacker, put_varint, varint_len, zigzag},
};

/// The shortest block is of 2^4 values.
const BLOCK_BITS_MIN: u32 = 4;
/// The longest block is of 2^13 values: every row that a chunk may have.
const BLOCK_BITS_MAX: u32 = 13;
const HAS_BITMAP: u8 = 1 << 6;
const HAS_SHIFT: u8 = 1 << 7;
/// Of a block: its base lies in the middle and is not written.
const CENTRED: u8 = 1 << 7;

/// The values of one column, row by row. Can be read into again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// A number for each row; zero where there is none.
    values: Vec<i64>,
    presence: Presence,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Presence {
    #[default]
    Nowhere,
    Everywhere,
    /// A bit for each row.
    Somewhere(Vec<u8>),
}

impl Column {
    /// The value of a row, if it has one.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<i64> {
        let value = *self.values.get(row)?;
        match &self.presence {
            Presence::Nowhere => None,
            Presence::Everywhere => Some(value),
            Presence::Somewhere(bitmap) => is_set(bitmap, row).then_some(value),
        }
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len()
    }

    /// The values, if every row has one.
    pub(crate) fn whole(&self) -> Option<&[i64]> {
        matches!(self.presence, Presence::Everywhere).then_some(&self.values)
    }

    /// Reads a column of `rows` rows from all of `bytes`.
    pub(crate) fn read(&mut self, bytes: &[u8], rows: usize) -> Result<(), DecodeError> {
        self.values.clear();
        self.presence = Presence::Nowhere;
        if bytes.is_empty() {
            self.values.resize(rows, 0);
            return Ok(());
        }
        let mut front = Front(bytes);
        let head = front.byte()?;
        let order = usize::from(head & 3);
        let block = 1_usize << (u32::from((head >> 2) & 15) + BLOCK_BITS_MIN);
        if order > 2 || block > 1 << BLOCK_BITS_MAX {
            return Err(DecodeError::Malformed("a column is written in no known way"));
        }
        let shift = if head & HAS_SHIFT == 0 { 0 } else { u32::from(front.byte()?) };
        if shift > 63 {
            return Err(DecodeError::Malformed("values are shifted by more than they have"));
        }
        let bitmap = if head & HAS_BITMAP == 0 { None } else { Some(front.bytes(rows.div_ceil(8))?) };
        let count = match bitmap {
            None => rows,
            Some(bitmap) => count(bitmap, rows)?,
        };
        if count < order {
            return Err(DecodeError::Malformed("a column has fewer values than it begins with"));
        }
        read_values(front, order, block, count, &mut self.values)?;
        if shift > 0 {
            self.values.iter_mut().for_each(|value| *value <<= shift);
        }
        match bitmap {
            None => self.presence = Presence::Everywhere,
            Some(bitmap) => {
                spread(&mut self.values, bitmap, rows);
                self.presence = Presence::Somewhere(bitmap.to_vec());
            }
        }
        Ok(())
    }
}

fn is_set(bitmap: &[u8], row: usize) -> bool {
    bitmap.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1)
}

/// How many rows have a value; rows that there are not have none.
fn count(bitmap: &[u8], rows: usize) -> Result<usize, DecodeError> {
    if !rows.is_multiple_of(8) && bitmap.last().is_some_and(|last| last >> (rows % 8) != 0) {
        return Err(DecodeError::Malformed("a row that there is not has a value"));
    }
    Ok(bitmap.iter().map(|byte| byte.count_ones() as usize).sum())
}

/// Moves the values to their rows.
fn spread(values: &mut Vec<i64>, bitmap: &[u8], rows: usize) {
    let mut from = values.len();
    values.resize(rows, 0);
    for row in (0..rows).rev() {
        values[row] = if is_set(bitmap, row) {
            from -= 1;
            values[from]
        } else {
            0
        };
    }
}

fn read_values(
    mut front: Front<'_>,
    order: usize,
    block: usize,
    count: usize,
    values: &mut Vec<i64>,
) -> Result<(), DecodeError> {
    let (mut last, mut step) = (0_i64, 0_i64);
    if order > 0 {
        last = front.zigzag()?;
        values.push(last);
    }
    if order > 1 {
        step = front.zigzag()?;
        last = last.wrapping_add(step);
        values.push(last);
    }
    let residuals = count - order;
    let mut bases = Vec::with_capacity(residuals.div_ceil(block).min(1 << 10));
    let mut bits = 0;
    for begin in (0..residuals).step_by(block) {
        let head = front.byte()?;
        let width = u32::from(head & !CENTRED);
        if width > 64 {
            return Err(DecodeError::Malformed("a value is wider than 64 bits"));
        }
        let base = if head & CENTRED == 0 { front.zigzag()? } else { middle(width) };
        let len = block.min(residuals - begin);
        bits += len * width as usize;
        bases.push((len, width, base));
    }
    let packed = front.bytes(bits.div_ceil(8))?;
    if !front.0.is_empty() {
        return Err(DecodeError::Malformed("a column goes on behind its end"));
    }
    let mut unpacker = Unpacker::new(packed);
    values.reserve(residuals);
    for (len, width, base) in bases {
        for _ in 0..len {
            let residual = base.wrapping_add(unpacker.take(width).cast_signed());
            last = match order {
                0 => residual,
                1 => last.wrapping_add(residual),
                _ => {
                    step = step.wrapping_add(residual);
                    last.wrapping_add(step)
                }
            };
            values.push(last);
        }
    }
    Ok(())
}

/// The base of a centred block.
const fn middle(width: u32) -> i64 {
    if width == 0 { 0 } else { i64::MIN >> (64 - width) }
}

/// Writes columns; keeps its room from one to the next.
#[derive(Default)]
pub(crate) struct ColumnWriter {
    present: Vec<i64>,
    residuals: [Vec<i64>; 3],
    spans: Vec<(i64, i64)>,
    body: Vec<u8>,
}

/// Smallest and largest residual of each shortest block, for one order.
fn spans(residuals: &[i64], spans: &mut Vec<(i64, i64)>) {
    spans.clear();
    for block in residuals.chunks(1 << BLOCK_BITS_MIN) {
        let span = block.iter().fold((i64::MAX, i64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
        spans.push(span);
    }
}

/// How a block with these bounds is written: its width, and its base unless that is in the middle.
const fn plan((low, high): (i64, i64)) -> (u32, Option<i64>) {
    let width = 64 - high.wrapping_sub(low).cast_unsigned().leading_zeros();
    let base = middle(width);
    // A base in the middle fits when nothing lies below it, and nothing above its opposite.
    let is_centred = low >= base && high.wrapping_sub(base).cast_unsigned() <= max_of(width);
    if is_centred { (width, None) } else { (width, Some(low)) }
}

const fn max_of(width: u32) -> u64 {
    if width == 0 { 0 } else { u64::MAX >> (64 - width) }
}

fn joined(spans: &[(i64, i64)]) -> (i64, i64) {
    spans.iter().fold((i64::MAX, i64::MIN), |(low, high), span| (low.min(span.0), high.max(span.1)))
}

/// Bytes that blocks of 2^`bits` take.
fn cost(spans: &[(i64, i64)], bits: u32, residuals: usize) -> usize {
    let mut packed = 0;
    let mut heads = 0;
    let mut left = residuals;
    for spans in spans.chunks(1 << (bits - BLOCK_BITS_MIN)) {
        let (width, base) = plan(joined(spans));
        let len = left.min(1 << bits);
        left -= len;
        packed += len * width as usize;
        heads += 1 + base.map_or(0, |base| varint_len(zigzag(base)));
    }
    heads + packed.div_ceil(8)
}

impl ColumnWriter {
    /// Appends a column with its length in front.
    pub(crate) fn write(&mut self, rows: usize, value: impl Fn(usize) -> Option<i64>, out: &mut Vec<u8>) {
        self.present.clear();
        self.present.extend((0..rows).filter_map(&value));
        if self.present.is_empty() {
            out.push(0);
            return;
        }
        let ends = self.present.iter().fold(0, |all, value| all | value);
        let shift = if ends == 0 { 0 } else { ends.trailing_zeros() };
        if shift > 0 {
            self.present.iter_mut().for_each(|value| *value >>= shift);
        }
        let (order, bits) = self.shortest();
        self.body.clear();
        let has_bitmap = self.present.len() < rows;
        let flags = if has_bitmap { HAS_BITMAP } else { 0 } | if shift > 0 { HAS_SHIFT } else { 0 };
        self.body.push(order as u8 | ((bits - BLOCK_BITS_MIN) as u8) << 2 | flags);
        if shift > 0 {
            self.body.push(shift as u8);
        }
        if has_bitmap {
            let begin = self.body.len();
            self.body.resize(begin + rows.div_ceil(8), 0);
            for row in (0..rows).filter(|row| value(*row).is_some()) {
                self.body[begin + row / 8] |= 1 << (row % 8);
            }
        }
        if order > 0 {
            put_varint(&mut self.body, zigzag(self.present[0]));
        }
        if order > 1 {
            put_varint(&mut self.body, zigzag(self.present[1].wrapping_sub(self.present[0])));
        }
        self.write_blocks(order, bits);
        put_varint(out, self.body.len() as u64);
        out.extend_from_slice(&self.body);
    }

    /// Finds the order and the length of blocks that take the least room.
    fn shortest(&mut self) -> (usize, u32) {
        let mut best = (usize::MAX, 0, BLOCK_BITS_MIN);
        for order in 0..=2 {
            if self.present.len() < order {
                break;
            }
            let mut residuals = std::mem::take(&mut self.residuals[order]);
            residuals.clear();
            let lead = match order {
                0 => {
                    residuals.extend_from_slice(&self.present);
                    0
                }
                1 => {
                    residuals.extend(self.present.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])));
                    varint_len(zigzag(self.present[0]))
                }
                _ => {
                    residuals.extend(
                        self.present
                            .windows(3)
                            .map(|v| v[2].wrapping_sub(v[1]).wrapping_sub(v[1].wrapping_sub(v[0]))),
                    );
                    let step = self.present[1].wrapping_sub(self.present[0]);
                    varint_len(zigzag(self.present[0])) + varint_len(zigzag(step))
                }
            };
            spans(&residuals, &mut self.spans);
            for bits in BLOCK_BITS_MIN..=BLOCK_BITS_MAX {
                let cost = lead + cost(&self.spans, bits, residuals.len());
                if cost < best.0 {
                    best = (cost, order, bits);
                }
                if residuals.len() <= 1 << bits {
                    break;
                }
            }
            self.residuals[order] = residuals;
        }
        (best.1, best.2)
    }

    fn write_blocks(&mut self, order: usize, bits: u32) {
        let residuals = &self.residuals[order];
        let plans: Vec<_> = residuals
            .chunks(1 << bits)
            .map(|block| {
                let low = block.iter().copied().min().unwrap_or_default();
                let high = block.iter().copied().max().unwrap_or_default();
                (block, plan((low, high)))
            })
            .collect();
        for (_, (width, base)) in &plans {
            match base {
                None => self.body.push(*width as u8 | CENTRED),
                Some(base) => {
                    self.body.push(*width as u8);
                    put_varint(&mut self.body, zigzag(*base));
                }
            }
        }
        let mut packer = Packer::new(&mut self.body);
        for (block, (width, base)) in plans {
            let base = base.unwrap_or(middle(width));
            for residual in block {
                packer.put(residual.wrapping_sub(base).cast_unsigned(), width);
            }
        }
        packer.finish();
    }
}
