use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use cube_geo::{Affine, Crs, GeoBox, PixelTransform, Resampling, Shape};
use cube_model::{Cube, CubeArray, DataType, Pixel};
use indexmap::IndexMap;
use ndarray::ArrayD;
use proptest::prelude::*;
use tempfile::TempDir;
use uuid::Uuid;

use super::{DAY, load, red, speckled, store};
use crate::testing::{product, red_at, utm, write_red};
use crate::{Fuse, GroupBy, LoadError, LoadSpec, RunOptions, group, plan, run};

#[test]
fn native_load_is_bit_exact_inside_and_nodata_outside() {
    let folder = TempDir::new().unwrap();
    let grid = utm(40, 50, 500_000.0, 4_600_000.0);
    let values = speckled(&grid, 1);
    write_red(&store(&folder, "a"), &grid, &[DAY], values.clone(), Some(0.0));
    // Ten columns to the west of the file, twenty rows down.
    let out = utm(30, 40, 499_900.0, 4_599_800.0);
    let datasets = vec![red_at(1, DAY, &grid, &store(&folder, "a"), 1)];
    for chunk in [7, 16, 512] {
        let spec = LoadSpec::default().fill_value(9.0).chunk(Shape::new(chunk, chunk));
        let got = red::<u16>(&load(datasets.clone(), DataType::UInt16, 0.0, &out, &spec).unwrap());
        for row in 0..30 {
            for col in 0..40 {
                let inside = col >= 10 && row < 20;
                let want = if inside { values[(row + 20) * 50 + col - 10] } else { 0 };
                assert_eq!(got[row * 40 + col], if want == 0 { 9 } else { want }, "row {row}, column {col}");
            }
        }
    }
}

#[test]
fn first_valid_pixel_wins_and_last_on_request() {
    let folder = TempDir::new().unwrap();
    let grid = utm(1, 4, 500_000.0, 4_600_000.0);
    write_red(&store(&folder, "a"), &grid, &[DAY], vec![1_u16, 0, 1, 0], Some(0.0));
    write_red(&store(&folder, "b"), &grid, &[DAY], vec![2_u16, 2, 0, 0], Some(0.0));
    let datasets = vec![red_at(2, DAY, &grid, &store(&folder, "b"), 1), red_at(1, DAY, &grid, &store(&folder, "a"), 1)];
    let of = |fuse| load(datasets.clone(), DataType::UInt16, 0.0, &grid, &LoadSpec::default().fuse(fuse)).unwrap();
    assert_eq!(red::<u16>(&of(Fuse::First)), [1, 2, 1, 0]);
    assert_eq!(red::<u16>(&of(Fuse::Last)), [2, 2, 1, 0]);
}

#[test]
fn planes_of_one_file_go_to_their_times() {
    let folder = TempDir::new().unwrap();
    let grid = utm(1, 2, 500_000.0, 4_600_000.0);
    let times = [DAY, "2024-06-02T10:00:00Z"];
    write_red(&store(&folder, "a"), &grid, &times, vec![1_i16, 2, 3, 4], Some(-1.0));
    let datasets = |bands: [usize; 2]| {
        let at = |i: usize| red_at(i as u128, times[i], &grid, &store(&folder, "a"), bands[i]);
        vec![at(1), at(0)]
    };
    let got = load(datasets([1, 2]), DataType::Int16, -1.0, &grid, &LoadSpec::default()).unwrap();
    assert_eq!(red::<i16>(&got), [1, 2, 3, 4]);
    let error = load(datasets([2, 1]), DataType::Int16, -1.0, &grid, &LoadSpec::default()).unwrap_err().to_string();
    assert!(error.contains("the file's time there is 2024-06-02T10:00:00Z"), "{error}");
}

#[test]
fn value_that_does_not_fit_names_dataset_and_value() {
    let folder = TempDir::new().unwrap();
    let grid = utm(1, 2, 500_000.0, 4_600_000.0);
    write_red(&store(&folder, "a"), &grid, &[DAY], vec![1_i16, 300], Some(-1.0));
    let datasets = vec![red_at(5, DAY, &grid, &store(&folder, "a"), 1)];
    let error = load(datasets, DataType::UInt8, 255.0, &grid, &LoadSpec::default()).unwrap_err().to_string();
    assert!(error.contains("00000005") && error.contains("the value 300 does not fit uint8"), "{error}");
}

