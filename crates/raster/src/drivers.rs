//! What this build reads and writes, for `cube status`.

/// The libraries of this build and what they can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drivers {
    /// GDAL's version, such as `3.6.2`; where there is none, why.
    pub gdal: Result<String, String>,
    /// Short names of GDAL's raster drivers, sorted.
    pub gdal_drivers: Vec<String>,
    /// netcdf-c's version.
    pub netcdf: String,
    /// zarrs' version.
    pub zarrs: String,
}

/// The libraries of this build, and the GDAL of this machine, which is loaded to be asked.
#[must_use]
pub fn available_drivers() -> Drivers {
    #[cfg(feature = "gdal")]
    let found = crate::gdal::version_and_drivers().map_err(ToString::to_string);
    #[cfg(not(feature = "gdal"))]
    let found = Err("not in this build".to_owned());
    let (gdal, gdal_drivers) = match found {
        Ok((version, drivers)) => (Ok(version), drivers),
        Err(why) => (Err(why), Vec::new()),
    };
    Drivers {
        gdal,
        gdal_drivers,
        netcdf: crate::netcdf_reader::version(),
        zarrs: zarrs::version::version_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told() {
        let drivers = available_drivers();
        assert!(drivers.netcdf.starts_with(char::is_numeric), "{}", drivers.netcdf);
        assert!(drivers.zarrs.starts_with("0."), "{}", drivers.zarrs);
        #[cfg(feature = "gdal")]
        assert!(drivers.gdal_drivers.iter().any(|d| d == "COG"));
        // Their files lead to other places, which nobody asked whether they may be read.
        #[cfg(feature = "gdal")]
        assert!(!drivers.gdal_drivers.iter().any(|d| matches!(d.as_str(), "VRT" | "WMS" | "HTTP")), "{drivers:?}");
    }
}
