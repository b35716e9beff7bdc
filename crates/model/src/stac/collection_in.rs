//! STAC collection → product definition.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::assets::{self, Asset};
use super::measurements::own_key;
use super::version::{self, upgraded};
use super::{LONGEST_ID, word};
use crate::DataType;
use crate::documents::check::{Faults, Node};
use crate::documents::{DocumentError, DocumentKind, RawDocument, Rule};

/// The product definition that a STAC collection gives: named after its id (with underscores for what names may not
/// have), with the measurements of its `item_assets`.
///
/// # Errors
/// Where the document is no STAC collection, or says too little of its measurements.
pub(crate) fn product_document(document: &RawDocument) -> Result<RawDocument, DocumentError> {
    let collection = upgraded(&document.value);
    let mut faults = Faults::default();
    version::check(&Node::root(&document.value), &mut faults);
    let product = read(&Node::root(&collection), &mut faults);
    faults.into_result(document, product).map(|product| document.with_value(product))
}

/// The name of the product that a STAC collection gives; `None` where the document is none, or has no id.
#[must_use]
pub fn product_name(document: &RawDocument) -> Option<String> {
    let is_collection = document.kind() == DocumentKind::StacCollection;
    document.value.get("id").and_then(Value::as_str).filter(|_| is_collection).map(word)
}

fn read(root: &Node<'_>, faults: &mut Faults) -> Option<Value> {
    let id = faults.need_text(root, "id", "the identity of the collection");
    let name = id.and_then(|id| {
        let fits = id.len() <= LONGEST_ID && id.chars().any(char::is_alphanumeric);
        if !fits {
            faults.wrong(
                &root.get("id")?,
                "an id with letters or digits, of which the product's name is made",
                "mend the id",
            );
        }
        fits.then(|| word(id))
    });
    let description = root.get("description").or_else(|| root.get("title"));
    let description = description.and_then(|at| at.value.as_str().map(str::to_owned));
    if description.is_none() {
        faults.missing(root, "description", "what the collection is, in a sentence");
    }
    let measurements = measurements(root, name.as_deref().unwrap_or("it"), faults);
    let (name, description, measurements) = (name?, description?, measurements?);

    let mut product = Map::new();
    product.insert("name".to_owned(), name.clone().into());
    product.insert("description".to_owned(), description.into());
    if let Some(licence) = root.get("license").and_then(|at| at.value.as_str().map(licence)) {
        product.insert("license".to_owned(), licence.into());
    }
    product.insert("metadata_type".to_owned(), "eo3".into());
    product.insert("metadata".to_owned(), json!({ "product": { "name": name } }));
    for (key, value) in root.value.as_object().into_iter().flatten() {
        // What a product of ours had beside what STAC has a place for.
        if let Some(key) = key.strip_prefix("odc:") {
            product.insert(key.to_owned(), value.clone());
        }
    }
    product.insert("measurements".to_owned(), measurements.into());
    Some(product.into())
}

/// A licence that product definitions may have; an expression of several is various ones.
fn licence(text: &str) -> &str {
    let fits = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_-.+".contains(c));
    if fits { text } else { "various" }
}

fn measurements(root: &Node<'_>, name: &str, faults: &mut Faults) -> Option<Vec<Value>> {
    let help = format!("write a product definition named {name:?} that says it, and add it with `cube product add`");
    let all = assets::read(root, "item_assets", root.value.get("item_assets"), false, faults);
    let data: Vec<&Asset<'_>> = all.iter().filter(|a| a.is_raster_template()).collect();
    if data.is_empty() {
        let message = "expected item_assets with the measurements of the items, got none: \
                       a product needs the name, the data type and the nodata value of each";
        faults.add(root, Rule::Missing, message, help);
        return None;
    }
    let node = root.get("item_assets")?;
    let aliases = aliases(&data);
    let mut measurements = Vec::new();
    let mut untyped = Vec::new();
    for asset in data {
        for band in 0..asset.bands.len() {
            let key = own_key(asset.key, band);
            match asset.said(band, "data_type", None).and_then(Value::as_str) {
                Some(text) if assets::data_type(text).is_some() => {}
                Some(text) => {
                    let at = node.child(asset.key, asset.value);
                    let message = format!("expected a data type that pixels can have, got {text:?}");
                    faults.add(&at, Rule::Value, message, help.as_str());
                    continue;
                }
                None => {
                    untyped.push(key);
                    continue;
                }
            }
            measurements.push(measurement(asset, band, aliases.get(&key)));
        }
    }
    if !untyped.is_empty() {
        let message = format!(
            "expected the data types of the measurements (data_type of bands or raster:bands), which are missing for {}",
            untyped.join(", ")
        );
        faults.add(&node, Rule::Missing, message, help);
        return None;
    }
    Some(measurements)
}

