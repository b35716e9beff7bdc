//! Lineage as a document: ODC's form of a tree, an EO3 document's `lineage`, or a list of edges.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Below, Direction, Lineage, LineageEdge, LineageTree};
use crate::{CatalogError, Result};

/// The keys under which a tree has its children, with their direction; the first is ODC's.
const CHILDREN: [(&str, Direction); 4] = [
    ("sources", Direction::Sources),
    ("derivations", Direction::Derived),
    ("derived", Direction::Derived),
    ("lineage", Direction::Sources),
];

impl Lineage {
    /// The edges and homes that a document says. It is one of these, or a list of them:
    ///
    /// - a tree, as `datacube` writes it: `id`, `home` where there is one, and `sources` or `derivations` by classifier,
    ///   whose items are trees again, or ids;
    /// - a dataset document, or its `id` and `lineage` alone;
    /// - an edge: `derived`, `classifier` and `source`.
    ///
    /// Of trees only the first `max_depth` levels of edges count (`None`: all). `place` names the document in errors.
    ///
    /// # Errors
    /// Where it is none of these, an id is no UUID, or it says nothing.
    pub fn from_document(document: &Value, place: &str, max_depth: Option<usize>) -> Result<Self> {
        let mut lineage = Self::default();
        let mut reader = Reader { lineage: &mut lineage, place };
        match document {
            Value::Array(items) => items.iter().try_for_each(|item| reader.item(item, max_depth))?,
            one => reader.item(one, max_depth)?,
        }
        if lineage.edges.is_empty() && lineage.homes.is_empty() {
            return Err(fault(
                place,
                "it says no lineage: expected `sources`, `derivations` or `lineage`, by classifier",
            ));
        }
        Ok(lineage)
    }
}

struct Reader<'a> {
    lineage: &'a mut Lineage,
    place: &'a str,
}

impl Reader<'_> {
    fn item(&mut self, item: &Value, max_depth: Option<usize>) -> Result<()> {
        match item.as_object() {
            Some(map) if map.contains_key("classifier") => self.edge(map),
            Some(map) => self.tree(map, max_depth).map(drop),
            None => Err(fault(self.place, format!("expected a tree or an edge, got {}", kind(item)))),
        }
    }

    fn edge(&mut self, map: &Map<String, Value>) -> Result<()> {
        let id = |key: &str| match map.get(key) {
            Some(value) => self.id(value),
            None => Err(fault(self.place, format!("an edge with `classifier` needs `{key}`, the id of a dataset"))),
        };
        let edge = LineageEdge { derived: id("derived")?, classifier: self.classifier(map)?, source: id("source")? };
        self.lineage.edges.push(edge);
        Ok(())
    }

    fn classifier(&self, map: &Map<String, Value>) -> Result<String> {
        let text = map.get("classifier").and_then(Value::as_str);
        text.map(str::to_owned).ok_or_else(|| fault(self.place, "`classifier` must be text, such as level1"))
    }

    /// Takes a tree in and answers its root.
    fn tree(&mut self, map: &Map<String, Value>, max_depth: Option<usize>) -> Result<Uuid> {
        let Some(id) = map.get("id") else {
            return Err(fault(self.place, "a tree of lineage needs `id`, the id of its dataset"));
        };
        let id = self.id(id)?;
        match map.get("home") {
            None | Some(Value::Null) => {}
            Some(Value::String(home)) => {
                let known = self.lineage.homes.entry(id).or_insert_with(|| home.clone());
                if known != home {
                    let (first, second) = (known.clone(), home.clone());
                    return Err(CatalogError::HomeContradicts { id, first, second });
                }
            }
            Some(other) => return Err(fault(self.place, format!("`home` must be text, got {}", kind(other)))),
        }
        if max_depth == Some(0) {
            return Ok(id);
        }
        for (key, direction) in CHILDREN {
            let Some(children) = map.get(key).filter(|children| !children.is_null()) else { continue };
            let Some(children) = children.as_object() else {
                return Err(fault(
                    self.place,
                    format!("`{key}` of {id} must map classifiers to lists of ids or trees"),
                ));
            };
            for (classifier, list) in children {
                let Some(list) = list.as_array() else {
                    return Err(fault(
                        self.place,
                        format!("`{key}.{classifier}` of {id} must be a list of ids or trees"),
                    ));
                };
                for child in list {
                    let child = match child.as_object() {
                        Some(tree) => self.tree(tree, max_depth.map(|depth| depth - 1))?,
                        None => self.id(child)?,
                    };
                    let (derived, source) = if direction == Direction::Sources { (id, child) } else { (child, id) };
                    self.lineage.edges.push(LineageEdge { derived, classifier: classifier.clone(), source });
                }
            }
        }
        Ok(id)
    }

    fn id(&self, value: &Value) -> Result<Uuid> {
        let parsed = value.as_str().and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| fault(self.place, format!("{value} is not the id of a dataset: expected a UUID")))
    }
}

