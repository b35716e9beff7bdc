//! Looking at a document piece by piece, and collecting everything that is wrong with it.

use serde_json::{Map, Value};

use super::RawDocument;
use super::error::{DocumentError, DocumentPath, Fault, Rule, Step};

/// A value of a document and the way to it.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    pub(crate) value: &'a Value,
    parent: Option<&'a Node<'a>>,
    step: At<'a>,
}

#[derive(Clone, Copy)]
enum At<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

/// What is wrong so far.
#[derive(Default)]
pub(crate) struct Faults {
    found: Vec<Found>,
}

struct Found {
    rule: Rule,
    path: Vec<Step>,
    /// The fault is about the key, not its value.
    key: bool,
    message: String,
    help: String,
}

impl<'a> Node<'a> {
    pub(crate) const fn root(value: &'a Value) -> Self {
        Self { value, parent: None, step: At::Root }
    }

    /// The value under a key, if there is one that is not null.
    pub(crate) fn get<'n>(&'n self, key: &'n str) -> Option<Node<'n>> {
        let value = self.value.get(key).filter(|v| !v.is_null())?;
        Some(Node { value, parent: Some(self), step: At::Key(key) })
    }

    pub(crate) fn child<'n>(&'n self, key: &'n str, value: &'n Value) -> Node<'n> {
        Node { value, parent: Some(self), step: At::Key(key) }
    }

    pub(crate) fn item<'n>(&'n self, index: usize, value: &'n Value) -> Node<'n> {
        Node { value, parent: Some(self), step: At::Index(index) }
    }

    fn path(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut node = Some(self);
        while let Some(n) = node {
            match n.step {
                At::Root => {}
                At::Key(key) => steps.push(Step::Key(key.to_owned())),
                At::Index(i) => steps.push(Step::Index(i)),
            }
            node = n.parent;
        }
        steps.reverse();
        steps
    }
}

impl Faults {
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Anything said in whole words.
    pub(crate) fn add(&mut self, node: &Node<'_>, rule: Rule, message: impl Into<String>, help: impl Into<String>) {
        self.found.push(Found { rule, path: node.path(), key: false, message: message.into(), help: help.into() });
    }

    /// A value that is not what it should be.
    pub(crate) fn wrong(&mut self, node: &Node<'_>, expected: &str, help: impl Into<String>) {
        self.add(node, Rule::Value, format!("expected {expected}, got {}", describe(node.value)), help);
    }

    /// A key that must be there.
    pub(crate) fn missing(&mut self, node: &Node<'_>, key: &str, what: &str) {
        let message = match node.value.get(key) {
            Some(_) => format!("expected {key:?} ({what}), got nothing"),
            None => format!("expected the key {key:?} ({what}), which is missing"),
        };
        self.add(node, Rule::Missing, message, format!("add {key:?}"));
    }

    /// A key that nobody knows.
    pub(crate) fn unknown(&mut self, node: &Node<'_>, key: &str, known: &[&str]) {
        let mut path = node.path();
        path.push(Step::Key(key.to_owned()));
        let help = match nearest(key, known) {
            Some(name) => format!("did you mean {name:?}?"),
            None => "remove it".to_owned(),
        };
        let message = format!("expected one of the keys {}, got {key:?}", known.join(", "));
        self.found.push(Found { rule: Rule::UnknownKey, path, key: true, message, help });
    }

