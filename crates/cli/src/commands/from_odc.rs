//! `cube index --from-odc`: moving in from an index of the Open Data Cube.

use clap::{Args, ValueEnum};
use cube::{CopiedProduct, FromOdcOptions, FromOdcReport, OdcSchema};
use serde_json::json;

use crate::args::Global;
use crate::output::{Failure, complain, count, print_json, print_table, say};
use crate::progress;

/// Most refusals that are told one by one; the summary counts them all.
const TOLD: usize = 50;

#[derive(Debug, Clone, Args)]
pub(crate) struct FromOdcArgs {
    /// Copy an index of the Open Data Cube: definitions, datasets, lineage, what is archived. SOURCES are then the products to copy [default: all]
    #[arg(long = "from-odc", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Its schema, where the database has both
    #[arg(long, value_enum, requires = "url")]
    pub(crate) schema: Option<SchemaArg>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SchemaArg {
    /// Of datacube's postgres driver
    Agdc,
    /// Of datacube's postgis driver
    Odc,
}

/// What the other options of `cube index` say of a copy.
pub(crate) struct Copying<'a> {
    pub(crate) products: &'a [String],
    pub(crate) update: bool,
    pub(crate) dry_run: bool,
    pub(crate) jobs: Option<usize>,
    pub(crate) json: bool,
}

pub(crate) fn run(global: &Global, url: &str, schema: Option<SchemaArg>, how: &Copying<'_>) -> Result<(), Failure> {
    let dc = super::open(global)?;
    let bar = progress::bar(global, 0, "copying");
    let advance = |done: u64, total: u64| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let options = FromOdcOptions {
        schema: schema.map(|schema| match schema {
            SchemaArg::Agdc => OdcSchema::Agdc,
            SchemaArg::Odc => OdcSchema::Odc,
        }),
        products: how.products.to_vec(),
        update: how.update,
        dry_run: how.dry_run,
        jobs: how.jobs,
        progress: Some(&advance),
    };
    let report = dc.index_from_odc(url, &options)?;
    bar.finish_and_clear();
    if how.json {
        print_json(&json!(report))?;
        if report.refused_count > 0 {
            complain(&report.summary());
        }
    } else {
        tell(global, &report, how.dry_run)?;
    }
    if report.refused_count == 0 { Ok(()) } else { Err(Failure::Told) }
}

fn tell(global: &Global, report: &FromOdcReport, dry_run: bool) -> Result<(), Failure> {
    let row = |product: &CopiedProduct| {
        let (active, archived) = (product.active, product.archived);
        let here = |of: fn(&cube::StateCounts) -> u64| {
            product.here.as_ref().map(of).map_or_else(String::new, |n| n.to_string())
        };
        vec![
            product.name.clone(),
            active.there.to_string(),
            here(|here| here.active),
            archived.there.to_string(),
            here(|here| here.archived),
            (active.copied + archived.copied).to_string(),
            (active.present + archived.present).to_string(),
            (active.updated + archived.updated).to_string(),
            (active.refused + archived.refused).to_string(),
            if product.matches { "yes" } else { "no" }.to_owned(),
        ]
    };
    let headings = [
        "product",
        "active in ODC",
        "here",
        "archived in ODC",
        "here",
        "copied",
        "already there",
        "updated",
        "refused",
        "matches",
    ];
    let tells = |product: &&CopiedProduct| product.active.there + product.archived.there > 0 || !product.matches;
    let told: Vec<_> = report.products.iter().filter(tells).map(row).collect();
    let empty = report.products.len() - told.len();
    if !told.is_empty() {
        print_table(&headings, told)?;
    }
    if empty > 0 {
        say(global, &format!("{} without datasets in ODC and here", count(empty, "product")));
    }
    for refusal in report.refused.iter().take(TOLD) {
        complain(&refusal.reason);
    }
    let more = report.refused_count.saturating_sub(report.refused.len().min(TOLD) as u64);
    if more > 0 {
        complain(&format!("… and {more} more; --json lists them"));
    }
    let things = |n: u64, what: &str| count(usize::try_from(n).unwrap_or(usize::MAX), what);
    if report.more_locations > 0 {
        let many = things(report.more_locations, "dataset");
        say(global, &format!("{many} had other locations too, which were left: the newest active one counts"));
    }
    if report.edges + report.homes > 0 {
        let (edges, homes) = (count(report.edges, "lineage edge"), count(report.homes, "home"));
        say(global, &format!("beside the documents: {edges}, {homes}"));
    }
    let head = if dry_run { "dry run, nothing written: " } else { "" };
    say(global, &format!("{head}{}", report.summary()));
    Ok(())
}
