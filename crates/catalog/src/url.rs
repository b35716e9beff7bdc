//! Where a catalog is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::CatalogError;

/// Where a catalog is, as users write it: `sqlite:///absolute/path`, `sqlite://relative/path`, `memory:` or
/// `postgresql://…`.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CatalogUrl {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// SQLite in memory: gone when the catalog is closed.
    Memory,
    /// A `PostgreSQL` database with PostGIS, the URL as given. It may hold a password: printing hides it.
    Postgis(String),
}

impl CatalogUrl {
    /// The SQLite file at `path`.
    #[must_use]
    pub fn sqlite(path: impl AsRef<Path>) -> Self {
        Self::Sqlite(path.as_ref().to_path_buf())
    }
}

impl FromStr for CatalogUrl {
    type Err = CatalogError;

    fn from_str(text: &str) -> Result<Self, CatalogError> {
        let refuse = |reason| Err(CatalogError::Url { url: without_password(text), reason });
        if text == "memory:" {
            return Ok(Self::Memory);
        }
        if let Some(rest) = text.strip_prefix("sqlite://") {
            if let Some(at) = rest.find(['?', '#']) {
                return refuse(format!("{:?} is not understood after the path", &rest[at..]));
            }
            return match percent_decoded(rest) {
                Some(path) if path.is_empty() => refuse("the path of the file is missing".to_owned()),
                Some(path) if path.ends_with('/') => refuse("it names a directory, not a file".to_owned()),
                Some(path) => Ok(Self::Sqlite(PathBuf::from(path))),
                None => refuse(
                    "a % in the path must be followed by two hexadecimal digits (%25 is the % itself)".to_owned(),
                ),
            };
        }
        if text.starts_with("postgresql://") || text.starts_with("postgres://") {
            return Ok(Self::Postgis(text.to_owned()));
        }
        refuse("no such kind of catalog is known".to_owned())
    }
}

impl fmt::Display for CatalogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => {
                write!(
                    f,
                    "sqlite://{}",
                    path.display().to_string().replace('%', "%25").replace('?', "%3F").replace('#', "%23")
                )
            }
            Self::Memory => f.write_str("memory:"),
            Self::Postgis(url) => f.write_str(&without_password(url)),
        }
    }
}

impl fmt::Debug for CatalogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CatalogUrl({self})")
    }
}

/// The URL with its passwords starred out, those among the parameters too.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        let secret = url.contains('@') || url.to_ascii_lowercase().contains("password");
        return if secret { "(not shown, as it may hold a password)".to_owned() } else { url.to_owned() };
    };
    // A question mark in a password, not written as %3F.
    let before = rest.split(['/', '?']).next().unwrap_or(rest);
    if let (Some((user, _)), false, Some(colon)) = (rest.rsplit_once('@'), before.contains('@'), rest.find(':'))
        && colon < user.len()
    {
        return format!("{scheme}://{}:***{}", &rest[..colon], &rest[user.len()..]);
    }
    let (address, parameters) = rest.split_once('?').map_or((rest, None), |(address, p)| (address, Some(p)));
    let authority = address.split('/').next().unwrap_or(address);
    // A password with a slash that was not written as %2F: better too much is hidden than too little.
    let user = authority.rsplit_once('@').or_else(|| address.rsplit_once('@')).map(|(user, _)| user);
    let shown = match user.and_then(|user| Some((user, user.split_once(':')?.0))) {
        Some((user, name)) => format!("{scheme}://{name}:***{}", &address[user.len()..]),
        None => format!("{scheme}://{address}"),
    };
    let Some(parameters) = parameters else { return shown };
    let hidden = |parameter: &str| match parameter.split_once('=') {
        Some((name, _)) if name.to_ascii_lowercase().contains("password") => format!("{name}=***"),
        _ => parameter.to_owned(),
    };
    format!("{shown}?{}", parameters.split('&').map(hidden).collect::<Vec<_>>().join("&"))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'%' {
            // The sign that a number may have is no digit.
            let digits = std::str::from_utf8(tail.get(..2)?).ok().filter(|d| !d.starts_with('+'))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_read_and_printed_back() {
        for (text, url) in [
            ("sqlite:///data/cube.db", CatalogUrl::sqlite("/data/cube.db")),
            ("sqlite://cube.db", CatalogUrl::sqlite("cube.db")),
            ("sqlite:///a%25b%3Fc", CatalogUrl::sqlite("/a%b?c")),
            ("memory:", CatalogUrl::Memory),
        ] {
            assert_eq!(text.parse::<CatalogUrl>().unwrap(), url);
            assert_eq!(url.to_string(), text);
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        let url: CatalogUrl = "postgresql://anna:se@cret@db.example:5432/cube".parse().unwrap();
        assert_eq!(url.to_string(), "postgresql://anna:***@db.example:5432/cube");
        assert!(!format!("{url:?}").contains("cret"));
        for (given, shown) in [
            ("postgresql:///cube?host=/run&password=secret&x=1", "postgresql:///cube?host=/run&password=***&x=1"),
            ("postgresql://anna:se/cret@db/cube", "postgresql://anna:***@db/cube"),
            ("postgresql://anna@db:5432/cube?sslmode=require", "postgresql://anna@db:5432/cube?sslmode=require"),
            ("postgresql://db/cube", "postgresql://db/cube"),
        ] {
            assert_eq!(given.parse::<CatalogUrl>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn a_bad_url_is_told_what_is_wrong() {
        for (text, part) in [
            ("sqlite://", "path of the file is missing"),
            ("sqlite:///data/", "a directory"),
            ("sqlite:///a?mode=ro", "not understood"),
            ("sqlite:///a%zz", "hexadecimal"),
            ("sqlite:///a%+1", "hexadecimal"),
            ("mysql://x", "no such kind"),
            ("/data/cube.db", "sqlite:///path"),
        ] {
            let message = text.parse::<CatalogUrl>().unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
