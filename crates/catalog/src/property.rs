//! Random datasets and random searches: SQL alone, the cache in front, and a plain loop over the nouns must agree.

use std::collections::BTreeMap;

use cube_geo::{BoundingBox, Crs, Footprint};
use cube_model::{Dataset, FieldTerm, Search, Status, TimeRange};
use geo_types::MultiPolygon;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use uuid::Uuid;

use crate::postgis::tests::database::Database;
use crate::samples::{Sample, between, boxes, equals, memory, product};
use crate::{Catalog, Outcome};

const PRODUCTS: [&str; 3] = ["lake", "sea", "sky"];
const PLATFORMS: [&str; 3] = ["sentinel-2a", "sentinel-2b", "landsat-8"];

/// Polygons on a coarse grid of degrees, so that edges and corners often touch: boxes, frames with a hole, two parts,
/// boxes across the antimeridian, and belts and caps at the poles.
fn polygons() -> impl Strategy<Value = MultiPolygon<f64>> {
    let corner = (-18..19_i32, -9..9_i32, 1..5_i32, 1..4_i32).prop_map(|(x, y, w, h)| {
        let (west, south) = (f64::from(x) * 10.0, f64::from(y) * 10.0);
        BoundingBox::new(west, south, west + f64::from(w) * 10.0, (south + f64::from(h) * 10.0).min(90.0))
    });
    let frame = corner.clone().prop_map(|b| {
        let (dx, dy) = (b.width() / 4.0, b.height() / 4.0);
        let hole = boxes(&[BoundingBox::new(b.left + dx, b.bottom + dy, b.right - dx, b.top - dy)]);
        let mut polygons = boxes(&[b]);
        polygons.0[0].interiors_push(hole.0[0].exterior().clone());
        polygons
    });
    let belt = (any::<bool>(), 1..3_i32).prop_map(|(north, height)| {
        let edge = 90.0 - f64::from(height) * 10.0;
        let (south, top) = if north { (edge, 90.0) } else { (-90.0, -edge) };
        boxes(&[BoundingBox::new(-180.0, south, 180.0, top)])
    });
    prop_oneof![
        5 => corner.clone().prop_map(|b| boxes(&[b])),
        2 => frame,
        2 => (corner.clone(), corner).prop_map(|(a, b)| boxes(&[a, b])),
        1 => belt,
    ]
}

/// A CRS and polygons in it: degrees mostly, caps and scenes in polar and UTM coordinates besides.
fn place() -> impl Strategy<Value = (&'static str, MultiPolygon<f64>)> {
    let metres = |x: i32, y: i32, size: i32| {
        let (x, y, size) = (f64::from(x) * 1e5, f64::from(y) * 1e5, f64::from(size) * 1e5);
        boxes(&[BoundingBox::new(x, y, x + size, y + size)])
    };
    prop_oneof![
        8 => polygons().prop_map(|p| ("EPSG:4326", p)),
        1 => (-20..20_i32, -20..20_i32, 1..20_i32).prop_map(move |(x, y, s)| ("EPSG:3413", metres(x, y, s))),
        1 => (-20..20_i32, -20..20_i32, 1..20_i32).prop_map(move |(x, y, s)| ("EPSG:3031", metres(x, y, s))),
        1 => (5..9_i32, 0..80_i32, 1..3_i32).prop_map(move |(x, y, s)| ("EPSG:32660", metres(x, y, s))),
    ]
}

/// Hours since 2034, so few that many are equal.
fn hours() -> impl Strategy<Value = (i64, i64)> {
    (0..20_i64, 0..5_i64).prop_map(|(begin, length)| (begin * 12, begin * 12 + length * 6))
}

fn instant(hour: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(2_019_686_400 + hour * 3600).unwrap()
}

