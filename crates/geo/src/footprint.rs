//! Footprint: where on the Earth a dataset or a grid lies.

use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use georust::{BoundingRect, Intersects, MapCoords};
use serde::{Deserialize, Serialize};

use crate::lonlat::{self, LonLatExtent};
use crate::trace::{Space, trace};
use crate::{BoundingBox, Crs, CrsError, GeoBox, Transform};

/// One or more polygons in a CRS, with holes where there are any. Edges are straight in that CRS, coordinates
/// finite, and there is at least one polygon. A geographic footprint may run past ±180 (up to ±360).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct Footprint {
    crs: Crs,
    polygons: MultiPolygon<f64>,
}

/// A footprint as it is written: rings of GeoJSON's `MultiPolygon` coordinates, and a CRS.
#[derive(Clone, Serialize, Deserialize)]
struct Document {
    crs: Crs,
    polygons: Vec<Vec<Vec<[f64; 2]>>>,
}

/// A footprint could not be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FootprintError {
    /// There is no polygon.
    #[error("the footprint holds no polygon: give at least one ring of three different points")]
    Empty,
    /// A ring is too short.
    #[error("polygon {polygon}, ring {ring} has {points} different points, a ring needs three or more")]
    ShortRing {
        /// Which polygon, from 0.
        polygon: usize,
        /// Which ring of it, 0 the outer one.
        ring: usize,
        /// How many different points it has.
        points: usize,
    },
    /// A coordinate is NaN or infinite.
    #[error("polygon {polygon}, ring {ring}, point {point} is ({x}, {y}): coordinates must be finite")]
    NotFinite {
        /// Which polygon, from 0.
        polygon: usize,
        /// Which ring of it, 0 the outer one.
        ring: usize,
        /// Which point of it, from 0.
        point: usize,
        /// Its x.
        x: f64,
        /// Its y.
        y: f64,
    },
    /// A longitude or latitude is not on the Earth.
    #[error(
        "longitude {lon}, latitude {lat} is not on the Earth: longitudes lie in -360..360, latitudes in -90..90, longitude first"
    )]
    OffEarth {
        /// The longitude as given.
        lon: f64,
        /// The latitude as given.
        lat: f64,
    },
    /// South of the box is north of its north.
    #[error("the box {bbox} has its south above its north: give west,south,east,north")]
    Reversed {
        /// The box as given.
        bbox: BoundingBox,
    },
    /// Nothing of it has an image in the other CRS.
    #[error("no part of the footprint (box {bbox} in {from}) can be shown in {to}")]
    NoImage {
        /// The box around the footprint.
        bbox: BoundingBox,
        /// Its CRS.
        from: String,
        /// The CRS asked for.
        to: String,
    },
    /// A CRS is the trouble.
    #[error(transparent)]
    Crs(#[from] CrsError),
}

impl Footprint {
    /// The footprint of these polygons; rings are closed where they are open.
    ///
    /// # Errors
    /// Where there is no polygon, a ring has fewer than three different points, or a coordinate is not finite or,
    /// in a geographic CRS, not on the Earth (longitude in −360..360, latitude in −90..90).
    pub fn new(polygons: MultiPolygon<f64>, crs: Crs) -> Result<Self, FootprintError> {
        if polygons.0.is_empty() {
            return Err(FootprintError::Empty);
        }
        for (polygon, p) in polygons.0.iter().enumerate() {
            for (ring, line) in std::iter::once(p.exterior()).chain(p.interiors()).enumerate() {
                check_ring(line, polygon, ring, crs.is_geographic())?;
            }
        }
        Ok(Self { crs, polygons })
    }

    /// The footprint of one polygon.
    ///
    /// # Errors
    /// As [`Footprint::new`].
    pub fn from_polygon(polygon: Polygon<f64>, crs: Crs) -> Result<Self, FootprintError> {
        Self::new(MultiPolygon::new(vec![polygon]), crs)
    }

