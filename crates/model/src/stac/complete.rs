//! Pixel grids that an item leaves out, for who can read the headers of its files.

use cube_geo::{Affine, Crs, Shape};
use serde_json::{Map, Value, json};

use super::item_in::{match_product, self_link, split};
use super::version::upgraded;
use super::{assets, projection, properties};
use crate::documents::check::{Faults, Node};
use crate::documents::{DocumentKind, ProductMatcher, RawDocument};

/// An asset with measurements whose grid or CRS the item does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LackingGrid {
    /// Its key.
    pub key: String,
    /// Its file, as the item says it.
    pub href: String,
    /// Where a relative path of it starts.
    pub base: Option<String>,
    /// The variable in the file, where the item says one.
    pub layer: Option<String>,
}

/// What a file's header says of its grid.
#[derive(Debug, Clone)]
pub struct HeaderGrid {
    /// Rows and columns.
    pub shape: Shape,
    /// From (column, row) to (x, y).
    pub affine: Affine,
    /// The CRS, where the header says it.
    pub crs: Option<Crs>,
}

/// The assets whose headers must be read before an item is a dataset; none for what is no item, and for an item that
/// matches no product, which is refused for that. `location` is where the document is.
#[must_use]
pub fn lacking_grids(document: &RawDocument, location: Option<&str>, products: &ProductMatcher) -> Vec<LackingGrid> {
    if document.kind() != DocumentKind::StacItem {
        return Vec::new();
    }
    let item = upgraded(&document.value);
    let root = Node::root(&item);
    let Some(said) = root.get("properties").filter(|p| p.value.is_object()) else { return Vec::new() };
    // Faults are told when the item is read.
    let mut faults = Faults::default();
    let collection = item.get("collection").and_then(Value::as_str);
    let collection = collection.or_else(|| said.value.get("odc:product").and_then(Value::as_str));
    let eo3 = said.value.as_object().map(properties::to_eo3).unwrap_or_default();
    let Some((product, _)) = match_product(&root, collection, &eo3, products, &mut faults) else { return Vec::new() };
    let all = assets::read(&root, "assets", item.get("assets"), true, &mut faults);
    let (data, _) = split(&all, said.value, Some(product));
    let has_crs = |asset: &assets::Asset<'_>| projection::says_crs(asset.value) || projection::says_crs(said.value);
    let lacks = |asset: &&&assets::Asset<'_>| !projection::has_grid(asset, said.value) || !has_crs(asset);
    let base = self_link(&item).or(location);
    let lacking = |asset: &&assets::Asset<'_>| LackingGrid {
        key: asset.key.to_owned(),
        href: asset.href.to_owned(),
        base: base.map(str::to_owned),
        layer: layer_of(asset.value),
    };
    data.iter().filter(lacks).map(lacking).collect()
}

/// The one variable that an asset says it has, if it says several the first.
fn layer_of(asset: &Value) -> Option<String> {
    let said = asset.get("odc:measurements")?.as_object()?.values().next()?;
    said.get("layer")?.as_str().map(str::to_owned)
}

/// The item with the grids of these assets, by their keys. What the item says itself stays.
#[must_use]
pub fn with_grids(document: RawDocument, grids: &[(String, HeaderGrid)]) -> RawDocument {
    let mut value = document.value.clone();
    for (key, grid) in grids {
        let asset = value.get_mut("assets").and_then(|assets| assets.get_mut(key)?.as_object_mut());
        if let Some(asset) = asset {
            put(asset, grid);
        }
    }
    // Where the item says no CRS and all files agree, it is the item's; else each asset has its own.
    let says = value.get("properties").is_some_and(|p| projection::says_crs(&upgraded_properties(p)));
    let crs = |grid: &HeaderGrid| grid.crs.as_ref().map(said_crs);
    let first = grids.first().and_then(|(_, grid)| crs(grid));
    let agree = grids.iter().all(|(_, grid)| crs(grid) == first);
    if let (false, true, Some(said)) = (says, agree, &first) {
        if let Some(properties) = value.get_mut("properties").and_then(Value::as_object_mut) {
            properties.retain(|key, value| !(key.starts_with("proj:") && value.is_null()));
            properties.extend([said.clone()]);
        }
    } else if !says {
        for (key, grid) in grids {
            let asset = value.get_mut("assets").and_then(|assets| assets.get_mut(key)?.as_object_mut());
            if let Some(asset) = asset {
                asset.extend(crs(grid));
            }
        }
    }
    if grids.is_empty() { document } else { document.with_value(value) }
}

/// Properties as those of 1.1.
fn upgraded_properties(properties: &Value) -> Value {
    upgraded(&json!({ "properties": properties }))["properties"].take()
}

fn put(asset: &mut Map<String, Value>, grid: &HeaderGrid) {
    let a = grid.affine;
    let is_null = |asset: &Map<String, Value>, key: &str| asset.get(key).is_none_or(Value::is_null);
    // Shape and transform belong together: where one of them is missing both are the file's.
    if is_null(asset, "proj:shape") || is_null(asset, "proj:transform") {
        asset.insert("proj:shape".to_owned(), json!([grid.shape.rows, grid.shape.cols]));
        asset.insert("proj:transform".to_owned(), json!([a.a, a.b, a.c, a.d, a.e, a.f]));
    }
}

/// How STAC says a CRS: by its code, else as WKT.
fn said_crs(crs: &Crs) -> (String, Value) {
    match crs.epsg_code() {
        Some(code) => ("proj:code".to_owned(), format!("EPSG:{code}").into()),
        None => ("proj:wkt2".to_owned(), crs.wkt().into()),
    }
}
