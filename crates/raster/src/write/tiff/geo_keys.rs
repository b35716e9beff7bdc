//! Where a GeoTIFF lies: affine and CRS as the GeoTIFF 1.1 specification has them (OGC 19-008).

use std::path::Path;

use cube_geo::{CrsKind, GeoBox};

use super::directory::{Directory, Value, tag};
use super::wkt1::Node;
use crate::RasterError;

/// Keys by their numbers in the specification.
mod key {
    pub(super) const MODEL: u16 = 1024;
    pub(super) const RASTER: u16 = 1025;
    pub(super) const CITATION: u16 = 1026;
    pub(super) const GEOGRAPHIC: u16 = 2048;
    pub(super) const GEOGRAPHIC_CITATION: u16 = 2049;
    pub(super) const DATUM: u16 = 2050;
    pub(super) const ANGULAR_UNIT: u16 = 2054;
    pub(super) const ELLIPSOID: u16 = 2056;
    pub(super) const SEMI_MAJOR: u16 = 2057;
    pub(super) const SEMI_MINOR: u16 = 2058;
    pub(super) const INVERSE_FLATTENING: u16 = 2059;
    pub(super) const PRIME_MERIDIAN: u16 = 2061;
    pub(super) const TO_WGS84: u16 = 2062;
    pub(super) const PROJECTED: u16 = 3072;
    pub(super) const PROJECTED_CITATION: u16 = 3073;
    pub(super) const PROJECTION: u16 = 3074;
    pub(super) const METHOD: u16 = 3075;
    pub(super) const LINEAR_UNIT: u16 = 3076;
    pub(super) const LINEAR_UNIT_SIZE: u16 = 3077;
}

/// What no code stands for.
const USER_DEFINED: u16 = 32767;
const METRE: u16 = 9001;
const DEGREE: u16 = 9102;

enum Key {
    Code(u16),
    Numbers(Vec<f64>),
    Text(String),
}

type Keys = Vec<(u16, Key)>;

/// The tags that say where a grid lies.
///
/// # Errors
/// Where a GeoTIFF has no way to say its CRS.
pub(super) fn place(path: &Path, geobox: &GeoBox) -> Result<Directory, RasterError> {
    let affine = geobox.affine;
    let mut tags = if affine.b == 0.0 && affine.d == 0.0 && affine.a > 0.0 && affine.e < 0.0 {
        vec![
            (tag::PIXEL_SCALE, Value::Doubles(vec![affine.a, -affine.e, 0.0])),
            (tag::TIE_POINTS, Value::Doubles(vec![0.0, 0.0, 0.0, affine.c, affine.f, 0.0])),
        ]
    } else {
        let rows = [
            [affine.a, affine.b, 0.0, affine.c],
            [affine.d, affine.e, 0.0, affine.f],
            [0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 1.0],
        ];
        vec![(tag::TRANSFORMATION, Value::Doubles(rows.concat()))]
    };
    let crs = &geobox.crs;
    let coded = crs.epsg_code().and_then(|code| u16::try_from(code).ok()).filter(|code| *code < USER_DEFINED);
    let keys = match (crs.kind(), coded) {
        (CrsKind::Projected, Some(code)) => vec![
            (key::MODEL, Key::Code(1)),
            (key::CITATION, Key::Text(crs.name().to_owned())),
            (key::PROJECTED, Key::Code(code)),
        ],
        (CrsKind::Geographic, Some(code)) => vec![
            (key::MODEL, Key::Code(2)),
            (key::GEOGRAPHIC, Key::Code(code)),
            (key::GEOGRAPHIC_CITATION, Key::Text(crs.name().to_owned())),
        ],
        _ => crs.wkt1().and_then(|text| described(text, &Node::parse(text)?)).ok_or_else(|| {
            RasterError::Inexpressible {
                path: path.to_owned(),
                what: format!("a GeoTIFF has no keys for its CRS {}", crs.name()),
                remedy: "load it in a projected CRS or in longitude and latitude, or write .zarr or .nc".to_owned(),
            }
        })?,
    };
    tags.extend(pack(keys));
    Ok(tags)
}

