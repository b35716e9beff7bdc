//! A cube that is in memory, piece by piece into a sink.

use std::path::PathBuf;

use cube_geo::Window;
use cube_model::{Cube, CubeArray, Pixel, Pixels, for_each_dtype};
use ndarray::{Axis, s};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::sink::{CubeSink, Place};
use crate::RasterError;

/// Puts all of a cube into a sink and finishes it.
///
/// # Errors
/// As the sink.
pub fn put_cube(sink: Box<dyn CubeSink>, cube: &Cube) -> Result<Vec<PathBuf>, RasterError> {
    let windows: Vec<Window> = cube.geobox.shape.whole().tiles(sink.tile()).collect();
    let mut places = Vec::new();
    for time in 0..cube.times.len() {
        for (index, array) in cube.arrays.values().enumerate() {
            let extras = match *array.pixels.shape() {
                [_, extras, _, _] => extras,
                _ => 1,
            };
            for extra in 0..extras {
                places.extend(windows.iter().map(|window| Place { time, array: index, extra, window: *window }));
            }
        }
    }
    places.into_par_iter().try_for_each(|place| {
        let piece = cube.arrays.get_index(place.array).and_then(|(_, array)| piece(array, place));
        piece.map_or(Ok(()), |pixels| sink.put(place, pixels))
    })?;
    sink.finish()
}

/// A copy of the pixels at a place; `None` where the array has none there.
fn piece(array: &CubeArray, place: Place) -> Option<Pixels> {
    let window = place.window;
    for_each_dtype!(
        array.pixels.dtype(),
        T => {
            let mut view = T::view(&array.pixels)?.view();
            while let [first, _, _, ..] = *view.shape() {
                let index = if view.ndim() == array.pixels.shape().len() { place.time } else { place.extra };
                if index >= first {
                    return None;
                }
                view = view.index_axis_move(Axis(0), index);
            }
            let whole = view.into_dimensionality::<ndarray::Ix2>().ok()?;
            if !window.fits(cube_geo::Shape::new(whole.nrows(), whole.ncols())) {
                return None;
            }
            let part = whole.slice(s![window.row..window.row_end(), window.col..window.col_end()]);
            Some(T::wrap(part.to_owned().into_dyn()))
        },
        _ => None
    )
}
