//! The transform grid agrees with PROJ and does not depend on chunks.
#![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a test may fail, and its numbers are small")]

mod families;

use cube_geo::{Affine, Crs, GeoBox, PixelMap, PixelTransform, Resampling, Shape, Window, relate};

fn grid(code: u32, left: f64, top: f64, size: f64, rows: usize, cols: usize) -> GeoBox {
    GeoBox::new(Shape::new(rows, cols), Affine::new(size, 0.0, left, 0.0, -size, top), Crs::epsg(code).unwrap())
        .unwrap()
}

use families::{FAMILIES, Family};
use proptest::prelude::*;

/// How far a position may be from PROJ's own, in source pixels.
const BOUND: f64 = 0.01;

type Positions = (Vec<f64>, Vec<f64>);

/// Positions of the centres (or, with `corners`, the corners) of a window's pixels, row by row.
fn mapped(map: &PixelMap, window: Window, corners: bool) -> Positions {
    let extra = usize::from(corners);
    let (rows, cols) = (window.rows + extra, window.cols + extra);
    let (mut xs, mut ys) = (vec![0.0; rows * cols], vec![0.0; rows * cols]);
    for (i, (xs, ys)) in xs.chunks_exact_mut(cols).zip(ys.chunks_exact_mut(cols)).enumerate() {
        let columns = window.col..window.col + cols;
        if corners {
            map.corner_row(window.row + i, columns, xs, ys);
        } else {
            map.row(window.row + i, columns, xs, ys);
        }
    }
    (xs, ys)
}

fn exact(src: &GeoBox, dst: &GeoBox, window: Window) -> Positions {
    let (mut xs, mut ys): Positions = (window.row..window.row_end())
        .flat_map(|r| (window.col..window.col_end()).map(move |c| (c as f64 + 0.5, r as f64 + 0.5)))
        .unzip();
    PixelTransform::new(src, dst).unwrap().apply(&mut xs, &mut ys);
    (xs, ys)
}

fn worst(a: &Positions, b: &Positions) -> f64 {
    let mut worst = 0.0_f64;
    for (a, b) in a.0.iter().zip(&b.0).chain(a.1.iter().zip(&b.1)) {
        assert_eq!(a.is_nan(), b.is_nan());
        if !a.is_nan() {
            worst = worst.max((a - b).abs());
        }
    }
    worst
}

#[test]
fn sentinel_tile_in_laea_is_within_a_ten_thousandth_of_a_pixel() {
    let src = grid(32633, 300_000.0, 5_900_040.0, 10.0, 10_980, 10_980);
    let dst = grid(3035, 4_500_000.0, 3_400_000.0, 10.0, 5000, 5000);
    let relation = relate(&src, &dst, Resampling::Bilinear).unwrap();
    let window = Window::new(1000, 700, 700, 500);
    let error = worst(&mapped(&relation.pixel_map(window), window, false), &exact(&src, &dst, window));
    assert!(error < 2e-4, "{error}");
}

#[test]
fn seams_poles_and_the_edge_of_the_map_are_exact() {
    let world = grid(4326, -180.0, 90.0, 0.5, 360, 720);
    let polar = grid(3995, -3e6, 3e6, 25_000.0, 240, 240);
    let mercator = grid(3857, 19_000_000.0, 5_000_000.0, 20_000.0, 150, 150);
    let modis = GeoBox {
        crs: Crs::parse("+proj=sinu +R=6371007.181 +units=m").unwrap(),
        ..grid(3857, -2.1e7, 1e7, 1e5, 200, 420)
    };
    for (src, dst) in [(&world, &polar), (&polar, &world), (&world, &mercator), (&world, &modis), (&modis, &world)] {
        let map = relate(src, dst, Resampling::Nearest).unwrap().pixel_map(dst.shape.whole());
        let error = worst(&mapped(&map, dst.shape.whole(), false), &exact(src, dst, dst.shape.whole()));
        // The surface may be 0.001 pixels off where it was looked at, a little more between.
        assert!(error < 5e-3, "{src} to {dst}: {error}");
    }
    let (xs, _) = mapped(
        &relate(&world, &modis, Resampling::Nearest).unwrap().pixel_map(modis.shape.whole()),
        modis.shape.whole(),
        false,
    );
    let on_earth = xs.iter().filter(|x| !x.is_nan()).count() as f64 * 1e10;
    let earth = 4.0 * std::f64::consts::PI * 6_371_007.181_f64.powi(2);
    assert!((on_earth / earth - 1.0).abs() < 0.01, "off the map there is nothing: {}", on_earth / earth);
}

#[test]
fn positions_do_not_depend_on_chunks() {
    let world = grid(4326, -180.0, 90.0, 0.25, 720, 1440);
    let polar = grid(3031, -3e6, 3e6, 10_000.0, 600, 600);
    let relation = relate(&world, &polar, Resampling::Average).unwrap();
    for corners in [false, true] {
        let extra = usize::from(corners);
        let whole = mapped(&relation.pixel_map(polar.shape.whole()), polar.shape.whole(), corners);
        for chunk in polar.shape.whole().tiles(Shape::new(100, 128)) {
            let part = mapped(&relation.pixel_map(chunk), chunk, corners);
            for row in 0..chunk.rows + extra {
                for col in 0..chunk.cols + extra {
                    let (i, j) =
                        (row * (chunk.cols + extra) + col, (chunk.row + row) * (600 + extra) + chunk.col + col);
                    assert_eq!(part.0[i].to_bits(), whole.0[j].to_bits(), "{chunk}: {row} {col}");
                    assert_eq!(part.1[i].to_bits(), whole.1[j].to_bits(), "{chunk}: {row} {col}");
                }
            }
        }
    }
}

