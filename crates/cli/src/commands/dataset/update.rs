//! `cube dataset update`.
#![expect(clippy::doc_markdown, reason = "these comments are the help texts, which people read as they stand")]

use clap::{Args, ValueEnum};
use cube::{DatasetUpdate, MATURITY_DELTA, UpdateOptions, UpdateOutcome, UpdateReport, UpdateRules};
use serde_json::{Value, json};
use std::fmt::Write as _;

use crate::args::{Global, Json};
use crate::output::{Failure, complain, count, print_json, say};

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// Dataset documents: YAML or JSON files, directories, globs, or - for standard input
    #[arg(required = true)]
    files: Vec<String>,
    /// Allow any change at this place of the document and below: properties.eo:cloud_cover, measurements.*.path; repeat for several
    #[arg(long = "allow-any", value_name = "A.B.C")]
    allow_any: Vec<String>,
    /// What becomes of the location that the catalog has
    #[arg(long, value_enum, default_value_t)]
    location_policy: LocationPolicy,
    /// Archive less mature versions of the updated datasets
    #[arg(long)]
    archive_less_mature: bool,
    /// List the changes, write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum LocationPolicy {
    /// The dataset stays where it is; only its document changes
    Keep,
    /// Its location becomes that of the new document
    #[default]
    Forget,
}

pub(crate) fn run(global: &Global, args: &UpdateArgs) -> Result<(), Failure> {
    let options = UpdateOptions {
        rules: UpdateRules {
            allow_any: args.allow_any.clone(),
            keep_location: args.location_policy == LocationPolicy::Keep,
            dry_run: args.dry_run,
        },
        archive_less_mature: args.archive_less_mature.then_some(MATURITY_DELTA),
    };
    let report = crate::commands::open(global)?.update_datasets(&args.files, &options)?;
    if args.json.json {
        print_json(&document(&report, args.dry_run))?;
    } else {
        tell(global, &report, args.dry_run);
    }
    if report.failed() == 0 { Ok(()) } else { Err(Failure::Told) }
}

const fn word(outcome: &UpdateOutcome) -> &'static str {
    match outcome {
        UpdateOutcome::Updated => "updated",
        UpdateOutcome::Unchanged => "unchanged",
        UpdateOutcome::Refused => "refused",
        UpdateOutcome::NotThere => "not_there",
        UpdateOutcome::OtherProduct { .. } => "other_product",
    }
}

fn document(report: &UpdateReport, dry_run: bool) -> Value {
    let update = |update: &DatasetUpdate| {
        json!({
            "id": update.id, "outcome": word(&update.outcome), "safe": update.safe, "not_safe": update.not_safe,
            "moved": update.moved.as_ref().map(|(was, is)| json!({ "was": was, "is": is })),
        })
    };
    json!({
        "dry_run": dry_run,
        "updated": report.count(|o| *o == UpdateOutcome::Updated),
        "unchanged": report.count(|o| *o == UpdateOutcome::Unchanged),
        "failed": report.failed(),
        "datasets": report.updates.iter().map(update).collect::<Vec<_>>(),
        "archived": report.archived,
        "refused": report.refused,
    })
}

fn tell(global: &Global, report: &UpdateReport, dry_run: bool) {
    for update in &report.updates {
        let id = update.id;
        match &update.outcome {
            UpdateOutcome::NotThere => {
                complain(&format!("dataset {id} is not in the catalog: `cube index` adds it"));
                continue;
            }
            UpdateOutcome::OtherProduct { there } => {
                complain(&format!("dataset {id} is in product {there:?} and stays there: purge it first to move it"));
                continue;
            }
            UpdateOutcome::Refused => {
                complain(&format!(
                    "dataset {id} has {} not safe, and is not updated: {}. Add --allow-any with their places if they are meant",
                    changes(update.not_safe.len()),
                    update.not_safe.join("; ")
                ));
            }
            UpdateOutcome::Updated if dry_run => say(global, &format!("dataset {id} would be updated")),
            UpdateOutcome::Updated => say(global, &format!("dataset {id}: updated")),
            UpdateOutcome::Unchanged => say(global, &format!("dataset {id}: unchanged")),
        }
        if dry_run {
            update.safe.iter().for_each(|change| say(global, &format!("  safe      {change}")));
            update.not_safe.iter().for_each(|change| say(global, &format!("  not safe  {change}")));
        }
        if let Some((was, is)) = &update.moved {
            let shown = |place: &Option<String>| place.clone().unwrap_or_else(|| "nowhere".to_owned());
            say(global, &format!("  location  was {}, is {}", shown(was), shown(is)));
        }
    }
    report.refused.iter().for_each(|refusal| complain(&refusal.reason));
    let updated = count(report.count(|o| *o == UpdateOutcome::Updated), "dataset");
    let unchanged = report.count(|o| *o == UpdateOutcome::Unchanged);
    let head = if dry_run { "dry run, nothing written: " } else { "" };
    let mut sentence = format!("{head}{updated} updated, {unchanged} unchanged, {} refused", report.failed());
    if !report.archived.is_empty() {
        let _ = write!(sentence, ", {} archived", count(report.archived.len(), "less mature dataset"));
    }
    say(global, &sentence);
}

fn changes(n: usize) -> String {
    if n == 1 { "1 change that is".to_owned() } else { format!("{n} changes that are") }
}
