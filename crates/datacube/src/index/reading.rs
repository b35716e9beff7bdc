//! From sources to texts: lines, members of archives, whole files, each handed on as soon as it is there.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::safe;
use super::sources::{Source, absolute, is_by_line, is_document_name, kind_of};
use crate::Error;
use crate::error::why;

/// Largest file, member of an archive or line of NDJSON that is read; a real document is a few kilobytes, a big product
/// some hundred.
pub(super) const LARGEST_DOCUMENT: u64 = 64 * 1024 * 1024;

/// How much of a line that is too long is passed over in search of its end. A file whose line is longer than that is a
/// bomb, and is left.
const LONGEST_LINE: u64 = 1024 * 1024 * 1024;

/// What is read at once from a file of many documents.
const BUFFER: usize = 256 * 1024;

/// One text that holds one document or several.
#[derive(Debug, Clone)]
pub(crate) struct SourceText {
    /// Where it is, for people and for relative measurement paths.
    pub name: Arc<str>,
    /// The text.
    pub text: String,
    /// The line that it is, where each line of the file is a document of its own (NDJSON).
    pub line: Option<usize>,
    /// True where its source is the authority for it: a later state of it replaces the one that came from there before.
    pub renew: bool,
}

impl SourceText {
    /// Where it is, with its line.
    pub(crate) fn place(&self) -> String {
        place(&self.name, self.line)
    }
}

/// A text's name with its line.
pub(super) fn place(name: &str, line: Option<usize>) -> String {
    line.map_or_else(|| name.to_owned(), |line| format!("{name} (line {line})"))
}

/// A part of a source that cannot be read, while the rest of it can.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) place: String,
    pub(super) error: Error,
}

/// Takes each text as it comes, and what cannot be read.
pub(super) type Each<'a> = &'a mut dyn FnMut(Result<SourceText, Broken>) -> ControlFlow<()>;

/// Why reading ended early.
pub(super) enum Ended {
    /// Nobody wants more.
    Enough,
    Error(Box<Error>),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Error(Box::new(error))
    }
}

/// Reads all texts of one source.
///
/// # Errors
/// Where the source, or a part of it, cannot be read.
pub(crate) fn read_sources(
    source: &Source,
    each: &mut dyn FnMut(SourceText) -> Result<(), Error>,
) -> Result<(), Error> {
    read_parts(source, &mut |read| each(read.map_err(|(_, error)| error)?))
}

/// Reads all texts of one source. A part of it that cannot be read is handed on as its place and the error, and the rest
/// is read.
///
/// # Errors
/// Where the source cannot be read, or `each` fails.
pub(crate) fn read_parts(
    source: &Source,
    each: &mut dyn FnMut(Result<SourceText, (String, Error)>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut stopped = Ok(());
    read_source(source, &AtomicU64::new(0), &mut |read| {
        stopped = each(read.map_err(|broken| (broken.place, broken.error)));
        if stopped.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })
    .and(stopped)
}

/// Reads the texts of one source until `each` has enough. `bytes` counts what was read of the file, packed as it is.
///
/// # Errors
/// Where the file, or a member of the archive that it is, cannot be read to its end. What was handed on before stays good.
pub(super) fn read_source(source: &Source, bytes: &AtomicU64, each: Each<'_>) -> Result<(), Error> {
    let read = match source {
        Source::Stdin => read_stream(Counted { reader: std::io::stdin().lock(), bytes }, "standard input", each),
        Source::Raster(path) => Err(Error::RasterWithoutProduct { path: path.clone() }.into()),
        Source::Documents(path) | Source::Catalog(path) => read_file(path, bytes, each),
        Source::Safe(folder) => safe::document_of(folder).map_err(Ended::from).and_then(|text| hand_on(each, Ok(text))),
        Source::Url(url) => Err(Error::RemoteSource { url: url.clone() }.into()),
        Source::Object(url) => read_object(url, bytes, each),
    };
    match read {
        Ok(()) | Err(Ended::Enough) => Ok(()),
        Err(Ended::Error(error)) => Err(*error),
    }
}

/// A reader that counts what went through it.
struct Counted<'a, R> {
    reader: R,
    bytes: &'a AtomicU64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// A member of an archive, whose end must not come before the size that the archive tells.
struct Whole<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer)?;
        if read == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the archive breaks off in it"));
        }
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

pub(super) fn hand_on(each: Each<'_>, read: Result<SourceText, Broken>) -> Result<(), Ended> {
    if each(read).is_break() { Err(Ended::Enough) } else { Ok(()) }
}

