//! Where the pixels of a CF variable are: affine from coordinates, CRS from the grid mapping.

use cube_geo::{Affine, Crs};

use super::{LONGEST_COORDINATE, Variable, Variables};
use crate::RasterError;

/// The georeferencing of a variable.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Grid {
    /// From (column, row) to (x, y); `None` without coordinates, or with irregular ones.
    pub(crate) affine: Option<Affine>,
    /// The CRS, where the file says it.
    pub(crate) crs: Option<Crs>,
}

/// How far a coordinate may be from the regular grid through the first and the last, in pixels.
const REGULAR_WITHIN: f64 = 0.01;

impl Grid {
    /// Reads the coordinates of the last two dimensions and the grid mapping.
    ///
    /// The coordinates decide, since they follow when somebody cuts a file; a `GeoTransform` that says the same
    /// is preferred for its exact numbers, and serves alone where there are no coordinates.
    pub(crate) fn read(file: &impl Variables, variable: &Variable) -> Result<Self, RasterError> {
        let mapping = grid_mapping(file, variable);
        let stated = mapping.and_then(geo_transform);
        let rank = variable.dimensions.len();
        let (y_name, x_name) = (&variable.dimensions[rank - 2], &variable.dimensions[rank - 1]);
        let (y, x) = (axis(file, variable, y_name)?, axis(file, variable, x_name)?);
        let mut affine = match (&y, &x) {
            (Some(y), Some(x)) => from_axes(y, x, stated),
            _ => stated,
        };
        let mut crs = mapping.and_then(mapped_crs);
        if crs.is_none() && is_axis(file, variable, y_name, "latitude") && is_axis(file, variable, x_name, "longitude")
        {
            crs = Crs::lonlat().ok();
        }
        // Rotated-pole grids have angles that are no longitudes; without a CRS they mean nothing.
        if affine.is_some_and(|a| a.inverse().is_none()) {
            affine = None;
        }
        if affine.is_none() {
            tracing::debug!(variable = variable.name, "its coordinates are missing or no regular grid");
        }
        Ok(Self { affine, crs })
    }
}

fn grid_mapping<'f>(file: &'f impl Variables, variable: &Variable) -> Option<&'f Variable> {
    let named = variable.attributes.text("grid_mapping").and_then(|text| {
        // The long form is "mapping: x y"; the short form just the name.
        let name = text.split([':', ' ']).next()?;
        file.find_near(variable, name)
    });
    named.or_else(|| {
        ["spatial_ref", "crs"].into_iter().find_map(|name| {
            file.find_near(variable, name).filter(|v| {
                ["crs_wkt", "spatial_ref", "grid_mapping_name"].iter().any(|a| v.attributes.text(a).is_some())
            })
        })
    })
}

fn geo_transform(mapping: &Variable) -> Option<Affine> {
    let numbers: [f64; 6] = mapping.attributes.numbers("GeoTransform")?.try_into().ok()?;
    Some(Affine::from_gdal(numbers)).filter(|a| a.inverse().is_some())
}

fn mapped_crs(mapping: &Variable) -> Option<Crs> {
    let attributes = &mapping.attributes;
    let written = ["crs_wkt", "spatial_ref", "proj4", "proj4_params", "proj4text"]
        .into_iter()
        .filter_map(|name| attributes.text(name))
        .find_map(|text| Crs::parse(text).ok());
    let code = || {
        let code = ["epsg_code", "epsg", "EPSG"].into_iter().find_map(|name| {
            attributes.text(name).map_or_else(|| attributes.number(name).map(|n| n.to_string()), |t| Some(t.to_owned()))
        })?;
        Crs::parse(&format!("EPSG:{}", code.trim().trim_start_matches("EPSG:"))).ok()
    };
    let latlon =
        || (attributes.text("grid_mapping_name")? == "latitude_longitude").then(Crs::lonlat).and_then(Result::ok);
    written.or_else(code).or_else(latlon)
}

/// Values of the coordinate of a dimension.
fn axis(file: &impl Variables, variable: &Variable, dimension: &str) -> Result<Option<Vec<f64>>, RasterError> {
    let Some(coordinate) = coordinate(file, variable, dimension) else { return Ok(None) };
    if coordinate.shape[0] > LONGEST_COORDINATE {
        return Ok(None);
    }
    Ok(Some(file.numbers(coordinate)?.to_f64()))
}

/// The coordinate variable of a dimension: one-dimensional, of the same name and length, of numbers.
pub(super) fn coordinate<'f>(file: &'f impl Variables, variable: &Variable, dimension: &str) -> Option<&'f Variable> {
    let length = variable.dimensions.iter().position(|d| d == dimension).map(|i| variable.shape[i])?;
    file.find_near(variable, dimension)
        .filter(|c| c.dimensions == [dimension.to_owned()] && c.shape == [length] && c.dtype.is_some())
}

