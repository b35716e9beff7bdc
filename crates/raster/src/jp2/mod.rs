//! JPEG 2000, read by ourselves: boxes and codestream (ISO/IEC 15444-1), the tiles unpacked by `hayro-jpeg2000`.
//!
//! That library unpacks whole codestreams. A window needs some tiles only, so those are cut out: the main header with
//! its SIZ narrowed to them, and their tile-parts. Every coordinate stays where it is on the reference grid, so that
//! wavelets, precincts and code-blocks are those of the whole. What is not read here is [`Refusal::Foreign`]: GDAL gets it.

mod boxes;
mod cache;
mod codestream;
mod file;
mod place;
mod raster;
mod siz;
#[cfg(test)]
mod tests;
mod tiles;

use std::path::Path;
use std::sync::Arc;

pub(crate) use file::Jp2File;
pub(crate) use raster::{open, planes};

use crate::bytes::{ByteSource, LocalFile};
use crate::tiff::Refusal;
use crate::{Raster, RasterError, RasterLocation};

/// The name of the reader in headers.
const DRIVER: &str = "JP2";

/// True where a file that begins with these bytes is JPEG 2000: a JP2, or a codestream alone.
pub(crate) fn is_jp2(magic: &[u8]) -> bool {
    magic.starts_with(b"\0\0\0\x0cjP  ") || magic.starts_with(&[0xff, 0x4f, 0xff, 0x51])
}

/// Reads the header of a file on disk.
pub(crate) fn open_path(path: &Path) -> Result<Jp2File, Refusal> {
    let source = LocalFile::open(path).map_err(|error| Refusal::broken(error.to_string()))?;
    Jp2File::read(Arc::new(source))
}

/// The sentence of a caller that has no GDAL to ask.
pub(crate) fn refused(refusal: Refusal, location: &str) -> RasterError {
    match refusal {
        Refusal::Unreached(error) => *error,
        Refusal::Broken(reason) => {
            RasterError::Unreadable { location: location.to_owned(), driver: DRIVER.to_owned(), reason }
        }
        Refusal::Foreign(what) => RasterError::Unsupported {
            location: location.to_owned(),
            what: format!("{what}, which the own reader of JPEG 2000 does not read"),
            remedy: "open it by its path, which GDAL can read too, or convert the file to a COG".to_owned(),
        },
    }
}

/// Opens a JPEG 2000 file of any source of bytes at the band of `location`; its URL is for messages only.
///
/// # Errors
/// Where the bytes are no sound JPEG 2000, it has no such band, or it needs GDAL.
pub fn open_jp2(source: Arc<dyn ByteSource>, location: &RasterLocation) -> Result<Box<dyn Raster>, RasterError> {
    let file = Jp2File::read(source).map_err(|refusal| refused(refusal, &location.to_string()))?;
    if let Some(why) = file.foreign_crs() {
        tracing::debug!(%location, why, "its CRS is not told");
    }
    open(Arc::new(file), location)
}
