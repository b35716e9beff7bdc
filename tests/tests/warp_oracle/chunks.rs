//! The result does not depend on how the output is cut into chunks.

use cube_geo::{Resampling, Shape};

use crate::cases::{Case, kept_cases};
use crate::{engine, gdal_files};

/// As bits, so that NaN equals itself.
fn load(source: &std::path::Path, case: &Case, mode: Resampling, chunk: Shape) -> Vec<u64> {
    engine::load(source, case, mode, Some(chunk)).into_iter().map(f64::to_bits).collect()
}

#[test]
fn any_chunk_shape_gives_the_same_bits() {
    let folder = tempfile::TempDir::new().unwrap();
    let source = folder.path().join("source.tif");
    for case in kept_cases() {
        // Larger than a cell of the transform grid, and over the source's edges.
        let case = Case { side: 90, out_side: 75, ..case };
        gdal_files::write_source(&source, &case, &case.texture());
        for mode in Resampling::ALL {
            let whole = load(&source, &case, mode, Shape::new(75, 75));
            for chunk in [Shape::new(16, 16), Shape::new(75, 33), Shape::new(7, 64)] {
                assert!(load(&source, &case, mode, chunk) == whole, "{} {mode} in chunks of {chunk:?}", case.name());
            }
        }
    }
}
