//! `cube dataset`: the life of datasets.

mod change;
mod find;
mod lineage;
mod show;
mod update;

use clap::Subcommand;
use cube::Uuid;

use crate::args::Global;
use crate::output::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum DatasetCommand {
    /// Print the documents of datasets
    Show(show::ShowArgs),
    /// Say what is known of datasets: product, state, location, fields, lineage
    Info(show::InfoArgs),
    /// Replace the documents of datasets that are there; changes that are not safe need leave
    Update(update::UpdateArgs),
    /// Hide datasets from searches
    Archive(change::ArchiveArgs),
    /// Bring archived datasets back
    Restore(change::RestoreArgs),
    /// Delete archived datasets for good
    Purge(change::PurgeArgs),
    /// What datasets were made from, and what was made from them
    Lineage(lineage::LineageArgs),
    /// Find datasets by the location of their documents
    #[command(alias = "uri-search")]
    Uris(find::UrisArgs),
    /// Find datasets of a product that share the values of fields
    #[command(alias = "find-duplicates")]
    Duplicates(find::DuplicatesArgs),
}

pub(crate) fn run(global: &Global, command: DatasetCommand) -> Result<(), Failure> {
    match command {
        DatasetCommand::Show(args) => show::show(global, &args),
        DatasetCommand::Info(args) => show::info(global, &args),
        DatasetCommand::Update(args) => update::run(global, &args),
        DatasetCommand::Archive(args) => change::archive(global, &args),
        DatasetCommand::Restore(args) => change::restore(global, &args),
        DatasetCommand::Purge(args) => change::purge(global, &args),
        DatasetCommand::Lineage(args) => lineage::run(global, args),
        DatasetCommand::Uris(args) => find::uris(global, &args),
        DatasetCommand::Duplicates(args) => find::duplicates(global, &args),
    }
}

/// The ids of these words.
fn parse(ids: &[String]) -> Result<Vec<Uuid>, Failure> {
    ids.iter().map(|id| parse_one(id)).collect()
}

fn parse_one(id: &str) -> Result<Uuid, Failure> {
    id.parse().map_err(|_| {
        Failure::Usage(format!(
            "{id:?} is not a dataset id: expected a UUID such as 7f3bd8b5-8d5a-5b8e-9d0a-2f8f5c1c1d11"
        ))
    })
}
