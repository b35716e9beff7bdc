//! Files written and read, broken and real.
#![expect(clippy::float_cmp, reason = "pixels come back exactly or not at all")]

#[cfg(feature = "gdal")]
mod bad_files;
mod cubes;
#[cfg(feature = "gdal")]
mod real_files;
mod round_trips;
mod sinks;
#[cfg(feature = "gdal")]
mod tiffs;
