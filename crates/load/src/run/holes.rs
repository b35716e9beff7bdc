//! What had to be left out.

use cube_raster::RasterLocation;
use uuid::Uuid;

/// A source that could not be read: where it alone has pixels, the cube has nodata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// The dataset.
    pub dataset: Uuid,
    /// The measurement.
    pub measurement: String,
    /// The file.
    pub location: RasterLocation,
    /// What went wrong.
    pub reason: String,
}

impl std::fmt::Display for Hole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "dataset {}, measurement {}, {}: {}", self.dataset, self.measurement, self.location, self.reason)
    }
}

/// Each source once, in the order of the chunks that found them.
pub(super) fn unique(mut holes: Vec<(usize, Hole)>) -> Vec<Hole> {
    holes.sort_by_key(|(chunk, _)| *chunk);
    let mut seen = std::collections::HashSet::new();
    let mut unique = Vec::new();
    for (_, hole) in holes {
        if seen.insert((hole.dataset, hole.measurement.clone(), hole.location.to_string())) {
            unique.push(hole);
        }
    }
    unique
}
