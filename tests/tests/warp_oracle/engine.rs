//! The load engine over one file.

use std::path::Path;

use cube_geo::{Footprint, Resampling, Shape};
use cube_load::{GroupBy, LoadSpec, RunOptions, group, plan, run};
use cube_model::{Dataset, Grid, Measurement, MeasurementPath, Product, TimeRange};
use indexmap::IndexMap;

use crate::cases::Case;

/// The pixels of the case's output, row-major; in chunks of 128 × 96 where no shape is given.
pub(crate) fn load(source: &Path, case: &Case, mode: Resampling, chunk: Option<Shape>) -> Vec<f64> {
    let grid = case.source();
    let path = MeasurementPath {
        path: source.to_str().unwrap().to_owned(),
        band: 1,
        layer: None,
        grid: "default".to_owned(),
        scale_factor: None,
        add_offset: None,
    };
    let dataset = Dataset {
        id: uuid::Uuid::nil(),
        product: "texture".to_owned(),
        label: None,
        location: None,
        crs: grid.crs.clone(),
        grids: IndexMap::from([("default".to_owned(), Grid { shape: grid.shape, affine: grid.affine, healpix: None })]),
        measurements: IndexMap::from([("v".to_owned(), path)]),
        time: TimeRange::instant("2024-06-01T10:00:00Z".parse().unwrap()),
        footprint: Footprint::from_geobox(&grid).unwrap(),
        properties: serde_json::Map::new(),
        lineage: IndexMap::new(),
        document: serde_json::Value::Null,
    };
    let product = Product {
        name: "texture".to_owned(),
        description: "noise".to_owned(),
        license: None,
        metadata_type: "eo3".to_owned(),
        metadata: serde_json::Value::Null,
        measurements: vec![Measurement::new("v", case.dtype, Some(case.nodata))],
        load_hints: None,
        extra_dimensions: Vec::new(),
        document: serde_json::Value::Null,
    };
    let groups = group(vec![dataset], GroupBy::Time).unwrap();
    let spec = LoadSpec::default().resampling(mode).chunk(chunk.unwrap_or(Shape::new(128, 96)));
    let plan = plan(&[product], &groups, case.output(), &spec).unwrap();
    let loaded = run(&plan, &RunOptions::default()).unwrap();
    loaded.cube.arrays["v"].pixels.to_f64().into_iter().collect()
}
