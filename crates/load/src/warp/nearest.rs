//! Nearest: the pixel under the centre.

use cube_geo::NEAREST_TOLERANCE;

use super::sample::{floor, to_index};
use super::{Row, Sample, SourceWindow, Validity};
use crate::files::count;

/// Takes for each destination pixel the source pixel that its position lies in: `floor(x)`, a position just below an
/// edge counted as on it; the far edge of the image belongs to its last pixel (GDAL's rule).
#[expect(clippy::needless_bitwise_bool, reason = "without a jump it is faster where masks are ragged")]
pub(crate) fn nearest_row<T: Sample>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    (xs, ys): (&[f64], &[f64]),
    row: &mut Row<'_, T>,
) {
    // In blocks: where the positions lie is found by code without jumps, then the pixels are fetched.
    let outputs = row.pixels.chunks_mut(BLOCK).zip(row.filled.chunks_mut(BLOCK));
    let (mut index, mut inside) = ([0_usize; BLOCK], [0_u8; BLOCK]);
    for ((pixels, filled), (xs, ys)) in outputs.zip(xs.chunks(BLOCK).zip(ys.chunks(BLOCK))) {
        if filled.iter().all(|f| *f != 0) {
            continue;
        }
        place(&source, (xs, ys), (&mut index, &mut inside));
        for ((pixel, filled), (&index, &inside)) in pixels.iter_mut().zip(filled).zip(index.iter().zip(&inside)) {
            let value = source.pixels.get(index).copied().unwrap_or_default();
            let take = (inside != 0) & (*filled == 0) & valid.holds(index, value);
            *pixel = if take { value } else { *pixel };
            *filled |= u8::from(take);
        }
    }
}

/// Pixels that are done at a time: their numbers stay in the first cache.
const BLOCK: usize = 64;

/// As [`pixel_under`] for a block of positions: the index, and 0 where there is none.
#[inline(always)]
#[expect(clippy::needless_bitwise_bool, reason = "without jumps the loop becomes vector code")]
fn place<T>(
    source: &SourceWindow<'_, T>,
    (xs, ys): (&[f64], &[f64]),
    (index, inside): (&mut [usize; BLOCK], &mut [u8; BLOCK]),
) {
    let (cols, rows) = (count(source.cols), count(source.rows));
    let (end_x, end_y) = (cols + 2.0 * NEAREST_TOLERANCE, rows + 2.0 * NEAREST_TOLERANCE);
    for ((index, inside), (&x, &y)) in index.iter_mut().zip(inside).zip(xs.iter().zip(ys)) {
        let (u, v) = (x - source.first.1 + NEAREST_TOLERANCE, y - source.first.0 + NEAREST_TOLERANCE);
        // A NaN is not inside.
        let there = (u >= 0.0) & (u <= end_x) & (v >= 0.0) & (v <= end_y);
        let (u, v) = (if there { u } else { 0.0 }, if there { v } else { 0.0 });
        let (col, row) = (floor(u), floor(v));
        // The far edge belongs to the last pixel.
        let (col, row) = (if col < cols { col } else { cols - 1.0 }, if row < rows { row } else { rows - 1.0 });
        *index = to_index(row * cols + col);
        *inside = u8::from(there);
    }
}

/// Row-major index in the window of the pixel that a position of the image lies in; `None` outside (and for NaN).
#[inline]
pub(super) fn pixel_under<T>(source: &SourceWindow<'_, T>, x: f64, y: f64) -> Option<usize> {
    let col = along(x - source.first.1, source.cols)?;
    let row = along(y - source.first.0, source.rows)?;
    Some(row * source.cols + col)
}

#[inline]
fn along(v: f64, n: usize) -> Option<usize> {
    let v = v + NEAREST_TOLERANCE;
    // NaN fails the first test.
    #[expect(clippy::cast_precision_loss, reason = "windows are far smaller than 2^53 pixels")]
    if !(v >= 0.0 && v <= n as f64 + 2.0 * NEAREST_TOLERANCE) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= v <= n")]
    let i = v as usize;
    Some(if i >= n { n - 1 } else { i })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warp::{Present, Unlike};

    const IMAGE: [u16; 6] = [10, 11, 12, 20, 0, 22];

    fn run(xs: &[f64], ys: &[f64], valid: &impl Validity<u16>) -> Vec<u16> {
        let source = SourceWindow { pixels: &IMAGE, rows: 2, cols: 3, first: (5.0, 7.0) };
        let (mut pixels, mut filled) = (vec![999; xs.len()], vec![0; xs.len()]);
        nearest_row(source, valid, (xs, ys), &mut Row { pixels: &mut pixels, filled: &mut filled, nodata: None });
        pixels
    }

    #[test]
    fn positions_take_the_pixel_they_lie_in() {
        assert_eq!(run(&[7.0, 7.99, 8.0, 9.5], &[5.0, 5.5, 6.0, 6.9], &Present), [10, 10, 0, 22]);
    }

    #[test]
    fn far_edge_belongs_to_the_last_pixel_and_beyond_is_nothing() {
        assert_eq!(run(&[10.0, 10.001, 6.99, f64::NAN], &[7.0, 6.0, 6.0, 6.0], &Present), [22, 999, 999, 999]);
    }

    #[test]
    fn nodata_is_not_taken() {
        assert_eq!(run(&[8.5, 7.5], &[6.5, 5.5], &Unlike(0)), [999, 10]);
    }
}
