//! A product definition from raster files.

use std::path::{Path, PathBuf};

use cube_geo::Crs;
use cube_model::Product;
use cube_model::documents::RawDocument;
use cube_raster::{Dimension, Plane, RasterHeader};
use serde_json::{Map, Value, json};

use crate::Error;
use crate::error::why;

/// A definition, and what somebody should look at before it is added.
#[derive(Debug, Clone, PartialEq)]
pub struct InferredProduct {
    /// The document.
    pub document: Value,
    /// Sentences: what the files do not say, or not alike.
    pub remarks: Vec<String>,
}

/// One measurement as the planes of the files tell it.
struct Found {
    name: String,
    /// What the file calls it, where that is no name of a measurement.
    alias: Option<String>,
    header: RasterHeader,
    file: PathBuf,
    /// A dimension of its layer beside time, whose planes belong together.
    extra: Option<(String, Vec<f64>)>,
}

/// Writes a product definition from files: each layer (or what a file calls its planes, else the part of its name in which
/// it differs from the others) is a measurement, with the type, nodata, units and scale of its planes. Where all lie in
/// one CRS at one pixel size, these become the load hints. `name` is that of the product, else made from the first file's.
///
/// # Errors
/// Where a file cannot be read or holds no image, two files differ in the type or nodata of a measurement, or the name is
/// none that a product may have.
pub fn infer_product(files: &[PathBuf], name: Option<&str>) -> Result<InferredProduct, Error> {
    let mut found: Vec<Found> = Vec::new();
    let stems = stems(files);
    let mut remarks = Vec::new();
    for (file, stem) in files.iter().zip(&stems) {
        for plane in cube_raster::planes(&location(file)?, None)? {
            add(&mut found, file, &plane, stem, &mut remarks)?;
        }
    }
    let first = files.first().map_or_else(PathBuf::new, Clone::clone);
    if found.is_empty() {
        return Err(Error::RasterMismatch { path: first, reason: "it holds no image".to_owned() });
    }
    let name = name.map_or_else(|| word(&stem_of(&first).to_lowercase()), str::to_owned);
    let measurements: Vec<Value> = found.iter().map(|one| measurement(one, &mut remarks)).collect();
    let mut document = json!({
        "name": name,
        "description": format!("inferred from {}", listed(files)),
        "metadata_type": "eo3",
        "metadata": { "product": { "name": name } },
    });
    match load_hints(&found)? {
        Ok(hints) => document["load"] = hints,
        Err(why) => remarks.push(format!("{why}: a load needs --crs and --resolution")),
    }
    let extras = extra_dimensions(&found, &first)?;
    if !extras.is_empty() {
        document["extra_dimensions"] = json!(extras);
    }
    document["measurements"] = json!(measurements);
    Product::from_document(&RawDocument::from_value(document.clone(), "the inferred product"))?;
    Ok(InferredProduct { document, remarks })
}

fn location(file: &Path) -> Result<String, Error> {
    let absolute =
        std::path::absolute(file).map_err(|e| Error::Unreadable { path: file.to_owned(), reason: why(&e) })?;
    Ok(absolute.to_string_lossy().into_owned())
}

/// The extra dimensions of all measurements, each once.
fn extra_dimensions(found: &[Found], file: &Path) -> Result<Vec<Value>, Error> {
    let mut all: Vec<&(String, Vec<f64>)> = Vec::new();
    for extra in found.iter().filter_map(|one| one.extra.as_ref()) {
        match all.iter().find(|(name, _)| *name == extra.0) {
            None => all.push(extra),
            Some((_, values)) if *values == extra.1 => {}
            Some(_) => {
                let reason = format!(
                    "its layers have different values along {}; infer a product from each kind of layer",
                    extra.0
                );
                return Err(Error::RasterMismatch { path: file.to_owned(), reason });
            }
        }
    }
    Ok(all.into_iter().map(|(name, values)| json!({ "name": name, "values": values, "dtype": "float64" })).collect())
}

