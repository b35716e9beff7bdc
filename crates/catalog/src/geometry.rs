//! Footprints as bytes, and the exact test of an area.

use cube_geo::{BoundingBox, Crs, Footprint};
use geo_types::{Geometry, MultiPolygon};
use geozero::wkb::{FromWkb, WkbDialect};
use geozero::{CoordDimensions, ToWkb};

use crate::{CatalogError, Result, outline};

/// The box around everything.
pub(crate) const EARTH: BoundingBox = BoundingBox::new(-180.0, -90.0, 180.0, 90.0);

/// The polygons as WKB.
pub(crate) fn wkb(polygons: &MultiPolygon<f64>) -> Vec<u8> {
    // Writing to memory cannot fail, and a multipolygon has a WKB form.
    Geometry::MultiPolygon(polygons.clone()).to_wkb(CoordDimensions::xy()).unwrap_or_default()
}

/// The footprint in lon/lat of stored WKB.
pub(crate) fn footprint(wkb: &[u8]) -> Result<Footprint> {
    let unreadable = |reason: String| CatalogError::Unreadable { what: "a footprint".to_owned(), reason };
    let mut bytes = wkb;
    let geometry: Geometry<f64> =
        FromWkb::from_wkb(&mut bytes, WkbDialect::Wkb).map_err(|e| unreadable(e.to_string()))?;
    let Geometry::MultiPolygon(polygons) = geometry else {
        return Err(unreadable("it is no multipolygon".to_owned()));
    };
    let crs = Crs::lonlat().map_err(|e| unreadable(e.to_string()))?;
    Footprint::new(polygons, crs).map_err(|e| unreadable(e.to_string()))
}

/// The boxes as bytes: west, south, east, north of each, little-endian doubles.
pub(crate) fn box_bytes(boxes: &[BoundingBox]) -> Vec<u8> {
    boxes.iter().flat_map(|b| [b.left, b.bottom, b.right, b.top]).flat_map(f64::to_le_bytes).collect()
}

/// The boxes of bytes.
pub(crate) fn boxes(bytes: &[u8]) -> Vec<BoundingBox> {
    let edge = |b: &[u8], i: usize| {
        let mut eight = [0; 8];
        eight.copy_from_slice(&b[8 * i..8 * i + 8]);
        f64::from_le_bytes(eight)
    };
    bytes.chunks_exact(32).map(|b| BoundingBox::new(edge(b, 0), edge(b, 1), edge(b, 2), edge(b, 3))).collect()
}

/// The area of a search.
#[derive(Debug, Clone)]
pub(crate) struct Area {
    /// In lon/lat.
    lonlat: Footprint,
    /// Its boxes, and for one that reaches ±180 the same meridian seen from the other side.
    boxes: Vec<BoundingBox>,
}

impl Area {
    pub(crate) fn new(area: &Footprint) -> Result<Self> {
        let refuse = |source| CatalogError::Area { source };
        let lonlat = area.to_lonlat().map_err(refuse)?;
        let mut boxes = lonlat.lonlat_boxes().map_err(refuse)?;
        let seams: Vec<_> = boxes.iter().flat_map(|b| seams(*b)).collect();
        boxes.extend(seams);
        Ok(Self { lonlat, boxes })
    }

    /// Boxes that every dataset touching the area touches.
    pub(crate) fn boxes(&self) -> &[BoundingBox] {
        &self.boxes
    }

    /// The rectangles that the area is, each edge to the last bit, with the same meridian seen from the other side where
    /// one reaches ±180; `None` where it has another shape.
    pub(crate) fn rectangles(&self) -> Option<Vec<BoundingBox>> {
        let mut rectangles = self.lonlat.polygons().iter().map(outline::rectangle).collect::<Option<Vec<_>>>()?;
        for at in 0..rectangles.len() {
            let b = rectangles[at];
            for seam in seams(b) {
                let seen = |b: &BoundingBox| {
                    b.left <= seam.left && seam.right <= b.right && b.bottom <= seam.bottom && seam.top <= b.top
                };
                if !rectangles.iter().any(seen) {
                    rectangles.push(seam);
                }
            }
        }
        Some(rectangles)
    }

    /// Whether a footprint with these boxes touches the area.
    pub(crate) fn touches(&self, boxes: &[BoundingBox], footprint: impl Fn() -> Result<Footprint>) -> Result<bool> {
        if !boxes.iter().any(|b| self.boxes.iter().any(|a| a.touches(*b))) {
            return Ok(false);
        }
        self.lonlat.intersects(&footprint()?).map_err(|source| CatalogError::Area { source })
    }
}

/// The meridian of ±180 seen from the other side, where a box reaches it.
fn seams(b: BoundingBox) -> impl Iterator<Item = BoundingBox> {
    let west = (b.left <= -180.0).then(|| BoundingBox::new(180.0, b.bottom, 180.0, b.top));
    let east = (b.right >= 180.0).then(|| BoundingBox::new(-180.0, b.bottom, -180.0, b.top));
    west.into_iter().chain(east)
}

#[cfg(test)]
mod tests {
    use geo_types::{LineString, Polygon};

    use super::*;

    #[test]
    fn polygons_with_holes_come_back_bit_for_bit() {
        let ring =
            |x: f64, y: f64, s: f64| LineString::from(vec![(x, y), (x + s, y), (x + s, y + s), (x, y + s), (x, y)]);
        let polygons = MultiPolygon::new(vec![
            Polygon::new(ring(0.1, 0.2, 10.0), vec![ring(1.0 / 3.0, 2.0, 5.0)]),
            Polygon::new(ring(-180.0, -90.0, 1e-7), vec![]),
        ]);
        assert_eq!(footprint(&wkb(&polygons)).unwrap().polygons(), &polygons);
    }

    #[test]
    fn boxes_come_back_bit_for_bit() {
        let two = [BoundingBox::new(-180.0, -0.0, 1.0 / 3.0, 90.0), BoundingBox::new(179.9, 1.0, 180.0, 2.0)];
        assert_eq!(boxes(&box_bytes(&two)), two);
    }

    #[test]
    fn damaged_footprints_are_reported() {
        let bytes = wkb(&MultiPolygon::new(vec![]));
        assert!(footprint(&bytes).is_err());
        assert!(footprint(b"\x01\x06").is_err());
    }
}
