//! Cubes: loaded arrays with their labels.

use std::cmp::Ordering;

use cube_geo::GeoBox;
use indexmap::IndexMap;
use jiff::Timestamp;
use ndarray::{ArrayView3, ArrayViewD, Ix3};

use crate::{DataType, Measurement, Pixel, Pixels};

/// Labelled arrays, one a measurement, all on one GeoBox. Dimensions are `[time, y, x]`, or
/// `[time, extra, y, x]` for measurements that have the extra dimension; C order, rows as the GeoBox says.
#[derive(Debug, Clone, PartialEq)]
pub struct Cube {
    /// The pixel grid of the last two dimensions.
    pub geobox: GeoBox,
    /// One instant a time plane, ascending.
    pub times: Vec<Timestamp>,
    /// The one extra dimension, if any.
    pub extra: Option<ExtraDimension>,
    /// The arrays by the name they were asked for.
    pub arrays: IndexMap<String, CubeArray>,
}

/// One array and what its pixels mean.
#[derive(Debug, Clone, PartialEq)]
pub struct CubeArray {
    /// The pixels.
    pub pixels: Pixels,
    /// The value written where nothing was measured; NaN is missing in floats whatever stands here.
    pub nodata: Option<f64>,
    /// What the pixels are; its `nodata` may differ from the array's where the load asked for another fill value,
    /// its scale factor and offset are those that still have to be applied to the pixels.
    pub measurement: Measurement,
}

/// A named dimension between time and y.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtraDimension {
    /// Its name, such as `wavelength` or `level`.
    pub name: String,
    /// Its coordinate values.
    pub values: Vec<f64>,
    /// The type of the values, as the product says.
    pub dtype: DataType,
    /// Units of the values.
    pub units: Option<String>,
}

/// A cube does not hold what was asked of it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CubeError {
    /// No such measurement.
    #[error("the cube has no measurement {name:?}; it has {}", .has.join(", "))]
    NoMeasurement {
        /// The name asked for.
        name: String,
        /// The names there are.
        has: Vec<String>,
    },
    /// Another type than asked for.
    #[error("measurement {name:?} holds {holds}, not {asked}: ask for that type or convert")]
    WrongType {
        /// The measurement.
        name: String,
        /// What it holds.
        holds: DataType,
        /// What was asked for.
        asked: DataType,
    },
    /// Another number of dimensions than asked for.
    #[error("measurement {name:?} has {has} dimensions, not 3: it has an extra dimension, use `array_nd`")]
    WrongDimensions {
        /// The measurement.
        name: String,
        /// How many it has.
        has: usize,
    },
}

impl Cube {
    /// The array of a measurement.
    ///
    /// # Errors
    /// Where the cube does not hold it.
    pub fn get(&self, name: &str) -> Result<&CubeArray, CubeError> {
        self.arrays.get(name).ok_or_else(|| CubeError::NoMeasurement {
            name: name.to_owned(),
            has: self.arrays.keys().cloned().collect(),
        })
    }

    /// The array of a measurement as `[time, y, x]`.
    ///
    /// # Errors
    /// Where the cube does not hold it, or holds another type, or the array has an extra dimension.
    pub fn array<T: Pixel>(&self, name: &str) -> Result<ArrayView3<'_, T>, CubeError> {
        let view = self.array_nd::<T>(name)?;
        let has = view.ndim();
        view.into_dimensionality::<Ix3>().map_err(|_| CubeError::WrongDimensions { name: name.to_owned(), has })
    }

    /// The array of a measurement with all its dimensions.
    ///
    /// # Errors
    /// Where the cube does not hold it, or holds another type.
    pub fn array_nd<T: Pixel>(&self, name: &str) -> Result<ArrayViewD<'_, T>, CubeError> {
        let array = self.get(name)?;
        T::view(&array.pixels).map(|a| a.view()).ok_or_else(|| CubeError::WrongType {
            name: name.to_owned(),
            holds: array.pixels.dtype(),
            asked: T::DTYPE,
        })
    }
}

impl CubeArray {
    /// True where `value` (a pixel as float) means "no measurement".
    #[must_use]
    pub fn is_missing(&self, value: f64) -> bool {
        value.is_nan() || self.nodata.and_then(|n| n.partial_cmp(&value)) == Some(Ordering::Equal)
    }
}
