//! `cube water`, `cube series`, `cube plot`.

use cube::plot::PlotRequest;
use cube::series::SeriesRequest;
use cube::water::WaterRequest;
use cube::{ExportOptions, LoadOptions, SpectralIndex, Threshold};
use serde_json::json;

use crate::args::{Global, PlotArgs, SeriesArgs, WaterArgs, WaterIndexArg};
use crate::output::{Failure, print_json, print_table, say};
use crate::{progress, query};

/// Time planes as a bar counts them.
fn options_with<'a>(jobs: Option<usize>, advance: &'a (dyn Fn(usize, usize) + Sync)) -> LoadOptions<'a> {
    LoadOptions { jobs, progress: Some(advance) }
}

/// `cube water`.
pub(crate) fn water(global: &Global, args: &WaterArgs) -> Result<(), Failure> {
    let search = query::search(std::slice::from_ref(&args.product), &args.place)?;
    let threshold = match args.threshold.as_str() {
        "otsu" | "Otsu" => Threshold::Otsu,
        number => Threshold::Fixed(number.parse().ok().filter(|v: &f64| (-1.0..=1.0).contains(v)).ok_or_else(|| {
            Failure::Usage(format!("--threshold {number:?}: expected a number from -1 to 1, or otsu"))
        })?),
    };
    let request = WaterRequest {
        spec: query::load_spec(&args.pixels, search.area.as_ref())?,
        search,
        index: args.index.map(|index| match index {
            WaterIndexArg::Mndwi => SpectralIndex::Mndwi,
            WaterIndexArg::Ndwi => SpectralIndex::Ndwi,
        }),
        threshold,
        min_pixels: args.min_pixels,
    };
    let dc = super::open(global)?;
    let bar = progress::bar(global, 0, "loading");
    let advance = |done: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let mut report = dc.water(&request, &options_with(args.pixels.jobs, &advance))?;
    bar.finish_and_clear();
    if let Some(truth) = &args.truth {
        report.compare(truth)?;
    }
    let options = ExportOptions { overwrite: args.overwrite, ..ExportOptions::default() };
    let written = report.write(&args.output, &options)?;
    if args.json.json {
        print_json(&json!({ "method": report.method, "dates": report.rows, "written": written }))?;
    } else {
        print_table(&report.headings(), report.table())?;
        say(global, &report.method);
    }
    say(global, &format!("written: {} files in {}", written.len(), args.output.display()));
    Ok(())
}

/// `cube series`.
pub(crate) fn series(global: &Global, args: &SeriesArgs) -> Result<(), Failure> {
    let search = query::search(std::slice::from_ref(&args.product), &args.place)?;
    let options = ExportOptions { overwrite: args.overwrite, ..ExportOptions::default() };
    for path in &args.output {
        cube::series::check_name(path)?;
        cube::check_free(path, &options)?;
    }
    let request = SeriesRequest {
        spec: query::load_spec(&args.pixels, search.area.as_ref())?,
        search,
        weighted: !args.unweighted,
        celsius: args.celsius,
    };
    let dc = super::open(global)?;
    let bar = progress::bar(global, 0, "loading");
    let advance = |done: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let all = dc.series(&request, &options_with(args.pixels.jobs, &advance))?;
    bar.finish_and_clear();
    for path in &args.output {
        cube::series::write_series(&all, path, args.title.as_deref(), &options)?;
        say(global, &format!("written: {}", path.display()));
    }
    if args.json.json {
        print_json(&json!(all))?;
    } else if args.output.is_empty() {
        print_table(&cube::series::HEADINGS, all.iter().flat_map(cube::series::SeriesOf::rows).collect())?;
    }
    for one in &all {
        if let Some(mean) = one.overall_mean() {
            say(global, &format!("{}: {} times, mean {mean:.3} {}", one.name, one.points.len(), one.units));
        }
    }
    Ok(())
}

/// `cube plot`.
pub(crate) fn plot(global: &Global, args: &PlotArgs) -> Result<(), Failure> {
    let search = query::search(std::slice::from_ref(&args.product), &args.place)?;
    if args.output.extension().is_none_or(|e| !e.eq_ignore_ascii_case("png")) {
        return Err(Failure::Usage(format!("{}: a picture is written as .png", args.output.display())));
    }
    cube::check_free(&args.output, &ExportOptions { overwrite: args.overwrite, ..ExportOptions::default() })?;
    let mut spec = query::load_spec(&args.pixels, search.area.as_ref())?;
    if !args.rgb.is_empty() {
        if args.rgb.len() != 3 {
            return Err(Failure::Usage("--rgb takes three measurements: red,green,blue".to_owned()));
        }
        spec = spec.measurements(args.rgb.iter().map(|m| m.trim()));
    }
    let range = args.range.as_deref().map(query::range).transpose()?;
    let request = PlotRequest {
        search,
        spec,
        times: args.times.clone(),
        rgb: !args.rgb.is_empty(),
        celsius: args.celsius,
        colours: args.colours.clone(),
        range,
        title: args.title.clone(),
    };
    let dc = super::open(global)?;
    let bar = progress::bar(global, 0, "loading");
    let advance = |done: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let times = dc.plot(&request, &args.output, &options_with(args.pixels.jobs, &advance))?;
    bar.finish_and_clear();
    let s = if times.len() == 1 { "" } else { "s" };
    say(global, &format!("written: {} ({} time{s})", args.output.display(), times.len()));
    Ok(())
}
