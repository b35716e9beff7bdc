//! Sources and grids that are odd load right; those that cannot be loaded get a sentence, before anything is read.
#![expect(clippy::unwrap_used, reason = "the functions that tests share fail them in the same way")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "small pictures, whose values are small"
)]

use std::process::Command;
use std::time::{Duration, Instant};

use cube_geo::{Affine, Crs, GeoBox, Shape, Transform};
use cube_tests::Sandbox;
use cube_tests::scenes::{BOX, PRODUCT, copied, indexed};
use gdal::DriverManager;
use gdal::raster::Buffer;

const ROWS: usize = 48;
const COLS: usize = 64;
/// A corner in UTM zone 33 N, on multiples of 10 m.
const X: f64 = 600_000.0;
const Y: f64 = 4_700_000.0;

/// A sandbox with one scene of `ROWS` × `COLS` pixels in its catalog, in `scene.tif`.
fn with_scene(affine: Affine, value: impl Fn(usize, usize) -> u16) -> Sandbox {
    let sandbox = Sandbox::new();
    let grid = GeoBox::new(Shape::new(ROWS, COLS), affine, Crs::epsg(32633).unwrap()).unwrap();
    let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
    let mut file = driver.create_with_band_type::<u16, _>(sandbox.path("scene.tif"), COLS, ROWS, 1).unwrap();
    file.set_geo_transform(&affine.to_gdal()).unwrap();
    file.set_spatial_ref(&gdal::spatial_ref::SpatialRef::from_epsg(32633).unwrap()).unwrap();
    let mut band = file.rasterband(1).unwrap();
    band.set_no_data_value(Some(0.0)).unwrap();
    let pixels = (0..ROWS * COLS).map(|i| value(i / COLS, i % COLS)).collect();
    band.write((0, 0), (COLS, ROWS), &mut Buffer::new((COLS, ROWS), pixels)).unwrap();
    file.close().unwrap();
    let ring: Vec<String> = grid.corners().iter().cycle().take(5).map(|(x, y)| format!("[{x}, {y}]")).collect();
    let Affine { a, b, c, d, e, f } = affine;
    sandbox.write(
        "scenes.odc-product.yaml",
        "name: scenes\ndescription: scenes of tests\nmetadata_type: eo3\nmetadata: {product: {name: scenes}}\n\
         measurements:\n  - {name: red, dtype: uint16, nodata: 0, units: \"1\"}\n",
    );
    sandbox.write(
        "scene.odc-metadata.yaml",
        format!(
            "$schema: https://schemas.opendatacube.org/dataset\nid: 7f3bd8b5-8d5a-5b8e-9d0a-2f8f5c1c1d11\n\
             product: {{name: scenes}}\ncrs: epsg:32633\n\
             geometry: {{type: Polygon, coordinates: [[{}]]}}\n\
             grids: {{default: {{shape: [{ROWS}, {COLS}], transform: [{a}, {b}, {c}, {d}, {e}, {f}, 0, 0, 1]}}}}\n\
             properties: {{datetime: 2034-06-01T10:00:00Z, odc:processing_datetime: 2034-06-01T10:00:00Z}}\n\
             measurements: {{red: {{path: scene.tif}}}}\nlineage: {{}}\n",
            ring.join(", ")
        ),
    );
    sandbox.cube(["init"]).succeeds();
    sandbox.cube(["product", "add", "scenes.odc-product.yaml"]).succeeds();
    sandbox.cube(["index", "scene.odc-metadata.yaml"]).succeeds();
    sandbox
}

/// The pixels of a load of the scene with 10 m pixels in a box of its CRS: rows, columns and values from north to south.
fn loaded(sandbox: &Sandbox, bbox: [f64; 4], mode: &str) -> (usize, usize, Vec<u16>) {
    let bbox = bbox.map(|v| v.to_string()).join(",");
    let grid = ["--bbox-crs", "EPSG:32633", "--crs", "EPSG:32633", "--resolution", "10", "--resampling", mode];
    let words = ["load", "scenes", "--bbox", &bbox, "--overwrite", "-o", "out.tif"];
    sandbox.cube([&words[..], &grid].concat()).succeeds();
    pixels(&sandbox.path("out.tif"))
}

fn pixels(path: &std::path::Path) -> (usize, usize, Vec<u16>) {
    let file = gdal::Dataset::open(path).unwrap();
    let (cols, rows) = file.raster_size();
    let band = file.rasterband(1).unwrap();
    (rows, cols, band.read_as::<u16>((0, 0), (cols, rows), (cols, rows), None).unwrap().data().to_vec())
}

fn counted(row: usize, col: usize) -> u16 {
    (1 + 100 * row + col) as u16
}

