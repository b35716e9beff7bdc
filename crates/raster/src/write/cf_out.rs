//! What CF wants written beside the pixels: coordinates, grid mapping, attributes of measurements.

use std::path::Path;

use cube_geo::Crs;
use cube_model::{DataType, Measurement};

use super::sink::{ArrayLayout, CubeLayout};
use crate::RasterError;
use crate::cf::encode_times;

/// The value of an attribute that is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Written {
    /// Text.
    Text(String),
    /// A double.
    Number(f64),
    /// Values of the variable's own type (flags).
    OfType(Vec<i128>),
}

/// Attributes in the order they are written.
pub(crate) type WrittenAttributes = Vec<(String, Written)>;

/// A coordinate that is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Coordinate {
    /// The name of the dimension and of the variable.
    pub(crate) name: String,
    /// Its values.
    pub(crate) values: CoordinateValues,
    /// Its attributes.
    pub(crate) attributes: WrittenAttributes,
}

/// Values of a coordinate in the type that they are written in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CoordinateValues {
    /// 64-bit whole numbers.
    Int64(Vec<i64>),
    /// Doubles.
    Float64(Vec<f64>),
}

impl CoordinateValues {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Int64(values) => values.len(),
            Self::Float64(values) => values.len(),
        }
    }
}

/// The name of the variable that holds the CRS.
pub(crate) const GRID_MAPPING: &str = "spatial_ref";

fn text(name: &str, value: impl Into<String>) -> (String, Written) {
    (name.to_owned(), Written::Text(value.into()))
}

/// Coordinates of all dimensions of a cube: time, the extra one, y, x.
///
/// # Errors
/// Where the grid is rotated: it has no coordinates along its rows and columns.
pub(crate) fn coordinates(path: &Path, cube: &CubeLayout) -> Result<Vec<Coordinate>, RasterError> {
    if !cube.geobox.affine.is_rectilinear() {
        return Err(RasterError::Inexpressible {
            path: path.to_owned(),
            what: "its grid is rotated, so that rows and columns have no coordinates".to_owned(),
            remedy: "write GeoTIFF, or load on a grid along the axes".to_owned(),
        });
    }
    let (times, units) = encode_times(&cube.times);
    let mut all = vec![Coordinate {
        name: "time".to_owned(),
        values: CoordinateValues::Int64(times),
        attributes: vec![
            text("standard_name", "time"),
            text("axis", "T"),
            text("units", units),
            text("calendar", "proleptic_gregorian"),
        ],
    }];
    if let Some(extra) = &cube.extra {
        let attributes = extra.units.iter().map(|units| text("units", units)).collect();
        let whole = extra.dtype.integer_range().is_some()
            && extra.values.iter().all(|v| v.fract() == 0.0 && v.abs() <= 9_007_199_254_740_992.0);
        let values = if whole {
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and below 2^53")]
            CoordinateValues::Int64(extra.values.iter().map(|v| *v as i64).collect())
        } else {
            CoordinateValues::Float64(extra.values.clone())
        };
        all.push(Coordinate { name: extra.name.clone(), values, attributes });
    }
    let crs = &cube.geobox.crs;
    let (y, x) = crs.dimension_names();
    for (name, axis, values) in [(y, "Y", cube.geobox.y_centers()), (x, "X", cube.geobox.x_centers())] {
        let attributes = axis_attributes(crs, axis);
        all.push(Coordinate { name: name.to_owned(), values: CoordinateValues::Float64(values), attributes });
    }
    Ok(all)
}

fn axis_attributes(crs: &Crs, axis: &str) -> WrittenAttributes {
    let is_y = axis == "Y";
    let mut attributes = vec![text("axis", axis)];
    if crs.is_geographic() {
        let (name, units) = if is_y { ("latitude", "degrees_north") } else { ("longitude", "degrees_east") };
        attributes.extend([text("standard_name", name), text("long_name", name), text("units", units)]);
    } else {
        let (name, long) = if is_y {
            ("projection_y_coordinate", "y coordinate of projection")
        } else {
            ("projection_x_coordinate", "x coordinate of projection")
        };
        // CF's word for metres is `m`; other units go by PROJ's name, such as `US survey foot`.
        let units = if crs.unit() == "metre" { "m" } else { crs.unit() };
        attributes.extend([text("standard_name", name), text("long_name", long), text("units", units)]);
    }
    attributes
}

/// Attributes of the grid mapping variable: WKT and affine as xarray, rioxarray and GDAL read them.
pub(crate) fn grid_mapping_attributes(cube: &CubeLayout) -> WrittenAttributes {
    let crs = &cube.geobox.crs;
    let transform = cube.geobox.affine.to_gdal().map(|v| v.to_string()).join(" ");
    let mut attributes = Vec::new();
    if crs.is_geographic() {
        attributes.push(text("grid_mapping_name", "latitude_longitude"));
    } else if let Some((zone, south)) = utm_zone(crs) {
        let number = |name: &str, value: f64| (name.to_owned(), Written::Number(value));
        attributes.extend([
            text("grid_mapping_name", "transverse_mercator"),
            number("longitude_of_central_meridian", f64::from(zone) * 6.0 - 183.0),
            number("latitude_of_projection_origin", 0.0),
            number("scale_factor_at_central_meridian", 0.9996),
            number("false_easting", 500_000.0),
            number("false_northing", if south { 10_000_000.0 } else { 0.0 }),
            number("semi_major_axis", 6_378_137.0),
            number("inverse_flattening", 298.257_223_563),
        ]);
    }
    attributes.extend([
        text("crs_wkt", crs.wkt()),
        // Older readers know WKT 1 only.
        text("spatial_ref", crs.wkt1().unwrap_or_else(|| crs.wkt())),
        text("GeoTransform", transform),
    ]);
    attributes
}

