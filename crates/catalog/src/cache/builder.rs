//! Building a packed tree.

use std::collections::HashMap;

use rayon::prelude::*;
use uuid::Uuid;

use super::fixed::{FixedBox, minutes_down};
use super::hilbert;
use super::packed::{FAN, Node, Packed, Span};
use super::shape::Shape;
use crate::outline::{Part, parts, words};
use crate::rows::{BoxRow, Micros};

/// How many entries are looked at to learn how they are spread.
const SAMPLES: usize = 4096;
/// How many outlines back the same one is looked for: tiles repeat.
const BACK: usize = 4;

/// A box of a dataset.
#[derive(Debug, Clone, Copy)]
struct Entry {
    place: FixedBox,
    begin: i64,
    span: Span,
    shape: Shape,
    id: Uuid,
    key: i64,
}

/// Entries that are to become a tree.
#[derive(Debug, Clone, Default)]
pub(crate) struct Builder {
    entries: Vec<Entry>,
    outlines: Vec<u16>,
    lengths: Vec<(i64, i64)>,
    listed: HashMap<(i64, i64), u32>,
}

impl Builder {
    /// Takes the boxes of a dataset.
    pub(crate) fn push(&mut self, row: &BoxRow) {
        let span = self.span(row.time, row.center);
        for (b, part) in row.boxes.iter().zip(parts(&row.outline)) {
            let place = FixedBox::around(*b);
            let shape = Shape::new(row.archived, place.degrees() == *b);
            let shape = match part {
                Part::Unknown => shape,
                Part::Whole => shape.whole(),
                Part::Rings(bytes) => words(bytes).map_or(shape, |words| shape.put(&words, &mut self.outlines)),
            };
            self.entries.push(Entry { place, begin: row.time.begin, span, shape, id: row.id, key: row.key });
        }
    }

    /// Takes those entries of a tree whose keys are not to be skipped.
    pub(super) fn take(&mut self, tree: &Packed, skip: impl Fn(i64) -> bool) {
        for at in (0..tree.len()).filter(|at| !skip(tree.keys[*at])) {
            let span = self.span(tree.time(at), tree.center(at));
            let mut shape = tree.shapes[at];
            if let Some(outline) = shape.outline(&tree.outlines).and_then(crate::outline::trimmed) {
                shape = shape.put(outline, &mut self.outlines);
            }
            self.entries.push(Entry {
                place: tree.places[at],
                begin: tree.begins[at],
                span,
                shape,
                id: tree.ids[at],
                key: tree.keys[at],
            });
        }
    }

    fn span(&mut self, time: Micros, center: i64) -> Span {
        let (length, after) = (time.end.saturating_sub(time.begin), center.saturating_sub(time.begin));
        if let Some(short) = u32::try_from(length).ok().filter(|l| *l < Span::LISTED && after == i64::from(l / 2)) {
            return Span(short);
        }
        let next = u32::try_from(self.lengths.len()).unwrap_or(u32::MAX);
        let at = *self.listed.entry((length, after)).or_insert(next);
        if at == next {
            self.lengths.push((length, after));
        }
        Span(Span::LISTED | at)
    }

    /// The keys of what was taken, one a box.
    pub(crate) fn keys(&self) -> impl Iterator<Item = i64> {
        self.entries.iter().map(|entry| entry.key)
    }

    /// Key, whether it is archived, and all that is known of each box, in the order of the keys.
    #[cfg(test)]
    pub(crate) fn told(&self) -> Vec<(i64, bool, String)> {
        let tell = |entry: &Entry| {
            let (outline, length) = (entry.shape.outline(&self.outlines), entry.span.of(&self.lengths));
            let marks = (entry.shape.is_archived(), entry.shape.is_exact(), entry.shape.is_whole());
            let outline = outline.and_then(crate::outline::trimmed);
            let text = format!("{:?}, {}, {length:?}, {marks:?}, {outline:?}, {}", entry.place, entry.begin, entry.id);
            (entry.key, marks.0, text)
        };
        let mut told: Vec<_> = self.entries.iter().map(tell).collect();
        told.sort_unstable();
        told
    }

