//! Places: the UTM zone of an area, the grid of a file, footprints as GeoJSON.

use std::path::Path;

use cube_geo::{Crs, Footprint, GeoBox, Resolution};
use cube_load::LoadSpec;
use cube_model::{Dataset, Product};
use cube_raster::RasterLocation;

use crate::Error;

/// The UTM zone of an area's middle, as EPSG:326nn (north) or 327nn (south). The exceptions around Norway and
/// Svalbard are left out: loads there are a matter of taste, and any zone is valid.
///
/// # Errors
/// Where the area has no image in longitude and latitude.
pub fn utm_zone_of(area: &Footprint) -> Result<Crs, Error> {
    let extent = area.lonlat_extent()?;
    let lon = extent.middle_lon();
    let lat = f64::midpoint(extent.south, extent.north);
    // Zones are 6° wide and count from 180° W; the middle may be unwrapped past 180°.
    let zone = ((lon + 180.0).rem_euclid(360.0) / 6.0).floor();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= zone < 60")]
    let zone = (zone as u32).min(59) + 1;
    Ok(Crs::epsg(if lat < 0.0 { 32700 } else { 32600 } + zone)?)
}

/// The pixel grid of a raster file.
///
/// # Errors
/// Where the file cannot be read, or says neither where its pixels are nor in which CRS.
pub fn geobox_of_file(path: &Path) -> Result<GeoBox, Error> {
    let location = RasterLocation { url: path.to_string_lossy().into_owned(), layer: None, band: 1 };
    let raster = cube_raster::open(&location)?;
    let header = raster.header();
    match (header.affine, header.crs.clone()) {
        (Some(affine), Some(crs)) => Ok(GeoBox::new(header.shape, affine, crs)?),
        (affine, crs) => {
            let lacks = match (affine.is_none(), crs.is_none()) {
                (true, true) => "an affine and a CRS",
                (true, false) => "an affine",
                _ => "a CRS",
            };
            Err(Error::RasterMismatch {
                path: path.to_owned(),
                reason: format!("it lacks {lacks}, so it has no grid to take"),
            })
        }
    }
}

/// A footprint as a GeoJSON geometry in longitude and latitude, split at 180° where it crosses.
///
/// # Errors
/// Where it has no image in longitude and latitude.
pub fn footprint_geojson(footprint: &Footprint) -> Result<serde_json::Value, Error> {
    Ok(outline_geojson(&footprint.to_lonlat()?))
}

/// A footprint as a GeoJSON geometry in its own CRS, which GeoJSON itself does not name.
#[must_use]
pub fn outline_geojson(footprint: &Footprint) -> serde_json::Value {
    let ring =
        |line: &geo_types::LineString<f64>| line.coords().map(|c| serde_json::json!([c.x, c.y])).collect::<Vec<_>>();
    let polygons = footprint
        .polygons()
        .iter()
        .map(|p| std::iter::once(ring(p.exterior())).chain(p.interiors().iter().map(ring)).collect::<Vec<_>>());
    let mut polygons: Vec<_> = polygons.collect();
    if polygons.len() == 1 {
        serde_json::json!({ "type": "Polygon", "coordinates": polygons.remove(0) })
    } else {
        serde_json::json!({ "type": "MultiPolygon", "coordinates": polygons })
    }
}

/// Fills in the CRS and resolution that a specification, the products and the datasets leave open: the UTM zone of
/// the area (or of all datasets), and the finest pixel size of the datasets' grids that is in metres. For
/// applications, where any sensible grid will do; a plain load asks.
///
/// # Errors
/// Where the datasets lie nowhere in longitude and latitude.
pub(crate) fn complete_grid(
    spec: LoadSpec,
    products: &[Product],
    datasets: &[Dataset],
    area: Option<&Footprint>,
) -> Result<LoadSpec, Error> {
    // Also a grid that all datasets share: its pixels are taken as they are, not shifted onto multiples of their size.
    if cube_load::output_geobox(&spec, products, area, datasets).is_ok() {
        return Ok(spec);
    }
    let one_crs = datasets.first().map(|d| &d.crs).filter(|crs| datasets.iter().all(|d| d.crs == **crs));
    let crs = match (spec.output_crs(), one_crs, area, datasets.first()) {
        (Some(crs), ..) | (None, Some(crs), ..) => crs.clone(),
        (None, None, Some(area), _) => utm_zone_of(area)?,
        (None, None, None, Some(dataset)) => utm_zone_of(&dataset.footprint)?,
        (None, None, None, None) => Crs::lonlat()?,
    };
    let alike = datasets.iter().filter(|d| d.crs.is_geographic() == crs.is_geographic());
    let sizes = alike.flat_map(|d| d.grids.values()).map(|g| g.affine.a.abs()).filter(|s| *s > 0.0);
    let size = spec.pixel_size().or_else(|| sizes.min_by(f64::total_cmp).map(Resolution::square));
    let spec = spec.crs(crs);
    Ok(match size {
        Some(size) => spec.resolution(size),
        None => spec,
    })
}
