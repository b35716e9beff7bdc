//! `cube metadata`.

use clap::Subcommand;
use cube::Added;
use serde_json::json;

use super::definitions::{ShowArgs, UpdateArgs, show, tell_changes, told};
use crate::args::{Global, Json};
use crate::output::{Failure, print_json, print_table, say};

#[derive(Debug, Subcommand)]
pub(crate) enum MetadataCommand {
    /// Add metadata types
    Add {
        /// YAML or JSON files, directories, or - for standard input
        #[arg(required = true)]
        files: Vec<String>,
    },
    /// Change metadata types that are there; where search fields change, all datasets get their new values
    Update(UpdateArgs),
    /// Print metadata types
    Show(ShowArgs),
    /// List metadata types with their search fields
    List(Json),
}

pub(crate) fn run(global: &Global, command: MetadataCommand) -> Result<(), Failure> {
    let dc = super::open(global)?;
    match command {
        MetadataCommand::Add { files } => told(&dc.add_metadata_types(&files, |name, added| {
            let done = match added {
                Added::New => "added",
                Added::AlreadyThere => "already there, unchanged",
            };
            say(global, &format!("metadata type {name}: {done}"));
        })),
        MetadataCommand::Update(args) if args.dry_run => {
            let mut all = Vec::new();
            let refused = dc.compare_metadata_types(&args.files, |changes| all.push(changes));
            tell_changes(global, "metadata type", &all, &refused, &args)
        }
        MetadataCommand::Update(args) => {
            told(&dc.update_metadata_types(&args.files, args.allow_unsafe, |name, changed| {
                say(global, &format!("metadata type {name}: {}", if changed { "updated" } else { "unchanged" }));
            }))
        }
        MetadataCommand::Show(args) => {
            let all = dc.metadata_types()?;
            let mut documents = Vec::new();
            if args.names.is_empty() {
                documents.extend(all.iter().map(|t| t.document.clone()));
            }
            for name in &args.names {
                let Some(found) = all.iter().find(|t| t.name == *name) else {
                    let there = all.iter().map(|t| t.name.as_str()).collect::<Vec<_>>().join(", ");
                    return Err(Failure::Failed(format!("no metadata type {name:?}; there are {there}")));
                };
                documents.push(found.document.clone());
            }
            show(documents, &args)
        }
        MetadataCommand::List(as_json) => {
            let all = dc.metadata_types()?;
            if as_json.json {
                let one = |t: &std::sync::Arc<cube::MetadataType>| {
                    json!({ "name": t.name, "description": t.description,
                        "search_fields": t.search_fields.keys().collect::<Vec<_>>() })
                };
                return print_json(&all.iter().map(one).collect());
            }
            let rows = all.into_iter().map(|t| {
                let fields = t.search_fields.keys().cloned().collect::<Vec<_>>().join(" ");
                vec![t.name.clone(), fields, t.description.clone().unwrap_or_default()]
            });
            print_table(&["metadata type", "search fields", "description"], rows.collect())
        }
    }
}
