//! The CF conventions, as Zarr and NetCDF files share them: which dimensions are space, where pixels are, what
//! a number of hours since a date is.

mod attributes;
mod calendar;
mod grid;
mod healpix;
mod layout;
mod time;

pub(crate) use attributes::{Attribute, Attributes};
pub(crate) use grid::Grid;
pub(crate) use healpix::{cells_of, is_on_cells};
pub(crate) use layout::{Layout, choose_layer, data_variables, dimensions};
pub(crate) use time::{decode_times, encode_times};

use cube_model::DataType;

use crate::RasterError;

/// One array of a file, as its metadata says.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    /// Its path in the file, groups separated by `/`.
    pub(crate) name: String,
    /// Names of its dimensions, slowest first.
    pub(crate) dimensions: Vec<String>,
    /// Their lengths.
    pub(crate) shape: Vec<usize>,
    /// The type of its values as they are stored; `None` for text, structures and the like.
    pub(crate) dtype: Option<DataType>,
    /// What else the file says of it.
    pub(crate) attributes: Attributes,
    /// Shape of the pieces it is stored in.
    pub(crate) chunk: Vec<usize>,
    /// The value that the format itself gives to what was never written, where it means "missing".
    pub(crate) format_fill: Option<f64>,
}

/// Values of a coordinate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Numbers {
    /// Whole numbers, exact.
    Integers(Vec<i64>),
    /// Floats; single precision is widened by its shortest decimal, so that 41.8 stays 41.8.
    Floats(Vec<f64>),
}

impl Numbers {
    /// All as floats.
    #[expect(clippy::cast_precision_loss, reason = "coordinates of space are far below 2^53")]
    pub(crate) fn to_f64(&self) -> Vec<f64> {
        match self {
            Self::Integers(values) => values.iter().map(|v| *v as f64).collect(),
            Self::Floats(values) => values.clone(),
        }
    }

    /// Single precision widened by its shortest decimal.
    pub(crate) fn from_f32(values: &[f32]) -> Self {
        Self::Floats(values.iter().map(|v| v.to_string().parse().unwrap_or_else(|_| f64::from(*v))).collect())
    }
}

/// An opened file with named arrays.
pub(crate) trait Variables {
    /// All arrays, coordinates too.
    fn list(&self) -> &[Variable];

    /// All values of a short array (a coordinate).
    fn numbers(&self, variable: &Variable) -> Result<Numbers, RasterError>;

    /// The array of this name.
    fn find(&self, name: &str) -> Option<&Variable> {
        self.list().iter().find(|v| v.name == name)
    }

    /// The array `name` as seen from the group of `from`: there, else in a group above.
    fn find_near(&self, from: &Variable, name: &str) -> Option<&Variable> {
        let mut group = from.name.rsplit_once('/').map_or("", |(group, _)| group);
        loop {
            let path = if group.is_empty() { name.to_owned() } else { format!("{group}/{name}") };
            if let Some(found) = self.find(&path) {
                return Some(found);
            }
            if group.is_empty() {
                return None;
            }
            group = group.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }
}

/// Longest coordinate that is read: as long as the longest side of a grid that we make.
pub(crate) const LONGEST_COORDINATE: usize = 50_000_000;
