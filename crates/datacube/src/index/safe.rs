//! Sentinel-2 SAFE folders, whose documents are made from their own metadata.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cube_model::documents::{SAFE_METADATA, SafeProduct};

use super::reading::{LARGEST_DOCUMENT, SourceText};
use super::sources::absolute;
use crate::Error;
use crate::error::why;

/// True for the folder of a product: by its name, or since the metadata of one lies in it.
pub(super) fn is_safe(folder: &Path) -> bool {
    folder.extension().is_some_and(|e| e.eq_ignore_ascii_case("safe"))
        || SAFE_METADATA.iter().any(|name| folder.join(name).is_file())
}

/// The folder that a file is the metadata of.
pub(super) fn folder_of(file: &Path) -> Option<PathBuf> {
    let name = file.file_name()?;
    let known = SAFE_METADATA.iter().chain(["manifest.safe", "INSPIRE.xml"].iter()).any(|n| name == *n);
    known.then(|| file.parent().map_or_else(PathBuf::new, Path::to_owned))
}

/// True for the name of a zip, in which SAFEs are handed out.
pub(super) fn is_packed(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("zip"))
}

/// The dataset's document as text. Its place is the product's metadata, beside which the images are.
pub(super) fn document_of(folder: &Path) -> Result<SourceText, Error> {
    let unreadable = |reason: String| Error::Unreadable { path: folder.to_owned(), reason };
    let Some(metadata) = SAFE_METADATA.iter().map(|name| folder.join(name)).find(|path| path.is_file()) else {
        return Err(unreadable(format!(
            "neither {} is in this folder, and without it nobody knows what its images are; fetch the whole product",
            SAFE_METADATA.join(" nor ")
        )));
    };
    let safe = SafeProduct::read(&text_of(&metadata)?, &file_name(&metadata)).map_err(unreadable)?;
    let granule = folder.join(safe.granule().map_err(unreadable)?);
    if !granule.is_file() {
        return Err(unreadable(format!(
            "its granule's metadata {} is not there, which tells where its pixels are; fetch the whole product",
            granule.strip_prefix(folder).unwrap_or(&granule).display()
        )));
    }
    let document = safe.document(&text_of(&granule)?, &|path| folder.join(path).is_file()).map_err(unreadable)?;
    let name = absolute(&metadata).map_err(|e| unreadable(why(&e)))?.to_string_lossy().into_owned();
    Ok(SourceText { name: Arc::from(name), text: document.to_string(), line: None, renew: false })
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

fn text_of(path: &Path) -> Result<String, Error> {
    let unreadable = |reason: String| Error::Unreadable { path: path.to_owned(), reason };
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST_DOCUMENT + 1).read_to_end(&mut bytes));
    read.map_err(|e| unreadable(why(&e)))?;
    if bytes.len() as u64 > LARGEST_DOCUMENT {
        return Err(Error::TooLong { path: path.to_owned(), line: None, most: LARGEST_DOCUMENT / (1024 * 1024) });
    }
    String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8 text; fetch the product again".to_owned()))
}