/// Takes in a plane: a new measurement, or one more plane of a known one, which must be alike.
fn add(found: &mut Vec<Found>, file: &Path, plane: &Plane, stem: &str, remarks: &mut Vec<String>) -> Result<(), Error> {
    let called = plane.layer.clone().or_else(|| plane.name.clone().filter(|n| !n.trim().is_empty()));
    let called =
        called.unwrap_or_else(|| if plane.band == 1 { stem.to_owned() } else { format!("{stem}_{}", plane.band) });
    let name = word(&called);
    let Some(known) = found.iter().find(|f| f.name == name) else {
        let alias = (called != name).then_some(called);
        let extra = extra_dimension(file, plane, &name, remarks)?;
        found.push(Found { name, alias, header: plane.header.clone(), file: file.to_owned(), extra });
        return Ok(());
    };
    let (one, other) = (&known.header, &plane.header);
    let differs = |what: &str, a: String, b: String| Error::RasterMismatch {
        path: file.to_owned(),
        reason: format!(
            "{name} has {what} {b} here and {a} in {}; a measurement has one: infer a product from each kind of file",
            known.file.display()
        ),
    };
    if one.dtype != other.dtype {
        return Err(differs("the type", one.dtype.to_string(), other.dtype.to_string()));
    }
    let said = |nodata: Option<f64>| nodata.map_or_else(|| "none".to_owned(), |v| v.to_string());
    if said(one.nodata) != said(other.nodata) {
        return Err(differs("the nodata value", said(one.nodata), said(other.nodata)));
    }
    if one.scale_offset != other.scale_offset {
        let remark = format!(
            "scale and offset of {name} are not the same in all planes: those of the first stand here, and a dataset's \
             own win over them"
        );
        if !remarks.contains(&remark) {
            remarks.push(remark);
        }
    }
    Ok(())
}

/// The last dimension before rows and columns, where only time stands before it and it has numbers.
fn extra_dimension(
    file: &Path,
    plane: &Plane,
    name: &str,
    remarks: &mut Vec<String>,
) -> Result<Option<(String, Vec<f64>)>, Error> {
    const TIMES: [&str; 3] = ["time", "t", "valid_time"];
    let dimensions = cube_raster::dimensions(&location(file)?, plane.layer.as_deref())?;
    let is_time = |d: &Dimension| TIMES.contains(&d.name.to_ascii_lowercase().as_str());
    let others: Vec<&Dimension> = dimensions.iter().filter(|d| !is_time(d) && d.length > 1).collect();
    match (others.as_slice(), dimensions.last()) {
        ([], _) => Ok(None),
        ([only], Some(last)) if last.name == only.name && word(&only.name) == only.name => {
            Ok(only.values.clone().map(|values| (only.name.clone(), values)))
        }
        _ => {
            let names = others.iter().map(|d| d.name.as_str()).collect::<Vec<_>>().join(", ");
            remarks.push(format!(
                "{name} has dimensions beside time that no product says ({names}): write documents for it"
            ));
            Ok(None)
        }
    }
}

fn measurement(one: &Found, remarks: &mut Vec<String>) -> Value {
    let header = &one.header;
    let mut entry = Map::new();
    entry.insert("name".to_owned(), json!(one.name));
    if let Some(alias) = &one.alias {
        entry.insert("aliases".to_owned(), json!([alias]));
    }
    entry.insert("dtype".to_owned(), json!(header.dtype.name()));
    let nodata = match header.nodata {
        _ if header.dtype.is_float() && header.nodata.is_none_or(f64::is_nan) => json!("NaN"),
        Some(value) if value.fract() == 0.0 && value.abs() < 9e15 => {
            // Whole numbers of this size are exact.
            #[expect(clippy::cast_possible_truncation, reason = "checked")]
            let whole = value as i64;
            json!(whole)
        }
        Some(value) if value.is_infinite() => json!(if value > 0.0 { "Infinity" } else { "-Infinity" }),
        Some(value) => json!(value),
        None => {
            remarks.push(format!("{} says no nodata value in its files: all its pixels count as valid", one.name));
            Value::Null
        }
    };
    entry.insert("nodata".to_owned(), nodata);
    let units = header.units.as_deref().map(str::trim).filter(|u| !u.is_empty());
    if units.is_none() {
        remarks.push(format!("{} says no units in its files: \"1\" stands for them", one.name));
    }
    entry.insert("units".to_owned(), json!(units.unwrap_or("1")));
    if let Some((dimension, _)) = &one.extra {
        entry.insert("extra_dim".to_owned(), json!(dimension));
    }
    if let Some((scale, offset)) = header.scale_offset {
        entry.insert("scale_factor".to_owned(), json!(scale));
        entry.insert("add_offset".to_owned(), json!(offset));
    }
    Value::Object(entry)
}

