//! How two documents differ, and which changes of a definition are safe.

use std::fmt;

use serde_json::Value;

/// What a new definition changes of the one that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct DefinitionChanges {
    /// The name of the product or metadata type.
    pub name: String,
    /// The changes, in the order of the documents; none where both say the same.
    pub changes: Vec<DefinitionChange>,
    /// How many datasets there are under it, archived ones counted.
    pub datasets: u64,
}

/// One change of a definition. Shown as a phrase: `description was "a", is "b"`.
#[derive(Debug, Clone, PartialEq)]
pub struct DefinitionChange {
    /// The keys and indexes that lead there, joined by points.
    pub path: String,
    /// What stands there; `None` where nothing does.
    pub was: Option<Value>,
    /// What is to stand there; `None` where it is to go.
    pub is: Option<Value>,
    /// True where no dataset can become wrong by it.
    pub safe: bool,
}

impl DefinitionChanges {
    pub(crate) fn new(name: &str, differences: Vec<Difference>, datasets: u64, safe: fn(&Difference) -> bool) -> Self {
        let change =
            |one: Difference| DefinitionChange { safe: safe(&one), path: one.path.join("."), was: one.was, is: one.is };
        Self { name: name.to_owned(), changes: differences.into_iter().map(change).collect(), datasets }
    }

    /// True where the change is refused without leave: it is not safe, and there are datasets.
    #[must_use]
    pub fn needs_leave(&self) -> bool {
        self.datasets > 0 && self.changes.iter().any(|change| !change.safe)
    }

    /// The changes that are not safe, a phrase each.
    pub(crate) fn risky(&self) -> Vec<String> {
        cut(self.changes.iter().filter(|change| !change.safe).map(ToString::to_string))
    }
}

impl fmt::Display for DefinitionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&phrase(&self.path, self.was.as_ref(), self.is.as_ref()))
    }
}

/// A place where two documents differ.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Difference {
    /// The keys and indexes that lead there.
    path: Vec<String>,
    was: Option<Value>,
    is: Option<Value>,
}

/// Where `new` differs from `old`. The order of keys means nothing. Lists of objects are compared item by item, other
/// lists (coordinates, shapes) are one value.
pub(crate) fn differences(old: &Value, new: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(Some(old), Some(new), &mut Vec::new(), &mut found);
    found
}

fn compare(old: Option<&Value>, new: Option<&Value>, path: &mut Vec<String>, found: &mut Vec<Difference>) {
    let mut inside = |key: String, old: Option<&Value>, new: Option<&Value>| {
        path.push(key);
        compare(old, new, path, found);
        path.pop();
    };
    match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            for (key, value) in old {
                inside(key.clone(), Some(value), new.get(key));
            }
            for (key, value) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
                inside(key.clone(), None, Some(value));
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) if of_objects(old) && of_objects(new) => {
            for i in 0..old.len().max(new.len()) {
                inside(i.to_string(), old.get(i), new.get(i));
            }
        }
        (Some(old), Some(new)) if same(old, new) => {}
        (old, new) => found.push(Difference { path: path.clone(), was: old.cloned(), is: new.cloned() }),
    }
}

fn of_objects(list: &[Value]) -> bool {
    !list.is_empty() && list.iter().all(Value::is_object)
}

/// Equal but for the spelling of numbers.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        _ => a == b,
    }
}

impl Difference {
    /// True where a product may change so without a look at its datasets: ODC's list. A description, a licence and the
    /// metadata type may change; the metadata that a dataset must match may lose terms, which keeps all datasets
    /// matching; old storage hints may go.
    pub(crate) fn is_safe_for_product(&self) -> bool {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match path[..] {
            ["description" | "license" | "metadata_type", ..] => true,
            ["metadata", ..] | ["storage", "chunking" | "driver" | "dimension_order", ..] => self.is.is_none(),
            _ => false,
        }
    }

    /// True where a metadata type may change so without a look at its datasets: ODC's list. The description may change,
    /// and search fields and sections may be added; what is there stays as it is.
    pub(crate) fn is_safe_for_metadata_type(&self) -> bool {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match path[..] {
            ["description", ..] => true,
            ["dataset", "search_fields", _] => self.was.is_none(),
            ["dataset", section] => section != "search_fields" && self.was.is_none(),
            _ => false,
        }
    }

    /// True where a search field of a metadata type changes in what it reads.
    pub(crate) fn is_of_search_fields(&self) -> bool {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match path[..] {
            ["dataset", "search_fields", _, key, ..] => !matches!(key, "description" | "indexed"),
            ["dataset"] | ["dataset", "search_fields", ..] | [] => true,
            _ => false,
        }
    }

    /// The keys and indexes that lead there.
    pub(crate) fn path(&self) -> &[String] {
        &self.path
    }

    /// True where nothing stood there.
    pub(crate) const fn is_new(&self) -> bool {
        self.was.is_none()
    }

