//! Unpacks two zlib streams at once (RFC 1950 and 1951) whose lengths are known, as those of a raster's blocks are.
//!
//! Each symbol of a deflate stream begins where the one before ends, so a processor mostly waits. With a second stream it
//! has something to do meanwhile: two blocks of pixels take a quarter less time than by libdeflate one after the other.
//! Single blocks are left to libdeflate.
//!
//! It says yes only to a whole stream of just that length with the right checksum. Where it says no, libdeflate is asked
//! what is wrong, and has the last word.

mod lane;
mod processor;
mod tables;
#[cfg(test)]
mod tests;

use lane::{Bits, Lane, Stop};
use tables::Tables;

/// The order in which lengths of the code of lengths are written (RFC 1951, 3.2.7).
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Unpacks streams, with the same tables from pair to pair.
pub(crate) struct Inflate {
    tables: Box<[Tables; 2]>,
}

impl Inflate {
    #[expect(clippy::large_stack_arrays, reason = "made once a thread, and soon in a box")]
    pub(crate) fn new() -> Self {
        Self { tables: Box::new([Tables::new(), Tables::new()]) }
    }

    /// Unpacks each stream into what stands beside it. False where it is no zlib stream of just so many bytes; there may be
    /// anything then.
    pub(crate) fn two(&mut self, one: (&[u8], &mut [u8]), two: (&[u8], &mut [u8])) -> (bool, bool) {
        let ((packed, out), (also, beside)) = (one, two);
        let [first, second] = &mut *self.tables;
        let (mut a, mut b) = match (Stream::begin(packed, out), Stream::begin(also, beside)) {
            (Some(a), Some(b)) => (a, b),
            (a, b) => {
                let mut alone = |stream: Option<Stream<'_>>| stream.is_some_and(|mut s| s.finish(first).is_some());
                return (alone(a), alone(b));
            }
        };
        while let (Some(true), Some(true)) = (a.reach_symbols(first), b.reach_symbols(second)) {
            let stops = processor::fast_two((&mut a.lane, first), (&mut b.lane, second));
            let sound = (a.stopped(stops.0, first), b.stopped(stops.1, second));
            if sound.0.is_none() || sound.1.is_none() {
                break;
            }
        }
        (a.finish(first).is_some(), b.finish(second).is_some())
    }
}

/// A zlib stream on its way.
struct Stream<'s> {
    lane: Lane<'s>,
    /// Among the symbols of a block, whose tables are filled.
    within: bool,
    /// Its last block was begun.
    last: bool,
    broken: bool,
}

impl<'s> Stream<'s> {
    /// Reads the header.
    fn begin(packed: &'s [u8], out: &'s mut [u8]) -> Option<Self> {
        let ([method, flags], stream) = packed.split_first_chunk()?;
        // Deflate, a window of up to 32 KiB, no dictionary, a header that checks.
        let sound = method & 15 == 8 && method >> 4 <= 7 && flags & 32 == 0;
        if !sound || u16::from_be_bytes([*method, *flags]) % 31 != 0 {
            return None;
        }
        let lane = Lane { bits: Bits::new(stream), out, written: 0 };
        Some(Self { lane, within: false, last: false, broken: false })
    }

    /// Goes on to the symbols of a block, if need be the next one. False where there are no more blocks.
    fn reach_symbols(&mut self, tables: &mut Tables) -> Option<bool> {
        while !self.within && !self.broken {
            if self.last {
                return Some(false);
            }
            self.broken = true;
            self.last = self.lane.bits.take(1)? == 1;
            match self.lane.bits.take(2)? {
                0 => stored(&mut self.lane)?,
                1 => {
                    fixed(tables)?;
                    self.within = true;
                }
                2 => {
                    lengths(tables, &mut self.lane.bits)?;
                    self.within = true;
                }
                _ => return None,
            }
            self.broken = false;
        }
        (!self.broken).then_some(true)
    }

    /// Goes on where the fast way stopped, if it did.
    fn stopped(&mut self, stop: Option<Stop>, tables: &Tables) -> Option<()> {
        match stop {
            None => return Some(()),
            Some(Stop::End) => {}
            Some(Stop::Margin) => {
                self.broken = true;
                self.lane.careful(tables)?;
                self.broken = false;
            }
            Some(Stop::Wrong) => {
                self.broken = true;
                return None;
            }
        }
        self.within = false;
        Some(())
    }

    /// Reads all that is left, and the checksum. `None` where anything is wrong.
    fn finish(&mut self, tables: &mut Tables) -> Option<()> {
        while self.reach_symbols(tables)? {
            let stop = processor::fast(&mut self.lane, tables);
            self.stopped(Some(stop), tables)?;
        }
        let sum = u32::from_be_bytes(*self.lane.bits.slice(4)?.first_chunk()?);
        let whole = self.lane.written == self.lane.out.len();
        (whole && simd_adler32::adler32(&&*self.lane.out) == sum).then_some(())
    }
}

fn fixed(tables: &mut Tables) -> Option<()> {
    let mut lengths = [8; 288];
    lengths[144..256].fill(9);
    lengths[256..280].fill(7);
    tables.fill(&lengths, &[5; 32])
}

/// The tables of a block that brings its own codes.
fn lengths(tables: &mut Tables, bits: &mut Bits<'_>) -> Option<()> {
    let (literals, distances, pre) = (bits.take(5)? + 257, bits.take(5)? + 1, bits.take(4)? + 4);
    let mut lengths = [0; 19];
    for place in &ORDER[..pre] {
        lengths[*place] = u8::try_from(bits.take(3)?).ok()?;
    }
    tables.fill_pre(&lengths)?;
    let mut lengths = [0; 288 + 32];
    let all = literals + distances;
    let mut filled = 0;
    while filled < all {
        let (symbol, taken) = tables.pre(bits.peek())?;
        bits.take(taken)?;
        let (length, times) = match symbol {
            0..16 => (symbol, 1),
            16 => (*lengths.get(filled.checked_sub(1)?)?, bits.take(2)? + 3),
            17 => (0, bits.take(3)? + 3),
            _ => (0, bits.take(7)? + 11),
        };
        if filled + times > all {
            return None;
        }
        lengths.get_mut(filled..filled + times)?.fill(length);
        filled += times;
    }
    // A block without an end is none.
    if lengths[256] == 0 {
        return None;
    }
    tables.fill(lengths.get(..literals)?, lengths.get(literals..all)?)
}

/// A block that is stored as it is.
fn stored(lane: &mut Lane<'_>) -> Option<()> {
    let [a, b, c, d] = *lane.bits.slice(4)?.first_chunk()?;
    let length = u16::from_le_bytes([a, b]);
    if length != !u16::from_le_bytes([c, d]) {
        return None;
    }
    let bytes = lane.bits.slice(usize::from(length))?;
    lane.out.get_mut(lane.written..lane.written + bytes.len())?.copy_from_slice(bytes);
    lane.written += bytes.len();
    Some(())
}
