//! Footprints in few bytes, for the cache: rings of 16-bit fractions of the footprint's box, with a bound of their error.
//!
//! An outline decides almost every search of a rectangle without the footprint, and says so where it cannot.
//!
//! **Why it may decide.** Let `P` be a ring of the footprint and `Q` its outline. `Q` leaves vertices out and rounds the
//! others, and `error` is the greatest distance (the greater of both coordinates' differences) of any vertex of `P` from
//! the edge of `Q` that stands for it. So both can be run through together, at no moment further apart than `error`:
//! each vertex of `P` beside the point of its edge nearest to it, and between two vertices both go straight, where the
//! distance is a convex function and no greater than at its ends. Let `A` be the area.
//!
//! 1. An edge of `Q` meets `A` made smaller by `error` on all sides: the point of `P` beside lies in `A`. They meet.
//! 2. No edge of `Q` meets `A` made greater by `error`: moving `Q` straight onto `P` no point of it ever comes into `A`.
//!    So `P` has no edge in `A`, and goes round `A`'s corner as often as `Q` does: they meet where that is not zero, and
//!    the same way a hole is told.
//! 3. Otherwise nothing is known.
//!
//! Nothing is asked of the rings: they may cross themselves and each other as they do in real documents.
//!
//! Bytes: [`VERSION`], then for each of the footprint's boxes what is in it: [`NONE`], [`WHOLE`], or [`RINGS`] with a
//! count of words and as many 16-bit words, little-endian: the error, then for each ring its number of vertices (plus
//! [`HOLE`] for a hole in the outer ring before it, and [`LAST`] for the last ring) and the vertices, x and y. No bytes
//! at all are valid, and say nothing.

mod simple;

use cube_geo::BoundingBox;
use geo_types::{Coord, MultiPolygon, Polygon};
use simple::{Simple, whole};

use crate::cache::fixed::{FixedBox, units};

const VERSION: u8 = 1;
/// There is no short form.
const NONE: u8 = 0;
/// The footprint fills the box.
const WHOLE: u8 = 1;
const RINGS: u8 = 2;
const HOLE: u16 = 0x8000;
const LAST: u16 = 0x4000;
const COUNT: u16 = 0x3fff;

/// The box is this many steps wide and high.
const STEPS: f64 = 65_535.0;
/// No part has more words than this.
const MOST_WORDS: usize = 256;

/// What an outline says of a footprint and an area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meets {
    Yes,
    No,
    /// The footprint must be asked.
    Unknown,
}

/// What is in one box of a footprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    Unknown,
    Whole,
    /// The words, as bytes.
    Rings(&'a [u8]),
}

/// The outline of a footprint with these boxes, in lon/lat; empty where it has no short form and the database must be
/// asked.
pub(crate) fn encode(polygons: &MultiPolygon<f64>, boxes: &[BoundingBox]) -> Vec<u8> {
    let mut parts: Vec<Vec<&Polygon>> = vec![Vec::new(); boxes.len()];
    for polygon in polygons {
        // A hair of room: what was cut at ±180 may lie past it by rounding. The error counts it.
        let inside = |b: &BoundingBox| {
            let holds = |c: &Coord| {
                (b.left - 1e-6..=b.right + 1e-6).contains(&c.x) && (b.bottom - 1e-6..=b.top + 1e-6).contains(&c.y)
            };
            polygon.exterior().0.iter().all(holds)
        };
        let Some(at) = boxes.iter().position(inside) else { return Vec::new() };
        parts[at].push(polygon);
    }
    let mut bytes = vec![VERSION];
    for (b, part) in boxes.iter().zip(&parts) {
        match &part[..] {
            [polygon] if rectangle(polygon) == Some(*b) => bytes.push(WHOLE),
            _ => match rings(part, *b) {
                Some(words) => {
                    bytes.push(RINGS);
                    let count = u16::try_from(words.len()).unwrap_or(u16::MAX);
                    bytes.extend(count.to_le_bytes());
                    bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
                }
                None => bytes.push(NONE),
            },
        }
    }
    if bytes[1..].iter().all(|kind| *kind == NONE) { Vec::new() } else { bytes }
}

