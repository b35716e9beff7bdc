//! Sandboxes with the sample scenes in their catalog.

use std::path::Path;

use crate::{Sandbox, sample_data};

/// The product of the sample scenes.
pub const PRODUCT: &str = "s2_l2a_bracciano";
/// The sample lake: west, south, east, north.
pub const BOX: &str = "12.155,42.072,12.31,42.165";
/// A grid for a load, coarse for speed; both tiles of a day are one plane.
pub const GRID: [&str; 6] = ["--crs", "EPSG:32633", "--resolution", "60", "--group-by", "solar-day"];

/// The words of a load of all six dates of the lake into `output`.
#[must_use]
pub fn load(output: &str) -> [&str; 12] {
    let mut words = ["load", PRODUCT, "--bbox", BOX, "", "", "", "", "", "", "-o", output];
    words[4..10].copy_from_slice(&GRID);
    words
}

/// A sandbox with the sample scenes in its catalog, where they lie.
#[must_use]
pub fn indexed() -> Sandbox {
    let sandbox = Sandbox::new();
    fill(&sandbox, &sample_data().join("s2"));
    sandbox
}

/// A sandbox with a copy of the sample scenes in `s2`, indexed there: their files may be damaged.
///
/// # Panics
/// Where they cannot be copied.
#[must_use]
pub fn copied() -> Sandbox {
    let sandbox = Sandbox::new();
    let scenes = sandbox.path("s2");
    copy(&sample_data().join("s2"), &scenes).unwrap_or_else(|e| panic!("{}: {e}", scenes.display()));
    fill(&sandbox, &scenes);
    sandbox
}

fn fill(sandbox: &Sandbox, scenes: &Path) {
    sandbox.cube(["init"]).succeeds();
    sandbox.cube(["product".as_ref(), "add".as_ref(), sample_data().join("products").as_path()]).succeeds();
    sandbox.cube(["index".as_ref(), scenes]).succeeds();
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