fn fault(place: &str, reason: impl Into<String>) -> CatalogError {
    CatalogError::LineageDocument { place: place.to_owned(), reason: reason.into() }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) | Value::Number(_) | Value::String(_) => "a single value",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

impl LineageTree {
    /// The tree as a document: what `datacube` writes (`id`, `home`, `sources` or `derivations` by classifier), and
    /// `product`, `archived` and, where children are left out, `below`. [`Lineage::from_document`] reads it.
    #[must_use]
    pub fn to_document(&self, direction: Direction) -> Value {
        let mut map = Map::new();
        map.insert("id".to_owned(), json!(self.id));
        if let Some(product) = &self.product {
            map.insert("product".to_owned(), json!(product));
            map.insert("archived".to_owned(), json!(self.archived));
        }
        if let Some(home) = &self.home {
            map.insert("home".to_owned(), json!(home));
        }
        let below = match self.below {
            Below::Everything => None,
            Below::Deeper => Some("deeper"),
            Below::Elsewhere => Some("elsewhere"),
            Below::Circle => Some("circle"),
        };
        if let Some(below) = below {
            map.insert("below".to_owned(), json!(below));
        }
        let trees = |children: &Vec<Self>| children.iter().map(|child| child.to_document(direction)).collect();
        let children: Map<String, Value> =
            self.children.iter().map(|(classifier, children)| (classifier.clone(), trees(children))).collect();
        if below.is_none() {
            let key = if direction == Direction::Sources { "sources" } else { "derivations" };
            map.insert(key.to_owned(), Value::Object(children));
        }
        Value::Object(map)
    }

