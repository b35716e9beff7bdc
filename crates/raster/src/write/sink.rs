//! Where the pieces of a cube go as they are made.

use std::path::PathBuf;

use cube_geo::{GeoBox, Shape, Window};
use cube_model::{Cube, DataType, ExtraDimension, Measurement, Pixels};
use jiff::Timestamp;

use crate::RasterError;

/// All of a cube but its pixels: what a file's header needs before the first pixel is there.
#[derive(Debug, Clone, PartialEq)]
pub struct CubeLayout {
    /// The pixel grid of the last two dimensions.
    pub geobox: GeoBox,
    /// One instant a time plane, ascending.
    pub times: Vec<Timestamp>,
    /// The one extra dimension, if any.
    pub extra: Option<ExtraDimension>,
    /// The arrays in order.
    pub arrays: Vec<ArrayLayout>,
}

/// All of one array but its pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrayLayout {
    /// Its name.
    pub name: String,
    /// Its type.
    pub dtype: DataType,
    /// The value written where nothing was measured; NaN is missing in floats whatever stands here.
    pub nodata: Option<f64>,
    /// What the pixels are.
    pub measurement: Measurement,
}

/// Where a piece of a cube belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Index of the time plane.
    pub time: usize,
    /// Index of the array.
    pub array: usize,
    /// Index along the extra dimension; 0 where the array has none.
    pub extra: usize,
    /// Rows and columns of the GeoBox.
    pub window: Window,
}

/// Takes the pieces of a cube, from any thread and in any order, each once; together they cover it. What is written
/// appears under its name only with [`CubeSink::finish`]; dropped before, it leaves nothing behind.
pub trait CubeSink: Send + Sync {
    /// Rows and columns of the pieces it takes: every piece is one tile of the GeoBox cut by this shape, row-major
    /// from its first pixel, smaller only at the right and lower edges.
    fn tile(&self) -> Shape;

    /// Bytes that it holds at most beside the pieces that are being put, when they come in order of
    /// (time, array, extra, row, column).
    fn working_bytes(&self) -> u64;

    /// Takes a piece, `[rows, cols]` in C order, of the array's type.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn put(&self, place: Place, pixels: Pixels) -> Result<(), RasterError>;

    /// Completes what is written, and tells which files that made.
    ///
    /// # Errors
    /// Where it cannot be written, or pieces are missing.
    fn finish(self: Box<Self>) -> Result<Vec<PathBuf>, RasterError>;
}

impl CubeLayout {
    /// The layout of a cube that is in memory.
    #[must_use]
    pub fn of(cube: &Cube) -> Self {
        let arrays = cube.arrays.iter().map(|(name, array)| {
            let mut measurement = array.measurement.clone();
            let has_extra = array.pixels.shape().len() == 4;
            measurement.extra_dim = cube.extra.as_ref().filter(|_| has_extra).map(|extra| extra.name.clone());
            ArrayLayout { name: name.clone(), dtype: array.pixels.dtype(), nodata: array.nodata, measurement }
        });
        Self {
            geobox: cube.geobox.clone(),
            times: cube.times.clone(),
            extra: cube.extra.clone(),
            arrays: arrays.collect(),
        }
    }

    /// True where an array has the extra dimension.
    #[must_use]
    pub fn has_extra(&self, array: &ArrayLayout) -> bool {
        self.extra.is_some() && array.measurement.extra_dim.is_some()
    }

    /// How many planes an array has for each time: one, or one for each value of the extra dimension.
    #[must_use]
    pub fn extras(&self, array: &ArrayLayout) -> usize {
        match &self.extra {
            Some(extra) if self.has_extra(array) => extra.values.len(),
            _ => 1,
        }
    }

    /// What a plane of an array is called: the array's name, with the value of the extra dimension where it has one.
    pub(crate) fn plane_name(&self, array: &ArrayLayout, extra: usize) -> String {
        match self.extra.as_ref().filter(|_| self.has_extra(array)).and_then(|e| e.values.get(extra)) {
            Some(value) => format!("{}_{value}", array.name),
            None => array.name.clone(),
        }
    }
}

impl ArrayLayout {
    /// The nodata value that files state: the array's, else NaN for floats; `None` where no pixel can have it.
    pub(crate) fn stated_nodata(&self) -> Option<f64> {
        self.nodata.or_else(|| self.dtype.is_float().then_some(f64::NAN)).filter(|value| self.dtype.holds(*value))
    }
}
