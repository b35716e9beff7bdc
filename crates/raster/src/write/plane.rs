//! One plane `[rows, cols]` of a cube's array.

use cube_model::{Cube, CubeArray, Pixel};
use ndarray::{ArrayView2, Axis};

/// The pixels of one time and, for arrays that have it, one index of the extra dimension; `None` where the array
/// has no such plane or another type.
pub(crate) fn plane<T: Pixel>(array: &CubeArray, time: usize, extra: Option<usize>) -> Option<ArrayView2<'_, T>> {
    let pixels = T::view(&array.pixels)?;
    if time >= *pixels.shape().first()? {
        return None;
    }
    let mut view = pixels.index_axis(Axis(0), time);
    if let Some(extra) = extra {
        if view.ndim() != 3 || extra >= view.shape()[0] {
            return None;
        }
        view = view.index_axis_move(Axis(0), extra);
    }
    view.into_dimensionality().ok()
}

/// Indices of the extra dimension of an array: one `None` where it has none.
pub(crate) fn extras(cube: &Cube, array: &CubeArray) -> Vec<Option<usize>> {
    match &cube.extra {
        Some(extra) if array.pixels.shape().len() == 4 => (0..extra.values.len()).map(Some).collect(),
        _ => vec![None],
    }
}
