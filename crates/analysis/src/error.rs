//! What can be wrong with a cube that is analysed.

use cube_model::{CubeError, DataType};

/// An analysis could not be done.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AnalysisError {
    /// The cube does not hold what was asked of it.
    #[error(transparent)]
    Cube(#[from] CubeError),
    /// An index needs a measurement that the cube does not have.
    #[error("{index} needs a measurement named {}, the cube has {}: load it too", .wanted.join(" or "), .has.join(", "))]
    NoMeasurement {
        /// The index.
        index: &'static str,
        /// The names that would do.
        wanted: Vec<&'static str>,
        /// The names there are.
        has: Vec<String>,
    },
    /// No quality measurement was found.
    #[error(
        "no measurement says which pixels are clear (scl, pixel_qa, qa_pixel, fmask, or one with a flag `cloud`); the cube has {}: \
         load it too, or ask for no cloud mask", .has.join(", ")
    )]
    NoQuality {
        /// The names there are.
        has: Vec<String>,
    },
    /// Several quality measurements were found.
    #[error("{} all say which pixels are clear: name the one to use", .found.join(", "))]
    ManyQualities {
        /// Their names.
        found: Vec<String>,
    },
    /// A quality measurement without a flag that could be read.
    #[error(
        "measurement {measurement:?} has no flag that names clouds (its flags: {}): give it a flags_definition in the product, \
         or name another measurement", .has.join(", ")
    )]
    NoCloudFlag {
        /// The measurement.
        measurement: String,
        /// Its flags.
        has: Vec<String>,
    },
    /// No such flag.
    #[error("measurement {measurement:?} has no flag {flag:?}; its flags: {}", .has.join(", "))]
    UnknownFlag {
        /// The measurement.
        measurement: String,
        /// The flag asked for.
        flag: String,
        /// The flags there are.
        has: Vec<String>,
    },
    /// The flag has no such value.
    #[error("flag {flag:?} of measurement {measurement:?} has no value {value:?}; its values: {}", .has.join(", "))]
    UnknownFlagValue {
        /// The measurement.
        measurement: String,
        /// The flag.
        flag: String,
        /// The value asked for.
        value: String,
        /// The values there are.
        has: Vec<String>,
    },
    /// Flags or classes of a float.
    #[error("measurement {measurement:?} is {dtype}: flags and classes need whole numbers")]
    NotWhole {
        /// The measurement.
        measurement: String,
        /// Its type.
        dtype: DataType,
    },
    /// Two arrays do not lie on the same pixels.
    #[error("{what} has the shape {got:?}, expected {expected:?}: load both on one GeoBox and the same times")]
    Shape {
        /// Which of the two.
        what: String,
        /// The shape it has to have.
        expected: Vec<usize>,
        /// The shape it has.
        got: Vec<usize>,
    },
    /// Nothing to analyse.
    #[error("{what} is empty (shape {shape:?}): widen the search or the box")]
    Empty {
        /// What is.
        what: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// A percentile outside 0 to 100.
    #[error("the percentile {value} is not between 0 and 100")]
    Percentile {
        /// The value as given.
        value: f64,
    },
    /// A threshold that no index can pass.
    #[error("the threshold {value} is not a finite number between -1 and 1")]
    Threshold {
        /// The value as given.
        value: f64,
    },
}
