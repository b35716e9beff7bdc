//! Printing any number of things, one after the other.

use std::io::{BufWriter, StdoutLock, Write};

use serde_json::Value;

use crate::output::Failure;

/// A JSON list on stdout, indented as one value would be, perhaps inside other text.
pub(crate) struct JsonList {
    out: BufWriter<StdoutLock<'static>>,
    indent: &'static str,
    after: &'static str,
    first: bool,
}

impl JsonList {
    /// A list by itself.
    pub(crate) fn new() -> Result<Self, Failure> {
        Self::inside("[", "  ", "]")
    }

    /// The features of a GeoJSON feature collection.
    pub(crate) fn features() -> Result<Self, Failure> {
        Self::inside("{\n  \"type\": \"FeatureCollection\",\n  \"features\": [", "    ", "  ]\n}")
    }

    fn inside(before: &str, indent: &'static str, after: &'static str) -> Result<Self, Failure> {
        let mut out = BufWriter::new(std::io::stdout().lock());
        write!(out, "{before}")?;
        Ok(Self { out, indent, after, first: true })
    }

    /// One more.
    pub(crate) fn push(&mut self, value: &Value) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(|e| Failure::Failed(e.to_string()))?;
        let comma = if std::mem::replace(&mut self.first, false) { "" } else { "," };
        // A text inside has no line ends of its own: JSON escapes them.
        let text = text.replace('\n', &format!("\n{}", self.indent));
        Ok(write!(self.out, "{comma}\n{}{text}", self.indent)?)
    }

    /// The end of the list.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        let line = if self.first && self.after == "]" { "" } else { "\n" };
        writeln!(self.out, "{line}{}", self.after)?;
        Ok(self.out.flush()?)
    }
}

/// CSV on stdout.
pub(crate) struct Csv(csv::Writer<BufWriter<StdoutLock<'static>>>);

impl Csv {
    /// With a heading line.
    pub(crate) fn new(headings: &[impl AsRef<str>]) -> Result<Self, Failure> {
        let mut csv = Self(csv::Writer::from_writer(BufWriter::new(std::io::stdout().lock())));
        csv.push(headings.iter().map(AsRef::as_ref))?;
        Ok(csv)
    }

    /// One more row.
    pub(crate) fn push<T: AsRef<[u8]>>(&mut self, row: impl IntoIterator<Item = T>) -> Result<(), Failure> {
        self.0.write_record(row).map_err(|e| match e.into_kind() {
            csv::ErrorKind::Io(e) => Failure::from(e),
            other => Failure::Failed(format!("cannot write CSV: {other:?}")),
        })
    }

    /// The end.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        Ok(self.0.flush()?)
    }
}

/// A value as a person reads it: text as it is, a range as `begin/end`, nothing as nothing.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(map) if map.len() == 2 && map.contains_key("begin") && map.contains_key("end") => {
            let end =
                |key: &str| Some(plain(&map[key])).filter(|text| !text.is_empty()).unwrap_or_else(|| "..".to_owned());
            let (begin, end) = (end("begin"), end("end"));
            if begin == end { begin } else { format!("{begin}/{end}") }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_read_as_people_write_them() {
        assert_eq!(plain(&json!(null)), "");
        assert_eq!(plain(&json!(12.5)), "12.5");
        assert_eq!(plain(&json!("a\"b")), "a\"b");
        assert_eq!(plain(&json!({"begin": -2, "end": null})), "-2/..");
        assert_eq!(plain(&json!({"begin": "2034", "end": "2034"})), "2034");
        assert_eq!(plain(&json!([1, 2])), "[1,2]");
    }
}
