//! From a window of a source to a window of the output, row by row.

use cube_geo::{Resampling, Window};

use super::area::Corners;
use super::interpolate::{bilinear_row, cubic_row, lanczos_row, spline_row};
use super::mean::{average_row, rms_row};
use super::nearest::nearest_row;
use super::pick::{max_row, min_row, mode_row, quantile_row};
use super::sum::sum_row;
use super::{Map, Positions, Sample, SourceWindow, Validity};
use crate::target::Target;

/// Resamples the pixels of `part` that are not filled yet.
pub(crate) fn rows<T: Sample, V: Validity<T>>(
    source: SourceWindow<'_, T>,
    valid: &V,
    map: &Map<'_>,
    resampling: Resampling,
    part: Window,
    target: &mut Target<'_, T>,
) {
    let cols = part.col..part.col_end();
    let (mut here, mut below) = (Positions::default(), Positions::default());
    if resampling.is_area() {
        map.corners(part.row, cols.clone(), &mut below);
    }
    for row in part.row..part.row_end() {
        let Some(mut line) = target.row(row, part.col, part.cols) else { continue };
        if resampling.is_area() {
            std::mem::swap(&mut here, &mut below);
            map.corners(row + 1, cols.clone(), &mut below);
            let corners = Corners { top: here.slices(), bottom: below.slices(), torn: map.torn() };
            match resampling {
                Resampling::Mode => mode_row(source, valid, corners, &mut line),
                Resampling::Max => max_row(source, valid, corners, &mut line),
                Resampling::Min => min_row(source, valid, corners, &mut line),
                Resampling::Q1 => quantile_row(source, valid, corners, &mut line, 1),
                Resampling::Med => quantile_row(source, valid, corners, &mut line, 2),
                Resampling::Q3 => quantile_row(source, valid, corners, &mut line, 3),
                Resampling::Sum => sum_row(source, valid, corners, &mut line),
                Resampling::Rms => rms_row(source, valid, corners, &mut line),
                _ => average_row(source, valid, corners, &mut line),
            }
        } else {
            map.centres(row, cols.clone(), &mut here);
            match resampling {
                Resampling::Nearest => nearest_row(source, valid, here.slices(), &mut line),
                Resampling::Cubic => cubic_row(source, valid, here.slices(), &mut line),
                Resampling::CubicSpline => spline_row(source, valid, here.slices(), &mut line),
                Resampling::Lanczos => lanczos_row(source, valid, here.slices(), &mut line),
                _ => bilinear_row(source, valid, here.slices(), &mut line),
            }
        }
    }
}
