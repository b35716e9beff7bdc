//! Zarr v3 and v2 stores in directories, through zarrs.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use cube_geo::Window;
use cube_model::{DataType, Pixels};
use serde_json::Value;
use zarrs::array::{Array, ArrayShardedExt};

use crate::cf::{self, Attribute, Attributes, Layout, Numbers, Variable, Variables, choose_layer, data_variables};
use crate::error::check_size;
use crate::netcdf_reader::{check_window, pixels};
use crate::zarr_place::{Storage, StorePlace};
use crate::{Dimension, Plane, Raster, RasterError, RasterHeader, RasterLocation};

const DRIVER: &str = "Zarr";

type StoredArray = Array<Storage>;

/// One plane of a Zarr array.
pub(crate) struct ZarrRaster {
    array: StoredArray,
    place: StorePlace,
    layout: Layout,
    location: String,
    indices: Vec<usize>,
    header: RasterHeader,
    stored: DataType,
}

impl ZarrRaster {
    pub(crate) fn open(place: &StorePlace, location: &RasterLocation) -> Result<Self, RasterError> {
        let store = ZarrStore::open(place, location.to_string(), location.layer.as_deref())?;
        let variable = choose_layer(&store, &store.location, location.layer.as_deref().or(store.only.as_deref()))?;
        let layout = Layout::read(&store, variable, &store.location, DRIVER)?;
        let indices = layout.indices(&store.location, location.band)?;
        let array = store.array(&variable.name)?;
        check_chunk(&store.location, variable)?;
        let stored_bytes = stored_bytes(&store.place, &array, &indices);
        let header = RasterHeader { stored_bytes, ..layout.header(&indices) };
        let stored = variable.dtype.unwrap_or(header.dtype);
        Ok(Self { array, place: store.place, layout, indices, header, stored, location: store.location })
    }
}

impl Raster for ZarrRaster {
    fn header(&self) -> &RasterHeader {
        &self.header
    }

    fn read(&mut self, level: usize, window: Window) -> Result<Pixels, RasterError> {
        check_window(&self.location, &self.header, level, window)?;
        let shape = window.shape();
        let leading = self.indices.iter().map(|i| *i..*i + 1);
        let space = self.layout.space_of(window).into_iter().map(|(first, n)| first..first + n);
        let subset: Vec<Range<u64>> = leading.chain(space).map(|range| range.start as u64..range.end as u64).collect();
        // What is not read now stays for the next read.
        let _ = self.place.expect(self.chunk_keys(window).into_iter());
        let corrupt = |reason: String| {
            let corrupt = RasterError::Corrupt { location: self.location.clone(), level, window, reason };
            self.place.failure().unwrap_or(corrupt)
        };
        if self.stored == DataType::Float16 {
            let halves: Vec<half::f16> =
                self.array.retrieve_array_subset(&subset).map_err(|e| corrupt(e.to_string()))?;
            let halves = self.layout.within(window, halves);
            return Ok(pixels(shape, halves.into_iter().map(half::f16::to_f32)));
        }
        cube_model::for_each_dtype!(
            self.stored,
            T => {
                let values: Vec<T> = self.array.retrieve_array_subset(&subset).map_err(|e| corrupt(e.to_string()))?;
                let values = self.layout.within(window, values);
                if values.len() != shape.pixels() {
                    return Err(corrupt(format!("{} values came", values.len())));
                }
                Ok(pixels(shape, values.into_iter()))
            },
            _ => Err(unreadable(&self.location, format!("{} is not read", self.stored)))
        )
    }

    fn read_mask(&mut self, _level: usize, _window: Window) -> Result<Option<Vec<u8>>, RasterError> {
        Ok(None)
    }

    fn expect(&self, _level: usize, windows: &[Window]) -> bool {
        let windows = windows.iter().filter_map(|window| window.intersection(self.header.shape.whole()));
        self.place.expect(windows.flat_map(|window| self.chunk_keys(window)))
    }
}

