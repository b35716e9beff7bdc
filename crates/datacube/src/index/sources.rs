//! Where documents come from: files, directories, globs, archives, standard input.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use super::reading::LARGEST_DOCUMENT;
use super::report::Refusal;
use super::safe;
use crate::Error;
use crate::error::why;

/// Most files that one directory or glob may name.
const MOST_FILES: usize = 10_000_000;

/// What becomes of the rasters in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rasters {
    /// They are sources, as documents are.
    Taken,
    /// They are counted, for the error where there is no document.
    Told,
    /// They do not matter.
    PassedOver,
}

/// What an argument names.
#[derive(Debug, Default)]
pub(crate) struct FoundSources {
    /// What can be read, in the order of the names.
    pub sources: Vec<Source>,
    /// What cannot be reached: links to nothing, directories that may not be read.
    pub refused: Vec<Refusal>,
    /// Rasters that are not among the sources.
    left: usize,
}

/// Something that can be indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file with documents: YAML, JSON, NDJSON, each also gzipped, or a tar of them.
    Documents(PathBuf),
    /// A raster file; indexing it needs a product.
    Raster(PathBuf),
    /// The folder of a Sentinel-2 SAFE, whose metadata says what a document says.
    Safe(PathBuf),
    /// Standard input.
    Stdin,
    /// A file that holds a STAC catalog or collection which links to others.
    Catalog(PathBuf),
    /// What is at an `http(s)://` URL.
    Url(String),
    /// A document, or a file of many, in an object store.
    Object(String),
}

impl Source {
    /// What it is called.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Documents(path) | Self::Raster(path) | Self::Safe(path) | Self::Catalog(path) => {
                path.display().to_string()
            }
            Self::Object(url) => url.clone(),
            Self::Url(url) => url::Url::parse(url).map_or_else(|_| url.clone(), |url| crate::http::told(&url)),
            Self::Stdin => "standard input".to_owned(),
        }
    }

    /// True where it is gzipped, by its name.
    pub(super) fn is_gzipped(&self) -> bool {
        matches!(self, Self::Documents(path) if kind_of(path).1)
    }

    /// Its bytes; `None` where nobody knows, none where they are not read (rasters) or cannot be.
    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Self::Stdin | Self::Catalog(_) | Self::Url(_) | Self::Object(_) => None,
            Self::Raster(_) | Self::Safe(_) => Some(0),
            Self::Documents(path) => Some(std::fs::metadata(path).map_or(0, |m| m.len())),
        }
    }

    /// True where it may hold more documents than fit into memory.
    pub(super) fn holds_many(&self) -> bool {
        match self {
            Self::Stdin | Self::Catalog(_) | Self::Url(_) => true,
            Self::Raster(_) | Self::Safe(_) => false,
            Self::Documents(path) => is_of_many(path),
            Self::Object(url) => is_of_many(Path::new(url)),
        }
    }
}

/// Finds what an argument names: a file as it is, a directory with all documents below it (or, where there are none and
/// rasters are taken, all rasters), a glob, `-` for standard
/// input. A part of a directory that cannot be reached is refused by itself.
///
/// # Errors
/// Where it names nothing, or a URL that is not read.
pub(crate) fn find_sources(argument: &str, rasters: Rasters) -> Result<FoundSources, Error> {
    let mut found = FoundSources::default();
    if argument == "-" {
        found.sources.push(Source::Stdin);
        return Ok(found);
    }
    if is_http(argument) {
        found.sources.push(Source::Url(argument.to_owned()));
        return Ok(found);
    }
    if ["s3://", "gs://", "az://"].iter().any(|scheme| argument.starts_with(scheme)) {
        found.sources = objects(argument)?;
        return Ok(found);
    }
    if argument.split_once("://").is_some_and(|(scheme, _)| scheme != "file") {
        return Err(Error::RemoteSource { url: argument.to_owned() });
    }
    let path = Path::new(argument.strip_prefix("file://").unwrap_or(argument));
    if path.is_dir() && !is_raster(path) {
        walk(path, rasters, &mut found)?;
        // Where documents lie, they describe the rasters beside them.
        if found.sources.iter().any(|source| !matches!(source, Source::Raster(_))) {
            found.sources.retain(|source| !matches!(source, Source::Raster(_)));
        }
    } else if let Some(folder) = safe::folder_of(path).filter(|_| path.exists()) {
        found.sources.push(Source::Safe(folder));
    } else if safe::is_packed(path) && path.exists() {
        return Err(Error::Packed { path: path.to_owned() });
    } else if path.exists() {
        found.sources.push(if is_catalog(path) { Source::Catalog(path.to_owned()) } else { of_file(path) });
    } else if argument.contains(['*', '?', '[']) {
        glob(argument, rasters, &mut found)?;
    } else {
        return Err(Error::NoSuchSource { path: path.to_owned() });
    }
    let argument = argument.to_owned();
    match (found.sources.is_empty() && found.refused.is_empty(), found.left) {
        (false, _) => Ok(found),
        (true, 0) => Err(Error::NothingToIndex { argument }),
        (true, 1) => Err(Error::OnlyRasters { argument, rasters: "1 raster".to_owned() }),
        (true, n) => Err(Error::OnlyRasters { argument, rasters: format!("{n} rasters") }),
    }
}

