//! The two tile grids and what of the lake each pixel covers.

use cube_geo::{Crs, Transform};

use crate::error::Result;
use crate::lake::{Lake, to_plane};

/// Pixel size in metres; all edges lie on multiples of it, as those of Sentinel-2's 20 m grid.
pub(crate) const PIXEL: f64 = 20.0;

/// Sub-pixels along one side of a pixel when its share of water is counted.
const SUBPIXELS: usize = 4;

/// One crop of a Sentinel-2 tile.
#[derive(Debug)]
pub(crate) struct Tile {
    /// The MGRS tile that the crop is cut from.
    pub(crate) name: &'static str,
    /// EPSG code of its UTM zone.
    pub(crate) epsg: u32,
    /// Easting of the left edge in metres.
    pub(crate) left: f64,
    /// Northing of the top edge in metres.
    pub(crate) top: f64,
    /// Rows and columns.
    pub(crate) shape: (usize, usize),
    /// Seconds past the minute at which the tile was seen: the second tile comes a little later in the swath.
    pub(crate) second: i8,
}

/// The western two thirds of the lake in zone 32 and the eastern two thirds in zone 33.
pub(crate) const TILES: [Tile; 2] = [
    Tile { name: "32TQM", epsg: 32632, left: 761_000.0, top: 4_672_800.0, shape: (470, 390), second: 12 },
    Tile { name: "33TTG", epsg: 32633, left: 269_200.0, top: 4_671_460.0, shape: (470, 390), second: 27 },
];

impl Tile {
    /// Position of every pixel's centre on the drawing plane: metres east and north of the lake's centre, in row order.
    pub(crate) fn plane(&self) -> Result<Vec<(f64, f64)>> {
        let transform = Transform::new(&Crs::epsg(self.epsg)?, &Crs::lonlat()?)?;
        let (rows, columns) = self.shape;
        let mut points = Vec::with_capacity(rows * columns);
        let mut xs = vec![0.0; columns];
        let mut ys = vec![0.0; columns];
        for row in 0..rows {
            for (column, x) in xs.iter_mut().enumerate() {
                *x = self.left + (column as f64 + 0.5) * PIXEL;
            }
            ys.fill(self.top - (row as f64 + 0.5) * PIXEL);
            transform.apply(&mut xs, &mut ys);
            points.extend(xs.iter().zip(&ys).map(|(&lon, &lat)| to_plane(lon, lat)));
        }
        Ok(points)
    }

    /// Share of every pixel that lies in `lake`, 0 to 1 in steps of 1/16, in row order. The outline is taken to the
    /// tile's projection and 4 × 4 sub-pixel centres are tested (even-odd rule along each line of them).
    pub(crate) fn water_share(&self, lake: &Lake) -> Result<Vec<f32>> {
        let transform = Transform::new(&Crs::lonlat()?, &Crs::epsg(self.epsg)?)?;
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = lake.vertices().iter().copied().unzip();
        transform.apply(&mut xs, &mut ys);
        let (rows, columns) = self.shape;
        let mut inside = vec![0_u8; rows * columns];
        let step = PIXEL / SUBPIXELS as f64;
        for line in 0..rows * SUBPIXELS {
            let y = self.top - (line as f64 + 0.5) * step;
            let mut crossings = crossings(&xs, &ys, y);
            crossings.sort_by(f64::total_cmp);
            let start = line / SUBPIXELS * columns;
            for pair in crossings.chunks_exact(2) {
                // Sub-pixel i has its centre at left + (i + 0.5)·step.
                let first = ((pair[0] - self.left) / step - 0.5).ceil().max(0.0) as usize;
                let past =
                    ((pair[1] - self.left) / step - 0.5).ceil().clamp(0.0, (columns * SUBPIXELS) as f64) as usize;
                for sub in first..past {
                    inside[start + sub / SUBPIXELS] += 1;
                }
            }
        }
        Ok(inside.into_iter().map(|n| f32::from(n) / (SUBPIXELS * SUBPIXELS) as f32).collect())
    }
}

/// Where the closed outline crosses the line of northing `y`.
fn crossings(xs: &[f64], ys: &[f64], y: f64) -> Vec<f64> {
    (0..xs.len())
        .filter_map(|i| {
            let j = (i + 1) % xs.len();
            ((ys[i] > y) != (ys[j] > y)).then(|| xs[i] + (y - ys[i]) / (ys[j] - ys[i]) * (xs[j] - xs[i]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_lie_on_the_sentinel_2_grid() {
        for tile in &TILES {
            assert!(tile.left % PIXEL == 0.0 && tile.top % PIXEL == 0.0, "{}", tile.name);
        }
    }

    #[test]
    fn a_tile_holds_the_part_of_the_lake_that_lies_on_its_side() {
        let lake = Lake::full();
        let mut areas = Vec::new();
        for tile in &TILES {
            let share = tile.water_share(&lake).expect("PROJ knows UTM");
            areas.push(share.iter().map(|s| f64::from(*s)).sum::<f64>() * PIXEL * PIXEL / 1e6);
        }
        assert!(areas.iter().all(|a| (35.0..46.0).contains(a)), "{areas:?}");
        assert!(areas.iter().sum::<f64>() > 57.0, "{areas:?}");
    }

    #[test]
    fn the_share_of_water_follows_the_plane() {
        let lake = Lake::full();
        let shore = crate::lake::Shore::new(&lake);
        let water = TILES[0].water_share(&lake).expect("PROJ knows UTM");
        for (share, (east, north)) in water.iter().zip(TILES[0].plane().expect("PROJ knows UTM")) {
            let distance = shore.distance(east, north);
            if distance > 60.0 {
                assert!(*share == 0.0, "{east} {north}");
            } else if distance < -60.0 {
                assert!((*share - 1.0).abs() < f32::EPSILON, "{east} {north}");
            }
        }
    }
}
