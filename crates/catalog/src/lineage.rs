//! Lineage: which dataset was made from which, and where datasets are at home.
//!
//! An edge goes from a derived dataset to a source, with a classifier. Documents bring edges with them; others are added
//! by themselves (*external* lineage), and neither end of an edge need be in this catalog.

mod circle;
mod document;
mod homes;
mod merge;
mod tree;

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use uuid::Uuid;

use crate::definitions::Definitions;
use crate::rows::{HomeRow, LineageRow};
use crate::store::Transaction;
use crate::{Catalog, CatalogError, Result};

pub use merge::{MergeOptions, MergeReport};
pub use tree::{Below, LineageTree};

/// Most datasets that one tree holds, or that one change of the lineage looks at.
pub(crate) const MOST_DATASETS: usize = 100_000;

/// Deepest level of a tree, so that walking through it by recursion is safe.
const DEEPEST: usize = 200;

/// Ids that one statement asks for.
const TOGETHER: usize = 1000;

/// Which way lineage is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the datasets that a dataset was made from.
    Sources,
    /// To the datasets that were made from it.
    Derived,
}

impl Direction {
    /// The end of an edge that lies this way.
    fn end(self, edge: &LineageRow) -> Uuid {
        if self == Self::Derived { edge.derived } else { edge.source }
    }

    /// The end of an edge that it starts from.
    fn start(self, edge: &LineageRow) -> Uuid {
        if self == Self::Derived { edge.source } else { edge.derived }
    }
}

/// One edge: `derived` was made from `source`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineageEdge {
    /// The dataset that was made.
    pub derived: Uuid,
    /// What the source was to it, such as `level1`.
    pub classifier: String,
    /// The dataset that it was made from.
    pub source: Uuid,
}

/// Edges and homes, as somebody says them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lineage {
    /// Which dataset was made from which.
    pub edges: Vec<LineageEdge>,
    /// The name of the catalog where a dataset is at home.
    pub homes: BTreeMap<Uuid, String>,
}

impl From<LineageRow> for LineageEdge {
    fn from(row: LineageRow) -> Self {
        Self { derived: row.derived, classifier: row.classifier, source: row.source }
    }
}

impl From<&LineageEdge> for LineageRow {
    fn from(edge: &LineageEdge) -> Self {
        Self { derived: edge.derived, classifier: edge.classifier.clone(), source: edge.source }
    }
}

impl Catalog {
    /// The tree of the datasets that this one was made from, or that were made from it, level by level down to
    /// `max_depth` (0: only the dataset itself; `None`: all, at most 200 levels). The dataset need not be in this catalog.
    ///
    /// A dataset that is reached on several ways has its children where it is nearest to the root; circles end where
    /// they close ([`Below`] tells).
    ///
    /// # Errors
    /// Where the tree would hold more than 100,000 datasets.
    pub async fn lineage_tree(&self, id: Uuid, direction: Direction, max_depth: Option<usize>) -> Result<LineageTree> {
        let (mut transaction, definitions) = self.read().await?;
        let grown = tree::grow(&mut *transaction, id, direction, max_depth).await?;
        let ids: Vec<Uuid> = grown.ids().collect();
        let facts = facts(&mut *transaction, &definitions, &ids).await?;
        let homes = homes::of(&mut *transaction, &ids).await?;
        Ok(grown.into_tree(&facts, &homes))
    }

    /// The edges that end (`Sources`) or start (`Derived`) at these datasets: what one step from them finds, by
    /// (derived, classifier, source).
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn lineage_edges(&self, ids: &[Uuid], direction: Direction) -> Result<Vec<LineageEdge>> {
        let (mut transaction, _) = self.read().await?;
        Ok(edges_of(&mut *transaction, ids, direction).await?.into_iter().map(LineageEdge::from).collect())
    }

    /// Adds edges and homes whose datasets need not be in this catalog, consistently with what is there: two datasets
    /// have one edge, a dataset has one home, and nothing is made from itself, through whatever other datasets. With
    /// [`MergeOptions::allow_updates`] another classifier or home takes the place of the one that is there; a circle is
    /// refused always. All or nothing.
    ///
    /// # Errors
    /// Where what is given contradicts itself or, without leave to update, the catalog; where it would close a circle;
    /// where more than 100,000 datasets would have to be looked at.
    pub async fn merge_lineage(&self, lineage: &Lineage, options: MergeOptions) -> Result<MergeReport> {
        // Nobody else writes meanwhile: what is checked holds when it is written.
        let (mut transaction, _) = if options.dry_run { self.read().await? } else { self.define().await? };
        let merge = merge::Merge::of(lineage)?;
        let there = edges_of(&mut *transaction, &merge.derived(), Direction::Sources).await?;
        let homes = homes::of(&mut *transaction, &merge.with_home()).await?;
        let changes = merge.into_changes(there, &homes, options.allow_updates)?;
        let sources: Vec<Uuid> = changes.put.iter().map(|edge| edge.source).collect();
        let mut around = closure(&mut *transaction, &sources, Direction::Sources, None).await?.edges;
        around.retain(|edge| !changes.remove.contains(edge));
        if let Some(edge) = circle::closed_by(&changes.put, &around) {
            return Err(CatalogError::LineageCircle { derived: edge.derived, source_dataset: edge.source });
        }
        if !options.dry_run && !changes.is_empty() {
            transaction.remove_lineage(&changes.remove).await?;
            transaction.put_lineage(&changes.put).await?;
            transaction.put_homes(&changes.homes).await?;
            transaction.commit().await?;
        }
        Ok(changes.report)
    }

