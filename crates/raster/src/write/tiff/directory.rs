//! The directories of a TIFF (IFDs) as bytes, laid out as a cloud-optimised GeoTIFF has them: all at the start, the
//! full image first, each with its values behind it.

pub(super) use crate::tiff_tags as tag;

/// The value of a tag.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Shorts(Vec<u16>),
    Longs(Vec<u32>),
    Doubles(Vec<f64>),
    /// Positions in the file: four bytes each, eight in a BigTIFF.
    Offsets(Vec<u64>),
}

impl Value {
    /// The number of the TIFF type.
    const fn kind(&self, big: bool) -> u16 {
        match self {
            Self::Text(_) => 2,
            Self::Shorts(_) => 3,
            Self::Offsets(_) if big => 16,
            Self::Longs(_) | Self::Offsets(_) => 4,
            Self::Doubles(_) => 12,
        }
    }

    const fn count(&self) -> usize {
        match self {
            Self::Text(text) => text.len() + 1,
            Self::Shorts(values) => values.len(),
            Self::Longs(values) => values.len(),
            Self::Doubles(values) => values.len(),
            Self::Offsets(values) => values.len(),
        }
    }

    fn bytes(&self, big: bool) -> Vec<u8> {
        match self {
            Self::Text(text) => text.bytes().chain([0]).collect(),
            Self::Shorts(values) => values.iter().flat_map(|v| v.to_ne_bytes()).collect(),
            Self::Longs(values) => values.iter().flat_map(|v| v.to_ne_bytes()).collect(),
            Self::Doubles(values) => values.iter().flat_map(|v| v.to_ne_bytes()).collect(),
            Self::Offsets(values) => {
                let mut out = Vec::with_capacity(values.len() * if big { 8 } else { 4 });
                for value in values {
                    push_offset(&mut out, *value, big);
                }
                out
            }
        }
    }
}

/// The tags of one image.
pub(super) type Directory = Vec<(u16, Value)>;

/// What GDAL's readers are promised of the order of the data: they then read a tile and its size in one request.
const PROMISES: &str = "LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n\
    BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n ";

/// The start of the file up to the first tile: as long whatever the offsets are.
pub(super) fn header(directories: &[Directory], big: bool) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    out.extend(if cfg!(target_endian = "little") { *b"II" } else { *b"MM" });
    let promises = format!("GDAL_STRUCTURAL_METADATA_SIZE={:06} bytes\n{PROMISES}", PROMISES.len());
    let first = (if big { 16 } else { 8 } + promises.len()).next_multiple_of(16) as u64;
    if big {
        out.extend(43_u16.to_ne_bytes());
        out.extend(8_u16.to_ne_bytes());
        out.extend(0_u16.to_ne_bytes());
    } else {
        out.extend(42_u16.to_ne_bytes());
    }
    push_offset(&mut out, first, big);
    out.extend(promises.as_bytes());
    pad(&mut out);
    for (index, directory) in directories.iter().enumerate() {
        push_directory(&mut out, directory, big, index + 1 == directories.len());
    }
    out
}

fn push_directory(out: &mut Vec<u8>, directory: &Directory, big: bool, is_last: bool) {
    let (entry, inline) = if big { (20, 8) } else { (12, 4) };
    let head = if big { 8 } else { 2 };
    let mut sorted: Vec<&(u16, Value)> = directory.iter().collect();
    sorted.sort_by_key(|(tag, _)| *tag);
    if big {
        out.extend((sorted.len() as u64).to_ne_bytes());
    } else {
        out.extend(u16::try_from(sorted.len()).unwrap_or(u16::MAX).to_ne_bytes());
    }
    // The values begin behind the entries and the offset of the next directory.
    let mut values_at = (out.len() - head + head + entry * sorted.len() + inline).next_multiple_of(16);
    let values_start = values_at;
    let mut values: Vec<u8> = Vec::new();
    for (tag, value) in sorted {
        out.extend(tag.to_ne_bytes());
        out.extend(value.kind(big).to_ne_bytes());
        push_offset(out, value.count() as u64, big);
        let mut bytes = value.bytes(big);
        if bytes.len() <= inline {
            bytes.resize(inline, 0);
            out.extend(bytes);
        } else {
            push_offset(out, values_at as u64, big);
            pad(&mut bytes);
            values_at += bytes.len();
            values.extend(bytes);
        }
    }
    push_offset(out, if is_last { 0 } else { values_at as u64 }, big);
    out.resize(values_start, 0);
    out.extend(values);
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(16), 0);
}

/// An offset or a count; a classic TIFF is chosen only where none is beyond 32 bits.
fn push_offset(out: &mut Vec<u8>, offset: u64, big: bool) {
    if big {
        out.extend(offset.to_ne_bytes());
    } else {
        out.extend(u32::try_from(offset).unwrap_or(u32::MAX).to_ne_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_the_header_does_not_depend_on_the_offsets() {
        for big in [false, true] {
            for count in [1, 2, 700] {
                let with = |offset: u64| {
                    let tags = vec![
                        (tag::TILE_OFFSETS, Value::Offsets(vec![offset; count])),
                        (tag::GDAL_NODATA, Value::Text("nan".into())),
                    ];
                    header(&[tags.clone(), tags], big)
                };
                assert_eq!(with(0).len(), with(4_000_000_000).len());
                assert_eq!(with(0).len() % 16, 0);
            }
        }
    }

    #[test]
    fn the_promises_have_the_length_that_they_say() {
        let bytes = header(&[vec![(tag::BITS, Value::Shorts(vec![8]))]], false);
        let text = String::from_utf8_lossy(&bytes[8..]);
        assert!(text.starts_with("GDAL_STRUCTURAL_METADATA_SIZE=000140 bytes\nLAYOUT=IFDS_BEFORE_DATA\n"), "{text}");
        assert_eq!(PROMISES.len(), 140);
        assert_eq!(u32::from_ne_bytes(bytes[4..8].try_into().unwrap()), 192);
    }
}
