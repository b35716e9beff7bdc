//! Where documents come from: files, directories, globs, archives, standard input.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, ErrorKind, Read};
use std::path::{Component, Path, PathBuf};

use super::report::Refusal;
use crate::Error;
use crate::error::why;

/// Largest file, member of an archive or line of NDJSON that is read; a real document is a few kilobytes, a big product
/// some hundred.
pub(super) const LARGEST_DOCUMENT: u64 = 64 * 1024 * 1024;

/// Most files that one directory or glob may name.
const MOST_FILES: usize = 10_000_000;

/// One text that holds one document or several.
#[derive(Debug, Clone)]
pub(crate) struct SourceText {
    /// Where it is, for people and for relative measurement paths.
    pub name: String,
    /// The text.
    pub text: String,
    /// The line that it is, where each line of the file is a document of its own (NDJSON).
    pub line: Option<usize>,
}

impl SourceText {
    /// Where it is, with its line.
    pub(crate) fn place(&self) -> String {
        self.line.map_or_else(|| self.name.clone(), |line| format!("{} (line {line})", self.name))
    }
}

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
    /// Standard input.
    Stdin,
}

impl Source {
    /// True where it may hold more documents than fit into memory.
    pub(super) fn holds_many(&self) -> bool {
        match self {
            Self::Stdin => true,
            Self::Raster(_) => false,
            Self::Documents(path) => {
                let kind = kind_of(path).0;
                kind == "tar" || is_by_line(&kind)
            }
        }
    }
}

/// Finds what an argument names: a file as it is, a directory with all documents below it, a glob, `-` for standard
/// input. A part of a directory that cannot be reached is refused by itself.
///
/// # Errors
/// Where it names nothing, or a URL (which this build does not read).
pub(crate) fn find_sources(argument: &str, rasters: Rasters) -> Result<FoundSources, Error> {
    let mut found = FoundSources::default();
    if argument == "-" {
        found.sources.push(Source::Stdin);
        return Ok(found);
    }
    if argument.split_once("://").is_some_and(|(scheme, _)| scheme != "file") {
        return Err(Error::RemoteSource { url: argument.to_owned() });
    }
    let path = Path::new(argument.strip_prefix("file://").unwrap_or(argument));
    if path.is_dir() && !is_raster(path) {
        walk(path, rasters, &mut found)?;
    } else if path.exists() {
        found.sources.push(of_file(path));
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
        let zarr = entry.file_type().is_dir() && is_zarr(entry.path());
        if zarr {
            entries.skip_current_dir();
        }
        if zarr || (entry.file_type().is_file() && is_raster(entry.path())) {
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

/// Takes one text; its error ends the reading.
type Each<'a> = &'a mut dyn FnMut(SourceText) -> Result<(), Error>;

/// Reads the texts of one source, each handed to `each` as soon as it is there.
///
/// # Errors
/// Where the file, or a member of the archive that it is, cannot be read, or `each` fails.
pub(crate) fn read_sources(source: &Source, each: Each<'_>) -> Result<(), Error> {
    match source {
        Source::Stdin => read_stream(std::io::stdin().lock(), "standard input", each),
        Source::Raster(path) => Err(Error::RasterWithoutProduct { path: path.clone() }),
        Source::Documents(path) => read_file(path, each),
    }
}

fn read_file(path: &Path, each: Each<'_>) -> Result<(), Error> {
    let unreadable = |e: std::io::Error| Error::Unreadable { path: path.to_owned(), reason: why(&e) };
    let absolute = absolute(path).map_err(unreadable)?;
    let file = BufReader::new(File::open(path).map_err(unreadable)?);
    let (kind, gzipped) = kind_of(path);
    let mut reader: Box<dyn BufRead> =
        if gzipped { Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(file))) } else { Box::new(file) };
    if kind == "tar" {
        return read_tar(reader, &absolute, each);
    }
    let name = absolute.to_string_lossy().into_owned();
    let empty = if is_by_line(&kind) {
        read_lines(&mut reader, &name, path, each)? == 0
    } else {
        let text = read_text(reader, path)?;
        let empty = text.trim().is_empty();
        if !empty {
            each(SourceText { name, text, line: None })?;
        }
        empty
    };
    if empty { Err(Error::Empty { path: path.to_owned() }) } else { Ok(()) }
}

/// Reads what may be NDJSON, which its first lines tell, or any one document text.
fn read_stream(mut reader: impl BufRead, name: &str, each: Each<'_>) -> Result<(), Error> {
    let path = Path::new(name);
    let mut head = Vec::new();
    let mut lines = 0;
    while lines < 2 {
        let line = next_line(&mut reader, path)?;
        if line.is_empty() {
            break;
        }
        lines += usize::from(!line.trim_ascii().is_empty());
        head.extend_from_slice(&line);
    }
    if lines == 0 {
        return Err(Error::Empty { path: path.to_owned() });
    }
    let by_line = std::str::from_utf8(&head).is_ok_and(looks_like_ndjson);
    let mut whole = Cursor::new(head).chain(reader);
    if by_line {
        read_lines(&mut whole, name, path, each)?;
        return Ok(());
    }
    let text = read_text(whole, path)?;
    each(SourceText { name: name.to_owned(), text, line: None })
}

fn read_tar(reader: impl Read, path: &Path, each: Each<'_>) -> Result<(), Error> {
    let unreadable = |e: std::io::Error| Error::Unreadable { path: path.to_owned(), reason: why(&e) };
    let mut archive = tar::Archive::new(reader);
    let mut empty = true;
    for member in archive.entries().map_err(unreadable)? {
        let member = member.map_err(unreadable)?;
        let name = member.path().map_err(unreadable)?.into_owned();
        if member.header().entry_type().is_file() && is_document_name(&name) {
            // A member's relative paths start beside the archive, as if it had been unpacked there.
            let place = path.parent().unwrap_or(Path::new("")).join(&name).to_string_lossy().into_owned();
            let (kind, gzipped) = kind_of(&name);
            let mut member: Box<dyn BufRead> = if gzipped {
                Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(member)))
            } else {
                Box::new(BufReader::new(member))
            };
            if is_by_line(&kind) {
                read_lines(&mut member, &place, path, each)?;
            } else {
                let text = read_text(member, Path::new(&place))?;
                each(SourceText { name: place, text, line: None })?;
            }
            empty = false;
        }
    }
    if empty { Err(Error::Empty { path: path.to_owned() }) } else { Ok(()) }
}

