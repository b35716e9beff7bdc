//! Where the project's own data lies, and the data that may lie beside it.

use std::path::{Path, PathBuf};

/// The root of the checkout.
#[must_use]
pub fn repository() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The sample data that is committed: scenes, climate grids, documents and `truth.csv`.
#[must_use]
pub fn sample_data() -> PathBuf {
    repository().join("sample-data")
}

/// The product definitions that ship with the command.
#[must_use]
pub fn product_definitions() -> PathBuf {
    repository().join("product-definitions")
}

/// Documents written for tests, good and bad.
#[must_use]
pub fn documents() -> PathBuf {
    repository().join("tests").join("documents")
}

/// A file or folder of the data that is kept outside the project, such as `realdata/era5_t2m`; `None`, with
/// the reason printed, where it is absent.
///
/// The data is looked for in the folder that `CUBE_SHARED` names, else in `shared` beside the checkout.
#[must_use]
pub fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("CUBE_SHARED").map_or_else(|| repository().join("..").join("shared"), PathBuf::from);
    let found = root.join(path).canonicalize().ok();
    if found.is_none() {
        eprintln!("skipped: no {path} in {} (set CUBE_SHARED to the folder that holds it)", root.display());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_is_where_the_workspace_manifest_is() {
        let manifest = std::fs::read_to_string(repository().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }

    #[test]
    fn absent_shared_data_is_none() {
        assert_eq!(shared("no/such/data"), None);
    }
}