/// The parts of an outline, one a box; after its end, and where it is damaged or of a later version, nothing is known.
pub(crate) fn parts(outline: &[u8]) -> impl Iterator<Item = Part<'_>> {
    let mut rest = outline.strip_prefix(&[VERSION]).unwrap_or_default();
    std::iter::repeat_with(move || {
        let Some((kind, after)) = rest.split_first() else { return Part::Unknown };
        rest = after;
        match *kind {
            WHOLE => Part::Whole,
            RINGS => {
                let Some((count, after)) = rest.split_first_chunk() else { return Part::Unknown };
                let bytes = 2 * usize::from(u16::from_le_bytes(*count));
                let Some((words, after)) = after.split_at_checked(bytes) else {
                    rest = &[];
                    return Part::Unknown;
                };
                rest = after;
                Part::Rings(words)
            }
            NONE => Part::Unknown,
            _ => {
                rest = &[];
                Part::Unknown
            }
        }
    })
}

/// The box that a polygon is, where it is one to the last bit.
pub(crate) fn rectangle(polygon: &Polygon) -> Option<BoundingBox> {
    let mut corners: Vec<Coord> = polygon.exterior().0.clone();
    corners.dedup();
    if corners.len() > 1 && corners.first() == corners.last() {
        corners.pop();
    }
    let b = BoundingBox::around(corners.iter().map(|c| (c.x, c.y)))?;
    let [first, second, third, fourth] = corners[..] else { return None };
    #[expect(clippy::float_cmp, reason = "to the last bit")]
    let stands = |p: Coord, q: Coord| p.x == q.x && p.y != q.y;
    #[expect(clippy::float_cmp, reason = "to the last bit")]
    let lies = |p: Coord, q: Coord| p.y == q.y && p.x != q.x;
    let goes_round = stands(first, second) && lies(second, third) && stands(third, fourth) && lies(fourth, first)
        || lies(first, second) && stands(second, third) && lies(third, fourth) && stands(fourth, first);
    (goes_round && polygon.interiors().is_empty()).then_some(b)
}

/// The words of all rings in a box.
fn rings(polygons: &[&Polygon], b: BoundingBox) -> Option<Vec<u16>> {
    let frame = Frame::new(FixedBox::around(b))?;
    let mut words = vec![0];
    let mut error = 0.0_f64;
    let mut last = 0;
    for polygon in polygons {
        for (n, ring) in std::iter::once(polygon.exterior()).chain(polygon.interiors()).enumerate() {
            let simple = Simple::of(ring, &frame)?;
            error = error.max(simple.error);
            last = words.len();
            words.push(u16::try_from(simple.vertices.len()).ok()? | if n > 0 { HOLE } else { 0 });
            words.extend(simple.vertices.into_iter().flatten());
            if words.len() > MOST_WORDS {
                return None;
            }
        }
    }
    // The distances themselves are rounded.
    let error = (error + 1.0 / 64.0).ceil();
    words[0] = whole(error);
    *words.get_mut(last).filter(|_| last > 0)? |= LAST;
    (error < STEPS / 4.0).then_some(words)
}

/// The coordinates of an outline: steps from the south-western corner of the box.
#[derive(Debug, Clone, Copy)]
struct Frame {
    corner: (f64, f64),
    /// Steps a unit.
    scale: (f64, f64),
}

impl Frame {
    /// `None` where the box has no width or no height.
    fn new(b: FixedBox) -> Option<Self> {
        let (width, height) = b.size();
        (width > 0.0 && height > 0.0)
            .then(|| Self { corner: (f64::from(b.west), f64::from(b.south)), scale: (STEPS / width, STEPS / height) })
    }

    fn place(&self, lon: f64, lat: f64) -> (f64, f64) {
        ((units(lon) - self.corner.0) * self.scale.0, (units(lat) - self.corner.1) * self.scale.1)
    }
}

/// A rectangle in the coordinates of an outline.
#[derive(Debug, Clone, Copy)]
struct Window {
    left: f64,
    bottom: f64,
    right: f64,
    top: f64,
}

impl Window {
    /// Greater by this much on each side, smaller where it is negative. It ends a while outside the outline's box: there
    /// is nothing further out, and sums of great numbers are rounded.
    fn grown(self, (x, y): (f64, f64)) -> Self {
        let limit = |v: f64| v.clamp(-2.0 * STEPS, 3.0 * STEPS);
        Self {
            left: limit(self.left - x),
            bottom: limit(self.bottom - y),
            right: limit(self.right + x),
            top: limit(self.top + y),
        }
    }

    fn is_empty(self) -> bool {
        self.left > self.right || self.bottom > self.top
    }

