//! The main header of a codestream, and where the parts of its tiles are (ISO/IEC 15444-1, annex A).

use std::ops::Range;

use super::boxes::Head;
use super::siz::Size;
use crate::tiff::Refusal;

/// Bytes of markers before the first tile.
const MOST_HEADER_BYTES: u64 = 1 << 20;
/// Parts of tiles that are listed.
const MOST_PARTS: usize = 1 << 18;
/// Layers that are unpacked.
const MOST_LAYERS: u16 = 32;
/// Smallest code-block and precinct, as powers of 2: a forged header cannot ask for millions of them.
const SMALLEST: u8 = 4;

pub(super) const SOC: u16 = 0xff4f;
pub(super) const SIZ: u16 = 0xff51;
pub(super) const SOT: u16 = 0xff90;
pub(super) const EOC: u16 = 0xffd9;
const SOD: u16 = 0xff93;
const COD: u16 = 0xff52;
const COC: u16 = 0xff53;
const QCD: u16 = 0xff5c;
const QCC: u16 = 0xff5d;
const RGN: u16 = 0xff5e;
const POC: u16 = 0xff5f;
const PPM: u16 = 0xff60;
const PPT: u16 = 0xff61;
/// Lengths of tiles and packets, places of components, comments: pixels do not depend on them.
const TLM: u16 = 0xff55;
const PLM: u16 = 0xff57;
const PLT: u16 = 0xff58;
const CRG: u16 = 0xff63;
const COM: u16 = 0xff64;

/// Bytes of a marker SOT with its content.
pub(super) const SOT_BYTES: usize = 12;

/// A parsed main header.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Codestream {
    pub(super) size: Size,
    /// How often the image can be halved.
    pub(super) levels: u32,
    /// True where the wavelet gives the integers back that went in; floats may differ in the last bit.
    pub(super) reversible: bool,
    /// The markers of the main header that pixels depend on, but for the size.
    pub(super) markers: Vec<u8>,
    /// The parts of each tile, by number of the tile, in the order of the file.
    parts: Vec<Vec<Range<u64>>>,
}

/// A marker and its content, behind its length.
type Segment = (u16, Vec<u8>);

/// The marker segment at `at`, and where the next one is.
fn segment(head: &mut Head<'_>, at: u64) -> Result<(Segment, u64), Refusal> {
    let [m, n, l, k] = head.array::<4>(at)?;
    let (marker, length) = (u16::from_be_bytes([m, n]), u64::from(u16::from_be_bytes([l, k])));
    if marker < 0xff00 || length < 2 {
        return Err(Refusal::broken(format!("there is no marker of a codestream at byte {at}")));
    }
    let content = head.bytes(at + 4..at + 2 + length)?.to_vec();
    Ok(((marker, content), at + 2 + length))
}

impl Codestream {
    pub(super) fn read(head: &mut Head<'_>, place: &Range<u64>) -> Result<Self, Refusal> {
        if u16::from_be_bytes(head.array::<2>(place.start)?) != SOC {
            return Err(Refusal::broken("its codestream does not begin as one"));
        }
        let ((marker, content), mut at) = segment(head, place.start + 2)?;
        if marker != SIZ {
            return Err(Refusal::broken("its codestream does not begin with its size"));
        }
        let size = Size::read(&content)?;
        let (mut markers, mut coding) = (Vec::new(), None);
        let mut styles = Vec::new();
        while u16::from_be_bytes(head.array::<2>(at)?) != SOT {
            let ((marker, content), next) = segment(head, at)?;
            match marker {
                COD => {
                    let style = Style::of(content.get(5..).unwrap_or_default(), content.first().copied(), &size)?;
                    check_coding(&content, &size)?;
                    styles.push(style);
                    coding = Some(style);
                }
                COC if size.components < 257 => {
                    let own = content.get(2..).unwrap_or_default();
                    styles.push(Style::of(own, content.get(1).copied(), &size)?);
                }
                QCD | QCC | RGN => {}
                POC => return Err(Refusal::foreign("its order of packets changes within a tile")),
                PPM => return Err(Refusal::foreign("the headers of its packets are packed together")),
                TLM | PLM | PLT | CRG | COM => {
                    at = next;
                    continue;
                }
                other => return Err(Refusal::foreign(format!("it has a marker {other:#06x}"))),
            }
            put_segment(&mut markers, marker, &content);
            at = next;
            if at - place.start > MOST_HEADER_BYTES {
                return Err(Refusal::broken("its header does not end"));
            }
        }
        let coding = coding.ok_or_else(|| Refusal::broken("it does not tell how it is coded"))?;
        let levels = styles.iter().map(|s| s.levels).min().unwrap_or(coding.levels);
        let reversible = styles.iter().all(|s| s.reversible);
        let parts = parts(head, at..place.end, &size)?;
        let codestream = Self { size, levels, reversible, markers, parts };
        codestream.check_first_tile(head)?;
        Ok(codestream)
    }

    /// The parts of a tile.
    pub(super) fn parts(&self, col: u32, row: u32) -> &[Range<u64>] {
        let number = u64::from(row) * u64::from(self.size.tiles(0)) + u64::from(col);
        usize::try_from(number).ok().and_then(|n| self.parts.get(n)).map_or(&[], Vec::as_slice)
    }

