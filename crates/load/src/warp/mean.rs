//! Average and root mean square over the area of a destination pixel.

use super::area::{Corners, HAIR, Span, cover};
use super::boxes::Boxes;
use super::nearest::pixel_under;
use super::vector::{Kernel, run};
use super::{BLOCK, Row, Sample, SourceWindow, Validity, all_filled};

/// The mean of the valid source pixels that each destination pixel covers, weighted by the covered area.
pub(crate) fn average_row<T: Sample>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    corners: Corners<'_>,
    row: &mut Row<'_, T>,
) {
    run(Mean { source, valid, corners, row });
}

/// The root of the mean of their squares, weighted in the same way.
pub(crate) fn rms_row<T: Sample>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    corners: Corners<'_>,
    row: &mut Row<'_, T>,
) {
    each::<T, true>(&source, valid, corners, 0, (row.pixels, row.filled, row.nodata), |_| true);
}

/// A row of means.
struct Mean<'s, 'r, 'p, T, V> {
    source: SourceWindow<'s, T>,
    valid: &'s V,
    corners: Corners<'s>,
    row: &'r mut Row<'p, T>,
}

impl<T: Sample, V: Validity<T>> Kernel for Mean<'_, '_, '_, T, V> {
    #[inline(always)]
    fn run(self) {
        let Self { source, valid, corners, row } = self;
        let mut boxes = Boxes::new();
        let outputs = row.pixels.chunks_mut(BLOCK).zip(row.filled.chunks_mut(BLOCK));
        for (block, (pixels, filled)) in outputs.enumerate() {
            if all_filled(filled) {
                continue;
            }
            let from = block * BLOCK;
            if boxes.sum(&source, valid, corners, from) {
                boxes.write(row.nodata, pixels, filled);
            }
            if !boxes.all_known() {
                let unknown = |i: usize| !boxes.knows(i);
                each::<T, false>(&source, valid, corners, from, (pixels, filled, row.nodata), unknown);
            }
        }
    }

    fn plain(self) {
        let Self { source, valid, corners, row } = self;
        each::<T, false>(&source, valid, corners, 0, (row.pixels, row.filled, row.nodata), |_| true);
    }
}

/// The means (or the roots of the mean squares) of those pixels that are not filled and are asked for, one by one. The
/// first of them is pixel `from` of the row.
#[inline(never)]
fn each<T: Sample, const SQUARES: bool>(
    source: &SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    corners: Corners<'_>,
    from: usize,
    (pixels, filled, nodata): (&mut [T], &mut [u8], Option<T>),
    asked: impl Fn(usize) -> bool,
) {
    for (i, (pixel, filled)) in pixels.iter_mut().zip(filled).enumerate() {
        if *filled == 0
            && asked(i)
            && let Some(mean) = mean_of::<T, SQUARES>(source, valid, corners, from + i)
        {
            *pixel = Row::computed(nodata, mean);
            *filled = 1;
        }
    }
}

/// The mean of one destination pixel, however large; `None` where it covers nothing valid.
#[inline]
fn mean_of<T: Sample, const SQUARES: bool>(
    source: &SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    corners: Corners<'_>,
    i: usize,
) -> Option<f64> {
    let (cols, rows) = cover(source, corners, i)?;
    let (mut sum, mut weight) = (0.0, 0.0);
    for line in rows.first..rows.end {
        let start = line * source.cols + cols.first;
        let Some(pixels) = source.pixels.get(start..start + (cols.end - cols.first)) else { continue };
        let share = rows.share(line);
        let (line_sum, line_weight) = line_sum::<T, SQUARES>(pixels, start, valid, cols);
        sum += share * line_sum;
        weight += share * line_weight;
    }
    if weight > 1e-12 {
        let mean = sum / weight;
        Some(if SQUARES { mean.sqrt() } else { mean })
    } else {
        middle(source, valid, cols, rows)
    }
}

