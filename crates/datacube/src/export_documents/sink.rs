//! Where exported documents go: a folder, an archive, one file or stream.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use cube_model::documents::to_yaml;
use cube_raster::{RasterError, Staging};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::DocumentFormat;
use crate::Error;
use crate::error::why;

/// Something that takes documents, each under a name without its ending.
pub(super) struct Sink {
    way: Way,
    format: DocumentFormat,
    target: PathBuf,
    /// The output while it has another name; standard output has none.
    staging: Option<Staging>,
}

enum Way {
    /// A file each, below this folder.
    Folder(PathBuf),
    Archive(Box<tar::Builder<Stream>>),
    /// All in one.
    Stream(Stream),
}

/// Bytes to a file or to standard output.
enum Stream {
    Plain(BufWriter<Box<dyn Write>>),
    Gzipped(GzEncoder<BufWriter<Box<dyn Write>>>),
}

impl Stream {
    fn new(to: Box<dyn Write>, gzipped: bool) -> Self {
        let to = BufWriter::new(to);
        if gzipped { Self::Gzipped(GzEncoder::new(to, Compression::default())) } else { Self::Plain(to) }
    }

    fn finish(self) -> std::io::Result<()> {
        match self {
            Self::Plain(mut to) => to.flush(),
            Self::Gzipped(encoder) => encoder.finish()?.flush(),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(to) => to.write(bytes),
            Self::Gzipped(to) => to.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(to) => to.flush(),
            Self::Gzipped(to) => to.flush(),
        }
    }
}

/// What a target is, by its name.
enum Kind {
    Folder,
    Archive,
    /// One document after the other, in this format where none is asked for.
    Stream(DocumentFormat),
}

/// What a name says: its kind, and whether it is gzipped.
fn kind_of(target: &Path) -> Result<(Kind, bool), Error> {
    if target == Path::new("-") {
        return Ok((Kind::Stream(DocumentFormat::Ndjson), false));
    }
    let name = target.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let (stem, gzipped) = name.strip_suffix(".gz").map_or((name.as_str(), false), |stem| (stem, true));
    let ends = |endings: &[&str]| endings.iter().any(|ending| stem.ends_with(ending));
    let packed = ends(&[".tgz"]);
    if packed || ends(&[".tar"]) {
        return Ok((Kind::Archive, gzipped || packed));
    }
    if ends(&[".ndjson", ".jsonl"]) {
        return Ok((Kind::Stream(DocumentFormat::Ndjson), gzipped));
    }
    if ends(&[".yaml", ".yml"]) {
        return Ok((Kind::Stream(DocumentFormat::Yaml), gzipped));
    }
    if gzipped || ends(&[".json", ".zip", ".geojson"]) {
        let reason = format!(
            "{}: documents are written into a folder, .tar.gz, .ndjson or .yaml; name one of these",
            target.display()
        );
        return Err(Error::Usage { reason });
    }
    Ok((Kind::Folder, false))
}

impl Sink {
    /// Begins to write to a target.
    pub(super) fn begin(target: &Path, format: Option<DocumentFormat>, overwrite: bool) -> Result<Self, Error> {
        let (kind, gzipped) = kind_of(target)?;
        if target == Path::new("-") {
            let stream = Stream::new(Box::new(std::io::stdout()), false);
            let format = format.unwrap_or(DocumentFormat::Ndjson);
            return Ok(Self { way: Way::Stream(stream), format, target: target.to_owned(), staging: None });
        }
        let format = match (&kind, format) {
            (Kind::Folder | Kind::Archive, Some(DocumentFormat::Ndjson)) => {
                let reason = format!(
                    "{}: one document a line goes into one file; name it .ndjson, or choose yaml, json or stac",
                    target.display()
                );
                return Err(Error::Usage { reason });
            }
            (
                Kind::Stream(DocumentFormat::Yaml),
                Some(DocumentFormat::Json | DocumentFormat::Ndjson | DocumentFormat::Stac),
            ) => {
                let reason = format!(
                    "{}: a file of YAML holds YAML; name it .ndjson for the format asked for",
                    target.display()
                );
                return Err(Error::Usage { reason });
            }
            (Kind::Stream(DocumentFormat::Ndjson), Some(DocumentFormat::Yaml)) => {
                let reason = format!("{}: one document a line is JSON; name it .yaml for YAML", target.display());
                return Err(Error::Usage { reason });
            }
            (_, Some(format)) => format,
            (Kind::Folder | Kind::Archive, None) => DocumentFormat::Yaml,
            (Kind::Stream(format), None) => *format,
        };
        // `out/` and `out` are one folder.
        let target: PathBuf = target.components().collect();
        if matches!(kind, Kind::Folder) && overwrite {
            only_an_export(&target)?;
        }
        let staging = Staging::begin(&target, overwrite).map_err(there_already)?;
        let path = staging.path();
        let create = |path: &Path| -> Result<Box<dyn Write>, Error> {
            Ok(Box::new(File::create(path).map_err(|e| Error::Unwritable { path: path.to_owned(), reason: why(&e) })?))
        };
        let way = match kind {
            Kind::Folder => {
                std::fs::create_dir(&path).map_err(|e| unwritable(&target, &e))?;
                Way::Folder(path)
            }
            Kind::Archive => Way::Archive(Box::new(tar::Builder::new(Stream::new(create(&path)?, gzipped)))),
            Kind::Stream(_) => Way::Stream(Stream::new(create(&path)?, gzipped)),
        };
        Ok(Self { way, format, target, staging: Some(staging) })
    }