    /// The footprint of an axis-aligned box.
    ///
    /// # Errors
    /// As [`Footprint::new`]; a box without extent is refused too.
    pub fn from_bbox(bbox: BoundingBox, crs: Crs) -> Result<Self, FootprintError> {
        if bbox.bottom > bbox.top || bbox.left > bbox.right {
            return Err(FootprintError::Reversed { bbox });
        }
        Self::from_polygon(box_polygon(bbox), crs)
    }

    /// The footprint of a query box in longitude and latitude, in EPSG:4326. A box whose west is greater than its
    /// east crosses the antimeridian and becomes two polygons; a point or a line becomes a hair wide.
    ///
    /// # Errors
    /// As [`BoundingBox::lonlat_parts`].
    pub fn from_lonlat_bbox(bbox: BoundingBox) -> Result<Self, FootprintError> {
        // A point or a line gets a tenth of a millimetre of room, so that it is a polygon.
        let room = |from: f64, to: f64| if to > from { 0.0 } else { 1e-9 };
        let polygons = bbox.lonlat_parts()?.into_iter().map(|b| {
            let (x, y) = (room(b.left, b.right), room(b.bottom, b.top));
            let (bottom, top) = ((b.bottom - y).max(-90.0), (b.top + y).min(90.0));
            box_polygon(BoundingBox::new(b.left - x, bottom, b.right + x, top))
        });
        Self::new(MultiPolygon::new(polygons.collect()), Crs::lonlat()?)
    }

    /// The footprint of polygons in longitude and latitude whose rings jump from +180 to −180 where they cross the
    /// antimeridian, as many STAC items have them: an edge of more than 180° (and less than a full turn) is read as the
    /// shorter way round.
    ///
    /// # Errors
    /// As [`Footprint::new`].
    pub fn from_wrapped_lonlat(polygons: &MultiPolygon<f64>) -> Result<Self, FootprintError> {
        let crs = Crs::lonlat()?;
        Self::new(polygons.clone(), crs.clone())?;
        let unwrapped = polygons.0.iter().map(lonlat::unwrap_polygon).collect();
        Ok(Self { crs, polygons: unwrapped })
    }

    /// The outline of a grid, in the grid's CRS. Its edges are straight there; they get more points where they are
    /// moved to another CRS.
    ///
    /// # Errors
    /// Where the grid is empty or not finite. A geographic grid that reaches past a pole ends at the pole.
    pub fn from_geobox(geobox: &GeoBox) -> Result<Self, FootprintError> {
        let geographic = geobox.crs.is_geographic();
        let ring = geobox.corners().map(|(x, y)| Coord { x, y: if geographic { y.clamp(-90.0, 90.0) } else { y } });
        Self::from_polygon(Polygon::new(LineString::from(ring.to_vec()), vec![]), geobox.crs.clone())
    }

    /// The CRS of the coordinates.
    #[must_use]
    pub const fn crs(&self) -> &Crs {
        &self.crs
    }

    /// The polygons, at least one.
    #[must_use]
    pub const fn polygons(&self) -> &MultiPolygon<f64> {
        &self.polygons
    }

    /// The polygons as values.
    #[must_use]
    pub fn into_polygons(self) -> MultiPolygon<f64> {
        self.polygons
    }

    /// The box around all polygons, in the footprint's own CRS.
    #[must_use]
    pub fn bounding_box(&self) -> BoundingBox {
        self.polygons.bounding_rect().map_or(BoundingBox::new(0.0, 0.0, 0.0, 0.0), |r| {
            BoundingBox::new(r.min().x, r.min().y, r.max().x, r.max().y)
        })
    }

    /// The same ground in another CRS. Edges get as many points as they need to stay within 1e-5 of the footprint's
    /// extent from their true course; what has no image there is cut off. A footprint that crosses a seam of the target
    /// (the antimeridian of a world map) is split there.
    ///
    /// # Errors
    /// Where there is no transform, or nothing of the footprint has an image.
    pub fn to_crs(&self, crs: &Crs) -> Result<Self, FootprintError> {
        if self.crs == *crs {
            return Ok(self.clone());
        }
        let polygons = if crs.is_geographic() {
            lonlat::to_lonlat(&self.polygons, &Transform::new(&self.crs, crs)?)
        } else {
            match project(&self.polygons, &Transform::new(&self.crs, crs)?) {
                Some(polygons) => polygons,
                None => self.split_at_seam_of(crs)?,
            }
        };
        if polygons.0.is_empty() {
            return Err(self.no_image(crs));
        }
        Ok(Self { crs: crs.clone(), polygons })
    }

