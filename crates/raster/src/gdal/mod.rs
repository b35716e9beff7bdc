//! Everything that GDAL reads: GRIB and the long tail.
//!
//! Nothing is linked to libgdal. It is opened when the first file needs it ([`library`]), its C functions are
//! looked up by name ([`functions`]), safe types stand before them ([`dataset`]), and the reader uses only those.

mod absence;
mod dataset;
mod functions;
mod library;
mod messages;
mod names;
mod reader;
mod setup;

pub(crate) use reader::{GdalFile, GdalRaster, planes};
pub(crate) use setup::{load, version_and_drivers};
