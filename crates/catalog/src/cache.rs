//! The R-tree cache: footprint boxes × time of each product in memory.
//!
//! A tree holds its product as of one version. A search first reads the product's version in its own transaction:
//! an older tree is brought up to that version by the datasets changed since, a newer one (another search was faster)
//! is not used. So what the cache answers is what SQL would answer in the same transaction.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use cube_geo::BoundingBox;
use cube_model::Status;
use rstar::{AABB, RTree, RTreeObject};

use crate::Result;
use crate::geometry::EARTH;
use crate::rows::{BoxRow, Changes, Micros, Version};
use crate::store::Transaction;

/// The trees of all products searched so far.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    slots: Mutex<HashMap<i64, Slot>>,
}

#[derive(Debug, Clone, Default)]
struct Slot {
    /// Whether it was searched before.
    searched: bool,
    tree: Arc<RwLock<Option<Tree>>>,
}

/// A box and time of one dataset.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Entry {
    /// West, south, east, north, rounded outwards.
    edges: [f32; 4],
    time: Micros,
    /// Twice the dataset's key, plus one where it is archived.
    key: i64,
}

impl Entry {
    fn all_of(row: &BoxRow) -> impl Iterator<Item = Self> + '_ {
        row.boxes.iter().map(|b| Self {
            edges: [down(b.left), down(b.bottom), up(b.right), up(b.top)],
            time: row.time,
            key: row.key * 2 + i64::from(row.archived),
        })
    }

    const fn dataset(self) -> i64 {
        self.key.div_euclid(2)
    }

    const fn has(self, status: Status) -> bool {
        match status {
            Status::Active => self.key % 2 == 0,
            Status::Archived => self.key % 2 != 0,
            Status::All => true,
        }
    }
}

impl RTreeObject for Entry {
    type Envelope = AABB<[f32; 3]>;

    fn envelope(&self) -> Self::Envelope {
        let [west, south, east, north] = self.edges;
        AABB::from_corners([west, south, down(days(self.time.begin))], [east, north, up(days(self.time.end))])
    }
}

/// Days since 1970: of the size of degrees, so that neither dimension rules the tree.
#[expect(clippy::cast_precision_loss, reason = "the box is rounded outwards after it, and times are tested exactly")]
pub(crate) fn days(micros: i64) -> f64 {
    micros as f64 / 86_400e6
}

/// The greatest `f32` not above.
#[expect(clippy::cast_possible_truncation, reason = "rounding is the purpose; the result is moved outwards")]
fn down(x: f64) -> f32 {
    let near = x as f32;
    if f64::from(near) > x { near.next_down() } else { near }
}

/// The least `f32` not below.
fn up(x: f64) -> f32 {
    -down(-x)
}

/// One product as of one version: a tree packed once, and what changed since in a small one beside it.
#[derive(Debug)]
struct Tree {
    version: i64,
    packed: RTree<Entry>,
    /// Datasets whose entries in `packed` no longer count, with their entries in `recent`.
    changed: HashMap<i64, Vec<Entry>>,
    recent: RTree<Entry>,
}

impl Tree {
    fn new(version: i64, rows: &[BoxRow]) -> Self {
        let packed = RTree::bulk_load(rows.iter().flat_map(Entry::all_of).collect());
        Self { version, packed, changed: HashMap::new(), recent: RTree::new() }
    }

    /// Brings the tree to `version` by the datasets changed since its own.
    fn advance(&mut self, version: i64, changes: &Changes) {
        for key in &changes.gone {
            for old in self.changed.insert(*key, Vec::new()).unwrap_or_default() {
                self.recent.remove(&old);
            }
        }
        for row in &changes.rows {
            let entries: Vec<_> = Entry::all_of(row).collect();
            for entry in &entries {
                self.recent.insert(*entry);
            }
            for old in self.changed.insert(row.key, entries).unwrap_or_default() {
                self.recent.remove(&old);
            }
        }
        self.version = version;
        if self.changed.len() > 1024 + self.packed.size() / 4 {
            let kept = self.packed.iter().filter(|e| !self.changed.contains_key(&e.dataset()));
            self.packed = RTree::bulk_load(kept.chain(self.recent.iter()).copied().collect());
            self.changed = HashMap::new();
            self.recent = RTree::new();
        }
    }

    fn find(&self, boxes: &[BoundingBox], times: &[Micros], status: Status, found: &mut HashSet<i64>) {
        let boxes = if boxes.is_empty() { &[EARTH] } else { boxes };
        let times = if times.is_empty() { &[Micros::EVER] } else { times };
        for b in boxes {
            for time in times {
                let envelope = AABB::from_corners(
                    [down(b.left), down(b.bottom), down(days(time.begin))],
                    [up(b.right), up(b.top), up(days(time.end))],
                );
                let counts = |e: &&Entry| e.time.overlaps(*time) && e.has(status);
                let packed = self.packed.locate_in_envelope_intersecting(envelope).filter(counts);
                found.extend(packed.map(|e| e.dataset()).filter(|key| !self.changed.contains_key(key)));
                found.extend(self.recent.locate_in_envelope_intersecting(envelope).filter(counts).map(|e| e.dataset()));
            }
        }
    }
}

