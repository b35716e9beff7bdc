//! The images of a cloud-optimised GeoTIFF: the full one and its overviews, cut into tiles.

use std::ops::Range;

use cube_geo::{Shape, Window};

/// Rows and columns of a tile.
pub(crate) const TILE: usize = 512;

/// One image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level {
    /// Its pixels.
    pub(super) shape: Shape,
    /// Its tiles down and across.
    pub(super) grid: Shape,
}

impl Level {
    const fn new(shape: Shape) -> Self {
        Self { shape, grid: Shape::new(shape.rows.div_ceil(TILE), shape.cols.div_ceil(TILE)) }
    }

    /// The pixels of a tile that lie inside the image.
    pub(super) fn window(&self, row: usize, col: usize) -> Window {
        let (top, left) = (row * TILE, col * TILE);
        let (rows, cols) = (self.shape.rows.saturating_sub(top), self.shape.cols.saturating_sub(left));
        Window::new(top, left, rows.min(TILE), cols.min(TILE))
    }
}

/// The full image and its overviews, largest first. Each has half the rows and columns, rounded down, of the one
/// before, until both fit one tile: what GDAL's COG driver makes.
pub(super) fn levels(shape: Shape) -> Vec<Level> {
    let mut all = vec![Level::new(shape)];
    let mut shape = shape;
    while shape.rows > TILE || shape.cols > TILE {
        shape = Shape::new((shape.rows / 2).max(1), (shape.cols / 2).max(1));
        all.push(Level::new(shape));
    }
    all
}

/// Along one axis: how the `reduced` pixels of an overview lie on the `full` ones of the image before it. The first and
/// the last edges agree, so that a pixel covers two pixels, or slightly more where the full number is odd.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    full: usize,
    reduced: usize,
}

impl Axis {
    pub(super) const fn new(full: usize, reduced: usize) -> Self {
        Self { full, reduced }
    }

    /// True where each pixel covers two whole ones.
    pub(super) const fn is_half(self) -> bool {
        self.reduced * 2 == self.full
    }

    /// Tiles of the overview that a tile of the full image lies under.
    pub(super) fn above(self, tile: usize) -> Range<usize> {
        let (start, end) = (tile * TILE, self.full.min((tile + 1) * TILE));
        let first = start * self.reduced / self.full;
        let last = (end * self.reduced).div_ceil(self.full).min(self.reduced);
        first / TILE..last.div_ceil(TILE)
    }

    /// Tiles of the full image that lie under a tile of the overview.
    pub(super) fn below(self, tile: usize) -> Range<usize> {
        let (start, end) = (tile * TILE, self.reduced.min((tile + 1) * TILE));
        let first = start * self.full / self.reduced;
        let last = (end * self.full).div_ceil(self.reduced).min(self.full);
        first / TILE..last.div_ceil(TILE)
    }

    /// The full pixels, from `within`, under a pixel of the overview, each with the part of it that lies under.
    #[expect(clippy::cast_precision_loss, reason = "pixel counts are far below 2^52")]
    pub(super) fn weights(self, pixel: usize, within: Range<usize>) -> impl Iterator<Item = (usize, f64)> {
        let first = pixel * self.full / self.reduced;
        let last = ((pixel + 1) * self.full).div_ceil(self.reduced);
        let ratio = self.full as f64 / self.reduced as f64;
        let (start, end) = (pixel as f64 * ratio, (pixel + 1) as f64 * ratio);
        (first.max(within.start)..last.min(within.end)).filter_map(move |at| {
            let part = end.min((at + 1) as f64) - start.max(at as f64);
            (part > 1e-8).then_some((at, part))
        })
    }

    /// The full pixel that stands for a pixel of the overview: where GDAL's nearest takes it.
    pub(super) fn nearest(self, pixel: usize) -> usize {
        ((self.reduced + 2 * pixel * self.full) / (2 * self.reduced)).min(self.full.saturating_sub(1))
    }

    /// Pixels of a tile of the overview that have any pixel of a tile of the full image under them.
    pub(super) fn pixels_above(self, tile: usize, above: usize) -> Range<usize> {
        let (start, end) = (tile * TILE, self.full.min((tile + 1) * TILE));
        let first = start * self.reduced / self.full;
        let last = (end * self.reduced).div_ceil(self.full).min(self.reduced);
        first.max(above * TILE)..last.min((above + 1) * TILE)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn overviews_halve_until_they_fit_a_tile() {
        let shapes = |rows, cols| levels(Shape::new(rows, cols))[1..].iter().map(|l| l.shape).collect::<Vec<_>>();
        assert_eq!(shapes(512, 512), []);
        assert_eq!(shapes(1100, 1300), [Shape::new(550, 650), Shape::new(275, 325)]);
        assert_eq!(shapes(1, 1025), [Shape::new(1, 512)]);
    }

    proptest! {
        #[test]
        fn each_pixel_is_used_once_and_by_tiles_that_know_of_each_other(full in 513_usize..5000) {
            let axis = Axis::new(full, full / 2);
            let tiles = full.div_ceil(TILE);
            let mut used = vec![0.0; full];
            for above in 0..(full / 2).div_ceil(TILE) {
                let below: Vec<usize> = (0..tiles).filter(|tile| axis.above(*tile).contains(&above)).collect();
                prop_assert_eq!(&below, &axis.below(above).collect::<Vec<_>>());
                for tile in below {
                    let within = tile * TILE..full.min((tile + 1) * TILE);
                    for pixel in axis.pixels_above(tile, above) {
                        axis.weights(pixel, within.clone()).for_each(|(at, part)| used[at] += part);
                    }
                }
            }
            prop_assert!(used.iter().all(|part| (part - 1.0_f64).abs() < 1e-6));
            for pixel in 0..full / 2 {
                let taken = axis.nearest(pixel);
                prop_assert!(axis.weights(pixel, 0..full).any(|(at, _)| at == taken));
            }
        }
    }
}
