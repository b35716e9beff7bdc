//! Attributes of variables.

use indexmap::IndexMap;

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Attribute {
    /// Text.
    Text(String),
    /// One number or several.
    Numbers(Vec<f64>),
}

/// Attributes by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Attributes(IndexMap<String, Attribute>);

impl Attributes {
    /// Sets an attribute.
    pub(crate) fn insert(&mut self, name: impl Into<String>, value: Attribute) {
        self.0.insert(name.into(), value);
    }

    /// A text, trimmed; `None` where it is absent, empty or a number.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Attribute::Text(text) => Some(text.trim_matches(|c: char| c.is_whitespace() || c == '\0')),
            Attribute::Numbers(_) => None,
        }
        .filter(|text| !text.is_empty())
    }

    /// The first number; text that is a number counts.
    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        match self.0.get(name)? {
            Attribute::Numbers(numbers) => numbers.first().copied(),
            Attribute::Text(text) => text.trim().parse().ok(),
        }
    }

    /// All numbers; text of numbers with spaces between counts (`GeoTransform`).
    pub(crate) fn numbers(&self, name: &str) -> Option<Vec<f64>> {
        match self.0.get(name)? {
            Attribute::Numbers(numbers) => Some(numbers.clone()),
            Attribute::Text(text) => text.split([' ', ',']).filter(|w| !w.is_empty()).map(|w| w.parse().ok()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_text_are_numbers() {
        let mut attributes = Attributes::default();
        attributes.insert("GeoTransform", Attribute::Text("600000 10 0 4700000 0 -10 ".into()));
        attributes.insert("units", Attribute::Text(" ".into()));
        assert_eq!(attributes.numbers("GeoTransform").unwrap(), [600_000.0, 10.0, 0.0, 4_700_000.0, 0.0, -10.0]);
        assert_eq!(attributes.text("units"), None);
    }
}