#[test]
fn grid_that_is_not_the_files_is_refused() {
    let folder = TempDir::new().unwrap();
    let grid = utm(4, 4, 500_000.0, 4_600_000.0);
    write_red(&store(&folder, "a"), &grid, &[DAY], vec![1_u8; 16], Some(0.0));
    let of = |document: &GeoBox| {
        let datasets = vec![red_at(1, DAY, document, &store(&folder, "a"), 1)];
        load(datasets, DataType::UInt8, 0.0, document, &LoadSpec::default())
    };
    let what = |document: &GeoBox| match of(document).unwrap_err() {
        LoadError::GridDiffers { what, .. } => what,
        other => panic!("{other}"),
    };
    assert_eq!(what(&utm(4, 5, 500_000.0, 4_600_000.0)), "shape");
    assert_eq!(what(&utm(4, 4, 500_000.1, 4_600_000.0)), "affine");
    assert_eq!(what(&GeoBox { crs: Crs::epsg(32634).unwrap(), ..grid.clone() }), "CRS");
    of(&utm(4, 4, 500_000.005, 4_600_000.0)).unwrap();
}

#[test]
fn missing_file_is_an_error_or_a_hole() {
    let folder = TempDir::new().unwrap();
    let grid = utm(1, 2, 500_000.0, 4_600_000.0);
    write_red(&store(&folder, "a"), &grid, &[DAY], vec![0_u8, 7], Some(0.0));
    let gone = store(&folder, "gone");
    let datasets = vec![red_at(1, DAY, &grid, &gone, 1), red_at(2, DAY, &grid, &store(&folder, "a"), 1)];
    let error = load(datasets.clone(), DataType::UInt8, 0.0, &grid, &LoadSpec::default()).unwrap_err().to_string();
    assert!(error.contains("00000001") && error.contains("gone.zarr"), "{error}");
    let spec = LoadSpec::default().skip_broken(true).chunk(Shape::new(1, 1));
    let loaded = load(datasets, DataType::UInt8, 0.0, &grid, &spec).unwrap();
    assert_eq!(red::<u8>(&loaded), [0, 7]);
    assert_eq!(loaded.holes.len(), 1, "one hole a source: {:?}", loaded.holes);
    assert_eq!(loaded.holes[0].dataset, Uuid::from_u128(1));
}

#[test]
fn load_that_cannot_fit_is_refused_before_a_file_is_opened() {
    let grid = utm(5000, 5000, 500_000.0, 4_600_000.0);
    let datasets = vec![red_at(1, DAY, &grid, &PathBuf::from("/no/such.zarr"), 1)];
    let spec = LoadSpec::default().memory_limit(10_000_000);
    let error = load(datasets, DataType::UInt16, 0.0, &grid, &spec).unwrap_err().to_string();
    assert!(error.contains("the result has 50.0 MB") && error.contains("the limit is 10.0 MB"), "{error}");
}

#[test]
fn cancelled_load_stops() {
    let grid = utm(10, 10, 500_000.0, 4_600_000.0);
    let groups = group(vec![red_at(1, DAY, &grid, &PathBuf::from("/no/such.zarr"), 1)], GroupBy::Time).unwrap();
    let products = [product(&[("red", DataType::UInt8, Some(0.0))])];
    let plan = plan(&products, &groups, grid, &LoadSpec::default()).unwrap();
    let options = RunOptions { cancel: &AtomicBool::new(true), ..RunOptions::default() };
    assert!(matches!(run(&plan, &options), Err(LoadError::Cancelled)));
}

#[test]
fn scaled_load_applies_the_datasets_own_offset() {
    let folder = TempDir::new().unwrap();
    let grid = utm(1, 3, 500_000.0, 4_600_000.0);
    write_red(&store(&folder, "a"), &grid, &[DAY], vec![0_u16, 1000, 3000], Some(0.0));
    let mut dataset = red_at(1, DAY, &grid, &store(&folder, "a"), 1);
    dataset.measurements[0].scale_factor = Some(0.0001);
    dataset.measurements[0].add_offset = Some(-0.1);
    let loaded = load(vec![dataset], DataType::UInt16, 0.0, &grid, &LoadSpec::default().scale(true)).unwrap();
    let got = red::<f32>(&loaded);
    assert!(got[0].is_nan() && got[1].abs() < 1e-7 && (got[2] - 0.2).abs() < 1e-7, "{got:?}");
}

#[test]
fn packed_file_whose_document_says_no_scale_is_refused() {
    let folder = TempDir::new().unwrap();
    let grid = utm(1, 2, 500_000.0, 4_600_000.0);
    let mut measurement = cube_model::Measurement::new("red", DataType::UInt16, Some(0.0));
    (measurement.scale_factor, measurement.add_offset) = (Some(0.0001), Some(-0.1));
    let pixels = u16::wrap(ArrayD::from_shape_vec(vec![1, 1, 2], vec![1000, 3000]).unwrap());
    let array = CubeArray { pixels, nodata: Some(0.0), measurement };
    let arrays = IndexMap::from([("red".to_owned(), array)]);
    let cube = Cube { geobox: grid.clone(), times: vec![DAY.parse().unwrap()], extra: None, arrays };
    cube_raster::write_zarr(&store(&folder, "a"), &cube, &cube_raster::WriteOptions::default()).unwrap();
    let mut dataset = red_at(1, DAY, &grid, &store(&folder, "a"), 1);
    for scale in [false, true] {
        let spec = LoadSpec::default().scale(scale);
        let error = load(vec![dataset.clone()], DataType::UInt16, 0.0, &grid, &spec).unwrap_err().to_string();
        assert!(error.contains("a.zarr") && error.contains("`scale_factor: 0.0001` and `add_offset: -0.1`"), "{error}");
    }
    dataset.measurements[0].scale_factor = Some(0.0001);
    let raw = load(vec![dataset], DataType::UInt16, 0.0, &grid, &LoadSpec::default()).unwrap();
    assert_eq!(red::<u16>(&raw), [1000, 3000]);
}

