//! What a file holds, plane by plane.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::RasterHeader;

/// A dimension of a layer, before its rows and columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Dimension {
    /// Its name.
    pub name: String,
    /// How many planes lie along it.
    pub length: usize,
    /// The numbers of its coordinate, where it has one.
    pub values: Option<Vec<f64>>,
}

/// One plane of a file, as [`crate::planes`] lists it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// The variable or array it belongs to; `None` in files without layers.
    pub layer: Option<String>,
    /// 1-based, as in [`crate::RasterLocation`].
    pub band: usize,
    /// What the file calls the plane: GRIB's element, a band's description, the variable's name.
    pub name: Option<String>,
    /// What else tells the plane from others of that name: GRIB's `level`, `typeOfLevel`, `step`, `number` and `param`.
    pub keys: BTreeMap<String, String>,
    /// The time of the plane, where the file says it.
    pub time: Option<Timestamp>,
    /// What the file says of the plane, as if it were opened alone.
    pub header: RasterHeader,
}
