//! Sum over the area of a destination pixel.
//!
//! Each source pixel is shared out among the destination pixels that it lies under, by the area that each covers of it:
//! what is in the source is in the output, no more and no less. So the true outline counts here, a four-sided figure.

use super::area::{Corners, Span};
use super::{Row, Sample, SourceWindow, Validity};
use crate::files::count;

/// A convex figure: a clipped quadrilateral has at most eight corners.
#[derive(Debug, Clone, Copy)]
struct Figure {
    corners: [(f64, f64); 12],
    n: usize,
}

impl Figure {
    fn new(corners: [(f64, f64); 4]) -> Self {
        let mut all = [(0.0, 0.0); 12];
        all[..4].copy_from_slice(&corners);
        Self { corners: all, n: 4 }
    }

    /// The part on which `inside`, which is linear, is not negative.
    fn clip(&self, inside: impl Fn((f64, f64)) -> f64) -> Self {
        let mut out = Self { corners: [(0.0, 0.0); 12], n: 0 };
        let corners = &self.corners[..self.n];
        let Some(mut before) = corners.last().copied() else { return out };
        let mut depth_before = inside(before);
        for &corner in corners {
            let depth = inside(corner);
            if (depth < 0.0) != (depth_before < 0.0) {
                let t = depth_before / (depth_before - depth);
                out.push((before.0 + t * (corner.0 - before.0), before.1 + t * (corner.1 - before.1)));
            }
            if depth >= 0.0 {
                out.push(corner);
            }
            (before, depth_before) = (corner, depth);
        }
        out
    }

    fn push(&mut self, corner: (f64, f64)) {
        if let Some(place) = self.corners.get_mut(self.n) {
            *place = corner;
            self.n += 1;
        }
    }

    fn area(&self) -> f64 {
        let corners = &self.corners[..self.n];
        let next = corners.iter().cycle().skip(1);
        let twice: f64 = corners.iter().zip(next).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum();
        twice.abs() / 2.0
    }

    fn range(&self, axis: impl Fn(&(f64, f64)) -> f64) -> (f64, f64) {
        let values = self.corners[..self.n].iter().map(axis);
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
    }
}

/// The sum of the valid source pixels under each destination pixel, each weighted by the fraction of it that is covered.
pub(crate) fn sum_row<T: Sample>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    corners: Corners<'_>,
    row: &mut Row<'_, T>,
) {
    let nodata = row.nodata;
    for (i, (pixel, filled)) in row.pixels.iter_mut().zip(&mut *row.filled).enumerate() {
        if *filled == 0
            && let Some(sum) = sum_of(&source, valid, corners, i)
        {
            *pixel = Row::computed(nodata, sum);
            *filled = 1;
        }
    }
}

/// `None` where no valid pixel is covered.
#[expect(clippy::many_single_char_names, reason = "corners and positions")]
fn sum_of<T: Sample>(
    source: &SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    corners: Corners<'_>,
    i: usize,
) -> Option<f64> {
    let at = |(xs, ys): (&[f64], &[f64]), i: usize| Some((*xs.get(i)?, *ys.get(i)?));
    let mut outline =
        [at(corners.top, i)?, at(corners.top, i + 1)?, at(corners.bottom, i + 1)?, at(corners.bottom, i)?];
    if outline.iter().any(|(x, y)| !x.is_finite() || !y.is_finite()) {
        return None;
    }
    if outline.iter().any(|(x, _)| (x - outline[0].0).abs() > corners.torn) {
        return None;
    }
    // Positions count from a pixel near by: areas then have the same bits whatever the window, and lose none to large
    // numbers.
    let base = (outline[0].0.floor(), outline[0].1.floor());
    for corner in &mut outline {
        *corner = (corner.0 - base.0, corner.1 - base.1);
    }
    let (first_col, first_row) = (source.first.1 - base.0, source.first.0 - base.1);
    let [a, b, c, d] = outline;
    #[expect(clippy::float_cmp, reason = "grids in parallel have equal positions, to the last bit")]
    let parallel = (a.0 == d.0 && b.0 == c.0 && a.1 == b.1 && c.1 == d.1).then_some(((a.0, c.0), (a.1, c.1)));
    let outline = Figure::new(outline);
    let ((left, right), (top, bottom)) = parallel.unwrap_or_else(|| (outline.range(|c| c.0), outline.range(|c| c.1)));
    let rows = Span::new(top, bottom, first_row, source.rows)?;
    let whole = Span::new(left, right, first_col, source.cols)?;
    let (mut sum, mut found) = (0.0, false);
    for line in rows.first..rows.end {
        let y = count(line) + first_row;
        let strip = if parallel.is_some() { outline } else { outline.clip(|c| c.1 - y).clip(|c| y + 1.0 - c.1) };
        let (left, right) = if parallel.is_some() { (left, right) } else { strip.range(|c| c.0) };
        let Some(cols) = Span::new(left, right, first_col, source.cols) else { continue };
        let high = rows.share(line);
        for col in cols.first.max(whole.first)..cols.end.min(whole.end) {
            let index = line * source.cols + col;
            let value = source.pixels[index];
            if !valid.holds(index, value) {
                continue;
            }
            let x = count(col) + first_col;
            let share = if parallel.is_some() {
                high * cols.share(col)
            } else {
                strip.clip(|c| c.0 - x).clip(|c| x + 1.0 - c.0).area()
            };
            // Rounding errors of a corner that only touches are no cover.
            if share > 1e-10 {
                sum += value.to_f64() * share;
                found = true;
            }
        }
    }
    found.then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warp::Present;
    use crate::warp::testing::area;

    #[test]
    fn sum_takes_the_covered_part_of_each_pixel() {
        assert_eq!(area(sum_row, 2.0), [140, 150]);
        assert_eq!(area(sum_row, 0.5), [30, 30]);
        assert_eq!(area(sum_row, 2.5), [155, 135]);
    }

    #[test]
    fn turned_pixels_share_out_the_whole_image() {
        let image = [1.0_f64, 20.0, 300.0, 4000.0];
        let source = SourceWindow { pixels: &image, rows: 2, cols: 2, first: (0.0, 0.0) };
        let (sin, cos) = 0.3_f64.sin_cos();
        let at = |row: f64| -> (Vec<f64>, Vec<f64>) {
            (0..9)
                .map(|col| (f64::from(col) * 0.7 - 3.0, row * 0.7 - 3.0))
                .map(|(x, y)| (1.0 + cos * x - sin * y, 1.0 + sin * x + cos * y))
                .unzip()
        };
        let mut total = 0.0;
        for row in 0..9 {
            let (top, bottom) = (at(f64::from(row)), at(f64::from(row) + 1.0));
            let corners = Corners { top: (&top.0, &top.1), bottom: (&bottom.0, &bottom.1), torn: f64::INFINITY };
            total += (0..8).filter_map(|i| sum_of(&source, &Present, corners, i)).sum::<f64>();
        }
        assert!((total - 4321.0).abs() < 1e-9, "{total}");
    }
}
