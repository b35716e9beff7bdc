//! Measurements of a product definition.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::check::{Faults, Node, describe, is_word};
use super::error::Rule;
use crate::{DataType, ExtraDimension, Flag, Flags, Measurement};

const KEYS: [&str; 11] = [
    "name",
    "dtype",
    "nodata",
    "units",
    "scale_factor",
    "add_offset",
    "aliases",
    "spectral_definition",
    "flags_definition",
    "extra_dim",
    "dims",
];

/// Checks one measurement. `extra` are the dimensions that the product declares.
pub(super) fn read(node: &Node<'_>, extra: &[ExtraDimension], faults: &mut Faults) -> Option<Measurement> {
    let map = faults.mapping(node, "a measurement: a mapping with name, dtype, nodata and units")?;
    faults.only(node, &KEYS);
    let name = faults.need_text(node, "name", "the name of the measurement");
    if let (Some(name), Some(at)) = (name, node.get("name"))
        && !is_word(name)
    {
        faults.wrong(&at, "a name of letters, digits and underscores", "rename the measurement");
    }
    let dtype = dtype(node, faults);
    let nodata = nodata(node, dtype, faults);
    let units = faults.need_text(node, "units", "units of the real value, '1' where it has none");
    let scale_factor = faults.number_at(node, "scale_factor", "a number: real = scale_factor · pixel + add_offset");
    let add_offset = faults.number_at(node, "add_offset", "a number: real = scale_factor · pixel + add_offset");
    let aliases = texts(node, "aliases", "a list of other names", faults);
    texts(node, "dims", "a list of dimension names", faults);
    let extra_dim = faults.text(node, "extra_dim", "the name of an extra dimension");
    if let (Some(dim), Some(at)) = (extra_dim, node.get("extra_dim"))
        && !extra.iter().any(|d| d.name == dim)
    {
        let declared: Vec<&str> = extra.iter().map(|d| d.name.as_str()).collect();
        let declared = if declared.is_empty() { "there are none".to_owned() } else { declared.join(", ") };
        let message =
            format!("expected one of the product's extra_dimensions ({declared}), got {}", describe(at.value));
        faults.add(&at, Rule::Consistency, message, "declare the dimension with its values under extra_dimensions");
    }
    if let Some(at) = node.get("spectral_definition") {
        check_spectra(&at, extra_dim.and_then(|dim| extra.iter().find(|d| d.name == dim)), faults);
    }
    let flags = node.get("flags_definition").map_or_else(Flags::default, |at| flags(&at, faults));
    Some(Measurement {
        name: name?.to_owned(),
        aliases,
        dtype: dtype?,
        nodata,
        units: units?.to_owned(),
        scale_factor,
        add_offset,
        flags,
        extra_dim: extra_dim.map(str::to_owned),
        other: others(map),
    })
}

/// What the noun has no field for, as written.
fn others(map: &Map<String, Value>) -> IndexMap<String, Value> {
    ["spectral_definition", "dims"].into_iter().filter_map(|k| Some((k.to_owned(), map.get(k)?.clone()))).collect()
}

/// The data type under `dtype`.
pub(super) fn dtype(node: &Node<'_>, faults: &mut Faults) -> Option<DataType> {
    let name = faults.need_text(node, "dtype", "the data type, such as int16")?;
    let dtype = DataType::from_name(name);
    if dtype.is_none() {
        let names: Vec<&str> = DataType::ALL.iter().map(|t| t.name()).collect();
        faults.wrong(&node.get("dtype")?, &format!("one of {}", names.join(", ")), "choose one of these types");
    }
    dtype
}