fn samples(count: usize) -> impl Strategy<Value = Vec<Sample>> {
    let one = (
        0..PRODUCTS.len(),
        place(),
        hours(),
        proptest::option::of(0..PLATFORMS.len()),
        proptest::option::of(0..10_i32),
    );
    proptest::collection::vec(one, count).prop_map(|all| {
        (0..)
            .zip(all)
            .map(|(n, (product, (crs, polygons), (begin, end), platform, cloud))| Sample {
                crs,
                polygons,
                time: (instant(begin).to_string(), instant(end).to_string()),
                platform: platform.map(|p| PLATFORMS[p].to_owned()),
                cloud_cover: cloud.map(|c| f64::from(c) * 10.0),
                ..Sample::new(PRODUCTS[product], n)
            })
            .collect()
    })
}

fn term() -> impl Strategy<Value = FieldTerm> {
    let platform = proptest::sample::subsequence(PLATFORMS.to_vec(), 1..3).prop_map(|p| equals("platform", &p));
    let cloud = (0..9_i32, 0..5_i32)
        .prop_map(|(low, size)| between("cloud_cover", f64::from(low) * 10.0, f64::from(low + size) * 10.0));
    (prop_oneof![platform, cloud], any::<bool>()).prop_map(|(term, negated)| FieldTerm { negated, ..term })
}

fn searches() -> impl Strategy<Value = Vec<Search>> {
    let status = prop_oneof![3 => Just(Status::Active), 1 => Just(Status::Archived), 1 => Just(Status::All)];
    let one = (
        proptest::sample::subsequence(PRODUCTS.to_vec(), 0..3),
        proptest::option::weighted(0.7, place()),
        proptest::collection::vec(hours(), 0..3),
        proptest::collection::vec(term(), 0..2),
        status,
        proptest::option::weighted(0.3, 0..6_usize),
    );
    let one = one.prop_map(|(products, area, times, fields, status, limit)| Search {
        products: products.into_iter().map(str::to_owned).collect(),
        ids: None,
        times: times.into_iter().map(|(b, e)| TimeRange::new(instant(b), instant(e)).unwrap()).collect(),
        area: area.map(|(crs, polygons)| Footprint::new(polygons, crs.parse::<Crs>().unwrap()).unwrap()),
        fields,
        status,
        order_by: Vec::new(),
        limit,
        fault: None,
    });
    proptest::collection::vec(one, 12)
}

/// What the searches say, by a loop over all datasets.
fn expected(search: &Search, state: &BTreeMap<Uuid, (Sample, Dataset, bool)>) -> Vec<Uuid> {
    let area = search.area.as_ref().map(|area| area.to_lonlat().unwrap());
    let mut found: Vec<_> = state
        .values()
        .filter(|(sample, dataset, archived)| {
            let holds = |term: &FieldTerm| match term.name.as_str() {
                "platform" => term
                    .any
                    .iter()
                    .any(|test| sample.platform.as_ref().is_some_and(|p| *test == equals("platform", &[p]).any[0])),
                _ => sample.cloud_cover.is_some_and(|c| match &term.any[0] {
                    cube_model::FieldTest::Between(
                        Some(cube_model::FieldValue::Number(low)),
                        Some(cube_model::FieldValue::Number(high)),
                    ) => *low <= c && c <= *high,
                    other => panic!("no such test: {other:?}"),
                }),
            };
            (search.products.is_empty() || search.products.contains(&dataset.product))
                && (search.times.is_empty() || search.times.iter().any(|time| time.overlaps(dataset.time)))
                && search.fields.iter().all(|term| holds(term) != term.negated)
                && match search.status {
                    Status::Active => !archived,
                    Status::Archived => *archived,
                    Status::All => true,
                }
                && area.as_ref().is_none_or(|a| dataset.footprint.to_lonlat().unwrap().intersects(a).unwrap())
        })
        .map(|(_, dataset, _)| (dataset.time.center(), dataset.id))
        .collect();
    found.sort_unstable();
    found.truncate(search.limit.unwrap_or(usize::MAX));
    found.into_iter().map(|(_, id)| id).collect()
}