    pub(super) const fn format(&self) -> DocumentFormat {
        self.format
    }

    /// Writes one document.
    pub(super) fn put(&mut self, name: &str, document: &Value) -> Result<(), Error> {
        let target = &self.target;
        let wrong = |e: std::io::Error| unwritable(target, &e);
        let (ending, alone) = match self.format {
            DocumentFormat::Yaml => ("yaml", format!("---\n{}", to_yaml(document)?)),
            DocumentFormat::Json | DocumentFormat::Stac => ("json", format!("{document:#}\n")),
            DocumentFormat::Ndjson => ("ndjson", String::new()),
        };
        match &mut self.way {
            Way::Folder(folder) => {
                let path = folder.join(format!("{name}.{ending}"));
                if let Some(parent) = path.parent() {
                    std::fs::create_dir_all(parent).map_err(wrong)?;
                }
                std::fs::write(path, alone).map_err(wrong)
            }
            Way::Archive(archive) => {
                let mut header = tar::Header::new_gnu();
                header.set_size(alone.len() as u64);
                header.set_mode(0o644);
                header.set_cksum();
                archive.append_data(&mut header, format!("{name}.{ending}"), alone.as_bytes()).map_err(wrong)
            }
            Way::Stream(stream) if self.format == DocumentFormat::Yaml => {
                stream.write_all(alone.as_bytes()).map_err(wrong)
            }
            Way::Stream(stream) => writeln!(stream, "{document}").map_err(wrong),
        }
    }

    /// Ends the output and gives it its name.
    pub(super) fn finish(self) -> Result<(), Error> {
        let wrong = |e: std::io::Error| unwritable(&self.target, &e);
        match self.way {
            Way::Folder(_) => {}
            Way::Archive(archive) => archive.into_inner().and_then(Stream::finish).map_err(wrong)?,
            Way::Stream(stream) => stream.finish().map_err(wrong)?,
        }
        match self.staging {
            Some(staging) => staging.publish().map_err(there_already),
            None => Ok(()),
        }
    }
}

/// Refuses to replace a folder that holds anything but an export.
fn only_an_export(folder: &Path) -> Result<(), Error> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry.map_err(|e| unwritable(folder, &e))?.path();
        let is_ours =
            ["metadata_types", "products", "datasets"].iter().any(|name| path.ends_with(name)) && path.is_dir();
        if !is_ours && !path.join("collection.json").is_file() {
            let reason = format!(
                "{}: it holds {}, which is no part of an export, and all in it would be replaced; name another folder",
                folder.display(),
                path.file_name().unwrap_or_default().to_string_lossy()
            );
            return Err(Error::Usage { reason });
        }
    }
    Ok(())
}

/// The error of an output, with what the user can say.
fn there_already(error: RasterError) -> Error {
    match error {
        RasterError::Exists { path } => Error::Exists { path },
        other => other.into(),
    }
}

fn unwritable(target: &Path, error: &std::io::Error) -> Error {
    if target == Path::new("-") && error.kind() == std::io::ErrorKind::BrokenPipe {
        return Error::NoReader;
    }
    Error::Unwritable { path: target.to_owned(), reason: why(error) }
}