    /// The tree of what was taken.
    pub(super) fn build(self) -> Packed {
        let Self { mut entries, outlines, mut lengths, .. } = self;
        let spread = Spread::of(&entries, &lengths);
        entries.par_sort_by_cached_key(|entry| spread.along(entry));
        lengths.shrink_to_fit();
        let (shapes, outlines) = in_order(&entries, &outlines);
        let mut packed = Packed {
            places: entries.par_iter().map(|e| e.place).collect::<Vec<_>>().into_boxed_slice(),
            begins: entries.par_iter().map(|e| e.begin).collect::<Vec<_>>().into_boxed_slice(),
            spans: entries.par_iter().map(|e| e.span).collect::<Vec<_>>().into_boxed_slice(),
            ids: entries.par_iter().map(|e| e.id).collect::<Vec<_>>().into_boxed_slice(),
            keys: entries.par_iter().map(|e| e.key).collect::<Vec<_>>().into_boxed_slice(),
            shapes,
            lengths: lengths.into_boxed_slice(),
            outlines,
            levels: Vec::new(),
        };
        drop(entries);
        let lowest: Box<[Node]> = (0..packed.len().div_ceil(FAN))
            .into_par_iter()
            .map(|n| {
                let end = packed.len().min((n + 1) * FAN);
                (n * FAN..end).map(|at| packed.node(at)).fold(Node::EMPTY, Node::join)
            })
            .collect::<Vec<_>>()
            .into_boxed_slice();
        packed.levels.push(lowest);
        while let Some(level) = packed.levels.last().filter(|level| level.len() > FAN) {
            let next = level.chunks(FAN).map(|nodes| nodes.iter().copied().fold(Node::EMPTY, Node::join)).collect();
            packed.levels.push(next);
        }
        packed
    }
}

impl<'a> FromIterator<&'a BoxRow> for Builder {
    fn from_iter<T: IntoIterator<Item = &'a BoxRow>>(rows: T) -> Self {
        let mut builder = Self::default();
        rows.into_iter().for_each(|row| builder.push(row));
        builder
    }
}

/// The outlines in the order of the entries, so that neighbours lie together; one that repeats is kept once.
fn in_order(entries: &[Entry], outlines: &[u16]) -> (Box<[Shape]>, Box<[u16]>) {
    let mut ordered = Vec::with_capacity(outlines.len());
    let mut recent: [Option<(Shape, &[u16])>; BACK] = [None; BACK];
    let mut turn = 0;
    let shapes = entries
        .iter()
        .map(|entry| {
            let outline = entry.shape.outline(outlines).and_then(crate::outline::trimmed);
            let Some(outline) = outline else { return entry.shape };
            if let Some((other, _)) = recent.iter().flatten().find(|(_, words)| *words == outline) {
                return entry.shape.shared(*other);
            }
            let shape = entry.shape.put(outline, &mut ordered);
            recent[turn % BACK] = Some((shape, outline));
            turn += 1;
            shape
        })
        .collect();
    ordered.shrink_to_fit();
    (shapes, ordered.into_boxed_slice())
}

/// How entries are spread over longitude, latitude and time: each dimension is stretched over the whole curve, since
/// nobody knows which of them searches will be narrow in.
#[derive(Debug)]
struct Spread {
    low: [f64; 3],
    scale: [f64; 3],
}

impl Spread {
    fn of(entries: &[Entry], lengths: &[(i64, i64)]) -> Self {
        let step = entries.len().div_ceil(SAMPLES).max(1);
        let sample: Vec<&Entry> = entries.iter().step_by(step).collect();
        let mut spread = Self { low: [0.0; 3], scale: [0.0; 3] };
        for dimension in 0..3 {
            let mut middles: Vec<f64> = sample.iter().map(|entry| middle(entry)[dimension]).collect();
            let mut sizes: Vec<f64> = sample.iter().map(|entry| size(entry, lengths)[dimension]).collect();
            middles.sort_unstable_by(f64::total_cmp);
            sizes.sort_unstable_by(f64::total_cmp);
            // A few far away do not squeeze the others together.
            let (few, count) = (middles.len() / 50, middles.len());
            let (Some(low), Some(high)) = (middles.get(few), middles.get((count - few).saturating_sub(1))) else {
                continue;
            };
            // Parting what overlaps anyway is of no use.
            let usual = sizes.get(count / 2).copied().unwrap_or_default();
            let range = (high - low).max(8.0 * usual).max(1.0);
            spread.low[dimension] = f64::midpoint(*low, *high) - range / 2.0;
            spread.scale[dimension] = f64::from(u16::MAX) / range;
        }
        spread
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
    fn along(&self, entry: &Entry) -> u64 {
        let middle = middle(entry);
        hilbert::along(std::array::from_fn(|i| ((middle[i] - self.low[i]) * self.scale[i]) as u16))
    }
}

fn middle(entry: &Entry) -> [f64; 3] {
    let FixedBox { west, south, east, north } = entry.place;
    [
        f64::midpoint(west.into(), east.into()),
        f64::midpoint(south.into(), north.into()),
        f64::from(minutes_down(entry.begin)),
    ]
}

fn size(entry: &Entry, lengths: &[(i64, i64)]) -> [f64; 3] {
    let (width, height) = entry.place.size();
    [width, height, f64::from(minutes_down(entry.span.of(lengths).0))]
}