impl ZarrRaster {
    /// Keys of the chunks under a window that are fetched whole: none of a folder's, none where chunks are parts of shards.
    fn chunk_keys(&self, window: Window) -> Vec<String> {
        const MOST: usize = 4096;
        if !self.place.is_far() || self.array.is_sharded() {
            return Vec::new();
        }
        let rank = self.indices.len() + 2;
        let Ok(chunk) = self.array.chunk_shape_usize(&vec![0; rank]) else { return Vec::new() };
        let &[.., rows, cols] = chunk.as_slice() else { return Vec::new() };
        let leading: Vec<u64> = self.indices.iter().zip(&chunk).map(|(i, n)| (i / n.max(&1)) as u64).collect();
        let (rows, cols) = (rows.max(1), cols.max(1));
        let over = |from: usize, end: usize, n: usize| from / n..end.div_ceil(n);
        let places = over(window.row, window.row_end(), rows)
            .flat_map(|row| over(window.col, window.col_end(), cols).map(move |col| [row as u64, col as u64]));
        let key = |at: [u64; 2]| {
            let indices: Vec<u64> = leading.iter().copied().chain(at).collect();
            self.array.chunk_key(&indices).as_str().to_owned()
        };
        places.take(MOST).map(key).collect()
    }
}

/// The dimensions of an array before its rows and columns.
pub(crate) fn dimensions(place: &StorePlace, url: &str, layer: Option<&str>) -> Result<Vec<Dimension>, RasterError> {
    let store = ZarrStore::open(place, url.to_owned(), layer)?;
    cf::dimensions(&store, choose_layer(&store, url, layer.or(store.only.as_deref()))?)
}

/// All planes of a store or of one of its arrays.
pub(crate) fn planes(place: &StorePlace, url: &str, layer: Option<&str>) -> Result<Vec<Plane>, RasterError> {
    let store = ZarrStore::open(place, url.to_owned(), layer)?;
    let variables = match layer.or(store.only.as_deref()) {
        Some(name) => vec![choose_layer(&store, url, Some(name))?],
        None => data_variables(&store),
    };
    let mut planes = Vec::new();
    for variable in variables {
        let layout = Layout::read(&store, variable, url, DRIVER)?;
        let array = store.array(&variable.name)?;
        check_chunk(url, variable)?;
        let first = stored_bytes(&store.place, &array, &vec![0; layout.leading().len()]);
        planes.extend(layout.planes(url, first)?);
    }
    Ok(planes)
}

/// Refuses chunks that are too large to decode.
fn check_chunk(location: &str, variable: &Variable) -> Result<(), RasterError> {
    let bytes = variable.dtype.map_or(1, DataType::bytes);
    check_size(location, || format!("a chunk of {:?}", variable.chunk), variable.chunk.iter().copied(), bytes)
}

fn unreadable(location: &str, reason: String) -> RasterError {
    RasterError::Unreadable { location: location.to_owned(), driver: DRIVER.to_owned(), reason }
}

/// An opened store with the metadata of the arrays in it.
struct ZarrStore {
    store: Arc<Storage>,
    /// What the store's keys are relative to.
    place: StorePlace,
    location: String,
    variables: Vec<Variable>,
    /// The array itself, where the location is an array and no group.
    only: Option<String>,
}

impl ZarrStore {
    /// Reads the metadata of the arrays in `place`, and of those in the group that `layer` is in.
    fn open(place: &StorePlace, location: String, layer: Option<&str>) -> Result<Self, RasterError> {
        let mut place = place.clone();
        let mut only = None;
        if node_kind(&place, "", &location)? == Some(Node::Array)
            && let Some((parent, name)) = place.parent()
        {
            // An array alone: its coordinates lie beside it.
            only = Some(name);
            place = parent;
        }
        let store = place.storage(&location)?;
        let mut opened = Self { store, place, location, variables: Vec::new(), only };
        let mut group = String::new();
        opened.read_group(&group)?;
        let layer = layer.map(|l| l.trim_matches('/')).unwrap_or_default();
        for part in layer.split('/').take(layer.matches('/').count()).filter(|p| !matches!(*p, "" | "." | "..")) {
            group = if group.is_empty() { part.to_owned() } else { format!("{group}/{part}") };
            opened.read_group(&group)?;
        }
        if opened.variables.is_empty() {
            return Err(unreadable(&opened.location, "it holds no array".to_owned()));
        }
        Ok(opened)
    }