/// True where the dimension's coordinate says that it is `latitude` or `longitude` in degrees.
pub(super) fn is_axis(file: &impl Variables, variable: &Variable, dimension: &str, what: &str) -> bool {
    let Some(coordinate) = coordinate(file, variable, dimension) else { return false };
    let direction = if what == "latitude" { "north" } else { "east" };
    let units = coordinate.attributes.text("units").unwrap_or_default().to_ascii_lowercase();
    let degrees = units.starts_with("degree");
    if coordinate.attributes.text("standard_name").is_some_and(|n| n.starts_with("grid_")) {
        return false;
    }
    let directed = units.starts_with("degree") && (units.ends_with(direction) || units.ends_with(&direction[..1]));
    let named = coordinate.attributes.text("standard_name") == Some(what)
        || dimension.eq_ignore_ascii_case(what)
        || dimension.eq_ignore_ascii_case(&what[..3]);
    directed && units.contains('_') || named && (degrees || units.is_empty())
}

fn from_axes(y: &[f64], x: &[f64], stated: Option<Affine>) -> Option<Affine> {
    let step_x = step(x)?;
    let step_y = step(y)?;
    // One row or column has no step of its own: the stated one, else square pixels.
    let (dx, dy) = match (step_x, step_y) {
        (Some(dx), Some(dy)) => (dx, dy),
        (Some(dx), None) => (dx, stated.map_or(-dx.abs(), |s| s.e)),
        (None, Some(dy)) => (stated.map_or(dy.abs(), |s| s.a), dy),
        (None, None) => stated.map(|s| (s.a, s.e))?,
    };
    let affine = Affine::new(dx, 0.0, x.first()? - dx / 2.0, 0.0, dy, y.first()? - dy / 2.0);
    let same = |stated: &Affine| {
        let corner = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        [(0.0, 0.0), (corner(x.len()), corner(y.len()))].iter().all(|(col, row)| {
            let ((x1, y1), (x2, y2)) = (stated.apply(*col, *row), affine.apply(*col, *row));
            (x1 - x2).abs() <= REGULAR_WITHIN * dx.abs() && (y1 - y2).abs() <= REGULAR_WITHIN * dy.abs()
        })
    };
    stated.filter(same).or(Some(affine))
}

/// The step of regular values; `Some(None)` for a single value, `None` where they are not regular.
#[expect(clippy::cast_precision_loss, reason = "coordinates are bounded far below 2^53")]
#[expect(clippy::option_option, reason = "no step and no regularity are two answers, both met at once above")]
fn step(values: &[f64]) -> Option<Option<f64>> {
    let (first, last) = (*values.first()?, *values.last()?);
    if values.len() == 1 {
        return first.is_finite().then_some(None);
    }
    let step = (last - first) / (values.len() - 1) as f64;
    if !step.is_finite() || step == 0.0 {
        return None;
    }
    let regular =
        values.iter().enumerate().all(|(i, v)| (first + i as f64 * step - v).abs() <= REGULAR_WITHIN * step.abs());
    // 0.05 and not 0.05000000000000012: the division's own error is far below the twelfth digit.
    let tidy = format!("{step:.11e}").parse::<f64>().unwrap_or(step);
    let shift = (tidy - step).abs() * values.len() as f64;
    regular.then_some(Some(if shift <= 1e-6 * step.abs() { tidy } else { step }))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "decimals in, the same decimals out")]
mod tests {
    use super::*;
    use crate::cf::Numbers;

    #[test]
    fn pixel_centres_become_corners() {
        let affine = from_axes(&[42.4, 42.35, 42.3], &[11.9, 11.95, 12.0, 12.05], None).unwrap();
        assert!((affine.c - 11.875).abs() < 1e-12 && (affine.f - 42.425).abs() < 1e-12, "{affine:?}");
        assert!((affine.a - 0.05).abs() < 1e-15 && (affine.e + 0.05).abs() < 1e-15, "{affine:?}");
    }

    #[test]
    fn ascending_latitude_is_kept_as_stored() {
        assert!(from_axes(&[1.0, 2.0, 3.0], &[1.0, 2.0], None).unwrap().e > 0.0);
    }

    #[test]
    fn irregular_coordinates_give_no_affine() {
        assert_eq!(from_axes(&[1.0, 2.0, 3.1], &[1.0, 2.0], None), None);
        assert_eq!(from_axes(&[1.0, f64::NAN, 3.0], &[1.0, 2.0], None), None);
    }

    #[test]
    fn single_precision_coordinates_are_decimal() {
        let Numbers::Floats(x) = Numbers::from_f32(&[41.8, 41.85, 41.9]) else { panic!() };
        assert_eq!(x, [41.8, 41.85, 41.9]);
    }

    #[test]
    fn a_stale_geotransform_yields_to_the_coordinates() {
        let stale = Affine::new(10.0, 0.0, 0.0, 0.0, -10.0, 0.0);
        assert_eq!(from_axes(&[95.0, 85.0], &[205.0, 215.0], Some(stale)).unwrap().c, 200.0);
        let exact = Affine::new(10.0, 0.0, 200.0, 0.0, -10.0, 100.0);
        assert_eq!(from_axes(&[95.0, 85.000_000_1], &[205.0, 215.0], Some(exact)), Some(exact));
    }
}
