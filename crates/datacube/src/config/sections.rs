//! Texts of ODC's configuration: INI, YAML or JSON, as sections of options.

use std::collections::HashSet;

use configparser::ini::{Ini, IniDefault};
use cube_model::documents;
use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::Error;

/// Sections in their order, each with its options.
pub(super) type Sections = IndexMap<String, Map<String, Value>>;

/// The section of an INI file whose options hold in all others, as Python's configparser has it.
const EVERYWHERE: &str = "DEFAULT";

/// Deepest that one INI value may refer to others.
const MAX_DEPTH: usize = 10;

/// What is wrong with the text that was found at `place`.
pub(super) fn wrong(place: &str, reason: impl Into<String>) -> Error {
    Error::OdcConfig { place: place.to_owned(), reason: reason.into() }
}

/// Reads a text in the format that it looks like: INI where its first line that says something begins with `[` or `;`,
/// else YAML, which JSON is a part of.
pub(super) fn parse(text: &str, place: &str) -> Result<Sections, Error> {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let sections = match first {
        None => Sections::new(),
        Some(line) if line.starts_with(['[', ';']) => ini(text, place)?,
        Some(_) => yaml(text, place)?,
    };
    match sections.keys().find(|name| !is_name(name)) {
        Some(name) => Err(wrong(place, bad_name(name))),
        None => Ok(sections),
    }
}

/// True for what ODC takes as the name of an environment.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && name != "all"
}

/// Why a name is none.
pub(super) fn bad_name(name: &str) -> String {
    format!(
        "{name:?} cannot name an environment: expected small letters and digits, a letter first, and not \"all\"; rename it"
    )
}

fn yaml(text: &str, place: &str) -> Result<Sections, Error> {
    let documents = documents::parse(text, place).map_err(Error::Document)?;
    let [document] = documents.as_slice() else {
        return Err(wrong(place, format!("expected one YAML document, got {}", documents.len())));
    };
    let Value::Object(map) = &document.value else {
        return Err(wrong(place, not_a_mapping(&document.value)));
    };
    map.iter()
        .map(|(name, section)| match section {
            Value::Object(options) => Ok((name.clone(), options.clone())),
            Value::Null => Ok((name.clone(), Map::new())),
            other => {
                Err(wrong(place, format!("expected a mapping of options in the environment {name:?}, got {other}")))
            }
        })
        .collect()
}

fn not_a_mapping(value: &Value) -> String {
    match value {
        // The usual slip: the text of a configuration is asked for, and a path is given.
        Value::String(text) if !text.contains('\n') => format!(
            "expected the text of a configuration (INI, YAML or JSON), got {text:?}; the path of a file goes into ODC_CONFIG_PATH"
        ),
        _ => "expected a mapping from environments to their options".to_owned(),
    }
}

fn ini(text: &str, place: &str) -> Result<Sections, Error> {
    once_each(text).map_err(|reason| wrong(place, reason))?;
    let mut rules = IniDefault::default();
    rules.case_sensitive = true;
    rules.multiline = true;
    rules.enable_inline_comments = false;
    EVERYWHERE.clone_into(&mut rules.default_section);
    rules.comment_symbols = vec!['#', ';'];
    rules.delimiters = vec!['=', ':'];
    let mut read = Ini::new_from_defaults(rules).read(text.to_owned()).map_err(|reason| wrong(place, reason))?;
    let defaults = read.shift_remove(EVERYWHERE).unwrap_or_default();
    read.into_iter()
        .map(|(name, options)| {
            let mut all = IndexMap::new();
            for (key, value) in defaults.iter().chain(&options) {
                let Some(value) = value else {
                    let reason = format!("expected \"{key} = value\" in section [{name}], got only {key:?}");
                    return Err(wrong(place, reason));
                };
                all.insert(key.to_lowercase(), value.clone());
            }
            let section = all.keys().map(|key| Ok((key.clone(), Value::String(filled(&all, key, 0)?))));
            Ok((name.clone(), section.collect::<Result<_, String>>().map_err(|reason| wrong(place, reason))?))
        })
        .collect()
}

/// Refuses a section or an option that stands there twice: nobody could say which one counts.
fn once_each(text: &str) -> Result<(), String> {
    let mut seen = HashSet::new();
    let mut section = String::new();
    let mut indent = usize::MAX;
    for (number, line) in (1..).zip(text.lines()) {
        let said = line.trim();
        let depth = line.len() - line.trim_start().len();
        if said.is_empty() || said.starts_with(['#', ';']) || depth > indent {
            continue;
        }
        let key = if said.starts_with('[') {
            said.trim_matches(['[', ']']).clone_into(&mut section);
            indent = usize::MAX;
            String::new()
        } else {
            if section.is_empty() {
                return Err(format!("line {number}: expected a section such as [default] before the first option"));
            }
            indent = depth;
            said.split(['=', ':']).next().unwrap_or(said).trim().to_lowercase()
        };
        if !seen.insert((section.clone(), key.clone())) {
            let what = if key.is_empty() { format!("section [{section}]") } else { format!("{key:?} of [{section}]") };
            return Err(format!("line {number}: {what} is there twice; remove one"));
        }
    }
    Ok(())
}

/// The value of an option with each `%(other)s` replaced by the value of that other option, and `%%` by `%`, as Python's
/// configparser does.
fn filled(options: &IndexMap<String, String>, key: &str, depth: usize) -> Result<String, String> {
    let text = options.get(key).ok_or_else(|| format!("%({key})s names no option of its section"))?;
    if depth > MAX_DEPTH {
        return Err(format!("the value of {key:?} refers to itself, or to others more than {MAX_DEPTH} deep"));
    }
    let mut value = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('%') {
        value.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            value.push('%');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|inner| inner.split_once(")s")) {
            value.push_str(&filled(options, &name.to_lowercase(), depth + 1)?);
            rest = after;
        } else {
            // The value itself may be a password.
            return Err(format!("a % in the value of {key:?} must be doubled: write %% for the sign itself"));
        }
    }
    value.push_str(rest);
    Ok(value)
}
