//! The assets of an item or a collection: which are measurements, and what is said of their bands.

use serde_json::{Map, Value};

use super::{MOST_ASSETS, MOST_BANDS};
use crate::DataType;
use crate::documents::Rule;
use crate::documents::check::{Faults, Node};

/// One asset, read as STAC 1.1.
pub(super) struct Asset<'a> {
    pub(super) key: &'a str,
    pub(super) value: &'a Value,
    pub(super) href: &'a str,
    /// One mapping a band, at least one.
    pub(super) bands: Vec<&'a Map<String, Value>>,
}

/// What a file holds that is no picture by its media type (`image/…`), but pixels all the same.
const RASTER_TYPES: [&str; 14] = [
    "application/x-hdf",
    "application/x-hdf5",
    "application/hdf",
    "application/hdf5",
    "application/x-netcdf",
    "application/netcdf",
    "application/x-zarr",
    "application/zarr",
    "application/vnd.zarr",
    "application/vnd+zarr",
    "application/x-grib",
    "application/grib",
    "application/wmo-grib2",
    "application/vnd.wmo.grib2",
];

/// Extensions of raster files, for assets without a media type.
const RASTER_EXTENSIONS: [&str; 14] =
    ["tif", "tiff", "jpeg", "jpg", "jp2", "img", "hdf", "h5", "nc", "nc4", "zarr", "grib", "grib2", "grb"];

/// The assets under a key of a document; faults where they are not as STAC has them. `need_href` is false for the
/// templates of a collection.
pub(super) fn read<'a>(
    root: &Node<'_>,
    key: &str,
    value: Option<&'a Value>,
    need_href: bool,
    faults: &mut Faults,
) -> Vec<Asset<'a>> {
    let Some(value) = value else { return Vec::new() };
    let node = root.child(key, value);
    let Some(map) = value.as_object() else {
        faults.wrong(&node, "a mapping of assets by name", "write keys and values");
        return Vec::new();
    };
    if map.len() > MOST_ASSETS {
        let message = format!("expected at most {MOST_ASSETS} assets, got {}", map.len());
        faults.add(&node, Rule::Limit, message, "divide the item");
        return Vec::new();
    }
    map.iter().filter_map(|(key, value)| asset(&node.child(key, value), key, value, need_href, faults)).collect()
}

fn asset<'a>(
    node: &Node<'_>,
    key: &'a str,
    value: &'a Value,
    need_href: bool,
    faults: &mut Faults,
) -> Option<Asset<'a>> {
    let map = value.as_object();
    if map.is_none() {
        faults.wrong(node, "an asset: a mapping with href, and perhaps type, roles and bands", "write keys and values");
    }
    let href = match map?.get("href") {
        Some(Value::String(href)) => href.as_str(),
        _ if !need_href => "",
        _ => {
            faults.need_text(node, "href", "the path or URL of the file")?;
            return None;
        }
    };
    for old in ["eo:bands", "raster:bands"] {
        if let Some(at) = node.get(old) {
            faults.wrong(&at, "a list of mappings, one a band", "write one mapping for each band of the file");
        }
    }
    let bands = match node.get("bands") {
        None => Vec::new(),
        Some(at) => {
            let list = faults.list(&at, "a list of mappings, one a band")?;
            if list.len() > MOST_BANDS {
                let message = format!("expected at most {MOST_BANDS} bands, got {}", list.len());
                faults.add(&at, Rule::Limit, message, "divide the asset");
                return None;
            }
            for (i, band) in list.iter().enumerate().filter(|(_, band)| !band.is_object()) {
                faults.wrong(&at.item(i, band), "a mapping: name, data_type, nodata and the like", "describe the band");
            }
            map?.get("bands")?.as_array()?.iter().filter_map(Value::as_object).collect()
        }
    };
    let bands = if bands.is_empty() { vec![no_band()] } else { bands };
    Some(Asset { key, value, href, bands })
}

/// The band of an asset that describes none.
fn no_band() -> &'static Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    &NONE
}

