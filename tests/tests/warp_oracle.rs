//! Kernels against GDAL: `gdalwarp -et 0` with XSCALE=YSCALE=1 and full resolution is the oracle.
//!
//! Skipped, with a line that says so, where there is no `gdalwarp`.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pixel counts and values of small pictures"
)]

use std::path::Path;
use std::process::Command;

use cube_geo::{Affine, Crs, Footprint, GeoBox, Resampling, Shape, Transform};
use cube_load::{GroupBy, LoadSpec, RunOptions, group, plan, run};
use cube_model::{DataType, Dataset, Grid, Measurement, MeasurementPath, Product, TimeRange};
use gdal::DriverManager;
use gdal::raster::{Buffer, GdalType};
use indexmap::IndexMap;

const SIDE: usize = 300;
const NODATA: f64 = 0.0;

fn have_gdalwarp() -> bool {
    let have = Command::new("gdalwarp").arg("--version").output().is_ok_and(|o| o.status.success());
    if !have {
        eprintln!("skipped: there is no gdalwarp to compare with");
    }
    have
}

/// Noise of some hundred units on a slope, with holes; the same at every run.
fn texture(dtype: DataType) -> Vec<f64> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 31)
    };
    (0..SIDE * SIDE)
        .map(|i| {
            let (row, col) = (i / SIDE, i % SIDE);
            let hole = (row / 37 + col / 41) % 5 == 0 && noise() < 0.7;
            let value = 1500.0 + 3.0 * row as f64 + 700.0 * noise();
            match dtype {
                _ if hole => NODATA,
                DataType::UInt8 => 1.0 + (value / 12.0).floor() % 250.0,
                DataType::Int16 => (value - 2300.0).floor(),
                DataType::Float32 => f64::from((value / 7.0) as f32),
                _ => value.floor(),
            }
        })
        .collect()
}

fn write_tif<T: GdalType + Copy>(path: &Path, grid: &GeoBox, values: &[f64], cast: impl Fn(f64) -> T) {
    let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
    let mut file = driver.create_with_band_type::<T, _>(path, SIDE, SIDE, 1).unwrap();
    file.set_geo_transform(&grid.affine.to_gdal()).unwrap();
    let srs = gdal::spatial_ref::SpatialRef::from_epsg(grid.crs.epsg_code().unwrap()).unwrap();
    file.set_spatial_ref(&srs).unwrap();
    let mut band = file.rasterband(1).unwrap();
    band.set_no_data_value(Some(NODATA)).unwrap();
    let mut buffer = Buffer::new((SIDE, SIDE), values.iter().map(|v| cast(*v)).collect());
    band.write((0, 0), (SIDE, SIDE), &mut buffer).unwrap();
    file.close().unwrap();
}

fn oracle(source: &Path, out: &GeoBox, mode: Resampling, folder: &Path) -> Vec<f64> {
    let target = folder.join("oracle.tif");
    let name = if mode == Resampling::Nearest { "near" } else { mode.name() };
    let b = out.bounding_box();
    let status = Command::new("gdalwarp")
        .args(["-q", "-overwrite", "-et", "0", "-wo", "XSCALE=1", "-wo", "YSCALE=1", "-ovr", "NONE", "-r", name])
        .args(["-srcnodata", "0", "-dstnodata", "0", "-t_srs", &out.crs.to_string(), "-te"])
        .args([b.left, b.bottom, b.right, b.top].map(|v| format!("{v:.17e}")))
        .args(["-ts", &out.shape.cols.to_string(), &out.shape.rows.to_string()])
        .args([source, target.as_path()])
        .status()
        .unwrap();
    assert!(status.success());
    let file = gdal::Dataset::open(&target).unwrap();
    let size = (out.shape.cols, out.shape.rows);
    file.rasterband(1).unwrap().read_as::<f64>((0, 0), size, size, None).unwrap().data().to_vec()
}

fn ours(source: &Path, grid: &GeoBox, out: &GeoBox, dtype: DataType, mode: Resampling) -> Vec<f64> {
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
        grids: IndexMap::from([("default".to_owned(), Grid { shape: grid.shape, affine: grid.affine })]),
        measurements: IndexMap::from([("v".to_owned(), path)]),
        time: TimeRange::instant("2024-06-01T10:00:00Z".parse().unwrap()),
        footprint: Footprint::from_geobox(grid).unwrap(),
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
        measurements: vec![Measurement::new("v", dtype, Some(NODATA))],
        load_hints: None,
        extra_dimensions: Vec::new(),
        document: serde_json::Value::Null,
    };
    let groups = group(vec![dataset], GroupBy::Time).unwrap();
    let spec = LoadSpec::default().resampling(mode).chunk(Shape::new(128, 96));
    let plan = plan(&[product], &groups, out.clone(), &spec).unwrap();
    let loaded = run(&plan, &RunOptions::default()).unwrap();
    loaded.cube.arrays["v"].pixels.to_f64().into_iter().collect()
}

