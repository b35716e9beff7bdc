//! Things in words: documents as YAML, the libraries inside.

use serde_json::{Value, json};

use crate::Error;

/// A document as YAML.
///
/// # Errors
/// Where it cannot be said in YAML.
pub fn to_yaml(document: &Value) -> Result<String, Error> {
    Ok(cube_model::documents::to_yaml(document)?)
}

/// Versions of the libraries inside and the formats they read, by name.
#[must_use]
pub fn libraries() -> Value {
    let drivers = cube_raster::available_drivers();
    json!({
        "PROJ": cube_geo::proj_version(),
        "GDAL": drivers.gdal.unwrap_or_else(|none| none),
        "netCDF": drivers.netcdf,
        "zarrs": drivers.zarrs,
        "drivers": drivers.gdal_drivers,
    })
}
