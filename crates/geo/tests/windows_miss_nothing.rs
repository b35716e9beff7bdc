//! No pixel that a warp needs is outside the windows of its overlap, whatever the projections.
#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::similar_names,
    reason = "a test may fail, and its numbers are small"
)]

mod families;

use cube_geo::{Affine, Crs, GeoBox, PixelTransform, Relation, Resampling, Shape, Transform, Window, relate};
use families::FAMILIES;
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

type Windows = Option<(Window, Window)>;

/// The windows that PROJ tells, and those that the map of the whole tells.
fn both(relation: &Relation, window: Window) -> [Windows; 2] {
    let on_map = relation.reach().and_then(|all| {
        let map = relation.pixel_map(all);
        relation.windows_on(&map, window.intersection(all)?)
    });
    [relation.windows(window), on_map]
}

/// Every pixel of `window` whose centre falls on the source lies in the destination window, its source pixel in the source
/// window.
fn check(src: &GeoBox, dst: &GeoBox, window: Window, mode: Resampling) -> Result<usize, TestCaseError> {
    let found = both(&relate(src, dst, mode).unwrap(), window);
    let needed = found.map(|windows| check_windows(src, dst, window, windows));
    needed.into_iter().try_fold(0, |_, needed| needed)
}

fn check_windows(src: &GeoBox, dst: &GeoBox, window: Window, windows: Windows) -> Result<usize, TestCaseError> {
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

/// The source pixels (first and one past the last column, then rows) that an output pixel's kernel reaches: taps around the
/// centre, or all that its area touches. `None` where it has no part of the source.
fn reach(exact: &PixelTransform, src: Shape, (row, col): (usize, usize), mode: Resampling) -> Option<[(f64, f64); 2]> {
    let (cols, rows) = (src.cols as f64, src.rows as f64);
    let clip = |(low, high): (f64, f64), n: f64| (low.max(0.0), high.min(n));
    let (x, y) = (col as f64, row as f64);
    if mode.is_area() {
        let (mut xs, mut ys) = ([x, x + 1.0, x + 1.0, x], [y, y, y + 1.0, y + 1.0]);
        exact.apply(&mut xs, &mut ys);
        if xs.iter().chain(&ys).any(|v| v.is_nan()) {
            return None;
        }
        let range = |v: [f64; 4]| v.iter().fold((f64::MAX, f64::MIN), |(a, b), &v| (a.min(v), b.max(v)));
        let (xs, ys) = (range(xs), range(ys));
        // A pixel that is torn by a seam has no area to speak of.
        if xs.1 - xs.0 > cols / 2.0 || ys.1 - ys.0 > rows / 2.0 {
            return None;
        }
        let (xs, ys) = (clip(xs, cols), clip(ys, rows));
        // What touches by less than a hundred-thousandth of a pixel adds nothing.
        return (xs.1 - xs.0 > 1e-5 && ys.1 - ys.0 > 1e-5)
            .then(|| [(xs.0.floor(), xs.1.ceil()), (ys.0.floor(), ys.1.ceil())]);
    }
    let (x, y) = exact.point(x + 0.5, y + 0.5)?;
    if !((0.0..cols).contains(&x) && (0.0..rows).contains(&y)) {
        return None;
    }
    if mode == Resampling::Nearest {
        return Some([(x.floor(), x.floor() + 1.0), (y.floor(), y.floor() + 1.0)]);
    }
    let taps = |v: f64| ((v - 0.5).floor() + 1.0 - mode.radius(), (v - 0.5).floor() + 1.0 + mode.radius());
    Some([clip(taps(x), cols), clip(taps(y), rows)])
}

/// Every source pixel that any pixel of `window` needs, kernel and footprint included, is in the windows.
fn check_reach(src: &GeoBox, dst: &GeoBox, window: Window, mode: Resampling) -> Result<usize, TestCaseError> {
    let found = both(&relate(src, dst, mode).unwrap(), window);
    let exact = PixelTransform::new(src, dst).unwrap();
    let mut needed = 0;
    for row in window.row..window.row_end() {
        for col in window.col..window.col_end() {
            let Some([(left, right), (top, bottom)]) = reach(&exact, src.shape, (row, col), mode) else { continue };
            needed += 1;
            let pixel = Window::new(row, col, 1, 1);
            let (rows, cols) = ((bottom - top) as usize, (right - left) as usize);
            let pixels = Window::new(top as usize, left as usize, rows, cols);
            for windows in found {
                let Some((src_window, dst_window)) = windows else {
                    return Err(TestCaseError::fail(format!(
                        "no windows, but ({row}, {col}) has pixels\n{src}\n{dst}"
                    )));
                };
                prop_assert!(
                    dst_window.intersection(pixel).is_some(),
                    "{mode}: {pixel} is not in {dst_window}\n{src}\n{dst}"
                );
                prop_assert!(
                    src_window.intersection(pixels) == Some(pixels),
                    "{mode}: {pixel} needs {pixels}, which is not in {src_window}\n{src}\n{dst}"
                );
            }
        }
    }
    Ok(needed)
}

/// A mode of each kind: one tap, taps at three radii, areas.
fn modes() -> impl Strategy<Value = Resampling> {
    prop_oneof![
        Just(Resampling::Nearest),
        Just(Resampling::Bilinear),
        Just(Resampling::Cubic),
        Just(Resampling::Lanczos),
        Just(Resampling::Average),
        Just(Resampling::Max),
    ]
}

/// Any place, more often one near a pole or the antimeridian.
fn place() -> impl Strategy<Value = (f64, f64)> {
    let lon = prop_oneof![2 => -180.0..180.0_f64, 1 => 178.0..182.0_f64];
    let lat = prop_oneof![4 => -90.0..90.0_f64, 1 => 86.0..90.0_f64, 1 => -90.0..-86.0_f64];
    (lon, lat)
}

#[test]
fn every_family_at_its_places_misses_nothing() {
    let mut seen = 0;
    for (i, from) in FAMILIES.iter().enumerate() {
        for (j, to) in FAMILIES.iter().enumerate() {
            for (k, &at) in from.places.iter().chain(to.places).enumerate() {
                // Each size and mode meets each family, if not each pair.
                let size = [30.0, 3000.0, 30_000.0][(i + j + k) % 3];
                let mode = [Resampling::Nearest, Resampling::Cubic, Resampling::Average][(i + 2 * j + k) % 3];
                let src = families::grid(from, at, Shape::new(60, 70), size, 0.0);
                let dst = families::grid(to, at, Shape::new(50, 40), 1.7 * size, 0.1);
                if let (Some(src), Some(dst)) = (src, dst) {
                    seen += check_reach(&src, &dst, dst.shape.whole(), mode).unwrap();
                }
            }
        }
    }
    assert!(seen > 500_000, "{seen} pixels are too few to show anything");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn windows_hold_what_kernels_and_footprints_reach(
        from in 0..FAMILIES.len(), to in 0..FAMILIES.len(), place in place(),
        shift in (-2.0..2.0_f64, -2.0..2.0_f64),
        src_shape in (3_usize..160, 3_usize..160), dst_shape in (3_usize..80, 3_usize..80),
        // From 10 m to 100 km; the output from a tenth to thirty times that.
        size in (1.0..5.0_f64).prop_map(|p| 10_f64.powf(p)), ratio in (-1.0..1.5_f64).prop_map(|p| 10_f64.powf(p)),
        turn in prop_oneof![3 => Just(0.0), 1 => -3.0..3.0_f64],
        cut in (0.0..0.7_f64, 0.0..0.7_f64),
        // A world from 0 to 360, and one the other way.
        turns in prop_oneof![2 => Just(0.0), 1 => Just(360.0), 1 => Just(-360.0)],
        mode in modes(),
    ) {
        let (from, to) = (&FAMILIES[from], &FAMILIES[to]);
        let metres = size / 111_000.0;
        let near = (place.0 + shift.0 * 30.0 * metres, (place.1 + shift.1 * 30.0 * metres).clamp(-90.0, 90.0));
        let src = families::grid(from, near, Shape::new(src_shape.0, src_shape.1), size, turn);
        let dst = families::grid(to, place, Shape::new(dst_shape.0, dst_shape.1), size * ratio, 0.0);
        // A UTM zone folds 90° from its meridian, and a turned grid of a whole world is no grid.
        let utm = from.definition.strip_prefix("EPSG:32").filter(|c| c.starts_with('6') || c.starts_with('7'));
        let fits = utm.and_then(|code| code[1..].parse::<f64>().ok()).is_none_or(|zone| {
            let off = near.0 - (zone * 6.0 - 183.0);
            (off - (off / 360.0).round() * 360.0).abs() < 30.0 && size * src_shape.1 as f64 <= 4e6
        });
        if let (Some(mut src), Some(dst), true) = (src, dst, fits) {
            if src.crs.is_geographic() {
                src.affine.c += turns;
            }
            check_reach(&src, &dst, dst.shape.whole(), mode)?;
            let (row, col) = ((cut.0 * dst_shape.0 as f64) as usize, (cut.1 * dst_shape.1 as f64) as usize);
            check_reach(&src, &dst, Window::new(row, col, dst_shape.0 - row, dst_shape.1 - col), mode)?;
        }
    }
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
        // A UTM zone folds 90° from its meridian: no scene lies there, and no output may reach there.
        let near = |crs: &str, lon: f64| {
            crs.strip_prefix("EPSG:32").and_then(|code| code[1..].parse::<f64>().ok()).is_none_or(|zone| {
                let off = lon - (zone * 6.0 - 183.0);
                (off - (off / 360.0).round() * 360.0).abs() < 40.0
            })
        };
        let narrow = |dst: &GeoBox| !dst_crs.0.starts_with("EPSG:32") || dst.affine.a.abs() * dst.shape.cols as f64 <= 8e6;
        let fits = near(&src_crs.0, lon + src_shift.0) && near(&dst_crs.0, lon) && dst.as_ref().is_none_or(narrow);
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

#[test]
fn a_world_from_0_to_360_serves_both_halves_of_the_earth() {
    let world = Affine::new(0.5, 0.0, 0.0, 0.0, -0.5, 90.0);
    let world = GeoBox::new(Shape::new(360, 720), world, Crs::lonlat().unwrap()).unwrap();
    for (code, left, top) in [(3857, -1.3e7, 5e6), (3857, 1.9e7, 5e6), (3035, 1e6, 6e6), (3031, -3e6, 3e6)] {
        let affine = Affine::new(50_000.0, 0.0, left, 0.0, -50_000.0, top);
        let dst = GeoBox::new(Shape::new(100, 100), affine, Crs::epsg(code).unwrap()).unwrap();
        for mode in [Resampling::Nearest, Resampling::Bilinear, Resampling::Average] {
            // Only what reaches over the antimeridian's 40,000 km, and a torn pixel, is not there.
            let needed = check_reach(&world, &dst, dst.shape.whole(), mode).unwrap();
            assert!(needed >= 9700, "EPSG:{code} from {left}, {mode}: {needed}");
        }
    }
}

#[test]
fn the_rim_of_a_round_map_is_followed_in_a_large_output() {
    let world = Affine::new(0.1, 0.0, -180.0, 0.0, -0.1, 90.0);
    let src = GeoBox::new(Shape::new(1800, 3600), world, Crs::epsg(4326).unwrap()).unwrap();
    for (definition, size, radius) in [
        ("+proj=ortho +lat_0=0 +lon_0=0 +R=6371000", 1000.0, 6_371_000.0),
        ("+proj=laea +lat_0=0 +lon_0=0 +R=6371000", 2000.0, 2.0 * 6_371_000.0),
    ] {
        let crs = Crs::parse(definition).unwrap();
        // The rim enters a quarter of the output by three rows, and between the points that are looked at.
        let top = radius - 3.0 * size + 4096.0 * size;
        let dst = GeoBox::new(Shape::new(16384, 16384), Affine::new(size, 0.0, -8448.0 * size, 0.0, -size, top), crs);
        let dst = dst.unwrap();
        let exact = PixelTransform::new(&src, &dst).unwrap();
        let reach = relate(&src, &dst, Resampling::Nearest).unwrap().reach().unwrap();
        // The first row that has pixels, and how many.
        let first = (0..16384).find_map(|row| {
            let (mut xs, mut ys): (Vec<f64>, Vec<f64>) =
                (0..16384).map(|col| (f64::from(col) + 0.5, f64::from(row) + 0.5)).unzip();
            exact.apply(&mut xs, &mut ys);
            let n = xs.iter().filter(|x| x.is_finite()).count();
            (n > 0).then_some((row as usize, n))
        });
        let (row, n) = first.unwrap();
        assert!(n > 50, "{definition}: {n} pixels in row {row}");
        assert!(reach.row <= row, "{definition}: row {row} has {n} pixels, {reach:?}");
    }
}

#[test]
fn an_edge_that_bulges_is_followed() {
    // The north edge of this output is an arc in the source: its ends lie on the same row, its middle 25 rows above.
    let src = families::grid(&FAMILIES[3], (10.0, 60.0), Shape::new(400, 900), 5000.0, 0.0).unwrap();
    let dst = families::grid(&FAMILIES[7], (10.0, 60.0), Shape::new(60, 300), 8000.0, 0.0).unwrap();
    for mode in [Resampling::Nearest, Resampling::Lanczos, Resampling::Average] {
        let (window, _) = relate(&src, &dst, mode).unwrap().windows(dst.shape.whole()).unwrap();
        let exact = PixelTransform::new(&src, &dst).unwrap();
        let (end, middle) = (exact.point(0.5, 0.5).unwrap().1, exact.point(150.0, 0.5).unwrap().1);
        assert!(end - middle > 10.0, "{end} {middle}");
        assert!((window.row as f64) <= middle, "{window} begins below {middle}");
        assert!(check_reach(&src, &dst, dst.shape.whole(), mode).unwrap() > 10_000);
    }
}

#[test]
fn a_turned_pixel_reaches_as_far_as_the_box_around_it() {
    // Beside the corner of a source that stands on its corner, the box around a pixel still touches it.
    let utm = &FAMILIES[0];
    for turn in [0.3, 0.785, 2.0] {
        let src = families::grid(utm, (9.0, 48.0), Shape::new(40, 60), 10.0, turn).unwrap();
        let dst = families::grid(utm, (9.0, 48.0), Shape::new(60, 60), 26.0, 0.0).unwrap();
        assert!(check_reach(&src, &dst, dst.shape.whole(), Resampling::Average).unwrap() > 300, "{turn}");
    }
}
