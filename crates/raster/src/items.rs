//! Items of metadata that GDAL's drivers carry from format to format.

use jiff::Timestamp;

use crate::cf::{Numbers, decode_times};

/// Looks items up, of one band and of its file.
pub(crate) struct Items<'f> {
    pub(crate) band: &'f dyn Fn(&str) -> Option<String>,
    pub(crate) file: &'f dyn Fn(&str) -> Option<String>,
}

/// The time of a plane: GRIB's valid time, netCDF's time dimension, else the file's.
pub(crate) fn plane_time(items: &Items<'_>, of_file: Option<Timestamp>) -> Option<Timestamp> {
    if let Some(valid) = (items.band)("GRIB_VALID_TIME") {
        let seconds: String = valid.trim().chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect();
        return Timestamp::from_second(seconds.parse().ok()?).ok();
    }
    if let (Some(value), Some(units)) = ((items.band)("NETCDF_DIM_time"), (items.file)("time#units")) {
        let value = Numbers::Floats(vec![value.trim().parse().ok()?]);
        let calendar = (items.file)("time#calendar");
        return decode_times(&value, &units, calendar.as_deref())?.first().copied().flatten();
    }
    of_file
}
