//! What can go wrong, as sentences for the person who must act.

use std::io::ErrorKind;
use std::path::PathBuf;

use cube_catalog::CatalogError;
use cube_load::LoadError;

/// Everything that the facade can refuse.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The catalog.
    #[error(transparent)]
    Catalog(#[from] cube_catalog::CatalogError),
    /// A document.
    #[error(transparent)]
    Document(#[from] cube_model::documents::DocumentError),
    /// A document that has no form in YAML.
    #[error(transparent)]
    Yaml(#[from] cube_model::documents::YamlError),
    /// A dataset that has no form in STAC.
    #[error(transparent)]
    Stac(#[from] cube_model::stac::StacError),
    /// A search.
    #[error(transparent)]
    Search(#[from] cube_model::SearchError),
    /// A time.
    #[error(transparent)]
    Time(#[from] cube_model::TimeError),
    /// A CRS.
    #[error(transparent)]
    Crs(#[from] cube_geo::CrsError),
    /// A pixel grid.
    #[error(transparent)]
    GeoBox(#[from] cube_geo::GeoBoxError),
    /// An outline on the Earth.
    #[error(transparent)]
    Footprint(#[from] cube_geo::FootprintError),
    /// A load.
    #[error(transparent)]
    Load(#[from] cube_load::LoadError),
    /// A file of pixels.
    #[error(transparent)]
    Raster(#[from] cube_raster::RasterError),
    /// An analysis.
    #[error(transparent)]
    Analysis(#[from] cube_analysis::AnalysisError),
    /// A picture.
    #[error(transparent)]
    Picture(#[from] crate::picture::PictureError),
    /// A cube that lacks what is asked of it.
    #[error(transparent)]
    Cube(#[from] cube_model::CubeError),
    /// The user has no home directory.
    #[error(
        "there is no home directory to keep the catalog in: give --catalog sqlite:///path/to/catalog.sqlite or set CUBE_CATALOG"
    )]
    NoHome,
    /// A configuration of ODC is there and names no catalog.
    #[error("the configuration of ODC ({place}) names no catalog: {reason}; or name one with --catalog")]
    OdcConfig {
        /// The file, the variable, and the environment where it is known.
        place: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The thread pool or runtime could not start.
    #[error("cannot start the worker threads: {reason}")]
    NoThreads {
        /// What the system says.
        reason: String,
    },
    /// No such file or directory.
    #[error("{}: no such file or directory; check the path", path.display())]
    NoSuchSource {
        /// As given.
        path: PathBuf,
    },
    /// A directory or glob without documents.
    #[error(
        "{argument}: no document found there; their names end in .yaml, .yml, .json, .ndjson or .geojson, also with .gz"
    )]
    NothingToIndex {
        /// As given.
        argument: String,
    },
    /// A directory of rasters, given without a product.
    #[error(
        "{argument}: no document found there; it holds {rasters}: say which product they belong to with --product NAME"
    )]
    OnlyRasters {
        /// As given.
        argument: String,
        /// How many, such as `3 rasters`.
        rasters: String,
    },
    /// An indexing run that broke off after it had written something.
    #[error("{source}; {written} datasets were written before that and stay: the same command continues after them")]
    IndexBrokeOff {
        /// How many.
        written: usize,
        /// Why.
        #[source]
        source: Box<Error>,
    },
    /// A file or stream without a document.
    #[error("{}: it holds no document", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A glob that does not parse.
    #[error("cannot read the pattern {pattern:?}: {reason}")]
    BadGlob {
        /// As given.
        pattern: String,
        /// Why.
        reason: String,
    },
    /// A directory with absurdly many files.
    #[error("{} holds more than {most} files: index its parts one by one", path.display())]
    TooManyFiles {
        /// The directory.
        path: PathBuf,
        /// The limit.
        most: usize,
    },
    /// A file that cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A text too long to be a document.
    #[error(
        "cannot read {}{}: one text holds more than {most} MiB; split it, or write one JSON document a line (.ndjson)",
        path.display(), line.map(|line| format!(", line {line}")).unwrap_or_default()
    )]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Which line of it, where each is a document.
        line: Option<usize>,
        /// The limit.
        most: u64,
    },
    /// A file that cannot be written.
    #[error("cannot write {}: {reason}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A URL that is not read here.
    #[error(
        "{url}: only `cube index` reads URLs, and of these http://, https://, s3://, gs:// and az://; fetch the documents first, or pipe them into the command"
    )]
    RemoteSource {
        /// As given.
        url: String,
    },
    /// Something that was asked for by URL, or that a catalog links to.
    #[error("{url}: {reason}")]
    Remote {
        /// Where, without what may be secret.
        url: String,
        /// What was expected, what came, and what to do.
        reason: String,
    },
    /// No dataset of this id.
    #[error("dataset {id} is not in the catalog; `cube search` lists those that are")]
    NoSuchDataset {
        /// As given.
        id: uuid::Uuid,
    },
    /// A raster given to `index` without a product.
    #[error("{} is a raster, not a document: say which product its planes belong to with --product NAME", path.display())]
    RasterWithoutProduct {
        /// The file.
        path: PathBuf,
    },
    /// Something packed that is read in its folder only.
    #[error("{}: files in a zip are not read in place: unzip it, and index the folder that comes out", path.display())]
    Packed {
        /// The file.
        path: PathBuf,
    },
    /// A raster whose planes do not fit the product.
    #[error("{}: {reason}", path.display())]
    RasterMismatch {
        /// The file.
        path: PathBuf,
        /// What was expected and what there is.
        reason: String,
    },
    /// Nothing was found; the term that emptied the search is named.
    #[error("nothing found: {reason}")]
    NothingFound {
        /// Which term leaves nothing, and what there is without it.
        reason: String,
    },
    /// An output whose name says no format.
    #[error("{}: cannot tell the format from the name; end it in .tif, .zarr, .nc, or in / for one GeoTIFF a time and measurement", path.display())]
    UnknownFormat {
        /// As given.
        path: PathBuf,
    },
    /// Several time planes for one GeoTIFF.
    #[error("{}: one GeoTIFF holds one time, and there are {times}; narrow --time, merge the datasets of a day with --group-by solar-day, or write .nc, .zarr or a directory (-o {}/)", path.display(), path.with_extension("").display())]
    TimesInOneTiff {
        /// As given.
        path: PathBuf,
        /// How many times.
        times: usize,
    },
    /// Several data types for one GeoTIFF.
    #[error("{}: one GeoTIFF holds one data type, and there are {}; choose measurements of one type with -m, or write .nc, .zarr or a directory (-o {}/)", path.display(), dtypes.join(", "), path.with_extension("").display())]
    TypesInOneTiff {
        /// As given.
        path: PathBuf,
        /// Each type with its measurements.
        dtypes: Vec<String>,
    },
    /// The output is there already.
    #[error("{} is there already: --overwrite replaces it", path.display())]
    Exists {
        /// The output.
        path: PathBuf,
    },
    /// A time asked for that is not loaded.
    #[error("no time plane near {asked}; there are {there}")]
    NoSuchTime {
        /// As given.
        asked: String,
        /// The times there are.
        there: String,
    },
    /// Measurements that an application needs and the product lacks.
    #[error("product {product:?} has no measurement for {role} (looked for {}); it has {}", .looked_for.join(", "), .has.join(", "))]
    NoRole {
        /// The product.
        product: String,
        /// What it is needed for.
        role: String,
        /// Names that would do.
        looked_for: Vec<String>,
        /// Names there are.
        has: Vec<String>,
    },
    /// Whoever read standard output has gone.
    #[error("nobody reads the output any more")]
    NoReader,
    /// A request that contradicts itself or lacks a part.
    #[error("{reason}")]
    Usage {
        /// What is wrong and what to do.
        reason: String,
    },
}

impl Error {
    /// True where the request was wrong (exit code 2), false where doing it failed (exit code 1).
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Search(_)
                | Self::Time(_)
                | Self::Crs(_)
                | Self::GeoBox(_)
                | Self::BadGlob { .. }
                | Self::UnknownFormat { .. }
                | Self::TimesInOneTiff { .. }
                | Self::TypesInOneTiff { .. }
                | Self::Catalog(CatalogError::Url { .. } | CatalogError::FieldValue { .. } | CatalogError::Search(_))
                | Self::Load(LoadError::NoGrid { .. } | LoadError::GeoBox(_) | LoadError::ProvenanceOfMany { .. })
                | Self::RasterWithoutProduct { .. }
                | Self::Usage { .. }
        )
    }
}

/// What the system says of a file, and what to do about it.
pub(crate) fn why(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file; check the path".to_owned(),
        ErrorKind::PermissionDenied => {
            "you may not read or write there; ask for the right, or name another place".to_owned()
        }
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only; name another place".to_owned(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "the disk is full; free some space".to_owned(),
        ErrorKind::IsADirectory => "it is a directory; name a file".to_owned(),
        ErrorKind::NotADirectory => "a part of its path is a file, not a directory; check the path".to_owned(),
        _ => error.to_string(),
    }
}
