//! `cube dataset archive`, `restore` and `purge`.

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use cube::{ArchiveOptions, Chosen, DERIVED_TOLERANCE, PurgeOptions, RestoreOptions, Search, Touched, Uuid};
use serde_json::{Value, json};

use super::parse;
use crate::args::{Global, Where};
use crate::output::{Failure, count, print_json, print_table, say};
use crate::query;

/// Which datasets: by id, or all that are found.
#[derive(Debug, Args)]
struct Which {
    /// Dataset ids
    ids: Vec<String>,
    /// All datasets; with --product those of these products
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Of these products only; repeat for several
    #[arg(short, long, value_name = "NAME", conflicts_with = "ids")]
    product: Vec<String>,
    #[command(flatten)]
    place: Where,
    /// Print what would change, write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ArchiveArgs {
    #[command(flatten)]
    which: Which,
    /// All that was made from them too, step by step
    #[arg(short, long, alias = "archive-derived")]
    derived: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    #[command(flatten)]
    which: Which,
    /// What was made from them and was archived at about the same time too, step by step
    #[arg(short, long, alias = "restore-derived")]
    derived: bool,
    /// How far apart that may have been [default: 600]
    #[arg(long, value_name = "SECONDS", requires = "derived")]
    derived_tolerance_seconds: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct PurgeArgs {
    #[command(flatten)]
    which: Which,
    /// Also those that are not archived
    #[arg(long)]
    force: bool,
}

/// Ids, or a search.
enum Selected {
    Ids(Vec<Uuid>),
    Found(Box<Search>),
}

impl Selected {
    const fn chosen(&self) -> Chosen<'_> {
        match self {
            Self::Ids(ids) => Chosen::Ids(ids.as_slice()),
            Self::Found(search) => Chosen::Found(search),
        }
    }
}

impl Which {
    fn selected(&self) -> Result<Selected, Failure> {
        let Where { time, bbox, geometry, query, limit, .. } = &self.place;
        let terms = time.is_some() || bbox.is_some() || geometry.is_some() || !query.is_empty();
        let sentence = match (self.ids.is_empty(), self.all, terms) {
            (false, false, false) if limit.is_none() => return Ok(Selected::Ids(parse(&self.ids)?)),
            (true, true, false) | (true, false, true) => {
                return Ok(Selected::Found(Box::new(query::search(&self.product, &self.place)?)));
            }
            (false, ..) => "give dataset ids, or terms to find datasets by, not both",
            (true, true, true) => "--all takes every dataset and no terms: leave out one of them",
            (true, false, false) if !self.product.is_empty() => {
                "add --all for all datasets of the product, or a --query"
            }
            (true, false, false) => "no datasets are named: give ids, a --query, or --all",
        };
        Err(Failure::Usage(sentence.to_owned()))
    }

    /// Says what was done to these datasets, or would be.
    fn tell(&self, global: &Global, done: &str, selected: &Selected, touched: &[Touched]) -> Result<(), Failure> {
        if self.json {
            let datasets: Vec<Value> = touched.iter().map(document).collect();
            let key = done.split_once(' ').map_or(done, |(verb, _)| verb);
            return print_json(&json!({ key: touched.len(), "dry_run": self.dry_run, "datasets": datasets }));
        }
        if self.dry_run && !touched.is_empty() {
            let rows = touched.iter().map(|t| vec![t.id.to_string(), t.product.clone(), place(t)]).collect();
            print_table(&["id", "product", "location"], rows)?;
        }
        let mut sentence = if self.dry_run {
            format!("dry run, nothing written: {} would be {done}", count(touched.len(), "dataset"))
        } else {
            format!("{} {done}", count(touched.len(), "dataset"))
        };
        if let Selected::Ids(ids) = selected {
            let mut left = ids.clone();
            left.sort_unstable();
            left.dedup();
            left.retain(|id| !touched.iter().any(|touched| touched.id == *id));
            if !left.is_empty() {
                let state = if done == "restored" { "active" } else { "archived" };
                let were = if left.len() == 1 { "was" } else { "were" };
                let _ = write!(sentence, "; {} {were} {state} already", left.len());
            }
        }
        say(global, &sentence);
        Ok(())
    }
}

pub(super) fn document(touched: &Touched) -> Value {
    json!({
        "id": touched.id, "product": touched.product, "location": touched.location,
        "archived": touched.archived.map(|at| at.to_string()),
    })
}

pub(super) fn place(touched: &Touched) -> String {
    touched.location.clone().unwrap_or_default()
}

pub(crate) fn archive(global: &Global, args: &ArchiveArgs) -> Result<(), Failure> {
    let selected = args.which.selected()?;
    let options = ArchiveOptions { derived: args.derived, dry_run: args.which.dry_run };
    let touched = crate::commands::open(global)?.archive_with(selected.chosen(), options)?;
    args.which.tell(global, "archived", &selected, &touched)
}

pub(crate) fn restore(global: &Global, args: &RestoreArgs) -> Result<(), Failure> {
    let selected = args.which.selected()?;
    let tolerance = args.derived_tolerance_seconds.map_or(DERIVED_TOLERANCE, Duration::from_secs);
    let options = RestoreOptions { derived: args.derived.then_some(tolerance), dry_run: args.which.dry_run };
    let touched = crate::commands::open(global)?.restore_with(selected.chosen(), options)?;
    args.which.tell(global, "restored", &selected, &touched)
}

pub(crate) fn purge(global: &Global, args: &PurgeArgs) -> Result<(), Failure> {
    let selected = args.which.selected()?;
    let options = PurgeOptions { force: args.force, dry_run: args.which.dry_run };
    let touched = crate::commands::open(global)?.purge_with(selected.chosen(), options)?;
    args.which.tell(global, "deleted for good", &selected, &touched)
}
