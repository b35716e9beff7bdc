//! The boxes of a JP2 (ISO/IEC 15444-1, annex I): where the codestream is, and what tells where the pixels are.

use std::ops::Range;

use crate::bytes::ByteSource;
use crate::tiff::Refusal;

/// Boxes that are looked at; real files have fewer than twenty.
const MOST_BOXES: usize = 1024;
/// Bytes of one box of metadata that is read.
const MOST_BOX_BYTES: u64 = 4 << 20;
/// Boxes in boxes.
const DEEPEST: usize = 4;
/// Bytes that are read at once from the beginning: all that stands before the codestream of most files.
const HEAD: u64 = 16 << 10;

/// `GeoJP2`: a GeoTIFF of one pixel.
const GEOTIFF: [u8; 16] =
    [0xb1, 0x4b, 0xf8, 0xbd, 0x08, 0x3d, 0x4b, 0x43, 0xa5, 0xae, 0x8c, 0xd7, 0xd5, 0xa6, 0xce, 0x03];
/// `MSIG`: a world file.
const WORLD: [u8; 16] =
    [0x96, 0xa9, 0xf1, 0xf1, 0xdc, 0x98, 0x40, 0x2d, 0xa7, 0xae, 0xd6, 0x8e, 0x34, 0x45, 0x18, 0x09];

/// The beginning of a file, and reads of what lies further.
pub(super) struct Head<'s> {
    source: &'s dyn ByteSource,
    bytes: Vec<u8>,
    /// Where `bytes` begins.
    start: u64,
}

impl<'s> Head<'s> {
    pub(super) fn of(source: &'s dyn ByteSource) -> Self {
        Self { source, bytes: Vec::new(), start: 0 }
    }

    pub(super) fn length(&self) -> u64 {
        self.source.length()
    }

    /// The bytes of a range, which must lie in the file. A short range brings what follows it, too: at the beginning so
    /// much that the next ones are there already.
    pub(super) fn bytes(&mut self, range: Range<u64>) -> Result<&[u8], Refusal> {
        let length = self.length();
        if range.start > range.end || range.end > length {
            return Err(Refusal::broken(format!("it ends at byte {length}, within what begins at {}", range.start)));
        }
        let held = self.start..self.start + self.bytes.len() as u64;
        if range.start < held.start || range.end > held.end {
            let ahead = if range.start < HEAD { HEAD } else { 64 };
            let end = range.start.saturating_add(ahead).min(length).max(range.end);
            let count = usize::try_from(end - range.start).map_err(|e| Refusal::broken(e.to_string()))?;
            let mut bytes = vec![0; count];
            let read = self.source.read(&mut [(range.start, &mut bytes)]);
            read.map_err(|error| Refusal::broken(format!("it cannot be read: {error}")))?;
            (self.bytes, self.start) = (bytes, range.start);
        }
        let [from, to] = [range.start, range.end].map(|at| usize::try_from(at - self.start).unwrap_or(usize::MAX));
        self.bytes.get(from..to).ok_or_else(|| Refusal::broken("it cannot be read"))
    }

    /// An array of `N` bytes.
    pub(super) fn array<const N: usize>(&mut self, at: u64) -> Result<[u8; N], Refusal> {
        let bytes = self.bytes(at..at.saturating_add(N as u64))?;
        Ok(bytes.first_chunk().copied().unwrap_or([0; N]))
    }
}

/// What the boxes say.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Boxes {
    /// Where the codestream is in the file.
    pub(super) codestream: Range<u64>,
    /// The GeoTIFF of `GeoJP2`.
    pub(super) geotiff: Option<Vec<u8>>,
    /// The document of `GMLJP2`.
    pub(super) gml: Option<String>,
    /// Why GDAL is asked where the pixels are, when neither of these tells.
    pub(super) foreign_place: Option<&'static str>,
}

/// One box: its kind, and where its content is.
struct Found {
    kind: [u8; 4],
    content: Range<u64>,
}