impl Cache {
    /// The keys of the datasets of these products that may touch any of the boxes (none: anywhere) and overlap any of
    /// the times, in the transaction's state of the catalog; `None` where SQL must be asked.
    ///
    /// A product gets its tree with its second search: a command that searches once would pay for a tree it never
    /// uses again.
    pub(crate) async fn find(
        &self,
        transaction: &mut dyn Transaction,
        versions: &[Version],
        boxes: &[BoundingBox],
        times: &[Micros],
        status: Status,
    ) -> Result<Option<Vec<i64>>> {
        let mut found = HashSet::new();
        let mut whole = true;
        for version in versions {
            let slot = self.slot(version.product);
            if !slot.searched {
                whole = false;
            } else if whole {
                self.refresh(&slot, transaction, *version).await?;
                let guard = slot.tree.read().unwrap_or_else(PoisonError::into_inner);
                match guard.as_ref().filter(|tree| tree.version == version.number) {
                    Some(tree) => tree.find(boxes, times, status, &mut found),
                    None => whole = false,
                }
            }
        }
        Ok(whole.then(|| {
            let mut keys: Vec<_> = found.into_iter().collect();
            keys.sort_unstable();
            keys
        }))
    }

    /// The product's slot as it was, marked as searched.
    fn slot(&self, product: i64) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.entry(product).or_default();
        let before = slot.clone();
        slot.searched = true;
        before
    }

    /// Brings a tree up to the version that the transaction sees. A tree that is further already stays.
    async fn refresh(&self, slot: &Slot, transaction: &mut dyn Transaction, version: Version) -> Result<()> {
        let held = slot.tree.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|tree| tree.version);
        if held.is_some_and(|held| held >= version.number) {
            return Ok(());
        }
        let since = held.filter(|held| *held >= version.reload);
        let changes = transaction.changes(version.product, since).await?;
        let mut guard = slot.tree.write().unwrap_or_else(PoisonError::into_inner);
        // Another search may have moved the tree while this one read; what it holds now decides.
        let now = guard.as_ref().map(|tree| tree.version);
        match guard.as_mut() {
            Some(_) if now.is_some_and(|now| now >= version.number) => {}
            Some(tree) if since.is_some() && now >= since => tree.advance(version.number, &changes),
            _ if since.is_none() => *guard = Some(Tree::new(version.number, &changes.rows)),
            _ => *guard = None,
        }
        Ok(())
    }

    /// How many products have a tree.
    #[cfg(test)]
    pub(crate) fn trees(&self) -> usize {
        let slots = self.slots.lock().unwrap();
        slots.values().filter(|s| s.tree.read().unwrap().is_some()).count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(key: i64, west: f64, day: i64, archived: bool) -> BoxRow {
        let time = Micros { begin: day * 86_400_000_000, end: day * 86_400_000_000 };
        let boxes = vec![BoundingBox::new(west, 0.0, west + 1.0, 1.0)];
        BoxRow { key, id: uuid::Uuid::nil(), time, center: time.begin, boxes, outline: Vec::new(), archived }
    }

    fn changes(rows: Vec<BoxRow>) -> Changes {
        Changes { rows, gone: Vec::new() }
    }

    fn keys(tree: &Tree, b: BoundingBox, status: Status) -> Vec<i64> {
        let mut found = HashSet::new();
        tree.find(&[b], &[], status, &mut found);
        let mut keys: Vec<_> = found.into_iter().collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn a_changed_dataset_is_found_where_it_is_now_and_not_where_it_was() {
        let mut tree = Tree::new(1, &[row(1, 10.0, 0, false), row(2, 20.0, 0, false)]);
        let (old, new) = (BoundingBox::new(10.2, 0.2, 10.4, 0.4), BoundingBox::new(50.2, 0.2, 50.4, 0.4));
        assert_eq!(keys(&tree, old, Status::Active), [1]);
        tree.advance(2, &changes(vec![row(1, 50.0, 0, false)]));
        assert!(keys(&tree, old, Status::All).is_empty());
        assert_eq!(keys(&tree, new, Status::Active), [1]);
        tree.advance(3, &changes(vec![row(1, 50.0, 0, true)]));
        assert!(keys(&tree, new, Status::Active).is_empty());
        assert_eq!(keys(&tree, new, Status::Archived), [1]);
    }

    #[test]
    fn many_changes_are_packed_and_nothing_is_lost() {
        let mut tree = Tree::new(1, &[]);
        for key in 0..3000_i32 {
            tree.advance(i64::from(key) + 2, &changes(vec![row(key.into(), f64::from(key % 100), 0, false)]));
        }
        assert!(tree.packed.size() > 1000, "the recent changes were packed");
        let all = keys(&tree, BoundingBox::new(-180.0, -90.0, 180.0, 90.0), Status::Active);
        assert_eq!(all, (0..3000).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn rounding_is_outwards_and_less_than_a_step(x in -1e6_f64..1e6) {
            prop_assert!(f64::from(down(x)) <= x && x <= f64::from(up(x)));
            prop_assert!(up(x) <= down(x).next_up());
        }
    }
}