#[test]
fn a_south_up_source_comes_out_north_up() {
    let sandbox = with_scene(Affine::new(10.0, 0.0, X, 0.0, 10.0, Y), counted);
    let bbox = [X, Y, X + 10.0 * COLS as f64, Y + 10.0 * ROWS as f64];
    let want: Vec<u16> = (0..ROWS * COLS).map(|i| counted(ROWS - 1 - i / COLS, i % COLS)).collect();
    for mode in ["nearest", "bilinear", "average", "mode"] {
        assert_eq!(loaded(&sandbox, bbox, mode), (ROWS, COLS, want.clone()), "{mode}");
    }
}

#[test]
fn a_source_turned_by_a_quarter_comes_out_straight() {
    // Columns run south, rows run east.
    let sandbox = with_scene(Affine::new(0.0, 10.0, X, -10.0, 0.0, Y), counted);
    let bbox = [X, Y - 10.0 * COLS as f64, X + 10.0 * ROWS as f64, Y];
    let want: Vec<u16> = (0..ROWS * COLS).map(|i| counted(i % ROWS, i / ROWS)).collect();
    for mode in ["nearest", "bilinear", "average", "mode"] {
        assert_eq!(loaded(&sandbox, bbox, mode), (COLS, ROWS, want.clone()), "{mode}");
    }
}

#[test]
fn a_rotated_source_is_what_gdal_makes_of_it() {
    if !Command::new("gdalwarp").arg("--version").output().is_ok_and(|o| o.status.success()) {
        eprintln!("skipped: there is no gdalwarp to compare with");
        return;
    }
    let (sine, cosine) = 0.5_f64.sin_cos();
    let affine = Affine::new(10.0 * cosine, 10.0 * sine, X, 10.0 * sine, -10.0 * cosine, Y);
    // No two neighbours are alike, and none is nodata.
    let sandbox = with_scene(affine, |row, col| (500 + (row * 7919 + col * 104_729) % 997) as u16);
    let bbox = [X - 20.0, Y - 500.0, X + 900.0, Y + 320.0];
    for (mode, name, most) in [("nearest", "near", 0), ("bilinear", "bilinear", 1)] {
        let (rows, cols, got) = loaded(&sandbox, bbox, mode);
        let oracle = Command::new("gdalwarp")
            .current_dir(sandbox.path(""))
            .args(["-q", "-overwrite", "-et", "0", "-wo", "XSCALE=1", "-wo", "YSCALE=1", "-r", name, "-dstnodata", "0"])
            .args(["-te"])
            .args(bbox.map(|v| v.to_string()))
            .args(["-ts", &cols.to_string(), &rows.to_string(), "scene.tif", "oracle.tif"])
            .status()
            .unwrap();
        assert!(oracle.success());
        let want = pixels(&sandbox.path("oracle.tif"));
        assert_eq!((rows, cols), (want.0, want.1));
        let valid = want.2.iter().filter(|v| **v > 0).count();
        assert!(valid > ROWS * COLS * 9 / 10 && valid < rows * cols, "{mode}: {valid} of {}", rows * cols);
        let apart = |most: u16| got.iter().zip(&want.2).filter(|(a, b)| a.abs_diff(**b) > most).count();
        assert_eq!(apart(most), 0, "{mode}");
        assert!(apart(0) * 1000 <= valid, "{mode}: {} of {valid} differ", apart(0));
    }
}

/// All of stderr of a load that fails with `code`, writes nothing and says `parts`, within a few seconds.
fn refused(sandbox: &Sandbox, words: &[&str], code: i32, parts: &[&str]) -> String {
    let (before, begun) = (sandbox.files(), Instant::now());
    let run = sandbox.cube(words).fails(code);
    assert!(begun.elapsed() < Duration::from_secs(10), "{words:?} took {:?}", begun.elapsed());
    assert_eq!((run.stdout.as_str(), sandbox.files()), ("", before), "{run}");
    assert!(run.stderr.starts_with("error: ") && !run.stderr.contains("panicked"), "{run}");
    for part in parts {
        assert!(run.stderr.contains(part), "{words:?} should say {part:?}:\n{run}");
    }
    run.stderr
}

#[test]
fn a_crs_without_a_way_from_the_earth_is_refused_by_name() {
    let sandbox = indexed();
    let with = |crs| ["load", PRODUCT, "--bbox", BOX, "--crs", crs, "--resolution", "0.01", "-o", "out.nc"];
    let mars = "+proj=longlat +a=3396190 +b=3376200 +no_defs";
    refused(&sandbox, &with(mars), 1, &["no transform from", "+a=3396190", "EPSG:3263"]);
    refused(&sandbox, &with("IAU_2015:49900"), 1, &["no transform from Mars (2015)", "EPSG:3263"]);
    let local = "LOCAL_CS[\"site grid\",UNIT[\"metre\",1]]";
    refused(&sandbox, &with(local), 1, &["no transform from EPSG:4326 to site grid"]);
    // Heights, and the distance from the Earth's middle.
    refused(&sandbox, &with("EPSG:5773"), 2, &["EPSG:5773", "vertical"]);
    refused(&sandbox, &with("EPSG:4978"), 2, &["EPSG:4978", "geocentric"]);
}

