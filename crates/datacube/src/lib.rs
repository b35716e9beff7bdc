//! An Open-Data-Cube-compatible data cube: open, index, find, explain, load, export.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dc = cube::Datacube::open(&cube::Config::from_env()?)?;
//! let water = dc.load(
//!     &cube::Search::product("sentinel2_l2a").time("2034-05".parse()?).lonlat(12.15..12.30, 42.05..42.17),
//!     &cube::LoadSpec::new(cube::Crs::epsg(32633)?, 20.0).measurements(["green", "nir"]).group_by(cube::GroupBy::SolarDay),
//! )?;
//! let green: ndarray::ArrayView3<'_, u16> = water.array("green")?; // [time, y, x]
//! # Ok(()) }
//! ```

mod config;
mod datacube;
mod definitions;
mod error;
mod export;
mod export_documents;
mod from_odc;
mod http;
mod index;
mod infer;
mod life;
mod load;
pub mod picture;
mod place;
pub mod plot;
mod queries;
mod roles;
pub mod series;
mod stac;
mod text;
mod units;
pub mod water;

pub use config::{CATALOG_VARIABLE, Config, ConfigOptions, Surroundings};
pub use cube_analysis::{Index as SpectralIndex, Threshold};
pub use cube_catalog::{
    Added, ArchiveOptions, Below, CatalogUrl, Chosen, DERIVED_TOLERANCE, DatasetUpdate, DefinitionChange,
    DefinitionChanges, Direction, Duplicates, Extent, Lineage, LineageEdge, LineageTree, LocationMode, MATURITY_DELTA,
    MergeOptions, MergeReport, PeriodCount, PurgeOptions, RestoreOptions, Touched, UpdateOutcome, UpdateRules,
};
pub use cube_geo::{
    Affine, Anchor, BoundingBox, Crs, Footprint, GeoBox, LonLatExtent, Resampling, Resolution, Shape, Window,
};
pub use cube_load::{
    Explanation, Fuse, FuseFunction, GroupBy, Hole, LoadPlan, LoadSpec, Loaded, PlannedMeasurement, Written,
};
pub use cube_model::stac::StacVersion;
pub use cube_model::{
    CalendarPeriod, Cube, CubeArray, DataType, Dataset, FieldTerm, FieldTest, FieldValue, Measurement, MetadataType,
    OrderBy, Pixel, Pixels, Product, Search, SearchError, Status, TimeRange,
};
pub use cube_raster::{Access, AccessSettings, Compression, discard_unfinished};
pub use datacube::{Datacube, plan_datasets};
pub use error::Error;
pub use export::{ExportOptions, Format, check_free, check_output, check_output_of, export, open_sink};
pub use export_documents::{DocumentFormat, DocumentsOptions, DocumentsReport};
pub use from_odc::{CopiedProduct, CopyCounts, FromOdcOptions, FromOdcReport, OdcSchema, StateCounts};
pub use http::HttpOptions;
pub use index::{IndexOptions, IndexProgress, IndexReport, Refusal, RefusalReason, StacQuery};
pub use infer::{InferredProduct, infer_product};
pub use life::{DatasetInfo, UpdateOptions, UpdateReport, lineage_from_files};
pub use load::{LoadOptions, run, run_into};
pub use place::{footprint_geojson, geobox_of_file, outline_geojson, utm_zone_of};
pub use roles::Role;
pub use stac::item_collection;
pub use text::{libraries, to_yaml};
pub use uuid::Uuid;
