//! Datasets: the smallest unit described and managed on its own.

use cube_geo::{Affine, Crs, Footprint, GeoBox, Healpix, Shape};
use indexmap::IndexMap;
use uuid::Uuid;

use crate::TimeRange;

/// The record of one scene or one time step: never a file, never an array.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Its identity.
    pub id: Uuid,
    /// The name of its product.
    pub product: String,
    /// A name for people.
    pub label: Option<String>,
    /// Where its document is; relative measurement paths start here.
    pub location: Option<String>,
    /// The CRS of its grids and geometry.
    pub crs: Crs,
    /// Its pixel grids by name; `default` is always there.
    pub grids: IndexMap<String, Grid>,
    /// Where each measurement is, by the names of the document.
    pub measurements: IndexMap<String, MeasurementPath>,
    /// When it was measured.
    pub time: TimeRange,
    /// The outline of its valid data in its CRS: the document's geometry, else the outline of the default grid.
    pub footprint: Footprint,
    /// Its properties as written.
    pub properties: serde_json::Map<String, serde_json::Value>,
    /// The datasets it was made from, by classifier.
    pub lineage: IndexMap<String, Vec<Uuid>>,
    /// The document as written.
    pub document: serde_json::Value,
}

impl Dataset {
    /// The grid that a measurement of the document lies on, as a GeoBox.
    #[must_use]
    pub fn geobox(&self, measurement: &str) -> Option<GeoBox> {
        let grid = self.grids.get(&self.measurements.get(measurement)?.grid)?;
        Some(GeoBox { shape: grid.shape, affine: grid.affine, crs: self.crs.clone() })
    }
}

/// A pixel grid in the dataset's CRS.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// Rows and columns.
    pub shape: Shape,
    /// From (column, row) to (x, y).
    pub affine: Affine,
    /// The cells of HEALPix that the measurements lie on, where they do; shape and affine are then those of
    /// [`Healpix::around`].
    pub healpix: Option<Healpix>,
}

/// Where the pixels of one measurement are.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasurementPath {
    /// A path or URL; relative to the dataset's location.
    pub path: String,
    /// 1-based in C order over the non-spatial dimensions of the file; GRIB: the message number.
    pub band: usize,
    /// The variable or Zarr array inside the file.
    pub layer: Option<String>,
    /// The grid it lies on.
    pub grid: String,
    /// The dataset's own scale factor, which wins over the product's.
    pub scale_factor: Option<f64>,
    /// The dataset's own offset, which wins over the product's.
    pub add_offset: Option<f64>,
}
