//! What the catalog knows of a dataset beside its document, as a section of the exported document.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// The section's key.
const SECTION: &str = "cube";

/// What is no part of a document but belongs to its dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// Where the document is, by the catalog that it was exported from.
    pub(crate) location: Option<String>,
    /// Since when it is archived there.
    pub(crate) archived: Option<Timestamp>,
}

impl Record {
    /// Puts the section at the end of a document.
    pub(super) fn put_into(self, document: &mut Value) {
        let Some(map) = document.as_object_mut() else { return };
        let mut section = Map::new();
        section.insert("location".to_owned(), self.location.map_or(Value::Null, Value::from));
        if let Some(archived) = self.archived {
            section.insert("archived".to_owned(), archived.to_string().into());
        }
        map.insert(SECTION.to_owned(), section.into());
    }

    /// Takes the section out of a document that was exported; `None` where it has none.
    ///
    /// # Errors
    /// Where it is not as it was written: a sentence.
    pub(crate) fn take_from(document: &mut Value) -> Result<Option<Self>, String> {
        let Some(section) = document.as_object_mut().and_then(|map| map.shift_remove(SECTION)) else { return Ok(None) };
        let wrong = |key: &str, expected: &str, got: &Value| {
            Err(format!(
                "section {SECTION} of an exported document: expected {key} to be {expected}, got {got}; export it again"
            ))
        };
        let Value::Object(mut section) = section else {
            return wrong("it", "a mapping with location and archived", &section);
        };
        let location = match section.shift_remove("location") {
            None | Some(Value::Null) => None,
            Some(Value::String(location)) => Some(location),
            Some(other) => return wrong("location", "a path or URL", &other),
        };
        let archived = match section.shift_remove("archived") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => match text.parse() {
                Ok(instant) => Some(instant),
                Err(_) => return wrong("archived", "an instant such as 2034-05-17T10:00:00Z", &text.into()),
            },
            Some(other) => return wrong("archived", "an instant such as 2034-05-17T10:00:00Z", &other),
        };
        match section.keys().next() {
            Some(key) => wrong("its keys", "location and archived", &key.clone().into()),
            None => Ok(Some(Self { location, archived })),
        }
    }
}
