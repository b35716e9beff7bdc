//! Where a document of a catalog is: behind a URL, or in a file.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use cube_model::documents::{DocumentKind, RawDocument, resolve, unescaped};
use serde_json::Value;
use url::Url;

use super::not_stac;
use crate::Error;
use crate::error::why;
use crate::http::{Client, Request, plain};
use crate::index::reading::LARGEST_DOCUMENT;
use crate::index::sources::absolute;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    Url(Url),
    /// An absolute path.
    File(PathBuf),
}

impl Place {
    pub(super) fn of_file(path: &Path) -> Result<Self, Error> {
        let unreadable = |e: std::io::Error| Error::Unreadable { path: path.to_owned(), reason: why(&e) };
        Ok(Self::File(absolute(path).map_err(unreadable)?))
    }

    /// Its name: where the paths in it start.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Url(url) => plain(url),
            Self::File(path) => path.to_string_lossy().into_owned(),
        }
    }

    /// What tells it from all others.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Url(url) => url.as_str().to_owned(),
            Self::File(_) => self.name(),
        }
    }

    /// The last part of its path.
    pub(super) fn file_name(&self) -> String {
        match self {
            Self::Url(url) => unescaped(url.path().rsplit('/').next().unwrap_or_default()),
            Self::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        }
    }

    /// Where a link leads. What came over the network leads to no file of this machine.
    ///
    /// # Errors
    /// Where it leads nowhere that is read.
    pub(super) fn join(&self, href: &str) -> Result<Self, Error> {
        let refuse =
            |reason: &str| Error::Remote { url: self.name(), reason: format!("its link to {href:?} {reason}") };
        let url = match self {
            Self::Url(url) => url.join(href).map_err(|e| refuse(&format!("is no URL ({e}); mend the link")))?,
            Self::File(path) => {
                let at = resolve(Some(&path.to_string_lossy()), href).map(|(at, _)| at).unwrap_or_default();
                match at.split_once("://") {
                    None => return Ok(Self::File(at.into())),
                    Some(_) => Url::parse(&at).map_err(|e| refuse(&format!("is no URL ({e}); mend the link")))?,
                }
            }
        };
        if matches!(url.scheme(), "http" | "https") {
            Ok(Self::Url(url))
        } else {
            Err(refuse("is not followed: only http and https are"))
        }
    }

    /// The JSON document that is there, and where it really came from.
    pub(super) fn read(&self, client: &Client, bytes: &AtomicU64) -> Result<(Self, Value), Error> {
        match self {
            Self::Url(url) => {
                let answer = client.fetch(&Request::get(url.clone()), LARGEST_DOCUMENT)?;
                bytes.fetch_add(answer.body.len() as u64, Ordering::Relaxed);
                let value = serde_json::from_slice(&answer.body).map_err(|_| not_stac(url, &answer.media_type))?;
                Ok((Self::Url(answer.url), value))
            }
            Self::File(path) => {
                let unreadable = |reason: String| Error::Unreadable { path: path.clone(), reason };
                let file = std::fs::File::open(path).map_err(|e| unreadable(why(&e)))?;
                let mut text = Vec::new();
                file.take(LARGEST_DOCUMENT + 1).read_to_end(&mut text).map_err(|e| unreadable(why(&e)))?;
                if text.len() as u64 > LARGEST_DOCUMENT {
                    return Err(Error::TooLong { path: path.clone(), line: None, most: LARGEST_DOCUMENT >> 20 });
                }
                bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
                let value = serde_json::from_slice(&text).map_err(|e| unreadable(format!("it is no JSON ({e})")))?;
                Ok((self.clone(), value))
            }
        }
    }
}

/// The kind of a document, by the keys that tell kinds apart.
pub(super) fn kind_of(value: &Value) -> DocumentKind {
    let keys = [
        "$schema",
        "type",
        "stac_version",
        "extent",
        "links",
        "metadata_type",
        "measurements",
        "name",
        "metadata",
        "dataset",
        "id",
    ];
    let told = keys.iter().filter_map(|key| {
        let value = value.get(*key)?;
        // What is inside of them tells nothing.
        Some(((*key).to_owned(), if value.is_string() { value.clone() } else { Value::Bool(true) }))
    });
    RawDocument::from_value(Value::Object(told.collect()), "").kind()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_from_files_to_files_and_to_the_network_and_never_back() {
        let file = Place::File("/data/c/catalog.json".into());
        assert_eq!(file.join("./a/../b/item.json").unwrap(), Place::File("/data/c/b/item.json".into()));
        assert_eq!(file.join("https://host/x.json").unwrap().name(), "https://host/x.json");
        let url = Place::Url(Url::parse("https://host/c/catalog.json").unwrap());
        assert_eq!(url.join("../item.json").unwrap().name(), "https://host/item.json");
        for href in ["file:///etc/passwd", "s3://bucket/x.json", "javascript:x"] {
            let said = url.join(href).unwrap_err().to_string();
            assert!(said.contains("only http and https"), "{said}");
        }
    }
}