/// Objects of a store that are looked at below a URL.
const MOST_OBJECTS: usize = 10_000_000;

/// The documents that a URL of an object store names: itself, or all below it in the order of their names.
fn objects(url: &str) -> Result<Vec<Source>, Error> {
    if is_of_many(Path::new(url)) || is_document_name(Path::new(url)) {
        return Ok(vec![Source::Object(url.to_owned())]);
    }
    let listed = cube_raster::Access::default().list(&format!("{}/", url.trim_end_matches('/')), MOST_OBJECTS)?;
    let mut urls: Vec<String> = listed.into_iter().map(|object| object.url).collect();
    urls.retain(|url| is_document_name(Path::new(url)));
    urls.sort();
    if urls.is_empty() {
        return Err(Error::NothingToIndex { argument: url.to_owned() });
    }
    Ok(urls.into_iter().map(Source::Object).collect())
}

/// True where the name says that there are many documents in one file.
fn is_of_many(path: &Path) -> bool {
    let kind = kind_of(path).0;
    kind == "tar" || is_by_line(&kind)
}

/// True for the URLs that are asked for over the network.
fn is_http(argument: &str) -> bool {
    let scheme = argument.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("http" | "https"))
}

/// True for a file with a STAC catalog, or with a collection that links to items or other collections.
fn is_catalog(path: &Path) -> bool {
    #[derive(serde::Deserialize)]
    struct Link {
        rel: Option<String>,
    }
    #[derive(serde::Deserialize)]
    struct Head {
        #[serde(rename = "type")]
        kind: Option<String>,
        stac_version: Option<serde::de::IgnoredAny>,
        #[serde(default)]
        links: Vec<Link>,
    }
    if kind_of(path) != ("json".to_owned(), false) || std::fs::metadata(path).is_ok_and(|m| m.len() > LARGEST_DOCUMENT)
    {
        return false;
    }
    let head = std::fs::read(path).ok().and_then(|text| serde_json::from_slice::<Head>(&text).ok());
    head.is_some_and(|head| {
        let leads = |link: &Link| matches!(link.rel.as_deref(), Some("item" | "child" | "items"));
        let kind = head.kind.as_deref();
        head.stac_version.is_some()
            && (kind == Some("Catalog") || (kind == Some("Collection") && head.links.iter().any(leads)))
    })
}

/// The refusal of a part of a directory.
fn unreachable(error: &walkdir::Error, dir: &Path) -> Refusal {
    let path = error.path().unwrap_or(dir).to_owned();
    let reason = match error.io_error() {
        Some(io) if io.kind() == ErrorKind::NotFound && path.is_symlink() => {
            "it is a link to something that is not there; mend or remove it".to_owned()
        }
        Some(io) => why(io),
        None => "it is a link to a directory that it lies in itself; remove it".to_owned(),
    };
    let source = path.display().to_string();
    Refusal { source, reason: Error::Unreadable { path, reason }.to_string() }
}

/// The absolute path of a file. One with `..` is resolved, so that a file has one name however it was reached; links
/// stay as they are otherwise.
pub(super) fn absolute(path: &Path) -> std::io::Result<PathBuf> {
    if path.components().any(|c| c == Component::ParentDir) { path.canonicalize() } else { std::path::absolute(path) }
}

fn of_file(path: &Path) -> Source {
    if is_raster(path) { Source::Raster(path.to_owned()) } else { Source::Documents(path.to_owned()) }
}

/// Documents, and rasters where they are taken, below a directory, in the order of their names.
fn walk(dir: &Path, rasters: Rasters, found: &mut FoundSources) -> Result<(), Error> {
    let mut entries = walkdir::WalkDir::new(dir).sort_by_file_name().follow_links(true).into_iter();
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                found.refused.push(unreachable(&error, dir));
                continue;
            }
        };
        let folder = entry.file_type().is_dir();
        let (zarr, safe) = (folder && is_zarr(entry.path()), folder && safe::is_safe(entry.path()));
        if zarr || safe {
            entries.skip_current_dir();
        }
        if safe {
            found.sources.push(Source::Safe(entry.into_path()));
        } else if zarr || (entry.file_type().is_file() && is_raster(entry.path())) {
            match rasters {
                Rasters::Taken => found.sources.push(Source::Raster(entry.into_path())),
                Rasters::Told => found.left += 1,
                Rasters::PassedOver => {}
            }
        } else if entry.file_type().is_file() && is_document_name(entry.path()) {
            found.sources.push(Source::Documents(entry.into_path()));
        }
        if found.sources.len() > MOST_FILES {
            return Err(Error::TooManyFiles { path: dir.to_owned(), most: MOST_FILES });
        }
    }
    Ok(())
}

