//! Numbers as GRIB stores them, and the head of a message, read as far as it is needed.

use std::io;

use crate::bytes::ByteSource;

/// Bytes that are read of a message at first: its headers, where they are of the usual size.
const FIRST: usize = 512;
/// Most bytes of headers before the packed values of a message: lists of points and levels are long.
const MOST: usize = 4 << 20;

/// The first bytes of what begins at an offset of a file. More are read where they are asked for.
pub(super) struct Head<'s> {
    source: &'s dyn ByteSource,
    start: u64,
    bytes: Vec<u8>,
}

impl<'s> Head<'s> {
    /// At an offset of the file; nothing is read yet.
    pub(super) fn at(source: &'s dyn ByteSource, start: u64) -> Self {
        Self { source, start, bytes: Vec::new() }
    }

    /// What begins `offset` bytes later, of which nothing is read yet where this head does not hold it.
    pub(super) fn after(&self, offset: usize) -> Self {
        let bytes = self.bytes.get(offset..).unwrap_or_default().to_vec();
        Self { source: self.source, start: self.start.saturating_add(offset as u64), bytes }
    }

    /// `length` bytes from `offset` of the head.
    pub(super) fn get(&mut self, offset: usize, length: usize) -> io::Result<&[u8]> {
        let end = offset.checked_add(length).filter(|end| *end <= MOST).ok_or(io::ErrorKind::InvalidData)?;
        if end > self.bytes.len() {
            let left = usize::try_from(self.source.length().saturating_sub(self.start)).unwrap_or(usize::MAX);
            let wanted = end.max(FIRST).min(left);
            if end > wanted {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let before = self.bytes.len();
            self.bytes.resize(wanted, 0);
            self.source.read(&mut [(self.start + before as u64, &mut self.bytes[before..])])?;
        }
        Ok(&self.bytes[offset..end])
    }
}

/// Big-endian numbers of a section. Past its end there are zeros: lengths are checked where sections are read.
#[derive(Clone, Copy)]
pub(super) struct Section<'b>(pub(super) &'b [u8]);

impl Section<'_> {
    pub(super) fn byte(self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or(0)
    }

    /// Of up to four bytes.
    pub(super) fn number(self, at: usize, bytes: usize) -> u32 {
        (at..at + bytes).fold(0, |n, i| n << 8 | u32::from(self.byte(i)))
    }

    pub(super) fn number64(self, at: usize) -> u64 {
        u64::from(self.number(at, 4)) << 32 | u64::from(self.number(at + 4, 4))
    }

    /// Whose first bit is the sign.
    pub(super) fn signed(self, at: usize, bytes: usize) -> i32 {
        let n = self.number(at, bytes);
        let sign = 1_u32 << (8 * bytes - 1);
        let size = i32::try_from(n & (sign - 1)).unwrap_or(i32::MAX);
        if n & sign == 0 { size } else { -size }
    }

    /// `None` where all bits are set.
    pub(super) fn given(self, at: usize, bytes: usize) -> Option<u32> {
        let missing = u32::MAX >> (32 - 8 * bytes);
        Some(self.number(at, bytes)).filter(|n| *n != missing)
    }

    /// A float of the IBM/360: sign, an exponent of 16, a fraction of 24 bits.
    pub(super) fn ibm_float(self, at: usize) -> f64 {
        let exponent = i32::from(self.byte(at) & 0x7f) - 64;
        let fraction = f64::from(self.number(at + 1, 3)) / f64::from(1 << 24);
        let size = fraction * 16_f64.powi(exponent);
        if self.byte(at) & 0x80 == 0 { size } else { -size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_the_manual_on_codes_says() {
        let section = Section(&[0x80, 0x00, 0x05, 0x43, 0x1e, 0xf8, 0x51, 0xff, 0xff]);
        assert_eq!(section.signed(0, 3), -5);
        assert_eq!(section.number(1, 2), 5);
        assert!((section.ibm_float(3) - 495.52).abs() < 1e-3, "{}", section.ibm_float(3));
        assert_eq!((section.given(7, 2), section.given(6, 2)), (None, Some(0x51ff)));
    }

    #[test]
    fn a_head_reads_a_little_and_more_where_it_must() {
        let file: Vec<u8> = (0..4000_u32).map(|i| (i % 251) as u8).collect();
        let mut head = Head::at(&file, 10);
        assert_eq!(head.get(0, 4).unwrap(), &file[10..14]);
        assert_eq!(head.bytes.len(), FIRST);
        assert_eq!(head.get(1000, 8).unwrap(), &file[1010..1018]);
        assert_eq!(head.get(3990, 1).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(head.get(usize::MAX, 2).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