/// An output of `side` pixels of `size` in a CRS, a little turned away from the source's middle.
fn output(source: &GeoBox, code: u32, size: f64, side: usize) -> GeoBox {
    let crs = Crs::epsg(code).unwrap();
    let (x, y) = source.affine.apply(SIDE as f64 * 0.55, SIDE as f64 * 0.45);
    let (x, y) = Transform::new(&source.crs, &crs).unwrap().point(x, y).unwrap();
    let half = size * side as f64 / 2.0;
    let snap = |v: f64| (v / size).floor() * size;
    let affine = Affine::new(size, 0.0, snap(x - half) + size * 0.3, 0.0, -size, snap(y + half) + size * 0.2);
    GeoBox::new(Shape::new(side, side), affine, crs).unwrap()
}

struct Verdict {
    identical: f64,
    worst: f64,
    validity: usize,
}

fn compare(a: &[f64], b: &[f64]) -> Verdict {
    let both = a.iter().zip(b).filter(|(a, b)| **a != NODATA && **b != NODATA);
    Verdict {
        identical: a.iter().zip(b).filter(|(a, b)| a.total_cmp(b).is_eq()).count() as f64 / a.len() as f64,
        worst: both.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max),
        validity: a.iter().zip(b).filter(|(a, b)| (**a == NODATA) != (**b == NODATA)).count(),
    }
}

fn check(source_code: u32, source: (f64, f64, f64), outputs: &[(u32, f64)], dtype: DataType) {
    if !have_gdalwarp() {
        return;
    }
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("source.tif");
    let (x, y, size) = source;
    let grid =
        GeoBox::new(Shape::new(SIDE, SIDE), Affine::new(size, 0.0, x, 0.0, -size, y), Crs::epsg(source_code).unwrap())
            .unwrap();
    let values = texture(dtype);
    match dtype {
        DataType::UInt8 => write_tif(&file, &grid, &values, |v| v as u8),
        DataType::Int16 => write_tif(&file, &grid, &values, |v| v as i16),
        DataType::Float32 => write_tif(&file, &grid, &values, |v| v as f32),
        _ => write_tif(&file, &grid, &values, |v| v as u16),
    }
    for &(code, size) in outputs {
        let out = output(&grid, code, size, 260);
        for mode in [Resampling::Nearest, Resampling::Bilinear, Resampling::Average, Resampling::Mode] {
            let want = oracle(&file, &out, mode, folder.path());
            let got = ours(&file, &grid, &out, dtype, mode);
            let v = compare(&got, &want);
            let what = format!(
                "{dtype} EPSG:{source_code} to EPSG:{code} at {size}, {mode}: {:.3} % identical, worst {}, validity {}",
                v.identical * 100.0,
                v.worst,
                v.validity
            );
            println!("{what}");
            let n = got.len();
            assert!(got.iter().filter(|v| **v != NODATA).count() > n / 10, "too little to compare: {what}");
            // A position within 1e-3 of a pixel's edge may fall to either side.
            assert!(v.validity * 500 <= n, "{what}");
            match (mode, dtype.is_float()) {
                (Resampling::Nearest | Resampling::Mode, _) => assert!(v.identical >= 0.999, "{what}"),
                (_, false) => assert!(v.worst <= 1.0 && v.identical >= 0.995, "{what}"),
                (_, true) => assert!(v.worst <= 0.3, "{what}"),
            }
        }
    }
}

#[test]
fn utm_to_laea_geographic_and_mercator() {
    let outputs = [(3035, 10.0), (4326, 0.0001), (3857, 14.0)];
    check(32632, (699_960.0, 5_400_020.0, 10.0), &outputs, DataType::UInt16);
}

#[test]
fn same_crs_shifted_by_part_of_a_pixel_and_scaled() {
    let outputs = [(32633, 10.0), (32633, 3.1), (32633, 23.0)];
    check(32633, (500_003.0, 4_600_007.0, 10.0), &outputs, DataType::Int16);
}

#[test]
fn floats_from_geographic_to_utm() {
    check(4326, (12.0, 42.5, 0.01), &[(32633, 1000.0), (32633, 400.0)], DataType::Float32);
}

#[test]
fn polar_stereographic_to_utm_in_bytes() {
    check(3413, (-400_000.0, -1_900_000.0, 500.0), &[(32622, 500.0), (32622, 1700.0)], DataType::UInt8);
}
