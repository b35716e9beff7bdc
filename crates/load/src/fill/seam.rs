//! Areas over the seam of a source that goes round the Earth.
//!
//! A destination pixel over the seam has corners at both ends of the source. Here they are put side by side, as if the
//! source's first columns followed its last.

use cube_geo::{PixelPoints, Window};

use super::Broken;
use super::read::{Reading, blocks_of, put_together};
use crate::LoadError;
use crate::files::{Opened, count};
use crate::target::Target;
use crate::warp::{Map, Masked, Positions, Sample, SourceWindow, Turn, rows};

/// A turn has so nearly a whole number of columns that its ends join.
const JOINS: f64 = 1e-3;

/// Fills the pixels of `part` that lie over the seam, of those that are not filled yet.
pub(super) fn over_the_seam<T: Sample>(
    reading: &Reading<'_, '_>,
    map: &Map<'_>,
    part: Window,
    target: &mut Target<'_, T>,
    broken: &mut Broken<'_>,
) -> Result<(), LoadError> {
    let Reading { opened, resampling, .. } = *reading;
    let Some(turn) = map.turn.filter(|_| resampling.is_area()) else { return Ok(()) };
    // Only where positions lie far apart can a pixel be torn.
    let wide =
        map.places.bounds(part, PixelPoints::Corners).is_some_and(|b| b.width() * map.factor.0 > turn.columns / 2.0);
    let columns = turn.columns.round();
    if !wide || (turn.columns - columns).abs() > JOINS || count(opened.shape.cols) > columns {
        return Ok(());
    }
    let map = Map { turn: Some(Turn { unwrapped: true, columns, ..turn }), ..*map };
    let Some((rows_of, (left, right))) = torn(&map, part, opened, columns) else { return Ok(()) };
    let joined = join::<T>(reading, rows_of, (left, right, whole(columns)), broken)?;
    let source =
        SourceWindow { pixels: &joined.0, rows: rows_of.1, cols: right - left, first: (count(rows_of.0), count(left)) };
    rows(source, &Masked(&joined.1), &map, resampling, part, target);
    Ok(())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number of columns, not negative")]
fn whole(columns: f64) -> usize {
    columns.max(0.0) as usize
}

/// First row and number of rows; first column and the one after the last, counted on past the seam.
type Reach = ((usize, usize), (usize, usize));

/// What the pixels over the seam cover; `None` where no pixel of `part` lies over it.
fn torn(map: &Map<'_>, part: Window, opened: &Opened, columns: f64) -> Option<Reach> {
    let cols = part.col..part.col_end();
    let (mut above, mut below) = (Positions::default(), Positions::default());
    map.corners(part.row, cols.clone(), &mut below);
    let seam = map.turn.map_or(columns, |turn| turn.first + columns);
    let mut found: Option<((f64, f64), (f64, f64))> = None;
    for row in part.row..part.row_end() {
        std::mem::swap(&mut above, &mut below);
        map.corners(row + 1, cols.clone(), &mut below);
        let (top, bottom) = (above.slices(), below.slices());
        for i in 0..part.cols {
            let pixel = [(top, i), (top, i + 1), (bottom, i), (bottom, i + 1)].map(|((xs, ys), i)| (xs[i], ys[i]));
            let range = |axis: fn((f64, f64)) -> f64| {
                let values = pixel.into_iter().map(axis);
                values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
            };
            let (x, y) = (range(|p| p.0), range(|p| p.1));
            if x.0 < seam && x.1 > seam && pixel.iter().all(|p| p.0.is_finite() && p.1.is_finite()) {
                let join = |a: (f64, f64), b: (f64, f64)| (a.0.min(b.0), a.1.max(b.1));
                found = Some(found.map_or((y, x), |(rows, cols)| (join(rows, y), join(cols, x))));
            }
        }
    }
    let ((top, bottom), (left, right)) = found?;
    let size = (count(opened.shape.rows), columns + count(opened.shape.cols));
    let (top, bottom) = (whole(top.floor().max(0.0)), whole(bottom.ceil().min(size.0)));
    let (left, right) = (whole(left.floor().max(0.0)), whole(right.ceil().min(size.1)));
    (top < bottom && left < right).then_some(((top, bottom - top), (left, right)))
}

/// The columns `left..right` of some rows, counted on past the seam, with what is valid of them.
fn join<T: Sample>(
    reading: &Reading<'_, '_>,
    (row, n): (usize, usize),
    (left, right, columns): (usize, usize, usize),
    broken: &mut Broken<'_>,
) -> Result<(Vec<T>, Vec<u8>), LoadError> {
    let opened = reading.opened;
    let width = right - left;
    let (mut pixels, mut valid) = (vec![T::default(); n * width], vec![0_u8; n * width]);
    let unlike = opened.conversion.unlike::<T>(opened.header.dtype);
    for (from, to, offset) in [(left, right.min(opened.shape.cols), 0), (0, right.saturating_sub(columns), columns)] {
        if from >= to {
            continue;
        }
        let window = Window::new(row, from, n, to - from);
        let blocks = blocks_of::<T>(reading, window, broken)?;
        let (values, marks) = put_together(&blocks, window, unlike);
        let starts = (0..n).map(|line| line * width + from + offset - left);
        for (i, start) in starts.enumerate() {
            let from = i * window.cols..(i + 1) * window.cols;
            let to = start..start + window.cols;
            pixels[to.clone()].copy_from_slice(&values[from.clone()]);
            for ((valid, value), i) in valid[to].iter_mut().zip(&values[from.clone()]).zip(from) {
                *valid = match &marks {
                    Some(marks) => marks[i],
                    None => u8::from(Some(*value) != unlike),
                };
            }
        }
    }
    Ok((pixels, valid))
}