/// The box that begins at `at`, within a parent that ends at `end`.
fn found(head: &mut Head<'_>, at: u64, end: u64) -> Result<Found, Refusal> {
    let broken = || Refusal::broken(format!("its box at byte {at} reaches past the end of what it is in"));
    let [a, b, c, d, kind @ ..] = head.array::<8>(at)?;
    let (begin, size) = match u32::from_be_bytes([a, b, c, d]) {
        0 => (at + 8, end - at),
        1 => (at + 16, u64::from_be_bytes(head.array::<8>(at + 8)?)),
        size => (at + 8, u64::from(size)),
    };
    let stop = at.checked_add(size).ok_or_else(broken)?;
    if stop < begin {
        return Err(broken());
    }
    Ok(Found { kind, content: begin..stop })
}

impl Boxes {
    /// Reads the boxes of a JP2, or takes the whole of a file that is a codestream.
    pub(super) fn read(head: &mut Head<'_>) -> Result<Self, Refusal> {
        let length = head.length();
        let mut boxes = Self { codestream: 0..0, geotiff: None, gml: None, foreign_place: None };
        if head.array::<4>(0)? == [0xff, 0x4f, 0xff, 0x51] {
            boxes.codestream = 0..length;
            return Ok(boxes);
        }
        let (mut at, mut count) = (0, 0);
        while length - at >= 8 {
            let one = match found(head, at, length) {
                Ok(one) => one,
                // What follows the codestream only describes it.
                Err(_) if !boxes.codestream.is_empty() => break,
                Err(refusal) => return Err(refusal),
            };
            count += 1;
            if count > MOST_BOXES {
                return Err(Refusal::broken(format!("it has more than {MOST_BOXES} boxes")));
            }
            // A file that was cut off still has the tiles that came whole.
            let content = one.content.start..one.content.end.min(length);
            match &one.kind {
                b"jp2c" if boxes.codestream.is_empty() => boxes.codestream = content,
                b"jp2h" => check_header(head, content)?,
                b"uuid" => boxes.uuid(head, content)?,
                b"asoc" => boxes.association(head, content)?,
                b"jp2i" | b"jumb" => boxes.foreign_place = Some("it has boxes of another standard"),
                _ => {}
            }
            at = one.content.end;
            if at >= length {
                break;
            }
        }
        if boxes.codestream.is_empty() {
            return Err(Refusal::broken("it has no codestream"));
        }
        Ok(boxes)
    }

    fn uuid(&mut self, head: &mut Head<'_>, content: Range<u64>) -> Result<(), Refusal> {
        if content.end - content.start < 16 {
            return Ok(());
        }
        match head.array::<16>(content.start)? {
            GEOTIFF if self.geotiff.is_none() => {
                self.geotiff = Some(whole(head, content.start + 16..content.end)?.to_vec());
            }
            GEOTIFF => return Err(Refusal::foreign("it has several GeoTIFFs that tell where it is")),
            WORLD => self.foreign_place = Some("its affine is in a box of a world file"),
            _ => {}
        }
        Ok(())
    }

    /// The document that is labelled `gml.root-instance` in the association that is labelled `gml.data`.
    fn association(&mut self, head: &mut Head<'_>, content: Range<u64>) -> Result<(), Refusal> {
        if content.end - content.start > MOST_BOX_BYTES {
            self.foreign_place = Some("its GML is larger than what is read here");
            return Ok(());
        }
        let bytes = whole(head, content)?.to_vec();
        if label(&bytes) == Some(b"gml.data") && self.gml.is_none() {
            self.gml = root_instance(&bytes, 0).map(|xml| String::from_utf8_lossy(xml).into_owned());
        }
        Ok(())
    }
}

fn whole<'h>(head: &'h mut Head<'_>, content: Range<u64>) -> Result<&'h [u8], Refusal> {
    let bytes = content.end.saturating_sub(content.start);
    if bytes > MOST_BOX_BYTES {
        return Err(Refusal::foreign(format!("a box of metadata has {bytes} bytes")));
    }
    head.bytes(content)
}

/// The boxes that lie in the content of one, as far as they are sound.
fn children(content: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = content;
    std::iter::from_fn(move || {
        let (size, after) = rest.split_first_chunk::<4>()?;
        let kind = *after.first_chunk::<4>()?;
        let size = match u32::from_be_bytes(*size) {
            0 => rest.len(),
            size => usize::try_from(size).ok()?,
        };
        let (one, next) = rest.split_at_checked(size)?;
        rest = next;
        Some((kind, one.get(8..)?))
    })
    .take(MOST_BOXES)
}

