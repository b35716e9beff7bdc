//! Figures, printed and not asserted: `cargo test -p cube-catalog -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use cube_model::{Dataset, Search};
use jiff::ToSpan;
use tempfile::TempDir;

use crate::samples::{Sample, area, between, equals, product};
use crate::{Catalog, CatalogUrl};

/// Datasets of 2 kB, spread over the Earth and 1,000 days. `CUBE_SPEED_DATASETS` sets how many.
pub(crate) fn datasets(count: u32) -> impl Iterator<Item = Dataset> {
    let start: jiff::Timestamp = "2034-01-01T00:00:00Z".parse().unwrap();
    (0..count).map(move |n| {
        let scatter = |step: u32, span: u32| f64::from(n.wrapping_mul(step) % (span * 100)) / 100.0;
        let (west, south) = (scatter(7919, 358) - 179.0, scatter(104_729, 160) - 80.0);
        let mut sample = Sample::new("scenes", n).at(west, south, west + 1.0, south + 1.0).cloud(scatter(31, 100));
        let time = start + (i64::from(n.wrapping_mul(2_654_435_761) % 1000) * 24).hours();
        sample.time = (time.to_string(), time.to_string());
        let mut document = sample.document();
        for band in 0..12 {
            let name = format!("B{band:02}");
            let path = format!("s3://bucket/sentinel-2/tiles/33/T/TG/2034/5/17/{n}/R10m/{name}.tif");
            document["measurements"][name] = serde_json::json!({"path": path, "grid": "default"});
        }
        Dataset::from_stored(document, Some(&format!("s3://bucket/{n}.yaml")), "scenes").unwrap()
    })
}

/// The middle and the 99th of 100 of these durations.
fn quantiles(mut all: Vec<Duration>) -> (Duration, Duration) {
    all.sort_unstable();
    (all[all.len() / 2], all[all.len() * 99 / 100])
}

#[tokio::test]
#[ignore = "measures and takes long"]
async fn speed_of_indexing_and_searching() {
    let count = std::env::var("CUBE_SPEED_DATASETS").ok().map_or(20_000, |n| n.parse().unwrap());
    let directory = TempDir::new().unwrap();
    let url = CatalogUrl::sqlite(directory.path().join("cube.db"));
    let catalog = Catalog::init(&url).await.unwrap();
    catalog.add_product(&product("scenes")).await.unwrap();
    let mut all = datasets(count);
    let (mut adding, mut again) = (Duration::ZERO, Duration::ZERO);
    let mut bytes = 0;
    loop {
        let batch: Vec<_> = all.by_ref().take(1000).collect();
        if batch.is_empty() {
            break;
        }
        bytes += batch[0].document.to_string().len() * batch.len();
        let begin = Instant::now();
        catalog.add_datasets(&batch).await.unwrap();
        adding += begin.elapsed();
        let begin = Instant::now();
        catalog.add_datasets(&batch).await.unwrap();
        again += begin.elapsed();
    }
    let rate = |time: Duration| f64::from(count) / time.as_secs_f64();
    println!("{count} datasets of {} bytes", bytes / count as usize);
    println!("indexing {:.0}/s, the same again {:.0}/s", rate(adding), rate(again));
    println!(
        "{} bytes a dataset on disk",
        std::fs::metadata(directory.path().join("cube.db")).unwrap().len() / u64::from(count)
    );

    let begin = Instant::now();
    let everywhere = Search::product("scenes").area(area(-170.0, -80.0, -169.0, -79.0));
    catalog.search_ids(&everywhere).await.unwrap();
    println!("first search, by SQL {:?}", begin.elapsed());
    let begin = Instant::now();
    catalog.search_ids(&everywhere).await.unwrap();
    println!("second search, which builds the cache {:?}", begin.elapsed());
    let searches: Vec<_> = (0..500)
        .map(|n| {
            let (west, south) = (f64::from(n * 37 % 350) - 178.0, f64::from(n * 53 % 150) - 78.0);
            Search::product("scenes")
                .area(area(west, south, west + 2.0, south + 2.0))
                .time("2034-03/2034-06".parse().unwrap())
        })
        .collect();
    for (what, catalog) in [("cache", catalog.clone()), ("SQL", catalog.clone().without_cache())] {
        let mut times = Vec::new();
        let mut hits = 0;
        for search in &searches {
            let begin = Instant::now();
            hits += catalog.search_ids(search).await.unwrap().len();
            times.push(begin.elapsed());
        }
        println!(
            "2° box and four months, ids, {what}: p50, p99 {:?}, {hits} hits in {} searches",
            quantiles(times),
            searches.len()
        );
    }
    for (what, search) in [
        (
            "10 by cloud cover",
            Search { fields: vec![between("cloud_cover", 0.0, 5.0)], ..Search::product("scenes") }.limit(10),
        ),
        (
            "10 by platform",
            Search { fields: vec![equals("platform", &["sentinel-2b"])], ..Search::product("scenes") }.limit(10),
        ),
        ("the first 1,000 whole", Search::product("scenes").limit(1000)),
    ] {
        catalog.search(&search).await.unwrap();
        let begin = Instant::now();
        let found = catalog.search(&search).await.unwrap().len();
        println!("{what}: {:?}, {found} datasets", begin.elapsed());
    }
}
