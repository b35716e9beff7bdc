//! How a CF variable is laid out: which layer, which plane, what its values mean.

use std::collections::BTreeMap;

use cube_geo::{Crs, Shape, Window};
use cube_model::DataType;
use jiff::Timestamp;

use super::grid::{coordinate, is_axis};
use super::{Grid, LONGEST_COORDINATE, Variable, Variables, cells_of, decode_times, is_on_cells};
use crate::{Dimension, Plane, RasterError, RasterHeader};

/// The variable `layer`, or the only one with rows and columns where no layer is named.
pub(crate) fn choose_layer<'f>(
    file: &'f impl Variables,
    location: &str,
    layer: Option<&str>,
) -> Result<&'f Variable, RasterError> {
    let data = data_variables(file);
    let has = || data.iter().map(|v| v.name.clone()).collect::<Vec<_>>();
    match layer {
        Some(layer) => file.find(layer.trim_matches('/')).ok_or_else(|| RasterError::NoLayer {
            location: location.to_owned(),
            layer: layer.to_owned(),
            has: has(),
        }),
        None => match data.as_slice() {
            [] => Err(RasterError::NotAGrid { location: location.to_owned(), what: "it holds no image".to_owned() }),
            [only] => Ok(only),
            _ => Err(RasterError::ManyLayers { location: location.to_owned(), has: has() }),
        },
    }
}

/// The variables that are images: two dimensions or more, the last two of them rows and columns.
pub(crate) fn data_variables(file: &impl Variables) -> Vec<&Variable> {
    let all = || file.list().iter().filter(|v| v.dtype.is_some());
    let many: Vec<&Variable> = all().filter(|v| v.shape.len() >= 2).collect();
    let cells = all().filter(|v| is_on_cells(file, v));
    let spatial: Vec<&Variable> = many.iter().copied().filter(|v| is_spatial(file, v)).chain(cells).collect();
    // Files without coordinates still have images, but then bounds and the like cannot be told from them.
    if spatial.is_empty() { many } else { spatial }
}

fn is_spatial(file: &impl Variables, variable: &Variable) -> bool {
    let rank = variable.dimensions.len();
    let (y, x) = (&variable.dimensions[rank - 2], &variable.dimensions[rank - 1]);
    let known = |name: &str, names: [&str; 5]| {
        let name = name.to_ascii_lowercase();
        names.contains(&name.as_str())
    };
    let both = coordinate(file, variable, y).is_some() && coordinate(file, variable, x).is_some();
    both || known(y, ["y", "lat", "latitude", "northing", "rlat"])
        && known(x, ["x", "lon", "longitude", "easting", "rlon"])
}

/// All that a reader needs of one variable.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The variable.
    pub(crate) variable: Variable,
    /// True where stored signed integers mean unsigned ones (`_Unsigned`).
    pub(crate) unsigned: bool,
    header: RasterHeader,
    /// Dimensions that are space, the last ones: rows and columns, or cells.
    space: usize,
    /// The instants of the time dimension, and which dimension it is; without one the plane's time may still
    /// come from a scalar coordinate.
    times: Option<(Option<usize>, Vec<Option<Timestamp>>)>,
}

