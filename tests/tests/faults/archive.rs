//! The documents that are indexed while something goes wrong.

use serde_json::{Value, json};
use uuid::Uuid;

/// The product of all documents.
pub(crate) const PRODUCT: &str = "faulty";

/// Its definition.
pub(crate) fn product() -> String {
    json!({
        "name": PRODUCT, "description": "documents of the fault tests", "metadata_type": "eo3",
        "metadata": {"product": {"name": PRODUCT}},
        "measurements": [{"name": "red", "dtype": "uint16", "nodata": 0, "units": "1"}],
    })
    .to_string()
}

/// The id of document `n`.
pub(crate) fn id(n: usize) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &n.to_le_bytes())
}

/// Document `n`: half of them in a UTM zone, some with sources, all with values for several search fields.
pub(crate) fn document(n: usize) -> Value {
    let step = f64::from(u32::try_from(n % 300).unwrap());
    let (crs, left, top, size) = if n.is_multiple_of(2) {
        ("EPSG:4326", -150.0 + step, 60.0 - step / 3.0, 0.01)
    } else {
        ("EPSG:32633", 300_000.0 + 1000.0 * step, 4_600_000.0, 10.0)
    };
    let (right, bottom) = (left + 100.0 * size, top - 100.0 * size);
    let lineage = if n.is_multiple_of(5) { json!({"level1": [id(n + 1)], "dem": [id(0), id(2)]}) } else { json!({}) };
    json!({
        "$schema": "https://schemas.opendatacube.org/dataset",
        "id": id(n),
        "label": format!("scene {n} of the fault tests"),
        "product": {"name": PRODUCT},
        "crs": crs,
        "geometry": {"type": "Polygon", "coordinates":
            [[[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]]},
        "grids": {"default": {"shape": [100, 100], "transform": [size, 0, left, 0, -size, top, 0, 0, 1]}},
        "properties": {
            "datetime": format!("2034-{:02}-{:02}T10:00:00.{:06}Z", n % 12 + 1, n % 28 + 1, n % 1_000_000),
            "odc:processing_datetime": "2034-12-31T00:00:00Z",
            "eo:platform": if n.is_multiple_of(3) { "sentinel-2a" } else { "sentinel-2b" },
            "eo:cloud_cover": n % 100,
            "odc:region_code": format!("T{:02}", n % 60),
        },
        "measurements": {"red": {"path": format!("scene-{n}/red.tif")}},
        "lineage": lineage,
    })
}

/// These documents, a line each.
pub(crate) fn lines(numbers: impl IntoIterator<Item = usize>) -> String {
    numbers.into_iter().flat_map(|n| [document(n).to_string(), "\n".to_owned()]).collect()
}
