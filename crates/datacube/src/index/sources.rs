//! Where documents come from: files, directories, globs, archives, standard input.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Component, Path, PathBuf};

use crate::Error;
use crate::error::why;

/// Largest document that is read; a real one is a few kilobytes, a big product some hundred.
const LARGEST_DOCUMENT: u64 = 64 * 1024 * 1024;

/// Most files that one directory or glob may name.
const MOST_FILES: usize = 10_000_000;

/// One text that holds one document or several.
#[derive(Debug, Clone)]
pub(crate) struct SourceText {
    /// Where it is, for people and for relative measurement paths.
    pub name: String,
    /// The text.
    pub text: String,
    /// True where each line is a document of its own (NDJSON).
    pub by_line: bool,
}

/// Something that can be indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file with documents: YAML, JSON, NDJSON, each also gzipped, or a tar of them.
    Documents(PathBuf),
    /// A raster file; indexing it needs a product.
    Raster(PathBuf),
    /// Standard input.
    Stdin,
}

/// Finds what an argument names: a file as it is, a directory with all documents below it, a glob, `-` for standard
/// input.
///
/// # Errors
/// Where it names nothing, or a URL (which this build does not read).
pub(crate) fn find_sources(argument: &str) -> Result<Vec<Source>, Error> {
    if argument == "-" {
        return Ok(vec![Source::Stdin]);
    }
    if argument.split_once("://").is_some_and(|(scheme, _)| scheme != "file") {
        return Err(Error::RemoteSource { url: argument.to_owned() });
    }
    let mut found = Vec::new();
    let path = Path::new(argument.strip_prefix("file://").unwrap_or(argument));
    if path.is_dir() && !is_raster(path) {
        walk(path, &mut found)?;
        if found.is_empty() {
            return Err(Error::NothingToIndex { argument: argument.to_owned() });
        }
    } else if path.exists() {
        found.push(of_file(path));
    } else if argument.contains(['*', '?', '[']) {
        glob(argument, &mut found)?;
    } else {
        return Err(Error::NoSuchSource { path: path.to_owned() });
    }
    Ok(found)
}

/// The absolute path of a file. One with `..` is resolved, so that a file has one name however it was reached; links
/// stay as they are otherwise.
pub(super) fn absolute(path: &Path) -> std::io::Result<PathBuf> {
    if path.components().any(|c| c == Component::ParentDir) { path.canonicalize() } else { std::path::absolute(path) }
}

fn of_file(path: &Path) -> Source {
    if is_raster(path) { Source::Raster(path.to_owned()) } else { Source::Documents(path.to_owned()) }
}

/// Documents below a directory, in the order of their names.
fn walk(dir: &Path, found: &mut Vec<Source>) -> Result<(), Error> {
    for entry in walkdir::WalkDir::new(dir)
        .sort_by_file_name()
        .follow_links(true)
        .into_iter()
        .filter_entry(|e| !is_zarr(e.path()))
    {
        let entry = entry.map_err(|e| Error::Unreadable { path: dir.to_owned(), reason: e.to_string() })?;
        if entry.file_type().is_file() && is_document_name(entry.path()) {
            found.push(Source::Documents(entry.into_path()));
        }
        if found.len() > MOST_FILES {
            return Err(Error::TooManyFiles { path: dir.to_owned(), most: MOST_FILES });
        }
    }
    Ok(())
}

