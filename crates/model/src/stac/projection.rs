//! The projection extension: CRS and pixel grids.

use cube_geo::{Affine, Crs, Shape};
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::assets::Asset;
use crate::documents::Rule;
use crate::documents::check::{Faults, Node};
use crate::documents::grids;

/// Names of the fields that say the CRS, the best first (`proj:epsg` is `proj:code` by now).
const CRS_KEYS: [&str; 3] = ["proj:code", "proj:wkt2", "proj:projjson"];

/// The grid of one asset, as numbers and as it was written.
#[derive(Clone)]
pub(super) struct WrittenGrid {
    shape: Shape,
    affine: Affine,
    written: Value,
}

impl WrittenGrid {
    fn is(&self, other: &Self) -> bool {
        self.shape == other.shape && self.affine == other.affine
    }

    /// The smaller pixel size.
    fn gsd(&self) -> f64 {
        self.affine.a.abs().min(self.affine.e.abs())
    }
}

/// The CRS that a mapping (properties or an asset) says; `None` where it says none or a wrong one, which is a fault.
fn said_crs(node: &Node<'_>, faults: &mut Faults) -> Option<Crs> {
    let at = CRS_KEYS.into_iter().find_map(|key| node.get(key).map(|_| key));
    let at = node.get(at?)?;
    let crs = match at.value {
        Value::String(text) => Crs::parse(text),
        Value::Object(_) => Crs::parse(&at.value.to_string()),
        _ => {
            faults.wrong(&at, "a CRS: a code such as EPSG:32633, WKT2 or PROJJSON", "write one of these");
            return None;
        }
    };
    if crs.is_err() {
        faults.wrong(&at, "a CRS that PROJ knows", "write a code such as EPSG:32633, WKT2 or PROJJSON");
    }
    crs.ok()
}

/// True where a mapping says a CRS, be it a wrong one.
pub(super) fn says_crs(value: &Value) -> bool {
    CRS_KEYS.iter().any(|key| value.get(key).is_some_and(|v| !v.is_null()))
}

