//! `cube search`.
#![expect(clippy::doc_markdown, reason = "these comments are the help texts, which people read as they stand")]

use std::io::Write;

use clap::Args;
use cube::{Datacube, Dataset, OrderBy, Search, Status};
use serde_json::{Map, Value, json};

use super::stac::StacArgs;
use crate::args::{Global, StatusArg, Where};
use crate::output::{Failure, count, print_json, print_table, say};
use crate::query;
use crate::stream::{Csv, JsonList, plain};

const TERMS: &str = "\
Terms, joined by AND:
  product=NAME  platform='LANDSAT 8'  id=UUID       is that value; a repeated field is an OR
  cloud_cover in [0, 20]                            from the first to the last, both counted
  region_code in [55HBU, 55HCU]                     any of them (two numbers or dates are a range)
  cloud_cover < 20   cloud_cover >= 5               bounds; two of a field make one range
  time in 2034-05   time in [2034-05, 2034-07]      all of these months; time > 2034-05 begins with May
  lat in [41.9, 42.3] lon in [12, 12.4]             the box touches the footprint
  not cloud_cover > 20   platform != landsat-8      what the term is not true of, or has no such value
Fields are those of the product's metadata type (`cube metadata show`), and id, product, metadata_type, time,
lat, lon, location (or uri) and indexed_time. Values with blanks or brackets are put in quotes.";

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
#[command(after_help = TERMS)]
pub(crate) struct SearchArgs {
    /// Terms: product=NAME time in 2034-05 lat in [41.9,42.3] not cloud_cover > 20
    #[arg(value_name = "EXPR", allow_negative_numbers = true)]
    pub(crate) expression: Vec<String>,
    #[command(flatten)]
    pub(crate) place: Where,
    /// Print only how many there are
    #[arg(long, conflicts_with_all = ["fields", "sort"])]
    pub(crate) count: bool,
    /// Active, archived or all datasets
    #[arg(long, value_enum, default_value_t)]
    pub(crate) status: StatusArg,
    /// Order by these, comma-separated; - in front for the greatest first [default: time]
    #[arg(long, value_name = "FIELDS", allow_hyphen_values = true, value_delimiter = ',')]
    pub(crate) sort: Vec<String>,
    /// Print these fields, comma-separated: those of terms, archived, label, or a place in the document such as
    /// properties.eo:gsd (.crs for the outermost)
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    pub(crate) fields: Vec<String>,
    /// Print JSON: one object a dataset, with its document or the fields asked for
    #[arg(long, group = "format")]
    pub(crate) json: bool,
    /// Print CSV
    #[arg(long, group = "format")]
    pub(crate) csv: bool,
    /// Print a GeoJSON feature collection of footprints
    #[arg(long, group = "format")]
    pub(crate) geojson: bool,
    /// Print a STAC item collection
    #[arg(long, group = "format", conflicts_with = "fields")]
    pub(crate) stac: bool,
    #[command(flatten)]
    pub(crate) stac_version: StacArgs,
}

pub(crate) fn run(global: &Global, args: &SearchArgs) -> Result<(), Failure> {
    let expression = args.expression.iter().chain(&args.place.query).map(String::as_str).collect::<Vec<_>>().join(" ");
    let mut search = query::expression(&expression).map_err(|failure| meant_product(&args.expression, failure))?;
    query::apply_place(&mut search, &args.place)?;
    search.status = status(args.status);
    search.order_by = args.sort.iter().map(|field| OrderBy::from(field.trim())).collect();
    let fields: Vec<&str> = args.fields.iter().map(|field| field.trim()).collect();
    if fields.iter().chain(&args.sort.iter().map(String::as_str).collect::<Vec<_>>()).any(|field| field.is_empty()) {
        return Err(Failure::Usage(
            "--fields and --sort take names separated by commas, one of them is empty".to_owned(),
        ));
    }
    let dc = super::open(global)?;
    if args.count {
        let n = dc.count(&search)?;
        if args.json {
            return print_json(&json!({ "count": n }));
        }
        writeln!(std::io::stdout(), "{n}")?;
        return Ok(());
    }
    if args.geojson {
        return geojson(&dc, &search, &fields);
    }
    if args.stac {
        let mut list = JsonList::features()?;
        dc.each_dataset(&search, |found| {
            dc.stac_items(&found, args.stac_version.version())?.iter().try_for_each(|item| list.push(item))
        })?;
        return list.finish();
    }
    if !fields.is_empty() {
        return chosen(global, &dc, &search, &fields, args);
    }
    if args.json {
        let mut list = JsonList::new()?;
        dc.each_dataset(&search, |found| found.iter().try_for_each(|dataset| list.push(&summary(dataset))))?;
        return list.finish();
    }
    if args.csv {
        let mut csv = Csv::new(&["id", "product", "begin", "end", "label", "location"])?;
        dc.each_dataset(&search, |found| {
            found.into_iter().try_for_each(|d| {
                csv.push([
                    d.id.to_string(),
                    d.product,
                    d.time.begin.to_string(),
                    d.time.end.to_string(),
                    d.label.unwrap_or_default(),
                    d.location.unwrap_or_default(),
                ])
            })
        })?;
        return csv.finish();
    }
    let mut rows = Vec::new();
    dc.each_dataset(&search, |found| {
        rows.extend(found.into_iter().map(|d| {
            vec![
                d.time.center().to_string(),
                d.product,
                d.label.unwrap_or_default(),
                d.crs.to_string(),
                d.id.to_string(),
            ]
        }));
        Ok::<_, Failure>(())
    })?;
    table(global, &["time", "product", "label", "CRS", "id"], rows)
}

