//! Trees of lineage.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::{DEEPEST, Direction, Fact, MOST_DATASETS, edges_of, too_much};
use crate::Result;
use crate::rows::LineageRow;
use crate::store::Transaction;

/// A dataset with what it was made from, or with what was made from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineageTree {
    /// The dataset.
    pub id: Uuid,
    /// Its product; `None` where the dataset is not in this catalog.
    pub product: Option<String>,
    /// Whether it is archived.
    pub archived: bool,
    /// The name of the catalog where it is at home, where one was given.
    pub home: Option<String>,
    /// Whether the children are all that there is.
    pub below: Below,
    /// The datasets one step further, by classifier and then id.
    pub children: BTreeMap<String, Vec<LineageTree>>,
}

/// What the tree says below a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Below {
    /// Everything: where there are no children there is no lineage.
    Everything,
    /// Nothing, because the tree ends at this depth: there is more.
    Deeper,
    /// Nothing, because the dataset has its children at another place of the tree.
    Elsewhere,
    /// Nothing, because the dataset stands above itself: its lineage is a circle.
    Circle,
}

impl LineageTree {
    /// Its datasets, each once, nearest to the root first.
    #[must_use]
    pub fn ids(&self) -> Vec<Uuid> {
        let mut seen = std::collections::HashSet::new();
        let mut ids = Vec::new();
        let mut level = vec![self];
        while !level.is_empty() {
            ids.extend(level.iter().map(|tree| tree.id).filter(|id| seen.insert(*id)));
            level = level.into_iter().flat_map(|tree| tree.children.values().flatten()).collect();
        }
        ids
    }
}

/// A tree as it grows: nodes in the order of their levels.
pub(super) struct Grown {
    nodes: Vec<Node>,
}

struct Node {
    id: Uuid,
    classifier: String,
    /// The node above; the root is its own.
    parent: usize,
    below: Below,
    /// Its children, as a range of the nodes.
    children: std::ops::Range<usize>,
}

impl Node {
    fn new(id: Uuid, classifier: String, parent: usize) -> Self {
        Self { id, classifier, parent, below: Below::Everything, children: 0..0 }
    }
}

/// Grows the tree of a dataset level by level, so that each dataset has its children where it is nearest to the root.
pub(super) async fn grow(
    transaction: &mut dyn Transaction,
    id: Uuid,
    direction: Direction,
    max_depth: Option<usize>,
) -> Result<Grown> {
    let deepest = max_depth.unwrap_or(DEEPEST).min(DEEPEST);
    let mut nodes = vec![Node::new(id, String::new(), 0)];
    // Where each dataset has its children.
    let mut place = HashMap::from([(id, 0)]);
    let mut level = vec![0];
    for depth in 0..=deepest {
        let ids: Vec<Uuid> = level.iter().map(|node: &usize| nodes[*node].id).collect();
        let mut edges: HashMap<Uuid, Vec<LineageRow>> = HashMap::new();
        for edge in edges_of(transaction, &ids, direction).await? {
            edges.entry(direction.start(&edge)).or_default().push(edge);
        }
        if edges.is_empty() {
            break;
        }
        let mut next = Vec::new();
        for at in std::mem::take(&mut level) {
            let Some(mut edges) = edges.remove(&nodes[at].id) else { continue };
            if depth == deepest {
                nodes[at].below = Below::Deeper;
                continue;
            }
            edges.sort_by(|a, b| (&a.classifier, direction.end(a)).cmp(&(&b.classifier, direction.end(b))));
            let first = nodes.len();
            for edge in edges {
                let child = direction.end(&edge);
                let mut node = Node::new(child, edge.classifier, at);
                if let Entry::Vacant(slot) = place.entry(child) {
                    slot.insert(nodes.len());
                    next.push(nodes.len());
                } else {
                    node.below = if is_above(&nodes, at, child) { Below::Circle } else { Below::Elsewhere };
                }
                nodes.push(node);
            }
            nodes[at].children = first..nodes.len();
            if nodes.len() > MOST_DATASETS {
                return Err(too_much(&[id]));
            }
        }
        level = next;
    }
    // What has nothing below it elsewhere has nothing here either.
    for at in 0..nodes.len() {
        if nodes[at].below == Below::Elsewhere {
            let there = &nodes[place[&nodes[at].id]];
            if there.children.is_empty() {
                nodes[at].below = there.below;
            }
        }
    }
    Ok(Grown { nodes })
}

/// Whether a dataset is this node or stands above it.
fn is_above(nodes: &[Node], mut at: usize, id: Uuid) -> bool {
    loop {
        if nodes[at].id == id {
            return true;
        }
        if at == 0 {
            return false;
        }
        at = nodes[at].parent;
    }
}

impl Grown {
    /// Its datasets, each once.
    pub(super) fn ids(&self) -> impl Iterator<Item = Uuid> {
        let mut seen = std::collections::HashSet::with_capacity(self.nodes.len());
        self.nodes.iter().map(|node| node.id).filter(move |id| seen.insert(*id))
    }

    /// The tree, with what is known of its datasets.
    pub(super) fn into_tree(self, facts: &HashMap<Uuid, Fact>, homes: &HashMap<Uuid, String>) -> LineageTree {
        // From the last node to the root: the children of a node are whole when its turn comes.
        let mut trees: Vec<Option<LineageTree>> = Vec::new();
        trees.resize_with(self.nodes.len(), || None);
        for at in (1..self.nodes.len()).rev() {
            trees[at] = Some(self.branch(at, &mut trees, facts, homes));
        }
        self.branch(0, &mut trees, facts, homes)
    }

    fn branch(
        &self,
        at: usize,
        trees: &mut [Option<LineageTree>],
        facts: &HashMap<Uuid, Fact>,
        homes: &HashMap<Uuid, String>,
    ) -> LineageTree {
        let node = &self.nodes[at];
        let mut children: BTreeMap<String, Vec<LineageTree>> = BTreeMap::new();
        for child in node.children.clone() {
            let classifier = self.nodes[child].classifier.clone();
            children.entry(classifier).or_default().extend(trees[child].take());
        }
        let fact = facts.get(&node.id);
        LineageTree {
            id: node.id,
            product: fact.map(|fact| fact.product.clone()),
            archived: fact.is_some_and(|fact| fact.archived.is_some()),
            home: homes.get(&node.id).cloned(),
            below: node.below,
            children,
        }
    }
}
