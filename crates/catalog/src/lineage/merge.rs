//! What a merge of lineage changes, and what it refuses. No database here.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::{Lineage, home_rows};
use crate::rows::{HomeRow, LineageRow};
use crate::{CatalogError, Result};

/// How lineage is merged into the catalog.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MergeOptions {
    /// Another classifier or home than the one that is there takes its place, instead of being refused.
    pub allow_updates: bool,
    /// Check everything, write nothing.
    pub dry_run: bool,
}

/// What a merge of lineage did, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MergeReport {
    /// Edges that were not there.
    pub added: usize,
    /// Edges that got another classifier.
    pub changed: usize,
    /// Edges that were there.
    pub present: usize,
    /// Homes that were set or changed.
    pub homes: usize,
}

/// Lineage that does not contradict itself.
pub(super) struct Merge {
    /// The classifier of each pair of derived dataset and source.
    edges: BTreeMap<(Uuid, Uuid), String>,
    homes: BTreeMap<Uuid, String>,
}

/// What a merge writes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) put: Vec<LineageRow>,
    pub(super) remove: Vec<LineageRow>,
    pub(super) homes: Vec<HomeRow>,
    pub(super) report: MergeReport,
}

impl Changes {
    pub(super) const fn is_empty(&self) -> bool {
        self.put.is_empty() && self.remove.is_empty() && self.homes.is_empty()
    }
}

impl Merge {
    /// # Errors
    /// Where a pair of datasets has two classifiers, or an edge, classifier or home is none.
    pub(super) fn of(lineage: &Lineage) -> Result<Self> {
        let mut edges: BTreeMap<(Uuid, Uuid), String> = BTreeMap::new();
        for edge in &lineage.edges {
            let (derived, source) = (edge.derived, edge.source);
            if edge.classifier.is_empty() {
                return Err(CatalogError::LineageEmpty { id: derived, what: "a classifier" });
            }
            if derived == source {
                return Err(CatalogError::LineageCircle { derived, source_dataset: source });
            }
            let first = edges.entry((derived, source)).or_insert_with(|| edge.classifier.clone());
            if *first != edge.classifier {
                return Err(CatalogError::LineageContradicts {
                    derived,
                    source_dataset: source,
                    first: first.clone(),
                    second: edge.classifier.clone(),
                });
            }
        }
        if let Some((id, _)) = lineage.homes.iter().find(|(_, home)| home.is_empty()) {
            return Err(CatalogError::LineageEmpty { id: *id, what: "a home" });
        }
        Ok(Self { edges, homes: lineage.homes.clone() })
    }

    /// The derived datasets of its edges.
    pub(super) fn derived(&self) -> Vec<Uuid> {
        let mut ids: Vec<Uuid> = self.edges.keys().map(|(derived, _)| *derived).collect();
        ids.dedup();
        ids
    }

    /// The datasets whose home it says.
    pub(super) fn with_home(&self) -> Vec<Uuid> {
        self.homes.keys().copied().collect()
    }

    /// What has to be written where these edges and homes are there.
    ///
    /// # Errors
    /// Where something is there with another classifier or home, and `allow_updates` is not set.
    pub(super) fn into_changes(
        self,
        there: Vec<LineageRow>,
        homes: &HashMap<Uuid, String>,
        allow_updates: bool,
    ) -> Result<Changes> {
        let mut known: HashMap<(Uuid, Uuid), Vec<LineageRow>> = HashMap::new();
        for edge in there {
            known.entry((edge.derived, edge.source)).or_default().push(edge);
        }
        let mut changes = Changes::default();
        for ((derived, source), classifier) in self.edges {
            let before = known.remove(&(derived, source)).unwrap_or_default();
            // A document may say two edges of one pair: any of them will do.
            if before.iter().any(|edge| edge.classifier == classifier) {
                changes.report.present += 1;
                continue;
            }
            if let Some(other) = before.first() {
                if !allow_updates {
                    return Err(CatalogError::LineageDiffers {
                        derived,
                        source_dataset: source,
                        there: other.classifier.clone(),
                        given: classifier,
                    });
                }
                changes.report.changed += 1;
            } else {
                changes.report.added += 1;
            }
            changes.remove.extend(before);
            changes.put.push(LineageRow { derived, classifier, source });
        }
        let homes = changed_homes(self.homes, homes, allow_updates)?;
        changes.report.homes = homes.len();
        changes.homes = homes;
        Ok(changes)
    }
}

