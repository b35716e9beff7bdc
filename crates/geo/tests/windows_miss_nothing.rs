//! No pixel that a warp needs is outside the windows of its overlap, whatever the projections.
#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::similar_names,
    reason = "a test may fail, and its numbers are small"
)]

use cube_geo::{Affine, Crs, GeoBox, PixelTransform, Resampling, Shape, Transform, Window, relate};
use proptest::prelude::*;

const MODIS: &str = "+proj=sinu +lon_0=0 +R=6371007.181 +units=m +no_defs";

/// CRSs and the pixel size in their unit that makes about 1 km.
fn crs() -> impl Strategy<Value = (String, f64)> {
    let epsg = |code: u32| format!("EPSG:{code}");
    prop_oneof![
        (1_u32..=60, prop_oneof![Just(32600_u32), Just(32700)])
            .prop_map(move |(zone, base)| (epsg(base + zone), 1000.0)),
        prop_oneof![Just(3035_u32), Just(3857), Just(6933), Just(3031), Just(3995), Just(3413)]
            .prop_map(move |code| (epsg(code), 1000.0)),
        Just((epsg(4326), 0.01)),
        Just((MODIS.to_owned(), 1000.0)),
    ]
}

/// A grid around a point on the Earth, rotated where `turn` is not 0; `None` where the CRS does not reach the point.
fn grid(crs: &(String, f64), lon: f64, lat: f64, rows: usize, cols: usize, size: f64, turn: f64) -> Option<GeoBox> {
    let definition = Crs::parse(&crs.0).unwrap();
    let to = Transform::new(&Crs::lonlat().unwrap(), &definition).unwrap();
    let (x, y) = to.point(lon, lat)?;
    let size = size * crs.1;
    let (sin, cos) = turn.sin_cos();
    let linear = Affine::new(size * cos, size * sin, 0.0, size * sin, -size * cos, 0.0);
    let (dx, dy) = linear.apply(cols as f64 / 2.0, rows as f64 / 2.0);
    let affine = Affine { c: x - dx, f: y - dy, ..linear };
    GeoBox::new(Shape::new(rows, cols), affine, definition).ok()
}

/// Every pixel of `window` whose centre falls on the source lies in the destination window, its source pixel in the source
/// window.
fn check(src: &GeoBox, dst: &GeoBox, window: Window, mode: Resampling) -> Result<usize, TestCaseError> {
    let relation = relate(src, dst, mode).unwrap();
    let windows = relation.windows(window);
    let exact = PixelTransform::new(src, dst).unwrap();
    let mut needed = 0;
    for row in window.row..window.row_end() {
        let mut xs: Vec<f64> = (window.col..window.col_end()).map(|c| c as f64 + 0.5).collect();
        let mut ys = vec![row as f64 + 0.5; xs.len()];
        exact.apply(&mut xs, &mut ys);
        for (i, (x, y)) in xs.into_iter().zip(ys).enumerate() {
            if !(x >= 0.0 && y >= 0.0 && x < src.shape.cols as f64 && y < src.shape.rows as f64) {
                continue;
            }
            needed += 1;
            let col = window.col + i;
            let Some((src_window, dst_window)) = windows else {
                return Err(TestCaseError::fail(format!(
                    "no windows, but ({row}, {col}) falls on ({y}, {x})\n{src}\n{dst}"
                )));
            };
            let pixel = Window::new(row, col, 1, 1);
            prop_assert!(
                dst_window.intersection(pixel).is_some(),
                "({row}, {col}) is not in {dst_window}\n{src}\n{dst}"
            );
            let pixel = Window::new(y as usize, x as usize, 1, 1);
            prop_assert!(src_window.intersection(pixel).is_some(), "({y}, {x}) is not in {src_window}\n{src}\n{dst}");
        }
    }
    Ok(needed)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn windows_hold_every_contributing_pixel(
        src_crs in crs(), dst_crs in crs(),
        lon in -180.0..180.0_f64, lat in -89.0..89.0_f64,
        src_shift in (-3.0..3.0_f64, -3.0..3.0_f64),
        src_shape in (5_usize..400, 5_usize..400), dst_shape in (5_usize..300, 5_usize..300),
        src_size in 0.1..30.0_f64, dst_size in 0.1..60.0_f64,
        turn in prop_oneof![4 => Just(0.0), 1 => -3.0..3.0_f64],
        chunk in (0.0..0.6_f64, 0.0..0.6_f64),
        mode in prop_oneof![Just(Resampling::Nearest), Just(Resampling::Bilinear), Just(Resampling::Average)],
    ) {
        let src_lat = (lat + src_shift.1).clamp(-89.9, 89.9);
        let src = grid(&src_crs, lon + src_shift.0, src_lat, src_shape.0, src_shape.1, src_size, turn);
        let dst = grid(&dst_crs, lon, lat, dst_shape.0, dst_shape.1, dst_size, 0.0);
        // A UTM zone folds 90° from its meridian: no scene lies there.
        let fits = src_crs.0.strip_prefix("EPSG:32").and_then(|code| code[1..].parse::<f64>().ok()).is_none_or(|zone| {
            let off = lon + src_shift.0 - (zone * 6.0 - 183.0);
            (off - (off / 360.0).round() * 360.0).abs() < 40.0
        });
        if let (Some(src), Some(dst), true) = (src, dst, fits) {
            check(&src, &dst, dst.shape.whole(), mode)?;
            let (row, col) = ((chunk.0 * dst_shape.0 as f64) as usize, (chunk.1 * dst_shape.1 as f64) as usize);
            check(&src, &dst, Window::new(row, col, dst_shape.0 - row, dst_shape.1 - col), mode)?;
        }
    }
}