fn glob(pattern: &str, rasters: Rasters, found: &mut FoundSources) -> Result<(), Error> {
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    let bad = |e: globset::Error| Error::BadGlob { pattern: pattern.to_owned(), reason: e.kind().to_string() };
    let matcher = globset::GlobBuilder::new(pattern).literal_separator(true).build().map_err(bad)?.compile_matcher();
    let base: PathBuf = Path::new(pattern)
        .components()
        .take_while(|c| !c.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']))
        .collect();
    // Directories deeper than the pattern hold no match, and it does not matter whether they can be read.
    let deepest = Path::new(pattern).components().count() - base.components().count();
    let deepest = if pattern.contains("**") { usize::MAX } else { deepest };
    let base = if base.as_os_str().is_empty() { PathBuf::from(".") } else { base };
    for entry in walkdir::WalkDir::new(&base).max_depth(deepest).sort_by_file_name().follow_links(true) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                found.refused.push(unreachable(&error, &base));
                continue;
            }
        };
        let path = entry.path().strip_prefix("./").unwrap_or(entry.path());
        if matcher.is_match(path) {
            if entry.file_type().is_file() || is_zarr(path) {
                found.sources.push(of_file(path));
            } else if entry.file_type().is_dir() {
                walk(path, rasters, found)?;
            }
        }
    }
    Ok(())
}

fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

fn is_zarr(path: &Path) -> bool {
    extension(path) == "zarr"
}

fn is_raster(path: &Path) -> bool {
    matches!(
        extension(path).as_str(),
        "tif"
            | "tiff"
            | "nc"
            | "nc4"
            | "h5"
            | "hdf"
            | "grib"
            | "grb"
            | "grib2"
            | "grb2"
            | "jp2"
            | "zarr"
            | "vrt"
            | "img"
    )
}

/// The kind of a file by its name: the extension in small letters, and whether the file is gzipped. `a.yaml.gz` is
/// gzipped `yaml`, `a.tgz` gzipped `tar`.
pub(super) fn kind_of(path: &Path) -> (String, bool) {
    match extension(path).as_str() {
        "gz" => (extension(&path.with_extension("")), true),
        "tgz" => ("tar".to_owned(), true),
        other => (other.to_owned(), false),
    }
}

/// True for the kind of a file with a document on every line.
pub(super) fn is_by_line(kind: &str) -> bool {
    matches!(kind, "ndjson" | "jsonl")
}

/// True for the names that documents have in a directory. Other JSON and YAML (a STAC catalog's `catalog.json`, a
/// `docker-compose.yaml`) is looked at too: whether it is a dataset shows in its content.
pub(super) fn is_document_name(path: &Path) -> bool {
    matches!(kind_of(path).0.as_str(), "yaml" | "yml" | "json" | "ndjson" | "jsonl" | "geojson")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_named() {
        let error = find_sources("no/such/file.yaml", Rasters::Told).unwrap_err().to_string();
        assert!(error.contains("no/such/file.yaml"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nothing_is_refused_by_itself_in_directories_and_globs() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.yaml"), "name: x\n").unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("b.yaml")).unwrap();
        for argument in [dir.path().to_owned(), dir.path().join("*.yaml")] {
            let found = find_sources(&argument.to_string_lossy(), Rasters::Told).unwrap();
            assert_eq!(found.sources, [Source::Documents(dir.path().join("a.yaml"))]);
            assert_eq!(found.refused.len(), 1);
            assert!(found.refused[0].reason.contains("b.yaml: it is a link to"), "{}", found.refused[0].reason);
        }
    }

    #[test]
    fn rasters_in_a_directory_are_taken_or_asked_about() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.tif"), "").unwrap();
        std::fs::create_dir_all(dir.path().join("b.zarr/c")).unwrap();
        std::fs::write(dir.path().join("b.zarr/zarr.json"), "{}").unwrap();
        let argument = dir.path().to_string_lossy();
        let error = find_sources(&argument, Rasters::Told).unwrap_err().to_string();
        assert!(error.contains("it holds 2 rasters") && error.contains("--product"), "{error}");
        let found = find_sources(&argument, Rasters::Taken).unwrap();
        let rasters = ["a.tif", "b.zarr"].map(|name| Source::Raster(dir.path().join(name)));
        assert_eq!(found.sources, rasters);
    }
}
