//! The load plan: what will be read and where it goes, as data.

mod compact;
mod make;
mod record;

use std::collections::BTreeMap;

use cube_geo::{GeoBox, Healpix, Resampling, Shape, Window};
use cube_model::{DataType, ExtraDimension, Flag, Flags, Measurement, Pixel};
use cube_raster::{ArrayLayout, CubeLayout, RasterLocation};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use make::measurement_in;
pub use make::plan;

use crate::{Fuse, LoadError};

/// Everything a load needs, complete without a database and without this process: a remote worker or a test runs it
/// from bytes. Which sources a chunk has is computed ([`crate::Geometry::sources_of`]), never stored; overview levels,
/// the files' nodata and block layout are decided where the files are opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadPlan {
    /// The output grid.
    pub geobox: GeoBox,
    /// Rows and columns of the pieces that are worked on one by one.
    pub chunk: Shape,
    /// What happens where datasets of a time plane overlap.
    pub fuse: Fuse,
    /// Whether the result says which dataset gave each pixel.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provenance: bool,
    /// Whether a source that cannot be read leaves a hole rather than ends the load.
    pub skip_broken: bool,
    /// Most bytes that the load may take, where one was given.
    pub memory_limit: Option<u64>,
    /// The measurements, in the order asked for.
    pub measurements: Vec<PlannedMeasurement>,
    /// The one extra dimension, if a measurement has it.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "record::extra")]
    pub extra: Option<ExtraDimension>,
    /// The pixel grids that sources lie on, each once.
    pub grids: Vec<GeoBox>,
    /// Which of the grids stand for cells of HEALPix ([`Healpix::around`]), and for which.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub healpix: BTreeMap<usize, Healpix>,
    /// What all URLs begin with.
    pub prefix: String,
    /// How the files of datasets are laid out, each once.
    pub layouts: Vec<Vec<PlannedSource>>,
    /// The time planes in order.
    #[serde(with = "compact::planes")]
    pub planes: Vec<TimePlane>,
    /// The datasets of all planes, plane by plane in fuse order.
    #[serde(with = "compact::datasets")]
    pub datasets: Vec<PlannedDataset>,
    /// Sentences that the person who loads should see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// One array of the result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedMeasurement {
    /// The name asked for: the array's name.
    pub name: String,
    /// What its pixels are, as the array will say.
    #[serde(with = "record::measurement")]
    pub measurement: Measurement,
    /// Type of the array.
    pub dtype: DataType,
    /// Type of the pixels as they are resampled: that of the array, but where datasets are averaged or counted.
    pub source_dtype: DataType,
    /// Value of the array where nothing was measured; without one, 0 in integers and NaN in floats.
    #[serde(with = "record::nodata")]
    pub nodata: Option<f64>,
    /// Value that means "no measurement" in files that do not say it themselves: the product's.
    #[serde(with = "record::nodata")]
    pub source_nodata: Option<f64>,
    /// How pixels get from the files' grids to the output grid.
    pub resampling: Resampling,
    /// Whether the sources' scale factor and offset are applied.
    pub scaled: bool,
}

/// One time plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimePlane {
    /// Its label.
    pub time: Timestamp,
    /// How many of the plan's datasets it takes, after those of the planes before.
    pub datasets: usize,
}

/// One dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedDataset {
    /// Its id.
    pub id: Uuid,
    /// `properties.datetime`, which the file's time must equal where the file has one.
    pub time: Option<Timestamp>,
    /// What its URLs begin with, after the plan's prefix.
    pub base: String,
    /// Which of the plan's layouts its files have.
    pub layout: usize,
}

/// Where one measurement of a dataset is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedSource {
    /// The end of its URL, after the dataset's base.
    pub name: String,
    /// The variable or Zarr array in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// 1-based band; that of the first value where there is an extra dimension.
    pub band: usize,
    /// Which of the plan's grids it lies on.
    pub grid: usize,
    /// Scale factor and offset of the dataset or product, where one of them says any. Applied where the measurement is
    /// [`PlannedMeasurement::scaled`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<(f64, f64)>,
}

