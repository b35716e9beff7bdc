//! One product as of one version.

use std::collections::HashSet;
use std::sync::Arc;

use super::builder::Builder;
use super::finding::{Found, Question};
use super::packed::Packed;
use crate::rows::Changes;

/// A run is packed into the one before it when it is more than this share of it.
const SHARE: usize = 4;

/// The datasets of a product as of one version: a few packed trees, each in the place of what the earlier ones say of the
/// same datasets. A tree never changes: a newer version is another tree, which shares what is the same.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) version: i64,
    /// The first holds most.
    runs: Vec<Run>,
}

/// What one version, or a few after each other, changed.
#[derive(Debug, Clone)]
struct Run {
    packed: Arc<Packed>,
    /// The datasets of which earlier runs no longer count; none in the first run.
    replaced: Arc<HashSet<i64>>,
}

impl Run {
    fn weight(&self) -> usize {
        self.packed.len().max(self.replaced.len())
    }
}

impl Tree {
    /// The tree of all datasets of a product.
    pub(super) fn new(version: i64, all: Changes) -> Self {
        Self { version, runs: vec![Run { packed: Arc::new(all.rows.build()), replaced: Arc::default() }] }
    }

    /// The tree of a later version.
    pub(super) fn advance(&self, version: i64, changes: Changes) -> Self {
        let replaced = changes.rows.keys().chain(changes.gone).collect();
        let mut runs = self.runs.clone();
        runs.push(Run { packed: Arc::new(changes.rows.build()), replaced: Arc::new(replaced) });
        while let [.., before, last] = &runs[..] {
            if last.weight() * SHARE <= before.weight() {
                break;
            }
            let mut builder = Builder::default();
            builder.take(&before.packed, |key| last.replaced.contains(&key));
            builder.take(&last.packed, |_| false);
            let replaced = if runs.len() == 2 {
                Arc::default()
            } else {
                Arc::new(before.replaced.union(&last.replaced).copied().collect())
            };
            let joined = Run { packed: Arc::new(builder.build()), replaced };
            runs.truncate(runs.len() - 2);
            runs.push(joined);
        }
        Self { version, runs }
    }

    /// Adds what answers a question.
    pub(crate) fn find(&self, question: &Question<'_>, found: &mut Found) {
        for (n, run) in self.runs.iter().enumerate() {
            let later = &self.runs[n + 1..];
            run.packed.find(question, |key| later.iter().any(|run| run.replaced.contains(&key)), found);
        }
    }

    /// How many boxes it holds, those that no longer count too.
    pub(super) fn len(&self) -> usize {
        self.runs.iter().map(|run| run.packed.len()).sum()
    }

    /// What it holds in memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let set = |run: &Run| run.replaced.capacity() * (size_of::<i64>() + 1);
        self.runs.iter().map(|run| run.packed.bytes() + set(run)).sum()
    }
}

#[cfg(test)]
mod tests {
    use cube_geo::BoundingBox;
    use cube_model::Status;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    use super::*;
    use crate::rows::{BoxRow, Micros};

    const DAY: i64 = 86_400_000_000;

    fn row(key: i64, west: f64, day: i64, length: i64, archived: bool) -> BoxRow {
        let time = Micros { begin: day * DAY, end: day * DAY + length };
        BoxRow {
            key,
            id: Uuid::from_u128(key.unsigned_abs().into()),
            time,
            center: time.begin + length / 2,
            boxes: vec![BoundingBox::new(west, 0.0, west + 1.0, 1.0)],
            outline: Vec::new(),
            archived,
        }
    }

    fn changes(rows: impl IntoIterator<Item = BoxRow>, gone: &[i64]) -> Changes {
        let rows: Vec<BoxRow> = rows.into_iter().collect();
        Changes { rows: rows.iter().collect(), gone: gone.to_vec(), whole: false }
    }

    fn keys(tree: &Tree, b: &[BoundingBox], times: &[Micros], status: Status, limit: Option<usize>) -> Vec<i64> {
        let mut found = Found::new(limit);
        // Without outlines every box that touches the area is doubtful, unless the area is the Earth.
        tree.find(&Question::new(b, true, times, status), &mut found);
        found.into_hits().into_iter().map(|hit| hit.key).collect()
    }

