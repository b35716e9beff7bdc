//! Zarr v3 with CF attributes, as xarray writes it.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cube_geo::Shape;
use cube_model::{Cube, DataType, Pixel, Pixels, for_each_dtype};
use serde_json::{Map, Value, json};
use zarrs::array::codec::{GzipCodec, ZstdCodec};
use zarrs::array::{Array, ArrayBuilder, ArrayMetadataOptions, Element, FillValue};
use zarrs::filesystem::FilesystemStore;

use super::atomic::{Staging, describe};
use super::cf_out::{
    CoordinateValues, GRID_MAPPING, Written, WrittenAttributes, coordinates, grid_mapping_attributes,
    measurement_attributes,
};
use super::codec::{Wrapper, deflate, zstd};
use super::pieces::{Pieces, chunk_side};
use super::plane::whole_tile;
use super::sink::{ArrayLayout, CubeLayout, CubeSink, Place};
use super::whole::put_cube;
use super::{Compression, WriteOptions};
use crate::RasterError;
use crate::zarr_reader::is_store;

/// Writes a cube as a Zarr v3 group with CF attributes: coordinates of pixel centres, `spatial_ref` with WKT and
/// affine, times in UTC, `_FillValue` as xarray spells it, and consolidated metadata.
///
/// # Errors
/// Where the target exists or cannot be written, the grid is rotated, or LZW is asked for, which Zarr lacks.
pub fn write_zarr(path: &Path, cube: &Cube, options: &WriteOptions) -> Result<(), RasterError> {
    put_cube(zarr_sink(path, CubeLayout::of(cube), options)?, cube).map(drop)
}

/// Begins what [`write_zarr`] writes, for pieces as they come: each is one chunk of one plane, compressed and written
/// by the thread that puts it. Chunks without a valid pixel are left out, as Zarr's readers expect.
///
/// # Errors
/// As [`write_zarr`].
pub fn zarr_sink(path: &Path, layout: CubeLayout, options: &WriteOptions) -> Result<Box<dyn CubeSink>, RasterError> {
    let compress = options.compress.unwrap_or(Compression::Zstd);
    if compress == Compression::Lzw {
        return Err(RasterError::Inexpressible {
            path: path.to_owned(),
            what: "zarr has no LZW compression".to_owned(),
            remedy: "use zstd, deflate or none".to_owned(),
        });
    }
    // Only a store is replaced: a folder of something else would be lost.
    if path.is_dir() && !is_store(path) && path.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        let reason = "it is a folder that holds no Zarr store; name another place, or remove it yourself".to_owned();
        return Err(RasterError::Unwritable { path: path.to_owned(), reason });
    }
    let coordinates = coordinates(path, &layout)?;
    let staging = Staging::begin(path, options.overwrite)?;
    let root = staging.path();
    let unwritable = |reason: String| RasterError::Unwritable { path: path.to_owned(), reason };
    std::fs::create_dir(&root).map_err(|e| unwritable(describe(&e)))?;
    let store = Arc::new(FilesystemStore::new(&root).map_err(|e| unwritable(e.to_string()))?);
    let shape = layout.geobox.shape;
    let tile = Shape::new(chunk_side(shape.rows), chunk_side(shape.cols));
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
    group.small(GRID_MAPPING, &[], attributes(&grid_mapping_attributes(&layout)), &[0_i64]).map_err(unwritable)?;
    for array in &layout.arrays {
        let has_extra = layout.has_extra(array);
        let dims: Vec<String> = names
            .iter()
            .filter(|d| has_extra || layout.extra.as_ref().is_none_or(|e| e.name != **d))
            .cloned()
            .collect();
        for_each_dtype!(array.dtype, T => group.data::<T>(&dims, &layout, array, tile).map_err(unwritable)?, _ => ());
    }
    std::fs::write(root.join("zarr.json"), group.metadata()).map_err(|e| unwritable(describe(&e)))?;
    staging.complete_all().map_err(|e| unwritable(describe(&e)))?;
    Ok(Box::new(ZarrSink { path: path.to_owned(), staging, compress, pieces: Pieces::new(path, layout, tile) }))
}

