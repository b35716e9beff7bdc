//! The `cube` command: arguments in, tables, files and sentences out.

mod allocator;
mod args;
mod commands;
mod output;
mod progress;
mod query;
mod stop;
mod stream;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Arguments;
use crate::output::Failure;

fn main() -> ExitCode {
    allocator::keep_freed_memory();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers and go to stdout; a wrong use goes to stderr with exit code 2.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    output::start_logging(&arguments.global);
    stop::on_signals();
    match commands::run(arguments) {
        // A reader that has seen enough (`cube search | head`) got what it wanted.
        Ok(()) | Err(Failure::NoReader) => ExitCode::SUCCESS,
        Err(Failure::Told) => ExitCode::from(1),
        Err(Failure::Usage(sentence)) => {
            output::complain(&sentence);
            ExitCode::from(2)
        }
        Err(Failure::Failed(sentence)) => {
            output::complain(&sentence);
            ExitCode::from(1)
        }
    }
}
