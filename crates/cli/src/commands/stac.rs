//! What the commands share that print STAC.

use clap::{Args, ValueEnum};
use cube::StacVersion;

#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct StacArgs {
    /// With --stac: the version to write [default: 1.1]
    #[arg(long, value_enum, requires = "stac", value_name = "VERSION")]
    stac_version: Option<VersionArg>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum VersionArg {
    /// 1.0.0
    #[value(name = "1.0", alias = "1.0.0")]
    Old,
    /// 1.1.0
    #[value(name = "1.1", alias = "1.1.0")]
    New,
}

impl StacArgs {
    /// The version asked for.
    pub(crate) fn version(self) -> StacVersion {
        match self.stac_version {
            Some(VersionArg::Old) => StacVersion::V1_0,
            Some(VersionArg::New) | None => StacVersion::V1_1,
        }
    }
}
