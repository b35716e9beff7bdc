//! Footprints: longitude and latitude as GeoJSON has it ↔ the CRS of the dataset.

use cube_geo::{Crs, Footprint, FootprintError, Transform};
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use serde_json::{Value, json};

use crate::documents::Rule;
use crate::documents::check::{Faults, Node};
use crate::documents::geometry;

/// Longest edge, in degrees, that is taken for the straight one of the dataset's CRS that it was made from.
const SHORT_EDGE: f64 = 5.0;

/// The geometry of an EO3 document: `proj:geometry`, which is in the dataset's CRS already, else the item's geometry
/// moved there; `None` where the item has none. Edges of footprints were straight in the dataset's CRS before somebody
/// moved their ends to longitude and latitude, so only the ends are moved back, as datacube does; long edges (over 5°)
/// get as many points as they need. Rings that jump over the antimeridian are read as crossing it.
pub(super) fn to_eo3(item: &Node<'_>, crs: &Crs, faults: &mut Faults) -> Option<Value> {
    if let Some(properties) = item.get("properties")
        && let Some(at) = properties.get("proj:geometry")
        && matches!(at.value.get("type").and_then(Value::as_str), Some("Polygon" | "MultiPolygon"))
    {
        let footprint = geometry::read(&at, crs, faults)?;
        return Some(geojson(footprint.polygons()));
    }
    let at = item.get("geometry")?;
    let lonlat = Crs::lonlat().ok()?;
    let written = geometry::read(&at, &lonlat, faults)?;
    let moved = Footprint::from_wrapped_lonlat(written.polygons()).and_then(|f| moved(&f, crs));
    match moved {
        Ok(footprint) => Some(geojson(footprint.polygons())),
        Err(error) => {
            faults.add(
                &at,
                Rule::Value,
                error.to_string(),
                "mend the geometry, or say null to take the outline of the grid",
            );
            None
        }
    }
}

fn moved(footprint: &Footprint, crs: &Crs) -> Result<Footprint, FootprintError> {
    if footprint.crs() == crs {
        return Ok(footprint.clone());
    }
    match ends_moved(footprint, crs)? {
        Some(polygons) => Footprint::new(polygons, crs.clone()),
        None => footprint.to_crs(crs),
    }
}

/// The polygons with their points moved; `None` where an edge is long or a point has no image.
fn ends_moved(footprint: &Footprint, crs: &Crs) -> Result<Option<MultiPolygon<f64>>, FootprintError> {
    let transform = Transform::new(footprint.crs(), crs)?;
    let short = |ring: &LineString<f64>| {
        ring.lines().all(|l| (l.end.x - l.start.x).abs() <= SHORT_EDGE && (l.end.y - l.start.y).abs() <= SHORT_EDGE)
    };
    let ring = |ring: &LineString<f64>| {
        let points = ring.coords().map(|c| transform.point(c.x, c.y).map(|(x, y)| Coord { x, y }));
        points.collect::<Option<Vec<_>>>().filter(|_| short(ring)).map(LineString::new)
    };
    let polygon = |p: &Polygon<f64>| {
        let holes = p.interiors().iter().map(ring).collect::<Option<Vec<_>>>()?;
        Some(Polygon::new(ring(p.exterior())?, holes))
    };
    Ok(footprint.polygons().0.iter().map(polygon).collect::<Option<Vec<_>>>().map(MultiPolygon::new))
}

/// Geometry and bbox of an item (RFC 7946): longitudes in −180..180, outer rings counterclockwise, split at the
/// antimeridian, where the box has its west greater than its east.
pub(super) fn to_stac(footprint: &Footprint) -> Result<(Value, Value), FootprintError> {
    let lonlat = footprint.to_lonlat()?;
    let extent = footprint.lonlat_extent()?;
    let east = if extent.east - extent.west >= 360.0 {
        (-180.0, 180.0)
    } else if extent.east > 180.0 {
        (extent.west, extent.east - 360.0)
    } else {
        (extent.west, extent.east)
    };
    let polygons = lonlat.polygons().0.iter().map(wound).collect();
    Ok((geojson(&MultiPolygon::new(polygons)), json!([east.0, extent.south, east.1, extent.north])))
}

