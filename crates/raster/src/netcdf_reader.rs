//! NetCDF 3 and 4 (and HDF5 that netcdf-c understands) through netcdf-c, statically linked.
//!
//! netcdf-c is not thread-safe; the `netcdf` crate takes one process-wide lock around every call.

use std::path::Path;

use cube_geo::{Shape, Window};
use cube_model::{DataType, Pixel, Pixels};
use ndarray::{ArrayD, IxDyn};
use netcdf::types::{FloatType, IntType, NcVariableType};
use netcdf::{AttributeValue, NcTypeDescriptor};

use crate::cf::{self, Attribute, Attributes, Layout, Numbers, Variable, Variables, choose_layer, data_variables};
use crate::error::check_size;
use crate::{Dimension, Plane, Raster, RasterError, RasterHeader, RasterLocation};

const DRIVER: &str = "netCDF";

/// One plane of a NetCDF variable.
pub(crate) struct NetCdfRaster {
    file: NetCdfFile,
    layout: Layout,
    indices: Vec<usize>,
    header: RasterHeader,
}

impl NetCdfRaster {
    pub(crate) fn open(path: &Path, location: &RasterLocation) -> Result<Self, RasterError> {
        let file = NetCdfFile::open(path, location.to_string())?;
        let variable = choose_layer(&file, &file.location, location.layer.as_deref())?;
        let layout = Layout::read(&file, variable, &file.location, DRIVER)?;
        let indices = layout.indices(&file.location, location.band)?;
        let stored_bytes = file.stored_bytes(&layout);
        let header = RasterHeader { stored_bytes, ..layout.header(&indices) };
        Ok(Self { file, layout, indices, header })
    }

    fn values<T: NcTypeDescriptor + Copy + Default>(&self, window: Window) -> Result<Vec<T>, RasterError> {
        let location = &self.file.location;
        let (path, corrupt) = (&self.layout.variable.name, |reason: String| RasterError::Corrupt {
            location: location.clone(),
            level: 0,
            window,
            reason,
        });
        let space = self.layout.space_of(window);
        let start: Vec<usize> = self.indices.iter().copied().chain(space.iter().map(|(first, _)| *first)).collect();
        let count: Vec<usize> = self.indices.iter().map(|_| 1).chain(space.iter().map(|(_, n)| *n)).collect();
        let variable = self.file.inner.variable(path).ok_or_else(|| corrupt("the variable is gone".to_owned()))?;
        let mut values = vec![T::default(); space.iter().map(|(_, n)| n).product()];
        variable.get_values_into(values.as_mut_slice(), (start, count)).map_err(|e| corrupt(e.to_string()))?;
        Ok(self.layout.within(window, values))
    }
}

impl Raster for NetCdfRaster {
    fn header(&self) -> &RasterHeader {
        &self.header
    }

    fn read(&mut self, level: usize, window: Window) -> Result<Pixels, RasterError> {
        check_window(&self.file.location, &self.header, level, window)?;
        let shape = window.shape();
        let stored = self.layout.variable.dtype.unwrap_or(self.header.dtype);
        Ok(match (stored, self.layout.unsigned) {
            (DataType::Int8, true) => pixels(shape, self.values::<i8>(window)?.into_iter().map(i8::cast_unsigned)),
            (DataType::Int16, true) => pixels(shape, self.values::<i16>(window)?.into_iter().map(i16::cast_unsigned)),
            (DataType::Int32, true) => pixels(shape, self.values::<i32>(window)?.into_iter().map(i32::cast_unsigned)),
            (DataType::Int64, true) => pixels(shape, self.values::<i64>(window)?.into_iter().map(i64::cast_unsigned)),
            _ => cube_model::for_each_dtype!(
                stored,
                T => pixels(shape, self.values::<T>(window)?.into_iter()),
                _ => return Err(unreadable(&self.file.location, format!("{stored} is no type of netCDF")))
            ),
        })
    }

    fn read_mask(&mut self, _level: usize, _window: Window) -> Result<Option<Vec<u8>>, RasterError> {
        Ok(None)
    }
}

/// Row-major values as pixels `[rows, cols]`.
pub(crate) fn pixels<T: Pixel>(shape: Shape, values: impl Iterator<Item = T>) -> Pixels {
    pixels_of(shape, values.collect())
}

/// As [`pixels`], of values that are a list already.
pub(crate) fn pixels_of<T: Pixel>(shape: Shape, values: Vec<T>) -> Pixels {
    let dims = IxDyn(&[shape.rows, shape.cols]);
    // The readers ask for exactly this many values.
    T::wrap(ArrayD::from_shape_vec(dims, values).unwrap_or_else(|_| ArrayD::default(IxDyn(&[0, 0]))))
}

