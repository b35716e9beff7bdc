//! What can go wrong between a file and its pixels.

use std::ops::Range;
use std::path::PathBuf;

use cube_geo::{Shape, Window};
use cube_model::DataType;

/// A file could not be read or written as asked. Each message says where, what was expected, what came, and
/// what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RasterError {
    /// Nothing is at the location.
    #[error("{location}: no such file; check the path in the document, or that the storage is mounted")]
    Missing {
        /// The location.
        location: String,
    },
    /// Something is there, but it is no raster that is understood.
    #[error("{location}: {driver} cannot read it as a raster: {reason}")]
    Unreadable {
        /// The location.
        location: String,
        /// The library or driver that tried.
        driver: String,
        /// What it says.
        reason: String,
    },
    /// The header is good but pixels cannot be read or decoded.
    #[error(
        "{location}: {window} of level {level} cannot be read, the file is truncated or corrupt ({reason}); fetch it again"
    )]
    Corrupt {
        /// The location.
        location: String,
        /// Overview level, 0 is full resolution.
        level: usize,
        /// The window that was asked for, in the pixels of that level.
        window: Window,
        /// What the driver says.
        reason: String,
    },
    /// A server or store does not give what is asked for.
    #[error("{location}: {} cannot be fetched ({attempts} {}): {reason}; try again later, or check network and server", bytes(.range.as_ref()), if *.attempts == 1 { "attempt" } else { "attempts" })]
    Unreachable {
        /// The URL, without what follows `?`.
        location: String,
        /// The bytes that were asked for; `None` where it was all of it.
        range: Option<Range<u64>>,
        /// How often it was tried.
        attempts: u32,
        /// What happened the last time.
        reason: String,
    },
    /// A server or store does not let us read.
    #[error(
        "{location}: access is denied ({attempts} {}); check keys and profile (AWS_ACCESS_KEY_ID or AWS_PROFILE, GOOGLE_…, AZURE_…), or set AWS_NO_SIGN_REQUEST=YES for public data",
        if *.attempts == 1 { "attempt" } else { "attempts" }
    )]
    Denied {
        /// The URL, without what follows `?`.
        location: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// Somebody wrote a new version of it while it was read.
    #[error("{location}: it changed while it was read, and pixels of two versions do not go together; run it again")]
    Changed {
        /// The URL, without what follows `?`.
        location: String,
    },
    /// It lies outside the places that may be read.
    #[error("{location}: this place may not be read here; allow its folder, bucket or host, or move the file")]
    NotAllowed {
        /// The location.
        location: String,
    },
    /// The layer asked for is not in the file.
    #[error("{location}: there is no layer {layer:?}; it has {}", names(.has))]
    NoLayer {
        /// The location.
        location: String,
        /// The layer asked for.
        layer: String,
        /// The layers there are.
        has: Vec<String>,
    },
    /// The file has several layers and none was named.
    #[error("{location}: it has several layers, name one of {} as `layer`", names(.has))]
    ManyLayers {
        /// The location.
        location: String,
        /// The layers there are.
        has: Vec<String>,
    },
    /// The layer is no image.
    #[error("{location}: {what}; expected an array whose last two dimensions are rows and columns")]
    NotAGrid {
        /// The location.
        location: String,
        /// What it is instead.
        what: String,
    },
    /// The band asked for is not in the file.
    #[error("{location}: there is no band {band}; bands count from 1 and it has {has}")]
    NoBand {
        /// The location.
        location: String,
        /// The band asked for.
        band: usize,
        /// How many there are.
        has: usize,
    },
    /// The level asked for is not in the file.
    #[error("{location}: there is no overview level {level}; it has {has}")]
    NoLevel {
        /// The location.
        location: String,
        /// The level asked for.
        level: usize,
        /// How many overviews there are.
        has: usize,
    },
    /// The window reaches past the raster.
    #[error("{location}: {window} do not fit level {level}, which has {shape}")]
    OutsideShape {
        /// The location.
        location: String,
        /// Overview level.
        level: usize,
        /// The window asked for.
        window: Window,
        /// What the level has.
        shape: Shape,
    },
    /// The file is understood but this cannot be done with it here.
    #[error("{location}: {what}; {remedy}")]
    Unsupported {
        /// The location.
        location: String,
        /// What it is that cannot be done.
        what: String,
        /// What to do instead.
        remedy: String,
    },
    /// More memory than one read may take.
    #[error(
        "{location}: {what} needs {bytes} bytes at once, at most {most} are read: ask for a smaller window, or the file is corrupt"
    )]
    TooLarge {
        /// The location.
        location: String,
        /// What needs them.
        what: String,
        /// How many.
        bytes: u128,
        /// How many are allowed.
        most: u128,
    },
    /// A pixel does not fit the type that the product declares.
    #[error(
        "{location}: the pixel value {value} does not fit {dtype}, the type that the product declares; correct the product's dtype or the file"
    )]
    ValueOutsideType {
        /// The location.
        location: String,
        /// The value in the file.
        value: f64,
        /// The declared type.
        dtype: DataType,
    },
    /// The output cannot be written.
    #[error("cannot write {}: {reason}", .path.display())]
    Unwritable {
        /// The output.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The output is there already.
    #[error("{} exists already: choose another name, or allow it to be overwritten", .path.display())]
    Exists {
        /// The output.
        path: PathBuf,
    },
    /// The format cannot hold what it should.
    #[error("{} cannot hold this cube: {what}; {remedy}", .path.display())]
    Inexpressible {
        /// The output.
        path: PathBuf,
        /// What does not fit.
        what: String,
        /// What to do instead.
        remedy: String,
    },
}

fn bytes(range: Option<&Range<u64>>) -> String {
    range.map_or_else(|| "it".to_owned(), |range| format!("bytes {} to {}", range.start, range.end.saturating_sub(1)))
}

fn names(has: &[String]) -> String {
    const SHOWN: usize = 40;
    if has.is_empty() {
        return "none".to_owned();
    }
    let mut text = has.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if has.len() > SHOWN {
        text = format!("{text} and {} more", has.len() - SHOWN);
    }
    text
}

/// Most bytes that one read may ask for: far above any block or chunk that a load needs, far below what a
/// forged header can say.
pub(crate) const MOST_BYTES: u128 = 16 << 30;

/// Refuses a read of `items` values of `bytes` each where that is more than [`MOST_BYTES`].
pub(crate) fn check_size(
    location: &str,
    what: impl FnOnce() -> String,
    items: impl IntoIterator<Item = usize>,
    bytes: usize,
) -> Result<(), RasterError> {
    let bytes = items.into_iter().fold(bytes as u128, |all, n| all.saturating_mul(n as u128));
    if bytes > MOST_BYTES {
        return Err(RasterError::TooLarge { location: location.to_owned(), what: what(), bytes, most: MOST_BYTES });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_shape_is_refused_before_memory_is_asked_for() {
        let error = check_size("a.tif", || "a block".to_owned(), [usize::MAX, usize::MAX], 8).unwrap_err();
        assert!(error.to_string().starts_with("a.tif: a block needs"), "{error}");
        check_size("a.tif", || "a block".to_owned(), [4096, 4096], 8).unwrap();
    }

    #[test]
    fn missing_layers_are_answered_with_those_there_are() {
        let error =
            RasterError::NoLayer { location: "f.nc".into(), layer: "t".into(), has: vec!["2t".into(), "tp".into()] };
        assert_eq!(error.to_string(), "f.nc: there is no layer \"t\"; it has 2t, tp");
    }
}
