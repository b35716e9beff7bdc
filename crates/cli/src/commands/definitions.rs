//! What `cube product` and `cube metadata` share: changes that are told, documents that are printed.

use std::io::Write;

use clap::{Args, ValueEnum};
use cube::{DefinitionChanges, Refusal};
use serde_json::{Value, json};

use crate::args::Global;
use crate::output::{Failure, complain, count, print_json, say};

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// YAML or JSON files, directories, or - for standard input
    #[arg(required = true)]
    pub(crate) files: Vec<String>,
    /// Also make changes that datasets already indexed may not fit
    #[arg(long)]
    pub(crate) allow_unsafe: bool,
    /// Print the changes, each with whether it is safe; write nothing. Fails where the update would be refused
    #[arg(short = 'd', long)]
    pub(crate) dry_run: bool,
    /// With --dry-run: print JSON
    #[arg(long, requires = "dry_run")]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Names; all where none is given
    pub(crate) names: Vec<String>,
    /// How to print them
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: DocumentFormat,
    /// Print JSON: a list of documents
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocumentFormat {
    /// YAML documents
    #[default]
    Yaml,
    /// A list of JSON documents
    Json,
}

/// Prints documents in the format asked for.
pub(crate) fn show(documents: Vec<Value>, args: &ShowArgs) -> Result<(), Failure> {
    if args.json || args.format == DocumentFormat::Json {
        print_json(&Value::from(documents))
    } else {
        print_yaml(&documents)
    }
}

/// Prints documents as YAML, with `---` between them.
pub(crate) fn print_yaml(documents: &[Value]) -> Result<(), Failure> {
    for (n, document) in documents.iter().enumerate() {
        if n > 0 {
            writeln!(std::io::stdout(), "---")?;
        }
        write!(std::io::stdout(), "{}", cube::to_yaml(document)?)?;
    }
    Ok(())
}

/// Tells each refused document; a partial failure is exit code 1.
pub(crate) fn told(refused: &[Refusal]) -> Result<(), Failure> {
    for refusal in refused {
        complain(&refusal.reason);
    }
    if refused.is_empty() { Ok(()) } else { Err(Failure::Told) }
}

/// Prints what updates would change, a line each, with what to do about it. Fails where one would be refused.
pub(crate) fn tell_changes(
    global: &Global,
    what: &str,
    all: &[DefinitionChanges],
    refused: &[Refusal],
    args: &UpdateArgs,
) -> Result<(), Failure> {
    let stopped = |changes: &DefinitionChanges| changes.needs_leave() && !args.allow_unsafe;
    if args.json {
        let change = |c: &cube::DefinitionChange| json!({ "path": c.path, "was": c.was, "is": c.is, "safe": c.safe, "change": c.to_string() });
        let one = |c: &DefinitionChanges| {
            json!({ "name": c.name, "datasets": c.datasets, "refused": stopped(c),
                "changes": c.changes.iter().map(change).collect::<Vec<_>>() })
        };
        print_json(&all.iter().map(one).collect::<Vec<_>>().into())?;
    } else {
        let mut out = std::io::stdout();
        for one in all {
            let unsafe_ones = one.changes.iter().filter(|c| !c.safe).count();
            let datasets = count(usize::try_from(one.datasets).unwrap_or(usize::MAX), "dataset");
            if one.changes.is_empty() {
                writeln!(out, "{what} {}: nothing changes", one.name)?;
                continue;
            }
            let number = count(one.changes.len(), "change");
            writeln!(out, "{what} {}: {number}, {unsafe_ones} not safe; {datasets}", one.name)?;
            for change in &one.changes {
                let (mark, advice) = match (change.safe, one.datasets, args.allow_unsafe) {
                    (true, ..) => ("safe", ""),
                    (false, 0, _) => ("unsafe", " (allowed: there is no dataset yet)"),
                    (false, _, true) => ("unsafe", " (allowed by --allow-unsafe)"),
                    (false, _, false) => {
                        ("unsafe", " (refused: datasets may not fit; --allow-unsafe where it is meant)")
                    }
                };
                writeln!(out, "  {mark:<7} {change}{advice}")?;
            }
        }
    }
    say(global, "nothing was written");
    told(refused)?;
    if all.iter().any(stopped) { Err(Failure::Told) } else { Ok(()) }
}
