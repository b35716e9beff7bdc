//! Zarr v3 with CF attributes, as xarray writes it.

use std::path::Path;
use std::sync::Arc;

use cube_model::{Cube, CubeArray, DataType, Pixel};
use ndarray::s;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use serde_json::{Map, Value, json};
use zarrs::array::codec::{GzipCodec, ZstdCodec};
use zarrs::array::{Array, ArrayBuilder, ArrayMetadataOptions, Element, FillValue};
use zarrs::filesystem::FilesystemStore;

use super::atomic::Staging;
use super::cf_out::{
    CoordinateValues, GRID_MAPPING, Written, WrittenAttributes, coordinates, grid_mapping_attributes,
    measurement_attributes,
};
use super::plane::{extras, plane};
use super::{Compression, WriteOptions};
use crate::RasterError;

/// Rows and columns of a chunk; each chunk holds one plane.
const CHUNK: usize = 1024;

/// Writes a cube as a Zarr v3 group with CF attributes: coordinates of pixel centres, `spatial_ref` with WKT and
/// affine, times in UTC, `_FillValue` as xarray spells it, and consolidated metadata.
///
/// # Errors
/// Where the target exists or cannot be written, the grid is rotated, or LZW is asked for, which Zarr lacks.
pub fn write_zarr(path: &Path, cube: &Cube, options: &WriteOptions) -> Result<(), RasterError> {
    let compress = options.compress.unwrap_or(Compression::Zstd);
    if compress == Compression::Lzw {
        return Err(RasterError::Inexpressible {
            path: path.to_owned(),
            what: "zarr has no LZW compression".to_owned(),
            remedy: "use zstd, deflate or none".to_owned(),
        });
    }
    let coordinates = coordinates(path, cube)?;
    let staging = Staging::begin(path, options.overwrite)?;
    let root = staging.path();
    let unwritable = |reason: String| RasterError::Unwritable { path: path.to_owned(), reason };
    std::fs::create_dir(&root).map_err(|e| unwritable(e.to_string()))?;
    let store = Arc::new(FilesystemStore::new(&root).map_err(|e| unwritable(e.to_string()))?);
    let mut group = Group { store, compress, arrays: Map::new() };

    let names: Vec<String> = coordinates.iter().map(|c| c.name.clone()).collect();
    for coordinate in &coordinates {
        let dims = [coordinate.name.clone()];
        let attributes = attributes(&coordinate.attributes);
        match &coordinate.values {
            CoordinateValues::Int64(values) => group.small(&coordinate.name, &dims, attributes, values),
            CoordinateValues::Float64(values) => group.small(&coordinate.name, &dims, attributes, values),
        }
        .map_err(unwritable)?;
    }
    group.small(GRID_MAPPING, &[], attributes(&grid_mapping_attributes(cube)), &[0_i64]).map_err(unwritable)?;
    for (name, array) in &cube.arrays {
        let has_extra = array.pixels.shape().len() == 4;
        let dims: Vec<String> =
            names.iter().filter(|d| has_extra || cube.extra.as_ref().is_none_or(|e| e.name != **d)).cloned().collect();
        cube_model::for_each_dtype!(
            array.pixels.dtype(),
            T => group.data::<T>(name, &dims, cube, array).map_err(unwritable)?,
            _ => ()
        );
    }
    let metadata = group.metadata();
    std::fs::write(root.join("zarr.json"), metadata).map_err(|e| unwritable(e.to_string()))?;
    staging.publish()
}

/// The group that is being written.
struct Group {
    store: Arc<FilesystemStore>,
    compress: Compression,
    /// Metadata of the arrays by name, for the consolidated copy.
    arrays: Map<String, Value>,
}

impl Group {
    /// Creates an array of `shape` in chunks of `chunk`, of the type of `fill`.
    fn create<T: Pixel>(
        &mut self,
        name: &str,
        dims: &[String],
        (shape, chunk): (Vec<u64>, Vec<u64>),
        fill: T,
        attributes: Map<String, Value>,
    ) -> Result<Array<FilesystemStore>, String> {
        let mut builder = ArrayBuilder::new(shape, chunk, T::DTYPE.name(), fill_value(fill));
        builder.attributes(attributes).dimension_names(Some(dims.to_vec()));
        match self.compress {
            Compression::Zstd => builder.bytes_to_bytes_codecs(vec![Arc::new(ZstdCodec::new(3, false))]),
            Compression::Deflate => {
                let codec = GzipCodec::new(6).map_err(|e| e.to_string())?;
                builder.bytes_to_bytes_codecs(vec![Arc::new(codec)])
            }
            Compression::None | Compression::Lzw => &mut builder,
        };
        let array =
            builder.build(Arc::clone(&self.store), &format!("/{name}")).map_err(|e| format!("array {name}: {e}"))?;
        let options = ArrayMetadataOptions::default().with_include_zarrs_metadata(false);
        array.store_metadata_opt(&options).map_err(|e| e.to_string())?;
        let metadata = serde_json::to_value(array.metadata_opt(&options)).map_err(|e| e.to_string())?;
        self.arrays.insert(name.to_owned(), metadata);
        Ok(array)
    }

    /// Writes a coordinate, or with no dimension a scalar, as one chunk.
    fn small<T: Pixel + Element>(
        &mut self,
        name: &str,
        dims: &[String],
        attributes: Map<String, Value>,
        values: &[T],
    ) -> Result<(), String> {
        let shape = if dims.is_empty() { Vec::new() } else { vec![values.len() as u64] };
        let chunk = shape.iter().map(|n| (*n).max(1)).collect();
        let array = self.create(name, dims, (shape, chunk), T::default(), attributes)?;
        if values.is_empty() {
            return Ok(());
        }
        array.store_chunk(&vec![0; dims.len()], values.to_vec()).map_err(|e| format!("array {name}: {e}"))
    }

