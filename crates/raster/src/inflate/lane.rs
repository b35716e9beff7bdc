//! One deflate stream on its way.

#![expect(clippy::inline_always, reason = "a loop must be compiled for the instructions of its caller")]

use super::tables::{
    DISTANCE_BITS, DISTANCE_TAIL, END, Entry, LITERAL_BITS, LITERAL_TAIL, ODD, TAIL, Tables, WRONG, bytes, literals,
    short_length, tail, taken, value,
};

/// Bytes at the end of the input that the fast way leaves to the careful one: it reads eight at a time, twice.
const INPUT_MARGIN: usize = 16;
/// The same of the output: some literals, the longest match, and what is copied too much.
const OUTPUT_MARGIN: usize = 4 + 258 + 8;

/// The bits of a stream.
#[derive(Clone, Copy)]
pub(super) struct Bits<'s> {
    /// What is not taken in yet.
    input: &'s [u8],
    /// The next bits, lowest first. Above `count` may stand more of the same stream.
    next: u64,
    /// How many there are; only the lowest six bits count.
    count: u32,
    /// As many bytes stand before the input as were taken in: to give some back.
    all: &'s [u8],
}

impl<'s> Bits<'s> {
    pub(super) fn new(input: &'s [u8]) -> Self {
        Self { input, all: input, next: 0, count: 0 }
    }

    /// Takes in bytes until there are 56 bits at least, where the input has so many.
    fn refill(&mut self) {
        self.count &= 63;
        while self.count < 56
            && let Some((byte, rest)) = self.input.split_first()
        {
            // Where they stand there already, they are the same.
            self.next |= u64::from(*byte) << self.count;
            self.input = rest;
            self.count += 8;
        }
    }

    /// As `refill`, eight bytes at once; there must be so many.
    #[inline(always)]
    fn refill_fast(&mut self) {
        let Some(word) = self.input.first_chunk() else { return };
        self.next |= u64::from_le_bytes(*word) << (self.count & 63);
        self.input = &self.input[((63 - (self.count & 63)) >> 3) as usize..];
        self.count |= 0b11_1000;
    }

    /// The next bits are done with.
    #[inline(always)]
    fn skip(&mut self, entry: Entry) {
        self.next >>= taken(entry);
        // What stands above the lowest six bits is never looked at.
        self.count = self.count.wrapping_sub(entry);
    }

    /// The next `n` bits, 32 at most.
    pub(super) fn take(&mut self, n: u32) -> Option<usize> {
        self.refill();
        self.count = self.count.checked_sub(n)?;
        let value = self.next & ((1 << n) - 1);
        self.next >>= n;
        usize::try_from(value).ok()
    }

    /// The next bits, with zeros behind the end of the input.
    pub(super) fn peek(&mut self) -> u64 {
        self.refill();
        self.next & ((1 << self.count) - 1)
    }

    /// The next `n` bytes; what is left of a byte that was begun is dropped.
    pub(super) fn slice(&mut self, n: usize) -> Option<&'s [u8]> {
        let taken = self.all.len() - self.input.len() - (self.count & 63) as usize / 8;
        let (slice, rest) = self.all.get(taken..)?.split_at_checked(n)?;
        *self = Self { input: rest, all: self.all, next: 0, count: 0 };
        Some(slice)
    }
}

/// A stream and what came of it so far.
pub(super) struct Lane<'s> {
    pub(super) bits: Bits<'s>,
    pub(super) out: &'s mut [u8],
    pub(super) written: usize,
}

/// Where the fast way stopped.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stop {
    /// Near the end of input or output.
    Margin,
    /// Behind the last symbol of the block.
    End,
    Wrong,
}

impl Lane<'_> {
    /// The bulk of a block, as long as neither end is near.
    #[inline(always)]
    pub(super) fn fast(&mut self, tables: &Tables) -> Stop {
        // Copies of its own: they stay in registers.
        let (mut bits, mut written) = (self.bits, self.written);
        let stop = loop {
            if let Some(stop) = step(&mut bits, self.out, &mut written, tables) {
                break stop;
            }
        };
        (self.bits, self.written) = (bits, written);
        stop
    }

    /// The rest of a block, symbol by symbol.
    pub(super) fn careful(&mut self, tables: &Tables) -> Option<()> {
        let bits = &mut self.bits;
        loop {
            let next = bits.peek();
            let mut entry = tables.literals[index(next, LITERAL_BITS)];
            if entry & (ODD | TAIL) == ODD | TAIL {
                entry = tables.literals[tail(entry, next >> LITERAL_BITS, LITERAL_TAIL)];
            }
            if entry & WRONG != 0 {
                return None;
            }
            bits.take(taken(entry))?;
            if entry & END != 0 {
                return Some(());
            }
            let length = if entry & ODD == 0 {
                let found = literals(entry);
                let room = self.out.get_mut(self.written..self.written + found)?;
                room.copy_from_slice(&bytes(entry)[..found]);
                self.written += found;
                match short_length(entry) {
                    0 => continue,
                    length => length,
                }
            } else {
                value(entry, next)
            };
            let next = bits.peek();
            let mut entry = tables.distances[index(next, DISTANCE_BITS)];
            if entry & (ODD | TAIL) == ODD | TAIL {
                entry = tables.distances[tail(entry, next >> DISTANCE_BITS, DISTANCE_TAIL)];
            }
            if entry & ODD != 0 {
                return None;
            }
            bits.take(taken(entry))?;
            let from = self.written.checked_sub(value(entry, next))?;
            self.out.get(self.written..self.written + length)?;
            for k in 0..length {
                self.out[self.written + k] = self.out[from + k];
            }
            self.written += length;
        }
    }
}