    /// One tile speaks for all: what the header of its first part has that only GDAL reads.
    fn check_first_tile(&self, head: &mut Head<'_>) -> Result<(), Refusal> {
        const LOOKED_AT: u64 = 4096;
        let Some(first) = self.parts.iter().flatten().next() else {
            return Err(Refusal::broken("it has no tile"));
        };
        let end = first.end.min(first.start + LOOKED_AT).min(head.length());
        if end - first.start < SOT_BYTES as u64 {
            return Ok(());
        }
        match check_part(head.bytes(first.start..end)?) {
            Ok(()) => Ok(()),
            Err(why) => Err(Refusal::foreign(why)),
        }
    }
}

/// What a component is coded like.
#[derive(Debug, Clone, Copy)]
struct Style {
    levels: u32,
    reversible: bool,
}

impl Style {
    /// Reads what COD and COC have in common: levels, code-blocks, their style, the wavelet, precincts.
    fn of(content: &[u8], flags: Option<u8>, size: &Size) -> Result<Self, Refusal> {
        let [levels, width, height, style, wavelet, precincts @ ..] = content else {
            return Err(Refusal::broken("it does not tell how it is coded"));
        };
        if *levels > 32 || *wavelet > 1 || *width > 8 || *height > 8 || width + height > 8 {
            return Err(Refusal::broken("it claims a coding that there is not"));
        }
        if style & 0xc0 != 0 {
            return Err(Refusal::foreign("its code-blocks are of an extension of JPEG 2000"));
        }
        // Stored less 2.
        let mut small = (*width + 2).min(*height + 2) < SMALLEST;
        if flags.unwrap_or(0) & 1 != 0 {
            let each = precincts.get(..usize::from(*levels) + 1);
            let each = each.ok_or_else(|| Refusal::broken("it does not tell the sizes of its precincts"))?;
            small |= each.iter().any(|p| (p & 15).min(p >> 4) < SMALLEST);
        }
        // Tiles that are small themselves have few.
        if small && size.tile_pixels(0, 0).saturating_mul(size.tile_pixels(1, 0)) > 1 << 20 {
            return Err(Refusal::foreign("its code-blocks are many and small"));
        }
        Ok(Self { levels: u32::from(*levels), reversible: *wavelet == 1 })
    }
}

/// The rest of COD: layers and the transform of colours.
fn check_coding(content: &[u8], size: &Size) -> Result<(), Refusal> {
    let [_, progression, layers @ .., colours] = content.get(..5).unwrap_or_default() else {
        return Err(Refusal::broken("it does not tell how it is coded"));
    };
    let layers = layers.first_chunk().copied().map_or(0, u16::from_be_bytes);
    if *progression > 4 || layers == 0 || *colours > 1 {
        return Err(Refusal::broken("it claims a coding that there is not"));
    }
    if layers > MOST_LAYERS {
        return Err(Refusal::foreign(format!("it has {layers} layers")));
    }
    if *colours == 1 && size.components < 3 {
        return Err(Refusal::broken("it claims a transform of colours that it has not"));
    }
    Ok(())
}

/// Walks from part to part.
fn parts(head: &mut Head<'_>, place: Range<u64>, size: &Size) -> Result<Vec<Vec<Range<u64>>>, Refusal> {
    let tiles = size.tiles(0) as usize * size.tiles(1) as usize;
    let mut parts = vec![Vec::new(); tiles];
    let (mut at, mut count) = (place.start, 0);
    // A file that was cut off still has the tiles that came whole.
    while place.end.saturating_sub(at) >= SOT_BYTES as u64 {
        let sot = head.array::<SOT_BYTES>(at)?;
        if u16::from_be_bytes([sot[0], sot[1]]) != SOT {
            break;
        }
        let tile = usize::from(u16::from_be_bytes([sot[4], sot[5]]));
        let end = match u32::from_be_bytes([sot[6], sot[7], sot[8], sot[9]]) {
            0 => place.end,
            bytes if (bytes as usize) < SOT_BYTES => {
                return Err(Refusal::broken(format!("the part of a tile at byte {at} is shorter than its header")));
            }
            bytes => at.saturating_add(u64::from(bytes)),
        };
        let list: &mut Vec<Range<u64>> = parts
            .get_mut(tile)
            .ok_or_else(|| Refusal::broken(format!("it has {tiles} tiles and a part of number {tile}")))?;
        list.push(at..end);
        count += 1;
        if count > MOST_PARTS {
            return Err(Refusal::broken(format!("its tiles have more than {MOST_PARTS} parts")));
        }
        at = end;
    }
    Ok(parts)
}

/// Looks at the header of a part of a tile, and tells what of it is not read here.
pub(super) fn check_part(part: &[u8]) -> Result<(), String> {
    let mut rest = part.get(SOT_BYTES..).unwrap_or_default();
    while let Some((marker, after)) = rest.split_first_chunk::<2>() {
        match u16::from_be_bytes(*marker) {
            SOD => return Ok(()),
            COD | COC => return Err("one of its tiles is coded in a way of its own".to_owned()),
            POC => return Err("its order of packets changes within a tile".to_owned()),
            PPT | QCD | QCC | RGN | PLT | COM => {}
            other => return Err(format!("one of its tiles has a marker {other:#06x}")),
        }
        let length = after.first_chunk::<2>().map_or(0, |l| usize::from(u16::from_be_bytes(*l)));
        if length < 2 {
            return Err("the header of one of its tiles is broken".to_owned());
        }
        rest = after.get(length..).unwrap_or_default();
    }
    Ok(())
}

/// Writes a marker and its content.
pub(super) fn put_segment(to: &mut Vec<u8>, marker: u16, content: &[u8]) {
    to.extend(marker.to_be_bytes());
    // Contents come from markers whose length was of this type.
    to.extend(u16::try_from(content.len() + 2).unwrap_or(u16::MAX).to_be_bytes());
    to.extend(content);
}
