//! STAC item → EO3 document.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::assets::{self, Asset};
use super::measurements::{Named, named};
use super::version::{self, upgraded};
use super::{LONGEST_ID, NAMESPACE, REMAINDER, geometry, item_out, projection, properties, remainder, word};
use crate::documents::check::{Faults, Node, describe};
use crate::documents::{DocumentError, EO3_SCHEMA, ProductMatcher, RawDocument, Rule, is_absolute};
use crate::{Dataset, Product, parse_instant};

impl Dataset {
    /// The dataset that a STAC item (1.0 or 1.1) describes. Its product is the one that `products` takes items for, else the
    /// one named by the item's collection, else the one whose metadata matches its properties. `location` is where the
    /// document is; an absolute `self` link counts in its place, as relative hrefs start there.
    ///
    /// The identity is the item's where that is a UUID, else the version 5 UUID of collection and id that datacube and odc-stac
    /// make. The document is EO3; what EO3 has no place for is kept in it, so that [`crate::stac::item_of`] gives the item
    /// back.
    ///
    /// # Errors
    /// Where the document is no STAC item of 1.x, says no CRS, no grid (`proj:shape`, `proj:transform`) or no time,
    /// matches no product or several, or lacks a measurement of its product. All faults are reported together.
    pub fn from_stac_item(
        document: &RawDocument,
        location: Option<&str>,
        products: &ProductMatcher,
    ) -> Result<Self, DocumentError> {
        let item = upgraded(&document.value);
        let mut faults = Faults::default();
        version::check(&Node::root(&document.value), &mut faults);
        let eo3 = read(&Node::root(&item), products, &mut faults);
        let eo3 = document.with_value(faults.into_result(document, eo3)?);
        let location = self_link(&item).or(location);
        let mut dataset = Self::from_document(&eo3, location, products)?;
        let known = products.products().iter().find(|p| p.name == dataset.product);
        let mut faults = Faults::default();
        match item_out::base(&dataset, known.map(AsRef::as_ref)) {
            Ok(given) => keep_remainder(&mut dataset.document, &item, &given),
            Err(error) => {
                let root = Node::root(&item);
                let at = root.get("geometry");
                faults.add(at.as_ref().unwrap_or(&root), Rule::Value, error.to_string(), "mend the geometry");
            }
        }
        faults.into_result(document, Some(dataset))
    }
}

fn keep_remainder(document: &mut Value, item: &Value, given: &Map<String, Value>) {
    let Some(item) = item.as_object() else { return };
    let (with, without) = remainder::difference(item, given);
    if let Some(kept) = document.get_mut(REMAINDER).and_then(Value::as_object_mut) {
        kept.insert("with".to_owned(), with);
        kept.insert("without".to_owned(), without);
    }
}

/// The item's own address, where it is absolute.
pub(super) fn self_link(item: &Value) -> Option<&str> {
    link(item, "self").filter(|href| href.contains("://") && is_absolute(href))
}

/// Where a link of this relation leads.
fn link<'v>(item: &'v Value, relation: &str) -> Option<&'v str> {
    let links = item.get("links")?.as_array()?;
    links.iter().find(|l| l.get("rel").and_then(Value::as_str) == Some(relation))?.get("href")?.as_str()
}