/// Keys as tags: the directory of keys, and the numbers and texts that it points to.
fn pack(mut keys: Keys) -> Directory {
    // Pixels are areas, not points.
    keys.push((key::RASTER, Key::Code(1)));
    keys.sort_by_key(|(key, _)| *key);
    let short = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
    let mut directory = vec![1, 1, 0, short(keys.len())];
    let (mut numbers, mut texts) = (Vec::new(), String::new());
    for (key, value) in keys {
        match value {
            Key::Code(code) => directory.extend([key, 0, 1, code]),
            Key::Numbers(more) => {
                directory.extend([key, tag::GEO_DOUBLES, short(more.len()), short(numbers.len())]);
                numbers.extend(more);
            }
            Key::Text(text) => {
                let text: String = text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect();
                directory.extend([key, tag::GEO_TEXT, short(text.len() + 1), short(texts.len())]);
                texts.push_str(&text);
                texts.push('|');
            }
        }
    }
    let mut tags = vec![(tag::GEO_KEYS, Value::Shorts(directory))];
    if !numbers.is_empty() {
        tags.push((tag::GEO_DOUBLES, Value::Doubles(numbers)));
    }
    if !texts.is_empty() {
        tags.push((tag::GEO_TEXT, Value::Text(texts)));
    }
    tags
}

/// The keys of a CRS without a code, by its description.
fn described(text: &str, crs: &Node) -> Option<Keys> {
    match crs.keyword.as_str() {
        "GEOGCS" => {
            let mut keys = geographic(crs)?;
            keys.push((key::MODEL, Key::Code(2)));
            Some(keys)
        }
        "PROJCS" => {
            let mut keys = geographic(crs.child("GEOGCS")?)?;
            keys.push((key::CITATION, Key::Text(crs.name().to_owned())));
            let unit = crs.child("UNIT")?.number(1)?;
            if (unit - 1.0).abs() < 1e-12 {
                keys.push((key::LINEAR_UNIT, Key::Code(METRE)));
            } else {
                keys.push((key::LINEAR_UNIT, Key::Code(USER_DEFINED)));
                keys.push((key::LINEAR_UNIT_SIZE, Key::Numbers(vec![unit])));
            }
            if let Some(method) = method(crs) {
                keys.push((key::MODEL, Key::Code(1)));
                keys.push((key::PROJECTED, Key::Code(USER_DEFINED)));
                keys.push((key::PROJECTION, Key::Code(USER_DEFINED)));
                keys.extend(method);
            } else {
                // The specification has no number for the method: the text as ArcGIS and GDAL read it.
                keys.push((key::MODEL, Key::Code(USER_DEFINED)));
                keys.push((key::PROJECTED_CITATION, Key::Text(format!("ESRI PE String = {text}"))));
            }
            Some(keys)
        }
        _ => None,
    }
}

fn geographic(crs: &Node) -> Option<Keys> {
    // Angles in other units than degrees are rare enough to have no code here.
    let unit = crs.child("UNIT")?.number(1)?;
    if (unit - 1.0_f64.to_radians()).abs() > 1e-12 {
        return None;
    }
    let mut keys = vec![(key::ANGULAR_UNIT, Key::Code(DEGREE))];
    if let Some(code) = crs.epsg() {
        keys.push((key::GEOGRAPHIC, Key::Code(code)));
        return Some(keys);
    }
    let datum = crs.child("DATUM")?;
    let ellipsoid = datum.child("SPHEROID")?;
    let meridian = crs.child("PRIMEM")?;
    let (major, inverse) = (ellipsoid.number(1)?, ellipsoid.number(2)?);
    // How GDAL spells names that have no key of their own.
    let names = [("GCS Name", crs), ("Datum", datum), ("Ellipsoid", ellipsoid), ("Primem", meridian)];
    let names: String = names.map(|(what, node)| format!("{what} = {}|", node.name().replace('|', "/"))).concat();
    keys.extend([
        (key::GEOGRAPHIC, Key::Code(USER_DEFINED)),
        (key::GEOGRAPHIC_CITATION, Key::Text(names)),
        (key::DATUM, Key::Code(datum.epsg().unwrap_or(USER_DEFINED))),
        (key::ELLIPSOID, Key::Code(ellipsoid.epsg().unwrap_or(USER_DEFINED))),
        (key::SEMI_MAJOR, Key::Numbers(vec![major])),
        // A sphere has no inverse flattening.
        if inverse == 0.0 {
            (key::SEMI_MINOR, Key::Numbers(vec![major]))
        } else {
            (key::INVERSE_FLATTENING, Key::Numbers(vec![inverse]))
        },
        (key::PRIME_MERIDIAN, Key::Numbers(vec![meridian.number(1)?])),
    ]);
    if let Some(shift) = datum.child("TOWGS84") {
        let numbers: Option<Vec<f64>> = (0..shift.values.len()).map(|place| shift.number(place)).collect();
        keys.push((key::TO_WGS84, Key::Numbers(numbers?)));
    }
    Some(keys)
}

