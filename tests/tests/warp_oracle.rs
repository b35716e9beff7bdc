//! Kernels against GDAL: `gdalwarp -et 0` with XSCALE=YSCALE=1 and full resolution is the oracle.
//!
//! Skipped, with a line that says so, where there is no `gdalwarp`.
#![expect(clippy::unwrap_used, reason = "a test's own set-up")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pixel counts and values of small pictures"
)]

use std::path::Path;
use std::process::Command;

use cube_geo::{Affine, Crs, Footprint, GeoBox, PixelTransform, Resampling, Shape, Transform};
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
            let value = 1500.0 + 3.0 * row as f64 + 200.0 * noise();
            match dtype {
                _ if hole => NODATA,
                DataType::UInt8 => (value / 12.0).floor(),
                // Not down to -1, which GDAL 3.6 makes 0 in mode.
                DataType::Int16 => (value - 5000.0).floor(),
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

/// An output of `side` pixels of `pixel` units in a CRS, a little turned away from the source's middle.
fn output(source: &GeoBox, code: u32, pixel: f64, side: usize) -> GeoBox {
    let crs = Crs::epsg(code).unwrap();
    let (x, y) = source.affine.apply(SIDE as f64 * 0.55, SIDE as f64 * 0.45);
    let (x, y) = Transform::new(&source.crs, &crs).unwrap().point(x, y).unwrap();
    let half = pixel * side as f64 / 2.0;
    let snap = |v: f64| (v / pixel).floor() * pixel;
    let affine = Affine::new(pixel, 0.0, snap(x - half) + pixel * 0.3, 0.0, -pixel, snap(y + half) + pixel * 0.2);
    GeoBox::new(Shape::new(side, side), affine, crs).unwrap()
}

/// The output pixels whose corners all lie in the source.
fn inside(source: &GeoBox, out: &GeoBox) -> Vec<bool> {
    let transform = PixelTransform::new(source, out).unwrap();
    let range = 0.5..SIDE as f64 - 0.5;
    let corner = |x: usize, y: usize| {
        transform.point(x as f64, y as f64).is_some_and(|(x, y)| range.contains(&x) && range.contains(&y))
    };
    let Shape { rows, cols } = out.shape;
    let pixels = (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col)));
    pixels.map(|(r, c)| [(c, r), (c + 1, r), (c, r + 1), (c + 1, r + 1)].iter().all(|&(x, y)| corner(x, y))).collect()
}

struct Verdict {
    identical: f64,
    worst: f64,
    validity: usize,
}

fn compare(a: &[f64], b: &[f64]) -> Verdict {
    let both: Vec<f64> =
        a.iter().zip(b).filter(|(a, b)| **a != NODATA && **b != NODATA).map(|(a, b)| (a - b).abs()).collect();
    Verdict {
        identical: both.iter().filter(|d| **d == 0.0).count() as f64 / both.len() as f64,
        worst: both.iter().copied().fold(0.0, f64::max),
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
            // GDAL 3.6 keeps some pixels that lie across the image's edge and drops others: area modes are compared inside.
            let keep: Vec<bool> = if mode.is_area() { inside(&grid, &out) } else { vec![true; got.len()] };
            let kept = |values: &[f64]| -> Vec<f64> {
                values.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(v, _)| *v).collect()
            };
            let (got, want) = (kept(&got), kept(&want));
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
            assert!(v.validity == 0, "{what}");
            match (mode, dtype.is_float()) {
                (Resampling::Nearest | Resampling::Mode, _) => assert!(v.identical >= 0.999, "{what}"),
                (_, false) => assert!(v.worst <= 1.0 && v.identical >= 0.999, "{what}"),
                // 1e-4 of the range that neighbours have.
                (_, true) => assert!(v.worst <= 0.005, "{what}"),
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
