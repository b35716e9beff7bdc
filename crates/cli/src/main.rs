//! The `cube` command: arguments in, tables, files and sentences out.

mod allocator;
mod args;
mod commands;
mod output;
mod progress;
mod query;
mod stop;
mod stream;

use clap::Parser;

use crate::args::Arguments;
use crate::output::Failure;

fn main() -> ! {
    stop::leave(answer())
}

/// Does what the arguments say; the exit code.
fn answer() -> u8 {
    allocator::keep_freed_memory();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers and go to stdout; a wrong use goes to stderr with exit code 2.
            let _ = error.print();
            return if error.use_stderr() { 2 } else { 0 };
        }
    };
    output::start_logging(&arguments.global);
    stop::on_signals();
    match commands::run(arguments) {
        // A reader that has seen enough (`cube search | head`) got what it wanted.
        Ok(()) | Err(Failure::NoReader) => 0,
        Err(Failure::Told) => 1,
        Err(Failure::Usage(sentence)) => {
            output::complain(&sentence);
            2
        }
        Err(Failure::Failed(sentence)) => {
            output::complain(&sentence);
            1
        }
    }
}