/// Polygons as a GeoJSON geometry.
pub(super) fn geojson(polygons: &MultiPolygon<f64>) -> Value {
    let ring = |ring: &LineString<f64>| ring.coords().map(|c| [c.x, c.y]).collect::<Vec<_>>();
    let polygon = |p: &Polygon<f64>| std::iter::once(p.exterior()).chain(p.interiors()).map(ring).collect::<Vec<_>>();
    match polygons.0.as_slice() {
        [one] => json!({ "type": "Polygon", "coordinates": polygon(one) }),
        many => json!({ "type": "MultiPolygon", "coordinates": many.iter().map(polygon).collect::<Vec<_>>() }),
    }
}

/// The polygon with its outer ring counterclockwise and its holes clockwise.
fn wound(polygon: &Polygon<f64>) -> Polygon<f64> {
    let turned = |ring: &LineString<f64>, positive: bool| {
        let mut ring = ring.clone();
        if (twice_area(&ring) > 0.0) != positive {
            ring.0.reverse();
        }
        ring
    };
    Polygon::new(turned(polygon.exterior(), true), polygon.interiors().iter().map(|hole| turned(hole, false)).collect())
}

/// Twice the signed area of a ring, positive counterclockwise (the shoelace formula, from its first point, so that far
/// coordinates do not drown it).
fn twice_area(ring: &LineString<f64>) -> f64 {
    let Some(first) = ring.0.first().copied() else { return 0.0 };
    ring.lines()
        .map(|l| (l.start.x - first.x) * (l.end.y - first.y) - (l.end.x - first.x) * (l.start.y - first.y))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footprint(west: f64, east: f64, crs: &str) -> Footprint {
        let ring = vec![(west, 0.0), (west, 1000.0), (east, 1000.0), (east, 0.0)];
        Footprint::from_polygon(Polygon::new(LineString::from(ring), vec![]), Crs::parse(crs).unwrap()).unwrap()
    }

    #[test]
    fn outer_rings_turn_counterclockwise() {
        let (geometry, bbox) = to_stac(&footprint(500_000.0, 501_000.0, "EPSG:32633")).unwrap();
        let ring: Vec<(f64, f64)> = serde_json::from_value(geometry["coordinates"][0].clone()).unwrap();
        assert!(twice_area(&LineString::from(ring)) > 0.0);
        assert!((bbox[0].as_f64().unwrap() - 15.0).abs() < 1e-9);
    }

    #[test]
    fn a_box_over_the_antimeridian_has_its_west_greater_than_its_east() {
        let (geometry, bbox) = to_stac(&footprint(833_000.0, 834_500.0, "EPSG:32601")).unwrap();
        assert_eq!(geometry["type"], "Polygon");
        let crossing = footprint(165_500.0, 167_500.0, "EPSG:32601");
        let (geometry, crossed) = to_stac(&crossing).unwrap();
        assert_eq!(geometry["type"], "MultiPolygon");
        let edge = |i: usize| crossed[i].as_f64().unwrap();
        assert!(edge(0) > 179.0 && edge(2) < -179.0, "{crossed} {bbox}");
    }

    #[test]
    fn a_footprint_comes_back_from_longitude_and_latitude() {
        for (west, crs) in [(500_000.0, "EPSG:32633"), (165_500.0, "EPSG:32601")] {
            let there = footprint(west, west + 2000.0, crs);
            let (geometry, _) = to_stac(&there).unwrap();
            let item = json!({ "geometry": geometry });
            let mut faults = Faults::default();
            let back = to_eo3(&Node::root(&item), there.crs(), &mut faults).unwrap();
            let back = geometry::read(&Node::root(&back), there.crs(), &mut faults).unwrap();
            let (a, b) = (there.bounding_box(), back.bounding_box());
            for (a, b) in [(a.left, b.left), (a.right, b.right), (a.top, b.top), (a.bottom, b.bottom)] {
                assert!((a - b).abs() < 0.1, "{a} {b} {crs}");
            }
            assert!((there.area().unwrap() - back.area().unwrap()).abs() < 10.0);
        }
    }
}