#[test]
fn a_document_in_such_a_crs_is_refused_when_it_is_indexed() {
    let sandbox = with_scene(Affine::new(10.0, 0.0, X, 0.0, -10.0, Y), counted);
    let document = std::fs::read_to_string(sandbox.path("scene.odc-metadata.yaml")).unwrap();
    for (crs, part) in [("IAU_2015:49910", "Mars"), ("EPSG:5773", "EPSG:5773")] {
        sandbox.write("bad.yaml", document.replace("epsg:32633", crs).replace("2f8f5c1c1d11", "2f8f5c1c1d12"));
        refused(&sandbox, &["index", "bad.yaml"], 1, &["bad.yaml", part]);
    }
}

#[test]
fn a_point_is_one_pixel() {
    let sandbox = with_scene(Affine::new(10.0, 0.0, X, 0.0, -10.0, Y), counted);
    // Inside the pixel of row 3 and column 5.
    let to = Transform::new(&Crs::epsg(32633).unwrap(), &Crs::lonlat().unwrap()).unwrap();
    let (lon, lat) = to.point(X + 57.0, Y - 32.0).unwrap();
    let point = format!("{lon},{lat},{lon},{lat}");
    let grid = ["--crs", "EPSG:32633", "--resolution", "10", "-o", "out.tif"];
    sandbox.cube([&["load", "scenes", "--bbox", &point][..], &grid].concat()).succeeds();
    assert_eq!(pixels(&sandbox.path("out.tif")), (1, 1, vec![counted(3, 5)]));
}

#[test]
fn a_box_beside_the_scene_loads_nothing() {
    let sandbox = with_scene(Affine::new(10.0, 0.0, X, 0.0, -10.0, Y), counted);
    let words =
        ["load", "scenes", "--crs", "EPSG:32633", "--bbox-crs", "EPSG:32633", "--resolution", "10", "-o", "out.tif"];
    let east = X + 10.0 * COLS as f64;
    let beside = format!("{},{},{},{}", east + 1000.0, Y - 100.0, east + 1100.0, Y);
    refused(&sandbox, &[&words[..], &["--bbox", &beside]].concat(), 1, &["nothing found", "touches the area"]);
    for (bbox, part) in [
        ("600100,4699900,600000,4700000", "is empty"),
        ("600050,4699950,600050,4699950", "is empty"),
        ("0,0,inf,1", "4 numbers"),
    ] {
        refused(&sandbox, &[&words[..], &["--bbox", bbox]].concat(), 2, &[part]);
    }
}

#[test]
fn a_billion_pixels_are_explained_at_once_and_refused_where_memory_is_short() {
    let sandbox = indexed();
    // 30,600 × 37,400 pixels or so.
    let sized = |size| {
        let grid = ["--crs", "EPSG:32633", "--resolution", size, "--group-by", "solar-day", "-o", "out.nc"];
        [&["load", PRODUCT, "--bbox", BOX, "--time", "2034-07", "-m", "green"][..], &grid].concat()
    };
    let words = sized("0.35");
    let begun = Instant::now();
    let run = sandbox.cube([&words[..], &["--explain", "--json"]].concat()).succeeds();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let bytes = run.json()["output_bytes"].as_u64().unwrap();
    assert!((2_000_000_000..2_600_000_000).contains(&bytes), "{bytes}");

    let parts = ["the load needs", "the limit is 20.0 MB", "smaller area", "coarser resolution"];
    refused(&sandbox, &[&words[..], &["--memory-limit", "20MB"]].concat(), 1, &parts);
    // Far beyond any machine; and beyond what a grid may have.
    refused(&sandbox, &sized("0.0005"), 1, &["the load needs"]);
    refused(&sandbox, &sized("1e-9"), 2, &["too many"]);
}

#[test]
fn overwriting_loses_neither_the_loads_own_files_nor_what_is_no_output() {
    let sandbox = copied();
    let scene = sandbox.path("s2/2034-07-12_33TTG/B03.tif");
    let before = std::fs::read(&scene).unwrap();
    let words = ["load", PRODUCT, "--bbox", BOX, "--time", "2034-07", "-m", "green", "--crs", "EPSG:32633"];
    let words = [&words[..], &["--resolution", "60", "--group-by", "solar-day", "--overwrite", "-o"]].concat();
    refused(
        &sandbox,
        &[&words[..], &["s2/2034-07-12_33TTG/B03.tif"]].concat(),
        1,
        &["the load reads", "another output"],
    );
    assert_eq!(std::fs::read(&scene).unwrap(), before);
    sandbox.write("mine.zarr/keep.txt", "mine");
    refused(&sandbox, &[&words[..], &["mine.zarr"]].concat(), 1, &["mine.zarr", "holds no Zarr store"]);
    assert_eq!(std::fs::read_to_string(sandbox.path("mine.zarr/keep.txt")).unwrap(), "mine");
}
