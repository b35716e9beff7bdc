//! What is wrong with a document, said so that it can be mended.

use std::fmt;

/// A document was refused. It holds every fault that was found, not only the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentError {
    /// The file or URL that the document came from.
    pub document: String,
    /// What is wrong, in the document's order; at least one.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which kind of rule is broken.
    pub rule: Rule,
    /// Where in the document.
    pub path: DocumentPath,
    /// Where in the text, if the document came from one.
    pub position: Option<Position>,
    /// What was expected and what came.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// Kinds of rules that a document can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The text is not YAML or JSON.
    Syntax,
    /// The document is deeper or larger than any real one, or its aliases unfold beyond measure.
    Limit,
    /// A key that must be there is missing.
    Missing,
    /// A key that nobody knows.
    UnknownKey,
    /// A value of the wrong kind, or out of its range.
    Value,
    /// Two parts of the document contradict each other.
    Consistency,
    /// The dataset belongs to no product, or to several; or the product's metadata type is not known.
    Match,
    /// A kind of document that is not read.
    Unsupported,
}

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
}

/// Keys and indices that lead to a place in a document; empty for the whole document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DocumentPath(pub Vec<Step>);

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into a mapping.
    Key(String),
    /// Into a list, from 0.
    Index(usize),
}

/// `grids.default.transform[5]`; keys with a point, a bracket or a blank stand in quotes.
impl fmt::Display for DocumentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => {
                    if i > 0 {
                        f.write_str(".")?;
                    }
                    if key.is_empty() || key.contains(|c: char| ".[]\"".contains(c) || c.is_whitespace()) {
                        write!(f, "{key:?}")?;
                    } else {
                        f.write_str(key)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.faults.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:", self.document)?;
            if let Some(Position { line, column }) = fault.position {
                write!(f, "{line}:{column}:")?;
            }
            write!(f, " {fault}")?;
        }
        Ok(())
    }
}

/// The sentence without the place in the text.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.0.is_empty() {
            write!(f, "at {}: ", self.path)?;
        }
        write!(f, "{}; {}", self.message, self.help)
    }
}

impl Fault {
    /// The sentence without the place in the text, and of an item in a collection without its number: items that are
    /// refused for the same reason say the same.
    #[must_use]
    pub fn reason(&self) -> String {
        match self.path.0.as_slice() {
            [Step::Key(key), Step::Index(_), inside @ ..] if key == "features" => {
                Self { path: DocumentPath(inside.to_vec()), ..self.clone() }.to_string()
            }
            _ => self.to_string(),
        }
    }
}

impl std::error::Error for DocumentError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_where_what_and_what_to_do() {
        let fault = Fault {
            rule: Rule::Value,
            path: DocumentPath(vec![Step::Key("grids".into()), Step::Key("a.b".into()), Step::Index(2)]),
            position: Some(Position { line: 3, column: 7 }),
            message: "expected a number, got the text \"x\"".into(),
            help: "write a number".into(),
        };
        let error = DocumentError { document: "a.yaml".into(), faults: vec![fault.clone(), fault] };
        let line = "a.yaml:3:7: at grids.\"a.b\"[2]: expected a number, got the text \"x\"; write a number";
        assert_eq!(error.to_string(), format!("{line}\n{line}"));
        let item = |i| Fault {
            path: DocumentPath(vec![Step::Key("features".into()), Step::Index(i), Step::Key("id".into())]),
            ..error.faults[0].clone()
        };
        assert_eq!(item(1).reason(), item(2).reason());
        assert!(item(1).reason().starts_with("at id: "));
    }
}
