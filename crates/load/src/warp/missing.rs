//! Interpolation where some of the pixels under the filter are missing: nodata, or outside the image.

use super::filters::{Filter, Linear, Missing};
use super::interpolate::normalised;
use super::nearest::pixel_under;
use super::{Sample, SourceWindow, Validity};
use crate::files::count;

/// The interpolated value at a position of the image; `None` where the pixel that it lies in is missing, or too many
/// others are.
#[cold]
pub(super) fn with_missing<T: Sample, F: Filter<N>, const N: usize>(
    source: &SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    x: f64,
    y: f64,
) -> Option<f64> {
    let under = pixel_under(source, x, y)?;
    if !valid.holds(under, source.pixels[under]) {
        return None;
    }
    if F::MISSING == Missing::Linear {
        return with_missing::<T, Linear, 2>(source, valid, x, y);
    }
    let (cols, rows) =
        (Span::new::<N>(x - source.first.1, source.cols), Span::new::<N>(y - source.first.0, source.rows));
    let (across, down) = (F::weights(cols.past), F::weights(rows.past));
    let (mut sum, mut weight, mut there, mut inside) = (0.0, 0.0, 0_usize, 0_usize);
    for (line, wy) in rows.inside(down) {
        for (col, wx) in cols.inside(across) {
            inside += 1;
            let index = line * source.cols + col;
            let value = source.pixels[index];
            if valid.holds(index, value) {
                there += 1;
                sum += value.to_f64() * wx * wy;
                weight += wx * wy;
            }
        }
    }
    let enough = match F::MISSING {
        Missing::HalfOrMore => there >= inside / 2 && weight >= 1e-6,
        _ => weight >= if N == 2 { 1e-5 } else { 1e-6 },
    };
    enough.then(|| normalised(sum, weight))
}

/// The pixels under a filter along one axis.
struct Span {
    /// The first of them; it may lie outside.
    first: f64,
    /// How far the position lies past the centre of one.
    past: f64,
    /// Pixels of the window.
    size: usize,
}

impl Span {
    fn new<const N: usize>(position: f64, size: usize) -> Self {
        let u = position - 0.5;
        let at = u.floor();
        Self { first: at - count(N / 2 - 1), past: u - at, size }
    }

    /// Those inside the window, with their weights.
    fn inside<const N: usize>(&self, weights: [f64; N]) -> impl Iterator<Item = (usize, f64)> {
        let (first, size) = (self.first, count(self.size));
        weights.into_iter().enumerate().filter_map(move |(i, weight)| {
            let at = first + count(i);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= at < size")]
            (at >= 0.0 && at < size).then_some((at as usize, weight))
        })
    }
}