    /// The footprint in EPSG:4326, longitudes in −180..180: split where it crosses the antimeridian, and reaching the
    /// pole where it holds one. A ring that leaves its projection's domain becomes the box around what is inside.
    ///
    /// # Errors
    /// Where there is no transform, or nothing of the footprint is on the Earth.
    pub fn to_lonlat(&self) -> Result<Self, FootprintError> {
        let crs = Crs::lonlat()?;
        let polygons = lonlat::to_lonlat(&self.polygons, &Transform::new(&self.crs, &crs)?);
        if polygons.0.is_empty() {
            return Err(self.no_image(&crs));
        }
        Ok(Self { crs, polygons })
    }

    /// The range of longitudes and latitudes. Where the footprint crosses the antimeridian, `east` is greater than
    /// 180, so that the middle lies on it.
    ///
    /// # Errors
    /// As [`Footprint::to_lonlat`].
    pub fn lonlat_extent(&self) -> Result<LonLatExtent, FootprintError> {
        let lonlat = self.to_lonlat()?;
        LonLatExtent::around(&lonlat.polygons).ok_or_else(|| self.no_image(&lonlat.crs))
    }

    /// One box in longitude and latitude around the footprint, or two where it crosses the antimeridian.
    ///
    /// # Errors
    /// As [`Footprint::to_lonlat`].
    pub fn lonlat_boxes(&self) -> Result<Vec<BoundingBox>, FootprintError> {
        Ok(self.lonlat_extent()?.boxes())
    }

    /// True where both share a point, edges counted and holes left out. Footprints in unlike CRSs are compared in
    /// longitude and latitude, where +180 and −180 are the same meridian.
    ///
    /// # Errors
    /// Where a footprint cannot be shown in longitude and latitude.
    pub fn intersects(&self, other: &Self) -> Result<bool, FootprintError> {
        if self.crs == other.crs && !self.crs.is_geographic() {
            return Ok(meets(&self.polygons, &other.polygons));
        }
        let (a, b) = (self.to_lonlat()?, other.to_lonlat()?);
        Ok([0.0, 360.0, -360.0].into_iter().any(|turn| {
            let shifted;
            let b = if turn == 0.0 {
                &b.polygons
            } else {
                let moved = BoundingBox {
                    left: b.bounding_box().left + turn,
                    right: b.bounding_box().right + turn,
                    ..b.bounding_box()
                };
                if !a.bounding_box().touches(moved) {
                    return false;
                }
                shifted = b.polygons.map_coords(|c| Coord { x: c.x + turn, y: c.y });
                &shifted
            };
            meets(&a.polygons, b)
        }))
    }

    /// True where (`x`, `y`), in the footprint's own CRS, lies inside or on an edge.
    #[must_use]
    pub fn contains_point(&self, x: f64, y: f64) -> bool {
        self.polygons.intersects(&Coord { x, y })
    }

    /// The area on the WGS 84 ellipsoid in m², holes taken off. Polygons that overlap each other count twice.
    ///
    /// # Errors
    /// As [`Footprint::to_lonlat`].
    pub fn area(&self) -> Result<f64, FootprintError> {
        Ok(self.to_lonlat()?.polygons.0.iter().map(crate::areas::polygon_area).sum())
    }

    fn no_image(&self, to: &Crs) -> FootprintError {
        FootprintError::NoImage { bbox: self.bounding_box(), from: self.crs.to_string(), to: to.to_string() }
    }

