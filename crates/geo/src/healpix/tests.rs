use serde::Deserialize;

use super::*;

/// What healpy says; `tests/oracles/healpix.py` makes it.
const ORACLE: &str = include_str!("../../../../tests/oracles/healpix.json");

#[derive(Deserialize)]
struct Case {
    nside: u32,
    order: HealpixOrder,
    lon: Vec<f64>,
    lat: Vec<f64>,
    cell: Vec<u32>,
    taps: Vec<[u32; 4]>,
    weights: Vec<[f64; 4]>,
}

fn cases() -> Vec<(Healpix, Case)> {
    let cases: Vec<Case> = serde_json::from_str(ORACLE).unwrap();
    assert_eq!(cases.len(), 13);
    cases.into_iter().map(|case| (Healpix::new(case.nside, case.order).unwrap(), case)).collect()
}

fn all() -> impl Iterator<Item = Healpix> {
    [(1, true), (2, true), (4, true), (6, false), (8, true)].into_iter().flat_map(|(nside, nested)| {
        let ring = Healpix::new(nside, HealpixOrder::Ring);
        let nested = nested.then(|| Healpix::new(nside, HealpixOrder::Nested).unwrap());
        std::iter::once(ring.unwrap()).chain(nested)
    })
}

#[test]
fn places_lie_in_the_cells_that_healpy_says() {
    for (cells, case) in cases() {
        let mut found = vec![0; case.cell.len()];
        cells.cells_at(&case.lon, &case.lat, &mut found);
        assert_eq!(found, case.cell, "{cells}");
    }
}

#[test]
fn weights_are_those_of_healpy() {
    for (cells, case) in cases() {
        let interpolation = Interpolation::new(cells);
        for (i, (lon, lat)) in case.lon.iter().zip(&case.lat).enumerate() {
            // Healpy's order of the four is kept, but a weight of 0 may stand at another cell.
            let sums = |taps: &mut dyn Iterator<Item = (u32, f64)>| {
                let mut sums = std::collections::BTreeMap::new();
                taps.for_each(|(cell, weight)| *sums.entry(cell).or_insert(0.0) += weight);
                sums.retain(|_, weight: &mut f64| *weight > 1e-9);
                sums
            };
            let due = sums(&mut case.taps[i].into_iter().zip(case.weights[i]));
            let got = sums(&mut interpolation.taps(*lon, *lat).unwrap().into_iter());
            assert_eq!(due.keys().collect::<Vec<_>>(), got.keys().collect::<Vec<_>>(), "{cells} at {lon} {lat}");
            for (cell, weight) in due {
                assert!((weight - got[&cell]).abs() < 1e-9, "{cells} at {lon} {lat}: {weight} {}", got[&cell]);
            }
        }
    }
}

#[test]
fn no_place_is_in_no_cell() {
    let cells = Healpix::new(4, HealpixOrder::Ring).unwrap();
    assert_eq!(cells.cell(f64::NAN, 0.0), None);
    assert_eq!(cells.cell(0.0, f64::NAN), None);
    assert_eq!(cells.cell(0.0, 90.1), None);
    assert!(Interpolation::new(cells).taps(0.0, -91.0).is_none());
    assert_eq!(cells.cell(0.0, 90.0), cells.cell(1.0, 89.9));
}

