//! Where the output's pixels lie in the source grids of other CRSs.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use cube_geo::{PixelMap, Relation, Resampling, Window};

/// A source grid and the resampling that it is for.
type Key = (usize, Resampling);
/// One of a grid's bands, by its number.
type Band = ((Key, usize), Arc<PixelMap>);

/// The map of a grid is made whole while it covers at most so many pixels (some tens of megabytes of patches)...
const WHOLE: usize = 400_000_000;
/// ...and else in bands of rows of about so many pixels, as they are needed.
const BAND: usize = 50_000_000;
/// Bands that are kept, of all grids together.
const BANDS_KEPT: usize = 4;

/// The maps of a run. What a pixel gets does not depend on how its map is cut.
pub(crate) struct Maps {
    whole: HashMap<Key, Arc<PixelMap>>,
    /// The window of the output that a source grid has to do with.
    banded: HashMap<Key, Window>,
    /// Rows of a band.
    rows: usize,
    bands: Mutex<VecDeque<Band>>,
}

impl Maps {
    /// For an output that is `cols` pixels wide.
    pub(crate) fn new(cols: usize) -> Self {
        // Whole cells of the map's patches.
        let rows = (BAND / cols.max(1)).clamp(1024, 1 << 20) / 1024 * 1024;
        Self { whole: HashMap::new(), banded: HashMap::new(), rows, bands: Mutex::default() }
    }

    /// Makes the map of a grid on `window` and gives it, or remembers to make its bands.
    pub(crate) fn add(&mut self, key: Key, relation: &Relation, window: Window) -> Option<Arc<PixelMap>> {
        if window.shape().pixels() > WHOLE {
            self.banded.insert(key, window);
            return None;
        }
        let map = Arc::new(relation.pixel_map(window));
        self.whole.insert(key, map.clone());
        Some(map)
    }

    /// The map of a grid on `part`, as pieces of it with the map of each.
    pub(crate) fn on(&self, key: Key, relation: &Relation, part: Window) -> Vec<(Window, Arc<PixelMap>)> {
        if let Some(map) = self.whole.get(&key) {
            return vec![(part, map.clone())];
        }
        let Some(all) = self.banded.get(&key) else { return Vec::new() };
        (part.row / self.rows..part.row_end().div_ceil(self.rows))
            .filter_map(|band| {
                let window = Window::new(band * self.rows, all.col, self.rows, all.cols).intersection(*all)?;
                Some((window.intersection(part)?, self.band((key, band), relation, window)))
            })
            .collect()
    }

    fn band(&self, key: (Key, usize), relation: &Relation, window: Window) -> Arc<PixelMap> {
        // Made under the lock: a second thread that wants it waits, and does not make it too.
        let mut bands = self.bands.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, map)) = bands.iter().find(|(there, _)| *there == key) {
            return map.clone();
        }
        let map = Arc::new(relation.pixel_map(window));
        bands.push_back((key, map.clone()));
        if bands.len() > BANDS_KEPT {
            bands.pop_front();
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use cube_geo::{Affine, Crs, GeoBox, Shape, relate};

    use super::*;

    #[test]
    fn banded_map_is_the_whole_one() {
        let grid = |code, size: f64, x, y, n| {
            GeoBox::new(Shape::new(n, n), Affine::new(size, 0.0, x, 0.0, -size, y), Crs::epsg(code).unwrap()).unwrap()
        };
        let (source, output) = (grid(4326, 0.01, 0.0, 60.0, 3000), grid(3857, 1000.0, 0.0, 8_000_000.0, 3000));
        let relation = relate(&source, &output, Resampling::Bilinear).unwrap();
        let window = output.shape.whole();
        let whole = relation.pixel_map(window);
        let mut maps = Maps::new(output.shape.cols);
        (maps.rows, maps.banded) = (1024, HashMap::from([((0, Resampling::Bilinear), window)]));
        let part = Window::new(900, 70, 1500, 40);
        let pieces = maps.on((0, Resampling::Bilinear), &relation, part);
        assert_eq!(pieces.len(), 3);
        assert_eq!(pieces.iter().map(|(w, _)| w.rows).sum::<usize>(), part.rows);
        for (piece, map) in pieces {
            let (mut a, mut b) = ((vec![0.0; 40], vec![0.0; 40]), (vec![0.0; 40], vec![0.0; 40]));
            for row in piece.row..piece.row_end() {
                map.row(row, 70..110, &mut a.0, &mut a.1);
                whole.row(row, 70..110, &mut b.0, &mut b.1);
                assert!(a == b, "row {row}");
            }
        }
    }
}
