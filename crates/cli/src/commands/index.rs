//! `cube index`.

use cube::{IndexOptions, IndexReport};
use serde_json::json;

use crate::args::{Global, IndexArgs};
use crate::output::{Failure, complain, print_json, say};
use crate::progress;

/// Most refusals that are told one by one; the summary counts them all.
const TOLD: usize = 50;

pub(crate) fn run(global: &Global, args: &IndexArgs) -> Result<(), Failure> {
    let dc = super::open(global)?;
    let bar = progress::bar(global, 0, "indexing");
    let advance = |done: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let options = IndexOptions {
        product: args.product.clone(),
        dry_run: args.dry_run,
        update: args.update,
        jobs: args.jobs,
        progress: Some(&advance),
    };
    let report = dc.index(&args.sources, &options)?;
    bar.finish_and_clear();
    if args.json.json {
        print_json(&json!(report))?;
    } else {
        tell(global, &report, args.dry_run);
    }
    if report.refused.is_empty() { Ok(()) } else { Err(Failure::Told) }
}

fn tell(global: &Global, report: &IndexReport, dry_run: bool) {
    for refusal in report.refused.iter().take(TOLD) {
        complain(&refusal.reason);
    }
    if report.refused.len() > TOLD {
        complain(&format!("… and {} more; --json lists all", report.refused.len() - TOLD));
    }
    let head = if dry_run { "dry run, nothing written: " } else { "" };
    say(global, &format!("{head}{}", report.summary()));
}
