//! `cube water`, `cube series`, `cube plot`.

use std::path::Path;

use cube::plot::PlotRequest;
use cube::series::SeriesRequest;
use cube::water::WaterRequest;
use cube::{ExportOptions, GroupBy, LoadOptions, LoadSpec, SpectralIndex, Threshold};
use serde_json::json;

use crate::args::{Global, Pixels, PlotArgs, SeriesArgs, WaterArgs, WaterIndexArg};
use crate::output::{Failure, count, print_json, print_table, say};
use crate::{progress, query};

/// Time planes as a bar counts them.
fn options_with(jobs: Option<usize>, advance: &(dyn Fn(usize, usize) + Sync)) -> LoadOptions<'_> {
    LoadOptions { jobs, progress: Some(advance), ..LoadOptions::default() }
}

/// Scenes come in tiles, some seconds apart: one solar day is one plane, unless another rule was asked for.
fn by_solar_day(pixels: &Pixels, spec: LoadSpec) -> LoadSpec {
    if pixels.group_by.is_none() { spec.group_by(GroupBy::SolarDay) } else { spec }
}

/// `cube water`.
pub(crate) fn water(global: &Global, args: &WaterArgs) -> Result<(), Failure> {
    let search = query::search(std::slice::from_ref(&args.product), &args.place)?;
    let threshold = match args.threshold.as_str() {
        "otsu" | "Otsu" => Threshold::Otsu,
        number => {
            Threshold::Fixed(number.parse().ok().filter(|v: &f64| (-1.0..=1.0).contains(v)).ok_or_else(|| {
                Failure::Usage(format!("--threshold {number:?}: expected a number from -1 to 1, or otsu"))
            })?)
        }
    };
    if !args.pixels.measurements.is_empty() {
        return Err(Failure::Usage(
            "--measurements: cube water takes the bands of its index; choose that with --index".to_owned(),
        ));
    }
    let request = WaterRequest {
        spec: by_solar_day(&args.pixels, query::load_spec(&args.pixels, search.area.as_ref())?),
        search,
        index: args.index.map(|index| match index {
            WaterIndexArg::Mndwi => SpectralIndex::Mndwi,
            WaterIndexArg::Ndwi => SpectralIndex::Ndwi,
        }),
        threshold,
        min_pixels: args.min_pixels,
    };
    let options = ExportOptions { overwrite: args.overwrite, ..ExportOptions::default() };
    // Before anything is read: what comes after the load must not fail for a mistyped path.
    check_directory(&args.output, options)?;
    if let Some(truth) = &args.truth
        && !truth.is_file()
    {
        return Err(Failure::Failed(format!("--truth {}: there is no such file; check the path", truth.display())));
    }
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
    let written = report.write(&args.output, &options)?;
    if args.json.json {
        print_json(&json!({ "method": report.method, "dates": report.rows, "written": written }))?;
    } else {
        print_table(&report.headings(), report.table())?;
        say(global, &report.method);
    }
    say(global, &format!("written: {} in {}", count(written.len(), "file"), args.output.display()));
    Ok(())
}

/// Files that a run of `cube water` writes.
const WATER_FILES: [&str; 7] = [
    "water_extent.csv",
    "water_extent.png",
    "water_extents.png",
    "water_frequency.png",
    "water_frequency.tif",
    "water_extents.nc",
    "scene.png",
];

/// Checks that a directory can be made or written, and holds none of the results of an earlier run.
fn check_directory(dir: &Path, options: ExportOptions) -> Result<(), Failure> {
    if dir.exists() && !dir.is_dir() {
        return Err(Failure::Failed(format!("{}: the results go into a directory, and this is a file", dir.display())));
    }
    for name in WATER_FILES {
        let path = dir.join(name);
        if path.exists() {
            cube::check_free(&path, &options)?;
        }
    }
    // A trailing separator says that a directory is meant.
    Ok(cube::check_output(&dir.join(""), &options)?)
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
        say(global, &one.summary());
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
        if args.range.is_some() || args.colours.is_some() || args.celsius {
            return Err(Failure::Usage(
                "--rgb has colours of its own: leave out --range, --colours and --celsius".to_owned(),
            ));
        }
        spec = by_solar_day(&args.pixels, spec.measurements(args.rgb.iter().map(|m| m.trim())));
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
    say(global, &format!("written: {} ({})", args.output.display(), count(times.len(), "time")));
    Ok(())
}
