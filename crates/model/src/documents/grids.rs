//! The pixel grids of a dataset document.

use cube_geo::{Affine, Crs, Healpix, HealpixOrder, Shape};
use indexmap::IndexMap;
use serde_json::Value;

use super::check::{Faults, Node, describe};
use super::error::Rule;
use crate::Grid;

/// The CRS of a dataset: a text, or an EPSG number.
pub(crate) fn crs(node: &Node<'_>, faults: &mut Faults) -> Option<Crs> {
    let Some(at) = node.get("crs") else {
        faults.missing(node, "crs", "the CRS of grids and geometry, such as EPSG:32633");
        return None;
    };
    let crs = match at.value {
        Value::String(definition) => Crs::parse(definition),
        Value::Number(code) if code.as_u64().is_some() => Crs::parse(&format!("EPSG:{code}")),
        _ => {
            faults.wrong(&at, "a CRS", "write a code such as EPSG:32633, or WKT");
            return None;
        }
    };
    if crs.is_err() {
        faults.wrong(&at, "a CRS that PROJ knows", "write a code such as EPSG:32633, or WKT");
    }
    crs.ok()
}

/// All grids by name; `default` must be there.
pub(crate) fn read(node: &Node<'_>, faults: &mut Faults) -> Option<IndexMap<String, Grid>> {
    let Some(at) = node.get("grids") else {
        faults.missing(node, "grids", "shape and transform of the pixel grids, by name");
        return None;
    };
    let map = faults.mapping(&at, "a mapping of grids by name")?;
    if !map.contains_key("default") {
        faults.missing(&at, "default", "the grid that measurements lie on unless they name another");
    }
    let mut grids = IndexMap::with_capacity(map.len());
    for (name, value) in map {
        if let Some(grid) = grid(&at.child(name, value), faults) {
            grids.insert(name.clone(), grid);
        }
    }
    Some(grids)
}

fn grid(node: &Node<'_>, faults: &mut Faults) -> Option<Grid> {
    faults.mapping(node, "a grid: a mapping with shape and transform")?;
    let shape = shape(node, "shape", faults);
    let affine = affine(node, "transform", faults);
    let healpix = match node.get("healpix") {
        Some(at) => Some(healpix(&at, shape.zip(affine), faults)?),
        None => None,
    };
    Some(Grid { shape: shape?, affine: affine?, healpix })
}

/// The cells under `healpix`: `nside` and `order`. Shape and transform beside them are those of the grid of longitude and latitude
/// around the Earth that stands for the cells, so that tools which know no cells still know where they are.
fn healpix(node: &Node<'_>, beside: Option<(Shape, Affine)>, faults: &mut Faults) -> Option<Healpix> {
    faults.mapping(node, "the cells of a HEALPix grid: a mapping with nside and order")?;
    let nside = faults.number_at(node, "nside", "how many cells a side of a HEALPix face has");
    let order = faults.need_text(node, "order", "ring or nested")?;
    let order = match order {
        "ring" => HealpixOrder::Ring,
        "nested" => HealpixOrder::Nested,
        _ => {
            faults.wrong(&node.get("order")?, "ring or nested", "write how the cells are numbered");
            return None;
        }
    };
    let Some(nside) = nside else {
        faults.missing(node, "nside", "how many cells a side of a HEALPix face has");
        return None;
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be whole and in range")]
    let whole = if nside.fract() == 0.0 && (0.0..1e9).contains(&nside) { nside as u32 } else { 0 };
    let cells = match Healpix::new(whole, order) {
        Ok(cells) => cells,
        Err(error) => {
            faults.add(&node.get("nside")?, Rule::Value, error.to_string(), "check nside and order of the cells");
            return None;
        }
    };
    if beside.is_some_and(|beside| beside != cells.around()) {
        let (shape, affine) = cells.around();
        let message =
            format!("expected shape and transform of the grid around the Earth that stands for {cells}: {shape}");
        let help = format!(
            "write shape [{}, {}] and transform [{}, 0, {}, 0, {}, {}]",
            shape.rows, shape.cols, affine.a, affine.c, affine.e, affine.f
        );
        faults.add(node, Rule::Consistency, message, help);
        return None;
    }
    Some(cells)
}

/// Rows and columns under a key.
pub(crate) fn shape(node: &Node<'_>, key: &str, faults: &mut Faults) -> Option<Shape> {
    let Some(at) = node.get(key) else {
        faults.missing(node, key, "the number of rows and columns");
        return None;
    };
    let size = |value: &Value| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be whole and in range")]
        value.as_f64().filter(|n| n.fract() == 0.0 && *n >= 1.0 && *n <= 1e12).map(|n| n as usize)
    };
    if let Some([rows, cols]) = at.value.as_array().map(Vec::as_slice)
        && let (Some(rows), Some(cols)) = (size(rows), size(cols))
    {
        return Some(Shape::new(rows, cols));
    }
    let got = if at.value.is_array() { at.value.to_string() } else { describe(at.value) };
    let message = format!("expected two whole numbers of at least 1, rows and columns, got {got}");
    faults.add(&at, Rule::Value, message, "write the number of rows, then of columns");
    None
}

/// The affine under a key.
pub(crate) fn affine(node: &Node<'_>, key: &str, faults: &mut Faults) -> Option<Affine> {
    let Some(at) = node.get(key) else {
        faults.missing(node, key, "the six numbers of the affine, row by row");
        return None;
    };
    let list = faults.list(&at, "the six or nine numbers of the affine, row by row")?;
    if list.len() != 6 && list.len() != 9 {
        let message = format!("expected 6 or 9 numbers, got {}", list.len());
        faults.add(&at, Rule::Value, message, "write the affine row by row: a, b, c, d, e, f (and 0, 0, 1)");
        return None;
    }
    let mut numbers = [0.0; 9];
    for (i, value) in list.iter().enumerate() {
        numbers[i] = faults.number(&at.item(i, value), "a finite number")?;
    }
    let bottom = &numbers[6..];
    if list.len() == 9 && bottom.iter().zip([0.0, 0.0, 1.0]).any(|(got, due)| (got - due).abs() > 0.0) {
        let message = format!(
            "expected the last row of the affine to be 0, 0, 1, got {}, {}, {}",
            bottom[0], bottom[1], bottom[2]
        );
        faults.add(&at, Rule::Value, message, "write the affine row by row: a, b, c, d, e, f, 0, 0, 1");
        return None;
    }
    let affine = Affine::new(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]);
    if affine.inverse().is_none() {
        let message = format!(
            "expected an affine that can be inverted, got pixels of no area ({}, {}, {}, {})",
            affine.a, affine.b, affine.d, affine.e
        );
        faults.add(&at, Rule::Value, message, "check the pixel size: x = a·col + b·row + c, y = d·col + e·row + f");
        return None;
    }
    Some(affine)
}