impl<'a> Asset<'a> {
    /// The same asset.
    pub(super) fn copied(&self) -> Asset<'a> {
        Asset { key: self.key, value: self.value, href: self.href, bands: self.bands.clone() }
    }

    fn has_role(&self, names: &[&str]) -> bool {
        let roles = self.value.get("roles").and_then(Value::as_array);
        roles.is_some_and(|roles| roles.iter().filter_map(Value::as_str).any(|role| names.contains(&role)))
    }

    fn media_type(&self) -> Option<String> {
        let text = self.value.get("type")?.as_str()?;
        Some(text.split(';').next().unwrap_or(text).trim().to_ascii_lowercase())
    }

    /// True where it holds pixels that are measurements, by odc-stac's rule: a picture or another raster by its media
    /// type, but no thumbnail; without a media type, by its role or the name of its file.
    pub(super) fn is_raster(&self) -> bool {
        let Some(media_type) = self.media_type() else {
            return self.has_role(&["data"])
                || (!self.has_role(&["metadata", "thumbnail", "overview"]) && has_raster_extension(self.href));
        };
        if media_type.starts_with("image/") {
            return !self.has_role(&["thumbnail", "overview"]);
        }
        RASTER_TYPES.contains(&media_type.as_str())
    }

    /// As [`Asset::is_raster`], for the template of a collection, which has neither file nor grid: a picture for the
    /// screen counts only where it is said to be data.
    pub(super) fn is_raster_template(&self) -> bool {
        let screen = ["image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp", "image/svg+xml"];
        let is_screen = self.media_type().is_some_and(|t| screen.contains(&t.as_str()));
        self.is_raster() && (!is_screen || self.has_role(&["data"]))
    }

    /// What is said of a band: by itself, else by its asset, else by the item (`properties`), as values pass down in 1.1.
    pub(super) fn said<'v>(&'v self, band: usize, key: &str, properties: Option<&'v Value>) -> Option<&'v Value> {
        let own = self.bands.get(band).and_then(|b| b.get(key));
        let said = own.or_else(|| self.value.get(key)).or_else(|| properties?.get(key));
        said.filter(|v| !v.is_null())
    }

    /// The text that is said of a band itself.
    pub(super) fn band_text(&self, band: usize, key: &str) -> Option<&str> {
        self.bands.get(band)?.get(key)?.as_str()
    }
}

/// True where a file is a raster by its name.
#[must_use]
pub fn has_raster_extension(href: &str) -> bool {
    let path = href.split(['?', '#']).next().unwrap_or(href);
    path.rsplit_once('.').is_some_and(|(_, e)| RASTER_EXTENSIONS.contains(&e.to_ascii_lowercase().as_str()))
}

/// The type of pixels of STAC's name for it.
pub(super) fn data_type(name: &str) -> Option<DataType> {
    match name {
        "cfloat32" => Some(DataType::Complex64),
        "cfloat64" => Some(DataType::Complex128),
        _ => DataType::from_name(name),
    }
}

/// STAC's name of a type of pixels.
#[must_use]
pub const fn data_type_name(dtype: DataType) -> &'static str {
    match dtype {
        DataType::Complex64 => "cfloat32",
        DataType::Complex128 => "cfloat64",
        _ => dtype.name(),
    }
}

/// The media type of a file by its name, as datacube's `ds2stac` gives it; GeoTIFF files count as cloud-optimised.
pub(super) fn media_type(path: &str) -> &'static str {
    let path = path.split(['?', '#']).next().unwrap_or(path).trim_end_matches('/');
    let extension = path.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase()).unwrap_or_default();
    match extension.as_str() {
        "tif" | "tiff" => "image/tiff; application=geotiff; profile=cloud-optimized",
        "jp2" => "image/jp2",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "nc" | "nc4" => "application/netcdf",
        "h5" | "hdf5" => "application/x-hdf5",
        "hdf" => "application/x-hdf",
        "zarr" => "application/vnd.zarr",
        "grib" | "grib2" | "grb" | "grb2" => "application/wmo-GRIB2",
        "json" => "application/json",
        "geojson" => "application/geo+json",
        "yaml" | "yml" => "text/yaml",
        "xml" => "application/xml",
        "txt" | "sha1" => "text/plain",
        "html" => "text/html",
        _ => "application/octet-stream",
    }
}

/// The name that EO3 documents have for the format of a file.
pub(super) fn file_format(asset: &Asset<'_>) -> Option<&'static str> {
    let media_type = asset.media_type().unwrap_or_else(|| media_type(asset.href).to_owned());
    Some(match media_type.split(';').next().unwrap_or_default() {
        "image/tiff" | "image/vnd.stac.geotiff" | "image/geotiff" => "GeoTIFF",
        "image/jp2" | "image/jpx" => "JPEG2000",
        "application/netcdf" | "application/x-netcdf" => "NetCDF",
        "application/zarr" | "application/x-zarr" | "application/vnd.zarr" | "application/vnd+zarr" => "Zarr",
        "application/x-grib" | "application/grib" | "application/wmo-grib2" | "application/wmo-GRIB2" => "GRIB",
        "application/x-hdf" | "application/hdf" | "application/x-hdf5" | "application/hdf5" => "HDF",
        _ => return None,
    })
}