/// The weighted sum of a line's valid pixels, or of their squares, and the sum of their weights. All pixels but the first
/// and the last are covered whole.
#[inline(always)]
fn line_sum<T: Sample, const SQUARES: bool>(
    pixels: &[T],
    start: usize,
    valid: &impl Validity<T>,
    cols: Span,
) -> (f64, f64) {
    let one = |i: usize, value: T| {
        let there = valid.holds(start + i, value);
        let value = value.to_f64();
        let value = if SQUARES { value * value } else { value };
        if there { (value, 1.0) } else { (0.0, 0.0) }
    };
    let [first, rest @ ..] = pixels else { return (0.0, 0.0) };
    let (mut sum, mut weight) = one(0, *first);
    let share = cols.share(cols.first);
    (sum, weight) = (sum * share, weight * share);
    let [inner @ .., last] = rest else { return (sum, weight) };
    let share = cols.share(cols.end - 1);
    let (value, there) = one(pixels.len() - 1, *last);
    sum += value * share;
    weight += there * share;
    // Two sums side by side: an addition need not wait for the one before it.
    let (pairs, odd) = inner.as_chunks::<2>();
    let (mut sums, mut weights) = ([0.0; 2], [0.0; 2]);
    for (i, pair) in pairs.iter().enumerate() {
        for k in 0..2 {
            let (value, there) = one(1 + 2 * i + k, pair[k]);
            sums[k] += value;
            weights[k] += there;
        }
    }
    if let [value] = odd {
        let (value, there) = one(pixels.len() - 2, *value);
        sums[0] += value;
        weights[0] += there;
    }
    (sum + sums[0] + sums[1], weight + weights[0] + weights[1])
}

/// A destination pixel without extent in the source: the pixel in its middle.
fn middle<T: Sample>(source: &SourceWindow<'_, T>, valid: &impl Validity<T>, cols: Span, rows: Span) -> Option<f64> {
    if cols.to - cols.from > HAIR && rows.to - rows.from > HAIR {
        return None;
    }
    let x = source.first.1 + f64::midpoint(cols.from, cols.to);
    let y = source.first.0 + f64::midpoint(rows.from, rows.to);
    let index = pixel_under(source, x, y)?;
    let value = source.pixels[index];
    valid.holds(index, value).then(|| value.to_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::warp::testing::{Property, Scene, area, same_bits, scenes};

    #[test]
    fn average_is_weighted_by_area_and_skips_nodata() {
        assert_eq!(area(average_row, 2.0), [35, 50]);
        // Columns 0, 1 and half of 2: (10+20+50+60 + 30/2) / 4.5 = 34.4; then half of 2, 3: (15+40+80) / 2.5 = 54.
        assert_eq!(area(average_row, 2.5), [34, 54]);
    }

    #[test]
    fn rms_is_the_root_of_the_mean_square() {
        // (100 + 400 + 2500 + 3600) / 4, then (900 + 1600 + 6400) / 3.
        assert_eq!(area(rms_row, 2.0), [41, 54]);
    }

    #[test]
    fn long_lines_are_summed_whole() {
        let pixels: Vec<u16> = (1..=9).collect();
        let span = Span::new(0.5, 8.75, 0.0, 9).unwrap();
        let (sum, weight) = line_sum::<u16, false>(&pixels, 0, &crate::warp::Unlike(5), span);
        assert!(
            (sum - (0.5 + 2.0 + 3.0 + 4.0 + 6.0 + 7.0 + 8.0 + 0.75 * 9.0)).abs() < 1e-12
                && (weight - 7.25).abs() < 1e-12
        );
    }

    /// Blocks of pixels have the bits of single ones.
    struct Blocks;

    impl Property for Blocks {
        fn check<T: Sample, V: Validity<T>>(scene: &Scene, source: SourceWindow<'_, T>, valid: &V) {
            let (top, bottom) = scene.corners();
            let corners = Corners { top: (&top.0, &top.1), bottom: (&bottom.0, &bottom.1), torn: scene.torn() };
            let plain = |row: &mut Row<'_, T>| Mean { source, valid, corners, row }.plain();
            let portable = |row: &mut Row<'_, T>| Mean { source, valid, corners, row }.run();
            let dispatched = |row: &mut Row<'_, T>| average_row(source, valid, corners, row);
            same_bits(scene, plain, &[&portable, &dispatched]);
        }
    }

    proptest! {
        #[test]
        fn blocks_have_the_bits_of_single_pixels(scene in scenes()) {
            scene.check::<Blocks>();
        }
    }
}