impl Layout {
    /// Reads what the file says of `variable`.
    pub(crate) fn read(
        file: &impl Variables,
        variable: &Variable,
        location: &str,
        driver: &str,
    ) -> Result<Self, RasterError> {
        let rank = variable.shape.len();
        let no_grid = |what: String| RasterError::NotAGrid { location: location.to_owned(), what };
        let cells = if rank == 0 { None } else { cells_of(file, variable, location)? };
        let space = if cells.is_some() { 1 } else { 2 };
        if rank < space {
            return Err(no_grid(format!("layer {:?} has {rank} dimensions", variable.name)));
        }
        let (y, x) = (&variable.dimensions[rank - space], &variable.dimensions[rank - 1]);
        if cells.is_none() && is_axis(file, variable, y, "longitude") && is_axis(file, variable, x, "latitude")
            || (y == "x" && x == "y")
        {
            return Err(no_grid(format!("layer {:?} is stored as [{y}, {x}], columns before rows", variable.name)));
        }
        let stored = variable
            .dtype
            .filter(|t| !t.is_complex())
            .ok_or_else(|| no_grid(format!("layer {:?} holds no real numbers", variable.name)))?;
        let attributes = &variable.attributes;
        let unsigned = attributes.text("_Unsigned").is_some_and(|t| t.eq_ignore_ascii_case("true"))
            && as_unsigned(stored).is_some();
        let dtype = match stored {
            DataType::Float16 => DataType::Float32,
            signed if unsigned => as_unsigned(signed).unwrap_or(signed),
            other => other,
        };
        let nodata = attributes
            .number("_FillValue")
            .or_else(|| attributes.number("missing_value"))
            .or(variable.format_fill)
            .map(|value| if unsigned { wrap_unsigned(value, stored) } else { value })
            .map(|value| as_stored(value, stored))
            .filter(|value| dtype.holds(*value));
        let scale_offset = match (attributes.number("scale_factor"), attributes.number("add_offset")) {
            (None, None) => None,
            (scale, offset) => Some((scale.unwrap_or(1.0), offset.unwrap_or(0.0))),
        };
        let grid = match cells {
            Some(_) => Grid { affine: None, crs: Crs::lonlat().ok() },
            None => Grid::read(file, variable)?,
        };
        let (shape, block) = match cells {
            Some(cells) => {
                let shape = cells.folded();
                let rows = variable.chunk[rank - 1].div_ceil(shape.cols).clamp(1, shape.rows);
                (shape, Shape::new(rows, shape.cols))
            }
            None => (
                Shape::new(variable.shape[rank - 2], variable.shape[rank - 1]),
                Shape::new(variable.chunk[rank - 2].max(1), variable.chunk[rank - 1].max(1)),
            ),
        };
        let header = RasterHeader {
            dtype,
            shape,
            affine: grid.affine,
            crs: grid.crs,
            healpix: cells,
            nodata,
            has_mask: false,
            scale_offset,
            overviews: Vec::new(),
            overview_blocks: Vec::new(),
            block,
            stored_bytes: None,
            time: None,
            units: attributes.text("units").map(str::to_owned),
            driver: driver.to_owned(),
        };
        Ok(Self { variable: variable.clone(), unsigned, header, space, times: times(file, variable, space)? })
    }

    /// Lengths of the dimensions that are not space.
    pub(crate) fn leading(&self) -> &[usize] {
        &self.variable.shape[..self.variable.shape.len() - self.space]
    }

    /// First index and length of a window along the dimensions of space: of cells
    /// whole rows of them.
    pub(crate) fn space_of(&self, window: Window) -> Vec<(usize, usize)> {
        if self.space == 1 {
            let cols = self.header.shape.cols;
            return vec![(window.row * cols, window.rows * cols)];
        }
        vec![(window.row, window.rows), (window.col, window.cols)]
    }

    /// Of the values that [`Layout::space_of`] leads to, those of the window.
    pub(crate) fn within<T: Copy>(&self, window: Window, values: Vec<T>) -> Vec<T> {
        let cols = self.header.shape.cols;
        if self.space == 2 || window.cols == cols {
            return values;
        }
        let rows = values.chunks(cols.max(1));
        rows.flat_map(|row| row.iter().skip(window.col).take(window.cols).copied()).collect()
    }

    /// Number of planes: the product of the lengths of all dimensions but those of space.
    pub(crate) fn bands(&self) -> usize {
        self.leading().iter().fold(1, |all, n| all.saturating_mul(*n))
    }

    /// Indices of a 1-based band along all dimensions but those of space, C order.
    pub(crate) fn indices(&self, location: &str, band: usize) -> Result<Vec<usize>, RasterError> {
        let has = self.bands();
        if band == 0 || band > has {
            return Err(RasterError::NoBand { location: location.to_owned(), band, has });
        }
        let mut rest = band - 1;
        let leading = self.leading();
        let mut indices = vec![0; leading.len()];
        for (index, length) in indices.iter_mut().zip(leading).rev() {
            *index = rest % length;
            rest /= length;
        }
        Ok(indices)
    }

    /// The header of the plane at these indices.
    pub(crate) fn header(&self, indices: &[usize]) -> RasterHeader {
        let time = self.times.as_ref().and_then(|(dimension, times)| {
            let at = dimension.map_or(0, |d| indices.get(d).copied().unwrap_or(0));
            times.get(at).copied().flatten()
        });
        RasterHeader { time, ..self.header.clone() }
    }

