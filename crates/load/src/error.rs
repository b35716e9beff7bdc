//! What can go wrong between datasets and a cube.

use cube_geo::{CrsError, FootprintError, GeoBoxError};
use cube_model::DataType;
use cube_raster::{RasterError, RasterLocation};
use jiff::Timestamp;
use uuid::Uuid;

/// A load cannot be planned or run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no dataset to load.
    #[error("there is nothing to load: no dataset was found")]
    NoDatasets,
    /// The product of a dataset was not given.
    #[error("dataset {dataset} is of product {product:?}, which was not given with the load")]
    UnknownProduct {
        /// The dataset.
        dataset: Uuid,
        /// Its product.
        product: String,
    },
    /// A product has no such measurement.
    #[error("product {product:?} has no measurement {measurement:?}; it has {}", .has.join(", "))]
    NoMeasurement {
        /// The product.
        product: String,
        /// The name asked for.
        measurement: String,
        /// The names there are.
        has: Vec<String>,
    },
    /// Cells of HEALPix have no such resampling.
    #[error(
        "measurement {measurement:?} lies on HEALPix cells, which are not resampled by {resampling}: use nearest, bilinear or average"
    )]
    NoModeForCells {
        /// The measurement.
        measurement: String,
        /// The mode asked for.
        resampling: &'static str,
    },
    /// No measurement was asked for.
    #[error("no measurement to load: name at least one")]
    NoMeasurements,
    /// A measurement was asked for twice under one name.
    #[error("measurement {measurement:?} is asked for twice: name it once")]
    TwiceMeasurement {
        /// The name asked for.
        measurement: String,
    },
    /// A dataset's document lacks a measurement that its product has.
    #[error("dataset {dataset} has no measurement {measurement:?}; its document has {}", .has.join(", "))]
    NotInDataset {
        /// The dataset.
        dataset: Uuid,
        /// The measurement, by its name in the product.
        measurement: String,
        /// The names in the document.
        has: Vec<String>,
    },
    /// Two products of one load mean different things by a name.
    #[error(
        "measurement {measurement:?} is {a} (nodata {a_nodata:?}) in product {a_product:?} and {b} (nodata {b_nodata:?}) in {b_product:?}: load the products one by one"
    )]
    UnlikeMeasurements {
        /// The name asked for.
        measurement: String,
        /// One product.
        a_product: String,
        /// Its type.
        a: DataType,
        /// Its nodata.
        a_nodata: Option<f64>,
        /// Another product.
        b_product: String,
        /// Its type.
        b: DataType,
        /// Its nodata.
        b_nodata: Option<f64>,
    },
    /// Resampling is given for something that is not loaded.
    #[error("resampling is given for measurement {measurement:?}, which is not loaded; loaded are {}", .loaded.join(", "))]
    ResamplingForNothing {
        /// The name given.
        measurement: String,
        /// What is loaded.
        loaded: Vec<String>,
    },
    /// Provenance is asked for where a pixel comes from several datasets.
    #[error(
        "with the fuse rule {fuse} a pixel comes from several datasets, so there is no provenance: use first, last, min or max, or leave --provenance out"
    )]
    ProvenanceOfMany {
        /// The rule asked for.
        fuse: crate::Fuse,
    },
    /// A measurement is called as a provenance array would be.
    #[error(
        "measurement {measurement:?} is called as the array that would tell its provenance: load it under an alias, or without --provenance"
    )]
    ProvenanceName {
        /// The measurement.
        measurement: String,
    },
    /// More datasets in a plane than a count can hold.
    #[error("a time plane has {datasets} datasets, a count holds 65535 at most: group by time or dataset")]
    TooManyToCount {
        /// How many there are.
        datasets: usize,
    },
    /// A caller's fuse function gave something else than it got.
    #[error(
        "the fuse function changed the type or shape of measurement {measurement:?}: expected {expected} of {rows} x {cols} pixels"
    )]
    FuseFunction {
        /// The measurement.
        measurement: String,
        /// The type that it got.
        expected: DataType,
        /// How many rows it got.
        rows: usize,
        /// How many columns it got.
        cols: usize,
    },
    /// The output cannot be written.
    #[error(transparent)]
    Output {
        /// Why.
        source: Box<cube_raster::RasterError>,
    },
    /// Pixels of this type cannot be loaded.
    #[error("measurement {measurement:?} holds {dtype}, which cannot be loaded")]
    TypeNotLoadable {
        /// The measurement.
        measurement: String,
        /// Its type.
        dtype: DataType,
    },
    /// The fill value does not fit the type.
    #[error("the fill value {value} does not fit {dtype}, the type of measurement {measurement:?}: give another one")]
    BadFillValue {
        /// The measurement.
        measurement: String,
        /// Its type.
        dtype: DataType,
        /// The value given.
        value: f64,
    },
    /// An extra dimension that the load cannot make.
    #[error("measurement {measurement:?} has the extra dimension {dimension:?}: {reason}")]
    ExtraDimension {
        /// The measurement.
        measurement: String,
        /// The dimension.
        dimension: String,
        /// Why not.
        reason: String,
    },
    /// CRS or pixel size of the output is not known.
    #[error("no output grid: {reason}; give --crs and --resolution")]
    NoGrid {
        /// What is missing or ambiguous.
        reason: String,
    },
    /// Terms that exclude each other.
    #[error("a grid to load like excludes {other}: leave one of the two out")]
    LikeExcludes {
        /// The other term.
        other: &'static str,
    },
    /// Alignment is given twice.
    #[error("align and anchor both say where pixel edges lie: leave one of the two out")]
    AlignAndAnchor,
    /// The output grid cannot be made.
    #[error(transparent)]
    GeoBox(#[from] GeoBoxError),
    /// The area cannot be brought into the output CRS.
    #[error("the area cannot be shown in the output CRS: {source}")]
    Area {
        /// Why.
        source: Box<FootprintError>,
    },
    /// A CRS cannot be reached.
    #[error(transparent)]
    Crs(#[from] CrsError),
    /// A dataset's footprint cannot be used.
    #[error("dataset {dataset}: its footprint cannot be used: {source}")]
    DatasetFootprint {
        /// The dataset.
        dataset: Uuid,
        /// Why.
        source: Box<FootprintError>,
    },
    /// A dataset's measurement has no pixel grid.
    #[error("dataset {dataset}, measurement {measurement:?}: its document has no grid {grid:?}")]
    NoSourceGrid {
        /// The dataset.
        dataset: Uuid,
        /// The measurement.
        measurement: String,
        /// The grid named in the document.
        grid: String,
    },
    /// No place to find a file from.
    #[error(
        "dataset {dataset}, measurement {measurement:?}: the path {path:?} is relative, and the dataset has no location: index it from a file, or make the path absolute"
    )]
    NoLocation {
        /// The dataset.
        dataset: Uuid,
        /// The measurement.
        measurement: String,
        /// The path as written.
        path: String,
    },
    /// A file cannot be opened or read.
    #[error("dataset {dataset}, measurement {measurement:?}: {source}")]
    Raster {
        /// The dataset.
        dataset: Uuid,
        /// The measurement.
        measurement: String,
        /// Why.
        source: Box<RasterError>,
    },
    /// The file's grid is not the document's.
    #[error(
        "dataset {dataset}, measurement {measurement:?}, {location}: the file's {what} is {file}, the document says {document}: mend the document, then `cube index --update` it"
    )]
    GridDiffers {
        /// The dataset.
        dataset: Uuid,
        /// The measurement.
        measurement: String,
        /// The file.
        location: Box<RasterLocation>,
        /// `shape`, `affine` or `CRS`.
        what: &'static str,
        /// As the file has it.
        file: String,
        /// As the document has it.
        document: String,
    },
    /// The plane's time in the file is not the document's.
    #[error(
        "dataset {dataset}, measurement {measurement:?}, {location}: the file's time there is {file}, the document's properties.datetime is {document}: the band or the datetime of the document is wrong"
    )]
    TimeDiffers {
        /// The dataset.
        dataset: Uuid,
        /// The measurement.
        measurement: String,
        /// The file.
        location: Box<RasterLocation>,
        /// As the file has it.
        file: Timestamp,
        /// As the document has it.
        document: Timestamp,
    },
    /// The file's pixels are packed, and neither its document nor the product says so: they would be taken for real
    /// values.
    #[error(
        "dataset {dataset}, measurement {measurement:?}, {location}: the file says real = {scale} * pixel + {offset}, the dataset's document and the product say no scale: write `scale_factor: {scale}` and `add_offset: {offset}` beside the measurement in the product (or in the dataset's document, then `cube index --update` it)"
    )]
    ScaleNotInDocument {
        /// The dataset.
        dataset: Uuid,
        /// The measurement.
        measurement: String,
        /// The file.
        location: Box<RasterLocation>,
        /// The file's scale factor.
        scale: f64,
        /// The file's offset.
        offset: f64,
    },
    /// A pixel that the measurement's type cannot hold.
    #[error(
        "dataset {dataset}, measurement {measurement:?}, {location}: the value {value} does not fit {dtype}: the product's dtype is too narrow for this file ({file})"
    )]
    ValueOutside {
        /// The dataset.
        dataset: Uuid,
        /// The measurement.
        measurement: String,
        /// The file.
        location: Box<RasterLocation>,
        /// The first such value.
        value: f64,
        /// The measurement's type.
        dtype: DataType,
        /// The file's type.
        file: DataType,
    },
    /// The result would not fit.
    #[error(
        "the load needs {} of memory ({} of it held throughout; the result has {}), the limit is {}: take a smaller area, fewer measurements or dates, a coarser resolution, or raise --memory-limit",
        crate::memory::Bytes(*needed), crate::memory::Bytes(*held), crate::memory::Bytes(*output), crate::memory::Bytes(*limit)
    )]
    TooLarge {
        /// Bytes in all.
        needed: u64,
        /// Bytes of the result.
        output: u64,
        /// Bytes that are held throughout: the result in memory, or what its file needs.
        held: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The plan does not hold together: it was not made by [`crate::plan`] or was changed since.
    #[error("the load plan is not usable: {reason}")]
    BadPlan {
        /// What does not fit.
        reason: String,
    },
    /// Someone asked to stop.
    #[error("the load was cancelled")]
    Cancelled,
}

impl LoadError {
    /// Bytes that a load would have needed, where it was refused for them.
    pub(crate) const fn needed(&self) -> Option<u64> {
        if let Self::TooLarge { needed, .. } = self { Some(*needed) } else { None }
    }
}
