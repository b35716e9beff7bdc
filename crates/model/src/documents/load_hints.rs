//! Where a load of a product lands by default.

use cube_geo::{Crs, Resolution};

use super::check::{Faults, Node};
use super::error::Rule;
use crate::LoadHints;

/// The hints of a product definition. `load` wins; else `storage` where it has a CRS and a resolution and no tile size,
/// which would make it a grid of tiles. What is wrong in `load` is a fault, since a load would miss it; what is wrong in
/// `storage`, which old products carry for other purposes, means no hints.
pub(super) fn read(product: &Node<'_>, faults: &mut Faults) -> Option<LoadHints> {
    if let Some(load) = product.get("load") {
        faults.mapping(&load, "a mapping with crs, resolution and perhaps align")?;
        faults.only(&load, &["crs", "resolution", "align"]);
        if load.get("resolution").is_none() {
            faults.missing(&load, "resolution", "the pixel size by dimension");
        }
        return hints(&load, faults);
    }
    let storage = product.get("storage")?;
    if storage.get("tile_size").is_some() || storage.get("tile_shape").is_some() {
        return None;
    }
    hints(&storage, &mut Faults::default())
}

fn hints(node: &Node<'_>, faults: &mut Faults) -> Option<LoadHints> {
    let definition = faults.need_text(node, "crs", "the CRS, such as EPSG:6933")?;
    let Ok(crs) = Crs::parse(definition.trim()) else {
        faults.wrong(&node.get("crs")?, "a CRS that PROJ knows", "write a code such as EPSG:6933, or WKT");
        return None;
    };
    let (x, y) = point(&node.get("resolution")?, &crs, faults)?;
    if x == 0.0 || y == 0.0 {
        faults.add(
            &node.get("resolution")?,
            Rule::Value,
            format!("expected pixel sizes other than zero, got {x} by {y}"),
            "write the pixel size in units of the CRS, the one of y negative",
        );
        return None;
    }
    let align = match node.get("align") {
        Some(at) => Some(point(&at, &crs, faults)?),
        None => None,
    };
    Some(LoadHints { crs, resolution: Resolution::new(x, y), align })
}

/// (x, y) from a mapping whose keys are the names of the CRS's dimensions.
fn point(node: &Node<'_>, crs: &Crs, faults: &mut Faults) -> Option<(f64, f64)> {
    let (y_name, x_name) = crs.dimension_names();
    faults.mapping(node, &format!("a mapping with {x_name} and {y_name}"))?;
    let mut number = |name: &str| {
        if node.get(name).is_none() {
            faults.missing(node, name, &format!("a number in units of {}", crs.definition()));
        }
        faults.number_at(node, name, "a number")
    };
    let (x, y) = (number(x_name), number(y_name));
    Some((x?, y?))
}