/// The status that an option names.
pub(crate) fn status(arg: StatusArg) -> Status {
    match arg {
        StatusArg::Active => Status::Active,
        StatusArg::Archived => Status::Archived,
        StatusArg::All => Status::All,
    }
}

fn table(global: &Global, headings: &[&str], rows: Vec<Vec<String>>) -> Result<(), Failure> {
    if rows.is_empty() {
        say(global, "no datasets");
        return Ok(());
    }
    let n = rows.len();
    print_table(headings, rows)?;
    say(global, &count(n, "dataset"));
    Ok(())
}

/// The chosen fields of what is found.
fn chosen(global: &Global, dc: &Datacube, search: &Search, fields: &[&str], args: &SearchArgs) -> Result<(), Failure> {
    if args.json {
        // The field that is not there is told before anything is printed.
        dc.fields_of(&[], search, fields)?;
        let mut list = JsonList::new()?;
        dc.each_row(search, fields, |rows| rows.into_iter().try_for_each(|row| list.push(&object(fields, row))))?;
        return list.finish();
    }
    if args.csv {
        dc.fields_of(&[], search, fields)?;
        let mut csv = Csv::new(fields)?;
        dc.each_row(search, fields, |rows| rows.iter().try_for_each(|row| csv.push(row.iter().map(plain))))?;
        return csv.finish();
    }
    let mut lines: Vec<Vec<String>> = Vec::new();
    dc.each_row(search, fields, |rows| {
        lines.extend(rows.iter().map(|row| row.iter().map(plain).collect()));
        Ok::<_, Failure>(())
    })?;
    table(global, fields, lines)
}

fn object(fields: &[&str], row: Vec<Value>) -> Value {
    fields.iter().map(|field| (*field).to_owned()).zip(row).collect::<Map<_, _>>().into()
}

/// Footprints with their properties, or with the fields asked for.
fn geojson(dc: &Datacube, search: &Search, fields: &[&str]) -> Result<(), Failure> {
    dc.fields_of(&[], search, fields)?;
    let mut list = JsonList::features()?;
    dc.each_dataset(search, |found| {
        let mut rows = Vec::new();
        if !fields.is_empty() {
            let ids: Vec<_> = found.iter().map(|dataset| dataset.id).collect();
            let with_id = [&["id"], fields].concat();
            rows = dc.fields_of(&ids, search, &with_id)?;
        }
        let mut rows = rows.into_iter().peekable();
        for dataset in &found {
            let properties = if fields.is_empty() {
                json!({ "product": dataset.product, "label": dataset.label,
                    "datetime": dataset.time.center().to_string(), "location": dataset.location })
            } else {
                // A dataset that was deleted meanwhile has no row.
                let Some(row) = rows.next_if(|row| row[0] == json!(dataset.id)) else { continue };
                object(fields, row.into_iter().skip(1).collect())
            };
            let geometry = cube::footprint_geojson(&dataset.footprint)?;
            list.push(&json!({ "type": "Feature", "id": dataset.id, "geometry": geometry, "properties": properties }))?;
        }
        Ok::<_, Failure>(())
    })?;
    list.finish()
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

fn summary(dataset: &Dataset) -> Value {
    json!({
        "id": dataset.id, "product": dataset.product, "label": dataset.label, "location": dataset.location,
        "time": { "begin": dataset.time.begin.to_string(), "end": dataset.time.end.to_string() },
        "document": dataset.document,
    })
}
