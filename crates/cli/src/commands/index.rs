//! `cube index`.

use std::path::PathBuf;

use clap::Args;
use cube::{HttpOptions, IndexOptions, IndexReport, StacQuery, Surroundings};
use serde_json::json;

use super::from_odc::{self, Copying, FromOdcArgs};
use crate::args::{Global, Json, at_least_one};
use crate::output::{Failure, complain, print_json, say};
use crate::query::numbers;
use crate::{progress, stop};

/// Most refusals that are told one by one; more are told by their reasons.
const TOLD: usize = 20;

/// Most reasons that are told.
const REASONS: usize = 10;

#[derive(Debug, Args)]
pub(crate) struct IndexArgs {
    /// Documents (YAML, JSON, NDJSON; also .gz and .tar), directories, globs, http(s):// URLs, STAC APIs, catalogs,
    /// collections and items, - for standard input; rasters with --product
    #[arg(required_unless_present = "url", value_name = "SOURCE")]
    pub(crate) sources: Vec<String>,
    /// Only datasets of this product; repeat for several. Raster files become datasets of it: their planes need no document
    #[arg(short, long, value_name = "NAME")]
    pub(crate) product: Vec<String>,
    /// No datasets of this product; repeat for several
    #[arg(short = 'x', long, value_name = "NAME")]
    pub(crate) exclude_product: Vec<String>,
    /// Check everything, write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Replace the document of a dataset that is there but differs
    #[arg(long)]
    pub(crate) update: bool,
    /// Archive the less mature versions of what comes (final, interim, nrt; of one region, within 500 ms); refuse what
    /// comes after a version as mature
    #[arg(long)]
    pub(crate) archive_less_mature: bool,
    /// How many threads parse [default: one a core]
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    pub(crate) jobs: Option<usize>,
    #[command(flatten)]
    pub(crate) stac: StacSourceArgs,
    #[command(flatten)]
    pub(crate) from_odc: FromOdcArgs,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// What is asked of a STAC API or catalog.
#[derive(Debug, Args)]
#[command(next_help_heading = "Of STAC APIs and catalogs")]
pub(crate) struct StacSourceArgs {
    /// Only items of this collection, which becomes a product; repeat for several. An API needs at least one
    #[arg(long, value_name = "ID")]
    collection: Vec<String>,
    /// Only items that touch this box: west,south,east,north in degrees
    #[arg(long, value_name = "W,S,E,N", allow_hyphen_values = true)]
    bbox: Option<String>,
    /// Only items of this time: 2034, 2034-05, 2034-05-17 or a range A/B, where .. leaves an end open
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// A filter in the text form of CQL2 that the API applies, such as `eo:cloud_cover < 20`
    #[arg(long, visible_alias = "query", value_name = "CQL2")]
    filter: Option<String>,
    /// At most so many items of each source
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    limit: Option<usize>,
    /// What collections leave out about their measurements (data type, nodata value, unit, scale, offset, aliases), by
    /// collection and asset, in the form of odc-stac's configuration
    #[arg(long, value_name = "FILE")]
    measurements: Option<PathBuf>,
}

impl StacSourceArgs {
    fn query(&self) -> Result<StacQuery, Failure> {
        let bbox = self.bbox.as_deref().map(|text| numbers::<4>(text, "--bbox", "11.9,41.8,12.6,42.4")).transpose()?;
        if let Some([west, south, east, north]) = bbox
            && (south > north
                || !(-90.0..=90.0).contains(&south)
                || north > 90.0
                || west.abs() > 180.0
                || east.abs() > 180.0)
        {
            let text = self.bbox.as_deref().unwrap_or_default();
            return Err(Failure::Usage(format!(
                "--bbox {text:?} is no box on the Earth: give west,south,east,north in degrees"
            )));
        }
        Ok(StacQuery {
            collections: self.collection.clone(),
            bbox,
            time: self.time.as_deref().map(str::parse).transpose().map_err(cube::Error::from)?,
            filter: self.filter.clone(),
            limit: self.limit,
            measurements: self.measurements.clone(),
        })
    }
}

pub(crate) fn run(global: &Global, args: &IndexArgs) -> Result<(), Failure> {
    if let Some(url) = &args.from_odc.url {
        let copying = Copying {
            products: &[args.sources.as_slice(), args.product.as_slice()].concat(),
            update: args.update,
            dry_run: args.dry_run,
            jobs: args.jobs,
            json: args.json.json,
        };
        return from_odc::run(global, url, args.from_odc.schema, &copying);
    }
    let dc = super::open(global)?;
    let bar = progress::IndexBar::new(global);
    let advance: &dyn Fn(&cube::IndexProgress) = &|progress| bar.set(progress);
    let options = IndexOptions {
        products: args.product.clone(),
        exclude_products: args.exclude_product.clone(),
        dry_run: args.dry_run,
        update: args.update,
        archive_less_mature: args.archive_less_mature,
        stac: args.stac.query()?,
        http: HttpOptions::of(&Surroundings::of_process()),
        jobs: args.jobs,
        progress: bar.is_shown().then_some(advance),
        stop: Some(stop::gently()),
    };
    let report = dc.index(&args.sources, &options)?;
    bar.finish();
    if args.json.json {
        print_json(&json!(report))?;
        if report.refused_in_all > 0 {
            complain(&report.summary());
        }
    } else {
        tell(global, &report, args.dry_run);
    }
    if report.stopped {
        stop::end();
    }
    if report.refused_in_all == 0 { Ok(()) } else { Err(Failure::Told) }
}

fn tell(global: &Global, report: &IndexReport, dry_run: bool) {
    if report.refused_in_all <= TOLD {
        for refusal in &report.refused {
            complain(&refusal.reason);
        }
    } else {
        for reason in report.reasons.iter().take(REASONS) {
            let more = if reason.count > reason.first.len() { ", …" } else { "" };
            complain(&format!("{} refused: {} (at {}{more})", reason.count, reason.reason, reason.first.join(", ")));
        }
        let others = report.reasons.iter().skip(REASONS).map(|reason| reason.count).sum::<usize>();
        if others > 0 {
            complain(&format!("{others} refused for other reasons; --json lists them"));
        }
    }
    let head = if dry_run { "dry run, nothing written: " } else { "" };
    say(global, &format!("{head}{}", report.summary()));
}