/// The one CRS of all assets: what they say themselves, else what the item says.
pub(super) fn crs(root: &Node<'_>, properties: &Node<'_>, assets: &[&Asset<'_>], faults: &mut Faults) -> Option<Crs> {
    let all = root.get("assets")?;
    let mut found: Option<(Crs, &str)> = None;
    let item = says_crs(properties.value).then(|| said_crs(properties, faults));
    if let Some(None) = item {
        return None;
    }
    for asset in assets {
        let crs = if says_crs(asset.value) {
            said_crs(&all.child(asset.key, asset.value), faults)?
        } else if let Some(Some(crs)) = &item {
            crs.clone()
        } else {
            continue;
        };
        match &found {
            Some((first, key)) if *first != crs => {
                let message =
                    format!("expected one CRS for all assets, got {first} of {key:?} and {crs} of {:?}", asset.key);
                let help = "make an item for each CRS, since a dataset has one";
                faults.add(&all.child(asset.key, asset.value), Rule::Unsupported, message, help);
                return None;
            }
            Some(_) => {}
            None => found = Some((crs, asset.key)),
        }
    }
    if let Some((crs, _)) = found {
        return Some(crs);
    }
    let message = "expected the CRS of the item (proj:code, proj:epsg, proj:wkt2 or proj:projjson), which is missing";
    faults.add(properties, Rule::Missing, message, "add \"proj:code\", such as EPSG:32633, to the item's properties");
    None
}

/// True where shape and transform are said, by the asset or by the item.
pub(super) fn has_grid(asset: &Asset<'_>, properties: &Value) -> bool {
    says(asset, properties, "proj:shape") && says(asset, properties, "proj:transform")
}

/// True where a field is said, by the asset or by the item.
pub(super) fn says(asset: &Asset<'_>, properties: &Value, key: &str) -> bool {
    [asset.value, properties].iter().any(|v| v.get(key).is_some_and(|v| !v.is_null()))
}

/// The grid of an asset; a fault where it is wrong.
pub(super) fn grid(
    root: &Node<'_>,
    properties: &Node<'_>,
    asset: &Asset<'_>,
    faults: &mut Faults,
) -> Option<WrittenGrid> {
    let all = root.get("assets")?;
    let own = all.child(asset.key, asset.value);
    let holder = |key: &str| if own.get(key).is_some() { &own } else { properties };
    let (shape, affine) = (holder("proj:shape"), holder("proj:transform"));
    let written = json!({ "shape": shape.value.get("proj:shape"), "transform": affine.value.get("proj:transform") });
    let shape = grids::shape(shape, "proj:shape", faults);
    let affine = grids::affine(affine, "proj:transform", faults);
    Some(WrittenGrid { shape: shape?, affine: affine?, written })
}

/// The grid of the item itself, where it says one.
pub(super) fn item_grid(properties: &Value) -> Option<Value> {
    let said = |key: &str| properties.get(key).filter(|v| !v.is_null());
    Some(json!({ "shape": said("proj:shape")?, "transform": said("proj:transform")? }))
}

/// Grids by name, and the name of each asset's: what most assets lie on is the default, of equals the finest; others are
/// named by their pixel size, as odc-stac names them. `said` are names that assets give themselves.
pub(super) fn named_grids(
    grids: &[(&str, WrittenGrid, Option<String>)],
    item: Option<Value>,
) -> (Map<String, Value>, Vec<String>) {
    if grids.iter().any(|(_, _, said)| said.is_some()) {
        return said_grids(grids, item);
    }
    let mut unlike: Vec<(&WrittenGrid, &str, usize)> = Vec::new();
    for (key, grid, _) in grids {
        match unlike.iter_mut().find(|(g, ..)| g.is(grid)) {
            Some((_, _, count)) => *count += 1,
            None => unlike.push((grid, key, 1)),
        }
    }
    let best =
        unlike.iter().enumerate().min_by(|(_, (a, _, m)), (_, (b, _, n))| n.cmp(m).then(a.gsd().total_cmp(&b.gsd())));
    let best = best.map(|(i, _)| i);
    let mut names: IndexMap<String, &WrittenGrid> = IndexMap::new();
    for (i, (grid, key, _)) in unlike.iter().enumerate() {
        let mut name = if Some(i) == best { "default".to_owned() } else { format!("g{}", six_digits(grid.gsd())) };
        if names.contains_key(&name) {
            name = format!("{name}-{key}");
        }
        names.insert(name, grid);
    }
    let of_asset =
        |grid: &WrittenGrid| names.iter().find(|(_, g)| g.is(grid)).map(|(n, _)| n.clone()).unwrap_or_default();
    let assets = grids.iter().map(|(_, grid, _)| of_asset(grid)).collect();
    if let Some(at) = names.get_index_of("default") {
        names.move_index(at, 0);
    }
    (names.into_iter().map(|(name, grid)| (name, grid.written.clone())).collect(), assets)
}

/// Grids whose names stand in the item: an asset without a name lies on the default one.
fn said_grids(grids: &[(&str, WrittenGrid, Option<String>)], item: Option<Value>) -> (Map<String, Value>, Vec<String>) {
    let mut names = Map::new();
    if let Some(grid) = item {
        names.insert("default".to_owned(), grid);
    }
    let mut assets = Vec::with_capacity(grids.len());
    for (_, grid, said) in grids {
        let name = said.clone().unwrap_or_else(|| "default".to_owned());
        names.entry(name.clone()).or_insert_with(|| grid.written.clone());
        assets.push(name);
    }
    // A default grid there must be.
    if !names.contains_key("default")
        && let Some(first) = names.values().next().cloned()
    {
        names.shift_insert(0, "default".to_owned(), first);
    }
    (names, assets)
}

/// A number with six digits, as C's `%g` and Python's `:g` write it.
fn six_digits(value: f64) -> String {
    let rounded = format!("{value:.5e}");
    let Some((digits, exponent)) = rounded.split_once('e') else { return rounded };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return rounded.parse::<f64>().map_or(rounded.clone(), |v| v.to_string());
    }
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixel_sizes_are_written_as_python_writes_them() {
        for (value, text) in [
            (10.0, "10"),
            (0.25, "0.25"),
            (29.999_999_9, "30"),
            (0.000_269_494_585_235_856_72, "0.000269495"),
            (0.000_089_831_528_412, "8.98315e-05"),
            (1_113_194.0, "1.11319e+06"),
        ] {
            assert_eq!(six_digits(value), text);
        }
    }

    fn grid(size: f64) -> WrittenGrid {
        let affine = Affine::new(size, 0.0, 0.0, 0.0, -size, 0.0);
        WrittenGrid { shape: Shape::new(10, 10), affine, written: json!(size) }
    }

    #[test]
    fn the_grid_of_most_assets_is_the_default_and_of_equals_the_finest() {
        let (grids, names) = named_grids(&[("a", grid(20.0), None), ("b", grid(10.0), None)], None);
        assert_eq!(names, ["g20", "default"]);
        assert_eq!(grids.keys().collect::<Vec<_>>(), ["default", "g20"]);
        let (_, names) =
            named_grids(&[("a", grid(20.0), None), ("b", grid(10.0), None), ("c", grid(20.0), None)], None);
        assert_eq!(names, ["default", "g10", "default"]);
    }
}