#[test]
fn pole_inside_a_grid_is_not_missed() {
    let world =
        GeoBox::new(Shape::new(360, 720), Affine::new(0.5, 0.0, -180.0, 0.0, -0.5, 90.0), Crs::lonlat().unwrap());
    let polar = Affine::new(25_000.0, 0.0, -3e6, 0.0, -25_000.0, 3e6);
    for code in [3995, 3031] {
        let polar = GeoBox::new(Shape::new(240, 240), polar, Crs::epsg(code).unwrap()).unwrap();
        let world = world.clone().unwrap();
        let needed = check(&world, &polar, polar.shape.whole(), Resampling::Nearest).unwrap();
        assert_eq!(needed, 240 * 240);
        let relation = relate(&world, &polar, Resampling::Nearest).unwrap();
        let (src, _) = relation.windows(polar.shape.whole()).unwrap();
        assert!(src.cols == 720 && src.rows < 120 && (src.row == 0 || src.row_end() == 360), "{src}");
        assert!(check(&polar, &world, world.shape.whole(), Resampling::Nearest).unwrap() > 10_000);
    }
}

#[test]
fn small_scene_in_a_world_mosaic_is_found() {
    let world = Affine::new(0.01, 0.0, -180.0, 0.0, -0.01, 90.0);
    let world = GeoBox::new(Shape::new(18_000, 36_000), world, Crs::lonlat().unwrap()).unwrap();
    let scene = Affine::new(10.0, 0.0, 600_000.0, 0.0, -10.0, 4_700_040.0);
    let scene = GeoBox::new(Shape::new(10_980, 10_980), scene, Crs::epsg(32660).unwrap()).unwrap();
    let relation = relate(&scene, &world, Resampling::Average).unwrap();
    let (src, dst) = relation.windows(world.shape.whole()).unwrap();
    assert_eq!(src, scene.shape.whole());
    assert!(dst.cols < 600 && dst.rows < 600 && dst.cols > 120 && dst.rows > 90, "{dst}");
    assert!(relation.shrink() > 75 && relation.shrink() < 120, "{}", relation.shrink());
}

#[test]
fn pole_at_the_edge_of_a_cylinder_is_not_missed() {
    // The map ends at the pole, and near it latitude grows like a root of y: found by the test above.
    let src = grid(&("EPSG:3031".to_owned(), 1000.0), 0.0, -86.570_625_396_3, 15, 34, 13.998_136_764_998, 0.0).unwrap();
    let dst =
        grid(&("EPSG:6933".to_owned(), 1000.0), 0.0, -88.502_864_750_6, 192, 25, 38.787_973_877_520, 0.0).unwrap();
    assert!(check(&src, &dst, dst.shape.whole(), Resampling::Nearest).unwrap() > 0);
    assert!(check(&src, &dst, Window::new(27, 0, 165, 25), Resampling::Nearest).unwrap() > 0);
}
