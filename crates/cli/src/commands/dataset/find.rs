//! `cube dataset uris` and `cube dataset duplicates`.

use clap::{Args, ValueEnum};
use cube::LocationMode;
use serde_json::{Map, Value, json};

use super::change::{document, place};
use crate::args::{Global, Json};
use crate::output::{Failure, count, print_csv, print_json, print_table, say};

#[derive(Debug, Args)]
pub(crate) struct UrisArgs {
    /// Paths or URLs
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
    /// How to compare
    #[arg(long, alias = "search-mode", value_enum, default_value_t)]
    mode: ModeArg,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum ModeArg {
    /// The location is this
    Exact,
    /// The location begins with this
    #[default]
    Prefix,
    /// Exact where the path has a #, prefix otherwise
    Guess,
}

pub(crate) fn uris(global: &Global, args: &UrisArgs) -> Result<(), Failure> {
    let dc = crate::commands::open(global)?;
    let mode = match args.mode {
        ModeArg::Exact => LocationMode::Exact,
        ModeArg::Prefix => LocationMode::Prefix,
        ModeArg::Guess => LocationMode::Guess,
    };
    let mut found = Vec::new();
    for path in &args.paths {
        let here = dc.datasets_at(path, mode)?;
        if here.is_empty() {
            say(global, &format!("{path}: no dataset has its document there"));
        }
        found.extend(here);
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|touched| seen.insert(touched.id));
    if args.json.json {
        return print_json(&found.iter().map(document).collect());
    }
    if found.is_empty() {
        return Ok(());
    }
    let state = |archived: bool| if archived { "archived" } else { "active" }.to_owned();
    let rows = found.iter().map(|t| vec![t.id.to_string(), t.product.clone(), state(t.archived.is_some()), place(t)]);
    print_table(&["id", "product", "state", "location"], rows.collect())?;
    say(global, &count(found.len(), "dataset"));
    Ok(())
}

#[derive(Debug, Args)]
pub(crate) struct DuplicatesArgs {
    /// The fields that duplicates share, such as `region_code` time
    #[arg(required = true, value_name = "FIELD")]
    fields: Vec<String>,
    /// In these products only; repeat for several [default: all that have the fields]
    #[arg(short, long, value_name = "NAME")]
    product: Vec<String>,
    /// Print JSON
    #[arg(long, group = "format")]
    json: bool,
    /// Print CSV: one line a dataset, with the number of its group
    #[arg(long, group = "format")]
    csv: bool,
}

pub(crate) fn duplicates(global: &Global, args: &DuplicatesArgs) -> Result<(), Failure> {
    let groups = crate::commands::open(global)?.duplicates(&args.product, &args.fields)?;
    if args.json {
        let group = |group: &cube::Duplicates| {
            let values: Map<String, Value> = args.fields.iter().cloned().zip(group.values.iter().cloned()).collect();
            json!({ "product": group.product, "values": values, "ids": group.ids })
        };
        return print_json(&groups.iter().map(group).collect());
    }
    let headings = |first: &'static str| {
        let fields = args.fields.iter().map(String::as_str);
        [first, "product"].into_iter().chain(fields).chain(["id"]).collect::<Vec<&str>>()
    };
    let rows = groups.iter().enumerate().flat_map(|(n, group)| {
        let values: Vec<String> = group.values.iter().map(shown).collect();
        group
            .ids
            .iter()
            .map(move |id| {
                let own = [(n + 1).to_string(), group.product.clone()];
                own.into_iter().chain(values.iter().cloned()).chain([id.to_string()]).collect::<Vec<_>>()
            })
            .collect::<Vec<_>>()
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let datasets = rows.len();
    if args.csv {
        return print_csv(&headings("group"), rows);
    }
    if groups.is_empty() {
        say(global, "no duplicates");
        return Ok(());
    }
    print_table(&headings("group"), rows)?;
    say(global, &format!("{} of {}", count(groups.len(), "group"), count(datasets, "dataset")));
    Ok(())
}

/// A value for people: a range as `begin/end`.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Object(map) if map.len() == 2 && map.contains_key("begin") && map.contains_key("end") => {
            let (begin, end) = (shown(&map["begin"]), shown(&map["end"]));
            if begin == end { begin } else { format!("{begin}/{end}") }
        }
        other => other.to_string(),
    }
}