/// Searches in all ways; answers how many datasets were found in all.
async fn compare(catalog: &Catalog, searches: &[Search], state: &BTreeMap<Uuid, (Sample, Dataset, bool)>) -> usize {
    let sql = catalog.clone().without_cache();
    let mut hits = 0;
    for search in searches {
        let wanted = expected(search, state);
        assert_eq!(sql.search_ids(search).await.unwrap(), wanted, "SQL, {search:?}");
        assert_eq!(catalog.search_ids(search).await.unwrap(), wanted, "the cache, {search:?}");
        assert_eq!(catalog.count(search).await.unwrap(), wanted.len() as u64, "the count, {search:?}");
        hits += wanted.len();
    }
    hits
}

/// A change of dataset `at`: archived, restored, purged, or given another place and time.
type Change = (usize, u8, (&'static str, MultiPolygon<f64>), (i64, i64));

fn changes() -> impl Strategy<Value = Vec<Change>> {
    proptest::collection::vec((0..48_usize, 0..4_u8, place(), hours()), 1..24)
}

/// Fills a catalog, searches it, and searches it again and again between changes.
async fn agree(catalog: &Catalog, samples: &[Sample], searches: &[Search], later: Vec<Change>) {
    let mut state: BTreeMap<_, _> = samples.iter().map(|s| (s.id, (s.clone(), s.dataset(), false))).collect();
    let datasets: Vec<_> = state.values().map(|(_, dataset, _)| dataset.clone()).collect();
    catalog.add_datasets(&datasets).await.unwrap();
    compare(catalog, searches, &state).await;
    // Now the cache is there: change things one by one behind its back, a few between two comparisons.
    for (n, (at, change, (crs, polygons), (begin, end))) in later.into_iter().enumerate() {
        let id = samples[at].id;
        match (change, state.get_mut(&id)) {
            (0, Some((_, _, archived))) => {
                catalog.archive(&[id]).await.unwrap();
                *archived = true;
            }
            (1, Some((_, _, archived))) => {
                catalog.restore(&[id]).await.unwrap();
                *archived = false;
            }
            (2, Some(_)) => {
                catalog.purge(&[id], true).await.unwrap();
                state.remove(&id);
            }
            (_, there) => {
                let time = (instant(begin).to_string(), instant(end).to_string());
                let sample = Sample { crs, polygons, time, ..samples[at].clone() };
                let dataset = sample.dataset();
                let outcome = catalog.update_datasets(std::slice::from_ref(&dataset)).await.unwrap();
                assert!(!matches!(outcome[0], Outcome::Changed { .. }), "{outcome:?}");
                let archived = there.is_some_and(|(_, _, archived)| *archived);
                state.insert(id, (sample, dataset, archived));
            }
        }
        if n % 5 == 4 {
            compare(catalog, &searches[..4], &state).await;
        }
    }
    compare(catalog, searches, &state).await;
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn sql_cache_and_a_plain_loop_find_the_same(samples in samples(48), searches in searches(), later in changes()) {
        runtime().block_on(async { agree(&memory(&PRODUCTS).await, &samples, &searches, later).await });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn postgis_cache_and_a_plain_loop_find_the_same(samples in samples(48), searches in searches(), later in changes()) {
        runtime().block_on(async {
            let Some(database) = Database::new().await else { return };
            let catalog = database.catalog().await;
            for name in PRODUCTS {
                catalog.add_product(&product(name)).await.unwrap();
            }
            agree(&catalog, &samples, &searches, later).await;
        });
    }
}

#[test]
fn the_random_searches_find_something() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let runtime = runtime();
    let draw = (samples(48), searches());
    let hits: usize = (0..8)
        .map(|_| {
            let (samples, searches) = draw.new_tree(&mut runner).unwrap().current();
            let state = samples.iter().map(|s| (s.id, (s.clone(), s.dataset(), false))).collect();
            runtime.block_on(async {
                let catalog = memory(&PRODUCTS).await;
                let datasets: Vec<_> = samples.iter().map(Sample::dataset).collect();
                catalog.add_datasets(&datasets).await.unwrap();
                let hits = compare(&catalog, &searches, &state).await;
                assert!(catalog.cache.as_ref().unwrap().size().products > 0, "the cache took part");
                hits
            })
        })
        .sum();
    assert!(hits > 100, "only {hits} hits: the property would prove little");
}
