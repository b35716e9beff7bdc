//! `cube export`: documents out.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cube::{DocumentFormat, DocumentsOptions};
use serde_json::json;

use crate::args::{Global, StatusArg, Where};
use crate::output::{Failure, complain, count, print_json, say};
use crate::{progress, query};

#[derive(Debug, Args)]
#[command(
    after_help = "What is exported indexes again: `cube index OUT` into a new catalog makes the same catalog. Each dataset's\ndocument has a section `cube` with its location, which relative paths start from, and since when it is archived."
)]
pub(crate) struct ExportArgs {
    /// Terms as in `cube search`; everything where none is given
    #[arg(value_name = "EXPR", allow_negative_numbers = true)]
    pub(crate) expression: Vec<String>,
    #[command(flatten)]
    pub(crate) place: Where,
    /// Where to write: a folder, x.tar.gz, x.ndjson, x.yaml (also .gz), or - for standard output
    #[arg(short, long, value_name = "OUT", default_value = "-")]
    pub(crate) output: PathBuf,
    /// The format [default: YAML in a folder or archive, else one JSON document a line]
    #[arg(long, value_enum)]
    pub(crate) format: Option<FormatArg>,
    /// Active, archived or all datasets
    #[arg(long, value_enum, default_value = "all")]
    pub(crate) status: StatusArg,
    /// Write the paths of files in full, for programs that look for them beside the document
    #[arg(long)]
    pub(crate) absolute_paths: bool,
    /// Replace the output if it is there
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Print what was written as JSON; not with the documents on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FormatArg {
    /// YAML
    Yaml,
    /// JSON
    Json,
    /// One JSON document a line
    Ndjson,
    /// STAC collections and items
    Stac,
}

pub(crate) fn run(global: &Global, args: &ExportArgs) -> Result<(), Failure> {
    let to_stdout = args.output.as_os_str() == "-";
    if to_stdout && args.json {
        return Err(Failure::Usage(
            "--json prints what was written, which goes to standard output: add -o OUT".to_owned(),
        ));
    }
    let expression = args.expression.iter().chain(&args.place.query).map(String::as_str).collect::<Vec<_>>().join(" ");
    let mut search = query::expression(&expression)?;
    query::apply_place(&mut search, &args.place)?;
    search.status = super::search::status(args.status);
    let dc = super::open(global)?;
    let bar = progress::bar(global, 0, "exporting");
    let advance = |done: u64, total: u64| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let options = DocumentsOptions {
        format: args.format.map(|format| match format {
            FormatArg::Yaml => DocumentFormat::Yaml,
            FormatArg::Json => DocumentFormat::Json,
            FormatArg::Ndjson => DocumentFormat::Ndjson,
            FormatArg::Stac => DocumentFormat::Stac,
        }),
        absolute_paths: args.absolute_paths,
        overwrite: args.overwrite,
        progress: Some(&advance),
    };
    let report = dc.export_documents(&search, &args.output, &options)?;
    bar.finish_and_clear();
    if args.json {
        print_json(&json!(report))?;
    }
    for refusal in &report.refused {
        complain(&refusal.reason);
    }
    let things = |n: u64, what: &str| count(usize::try_from(n).unwrap_or(usize::MAX), what);
    let archived = if report.archived > 0 { format!(" ({} archived)", report.archived) } else { String::new() };
    let place = if to_stdout { String::new() } else { format!(" written to {}", args.output.display()) };
    say(
        global,
        &format!(
            "{}, {}, {}{archived}{place} in {:.1} s",
            count(report.metadata_types, "metadata type"),
            count(report.products, "product"),
            things(report.datasets, "dataset"),
            report.seconds
        ),
    );
    if report.left_out > 0 {
        say(global, &format!("{} left out: STAC has no place for them", things(report.left_out, "archived dataset")));
    }
    if report.refused.is_empty() { Ok(()) } else { Err(Failure::Told) }
}
