//! What goes to the screen: data on stdout, messages on stderr.

use std::io::{IsTerminal, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle};
use serde_json::Value;

use crate::args::Global;

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The request was wrong: exit code 2.
    Usage(String),
    /// Doing it failed: exit code 1.
    Failed(String),
    /// It failed, and what failed has been told already: exit code 1.
    Told,
    /// Nobody reads what is printed any more: exit code 0.
    NoReader,
}

impl From<cube::Error> for Failure {
    fn from(error: cube::Error) -> Self {
        match error {
            cube::Error::NoReader => Self::NoReader,
            error if error.is_usage() => Self::Usage(error.to_string()),
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            Self::NoReader
        } else {
            Self::Failed(format!("cannot write to stdout: {error}"))
        }
    }
}

/// Says on stderr what went wrong.
pub(crate) fn complain(sentence: &str) {
    let mark = if colours(&std::io::stderr()) { "\u{1b}[1;31merror\u{1b}[0m" } else { "error" };
    let _ = writeln!(std::io::stderr(), "{mark}: {sentence}");
}

/// Says something on stderr, unless the user asked for quiet.
pub(crate) fn say(global: &Global, sentence: &str) {
    if !global.quiet {
        let _ = writeln!(std::io::stderr(), "{sentence}");
    }
}

/// True where colours are wanted: on a terminal, and `NO_COLOR` is not set.
pub(crate) fn colours(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// Starts logging to stderr: warnings by default, more with `-v`, errors only with `-q`.
pub(crate) fn start_logging(global: &Global) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, 2) => "debug",
        _ => "trace",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("CUBE_LOG").unwrap_or_else(|_| {
        tracing_subscriber::EnvFilter::new(format!(
            "warn,cube={level},cube_load={level},cube_raster={level},cube_catalog={level}"
        ))
    });
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours(&std::io::stderr()))
        .without_time()
        .with_target(false)
        .try_init();
}

/// Headings of columns with several words. The others, such as ids and times, are copied from the screen or compared.
const WORDS: [&str; 3] = ["description", "measurements", "search fields"];

/// Prints a table with these headings, a row a line. On a terminal columns of several words are broken into lines so that
/// it fits.
pub(crate) fn print_table(headings: &[&str], rows: Vec<Vec<String>>) -> Result<(), Failure> {
    let mut table = Table::new();
    let line = LineStyle::none().fill('─').junction('─');
    table.load_style(TableStyle::new().header_separator(line)).set_header(headings.to_vec());
    for row in rows {
        table.add_row(row);
    }
    if std::io::stdout().is_terminal() && headings.iter().any(|heading| WORDS.contains(heading)) {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        for (column, heading) in table.column_iter_mut().zip(headings) {
            if !WORDS.contains(heading) {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
    } else {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    writeln!(std::io::stdout(), "{}", table.trim_fmt())?;
    Ok(())
}

/// A number of things: `1 dataset`, `2 datasets`.
pub(crate) fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// Prints a value as indented JSON.
pub(crate) fn print_json(value: &Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Failure::Failed(e.to_string()))?;
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}

/// Prints rows as CSV with a heading line.
pub(crate) fn print_csv(headings: &[&str], rows: Vec<Vec<String>>) -> Result<(), Failure> {
    let mut writer = csv::Writer::from_writer(std::io::stdout().lock());
    let failed = |e: csv::Error| match e.into_kind() {
        csv::ErrorKind::Io(e) => Failure::from(e),
        other => Failure::Failed(format!("cannot write CSV: {other:?}")),
    };
    writer.write_record(headings).map_err(failed)?;
    for row in rows {
        writer.write_record(row).map_err(failed)?;
    }
    writer.flush()?;
    Ok(())
}
