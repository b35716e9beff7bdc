//! Text → documents as written.

use std::sync::Arc;

use serde_json::Value;

use super::error::{DocumentError, DocumentPath, Fault, Position, Step};
use super::{json, position, yaml};

/// A document as written: a value with no meaning yet.
#[derive(Debug, Clone, PartialEq)]
pub struct RawDocument {
    /// What stands in it. NaN and infinities are the texts `NaN`, `Infinity` and `-Infinity`.
    pub value: Value,
    /// The file or URL that it came from.
    pub source: String,
    text: Option<Text>,
}

/// The text of a document, for the places in it that an error names.
#[derive(Debug, Clone, PartialEq)]
struct Text {
    whole: Arc<str>,
    offset: usize,
    lines: usize,
    /// Where in the text's value the document is: the items of a STAC item collection lie inside it.
    base: Vec<Step>,
}

/// The documents of a YAML text (several of them divided by `---`) or a JSON text. Empty documents are left out.
///
/// A STAC item collection is a mere container, as `---` is: its items are the documents.
///
/// Scalars are read as `PyYAML` reads them for datacube: by the rules of YAML 1.1, with dates left as text. Keys that
/// are numbers, booleans or null become text.
///
/// # Errors
/// Where the text is not YAML, has a key twice in one mapping, or unfolds beyond all measure.
pub fn parse(text: &str, source: &str) -> Result<Vec<RawDocument>, DocumentError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let whole: Arc<str> = Arc::from(text);
    let document = |value, offset, lines| RawDocument {
        value,
        source: source.to_owned(),
        text: Some(Text { whole: Arc::clone(&whole), offset, lines, base: Vec::new() }),
    };
    if text.trim_start().starts_with(['{', '['])
        && let Some(value) = json::read(text)
    {
        return Ok(unpacked(document(value, 0, 0)));
    }
    match yaml::read(text) {
        Ok(documents) => {
            Ok(documents.into_iter().flat_map(|d| unpacked(document(d.value, d.offset, d.lines))).collect())
        }
        Err(e) => Err(DocumentError {
            document: source.to_owned(),
            faults: vec![Fault {
                rule: e.rule,
                path: DocumentPath::default(),
                position: Some(e.position),
                message: e.message,
                help: e.help,
            }],
        }),
    }
}

/// The items of a STAC item collection (a GeoJSON feature collection whose features are STAC items); any other document
/// as it is.
fn unpacked(mut document: RawDocument) -> Vec<RawDocument> {
    let is_item = |value: &Value| value.get("stac_version").is_some();
    let holds_items = document.value.get("type").and_then(Value::as_str) == Some("FeatureCollection")
        && document.value.get("features").and_then(Value::as_array).is_some_and(|f| f.iter().any(is_item));
    if !holds_items {
        return vec![document];
    }
    let Some(Value::Array(items)) = document.value.get_mut("features").map(Value::take) else { return vec![document] };
    let at = |i: usize| vec![Step::Key("features".to_owned()), Step::Index(i)];
    let (source, text) = (document.source, document.text);
    let item = |(i, value)| RawDocument {
        value,
        source: source.clone(),
        text: text.clone().map(|text| Text { base: at(i), ..text }),
    };
    items.into_iter().enumerate().map(item).collect()
}

/// Longest text that is read again for every item of it that is refused, to tell its line.
const LINES_ARE_TOLD: usize = 1 << 20;

impl RawDocument {
    /// A document that came from no text, such as one made by a program.
    #[must_use]
    pub fn from_value(value: Value, source: impl Into<String>) -> Self {
        Self { value, source: source.into(), text: None }
    }

    /// Where the value at `path` stands in the text: line and column of its first character, or of its key where
    /// `key` is asked for. The nearest place that exists where the path leads nowhere.
    ///
    /// This reads the text once more: it is for errors only.
    #[must_use]
    pub fn position_of(&self, path: &[Step], key: bool) -> Option<Position> {
        Some(self.in_text(self.places()?.find(&self.whole_path(path.to_vec()), key)))
    }

    /// Where several values stand, reading the text only once.
    pub(super) fn positions_of<'p>(&self, paths: impl Iterator<Item = (&'p [Step], bool)>) -> Vec<Option<Position>> {
        let places = self.places();
        let find = |path: &[Step], key| Some(places.as_ref()?.find(&self.whole_path(path.to_vec()), key));
        paths.map(|(path, key)| find(path, key).map(|at| self.in_text(at))).collect()
    }

    /// Another value that was made of this document, with the same places.
    pub(crate) fn with_value(&self, value: Value) -> Self {
        Self { value, source: self.source.clone(), text: self.text.clone() }
    }

    /// The way to a value of the document from the root of its text.
    pub(crate) fn whole_path(&self, path: Vec<Step>) -> Vec<Step> {
        match &self.text {
            Some(text) if !text.base.is_empty() => text.base.iter().cloned().chain(path).collect(),
            _ => path,
        }
    }

    /// The places of all values in the text; none for an item of a collection so large that reading it again and again
    /// would take longer than reading it.
    fn places(&self) -> Option<position::Places> {
        let text = self.text.as_ref()?;
        let is_cheap = text.base.is_empty() || text.whole.len() <= LINES_ARE_TOLD;
        is_cheap.then(|| position::Places::read(&text.whole[text.offset..]))?
    }

    /// From a position in the document to one in the whole text.
    fn in_text(&self, at: Position) -> Position {
        let lines = self.text.as_ref().map_or(0, |t| t.lines);
        Position { line: at.line + lines, column: at.column }
    }
}

/// Where the value at `path` stands in the first document of a text.
#[must_use]
pub fn position_of(text: &str, path: &[Step]) -> Option<Position> {
    Some(position::Places::read(text)?.find(path, false))
}

#[cfg(test)]
mod tests;