/// The EO3 document of an item of STAC 1.1.
fn read(root: &Node<'_>, products: &ProductMatcher, faults: &mut Faults) -> Option<Value> {
    faults.mapping(root, "a STAC item: a mapping with type, stac_version, id, properties and assets")?;
    let id = identity(root, "id", faults);
    let collection = root.get("collection").and_then(|_| identity(root, "collection", faults));
    let Some(at) = root.get("properties") else {
        faults.missing(root, "properties", "datetime and other properties of the item");
        return None;
    };
    let said = faults.mapping(&at, "a mapping of properties")?;
    let collection = collection.or_else(|| said.get("odc:product").and_then(Value::as_str));
    check_time(&at, faults);
    let mut eo3_properties = properties::to_eo3(said);
    let found = match_product(root, collection, &eo3_properties, products, faults);
    let all = assets::read(root, "assets", root.value.get("assets"), true, faults);
    if root.get("assets").is_none() {
        faults.missing(root, "assets", "the files of the item");
    }
    let (data, others) = split(&all, at.value, found.as_ref().map(|(product, _)| *product));
    if let Some(format) = data.iter().find_map(|a| assets::file_format(a)) {
        eo3_properties.entry("odc:file_format").or_insert_with(|| format.into());
    }
    let crs = projection::crs(root, &at, &data, faults);
    let grids = grids(root, &at, &data, faults);
    let footprint = crs.as_ref().map(|crs| geometry::to_eo3(root, crs, faults));
    let (id, (product, name), crs, (grids, grid_names)) = (id?, found?, crs?, grids?);
    let data: Vec<Asset<'_>> = data.into_iter().map(Asset::copied).collect();
    let (measurements, keys) = measurements(root, &data, &grid_names, Some(product), faults);

    let mut document = Map::new();
    document.insert("$schema".to_owned(), EO3_SCHEMA.into());
    document.insert("id".to_owned(), dataset_id(collection, id).to_string().into());
    if let Some(title) = said.get("title").and_then(Value::as_str) {
        document.insert("label".to_owned(), title.into());
    }
    let mut of_product = Map::from_iter([("name".to_owned(), Value::from(name))]);
    if let Some(href) = link(root.value, "product_overview") {
        of_product.insert("href".to_owned(), href.into());
    }
    document.insert("product".to_owned(), of_product.into());
    document.insert("crs".to_owned(), crs.definition().into());
    if let Some(geometry) = footprint.flatten() {
        document.insert("geometry".to_owned(), geometry);
    }
    document.insert("grids".to_owned(), grids.into());
    document.insert("properties".to_owned(), eo3_properties.into());
    document.insert("measurements".to_owned(), measurements.into());
    let accessory = |a: &&Asset<'_>| (a.key.to_owned(), json!({ "path": a.href }));
    document.insert("accessories".to_owned(), others.iter().map(accessory).collect::<Map<_, _>>().into());
    let lineage = said.get("odc:lineage").filter(|v| !v.is_null()).cloned();
    document.insert("lineage".to_owned(), lineage.unwrap_or_else(|| json!({})));
    document.insert(REMAINDER.to_owned(), if keys.is_empty() { json!({}) } else { json!({ "keys": keys }) });
    Some(document.into())
}

/// The id of the item or of its collection.
fn identity<'n>(root: &Node<'n>, key: &str, faults: &mut Faults) -> Option<&'n str> {
    let text = faults.need_text(root, key, "the identity that the catalog it comes from gave it")?;
    if text.is_empty() || text.len() > LONGEST_ID {
        let message = format!("expected 1 to {LONGEST_ID} bytes, got {}", text.len());
        faults.add(&root.get(key)?, Rule::Limit, message, "give it a short name");
        return None;
    }
    Some(text)
}

/// The identity of the dataset of an item: that of the item where it is a UUID, else made of collection and id.
#[must_use]
pub fn dataset_id(collection: Option<&str>, id: &str) -> Uuid {
    let made = || Uuid::new_v5(&NAMESPACE, format!("{}\n{id}\n", collection.unwrap_or("_")).as_bytes());
    Uuid::try_parse(id).unwrap_or_else(|_| made())
}

/// A moment, or a beginning and an end.
fn check_time(properties: &Node<'_>, faults: &mut Faults) {
    let mut is_there = |key: &str| {
        let Some(at) = properties.get(key) else { return false };
        if at.value.as_str().is_none_or(|text| parse_instant(text).is_err()) {
            faults.wrong(&at, "a date and time", "write it as 2034-05-17T10:00:00Z");
        }
        true
    };
    let (moment, start, end) = (is_there("datetime"), is_there("start_datetime"), is_there("end_datetime"));
    let has_range = start && end;
    if !moment && !has_range {
        faults.missing(properties, "datetime", "when it was measured; or both start_datetime and end_datetime");
    }
}