    /// Whether a straight edge meets it, ends and sides counted: they do unless a line along a side or along the edge
    /// parts them.
    fn meets(self, (ax, ay): (f64, f64), (bx, by): (f64, f64)) -> bool {
        if ax.max(bx) < self.left || ax.min(bx) > self.right || ay.max(by) < self.bottom || ay.min(by) > self.top {
            return false;
        }
        let (nx, ny) = (by - ay, ax - bx);
        let middle =
            (f64::midpoint(self.left, self.right) - ax) * nx + (f64::midpoint(self.bottom, self.top) - ay) * ny;
        let reach = (self.right - self.left) / 2.0 * nx.abs() + (self.top - self.bottom) / 2.0 * ny.abs();
        middle.abs() <= reach
    }
}

/// One ring of an outline.
#[derive(Debug, Clone, Copy)]
struct Ring<'a> {
    hole: bool,
    words: &'a [u16],
}

impl Ring<'_> {
    fn edges(self) -> impl Iterator<Item = ((f64, f64), (f64, f64))> {
        let point = |pair: &[u16]| (f64::from(pair[0]), f64::from(pair[1]));
        let mut before = self.words.chunks_exact(2).next_back().map_or((0.0, 0.0), point);
        self.words.chunks_exact(2).map(move |pair| {
            let at = point(pair);
            (std::mem::replace(&mut before, at), at)
        })
    }

    fn meets(self, window: Window) -> bool {
        self.edges().any(|(a, b)| window.meets(a, b))
    }

    /// Whether it goes round a point that is not near any edge, counted as georust counts: by turns.
    fn goes_round(self, (x, y): (f64, f64)) -> bool {
        let mut turns = 0;
        for ((ax, ay), (bx, by)) in self.edges() {
            let left_of_edge = (bx - ax) * (y - ay) - (x - ax) * (by - ay);
            if ay <= y && by > y && left_of_edge > 0.0 {
                turns += 1;
            } else if ay > y && by <= y && left_of_edge < 0.0 {
                turns -= 1;
            }
        }
        turns != 0
    }
}

/// The rings of words.
fn rings_of(words: &[u16]) -> impl Iterator<Item = Ring<'_>> {
    let mut rest = words.get(1..);
    std::iter::from_fn(move || {
        let (head, after) = rest?.split_first()?;
        let (words, after) = after.split_at_checked(2 * usize::from(head & COUNT))?;
        rest = (head & LAST == 0).then_some(after);
        Some(Ring { hole: head & HOLE != 0, words })
    })
}

/// The words of the outline that these begin with.
pub(crate) fn trimmed(words: &[u16]) -> Option<&[u16]> {
    words.get(..1 + rings_of(words).map(|ring| 1 + ring.words.len()).sum::<usize>())
}

/// The words of a part, where they are well-formed.
pub(crate) fn words(bytes: &[u8]) -> Option<Vec<u16>> {
    let words: Vec<u16> = bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
    let rings: Vec<_> = rings_of(&words).collect();
    let read = 1 + rings.iter().map(|ring| 1 + ring.words.len()).sum::<usize>();
    let starts_outside = rings.first().is_some_and(|ring| !ring.hole);
    let last = rings.iter().rev().skip(1).rev().fold(1, |at, ring| at + 1 + ring.words.len());
    let ends = words.get(last).is_some_and(|head| head & LAST != 0);
    (starts_outside && ends && read == words.len()).then_some(words)
}