#[test]
fn linear_map_is_the_affine() {
    let src = grid(32633, 600_000.0, 4_700_000.0, 10.0, 100, 100);
    let dst = grid(32633, 600_005.0, 4_700_000.0, 20.0, 50, 50);
    let map = relate(&src, &dst, Resampling::Bilinear).unwrap().pixel_map(dst.shape.whole());
    assert!(matches!(map, PixelMap::Linear(_)));
    let (xs, ys) = mapped(&map, Window::new(1, 2, 1, 2), false);
    assert_eq!((xs, ys), (vec![5.5, 7.5], vec![3.0, 3.0]));
}

/// Of every `step`-th pixel of `dst`, as far as it lies on `src` or near it: the largest distance from PROJ, and how many
/// were looked at. A pixel that lies on the source by one and is nowhere by the other is infinitely far off.
fn error(src: &GeoBox, dst: &GeoBox, step: usize) -> (f64, usize) {
    let Ok(relation) = relate(src, dst, Resampling::Bilinear) else { return (0.0, 0) };
    let map = relation.pixel_map(dst.shape.whole());
    let transform = PixelTransform::new(src, dst).unwrap();
    let (rows, cols) = (src.shape.rows as f64, src.shape.cols as f64);
    let near = |x: f64, y: f64| (-cols..2.0 * cols).contains(&x) && (-rows..2.0 * rows).contains(&y);
    let on = |x: f64, y: f64| (0.0..cols).contains(&x) && (0.0..rows).contains(&y);
    let (mut worst, mut seen) = (0.0_f64, 0);
    let n = dst.shape.cols;
    let (mut xs, mut ys) = (vec![0.0; n], vec![0.0; n]);
    for row in (0..dst.shape.rows).step_by(step) {
        map.row(row, 0..n, &mut xs, &mut ys);
        let columns: Vec<usize> = (row % step..n).step_by(step).collect();
        let (mut exact_x, mut exact_y): (Vec<f64>, Vec<f64>) =
            columns.iter().map(|&c| (c as f64 + 0.5, row as f64 + 0.5)).unzip();
        transform.apply(&mut exact_x, &mut exact_y);
        for ((&col, x), y) in columns.iter().zip(exact_x).zip(exact_y) {
            if near(x, y) {
                seen += 1;
                worst = worst.max((x - xs[col]).abs()).max((y - ys[col]).abs());
                if xs[col].is_nan() {
                    worst = f64::INFINITY;
                }
            } else if on(xs[col], ys[col]) {
                worst = f64::INFINITY;
            }
        }
    }
    (worst, seen)
}

/// A source and an output of one place, in two families.
fn pair(from: &Family, to: &Family, place: (f64, f64), size: f64) -> Option<(GeoBox, GeoBox)> {
    let src = families::grid(from, place, Shape::new(400, 400), size, 0.0)?;
    let dst = families::grid(to, place, Shape::new(200, 200), size * 1.3, 0.0)?;
    Some((src, dst))
}

#[test]
fn every_family_stays_within_a_hundredth_of_a_pixel() {
    let (mut pairs, mut pixels, mut bad) = (0, 0, Vec::new());
    for from in &FAMILIES {
        for to in &FAMILIES {
            if from.definition == to.definition {
                continue;
            }
            for &place in from.places.iter().chain(to.places) {
                for size in [10.0, 1000.0, 25_000.0] {
                    let Some((src, dst)) = pair(from, to, place, size) else { continue };
                    let (worst, seen) = error(&src, &dst, 9);
                    pairs += usize::from(seen > 0);
                    pixels += seen;
                    if worst > BOUND {
                        let (from, to) = (from.definition, to.definition);
                        bad.push(format!("{from} onto {to} at {place:?}, {size} m: {worst} pixels"));
                    }
                }
            }
        }
    }
    assert!(bad.is_empty(), "{} of {pairs}:\n{}", bad.len(), bad.join("\n"));
    assert!(pairs > 2500 && pixels > 500_000, "{pairs} pairs, {pixels} pixels: too few to show anything");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_place_is_farther_than_a_hundredth_of_a_pixel(
        from in 0..FAMILIES.len(), to in 0..FAMILIES.len(),
        lon in -180.0..180.0_f64,
        lat in prop_oneof![-90.0..90.0_f64, 85.0..90.0_f64, -90.0..-85.0_f64],
        // From a metre to forty kilometres.
        size in (0.0..4.6_f64).prop_map(|power| 10_f64.powf(power)),
    ) {
        let (from, to) = (&FAMILIES[from], &FAMILIES[to]);
        if from.definition != to.definition && let Some((src, dst)) = pair(from, to, (lon, lat), size) {
            let (worst, _) = error(&src, &dst, 7);
            prop_assert!(worst <= BOUND, "{src} onto {dst}: {worst} pixels");
        }
    }
}
