//! `cube load`.

use std::io::Write;

use cube::{Compression, ExportOptions, LoadOptions, LoadSpec, Search};
use serde_json::json;

use crate::args::{CompressArg, Global, LoadArgs};
use crate::output::{Failure, count, print_json, say};
use crate::{progress, query};

/// The search and the specification that the arguments are.
fn asked(args: &LoadArgs) -> Result<(Search, LoadSpec), Failure> {
    let search = query::search(&args.products, &args.place)?;
    let spec = query::load_spec(&args.pixels, search.area.as_ref())?.scale(args.scale).provenance(args.provenance);
    Ok((search, spec))
}

pub(crate) fn run(global: &Global, args: &LoadArgs) -> Result<(), Failure> {
    let (search, spec) = asked(args)?;
    let dc = super::open(global)?;
    if args.explain {
        let explanation = dc.explain(&search, &spec)?;
        if args.json.json {
            return print_json(&json!(explanation));
        }
        writeln!(std::io::stdout(), "{explanation}")?;
        return Ok(());
    }
    let Some(output) = &args.output else {
        return Err(Failure::Usage("say where to write with -o, or ask for --explain".to_owned()));
    };
    let options = ExportOptions {
        compress: args.compress.map(|compress| match compress {
            CompressArg::None => Compression::None,
            CompressArg::Deflate => Compression::Deflate,
            CompressArg::Zstd => Compression::Zstd,
        }),
        overwrite: args.overwrite,
    };
    // Before anything is searched or read: the name must say a format, and the place must be free and writable.
    cube::check_output(output, &options)?;
    let plan = dc.plan(&search, &spec)?;
    cube::check_output_of(&plan, output, &options)?;
    let bar = progress::bar(global, 0, "loading");
    let advance = |done: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let options_of_run = LoadOptions { jobs: args.pixels.jobs, progress: Some(&advance), ..LoadOptions::default() };
    let written = cube::run_into(&plan, output, &options, &options_of_run)?;
    bar.finish_and_clear();
    let (layout, files) = (plan.layout(), written.files);
    if args.json.json {
        let files = files.iter().map(|p| p.display().to_string()).collect::<Vec<_>>();
        return print_json(&json!({ "written": files, "shape": { "time": layout.times.len(),
            "rows": layout.geobox.shape.rows, "columns": layout.geobox.shape.cols },
            "holes": written.holes.iter().map(ToString::to_string).collect::<Vec<_>>() }));
    }
    let names = layout.arrays.iter().map(|a| a.name.clone()).collect::<Vec<_>>().join(", ");
    let what = format!("{} of {names}, {}", count(layout.times.len(), "time"), layout.geobox);
    let place = if let [one] = files.as_slice() {
        one.display().to_string()
    } else {
        format!("{} files in {}", files.len(), output.display())
    };
    say(global, &format!("{what}\nwritten: {place}"));
    Ok(())
}
