//! What a search asks of the trees, and what they answer.

use std::collections::BTreeSet;

use cube_geo::BoundingBox;
use cube_model::Status;
use uuid::Uuid;

use super::fixed::{FixedBox, minutes_down, minutes_up};
use super::packed::Node;
use crate::geometry::EARTH;
use crate::outline::Meets;
use crate::rows::Micros;

/// What a search asks of product, place, time and status.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    /// Rounded outwards, and as asked; anywhere without any.
    boxes: Vec<(FixedBox, BoundingBox)>,
    /// The times in minutes.
    minutes: Vec<(i32, i32)>,
    /// True where the boxes are all that is asked of the place, and not only around it.
    exact: bool,
    times: &'a [Micros],
    status: Status,
}

impl<'a> Question<'a> {
    /// Datasets with a box that touches any of these boxes (none: anywhere) and that overlap any of the times (none:
    /// always). With `exact`, the boxes are the area: footprints that touch any of them. Without, all are doubtful.
    pub(crate) fn new(boxes: &[BoundingBox], exact: bool, times: &'a [Micros], status: Status) -> Self {
        let boxes: &[_] = if boxes.iter().any(|b| covers(*b, EARTH)) { &[] } else { boxes };
        Self {
            boxes: boxes.iter().map(|b| (FixedBox::around(*b), *b)).collect(),
            minutes: times.iter().map(|time| (minutes_down(time.begin), minutes_up(time.end))).collect(),
            exact,
            times,
            status,
        }
    }

    /// Whether an answer may be below a node.
    pub(super) fn reaches(&self, node: &Node) -> bool {
        self.touches(node.place)
            && (self.minutes.is_empty() || self.minutes.iter().any(|(a, b)| node.first <= *b && *a <= node.last))
    }

    pub(super) fn touches(&self, place: FixedBox) -> bool {
        self.boxes.is_empty() || self.boxes.iter().any(|(fixed, _)| fixed.touches(place))
    }

    pub(super) fn overlaps(&self, time: Micros) -> bool {
        self.times.is_empty() || self.times.iter().any(|asked| asked.overlaps(time))
    }

    pub(super) const fn has(&self, archived: bool) -> bool {
        match self.status {
            Status::Active => !archived,
            Status::Archived => archived,
            Status::All => true,
        }
    }

    /// Whether a footprint, or its part in `place`, meets the area; `shape` says it of one rectangle.
    pub(super) fn meets(&self, place: FixedBox, shape: impl Fn(&BoundingBox) -> Meets) -> Meets {
        if !self.exact {
            return Meets::Unknown;
        }
        if self.boxes.is_empty() {
            return Meets::Yes;
        }
        let mut answer = Meets::No;
        for (fixed, area) in &self.boxes {
            if !fixed.touches(place) {
                continue;
            }
            // Something of the footprint is in its box, and so in the area around that.
            match if covers(*area, place.degrees()) { Meets::Yes } else { shape(area) } {
                Meets::Yes => return Meets::Yes,
                Meets::Unknown => answer = Meets::Unknown,
                Meets::No => {}
            }
        }
        answer
    }
}

fn covers(a: BoundingBox, b: BoundingBox) -> bool {
    a.left <= b.left && b.right <= a.right && a.bottom <= b.bottom && b.top <= a.top
}

/// A dataset found, or one of which only the footprint can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    pub(crate) center: i64,
    pub(crate) id: Uuid,
    /// Whether the footprint must be asked. What is sure sorts before it.
    pub(crate) doubtful: bool,
    pub(crate) key: i64,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Found {
    hits: Vec<Hit>,
    limit: Option<usize>,
    /// The first of those that are sure, with a limit: so many at most. A set, as a dataset with two boxes is one.
    best: BTreeSet<(i64, Uuid)>,
}

impl Found {
    /// Nothing yet. Of `limit`, only those that may be among the first so many are kept.
    pub(crate) fn new(limit: Option<usize>) -> Self {
        Self { hits: Vec::new(), limit, best: BTreeSet::new() }
    }

    pub(super) const fn is_limited(&self) -> bool {
        self.limit.is_some()
    }

    /// True where a dataset of this centre comes after the limit.
    pub(super) fn is_past(&self, center: i64) -> bool {
        self.limit
            .is_some_and(|limit| self.best.len() >= limit && self.best.last().is_none_or(|(worst, _)| center > *worst))
    }

    pub(super) fn add(&mut self, center: i64, id: Uuid, key: i64, sure: bool) {
        self.hits.push(Hit { center, id, doubtful: !sure, key });
        let Some(limit) = self.limit.filter(|_| sure) else { return };
        self.best.insert((center, id));
        if self.best.len() > limit {
            self.best.pop_last();
        }
    }

    /// What was found, by (centre time, id), each dataset once; what is doubtful in one box and sure in the other is
    /// sure. With a limit, the doubtful ones before its last sure one are there besides.
    pub(crate) fn into_hits(self) -> Vec<Hit> {
        let mut hits = self.hits;
        hits.sort_unstable();
        hits.dedup_by_key(|hit| hit.id);
        if let Some(limit) = self.limit {
            let mut sure = 0;
            hits.retain(|hit| {
                let wanted = sure < limit;
                sure += usize::from(!hit.doubtful);
                wanted
            });
        }
        hits
    }
}
