//! GeoJSON geometries in the CRS of a dataset.

use cube_geo::{Crs, Footprint};
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use serde_json::Value;

use super::check::{Faults, Node};
use super::error::Rule;

/// The footprint of a GeoJSON polygon or multipolygon.
pub(crate) fn read(node: &Node<'_>, crs: &Crs, faults: &mut Faults) -> Option<Footprint> {
    faults.mapping(node, "a GeoJSON Polygon or MultiPolygon in the dataset's CRS")?;
    let kind = faults.need_text(node, "type", "Polygon or MultiPolygon")?;
    let Some(coordinates) = node.get("coordinates") else {
        faults.missing(node, "coordinates", "the rings of the geometry");
        return None;
    };
    let polygons = match kind {
        "Polygon" => vec![polygon(&coordinates, faults)?],
        "MultiPolygon" => {
            let list = faults.list(&coordinates, "a list of polygons")?;
            list.iter().enumerate().map(|(i, v)| polygon(&coordinates.item(i, v), faults)).collect::<Option<_>>()?
        }
        _ => {
            faults.wrong(
                &node.get("type")?,
                "Polygon or MultiPolygon",
                "give the outline of the valid data as one of these",
            );
            return None;
        }
    };
    match Footprint::new(MultiPolygon::new(polygons), crs.clone()) {
        Ok(footprint) => Some(footprint),
        Err(error) => {
            faults.add(&coordinates, Rule::Value, error.to_string(), "mend the outline, or leave the geometry out");
            None
        }
    }
}

fn polygon(node: &Node<'_>, faults: &mut Faults) -> Option<Polygon<f64>> {
    let list = faults.list(node, "a list of rings, the outer one first")?;
    let mut rings = Vec::with_capacity(list.len());
    for (i, value) in list.iter().enumerate() {
        let at = node.item(i, value);
        let points = faults.list(&at, "a ring: a list of points")?;
        let ring: Option<Vec<Coord<f64>>> = points.iter().map(point).collect();
        let Some(ring) = ring else {
            let wrong = points.iter().position(|p| point(p).is_none()).unwrap_or(0);
            faults.wrong(&at.item(wrong, &points[wrong]), "a point: a list of x and y", "write [x, y]");
            return None;
        };
        rings.push(LineString::new(ring));
    }
    let mut rings = rings.into_iter();
    Some(Polygon::new(rings.next().unwrap_or_else(|| LineString::new(Vec::new())), rings.collect()))
}

/// x and y; a height after them is left out.
fn point(value: &Value) -> Option<Coord<f64>> {
    match value.as_array()?.as_slice() {
        [x, y] | [x, y, _] => Some(Coord { x: x.as_f64()?, y: y.as_f64()? }),
        _ => None,
    }
}