/// The nodata value, NaN where the document says so and `None` where it says null; it must fit the data type.
fn nodata(node: &Node<'_>, dtype: Option<DataType>, faults: &mut Faults) -> Option<f64> {
    let Some(at) = node.get("nodata") else {
        // Said to have none, as STAC collections leave it out: what the file says counts, else every pixel is valid.
        if node.value.get("nodata").is_some() {
            return None;
        }
        faults.missing(node, "nodata", "the pixel value that means no measurement");
        return None;
    };
    let value = match at.value {
        Value::Number(n) => n.as_f64(),
        Value::String(text) => match text.as_str() {
            "nan" | "NAN" | "NaN" => Some(f64::NAN),
            "Inf" | "Infinity" => Some(f64::INFINITY),
            "-Inf" | "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    };
    let Some(value) = value else {
        faults.wrong(&at, "a number, NaN, Inf or -Inf", "write the number without quotes");
        return None;
    };
    if let Some(dtype) = dtype
        && !dtype.holds(value)
    {
        let got = at.value.as_str().map_or_else(|| at.value.to_string(), str::to_owned);
        let expected = match dtype.integer_range() {
            Some((low, high)) => format!("a whole number from {low} to {high} ({dtype})"),
            None => format!("a number that {dtype} can hold"),
        };
        let help = "choose a nodata value that the data type can hold, or a wider data type";
        faults.add(&at, Rule::Value, format!("expected {expected}, got {got}"), help);
        return None;
    }
    Some(value)
}

fn texts(node: &Node<'_>, key: &str, expected: &str, faults: &mut Faults) -> Vec<String> {
    let Some(at) = node.get(key) else { return Vec::new() };
    let mut texts = Vec::new();
    for (i, value) in faults.list(&at, expected).into_iter().flatten().enumerate() {
        match value.as_str() {
            Some(text) => texts.push(text.to_owned()),
            None => faults.wrong(&at.item(i, value), "a text", "put it in quotes"),
        }
    }
    texts
}

/// One spectral response, or one for each value of the extra dimension.
fn check_spectra(node: &Node<'_>, dimension: Option<&ExtraDimension>, faults: &mut Faults) {
    let Value::Array(list) = node.value else {
        if let Some(dimension) = dimension {
            let expected = format!(
                "a list with one entry for each of the {} values of {:?}",
                dimension.values.len(),
                dimension.name
            );
            faults.wrong(node, &expected, "write one spectral definition for each value");
        }
        return check_spectrum(node, faults);
    };
    for (i, value) in list.iter().enumerate() {
        let spectrum = node.item(i, value);
        check_spectrum(&spectrum, faults);
        if dimension.is_some() {
            check_lengths(&spectrum, faults);
        }
    }
    if let Some(dimension) = dimension.filter(|d| d.values.len() != list.len()) {
        let (values, name) = (dimension.values.len(), &dimension.name);
        let message = format!("expected one entry for each of the {values} values of {name:?}, got {}", list.len());
        faults.add(node, Rule::Consistency, message, "write one spectral definition for each value of the dimension");
    }
}

fn check_spectrum(node: &Node<'_>, faults: &mut Faults) {
    if faults.mapping(node, "a spectral definition: a mapping with wavelength and response").is_none() {
        return;
    }
    for key in ["wavelength", "response"] {
        let Some(at) = node.get(key) else { continue };
        for (i, value) in faults.list(&at, "a list of numbers").into_iter().flatten().enumerate() {
            faults.number(&at.item(i, value), "a number");
        }
    }
}

/// Each wavelength has its response. Datacube asks this only of measurements along an extra dimension; published products
/// break it elsewhere.
fn check_lengths(node: &Node<'_>, faults: &mut Faults) {
    let length = |key: &str| node.value.get(key).and_then(Value::as_array).map(Vec::len);
    if let (Some(wavelengths), Some(responses)) = (length("wavelength"), length("response"))
        && wavelengths != responses
    {
        let message = format!("expected as many responses as wavelengths ({wavelengths}), got {responses}");
        faults.add(node, Rule::Consistency, message, "give each wavelength its response");
    }
}

/// The flags that can be used. Datacube's schema is loose here, and real products write other things among the flags
/// (a formula, bit values instead of bit numbers): those stay in the document and are left out of the noun.
fn flags(node: &Node<'_>, faults: &mut Faults) -> Flags {
    let mut flags = Flags::default();
    for (name, value) in faults.mapping(node, "a mapping of flags by name").into_iter().flatten() {
        if value.is_object()
            && let Some(flag) = flag(&node.child(name, value), faults)
        {
            flags.insert(name.clone(), flag);
        }
    }
    flags
}

fn flag(node: &Node<'_>, faults: &mut Faults) -> Option<Flag> {
    let description = faults.text(node, "description", "what the flag means").map(str::to_owned);
    let bits = match node.get("bits") {
        None => {
            faults.missing(node, "bits", "a bit number or a list of them");
            None
        }
        Some(at) => match at.value {
            Value::Array(list) => list.iter().map(bit).collect::<Option<Vec<u8>>>(),
            Value::Number(_) => bit(at.value).map(|b| vec![b]),
            _ => {
                faults.wrong(&at, "a bit number or a list of them", "count bits from 0, the lowest");
                None
            }
        },
    };
    let mut values = IndexMap::new();
    match node.get("values") {
        None => faults.missing(node, "values", "the name of each value of the bits"),
        Some(at) => {
            for (key, name) in faults.mapping(&at, "a mapping from values of the bits to names").into_iter().flatten() {
                if let Ok(number) = key.parse() {
                    values.insert(number, name.as_str().map_or_else(|| name.to_string(), str::to_owned));
                }
            }
        }
    }
    let mut bits = bits?;
    bits.sort_unstable();
    bits.dedup();
    Some(Flag { bits, values, description })
}

/// A bit number from 0 to 63; whole floats count.
fn bit(value: &Value) -> Option<u8> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be whole and below 64")]
    value.as_f64().filter(|b| b.fract() == 0.0 && (0.0..64.0).contains(b)).map(|b| b as u8)
}
