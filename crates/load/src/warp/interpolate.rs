//! Interpolation: a destination pixel is the weighted sum of the source pixels around its centre.
//!
//! Where all those pixels are inside the image and valid, which is nearly everywhere, pixels are done in blocks by code
//! without jumps. The rest goes one by one, by GDAL's rules for missing pixels. A filter is never widened.

use std::marker::PhantomData;

use super::filters::{Cubic, Filter, Lanczos, Linear, Spline};
use super::missing::with_missing;
use super::sample::{floor, to_index};
use super::vector::{Kernel, run};
use super::{Row, Sample, SourceWindow, Validity};
use crate::files::count;

/// Pixels that are done at a time: their numbers stay in the first cache.
const BLOCK: usize = 64;

/// Linear between four pixels.
pub(crate) fn bilinear_row<T: Sample>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    positions: (&[f64], &[f64]),
    row: &mut Row<'_, T>,
) {
    interpolate_row::<T, Linear, 2>(source, valid, positions, row);
}

/// Cubic convolution over 4 × 4 pixels.
pub(crate) fn cubic_row<T: Sample>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    positions: (&[f64], &[f64]),
    row: &mut Row<'_, T>,
) {
    interpolate_row::<T, Cubic, 4>(source, valid, positions, row);
}

/// Cubic B-spline over 4 × 4 pixels.
pub(crate) fn spline_row<T: Sample>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    positions: (&[f64], &[f64]),
    row: &mut Row<'_, T>,
) {
    interpolate_row::<T, Spline, 4>(source, valid, positions, row);
}

/// Windowed sinc over 6 × 6 pixels.
pub(crate) fn lanczos_row<T: Sample>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    positions: (&[f64], &[f64]),
    row: &mut Row<'_, T>,
) {
    interpolate_row::<T, Lanczos, 6>(source, valid, positions, row);
}

/// A row to be interpolated.
struct Interpolation<'s, 'r, 'p, T, V, F, const N: usize> {
    source: SourceWindow<'s, T>,
    valid: &'s V,
    positions: (&'s [f64], &'s [f64]),
    row: &'r mut Row<'p, T>,
    filter: PhantomData<F>,
}

impl<T: Sample, V: Validity<T>, F: Filter<N>, const N: usize> Kernel for Interpolation<'_, '_, '_, T, V, F, N> {
    #[inline(always)]
    fn run(self) {
        interpolate::<T, F, N>(self.source, self.valid, self.positions, self.row);
    }
}

/// Interpolates the pixels of a row that are not filled yet.
fn interpolate_row<T: Sample, F: Filter<N>, const N: usize>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    positions: (&[f64], &[f64]),
    row: &mut Row<'_, T>,
) {
    run(Interpolation { source, valid, positions, row, filter: PhantomData::<F> });
}

/// What is known of a block of pixels.
struct Block {
    /// Index in the window of the first pixel under the filter.
    first: [usize; BLOCK],
    /// How far the position lies past a centre, along columns and rows.
    past: ([f64; BLOCK], [f64; BLOCK]),
    /// 1 where the whole filter is inside the image and all under it is valid.
    whole: [u8; BLOCK],
    values: [f64; BLOCK],
}

impl Block {
    const EMPTY: Self =
        Self { first: [0; BLOCK], past: ([0.0; BLOCK], [0.0; BLOCK]), whole: [0; BLOCK], values: [0.0; BLOCK] };

    /// Where the filters of `N` pixels lie in a window that is at least as large.
    #[inline(always)]
    #[expect(clippy::needless_bitwise_bool, reason = "without jumps the loop becomes vector code")]
    fn place<T, const N: usize>(&mut self, source: &SourceWindow<'_, T>, (xs, ys): (&[f64], &[f64])) {
        let (first_x, first_y) = (source.first.1 + 0.5, source.first.0 + 0.5);
        let before = count(N / 2 - 1);
        let (cols, end_x, end_y) = (count(source.cols), count(source.cols - N / 2), count(source.rows - N / 2));
        let out = self.first.iter_mut().zip(&mut self.whole).zip(self.past.0.iter_mut().zip(&mut self.past.1));
        for (((first, whole), past), (&x, &y)) in out.zip(xs.iter().zip(ys)) {
            let (u, v) = (x - first_x, y - first_y);
            // A NaN is not inside.
            let inside = (u >= before) & (u < end_x) & (v >= before) & (v < end_y);
            let (u, v) = (if inside { u } else { before }, if inside { v } else { before });
            let (col, line) = (floor(u), floor(v));
            (*past.0, *past.1) = (u - col, v - line);
            *first = to_index((line - before) * cols + (col - before));
            *whole = u8::from(inside);
        }
    }

