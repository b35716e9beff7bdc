//! `cube status`.

use std::io::Write;

use cube::{Datacube, Search};
use serde_json::{Value, json};

use crate::args::Global;
use crate::output::{Failure, complain, count, print_json};

pub(crate) fn run(global: &Global, as_json: bool) -> Result<(), Failure> {
    let config = super::config(global)?;
    let libraries = cube::libraries();
    let mut catalog = json!({ "url": config.catalog.to_string(), "from": config.origin });
    let mut trouble = None;
    match Datacube::open(&config) {
        Ok(dc) => {
            catalog["schema_version"] = json!(dc.schema_version()?);
            catalog["products"] = json!(dc.products()?.len());
            catalog["datasets"] = json!(dc.count(&Search::default())?);
        }
        Err(error) => trouble = Some(error.to_string()),
    }
    let version = env!("CARGO_PKG_VERSION");
    if as_json {
        print_json(&json!({ "version": version, "catalog": catalog, "libraries": libraries, "trouble": trouble }))?;
    } else {
        let mut out = std::io::stdout();
        writeln!(out, "cube      {version}")?;
        writeln!(out, "catalog   {} (from {})", config.catalog, config.origin)?;
        if trouble.is_none() {
            let n = |key: &str| catalog[key].as_u64().unwrap_or(0);
            writeln!(out, "schema    version {}", n("schema_version"))?;
            let things = |key: &str, what: &str| count(usize::try_from(n(key)).unwrap_or(usize::MAX), what);
            writeln!(out, "holds     {}, {}", things("products", "product"), things("datasets", "dataset"))?;
        }
        for (name, value) in libraries.as_object().into_iter().flatten() {
            match value {
                Value::Array(drivers) => writeln!(out, "reads     {}", formats(drivers))?,
                Value::String(text) => writeln!(out, "{name:<9} {text}")?,
                other => writeln!(out, "{name:<9} {other}")?,
            }
        }
    }
    if let Some(sentence) = trouble {
        complain(&sentence);
        return Err(Failure::Told);
    }
    Ok(())
}

/// Formats that cubes are made of, with the GDAL driver of each; NetCDF, Zarr, GeoTIFF, JPEG 2000 and GRIB are read
/// without one.
const FORMATS: [(&str, &str); 1] = [("HDF5", "HDF5")];

/// The formats that are read: those that matter by name, all by their number.
fn formats(drivers: &[Value]) -> String {
    let has = |driver: &str| drivers.iter().any(|d| d == driver);
    let (there, absent): (Vec<_>, Vec<_>) = FORMATS.iter().partition(|(_, driver)| has(driver));
    let names = |of: Vec<&(&str, &str)>| of.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let mut text = "NetCDF, Zarr, GeoTIFF, JPEG 2000, GRIB".to_owned();
    if !there.is_empty() {
        text =
            format!("{text}, {} and more: {} (--json lists them)", names(there), count(drivers.len(), "GDAL driver"));
    }
    if !absent.is_empty() {
        text = format!("{text}; not {}", names(absent));
    }
    text
}