/// A group whose metadata stands and whose chunks come.
struct ZarrSink {
    path: PathBuf,
    staging: Staging,
    compress: Compression,
    pieces: Pieces,
}

impl CubeSink for ZarrSink {
    fn tile(&self) -> Shape {
        self.pieces.tile()
    }

    fn working_bytes(&self) -> u64 {
        0
    }

    fn put(&self, place: Place, pixels: Pixels) -> Result<(), RasterError> {
        let (row, col) = self.pieces.take(place, &pixels)?;
        let layout = self.pieces.layout();
        let Some(array) = layout.arrays.get(place.array) else { return Ok(()) };
        let mut chunk = self.staging.path().join(&array.name);
        let extra = layout.has_extra(array).then_some(place.extra);
        chunk.push("c");
        for index in [Some(place.time), extra, Some(row), Some(col)].into_iter().flatten() {
            chunk.push(index.to_string());
        }
        let written = for_each_dtype!(
            array.dtype,
            T => {
                let fill = T::from_f64(array.stated_nodata().unwrap_or(0.0));
                let values = whole_tile::<T>(pixels, self.tile(), fill);
                match values.first() {
                    // A chunk of nothing but fill need not be there; NaN equals itself here.
                    Some(first) if same(*first, fill) && values.iter().all(|v| same(*v, fill)) => Ok(()),
                    _ => write_chunk(&chunk, bytemuck::cast_slice(&values), self.compress)
                        .map(|file| self.staging.complete(chunk, file)),
                }
            },
            _ => Ok(())
        );
        written.map_err(|error| RasterError::Unwritable { path: self.path.clone(), reason: describe(&error) })
    }

    fn finish(self: Box<Self>) -> Result<Vec<PathBuf>, RasterError> {
        self.pieces.complete()?;
        self.staging.publish()?;
        Ok(vec![self.path])
    }
}

fn same<T: Pixel>(a: T, b: T) -> bool {
    a == b || a.is_nan() && b.is_nan()
}

/// Writes a chunk, and the folders above it where they are not there yet.
fn write_chunk(path: &Path, bytes: &[u8], compress: Compression) -> std::io::Result<File> {
    let compressed;
    let bytes = match compress {
        Compression::None | Compression::Lzw => bytes,
        Compression::Zstd => {
            compressed = zstd(bytes)?;
            &compressed
        }
        Compression::Deflate => {
            compressed = deflate(bytes, Wrapper::Gzip)?;
            &compressed
        }
    };
    let mut file = match File::create(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            File::create(path)?
        }
        created => created?,
    };
    file.write_all(bytes)?;
    Ok(file)
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

    fn data<T: Pixel>(
        &mut self,
        dims: &[String],
        cube: &CubeLayout,
        array: &ArrayLayout,
        tile: Shape,
    ) -> Result<(), String> {
        let grid = cube.geobox.shape;
        let extra = cube.has_extra(array).then(|| cube.extras(array) as u64);
        let shape = [Some(cube.times.len() as u64), extra, Some(grid.rows as u64), Some(grid.cols as u64)];
        let chunk = [Some(1), extra.map(|_| 1), Some(tile.rows as u64), Some(tile.cols as u64)];
        let sizes = (shape.into_iter().flatten().collect(), chunk.into_iter().flatten().collect());
        let nodata = array.stated_nodata();
        let mut attributes = attributes(&measurement_attributes(array));
        if let Some(nodata) = nodata {
            attributes.insert("_FillValue".to_owned(), xarray_fill_value(nodata, T::DTYPE));
        }
        self.create(&array.name, dims, sizes, T::from_f64(nodata.unwrap_or(0.0)), attributes).map(drop)
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