    /// All planes of the variable.
    pub(crate) fn planes(&self, location: &str, stored_bytes: Option<u64>) -> Result<Vec<Plane>, RasterError> {
        const MOST_PLANES: usize = 10_000_000;
        let bands = self.bands();
        if bands > MOST_PLANES {
            return Err(RasterError::NotAGrid {
                location: location.to_owned(),
                what: format!("layer {:?} claims {bands} planes", self.variable.name),
            });
        }
        (1..=bands)
            .map(|band| {
                let header = RasterHeader { stored_bytes, ..self.header(&self.indices(location, band)?) };
                let name = self.variable.name.clone();
                Ok(Plane {
                    layer: Some(name.clone()),
                    band,
                    name: Some(name),
                    keys: BTreeMap::new(),
                    time: header.time,
                    header,
                })
            })
            .collect()
    }
}

/// The dimensions of a variable before its rows and columns, slowest first.
pub(crate) fn dimensions(file: &impl Variables, variable: &Variable) -> Result<Vec<Dimension>, RasterError> {
    let count = variable.dimensions.len().saturating_sub(2);
    let leading = variable.dimensions.iter().zip(&variable.shape).take(count);
    leading
        .map(|(name, length)| {
            let numbers = coordinate(file, variable, name)
                .filter(|c| c.dtype.is_some() && c.shape.iter().product::<usize>() <= LONGEST_COORDINATE);
            let values = numbers.map(|c| file.numbers(c)).transpose()?.map(|numbers| numbers.to_f64());
            Ok(Dimension { name: name.clone(), length: *length, values })
        })
        .collect()
}

/// The instants of a variable's time dimension, or of its scalar time coordinate.
#[expect(clippy::type_complexity, reason = "the field's own type")]
fn times(
    file: &impl Variables,
    variable: &Variable,
    space: usize,
) -> Result<Option<(Option<usize>, Vec<Option<Timestamp>>)>, RasterError> {
    let decode = |coordinate: &Variable| {
        let Some(units) = coordinate.attributes.text("units").filter(|u| u.contains("since")) else { return Ok(None) };
        if coordinate.shape.iter().product::<usize>() > LONGEST_COORDINATE {
            return Ok(None);
        }
        let values = file.numbers(coordinate)?;
        Ok(decode_times(&values, units, coordinate.attributes.text("calendar")))
    };
    let leading = &variable.dimensions[..variable.dimensions.len() - space];
    // `time` (valid time) before a forecast's reference time.
    let mut order: Vec<usize> = (0..leading.len()).collect();
    order.sort_by_key(|i| !matches!(leading[*i].as_str(), "time" | "t" | "valid_time"));
    for dimension in order {
        if let Some(coordinate) = coordinate(file, variable, &leading[dimension])
            && let Some(times) = decode(coordinate)?
        {
            return Ok(Some((Some(dimension), times)));
        }
    }
    for name in ["time", "valid_time"] {
        if let Some(scalar) = file.find_near(variable, name).filter(|c| c.shape.is_empty() && c.dtype.is_some())
            && let Some(times) = decode(scalar)?
        {
            return Ok(Some((None, times)));
        }
    }
    Ok(None)
}

const fn as_unsigned(dtype: DataType) -> Option<DataType> {
    match dtype {
        DataType::Int8 => Some(DataType::UInt8),
        DataType::Int16 => Some(DataType::UInt16),
        DataType::Int32 => Some(DataType::UInt32),
        DataType::Int64 => Some(DataType::UInt64),
        _ => None,
    }
}

/// A negative fill value of the stored signed type as the unsigned number that its bits mean.
fn wrap_unsigned(value: f64, stored: DataType) -> f64 {
    let span = match stored {
        DataType::Int8 => 256.0,
        DataType::Int16 => 65_536.0,
        DataType::Int32 => 4_294_967_296.0,
        _ => 18_446_744_073_709_551_616.0,
    };
    if value < 0.0 { value + span } else { value }
}

/// A nodata value as a pixel of the stored type shows it: single precision rounds.
fn as_stored(value: f64, stored: DataType) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "this rounding is the point")]
    match stored {
        DataType::Float32 => f64::from(value as f32),
        DataType::Float16 => half::f16::from_f64(value).to_f64(),
        _ => value,
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole numbers")]
mod tests {
    use super::*;

    #[test]
    fn fill_values_of_unsigned_shorts_are_unwrapped() {
        assert_eq!(wrap_unsigned(-1.0, DataType::Int16), 65_535.0);
        assert_eq!(wrap_unsigned(7.0, DataType::Int16), 7.0);
    }
}
