//! `cube init`.

use cube::Datacube;

use crate::args::Global;
use crate::output::{Failure, say};

/// Creates or upgrades the catalog.
pub(crate) fn init(global: &Global) -> Result<(), Failure> {
    let config = super::config(global)?;
    let dc = Datacube::init(&config)?;
    let version = dc.schema_version()?;
    say(global, &format!("catalog {} is ready (schema version {version}), from {}", config.catalog, config.origin));
    Ok(())
}
