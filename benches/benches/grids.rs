//! What a load does before it touches a pixel: transforms, the relation of two grids, transform grids, areas.
#![expect(clippy::expect_used, reason = "a bench whose set-up fails has nothing to measure")]

use cube_geo::{Affine, CellAreas, Crs, Footprint, GeoBox, Resampling, Shape, Transform, relate};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

fn crs(code: &str) -> Crs {
    Crs::parse(code).expect("an EPSG code")
}

fn grid(side: usize, pixel: f64, left: f64, top: f64, code: &str) -> GeoBox {
    let shape = Shape { rows: side, cols: side };
    GeoBox::new(shape, Affine::new(pixel, 0.0, left, 0.0, -pixel, top), crs(code)).expect("a grid")
}

/// A Sentinel-2 tile, and a grid of another CRS that reaches over its edge.
fn tile_and_output() -> (GeoBox, GeoBox) {
    let tile = grid(10_980, 10.0, 300_000.0, 5_500_020.0, "EPSG:32633");
    let output = grid(4096, 10.0, 4_479_260.0, 2_916_440.0, "EPSG:3035");
    (tile, output)
}

/// PROJ itself, point by point.
#[divan::bench(args = [100, 10_000])]
fn transform_points(bencher: Bencher, points: u32) {
    let transform = Transform::new(&crs("EPSG:3035"), &crs("EPSG:32633")).expect("a transform");
    let start: Vec<(f64, f64)> = (0..points).map(|n| (4.48e6 + f64::from(n), 2.88e6 + f64::from(n) * 2.0)).collect();
    bencher
        .counter(ItemsCount::new(points))
        .with_inputs(|| start.iter().copied().unzip::<f64, f64, Vec<f64>, Vec<f64>>())
        .bench_local_refs(|(xs, ys)| transform.apply(xs, ys));
}

/// What the planner does for each pair of a source grid and an output.
#[divan::bench]
fn relate_two_zones(bencher: Bencher) {
    let (tile, output) = tile_and_output();
    bencher.bench_local(|| relate(black_box(&tile), black_box(&output), Resampling::Bilinear));
}

/// The grid of transform nodes over a whole output of 4096² pixels.
#[divan::bench]
fn pixel_map_of_4096(bencher: Bencher) {
    let (tile, output) = tile_and_output();
    let relation = relate(&tile, &output, Resampling::Bilinear).expect("a transform");
    bencher.counter(ItemsCount::new(4096_u32 * 4096)).bench_local(|| relation.pixel_map(output.shape.whole()));
}

/// One row of source positions out of that grid.
#[divan::bench]
fn pixel_map_row(bencher: Bencher) {
    let (tile, output) = tile_and_output();
    let relation = relate(&tile, &output, Resampling::Bilinear).expect("a transform");
    let map = relation.pixel_map(output.shape.whole());
    let (mut xs, mut ys) = (vec![0.0; 4096], vec![0.0; 4096]);
    bencher.counter(ItemsCount::new(4096_u32)).bench_local(|| map.row(black_box(1777), 0..4096, &mut xs, &mut ys));
}

/// True areas of the cells of a climate grid.
#[divan::bench]
fn cell_areas_of_quarter_degrees(bencher: Bencher) {
    let shape = Shape { rows: 721, cols: 1440 };
    let affine = Affine::new(0.25, 0.0, -180.125, 0.0, -0.25, 90.125);
    let world = GeoBox::new(shape, affine, crs("EPSG:4326")).expect("a grid");
    bencher.bench_local(|| CellAreas::new(black_box(&world)).map(|areas| areas.total()));
}

/// The footprint of a scene into longitude and latitude, as indexing does for each dataset.
#[divan::bench]
fn footprint_to_lonlat(bencher: Bencher) {
    let (tile, _) = tile_and_output();
    let footprint = Footprint::from_geobox(&tile).expect("a footprint");
    bencher.bench_local(|| black_box(&footprint).to_lonlat());
}
