//! Documents as YAML text.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::scalar;
use super::yaml::MAX_DEPTH;

/// A document cannot be said in YAML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the document cannot be written as YAML: {reason}")]
pub struct YamlError {
    /// Why.
    pub reason: String,
}

/// Longest list of numbers or words that stands on one line.
const LINE: usize = 100;

/// A document as YAML, keys in their order, with a newline at the end. Text that YAML 1.1 would read as something else
/// (`010`, `yes`, `12:30`) stands in quotes, so that every reader gets the document back.
///
/// # Errors
/// Where it is nested deeper than documents are read.
pub fn to_yaml(document: &Value) -> Result<String, YamlError> {
    let mut text = String::new();
    match document {
        Value::Object(map) if !map.is_empty() => mapping(map, 0, &mut text)?,
        Value::Array(items) if !items.is_empty() && one_line(items).is_none() => list(items, 0, &mut text)?,
        other => {
            text.push_str(&inline(other));
            text.push('\n');
        }
    }
    Ok(text)
}

fn mapping(map: &Map<String, Value>, indent: usize, text: &mut String) -> Result<(), YamlError> {
    for (i, (key, value)) in map.iter().enumerate() {
        // The first key stands behind the dash of a list.
        if i > 0 || text.is_empty() || text.ends_with('\n') {
            text.push_str(&" ".repeat(indent));
        }
        text.push_str(&word(key));
        text.push(':');
        nested(value, indent, text)?;
    }
    Ok(())
}

fn list(items: &[Value], indent: usize, text: &mut String) -> Result<(), YamlError> {
    for item in items {
        text.push_str(&" ".repeat(indent));
        text.push('-');
        match item {
            Value::Object(map) if !map.is_empty() => {
                deeper(indent)?;
                text.push(' ');
                mapping(map, indent + 2, text)?;
            }
            other => nested(other, indent, text)?,
        }
    }
    Ok(())
}

/// What stands behind a colon or a dash.
fn nested(value: &Value, indent: usize, text: &mut String) -> Result<(), YamlError> {
    match value {
        Value::Object(map) if !map.is_empty() => {
            deeper(indent)?;
            text.push('\n');
            mapping(map, indent + 2, text)
        }
        Value::Array(items) if !items.is_empty() && one_line(items).is_none() => {
            deeper(indent)?;
            text.push('\n');
            list(items, indent + 2, text)
        }
        other => {
            text.push(' ');
            text.push_str(&inline(other));
            text.push('\n');
            Ok(())
        }
    }
}

fn deeper(indent: usize) -> Result<(), YamlError> {
    if indent / 2 + 2 >= MAX_DEPTH {
        return Err(YamlError { reason: format!("it is nested deeper than {MAX_DEPTH} levels") });
    }
    Ok(())
}

/// A value on the rest of its line.
fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => word(text),
        Value::Array(items) => one_line(items).unwrap_or_else(|| "[]".to_owned()),
        Value::Object(_) => "{}".to_owned(),
        Value::Number(number) => float(&number.to_string()),
        other => other.to_string(),
    }
}

/// YAML 1.1 reads an exponent only with a point and a sign.
fn float(number: &str) -> String {
    let Some((digits, exponent)) = number.split_once('e') else { return number.to_owned() };
    let point = if digits.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['-', '+']) { "" } else { "+" };
    format!("{digits}{point}e{sign}{exponent}")
}

/// A short list of scalars in brackets.
fn one_line(items: &[Value]) -> Option<String> {
    if items.iter().any(|v| v.is_object() || v.is_array()) {
        return None;
    }
    let line = format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", "));
    (line.len() <= LINE).then_some(line)
}

/// Text, in quotes where it would be read as something else without.
fn word(text: &str) -> String {
    let safe = |c: char| c.is_alphanumeric() || "_-./+=()$<>;^~ :".contains(c);
    let plain = text.starts_with(|c: char| c.is_alphanumeric() || "_/.+-$(".contains(c))
        && !text.starts_with("- ")
        && !text.starts_with("---")
        && !text.starts_with("...")
        && text != "-"
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && text.chars().all(safe)
        && scalar::plain(text).is_string()
        // `1e5` is text in YAML 1.1, but a number in YAML 1.2 and in JSON, which a list on one line may be taken for.
        && !(text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) && text.parse::<f64>().is_ok());
    if plain { text.to_owned() } else { quoted(text) }
}

/// A JSON string is a quoted YAML scalar, but YAML has no raw control characters and takes more characters for line
/// breaks.
fn quoted(text: &str) -> String {
    let json = Value::from(text).to_string();
    let mut yaml = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') {
            // Writing to a String cannot fail.
            let _ = write!(yaml, "\\u{:04x}", u32::from(c));
        } else {
            yaml.push(c);
        }
    }
    yaml
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::parse;
    use serde_json::json;

    #[test]
    fn what_is_written_is_read_back() {
        let document = json!({
            "name": "a", "nodata": "NaN", "yes": "no", "list": [1, 2.5, "010", null, true], "deep": { "x": [], "y": {} },
            "rows": [[1, 2], [{"a": 1, "b": [{"c": 1}]}, "x: y"]], "small": 1e-7, "large": 1e300, "- x": "# no",
            "text": "two\nlines\t\"quoted\" é \u{7f}\u{2028}", "time": "12:30", "none": "", "long": vec!["abcdefghij"; 30]
        });
        let text = to_yaml(&document).unwrap();
        assert_eq!(parse(&text, "test").unwrap()[0].value, document, "{text}");
        for value in [json!([1, 2]), json!(["1e5", "-2E-3"]), json!([{"a": 1}]), json!("x"), json!({}), json!(3)] {
            assert_eq!(parse(&to_yaml(&value).unwrap(), "test").unwrap()[0].value, value);
        }
    }

    #[test]
    fn a_document_is_written_as_people_write_it() {
        let document =
            json!({"grids": {"default": {"shape": [10, 20]}}, "measurements": [{"name": "red", "nodata": 0}]});
        let text = "grids:\n  default:\n    shape: [10, 20]\nmeasurements:\n  - name: red\n    nodata: 0\n";
        assert_eq!(to_yaml(&document).unwrap(), text);
    }

    #[test]
    fn what_could_not_be_read_back_is_refused() {
        let deep = (0..200).fold(json!(1), |inner, _| json!({ "a": inner }));
        assert!(to_yaml(&deep).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_comes_back(text in "[ -~\\n\\t\u{a0}-\u{2030}]{0,12}") {
            let document = json!({ text.clone(): [text] });
            let written = to_yaml(&document).unwrap();
            proptest::prop_assert_eq!(&parse(&written, "test").unwrap()[0].value, &document, "{}", written);
        }
    }
}
