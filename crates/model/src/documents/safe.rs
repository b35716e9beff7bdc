//! Sentinel-2 SAFE: its XML becomes an EO3 document.
//!
//! What is read is told by ESA's Product Specification Document (S2-PDGS-TAS-DI-PSD): the product's metadata
//! (`MTD_MSIL1C.xml`, `MTD_MSIL2A.xml`) and that of its granule (`MTD_TL.xml`), in the compact format that is written since
//! December 2016. Pixels mean `(pixel + offset) / quantification`; the offset came with baseline 04.00 in January 2022.

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::EO3_SCHEMA;

/// Nodes of one XML: real ones have some ten thousand.
const MOST_NODES: u32 = 1_000_000;
/// Image files that one product may name.
const MOST_IMAGES: usize = 1000;

/// The ids of datasets are `UUIDv5` of this and the name of the SAFE.
const NAMESPACE: Uuid = Uuid::from_u128(0x5e0a_77c4_9d1b_5b1c_8f27_6c54_2a31_9be4);

/// Names of the images, the numbers of their bands in the lists of offsets, the resolution they were taken at in metres,
/// and the names of the measurements.
const BANDS: [(&str, Option<u32>, u32, &str); 16] = [
    ("B01", Some(0), 60, "coastal"),
    ("B02", Some(1), 10, "blue"),
    ("B03", Some(2), 10, "green"),
    ("B04", Some(3), 10, "red"),
    ("B05", Some(4), 20, "rededge1"),
    ("B06", Some(5), 20, "rededge2"),
    ("B07", Some(6), 20, "rededge3"),
    ("B08", Some(7), 10, "nir"),
    ("B8A", Some(8), 20, "nir08"),
    ("B09", Some(9), 60, "nir09"),
    ("B10", Some(10), 60, "cirrus"),
    ("B11", Some(11), 20, "swir16"),
    ("B12", Some(12), 20, "swir22"),
    ("AOT", None, 10, "aot"),
    ("WVP", None, 10, "wvp"),
    ("SCL", None, 20, "scl"),
];

/// Names of the metadata of a product, of the levels that are read.
pub const SAFE_METADATA: [&str; 2] = ["MTD_MSIL1C.xml", "MTD_MSIL2A.xml"];

/// The metadata of a product, as far as it tells where the rest is.
#[derive(Debug, Clone, PartialEq)]
pub struct SafeProduct {
    name: String,
    level_2: bool,
    /// Paths of the images within the folder, without `.jp2`.
    images: Vec<String>,
    /// What images hold is divided by this, that of aerosols and of water too.
    quantification: [f64; 3],
    offsets: Vec<(u32, f64)>,
    properties: Map<String, Value>,
}

fn xml<'a>(text: &'a str, file: &str) -> Result<Document<'a>, String> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..Default::default() };
    Document::parse_with_options(text.trim_start_matches('\u{feff}'), options)
        .map_err(|error| format!("{file} is no XML: {error}; fetch the product again"))
}

fn first<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.descendants().find(|n| n.tag_name().name() == name)
}

fn text<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    first(node, name)?.text().map(str::trim).filter(|text| !text.is_empty())
}

fn number(node: Node<'_, '_>, name: &str) -> Option<f64> {
    text(node, name)?.parse().ok().filter(|v: &f64| v.is_finite())
}