/// Whether the footprint in this box, whose outline these words begin with, meets a rectangle in degrees, edges counted:
/// as `Footprint::intersects` would say.
pub(crate) fn meets(words: &[u16], around: FixedBox, area: &BoundingBox) -> Meets {
    let (Some(frame), Some(error)) = (Frame::new(around), words.first()) else {
        return Meets::Unknown;
    };
    let ((left, bottom), (right, top)) = (frame.place(area.left, area.bottom), frame.place(area.right, area.top));
    let window = Window { left, bottom, right, top };
    // Above the outline's own error: what the arithmetic here may lose, and the hair by which a footprint may reach past
    // ±180.
    let slack = |scale: f64| f64::from(*error) + 1.0 / 64.0 + scale * 0.02;
    let (x, y) = (slack(frame.scale.0), slack(frame.scale.1));
    let (greater, smaller) = (window.grown((x, y)), window.grown((-x, -y)));
    let mut rings = rings_of(words).peekable();
    let mut answer = Meets::No;
    while let Some(outer) = rings.next() {
        let near = outer.meets(greater);
        if near && !smaller.is_empty() && outer.meets(smaller) {
            return Meets::Yes;
        }
        let mut inside = !near && outer.goes_round((left, bottom));
        let mut doubtful = near;
        while let Some(hole) = rings.next_if(|ring| ring.hole) {
            doubtful |= hole.meets(greater);
            inside &= !hole.goes_round((left, bottom));
        }
        if doubtful {
            answer = Meets::Unknown;
        } else if inside {
            return Meets::Yes;
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use cube_geo::{Crs, Footprint};
    use geo_types::LineString;
    use proptest::prelude::*;

    use super::*;
    use crate::samples::area;

    fn ring(points: &[(f64, f64)]) -> LineString {
        let mut ring = LineString::from(points.to_vec());
        ring.close();
        ring
    }

    fn lonlat(polygons: Vec<Polygon>) -> Footprint {
        Footprint::new(MultiPolygon::new(polygons), Crs::lonlat().unwrap()).unwrap()
    }

    /// What the outline of the whole footprint says: of its parts, the one that says most.
    fn say(footprint: &Footprint, asked: &BoundingBox) -> Meets {
        let boxes = footprint.lonlat_boxes().unwrap();
        let bytes = encode(footprint.polygons(), &boxes);
        let mut answer = Meets::No;
        for (b, part) in boxes.iter().zip(parts(&bytes)) {
            let said = match part {
                Part::Unknown => Meets::Unknown,
                Part::Whole => {
                    if b.touches(*asked) {
                        Meets::Yes
                    } else {
                        Meets::No
                    }
                }
                Part::Rings(bytes) => meets(&words(bytes).unwrap(), FixedBox::around(*b), asked),
            };
            match said {
                Meets::Yes => return Meets::Yes,
                Meets::Unknown => answer = Meets::Unknown,
                Meets::No => {}
            }
        }
        answer
    }

    /// Rings of any shape, many of which cross themselves; coordinates coarse enough to touch often.
    fn polygons() -> impl Strategy<Value = Vec<Polygon>> {
        let point = |size: i32| (0..size, 0..size).prop_map(move |(x, y)| (f64::from(x) / 4.0, f64::from(y) / 4.0));
        let wild = proptest::collection::vec(point(40), 3..9);
        let round = (3..400_usize, 0.5_f64..5.0, 0.5_f64..5.0, 0.0_f64..0.2).prop_map(|(n, a, b, rough)| {
            let turn = |i: usize| {
                std::f64::consts::TAU * f64::from(u32::try_from(i).unwrap()) / f64::from(u32::try_from(n).unwrap())
            };
            let wobble = |i: usize| 1.0 - rough * f64::from(u32::try_from(i * 7919 % 13).unwrap()) / 13.0;
            (0..n).map(|i| (5.0 + a * turn(i).cos() * wobble(i), 5.0 + b * turn(i).sin() * wobble(i))).collect()
        });
        let hole = proptest::option::weighted(0.3, proptest::collection::vec(point(40), 3..6));
        let one = (prop_oneof![wild, round], hole).prop_map(|(outer, hole): (Vec<(f64, f64)>, _)| {
            Polygon::new(ring(&outer), hole.iter().map(|hole| ring(hole)).collect())
        });
        proptest::collection::vec(one, 1..3)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

        /// What an outline is sure of is so.
        #[test]
        fn an_outline_never_says_what_the_footprint_does_not(
            polygons in polygons(),
            (x, y, w, h) in (-4..44_i32, -4..44_i32, 0..40_i32, 0..40_i32),
            nudge in prop_oneof![Just(0.0), -1e-3_f64..1e-3, -1e-6_f64..1e-6],
        ) {
            let Ok(footprint) = Footprint::new(MultiPolygon::new(polygons), Crs::lonlat().unwrap()) else { return Ok(()) };
            let degrees = |n: i32| f64::from(n) / 4.0 + nudge;
            let asked = BoundingBox::new(degrees(x), degrees(y), degrees(x + w), degrees(y + h));
            let exact = || {
                let ring = ring(&[
                    (asked.left, asked.bottom), (asked.right, asked.bottom), (asked.right, asked.top), (asked.left, asked.top),
                ]);
                match Footprint::from_polygon(Polygon::new(ring, vec![]), Crs::lonlat().unwrap()) {
                    Ok(area) => footprint.intersects(&area).map(Some).unwrap(),
                    Err(_) => None,
                }
            };
            match (say(&footprint, &asked), exact()) {
                (_, None) | (Meets::Unknown, _) => {}
                (said, Some(exact)) => prop_assert_eq!(said == Meets::Yes, exact),
            }
        }

        #[test]
        fn damaged_bytes_say_nothing_and_break_nothing(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..60),
            first in prop_oneof![Just(VERSION), any::<u8>()],
            kind in prop_oneof![Just(RINGS), any::<u8>()],
        ) {
            if let [a, b, ..] = &mut bytes[..] {
                (*a, *b) = (first, kind);
            }
            for part in parts(&bytes).take(2) {
                if let Part::Rings(bytes) = part && let Some(words) = words(bytes) {
                    meets(&words, FixedBox::around(BoundingBox::new(0.0, 0.0, 1.0, 1.0)), &BoundingBox::new(0.2, 0.2, 0.3, 0.3));
                    prop_assert_eq!(trimmed(&words), Some(&words[..]));
                }
            }
        }
    }

    #[test]
    fn boxes_are_told_to_the_last_bit() {
        let scene = area(10.1, 40.2, 11.3, 41.7);
        assert_eq!(encode(scene.polygons(), &scene.lonlat_boxes().unwrap()), [VERSION, WHOLE]);
        assert_eq!(say(&scene, &BoundingBox::new(11.3, 41.7, 12.0, 42.0)), Meets::Yes);
        assert_eq!(say(&scene, &BoundingBox::new(11.3_f64.next_up(), 41.0, 12.0, 42.0)), Meets::No);
    }

    #[test]
    fn both_parts_of_a_footprint_across_the_antimeridian_have_outlines() {
        let tile = BoundingBox::new(780_000.0, 1_700_000.0, 889_800.0, 1_809_800.0);
        let tile = Footprint::from_bbox(tile, Crs::epsg(32660).unwrap()).unwrap().to_lonlat().unwrap();
        let boxes = tile.lonlat_boxes().unwrap();
        let bytes = encode(tile.polygons(), &boxes);
        let kinds = parts(&bytes).take(3).map(|part| matches!(part, Part::Rings(_))).collect::<Vec<_>>();
        assert_eq!(kinds, [true, true, false]);
        assert_eq!(say(&tile, &BoundingBox::new(-179.9, 15.5, -179.8, 15.6)), Meets::Yes);
        assert_eq!(say(&tile, &BoundingBox::new(179.9, 15.5, 179.95, 15.6)), Meets::Yes);
        assert_eq!(say(&tile, &BoundingBox::new(178.0, 15.0, 179.0, 17.0)), Meets::No);
    }

    /// A Sentinel-2 tile: straight in UTM, curved in lon/lat.
    #[test]
    fn a_scene_takes_few_bytes_and_leaves_little_open() {
        let tile = BoundingBox::new(399_960.0, 5_190_240.0, 509_760.0, 5_300_040.0);
        let tile = Footprint::from_bbox(tile, Crs::epsg(32633).unwrap()).unwrap().to_lonlat().unwrap();
        let boxes = tile.lonlat_boxes().unwrap();
        let bytes = encode(tile.polygons(), &boxes);
        let vertices = tile.polygons().0[0].exterior().0.len();
        println!("{vertices} vertices, {} bytes", bytes.len());
        assert!(bytes.len() < 44, "{vertices} vertices in {} bytes", bytes.len());
        let b = boxes[0];
        let asked = |n: u32| {
            let at =
                |step: u32, low: f64, size: f64| low - 0.5 * size + f64::from(n * step % 1009) / 1009.0 * 1.5 * size;
            let (west, south) = (at(7, b.left, b.width()), at(311, b.bottom, b.height()));
            BoundingBox::new(west, south, west + 0.5 * b.width(), south + 0.5 * b.height())
        };
        let open = (0..1009).filter(|n| say(&tile, &asked(*n)) == Meets::Unknown).count();
        assert!(open < 10, "{open} of 1009 searches must ask the footprint");
    }

    #[test]
    fn what_has_no_short_form_has_no_bytes() {
        let star = |n: u32| {
            let at = |i: u32| f64::from(i) / f64::from(n) * std::f64::consts::TAU;
            let arm = |i: u32| if i.is_multiple_of(2) { 1.0 } else { 0.2 };
            (0..n).map(|i| (arm(i) * at(i).cos(), arm(i) * at(i).sin())).collect::<Vec<_>>()
        };
        let many = lonlat(vec![Polygon::new(ring(&star(400)), vec![])]);
        assert!(encode(many.polygons(), &many.lonlat_boxes().unwrap()).is_empty());
        assert_eq!(say(&many, &BoundingBox::new(0.0, 0.0, 0.1, 0.1)), Meets::Unknown);
    }
}