fn glob(pattern: &str, found: &mut Vec<Source>) -> Result<(), Error> {
    let bad = |e: globset::Error| Error::BadGlob { pattern: pattern.to_owned(), reason: e.kind().to_string() };
    let matcher = globset::GlobBuilder::new(pattern).literal_separator(true).build().map_err(bad)?.compile_matcher();
    let base: PathBuf = Path::new(pattern)
        .components()
        .take_while(|c| !c.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']))
        .collect();
    let base = if base.as_os_str().is_empty() { PathBuf::from(".") } else { base };
    let before = found.len();
    for entry in walkdir::WalkDir::new(&base).sort_by_file_name().into_iter().flatten() {
        let path = entry.path().strip_prefix("./").unwrap_or(entry.path());
        if matcher.is_match(path) {
            if entry.file_type().is_file() || is_zarr(path) {
                found.push(of_file(path));
            } else if entry.file_type().is_dir() {
                walk(path, found)?;
            }
        }
    }
    if found.len() == before { Err(Error::NothingToIndex { argument: pattern.to_owned() }) } else { Ok(()) }
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
fn kind_of(path: &Path) -> (String, bool) {
    match extension(path).as_str() {
        "gz" => (extension(&path.with_extension("")), true),
        "tgz" => ("tar".to_owned(), true),
        other => (other.to_owned(), false),
    }
}

/// True for the kind of a file with a document on every line.
fn is_by_line(kind: &str) -> bool {
    matches!(kind, "ndjson" | "jsonl")
}

/// True for the names that documents have in a directory. Other JSON and YAML (a STAC catalog's `catalog.json`, a
/// `docker-compose.yaml`) is looked at too: whether it is a dataset shows in its content.
fn is_document_name(path: &Path) -> bool {
    matches!(kind_of(path).0.as_str(), "yaml" | "yml" | "json" | "ndjson" | "jsonl" | "geojson")
}

/// Reads the texts of one source, each handed to `each` as soon as it is there.
///
/// # Errors
/// Where the file, or a member of the archive that it is, cannot be read.
pub(crate) fn read_sources(source: &Source, each: &mut dyn FnMut(SourceText)) -> Result<(), Error> {
    match source {
        Source::Stdin => {
            let name = Path::new("standard input");
            let text = not_empty(read_text(std::io::stdin().lock(), name)?, name)?;
            let by_line = looks_like_ndjson(&text);
            each(SourceText { name: "standard input".to_owned(), text, by_line });
            Ok(())
        }
        Source::Raster(path) => Err(Error::RasterWithoutProduct { path: path.clone() }),
        Source::Documents(path) => read_file(path, each),
    }
}

fn read_file(path: &Path, each: &mut dyn FnMut(SourceText)) -> Result<(), Error> {
    let unreadable = |e: std::io::Error| Error::Unreadable { path: path.to_owned(), reason: why(&e) };
    let absolute = absolute(path).map_err(unreadable)?;
    let file = BufReader::new(File::open(path).map_err(unreadable)?);
    let (kind, gzipped) = kind_of(path);
    let reader: Box<dyn Read> =
        if gzipped { Box::new(flate2::read::MultiGzDecoder::new(file)) } else { Box::new(file) };
    if kind == "tar" {
        return read_tar(reader, &absolute, each);
    }
    let text = not_empty(read_text(reader, path)?, path)?;
    let by_line = is_by_line(&kind);
    each(SourceText { name: absolute.to_string_lossy().into_owned(), text, by_line });
    Ok(())
}

fn read_tar(reader: Box<dyn Read>, path: &Path, each: &mut dyn FnMut(SourceText)) -> Result<(), Error> {
    let unreadable = |e: std::io::Error| Error::Unreadable { path: path.to_owned(), reason: why(&e) };
    let mut archive = tar::Archive::new(reader);
    let mut empty = true;
    for member in archive.entries().map_err(unreadable)? {
        let member = member.map_err(unreadable)?;
        let name = member.path().map_err(unreadable)?.into_owned();
        if member.header().entry_type().is_file() && is_document_name(&name) {
            let text = read_text(member, path)?;
            let by_line = is_by_line(&kind_of(&name).0);
            // A member's relative paths start beside the archive, as if it had been unpacked there.
            let place = path.parent().unwrap_or(Path::new("")).join(&name);
            each(SourceText { name: place.to_string_lossy().into_owned(), text, by_line });
            empty = false;
        }
    }
    if empty { Err(Error::Empty { path: path.to_owned() }) } else { Ok(()) }
}

fn read_text(reader: impl Read, path: &Path) -> Result<String, Error> {
    let unreadable = |reason: String| Error::Unreadable { path: path.to_owned(), reason };
    let mut bytes = Vec::new();
    // Standard input and NDJSON hold many documents; the limit for them is a thousand times that of one.
    let limit = LARGEST_DOCUMENT * 64;
    reader.take(limit + 1).read_to_end(&mut bytes).map_err(|e| unreadable(why(&e)))?;
    if bytes.len() as u64 > limit {
        return Err(unreadable(format!("it holds more than {limit} bytes: split it")));
    }
    String::from_utf8(bytes).map_err(|e| {
        unreadable(format!("it is not UTF-8 text (from byte {} on); save it as UTF-8", e.utf8_error().valid_up_to()))
    })
}

fn not_empty(text: String, path: &Path) -> Result<String, Error> {
    if text.trim().is_empty() { Err(Error::Empty { path: path.to_owned() }) } else { Ok(text) }
}

/// True where every one of the first lines is a JSON object of its own.
fn looks_like_ndjson(text: &str) -> bool {
    let mut lines = text.lines().filter(|l| !l.trim().is_empty()).take(2).peekable();
    lines.peek().is_some()
        && lines.all(|line| {
            line.trim_start().starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_json_object_over_several_lines_is_not_ndjson() {
        assert!(looks_like_ndjson("{\"a\": 1}\n{\"a\": 2}\n"));
        assert!(!looks_like_ndjson("{\n\"a\": 1}\n"));
        assert!(!looks_like_ndjson("a: 1\n"));
    }

    #[test]
    fn archives_and_plain_files_give_the_same_texts() {
        let dir = tempfile::tempdir().unwrap();
        let text = "name: x\n";
        std::fs::write(dir.path().join("a.yaml"), text).unwrap();
        let tar_path = dir.path().join("b.tar.gz");
        let gz = flate2::write::GzEncoder::new(File::create(&tar_path).unwrap(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gz);
        tar.append_path_with_name(dir.path().join("a.yaml"), "in/a.yaml").unwrap();
        tar.into_inner().unwrap().finish().unwrap();
        for (source, name) in [("a.yaml", "a.yaml"), ("b.tar.gz", "in/a.yaml")] {
            let mut texts = Vec::new();
            read_sources(&Source::Documents(dir.path().join(source)), &mut |t| texts.push(t)).unwrap();
            assert_eq!(texts.len(), 1);
            assert_eq!(texts[0].text, text);
            assert!(texts[0].name.ends_with(name), "{}", texts[0].name);
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = find_sources("no/such/file.yaml").unwrap_err().to_string();
        assert!(error.contains("no/such/file.yaml"), "{error}");
    }
}