fn read_file(path: &Path, bytes: &AtomicU64, each: Each<'_>) -> Result<(), Ended> {
    let unreadable = |e: std::io::Error| Error::Unreadable { path: path.to_owned(), reason: why(&e) };
    let name: Arc<str> = absolute(path).map_err(unreadable)?.to_string_lossy().into();
    let file = File::open(path).map_err(unreadable)?;
    let (kind, gzipped) = kind_of(path);
    let many = kind == "tar" || is_by_line(&kind);
    if !many && !gzipped {
        // By far the most files: nothing to unpack, and one text.
        let text = read_text(Counted { reader: file, bytes }, path)?;
        return one_text(name, text, path, each);
    }
    read_stored(file, &Stored { name, kind, gzipped }, bytes, each)
}

/// Bytes of a packed file of many documents in an object store, at most.
const LARGEST_OBJECT: u64 = 1 << 30;

/// Reads what is in an object store; a file of many documents is fetched whole first.
fn read_object(url: &str, bytes: &AtomicU64, each: Each<'_>) -> Result<(), Ended> {
    let (kind, gzipped) = kind_of(Path::new(url));
    let most = if kind == "tar" || is_by_line(&kind) { LARGEST_OBJECT } else { LARGEST_DOCUMENT };
    let object = cube_raster::Access::default().get(url, most).map_err(Error::from)?;
    read_stored(Cursor::new(object), &Stored { name: url.into(), kind, gzipped }, bytes, each)
}

/// How documents are stored where they come from.
pub(super) struct Stored {
    /// Where, for people and for relative measurement paths.
    pub(super) name: Arc<str>,
    /// The kind of file by its name, as [`kind_of`] tells it.
    pub(super) kind: String,
    pub(super) gzipped: bool,
}

/// Reads the documents of a file of any kind.
pub(super) fn read_stored(reader: impl Read, stored: &Stored, bytes: &AtomicU64, each: Each<'_>) -> Result<(), Ended> {
    let Stored { name, kind, gzipped } = stored;
    let path = Path::new(&**name);
    let file = BufReader::with_capacity(BUFFER, Counted { reader, bytes });
    let mut reader: Box<dyn BufRead + '_> = if *gzipped {
        Box::new(BufReader::with_capacity(BUFFER, flate2::bufread::MultiGzDecoder::new(file)))
    } else {
        Box::new(file)
    };
    if kind == "tar" {
        read_tar(reader, path, each)
    } else if !is_by_line(kind) {
        let text = read_text(reader, path)?;
        one_text(Arc::clone(name), text, path, each)
    } else if read_lines(&mut reader, name, path, each)? == 0 {
        Err(Error::Empty { path: path.to_owned() }.into())
    } else {
        Ok(())
    }
}

fn one_text(name: Arc<str>, text: String, path: &Path, each: Each<'_>) -> Result<(), Ended> {
    if text.trim().is_empty() {
        return Err(Error::Empty { path: path.to_owned() }.into());
    }
    hand_on(each, Ok(SourceText { name, text, line: None, renew: false }))
}

/// Reads what may be NDJSON, which its first lines tell, or any one document text.
fn read_stream(reader: impl Read, name: &str, each: Each<'_>) -> Result<(), Ended> {
    let path = Path::new(name);
    let mut reader = BufReader::with_capacity(BUFFER, reader);
    let mut head = Vec::new();
    let mut lines = 0;
    while lines < 2 {
        let mut line = Vec::new();
        if !next_line(&mut reader, &mut line, path)? {
            break;
        }
        lines += usize::from(!line.trim_ascii().is_empty());
        head.extend_from_slice(&line);
    }
    if lines == 0 {
        return Err(Error::Empty { path: path.to_owned() }.into());
    }
    let by_line = std::str::from_utf8(&head).is_ok_and(looks_like_ndjson);
    let mut whole = Cursor::new(head).chain(reader);
    if by_line {
        read_lines(&mut whole, &name.into(), path, each)?;
        return Ok(());
    }
    let text = read_text(whole, path)?;
    hand_on(each, Ok(SourceText { name: name.into(), text, line: None, renew: false }))
}

