//! How fast documents are read; the dev profile's floor, far below what is measured, so that a busy machine passes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

use cube_model::documents::{ProductMatcher, parse};
use cube_model::{Dataset, Product};

/// A typical EO3 document of two kilobytes.
fn document(number: usize) -> String {
    let mut text = format!(
        "---\n# Dataset\n$schema: https://schemas.opendatacube.org/dataset\nid: f884df9b-4458-47fd-a9d2-{number:012x}\nlabel: scene_{number}\n\
         product:\n  name: scenes\n  href: https://example.org/product/scenes\ncrs: EPSG:32633\ngeometry:\n  type: Polygon\n  coordinates: [[[499980.0, 4700040.0], [609780.0, 4700040.0],\n    \
         [609780.0, 4590240.0], [499980.0, 4590240.0], [499980.0, 4700040.0]]]\ngrids:\n  default:\n    shape: [10980, 10980]\n    transform: [10, 0, 499980, 0, -10, 4700040, 0, 0, 1]\n  \
         coarse:\n    shape: [5490, 5490]\n    transform: [20, 0, 499980, 0, -20, 4700040, 0, 0, 1]\nproperties:\n  datetime: 2034-05-17T10:00:31.024Z\n  odc:processing_datetime: 2034-05-17T22:14:05Z\n  \
         eo:platform: sentinel-2a\n  eo:instrument: MSI\n  eo:cloud_cover: 12.5\n  eo:gsd: 10\n  odc:file_format: GeoTIFF\n  odc:region_code: 33TTG\n  sentinel:utm_zone: 33\n  sentinel:latitude_band: T\n  \
         sentinel:grid_square: TG\n  sentinel:valid_cloud_cover: true\nmeasurements:\n"
    );
    for band in 1..=12 {
        let grid = if band % 2 == 0 { "" } else { "\n    grid: coarse" };
        writeln!(text, "  band_{band:02}:\n    path: https://example.org/scenes/33/T/TG/{number}/B{band:02}.tif{grid}")
            .unwrap();
    }
    text.push_str("lineage: {}\n");
    text
}

fn product() -> Arc<Product> {
    let mut text =
        "name: scenes\ndescription: Scenes\nmetadata_type: eo3\nmetadata: {product: {name: scenes}}\nmeasurements:\n"
            .to_owned();
    for band in 1..=12 {
        writeln!(text, "- {{name: band_{band:02}, dtype: uint16, nodata: 0, units: '1'}}").unwrap();
    }
    Arc::new(Product::from_document(&parse(&text, "product.yaml").unwrap()[0]).unwrap())
}

#[test]
fn thousands_of_documents_a_second() {
    let texts: Vec<String> = (0..2000).map(document).collect();
    let products = ProductMatcher::new([product()]);
    let bytes = texts.iter().map(String::len).sum::<usize>() / texts.len();
    let start = Instant::now();
    let parsed: Vec<_> = texts.iter().map(|t| parse(t, "x.yaml").unwrap().remove(0)).collect();
    let reading = start.elapsed();
    let start = Instant::now();
    for raw in &parsed {
        Dataset::from_document(raw, Some("/data/x.yaml"), &products).unwrap();
    }
    let checking = start.elapsed();
    let start = Instant::now();
    for raw in parsed {
        Dataset::from_stored(raw.value, Some("/data/x.yaml"), "scenes").unwrap();
    }
    let rate = |t: std::time::Duration| 2000.0 / t.as_secs_f64();
    println!(
        "documents of {bytes} bytes a second and core: read {:.0}, check {:.0}, both {:.0}, from the catalog {:.0}",
        rate(reading),
        rate(checking),
        rate(reading + checking),
        rate(start.elapsed())
    );
    assert!(rate(reading + checking) > 500.0, "{:.0} documents a second", rate(reading + checking));
}
