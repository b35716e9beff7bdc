//! Areas of searches.

use std::ops::Range;
use std::str::FromStr;

use cube_geo::{BoundingBox, Crs, Footprint, FootprintError};
use geo_types::{Geometry, MultiPolygon, Point};
use geojson::{GeoJson, GeometryValue, Position};
use wkt::TryFromWkt;

use super::{Search, SearchError};

/// Deepest nesting of brackets in WKT; a collection of multipolygons has five.
const MAX_BRACKETS: usize = 16;

impl Search {
    /// And touching this box of longitudes and latitudes in degrees. Where the longitudes run backwards (`170.0..-170.0`)
    /// the box crosses the antimeridian. A box that is off the Earth is told when the search runs.
    #[must_use]
    pub fn lonlat(mut self, lon: Range<f64>, lat: Range<f64>) -> Self {
        match footprint_of_boxes([BoundingBox::new(lon.start, lat.start, lon.end, lat.end)].into_iter()) {
            Ok(area) => self.area(area),
            Err(fault) => {
                self.fault = Some(fault);
                self
            }
        }
    }

    /// And touching this box in degrees. Where `west` is greater than `east`, it crosses the antimeridian.
    ///
    /// # Errors
    /// Where the box is off the Earth or `south` lies above `north`.
    pub fn bbox(self, west: f64, south: f64, east: f64, north: f64) -> Result<Self, SearchError> {
        let area = footprint_of_boxes([BoundingBox::new(west, south, east, north)].into_iter())?;
        Ok(self.area(area))
    }

    /// And touching this geometry: GeoJSON or WKT in longitude and latitude.
    ///
    /// # Errors
    /// As [`area_from_text`].
    pub fn geometry(self, text: &str) -> Result<Self, SearchError> {
        Ok(self.area(area_from_text(text)?))
    }
}

/// The area of a GeoJSON or WKT text in longitude and latitude (EPSG:4326): polygons, also in features and collections;
/// a point becomes a hair wide.
///
/// # Errors
/// Where the text is neither, holds lines or nothing, or is off the Earth.
pub fn area_from_text(text: &str) -> Result<Footprint, SearchError> {
    let text = text.trim();
    let mut polygons = Vec::new();
    if text.starts_with('{') {
        let geojson = GeoJson::from_str(text).map_err(|e| unusable(format!("this GeoJSON does not read: {e}")))?;
        for geometry in geometries(geojson) {
            check_positions(&geometry.value)?;
            let geometry = Geometry::<f64>::try_from(geometry.value)
                .map_err(|e| unusable(format!("this GeoJSON does not read: {e}")))?;
            collect(geometry, &mut polygons)?;
        }
    } else {
        check_brackets(text)?;
        let wkt = match text.split_once(';') {
            Some((srid, rest)) if srid.eq_ignore_ascii_case("SRID=4326") => rest,
            _ => text,
        };
        let geometry = Geometry::<f64>::try_from_wkt_str(wkt)
            .map_err(|e| unusable(format!("expected GeoJSON or WKT in longitude and latitude: {e}")))?;
        collect(geometry, &mut polygons)?;
    }
    Crs::lonlat()
        .map_err(FootprintError::from)
        .and_then(|crs| Footprint::new(MultiPolygon::new(polygons), crs))
        .map_err(|e| unusable(e.to_string()))
}

/// The union of boxes in longitude and latitude.
pub(super) fn footprint_of_boxes(boxes: impl Iterator<Item = BoundingBox>) -> Result<Footprint, SearchError> {
    let mut polygons = Vec::new();
    for bbox in boxes {
        let footprint = Footprint::from_lonlat_bbox(bbox).map_err(|e| unusable(e.to_string()))?;
        polygons.extend(footprint.into_polygons());
    }
    Crs::lonlat()
        .map_err(FootprintError::from)
        .and_then(|crs| Footprint::new(MultiPolygon::new(polygons), crs))
        .map_err(|e| unusable(e.to_string()))
}

fn unusable(reason: String) -> SearchError {
    SearchError::Area { reason }
}

fn geometries(geojson: GeoJson) -> Vec<geojson::Geometry> {
    match geojson {
        GeoJson::Geometry(geometry) => vec![geometry],
        GeoJson::Feature(feature) => feature.geometry.into_iter().collect(),
        GeoJson::FeatureCollection(all) => all.features.into_iter().filter_map(|f| f.geometry).collect(),
    }
}

/// The conversion takes two numbers from each position without looking whether they are there.
fn check_positions(value: &GeometryValue) -> Result<(), SearchError> {
    let whole = |position: &Position| position.as_slice().len() >= 2;
    let fits = match value {
        GeometryValue::Point { coordinates } => whole(coordinates),
        GeometryValue::MultiPoint { coordinates } | GeometryValue::LineString { coordinates } => {
            coordinates.iter().all(whole)
        }
        GeometryValue::MultiLineString { coordinates } | GeometryValue::Polygon { coordinates } => {
            coordinates.iter().flatten().all(whole)
        }
        GeometryValue::MultiPolygon { coordinates } => coordinates.iter().flatten().flatten().all(whole),
        GeometryValue::GeometryCollection { geometries } => {
            return geometries.iter().try_for_each(|g| check_positions(&g.value));
        }
    };
    if fits { Ok(()) } else { Err(unusable("a position of this GeoJSON lacks its latitude".to_owned())) }
}

fn collect(geometry: Geometry<f64>, polygons: &mut Vec<geo_types::Polygon<f64>>) -> Result<(), SearchError> {
    match geometry {
        Geometry::Polygon(polygon) => polygons.push(polygon),
        Geometry::MultiPolygon(all) => polygons.extend(all),
        Geometry::Rect(rect) => polygons.push(rect.to_polygon()),
        Geometry::Triangle(triangle) => polygons.push(triangle.to_polygon()),
        Geometry::Point(point) => polygons.extend(hair(point)?),
        Geometry::MultiPoint(points) => {
            for point in points {
                polygons.extend(hair(point)?);
            }
        }
        Geometry::GeometryCollection(all) => {
            for geometry in all {
                collect(geometry, polygons)?;
            }
        }
        Geometry::Line(_) | Geometry::LineString(_) | Geometry::MultiLineString(_) => {
            return Err(unusable("expected polygons or points, got lines: give the line some width".to_owned()));
        }
    }
    Ok(())
}

/// A point as a polygon a hair wide.
fn hair(point: Point<f64>) -> Result<MultiPolygon<f64>, SearchError> {
    let bbox = BoundingBox::new(point.x(), point.y(), point.x(), point.y());
    Ok(Footprint::from_lonlat_bbox(bbox).map_err(|e| unusable(e.to_string()))?.into_polygons())
}

/// The WKT reader calls itself for each bracket, so that a text of brackets would exhaust the stack.
fn check_brackets(text: &str) -> Result<(), SearchError> {
    let mut open = 0_usize;
    for c in text.chars() {
        match c {
            '(' => open += 1,
            ')' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > MAX_BRACKETS {
            return Err(unusable(format!("the WKT is nested deeper than {MAX_BRACKETS} brackets")));
        }
    }
    Ok(())
}
