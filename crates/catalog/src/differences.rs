//! How two documents differ, and which changes of a product are safe.

use serde_json::Value;

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

    fn phrase(&self) -> String {
        let path = if self.path.is_empty() { "the document".to_owned() } else { self.path.join(".") };
        match (&self.was, &self.is) {
            (Some(was), Some(is)) => format!("{path} was {}, is {}", short(was), short(is)),
            (None, Some(is)) => format!("{path} is new: {}", short(is)),
            (Some(was), None) => format!("{path} is gone, it was {}", short(was)),
            (None, None) => path,
        }
    }
}

/// The differences as phrases, the first eight of them.
pub(crate) fn phrases<'a>(differences: impl IntoIterator<Item = &'a Difference>) -> Vec<String> {
    const SHOWN: usize = 8;
    let mut differences = differences.into_iter();
    let mut list: Vec<_> = differences.by_ref().take(SHOWN).map(Difference::phrase).collect();
    let more = differences.count();
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
}