/// The bulk of a block of each of two streams, in turn: while one waits for its tables the other is worked on.
#[inline(always)]
pub(super) fn fast_two(one: (&mut Lane<'_>, &Tables), two: (&mut Lane<'_>, &Tables)) -> (Option<Stop>, Option<Stop>) {
    let ((a, first), (b, second)) = (one, two);
    let (mut a_bits, mut a_written, mut b_bits, mut b_written) = (a.bits, a.written, b.bits, b.written);
    let stops = loop {
        let stops = (step(&mut a_bits, a.out, &mut a_written, first), step(&mut b_bits, b.out, &mut b_written, second));
        if stops.0.is_some() || stops.1.is_some() {
            break stops;
        }
    };
    (a.bits, a.written, b.bits, b.written) = (a_bits, a_written, b_bits, b_written);
    stops
}

/// A match with the literals before it, or literals alone.
#[inline(always)]
fn step(bits: &mut Bits<'_>, out: &mut [u8], written: &mut usize, tables: &Tables) -> Option<Stop> {
    let Some(room) = out.get_mut(*written..).and_then(<[u8]>::first_chunk_mut::<OUTPUT_MARGIN>) else {
        return Some(Stop::Margin);
    };
    if bits.input.len() < INPUT_MARGIN {
        return Some(Stop::Margin);
    }
    let mut put = 0;
    bits.refill_fast();
    let first = tables.literals[index(bits.next, LITERAL_BITS)];
    let mut length;
    if first & ODD == 0 {
        write(room, &mut put, bits, first);
        length = short_length(first);
        // Whether a match stands behind the literals cannot be foreseen: the next look is taken in any case, and dropped
        // where there was one. 56 bits suffice for two looks and a distance.
        let second = tables.literals[index(bits.next, LITERAL_BITS)] & u32::from(length == 0).wrapping_neg();
        if second & ODD == 0 {
            write(room, &mut put, bits, second);
            length += short_length(second);
            if length == 0 {
                *written += put;
                return None;
            }
        } else {
            bits.refill_fast();
            match odd(second, room, &mut put, bits, tables) {
                Ok(long) => length = long,
                Err(stop) => {
                    *written += put;
                    return stop;
                }
            }
        }
    } else {
        match odd(first, room, &mut put, bits, tables) {
            Ok(long) => length = long,
            Err(stop) => {
                *written += put;
                return stop;
            }
        }
    }
    let mut entry = tables.distances[index(bits.next, DISTANCE_BITS)];
    if entry & ODD != 0 {
        if entry & TAIL != 0 {
            entry = tables.distances[tail(entry, bits.next >> DISTANCE_BITS, DISTANCE_TAIL)];
        }
        if entry & ODD != 0 {
            return Some(Stop::Wrong);
        }
    }
    let distance = value(entry, bits.next);
    bits.skip(entry);
    *written += put;
    if distance > *written {
        return Some(Stop::Wrong);
    }
    copy(out, *written, distance, length);
    *written += length;
    None
}

/// The length of a match that takes extra bits, or whose code is long; what to do where the entry is no length.
#[inline(always)]
fn odd(
    mut entry: Entry,
    room: &mut [u8; OUTPUT_MARGIN],
    put: &mut usize,
    bits: &mut Bits<'_>,
    tables: &Tables,
) -> Result<usize, Option<Stop>> {
    if entry & TAIL != 0 {
        entry = tables.literals[tail(entry, bits.next >> LITERAL_BITS, LITERAL_TAIL)];
    }
    if entry & ODD == 0 {
        write(room, put, bits, entry);
        return match short_length(entry) {
            0 => Err(None),
            length => Ok(length),
        };
    }
    let length = value(entry, bits.next);
    bits.skip(entry);
    if entry & (END | WRONG) != 0 {
        return Err(Some(if entry & WRONG == 0 { Stop::End } else { Stop::Wrong }));
    }
    Ok(length)
}

/// The place of the next bits in a table.
#[inline(always)]
fn index(next: u64, bits: u32) -> usize {
    usize::try_from(next & ((1 << bits) - 1)).unwrap_or(0)
}

/// Writes the literals of a plain entry; two bytes always, of which those count that it has.
#[inline(always)]
fn write(room: &mut [u8; OUTPUT_MARGIN], put: &mut usize, bits: &mut Bits<'_>, entry: Entry) {
    let [first, second] = bytes(entry);
    (room[*put & 7], room[(*put & 7) + 1]) = (first, second);
    *put += literals(entry);
    bits.skip(entry);
}

/// Copies a match; up to seven bytes too much.
#[inline(always)]
fn copy(out: &mut [u8], to: usize, distance: usize, length: usize) {
    if distance < 8 || length > 8 {
        return copy_long(out, to, distance, length);
    }
    copy_eight(out, to, distance);
}

#[inline(always)]
fn copy_eight(out: &mut [u8], to: usize, distance: usize) {
    let Some((before, room)) = out.split_at_mut_checked(to) else { return };
    let Some(from) = before.len().checked_sub(distance) else { return };
    if let (Some(word), Some(room)) = (before[from..].first_chunk::<8>(), room.first_chunk_mut()) {
        *room = *word;
    }
}

/// A match that is longer than eight bytes, or overlaps itself within so many. Out of line, so that it takes no registers
/// from the loop.
#[inline(never)]
fn copy_long(out: &mut [u8], to: usize, distance: usize, length: usize) {
    let from = to - distance;
    if distance >= 8 {
        (0..length).step_by(8).for_each(|done| copy_eight(out, to + done, distance));
    } else if distance == 1 {
        let byte = out[from];
        out[to..to + length].fill(byte);
    } else {
        for k in 0..length {
            out[to + k] = out[from + k];
        }
    }
}
