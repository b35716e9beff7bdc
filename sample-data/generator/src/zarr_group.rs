//! A series as one Zarr v3 group.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};
use zarrs::array::builder::{ArrayBuilderDataType, ArrayBuilderFillValue};
use zarrs::array::codec::ZstdCodec;
use zarrs::array::{ArrayBuilder, ArrayMetadataOptions, data_type};
use zarrs::filesystem::FilesystemStore;
use zarrs::group::GroupBuilder;

use crate::cf::{self, Attributes};
use crate::climate::{Fields, Series, VARIABLES};
use crate::error::{Result, SampleError};

/// Writes all steps of a series: arrays `2t` and `tp` as float32 over (time, latitude, longitude), one chunk a step,
/// zstd, fill value NaN, with the coordinate arrays beside them. No consolidated metadata.
pub(crate) fn write(path: &Path, series: &Series, steps: &[Fields]) -> Result<()> {
    let failed = |reason: String| SampleError::Zarr { path: path.to_owned(), reason };
    let store = Arc::new(FilesystemStore::new(path).map_err(|e| failed(e.to_string()))?);
    let group = Group { store, path };
    GroupBuilder::new()
        .attributes(object(cf::global()))
        .build(group.store.clone(), "/")
        .map_err(|e| failed(e.to_string()))?
        .store_metadata()
        .map_err(|e| failed(e.to_string()))?;

    let (rows, columns) = (series.shape.0 as u64, series.shape.1 as u64);
    let count = steps.len() as u64;
    group.array(
        "time",
        &["time"],
        &[count],
        data_type::int64(),
        0_i64,
        cf::coordinate("time"),
        &[cf::hours(series)],
    )?;
    for (name, len, values) in [("latitude", rows, series.latitudes()), ("longitude", columns, series.longitudes())] {
        group.array(name, &[name], &[len], data_type::float64(), f64::NAN, cf::coordinate(name), &[values])?;
    }
    for name in VARIABLES {
        let planes: Vec<Vec<f32>> = steps.iter().map(|step| step.of(name).to_vec()).collect();
        let dimensions = ["time", "latitude", "longitude"];
        let attributes = cf::variable(name, series.step);
        group.array(name, &dimensions, &[count, rows, columns], data_type::float32(), f32::NAN, attributes, &planes)?;
    }
    Ok(())
}

struct Group<'a> {
    store: Arc<FilesystemStore>,
    path: &'a Path,
}

impl Group<'_> {
    /// Writes an array whose chunks go along its first dimension: one chunk for each of `chunks`.
    #[expect(clippy::too_many_arguments, reason = "an array is that many things, and there are three calls")]
    fn array<T>(
        &self,
        name: &str,
        dimensions: &[&str],
        shape: &[u64],
        data_type: impl Into<ArrayBuilderDataType>,
        fill: impl Into<ArrayBuilderFillValue>,
        attributes: Attributes,
        chunks: &[Vec<T>],
    ) -> Result<()>
    where
        T: zarrs::array::Element,
    {
        let mut chunk = shape.to_vec();
        chunk[0] = shape[0] / chunks.len() as u64;
        let array = ArrayBuilder::new(shape.to_vec(), chunk, data_type, fill)
            .dimension_names(Some(dimensions.iter().copied()))
            .attributes(object(attributes))
            .bytes_to_bytes_codecs(vec![Arc::new(ZstdCodec::new(19, false))])
            .build(self.store.clone(), &format!("/{name}"))
            .map_err(|e| self.failed(&e))?;
        let options = ArrayMetadataOptions::default().with_include_zarrs_metadata(false);
        array.store_metadata_opt(&options).map_err(|e| self.failed(&e))?;
        for (index, values) in chunks.iter().enumerate() {
            let mut place = vec![0; shape.len()];
            place[0] = index as u64;
            array.store_chunk(&place, values.as_slice()).map_err(|e| self.failed(&e))?;
        }
        Ok(())
    }

    fn failed(&self, reason: &dyn Display) -> SampleError {
        SampleError::Zarr { path: self.path.to_owned(), reason: reason.to_string() }
    }
}

fn object(attributes: Attributes) -> Map<String, Value> {
    attributes.into_iter().map(|(name, text)| (name.to_owned(), Value::from(text))).collect()
}
