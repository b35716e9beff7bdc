use cube_geo::{Affine, Crs, Shape};

use super::*;
use crate::real::tests::array;

/// A cube of these arrays on 10 m pixels in UTM zone 33, daily times.
pub(crate) fn cube_of(arrays: Vec<CubeArray>) -> Cube {
    let shape = arrays[0].pixels.shape().to_vec();
    let n = shape.len();
    let affine = Affine::new(10.0, 0.0, 500_000.0, 0.0, -10.0, 4_660_000.0);
    let geobox = GeoBox::new(Shape::new(shape[n - 2], shape[n - 1]), affine, Crs::epsg(32633).unwrap()).unwrap();
    let times = (0..shape[0]).map(|i| Timestamp::from_second(86_400 * i64::try_from(i).unwrap()).unwrap()).collect();
    cube_of_one(geobox, times, arrays)
}

/// Two dates of 2 x 3 pixels: green is 400 over water and 300 over land, swir16 100 and 900.
fn lake(scl: &[u8; 12], wet: &[u8; 12]) -> Cube {
    let green: Vec<u16> = wet.iter().map(|w| if *w == 1 { 400 } else { 300 }).collect();
    let swir: Vec<u16> = wet.iter().map(|w| if *w == 1 { 100 } else { 900 }).collect();
    cube_of(vec![
        array("green", &[2, 2, 3], &green, Some(0.0)),
        array("swir16", &[2, 2, 3], &swir, Some(0.0)),
        array("scl", &[2, 2, 3], scl, Some(0.0)),
    ])
}

const WET_1: [u8; 12] = [1, 1, 0, 1, 0, 0, /**/ 1, 0, 0, 1, 0, 0];
const CLOUDY: [u8; 12] = [6, 6, 4, 6, 5, 4, /**/ 6, 4, 4, 9, 4, 0];

fn states(w: &Water) -> Vec<u8> {
    w.extent.array::<u8>("water").unwrap().iter().copied().collect()
}

#[test]
fn water_dry_and_unknown_add_up_to_the_box() {
    let cube = lake(&CLOUDY, &WET_1);
    let areas = CellAreas::new(&cube.geobox).unwrap();
    let w = water(&cube, &areas, &WaterSpec::default()).unwrap();
    assert_eq!(states(&w), [1, 1, 0, 1, 0, 0, 1, 0, 0, 255, 0, 255]);
    let pixel = areas.area(0, 0);
    let near = |area: f64, pixels: f64| (area / pixel - pixels).abs() < 1e-5;
    assert!(near(w.dates[0].water, 3.0) && near(w.dates[0].dry, 3.0) && w.dates[0].unknown == 0.0);
    assert!(near(w.dates[1].water, 1.0) && near(w.dates[1].dry, 3.0) && near(w.dates[1].unknown, 2.0));
    assert!((w.dates[1].seen - 4.0 / 6.0).abs() < 1e-6 && (w.dates[0].seen - 1.0).abs() < 1e-12);
    // The extent of all dates is three pixels; the second date saw two of them.
    assert!((w.dates[1].seen_extent.unwrap() - 2.0 / 3.0).abs() < 1e-6);
}

#[test]
fn frequency_counts_clear_dates_only() {
    let mut scl = CLOUDY;
    scl[5] = 8; // pixel 5 is clouded on the first date and nodata on the second
    let cube = lake(&scl, &WET_1);
    let w = water(&cube, &CellAreas::new(&cube.geobox).unwrap(), &WaterSpec::default()).unwrap();
    let count: Vec<u16> = w.frequency.array::<u16>("clear_count").unwrap().iter().copied().collect();
    assert_eq!(count, [2, 2, 2, 1, 2, 0]);
    let share: Vec<f32> = w.frequency.array::<f32>("water_frequency").unwrap().iter().copied().collect();
    assert_eq!(share[..5], [1.0, 0.5, 0.0, 1.0, 0.0]);
    assert!(share[5].is_nan());
    assert_eq!(w.frequency.times.len(), 1);
}

