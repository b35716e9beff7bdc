//! Where one measurement of one dataset is.

use std::path::PathBuf;

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

impl RasterLocation {
    /// True where it is reached over a network, so that it pays to tell early what will be read of it.
    #[must_use]
    pub fn is_far(&self) -> bool {
        self.url.contains("://") && self.local_path().is_none()
    }

    /// The file or folder on this machine, where the URL means one: a path or a `file://` URL, decoded.
    #[must_use]
    pub fn local_path(&self) -> Option<PathBuf> {
        crate::open::local_path(&self.url)
    }
}

impl std::fmt::Display for RasterLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A query may hold a token.
        f.write_str(&crate::bytes::shown(&self.url))?;
        if let Some(layer) = &self.layer {
            write!(f, " layer {layer}")?;
        }
        if self.band != 1 {
            write!(f, " band {}", self.band)?;
        }
        Ok(())
    }
}
