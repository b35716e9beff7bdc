//! Interpolation: a destination pixel is the weighted sum of the source pixels around its centre.
//!
//! Where all those pixels are inside the image and valid, which is nearly everywhere, pixels are done in blocks by code
//! without jumps. The rest goes one by one, by GDAL's rules for missing pixels. A filter is never widened.

use std::marker::PhantomData;

use super::filters::{Cubic, Filter, Lanczos, Linear, Spline};
use super::missing::with_missing;
use super::sample::{floor, to_index};
use super::under::{Frame, all_under};
use super::vector::{Kernel, prefetch, run};
use super::{BLOCK, Row, Sample, SourceWindow, Validity, all_filled, write_computed};
use crate::files::count;

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

/// The pixels under the filters of a block, line by line.
type Taps<T, const N: usize> = [[[T; N]; BLOCK]; N];

impl Block {
    const EMPTY: Self =
        Self { first: [0; BLOCK], past: ([0.0; BLOCK], [0.0; BLOCK]), whole: [0; BLOCK], values: [0.0; BLOCK] };

    /// Where the filters of `N` pixels lie in a window that is at least as large.
    #[inline(always)]
    #[expect(clippy::needless_bitwise_bool, reason = "without jumps the loop becomes vector code")]
    fn place<T, const N: usize>(&mut self, source: &SourceWindow<'_, T>, (xs, ys): (&[f64], &[f64])) {
        let (first_x, first_y) = (source.first.1 + 0.5, source.first.0 + 0.5);
        let frame = Frame {
            first: (first_y, first_x),
            add: 0.0,
            least: N / 2 - 1,
            end: (source.rows - N / 2, source.cols - N / 2),
            cols: source.cols,
        };
        if let (Some(xs), Some(ys)) = (xs.first_chunk(), ys.first_chunk())
            && all_under((xs, ys), frame, &mut self.first, Some(&mut self.past))
        {
            self.whole = [1; BLOCK];
            return;
        }
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

    /// Fetches the pixels under the filters, line by line.
    #[inline(always)]
    fn fetch<T: Sample, V: Validity<T>, const N: usize>(
        &mut self,
        source: &SourceWindow<'_, T>,
        valid: &V,
        taps: &mut Taps<T, N>,
    ) {
        let cols = source.cols;
        for (i, (first, whole)) in self.first.iter().zip(&mut self.whole).enumerate() {
            // For the next row, as in the area modes.
            prefetch(source.pixels, first + N * cols);
            let span = source.pixels.get(*first..first + (N - 1) * cols + N).unwrap_or_default();
            if let (Some(top), Some(bottom)) = (span.first_chunk(), span.last_chunk()) {
                (taps[0][i], taps[N - 1][i]) = (*top, *bottom);
                for (line, taps) in taps.iter_mut().enumerate().take(N - 1).skip(1) {
                    if let Some(there) = span.get(line * cols..).and_then(|rest| rest.first_chunk()) {
                        taps[i] = *there;
                    }
                }
            } else {
                *whole = 0;
            }
        }
        if !V::BY_VALUE || !valid.all_of(&self.first, source.cols, taps) {
            for (i, (first, whole)) in self.first.iter().zip(&mut self.whole).enumerate() {
                for (line, taps) in taps.iter().enumerate() {
                    *whole &= u8::from(valid.all_hold(first + line * source.cols, &taps[i]));
                }
            }
        }
    }

    /// The weighted sums.
    #[inline(always)]
    fn sum<T: Sample, F: Filter<N>, const N: usize>(&mut self, taps: &Taps<T, N>) {
        for i in 0..BLOCK {
            let (across, down) = (F::weights(self.past.0[i]), F::weights(self.past.1[i]));
            let mut columns = [0.0; N];
            for (line, weight) in taps.iter().zip(down) {
                for (sum, tap) in columns.iter_mut().zip(line[i]) {
                    *sum += tap.to_f64() * weight;
                }
            }
            let sum = columns.into_iter().zip(across).fold(0.0, |sum, (column, weight)| sum + column * weight);
            self.values[i] = match F::TOTAL {
                Some(1.0) => sum,
                Some(total) => sum / (total * total),
                None => normalised(sum, across.into_iter().sum::<f64>() * down.into_iter().sum::<f64>()),
            };
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
    let mut taps = [[[T::default(); N]; BLOCK]; N];
    let outputs = row.pixels.chunks_mut(BLOCK).zip(row.filled.chunks_mut(BLOCK));
    for ((pixels, filled), positions) in outputs.zip(xs.chunks(BLOCK).zip(ys.chunks(BLOCK))) {
        if all_filled(filled) {
            continue;
        }
        if fits {
            block.place::<T, N>(&source, positions);
            block.fetch(&source, valid, &mut taps);
            block.sum::<T, F, N>(&taps);
            write_computed(&block.values, row.nodata, &mut block.whole, pixels, filled);
        }
        if all_filled(filled) {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::warp::testing::{Property, Scene, Way, same_bits, scenes};
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

    /// The value at one position, straight by the rule.
    fn value_at<T: Sample, F: Filter<N>, const N: usize>(
        source: &SourceWindow<'_, T>,
        valid: &impl Validity<T>,
        (x, y): (f64, f64),
    ) -> Option<f64> {
        let (u, v) = (x - (source.first.1 + 0.5), y - (source.first.0 + 0.5));
        let before = count(N / 2 - 1);
        let (col, line) = (u.floor() - before, v.floor() - before);
        let inside = |first: f64, n: usize| first >= 0.0 && first + count(N) <= count(n);
        if !inside(col, source.cols) || !inside(line, source.rows) {
            return with_missing::<T, F, N>(source, valid, x, y);
        }
        let (across, down) = (F::weights(u - u.floor()), F::weights(v - v.floor()));
        let (mut sum, mut all) = (0.0, true);
        for (i, across) in across.into_iter().enumerate() {
            let mut column = 0.0;
            for (j, down) in down.into_iter().enumerate() {
                let index = to_index(line + count(j)) * source.cols + to_index(col + count(i));
                all &= valid.holds(index, source.pixels[index]);
                column += source.pixels[index].to_f64() * down;
            }
            sum += column * across;
        }
        let weight = || across.into_iter().sum::<f64>() * down.into_iter().sum::<f64>();
        let value = || F::TOTAL.map_or_else(|| normalised(sum, weight()), |total| sum / (total * total));
        if all { Some(value()) } else { with_missing::<T, F, N>(source, valid, x, y) }
    }

    /// Blocks of pixels have the bits of single ones.
    struct Blocks<F, const N: usize>(PhantomData<F>);

    impl<F: Filter<N>, const N: usize> Property for Blocks<F, N> {
        fn check<T: Sample, V: Validity<T>>(scene: &Scene, source: SourceWindow<'_, T>, valid: &V) {
            let (xs, ys) = scene.centres();
            let positions = (&xs[..], &ys[..]);
            let one = |row: &mut Row<'_, T>| {
                let values = xs.iter().zip(&ys).map(|(x, y)| value_at::<T, F, N>(&source, valid, (*x, *y)));
                for ((pixel, filled), value) in row.pixels.iter_mut().zip(&mut *row.filled).zip(values) {
                    if let Some(value) = value.filter(|_| *filled == 0) {
                        (*pixel, *filled) = (Row::computed(row.nodata, value), 1);
                    }
                }
            };
            let portable = |row: &mut Row<'_, T>| interpolate::<T, F, N>(source, valid, positions, row);
            let dispatched = |row: &mut Row<'_, T>| interpolate_row::<T, F, N>(source, valid, positions, row);
            same_bits(scene, one, &[&portable as Way<'_, T>, &dispatched]);
        }
    }

    proptest! {
        #[test]
        fn blocks_have_the_bits_of_single_pixels(scene in scenes()) {
            scene.check_few::<Blocks<Linear, 2>>();
            scene.check_few::<Blocks<Cubic, 4>>();
        }

        #[test]
        fn blocks_of_wide_filters_have_the_bits_of_single_pixels(scene in scenes()) {
            scene.check_few::<Blocks<Spline, 4>>();
            scene.check_few::<Blocks<Lanczos, 6>>();
        }
    }
}