    pub(crate) fn phrase(&self) -> String {
        phrase(&self.path.join("."), self.was.as_ref(), self.is.as_ref())
    }
}

fn phrase(path: &str, was: Option<&Value>, is: Option<&Value>) -> String {
    let path = if path.is_empty() { "the document" } else { path };
    match (was, is) {
        (Some(was), Some(is)) => format!("{path} was {}, is {}", short(was), short(is)),
        (None, Some(is)) => format!("{path} is new: {}", short(is)),
        (Some(was), None) => format!("{path} is gone, it was {}", short(was)),
        (None, None) => path.to_owned(),
    }
}

/// The differences as phrases, the first eight of them.
pub(crate) fn phrases<'a>(differences: impl IntoIterator<Item = &'a Difference>) -> Vec<String> {
    cut(differences.into_iter().map(Difference::phrase))
}

/// The first eight of some phrases, and how many more there are.
fn cut(mut phrases: impl Iterator<Item = String>) -> Vec<String> {
    const SHOWN: usize = 8;
    let mut list: Vec<_> = phrases.by_ref().take(SHOWN).collect();
    let more = phrases.count();
    if more > 0 {
        list.push(format!("and {more} more"));
    }
    list
}

/// A value cut to a length that fits a sentence.
fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 { text } else { text.chars().take(57).chain("...".chars()).collect() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn order_of_keys_and_spelling_of_numbers_do_not_differ() {
        assert!(differences(&json!({"a": 1, "b": [2.0, [3]]}), &json!({"b": [2, [3.0]], "a": 1.0})).is_empty());
    }

    #[test]
    fn a_difference_says_where_what_was_and_what_is() {
        let found = differences(&json!({"a": [{"b": 1}], "c": 2}), &json!({"a": [{"b": 3}], "d": "x"}));
        assert_eq!(phrases(&found), ["a.0.b was 1, is 3", "c is gone, it was 2", "d is new: \"x\""]);
    }

    #[test]
    fn long_lists_and_values_are_cut() {
        let found = differences(&json!(vec![json!({"a": 0}); 20]), &json!(vec![json!({"a": 1}); 20]));
        let list = phrases(&found);
        assert_eq!((list.len(), list[8].as_str()), (9, "and 12 more"));
        assert_eq!(short(&json!("ä".repeat(100))).chars().count(), 60);
    }

    #[test]
    fn only_the_listed_changes_of_a_product_are_safe() {
        let old = json!({"description": "a", "license": "x", "metadata": {"product": {"name": "p"}, "properties": {"q": 1}},
            "storage": {"driver": "d", "crs": "EPSG:1"}, "measurements": [{"name": "m", "nodata": 0}]});
        let with = |change: fn(&mut Value)| {
            let mut new = old.clone();
            change(&mut new);
            differences(&old, &new).iter().all(Difference::is_safe_for_product)
        };
        assert!(with(|p| p["description"] = json!("b")));
        assert!(with(|p| {
            p["metadata"].as_object_mut().unwrap().remove("properties");
        }));
        assert!(with(|p| {
            p["storage"].as_object_mut().unwrap().remove("driver");
        }));
        assert!(!with(|p| p["metadata"]["properties"]["q"] = json!(2)), "other datasets would match");
        assert!(!with(|p| p["metadata"]["properties"]["r"] = json!(2)), "fewer datasets would match");
        assert!(!with(|p| p["measurements"][0]["nodata"] = json!(1)));
        assert!(!with(|p| {
            p["storage"].as_object_mut().unwrap().remove("crs");
        }));
    }

    #[test]
    fn a_metadata_type_may_grow_but_not_change() {
        let old = json!({"name": "t", "description": "a", "dataset": {"id": ["id"], "search_fields": {
            "platform": {"offset": ["properties", "eo:platform"], "description": "x"}}}});
        let with = |change: fn(&mut Value)| {
            let mut new = old.clone();
            change(&mut new);
            let found = differences(&old, &new);
            assert!(!found.is_empty());
            let fields = found.iter().any(Difference::is_of_search_fields);
            (found.iter().all(Difference::is_safe_for_metadata_type), fields)
        };
        assert_eq!(with(|t| t["description"] = json!("b")), (true, false));
        assert_eq!(with(|t| t["dataset"]["label"] = json!(["label"])), (true, false));
        assert_eq!(with(|t| t["dataset"]["search_fields"]["gsd"] = json!({"offset": ["gsd"]})), (true, true));
        assert_eq!(with(|t| t["dataset"]["id"] = json!(["uuid"])), (false, false));
        assert_eq!(
            with(|t| t["dataset"]["search_fields"]["platform"]["description"] = json!("y")),
            (false, false),
            "as in ODC, a field stays as it is"
        );
        assert_eq!(with(|t| t["dataset"]["search_fields"]["platform"]["type"] = json!("double")), (false, true));
        assert_eq!(with(|t| t["dataset"]["search_fields"] = json!({})), (false, true));
    }
}