/// The product of an item and the name of it that the document must have.
pub(super) fn match_product<'p>(
    root: &Node<'_>,
    collection: Option<&str>,
    properties: &Map<String, Value>,
    products: &'p ProductMatcher,
    faults: &mut Faults,
) -> Option<(&'p Product, String)> {
    let asked = products.items_of();
    let matching = |name: Option<&str>| {
        let mut probe = json!({ "$schema": EO3_SCHEMA, "properties": properties });
        if let Some(name) = name {
            probe["product"] = json!({ "name": name });
        }
        products.matches(&probe)
    };
    let names = match (asked, collection) {
        (Some(name), _) => vec![name.to_owned()],
        (None, Some(id)) if word(id) == id => vec![id.to_owned()],
        (None, Some(id)) => vec![word(id), id.to_owned()],
        (None, None) => Vec::new(),
    };
    let mut several = Vec::new();
    for name in &names {
        match matching(Some(name))[..] {
            [product] => return Some((product, name.clone())),
            [] => {}
            ref many => several = many.iter().map(|p| p.name.clone()).collect(),
        }
    }
    if names.is_empty() {
        match matching(None)[..] {
            [product] => return Some((product, product.name.clone())),
            [] => {}
            ref many => several = many.iter().map(|p| p.name.clone()).collect(),
        }
    }
    let at = root.get("collection");
    let at = at.as_ref().unwrap_or(root);
    let told = match (asked, collection) {
        (Some(name), _) => format!(" (taken for the product {name})"),
        (None, Some(id)) => format!(" (of the collection {id:?})"),
        (None, None) => " (it names no collection)".to_owned(),
    };
    let (message, help) = if several.is_empty() {
        let name = names.first().map_or_else(String::new, |name| format!(" named {name:?}"));
        (
            format!("the item{told} matches none of {}", products.listed()),
            format!(
                "index its collection first, or add a product definition{name}, or name its product with --product"
            ),
        )
    } else {
        (
            format!("the item{told} matches {} products: {}", several.len(), several.join(", ")),
            "choose one of them, or make their metadata sections tell them apart".to_owned(),
        )
    };
    faults.add(at, Rule::Match, message, help);
    None
}

/// Assets with measurements, and all others. Where some rasters have a grid, those without are no measurements (odc-stac's
/// rule), unless the product has a measurement of that name.
pub(super) fn split<'a, 'v>(
    all: &'a [Asset<'v>],
    properties: &Value,
    product: Option<&Product>,
) -> (Vec<&'a Asset<'v>>, Vec<&'a Asset<'v>>) {
    let known = |a: &Asset<'_>| product.is_some_and(|p| p.measurement(a.key).is_some());
    let grid = |a: &Asset<'_>| projection::has_grid(a, properties);
    let some_have = all.iter().any(|a| a.is_raster() && grid(a));
    let is_data = |a: &&Asset<'_>| {
        known(a) || a.value.get("odc:measurements").is_some() || (a.is_raster() && (grid(a) || !some_have))
    };
    all.iter().partition(is_data)
}

