//! `cube product` and `cube metadata`.

use std::io::Write;

use cube::{Added, Search};
use serde_json::{Value, json};

use crate::args::{Global, MetadataCommand, ProductCommand};
use crate::output::{Failure, complain, count, print_json, print_table, say};

pub(crate) fn run(global: &Global, command: ProductCommand) -> Result<(), Failure> {
    let dc = super::open(global)?;
    match command {
        ProductCommand::Add { files } => {
            let done = dc.add_products(&files, |name, added| {
                say(
                    global,
                    &match added {
                        Added::New => format!("product {name}: added"),
                        Added::AlreadyThere => format!("product {name}: already there, unchanged"),
                    },
                );
            });
            told(&done)
        }
        ProductCommand::Update { files, allow_unsafe } => {
            let done = dc.update_products(&files, allow_unsafe, |name, changed| {
                say(global, &format!("product {name}: {}", if changed { "updated" } else { "unchanged" }));
            });
            told(&done)
        }
        ProductCommand::Show { names, json } => {
            let products = if names.is_empty() {
                dc.products()?
            } else {
                names.iter().map(|n| Ok(dc.product(n)?)).collect::<Result<_, Failure>>()?
            };
            documents(products.iter().map(|p| p.document.clone()).collect(), json)
        }
        ProductCommand::List(as_json) => {
            let mut rows = Vec::new();
            for product in dc.products()? {
                let count = dc.count(&Search::product(&product.name))?;
                rows.push((product, count));
            }
            if as_json.json {
                return print_json(
                    &rows
                        .iter()
                        .map(|(p, n)| {
                            json!({"name": p.name, "description": p.description, "license": p.license,
                    "datasets": n, "measurements": p.measurements.iter().map(|m| &m.name).collect::<Vec<_>>()})
                        })
                        .collect(),
                );
            }
            let rows = rows.into_iter().map(|(p, n)| {
                let measurements = p.measurements.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(" ");
                vec![p.name.clone(), n.to_string(), measurements, p.description.clone()]
            });
            print_table(&["product", "datasets", "measurements", "description"], rows.collect())
        }
        ProductCommand::Delete { names, force } => {
            for name in names {
                let datasets = dc.delete_product(&name, force)?;
                let with = if datasets == 0 {
                    String::new()
                } else {
                    format!(", and {} with it", count(usize::try_from(datasets).unwrap_or(usize::MAX), "dataset"))
                };
                say(global, &format!("product {name}: deleted{with}"));
            }
            Ok(())
        }
    }
}

pub(crate) fn run_metadata(global: &Global, command: MetadataCommand) -> Result<(), Failure> {
    let dc = super::open(global)?;
    match command {
        MetadataCommand::Add { files } => {
            let done = dc.add_metadata_types(&files, |name, added| {
                say(
                    global,
                    &match added {
                        Added::New => format!("metadata type {name}: added"),
                        Added::AlreadyThere => format!("metadata type {name}: already there, unchanged"),
                    },
                );
            });
            told(&done)
        }
        MetadataCommand::Show { names, json } => {
            let all = dc.metadata_types()?;
            if let Some(missing) = names.iter().find(|n| !all.iter().any(|t| &t.name == *n)) {
                let there = all.iter().map(|t| t.name.as_str()).collect::<Vec<_>>().join(", ");
                return Err(Failure::Failed(format!("no metadata type {missing:?}; there are {there}")));
            }
            documents(
                all.iter()
                    .filter(|t| names.is_empty() || names.contains(&t.name))
                    .map(|t| t.document.clone())
                    .collect(),
                json,
            )
        }
        MetadataCommand::List(as_json) => {
            let all = dc.metadata_types()?;
            if as_json.json {
                return print_json(
                    &all.iter()
                        .map(|t| {
                            json!({"name": t.name, "description": t.description,
                    "search_fields": t.search_fields.keys().collect::<Vec<_>>()})
                        })
                        .collect(),
                );
            }
            let rows = all.into_iter().map(|t| {
                let fields = t.search_fields.keys().cloned().collect::<Vec<_>>().join(" ");
                vec![t.name.clone(), fields, t.description.clone().unwrap_or_default()]
            });
            print_table(&["metadata type", "search fields", "description"], rows.collect())
        }
    }
}

/// Tells each refused document; a partial failure is exit code 1.
fn told(refused: &[cube::Refusal]) -> Result<(), Failure> {
    for refusal in refused {
        complain(&refusal.reason);
    }
    if refused.is_empty() { Ok(()) } else { Err(Failure::Told) }
}

fn documents(documents: Vec<Value>, json: bool) -> Result<(), Failure> {
    if json {
        return print_json(&Value::from(documents));
    }
    for (n, document) in documents.iter().enumerate() {
        if n > 0 {
            writeln!(std::io::stdout(), "---")?;
        }
        write!(std::io::stdout(), "{}", cube::to_yaml(document)?)?;
    }
    Ok(())
}