#[test]
fn integer_shrink_by_nearest_takes_the_pixel_under_the_centre() {
    let folder = TempDir::new().unwrap();
    let grid = utm(8, 8, 500_000.0, 4_600_000.0);
    let values: Vec<u8> = (1..=64).collect();
    write_red(&store(&folder, "a"), &grid, &[DAY], values.clone(), Some(0.0));
    for n in [2_u8, 3, 4] {
        let pixel = f64::from(n) * 10.0;
        let side = 8 / usize::from(n);
        let affine = Affine::new(pixel, 0.0, 500_000.0, 0.0, -pixel, 4_600_000.0);
        let out = GeoBox::new(Shape::new(side, side), affine, grid.crs.clone()).unwrap();
        let datasets = vec![red_at(1, DAY, &grid, &store(&folder, "a"), 1)];
        let got = red::<u8>(&load(datasets, DataType::UInt8, 0.0, &out, &LoadSpec::default()).unwrap());
        let n = usize::from(n);
        let want: Vec<u8> =
            (0..side * side).map(|i| values[(i / side * n + n / 2) * 8 + i % side * n + n / 2]).collect();
        assert_eq!(got, want, "shrink {n}");
    }
}

/// Two zones on one grid in a third CRS: what each pixel must be by PROJ itself.
struct Scene {
    folder: TempDir,
    grids: [GeoBox; 2],
    values: [Vec<u16>; 2],
    out: GeoBox,
}

fn scene() -> Scene {
    let folder = TempDir::new().unwrap();
    let crs = |code| Crs::epsg(code).unwrap();
    let grid = |code, x| {
        GeoBox::new(Shape::new(120, 130), Affine::new(10.0, 0.0, x, 0.0, -10.0, 4_655_600.0), crs(code)).unwrap()
    };
    // Around 12 degrees east, where zones 32 and 33 meet.
    let grids = [grid(32632, 747_500.0), grid(32633, 252_300.0)];
    let values = [speckled(&grids[0], 1), speckled(&grids[1], 2)];
    for (name, (grid, values)) in ["a", "b"].iter().zip(grids.iter().zip(&values)) {
        write_red(&store(&folder, name), grid, &[DAY], values.clone(), Some(0.0));
    }
    let (x, y) = cube_geo::Transform::new(&crs(4326), &crs(3035)).unwrap().point(12.0, 42.01).unwrap();
    let affine = Affine::new(10.0, 0.0, (x - 1000.0).round(), 0.0, -10.0, (y + 900.0).round());
    Scene { folder, grids, values, out: GeoBox::new(Shape::new(180, 200), affine, crs(3035)).unwrap() }
}

impl Scene {
    fn load(&self, spec: &LoadSpec) -> Vec<u16> {
        let at = |i: usize, name| red_at(i as u128, DAY, &self.grids[i], &store(&self.folder, name), 1);
        red::<u16>(&load(vec![at(0, "a"), at(1, "b")], DataType::UInt16, 0.0, &self.out, spec).unwrap())
    }
}

#[test]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "columns and rows of a small grid"
)]
fn nearest_over_two_zones_is_what_proj_says_but_for_ties() {
    let scene = scene();
    let got = scene.load(&LoadSpec::default());
    let transforms = scene.grids.each_ref().map(|g| PixelTransform::new(g, &scene.out).unwrap());
    let (mut ties, mut filled) = (0, [0, 0]);
    for (i, value) in got.iter().enumerate() {
        let (col, row) = (i % 200, i / 200);
        let mut want = 0;
        let mut tie = false;
        for (source, transform) in transforms.iter().enumerate() {
            let Some((x, y)) = transform.point(col as f64 + 0.5, row as f64 + 0.5) else { continue };
            tie |= (x - x.round()).abs() < 2e-3 || (y - y.round()).abs() < 2e-3;
            if want == 0 && (0.0..130.0).contains(&x) && (0.0..120.0).contains(&y) {
                want = scene.values[source][y as usize * 130 + x as usize];
                filled[source] += usize::from(want != 0);
            }
        }
        ties += usize::from(*value != want && tie);
        assert!(*value == want || tie, "row {row}, column {col}: {value} instead of {want}");
    }
    assert!(ties * 1000 <= got.len(), "{ties} pixels differ at ties");
    assert!(filled[0] > 5000 && filled[1] > 1000, "both zones must show: {filled:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn result_does_not_depend_on_chunks(rows in 1_usize..200, cols in 1_usize..200, mode in 0_usize..4) {
        thread_local! {
            static SCENE: Scene = scene();
        }
        let resampling = [Resampling::Nearest, Resampling::Bilinear, Resampling::Average, Resampling::Mode][mode];
        let spec = LoadSpec::default().resampling(resampling);
        SCENE.with(|scene| {
            let whole = scene.load(&spec.clone());
            let cut = scene.load(&spec.clone().chunk(Shape::new(rows, cols)));
            prop_assert!(whole == cut, "{resampling} with chunks of {rows} x {cols}");
            Ok(())
        })?;
    }
}

