//! One module a command.

mod applications;
mod catalog;
pub(crate) mod count;
pub(crate) mod dataset;
mod definitions;
pub(crate) mod export;
mod from_odc;
pub(crate) mod index;
mod load;
pub(crate) mod metadata;
pub(crate) mod product;
pub(crate) mod search;
pub(crate) mod stac;
mod status;

use std::io::Write;

use clap::CommandFactory;
use cube::{Config, ConfigOptions, Datacube, Surroundings};

use crate::args::{Arguments, Command, Global};
use crate::output::Failure;

/// Runs the command that was asked for.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let global = arguments.global;
    match arguments.command {
        Command::Init => catalog::init(&global),
        Command::Status(json) => status::run(&global, json.json),
        Command::Product(command) => product::run(&global, command),
        Command::Metadata(command) => metadata::run(&global, command),
        Command::Index(args) => index::run(&global, &args),
        Command::Export(args) => export::run(&global, &args),
        Command::Dataset(command) => dataset::run(&global, command),
        Command::Search(args) => search::run(&global, &args),
        Command::Count(args) => count::run(&global, &args),
        Command::Load(args) => load::run(&global, &args),
        Command::Water(args) => applications::water(&global, &args),
        Command::Series(args) => applications::series(&global, &args),
        Command::Plot(args) => applications::plot(&global, &args),
        Command::Completions { shell } => {
            // Into memory first: the generator knows no broken pipe.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "cube", &mut script);
            Ok(std::io::stdout().write_all(&script)?)
        }
        Command::Man { dir } => std::fs::create_dir_all(&dir)
            .and_then(|()| clap_mangen::generate_to(Arguments::command(), &dir))
            .map_err(|e| Failure::Failed(format!("cannot write man pages into {}: {e}", dir.display()))),
    }
}

/// The catalog that the arguments name.
fn config(global: &Global) -> Result<Config, Failure> {
    let options = ConfigOptions {
        catalog: global.catalog.clone(),
        environment: global.env.clone(),
        files: global.configs.clone(),
    };
    Ok(Config::find(&options, &Surroundings::of_process())?)
}

/// Opens that catalog.
fn open(global: &Global) -> Result<Datacube, Failure> {
    Ok(Datacube::open(&config(global)?)?)
}