/// The homes that differ from those that are there.
///
/// # Errors
/// Where a dataset has another home, and `allow_updates` is not set.
pub(super) fn changed_homes(
    given: impl IntoIterator<Item = (Uuid, String)>,
    there: &HashMap<Uuid, String>,
    allow_updates: bool,
) -> Result<Vec<HomeRow>> {
    let mut changed = Vec::new();
    for (id, home) in given {
        match there.get(&id) {
            Some(same) if *same == home => {}
            Some(other) if !allow_updates => {
                return Err(CatalogError::HomeDiffers { id, there: other.clone(), given: home });
            }
            _ => changed.push((id, home)),
        }
    }
    Ok(home_rows(changed))
}

#[cfg(test)]
mod tests {
    use super::super::LineageEdge;
    use super::*;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn lineage(edges: &[(u128, &str, u128)]) -> Lineage {
        let edge = |(derived, classifier, source): &(u128, &str, u128)| LineageEdge {
            derived: id(*derived),
            classifier: (*classifier).to_owned(),
            source: id(*source),
        };
        Lineage { edges: edges.iter().map(edge).collect(), homes: BTreeMap::new() }
    }

    fn rows(edges: &[(u128, &str, u128)]) -> Vec<LineageRow> {
        lineage(edges).edges.iter().map(LineageRow::from).collect()
    }

    fn merge(
        given: &[(u128, &str, u128)],
        there: &[(u128, &str, u128)],
        allow_updates: bool,
    ) -> std::result::Result<Changes, String> {
        let merge = Merge::of(&lineage(given)).map_err(|e| e.to_string())?;
        merge.into_changes(rows(there), &HashMap::new(), allow_updates).map_err(|e| e.to_string())
    }

    #[test]
    fn only_what_is_not_there_is_put() {
        let changes = merge(&[(1, "a", 2), (1, "a", 3), (1, "a", 2)], &[(1, "a", 2), (1, "b", 9)], false).unwrap();
        assert_eq!(changes.put, rows(&[(1, "a", 3)]));
        assert!(changes.remove.is_empty());
        assert_eq!(changes.report, MergeReport { added: 1, present: 1, ..MergeReport::default() });
    }

    #[test]
    fn another_classifier_is_refused_or_takes_the_place() {
        let error = merge(&[(1, "b", 2)], &[(1, "a", 2)], false).unwrap_err();
        assert!(error.contains("\"a\"") && error.contains("\"b\""), "{error}");
        let changes = merge(&[(1, "b", 2)], &[(1, "a", 2), (1, "c", 2)], true).unwrap();
        assert_eq!((changes.put, changes.remove), (rows(&[(1, "b", 2)]), rows(&[(1, "a", 2), (1, "c", 2)])));
        assert_eq!(changes.report.changed, 1);
        let one_of_two = merge(&[(1, "c", 2)], &[(1, "a", 2), (1, "c", 2)], false).unwrap();
        assert_eq!(one_of_two.report.present, 1, "a document says both");
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        assert!(merge(&[(1, "a", 2), (1, "b", 2)], &[], true).unwrap_err().contains("\"a\""));
        assert!(merge(&[(1, "a", 1)], &[], true).unwrap_err().contains("circle"));
        assert!(merge(&[(1, "", 2)], &[], true).unwrap_err().contains("classifier"));
        let homeless = Lineage { edges: vec![], homes: BTreeMap::from([(id(1), String::new())]) };
        assert!(Merge::of(&homeless).is_err());
    }

    #[test]
    fn homes_change_by_leave_only() {
        let there = HashMap::from([(id(1), "here".to_owned()), (id(2), "here".to_owned())]);
        let given = [(id(1), "here".to_owned()), (id(2), "there".to_owned()), (id(3), "there".to_owned())];
        let error = changed_homes(given.clone(), &there, false).unwrap_err().to_string();
        assert!(error.contains("\"here\"") && error.contains("\"there\""), "{error}");
        let changed = changed_homes(given, &there, true).unwrap();
        assert_eq!(changed.iter().map(|row| row.dataset).collect::<Vec<_>>(), [id(2), id(3)]);
    }
}
