//! `cube dataset`: the life of a dataset.

use std::io::Write;

use cube::{Datacube, Uuid};
use serde_json::Value;

use crate::args::{DatasetCommand, Global};
use crate::output::{Failure, count, print_json, say};

fn parse(ids: &[String]) -> Result<Vec<Uuid>, Failure> {
    ids.iter()
        .map(|id| {
            id.parse().map_err(|_| {
                Failure::Usage(format!(
                    "{id:?} is not a dataset id: expected a UUID such as 7f3bd8b5-8d5a-5b8e-9d0a-2f8f5c1c1d11"
                ))
            })
        })
        .collect()
}

pub(crate) fn run(global: &Global, command: DatasetCommand) -> Result<(), Failure> {
    match command {
        DatasetCommand::Show { ids, json } => show(&super::open(global)?, &parse(&ids)?, json),
        DatasetCommand::Archive { ids } => {
            let n = super::open(global)?.archive(&parse(&ids)?)?;
            say(global, &format!("{} archived", count(n, "dataset")));
            Ok(())
        }
        DatasetCommand::Restore { ids } => {
            let n = super::open(global)?.restore(&parse(&ids)?)?;
            say(global, &format!("{} restored", count(n, "dataset")));
            Ok(())
        }
        DatasetCommand::Purge { ids, force } => {
            let n = super::open(global)?.purge(&parse(&ids)?, force)?;
            say(global, &format!("{} deleted for good", count(n, "dataset")));
            Ok(())
        }
    }
}

fn show(dc: &Datacube, ids: &[Uuid], json: bool) -> Result<(), Failure> {
    let datasets = ids.iter().map(|&id| Ok(dc.dataset(id)?)).collect::<Result<Vec<_>, Failure>>()?;
    if json {
        return print_json(&Value::from(datasets.into_iter().map(|d| d.document).collect::<Vec<_>>()));
    }
    for (n, dataset) in datasets.iter().enumerate() {
        if n > 0 {
            writeln!(std::io::stdout(), "---")?;
        }
        write!(std::io::stdout(), "{}", cube::to_yaml(&dataset.document)?)?;
    }
    Ok(())
}
