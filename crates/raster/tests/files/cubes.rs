//! Small cubes that the tests of files share.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up fails")]
#![expect(clippy::cast_precision_loss, reason = "the ends of 64 bits are meant to round")]

use cube_geo::{Affine, Crs, GeoBox, Shape, Window};
use cube_model::{Cube, CubeArray, DataType, ExtraDimension, Measurement, Pixel, Pixels, for_each_dtype};
use cube_raster::{Raster, RasterLocation, open};
use indexmap::IndexMap;
use ndarray::{ArrayD, IxDyn, s};

/// The ten types that pixels have in memory.
pub(crate) const TYPES: [DataType; 10] = [
    DataType::UInt8,
    DataType::Int8,
    DataType::UInt16,
    DataType::Int16,
    DataType::UInt32,
    DataType::Int32,
    DataType::UInt64,
    DataType::Int64,
    DataType::Float32,
    DataType::Float64,
];

pub(crate) fn utm() -> GeoBox {
    let affine = Affine::new(20.0, 0.0, 600_000.0, 0.0, -20.0, 4_700_000.0);
    GeoBox::new(Shape::new(37, 53), affine, Crs::epsg(32633).unwrap()).unwrap()
}

pub(crate) fn lonlat() -> GeoBox {
    let affine = Affine::new(0.05, 0.0, 11.9, 0.0, -0.05, 42.4);
    GeoBox::new(Shape::new(12, 14), affine, Crs::epsg(4326).unwrap()).unwrap()
}

/// Values that reach both ends of the type, with the nodata value (or NaN) in the first pixel of each plane.
pub(crate) fn pattern<T: Pixel>(shape: &[usize], nodata: f64) -> ArrayD<T> {
    let plane = shape[shape.len() - 2] * shape[shape.len() - 1];
    let (low, high) = match T::DTYPE.integer_range() {
        Some((low, high)) => (low as f64, high as f64),
        None => (-1.5e9, 1.25e9),
    };
    let values = (0..shape.iter().product::<usize>()).map(|i| match i % plane {
        0 => T::from_f64(nodata),
        1 => T::from_f64(low),
        2 => T::from_f64(high),
        _ => T::from_f64((i % 113) as f64 + if T::DTYPE.is_float() { 0.25 } else { 0.0 }),
    });
    ArrayD::from_shape_vec(IxDyn(shape), values.collect()).unwrap()
}

pub(crate) fn array(name: &str, dtype: DataType, shape: &[usize], nodata: f64) -> CubeArray {
    let pixels = for_each_dtype!(dtype, T => T::wrap(pattern::<T>(shape, nodata)), _ => unreachable!());
    CubeArray { pixels, nodata: Some(nodata), measurement: Measurement::new(name, dtype, Some(nodata)) }
}

pub(crate) fn cube(geobox: GeoBox, times: &[&str], dtype: DataType, nodata: f64) -> Cube {
    let shape = [times.len(), geobox.shape.rows, geobox.shape.cols];
    let arrays = IndexMap::from([("green".to_owned(), array("green", dtype, &shape, nodata))]);
    Cube { geobox, times: times.iter().map(|t| t.parse().unwrap()).collect(), extra: None, arrays }
}

pub(crate) fn with_extra(mut cube: Cube) -> Cube {
    let shape = [cube.times.len(), 3, cube.geobox.shape.rows, cube.geobox.shape.cols];
    cube.extra = Some(ExtraDimension {
        name: "level".to_owned(),
        values: vec![1000.0, 850.0, 500.0],
        dtype: DataType::Float64,
        units: Some("hPa".to_owned()),
    });
    let mut deep = array("deep", DataType::Int16, &shape, -9999.0);
    deep.measurement.extra_dim = Some("level".to_owned());
    cube.arrays.insert("deep".to_owned(), deep);
    cube
}

pub(crate) fn reader(path: &std::path::Path, layer: Option<&str>, band: usize) -> Box<dyn Raster> {
    let location = RasterLocation { url: path.to_str().unwrap().to_owned(), layer: layer.map(str::to_owned), band };
    open(&location).unwrap_or_else(|e| panic!("{e}"))
}

/// The plane `time` (and `extra`) of an array.
pub(crate) fn plane(array: &CubeArray, time: usize, extra: Option<usize>) -> Pixels {
    for_each_dtype!(array.pixels.dtype(), T => {
        let mut view = T::view(&array.pixels).unwrap().index_axis(ndarray::Axis(0), time);
        if let Some(extra) = extra {
            view = view.index_axis_move(ndarray::Axis(0), extra);
        }
        T::wrap(view.to_owned())
    }, _ => unreachable!())
}

/// A window of a plane.
pub(crate) fn cut(plane: &Pixels, window: Window) -> Pixels {
    for_each_dtype!(plane.dtype(), T => {
        let (rows, cols) = (window.row..window.row_end(), window.col..window.col_end());
        T::wrap(T::view(plane).unwrap().slice(s![rows, cols]).to_owned().into_dyn())
    }, _ => unreachable!())
}

/// Equal values, NaN equal to NaN.
pub(crate) fn same(a: &Pixels, b: &Pixels) -> bool {
    a.dtype() == b.dtype()
        && a.shape() == b.shape()
        && for_each_dtype!(a.dtype(), T => {
            T::view(a).unwrap().iter().zip(T::view(b).unwrap()).all(|(x, y)| x == y || x.is_nan() && y.is_nan())
        }, _ => false)
}
