//! Where the documents of datasets are, and which datasets are there.

use std::fmt::Write;

use std::collections::HashMap;

use cube_model::Status;
use cube_model::documents::unescaped;
use jiff::Timestamp;
use uuid::Uuid;

use crate::life::Touched;
use crate::rows::{Condition, FactRow, Selection, Term};
use crate::{Catalog, CatalogError, Result};

/// How a location is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LocationMode {
    /// It is this.
    Exact,
    /// It begins with this.
    Prefix,
    /// `Exact` where it has a `#`, as `file.nc#part=3`; `Prefix` otherwise.
    #[default]
    Guess,
}

impl Catalog {
    /// Where the document of a dataset is; `None` where that was not said.
    ///
    /// # Errors
    /// Where the dataset is not in the catalog.
    pub async fn location(&self, id: Uuid) -> Result<Option<String>> {
        let (mut transaction, _) = self.read().await?;
        match transaction.facts(&[id], &[]).await?.pop() {
            Some(row) => Ok(row.location),
            None => Err(CatalogError::UnknownDatasets { ids: vec![id] }),
        }
    }

    /// The datasets at a location, active and archived, by (centre time, id). A path and its `file:` URL are the same
    /// place.
    ///
    /// # Errors
    /// Where the location is empty.
    pub async fn datasets_at(&self, location: &str, mode: LocationMode) -> Result<Vec<Touched>> {
        if location.is_empty() {
            let reason = "it is empty; give a path or a URL".to_owned();
            return Err(CatalogError::Location { location: location.to_owned(), reason });
        }
        let exact = match mode {
            LocationMode::Exact => true,
            LocationMode::Prefix => false,
            LocationMode::Guess => location.contains('#'),
        };
        let condition = if exact { Condition::Location } else { Condition::LocationPrefix };
        let any = spellings(location).into_iter().map(condition).collect();
        let (mut transaction, definitions) = self.read().await?;
        let terms = vec![Term { any, negated: false }];
        let selection = Selection { terms, status: Status::All, ..Selection::default() };
        let found = transaction.candidates(&selection).await?;
        let mut datasets = Vec::with_capacity(found.len());
        for some in found.chunks(1000) {
            let ids: Vec<Uuid> = some.iter().map(|candidate| candidate.id).collect();
            let mut there: HashMap<Uuid, FactRow> =
                transaction.facts(&ids, &[]).await?.into_iter().map(|row| (row.id, row)).collect();
            for row in ids.iter().filter_map(|id| there.remove(id)) {
                datasets.push(Touched {
                    id: row.id,
                    product: definitions.product_of_key(row.product)?.row.name.clone(),
                    location: row.location,
                    archived: row.archived.and_then(|at| Timestamp::from_microsecond(at).ok()),
                });
            }
        }
        Ok(datasets)
    }
}

/// The ways in which a location may have been written: a local path as it is, and as a `file:` URL with and without
/// escapes.
pub(crate) fn spellings(location: &str) -> Vec<String> {
    let mut all = vec![location.to_owned()];
    let mut add = |spelling: String| {
        if !all.contains(&spelling) {
            all.push(spelling);
        }
    };
    if let Some(rest) = location.strip_prefix("file:") {
        let path = rest.strip_prefix("//").map_or(rest, |after| after.find('/').map_or(after, |at| &after[at..]));
        let path = unescaped(path);
        add(format!("file://{}", escaped(&path)));
        add(format!("file://{path}"));
        add(path);
    } else if location.starts_with('/') {
        add(format!("file://{}", escaped(location)));
        add(format!("file://{location}"));
    }
    all
}

/// A path as in a URL: as Python's `Path.as_uri` escapes it, which datacube's locations went through. A `#part=N` stays.
fn escaped(path: &str) -> String {
    let (path, part) = match path.rfind("#part=") {
        Some(at) => path.split_at(at),
        None => (path, ""),
    };
    let mut out = String::with_capacity(path.len() + part.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out + part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_its_url_are_one_place() {
        assert_eq!(spellings("/data/a b.yaml"), ["/data/a b.yaml", "file:///data/a%20b.yaml", "file:///data/a b.yaml"]);
        assert_eq!(spellings("/data/a.yaml"), ["/data/a.yaml", "file:///data/a.yaml"]);
        let url = spellings("file:///data/a%20b.yaml");
        assert!(url.contains(&"/data/a b.yaml".to_owned()) && url.len() == 3, "{url:?}");
        assert!(spellings("file:/data/a.yaml").contains(&"/data/a.yaml".to_owned()));
        assert!(spellings("/data/ü.nc#part=3").contains(&"file:///data/%C3%BC.nc#part=3".to_owned()));
    }

    #[test]
    fn other_urls_stand_as_they_are() {
        for location in ["s3://bucket/a%20b.yaml", "https://host/x", "scenes/a.yaml"] {
            assert_eq!(spellings(location), [location]);
        }
    }
}
