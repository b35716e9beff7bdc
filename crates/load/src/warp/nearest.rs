//! Nearest: the pixel under the centre.

use cube_geo::NEAREST_TOLERANCE;

use super::sample::{floor, to_index};
use super::under::{Frame, all_under};
use super::vector::prefetch;
use super::{BLOCK, Row, Sample, SourceWindow, Validity, all_filled, write};
use crate::files::count;

/// Takes for each destination pixel the source pixel that its position lies in: `floor(x)`, a position just below an
/// edge counted as on it; the far edge of the image belongs to its last pixel (GDAL's rule).
pub(crate) fn nearest_row<T: Sample>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    (xs, ys): (&[f64], &[f64]),
    row: &mut Row<'_, T>,
) {
    // In blocks: where the positions lie is found by code without jumps, then the pixels are fetched.
    let outputs = row.pixels.chunks_mut(BLOCK).zip(row.filled.chunks_mut(BLOCK));
    let (mut index, mut inside) = ([0_usize; BLOCK], [0_u8; BLOCK]);
    let end = (source.rows, source.cols);
    let frame = Frame { first: source.first, add: NEAREST_TOLERANCE, least: 0, end, cols: source.cols };
    for ((pixels, filled), (xs, ys)) in outputs.zip(xs.chunks(BLOCK).zip(ys.chunks(BLOCK))) {
        if all_filled(filled) {
            continue;
        }
        if let (Some(xs), Some(ys)) = (xs.first_chunk(), ys.first_chunk())
            && all_under((xs, ys), frame, &mut index, None)
        {
            inside = [1; BLOCK];
        } else {
            place(&source, (xs, ys), (&mut index, &mut inside));
        }
        take(&source, valid, (&index, &mut inside), pixels, filled);
    }
}

/// Writes the pixels of a block that are valid and inside where nothing is filled.
#[inline(always)]
fn take<T: Sample>(
    source: &SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    (index, inside): (&[usize; BLOCK], &mut [u8; BLOCK]),
    pixels: &mut [T],
    filled: &mut [u8],
) {
    let mut values = [T::default(); BLOCK];
    for (value, index) in values.iter_mut().zip(index) {
        if let Some(there) = source.pixels.get(*index) {
            *value = *there;
        }
        prefetch(source.pixels, index + source.cols);
    }
    for (inside, (index, value)) in inside.iter_mut().zip(index.iter().zip(&values)) {
        *inside &= u8::from(valid.holds(*index, *value));
    }
    write(&values, inside, pixels, filled);
}

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
    use proptest::prelude::*;

    use super::*;
    use crate::warp::testing::{Property, Scene, same_bits, scenes};
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

    /// Blocks of pixels are what [`pixel_under`] gives for each.
    struct Blocks;

    impl Property for Blocks {
        fn check<T: Sample, V: Validity<T>>(scene: &Scene, source: SourceWindow<'_, T>, valid: &V) {
            let (xs, ys) = scene.centres();
            let one = |row: &mut Row<'_, T>| {
                let places = xs.iter().zip(&ys).map(|(x, y)| pixel_under(&source, *x, *y));
                for ((pixel, filled), place) in row.pixels.iter_mut().zip(&mut *row.filled).zip(places) {
                    if *filled == 0
                        && let Some(index) = place
                        && valid.holds(index, source.pixels[index])
                    {
                        (*pixel, *filled) = (source.pixels[index], 1);
                    }
                }
            };
            let blocks = |row: &mut Row<'_, T>| nearest_row(source, valid, (&xs, &ys), row);
            same_bits(scene, one, &[&blocks]);
        }
    }

    proptest! {
        #[test]
        fn blocks_have_the_bits_of_single_pixels(scene in scenes()) {
            scene.check::<Blocks>();
        }
    }

    #[test]
    fn positions_on_edges_are_told_apart() {
        let image: Vec<u16> = (0..100 * 30).collect();
        let source = SourceWindow { pixels: &image, rows: 30, cols: 100, first: (7.0, 1_000_000.0) };
        // A block well inside, but for one position.
        for (x, y) in [
            (-1e-6, 3.0),
            (-1.1e-6, 3.0),
            (-0.5, 3.0),
            (100.0, 3.0),
            (99.999_999_9, 30.0),
            (5.0, -1e-9),
            (f64::NAN, 3.0),
            (1e300, 3.0),
            (3.0, f64::NEG_INFINITY),
            (4e9, 3.0),
            (2_147_483_648.0, 3.0),
        ] {
            let (mut xs, mut ys) = (vec![1_000_050.5; 64], vec![11.25; 64]);
            (xs[37], ys[37]) = (1_000_000.0 + x, 7.0 + y);
            let (mut pixels, mut filled) = (vec![9999; 64], vec![0; 64]);
            nearest_row(
                source,
                &Present,
                (&xs, &ys),
                &mut Row { pixels: &mut pixels, filled: &mut filled, nodata: None },
            );
            let place = pixel_under(&source, xs[37], ys[37]);
            assert_eq!(pixels[37], place.map_or(9999, |i| image[i]), "{x} {y}");
            assert_eq!((pixels[36], pixels[38]), (450, 450));
        }
    }
}