/// Refuses a level or window that the raster does not have, and one that is too large to read at once.
pub(crate) fn check_window(
    location: &str,
    header: &RasterHeader,
    level: usize,
    window: Window,
) -> Result<(), RasterError> {
    let shape = match level {
        0 => header.shape,
        n => *header.overviews.get(n - 1).ok_or_else(|| RasterError::NoLevel {
            location: location.to_owned(),
            level,
            has: header.overviews.len(),
        })?,
    };
    let fits = window.row.checked_add(window.rows).is_some_and(|end| end <= shape.rows)
        && window.col.checked_add(window.cols).is_some_and(|end| end <= shape.cols);
    if !fits {
        return Err(RasterError::OutsideShape { location: location.to_owned(), level, window, shape });
    }
    check_size(location, || format!("a window of {}", window.shape()), [window.rows, window.cols], header.dtype.bytes())
}

/// The dimensions of a variable before its rows and columns.
pub(crate) fn dimensions(path: &Path, url: &str, layer: Option<&str>) -> Result<Vec<Dimension>, RasterError> {
    let file = NetCdfFile::open(path, url.to_owned())?;
    cf::dimensions(&file, choose_layer(&file, url, layer)?)
}

/// All planes of a file or of one of its variables.
pub(crate) fn planes(path: &Path, url: &str, layer: Option<&str>) -> Result<Vec<Plane>, RasterError> {
    let file = NetCdfFile::open(path, url.to_owned())?;
    let variables = match layer {
        Some(_) => vec![choose_layer(&file, url, layer)?],
        None => data_variables(&file),
    };
    let mut planes = Vec::new();
    for variable in variables {
        let layout = Layout::read(&file, variable, url, DRIVER)?;
        planes.extend(layout.planes(url, file.stored_bytes(&layout))?);
    }
    Ok(planes)
}

fn unreadable(location: &str, reason: String) -> RasterError {
    RasterError::Unreadable { location: location.to_owned(), driver: DRIVER.to_owned(), reason }
}

/// An opened file with the metadata of its variables.
struct NetCdfFile {
    inner: netcdf::File,
    location: String,
    bytes: u64,
    variables: Vec<Variable>,
}

impl NetCdfFile {
    fn open(path: &Path, location: String) -> Result<Self, RasterError> {
        let inner = netcdf::open(path).map_err(|e| unreadable(&location, e.to_string()))?;
        let bytes = path.metadata().map_or(0, |m| m.len());
        let mut variables: Vec<Variable> = inner.variables().map(|v| describe("", &v)).collect();
        if let Ok(groups) = inner.groups() {
            for group in groups {
                collect(&group, &group.name(), 0, &mut variables);
            }
        }
        Ok(Self { inner, location, bytes, variables })
    }

    /// The file's size, shared out over the bytes of all variables.
    fn stored_bytes(&self, layout: &Layout) -> Option<u64> {
        let all = self.variables.iter().map(raw_bytes).fold(0, u128::saturating_add);
        let plane = raw_bytes(&layout.variable) / (layout.bands().max(1) as u128);
        u64::try_from(u128::from(self.bytes).checked_mul(plane)? / all.max(1)).ok()
    }
}

impl Variables for NetCdfFile {
    fn list(&self) -> &[Variable] {
        &self.variables
    }

    fn numbers(&self, variable: &Variable) -> Result<Numbers, RasterError> {
        let failed = |e: netcdf::Error| unreadable(&self.location, format!("coordinate {}: {e}", variable.name));
        let found = self
            .inner
            .variable(&variable.name)
            .ok_or_else(|| unreadable(&self.location, format!("coordinate {} is gone", variable.name)))?;
        Ok(match variable.dtype {
            Some(DataType::Float32) => Numbers::from_f32(&found.get_values::<f32, _>(..).map_err(failed)?),
            Some(DataType::Float64) => Numbers::Floats(found.get_values::<f64, _>(..).map_err(failed)?),
            _ => Numbers::Integers(found.get_values::<i64, _>(..).map_err(failed)?),
        })
    }
}

fn collect(group: &netcdf::Group<'_>, path: &str, depth: usize, variables: &mut Vec<Variable>) {
    const DEEPEST: usize = 8;
    variables.extend(group.variables().map(|v| describe(path, &v)));
    if depth < DEEPEST {
        for inner in group.groups() {
            collect(&inner, &format!("{path}/{}", inner.name()), depth + 1, variables);
        }
    }
}

