//! Each document in `tests/documents/bad` breaks one rule and is refused with the message in the file beside it.
//!
//! `CUBE_WRITE_EXPECTED=1` writes the messages anew; read the difference before you keep it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use cube_model::documents::{DocumentError, ProductMatcher, default_metadata_types, parse};
use cube_model::{Dataset, MetadataType, Product};

/// The products that the datasets may match; two of them cannot be told apart.
fn products() -> ProductMatcher {
    let product = |name: &str, part: &str| {
        let text = format!(
            "name: {name}\ndescription: For tests.\nmetadata_type: eo3\nmetadata: {{product: {{name: {part}}}}}\n\
             measurements: [{{name: red, dtype: uint16, nodata: 0, units: '1'}}]\n"
        );
        Arc::new(Product::from_document(&parse(&text, "test").unwrap()[0]).unwrap())
    };
    ProductMatcher::new([
        product("bad_test", "bad_test"),
        product("twin_a", "twin_test"),
        product("twin_b", "twin_test"),
    ])
}

fn read(name: &str, text: &str, products: &ProductMatcher) -> Result<(), DocumentError> {
    for document in parse(text, &format!("{name}.yaml"))? {
        match name.split('-').next() {
            Some("product" | "measurement" | "extra") => {
                let product = Product::from_document(&document)?;
                let known = default_metadata_types()?;
                product.check_metadata_type(&document, known.iter().map(|m| m.name.as_str()))?;
            }
            Some("metadata") => drop(MetadataType::from_document(&document)?),
            _ => drop(Dataset::from_document(&document, None, products)?),
        }
    }
    Ok(())
}

#[test]
fn bad_documents_are_refused_with_their_message() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/documents/bad");
    let products = products();
    let mut wrong = Vec::new();
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".yaml").map(str::to_owned))
        .collect();
    names.sort();
    for name in &names {
        let text = std::fs::read_to_string(folder.join(format!("{name}.yaml"))).unwrap();
        let message = match read(name, &text, &products) {
            Ok(()) => "accepted".to_owned(),
            Err(error) => error.to_string(),
        };
        let beside = folder.join(format!("{name}.expected"));
        if std::env::var_os("CUBE_WRITE_EXPECTED").is_some() {
            std::fs::write(&beside, format!("{message}\n")).unwrap();
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        if message.trim() != expected.trim() || message == "accepted" {
            wrong.push(format!("{name}\n  expected {expected}\n  got      {message}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(names.len() >= 90, "only {} bad documents", names.len());
}
