//! `cube status`.

use std::io::Write;

use cube::{Datacube, Search};
use serde_json::{Value, json};

use crate::args::Global;
use crate::output::{Failure, complain, print_json};

pub(crate) fn run(global: &Global, as_json: bool) -> Result<(), Failure> {
    let config = super::config(global)?;
    let libraries = cube::libraries();
    let mut catalog = json!({ "url": config.catalog.to_string(), "from": config.origin });
    let mut trouble = None;
    match Datacube::open(&config) {
        Ok(dc) => {
            catalog["schema_version"] = json!(dc.schema_version()?);
            catalog["products"] = json!(dc.products()?.len());
            catalog["datasets"] = json!(dc.count(&Search::default())?);
        }
        Err(error) => trouble = Some(error.to_string()),
    }
    let version = env!("CARGO_PKG_VERSION");
    if as_json {
        print_json(&json!({ "version": version, "catalog": catalog, "libraries": libraries, "trouble": trouble }))?;
    } else {
        let mut out = std::io::stdout();
        writeln!(out, "cube      {version}")?;
        writeln!(out, "catalog   {} (from {})", config.catalog, config.origin)?;
        if trouble.is_none() {
            let n = |key: &str| catalog[key].as_u64().unwrap_or(0);
            writeln!(out, "schema    version {}", n("schema_version"))?;
            writeln!(out, "holds     {} products, {} datasets", n("products"), n("datasets"))?;
        }
        for (name, value) in libraries.as_object().into_iter().flatten() {
            let text = match value {
                Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            writeln!(out, "{name:<9} {text}")?;
        }
    }
    if let Some(sentence) = trouble {
        complain(&sentence);
        return Err(Failure::Told);
    }
    Ok(())
}