    /// The footprint in a CRS whose map it would be smeared over: cut along the map's seam first.
    fn split_at_seam_of(&self, crs: &Crs) -> Result<MultiPolygon<f64>, FootprintError> {
        let lonlat = self.to_lonlat()?;
        let transform = Transform::new(&lonlat.crs, crs)?;
        let seam = lonlat::seam(&transform);
        let parts = lonlat::split(&lonlat.polygons, seam);
        // Points on the seam belong to the map's left or right edge; a hair inside, there is no doubt which.
        let (west, east) = (seam + 1e-9, seam + 360.0 - 1e-9);
        let parts = parts.map_coords(|c| Coord { x: c.x.clamp(west, east), y: c.y });
        Ok(project_pieces(&parts, &transform))
    }
}

/// The polygons in a projected CRS, `None` where they cross a seam of it.
fn project(polygons: &MultiPolygon<f64>, transform: &Transform) -> Option<MultiPolygon<f64>> {
    let mut torn = false;
    let moved = map_rings(polygons, |ring| {
        let traced = trace(ring, transform, Space::Planar);
        torn |= traced.torn;
        traced.points
    });
    (!torn).then_some(moved)
}

fn project_pieces(polygons: &MultiPolygon<f64>, transform: &Transform) -> MultiPolygon<f64> {
    map_rings(polygons, |ring| trace(ring, transform, Space::Planar).points)
}

/// Rings that keep fewer than three points go, and a polygon goes with its outer ring.
fn map_rings(polygons: &MultiPolygon<f64>, mut f: impl FnMut(&LineString) -> Vec<Coord>) -> MultiPolygon<f64> {
    let mut ring = |line: &LineString| Some(f(line)).filter(|points| points.len() >= 3).map(LineString::new);
    MultiPolygon::new(
        polygons
            .0
            .iter()
            .filter_map(|p| {
                let exterior = ring(p.exterior())?;
                let holes = p.interiors().iter().filter_map(&mut ring).collect();
                Some(Polygon::new(exterior, holes))
            })
            .collect(),
    )
}

/// georust's exact test, with the boxes of the parts looked at first.
fn meets(a: &MultiPolygon<f64>, b: &MultiPolygon<f64>) -> bool {
    a.0.iter().any(|p| b.0.iter().any(|q| p.intersects(q)))
}

pub(crate) fn box_polygon(b: BoundingBox) -> Polygon<f64> {
    let ring = vec![(b.left, b.bottom), (b.right, b.bottom), (b.right, b.top), (b.left, b.top)];
    Polygon::new(LineString::from(ring), vec![])
}

fn check_ring(line: &LineString, polygon: usize, ring: usize, geographic: bool) -> Result<(), FootprintError> {
    for (point, c) in line.0.iter().enumerate() {
        if !c.x.is_finite() || !c.y.is_finite() {
            return Err(FootprintError::NotFinite { polygon, ring, point, x: c.x, y: c.y });
        }
        if geographic {
            lonlat::check(c.x, c.y)?;
        }
    }
    let mut seen: Vec<Coord> = Vec::with_capacity(3);
    for c in &line.0 {
        if seen.len() < 3 && !seen.contains(c) {
            seen.push(*c);
        }
    }
    if seen.len() < 3 {
        return Err(FootprintError::ShortRing { polygon, ring, points: seen.len() });
    }
    Ok(())
}

impl From<Footprint> for Document {
    fn from(footprint: Footprint) -> Self {
        let ring = |line: &LineString| line.0.iter().map(|c| [c.x, c.y]).collect();
        let polygons = footprint
            .polygons
            .0
            .iter()
            .map(|p| std::iter::once(p.exterior()).chain(p.interiors()).map(ring).collect())
            .collect();
        Self { crs: footprint.crs, polygons }
    }
}

impl TryFrom<Document> for Footprint {
    type Error = FootprintError;