    /// Its edges and homes; of `max_depth` levels only, where that is given.
    #[must_use]
    pub fn lineage(&self, direction: Direction, max_depth: Option<usize>) -> Lineage {
        let mut lineage = Lineage::default();
        let mut level = vec![self];
        let mut depth = 0;
        while !level.is_empty() {
            let homes = level.iter().filter_map(|tree| Some((tree.id, tree.home.clone()?)));
            lineage.homes.extend(homes);
            if max_depth.is_some_and(|most| depth >= most) {
                break;
            }
            let mut next = Vec::new();
            for tree in level {
                for (classifier, children) in &tree.children {
                    for child in children {
                        let ends = (tree.id, child.id);
                        let (derived, source) = if direction == Direction::Sources { ends } else { (ends.1, ends.0) };
                        lineage.edges.push(LineageEdge { derived, classifier: classifier.clone(), source });
                        next.push(child);
                    }
                }
            }
            level = next;
            depth += 1;
        }
        lineage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn edge(derived: u128, classifier: &str, source: u128) -> LineageEdge {
        LineageEdge { derived: id(derived), classifier: classifier.to_owned(), source: id(source) }
    }

    fn read(document: &Value) -> std::result::Result<Lineage, String> {
        Lineage::from_document(document, "lineage.yaml", None).map_err(|e| e.to_string())
    }

    fn edges(document: &Value) -> Vec<LineageEdge> {
        let mut edges = read(document).unwrap().edges;
        edges.sort();
        edges
    }

    #[test]
    fn trees_datasets_and_edges_are_read() {
        let tree = json!({"id": id(1), "sources": {
            "ard": [{"id": id(2), "home": "north", "sources": {"level1": [id(3)]}}, id(4)]}});
        assert_eq!(edges(&tree), [edge(1, "ard", 2), edge(1, "ard", 4), edge(2, "level1", 3)]);
        assert_eq!(read(&tree).unwrap().homes[&id(2)], "north");
        let derived = json!({"id": id(1), "derivations": {"fc": [{"id": id(2), "derivations": {}}]}});
        assert_eq!(edges(&derived), [edge(2, "fc", 1)]);
        let dataset = json!({"$schema": "x", "id": id(1), "properties": {}, "lineage": {"level1": [id(2)]}});
        assert_eq!(edges(&dataset), [edge(1, "level1", 2)]);
        let list = json!([{"derived": id(1), "classifier": "a", "source": id(2)}, tree]);
        assert_eq!(edges(&list).len(), 4);
    }

    #[test]
    fn deeper_levels_can_be_left_out() {
        let tree = json!({"id": id(1), "sources": {"a": [{"id": id(2), "home": "n", "sources": {"b": [id(3)]}}]}});
        let one = Lineage::from_document(&tree, "x", Some(1)).unwrap();
        assert_eq!((one.edges, one.homes.len()), (vec![edge(1, "a", 2)], 1));
    }

    #[test]
    fn what_is_no_lineage_is_refused_with_its_place() {
        for (document, words) in [
            (json!({"id": id(1)}), "says no lineage"),
            (json!({"id": "7", "sources": {}}), "\"7\" is not the id"),
            (json!({"sources": {"a": [id(1)]}}), "needs `id`"),
            (json!({"id": id(1), "sources": [id(2)]}), "must map classifiers"),
            (json!({"id": id(1), "sources": {"a": id(2)}}), "`sources.a`"),
            (json!({"classifier": "a", "derived": id(1)}), "needs `source`"),
            (json!({"classifier": 1, "derived": id(1), "source": id(2)}), "must be text"),
            (json!([1]), "got a single value"),
            (json!({"id": id(1), "home": 3, "sources": {}}), "`home` must be text"),
        ] {
            let error = read(&document).unwrap_err();
            assert!(error.contains(words) && error.contains("lineage.yaml"), "{document}: {error}");
        }
        let homes = json!({"id": id(1), "home": "a", "sources": {"a": [{"id": id(1), "home": "b"}]}});
        assert!(read(&homes).unwrap_err().contains("\"a\""));
    }

    #[test]
    fn a_tree_reads_as_it_was_written() {
        let leaf = |n, below| LineageTree {
            id: id(n),
            product: (n == 3).then(|| "lake".to_owned()),
            archived: n == 3,
            home: (n == 2).then(|| "north".to_owned()),
            below,
            children: std::collections::BTreeMap::new(),
        };
        let mut tree = leaf(1, Below::Everything);
        tree.children.insert("a".to_owned(), vec![leaf(2, Below::Everything), leaf(3, Below::Deeper)]);
        tree.children.insert("b".to_owned(), vec![leaf(4, Below::Elsewhere)]);
        for direction in [Direction::Sources, Direction::Derived] {
            let document = tree.to_document(direction);
            assert_eq!(read(&document).unwrap(), tree.lineage(direction, None), "{document}");
        }
        let document = tree.to_document(Direction::Sources);
        assert_eq!(document["sources"]["a"][1]["below"], "deeper");
        assert_eq!(document["sources"]["a"][1]["archived"], true);
        assert_eq!(tree.lineage(Direction::Sources, Some(0)), Lineage::default());
        assert_eq!(tree.ids(), [id(1), id(2), id(3), id(4)]);
    }
}