    /// Adds the arrays directly in `group`. Metadata that cannot be read is an error only for the layer that is
    /// asked for, so it leaves a variable without type.
    fn read_group(&mut self, group: &str) -> Result<(), RasterError> {
        for name in self.place.names(group)? {
            let path = if group.is_empty() { name } else { format!("{group}/{name}") };
            if node_kind(&self.place, &path, &self.location)? == Some(Node::Array) {
                let array = self.array(&path)?;
                self.variables.push(describe(path, &array));
            }
        }
        Ok(())
    }

    /// What went wrong with the network, else what zarrs says.
    fn failed(&self, reason: String) -> RasterError {
        self.place.failure().unwrap_or_else(|| unreadable(&self.location, reason))
    }

    fn array(&self, path: &str) -> Result<StoredArray, RasterError> {
        Array::open(Arc::clone(&self.store), &format!("/{path}")).map_err(|e| self.failed(format!("array {path}: {e}")))
    }
}

impl Variables for ZarrStore {
    fn list(&self) -> &[Variable] {
        &self.variables
    }

    fn numbers(&self, variable: &Variable) -> Result<Numbers, RasterError> {
        let array = self.array(&variable.name)?;
        let failed = |e: zarrs::array::ArrayError| self.failed(format!("coordinate {}: {e}", variable.name));
        let all = array.subset_all();
        let dtype = variable.dtype.unwrap_or(DataType::Float64);
        check_size(
            &self.location,
            || format!("a chunk of {}", variable.name),
            variable.chunk.iter().copied(),
            dtype.bytes(),
        )?;
        Ok(match dtype {
            DataType::Float32 => Numbers::from_f32(&array.retrieve_array_subset::<Vec<f32>>(&all).map_err(failed)?),
            DataType::Float64 => Numbers::Floats(array.retrieve_array_subset(&all).map_err(failed)?),
            DataType::Int64 => Numbers::Integers(array.retrieve_array_subset(&all).map_err(failed)?),
            DataType::UInt64 => {
                let values: Vec<u64> = array.retrieve_array_subset(&all).map_err(failed)?;
                Numbers::Integers(values.into_iter().map(|v| i64::try_from(v).unwrap_or(i64::MAX)).collect())
            }
            other => cube_model::for_each_dtype!(
                other,
                T => Numbers::Floats(
                    array
                        .retrieve_array_subset::<Vec<T>>(&all)
                        .map_err(failed)?
                        .into_iter()
                        .map(cube_model::Pixel::to_f64)
                        .collect()
                ),
                _ => return Err(unreadable(&self.location, format!("coordinate {} is {other}", variable.name)))
            ),
        })
    }
}

#[derive(Debug, PartialEq)]
enum Node {
    Array,
    Group,
}

/// What Zarr metadata says that a node is; `path` is empty for the root.
fn node_kind(place: &StorePlace, path: &str, location: &str) -> Result<Option<Node>, RasterError> {
    let key = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
    let v3 = key("zarr.json");
    if let Some(text) = place.document(&v3, location)? {
        let json: Value = serde_json::from_slice(&text).map_err(|e| unreadable(location, format!("{v3}: {e}")))?;
        return match json.get("node_type").and_then(Value::as_str) {
            Some("array") => Ok(Some(Node::Array)),
            Some("group") => Ok(Some(Node::Group)),
            _ => Err(unreadable(location, format!("{v3} has no node_type"))),
        };
    }
    if place.document(&key(".zarray"), location)?.is_some() {
        return Ok(Some(Node::Array));
    }
    Ok(place.document(&key(".zgroup"), location)?.map(|_| Node::Group))
}