    /// Removes the edges of a dataset in one direction, down to `max_depth` levels (`None`: all), and answers how many.
    /// Homes stay. An edge that the document of a dataset says is removed too; indexing another version of that document
    /// brings it back.
    ///
    /// # Errors
    /// Where it would be the edges of more than 100,000 datasets.
    pub async fn remove_lineage(&self, id: Uuid, direction: Direction, max_depth: Option<usize>) -> Result<usize> {
        let (mut transaction, _) = self.define().await?;
        let edges = closure(&mut *transaction, &[id], direction, max_depth).await?.edges;
        if !edges.is_empty() {
            transaction.remove_lineage(&edges).await?;
            transaction.commit().await?;
        }
        Ok(edges.len())
    }

    /// Removes these edges, whoever said them, and answers how many there were.
    ///
    /// # Errors
    /// Where the database refuses.
    pub async fn remove_lineage_edges(&self, edges: &[LineageEdge]) -> Result<usize> {
        let (mut transaction, _) = self.define().await?;
        let asked: HashSet<LineageRow> = edges.iter().map(LineageRow::from).collect();
        let derived: Vec<Uuid> = edges.iter().map(|edge| edge.derived).collect();
        let mut there = edges_of(&mut *transaction, &derived, Direction::Sources).await?;
        there.retain(|edge| asked.contains(edge));
        if !there.is_empty() {
            transaction.remove_lineage(&there).await?;
            transaction.commit().await?;
        }
        Ok(there.len())
    }
}

/// What the catalog knows of a dataset beside its document.
#[derive(Debug, Clone)]
pub(crate) struct Fact {
    pub(crate) product: String,
    pub(crate) archived: Option<Timestamp>,
}

/// The facts of those of these datasets that are in the catalog.
async fn facts(
    transaction: &mut dyn Transaction,
    definitions: &Definitions,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Fact>> {
    let mut facts = HashMap::with_capacity(ids.len());
    for some in ids.chunks(TOGETHER) {
        for row in transaction.facts(some, &[]).await? {
            let product = definitions.product_of_key(row.product)?.row.name.clone();
            let archived = row.archived.and_then(|at| Timestamp::from_microsecond(at).ok());
            facts.insert(row.id, Fact { product, archived });
        }
    }
    Ok(facts)
}

/// The edges of these datasets, each once.
async fn edges_of(transaction: &mut dyn Transaction, ids: &[Uuid], direction: Direction) -> Result<Vec<LineageRow>> {
    let mut edges = Vec::new();
    for some in ids.chunks(TOGETHER) {
        edges.extend(transaction.lineage(some, direction == Direction::Derived).await?);
    }
    edges.sort_unstable();
    edges.dedup();
    Ok(edges)
}

/// What can be reached from some datasets.
pub(crate) struct Closure {
    /// The edges on the way.
    pub(crate) edges: Vec<LineageRow>,
    /// The datasets, nearest first, those that it starts from too.
    pub(crate) ids: Vec<Uuid>,
}

/// All that can be reached from these datasets in so many steps.
pub(crate) async fn closure(
    transaction: &mut dyn Transaction,
    from: &[Uuid],
    direction: Direction,
    max_depth: Option<usize>,
) -> Result<Closure> {
    let mut seen = HashSet::with_capacity(from.len());
    let mut ids: Vec<Uuid> = from.iter().copied().filter(|id| seen.insert(*id)).collect();
    // Those that were asked for do not count towards the limit.
    let most = ids.len() + MOST_DATASETS;
    let mut edges = Vec::new();
    let mut level = 0..ids.len();
    let mut depth = 0;
    while !level.is_empty() && max_depth.is_none_or(|most| depth < most) {
        let found = edges_of(transaction, &ids[level.clone()], direction).await?;
        let before = ids.len();
        ids.extend(found.iter().map(|edge| direction.end(edge)).filter(|id| seen.insert(*id)));
        if ids.len() > most {
            return Err(too_much(&ids));
        }
        edges.extend(found);
        level = before..ids.len();
        depth += 1;
    }
    Ok(Closure { edges, ids })
}

fn too_much(ids: &[Uuid]) -> CatalogError {
    CatalogError::TooMuchLineage { id: ids.first().copied().unwrap_or_default(), most: MOST_DATASETS }
}

/// The rows of homes.
fn home_rows(homes: impl IntoIterator<Item = (Uuid, String)>) -> Vec<HomeRow> {
    homes.into_iter().map(|(dataset, home)| HomeRow { dataset, home }).collect()
}