    #[test]
    fn a_changed_dataset_is_found_where_it_is_now_and_not_where_it_was() {
        let tree = Tree::new(1, changes([row(1, 10.0, 0, 0, false), row(2, 20.0, 0, 0, false)], &[]));
        let (old, new) = ([BoundingBox::new(10.2, 0.2, 10.4, 0.4)], [BoundingBox::new(50.2, 0.2, 50.4, 0.4)]);
        assert_eq!(keys(&tree, &old, &[], Status::Active, None), [1]);
        let tree = tree.advance(2, changes([row(1, 50.0, 0, 0, false)], &[]));
        assert!(keys(&tree, &old, &[], Status::All, None).is_empty());
        assert_eq!(keys(&tree, &new, &[], Status::Active, None), [1]);
        let tree = tree.advance(3, changes([row(1, 50.0, 0, 0, true)], &[]));
        assert!(keys(&tree, &new, &[], Status::Active, None).is_empty());
        assert_eq!(keys(&tree, &new, &[], Status::Archived, None), [1]);
        let gone = tree.advance(4, changes([], &[1]));
        assert!(keys(&gone, &new, &[], Status::All, None).is_empty());
        assert_eq!(keys(&tree, &new, &[], Status::All, None), [1], "what another search holds stays as it is");
    }

    #[test]
    fn many_small_changes_are_packed_and_nothing_is_lost() {
        let mut tree = Tree::new(1, changes([], &[]));
        for key in 0..3000_i32 {
            let row = row(key.into(), f64::from(key % 100), i64::from(key % 7), 0, false);
            tree = tree.advance(i64::from(key) + 2, changes([row], &[]));
            assert!(tree.runs.len() < 12, "{} runs", tree.runs.len());
        }
        let mut all = keys(&tree, &[], &[], Status::Active, None);
        all.sort_unstable();
        assert_eq!(all, (0..3000).collect::<Vec<_>>());
    }

    proptest! {
        /// A tree after any changes says what a plain list says, with and without a limit.
        #[test]
        fn a_tree_says_what_a_list_says(
            first in proptest::collection::vec((0..300_i64, 0..170_i32, 0..40_i64, 0..4_i64, any::<bool>()), 0..400),
            later in proptest::collection::vec(
                (proptest::collection::vec((0..300_i64, 0..170_i32, 0..40_i64, 0..4_i64, any::<bool>()), 0..40),
                 proptest::collection::vec(0..300_i64, 0..8)), 0..6),
            (west, width) in (0..170_i32, 0..60_i32),
            (day, days) in (0..40_i64, 0..20_i64),
            limit in 1..12_usize,
        ) {
            let mut list: BTreeMap<i64, BoxRow> = BTreeMap::new();
            let make = |(key, west, day, length, archived): (i64, i32, i64, i64, bool)| {
                row(key, f64::from(west), day, length * DAY * 5 / 2, archived)
            };
            list.extend(first.into_iter().map(make).map(|row| (row.key, row)));
            let mut tree = Tree::new(1, changes(list.values().cloned(), &[]));
            for (rows, gone) in later {
                let rows: BTreeMap<i64, BoxRow> = rows.into_iter().map(make).map(|row| (row.key, row)).collect();
                let gone: Vec<i64> = gone.into_iter().filter(|key| !rows.contains_key(key)).collect();
                list.retain(|key, _| !gone.contains(key));
                list.extend(rows.clone());
                tree = tree.advance(tree.version + 1, changes(rows.into_values(), &gone));
            }
            let area = BoundingBox::new(west.into(), 0.5, (west + width).into(), 0.6);
            let times = [Micros { begin: day * DAY, end: (day + days) * DAY }];
            for status in [Status::Active, Status::Archived, Status::All] {
                for (boxes, times) in [(&[area][..], &times[..]), (&[], &times[..]), (&[area], &[]), (&[], &[])] {
                    let mut expected: Vec<_> = list
                        .values()
                        .filter(|row| {
                            (boxes.is_empty() || row.boxes[0].touches(area))
                                && (times.is_empty() || row.time.overlaps(times[0]))
                                && (status == Status::All || row.archived == (status == Status::Archived))
                        })
                        .map(|row| (row.center, row.id, row.key))
                        .collect();
                    expected.sort_unstable();
                    let expected: Vec<i64> = expected.into_iter().map(|(_, _, key)| key).collect();
                    prop_assert_eq!(&keys(&tree, boxes, times, status, None), &expected);
                    if boxes.is_empty() {
                        let first = &expected[..limit.min(expected.len())];
                        prop_assert_eq!(&keys(&tree, boxes, times, status, Some(limit)), first);
                    }
                }
            }
        }
    }
}