/// One piece of one array: what is worked on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Index of the time plane.
    pub plane: usize,
    /// Index of the measurement.
    pub measurement: usize,
    /// Index along the extra dimension; 0 where the measurement has none.
    pub extra: usize,
    /// The window of the output grid.
    pub window: Window,
}

impl PlannedMeasurement {
    /// The value of the array where nothing was measured.
    pub(crate) fn fill(&self) -> f64 {
        self.nodata.unwrap_or(if self.dtype.is_float() { f64::NAN } else { 0.0 })
    }

    /// The value that a computed pixel of the array must not have.
    pub(crate) fn keep_off<T: Pixel>(&self) -> Option<T> {
        self.nodata.filter(|v| !v.is_nan()).map(T::from_f64)
    }
}

impl LoadPlan {
    /// All chunks, in the order they are worked on: by plane, measurement, extra index, then in row-major order.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk> + '_ {
        self.chunks_of(self.chunk)
    }

    /// As [`LoadPlan::chunks`], in pieces of `tile`.
    pub(crate) fn chunks_of(&self, tile: Shape) -> impl Iterator<Item = Chunk> + '_ {
        (0..self.planes.len()).flat_map(move |plane| {
            (0..self.measurements.len()).flat_map(move |measurement| {
                (0..self.extra_len(measurement)).flat_map(move |extra| {
                    let windows = self.geobox.shape.whole().tiles(tile);
                    windows.map(move |window| Chunk { plane, measurement, extra, window })
                })
            })
        })
    }

    /// The result but for its pixels: what an output file needs before the load starts.
    #[must_use]
    pub fn layout(&self) -> CubeLayout {
        CubeLayout {
            geobox: self.geobox.clone(),
            times: self.planes.iter().map(|p| p.time).collect(),
            extra: self.extra.clone(),
            arrays: self.arrays(),
        }
    }

    /// The arrays of the result: one a measurement; then, where asked for, one a measurement with its provenance.
    pub(crate) fn arrays(&self) -> Vec<ArrayLayout> {
        let data = self.measurements.iter().map(|m| ArrayLayout {
            name: m.name.clone(),
            dtype: m.dtype,
            nodata: m.nodata,
            measurement: m.measurement.clone(),
        });
        let beside = self.measurements.iter().filter(|_| self.provenance).map(|m| {
            let (name, dtype) = (self.provenance_name(&m.name), self.provenance_dtype());
            let mut measurement = Measurement::new(name.clone(), dtype, Some(0.0));
            measurement.extra_dim.clone_from(&m.measurement.extra_dim);
            measurement.flags = self.dataset_flags();
            ArrayLayout { name, dtype, nodata: Some(0.0), measurement }
        });
        data.chain(beside).collect()
    }

    /// The name of the array with a measurement's provenance.
    pub(crate) fn provenance_name(&self, measurement: &str) -> String {
        if self.measurements.len() == 1 { "provenance".to_owned() } else { format!("{measurement}_provenance") }
    }

    /// Wide enough for the number of each dataset.
    pub(crate) fn provenance_dtype(&self) -> DataType {
        if u16::try_from(self.datasets.len()).is_ok() { DataType::UInt16 } else { DataType::UInt32 }
    }

    /// The numbers of provenance arrays as named values.
    fn dataset_flags(&self) -> Flags {
        let bits = if self.provenance_dtype() == DataType::UInt16 { 16 } else { 32 };
        let values = (1..).zip(&self.datasets).map(|(number, dataset)| (number, dataset.id.to_string())).collect();
        let description = Some("the dataset that gave the pixel".to_owned());
        Flags::from([("dataset".to_owned(), Flag { bits: (0..bits).collect(), values, description })])
    }

    /// Length of the extra dimension of a measurement; 1 where it has none.
    #[must_use]
    pub fn extra_len(&self, measurement: usize) -> usize {
        let has = self.measurements.get(measurement).is_some_and(|m| m.measurement.extra_dim.is_some());
        self.extra.as_ref().filter(|_| has).map_or(1, |e| e.values.len())
    }

    /// Lengths of the dimensions of a measurement's array: `[time, y, x]` or `[time, extra, y, x]`.
    #[must_use]
    pub fn array_shape(&self, measurement: usize) -> Vec<usize> {
        // That of its provenance is alike.
        let measurement = measurement.checked_sub(self.measurements.len()).unwrap_or(measurement);
        let Shape { rows, cols } = self.geobox.shape;
        let has = self.measurements.get(measurement).is_some_and(|m| m.measurement.extra_dim.is_some());
        match self.extra.as_ref().filter(|_| has) {
            Some(extra) => vec![self.planes.len(), extra.values.len(), rows, cols],
            None => vec![self.planes.len(), rows, cols],
        }
    }

    /// Indices of a plane's datasets in the plan, in order of (centre time, id).
    #[must_use]
    pub fn datasets_of(&self, plane: usize) -> std::ops::Range<usize> {
        let before: usize = self.planes.iter().take(plane).map(|p| p.datasets).sum();
        before..before + self.planes.get(plane).map_or(0, |p| p.datasets)
    }

    /// A dataset's source of a measurement.
    pub(crate) fn source(&self, dataset: usize, measurement: usize) -> Option<&PlannedSource> {
        self.layouts.get(self.datasets.get(dataset)?.layout)?.get(measurement)
    }

    /// Where a measurement of a dataset is, at an index of the extra dimension.
    #[must_use]
    pub fn location(&self, dataset: usize, measurement: usize, extra: usize) -> Option<RasterLocation> {
        let source = self.source(dataset, measurement)?;
        let base = &self.datasets.get(dataset)?.base;
        Some(RasterLocation {
            url: format!("{}{base}{}", self.prefix, source.name),
            layer: source.layer.clone(),
            // A band that no file has: its reader says so.
            band: source.band.saturating_add(extra),
        })
    }

    /// Bytes of the result.
    #[must_use]
    pub fn output_bytes(&self) -> u64 {
        let each = self.measurements.iter().enumerate().map(|(i, m)| {
            let pixels = self.array_shape(i).iter().fold(1_u64, |n, &d| n.saturating_mul(d as u64));
            let beside = if self.provenance { self.provenance_dtype().bytes() } else { 0 };
            pixels.saturating_mul((m.dtype.bytes() + beside) as u64)
        });
        each.fold(0, u64::saturating_add)
    }

    /// What refers to something that is not there, if anything does.
    pub(crate) fn check(&self) -> Result<(), LoadError> {
        let bad = |reason: &str| Err(LoadError::BadPlan { reason: reason.to_owned() });
        if self.chunk.is_empty() || self.geobox.shape.is_empty() {
            return bad("its chunks or its grid hold no pixel");
        }
        if self.planes.iter().map(|p| p.datasets).sum::<usize>() != self.datasets.len() {
            return bad("its planes do not account for its datasets");
        }
        let layouts_fit = self.layouts.iter().all(|layout| {
            layout.len() == self.measurements.len() && layout.iter().all(|s| s.grid < self.grids.len() && s.band > 0)
        });
        if !layouts_fit || self.datasets.iter().any(|d| d.layout >= self.layouts.len()) {
            return bad("a dataset refers to a layout, measurement or grid that is not there");
        }
        let stands = |(grid, cells): (&usize, &Healpix)| {
            self.grids.get(*grid).is_some_and(|g| (g.shape, g.affine) == cells.around() && g.crs.is_geographic())
        };
        if !self.healpix.iter().all(stands) {
            return bad("a grid of it does not stand for the HEALPix cells that it should");
        }
        Ok(())
    }
}
