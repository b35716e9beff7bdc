//! Which measurement each band of an asset is.

use std::collections::HashSet;

use serde_json::Value;

use super::assets::Asset;
use super::word;
use crate::Product;

/// A band of an asset and the name of its measurement.
pub(super) struct Named {
    /// Which asset, of the list given.
    pub(super) asset: usize,
    /// Which band of it, from 0.
    pub(super) band: usize,
    pub(super) name: String,
    /// What the asset says of the measurement beyond its name (`odc:measurements`).
    pub(super) said: Option<Value>,
}

/// The names of all bands. An asset may name them itself (`odc:measurements`). Else the product's measurement that
/// answers to the asset's key counts (band n of several: `key_n`, as datacube has it); else the one that answers to the
/// band's name or common name, where only one band does, those of assets with fewer bands first. What no product knows
/// keeps its key.
pub(super) fn named(assets: &[Asset<'_>], product: Option<&Product>) -> Vec<Named> {
    let mut used = HashSet::new();
    let mut all = Vec::new();
    let mut open = Vec::new();
    for (a, asset) in assets.iter().enumerate() {
        if let Some(Value::Object(said)) = asset.value.get("odc:measurements") {
            for (name, entry) in said {
                let band = entry.get("band").and_then(Value::as_u64).and_then(|b| usize::try_from(b).ok()).unwrap_or(1);
                used.insert(name.clone());
                all.push(Named {
                    asset: a,
                    band: band.saturating_sub(1),
                    name: name.clone(),
                    said: Some(entry.clone()),
                });
            }
            continue;
        }
        for band in 0..asset.bands.len() {
            let key = own_key(asset.key, band);
            let known = product.and_then(|p| p.measurement(&key).or_else(|| p.measurement(&word(&key))));
            match known.filter(|m| !used.contains(&m.name)) {
                Some(m) => {
                    used.insert(m.name.clone());
                    all.push(Named { asset: a, band, name: m.name.clone(), said: None });
                }
                None => open.push((a, band)),
            }
        }
    }
    for key in ["name", "eo:common_name"] {
        let Some(product) = product else { break };
        for m in &product.measurements {
            if used.contains(&m.name) {
                continue;
            }
            let answers = |(a, band): &&(usize, usize)| {
                assets[*a].band_text(*band, key).is_some_and(|text| m.answers_to(text) || m.answers_to(&word(text)))
            };
            let fewest = open.iter().filter(answers).map(|(a, _)| assets[*a].bands.len()).min();
            let mut found = open.iter().filter(answers).filter(|(a, _)| Some(assets[*a].bands.len()) == fewest);
            if let (Some(&(a, band)), None) = (found.next(), found.next()) {
                used.insert(m.name.clone());
                all.push(Named { asset: a, band, name: m.name.clone(), said: None });
                open.retain(|one| *one != (a, band));
            }
        }
    }
    for (a, band) in open {
        let mut name = word(&own_key(assets[a].key, band));
        while !used.insert(name.clone()) {
            name.push('_');
        }
        all.push(Named { asset: a, band, name, said: None });
    }
    all.sort_by_key(|n| (n.asset, n.band));
    all
}

/// The key of the first band, `key_2` and so on of those after it.
pub(super) fn own_key(key: &str, band: usize) -> String {
    if band == 0 { key.to_owned() } else { format!("{key}_{}", band + 1) }
}