fn describe(path: String, array: &StoredArray) -> Variable {
    let metadata = serde_json::to_value(array.metadata()).unwrap_or_default();
    let is_v2 = metadata.get("zarr_format").and_then(Value::as_u64) == Some(2);
    let dtype = metadata.get(if is_v2 { "dtype" } else { "data_type" }).and_then(Value::as_str).and_then(data_type);
    let shape: Vec<usize> = array.shape().iter().map(|n| usize::try_from(*n).unwrap_or(usize::MAX)).collect();
    let mut attributes = Attributes::default();
    for (name, value) in array.attributes() {
        if let Some(value) = attribute(name, value, dtype) {
            attributes.insert(name.clone(), value);
        }
    }
    let listed = array.attributes().get("_ARRAY_DIMENSIONS").and_then(Value::as_array);
    let dimensions: Vec<String> = match (array.dimension_names(), listed) {
        (Some(names), _) => {
            names.iter().enumerate().map(|(i, n)| n.clone().unwrap_or_else(|| format!("dim_{i}"))).collect()
        }
        (None, Some(names)) if names.len() == shape.len() => names
            .iter()
            .enumerate()
            .map(|(i, n)| n.as_str().map_or_else(|| format!("dim_{i}"), str::to_owned))
            .collect(),
        _ => (0..shape.len()).map(|i| format!("dim_{i}")).collect(),
    };
    let chunk = array.chunk_shape_usize(&vec![0; shape.len()]).unwrap_or_else(|_| shape.clone());
    // Version 2 leaves the fill value out (null) where it means nothing. Version 3 demands one, so that a zero
    // says nothing; xarray writes `_FillValue` where it does.
    let fill = metadata.get("fill_value").and_then(|v| fill_value(v, dtype));
    let format_fill = if is_v2 { fill } else { fill.filter(|v| *v != 0.0) };
    Variable { name: path, dimensions, shape, dtype, attributes, chunk, format_fill }
}

/// A data type of version 3 (`uint16`) or 2 (`<u2`).
fn data_type(name: &str) -> Option<DataType> {
    DataType::from_name(name).or_else(|| {
        Some(match name.trim_start_matches(['<', '>', '|']) {
            "u1" => DataType::UInt8,
            "i1" => DataType::Int8,
            "u2" => DataType::UInt16,
            "i2" => DataType::Int16,
            "u4" => DataType::UInt32,
            "i4" => DataType::Int32,
            "u8" => DataType::UInt64,
            "i8" => DataType::Int64,
            "f2" => DataType::Float16,
            "f4" => DataType::Float32,
            "f8" => DataType::Float64,
            _ => return None,
        })
    })
}

fn fill_value(value: &Value, dtype: Option<DataType>) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            hex => {
                let bits = u64::from_str_radix(hex.strip_prefix("0x")?, 16).ok()?;
                match dtype? {
                    DataType::Float64 => Some(f64::from_bits(bits)),
                    DataType::Float32 => Some(f64::from(f32::from_bits(u32::try_from(bits).ok()?))),
                    _ => None,
                }
            }
        },
        _ => None,
    }
}

fn attribute(name: &str, value: &Value, dtype: Option<DataType>) -> Option<Attribute> {
    match value {
        Value::String(text) if name == "_FillValue" || name == "missing_value" => {
            fill_value(value, dtype).or_else(|| decode_base64_f64(text)).map(|v| Attribute::Numbers(vec![v]))
        }
        Value::String(text) => Some(Attribute::Text(text.clone())),
        Value::Bool(b) => Some(Attribute::Text(b.to_string())),
        Value::Number(number) => number.as_f64().map(|v| Attribute::Numbers(vec![v])),
        Value::Array(values) => values.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>().map(Attribute::Numbers),
        _ => None,
    }
}