    /// The weighted sums of the first `n` pixels.
    #[inline(always)]
    fn sum<T: Sample, F: Filter<N>, const N: usize>(
        &mut self,
        source: &SourceWindow<'_, T>,
        valid: &impl Validity<T>,
        n: usize,
    ) {
        let places = self.first.iter().zip(self.past.0.iter().zip(&self.past.1));
        for ((value, whole), (&first, (&x, &y))) in self.values.iter_mut().zip(&mut self.whole).zip(places).take(n) {
            let (across, down) = (F::weights(x), F::weights(y));
            let mut columns = [0.0; N];
            let mut all = true;
            for (j, weight) in down.into_iter().enumerate() {
                let start = first + j * source.cols;
                let Some(taps) = source.pixels.get(start..).and_then(|rest| rest.first_chunk::<N>()) else {
                    all = false;
                    continue;
                };
                for (sum, tap) in columns.iter_mut().zip(taps) {
                    *sum += tap.to_f64() * weight;
                }
                all &= valid.all_hold(start, taps);
            }
            let sum = columns.into_iter().zip(across).fold(0.0, |sum, (column, weight)| sum + column * weight);
            *value = match F::TOTAL {
                Some(1.0) => sum,
                Some(total) => sum / (total * total),
                None => normalised(sum, across.into_iter().sum::<f64>() * down.into_iter().sum::<f64>()),
            };
            *whole &= u8::from(all);
        }
    }
}

/// Divided by the weight, unless that is nearly one (GDAL's rule).
#[inline(always)]
pub(super) fn normalised(sum: f64, weight: f64) -> f64 {
    if (weight - 1.0).abs() > 1e-5 { sum / weight } else { sum }
}

/// The pixel that contains the position must be valid; what of the other pixels may be missing is the filter's own rule
/// ([`Missing`]).
#[inline(always)]
fn interpolate<T: Sample, F: Filter<N>, const N: usize>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    (xs, ys): (&[f64], &[f64]),
    row: &mut Row<'_, T>,
) {
    let fits = source.cols >= N && source.rows >= N;
    let mut block = Block::EMPTY;
    let outputs = row.pixels.chunks_mut(BLOCK).zip(row.filled.chunks_mut(BLOCK));
    for ((pixels, filled), positions) in outputs.zip(xs.chunks(BLOCK).zip(ys.chunks(BLOCK))) {
        if filled.iter().all(|f| *f != 0) {
            continue;
        }
        if fits {
            block.place::<T, N>(&source, positions);
            block.sum::<T, F, N>(&source, valid, pixels.len());
            write(row.nodata, &block, pixels, filled);
        }
        if filled.iter().all(|f| *f != 0) {
            continue;
        }
        let rest = pixels.iter_mut().zip(filled).zip(positions.0.iter().zip(positions.1));
        for ((pixel, filled), (&x, &y)) in rest.filter(|((_, filled), _)| **filled == 0) {
            if let Some(value) = with_missing::<T, F, N>(&source, valid, x, y) {
                *pixel = Row::computed(row.nodata, value);
                *filled = 1;
            }
        }
    }
}

