//! Tables that tell, for the next bits of a deflate stream, which symbols they are (RFC 1951, 3.2).
//!
//! The table of literals and lengths answers for several symbols at once: one or two literals, and the length of the
//! match behind them. Pixels behind a predictor are literals and short matches in no order that a processor could foresee;
//! such an entry serves both without a branch.

#![expect(clippy::inline_always, reason = "part of a loop that is compiled for the instructions of its caller")]

/// Bits that one look into the table of literals and lengths takes in. More hold more pairs, but leave less of the first
/// cache to the windows of 32 KiB that matches are copied from: 10 and 12 are slower.
pub(super) const LITERAL_BITS: u32 = 11;
/// The same for distances.
pub(super) const DISTANCE_BITS: u32 = 9;
/// Bits of the longest code.
const LONGEST: u32 = 15;
/// Bits of the longest code that lengths of codes are written in.
const PRE_BITS: u32 = 7;
/// Entries for what follows the first bits of longer codes.
pub(super) const LITERAL_TAIL: usize = 1 << (LONGEST - LITERAL_BITS);
pub(super) const DISTANCE_TAIL: usize = 1 << (LONGEST - DISTANCE_BITS);
/// Two symbols at least share the first bits of a longer code, so no more tails than half the symbols are asked for.
const LITERALS: usize = (1 << LITERAL_BITS) + 288 / 2 * LITERAL_TAIL;
const DISTANCES: usize = (1 << DISTANCE_BITS) + 32 / 2 * DISTANCE_TAIL;

/// What the next bits are:
///
/// | bits | of a plain entry | of an odd one |
/// |---|---|---|
/// | 0 to 5 | bits that it takes | the same, extra bits counted |
/// | 6, 7 | literals, 0 to 2 | bit 6: [`TAIL`] |
/// | 8 to 23 | those literals | 8 to 13: bits without the extra ones; from 14: base, or begin of the tail |
/// | 24 to 27 | length of the match behind them, 0 for none | |
/// | 29 to 31 | 0 | [`WRONG`], [`END`], [`ODD`] |
///
/// Distances are laid out as odd entries are, with [`ODD`] only where they are no distance.
pub(super) type Entry = u32;

/// No literals, and no match of a length that takes no extra bits.
pub(super) const ODD: Entry = 1 << 31;
/// The block ends.
pub(super) const END: Entry = 1 << 30;
/// No symbol has these bits.
pub(super) const WRONG: Entry = 1 << 29;
/// The code is longer: the entry is at the base, plus what the bits behind the first ones say.
pub(super) const TAIL: Entry = 1 << 6;
const ONE_LITERAL: Entry = 1 << 6;
const COUNT: Entry = 3 << 6;
const LENGTH: Entry = 15 << 24;

const LENGTH_BASES: [u16; 29] =
    [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const LENGTH_EXTRA: [u8; 29] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASES: [u16; 30] = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
    8193, 12289, 16385, 24577,
];

/// Bits that an entry takes.
#[inline(always)]
pub(super) fn taken(entry: Entry) -> u32 {
    entry & 63
}

/// Literals of a plain entry.
#[inline(always)]
pub(super) fn literals(entry: Entry) -> usize {
    (entry >> 6 & 3) as usize
}

/// The bytes of the literals of a plain entry, in their order.
#[inline(always)]
pub(super) fn bytes(entry: Entry) -> [u8; 2] {
    let [_, first, second, _] = entry.to_le_bytes();
    [first, second]
}

/// The length of the match behind the literals of a plain entry; 0 for none.
#[inline(always)]
pub(super) fn short_length(entry: Entry) -> usize {
    (entry >> 24) as usize
}

/// Base and extra bits of an odd entry that is a length, or of a distance. `bits` begin with the entry's code.
#[inline(always)]
pub(super) fn value(entry: Entry, bits: u64) -> usize {
    let extra = (bits & ((1 << taken(entry)) - 1)) >> (entry >> 8 & 63);
    (entry >> 14 & 0x7fff) as usize + usize::try_from(extra).unwrap_or(0)
}

/// Where in its table the tail of an entry goes on for these bits, from which the first ones are already gone.
#[inline(always)]
pub(super) fn tail(entry: Entry, rest: u64, size: usize) -> usize {
    (entry >> 14 & 0x7fff) as usize + usize::try_from(rest).unwrap_or(0) % size
}

/// The tables of one block.
pub(super) struct Tables {
    pub(super) literals: [Entry; LITERALS],
    pub(super) distances: [Entry; DISTANCES],
    pre: [Entry; 1 << PRE_BITS],
}

impl Tables {
    #[expect(clippy::large_stack_arrays, reason = "made once a thread, and soon in a box")]
    pub(super) fn new() -> Self {
        Self { literals: [WRONG; _], distances: [WRONG; _], pre: [WRONG; _] }
    }