fn label(association: &[u8]) -> Option<&[u8]> {
    let (kind, text) = children(association).next()?;
    (kind == *b"lbl ").then(|| text.trim_ascii_end().strip_suffix(b"\0").unwrap_or(text))
}

fn root_instance(association: &[u8], depth: usize) -> Option<&[u8]> {
    if depth > DEEPEST {
        return None;
    }
    let wanted = label(association) == Some(b"gml.root-instance");
    children(association).find_map(|(kind, content)| match &kind {
        b"xml " if wanted => Some(content),
        b"asoc" => root_instance(content, depth + 1),
        _ => None,
    })
}

/// Refuses pictures whose samples are not the pixels: palettes, opacity, colours that must be turned into others.
fn check_header(head: &mut Head<'_>, content: Range<u64>) -> Result<(), Refusal> {
    let bytes = whole(head, content)?;
    for (kind, content) in children(bytes) {
        match &kind {
            b"pclr" | b"cmap" => return Err(Refusal::foreign("its pixels are numbers of colours")),
            b"cdef" => {
                let (channels, _) = content.get(2..).unwrap_or_default().as_chunks::<6>();
                let plain = |(i, c): (usize, &[u8; 6])| {
                    let [number, kind, belongs] = [[c[0], c[1]], [c[2], c[3]], [c[4], c[5]]].map(u16::from_be_bytes);
                    // GDAL puts channels into the order of their colours.
                    usize::from(number) == i && kind == 0 && (belongs == 0 || usize::from(belongs) == i + 1)
                };
                if !channels.iter().enumerate().all(plain) {
                    return Err(Refusal::foreign("one of its channels is opacity, or they are in another order"));
                }
            }
            b"colr" if matches!(content, [1, _, _, 0, 0, 0, 12 | 13 | 14 | 18 | 19 | 24, ..]) => {
                return Err(Refusal::foreign("its colours are neither grey nor red, green and blue"));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &str, content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len() + 8).unwrap();
        [&size.to_be_bytes()[..], kind.as_bytes(), content].concat()
    }

    fn read(boxes: &[Vec<u8>]) -> Result<Boxes, Refusal> {
        let bytes = [vec![boxed("jP  ", b"\r\n\x87\n")], boxes.to_vec()].concat().concat();
        Boxes::read(&mut Head::of(&bytes))
    }

    #[test]
    fn the_document_of_gml_is_found_by_its_labels() {
        let document = boxed("asoc", &[boxed("lbl ", b"gml.root-instance"), boxed("xml ", b"<a/>")].concat());
        let other = boxed("asoc", &[boxed("lbl ", b"other"), boxed("xml ", b"<no/>")].concat());
        let gml = boxed("asoc", &[boxed("lbl ", b"gml.data"), other, document].concat());
        let read = read(&[gml, boxed("jp2c", b"12345")]).unwrap();
        assert_eq!(read.gml.as_deref(), Some("<a/>"));
        assert_eq!(read.codestream.end - read.codestream.start, 5);
    }

    #[test]
    fn sizes_that_lie_are_refused() {
        for size in [1_u32, 2, 7] {
            let bytes = [boxed("jP  ", b"\r\n\x87\n"), size.to_be_bytes().to_vec(), b"jp2c\0\0\0\0\0\0\0\0".to_vec()];
            assert!(matches!(Boxes::read(&mut Head::of(&bytes.concat())), Err(Refusal::Broken(_))), "{size}");
        }
        assert!(matches!(read(&[boxed("jp2h", b"")]), Err(Refusal::Broken(why)) if why == "it has no codestream"));
    }

    #[test]
    fn opacity_and_palettes_are_for_gdal() {
        let opacity = boxed("jp2h", &boxed("cdef", &[0, 2, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0]));
        assert!(matches!(read(&[opacity, boxed("jp2c", b"1")]), Err(Refusal::Foreign(_))));
        let colours = boxed("jp2h", &boxed("cdef", &[0, 2, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 2]));
        assert!(read(&[colours, boxed("jp2c", b"1")]).is_ok());
    }
}
