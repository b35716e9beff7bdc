//! What a location in a document means: a path, or an object at a host.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::path::Path as Key;
use url::Url;

use crate::RasterError;

/// Longest location that is looked at.
const LONGEST: usize = 8 << 10;

/// A place that may be read, once it is known what it means.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Location {
    Local(PathBuf),
    Remote(Remote),
}

/// How a place is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    Http,
    Https,
    S3,
    Gs,
    Az,
}

/// An object of a store, or what an HTTP server gives.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Remote {
    pub(super) scheme: Scheme,
    /// The bucket or container; host and port of HTTP.
    pub(super) host: Arc<str>,
    pub(super) key: Key,
    /// What follows `?` in a URL of HTTP. It may hold a token, and is never shown.
    pub(super) query: Option<Arc<str>>,
}

impl Scheme {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::S3 => "s3",
            Self::Gs => "gs",
            Self::Az => "az",
        }
    }

    pub(super) const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}

/// As it may be shown: without a query.
impl std::fmt::Display for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}/{}", self.scheme.name(), self.host, self.key)
    }
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Remote {
    /// The object `below` this one.
    pub(crate) fn child(&self, below: &str) -> Option<Self> {
        let key = Key::parse(format!("{}/{below}", self.key)).ok()?;
        Some(Self { key, ..self.clone() })
    }

    /// The folder that this object is in, and its name there.
    pub(crate) fn parent(&self) -> Option<(Self, String)> {
        let name = self.key.filename()?.to_owned();
        let parts: Vec<_> = self.key.parts().collect();
        let key = parts.get(..parts.len().checked_sub(1)?)?.iter().cloned().collect();
        Some((Self { key, ..self.clone() }, name))
    }

    /// True where the last part of the name ends so, whatever the case.
    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        self.key.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
    }

    /// True where this is `root` or lies below it.
    pub(super) fn is_below(&self, root: &Self) -> bool {
        self.scheme == root.scheme && self.host == root.host && self.key.prefix_matches(&root.key)
    }
}

/// A location without what must not be shown: user, password and query of a URL.
pub(crate) fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

impl Location {
    /// Reads a path, or a URL of `file`, `http`, `https`, `s3`, `gs` or `az`; all else is refused.
    pub(crate) fn parse(url: &str) -> Result<Self, RasterError> {
        let refuse = |what: &str, remedy: &str| RasterError::Unsupported {
            location: shown(url),
            what: what.to_owned(),
            remedy: remedy.to_owned(),
        };
        if url.len() > LONGEST {
            let location = shown(url).chars().take(200).collect::<String>() + "…";
            return Err(RasterError::Unsupported {
                location,
                what: format!("it is longer than {LONGEST} bytes"),
                remedy: "a location is a path or a URL".to_owned(),
            });
        }
        if is_gdal_name(url) {
            return Err(refuse(
                "a name that only GDAL understands is no location",
                "give the path of the file, or its URL (s3://, gs://, az://, https://)",
            ));
        }
        let Some((scheme, rest)) = url.split_once("://") else { return Ok(Self::Local(PathBuf::from(url))) };
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "file" => return local(rest).map(Self::Local).map_err(|(what, remedy)| refuse(what, remedy)),
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            "s3" => Scheme::S3,
            "gs" => Scheme::Gs,
            "az" => Scheme::Az,
            other => {
                let what = format!("{other}:// is not read");
                return Err(refuse(&what, "give a path, or a URL of file, http, https, s3, gs or az"));
            }
        };
        let parsed = Url::parse(url).map_err(|error| refuse(&format!("it is no URL: {error}"), "correct it"))?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(refuse(
                "user and password in a URL would end up in catalogs and messages",
                "leave them out; keys of stores come from the environment or a profile",
            ));
        }
        let host = parsed.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| refuse("it names no host", "write scheme://host/path"))?;
        let host = parsed.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let key = if scheme.is_http() {
            Key::from_url_path(parsed.path())
        } else {
            if parsed.query().is_some() || parsed.fragment().is_some() || parsed.port().is_some() {
                return Err(refuse(
                    "options in the URL of an object are not read",
                    "write bucket and key alone; settings come from the environment or a profile",
                ));
            }
            // Keys are written as they are, not escaped.
            Key::parse(rest.split_once('/').map_or("", |(_, key)| key.trim_end_matches('/')))
        };
        let key = key.map_err(|_| refuse("its path has empty parts, or `.` or `..`", "write the path without them"))?;
        let query = parsed.query().filter(|query| !query.is_empty()).map(Arc::from);
        Ok(Self::Remote(Remote { scheme, host: host.into(), key, query }))
    }
}

