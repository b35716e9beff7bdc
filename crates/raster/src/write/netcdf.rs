//! NetCDF 4 with CF conventions.

use std::path::Path;

use cube_model::{Cube, CubeArray, DataType, Pixel};
use netcdf::{AttributeValue, FileMut, NcTypeDescriptor, Options, VariableMut};

use super::atomic::Staging;
use super::cf_out::{
    Coordinate, CoordinateValues, GRID_MAPPING, Written, WrittenAttributes, coordinates, grid_mapping_attributes,
    measurement_attributes,
};
use super::plane::{extras, plane};
use super::{Compression, WriteOptions};
use crate::RasterError;

/// Writes a cube as NetCDF 4 with CF conventions: coordinates of pixel centres, `spatial_ref` with WKT and
/// affine, times in UTC, `_FillValue` for nodata, native unsigned types, chunks of one plane (at most 2048 pixels
/// a side), deflate with shuffle.
///
/// # Errors
/// Where the target exists or cannot be written, the grid is rotated, or a compression is asked for that plain
/// netCDF readers lack.
pub fn write_netcdf(path: &Path, cube: &Cube, options: &WriteOptions) -> Result<(), RasterError> {
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
    let coordinates = coordinates(path, cube)?;
    let staging = Staging::begin(path, options.overwrite)?;
    let made = write(&staging.path(), cube, &coordinates, deflate);
    made.map_err(|e| RasterError::Unwritable { path: path.to_owned(), reason: e.to_string() })?;
    staging.publish()
}

fn write(path: &Path, cube: &Cube, coordinates: &[Coordinate], deflate: bool) -> netcdf::Result<()> {
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
    for (name, array) in &cube.arrays {
        let has_extra = array.pixels.shape().len() == 4;
        let dims: Vec<&str> = coordinates
            .iter()
            .map(|c| c.name.as_str())
            .filter(|d| has_extra || cube.extra.as_ref().is_none_or(|e| e.name != *d))
            .collect();
        cube_model::for_each_dtype!(
            array.pixels.dtype(),
            T => write_array::<T>(&mut file, name, &dims, cube, array, deflate)?,
            _ => ()
        );
    }
    file.close()
}

fn write_array<T: Pixel + NcTypeDescriptor>(
    file: &mut FileMut,
    name: &str,
    dims: &[&str],
    cube: &Cube,
    array: &CubeArray,
    deflate: bool,
) -> netcdf::Result<()> {
    const LARGEST_CHUNK: usize = 2048;
    let (rows, cols) = (cube.geobox.shape.rows, cube.geobox.shape.cols);
    let mut variable = file.add_variable::<T>(name, dims)?;
    let mut chunk = vec![1; dims.len() - 2];
    chunk.extend([rows.clamp(1, LARGEST_CHUNK), cols.clamp(1, LARGEST_CHUNK)]);
    variable.set_chunking(&chunk)?;
    if deflate {
        variable.set_compression(4, true)?;
    }
    let nodata = array.nodata.or_else(|| T::DTYPE.is_float().then_some(f64::NAN)).filter(|n| T::DTYPE.holds(*n));
    if let Some(nodata) = nodata {
        variable.set_fill_value(T::from_f64(nodata))?;
    }
    attributes(&mut variable, &measurement_attributes(array), T::DTYPE)?;
    for time in 0..cube.times.len() {
        for extra in extras(cube, array) {
            let Some(pixels) = plane::<T>(array, time, extra) else { continue };
            let start: Vec<usize> = [Some(time), extra, Some(0), Some(0)].into_iter().flatten().collect();
            let mut count = vec![1; start.len() - 2];
            count.extend([rows, cols]);
            match pixels.as_slice() {
                Some(values) => variable.put_values(values, (start, count))?,
                None => variable.put_values(&pixels.iter().copied().collect::<Vec<T>>(), (start, count))?,
            }
        }
    }
    Ok(())
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
