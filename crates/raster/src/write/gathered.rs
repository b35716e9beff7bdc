//! A cube in memory until it is written.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cube_geo::Shape;
use cube_model::{Cube, CubeArray, Pixel, Pixels, for_each_dtype};
use ndarray::{ArrayView2, Axis, s};

use super::pieces::Pieces;
use super::sink::{CubeLayout, CubeSink, Place};
use super::{WriteOptions, write_cog, write_geotiffs};
use crate::RasterError;

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

/// Begins what [`write_cog`] writes, for pieces as they come.
///
/// # Errors
/// As [`write_cog`].
pub fn cog_sink(path: &Path, layout: CubeLayout, options: &WriteOptions) -> Result<Box<dyn CubeSink>, RasterError> {
    Ok(gather(path, layout, *options, |path, cube, options| {
        write_cog(path, cube, options).map(|()| vec![path.to_owned()])
    }))
}

/// Begins what [`write_geotiffs`] writes, for pieces as they come.
///
/// # Errors
/// As [`write_geotiffs`].
pub fn geotiffs_sink(
    folder: &Path,
    layout: CubeLayout,
    options: &WriteOptions,
) -> Result<Box<dyn CubeSink>, RasterError> {
    Ok(gather(folder, layout, *options, write_geotiffs))
}

type Write = fn(&Path, &Cube, &WriteOptions) -> Result<Vec<PathBuf>, RasterError>;

fn gather(path: &Path, layout: CubeLayout, options: WriteOptions, write: Write) -> Box<dyn CubeSink> {
    let shape = layout.geobox.shape;
    let arrays = layout.arrays.iter().filter_map(|array| {
        let extra = layout.has_extra(array).then(|| layout.extras(array));
        let shape: Vec<usize> =
            [Some(layout.times.len()), extra, Some(shape.rows), Some(shape.cols)].into_iter().flatten().collect();
        let pixels = Pixels::filled(array.dtype, &shape, 0.0)?;
        Some((array.name.clone(), CubeArray { pixels, nodata: array.nodata, measurement: array.measurement.clone() }))
    });
    let cube = Cube {
        geobox: layout.geobox.clone(),
        times: layout.times.clone(),
        extra: layout.extra.clone(),
        arrays: arrays.collect(),
    };
    let pieces = Pieces::new(path, layout, Shape::new(512, 512));
    Box::new(Gathered { path: path.to_owned(), options, write, pieces, cube: Mutex::new(cube) })
}

struct Gathered {
    path: PathBuf,
    options: WriteOptions,
    write: Write,
    pieces: Pieces,
    cube: Mutex<Cube>,
}

impl CubeSink for Gathered {
    fn tile(&self) -> Shape {
        self.pieces.tile()
    }

    fn working_bytes(&self) -> u64 {
        let layout = self.pieces.layout();
        let plane = (layout.geobox.shape.pixels() * layout.times.len()) as u64;
        layout.arrays.iter().map(|a| plane * (layout.extras(a) * a.dtype.bytes()) as u64).sum()
    }

    fn put(&self, place: Place, pixels: Pixels) -> Result<(), RasterError> {
        self.pieces.take(place, &pixels)?;
        let mut cube = self.cube.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((_, array)) = cube.arrays.get_index_mut(place.array) else { return Ok(()) };
        for_each_dtype!(
            pixels.dtype(),
            T => if let (Some(piece), Some(all)) = (T::view(&pixels), T::view_mut(&mut array.pixels)) {
                let mut view = all.index_axis_mut(Axis(0), place.time);
                if view.ndim() == 3 {
                    view = view.index_axis_move(Axis(0), place.extra);
                }
                let w = place.window;
                view.slice_mut(s![w.row..w.row_end(), w.col..w.col_end()]).assign(piece);
            },
            _ => ()
        );
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Vec<PathBuf>, RasterError> {
        self.pieces.complete()?;
        let cube = self.cube.into_inner().unwrap_or_else(PoisonError::into_inner);
        (self.write)(&self.path, &cube, &self.options)
    }
}