fn read_tar(reader: impl Read, path: &Path, each: Each<'_>) -> Result<(), Ended> {
    let unreadable = |e: std::io::Error| Error::Unreadable {
        path: path.to_owned(),
        reason: format!("the archive breaks off or is damaged ({e}); what stands before was read"),
    };
    let mut archive = tar::Archive::new(reader);
    let mut empty = true;
    for member in archive.entries().map_err(unreadable)? {
        let member = member.map_err(unreadable)?;
        let name = member.path().map_err(unreadable)?.into_owned();
        if !member.header().entry_type().is_file() || !is_document_name(&name) {
            continue;
        }
        empty = false;
        // A member's relative paths start beside the archive, as if it had been unpacked there.
        let place: Arc<str> = path.parent().unwrap_or(Path::new("")).join(&name).to_string_lossy().into();
        let (kind, gzipped) = kind_of(&name);
        let member = Whole { left: member.size(), reader: member };
        let mut member: Box<dyn BufRead> = if gzipped {
            Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(member)))
        } else {
            Box::new(BufReader::new(member))
        };
        let within = path.join(&name);
        let read = if is_by_line(&kind) {
            read_lines(&mut member, &place, &within, each).map(drop)
        } else {
            read_text(member, &within)
                .map_err(Ended::from)
                .and_then(|text| hand_on(each, Ok(SourceText { name: place.clone(), text, line: None, renew: false })))
        };
        match read {
            // A member that is damaged says nothing of the others.
            Err(Ended::Error(error)) => hand_on(each, Err(Broken { place: place.to_string(), error: *error }))?,
            other => other?,
        }
    }
    if empty { Err(Error::Empty { path: path.to_owned() }.into()) } else { Ok(()) }
}

/// Hands on each line that is not blank; says how many they were. A line that is no text, or too long, is refused by
/// itself.
fn read_lines(reader: &mut impl BufRead, name: &Arc<str>, path: &Path, each: Each<'_>) -> Result<usize, Ended> {
    let mut handed = 0;
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let read = next_line(reader, &mut bytes, path);
        if matches!(read, Ok(false)) {
            break;
        }
        let text = match read {
            Ok(_) => utf8(&bytes, path),
            Err(error @ Error::TooLong { .. }) => {
                if !pass_over_line(reader).is_ok_and(|ended| ended) {
                    return Err(at_line(error, line).into());
                }
                Err(error)
            }
            Err(error) => return Err(at_line(error, line).into()),
        };
        match text {
            Ok(text) if text.trim().is_empty() => continue,
            Ok(text) => hand_on(
                each,
                Ok(SourceText { name: name.clone(), text: text.to_owned(), line: Some(line), renew: false }),
            )?,
            Err(error) => {
                let error = at_line(error, line);
                hand_on(each, Err(Broken { place: place(name, Some(line)), error }))?;
            }
        }
        handed += 1;
    }
    Ok(handed)
}

/// The error with the line that it is about.
fn at_line(error: Error, line: usize) -> Error {
    match error {
        Error::Unreadable { path, reason } => Error::Unreadable { path, reason: format!("line {line}: {reason}") },
        Error::TooLong { path, most, .. } => Error::TooLong { path, line: Some(line), most },
        other => other,
    }
}

/// The next line with its end; false at the end of the file.
fn next_line(reader: &mut impl BufRead, bytes: &mut Vec<u8>, path: &Path) -> Result<bool, Error> {
    let read = reader.take(LARGEST_DOCUMENT + 1).read_until(b'\n', bytes);
    within_limit(read, bytes, path)?;
    Ok(!bytes.is_empty())
}

/// Reads to the end of a line without keeping it; false where that is too far.
fn pass_over_line(reader: &mut impl BufRead) -> std::io::Result<bool> {
    let mut passed = 0;
    while passed < LONGEST_LINE {
        let buffer = reader.fill_buf()?;
        let (length, ended) = match buffer.iter().position(|b| *b == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        reader.consume(length);
        passed += length as u64;
        if ended {
            return Ok(true);
        }
    }
    Ok(false)
}

fn read_text(reader: impl Read, path: &Path) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let read = reader.take(LARGEST_DOCUMENT + 1).read_to_end(&mut bytes);
    within_limit(read, &bytes, path)?;
    utf8(&bytes, path)?;
    // What was just looked at is text.
    Ok(String::from_utf8(bytes).unwrap_or_default())
}

fn within_limit(read: std::io::Result<usize>, bytes: &[u8], path: &Path) -> Result<(), Error> {
    read.map_err(|e| Error::Unreadable { path: path.to_owned(), reason: why(&e) })?;
    if bytes.len() as u64 > LARGEST_DOCUMENT {
        return Err(Error::TooLong { path: path.to_owned(), line: None, most: LARGEST_DOCUMENT / (1024 * 1024) });
    }
    Ok(())
}

fn utf8<'a>(bytes: &'a [u8], path: &Path) -> Result<&'a str, Error> {
    std::str::from_utf8(bytes).map_err(|e| Error::Unreadable {
        path: path.to_owned(),
        reason: format!("it is not UTF-8 text (from byte {} on); save it as UTF-8", e.valid_up_to()),
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
mod tests;