/// Grids by name, and the name of each asset's.
fn grids(
    root: &Node<'_>,
    properties: &Node<'_>,
    data: &[&Asset<'_>],
    faults: &mut Faults,
) -> Option<(Map<String, Value>, Vec<String>)> {
    if data.is_empty() {
        let at = root.get("assets")?;
        let message =
            "expected assets with measurements (rasters by their media type, their role or their name), got none";
        faults.add(
            &at,
            Rule::Missing,
            message,
            "say the media type of the files, such as image/tiff, or their role data",
        );
        return None;
    }
    let lacking: Vec<&str> =
        data.iter().filter(|a| !projection::has_grid(a, properties.value)).map(|a| a.key).collect();
    if !lacking.is_empty() {
        let at = root.get("assets")?;
        let is_missing = |field: &&str| data.iter().any(|a| !projection::says(a, properties.value, field));
        let fields: Vec<&str> = ["proj:shape", "proj:transform"].into_iter().filter(is_missing).collect();
        let fields = fields.join(" and ");
        let message = format!("expected the pixel grids of the assets, got no {fields} for {}", listed(&lacking));
        let help = format!("add {fields} of the projection extension to the item or to its assets");
        faults.add(&at, Rule::Missing, message, help);
        return None;
    }
    let mut all = Vec::with_capacity(data.len());
    for asset in data {
        let grid = projection::grid(root, properties, asset, faults)?;
        let entries = asset.value.get("odc:measurements").and_then(Value::as_object);
        let said = entries
            .and_then(|m| m.values().next())
            .map(|entry| entry.get("grid").and_then(Value::as_str).unwrap_or("default").to_owned());
        all.push((asset.key, grid, said));
    }
    let (mut grids, names) = projection::named_grids(&all, projection::item_grid(properties.value));
    for (name, grid) in properties.value.get("odc:grids").and_then(Value::as_object).into_iter().flatten() {
        grids.entry(name.clone()).or_insert_with(|| grid.clone());
    }
    Some((grids, names))
}

/// Some names in one line.
fn listed(names: &[&str]) -> String {
    match names {
        few if few.len() <= 5 => few.join(", "),
        many => format!("{} and {} more", many[..4].join(", "), many.len() - 4),
    }
}

/// The measurements of the document, and the keys of those assets that are not named after their measurement.
fn measurements(
    root: &Node<'_>,
    data: &[Asset<'_>],
    grid_names: &[String],
    product: Option<&Product>,
    faults: &mut Faults,
) -> (Map<String, Value>, Map<String, Value>) {
    let (mut all, mut keys) = (Map::new(), Map::new());
    let Some(at) = root.get("assets") else { return (all, keys) };
    for Named { asset: i, band, name, said } in named(data, product) {
        let asset = &data[i];
        let mut entry = Map::from_iter([("path".to_owned(), Value::from(asset.href))]);
        if band > 0 {
            entry.insert("band".to_owned(), (band + 1).into());
        }
        if let Some(layer) = said.as_ref().and_then(|s| s.get("layer")) {
            entry.insert("layer".to_owned(), layer.clone());
        }
        let grid = said.as_ref().and_then(|s| s.get("grid")).cloned().unwrap_or_else(|| grid_names[i].clone().into());
        if grid != "default" {
            entry.insert("grid".to_owned(), grid);
        }
        let known = product.and_then(|p| p.measurement(&name));
        let node = at.child(asset.key, asset.value);
        for (key, product_has, neutral, ours) in [
            ("raster:scale", known.and_then(|m| m.scale_factor), 1.0, "scale_factor"),
            ("raster:offset", known.and_then(|m| m.add_offset), 0.0, "add_offset"),
        ] {
            // A band that says one of the two leaves the other out where it changes nothing.
            let both = ["raster:scale", "raster:offset"].map(|key| asset.said(band, key, None));
            if both.iter().all(Option::is_none) {
                continue;
            }
            let value = match asset.said(band, key, None) {
                Some(value) => faults.number(&node.child(key, value), "a number: real = scale · pixel + offset"),
                None => Some(neutral),
            };
            if let Some(value) = value.filter(|v| (v - product_has.unwrap_or(neutral)).abs() > 0.0) {
                entry.insert(ours.to_owned(), asset.said(band, key, None).cloned().unwrap_or_else(|| value.into()));
            }
        }
        if name != asset.key {
            keys.insert(name.clone(), asset.key.into());
        }
        if all.insert(name.clone(), entry.into()).is_some() {
            let message =
                format!("expected one asset for the measurement {name:?}, got a second: {}", describe(asset.value));
            faults.add(&node, Rule::Consistency, message, "name the measurement in one asset only");
        }
    }
    (all, keys)
}