    fn try_from(document: Document) -> Result<Self, FootprintError> {
        let ring = |points: Vec<[f64; 2]>| LineString::new(points.into_iter().map(|[x, y]| Coord { x, y }).collect());
        let polygon = |rings: Vec<Vec<[f64; 2]>>| {
            let mut rings = rings.into_iter().map(ring);
            let exterior = rings.next().unwrap_or_else(|| LineString::new(vec![]));
            Polygon::new(exterior, rings.collect())
        };
        Self::new(MultiPolygon::new(document.polygons.into_iter().map(polygon).collect()), document.crs)
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "seams and poles are exact")]
mod tests {
    use super::*;
    use crate::{Affine, Shape};

    fn utm(zone: u32, left: f64, bottom: f64, size: f64) -> Footprint {
        let bbox = BoundingBox::new(left, bottom, left + size, bottom + size);
        Footprint::from_bbox(bbox, Crs::epsg(32600 + zone).unwrap()).unwrap()
    }

    #[test]
    fn utm_tile_over_the_antimeridian_becomes_two_parts() {
        // 1 degree of longitude is 107 km here; the central meridian of zone 60 is 177 degrees east.
        let tile = utm(60, 780_000.0, 1_700_000.0, 109_800.0);
        let lonlat = tile.to_lonlat().unwrap();
        assert_eq!(lonlat.polygons().0.len(), 2);
        let extent = tile.lonlat_extent().unwrap();
        assert!(extent.west > 179.0 && extent.west < 180.0 && extent.east > 180.0 && extent.east < 181.0, "{extent:?}");
        assert!((extent.middle_lon().abs() - 180.0).abs() < 1.0);
        let boxes = tile.lonlat_boxes().unwrap();
        assert_eq!(boxes.len(), 2);
        assert_eq!((boxes[0].right, boxes[1].left), (180.0, -180.0));
        // What was cut is still whole: the two parts have the area of the tile, scale 0.9996 to 1.0006 on a side.
        let ratio = tile.area().unwrap() / 109_800.0_f64.powi(2);
        assert!((ratio - 0.999).abs() < 0.002, "{ratio}");
        assert!(
            tile.intersects(&Footprint::from_lonlat_bbox(BoundingBox::new(-179.9, 15.5, -179.8, 15.6)).unwrap())
                .unwrap()
        );
        assert!(
            !tile.intersects(&Footprint::from_lonlat_bbox(BoundingBox::new(0.0, 15.5, 1.0, 15.6)).unwrap()).unwrap()
        );
    }

    #[test]
    fn polar_grid_reaches_the_pole() {
        for (code, north) in [(3413, true), (3031, false)] {
            let crs = Crs::epsg(code).unwrap();
            let bbox = BoundingBox::new(-1e6, -1e6, 1e6, 1e6);
            let ring = Footprint::from_bbox(bbox, crs.clone()).unwrap();
            let extent = ring.lonlat_extent().unwrap();
            assert_eq!((extent.west, extent.east), (-180.0, 180.0));
            assert_eq!(
                if north { extent.north } else { extent.south },
                90.0_f64.copysign(if north { 1.0 } else { -1.0 })
            );
            // Polar stereographic scale at the pole is below 1.03, so areas agree with the plane within 6 %.
            let ratio = ring.area().unwrap() / 4e12;
            assert!((0.94..1.07).contains(&ratio), "{code}: {ratio}");
            // Quarters and halves whose corner or edge is the pole.
            for bbox in [BoundingBox::new(0.0, 0.0, 1e6, 1e6), BoundingBox::new(-1e6, 0.0, 1e6, 1e6)] {
                let part = Footprint::from_bbox(bbox, crs.clone()).unwrap();
                let share = part.area().unwrap() / ring.area().unwrap();
                assert!((share - bbox.width() / 4e6).abs() < 1e-4, "{code} {bbox}: {share}");
            }
        }
    }