fn measurement(asset: &Asset<'_>, band: usize, aliases: Option<&Vec<String>>) -> Value {
    let said = |key: &str| asset.said(band, key, None);
    let key = own_key(asset.key, band);
    let dtype = said("data_type").and_then(Value::as_str).and_then(assets::data_type);
    let mut one = Map::new();
    one.insert("name".to_owned(), word(&key).into());
    one.insert("dtype".to_owned(), dtype.map_or(Value::Null, |t| t.name().into()));
    // Without a nodata value every pixel counts; of floats NaN never does.
    let nodata = said("nodata").map(|v| match v.as_str() {
        Some("inf") => "Infinity".into(),
        Some("-inf") => "-Infinity".into(),
        _ => v.clone(),
    });
    let missing = if dtype.is_some_and(DataType::is_float) { "NaN".into() } else { Value::Null };
    one.insert("nodata".to_owned(), nodata.unwrap_or(missing));
    one.insert("units".to_owned(), said("unit").cloned().unwrap_or_else(|| "1".into()));
    for (stac, ours) in [("raster:scale", "scale_factor"), ("raster:offset", "add_offset")] {
        if let Some(value) = said(stac) {
            one.insert(ours.to_owned(), value.clone());
        }
    }
    if let Some(aliases) = aliases.filter(|a| !a.is_empty()) {
        one.insert("aliases".to_owned(), json!(aliases));
    }
    for (key, value) in asset.bands[band] {
        if let Some(key) = key.strip_prefix("odc:") {
            one.insert(key.to_owned(), value.clone());
        }
    }
    one.into()
}

/// Other names of measurements: the key where it is no name, name and common name of the band, each where only one
/// measurement has it.
fn aliases(data: &[&Asset<'_>]) -> HashMap<String, Vec<String>> {
    let mut wanted: Vec<(String, String, usize)> = Vec::new();
    let mut names = Vec::new();
    for asset in data {
        for band in 0..asset.bands.len() {
            let key = own_key(asset.key, band);
            let texts = ["name", "eo:common_name"].map(|k| asset.band_text(band, k).map(str::to_owned));
            for text in texts.into_iter().flatten().chain([key.clone()]) {
                wanted.push((key.clone(), text, asset.bands.len()));
            }
            names.push(word(&key));
        }
    }
    // An asset of few bands is meant before one of many: red is the red band, not the first of a picture.
    let owner = |text: &str| {
        let fewest = wanted.iter().filter(|(_, t, _)| t == text).map(|(_, _, n)| *n).min()?;
        let mut owners: Vec<&str> =
            wanted.iter().filter(|(_, t, n)| t == text && *n == fewest).map(|(k, _, _)| k.as_str()).collect();
        owners.dedup();
        if let [one] = owners[..] { Some(one.to_owned()) } else { None }
    };
    let mut aliases: HashMap<String, Vec<String>> = HashMap::new();
    for (key, text, _) in &wanted {
        if !names.contains(text) && owner(text).as_deref() == Some(key) {
            let of_key = aliases.entry(key.clone()).or_default();
            if !of_key.contains(text) {
                of_key.push(text.clone());
            }
        }
    }
    aliases
}