#[test]
fn impossible_grids_are_refused() {
    assert_eq!(Healpix::new(0, HealpixOrder::Ring), Err(HealpixError::Nside { nside: 0 }));
    Healpix::new(8193, HealpixOrder::Ring).unwrap_err();
    Healpix::new(6, HealpixOrder::Nested).unwrap_err();
    serde_json::from_str::<Healpix>(r#"{"nside": 0, "order": "ring"}"#).unwrap_err();
    let cells = Healpix::new(128, HealpixOrder::Nested).unwrap();
    let text = serde_json::to_string(&cells).unwrap();
    assert_eq!(text, r#"{"nside":128,"order":"nested"}"#);
    assert_eq!(serde_json::from_str::<Healpix>(&text).unwrap(), cells);
}

/// The shares of a box of degrees.
fn shares(cells: Healpix, (west, south, east, north): (f64, f64, f64, f64)) -> Vec<(u32, f64)> {
    let mut shares = Vec::new();
    CellOverlap::new(cells).shares(&[(west, south), (east, south), (east, north), (west, north)], &mut shares);
    shares
}

/// The area of such a box, in cells.
fn area(cells: Healpix, (west, south, east, north): (f64, f64, f64, f64)) -> f64 {
    let zone = north.to_radians().sin() - south.to_radians().sin();
    (east - west).to_radians() * zone / cells.cell_area()
}

#[test]
fn shares_add_up_to_the_area_of_a_box() {
    for cells in all() {
        for bounds in [
            (0.0, 0.0, 1.0, 1.0),
            (-20.0, -30.0, 100.0, 35.0),
            (80.0, 30.0, 100.0, 50.0),
            (170.0, -60.0, 190.0, -20.0),
            (-10.0, 70.0, 20.0, 90.0),
            (350.0, -90.0, 370.0, -85.0),
            (45.3, 41.0, 45.4, 42.0),
        ] {
            let sum: f64 = shares(cells, bounds).iter().map(|(_, share)| share).sum();
            let due = area(cells, bounds);
            assert!((sum - due).abs() < 1e-9 * due.max(1.0), "{cells}: {bounds:?} {sum} {due}");
        }
    }
}

#[test]
fn boxes_over_the_whole_earth_hold_each_cell_once() {
    for cells in all() {
        let mut sums = vec![0.0; cells.count() as usize];
        for lat in (-90..90).step_by(10) {
            for lon in (-180..180).step_by(15) {
                let (lon, lat) = (f64::from(lon), f64::from(lat));
                for (cell, share) in shares(cells, (lon, lat, lon + 15.0, lat + 10.0)) {
                    sums[cell as usize] += share;
                }
            }
        }
        for (cell, sum) in sums.iter().enumerate() {
            assert!((sum - 1.0).abs() < 1e-9, "{cells}: cell {cell} {sum}");
        }
    }
}

#[test]
fn a_small_area_lies_in_the_cell_under_it() {
    for cells in all() {
        for (lon, lat) in [(12.3, 42.1), (-100.2, 71.0), (33.0, -66.0), (181.0, -12.0), (359.9, 5.0)] {
            let d = 1e-6;
            let shares = shares(cells, (lon - d, lat - d, lon + d, lat + d));
            assert_eq!(shares.len(), 1, "{cells} {lon} {lat}: {shares:?}");
            assert_eq!(Some(shares[0].0), cells.cell(lon, lat), "{cells} {lon} {lat}");
        }
    }
}

#[test]
fn a_polygon_may_hold_a_pole() {
    let cells = Healpix::new(8, HealpixOrder::Nested).unwrap();
    for (pole, step) in [(1.0, 10.0), (1.0, -10.0), (-1.0, 10.0)] {
        let around: Vec<(f64, f64)> = (0..36).map(|i| (f64::from(i) * step, 80.0 * pole)).collect();
        let mut found = Vec::new();
        CellOverlap::new(cells).shares(&around, &mut found);
        let sum: f64 = found.iter().map(|(_, share)| share).sum();
        let due = area(cells, (0.0, 80.0, 360.0, 90.0));
        assert!((sum - due).abs() < 1e-9, "{pole} {step}: {sum} {due}");
    }
    // A corner at the pole has whatever longitude PROJ gives it.
    let mut found = Vec::new();
    CellOverlap::new(cells).shares(&[(10.0, 85.0), (40.0, 85.0), (-77.0, 90.0)], &mut found);
    let sum: f64 = found.iter().map(|(_, share)| share).sum();
    assert!((sum - area(cells, (10.0, 85.0, 40.0, 90.0))).abs() < 1e-9, "{sum}");
}
