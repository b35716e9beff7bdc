//! Bilinear: linear between four pixels.

use super::nearest::pixel_under;
use super::{Row, Sample, SourceWindow, Validity};

/// The mean of the four source pixels around each position, weighted by how near their centres are. The pixel that the
/// position lies in must be valid; of the others only valid ones inside the image count, and the weights of those that
/// count are made to sum to one (GDAL's rule for its four-sample kernel). The kernel is never widened.
pub(crate) fn bilinear_row<T: Sample>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    (xs, ys): (&[f64], &[f64]),
    row: &mut Row<'_, T>,
) {
    let nodata = row.nodata;
    let (first_x, first_y) = (source.first.1 + 0.5, source.first.0 + 0.5);
    let (inner_cols, inner_rows) = (source.cols.saturating_sub(1), source.rows.saturating_sub(1));
    let positions = xs.iter().zip(ys);
    for ((pixel, filled), (&x, &y)) in row.pixels.iter_mut().zip(&mut *row.filled).zip(positions) {
        if *filled != 0 {
            continue;
        }
        let (u, v) = (x - first_x, y - first_y);
        // All four taps inside, all four valid: nearly every pixel. A negative or NaN position fails.
        if u >= 0.0 && v >= 0.0 {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative")]
            let (col, line) = (u as usize, v as usize);
            if col < inner_cols && line < inner_rows {
                let at = line * source.cols + col;
                let taps = &source.pixels[at..at + source.cols + 2];
                let (top, bottom) = ([taps[0], taps[1]], [taps[source.cols], taps[source.cols + 1]]);
                let below = at + source.cols;
                let all = valid.holds(at, top[0])
                    & valid.holds(at + 1, top[1])
                    & valid.holds(below, bottom[0])
                    & valid.holds(below + 1, bottom[1]);
                if all {
                    #[expect(clippy::cast_precision_loss, reason = "a column or row of a window")]
                    let (fx, fy) = (u - col as f64, v - line as f64);
                    let along = |[left, right]: [T; 2]| left.to_f64() * (1.0 - fx) + right.to_f64() * fx;
                    let (top, bottom) = (along(top), along(bottom));
                    *pixel = Row::computed(nodata, top * (1.0 - fy) + bottom * fy);
                    *filled = 1;
                    continue;
                }
            }
        }
        if let Some(value) = at_edge(&source, valid, x, y) {
            *pixel = Row::computed(nodata, value);
            *filled = 1;
        }
    }
}

/// The weighted mean where some of the four pixels are missing.
#[cold]
fn at_edge<T: Sample>(source: &SourceWindow<'_, T>, valid: &impl Validity<T>, x: f64, y: f64) -> Option<f64> {
    let under = pixel_under(source, x, y)?;
    if !valid.holds(under, source.pixels[under]) {
        return None;
    }
    let (u, v) = (x - source.first.1 - 0.5, y - source.first.0 - 0.5);
    let (left, top) = (u.floor(), v.floor());
    let (fx, fy) = (u - left, v - top);
    let (mut sum, mut weight) = (0.0, 0.0);
    for (dy, wy) in [(0.0, 1.0 - fy), (1.0, fy)] {
        for (dx, wx) in [(0.0, 1.0 - fx), (1.0, fx)] {
            let (Some(col), Some(line)) = (inside(left + dx, source.cols), inside(top + dy, source.rows)) else {
                continue;
            };
            let index = line * source.cols + col;
            let value = source.pixels[index];
            if valid.holds(index, value) {
                sum += value.to_f64() * wx * wy;
                weight += wx * wy;
            }
        }
    }
    (weight > 1e-5).then(|| sum / weight)
}

fn inside(i: f64, n: usize) -> Option<usize> {
    #[expect(clippy::cast_precision_loss, reason = "windows are far smaller than 2^53 pixels")]
    let fits = i >= 0.0 && i < n as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= i < n")]
    fits.then_some(i as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warp::{Present, Unlike};

    fn run<T: Sample>(image: &[T], at: (f64, f64), valid: &impl Validity<T>, nodata: Option<T>) -> Option<T> {
        let source = SourceWindow { pixels: image, rows: 2, cols: 3, first: (0.0, 0.0) };
        let (mut pixels, mut filled) = ([T::default()], [0]);
        let mut row = Row { pixels: &mut pixels, filled: &mut filled, nodata };
        bilinear_row(source, valid, (&[at.0], &[at.1]), &mut row);
        (filled[0] != 0).then_some(pixels[0])
    }

    const IMAGE: [u16; 6] = [100, 200, 300, 400, 500, 600];

    #[test]
    fn centre_of_a_pixel_is_that_pixel() {
        assert_eq!(run(&IMAGE, (1.5, 0.5), &Present, None), Some(200));
    }

    #[test]
    fn between_four_centres_is_their_mean() {
        assert_eq!(run(&IMAGE, (1.0, 1.0), &Present, None), Some(300));
        // (100·0.75 + 200·0.25)·0.5 + (400·0.75 + 500·0.25)·0.5
        assert_eq!(run(&IMAGE, (0.75, 1.0), &Present, None), Some(275));
    }

    #[test]
    fn edge_of_the_image_uses_what_is_there() {
        assert_eq!(run(&IMAGE, (0.1, 0.5), &Present, None), Some(100));
        assert_eq!(run(&IMAGE, (3.0, 2.0), &Present, None), Some(600));
        assert_eq!(run(&IMAGE, (3.01, 1.0), &Present, None), None);
    }

    #[test]
    fn containing_pixel_must_be_valid() {
        // 200 is missing: (1.1, 0.5) lies in it, (0.9, 0.5) beside it.
        assert_eq!(run(&IMAGE, (1.1, 0.5), &Unlike(200), None), None);
        assert_eq!(run(&IMAGE, (0.9, 0.5), &Unlike(200), None), Some(100));
    }

    #[test]
    fn missing_taps_leave_their_weight_to_the_others() {
        // Weights 0.36, 0.24, 0.24, 0.16 without the 0.24 of 200.
        let mean: f64 = (100.0 * 0.36 + 400.0 * 0.24 + 500.0 * 0.16) / 0.76;
        assert_eq!(run(&IMAGE, (0.9, 0.9), &Unlike(200), None), Some(u16::rounded(mean)));
    }

    #[test]
    fn computed_nodata_moves_by_one() {
        assert_eq!(run(&IMAGE, (1.0, 1.0), &Present, Some(300)), Some(299));
        assert_eq!(run(&[0_u16; 6], (1.0, 1.0), &Present, Some(0)), Some(1));
    }

    #[test]
    fn nan_is_missing_in_floats() {
        let image = [f32::NAN, 2.0, 2.0, 4.0, 4.0, 4.0];
        assert_eq!(run(&image, (0.4, 0.4), &Present, None), None);
        assert_eq!(run(&image, (1.0, 0.5), &Present, None), Some(2.0));
    }
}
