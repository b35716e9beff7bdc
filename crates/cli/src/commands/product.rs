//! `cube product`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use cube::{Added, Datacube, Product, Search, Status};
use serde_json::{Value, json};

use super::definitions::{ShowArgs, UpdateArgs, print_yaml, show, tell_changes, told};
use super::stac::StacArgs;
use crate::args::{Global, StatusArg};
use crate::output::{Failure, count, print_json, print_table, say};
use crate::query;
use crate::stream::{Csv, JsonList};

#[derive(Debug, Subcommand)]
pub(crate) enum ProductCommand {
    /// Add product definitions
    Add {
        /// YAML or JSON files, directories, or - for standard input
        #[arg(required = true)]
        files: Vec<String>,
    },
    /// Change product definitions that are there
    Update(UpdateArgs),
    /// Write a product definition from raster files, to be looked at and added
    Infer(InferArgs),
    /// Print product definitions
    Show(ProductShowArgs),
    /// List products with their datasets
    List(ListArgs),
    /// Where and when the datasets of products are
    Extent(ExtentArgs),
    /// Delete products: all that are named, or none
    Delete(DeleteArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ProductShowArgs {
    #[command(flatten)]
    definitions: ShowArgs,
    /// Print STAC: the collection of one product, a list of collections of several
    #[arg(long, conflicts_with_all = ["format", "json"])]
    stac: bool,
    #[command(flatten)]
    stac_version: StacArgs,
}

#[derive(Debug, Args)]
pub(crate) struct InferArgs {
    /// Raster files: one with all measurements, or one a measurement
    #[arg(required = true, value_name = "RASTER")]
    rasters: Vec<PathBuf>,
    /// The product's name [default: from the first file's]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Print JSON instead of YAML
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// How to print them
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    format: ListFormat,
    /// Print JSON
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// A table
    #[default]
    #[value(alias = "tab", alias = "default")]
    Table,
    /// CSV
    Csv,
    /// A YAML list
    Yaml,
    /// A JSON list
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct ExtentArgs {
    /// Names; all products where none is given
    names: Vec<String>,
    /// Of these datasets alone
    #[arg(long, value_enum, default_value_t)]
    status: StatusArg,
    /// The CRS of the outline in the JSON: EPSG:32633 [default: longitude and latitude]
    #[arg(long, value_name = "CRS")]
    crs: Option<String>,
    /// Print JSON: time, boxes in longitude and latitude, and the outline of all footprints together
    #[arg(long, group = "as")]
    json: bool,
    /// Print a GeoJSON feature collection of the outlines
    #[arg(long, group = "as", conflicts_with = "crs")]
    geojson: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// Names
    #[arg(required = true)]
    names: Vec<String>,
    /// Delete their active datasets with them; archived ones always go
    #[arg(long)]
    force: bool,
    /// Say what would go, delete nothing. Fails where it would be refused
    #[arg(short = 'd', long)]
    dry_run: bool,
    /// With --dry-run: print JSON
    #[arg(long, requires = "dry_run")]
    json: bool,
}

pub(crate) fn run(global: &Global, command: ProductCommand) -> Result<(), Failure> {
    // Needs no catalog.
    if let ProductCommand::Infer(args) = &command {
        return infer(global, args);
    }
    let dc = super::open(global)?;
    match command {
        ProductCommand::Infer(args) => infer(global, &args),
        ProductCommand::Add { files } => told(&dc.add_products(&files, |name, added| {
            let done = match added {
                Added::New => "added",
                Added::AlreadyThere => "already there, unchanged",
            };
            say(global, &format!("product {name}: {done}"));
        })),
        ProductCommand::Update(args) if args.dry_run => {
            let mut all = Vec::new();
            let refused = dc.compare_products(&args.files, |changes| all.push(changes));
            tell_changes(global, "product", &all, &refused, &args)
        }
        ProductCommand::Update(args) => told(&dc.update_products(&args.files, args.allow_unsafe, |name, changed| {
            say(global, &format!("product {name}: {}", if changed { "updated" } else { "unchanged" }));
        })),
        ProductCommand::Show(args) => {
            let products = if args.definitions.names.is_empty() {
                dc.products()?
            } else {
                args.definitions.names.iter().map(|n| Ok(dc.product(n)?)).collect::<Result<_, Failure>>()?
            };
            if args.stac {
                return collections(&dc, &products, args.stac_version);
            }
            show(products.iter().map(|p| p.document.clone()).collect(), &args.definitions)
        }
        ProductCommand::List(args) => list(&dc, &args),
        ProductCommand::Extent(args) => extent(global, &dc, &args),
        ProductCommand::Delete(args) if args.dry_run => would_delete(global, &dc, &args),
        ProductCommand::Delete(args) => {
            let gone = dc.delete_products(&args.names, args.force)?;
            for (name, datasets) in args.names.iter().zip(gone) {
                let with = if datasets == 0 { String::new() } else { format!(", and {} with it", of(datasets)) };
                say(global, &format!("product {name}: deleted{with}"));
            }
            Ok(())
        }
    }
}

/// Prints the definition; what should be looked at goes beside it.
fn infer(global: &Global, args: &InferArgs) -> Result<(), Failure> {
    let inferred = cube::infer_product(&args.rasters, args.name.as_deref())?;
    for remark in &inferred.remarks {
        say(global, &format!("note: {remark}"));
    }
    if args.json { print_json(&inferred.document) } else { print_yaml(&[inferred.document]) }
}

/// One product as a STAC collection, several as the list of them that STAC APIs give.
fn collections(dc: &Datacube, products: &[Arc<Product>], version: StacArgs) -> Result<(), Failure> {
    let mut all = Vec::with_capacity(products.len());
    for product in products {
        all.push(dc.stac_collection(&product.name, version.version())?);
    }
    print_json(&if all.len() == 1 { all.remove(0) } else { json!({ "collections": all, "links": [] }) })
}

fn of(datasets: u64) -> String {
    count(usize::try_from(datasets).unwrap_or(usize::MAX), "dataset")
}

fn list(dc: &Datacube, args: &ListArgs) -> Result<(), Failure> {
    let format = if args.json { ListFormat::Json } else { args.format };
    let counts = dc.count_by_product(&Search::default())?;
    let number = |name: &str| counts.iter().find(|(product, _)| product == name).map_or(0, |(_, n)| *n);
    let products = dc.products()?;
    let measurements = |p: &cube::Product| p.measurements.iter().map(|m| m.name.clone()).collect::<Vec<_>>();
    if matches!(format, ListFormat::Json | ListFormat::Yaml) {
        let list: Vec<Value> = products
            .iter()
            .map(|p| {
                json!({ "name": p.name, "description": p.description, "license": p.license,
                    "metadata_type": p.metadata_type, "datasets": number(&p.name), "measurements": measurements(p) })
            })
            .collect();
        return if format == ListFormat::Json { print_json(&list.into()) } else { print_yaml(&[list.into()]) };
    }
    let headings = ["product", "datasets", "measurements", "description"];
    let rows = products
        .iter()
        .map(|p| vec![p.name.clone(), number(&p.name).to_string(), measurements(p).join(" "), p.description.clone()]);
    if format == ListFormat::Table {
        return print_table(&headings, rows.collect());
    }
    let mut csv = Csv::new(&headings)?;
    for row in rows {
        csv.push(row)?;
    }
    csv.finish()
}

fn extent(global: &Global, dc: &Datacube, args: &ExtentArgs) -> Result<(), Failure> {
    let crs = args.crs.as_deref().map(query::parse_crs).transpose()?;
    let names = if args.names.is_empty() {
        dc.products()?.iter().map(|p| p.name.clone()).collect()
    } else {
        args.names.clone()
    };
    // What is not there is told before anything is printed.
    for name in &names {
        dc.product(name)?;
    }
    let mut list = if args.geojson {
        Some(JsonList::features()?)
    } else if args.json {
        Some(JsonList::new()?)
    } else {
        None
    };
    let mut rows = Vec::new();
    for name in &names {
        let search = Search { status: super::search::status(args.status), ..Search::product(name) };
        let found = dc.extent(&search, crs.as_ref())?;
        let changed = dc.most_recent_change(name)?.map(|at| at.to_string());
        let datasets = found.as_ref().map_or(0, |e| e.datasets);
        let times = found.as_ref().map(|e| [e.time.begin.to_string(), e.time.end.to_string()]);
        let boxes: Vec<[f64; 4]> =
            found.iter().flat_map(|e| e.lonlat.boxes()).map(|b| [b.left, b.bottom, b.right, b.top]).collect();
        if let Some(list) = &mut list {
            let time = times.as_ref().map(|[begin, end]| json!({ "begin": begin, "end": end }));
            let facts = json!({ "product": name, "datasets": datasets, "time": time, "most_recent_change": changed });
            let geometry = found.as_ref().map(|e| cube::outline_geojson(&e.outline));
            if args.geojson {
                list.push(&json!({ "type": "Feature", "geometry": geometry, "properties": facts }))?;
            } else {
                let mut one = facts;
                one["boxes"] = json!(boxes);
                one["crs"] = json!(found.as_ref().map(|e| e.outline.crs().to_string()));
                one["outline"] = json!(geometry);
                list.push(&one)?;
            }
            continue;
        }
        let [begin, end] = times.unwrap_or_default();
        let mut row = vec![name.clone(), datasets.to_string(), begin, end];
        row.extend(found.map_or_else(Default::default, |e| {
            [e.lonlat.west, e.lonlat.south, e.lonlat.east, e.lonlat.north].map(|degrees| format!("{degrees:.4}"))
        }));
        row.push(changed.unwrap_or_default());
        rows.push(row);
    }
    match list {
        Some(list) => list.finish(),
        None if rows.is_empty() => {
            say(global, "no products");
            Ok(())
        }
        None => {
            print_table(&["product", "datasets", "begin", "end", "west", "south", "east", "north", "changed"], rows)
        }
    }
}

fn would_delete(global: &Global, dc: &Datacube, args: &DeleteArgs) -> Result<(), Failure> {
    let number = |name: &String, status| dc.count(&Search { status, ..Search::product(name) }).map_err(Failure::from);
    let mut list = Vec::new();
    for name in &args.names {
        list.push((name, number(name, Status::Active)?, number(name, Status::Archived)?));
    }
    let refused = |active: u64| active > 0 && !args.force;
    if args.json {
        let one = |(name, active, archived): &(&String, u64, u64)| json!({ "product": name, "active": active, "archived": archived, "refused": refused(*active) });
        print_json(&list.iter().map(one).collect::<Vec<_>>().into())?;
    } else {
        let rows = list.iter().map(|(name, active, archived)| {
            let what =
                if refused(*active) { "refused: it has active datasets; --force deletes them" } else { "deleted" };
            vec![(*name).clone(), active.to_string(), archived.to_string(), what.to_owned()]
        });
        print_table(&["product", "active", "archived", "would be"], rows.collect())?;
    }
    say(global, "nothing was deleted");
    if list.iter().any(|(_, active, _)| refused(*active)) { Err(Failure::Told) } else { Ok(()) }
}