/// xarray writes the `_FillValue` of floats in version 3 as base64 of a little-endian double.
fn decode_base64_f64(text: &str) -> Option<f64> {
    let mut bits: u128 = 0;
    let digits = text.trim_end_matches('=');
    if digits.len() != 11 {
        return None;
    }
    for byte in digits.bytes() {
        let sextet = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u128::from(sextet);
    }
    // 11 digits are 66 bits, the last two of them padding.
    Some(f64::from_le_bytes(u64::try_from(bits >> 2).ok()?.to_be_bytes()))
}

/// True where a folder has Zarr's metadata, of version 2 or 3.
pub(crate) fn is_store(folder: &Path) -> bool {
    ["zarr.json", ".zgroup", ".zarray", ".zmetadata"].iter().any(|name| folder.join(name).is_file())
}

/// Bytes of the chunks that hold a plane; `None` where they are too many to ask the file system for.
fn stored_bytes(place: &StorePlace, array: &StoredArray, indices: &[usize]) -> Option<u64> {
    const MOST_CHUNKS: u64 = 4096;
    let grid = array.chunk_grid_shape();
    let chunk = array.chunk_shape_usize(&vec![0; grid.len()]).ok()?;
    let rank = grid.len();
    let space = rank - indices.len();
    let (rows, cols) = (if space == 2 { grid[rank - 2] } else { 1 }, grid[rank - 1]);
    if rows.checked_mul(cols)? > MOST_CHUNKS {
        return None;
    }
    let leading: Vec<u64> = indices.iter().zip(&chunk).map(|(i, n)| (i / n.max(&1)) as u64).collect();
    // A chunk of several planes is shared out over them.
    let planes = chunk[..rank - space].iter().fold(1_u64, |all, n| all.saturating_mul(*n as u64)).max(1);
    let mut bytes = 0_u64;
    for row in 0..rows {
        for col in 0..cols {
            let at = leading.iter().copied().chain([row, col].into_iter().skip(2 - space));
            let key = array.chunk_key(&at.collect::<Vec<_>>());
            bytes = bytes.saturating_add(place.chunk_bytes(key.as_str())?);
        }
    }
    Some(bytes / planes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fill_values_as_xarray_writes_them_are_read() {
        assert!(decode_base64_f64("AAAAAAAA+H8=").unwrap().is_nan());
        assert_eq!(decode_base64_f64("AAAAAICHw8A="), Some(-9999.0));
        assert_eq!(decode_base64_f64("hello"), None);
    }

    #[test]
    fn forged_chunk_sizes_are_refused_in_a_listing_too() {
        let folder = tempfile::tempdir().unwrap();
        let array = folder.path().join("red");
        std::fs::create_dir(&array).unwrap();
        std::fs::write(folder.path().join(".zgroup"), r#"{"zarr_format": 2}"#).unwrap();
        let forged = r#"{"zarr_format": 2, "shape": [8, 8, 8, 8], "chunks": [9223372036854775807, 4, 8, 8],
            "dtype": "<u2", "compressor": null, "filters": null, "fill_value": 0, "order": "C"}"#;
        std::fs::write(array.join(".zarray"), forged).unwrap();
        let url = folder.path().to_str().unwrap();
        for layer in [None, Some("red")] {
            let error = planes(&StorePlace::Folder(folder.path().to_owned()), url, layer).unwrap_err();
            assert!(matches!(error, RasterError::TooLarge { .. }), "{error}");
        }
    }

    /// A store of version 2 with one array of two times and 12 cells, and what says that they are cells.
    fn on_cells(mapping: &str, ids: Option<(&str, [i64; 12])>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let array = |name: &str, metadata: &str, attributes: &str, chunks: &[(&str, Vec<u8>)]| {
            let at = folder.path().join(name);
            std::fs::create_dir(&at).unwrap();
            let rest = r#""compressor": null, "filters": null, "fill_value": null, "order": "C""#;
            std::fs::write(at.join(".zarray"), format!(r#"{{"zarr_format": 2, {metadata}, {rest}}}"#)).unwrap();
            std::fs::write(at.join(".zattrs"), attributes).unwrap();
            for (name, bytes) in chunks {
                std::fs::write(at.join(name), bytes).unwrap();
            }
        };
        std::fs::write(folder.path().join(".zgroup"), r#"{"zarr_format": 2}"#).unwrap();
        let values = |first: u8| (first..first + 6).flat_map(|v| f32::from(v).to_le_bytes()).collect::<Vec<u8>>();
        array(
            "2t",
            r#""shape": [2, 12], "chunks": [1, 6], "dtype": "<f4""#,
            r#"{"_ARRAY_DIMENSIONS": ["time", "cell"], "grid_mapping": "crs"}"#,
            &[("0.0", values(0)), ("0.1", values(6)), ("1.0", values(100)), ("1.1", values(106))],
        );
        array("crs", r#""shape": [], "chunks": [], "dtype": "<i4""#, mapping, &[("0", vec![0; 4])]);
        if let Some((attributes, numbers)) = ids {
            let bytes = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
            let attributes = format!(r#"{{"_ARRAY_DIMENSIONS": ["cell"]{attributes}}}"#);
            array("cell_ids", r#""shape": [12], "chunks": [12], "dtype": "<i8""#, &attributes, &[("0", bytes)]);
        }
        folder
    }

    const IN_ORDER: [i64; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

    #[test]
    fn healpix_cells_are_read_by_cf_and_by_xdggs() {
        let cf = r#"{"grid_mapping_name": "healpix", "refinement_level": 0, "indexing_scheme": "nested"}"#;
        let xdggs = r#", "grid_name": "healpix", "level": 0, "indexing_scheme": "ring""#;
        for (folder, name) in [
            (on_cells(cf, None), "HEALPix H1 nested"),
            (on_cells(cf, Some(("", IN_ORDER))), "HEALPix H1 nested"),
            (on_cells("{}", Some((xdggs, IN_ORDER))), "HEALPix H1 ring"),
        ] {
            let url = folder.path().to_str().unwrap();
            let all = planes(&StorePlace::Folder(folder.path().to_owned()), url, None).unwrap();
            let layers: Vec<_> = all.iter().map(|p| (p.layer.as_deref(), p.band)).collect();
            assert_eq!(layers, [(Some("2t"), 1), (Some("2t"), 2)]);
            let location = RasterLocation { url: url.to_owned(), layer: None, band: 2 };
            let mut raster = ZarrRaster::open(&StorePlace::Folder(folder.path().to_owned()), &location).unwrap();
            assert_eq!(raster.header().healpix.unwrap().to_string(), name);
            assert_eq!(raster.header().shape, cube_geo::Shape::new(12, 1));
            assert_eq!(raster.header().block, cube_geo::Shape::new(6, 1));
            let read = raster.read(0, Window::new(4, 0, 3, 1)).unwrap();
            assert_eq!(read.to_f64().into_iter().collect::<Vec<_>>(), [104.0, 105.0, 106.0]);
        }
    }

    #[test]
    fn cells_that_are_not_all_or_not_in_order_are_refused() {
        let cf = |level: u32| {
            format!(r#"{{"grid_mapping_name": "healpix", "refinement_level": {level}, "indexing_scheme": "nested"}}"#)
        };
        let mut swapped = IN_ORDER;
        swapped.swap(3, 4);
        for (folder, says) in [
            (on_cells(&cf(1), None), "has 12 of them where HEALPix H2 nested has 48"),
            (on_cells(&cf(0), Some(("", swapped))), "does not count them one by one"),
            (on_cells(r#"{"grid_mapping_name": "healpix", "refinement_level": 0}"#, None), "no indexing_scheme"),
        ] {
            let url = folder.path().to_str().unwrap();
            let error = planes(&StorePlace::Folder(folder.path().to_owned()), url, None).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn both_spellings_of_types_are_known() {
        assert_eq!(data_type("<i2"), Some(DataType::Int16));
        assert_eq!(data_type("float32"), Some(DataType::Float32));
        assert_eq!(data_type("string"), None);
    }
}
