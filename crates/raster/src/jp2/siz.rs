//! The size of an image on its reference grid, and how tiles cut it (ISO/IEC 15444-1, annex B).

use std::ops::Range;

use crate::tiff::Refusal;

/// Samples of all components of one tile at most: they are unpacked together, as floats.
const MOST_TILE_SAMPLES: u64 = 1 << 26;
/// Components that are read.
const MOST_COMPONENTS: u16 = 64;
/// What the marker SIZ has before the components: its length, then these.
const FIXED: usize = 36;

/// What SIZ says; `x` is 0, `y` is 1 in each pair.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Size {
    /// Where the image ends.
    end: [u32; 2],
    /// Where it begins.
    begin: [u32; 2],
    /// How large tiles are.
    tile: [u32; 2],
    /// Where the first tile begins, which may be before the image does.
    first: [u32; 2],
    pub(super) components: usize,
    /// Bits of a sample.
    pub(super) precision: u32,
    pub(super) signed: bool,
    /// The content of the marker, behind its length.
    content: Vec<u8>,
}

impl Size {
    /// Reads the content of the marker, behind its length.
    pub(super) fn read(content: &[u8]) -> Result<Self, Refusal> {
        let broken = |what: &str| Refusal::broken(format!("its size marker {what}"));
        let Some((fixed, components)) = content.split_first_chunk::<FIXED>() else {
            return Err(broken("is too short"));
        };
        let short = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
        let long = |at: usize| u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
        let pair = |at: usize| [long(at), long(at + 4)];
        // High throughput, and the extensions of part 2.
        if short(0) & 0xc000 != 0 {
            return Err(Refusal::foreign("its codestream is of an extension of JPEG 2000"));
        }
        let (end, begin, tile, first, count) = (pair(2), pair(10), pair(18), pair(26), short(34));
        let sound = |i: usize| {
            begin[i] < end[i]
                && end[i] <= 1 << 30
                && tile[i] > 0
                && first[i] <= begin[i]
                && u64::from(first[i]) + u64::from(tile[i]) > u64::from(begin[i])
        };
        if !sound(0) || !sound(1) {
            return Err(broken("tells of an image or of tiles without pixels"));
        }
        let (each, rest) = components.as_chunks::<3>();
        if count == 0 || each.len() != usize::from(count) || !rest.is_empty() {
            return Err(broken(&format!("claims {count} components and has {}", each.len())));
        }
        if count > MOST_COMPONENTS {
            return Err(Refusal::foreign(format!("it has {count} components")));
        }
        if each.iter().any(|[_, x, y]| *x == 0 || *y == 0) {
            return Err(broken("has components without pixels"));
        }
        if each.iter().any(|[_, x, y]| (*x, *y) != (1, 1)) {
            return Err(Refusal::foreign("some of its components are coarser than others"));
        }
        let depth = each[0][0];
        if each.iter().any(|[other, ..]| *other != depth) {
            return Err(Refusal::foreign("its components are of several types"));
        }
        let (precision, signed) = (u32::from(depth & 0x7f) + 1, depth & 0x80 != 0);
        if precision > 16 || signed && precision <= 8 {
            return Err(Refusal::foreign(format!("its samples have {precision} bits")));
        }
        let size =
            Self { end, begin, tile, first, components: each.len(), precision, signed, content: content.to_vec() };
        let of = |i: usize| u64::from(tile[i].min(end[i] - begin[i]));
        if of(0).saturating_mul(of(1)).saturating_mul(u64::from(count)) > MOST_TILE_SAMPLES {
            return Err(Refusal::foreign(format!("its tiles of {} by {} pixels are unpacked as wholes", of(1), of(0))));
        }
        if u64::from(size.tiles(0)) * u64::from(size.tiles(1)) > 65_535 {
            return Err(Refusal::broken("it has more tiles than can be numbered"));
        }
        Ok(size)
    }

    /// Tiles from left to right (`axis` 0), or from top to bottom.
    pub(super) fn tiles(&self, axis: usize) -> u32 {
        (self.end[axis] - self.first[axis]).div_ceil(self.tile[axis])
    }

    /// Where the `n`-th tile of an axis lies on the reference grid.
    pub(super) fn tile(&self, axis: usize, n: u32) -> Range<u32> {
        let at = |n: u32| u64::from(self.first[axis]) + u64::from(n) * u64::from(self.tile[axis]);
        let clamped = |at: u64| u32::try_from(at).unwrap_or(u32::MAX).clamp(self.begin[axis], self.end[axis]);
        clamped(at(n))..clamped(at(n + 1))
    }

