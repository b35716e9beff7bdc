//! What is said where there is no GDAL.

use std::fmt;

use super::library::OLDEST;
use super::names::VARIABLE;
use crate::RasterError;

/// No library was found that could be used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NoGdal {
    /// Names under which there is nothing.
    pub(super) absent: Vec<String>,
    /// Libraries that are there, each with what is wrong with it.
    pub(super) unusable: Vec<String>,
}

impl fmt::Display for NoGdal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let absent = enumerated(&self.absent);
        match (self.unusable.is_empty(), self.absent.is_empty()) {
            (true, _) => write!(f, "none found (tried {absent})"),
            (false, true) => write!(f, "none that can be used ({})", self.unusable.join("; ")),
            (false, false) => write!(f, "none that can be used ({}; also tried {absent})", self.unusable.join("; ")),
        }
    }
}

/// Names in a row. Of one that differs from the name before it in its last number only, that number: `a.so.3, .2, .1`.
fn enumerated(names: &[String]) -> String {
    let stem = |name: &str| name.rsplit_once('.').map(|(stem, _)| stem.to_owned());
    let mut text = String::new();
    let mut before = None;
    for name in names {
        let this = stem(name);
        let shown = match &this {
            Some(stem) if this == before => &name[stem.len()..],
            _ => name,
        };
        if !text.is_empty() {
            text += ", ";
        }
        text += shown;
        before = this;
    }
    text
}

impl NoGdal {
    /// The error of a file that needs GDAL, since it is `what`.
    pub(crate) fn error(&self, location: &str, what: &str) -> RasterError {
        let (major, minor) = OLDEST;
        RasterError::Unsupported {
            location: location.to_owned(),
            what: format!("{what}, so that GDAL is needed, of whose library there is {self}"),
            remedy: format!(
                "install GDAL {major}.{minor} or later (on Debian and Ubuntu the package gdal-bin brings it), name its \
                 library in the environment variable {VARIABLE}, or convert the file to a COG"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_says_what_was_tried_and_what_to_do() {
        let names = ["a.so", "a.so.3", "a.so.2", "/b/a.so"].map(str::to_owned).to_vec();
        let nowhere = NoGdal { absent: names, unusable: Vec::new() };
        assert_eq!(
            nowhere.error("f.jp2", "it is a picture").to_string(),
            "f.jp2: it is a picture, so that GDAL is needed, of whose library there is none found (tried a.so, a.so.3, .2, \
             /b/a.so); \
             install GDAL 3.4 or later (on Debian and Ubuntu the package gdal-bin brings it), name its library in the \
             environment variable CUBE_GDAL_LIBRARY, or convert the file to a COG"
        );
        let old = NoGdal { unusable: vec!["b.so: it is GDAL 2.4".into()], ..nowhere.clone() };
        assert_eq!(
            old.to_string(),
            "none that can be used (b.so: it is GDAL 2.4; also tried a.so, a.so.3, .2, /b/a.so)"
        );
        let chosen = NoGdal { absent: Vec::new(), ..old };
        assert_eq!(chosen.to_string(), "none that can be used (b.so: it is GDAL 2.4)");
    }
}
