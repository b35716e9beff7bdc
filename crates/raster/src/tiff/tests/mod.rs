//! Our reader against GDAL's, and against bytes made up to break it.

#[cfg(feature = "gdal")]
mod like_gdal;
mod reading;
