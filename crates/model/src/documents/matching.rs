//! Which product a dataset belongs to.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::Product;

/// Finds the product of a dataset document: the one whose `metadata` is a part of it. Text is compared without regard
/// to case, as datacube does.
#[derive(Debug, Clone, Default)]
pub struct ProductMatcher {
    products: Vec<Arc<Product>>,
    /// Numbers of the products that ask for a name under `product.name`, by that name in lower case.
    named: HashMap<String, Vec<usize>>,
    /// Numbers of all others.
    unnamed: Vec<usize>,
    /// The product that STAC items are of, whatever their collection is called.
    of_items: Option<String>,
}

impl ProductMatcher {
    /// A matcher over these products.
    #[must_use]
    pub fn new(products: impl IntoIterator<Item = Arc<Product>>) -> Self {
        let mut matcher = Self::default();
        for product in products {
            let number = matcher.products.len();
            match product_name(&product.metadata) {
                Some(name) => matcher.named.entry(name).or_default().push(number),
                None => matcher.unnamed.push(number),
            }
            matcher.products.push(product);
        }
        matcher
    }

    /// Takes STAC items for datasets of this product, whatever their collection is called.
    #[must_use]
    pub fn with_items_of(mut self, product: impl Into<String>) -> Self {
        self.of_items = Some(product.into());
        self
    }

    /// The product that STAC items are taken for.
    #[must_use]
    pub fn items_of(&self) -> Option<&str> {
        self.of_items.as_deref()
    }

    /// All products.
    #[must_use]
    pub fn products(&self) -> &[Arc<Product>] {
        &self.products
    }

    /// The products whose metadata is a part of this dataset document; exactly one where all is well.
    #[must_use]
    pub fn matches(&self, document: &Value) -> Vec<&Product> {
        let named = product_name(document).and_then(|name| self.named.get(&name));
        let candidates = named.into_iter().flatten().chain(&self.unnamed);
        candidates
            .filter_map(|i| self.products.get(*i))
            .filter(|p| contains(document, &p.metadata))
            .map(AsRef::as_ref)
            .collect()
    }

    /// The products in a few words.
    pub(crate) fn listed(&self) -> String {
        match self.products.as_slice() {
            [] => "the products, since there are none".to_owned(),
            few if few.len() <= 5 => {
                let names: Vec<&str> = few.iter().map(|p| p.name.as_str()).collect();
                format!("the products {}", names.join(", "))
            }
            many => format!("the {} products", many.len()),
        }
    }
}

fn product_name(value: &Value) -> Option<String> {
    value.get("product")?.get("name")?.as_str().map(str::to_lowercase)
}

/// True where everything in `part` stands in `whole` too.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, value)| whole.get(key).is_some_and(|w| contains(w, value)))
        }
        (Value::String(a), Value::String(b)) => a == b || a.to_lowercase() == b.to_lowercase(),
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => whole == part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_part_is_found_whatever_its_case() {
        let document = json!({"product": {"name": "EO3_Test", "href": "x"}, "properties": {"n": 1}});
        for part in [json!({}), json!({"product": {"name": "eo3_test"}}), json!({"properties": {"n": 1.0}})] {
            assert!(contains(&document, &part), "{part}");
        }
        for part in [json!({"product": {"name": "eo3"}}), json!({"id": null}), json!({"product": "eo3_test"})] {
            assert!(!contains(&document, &part), "{part}");
        }
    }
}
