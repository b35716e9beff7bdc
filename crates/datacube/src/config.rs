//! Where the catalog is.

use std::path::{Path, PathBuf};

use cube_catalog::CatalogUrl;
use etcetera::BaseStrategy;

use crate::Error;
use crate::error::why;

/// Which catalog to open.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The catalog's address.
    pub catalog: CatalogUrl,
    /// Where that address came from, in words for `cube status`.
    pub origin: String,
}

/// The environment variable that names the catalog.
pub const CATALOG_VARIABLE: &str = "CUBE_CATALOG";

impl Config {
    /// The catalog of `CUBE_CATALOG`, else the embedded one in the user's data directory.
    ///
    /// # Errors
    /// Where the address cannot be read, or the user has no home directory.
    pub fn from_env() -> Result<Self, Error> {
        Self::resolve(None)
    }

    /// The catalog of `explicit`, else as [`Config::from_env`].
    ///
    /// # Errors
    /// Where the address cannot be read, or the user has no home directory.
    pub fn resolve(explicit: Option<&str>) -> Result<Self, Error> {
        if let Some(url) = explicit {
            return Ok(Self { catalog: url.parse()?, origin: "--catalog".to_owned() });
        }
        if let Some(url) = std::env::var(CATALOG_VARIABLE).ok().filter(|url| !url.is_empty()) {
            return Ok(Self { catalog: url.parse()?, origin: CATALOG_VARIABLE.to_owned() });
        }
        let path = default_path()?;
        Ok(Self {
            catalog: CatalogUrl::sqlite(path),
            origin: "the default: no --catalog and no CUBE_CATALOG".to_owned(),
        })
    }
}

impl Config {
    /// Makes the directory of the default catalog where it is missing.
    pub(crate) fn make_default_directory(&self) -> Result<(), Error> {
        let path = default_path().ok().filter(|path| CatalogUrl::sqlite(path) == self.catalog);
        let Some(folder) = path.as_deref().and_then(Path::parent) else { return Ok(()) };
        std::fs::create_dir_all(folder).map_err(|e| Error::Unwritable { path: folder.to_owned(), reason: why(&e) })
    }
}

/// `catalog.sqlite` in the user's data directory (`$XDG_DATA_HOME/cube`, by default `~/.local/share/cube`).
fn default_path() -> Result<PathBuf, Error> {
    let base = etcetera::choose_base_strategy().map_err(|_| Error::NoHome)?;
    Ok(base.data_dir().join("cube").join("catalog.sqlite"))
}
