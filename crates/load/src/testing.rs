//! Datasets and products for the tests of this crate.

use std::path::Path;

use cube_geo::{Affine, BoundingBox, Crs, Footprint, GeoBox, Shape};
use cube_model::{Cube, CubeArray, DataType, Dataset, Grid, Measurement, MeasurementPath, Pixel, Product, TimeRange};
use cube_raster::WriteOptions;
use indexmap::IndexMap;
use ndarray::ArrayD;
use uuid::Uuid;

/// A product of measurements with types and nodata.
pub(crate) fn product(measurements: &[(&str, DataType, Option<f64>)]) -> Product {
    Product {
        name: "scenes".to_owned(),
        description: "scenes for tests".to_owned(),
        license: None,
        metadata_type: "eo3".to_owned(),
        metadata: serde_json::json!({"product": {"name": "scenes"}}),
        measurements: measurements
            .iter()
            .map(|(name, dtype, nodata)| Measurement::new(*name, *dtype, *nodata))
            .collect(),
        load_hints: None,
        extra_dimensions: Vec::new(),
        document: serde_json::Value::Null,
    }
}

/// A dataset on a grid, with one file a measurement beside its document.
pub(crate) fn dataset_on(id: u128, time: &str, grid: &GeoBox, files: &[(&str, &str)]) -> Dataset {
    let path = |file: &str| MeasurementPath {
        path: file.to_owned(),
        band: 1,
        layer: None,
        grid: "default".to_owned(),
        scale_factor: None,
        add_offset: None,
    };
    let time: jiff::Timestamp = time.parse().unwrap();
    let mut properties = serde_json::Map::new();
    properties.insert("datetime".to_owned(), time.to_string().into());
    Dataset {
        id: Uuid::from_u128(id),
        product: "scenes".to_owned(),
        label: None,
        location: Some("/data/scene.odc-metadata.yaml".to_owned()),
        crs: grid.crs.clone(),
        grids: IndexMap::from([("default".to_owned(), Grid { shape: grid.shape, affine: grid.affine, healpix: None })]),
        measurements: files.iter().map(|(name, file)| ((*name).to_owned(), path(file))).collect(),
        time: TimeRange::instant(time),
        footprint: Footprint::from_geobox(grid).unwrap(),
        properties,
        lineage: IndexMap::new(),
        document: serde_json::Value::Null,
    }
}

/// A north-up grid in UTM zone 33N with 10 m pixels, its corner at (x, y).
pub(crate) fn utm(rows: usize, cols: usize, x: f64, y: f64) -> GeoBox {
    let affine = Affine::new(10.0, 0.0, x, 0.0, -10.0, y);
    GeoBox::new(Shape::new(rows, cols), affine, Crs::epsg(32633).unwrap()).unwrap()
}

/// A dataset on the meridian of zone 33 N, 15 degrees east.
pub(crate) fn dataset(id: u128, time: &str) -> Dataset {
    dataset_on(id, time, &utm(10, 10, 500_000.0, 4_600_000.0), &[("red", "red.tif")])
}

/// A dataset with a footprint between two longitudes.
pub(crate) fn dataset_at(id: u128, time: &str, west: f64, east: f64) -> Dataset {
    let footprint = Footprint::from_bbox(BoundingBox::new(west, -1.0, east, 1.0), Crs::lonlat().unwrap()).unwrap();
    Dataset { footprint, ..dataset(id, time) }
}

/// Writes planes `[time, y, x]` as the measurement `red` of a Zarr store; the dataset of plane `n` is band `n + 1`.
pub(crate) fn write_red<T: Pixel>(path: &Path, grid: &GeoBox, times: &[&str], values: Vec<T>, nodata: Option<f64>) {
    let shape = vec![times.len(), grid.shape.rows, grid.shape.cols];
    let array = CubeArray {
        pixels: T::wrap(ArrayD::from_shape_vec(shape, values).unwrap()),
        nodata,
        measurement: Measurement::new("red", T::DTYPE, nodata),
    };
    let cube = Cube {
        geobox: grid.clone(),
        times: times.iter().map(|t| t.parse().unwrap()).collect(),
        extra: None,
        arrays: IndexMap::from([("red".to_owned(), array)]),
    };
    cube_raster::write_zarr(path, &cube, &WriteOptions::default()).unwrap();
}

/// A dataset whose measurement `red` is a band of such a store.
pub(crate) fn red_at(id: u128, time: &str, grid: &GeoBox, path: &Path, band: usize) -> Dataset {
    let mut dataset = dataset_on(id, time, grid, &[("red", path.to_str().unwrap())]);
    dataset.measurements[0].band = band;
    dataset.measurements[0].layer = Some("red".to_owned());
    dataset
}
