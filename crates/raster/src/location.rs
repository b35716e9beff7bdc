//! Where one measurement of one dataset is.

use serde::{Deserialize, Serialize};

/// A file and the plane in it: what a reader needs to open it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RasterLocation {
    /// An absolute path, or a URL with a scheme.
    pub url: String,
    /// The variable or Zarr array in it, where it has several.
    pub layer: Option<String>,
    /// 1-based in C order over the non-spatial dimensions; GRIB: the message number.
    pub band: usize,
}

impl std::fmt::Display for RasterLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.url)?;
        if let Some(layer) = &self.layer {
            write!(f, " layer {layer}")?;
        }
        if self.band != 1 {
            write!(f, " band {}", self.band)?;
        }
        Ok(())
    }
}