/// Hands on each line that is not blank; says how many they were.
fn read_lines(reader: &mut impl BufRead, name: &str, path: &Path, each: Each<'_>) -> Result<usize, Error> {
    let mut handed = 0;
    for line in 1.. {
        let bytes = next_line(reader, path)?;
        if bytes.is_empty() {
            break;
        }
        let text = utf8(bytes, path)?;
        if !text.trim().is_empty() {
            each(SourceText { name: name.to_owned(), text, line: Some(line) })?;
            handed += 1;
        }
    }
    Ok(handed)
}

/// The next line with its end, empty at the end of the file.
fn next_line(reader: &mut impl BufRead, path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = reader.take(LARGEST_DOCUMENT + 1).read_until(b'\n', &mut bytes);
    within_limit(read, bytes, path)
}

fn read_text(reader: impl Read, path: &Path) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let read = reader.take(LARGEST_DOCUMENT + 1).read_to_end(&mut bytes);
    utf8(within_limit(read, bytes, path)?, path)
}

fn within_limit(read: std::io::Result<usize>, bytes: Vec<u8>, path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |reason: String| Error::Unreadable { path: path.to_owned(), reason };
    read.map_err(|e| unreadable(why(&e)))?;
    if bytes.len() as u64 > LARGEST_DOCUMENT {
        let most = LARGEST_DOCUMENT / (1024 * 1024);
        return Err(unreadable(format!(
            "one text holds more than {most} MiB; split it, or write one JSON document a line (.ndjson)"
        )));
    }
    Ok(bytes)
}

fn utf8(bytes: Vec<u8>, path: &Path) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|e| Error::Unreadable {
        path: path.to_owned(),
        reason: format!("it is not UTF-8 text (from byte {} on); save it as UTF-8", e.utf8_error().valid_up_to()),
    })
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
            read_sources(&Source::Documents(dir.path().join(source)), &mut |t| {
                texts.push(t);
                Ok(())
            })
            .unwrap();
            assert_eq!(texts.len(), 1);
            assert_eq!(texts[0].text, text);
            assert!(texts[0].name.ends_with(name), "{}", texts[0].name);
        }
    }

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

    #[test]
    fn lines_are_handed_on_one_by_one_with_their_numbers() {
        let mut places = Vec::new();
        read_stream(&b"{\"a\": 1}\n\n{\"a\": 2}\n"[..], "standard input", &mut |text| {
            places.push(text.place());
            Ok(())
        })
        .unwrap();
        assert_eq!(places, ["standard input (line 1)", "standard input (line 3)"]);
    }

    #[test]
    fn an_endless_line_ends_at_the_limit() {
        let endless = BufReader::new(std::io::repeat(b' '));
        let error = read_stream(endless, "standard input", &mut |_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("64 MiB"), "{error}");
    }
}
