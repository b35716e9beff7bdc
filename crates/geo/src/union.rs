//! Many footprints as one.

use geo_types::{Coord, Polygon};
use georust::algorithm::bool_ops::unary_union;
use georust::orient::{Direction, Orient};
use georust::{BoundingRect, MapCoords};

use crate::{BoundingBox, Crs, Footprint, FootprintError};

impl Footprint {
    /// The ground that any of these polygons covers, coordinates in `crs`. Coordinates move by up to about a hundred
    /// millionth of the extent of all of them: polygons are joined on a grid of whole numbers.
    ///
    /// # Errors
    /// Where there is no polygon, or nothing is left of them.
    pub fn union_of(polygons: impl IntoIterator<Item = Polygon<f64>>, crs: &Crs) -> Result<Self, FootprintError> {
        // What is inside is told by the way rings run, so that they must all run the same way.
        let polygons: Vec<_> = polygons.into_iter().map(|polygon| polygon.orient(Direction::Default)).collect();
        let union = unary_union(&polygons);
        // Clipping works on a grid, and may put a pole a hair beyond itself: the union reaches no farther than its parts.
        let rects: Vec<_> = polygons.iter().filter_map(BoundingRect::bounding_rect).collect();
        let around = BoundingBox::around(rects.iter().flat_map(|r| [r.min().x_y(), r.max().x_y()]));
        let within = |c: Coord| match around {
            Some(b) => Coord { x: c.x.clamp(b.left, b.right), y: c.y.clamp(b.bottom, b.top) },
            None => c,
        };
        Self::new(union.map_coords(within), crs.clone())
    }
}

#[cfg(test)]
mod tests {
    use georust::Area;

    use super::*;

    fn polygons(boxes: &[[f64; 4]]) -> Vec<Polygon<f64>> {
        let one = |[west, south, east, north]: [f64; 4]| {
            Footprint::from_lonlat_bbox(BoundingBox::new(west, south, east, north)).unwrap().into_polygons()
        };
        boxes.iter().flat_map(|b| one(*b).0).collect()
    }

    #[test]
    fn polygons_that_meet_become_one_whichever_way_they_run() {
        let mut all = polygons(&[[0.0, 0.0, 2.0, 2.0], [1.0, 1.0, 3.0, 3.0], [10.0, 0.0, 11.0, 1.0]]);
        all[1].exterior_mut(|ring| ring.0.reverse());
        let union = Footprint::union_of(all, &Crs::lonlat().unwrap()).unwrap();
        assert_eq!(union.polygons().0.len(), 2);
        assert!((union.polygons().unsigned_area() - 8.0).abs() < 1e-6);
    }

    #[test]
    fn holes_stay_where_nothing_fills_them() {
        let frame = |hole: [f64; 4]| {
            let mut outer = polygons(&[[0.0, 0.0, 9.0, 9.0]]).remove(0);
            outer.interiors_push(polygons(&[hole])[0].exterior().clone());
            outer
        };
        let union = |all: Vec<_>| Footprint::union_of(all, &Crs::lonlat().unwrap()).unwrap().polygons().unsigned_area();
        let (a, b) = (frame([3.0, 3.0, 6.0, 6.0]), frame([4.0, 4.0, 7.0, 7.0]));
        assert!((union(vec![a.clone()]) - 72.0).abs() < 1e-6);
        assert!((union(vec![a.clone(), b]) - 77.0).abs() < 1e-6, "the hole of both");
        assert!((union([vec![a], polygons(&[[3.0, 3.0, 6.0, 6.0]])].concat()) - 81.0).abs() < 1e-6);
    }

    #[test]
    fn the_pole_stays_where_it_is() {
        let all = polygons(&[[-180.0, 76.998_815_531_682_67, 180.0, 90.0], [179.995, 0.009, 180.0, 0.027]]);
        let union = Footprint::union_of(all, &Crs::lonlat().unwrap()).unwrap();
        let around = union.bounding_box();
        assert_eq!((around.left, around.right, around.top), (-180.0, 180.0, 90.0));
    }

    #[test]
    fn nothing_has_no_union() {
        assert!(matches!(Footprint::union_of([], &Crs::lonlat().unwrap()), Err(FootprintError::Empty)));
    }
}