/// CRS, pixel size and where pixel edges lie, or why there are no hints.
fn load_hints(found: &[Found]) -> Result<Result<Value, String>, Error> {
    let mut all: Option<(Crs, f64, f64, f64, f64)> = None;
    for one in found {
        let Some(a) = one.header.affine.filter(|a| a.b == 0.0 && a.d == 0.0) else {
            return Ok(Err(format!("{} is on no grid along the axes of a CRS", one.name)));
        };
        let crs = match &one.header.crs {
            // A sphere's or an unnamed ellipsoid's degrees are taken for WGS 84, as when the file is indexed.
            Some(crs) if crs.is_geographic() && crs.epsg_code().is_none() => Crs::lonlat()?,
            Some(crs) => crs.clone(),
            None => return Ok(Err(format!("{} says no CRS in its files", one.name))),
        };
        match &all {
            None => all = Some((crs, a.a, a.e, a.c, a.f)),
            Some((other, x, y, ..)) if *other != crs || !same(*x, a.a) || !same(*y, a.e) => {
                return Ok(Err("measurements differ in CRS or pixel size".to_owned()));
            }
            Some(_) => {}
        }
    }
    let Some((crs, x, y, left, top)) = all else { return Ok(Err("there are no measurements".to_owned())) };
    let (y_name, x_name) = crs.dimension_names();
    let pair = |y: f64, x: f64| {
        Value::Object([(y_name.to_owned(), json!(y)), (x_name.to_owned(), json!(x))].into_iter().collect())
    };
    let definition = crs.epsg_code().map_or_else(|| crs.definition().to_owned(), |code| format!("EPSG:{code}"));
    let mut hints = json!({ "crs": definition, "resolution": pair(y, x) });
    let (x_align, y_align) = (align(left, x), align(top, y));
    if x_align != 0.0 || y_align != 0.0 {
        hints["align"] = pair(y_align, x_align);
    }
    Ok(Ok(hints))
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// How far pixel edges lie beside multiples of the pixel size: 0 where that is less than a thousandth of it.
fn align(edge: f64, size: f64) -> f64 {
    let size = size.abs();
    let beside = edge.rem_euclid(size);
    if beside < size * 1e-3 || beside > size * (1.0 - 1e-3) {
        return 0.0;
    }
    // The digits that a float of this size holds beyond doubt.
    let places = 1e9 / 10_f64.powf(size.log10().ceil());
    (beside * places).round() / places
}

fn stem_of(path: &Path) -> String {
    path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}

/// What the files' names have that others have not: `scene_B02.tif`, `scene_B03.tif` → `B02`, `B03`. The whole name where
/// there is one file.
fn stems(files: &[PathBuf]) -> Vec<String> {
    let names: Vec<Vec<char>> = files.iter().map(|f| stem_of(f).chars().collect()).collect();
    let Some(shortest) = names.iter().map(Vec::len).min().filter(|_| names.len() > 1) else {
        return names.iter().map(|n| n.iter().collect()).collect();
    };
    let alike = |at: &dyn Fn(&Vec<char>) -> Option<char>| names.windows(2).all(|pair| at(&pair[0]) == at(&pair[1]));
    let separator = |c: &char| !c.is_alphanumeric();
    let common = (0..shortest).take_while(|i| alike(&|n| n.get(*i).copied())).count();
    let head = names[0][..common].iter().rposition(separator).map_or(0, |at| at + 1);
    let common = (1..=shortest - head).take_while(|i| alike(&|n| n.get(n.len() - i).copied())).count();
    let tail = names[0][names[0].len() - common..].iter().position(separator).map_or(0, |at| common - at);
    let cut = |n: &Vec<char>| n.get(head..n.len() - tail).filter(|c| !c.is_empty()).unwrap_or(n).iter().collect();
    names.iter().map(cut).collect()
}

/// A name of letters, digits and underscores.
fn word(text: &str) -> String {
    let last = text.trim_matches('/').rsplit('/').next().unwrap_or(text);
    let word: String = last.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let word = word.trim_matches('_');
    if word.is_empty() { "band".to_owned() } else { word.to_owned() }
}

fn listed(files: &[PathBuf]) -> String {
    let name = |f: &PathBuf| f.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    match files {
        [one] => name(one),
        [one, others @ ..] => format!("{} and {} more", name(one), others.len()),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Vec<String> {
        stems(&names.iter().map(PathBuf::from).collect::<Vec<_>>())
    }

    #[test]
    fn names_of_bands_are_where_names_of_files_differ() {
        assert_eq!(of(&["a/T31_2018_B02.tif", "a/T31_2018_B03.tif"]), ["B02", "B03"]);
        assert_eq!(of(&["T31_B02_10m.jp2", "T31_B8A_10m.jp2"]), ["B02", "B8A"]);
        assert_eq!(
            of(&["LC08_sr_band4.tif", "LC08_sr_band5.tif", "LC08_pixel_qa.tif"]),
            ["sr_band4", "sr_band5", "pixel_qa"]
        );
        assert_eq!(of(&["red.tif", "red.tif"]), ["red", "red"]);
        assert_eq!(of(&["only_one.tif"]), ["only_one"]);
    }

    #[test]
    fn edges_beside_multiples_of_the_pixel_size_are_told() {
        for (edge, size, beside) in
            [(399_960.0, 10.0, 0.0), (-179.875, 0.25, 0.125), (11.975, 0.05, 0.025), (4_800_015.0, -30.0, 15.0)]
        {
            assert!((align(edge, size) - beside).abs() < 1e-12, "{edge} {size}");
        }
    }

    #[test]
    fn names_become_words() {
        assert_eq!(
            (word("S2-L2A-SCL"), word("/group/2t"), word("--")),
            ("S2_L2A_SCL".into(), "2t".into(), "band".into())
        );
    }
}
