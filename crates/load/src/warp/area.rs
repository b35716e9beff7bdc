//! Area modes: a destination pixel is made of all source pixels that it covers.
//!
//! What it covers is the box in the source between its upper left and its lower right corner, with fractional edges (GDAL's
//! rule): exact where the grids run in parallel, a fair square where one is turned by some degrees.

use super::nearest::pixel_under;
use super::{Row, Sample, SourceWindow, Validity};
use crate::files::count;

/// Source positions of the upper and lower corners of a row of destination pixels: one more than there are pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Corners<'a> {
    pub(crate) top: (&'a [f64], &'a [f64]),
    pub(crate) bottom: (&'a [f64], &'a [f64]),
}

/// A box of source pixels with fractional edges, relative to the window.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: f64,
    to: f64,
    first: usize,
    end: usize,
    /// True where part of it lies outside the window.
    cut: bool,
}

/// A corner this close to a pixel's edge does not reach into the pixel.
const HAIR: f64 = 1e-10;

impl Span {
    /// `None` where nothing of it lies in `0..n` or a position is NaN.
    fn new(a: f64, b: f64, offset: f64, n: usize) -> Option<Self> {
        if !a.is_finite() || !b.is_finite() {
            return None;
        }
        let (from, to) = (a.min(b) - offset, a.max(b) - offset);
        let size = count(n);
        if to <= 0.0 || from >= size {
            return None;
        }
        let cut = from < 0.0 || to > size;
        let (from, to) = (from.max(0.0), to.min(size));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "both lie in 0..=n")]
        let (first, end) = ((from + HAIR).floor() as usize, (to - HAIR).ceil() as usize);
        let first = first.min(n - 1);
        Some(Self { from, to, first, end: end.clamp(first + 1, n), cut })
    }

    /// How much of pixel `i` is covered, 0..1.
    fn share(self, i: usize) -> f64 {
        (self.to.min(count(i) + 1.0) - self.from.max(count(i))).max(0.0)
    }
}

/// True where a destination pixel, a four-sided figure in the source, shares ground with the window. The box around two
/// of its corners may reach in where the pixel itself does not; without this test such pixels would be filled or not by
/// how the output is cut into chunks.
fn touches<T>(source: &SourceWindow<'_, T>, corners: Corners<'_>, i: usize) -> bool {
    let at = |(xs, ys): (&[f64], &[f64]), i: usize| (xs[i] - source.first.1, ys[i] - source.first.0);
    let pixel = [at(corners.top, i), at(corners.top, i + 1), at(corners.bottom, i + 1), at(corners.bottom, i)];
    let (right, low) = (count(source.cols), count(source.rows));
    let window = [(0.0, 0.0), (right, 0.0), (right, low), (0.0, low)];
    // Two convex figures are apart only if a side of one of them parts them.
    let parted = |(nx, ny): (f64, f64)| {
        let reach = |figure: &[(f64, f64); 4]| {
            figure
                .iter()
                .map(|(x, y)| x * nx + y * ny)
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), d| (a.min(d), b.max(d)))
        };
        let (a, b) = (reach(&pixel), reach(&window));
        a.1 <= b.0 || b.1 <= a.0
    };
    let side = |a: (f64, f64), b: (f64, f64)| (a.1 - b.1, b.0 - a.0);
    let normals = [(1.0, 0.0), (0.0, 1.0), side(pixel[0], pixel[1]), side(pixel[1], pixel[2])];
    !normals.into_iter().any(parted)
}

/// The columns and rows that pixel `i` of the row covers.
fn cover<T>(source: &SourceWindow<'_, T>, corners: Corners<'_>, i: usize) -> Option<(Span, Span)> {
    let cols = Span::new(*corners.top.0.get(i)?, *corners.bottom.0.get(i + 1)?, source.first.1, source.cols)?;
    let rows = Span::new(*corners.top.1.get(i)?, *corners.bottom.1.get(i + 1)?, source.first.0, source.rows)?;
    if (cols.cut || rows.cut) && !touches(source, corners, i) {
        return None;
    }
    Some((cols, rows))
}