/// Writes the values that are whole where nothing is filled.
#[inline(always)]
#[expect(clippy::needless_bitwise_bool, reason = "without a jump the loop becomes vector code")]
fn write<T: Sample>(nodata: Option<T>, block: &Block, pixels: &mut [T], filled: &mut [u8]) {
    let (avoid, beside) = nodata.map_or((None, T::default()), |n| (Some(n), n.beside()));
    let values = block.values.iter().zip(&block.whole);
    for ((pixel, filled), (&value, &whole)) in pixels.iter_mut().zip(filled).zip(values) {
        let value = T::rounded(value);
        let value = if Some(value) == avoid { beside } else { value };
        *pixel = if (whole != 0) & (*filled == 0) { value } else { *pixel };
        *filled |= whole;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warp::{Present, Unlike};

    fn at<T: Sample>(image: &[T], at: (f64, f64), valid: &impl Validity<T>, nodata: Option<T>) -> Option<T> {
        let source = SourceWindow { pixels: image, rows: 2, cols: 3, first: (0.0, 0.0) };
        let (mut pixels, mut filled) = ([T::default()], [0]);
        let mut row = Row { pixels: &mut pixels, filled: &mut filled, nodata };
        bilinear_row(source, valid, (&[at.0], &[at.1]), &mut row);
        (filled[0] != 0).then_some(pixels[0])
    }

    const IMAGE: [u16; 6] = [100, 200, 300, 400, 500, 600];

    #[test]
    fn centre_of_a_pixel_is_that_pixel() {
        assert_eq!(at(&IMAGE, (1.5, 0.5), &Present, None), Some(200));
    }

    #[test]
    fn between_four_centres_is_their_mean() {
        assert_eq!(at(&IMAGE, (1.0, 1.0), &Present, None), Some(300));
        // (100·0.75 + 200·0.25)·0.5 + (400·0.75 + 500·0.25)·0.5
        assert_eq!(at(&IMAGE, (0.75, 1.0), &Present, None), Some(275));
    }

    #[test]
    fn edge_of_the_image_uses_what_is_there() {
        assert_eq!(at(&IMAGE, (0.1, 0.5), &Present, None), Some(100));
        assert_eq!(at(&IMAGE, (3.0, 2.0), &Present, None), Some(600));
        assert_eq!(at(&IMAGE, (3.01, 1.0), &Present, None), None);
    }

    #[test]
    fn containing_pixel_must_be_valid() {
        // 200 is missing: (1.1, 0.5) lies in it, (0.9, 0.5) beside it.
        assert_eq!(at(&IMAGE, (1.1, 0.5), &Unlike(200), None), None);
        assert_eq!(at(&IMAGE, (0.9, 0.5), &Unlike(200), None), Some(100));
    }

    #[test]
    fn missing_taps_leave_their_weight_to_the_others() {
        // Weights 0.36, 0.24, 0.24, 0.16 without the 0.24 of 200.
        let mean: f64 = (100.0 * 0.36 + 400.0 * 0.24 + 500.0 * 0.16) / 0.76;
        assert_eq!(at(&IMAGE, (0.9, 0.9), &Unlike(200), None), Some(u16::rounded(mean)));
    }

    #[test]
    fn computed_nodata_moves_by_one() {
        assert_eq!(at(&IMAGE, (1.0, 1.0), &Present, Some(300)), Some(299));
        assert_eq!(at(&[0_u16; 6], (1.0, 1.0), &Present, Some(0)), Some(1));
    }

    #[test]
    fn nan_is_missing_in_floats() {
        let image = [f32::NAN, 2.0, 2.0, 4.0, 4.0, 4.0];
        assert_eq!(at(&image, (0.4, 0.4), &Present, None), None);
        assert_eq!(at(&image, (1.0, 0.5), &Present, None), Some(2.0));
    }

    fn both<F: Filter<N>, const N: usize>() {
        let image: Vec<u16> =
            (0..50_u32 * 50).map(|i| u16::try_from(i.wrapping_mul(2_654_435_761) >> 18).unwrap()).collect();
        let source = SourceWindow { pixels: &image, rows: 50, cols: 50, first: (3.0, 4.0) };
        let xs: Vec<f64> = (0..300).map(|i| 3.0 + f64::from(i) * 0.173).collect();
        let ys: Vec<f64> = (0..300).map(|i| 2.0 + f64::from(i) * 0.1713).collect();
        let run = |way: &dyn Fn(&mut Row<'_, u16>)| {
            let (mut pixels, mut filled) = (vec![0; 300], vec![0; 300]);
            way(&mut Row { pixels: &mut pixels, filled: &mut filled, nodata: Some(7) });
            (pixels, filled)
        };
        let valid = Unlike(image[612]);
        let portable = run(&|row| interpolate::<u16, F, N>(source, &valid, (&xs, &ys), row));
        assert!(portable == run(&|row| interpolate_row::<u16, F, N>(source, &valid, (&xs, &ys), row)));
        assert!(portable.1.iter().filter(|f| **f != 0).count() > 200);
    }

    #[test]
    fn both_ways_have_the_same_bits() {
        both::<Linear, 2>();
        both::<Cubic, 4>();
        both::<Spline, 4>();
        both::<Lanczos, 6>();
    }
}
