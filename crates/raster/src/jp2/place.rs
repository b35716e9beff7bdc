//! Where the pixels are: the GeoTIFF of `GeoJP2`, else the document of `GMLJP2` (OGC 05-047r3, 08-085r8), as GDAL reads
//! them.

use cube_geo::{Affine, Crs};
use roxmltree::{Document, Node, ParsingOptions};

use super::boxes::Boxes;
use crate::tiff::{Place, Refusal, place_of};

/// Reads what the boxes say.
pub(super) fn read(boxes: &Boxes) -> Result<Place, Refusal> {
    if let Some(geotiff) = &boxes.geotiff {
        match place_of(geotiff) {
            Ok(place) if place.affine.is_some() => return Ok(place),
            Ok(_) => {}
            Err(refusal @ (Refusal::Foreign(_) | Refusal::Unreached(_))) => return Err(refusal),
            // GDAL looks further, too.
            Err(Refusal::Broken(why)) => tracing::debug!(why, "the GeoTIFF in a JP2 does not read"),
        }
    }
    if let Some(gml) = &boxes.gml
        && let Some(place) = of_gml(gml)?
    {
        return Ok(place);
    }
    match boxes.foreign_place {
        Some(why) => Err(Refusal::foreign(why)),
        None => Ok(Place { affine: None, crs: None, foreign_crs: None }),
    }
}

fn named<'a, 'i>(node: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.descendants().filter(move |n| n.tag_name().name() == name)
}

/// The place that the first rectified grid tells: the centre of its first pixel, and the steps to the next ones.
fn of_gml(xml: &str) -> Result<Option<Place>, Refusal> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: 100_000, ..Default::default() };
    let document = match Document::parse_with_options(xml.trim_end_matches('\0').trim(), options) {
        Ok(document) => document,
        Err(error) => {
            tracing::debug!(%error, "the GML in a JP2 is no XML");
            return Ok(None);
        }
    };
    let Some(grid) = named(document.root(), "RectifiedGrid").next() else { return Ok(None) };
    let origin = named(grid, "origin").find_map(|origin| named(origin, "pos").next());
    let steps: Vec<_> = named(grid, "offsetVector").filter_map(pair).collect();
    let (Some([x, y]), [across, down]) = (origin.and_then(pair), steps.as_slice()) else {
        return Err(Refusal::foreign("its GML tells where it is in a way of its own"));
    };
    let affine = Affine::new(
        across[0],
        down[0],
        x - f64::midpoint(across[0], down[0]),
        across[1],
        down[1],
        y - f64::midpoint(across[1], down[1]),
    );
    let point = named(grid, "Point").find_map(|point| point.attribute("srsName"));
    let name = point.or_else(|| grid.attribute("srsName"));
    let name = name.or_else(|| named(document.root(), "Envelope").find_map(|e| e.attribute("srsName")));
    let crs = match name.map(crs) {
        None => None,
        Some(Ok(crs)) if is_east_first(&crs) => Some(crs),
        Some(Ok(crs)) => {
            return Err(Refusal::foreign(format!("its GML is in {}, whose first axis is not east", crs.name())));
        }
        Some(Err(why)) => return Err(Refusal::Foreign(why)),
    };
    Ok(Some(Place { affine: Some(affine), crs, foreign_crs: None }))
}

/// The two numbers that an element holds.
fn pair(node: Node<'_, '_>) -> Option<[f64; 2]> {
    let mut numbers = node.text()?.split(|c: char| c.is_whitespace() || c == ',').filter(|t| !t.is_empty());
    let pair = [numbers.next()?.parse::<f64>().ok()?, numbers.next()?.parse().ok()?];
    (numbers.next().is_none() && pair.iter().all(|v| v.is_finite())).then_some(pair)
}

/// `urn:ogc:def:crs:EPSG::32631`, `http://www.opengis.net/def/crs/EPSG/0/32631`, `EPSG:32631`.
fn crs(name: &str) -> Result<Crs, String> {
    let foreign = || format!("its CRS is called {name:?}");
    let (before, code) = name.trim().rsplit_once([':', '/', '#']).ok_or_else(foreign)?;
    if !before.to_ascii_lowercase().contains("epsg") {
        return Err(foreign());
    }
    let code = code.parse::<u32>().map_err(|_| foreign())?;
    Crs::epsg(code).map_err(|error| error.to_string())
}

/// True where the authority's own first axis points east, so that GML's order is ours.
fn is_east_first(crs: &Crs) -> bool {
    let wkt = crs.wkt();
    let axes = wkt.rfind("CS[").and_then(|at| wkt.get(at..)).unwrap_or_default().to_ascii_lowercase();
    match (axes.find(",east"), axes.find(",north")) {
        (Some(east), Some(north)) => east < north,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gml(srs: &str, steps: &str) -> String {
        format!(
            "<a><RectifiedGrid><origin><Point srsName=\"{srs}\"><pos>500010 4299990</pos></Point></origin>{steps}\
             </RectifiedGrid></a>"
        )
    }

    const STEPS: &str = "<offsetVector>60 0</offsetVector><offsetVector>0 -60</offsetVector>";

    #[test]
    fn a_grid_is_told_by_the_centre_of_its_first_pixel() {
        for name in ["urn:ogc:def:crs:EPSG::32615", "http://www.opengis.net/def/crs/EPSG/0/32615", "EPSG:32615"] {
            let place = of_gml(&gml(name, STEPS)).unwrap().unwrap();
            assert_eq!(place.affine, Some(Affine::new(60.0, 0.0, 499_980.0, 0.0, -60.0, 4_300_020.0)));
            assert_eq!(place.crs.unwrap().epsg_code(), Some(32615));
        }
    }

    #[test]
    fn grids_that_may_be_turned_round_are_for_gdal() {
        for (name, steps) in [("urn:ogc:def:crs:EPSG::4326", STEPS), ("urn:x", STEPS), ("EPSG:32615", "")] {
            assert!(matches!(of_gml(&gml(name, steps)), Err(Refusal::Foreign(_))), "{name} {steps}");
        }
        assert_eq!(of_gml("<a><b"), Ok(None));
        assert_eq!(of_gml("<a/>"), Ok(None));
    }
}