    /// Those of a block with these lengths of codes. `None` where they are no code.
    pub(super) fn fill(&mut self, literals: &[u8], distances: &[u8]) -> Option<()> {
        let literal = |symbol: u16, bits: u32| {
            let place = usize::from(symbol);
            match symbol {
                0..256 => u32::from(symbol) << 8 | ONE_LITERAL | bits,
                256 => ODD | END | bits,
                257..265 => u32::from(LENGTH_BASES[place - 257]) << 24 | bits,
                265..286 => {
                    ODD | u32::from(LENGTH_BASES[place - 257]) << 14
                        | bits << 8
                        | (bits + u32::from(LENGTH_EXTRA[place - 257]))
                }
                _ => ODD | WRONG | bits,
            }
        };
        let distance = |symbol: u16, bits: u32| match DISTANCE_BASES.get(usize::from(symbol)) {
            Some(base) => {
                let extra = u32::from(symbol / 2).saturating_sub(1);
                u32::from(*base) << 14 | bits << 8 | (bits + extra)
            }
            None => ODD | WRONG | bits,
        };
        fill(&mut self.literals[..], LITERAL_BITS, literals, literal)?;
        join(&mut self.literals);
        fill(&mut self.distances[..], DISTANCE_BITS, distances, distance)
    }

    /// Takes the code that lengths of codes are written in.
    pub(super) fn fill_pre(&mut self, lengths: &[u8; 19]) -> Option<()> {
        fill(&mut self.pre, PRE_BITS, lengths, |symbol, bits| u32::from(symbol) << 8 | bits)
    }

    /// A symbol of that code, and the bits it takes.
    pub(super) fn pre(&self, bits: u64) -> Option<(u8, u32)> {
        let entry = self.pre[usize::try_from(bits).unwrap_or(0) % (1 << PRE_BITS)];
        let [bits, symbol, ..] = entry.to_le_bytes();
        (entry & ODD == 0).then_some((symbol, u32::from(bits)))
    }
}

/// Fills the first 2^`bits` entries of a table, and tails behind them, by the lengths of the symbols' codes. A code that
/// is not complete is none, but for a single symbol of one bit, or no symbol at all.
fn fill(table: &mut [Entry], bits: u32, lengths: &[u8], entry: impl Fn(u16, u32) -> Entry) -> Option<()> {
    let mut counts = [0_u16; LONGEST as usize + 1];
    for length in lengths {
        *counts.get_mut(usize::from(*length))? += 1;
    }
    counts[0] = 0;
    // Of each length, the place of its first symbol.
    let mut places = [0_u16; LONGEST as usize + 2];
    let mut left = 1_i32;
    for (length, count) in counts.iter().enumerate().skip(1) {
        left = 2 * left - i32::from(*count);
        if left < 0 {
            return None;
        }
        places[length + 1] = places[length] + count;
    }
    let all = usize::from(places[LONGEST as usize + 1]);
    if left > 0 && !(all == 0 || all == 1 && counts[1] == 1) {
        return None;
    }
    let mut sorted = [0_u16; 320];
    for (symbol, length) in (0_u16..).zip(lengths) {
        if *length > 0 {
            let place = places.get_mut(usize::from(*length))?;
            *sorted.get_mut(usize::from(*place))? = symbol;
            *place += 1;
        }
    }
    let mut symbols = sorted[..all].iter();
    let reversed = |code: usize, bits: u32| code.reverse_bits() >> (usize::BITS - bits);

    // Codes stand in the stream with their first bit last: a table for one bit more is this one twice, and the codes of
    // just that many bits.
    let mut code = 0;
    table[0] = ODD | WRONG;
    for length in 1..=bits {
        let (known, more) = table.split_at_mut(1 << (length - 1));
        more[..known.len()].copy_from_slice(known);
        code <<= 1;
        for symbol in symbols.by_ref().take(usize::from(counts[length as usize])) {
            table[reversed(code, length)] = entry(*symbol, length);
            code += 1;
        }
    }
    let size = 1 << (LONGEST - bits);
    let (mut end, mut last) = (1 << bits, None);
    for length in bits + 1..=LONGEST {
        code <<= 1;
        for symbol in symbols.by_ref().take(usize::from(counts[length as usize])) {
            let place = reversed(code, length);
            let head = place % (1 << bits);
            let begin = match last {
                Some((same, begin)) if same == head => begin,
                _ => {
                    let begin = end;
                    end += size;
                    table[head] = ODD | TAIL | u32::try_from(begin).ok()? << 14 | bits;
                    last = Some((head, begin));
                    begin
                }
            };
            let tail = table.get_mut(begin..begin + size)?;
            tail.iter_mut().skip(place >> bits).step_by(1 << (length - bits)).for_each(|e| *e = entry(*symbol, length));
            code += 1;
        }
    }
    Some(())
}

/// Joins symbols whose codes fit into one look together.
fn join(table: &mut [Entry; LITERALS]) {
    let Some(table) = table.first_chunk_mut::<{ 1 << LITERAL_BITS }>() else { return };
    // The symbol behind is told by fewer bits, so by an entry nearer to the begin, which is still alone.
    for i in (1..table.len()).rev() {
        let first = table[i];
        if first & (ODD | COUNT) != ONE_LITERAL {
            continue;
        }
        let second = table[i >> taken(first)];
        let both = taken(first) + taken(second);
        if second & ODD != 0 || both > LITERAL_BITS {
            continue;
        }
        let literals = (first & 0xffc0) + (second & COUNT) + ((second & 0xff00) << 8);
        table[i] = literals | (second & LENGTH) | both;
        if second & COUNT == 0 {
            continue;
        }
        let third = table[i >> both];
        let all = both + taken(third);
        if third & (ODD | COUNT) == 0 && all <= LITERAL_BITS {
            table[i] = literals | (third & LENGTH) | all;
        }
    }
}
