//! Area modes that pick one of the source pixels that a destination pixel covers: each counts once, however little of it
//! is covered. What is picked stays as it is, the destination's nodata value too: a class is not moved to the class beside.

use std::cmp::Ordering;

use super::area::{Corners, cover};
use super::{Row, Sample, SourceWindow, Validity};

/// Different values up to which they are looked up in a list.
const FEW: usize = 16;

/// Runs `pick` over the valid pixels of each destination pixel, in order from row to row.
#[inline(always)]
fn pick_row<T: Sample>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    corners: Corners<'_>,
    row: &mut Row<'_, T>,
    mut pick: impl FnMut(&mut Vec<T>) -> Option<T>,
) {
    let mut values = Vec::new();
    for (i, (pixel, filled)) in row.pixels.iter_mut().zip(&mut *row.filled).enumerate() {
        if *filled != 0 {
            continue;
        }
        let Some((cols, rows)) = cover(&source, corners, i) else { continue };
        values.clear();
        for line in rows.first..rows.end {
            let start = line * source.cols;
            let Some(pixels) = source.pixels.get(start + cols.first..start + cols.end) else { continue };
            let pixels = pixels.iter().zip(start + cols.first..);
            values.extend(pixels.filter(|(value, index)| valid.holds(*index, **value)).map(|(value, _)| *value));
        }
        if let Some(value) = pick(&mut values) {
            *pixel = value;
            *filled = 1;
        }
    }
}

/// The largest.
pub(crate) fn max_row<T: Sample>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    corners: Corners<'_>,
    row: &mut Row<'_, T>,
) {
    pick_row(source, valid, corners, row, |values| values.iter().copied().reduce(|a, b| if b > a { b } else { a }));
}

/// The smallest.
pub(crate) fn min_row<T: Sample>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    corners: Corners<'_>,
    row: &mut Row<'_, T>,
) {
    pick_row(source, valid, corners, row, |values| values.iter().copied().reduce(|a, b| if b < a { b } else { a }));
}

/// The value below or at which `quarters`/4 of the values lie: of n in order the ⌈n·quarters/4⌉th (GDAL's rule; no mean of
/// two middle values, so that it is a value that occurs).
pub(crate) fn quantile_row<T: Sample>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    corners: Corners<'_>,
    row: &mut Row<'_, T>,
    quarters: usize,
) {
    pick_row(source, valid, corners, row, |values| {
        let place = (values.len() * quarters).div_ceil(4).checked_sub(1)?;
        let (_, value, _) = values.select_nth_unstable_by(place, in_order);
        Some(*value)
    });
}

/// The most frequent; of several, the one that is first to be so often, row by row.
pub(crate) fn mode_row<T: Sample>(
    source: SourceWindow<'_, T>,
    valid: &impl Validity<T>,
    corners: Corners<'_>,
    row: &mut Row<'_, T>,
) {
    let (mut sorted, mut bins) = (Vec::new(), [0_u32; 256]);
    pick_row(source, valid, corners, row, |values| {
        if values.first().is_some_and(|v| v.byte().is_some()) && values.len() > FEW {
            return byte_mode(values, &mut bins);
        }
        mode_of_few(values).unwrap_or_else(|| mode_of_many(values, &mut sorted))
    });
}

/// Valid values have no NaN.
fn in_order<T: PartialOrd>(a: &T, b: &T) -> Ordering {
    a.partial_cmp(b).unwrap_or(Ordering::Equal)
}

/// With a bin for each value; the bins come and go empty.
fn byte_mode<T: Sample>(values: &[T], bins: &mut [u32; 256]) -> Option<T> {
    let mut best = (None, 0);
    let bin = |value: &T| usize::from(value.byte().unwrap_or(0));
    for value in values {
        let n = &mut bins[bin(value)];
        *n += 1;
        if *n > best.1 {
            best = (Some(*value), *n);
        }
    }
    for value in values {
        bins[bin(value)] = 0;
    }
    best.0
}

/// `None` where there are too many different values; else the mode, `None` of no values.
#[expect(clippy::option_option, reason = "no answer is not the answer that there is none")]
fn mode_of_few<T: Sample>(values: &[T]) -> Option<Option<T>> {
    let mut counts = [(T::default(), 0_u32); FEW];
    let (mut known, mut best) = (0, (None, 0));
    for value in values {
        let place = counts[..known].iter().position(|(v, _)| v == value).unwrap_or(known);
        let entry = counts.get_mut(place)?;
        if place == known {
            *entry = (*value, 0);
            known += 1;
        }
        entry.1 += 1;
        if entry.1 > best.1 {
            best = (Some(*value), entry.1);
        }
    }
    Some(best.0)
}

/// By sorting: equal values lie together, the last of each run is the one that made it so long.
fn mode_of_many<T: Sample>(values: &[T], sorted: &mut Vec<(T, usize)>) -> Option<T> {
    sorted.clear();
    sorted.extend(values.iter().copied().zip(0..));
    sorted.sort_unstable_by(|a, b| in_order(&a.0, &b.0).then(a.1.cmp(&b.1)));
    let runs = sorted.chunk_by(|a, b| a.0 == b.0).filter_map(|run| run.last().map(|last| (run.len(), last)));
    let best = runs.reduce(|a, b| if (b.0, a.1.1) > (a.0, b.1.1) { b } else { a });
    best.map(|(_, (value, _))| *value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warp::testing::area;

    #[test]
    fn mode_takes_the_first_of_equals() {
        assert_eq!(area(mode_row, 2.0), [10, 30]);
    }

    #[test]
    fn extremes_and_quantiles_are_values_that_occur() {
        assert_eq!(area(max_row, 2.0), [60, 80]);
        assert_eq!(area(min_row, 2.0), [10, 30]);
        let quantile = |quarters| area(move |s, v: &_, c, r: &mut _| quantile_row(s, v, c, r, quarters), 2.0);
        // Of 10, 20, 50, 60 the first, second and third; of 30, 40, 80 the same.
        assert_eq!((quantile(1), quantile(2), quantile(3)), (vec![10, 30], vec![20, 40], vec![50, 80]));
    }

    #[test]
    fn all_ways_to_a_mode_agree() {
        let mut state = 7_u32;
        for n in 1..200 {
            let values: Vec<u8> = (0..n)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    u8::try_from((state >> 20) % 12).unwrap()
                })
                .collect();
            let few = mode_of_few(&values).unwrap();
            assert_eq!(few, mode_of_many(&values, &mut Vec::new()));
            assert_eq!(few, byte_mode(&values, &mut [0; 256]));
        }
        assert!(mode_of_few(&(0..20_u16).collect::<Vec<_>>()).is_none());
        assert_eq!(mode_of_many(&[9_u16, 3, 3, 9], &mut Vec::new()), Some(3));
    }
}
