//! Small items and collections.

use cube_tests::server::Reply;
use serde_json::{Value, json};

/// A collection whose items have two measurements.
pub(crate) fn collection(id: &str, links: &Value) -> Value {
    json!({
        "type": "Collection", "stac_version": "1.0.0", "id": id, "description": "Scenes.", "license": "CC-BY-4.0",
        "extent": {"spatial": {"bbox": [[12, 42, 13, 43]]}, "temporal": {"interval": [["2034-05-01T00:00:00Z", null]]}},
        "item_assets": {
            "red": {"type": "image/tiff", "roles": ["data"], "raster:bands": [{"data_type": "uint16", "nodata": 0}]},
            "nir": {"type": "image/tiff", "roles": ["data"], "raster:bands": [{"data_type": "uint16", "nodata": 0}]},
        },
        "links": links,
    })
}

/// An item of it. Each number is another day.
pub(crate) fn item(collection: &str, n: usize) -> Value {
    let asset = |name: &str| json!({"href": format!("https://data.example/{n}/{name}.tif"), "type": "image/tiff", "roles": ["data"]});
    json!({
        "type": "Feature", "stac_version": "1.0.0", "id": format!("scene-{n}"), "collection": collection,
        "bbox": [12.0, 42.0, 12.1, 42.1],
        "geometry": {"type": "Polygon", "coordinates": [[[12.0, 42.0], [12.1, 42.0], [12.1, 42.1], [12.0, 42.1], [12.0, 42.0]]]},
        "properties": {
            "datetime": format!("2034-05-{:02}T10:00:00Z", n % 28 + 1), "created": "2034-06-01T00:00:00Z",
            "updated": "2034-06-01T00:00:00Z", "proj:epsg": 32633,
            "proj:shape": [100, 100], "proj:transform": [100.0, 0.0, 250_000.0, 0.0, -100.0, 4_660_000.0],
        },
        "assets": {"red": asset("red"), "nir": asset("nir")}, "links": [],
    })
}

/// A page of items.
pub(crate) fn page(items: &[Value], next: Option<Value>) -> Reply {
    let links: Vec<Value> = next.into_iter().collect();
    Reply::json(&json!({"type": "FeatureCollection", "features": items, "links": links}))
}

/// The landing page of an API at `root`.
pub(crate) fn landing(root: &str, methods: &[&str]) -> Value {
    let search = |method: &&str| json!({"rel": "search", "href": format!("{root}/search"), "method": method});
    let mut links: Vec<Value> = methods.iter().map(search).collect();
    links.push(json!({"rel": "data", "href": format!("{root}/collections")}));
    json!({
        "type": "Catalog", "stac_version": "1.0.0", "id": "api", "description": "An API.", "links": links,
        "conformsTo": ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"],
    })
}
