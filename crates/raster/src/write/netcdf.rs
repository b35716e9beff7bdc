//! NetCDF 4 with CF conventions.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cube_geo::Shape;
use cube_model::{Cube, DataType, Pixel, Pixels, for_each_dtype};
use netcdf::{AttributeValue, FileMut, NcTypeDescriptor, Options, VariableMut};

use super::atomic::Staging;
use super::cf_out::{
    Coordinate, CoordinateValues, GRID_MAPPING, Written, WrittenAttributes, coordinates, grid_mapping_attributes,
    measurement_attributes,
};
use super::netcdf_cache::SmallCache;
use super::pieces::{Pieces, chunk_side};
use super::plane::into_values;
use super::sink::{ArrayLayout, CubeLayout, CubeSink, Place};
use super::whole::put_cube;
use super::{Compression, WriteOptions};
use crate::RasterError;

/// Writes a cube as NetCDF 4 with CF conventions: coordinates of pixel centres, `spatial_ref` with WKT and
/// affine, times in UTC, `_FillValue` for nodata, native unsigned types, chunks of one plane (at most 1024 pixels
/// a side), deflate with shuffle.
///
/// # Errors
/// Where the target exists or cannot be written, the grid is rotated, or a compression is asked for that plain
/// netCDF readers lack.
pub fn write_netcdf(path: &Path, cube: &Cube, options: &WriteOptions) -> Result<(), RasterError> {
    put_cube(netcdf_sink(path, CubeLayout::of(cube), options)?, cube).map(drop)
}

/// Begins what [`write_netcdf`] writes, for pieces as they come: each is one chunk of one plane. One thread writes at
/// a time, as netcdf-c wants it.
///
/// # Errors
/// As [`write_netcdf`].
pub fn netcdf_sink(path: &Path, layout: CubeLayout, options: &WriteOptions) -> Result<Box<dyn CubeSink>, RasterError> {
    let deflate = match options.compress {
        None | Some(Compression::Deflate) => true,
        Some(Compression::None) => false,
        Some(other) => {
            return Err(RasterError::Inexpressible {
                path: path.to_owned(),
                what: format!("NetCDF has no {other:?} compression that all readers know").to_lowercase(),
                remedy: "use deflate or none".to_owned(),
            });
        }
    };
    let coordinates = coordinates(path, &layout)?;
    let staging = Staging::begin(path, options.overwrite)?;
    let shape = layout.geobox.shape;
    let tile = Shape::new(chunk_side(shape.rows), chunk_side(shape.cols));
    let file = begin(&staging.path(), &layout, &coordinates, tile, deflate)
        .map_err(|e| RasterError::Unwritable { path: path.to_owned(), reason: e.to_string() })?;
    let pieces = Pieces::new(path, layout, tile);
    Ok(Box::new(NetCdfSink { path: path.to_owned(), file: Mutex::new(file), staging, pieces }))
}

/// A file whose header stands and whose chunks come. It closes before its folder goes.
struct NetCdfSink {
    path: PathBuf,
    file: Mutex<FileMut>,
    staging: Staging,
    pieces: Pieces,
}

impl CubeSink for NetCdfSink {
    fn tile(&self) -> Shape {
        self.pieces.tile()
    }

    fn working_bytes(&self) -> u64 {
        // One chunk, as it is and shuffled and deflated: none is kept.
        let widest = self.pieces.layout().arrays.iter().map(|array| array.dtype.bytes()).max().unwrap_or(0);
        3 * (self.tile().pixels() * widest) as u64
    }

    fn put(&self, place: Place, pixels: Pixels) -> Result<(), RasterError> {
        self.pieces.take(place, &pixels)?;
        let layout = self.pieces.layout();
        let Some(array) = layout.arrays.get(place.array) else { return Ok(()) };
        let window = place.window;
        let extra = layout.has_extra(array).then_some(place.extra);
        let start: Vec<usize> =
            [Some(place.time), extra, Some(window.row), Some(window.col)].into_iter().flatten().collect();
        let count: Vec<usize> =
            [Some(1), extra.map(|_| 1), Some(window.rows), Some(window.cols)].into_iter().flatten().collect();
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let written = for_each_dtype!(
            array.dtype,
            T => match file.variable_mut(&array.name) {
                Some(mut variable) => variable.put_values(&into_values::<T>(pixels), (start, count)),
                None => Err(netcdf::Error::NotFound(array.name.clone())),
            },
            _ => Ok(())
        );
        written.map_err(|error| RasterError::Unwritable { path: self.path.clone(), reason: error.to_string() })
    }

