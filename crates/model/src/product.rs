//! Products: datasets that share measurements and metadata.

use cube_geo::{Crs, Resolution};

use crate::Measurement;

/// Datasets that share measurements and metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    /// Its name; unique in a catalog.
    pub name: String,
    /// What it is, in a sentence.
    pub description: String,
    /// The licence of its pixels.
    pub license: Option<String>,
    /// The name of its metadata type.
    pub metadata_type: String,
    /// The part of a dataset document that makes it one of this product: a dataset matches where this is a
    /// sub-document of its own.
    pub metadata: serde_json::Value,
    /// Its measurements, in the document's order.
    pub measurements: Vec<Measurement>,
    /// Where a load of it lands if the user does not say.
    pub load_hints: Option<LoadHints>,
    /// The extra dimensions that measurements may have.
    pub extra_dimensions: Vec<crate::ExtraDimension>,
    /// The document as written (NaN as the string `"NaN"`).
    pub document: serde_json::Value,
}

impl Product {
    /// The measurement of this name or alias.
    #[must_use]
    pub fn measurement(&self, name: &str) -> Option<&Measurement> {
        self.measurements
            .iter()
            .find(|m| m.name == name)
            .or_else(|| self.measurements.iter().find(|m| m.answers_to(name)))
    }
}

/// CRS, resolution and alignment that a product's loads take by default.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadHints {
    /// The output CRS.
    pub crs: Crs,
    /// Pixel size, signs as written.
    pub resolution: Resolution,
    /// Offset of the pixel edges from multiples of the resolution, (x, y) in CRS units.
    pub align: Option<(f64, f64)>,
}
