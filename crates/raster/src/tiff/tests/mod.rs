//! Our reader against GDAL's, and against bytes made up to break it.

mod bad_bytes;
#[cfg(feature = "gdal")]
mod like_gdal;
mod written;
