//! Documents of a made-up archive, the same on every machine: what the catalog is benched with.
//!
//! Scenes lie all over the Earth between 78° south and 82° north, at 15,000 places, each seen again and again through
//! ten years: half of them tiles along their zone's axes (Sentinel-2's way), half quads that are turned by the orbit's
//! inclination (Landsat's). Some cross the antimeridian. They come in no order of place or time.

use std::io::{Result, Write};

/// The product of the scenes.
pub const SCENES: &str = "bench_scenes";
/// The products whose datasets cover the whole Earth.
pub const WORLDS: u64 = 87;
/// Places of scenes.
const PLACES: u64 = 15_000;
/// 2014-01-01 in seconds since 1970, where the archive begins, and the days that it lasts.
const BEGIN: i64 = 1_388_534_400;
const DAYS: u64 = 3_652;
const BANDS: [(&str, u32); 10] = [
    ("nbart_coastal_aerosol", 30),
    ("nbart_blue", 30),
    ("nbart_green", 30),
    ("nbart_red", 30),
    ("nbart_nir", 30),
    ("nbart_swir_1", 30),
    ("nbart_swir_2", 30),
    ("nbart_panchromatic", 15),
    ("oa_fmask", 30),
    ("oa_nbart_contiguity", 30),
];

/// `SplitMix64`: a number that looks random for each number.
#[must_use]
pub const fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// A number of 0 ≤ x < 1, from the upper bits.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
#[must_use]
pub fn unit(n: u64) -> f64 {
    (mix(n) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A place where scenes are taken.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    number: u64,
    zone: u32,
    south: bool,
    /// Easting and northing of the middle, whole metres.
    middle: (f64, f64),
    /// Longitude and latitude of the middle, to some kilometres.
    pub lonlat: (f64, f64),
}

impl Place {
    /// The place of scene `n`.
    #[must_use]
    pub fn of(n: u64) -> Self {
        let number = mix(n) % PLACES;
        let of = |which: u64| unit(number * 8 + which);
        // As many in each square kilometre.
        let lat = (-0.978 + of(0) * 1.968).asin().to_degrees();
        let zone = 1.0 + (of(1) * 60.0).floor();
        let east = (of(2) - 0.5) * 6.0 * 111_320.0 * lat.to_radians().cos();
        let lon = zone * 6.0 - 183.0 + east / (111_320.0 * lat.to_radians().cos());
        let north = lat * 110_700.0 + if lat < 0.0 { 10_000_000.0 } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 60")]
        let zone = zone as u32;
        Self { number, zone, south: lat < 0.0, middle: ((500_000.0 + east).round(), north.round()), lonlat: (lon, lat) }
    }

    const fn epsg(self) -> u32 {
        if self.south { 32_700 + self.zone } else { 32_600 + self.zone }
    }

    /// The corners of the footprint, turned to the right from the upper left, and half the side of the grid around it.
    fn footprint(self) -> ([(f64, f64); 4], f64) {
        let (east, north) = self.middle;
        let (half, turn) = if self.number.is_multiple_of(2) { (54_900.0, 0.0) } else { (92_500.0, 12.0_f64) };
        let (sin, cos) = turn.to_radians().sin_cos();
        let corner = |x: f64, y: f64| (east + half * (x * cos + y * sin), north + half * (y * cos - x * sin));
        let corners = [corner(-1.0, 1.0), corner(1.0, 1.0), corner(1.0, -1.0), corner(-1.0, -1.0)];
        (corners, ((half * (sin + cos)) / 30.0).ceil() * 30.0)
    }
}

/// When scene `n` was taken: day and hour of the archive as `2019-05-07T10:03`, and microseconds in that minute.
fn taken(n: u64) -> (String, u64) {
    let day = BEGIN / 86_400 + i64::try_from(mix(n ^ 1) % DAYS).unwrap_or(0);
    let (year, month, day) = civil(day);
    let of_day = mix(n ^ 2) % 1440;
    (format!("{year}-{month:02}-{day:02}T{:02}:{:02}", of_day / 60, of_day % 60), mix(n ^ 3) % 50_000_000)
}

/// Year, month and day of a day since 1970 (Howard Hinnant's `civil_from_days`, for days after 1970).
const fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + if month <= 2 { 1 } else { 0 }, month, day)
}

