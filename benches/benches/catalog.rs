//! The catalog in a SQLite file: indexing, the same again, and searches with and without the cache.
#![expect(clippy::expect_used, reason = "a bench whose set-up fails has nothing to measure")]

use cube_catalog::{Catalog, CatalogUrl};
use cube_model::documents::RawDocument;
use cube_model::{Dataset, Product, Search};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

fn main() {
    divan::main();
}

/// Datasets 1° wide, scattered over the Earth and 28 days, with documents of some 1.5 kB.
fn datasets(numbers: std::ops::Range<u32>) -> Vec<Dataset> {
    numbers
        .map(|n| {
            let west = f64::from(n.wrapping_mul(7919) % 35_800) / 100.0 - 179.0;
            let south = f64::from(n.wrapping_mul(104_729) % 16_000) / 100.0 - 80.0;
            let (east, north) = (west + 1.0, south + 1.0);
            let path = |band| format!("s3://bucket/sentinel-2/tiles/33/T/TG/2034/5/{n}/R10m/B{band:02}.tif");
            let measurements: serde_json::Map<_, _> =
                (0..12).map(|band| (format!("B{band:02}"), json!({"path": path(band)}))).collect();
            let document = json!({
                "$schema": "https://schemas.opendatacube.org/dataset",
                "id": Uuid::new_v5(&Uuid::NAMESPACE_URL, &n.to_le_bytes()).to_string(),
                "product": {"name": "scenes"},
                "crs": "EPSG:4326",
                "geometry": {"type": "Polygon", "coordinates":
                    [[[west, south], [east, south], [east, north], [west, north], [west, south]]]},
                "grids": {"default": {"shape": [100, 100], "transform": [0.01, 0, west, 0, -0.01, north, 0, 0, 1]}},
                "properties": {
                    "datetime": format!("2034-05-{:02}T10:00:00Z", n % 28 + 1),
                    "odc:processing_datetime": "2034-06-01T00:00:00Z",
                    "eo:cloud_cover": n % 100, "eo:platform": "sentinel-2a", "odc:region_code": format!("T{}", n % 1000),
                },
                "measurements": measurements,
                "lineage": {},
            });
            Dataset::from_stored(document, None, "scenes").expect("a dataset document")
        })
        .collect()
}

struct Bench {
    runtime: Runtime,
    catalog: Catalog,
    _directory: TempDir,
}

impl Bench {
    fn new(count: u32) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let directory = TempDir::new().expect("a directory");
        let document = json!({
            "name": "scenes", "description": "scenes of the bench", "metadata_type": "eo3",
            "metadata": {"product": {"name": "scenes"}},
        });
        let product = Product::from_document(&RawDocument::from_value(document, "bench")).expect("a product");
        let catalog = runtime.block_on(async {
            let url = CatalogUrl::sqlite(directory.path().join("cube.db"));
            let catalog = Catalog::init(&url).await.expect("a catalog");
            catalog.add_product(&product).await.expect("the product");
            for begin in (0..count).step_by(1000) {
                let batch = datasets(begin..(begin + 1000).min(count));
                catalog.add_datasets(&batch).await.expect("the datasets");
            }
            catalog
        });
        Self { runtime, catalog, _directory: directory }
    }
}

/// 1,000 datasets into a catalog that holds `count`.
#[divan::bench(args = [0, 20_000], sample_count = 10)]
fn index_1000(bencher: Bencher, count: u32) {
    let bench = Bench::new(count);
    let mut begin = count;
    bencher
        .counter(ItemsCount::new(1000_u32))
        .with_inputs(|| {
            begin += 1000;
            datasets(begin..begin + 1000)
        })
        .bench_local_values(|batch| bench.runtime.block_on(bench.catalog.add_datasets(&batch)).expect("indexing"));
}

/// 1,000 datasets that are there already.
#[divan::bench(sample_count = 10)]
fn index_1000_again(bencher: Bencher) {
    let bench = Bench::new(20_000);
    let batch = datasets(0..1000);
    bencher
        .counter(ItemsCount::new(1000_u32))
        .bench_local(|| bench.runtime.block_on(bench.catalog.add_datasets(black_box(&batch))).expect("indexing"));
}

/// Ids in a box of 2° and ten days, of 20,000 datasets.
#[divan::bench(args = [true, false])]
fn search_ids(bencher: Bencher, cache: bool) {
    let Bench { runtime, catalog, _directory } = Bench::new(20_000);
    let catalog = if cache { catalog } else { catalog.without_cache() };
    let search = Search::product("scenes").bbox(10.0, 40.0, 12.0, 42.0).expect("a box");
    let search = search.time("2034-05-10/2034-05-20".parse().expect("a time"));
    // The second search builds the tree.
    for _ in 0..2 {
        runtime.block_on(catalog.search_ids(&search)).expect("a search");
    }
    bencher.bench_local(|| runtime.block_on(catalog.search_ids(black_box(&search))).expect("a search"));
}

/// The same in the cache alone, with no look at the database.
#[divan::bench(args = [20_000])]
fn ids_in_cache(bencher: Bencher, count: u32) {
    let Bench { runtime, catalog, _directory } = Bench::new(count);
    let search = Search::product("scenes").bbox(10.0, 40.0, 12.0, 42.0).expect("a box");
    let search = search.time("2034-05-10/2034-05-20".parse().expect("a time"));
    for _ in 0..2 {
        runtime.block_on(catalog.search_ids(&search)).expect("a search");
    }
    bencher.bench_local(|| catalog.ids_in_cache(black_box(&search)).expect("a search").expect("a tree"));
}