    /// The mapping in a node; a fault where it is none.
    pub(crate) fn mapping<'n>(&mut self, node: &Node<'n>, expected: &str) -> Option<&'n Map<String, Value>> {
        let map = node.value.as_object();
        if map.is_none() {
            self.wrong(node, expected, "write keys and values");
        }
        map
    }

    /// The list in a node; a fault where it is none.
    pub(crate) fn list<'n>(&mut self, node: &Node<'n>, expected: &str) -> Option<&'n Vec<Value>> {
        let list = node.value.as_array();
        if list.is_none() {
            self.wrong(node, expected, "write a list");
        }
        list
    }

    /// The text under a key; a fault where it is something else.
    pub(crate) fn text<'n>(&mut self, node: &Node<'n>, key: &str, what: &str) -> Option<&'n str> {
        match node.value.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(other) => {
                let help = if other.is_array() || other.is_object() { "write one text" } else { "put it in quotes" };
                self.wrong(&node.child(key, other), &format!("a text ({what})"), help);
                None
            }
        }
    }

    /// The text under a key that must be there.
    pub(crate) fn need_text<'n>(&mut self, node: &Node<'n>, key: &str, what: &str) -> Option<&'n str> {
        if node.value.get(key).is_none_or(Value::is_null) {
            self.missing(node, key, what);
            return None;
        }
        self.text(node, key, what)
    }

    /// The finite number in a node; a fault where it is none.
    pub(crate) fn number(&mut self, node: &Node<'_>, what: &str) -> Option<f64> {
        let number = node.value.as_f64().filter(|n| n.is_finite());
        if number.is_none() {
            let help = match node.value.as_str() {
                None => "write a number",
                Some(text) if !text.parse::<f64>().is_ok_and(f64::is_finite) => "write a number",
                Some(text) if text.contains(['e', 'E']) => {
                    "write the exponent with a point and a sign, as in 1.0e-4: YAML 1.1 reads no other"
                }
                Some(_) => "leave the quotes out",
            };
            self.wrong(node, what, help);
        }
        number
    }

    /// The finite number under a key, if there is one.
    pub(crate) fn number_at(&mut self, node: &Node<'_>, key: &str, what: &str) -> Option<f64> {
        self.number(&node.get(key)?, what)
    }

    /// Refuses keys that are not known.
    pub(crate) fn only(&mut self, node: &Node<'_>, known: &[&str]) {
        let Some(map) = node.value.as_object() else { return };
        for key in map.keys().filter(|k| !known.contains(&k.as_str())) {
            self.unknown(node, key, known);
        }
    }

    /// `value`, unless something was wrong.
    pub(crate) fn into_result<T>(self, document: &RawDocument, value: Option<T>) -> Result<T, DocumentError> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => Err(self.into_error(document)),
        }
    }

    fn into_error(self, document: &RawDocument) -> DocumentError {
        let positions = document.positions_of(self.found.iter().map(|f| (f.path.as_slice(), f.key)));
        let mut faults: Vec<Fault> = self
            .found
            .into_iter()
            .zip(positions)
            .map(|(f, position)| Fault {
                rule: f.rule,
                path: DocumentPath(document.whole_path(f.path)),
                position,
                message: f.message,
                help: f.help,
            })
            .collect();
        faults.sort_by_key(|f| f.position);
        DocumentError { document: document.source.clone(), faults }
    }
}

/// A value in a few words.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(b) => format!("the boolean {b}"),
        Value::Number(n) => n.to_string(),
        Value::String(text) if text.chars().count() > 60 => {
            format!("the text {:?}…", text.chars().take(57).collect::<String>())
        }
        Value::String(text) => format!("the text {text:?}"),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(map) if map.is_empty() => "an empty mapping".to_owned(),
        Value::Object(map) => {
            let keys: Vec<&str> = map.keys().take(3).map(String::as_str).collect();
            let more = if map.len() > 3 { ", …" } else { "" };
            format!("a mapping with {}{more}", keys.join(", "))
        }
    }
}

/// `^\w+$` of the schemas: letters, digits and underscores, at least one.
pub(crate) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// The known name that is at most two slips away.
fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let (distance, name) = known.iter().map(|k| (slips(key, k), *k)).min_by_key(|(d, _)| *d)?;
    (distance <= 2 && distance < key.chars().count()).then_some(name)
}

/// How many letters must be added, left out or changed (Levenshtein's distance).
fn slips(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_key_is_recognised() {
        assert_eq!(nearest("tranform", &["shape", "transform"]), Some("transform"));
        assert_eq!(nearest("wavelength", &["shape", "transform"]), None);
    }
}
