//! Means over small areas, a block of destination pixels at a time.
//!
//! At a shrink of little more than one, a destination pixel covers two or three source pixels along an axis. To walk such
//! a box costs more than to sum it. So the boxes of a block go together, line by line: of each box a few pixels side by
//! side are fetched, and those past its end weigh nothing. Products and sums are those of [`super::mean`], in the same
//! order: the results have the same bits.

use super::area::{Corners, HAIR};
use super::sample::{ceil, floor, to_index};
use super::vector::prefetch;
use super::{BLOCK, Sample, SourceWindow, Validity, write_computed};
use crate::files::count;

/// Pixels that are fetched of a line.
const WIDE: usize = 4;
/// Lines of the highest boxes that are done here.
const HIGH: usize = 5;
/// Boxes that are less wide or high are not done here: positions would have to be looked at to their last bits.
const THIN: f64 = 1e-6;
/// In windows of fewer columns and rows, positions are well known to much less than that.
const LARGE: usize = 1 << 26;

/// Where the boxes of a block of destination pixels lie in a window, and what is summed of them.
pub(super) struct Boxes<T> {
    /// Index of the first pixel.
    starts: [usize; BLOCK],
    /// Columns and lines; no line where the box is not small, or reaches out of the window.
    cols: [f64; BLOCK],
    lines: [f64; BLOCK],
    /// How much is covered of the first and of the last column, and of the first and of the last line.
    across: [[f64; BLOCK]; 2],
    down: [[f64; BLOCK]; 2],
    /// The first pixels of each line, and 1 where they are measurements.
    pixels: [[[T; WIDE]; BLOCK]; HIGH],
    marks: [[[u8; WIDE]; BLOCK]; HIGH],
    sums: [f64; BLOCK],
    weights: [f64; BLOCK],
    /// 0 where a pixel cannot be done here.
    known: [u8; BLOCK],
}

