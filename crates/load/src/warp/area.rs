//! Area modes: a destination pixel is made of all source pixels that it covers.
//!
//! What it covers is the box in the source between its upper left and its lower right corner, with fractional edges (GDAL's
//! rule): exact where the grids run in parallel, a fair square where one is turned by some degrees. Only a sum goes by the
//! true outline ([`super::sum`]).

use super::SourceWindow;
use crate::files::count;

/// Source positions of the upper and lower corners of a row of destination pixels: one more than there are pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Corners<'a> {
    pub(crate) top: (&'a [f64], &'a [f64]),
    pub(crate) bottom: (&'a [f64], &'a [f64]),
    /// Corners of a pixel that are farther apart than this lie on both sides of the source's seam: the pixel is left out, and
    /// done with its corners side by side.
    pub(crate) torn: f64,
}

/// A box of source pixels with fractional edges, relative to the window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) first: usize,
    pub(super) end: usize,
    /// True where part of it lies outside the window.
    cut: bool,
}

/// A corner this close to a pixel's edge does not reach into the pixel.
pub(super) const HAIR: f64 = 1e-10;

impl Span {
    /// `None` where nothing of it lies in `0..n` or a position is NaN.
    #[inline]
    pub(super) fn new(a: f64, b: f64, offset: f64, n: usize) -> Option<Self> {
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
        let (first, last) = ((from + HAIR) as usize, (to - HAIR) as usize);
        // Rounded up, without a call: `as` cuts off.
        let end = last + usize::from(count(last) < to - HAIR);
        let first = first.min(n - 1);
        Some(Self { from, to, first, end: end.clamp(first + 1, n), cut })
    }

    /// How much of pixel `i` is covered, 0..1.
    #[inline]
    pub(super) fn share(self, i: usize) -> f64 {
        (self.to.min(count(i) + 1.0) - self.from.max(count(i))).max(0.0)
    }
}

/// True where a destination pixel, a four-sided figure in the source, shares ground with the window. The box around two
/// of its corners may reach in where the pixel itself does not; without this test such pixels would be filled or not by
/// how the output is cut into chunks.
#[cold]
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
#[inline]
pub(super) fn cover<T>(source: &SourceWindow<'_, T>, corners: Corners<'_>, i: usize) -> Option<(Span, Span)> {
    let (left, right) = (*corners.top.0.get(i)?, *corners.bottom.0.get(i + 1)?);
    if (left - right).abs() > corners.torn {
        return None;
    }
    let cols = Span::new(left, right, source.first.1, source.cols)?;
    let rows = Span::new(*corners.top.1.get(i)?, *corners.bottom.1.get(i + 1)?, source.first.0, source.rows)?;
    if (cols.cut || rows.cut) && !touches(source, corners, i) {
        return None;
    }
    Some((cols, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixel_that_only_its_box_reaches_in_is_left_out() {
        let source = SourceWindow { pixels: &[0_u8; 8], rows: 2, cols: 4, first: (0.0, 0.0) };
        // A diamond off the upper left corner: its box from corner to corner would touch, the diamond does not.
        let touch = |x: f64, y: f64| {
            let (top, bottom) = (([x, x + 1.0], [y, y - 1.0]), ([x + 1.0, x + 2.0], [y + 1.0, y]));
            touches(&source, Corners { top: (&top.0, &top.1), bottom: (&bottom.0, &bottom.1), torn: f64::INFINITY }, 0)
        };
        assert!(!touch(-1.6, -0.5));
        assert!(touch(-1.4, 0.5));
    }

    #[test]
    fn span_holds_the_pixels_that_are_covered() {
        let span = Span::new(3.5, 1.25, 0.0, 10).unwrap();
        assert_eq!((span.first, span.end, span.share(1), span.share(2), span.share(3)), (1, 4, 0.75, 1.0, 0.5));
        let whole = Span::new(2.0, 4.0 + 1e-12, 0.0, 10).unwrap();
        assert_eq!((whole.first, whole.end, whole.cut), (2, 4, false));
        assert!(Span::new(-2.0, 0.0, 0.0, 10).is_none() && Span::new(f64::NAN, 1.0, 0.0, 10).is_none());
        assert!(Span::new(-2.0, 0.5, 0.0, 10).unwrap().cut);
    }
}