/// A path within a folder that leads nowhere else.
fn is_within(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\\', ':', '\0'])
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

impl SafeProduct {
    /// Reads the product's metadata, which is called `file`.
    ///
    /// # Errors
    /// Where it is no XML, or says too little; a sentence.
    pub fn read(xml_text: &str, file: &str) -> Result<Self, String> {
        let document = xml(xml_text, file)?;
        let root = document.root();
        let lacks = |what: &str| format!("{file} does not say {what}; it is not the metadata of a Sentinel-2 product");
        let level_2 = match text(root, "PROCESSING_LEVEL").ok_or_else(|| lacks("its PROCESSING_LEVEL"))? {
            "Level-1C" => false,
            "Level-2A" => true,
            other => return Err(format!("{file} is of {other}; Level-1C and Level-2A are read")),
        };
        let uri = text(root, "PRODUCT_URI").or_else(|| text(root, "PRODUCT_URI_2A"));
        let uri = uri.ok_or_else(|| lacks("its PRODUCT_URI"))?;
        let name = uri.strip_suffix(".SAFE").unwrap_or(uri).to_owned();
        let granules = root.descendants().filter(|n| matches!(n.tag_name().name(), "Granule" | "Granules")).count();
        if granules != 1 {
            return Err(format!(
                "{file} names {granules} granules; products of one granule are read, as all are since December 2016"
            ));
        }
        let images = root.descendants().filter(|n| n.tag_name().name() == "IMAGE_FILE");
        let images: Vec<String> =
            images.filter_map(|n| n.text()).map(|path| path.trim().to_owned()).take(MOST_IMAGES).collect();
        if images.is_empty() {
            return Err(lacks("its IMAGE_FILEs"));
        }
        if let Some(outside) = images.iter().find(|path| !is_within(path)) {
            return Err(format!("{file} names an image outside its folder: {outside:?}"));
        }
        let quantified = |name: &str| number(root, name).filter(|v| *v != 0.0);
        let pixels = if level_2 { "BOA_QUANTIFICATION_VALUE" } else { "QUANTIFICATION_VALUE" };
        let pixels = quantified(pixels).ok_or_else(|| lacks(&format!("its {pixels}")))?;
        let offset = if level_2 { "BOA_ADD_OFFSET" } else { "RADIO_ADD_OFFSET" };
        let mut offsets = Vec::new();
        for node in root.descendants().filter(|n| n.tag_name().name() == offset) {
            let band = node.attribute("band_id").and_then(|id| id.trim().parse().ok());
            let value = node.text().and_then(|text| text.trim().parse::<f64>().ok()).filter(|v| v.is_finite());
            let (Some(band), Some(value)) = (band, value) else {
                return Err(format!("{file} has a {offset} that is no number for a band"));
            };
            offsets.push((band, value));
        }
        let quantification = [
            pixels,
            quantified("AOT_QUANTIFICATION_VALUE").unwrap_or(1000.0),
            quantified("WVP_QUANTIFICATION_VALUE").unwrap_or(1000.0),
        ];
        let properties = product_properties(root, &name);
        Ok(Self { name, level_2, images, quantification, offsets, properties })
    }

    /// The name of the product definition that its datasets belong to.
    #[must_use]
    pub fn product(&self) -> &'static str {
        if self.level_2 { "sentinel2_l2a_safe" } else { "sentinel2_l1c_safe" }
    }

    /// The path of the granule's metadata within the folder.
    ///
    /// # Errors
    /// Where the images do not lie in a granule; a sentence.
    pub fn granule(&self) -> Result<String, String> {
        let mut parts = self.images.first().map_or("", String::as_str).split('/');
        match (parts.next(), parts.next()) {
            (Some("GRANULE"), Some(granule)) => Ok(format!("GRANULE/{granule}/MTD_TL.xml")),
            _ => Err(format!("{} does not keep its images in GRANULE/…/IMG_DATA", self.name)),
        }
    }

    /// The image that a band is taken from: that of the resolution at which it was measured, else the finest one that is
    /// there. Level-2A has each band at several. Gives its path with `.jp2` and its resolution in metres.
    fn image(&self, band: &str, native: u32, has: &dyn Fn(&str) -> bool) -> Option<(String, u32)> {
        let of = |path: &String| {
            let name = path.rsplit('/').next()?;
            let (rest, resolution) = match name.rsplit_once('_') {
                Some((rest, size)) if size.ends_with('m') && size.len() == 3 => {
                    (rest, size.strip_suffix('m')?.parse::<u32>().ok()?)
                }
                _ => (name, native),
            };
            let file = format!("{path}.jp2");
            (rest.rsplit('_').next() == Some(band) && has(&file)).then_some((file, resolution))
        };
        self.images.iter().filter_map(of).min_by_key(|(_, resolution)| (*resolution != native, *resolution))
    }

    /// The dataset's EO3 document: the images that are there (`has` is asked for paths within the folder), on the grids
    /// that the granule's metadata tells. Paths of measurements start at the folder.
    ///
    /// # Errors
    /// Where the granule's metadata is no XML or tells no grid, or no image is there; a sentence.
    pub fn document(&self, granule: &str, has: &dyn Fn(&str) -> bool) -> Result<Value, String> {
        let document = xml(granule, "MTD_TL.xml")?;
        let root = document.root();
        let crs = text(root, "HORIZONTAL_CS_CODE").ok_or("MTD_TL.xml does not say its HORIZONTAL_CS_CODE")?;
        let (mut grids, mut measurements, mut finest) = (Map::new(), Map::new(), None::<u32>);
        for (band, number, native, measurement) in BANDS {
            let Some((path, resolution)) = self.image(band, native, has) else { continue };
            finest = Some(finest.map_or(resolution, |f| f.min(resolution)));
            let grid = format!("{resolution}m");
            if !grids.contains_key(&grid) {
                grids.insert(grid.clone(), grid_of(root, resolution)?);
            }
            let mut entry = json!({ "path": path, "grid": grid });
            let usual = match band {
                "AOT" | "WVP" => 1000.0,
                _ => 10_000.0,
            };
            let divisor = self.quantification[match band {
                "AOT" => 1,
                "WVP" => 2,
                _ => 0,
            }];
            let offset = self.offsets.iter().find(|(id, _)| Some(*id) == number).map_or(0.0, |(_, offset)| *offset);
            let same = |a: f64, b: f64| (a - b).abs() < 1e-9;
            // What the product definition says stands, where it is so.
            if band != "SCL" && !(same(divisor, usual) && same(offset, 0.0)) {
                entry["scale_factor"] = json!(1.0 / divisor);
                entry["add_offset"] = json!(offset / divisor);
            }
            measurements.insert(measurement.to_owned(), entry);
        }
        let Some(finest) = finest else {
            return Err(format!(
                "none of the {} images that its metadata names is there, such as {}.jp2; fetch the whole product",
                self.images.len(),
                self.images.first().map_or("", String::as_str)
            ));
        };
        // One grid must be called so; measurements that say nothing lie on it.
        let base = format!("{finest}m");
        if let Some(grid) = grids.shift_remove(&base) {
            grids.shift_insert(0, "default".to_owned(), grid);
        }
        for entry in measurements.values_mut() {
            if entry["grid"] == json!(base) {
                entry.as_object_mut().map(|entry| entry.shift_remove("grid"));
            }
        }
        let mut properties = self.properties.clone();
        granule_properties(root, &mut properties)?;
        properties.insert("eo:gsd".to_owned(), json!(finest));
        Ok(json!({
            "$schema": EO3_SCHEMA,
            "id": Uuid::new_v5(&NAMESPACE, self.name.as_bytes()).to_string(),
            "label": self.name,
            "product": { "name": self.product() },
            "crs": crs.to_ascii_lowercase(),
            "grids": grids,
            "properties": properties,
            "measurements": measurements,
            "lineage": {},
        }))
    }
}