/// Keys of parameters of methods.
const PARALLEL_1: u16 = 3078;
const PARALLEL_2: u16 = 3079;
const ORIGIN_LON: u16 = 3080;
const ORIGIN_LAT: u16 = 3081;
const EASTING: u16 = 3082;
const NORTHING: u16 = 3083;
const FALSE_ORIGIN_LON: u16 = 3084;
const FALSE_ORIGIN_LAT: u16 = 3085;
const FALSE_ORIGIN_EASTING: u16 = 3086;
const FALSE_ORIGIN_NORTHING: u16 = 3087;
const CENTER_LON: u16 = 3088;
const CENTER_LAT: u16 = 3089;
const SCALE: u16 = 3092;
const POLE_LON: u16 = 3095;

/// The method of a projected CRS and its parameters; `None` where the specification has no number for it.
fn method(crs: &Node) -> Option<Keys> {
    // WKT's names of the parameters, and their keys.
    let (meridian, latitude) = ("central_meridian", "latitude_of_origin");
    let (center_lon, center_lat) = ("longitude_of_center", "latitude_of_center");
    let (first, second, scale) = ("standard_parallel_1", "standard_parallel_2", "scale_factor");
    let false_origin = [("false_easting", FALSE_ORIGIN_EASTING), ("false_northing", FALSE_ORIGIN_NORTHING)];
    let natural = [("false_easting", EASTING), ("false_northing", NORTHING)];
    let (number, parameters, shift): (u16, &[(&str, u16)], _) = match crs.child("PROJECTION")?.name() {
        "Transverse_Mercator" => (1, &[(latitude, ORIGIN_LAT), (meridian, ORIGIN_LON), (scale, SCALE)], natural),
        "Mercator_1SP" => (7, &[(meridian, ORIGIN_LON), (scale, SCALE)], natural),
        "Mercator_2SP" => (7, &[(first, PARALLEL_1), (meridian, ORIGIN_LON)], natural),
        "Lambert_Conformal_Conic_2SP" => (
            8,
            &[(latitude, FALSE_ORIGIN_LAT), (meridian, FALSE_ORIGIN_LON), (first, PARALLEL_1), (second, PARALLEL_2)],
            false_origin,
        ),
        "Lambert_Conformal_Conic_1SP" => {
            (9, &[(latitude, ORIGIN_LAT), (meridian, ORIGIN_LON), (scale, SCALE)], natural)
        }
        "Lambert_Azimuthal_Equal_Area" => (10, &[(center_lat, CENTER_LAT), (center_lon, CENTER_LON)], natural),
        "Albers_Conic_Equal_Area" => (
            11,
            &[(first, PARALLEL_1), (second, PARALLEL_2), (center_lat, ORIGIN_LAT), (center_lon, ORIGIN_LON)],
            natural,
        ),
        "Azimuthal_Equidistant" => (12, &[(center_lat, CENTER_LAT), (center_lon, CENTER_LON)], natural),
        "Polar_Stereographic" => (15, &[(latitude, ORIGIN_LAT), (meridian, POLE_LON), (scale, SCALE)], natural),
        "Oblique_Stereographic" => (16, &[(latitude, ORIGIN_LAT), (meridian, ORIGIN_LON), (scale, SCALE)], natural),
        "Orthographic" => (21, &[(latitude, CENTER_LAT), (meridian, CENTER_LON)], natural),
        "Robinson" => (23, &[(center_lon, CENTER_LON)], natural),
        "Sinusoidal" => (24, &[(center_lon, CENTER_LON)], natural),
        "Cylindrical_Equal_Area" => (28, &[(first, PARALLEL_1), (meridian, ORIGIN_LON)], natural),
        _ => return None,
    };
    // An extension says more than the method's parameters do.
    if crs.child("EXTENSION").is_some() {
        return None;
    }
    let mut keys = vec![(key::METHOD, Key::Code(number))];
    for (name, key) in parameters.iter().chain(&shift) {
        keys.push((*key, Key::Numbers(vec![crs.parameter(name)?])));
    }
    Some(keys)
}
