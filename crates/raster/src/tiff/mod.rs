//! GeoTIFF, read by ourselves: classic and `BigTIFF`, the layouts and codecs that archives are made of.
//!
//! A [`ByteSource`] gives bytes, [`ifd`] the tags, [`image`] the blocks of one image, [`file`] what the images of a file are
//! to each other, [`blocks`] unpacked pixels. Every count and size is checked against the file's length, or a limit,
//! before memory is asked for. What is not read here is [`Refusal::Foreign`]: GDAL gets it.

mod blocks;
mod budget;
mod codec;
mod file;
mod geokeys;
mod ifd;
mod image;
mod lerc;
mod metadata;
mod predictor;
mod raster;
mod sidecars;
mod sums;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod written;

use std::io;
use std::path::Path;
use std::sync::Arc;

pub(crate) use file::TiffFile;
pub(crate) use geokeys::Place;
pub(crate) use raster::{open, planes};
pub(crate) use sidecars::{Kind, matters};

use crate::bytes::{ByteSource, LocalFile};
use crate::{Raster, RasterError, RasterLocation};

/// The name of the driver in headers, as GDAL calls it.
const DRIVER: &str = "GTiff";

/// Why a file is not read here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Refusal {
    /// It is no sound TIFF.
    Broken(String),
    /// It is for GDAL.
    Foreign(String),
    /// Its bytes do not come.
    Unreached(Box<RasterError>),
}

/// Why pixels of a file are not read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Failure {
    /// The file is not sound, or the disk is not.
    Broken(String),
    /// Its bytes do not come.
    Unreached(Box<RasterError>),
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self::Broken(reason)
    }
}

impl From<&str> for Failure {
    fn from(reason: &str) -> Self {
        Self::Broken(reason.to_owned())
    }
}

/// The error of a source that says itself what is wrong, else what the system says.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.downcast::<RasterError>() {
            Ok(known) => Self::Unreached(Box::new(known)),
            Err(error) => Self::Broken(format!("it cannot be read: {error}")),
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.downcast::<RasterError>() {
            Ok(known) => Self::Unreached(Box::new(known)),
            Err(error) => Self::broken(format!("its header cannot be read: {error}")),
        }
    }
}

impl Refusal {
    pub(crate) fn broken(reason: impl Into<String>) -> Self {
        Self::Broken(reason.into())
    }

    pub(crate) fn foreign(reason: impl Into<String>) -> Self {
        Self::Foreign(reason.into())
    }

    /// The sentence of a caller that has no GDAL to ask.
    pub(crate) fn error(self, location: &str) -> RasterError {
        match self {
            Self::Broken(reason) => {
                RasterError::Unreadable { location: location.to_owned(), driver: DRIVER.to_owned(), reason }
            }
            Self::Unreached(error) => *error,
            Self::Foreign(what) => RasterError::Unsupported {
                location: location.to_owned(),
                what: format!("{what}, which the own reader of GeoTIFF does not read"),
                remedy: "open it by its path, which GDAL can read too, or convert the file to a COG".to_owned(),
            },
        }
    }
}

/// True where a file that begins with these bytes is a TIFF.
pub(crate) fn is_tiff(magic: &[u8]) -> bool {
    matches!(magic.get(..4), Some(b"II*\0" | b"MM\0*" | b"II+\0" | b"MM\0+"))
}

/// Where the pixels of a GeoTIFF are, whatever they are: of the one that is in a JP2, too.
pub(crate) fn place_of(source: &dyn ByteSource) -> Result<Place, Refusal> {
    let Some((mut reader, first)) = ifd::HeaderReader::begin(source)? else {
        return Err(Refusal::broken("it does not begin as a TIFF"));
    };
    let directories = reader.directories(first)?;
    let main = directories.first().ok_or_else(|| Refusal::broken("it has no directory"))?;
    geokeys::read(&mut reader, main)
}

/// Reads the header of a file on disk.
pub(crate) fn open_path(path: &Path) -> Result<TiffFile, Refusal> {
    let source = LocalFile::open(path).map_err(|error| Refusal::broken(error.to_string()))?;
    TiffFile::read(Arc::new(source))
}

/// Opens a GeoTIFF of any source of bytes at the band of `location`; its URL is for messages only.
///
/// # Errors
/// Where the bytes are no sound TIFF, it has no such band, or it needs GDAL.
pub fn open_geotiff(source: Arc<dyn ByteSource>, location: &RasterLocation) -> Result<Box<dyn Raster>, RasterError> {
    let file = TiffFile::read(source).map_err(|refusal| refusal.error(&location.to_string()))?;
    if let Some(why) = file.foreign_crs() {
        tracing::debug!(%location, why, "its CRS is not told");
    }
    open(Arc::new(file), location)
}
