//! `GridSpec`: the rule that makes a `GeoBox` of a tile index.

use serde::{Deserialize, Serialize};

use crate::geobox::{GeoBoxError, index};
use crate::{Affine, BoundingBox, Crs, GeoBox, Resolution, Shape};

/// Tiles of one shape and resolution that cover a CRS without gaps. Tile (0, 0) has its lower left corner at `origin`;
/// x indices grow eastwards and y indices northwards, however rows run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GridSpec {
    /// What x and y are.
    pub crs: Crs,
    /// Pixel size with its sign.
    pub resolution: Resolution,
    /// Rows and columns of a tile.
    pub tile_shape: Shape,
    /// Lower left corner of tile (0, 0), as (x, y).
    pub origin: (f64, f64),
}

/// Most tiles that one box is cut into.
const MOST_TILES: f64 = 1e7;

impl GridSpec {
    /// The rule of these parts.
    ///
    /// # Errors
    /// Where the resolution is zero or not finite, or a tile holds no pixel.
    pub fn new(crs: Crs, resolution: Resolution, tile_shape: Shape, origin: (f64, f64)) -> Result<Self, GeoBoxError> {
        let Resolution { x, y } = resolution;
        let affine = Affine::new(x, 0.0, origin.0, 0.0, y, origin.1);
        if affine.inverse().is_none() || tile_shape.is_empty() {
            return Err(GeoBoxError::BadResolution { x, y });
        }
        Ok(Self { crs, resolution, tile_shape, origin })
    }

    /// Width and height of a tile in CRS units.
    #[must_use]
    pub fn tile_size(&self) -> (f64, f64) {
        (index(self.tile_shape.cols) * self.resolution.x.abs(), index(self.tile_shape.rows) * self.resolution.y.abs())
    }

    /// Tile (`ix`, `iy`).
    #[must_use]
    pub fn tile(&self, ix: i32, iy: i32) -> GeoBox {
        let (width, height) = self.tile_size();
        // The first pixel sits at the edge that its axis starts from.
        let edge = |origin: f64, i: i32, size: f64, step: f64| {
            origin + size * (f64::from(i) + if step < 0.0 { 1.0 } else { 0.0 })
        };
        let Resolution { x, y } = self.resolution;
        let affine = Affine::new(x, 0.0, edge(self.origin.0, ix, width, x), 0.0, y, edge(self.origin.1, iy, height, y));
        GeoBox { shape: self.tile_shape, affine, crs: self.crs.clone() }
    }

    /// The tiles that share ground with `bbox` (in the CRS of the grid), from the lower left on, row by row, with their
    /// indices (ix, iy). A tile that only shares an edge is left out.
    ///
    /// # Errors
    /// Where the box is not finite or reversed, or holds more than ten million tiles.
    pub fn tiles(&self, bbox: BoundingBox) -> Result<impl Iterator<Item = ((i32, i32), GeoBox)> + '_, GeoBoxError> {
        let edges = [bbox.left, bbox.bottom, bbox.right, bbox.top];
        if edges.iter().any(|v| !v.is_finite()) || bbox.width() < 0.0 || bbox.height() < 0.0 {
            return Err(GeoBoxError::BadBox { bbox });
        }
        let (width, height) = self.tile_size();
        let range = |from: f64, to: f64, origin: f64, size: f64| {
            let snapped = |v: f64| crate::geobox::maybe_integer((v - origin) / size, 1e-8);
            let first = snapped(from).floor();
            (first, (snapped(to).ceil() - 1.0).max(first))
        };
        let (x0, x1) = range(bbox.left, bbox.right, self.origin.0, width);
        let (y0, y1) = range(bbox.bottom, bbox.top, self.origin.1, height);
        let (cols, rows) = (x1 - x0 + 1.0, y1 - y0 + 1.0);
        let far = [x0, x1, y0, y1].iter().any(|v| v.abs() > f64::from(i32::MAX));
        if far || cols * rows > MOST_TILES {
            let Resolution { x, y } = self.resolution;
            return Err(GeoBoxError::TooLarge { rows, cols, bbox, x, y, crs: self.crs.to_string() });
        }
        #[expect(clippy::cast_possible_truncation, reason = "checked against i32::MAX")]
        let (x0, x1, y0, y1) = (x0 as i32, x1 as i32, y0 as i32, y1 as i32);
        Ok((y0..=y1).flat_map(move |iy| (x0..=x1).map(move |ix| ((ix, iy), self.tile(ix, iy)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> GridSpec {
        let crs = Crs::epsg(3577).unwrap();
        GridSpec::new(crs, Resolution::square(25.0), Shape::new(4000, 4000), (0.0, 0.0)).unwrap()
    }

    #[test]
    fn tile_indices_count_from_the_origin() {
        let tile = spec().tile(15, -40);
        assert_eq!(tile.bounding_box(), BoundingBox::new(1_500_000.0, -4_000_000.0, 1_600_000.0, -3_900_000.0));
        assert_eq!(tile.resolution(), Resolution::square(25.0));
    }

    #[test]
    fn tiles_that_only_share_an_edge_are_left_out() {
        let bbox = BoundingBox::new(0.0, 0.0, 100_000.0, 200_000.0);
        let found: Vec<_> = spec().tiles(bbox).unwrap().map(|(at, _)| at).collect();
        assert_eq!(found, [(0, 0), (0, 1)]);
    }
}