fn id(n: u64, salt: u64) -> String {
    let (high, low) = (mix(n ^ (salt << 48)), mix(mix(n ^ (salt << 48)) ^ n));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

/// Writes the definition of the scenes' product as one line of JSON.
///
/// # Errors
/// Where it cannot be written.
pub fn scenes_product(out: &mut impl Write) -> Result<()> {
    product(out, SCENES, &BANDS.map(|(name, _)| name))
}

/// Writes the definitions of the products of [`world`], a line each.
///
/// # Errors
/// Where they cannot be written.
pub fn world_products(out: &mut impl Write) -> Result<()> {
    (0..WORLDS).try_for_each(|number| product(out, &world_product(number), &["value"]))
}

/// The name of one of the products whose datasets cover the whole Earth.
#[must_use]
pub fn world_product(number: u64) -> String {
    format!("bench_world_{number:02}")
}

fn product(out: &mut impl Write, name: &str, measurements: &[&str]) -> Result<()> {
    write!(
        out,
        r#"{{"name":"{name}","description":"made up for benches","metadata_type":"eo3","metadata":{{"product":{{"name":"{name}"}}}},"measurements":["#
    )?;
    for (n, band) in measurements.iter().enumerate() {
        let comma = if n == 0 { "" } else { "," };
        write!(out, r#"{comma}{{"name":"{band}","dtype":"int16","nodata":-999,"units":"1"}}"#)?;
    }
    writeln!(out, "]}}")
}

/// Writes the EO3 document of scene `n` as one line of JSON, 2 kB.
///
/// # Errors
/// Where it cannot be written.
pub fn scene(out: &mut impl Write, n: u64) -> Result<()> {
    let place = Place::of(n);
    let (corners, half) = place.footprint();
    let (left, top) = (place.middle.0 - half, place.middle.1 + half);
    let size = half / 15.0;
    let (minute, micros) = taken(n);
    let second = |add: u64| {
        let micros = micros + add;
        format!("{minute}:{:02}.{:06}Z", micros / 1_000_000, micros % 1_000_000)
    };
    let (path, row) = (place.number % 233 + 1, place.number / 233 + 1);
    let satellite = 5 + mix(n ^ 4) % 5;
    let date = &minute[..10];
    let label = format!("ga_ls{satellite}c_ard_3_{path:03}{row:03}_{date}_final");
    write!(
        out,
        r#"{{"$schema":"https://schemas.opendatacube.org/dataset","id":"{}","label":"{label}","product":{{"name":"{SCENES}"}},"crs":"epsg:{}","geometry":{{"type":"Polygon","coordinates":[["#,
        id(n, 1),
        place.epsg()
    )?;
    for (x, y) in corners {
        write!(out, "[{x:.1},{y:.1}],")?;
    }
    write!(
        out,
        r#"[{:.1},{:.1}]]]}},"grids":{{"default":{{"shape":[{size},{size}],"transform":[30.0,0.0,{left},0.0,-30.0,{top},0.0,0.0,1.0]}},"panchromatic":{{"shape":[{},{}],"transform":[15.0,0.0,{left},0.0,-15.0,{top},0.0,0.0,1.0]}}}},"properties":{{"datetime":"{}","dtr:start_datetime":"{}","dtr:end_datetime":"{}","#,
        corners[0].0,
        corners[0].1,
        size * 2.0,
        size * 2.0,
        second(5_000_000),
        second(0),
        second(9_999_999),
    )?;
    write!(
        out,
        r#""odc:processing_datetime":"{date}T23:59:00Z","eo:platform":"landsat-{satellite}","eo:instrument":"OLI_TIRS","eo:cloud_cover":{:.2},"eo:gsd":15.0,"eo:sun_azimuth":{:.6},"eo:sun_elevation":{:.6},"landsat:wrs_path":{path},"landsat:wrs_row":{row},"landsat:collection_number":2,"odc:region_code":"{path:03}{row:03}","odc:producer":"example.org","odc:product_family":"ard","odc:file_format":"GeoTIFF","odc:dataset_version":"3.2.1","dea:dataset_maturity":"{}"}},"measurements":{{"#,
        unit(n ^ 5) * 100.0,
        unit(n ^ 6) * 360.0,
        unit(n ^ 7) * 90.0,
        if mix(n ^ 8).is_multiple_of(10) { "interim" } else { "final" },
    )?;
    for (number, (band, size)) in BANDS.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        let grid = if *size == 15 { r#","grid":"panchromatic""# } else { "" };
        write!(out, r#"{comma}"{band}":{{"path":"{label}_{band}.tif"{grid}}}"#)?;
    }
    writeln!(
        out,
        r#"}},"accessories":{{"thumbnail:nbart":{{"path":"{label}_thumbnail.jpg"}},"checksum:sha1":{{"path":"{label}.sha1"}}}},"lineage":{{}}}}"#
    )
}

/// Writes the EO3 document of dataset `n` of the products that cover the whole Earth, as one line of JSON.
///
/// # Errors
/// Where it cannot be written.
pub fn world(out: &mut impl Write, n: u64) -> Result<()> {
    let product = world_product(n % WORLDS);
    let (minute, micros) = taken(n ^ 0xface);
    writeln!(
        out,
        r#"{{"$schema":"https://schemas.opendatacube.org/dataset","id":"{}","label":"{product}_{n}","product":{{"name":"{product}"}},"crs":"epsg:4326","geometry":{{"type":"Polygon","coordinates":[[[-180,90],[180,90],[180,-90],[-180,-90],[-180,90]]]}},"grids":{{"default":{{"shape":[1800,3600],"transform":[0.1,0,-180,0,-0.1,90,0,0,1]}}}},"properties":{{"datetime":"{minute}:{:02}.{:06}Z","odc:processing_datetime":"2024-06-01T00:00:00Z","odc:file_format":"GeoTIFF","odc:product_family":"world"}},"measurements":{{"value":{{"path":"{product}_{n}.tif"}}}},"lineage":{{}}}}"#,
        id(n, 2),
        micros / 1_000_000,
        micros % 1_000_000,
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn documents_have_two_kilobytes_and_ids_of_their_own() {
        let mut ids = HashSet::new();
        let mut bytes = 0;
        for n in 0..1000 {
            let mut line = Vec::new();
            scene(&mut line, n).unwrap();
            bytes += line.len();
            let document: serde_json::Value = serde_json::from_slice(&line).unwrap();
            ids.insert(document["id"].as_str().unwrap().to_owned());
            line.clear();
            world(&mut line, n).unwrap();
            let document: serde_json::Value = serde_json::from_slice(&line).unwrap();
            ids.insert(document["id"].as_str().unwrap().to_owned());
        }
        assert_eq!(ids.len(), 2000);
        assert!((1_900_000..2_200_000).contains(&bytes), "{bytes}");
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(civil(BEGIN / 86_400), (2014, 1, 1));
        assert_eq!(civil(BEGIN / 86_400 + 3_651), (2023, 12, 31));
        assert_eq!(civil(16_861), (2016, 3, 1));
        assert_eq!(civil(16_860), (2016, 2, 29));
    }
}