    /// The same of the image at a level, where it begins at 0.
    pub(super) fn tile_at(&self, axis: usize, n: u32, level: u32) -> Range<usize> {
        let Range { start, end } = self.tile(axis, n);
        let origin = self.begin[axis].div_ceil(1 << level);
        let of = |at: u32| (at.div_ceil(1 << level) - origin) as usize;
        of(start)..of(end)
    }

    /// Pixels of an axis at a level.
    pub(super) fn pixels(&self, axis: usize, level: u32) -> usize {
        (self.end[axis].div_ceil(1 << level) - self.begin[axis].div_ceil(1 << level)) as usize
    }

    /// Pixels of a whole tile along an axis at a level.
    pub(super) fn tile_pixels(&self, axis: usize, level: u32) -> usize {
        (self.tile[axis].div_ceil(1 << level) as usize).min(self.pixels(axis, level))
    }

    /// True where each tile begins at a whole pixel of the level, and the image has more than one there.
    pub(super) fn has_level(&self, level: u32) -> bool {
        let step = 1_u32 << level;
        (0..2).all(|i| {
            self.begin[i].is_multiple_of(step)
                && self.end[i] - self.begin[i] >= step
                && (self.tiles(i) == 1 || self.first[i].is_multiple_of(step) && self.tile[i].is_multiple_of(step))
        })
    }

    /// The content of the marker of an image that is these tiles of this one, and how large it is.
    pub(super) fn cut(&self, cols: &Range<u32>, rows: &Range<u32>) -> (Vec<u8>, [u32; 2]) {
        let mut content = self.content.clone();
        let mut put = |at: usize, value: u32| {
            if let Some(place) = content.get_mut(at..at + 4) {
                place.copy_from_slice(&value.to_be_bytes());
            }
        };
        let mut size = [0; 2];
        for (axis, range) in [cols, rows].into_iter().enumerate() {
            let (begin, end) = (self.tile(axis, range.start).start, self.tile(axis, range.end - 1).end);
            put(2 + 4 * axis, end);
            put(10 + 4 * axis, begin);
            put(26 + 4 * axis, self.first[axis].saturating_add(range.start.saturating_mul(self.tile[axis])));
            size[axis] = end - begin;
        }
        (content, size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(end: u32, begin: u32, tile: u32, first: u32) -> Vec<u8> {
        let mut content = vec![0, 0];
        for value in [end, begin, tile, first] {
            content.extend(value.to_be_bytes());
            content.extend(value.to_be_bytes());
        }
        content.extend([0, 1, 14, 1, 1]);
        content
    }

    #[test]
    fn tiles_cover_the_image_at_each_level_without_gaps() {
        for (end, begin, tile, first) in [(1830, 0, 192, 0), (1000, 96, 64, 64), (65, 0, 64, 0), (31, 0, 1024, 0)] {
            let size = Size::read(&marker(end, begin, tile, first)).unwrap();
            for level in 0..5 {
                let mut at = 0;
                for n in 0..size.tiles(0) {
                    let tile = size.tile_at(0, n, level);
                    assert_eq!(tile.start, at);
                    at = tile.end;
                }
                assert_eq!(at, size.pixels(0, level), "{end} {begin} {tile} {first} level {level}");
            }
        }
    }

    #[test]
    fn levels_at_which_tiles_begin_within_a_pixel_are_left_out() {
        let size = Size::read(&marker(1830, 0, 100, 0)).unwrap();
        assert_eq!((0..6).map(|l| size.has_level(l)).collect::<Vec<_>>(), [true, true, true, false, false, false]);
    }

    #[test]
    fn forged_sizes_are_refused() {
        for (end, begin, tile, first) in [
            (0, 0, 1, 0),
            (10, 10, 5, 0),
            (10, 0, 0, 0),
            (10, 0, 5, 1),
            (10, 6, 5, 0),
            (1 << 30, 0, 8, 0),
            (u32::MAX, 0, 1024, 0),
        ] {
            assert!(matches!(Size::read(&marker(end, begin, tile, first)), Err(Refusal::Broken(_))), "{end} {tile}");
        }
        assert!(matches!(Size::read(&marker(1 << 20, 0, 1 << 20, 0)), Err(Refusal::Foreign(_))));
        assert!(matches!(Size::read(&marker(8, 0, 8, 0)[..30]), Err(Refusal::Broken(_))));
    }

    #[test]
    fn a_cut_tile_stays_where_it_is() {
        let size = Size::read(&marker(1830, 0, 192, 0)).unwrap();
        let (content, pixels) = size.cut(&(9..10), &(2..4));
        let cut = Size::read(&content).unwrap();
        assert_eq!(pixels, [102, 384]);
        assert_eq!((cut.tiles(0), cut.tiles(1)), (1, 2));
        assert_eq!((cut.tile(0, 0), cut.tile(1, 1)), (1728..1830, 576..768));
    }
}