#[test]
fn area_over_the_seam_of_the_earth_is_made_of_what_lies_there() {
    let folder = TempDir::new().unwrap();
    // One degree; 100 within 90 degrees of the antimeridian, 1000 elsewhere.
    let affine = Affine::new(1.0, 0.0, -180.0, 0.0, -1.0, 90.0);
    let grid = GeoBox::new(Shape::new(180, 360), affine, Crs::epsg(4326).unwrap()).unwrap();
    let values: Vec<u16> = (0..180 * 360).map(|i| if (90..270).contains(&(i % 360)) { 1000 } else { 100 }).collect();
    write_red(&store(&folder, "a"), &grid, &[DAY], values, Some(0.0));
    let box_of = |code, size: f64, x: f64, y: f64, cols| {
        let affine = Affine::new(size, 0.0, x, 0.0, -size, y);
        GeoBox::new(Shape::new(4, cols), affine, Crs::epsg(code).unwrap()).unwrap()
    };
    // Pixels of two degrees on both sides of it and over it; the Pacific's Mercator, where 150 E is the middle.
    for out in [box_of(4326, 2.0, 171.0, 5.0, 10), box_of(3832, 200_000.0, 2_050_000.0, 410_000.0, 15)] {
        for resampling in Resampling::ALL.into_iter().filter(|mode| mode.is_area() && *mode != Resampling::Sum) {
            let spec = LoadSpec::default().resampling(resampling);
            let datasets = || vec![red_at(1, DAY, &grid, &store(&folder, "a"), 1)];
            let got = red::<u16>(&load(datasets(), DataType::UInt16, 0.0, &out, &spec).unwrap());
            assert!(got.iter().all(|v| *v == 100), "{resampling} in {}: {got:?}", out.crs);
            let cut = spec.chunk(Shape::new(3, 7));
            assert_eq!(got, red::<u16>(&load(datasets(), DataType::UInt16, 0.0, &out, &cut).unwrap()));
        }
        let spec = LoadSpec::default().resampling(Resampling::Sum);
        let datasets = vec![red_at(1, DAY, &grid, &store(&folder, "a"), 1)];
        let sums = red::<u16>(&load(datasets, DataType::UInt16, 0.0, &out, &spec).unwrap());
        let (low, high) = (sums.iter().min().unwrap(), sums.iter().max().unwrap());
        assert!(high - low <= 5 && (300..=400).contains(high), "{sums:?}");
    }
}

#[test]
fn broken_block_is_the_hole_whatever_the_chunks() {
    let folder = TempDir::new().unwrap();
    let grid = utm(1500, 1500, 500_000.0, 4_600_000.0);
    write_red(&store(&folder, "a"), &grid, &[DAY], vec![5_u16; 1500 * 1500], Some(0.0));
    let chunks = store(&folder, "a").join("red").join("c").join("0");
    let chunk = walk(&chunks).into_iter().min().unwrap();
    std::fs::write(&chunk, b"no chunk").unwrap();
    let of = |side: usize, resampling| {
        let spec = LoadSpec::default().skip_broken(true).resampling(resampling).chunk(Shape::new(side, side));
        let out = utm(1490, 1490, 500_003.0, 4_599_996.0);
        let loaded = load(vec![red_at(1, DAY, &grid, &store(&folder, "a"), 1)], DataType::UInt16, 0.0, &out, &spec);
        let loaded = loaded.unwrap();
        assert_eq!(loaded.holes.len(), 1, "{:?}", loaded.holes);
        red::<u16>(&loaded)
    };
    for resampling in [Resampling::Nearest, Resampling::Bilinear, Resampling::Average] {
        let whole = of(2048, resampling);
        assert!(whole.contains(&0) && whole.contains(&5));
        assert!(whole == of(100, resampling), "{resampling}");
    }
}

fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