/// Shape and transform of the granule at a resolution.
fn grid_of(root: Node<'_, '_>, resolution: u32) -> Result<Value, String> {
    let wanted = resolution.to_string();
    let of = |name: &str| {
        root.descendants().find(|n| n.tag_name().name() == name && n.attribute("resolution") == Some(wanted.as_str()))
    };
    let found = of("Size").zip(of("Geoposition")).and_then(|(size, place)| {
        let pixels = |name: &str| text(size, name)?.parse::<u32>().ok().filter(|n| *n > 0);
        let at = |name: &str| number(place, name);
        Some(json!({
            "shape": [pixels("NROWS")?, pixels("NCOLS")?],
            "transform": [at("XDIM")?, 0.0, at("ULX")?, 0.0, at("YDIM")?, at("ULY")?, 0.0, 0.0, 1.0],
        }))
    });
    found.ok_or_else(|| format!("MTD_TL.xml does not tell the grid of {resolution} m"))
}

/// What the product's metadata says of the whole.
fn product_properties(root: Node<'_, '_>, name: &str) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            properties.insert(key.to_owned(), value);
        }
    };
    put("datetime", text(root, "PRODUCT_START_TIME").map(Value::from));
    put("odc:file_format", Some(json!("JPEG2000")));
    put("odc:processing_datetime", text(root, "GENERATION_TIME").map(Value::from));
    put("odc:producer", Some(json!("esa.int")));
    put("eo:platform", text(root, "SPACECRAFT_NAME").map(|v| json!(v.to_ascii_lowercase())));
    put("eo:instrument", Some(json!("MSI")));
    put("eo:cloud_cover", number(root, "Cloud_Coverage_Assessment").map(Value::from));
    put("sat:relative_orbit", text(root, "SENSING_ORBIT_NUMBER").and_then(|v| v.parse::<u32>().ok()).map(Value::from));
    put("sat:orbit_state", text(root, "SENSING_ORBIT_DIRECTION").map(|v| json!(v.to_ascii_lowercase())));
    put("sentinel:product_name", Some(json!(name)));
    put("sentinel:processing_baseline", text(root, "PROCESSING_BASELINE").map(Value::from));
    put("sentinel:datatake_type", text(root, "DATATAKE_TYPE").map(Value::from));
    let datatake = first(root, "Datatake").and_then(|n| n.attribute("datatakeIdentifier"));
    put("sentinel:datatake_id", datatake.map(Value::from));
    properties
}

/// What the granule's metadata says: the time at which its middle was seen, its tile, the sun.
fn granule_properties(root: Node<'_, '_>, properties: &mut Map<String, Value>) -> Result<(), String> {
    if let Some(time) = text(root, "SENSING_TIME") {
        properties.insert("datetime".to_owned(), json!(time));
    }
    if !properties.contains_key("datetime") {
        return Err("MTD_TL.xml does not say its SENSING_TIME".to_owned());
    }
    if let Some(tile) = text(root, "TILE_ID").or_else(|| text(root, "TILE_ID_2A")) {
        properties.insert("sentinel:sentinel_tile_id".to_owned(), json!(tile));
        // `…_A013204_T31TDH_N02.06`: the absolute orbit and the tile of the MGRS.
        for part in tile.split('_') {
            if part.len() == 6 && part.starts_with('T') && part.as_bytes()[1].is_ascii_digit() {
                properties.insert("odc:region_code".to_owned(), json!(part[1..]));
            } else if let Some(Ok(orbit)) = part.strip_prefix('A').filter(|n| n.len() == 6).map(str::parse::<u32>) {
                properties.insert("sat:absolute_orbit".to_owned(), json!(orbit));
            }
        }
    }
    if let Some(sun) = first(root, "Mean_Sun_Angle") {
        if let Some(zenith) = number(sun, "ZENITH_ANGLE") {
            properties.insert("eo:sun_elevation".to_owned(), json!(90.0 - zenith));
        }
        if let Some(azimuth) = number(sun, "AZIMUTH_ANGLE") {
            properties.insert("eo:sun_azimuth".to_owned(), json!(azimuth));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