/// The mean of the valid source pixels that each destination pixel covers, weighted by the covered area.
pub(crate) fn average_row<T: Sample>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    corners: Corners<'_>,
    row: &mut Row<'_, T>,
) {
    let nodata = row.nodata;
    for (i, (pixel, filled)) in row.pixels.iter_mut().zip(&mut *row.filled).enumerate() {
        if *filled != 0 {
            continue;
        }
        let Some((cols, rows)) = cover(&source, corners, i) else { continue };
        let (mut sum, mut weight) = (0.0, 0.0);
        for line in rows.first..rows.end {
            let wy = rows.share(line);
            let start = line * source.cols;
            for col in cols.first..cols.end {
                let value = source.pixels[start + col];
                if valid.holds(start + col, value) {
                    let w = wy * cols.share(col);
                    sum += value.to_f64() * w;
                    weight += w;
                }
            }
        }
        let mean = if weight > 1e-12 { Some(sum / weight) } else { middle(&source, valid, cols, rows) };
        if let Some(mean) = mean {
            *pixel = Row::computed(nodata, mean);
            *filled = 1;
        }
    }
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

/// The most frequent of the valid source pixels that each destination pixel touches; of several, the one that is first
/// to be so often, row by row.
pub(crate) fn mode_row<T: Sample>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    corners: Corners<'_>,
    row: &mut Row<'_, T>,
) {
    let mut counts: Vec<(T, u32)> = Vec::new();
    for (i, (pixel, filled)) in row.pixels.iter_mut().zip(&mut *row.filled).enumerate() {
        if *filled != 0 {
            continue;
        }
        let Some((cols, rows)) = cover(&source, corners, i) else { continue };
        counts.clear();
        let mut best: Option<(T, u32)> = None;
        for line in rows.first..rows.end {
            for index in line * source.cols + cols.first..line * source.cols + cols.end {
                let value = source.pixels[index];
                if !valid.holds(index, value) {
                    continue;
                }
                let count = if let Some((_, count)) = counts.iter_mut().find(|(v, _)| *v == value) {
                    *count += 1;
                    *count
                } else {
                    counts.push((value, 1));
                    1
                };
                if best.is_none_or(|(_, most)| count > most) {
                    best = Some((value, count));
                }
            }
        }
        if let Some((value, _)) = best {
            *pixel = value;
            *filled = 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warp::Unlike;

    const IMAGE: [u8; 8] = [10, 20, 30, 40, 50, 60, 0, 80];

    /// Destination pixels that cover `width` by 2 source pixels from the left.
    fn run(kernel: fn(SourceWindow<'_, u8>, &Unlike<u8>, Corners<'_>, &mut Row<'_, u8>), width: f64) -> Vec<u8> {
        let source = SourceWindow { pixels: &IMAGE, rows: 2, cols: 4, first: (0.0, 0.0) };
        let xs: Vec<f64> = (0..3).map(|i| f64::from(i) * width).collect();
        let corners = Corners { top: (&xs, &[0.0; 3]), bottom: (&xs, &[2.0; 3]) };
        let (mut pixels, mut filled) = (vec![0; 2], vec![0; 2]);
        kernel(source, &Unlike(0), corners, &mut Row { pixels: &mut pixels, filled: &mut filled, nodata: Some(0) });
        pixels
    }

    #[test]
    fn average_is_weighted_by_area_and_skips_nodata() {
        assert_eq!(run(average_row, 2.0), [35, 50]);
        // Columns 0, 1 and half of 2: (10+20+50+60 + 30/2) / 4.5 = 34.4; then half of 2, 3: (15+40+80) / 2.5 = 54.
        assert_eq!(run(average_row, 2.5), [34, 54]);
    }

    #[test]
    fn pixel_that_only_its_box_reaches_in_is_left_out() {
        let source = SourceWindow { pixels: &IMAGE, rows: 2, cols: 4, first: (0.0, 0.0) };
        // A diamond off the upper left corner: its box from corner to corner would touch, the diamond does not.
        let touch = |x: f64, y: f64| {
            let (top, bottom) = (([x, x + 1.0], [y, y - 1.0]), ([x + 1.0, x + 2.0], [y + 1.0, y]));
            touches(&source, Corners { top: (&top.0, &top.1), bottom: (&bottom.0, &bottom.1) }, 0)
        };
        assert!(!touch(-1.6, -0.5));
        assert!(touch(-1.4, 0.5));
    }

    #[test]
    fn mode_takes_the_first_of_equals() {
        assert_eq!(run(mode_row, 2.0), [10, 30]);
    }
}
