//! A packed R-tree of longitude × latitude × time: all entries along a Hilbert curve, sixteen to a node.
//!
//! It never changes. What an entry holds stands in arrays of its own, so that a search touches what it tests, and ids
//! and outlines only of what it finds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use uuid::Uuid;

use super::finding::{Found, Question};
use super::fixed::{FixedBox, micros, minutes_down, minutes_up};
use super::shape::Shape;
use crate::outline::{self, Meets};
use crate::rows::Micros;

/// How many entries or nodes a node has.
pub(super) const FAN: usize = 16;

/// A tree.
#[derive(Debug, Default)]
pub(super) struct Packed {
    pub(super) places: Box<[FixedBox]>,
    pub(super) begins: Box<[i64]>,
    pub(super) spans: Box<[Span]>,
    pub(super) ids: Box<[Uuid]>,
    pub(super) keys: Box<[i64]>,
    pub(super) shapes: Box<[Shape]>,
    /// What spans point to: lengths, and how far the centre is from the begin.
    pub(super) lengths: Box<[(i64, i64)]>,
    /// What shapes point to: the words of outlines.
    pub(super) outlines: Box<[u16]>,
    /// The lowest level first; sixteen nodes at most in the last.
    pub(super) levels: Vec<Box<[Node]>>,
}

/// How long a dataset's time is, and where its centre: microseconds, with the centre in the middle, or a place in the list
/// of lengths.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span(pub(super) u32);

impl Span {
    pub(super) const LISTED: u32 = 1 << 31;

    /// Length, and centre after the begin.
    pub(super) fn of(self, lengths: &[(i64, i64)]) -> (i64, i64) {
        if self.0 & Self::LISTED == 0 {
            (i64::from(self.0), i64::from(self.0 / 2))
        } else {
            lengths.get((self.0 & !Self::LISTED) as usize).copied().unwrap_or_default()
        }
    }
}

/// The box and the time around what is below.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) place: FixedBox,
    /// In minutes.
    pub(super) first: i32,
    pub(super) last: i32,
}

impl Node {
    pub(super) const EMPTY: Self = Self { place: FixedBox::EMPTY, first: i32::MAX, last: i32::MIN };

    pub(super) fn join(self, other: Self) -> Self {
        Self {
            place: self.place.join(other.place),
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        }
    }
}

impl Packed {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Begin and end.
    pub(super) fn time(&self, at: usize) -> Micros {
        let begin = self.begins[at];
        Micros { begin, end: begin.saturating_add(self.spans[at].of(&self.lengths).0) }
    }

    pub(super) fn center(&self, at: usize) -> i64 {
        self.begins[at].saturating_add(self.spans[at].of(&self.lengths).1)
    }

    /// An entry as a node.
    pub(super) fn node(&self, at: usize) -> Node {
        let time = self.time(at);
        // Centres bound the order of a search with a limit: they lie inside, whatever a document says.
        let center = self.center(at);
        Node {
            place: self.places[at],
            first: minutes_down(time.begin.min(center)),
            last: minutes_up(time.end.max(center)),
        }
    }

    /// What it holds in memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let levels = self.levels.iter().map(|level| size_of_val(&**level)).sum::<usize>();
        size_of_val(&*self.places)
            + size_of_val(&*self.begins)
            + size_of_val(&*self.spans)
            + size_of_val(&*self.ids)
            + size_of_val(&*self.keys)
            + size_of_val(&*self.shapes)
            + size_of_val(&*self.lengths)
            + size_of_val(&*self.outlines)
            + levels
    }

    /// Adds what answers a question, but for the keys that `skip` says.
    pub(super) fn find(&self, question: &Question<'_>, skip: impl Fn(i64) -> bool, found: &mut Found) {
        let Some((top, below)) = self.levels.split_last() else { return };
        if found.is_limited() {
            self.find_first(question, skip, found);
            return;
        }
        for (n, node) in top.iter().enumerate() {
            if question.reaches(node) {
                self.walk(below, n, question, &skip, found);
            }
        }
    }

    /// All below node `n` of the level above `levels`.
    fn walk(
        &self,
        levels: &[Box<[Node]>],
        n: usize,
        question: &Question<'_>,
        skip: &impl Fn(i64) -> bool,
        found: &mut Found,
    ) {
        let Some((level, below)) = levels.split_last() else {
            self.leaf(n, question, skip, found);
            return;
        };
        let end = level.len().min((n + 1) * FAN);
        for (at, node) in level[n * FAN..end].iter().enumerate() {
            if question.reaches(node) {
                self.walk(below, n * FAN + at, question, skip, found);
            }
        }
    }

    /// The earliest nodes first, until no other can hold what comes before what was found.
    fn find_first(&self, question: &Question<'_>, skip: impl Fn(i64) -> bool, found: &mut Found) {
        let mut waiting = BinaryHeap::new();
        let top = self.levels.len();
        let mut below = 0..self.levels.last().map_or(0, |level| level.len());
        let mut level = top;
        loop {
            if level == 0 {
                self.leaf(below.start / FAN, question, &skip, found);
            } else {
                let nodes = &self.levels[level - 1];
                let end = nodes.len().min(below.end);
                for at in below.start..end {
                    if question.reaches(&nodes[at]) {
                        waiting.push(Reverse((nodes[at].first, level - 1, at)));
                    }
                }
            }
            let Some(Reverse((first, next, n))) = waiting.pop() else { return };
            if found.is_past(micros(first)) {
                return;
            }
            level = next;
            below = n * FAN..(n + 1) * FAN;
        }
    }

    fn leaf(&self, n: usize, question: &Question<'_>, skip: &impl Fn(i64) -> bool, found: &mut Found) {
        let end = self.len().min((n + 1) * FAN);
        for at in n * FAN..end {
            let place = self.places[at];
            if !question.touches(place)
                || !question.overlaps(self.time(at))
                || !question.has(self.shapes[at].is_archived())
                || skip(self.keys[at])
            {
                continue;
            }
            let center = self.center(at);
            if found.is_past(center) {
                continue;
            }
            let meets = question.meets(place, |area| self.shape_meets(at, area));
            if meets != Meets::No {
                found.add(center, self.ids[at], self.keys[at], meets == Meets::Yes);
            }
        }
    }

    /// Whether the footprint of an entry, or its part in the entry's box, meets a rectangle.
    fn shape_meets(&self, at: usize, area: &cube_geo::BoundingBox) -> Meets {
        let (place, shape) = (self.places[at], self.shapes[at]);
        if shape.is_whole() {
            if shape.is_exact() {
                return if place.degrees().touches(*area) { Meets::Yes } else { Meets::No };
            }
            // Its edges lie within a unit inside its box.
            return match place.inside() {
                _ if !place.degrees().touches(*area) => Meets::No,
                Some(inner) if inner.degrees().touches(*area) => Meets::Yes,
                _ => Meets::Unknown,
            };
        }
        shape.outline(&self.outlines).map_or(Meets::Unknown, |words| outline::meets(words, place, area))
    }
}