    fn data<T: Pixel + Element>(
        &mut self,
        name: &str,
        dims: &[String],
        cube: &Cube,
        array: &CubeArray,
    ) -> Result<(), String> {
        let (rows, cols) = (cube.geobox.shape.rows, cube.geobox.shape.cols);
        let shape: Vec<u64> = array.pixels.shape().iter().map(|n| *n as u64).collect();
        let (chunk_rows, chunk_cols) = (rows.clamp(1, CHUNK), cols.clamp(1, CHUNK));
        let mut chunk = vec![1; dims.len() - 2];
        chunk.extend([chunk_rows as u64, chunk_cols as u64]);
        let nodata = array.nodata.or_else(|| T::DTYPE.is_float().then_some(f64::NAN)).filter(|n| T::DTYPE.holds(*n));
        let mut attributes = attributes(&measurement_attributes(array));
        if let Some(nodata) = nodata {
            attributes.insert("_FillValue".to_owned(), xarray_fill_value(nodata, T::DTYPE));
        }
        let fill = T::from_f64(nodata.unwrap_or(0.0));
        let out = self.create(name, dims, (shape, chunk), fill, attributes)?;
        let tiles: Vec<(usize, Option<usize>, usize, usize)> = (0..cube.times.len())
            .flat_map(|time| extras(cube, array).into_iter().map(move |extra| (time, extra)))
            .flat_map(|(time, extra)| {
                (0..rows.div_ceil(chunk_rows))
                    .flat_map(move |row| (0..cols.div_ceil(chunk_cols)).map(move |col| (time, extra, row, col)))
            })
            .collect();
        tiles.into_par_iter().try_for_each(|(time, extra, row, col)| {
            let Some(pixels) = plane::<T>(array, time, extra) else { return Ok(()) };
            // Chunks at the edge are whole in Zarr: what lies beyond is fill.
            let mut values = vec![fill; chunk_rows * chunk_cols];
            let (top, left) = (row * chunk_rows, col * chunk_cols);
            let part = pixels.slice(s![top..rows.min(top + chunk_rows), left..cols.min(left + chunk_cols)]);
            for (line, out) in part.rows().into_iter().zip(values.chunks_mut(chunk_cols)) {
                for (value, out) in line.iter().zip(out) {
                    *out = *value;
                }
            }
            let index: Vec<u64> =
                [Some(time), extra, Some(row), Some(col)].into_iter().flatten().map(|i| i as u64).collect();
            out.store_chunk(&index, values).map_err(|e| format!("array {name}: {e}"))
        })
    }

    /// The group's metadata with a copy of that of its arrays, so that a reader needs one request.
    fn metadata(self) -> String {
        let group = json!({
            "zarr_format": 3,
            "node_type": "group",
            "attributes": { "Conventions": "CF-1.8" },
            "consolidated_metadata": { "kind": "inline", "must_understand": false, "metadata": self.arrays },
        });
        format!("{group:#}")
    }
}

/// The fill value's bytes, as zarrs takes them.
fn fill_value<T: Pixel>(value: T) -> FillValue {
    let value: &dyn std::any::Any = &value;
    macro_rules! one_of {
        ($($type:ty),*) => {
            $(if let Some(value) = value.downcast_ref::<$type>() {
                return FillValue::from(*value);
            })*
        };
    }
    one_of!(u8, i8, u16, i16, u32, i32, u64, i64, f32, f64);
    FillValue::from(0_u8)
}

/// `_FillValue` as xarray spells it in Zarr v3: whole numbers plainly, floats as base64 of a little-endian double.
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole; `as` clamps at the ends of 64 bits")]
#[expect(clippy::cast_sign_loss, reason = "only for values above the signed range")]
fn xarray_fill_value(nodata: f64, dtype: DataType) -> Value {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if dtype == DataType::UInt64 {
        return Value::from(nodata as u64);
    }
    if !dtype.is_float() {
        return Value::from(nodata as i64);
    }
    let bits = u128::from(u64::from_be_bytes(nodata.to_le_bytes())) << 2;
    let digits = (0..11).rev().map(|i| char::from(DIGITS[(bits >> (6 * i) & 63) as usize]));
    Value::from(digits.chain(['=']).collect::<String>())
}

fn attributes(written: &WrittenAttributes) -> Map<String, Value> {
    written
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Written::Text(text) => Value::from(text.as_str()),
                Written::Number(number) => Value::from(*number),
                // One value stands alone, as NetCDF's readers show it.
                Written::OfType(values) => match values.as_slice() {
                    [only] => whole(*only),
                    all => all.iter().map(|v| whole(*v)).collect(),
                },
            };
            (name.clone(), value)
        })
        .collect()
}

fn whole(value: i128) -> Value {
    i64::try_from(value).map_or_else(|_| Value::from(u64::try_from(value).ok()), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fill_values_are_spelt_as_xarray_does() {
        assert_eq!(xarray_fill_value(f64::NAN, DataType::Float32), "AAAAAAAA+H8=");
        assert_eq!(xarray_fill_value(-9999.0, DataType::Float32), "AAAAAICHw8A=");
        assert_eq!(xarray_fill_value(-9999.0, DataType::Int16), -9999);
        assert_eq!(xarray_fill_value(18_446_744_073_709_551_615.0, DataType::UInt64), u64::MAX);
    }
}