    fn finish(self: Box<Self>) -> Result<Vec<PathBuf>, RasterError> {
        let Self { path, staging, file, pieces } = *self;
        pieces.complete()?;
        let closed = file.into_inner().unwrap_or_else(PoisonError::into_inner).close();
        closed.map_err(|error| RasterError::Unwritable { path: path.clone(), reason: error.to_string() })?;
        staging.publish()?;
        Ok(vec![path])
    }
}

/// Makes the file, all but the pixels.
fn begin(
    path: &Path,
    cube: &CubeLayout,
    coordinates: &[Coordinate],
    tile: Shape,
    deflate: bool,
) -> netcdf::Result<FileMut> {
    let mut file = netcdf::create_with(path, Options::NETCDF4)?;
    file.add_attribute("Conventions", "CF-1.8")?;
    for coordinate in coordinates {
        file.add_dimension(&coordinate.name, coordinate.values.len())?;
        let dims = [coordinate.name.as_str()];
        match &coordinate.values {
            CoordinateValues::Int64(values) => {
                let mut variable = file.add_variable::<i64>(&coordinate.name, &dims)?;
                attributes(&mut variable, &coordinate.attributes, DataType::Int64)?;
                variable.put_values(values, ..)?;
            }
            CoordinateValues::Float64(values) => {
                let mut variable = file.add_variable::<f64>(&coordinate.name, &dims)?;
                attributes(&mut variable, &coordinate.attributes, DataType::Float64)?;
                variable.put_values(values, ..)?;
            }
        }
    }
    let mut mapping = file.add_variable::<i32>(GRID_MAPPING, &[])?;
    attributes(&mut mapping, &grid_mapping_attributes(cube), DataType::Int32)?;
    mapping.put_value(0, ())?;
    // Each piece is a whole chunk, which comes once: there is nothing to keep for later.
    let _cache = SmallCache::begin();
    for array in &cube.arrays {
        let has_extra = cube.has_extra(array);
        let dims: Vec<&str> = coordinates
            .iter()
            .map(|c| c.name.as_str())
            .filter(|d| has_extra || cube.extra.as_ref().is_none_or(|e| e.name != *d))
            .collect();
        for_each_dtype!(array.dtype, T => add_array::<T>(&mut file, &dims, array, tile, deflate)?, _ => ());
    }
    Ok(file)
}

fn add_array<T: Pixel + NcTypeDescriptor>(
    file: &mut FileMut,
    dims: &[&str],
    array: &ArrayLayout,
    tile: Shape,
    deflate: bool,
) -> netcdf::Result<()> {
    let mut variable = file.add_variable::<T>(&array.name, dims)?;
    let mut chunk = vec![1; dims.len() - 2];
    chunk.extend([tile.rows, tile.cols]);
    variable.set_chunking(&chunk)?;
    if deflate {
        variable.set_compression(4, true)?;
    }
    if let Some(nodata) = array.stated_nodata() {
        variable.set_fill_value(T::from_f64(nodata))?;
    }
    attributes(&mut variable, &measurement_attributes(array), T::DTYPE)
}

fn attributes(variable: &mut VariableMut<'_>, all: &WrittenAttributes, dtype: DataType) -> netcdf::Result<()> {
    for (name, value) in all {
        let value = match value {
            Written::Text(text) => AttributeValue::Str(text.clone()),
            Written::Number(number) => AttributeValue::Double(*number),
            Written::OfType(values) => of_type(values, dtype),
        };
        variable.put_attribute(name, value)?;
    }
    Ok(())
}

/// Whole numbers as an attribute of the variable's own type.
fn of_type(values: &[i128], dtype: DataType) -> AttributeValue {
    fn all<T: TryFrom<i128> + Default>(values: &[i128]) -> Vec<T> {
        values.iter().map(|v| T::try_from(*v).unwrap_or_default()).collect()
    }
    match dtype {
        DataType::UInt8 => AttributeValue::Uchars(all(values)),
        DataType::Int8 => AttributeValue::Schars(all(values)),
        DataType::UInt16 => AttributeValue::Ushorts(all(values)),
        DataType::Int16 => AttributeValue::Shorts(all(values)),
        DataType::UInt32 => AttributeValue::Uints(all(values)),
        DataType::Int32 => AttributeValue::Ints(all(values)),
        DataType::UInt64 => AttributeValue::Ulonglongs(all(values)),
        _ => AttributeValue::Longlongs(all(values)),
    }
}