fn describe(group: &str, variable: &netcdf::Variable<'_>) -> Variable {
    let shape: Vec<usize> = variable.dimensions().iter().map(netcdf::Dimension::len).collect();
    let mut attributes = Attributes::default();
    for attribute in variable.attributes() {
        if let Ok(value) = attribute.value().map(value) {
            attributes.insert(attribute.name(), value);
        }
    }
    let chunk = variable.chunking().ok().flatten().unwrap_or_else(|| rows_of_shape(&shape));
    Variable {
        name: if group.is_empty() { variable.name() } else { format!("{group}/{}", variable.name()) },
        dimensions: variable.dimensions().iter().map(netcdf::Dimension::name).collect(),
        dtype: data_type(&variable.vartype()),
        shape,
        attributes,
        chunk,
        format_fill: None,
    }
}

/// Bytes of a variable without compression; as many as can be counted where its header is forged.
fn raw_bytes(variable: &Variable) -> u128 {
    let each = variable.dtype.map_or(1, DataType::bytes) as u128;
    variable.shape.iter().fold(each, |all, n| all.saturating_mul(*n as u128))
}

/// Contiguous variables are read row by row.
fn rows_of_shape(shape: &[usize]) -> Vec<usize> {
    let mut chunk = vec![1; shape.len()];
    if let (Some(last), Some(cols)) = (chunk.last_mut(), shape.last()) {
        *last = *cols;
    }
    chunk
}

const fn data_type(vartype: &NcVariableType) -> Option<DataType> {
    Some(match vartype {
        NcVariableType::Int(IntType::U8) => DataType::UInt8,
        NcVariableType::Int(IntType::I8) => DataType::Int8,
        NcVariableType::Int(IntType::U16) => DataType::UInt16,
        NcVariableType::Int(IntType::I16) => DataType::Int16,
        NcVariableType::Int(IntType::U32) => DataType::UInt32,
        NcVariableType::Int(IntType::I32) => DataType::Int32,
        NcVariableType::Int(IntType::U64) => DataType::UInt64,
        NcVariableType::Int(IntType::I64) => DataType::Int64,
        NcVariableType::Float(FloatType::F32) => DataType::Float32,
        NcVariableType::Float(FloatType::F64) => DataType::Float64,
        _ => return None,
    })
}

#[expect(clippy::cast_precision_loss, reason = "attributes are floats throughout; 64-bit ones beyond 2^53 round")]
fn value(value: AttributeValue) -> Attribute {
    use AttributeValue as V;
    fn all<T: Copy>(values: &[T], to: impl Fn(T) -> f64) -> Attribute {
        Attribute::Numbers(values.iter().map(|v| to(*v)).collect())
    }
    match value {
        V::Str(text) => Attribute::Text(text),
        V::Strs(texts) => Attribute::Text(texts.join(" ")),
        V::Uchar(v) => all(&[v], f64::from),
        V::Uchars(v) => all(&v, f64::from),
        V::Schar(v) => all(&[v], f64::from),
        V::Schars(v) => all(&v, f64::from),
        V::Ushort(v) => all(&[v], f64::from),
        V::Ushorts(v) => all(&v, f64::from),
        V::Short(v) => all(&[v], f64::from),
        V::Shorts(v) => all(&v, f64::from),
        V::Uint(v) => all(&[v], f64::from),
        V::Uints(v) => all(&v, f64::from),
        V::Int(v) => all(&[v], f64::from),
        V::Ints(v) => all(&v, f64::from),
        V::Ulonglong(v) => all(&[v], |v| v as f64),
        V::Ulonglongs(v) => all(&v, |v| v as f64),
        V::Longlong(v) => all(&[v], |v| v as f64),
        V::Longlongs(v) => all(&v, |v| v as f64),
        V::Float(v) => all(&[v], f64::from),
        V::Floats(v) => all(&v, f64::from),
        V::Double(v) => all(&[v], |v| v),
        V::Doubles(v) => all(&v, |v| v),
    }
}

/// netcdf-c's version, such as `4.9.3`.
#[expect(unsafe_code, reason = "one call of netcdf-c that the netcdf crate does not offer")]
pub(crate) fn version() -> String {
    // SAFETY: `nc_inq_libvers` takes nothing and returns a static, zero-terminated string.
    let text = unsafe { std::ffi::CStr::from_ptr(netcdf_sys::nc_inq_libvers()) };
    text.to_string_lossy().split_whitespace().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_a_forged_shape_are_counted_without_overflow() {
        let variable = |shape: Vec<usize>| Variable {
            name: "red".to_owned(),
            dimensions: Vec::new(),
            chunk: rows_of_shape(&shape),
            shape,
            dtype: Some(DataType::Float64),
            attributes: Attributes::default(),
            format_fill: None,
        };
        assert_eq!(raw_bytes(&variable(vec![usize::MAX; 4])), u128::MAX);
        assert_eq!(raw_bytes(&variable(vec![2, 3, 4])), 192);
    }
}
