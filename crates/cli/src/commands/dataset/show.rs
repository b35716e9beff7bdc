//! `cube dataset show` and `cube dataset info`.

use std::io::Write;

use clap::{Args, ValueEnum};
use cube::{DatasetInfo, Direction};
use serde_json::{Map, Value, json};

use super::parse;
use crate::args::Global;
use crate::commands::stac::StacArgs;
use crate::output::{Failure, complain, print_csv, print_json};

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Dataset ids
    #[arg(required = true)]
    ids: Vec<String>,
    /// Print JSON instead of YAML
    #[arg(long)]
    json: bool,
    /// Print STAC: the item of one dataset, an item collection of several
    #[arg(long, conflicts_with = "json")]
    stac: bool,
    #[command(flatten)]
    stac_version: StacArgs,
}

pub(crate) fn show(global: &Global, args: &ShowArgs) -> Result<(), Failure> {
    let dc = crate::commands::open(global)?;
    let datasets = parse(&args.ids)?.into_iter().map(|id| Ok(dc.dataset(id)?)).collect::<Result<Vec<_>, Failure>>()?;
    if args.stac {
        let mut items = dc.stac_items(&datasets, args.stac_version.version())?;
        return print_json(&if items.len() == 1 { items.remove(0) } else { cube::item_collection(&items) });
    }
    documents(datasets.into_iter().map(|dataset| dataset.document).collect(), args.json)
}

/// Prints documents as YAML, one after the other, or as a JSON list.
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

#[derive(Debug, Args)]
pub(crate) struct InfoArgs {
    /// Dataset ids
    #[arg(required = true)]
    ids: Vec<String>,
    /// With the datasets that they were made from
    #[arg(long, alias = "show-sources")]
    sources: bool,
    /// With the datasets that were made from them
    #[arg(long, alias = "show-derived")]
    derived: bool,
    /// How many levels of sources and derived datasets [default: 99]
    #[arg(long, alias = "depth", value_name = "N")]
    max_depth: Option<usize>,
    /// How to print [default: yaml]
    #[arg(short, long, value_enum, value_name = "FORMAT", conflicts_with = "json")]
    format: Option<FormatArg>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// One document a dataset
    Yaml,
    /// Id, status, product and location
    Csv,
    /// A list
    Json,
}

pub(crate) fn info(global: &Global, args: &InfoArgs) -> Result<(), Failure> {
    let dc = crate::commands::open(global)?;
    let ids = parse(&args.ids)?;
    let infos = dc.dataset_info(&ids)?;
    let format = args.format.unwrap_or(if args.json { FormatArg::Json } else { FormatArg::Yaml });
    if format == FormatArg::Csv {
        let row = |info: &DatasetInfo| {
            let location = info.location.clone().unwrap_or_default();
            vec![info.id.to_string(), status(info).to_owned(), info.product.clone(), location]
        };
        print_csv(&["id", "status", "product", "location"], infos.iter().map(row).collect())?;
    } else {
        let mut list = Vec::with_capacity(infos.len());
        for info in &infos {
            let mut map = document(info);
            for (wanted, direction, key) in
                [(args.sources, Direction::Sources, "sources"), (args.derived, Direction::Derived, "derivations")]
            {
                if wanted {
                    let tree = dc.lineage_tree(info.id, direction, Some(args.max_depth.unwrap_or(99)))?;
                    let tree = tree.to_document(direction);
                    map.insert(key.to_owned(), tree.get(key).cloned().unwrap_or_else(|| json!({})));
                }
            }
            list.push(Value::Object(map));
        }
        documents(list, format == FormatArg::Json)?;
    }
    let missing: Vec<_> = ids.iter().filter(|id| !infos.iter().any(|info| info.id == **id)).collect();
    for id in &missing {
        complain(&format!("dataset {id} is not in the catalog"));
    }
    if missing.is_empty() { Ok(()) } else { Err(Failure::Told) }
}

const fn status(info: &DatasetInfo) -> &'static str {
    if info.archived.is_some() { "archived" } else { "active" }
}

fn document(info: &DatasetInfo) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("id".to_owned(), json!(info.id));
    map.insert("product".to_owned(), json!(info.product));
    map.insert("status".to_owned(), json!(status(info)));
    if let Some(since) = &info.archived {
        map.insert("archived".to_owned(), json!(since));
    }
    map.insert("indexed".to_owned(), json!(info.indexed));
    map.insert("location".to_owned(), json!(info.location));
    map.insert("fields".to_owned(), Value::Object(info.fields.clone()));
    map
}