    #[test]
    fn grid_past_180_is_the_same_ground() {
        let crs = Crs::lonlat().unwrap();
        let shifted = Footprint::from_bbox(BoundingBox::new(170.0, 0.0, 190.0, 10.0), crs.clone()).unwrap();
        let parts = shifted.to_lonlat().unwrap();
        assert_eq!(parts.polygons().0.len(), 2);
        assert!(
            parts.contains_point(-175.0, 5.0) && parts.contains_point(175.0, 5.0) && !parts.contains_point(0.0, 5.0)
        );
        let era5 = Footprint::from_bbox(BoundingBox::new(-0.125, -90.0, 359.875, 90.0), crs).unwrap();
        let extent = era5.lonlat_extent().unwrap();
        assert_eq!((extent.west, extent.east, extent.middle_lon()), (-180.0, 180.0, 0.0));
        // The Earth's surface on WGS 84: 510,065,621.724 km² (Karney's planimeter).
        assert!((era5.area().unwrap() / 510_065_621_724_088.0 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn holes_and_touching_edges_are_respected() {
        let crs = Crs::epsg(32633).unwrap();
        let ring = |a: f64, b: f64| box_polygon(BoundingBox::new(a, a, b, b)).exterior().clone();
        let with_hole = Polygon::new(ring(0.0, 10.0), vec![ring(2.0, 8.0)]);
        let with_hole = Footprint::from_polygon(with_hole, crs.clone()).unwrap();
        let square = |a: f64, b: f64| Footprint::from_bbox(BoundingBox::new(a, a, b, b), crs.clone()).unwrap();
        assert!(!with_hole.intersects(&square(4.0, 6.0)).unwrap());
        assert!(with_hole.intersects(&square(4.0, 8.0)).unwrap());
        assert!(with_hole.intersects(&square(10.0, 12.0)).unwrap());
        assert!(!with_hole.intersects(&square(10.1, 12.0)).unwrap());
        assert!(with_hole.contains_point(10.0, 10.0) && !with_hole.contains_point(5.0, 5.0));
    }

    #[test]
    fn curved_edges_get_points() {
        let europe = Footprint::from_lonlat_bbox(BoundingBox::new(-10.0, 35.0, 40.0, 70.0)).unwrap();
        let moved = europe.to_crs(&Crs::epsg(3035).unwrap()).unwrap();
        let transform = Transform::new(&Crs::lonlat().unwrap(), moved.crs()).unwrap();
        // The middle of the northern edge bulges northwards past both of its corners.
        let (x, y) = transform.point(10.0, 70.0).unwrap();
        assert!(moved.contains_point(x, y - 100.0) && !moved.contains_point(x, y + 100.0));
        assert!(moved.polygons().0[0].exterior().0.len() > 20);
    }

    #[test]
    fn footprint_over_the_seam_of_a_world_map_is_split_there() {
        let tile = utm(60, 780_000.0, 1_700_000.0, 109_800.0);
        let mercator = tile.to_crs(&Crs::epsg(3857).unwrap()).unwrap();
        assert_eq!(mercator.polygons().0.len(), 2);
        for polygon in mercator.polygons() {
            let width = polygon.bounding_rect().unwrap().width();
            assert!(width < 200_000.0, "{width}");
        }
        // The Pacific's own Mercator has its seam elsewhere.
        let pacific = tile.to_crs(&Crs::epsg(3832).unwrap()).unwrap();
        assert_eq!(pacific.polygons().0.len(), 1);
    }

    #[test]
    fn sinusoidal_tile_at_the_edge_of_the_earth_is_found() {
        let crs = Crs::parse("+proj=sinu +lon_0=0 +R=6371007.181 +units=m").unwrap();
        // A tile at 40 to 50 degrees north most of which is west of the last meridian: it is seen as a box, a little too wide.
        let size = 1_111_950.519_666;
        let tile = BoundingBox::new(-14.0 * size, 4.0 * size, -13.0 * size, 5.0 * size);
        let tile = Footprint::from_bbox(tile, crs).unwrap();
        let extent = tile.lonlat_extent().unwrap();
        assert!((179.0..180.0).contains(&extent.west) && extent.east < 192.0, "{extent:?}");
        assert!((39.0..40.0).contains(&extent.south) && extent.north < 45.0, "{extent:?}");
    }

    #[test]
    fn stac_ring_that_jumps_is_read_as_the_shorter_way() {
        let jumps =
            Polygon::new(LineString::from(vec![(179.0, 10.0), (-179.0, 10.0), (-179.0, 11.0), (179.0, 11.0)]), vec![]);
        let footprint = Footprint::from_wrapped_lonlat(&MultiPolygon::new(vec![jumps])).unwrap();
        let extent = footprint.lonlat_extent().unwrap();
        assert_eq!((extent.west, extent.east), (179.0, 181.0));
    }

    #[test]
    fn query_box_is_checked_and_split() {
        let parts = BoundingBox::new(170.0, -20.0, -170.0, -10.0).lonlat_parts().unwrap();
        assert_eq!(
            parts,
            [BoundingBox::new(170.0, -20.0, 180.0, -10.0), BoundingBox::new(-180.0, -20.0, -170.0, -10.0)]
        );
        let parts = BoundingBox::new(350.0, 0.0, 355.0, 1.0).lonlat_parts().unwrap();
        assert_eq!(parts, [BoundingBox::new(-10.0, 0.0, -5.0, 1.0)]);
        assert_eq!(
            BoundingBox::new(12.0, 41.0, 13.0, 42.0).lonlat_parts().unwrap(),
            [BoundingBox::new(12.0, 41.0, 13.0, 42.0)]
        );
        assert_eq!(
            BoundingBox::new(0.0, -90.0, 360.0, 90.0).lonlat_parts().unwrap(),
            [BoundingBox::new(-180.0, -90.0, 180.0, 90.0)]
        );
        let error = BoundingBox::new(12.0, 41.0, 13.0, 142.0).lonlat_parts().unwrap_err().to_string();
        assert!(error.contains("latitude 142") && error.contains("-90..90"), "{error}");
        assert!(BoundingBox::new(f64::NAN, 0.0, 1.0, 1.0).lonlat_parts().is_err());
        assert!(BoundingBox::new(0.0, 2.0, 1.0, 1.0).lonlat_parts().is_err());
    }

    #[test]
    fn point_query_meets_the_dataset_around_it() {
        let point = Footprint::from_lonlat_bbox(BoundingBox::new(12.23, 42.12, 12.23, 42.12)).unwrap();
        assert!(utm(33, 250_000.0, 4_650_000.0, 50_000.0).intersects(&point).unwrap());
    }

    #[test]
    fn bad_rings_are_refused_with_their_place() {
        let crs = Crs::lonlat().unwrap();
        let ring = |points: Vec<(f64, f64)>| {
            Footprint::from_polygon(Polygon::new(LineString::from(points), vec![]), crs.clone())
                .unwrap_err()
                .to_string()
        };
        assert!(ring(vec![(0.0, 0.0), (1.0, 1.0)]).contains("2 different points"));
        assert!(ring(vec![(0.0, 0.0), (f64::NAN, 1.0), (1.0, 0.0)]).contains("point 1"));
        assert!(ring(vec![(0.0, 0.0), (0.0, 91.0), (1.0, 0.0)]).contains("latitude 91"));
    }

    #[test]
    fn footprint_survives_writing() {
        let footprint = utm(33, 250_000.0, 4_650_000.0, 50_000.0);
        let text = serde_json::to_string(&footprint).unwrap();
        assert!(text.contains("[[[[250000.0,4650000.0],"), "{text}");
        assert_eq!(serde_json::from_str::<Footprint>(&text).unwrap(), footprint);
        assert!(serde_json::from_str::<Footprint>(r#"{"crs":"EPSG:4326","polygons":[]}"#).is_err());
    }

    #[test]
    fn geographic_grid_past_the_pole_ends_there() {
        let affine = Affine::new(0.25, 0.0, -0.125, 0.0, -0.25, 90.125);
        let grid = GeoBox::new(Shape::new(721, 1440), affine, Crs::lonlat().unwrap()).unwrap();
        let footprint = Footprint::from_geobox(&grid).unwrap();
        assert_eq!(footprint.bounding_box(), BoundingBox::new(-0.125, -90.0, 359.875, 90.0));
    }
}
