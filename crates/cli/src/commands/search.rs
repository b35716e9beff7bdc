//! `cube search`.

use std::cmp::Ordering;
use std::io::Write;

use cube::{Dataset, Status};
use serde_json::{Value, json};

use crate::args::{Global, SearchArgs, StatusArg};
use crate::output::{Failure, count, print_csv, print_json, print_table, say};
use crate::query;

pub(crate) fn run(global: &Global, args: &SearchArgs) -> Result<(), Failure> {
    let expression = args.expression.iter().chain(&args.place.query).map(String::as_str).collect::<Vec<_>>().join(" ");
    let mut search = query::expression(&expression).map_err(|failure| meant_product(&args.expression, failure))?;
    query::apply_place(&mut search, &args.place)?;
    search.status = match args.status {
        StatusArg::Active => Status::Active,
        StatusArg::Archived => Status::Archived,
        StatusArg::All => Status::All,
    };
    let dc = super::open(global)?;
    if args.count {
        let n = dc.count(&search)?;
        if args.json {
            return print_json(&json!({ "count": n }));
        }
        writeln!(std::io::stdout(), "{n}")?;
        return Ok(());
    }
    // The limit counts in the order asked for, which is not the catalog's.
    let limit = if args.sort.is_some() { search.limit.take() } else { None };
    let mut found = dc.find_datasets(&search)?;
    if let Some(sort) = &args.sort {
        sort_by(&mut found, sort)?;
        found.truncate(limit.unwrap_or(usize::MAX));
    }
    if args.json {
        return print_json(&Value::from(found.iter().map(summary).collect::<Vec<_>>()));
    }
    if args.geojson {
        let features = found.iter().map(feature).collect::<Result<Vec<_>, _>>()?;
        return print_json(&json!({ "type": "FeatureCollection", "features": features }));
    }
    if args.csv {
        let headings = ["id", "product", "begin", "end", "label", "location"];
        let rows = found.iter().map(|d| {
            vec![
                d.id.to_string(),
                d.product.clone(),
                d.time.begin.to_string(),
                d.time.end.to_string(),
                d.label.clone().unwrap_or_default(),
                d.location.clone().unwrap_or_default(),
            ]
        });
        return print_csv(&headings, rows.collect());
    }
    if found.is_empty() {
        say(global, "no datasets");
        return Ok(());
    }
    let rows = found.iter().map(|d| {
        vec![
            d.time.center().to_string(),
            d.product.clone(),
            d.label.clone().unwrap_or_default(),
            d.crs.to_string(),
            d.id.to_string(),
        ]
    });
    print_table(&["time", "product", "label", "CRS", "id"], rows.collect())?;
    say(global, &count(found.len(), "dataset"));
    Ok(())
}

/// Asks whether a lone word that is no term was meant as a product.
fn meant_product(words: &[String], failure: Failure) -> Failure {
    match (words, failure) {
        ([word], Failure::Usage(sentence)) if word.chars().all(|c| c.is_alphanumeric() || "_-.*".contains(c)) => {
            Failure::Usage(format!("{sentence}; did you mean product={word}?"))
        }
        (_, failure) => failure,
    }
}

fn sort_by(found: &mut [Dataset], field: &str) -> Result<(), Failure> {
    let (name, reverse) = field.strip_prefix('-').map_or((field, false), |name| (name, true));
    let order: fn(&Dataset, &Dataset) -> Ordering = match name {
        "time" => |a, b| (a.time.center(), a.id).cmp(&(b.time.center(), b.id)),
        "product" => |a, b| a.product.cmp(&b.product),
        "id" => |a, b| a.id.cmp(&b.id),
        "label" => |a, b| a.label.cmp(&b.label),
        other => {
            return Err(Failure::Usage(format!(
                "--sort {other:?}: expected time, product, id or label, with - in front to reverse"
            )));
        }
    };
    found.sort_by(|a, b| if reverse { order(b, a) } else { order(a, b) });
    Ok(())
}

fn summary(dataset: &Dataset) -> Value {
    json!({
        "id": dataset.id, "product": dataset.product, "label": dataset.label, "location": dataset.location,
        "time": { "begin": dataset.time.begin.to_string(), "end": dataset.time.end.to_string() },
        "document": dataset.document,
    })
}

fn feature(dataset: &Dataset) -> Result<Value, Failure> {
    let geometry = cube::footprint_geojson(&dataset.footprint)?;
    Ok(json!({
        "type": "Feature", "id": dataset.id, "geometry": geometry,
        "properties": { "product": dataset.product, "label": dataset.label,
            "datetime": dataset.time.center().to_string(), "location": dataset.location },
    }))
}
