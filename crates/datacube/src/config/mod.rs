//! Where the catalog is: the command line, `CUBE_CATALOG`, ODC's configuration, or the embedded default.

mod odc;
mod postgres_url;
mod sections;
mod surroundings;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use cube_catalog::CatalogUrl;

use crate::Error;
use crate::error::why;

pub(crate) use postgres_url::plain as plain_postgres_url;
pub use surroundings::Surroundings;

/// Which catalog to open.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The catalog's address.
    pub catalog: CatalogUrl,
    /// Where that address came from, in words for `cube status`.
    pub origin: String,
}

/// What a user says of the catalog when the program is started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigOptions {
    /// The address itself (`--catalog`).
    pub catalog: Option<String>,
    /// An environment of ODC's configuration (`-E`).
    pub environment: Option<String>,
    /// Files of ODC's configuration (`-C`): the first that can be read counts.
    pub files: Vec<PathBuf>,
}

/// The environment variable that names the catalog.
pub const CATALOG_VARIABLE: &str = "CUBE_CATALOG";

impl Config {
    /// The catalog of `CUBE_CATALOG`, else the one that ODC's configuration names, else the embedded one in the user's
    /// data directory.
    ///
    /// # Errors
    /// Where the address cannot be read, ODC's configuration is there but names no catalog, or the user has no home
    /// directory.
    pub fn from_env() -> Result<Self, Error> {
        Self::resolve(None)
    }

    /// The catalog of `explicit`, else as [`Config::from_env`].
    ///
    /// # Errors
    /// As [`Config::from_env`].
    pub fn resolve(explicit: Option<&str>) -> Result<Self, Error> {
        let options = ConfigOptions { catalog: explicit.map(str::to_owned), ..ConfigOptions::default() };
        Self::find(&options, &Surroundings::of_process())
    }

    /// The catalog that the options name, else the first that is named by `CUBE_CATALOG` and by ODC's configuration
    /// (`ODC_CONFIG`, `ODC_CONFIG_PATH`, `datacube.conf` and its other places, `ODC_<ENVIRONMENT>_DB_URL` and the like,
    /// by datacube's own rules), else the embedded one. What datacube assumes where no configuration is found, a
    /// database `datacube` on this machine, is never assumed.
    ///
    /// # Errors
    /// As [`Config::from_env`]; and where options contradict each other or `CUBE_CATALOG`.
    pub fn find(options: &ConfigOptions, around: &Surroundings) -> Result<Self, Error> {
        let asks_odc = options.environment.is_some() || !options.files.is_empty();
        if let Some(url) = &options.catalog {
            if asks_odc {
                return Err(contradiction("--catalog"));
            }
            return Ok(Self { catalog: url.parse()?, origin: "--catalog".to_owned() });
        }
        if let Some(url) = around.variable(CATALOG_VARIABLE) {
            if asks_odc {
                return Err(contradiction(CATALOG_VARIABLE));
            }
            return Ok(Self { catalog: url.parse()?, origin: CATALOG_VARIABLE.to_owned() });
        }
        if let Some(found) = odc::find(options, around)? {
            return Ok(found);
        }
        Ok(Self {
            catalog: CatalogUrl::sqlite(default_path()?),
            origin: "the default: no --catalog, no CUBE_CATALOG and no configuration of ODC".to_owned(),
        })
    }

    /// Makes the directory of the default catalog where it is missing.
    pub(crate) fn make_default_directory(&self) -> Result<(), Error> {
        let path = default_path().ok().filter(|path| CatalogUrl::sqlite(path) == self.catalog);
        let Some(folder) = path.as_deref().and_then(Path::parent) else { return Ok(()) };
        std::fs::create_dir_all(folder).map_err(|e| Error::Unwritable { path: folder.to_owned(), reason: why(&e) })
    }
}

/// Two answers to one question: the user would work on another catalog than the one he thinks of.
fn contradiction(other: &str) -> Error {
    let reason = format!("-E and -C choose a catalog by ODC's configuration, but {other} names one too: leave one out");
    Error::Usage { reason }
}

/// `catalog.sqlite` in the user's data directory (`$XDG_DATA_HOME/cube`, by default `~/.local/share/cube`).
fn default_path() -> Result<PathBuf, Error> {
    use etcetera::BaseStrategy;
    let base = etcetera::choose_base_strategy().map_err(|_| Error::NoHome)?;
    Ok(base.data_dir().join("cube").join("catalog.sqlite"))
}
