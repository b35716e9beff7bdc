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
}

/// The documents of a YAML text (several of them divided by `---`) or a JSON text. Empty documents are left out.
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
        text: Some(Text { whole: Arc::clone(&whole), offset, lines }),
    };
    if text.trim_start().starts_with(['{', '['])
        && let Some(value) = json::read(text)
    {
        return Ok(vec![document(value, 0, 0)]);
    }
    match yaml::read(text) {
        Ok(documents) => Ok(documents.into_iter().map(|d| document(d.value, d.offset, d.lines)).collect()),
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
        let places = position::Places::read(self.text.as_ref().map(|t| &t.whole[t.offset..])?)?;
        Some(self.in_text(places.find(path, key)))
    }

    /// Where several values stand, reading the text only once.
    pub(super) fn positions_of<'p>(&self, paths: impl Iterator<Item = (&'p [Step], bool)>) -> Vec<Option<Position>> {
        let places = self.text.as_ref().and_then(|t| position::Places::read(&t.whole[t.offset..]));
        paths.map(|(path, key)| places.as_ref().map(|p| self.in_text(p.find(path, key)))).collect()
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
