//! Which pieces of a cube have come.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use cube_geo::Shape;
use cube_model::Pixels;

use super::sink::{CubeLayout, Place};
use crate::RasterError;

/// Checks each piece against the layout, and counts that all come once.
pub(crate) struct Pieces {
    path: PathBuf,
    layout: CubeLayout,
    tile: Shape,
    /// Tiles down and across a plane.
    grid: Shape,
    /// Planes of all arrays before each array, in one time; then those of a time.
    planes_before: Vec<usize>,
    planes: usize,
    /// One bit a piece.
    came: Vec<AtomicU64>,
}

impl Pieces {
    pub(crate) fn new(path: &Path, layout: CubeLayout, tile: Shape) -> Self {
        let shape = layout.geobox.shape;
        let grid = Shape::new(shape.rows.div_ceil(tile.rows.max(1)), shape.cols.div_ceil(tile.cols.max(1)));
        let mut planes = 0;
        let planes_before = layout.arrays.iter().map(|array| {
            let before = planes;
            planes += layout.extras(array);
            before
        });
        let planes_before = planes_before.collect();
        let bits = layout.times.len().saturating_mul(planes).saturating_mul(grid.pixels());
        let came = (0..bits.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        Self { path: path.to_owned(), layout, tile, grid, planes_before, planes, came }
    }

    pub(crate) const fn layout(&self) -> &CubeLayout {
        &self.layout
    }

    pub(crate) const fn tile(&self) -> Shape {
        self.tile
    }

    /// Marks a piece as come; gives the row and the column of its tile.
    ///
    /// # Errors
    /// Where it is no piece of this cube, has another shape or type, or came before.
    pub(crate) fn take(&self, place: Place, pixels: &Pixels) -> Result<(usize, usize), RasterError> {
        let refused = |what: String| RasterError::Inexpressible {
            path: self.path.clone(),
            what: format!("the piece of array {}, time {} at {} {what}", place.array, place.time, place.window),
            remedy: "give each tile of the sink once, whole, in the type of its array".to_owned(),
        };
        let array = self
            .layout
            .arrays
            .get(place.array)
            .filter(|array| place.time < self.layout.times.len() && place.extra < self.layout.extras(array));
        let Some(array) = array else { return Err(refused("lies outside of it".to_owned())) };
        let window = place.window;
        let (row, col) = (window.row / self.tile.rows.max(1), window.col / self.tile.cols.max(1));
        let shape = self.layout.geobox.shape;
        let whole = cube_geo::Window::new(row * self.tile.rows, col * self.tile.cols, self.tile.rows, self.tile.cols);
        if whole.intersection(shape.whole()) != Some(window) {
            return Err(refused(format!("is no tile of {}", self.tile)));
        }
        if pixels.dtype() != array.dtype || pixels.shape() != [window.rows, window.cols] {
            let came = format!("holds {} of {:?}, expected {}", pixels.dtype(), pixels.shape(), array.dtype);
            return Err(refused(came));
        }
        let above = place.time * self.planes + self.planes_before.get(place.array).copied().unwrap_or(0) + place.extra;
        let index = above * self.grid.pixels() + row * self.grid.cols + col;
        let bit = 1 << (index % 64);
        let before = self.came.get(index / 64).map_or(bit, |word| word.fetch_or(bit, Ordering::Relaxed));
        if before & bit != 0 {
            return Err(refused("came twice".to_owned()));
        }
        Ok((row, col))
    }

    /// Checks that all pieces came.
    ///
    /// # Errors
    /// Where some are missing.
    pub(crate) fn complete(&self) -> Result<(), RasterError> {
        let all = self.layout.times.len() * self.planes * self.grid.pixels();
        let came: usize = self.came.iter().map(|word| word.load(Ordering::Relaxed).count_ones() as usize).sum();
        if came == all {
            return Ok(());
        }
        Err(RasterError::Unwritable {
            path: self.path.clone(),
            reason: format!("{came} of {all} pieces came; it is complete only with all of them"),
        })
    }
}

/// The side of a chunk along `length` pixels: as few chunks of at most 1024 as cover it, of about the same size, so
/// that little of the last one lies beyond the edge. Sides are multiples of 64, as the nodes of transform grids are.
pub(crate) const fn chunk_side(length: usize) -> usize {
    const LARGEST: usize = 1024;
    const STEP: usize = 64;
    if length <= LARGEST {
        return if length == 0 { 1 } else { length };
    }
    length.div_ceil(length.div_ceil(LARGEST)).next_multiple_of(STEP)
}

#[cfg(test)]
mod tests {
    use cube_geo::{Affine, Crs, GeoBox, Window};
    use cube_model::{DataType, Measurement};

    use super::super::sink::ArrayLayout;
    use super::*;

    fn pieces() -> Pieces {
        let geobox = GeoBox::new(Shape::new(5, 7), Affine::IDENTITY, Crs::epsg(32633).unwrap()).unwrap();
        let measurement = Measurement::new("a", DataType::UInt8, None);
        let array = ArrayLayout { name: "a".into(), dtype: DataType::UInt8, nodata: None, measurement };
        let times = vec!["2034-05-01T10:00:00Z".parse().unwrap()];
        let layout = CubeLayout { geobox, times, extra: None, arrays: vec![array.clone(), array] };
        Pieces::new(Path::new("a.zarr"), layout, Shape::new(4, 4))
    }

    fn put(pieces: &Pieces, array: usize, window: Window, dtype: DataType) -> Result<(usize, usize), RasterError> {
        let place = Place { time: 0, array, extra: 0, window };
        pieces.take(place, &Pixels::filled(dtype, &[window.rows, window.cols], 0.0).unwrap())
    }

    #[test]
    fn all_pieces_make_it_complete_and_one_fewer_does_not() {
        let pieces = pieces();
        for array in [1, 0] {
            for window in Shape::new(5, 7).whole().tiles(Shape::new(4, 4)) {
                assert!(pieces.complete().is_err());
                assert_eq!(put(&pieces, array, window, DataType::UInt8), Ok((window.row / 4, window.col / 4)));
            }
        }
        pieces.complete().unwrap();
    }

    #[test]
    fn pieces_that_do_not_fit_are_refused() {
        let pieces = pieces();
        let whole = Window::new(0, 0, 4, 4);
        for (array, window, dtype, said) in [
            (2, whole, DataType::UInt8, "lies outside"),
            (0, Window::new(0, 0, 4, 3), DataType::UInt8, "is no tile"),
            (0, Window::new(0, 8, 4, 4), DataType::UInt8, "is no tile"),
            (0, whole, DataType::Int8, "holds int8"),
        ] {
            let error = put(&pieces, array, window, dtype).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        put(&pieces, 0, whole, DataType::UInt8).unwrap();
        assert!(put(&pieces, 0, whole, DataType::UInt8).unwrap_err().to_string().contains("came twice"));
    }

    #[test]
    fn chunks_cover_a_length_with_little_beyond_it() {
        assert_eq!([1, 37, 1024, 1025, 4096, 10_980].map(chunk_side), [1, 37, 1024, 576, 1024, 1024]);
    }
}