/// The zone of a WGS 84 UTM code, and whether it is a southern one.
fn utm_zone(crs: &Crs) -> Option<(u32, bool)> {
    let code = crs.epsg_code()?;
    match code {
        32601..=32660 => Some((code - 32600, false)),
        32701..=32760 => Some((code - 32700, true)),
        _ => None,
    }
}

/// Attributes of a measurement, without its nodata value, which each format writes its own way.
pub(crate) fn measurement_attributes(array: &ArrayLayout) -> WrittenAttributes {
    let measurement = &array.measurement;
    // xarray makes a coordinate of what `coordinates` names; rioxarray finds the CRS only there.
    let mut attributes =
        vec![text("units", &measurement.units), text("grid_mapping", GRID_MAPPING), text("coordinates", GRID_MAPPING)];
    if let Some(scale) = measurement.scale_factor {
        attributes.push(("scale_factor".to_owned(), Written::Number(scale)));
    }
    if let Some(offset) = measurement.add_offset {
        attributes.push(("add_offset".to_owned(), Written::Number(offset)));
    }
    attributes.extend(flag_attributes(measurement, array.dtype));
    attributes
}

/// `flag_masks`, `flag_values` and `flag_meanings` of CF 3.5: each named value of each bit field once. Nothing
/// where the pixels are floats.
fn flag_attributes(measurement: &Measurement, dtype: DataType) -> WrittenAttributes {
    let Some((_, most)) = dtype.integer_range() else { return Vec::new() };
    let bits = u32::try_from(dtype.bytes() * 8).unwrap_or(64);
    let mut masks = Vec::new();
    let mut values = Vec::new();
    let mut meanings = Vec::new();
    let single = measurement.flags.len() == 1;
    for (name, flag) in &measurement.flags {
        let mask = flag.mask();
        let lowest = flag.bits.iter().min().copied().unwrap_or(0);
        for (value, meaning) in &flag.values {
            let Some(shifted) = value.checked_shl(u32::from(lowest)).filter(|v| v & !mask == 0) else { continue };
            masks.push(wrap(i128::from(mask), most, bits));
            values.push(wrap(i128::from(shifted), most, bits));
            meanings.push(match meaning.as_str() {
                "true" | "True" => word(name),
                "false" | "False" => format!("not_{}", word(name)),
                meaning if single => word(meaning),
                meaning => format!("{}_{}", word(name), word(meaning)),
            });
        }
    }
    if values.is_empty() {
        return Vec::new();
    }
    let mut attributes = Vec::new();
    // A single field over all bits is a plain enumeration: masks would say nothing.
    if !single || masks.iter().any(|m| *m != wrap((1_i128 << bits) - 1, most, bits)) {
        attributes.push(("flag_masks".to_owned(), Written::OfType(masks)));
    }
    attributes.push(("flag_values".to_owned(), Written::OfType(values)));
    attributes.push(text("flag_meanings", meanings.join(" ")));
    attributes
}

/// Bits of a signed type that go over its maximum, as the negative number that they are.
const fn wrap(value: i128, most: i128, bits: u32) -> i128 {
    if value > most { value - (1 << bits) } else { value }
}

/// A flag's name in the characters that CF allows.
fn word(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "_-.+@".contains(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use cube_model::Flag;

    use super::*;

    fn flag(bits: &[u8], values: &[(u64, &str)]) -> Flag {
        Flag {
            bits: bits.to_vec(),
            values: values.iter().map(|(v, n)| (*v, (*n).to_owned())).collect(),
            description: None,
        }
    }

    #[test]
    fn an_enumeration_has_no_masks() {
        let mut measurement = Measurement::new("scl", DataType::UInt8, Some(0.0));
        let bits: Vec<u8> = (0..8).collect();
        measurement.flags.insert("scl".into(), flag(&bits, &[(6, "water"), (9, "cloud high probability")]));
        assert_eq!(
            flag_attributes(&measurement, DataType::UInt8),
            [
                ("flag_values".to_owned(), Written::OfType(vec![6, 9])),
                text("flag_meanings", "water cloud_high_probability"),
            ]
        );
    }

    #[test]
    fn bit_fields_are_masked_and_shifted() {
        let mut measurement = Measurement::new("qa", DataType::Int8, None);
        measurement.flags.insert("cloud".into(), flag(&[1], &[(0, "false"), (1, "true")]));
        measurement.flags.insert("confidence".into(), flag(&[6, 7], &[(2, "high")]));
        assert_eq!(
            flag_attributes(&measurement, DataType::Int8),
            [
                ("flag_masks".to_owned(), Written::OfType(vec![2, 2, -64])),
                ("flag_values".to_owned(), Written::OfType(vec![0, 2, -128])),
                text("flag_meanings", "not_cloud cloud confidence_high"),
            ]
        );
    }
}