/// The smaller of two numbers that are not NaN: one instruction where `f64::min` has three.
#[inline(always)]
fn min(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

#[inline(always)]
fn max(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// The number where it counts, else 0. Where `if` stands in place of the mask, the compiler makes a jump of it.
#[inline(always)]
fn only(counts: bool, value: f64) -> f64 {
    f64::from_bits(value.to_bits() & u64::from(counts).wrapping_neg())
}

/// True where the first box of a block is too large: then the others are too, or there are few that are not.
fn large(corners: Corners<'_>, from: usize) -> bool {
    let far = |a: &[f64], b: &[f64], most: usize| match (a.get(from), b.get(from + 1)) {
        (Some(a), Some(b)) => (a - b).abs() > count(most),
        _ => false,
    };
    far(corners.top.0, corners.bottom.0, WIDE) || far(corners.top.1, corners.bottom.1, HIGH)
}

/// What a box covers along an axis.
struct Part {
    first: f64,
    n: f64,
    /// How much of its first and of its last pixel is covered.
    shares: [f64; 2],
    /// True where all of it is inside the window and it is not thin; if not, the rest means nothing.
    inside: bool,
}

/// As [`super::area::Span`], without jumps.
#[inline(always)]
#[expect(clippy::needless_bitwise_bool, reason = "without jumps the loop becomes vector code")]
fn part(a: f64, b: f64, offset: f64, size: f64) -> Part {
    let (from, to) = (min(a, b) - offset, max(a, b) - offset);
    // A NaN is not inside: where `a` or `b` is one, `from` and `to` are equal, or NaN.
    let inside = (from >= 0.0) & (to <= size) & (to - from > THIN);
    let (first, end) = (floor(from + HAIR), ceil(to - HAIR));
    let share = |i: f64| min(to, i + 1.0) - max(from, i);
    Part { first, n: end - first, shares: [share(first), share(end - 1.0)], inside }
}

impl<T: Sample> Boxes<T> {
    pub(super) fn new() -> Self {
        let none = [0.0; BLOCK];
        Self {
            starts: [0; BLOCK],
            cols: none,
            lines: none,
            across: [none; 2],
            down: [none; 2],
            pixels: [[[T::default(); WIDE]; BLOCK]; HIGH],
            marks: [[[0; WIDE]; BLOCK]; HIGH],
            sums: none,
            weights: none,
            known: [0; BLOCK],
        }
    }

    /// Sums the boxes of the pixels of a row from index `from` on; false where none is small.
    #[inline(always)]
    pub(super) fn sum(
        &mut self,
        source: &SourceWindow<'_, T>,
        valid: &impl Validity<T>,
        corners: Corners<'_>,
        from: usize,
    ) -> bool {
        if large(corners, from) {
            self.known = [0; BLOCK];
            return false;
        }
        let (cols, lines) = self.place(source, corners, from);
        if lines == 0 {
            return false;
        }
        // The second way would do for all; the first is for what is so nearly everywhere.
        if cols <= 3 && lines <= 3 {
            self.fetch::<3>(source);
            if valid.all_of(&self.starts, source.cols, &self.pixels[..3]) {
                self.add::<true, 3, 3>();
                return true;
            }
        }
        self.fetch::<HIGH>(source);
        valid.marks(&self.starts, source.cols, &self.pixels, &mut self.marks);
        self.add::<false, WIDE, HIGH>();
        true
    }

    /// True where pixel `i` of the block is done, be it that there is nothing to write.
    #[inline(always)]
    pub(super) fn knows(&self, i: usize) -> bool {
        self.known.get(i).is_some_and(|known| *known != 0)
    }

    #[inline(always)]
    pub(super) fn all_known(&self) -> bool {
        self.known.iter().all(|known| *known != 0)
    }

    /// Returns the columns of the widest box and the lines of the highest.
    #[inline(always)]
    fn place(&mut self, source: &SourceWindow<'_, T>, corners: Corners<'_>, from: usize) -> (usize, usize) {
        // A box that is torn is not small, unless the Earth is.
        if corners.torn < 2.0 * count(WIDE) || source.cols > LARGE || source.rows > LARGE {
            self.known = [0; BLOCK];
            return (0, 0);
        }
        let (cols, rows) = (count(source.cols), count(source.rows));
        // Past the end of the row the positions are NaN: not inside.
        let block = |positions: &[f64], from: usize| {
            let mut block = [f64::NAN; BLOCK];
            let rest = positions.get(from..).unwrap_or_default();
            match rest.first_chunk() {
                Some(whole) => block = *whole,
                None => block[..rest.len()].copy_from_slice(rest),
            }
            block
        };
        let (lefts, tops) = (block(corners.top.0, from), block(corners.top.1, from));
        let (rights, bottoms) = (block(corners.bottom.0, from + 1), block(corners.bottom.1, from + 1));
        for i in 0..BLOCK {
            let x = part(lefts[i], rights[i], source.first.1, cols);
            let y = part(tops[i], bottoms[i], source.first.0, rows);
            let small = x.inside & y.inside & (x.n <= count(WIDE)) & (y.n <= count(HIGH));
            self.starts[i] = to_index(only(small, y.first * cols + x.first));
            self.cols[i] = only(small, x.n);
            self.lines[i] = only(small, y.n);
            (self.across[0][i], self.across[1][i]) = (x.shares[0], x.shares[1]);
            (self.down[0][i], self.down[1][i]) = (y.shares[0], y.shares[1]);
            self.known[i] = u8::from(small);
        }
        let most = |n: &[f64; BLOCK]| n.iter().fold(0, |most, n| most.max(to_index(*n)));
        (most(&self.cols), most(&self.lines))
    }

    /// Fetches the lines of the boxes, of lower boxes the lines below too.
    #[inline(always)]
    fn fetch<const LINES: usize>(&mut self, source: &SourceWindow<'_, T>) {
        let mut windows = [&source.pixels[..0]; LINES];
        // Each as long as the last, so that what is in one is in all.
        let n = source.pixels.len().saturating_sub((LINES - 1) * source.cols);
        for (line, window) in windows.iter_mut().enumerate() {
            let start = line * source.cols;
            *window = source.pixels.get(start..start + n).unwrap_or_default();
        }
        for i in 0..BLOCK {
            let start = self.starts[i];
            // For the next row: what it covers is one cache line of each source row where the grids are turned, which
            // the processor does not foresee.
            prefetch(source.pixels, start + LINES * source.cols);
            for (line, window) in windows.iter().enumerate() {
                match window.get(start..).and_then(|rest| rest.first_chunk()) {
                    Some(there) => self.pixels[line][i] = *there,
                    // The last lines of the window.
                    None => self.known[i] = 0,
                }
            }
        }
    }

    /// Sums the lines of each box.
    #[inline(always)]
    fn add<const ALL: bool, const COLS: usize, const LINES: usize>(&mut self) {
        for i in 0..BLOCK {
            let (cols, lines) = (self.cols[i], self.lines[i]);
            let edges = [self.across[0][i], self.across[1][i]];
            let mut across = [edges[0]; COLS];
            for (k, share) in across.iter_mut().enumerate().skip(1) {
                let whole = if cols > count(k) + 1.0 { 1.0 } else { edges[1] };
                *share = only(cols > count(k), whole);
            }
            let (mut sum, mut weight) = (0.0, 0.0);
            for line in 0..LINES {
                let mut terms = [(0.0, 0.0); COLS];
                for (k, term) in terms.iter_mut().enumerate() {
                    let value = self.pixels[line][i][k].to_f64();
                    let there = (ALL || self.marks[line][i][k] != 0) & (k == 0 || cols > count(k));
                    *term = (only(there, value * across[k]), only(there, across[k]));
                }
                let line_sum = in_order(terms.map(|t| t.0), cols);
                let line_weight = in_order(terms.map(|t| t.1), cols);
                let at = count(line);
                let inner_or_last = if lines > at + 1.0 { 1.0 } else { self.down[1][i] };
                let share = if line == 0 { self.down[0][i] } else { inner_or_last };
                sum += only(lines > at, share * line_sum);
                weight += only(lines > at, share * line_weight);
            }
            (self.sums[i], self.weights[i]) = (sum, weight);
        }
    }

    /// Writes the means of the block where nothing is filled yet.
    #[inline(always)]
    pub(super) fn write(&self, nodata: Option<T>, pixels: &mut [T], filled: &mut [u8]) {
        let (mut means, mut marks) = ([0.0; BLOCK], [0; BLOCK]);
        for i in 0..BLOCK {
            means[i] = self.sums[i] / self.weights[i];
            marks[i] = self.known[i] & u8::from(self.weights[i] > 1e-12);
        }
        write_computed(&means, nodata, &mut marks, pixels, filled);
    }
}

/// The sum of a line: the first pixel, the last, then those between them.
#[inline(always)]
fn in_order<const COLS: usize>(terms: [f64; COLS], cols: f64) -> f64 {
    let term = |k: usize| terms.get(k).copied().unwrap_or(0.0);
    if COLS < 4 {
        return term(0) + term(2) + term(1);
    }
    let four = cols > 3.0;
    let (last, inner) = (if four { term(3) } else { term(2) }, if four { term(2) } else { term(3) });
    term(0) + last + term(1) + inner
}

#[cfg(test)]
mod tests {
    use super::super::area::cover;
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "equal to the last bit is what is asked for")]
    fn parts_are_those_of_the_box() {
        let source = SourceWindow { pixels: &[0_u8; 40], rows: 4, cols: 10, first: (2.0, 5.0) };
        for (a, b) in [(6.25, 8.5), (9.0, 7.0), (14.999_999_999_99, 12.5), (5.0, 6.000_000_000_01), (6.3, 6.4)] {
            let corners =
                Corners { top: (&[a, 0.0], &[3.0, 0.0]), bottom: (&[0.0, b], &[0.0, 4.5]), torn: f64::INFINITY };
            let (cols, _) = cover(&source, corners, 0).unwrap();
            let fast = part(a, b, 5.0, 10.0);
            let shares = [cols.share(cols.first), cols.share(cols.end - 1)];
            assert_eq!((fast.first, fast.n), (count(cols.first), count(cols.end - cols.first)), "{a} {b}");
            assert!(fast.inside && fast.shares == shares, "{a} {b}");
        }
        for (a, b) in
            [(4.9, 6.0), (14.0, 15.1), (7.0, 7.000_000_5), (f64::NAN, 7.0), (7.0, f64::NAN), (7.0, f64::INFINITY)]
        {
            assert!(!part(a, b, 5.0, 10.0).inside, "{a} {b}");
        }
    }
}