#[test]
fn otsu_parts_two_heaps_of_all_dates() {
    let cube = lake(&CLOUDY, &WET_1);
    let spec = WaterSpec { threshold: Threshold::Otsu, ..WaterSpec::default() };
    let w = water(&cube, &CellAreas::new(&cube.geobox).unwrap(), &spec).unwrap();
    let ThresholdUsed::Otsu(o) = w.threshold else { panic!("{}", w.threshold) };
    // Indices are 0.6 and -0.5 exactly; ten pixels are seen.
    assert!(o.count == 10 && (o.threshold - 0.05).abs() < 0.01, "{o:?}");
    assert_eq!(states(&w), [1, 1, 0, 1, 0, 0, 1, 0, 0, 255, 0, 255]);
}

#[test]
fn otsu_on_land_alone_falls_back_to_zero_and_says_why() {
    // Two kinds of land, MNDWI -0.8 and -0.2: two heaps, but neither is water.
    let green = [100_u16, 100, 400, 400];
    let swir = [900_u16, 900, 600, 600];
    let cube = cube_of(vec![array("green", &[1, 2, 2], &green, None), array("swir16", &[1, 2, 2], &swir, None)]);
    let spec = WaterSpec { threshold: Threshold::Otsu, clear: None, ..WaterSpec::default() };
    let w = water(&cube, &CellAreas::new(&cube.geobox).unwrap(), &spec).unwrap();
    assert_eq!((w.threshold.value(), w.dates[0].water, w.dates[0].seen_extent), (0.0, 0.0, None));
    assert!(w.threshold.to_string().contains("one side of 0"), "{}", w.threshold);
}

#[test]
fn a_cloud_over_everything_leaves_everything_unknown() {
    let cube = lake(&[9; 12], &WET_1);
    let spec = WaterSpec { threshold: Threshold::Otsu, ..WaterSpec::default() };
    let w = water(&cube, &CellAreas::new(&cube.geobox).unwrap(), &spec).unwrap();
    assert_eq!(w.threshold, ThresholdUsed::FellBack(None));
    assert!(states(&w).iter().all(|s| *s == WATER_UNKNOWN));
    assert_eq!((w.dates[0].water, w.dates[0].seen), (0.0, 0.0));
}

#[test]
fn thresholds_out_of_range_and_foreign_areas_are_refused() {
    let cube = lake(&CLOUDY, &WET_1);
    let areas = CellAreas::new(&cube.geobox).unwrap();
    for value in [f64::NAN, 1.5] {
        let spec = WaterSpec { threshold: Threshold::Fixed(value), ..WaterSpec::default() };
        assert!(matches!(water(&cube, &areas, &spec), Err(AnalysisError::Threshold { .. })));
    }
    let mut other = cube.geobox.clone();
    other.shape = Shape::new(5, 5);
    let error = water(&cube, &CellAreas::new(&other).unwrap(), &WaterSpec::default()).unwrap_err().to_string();
    assert!(error.contains("[5, 5]") && error.contains("[2, 3]"), "{error}");
}

#[test]
fn areas_are_true_areas_on_a_degree_grid() {
    // 1 x 1 degree at the equator: 12 308.8 km2 on WGS 84; two rows, the northern one smaller.
    let mut cube =
        cube_of(vec![array("green", &[1, 2, 1], &[9_u8, 9], None), array("swir16", &[1, 2, 1], &[1_u8, 1], None)]);
    cube.geobox =
        GeoBox::new(Shape::new(2, 1), Affine::new(1.0, 0.0, 12.0, 0.0, -1.0, 61.0), Crs::lonlat().unwrap()).unwrap();
    let spec = WaterSpec { clear: None, ..WaterSpec::default() };
    let areas = CellAreas::new(&cube.geobox).unwrap();
    let w = water(&cube, &areas, &spec).unwrap();
    assert!((w.dates[0].water - areas.total()).abs() < 1e-3 && areas.area(0, 0) < areas.area(1, 0));
}