/// `/vsi…/` paths and `DRIVER:…` names, which only GDAL understands.
fn is_gdal_name(url: &str) -> bool {
    if url.trim_start_matches('/').get(..3).is_some_and(|start| start.eq_ignore_ascii_case("vsi"))
        && url.starts_with('/')
        && !Path::new(url).exists()
    {
        return true;
    }
    url.split_once(':').is_some_and(|(prefix, rest)| {
        prefix.len() > 1
            && !rest.starts_with("//")
            && prefix.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            && !Path::new(url).exists()
    })
}

/// The path of a `file://` URL, from what follows `file://`.
fn local(rest: &str) -> Result<PathBuf, (&'static str, &'static str)> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err(("a file URL with a host", "write file:///absolute/path"));
    }
    let decoded = decode(path).map(PathBuf::from);
    decoded.ok_or(("a file URL with a broken % escape", "write %25 for a percent sign"))
}

/// Undoes percent escapes; `None` where one is broken or the result is not UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (high, low) = (char::from(bytes.next()?).to_digit(16)?, char::from(bytes.next()?).to_digit(16)?);
            decoded.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(url: &str) -> Remote {
        match Location::parse(url).unwrap() {
            Location::Remote(remote) => remote,
            Location::Local(path) => panic!("{url} is {}", path.display()),
        }
    }

    fn refusal(url: &str) -> String {
        Location::parse(url).unwrap_err().to_string()
    }

    #[test]
    fn paths_and_file_urls_are_local() {
        let local = |url: &str| Location::parse(url).unwrap();
        assert_eq!(local("file:///a%20b/c.tif"), Location::Local("/a b/c.tif".into()));
        assert_eq!(local("/a%20b.tif"), Location::Local("/a%20b.tif".into()));
        assert!(refusal("file:///a%zz").contains("% escape"));
        assert!(refusal("file://host/a").contains("with a host"));
    }

    #[test]
    fn urls_of_stores_are_bucket_and_key_as_written() {
        let found = remote("s3://bucket/a b/c%20d.tif");
        assert_eq!((found.scheme, &*found.host, found.key.as_ref()), (Scheme::S3, "bucket", "a b/c%20d.tif"));
        let found = remote("https://host:8443/a%20b/c.tif?token=secret");
        assert_eq!((&*found.host, found.key.as_ref()), ("host:8443", "a b/c.tif"));
        assert_eq!(found.query.as_deref(), Some("token=secret"));
        assert_eq!(format!("{found} {found:?}").matches("secret").count(), 0);
    }

    #[test]
    fn what_is_no_place_is_refused_and_no_secret_is_told() {
        for (url, sentence) in [
            ("/vsicurl/http://host/a.tif", "only GDAL understands"),
            ("//vsis3/bucket/a.tif", "only GDAL understands"),
            ("/VSICURL/http://host/a.tif", "only GDAL understands"),
            ("NETCDF:\"/x/f.nc\":t2m", "only GDAL understands"),
            ("ftp://host/a.tif", "ftp:// is not read"),
            ("s3://bucket/a.tif?endpoint=http://evil&secret=hunter2", "options in the URL"),
            ("s3://bucket/a//b.tif", "empty parts"),
            ("s3://bucket/../b.tif", "`..`"),
            ("https://me:hunter2@host/a.tif", "user and password"),
            ("https:///", "URL"),
        ] {
            let said = refusal(url);
            assert!(said.contains(sentence) && !said.contains("hunter2"), "{url}: {said}");
        }
    }

    #[test]
    fn roots_hold_what_lies_below_them() {
        let root = remote("s3://bucket/data");
        assert!(remote("s3://bucket/data/a.tif").is_below(&root));
        for other in ["s3://bucket/database/a.tif", "s3://other/data/a.tif", "gs://bucket/data/a.tif"] {
            assert!(!remote(other).is_below(&root), "{other}");
        }
    }
}
