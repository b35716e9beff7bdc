//! What a plan will cost: headers are read, pixels are not.

mod cost;
mod table;

use std::sync::Arc;

use cube_geo::{GeoBox, Resampling, Shape, Window};
use cube_model::DataType;
use cube_raster::Access;
use jiff::Timestamp;
use rayon::prelude::*;
use serde::Serialize;
use uuid::Uuid;

use crate::files::{Opened, SourceFile, Way, open_files};
use crate::plan::PlannedMeasurement;
use crate::{Fuse, Geometry, LoadError, LoadPlan, run};

pub use cost::Cost;

/// What will be read, how, and what it takes. Shows itself as a table for people; serialises for machines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The output grid.
    pub geobox: GeoBox,
    /// The time planes.
    pub times: Vec<ExplainedPlane>,
    /// The arrays.
    pub measurements: Vec<ExplainedMeasurement>,
    /// What happens where datasets of a time plane overlap.
    pub fuse: Fuse,
    /// Whether the result says which dataset gave each pixel.
    pub provenance: bool,
    /// Datasets in the plan.
    pub datasets: usize,
    /// The files (planes of files, where one holds several) that have pixels for the output.
    pub files: Vec<ExplainedFile>,
    /// Bytes of compressed pixels to read at most, as far as files say their size: what is filled already is not read.
    pub bytes_to_read: u64,
    /// What decoding and warping cost at most, about.
    pub cost: Cost,
    /// Bytes of the result.
    pub output_bytes: u64,
    /// Bytes that a load into memory takes at most, the result included.
    pub memory_bytes: u64,
    /// Bytes that a load into a file takes at most, beside what the file's format needs.
    pub streamed_memory_bytes: u64,
    /// The limit it has to keep to, where one was given.
    pub memory_limit: Option<u64>,
    /// How many chunks are worked on.
    pub chunks: usize,
    /// Rows and columns of a chunk.
    pub chunk: Shape,
    /// Sources that cannot be opened, where the plan says to skip them.
    pub broken: Vec<String>,
    /// Sentences that the person who loads should see.
    pub warnings: Vec<String>,
}

/// One time plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedPlane {
    /// Its label.
    pub time: Timestamp,
    /// Its datasets in fuse order.
    pub datasets: Vec<Uuid>,
}

/// One array.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainedMeasurement {
    /// Its name.
    pub name: String,
    /// Its type.
    pub dtype: DataType,
    /// Its nodata, as text (NaN has no number in JSON).
    pub nodata: Option<String>,
    /// Its resampling.
    pub resampling: Resampling,
    /// Whether scale factor and offset are applied.
    pub scaled: bool,
}

/// One plane of one file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainedFile {
    /// The dataset.
    pub dataset: Uuid,
    /// The measurement.
    pub measurement: String,
    /// Where it is.
    pub location: String,
    /// What reads it.
    pub driver: String,
    /// The overview level; 0 is full resolution.
    pub level: usize,
    /// Rows and columns of the level.
    pub shape: Shape,
    /// The window of the level that is read, whole blocks.
    pub window: Window,
    /// `paste`, `resample` (same CRS), `warp`, or `cells` of HEALPix.
    pub way: &'static str,
    /// Bytes that the file's pixels take, where it says so.
    pub stored_bytes: Option<u64>,
    /// Bytes to read of them.
    pub bytes_to_read: Option<u64>,
    /// Bytes of pixels to decode.
    pub decoded_bytes: u64,
    /// Pixels of the output that it may give.
    pub output_pixels: u64,
}

/// Far files whose headers are asked for at once.
const MOST_OPENED_AHEAD: usize = 512;

/// Opens the headers of all files of a plan, and reads no pixel.
///
/// # Errors
/// Where a CRS cannot be reached, or a file cannot be opened or is not what its document says (unless the plan skips
/// such files).
pub fn explain(plan: &LoadPlan, access: Option<&Access>) -> Result<Explanation, LoadError> {
    let geometry = Geometry::new(plan)?;
    let mut wanted = Vec::new();
    for (measurement, planned) in plan.measurements.iter().enumerate() {
        for dataset in 0..plan.datasets.len() {
            let Some(source) = plan.source(dataset, measurement) else { continue };
            let windows = geometry.windows(source.grid, planned.resampling, plan.geobox.shape.whole());
            let Some(windows) = windows else { continue };
            wanted.extend((0..plan.extra_len(measurement)).map(|extra| (dataset, measurement, extra, windows)));
        }
    }
    let open = Arc::new(open_files(access));
    // Far files are opened side by side, not by as many as there are threads.
    for (dataset, measurement, extra, _) in wanted.iter().take(MOST_OPENED_AHEAD) {
        if let Some(location) = plan.location(*dataset, *measurement, *extra) {
            open.expect(&location);
        }
    }
    let looked: Vec<Result<ExplainedFile, (LoadError, String)>> = wanted
        .into_par_iter()
        .filter_map(|(dataset, measurement, extra, windows)| {
            let location = plan.location(dataset, measurement, extra)?;
            let file = SourceFile::new(0, dataset, measurement, location, open.clone());
            let opened = file.opened(&geometry, plan);
            Some(opened.map(|opened| explained(&file, &opened, windows, plan)).map_err(|e| {
                let sentence = e.to_string();
                (e, sentence)
            }))
        })
        .collect();
    let (mut files, mut broken) = (Vec::new(), Vec::new());
    for one in looked {
        match one {
            Ok(file) => files.push(file),
            Err((_, sentence)) if plan.skip_broken => broken.push(sentence),
            Err((error, _)) => return Err(error),
        }
    }
    let memory = |held: u64| {
        run::Budget::of(plan, held, plan.chunk, 0).map_or_else(|e| e.needed().unwrap_or(held), |b| b.needed)
    };
    Ok(Explanation {
        geobox: plan.geobox.clone(),
        times: (0..plan.planes.len()).map(|p| explained_plane(plan, p)).collect(),
        measurements: plan.measurements.iter().map(explained_measurement).collect(),
        fuse: plan.fuse,
        provenance: plan.provenance,
        datasets: plan.datasets.len(),
        cost: Cost::of(&files, plan),
        bytes_to_read: files.iter().filter_map(|f| f.bytes_to_read).sum(),
        files,
        output_bytes: plan.output_bytes(),
        memory_bytes: memory(plan.output_bytes()),
        streamed_memory_bytes: memory(0),
        memory_limit: plan.memory_limit,
        chunks: plan.chunks().count(),
        chunk: plan.chunk,
        broken,
        warnings: plan.warnings.clone(),
    })
}

fn explained_plane(plan: &LoadPlan, plane: usize) -> ExplainedPlane {
    let datasets = plan.datasets.get(plan.datasets_of(plane)).unwrap_or_default();
    ExplainedPlane { time: plan.planes[plane].time, datasets: datasets.iter().map(|d| d.id).collect() }
}

fn explained_measurement(m: &PlannedMeasurement) -> ExplainedMeasurement {
    ExplainedMeasurement {
        name: m.name.clone(),
        dtype: m.dtype,
        nodata: m.nodata.map(|v| v.to_string()),
        resampling: m.resampling,
        scaled: m.scaled,
    }
}

fn explained(file: &SourceFile, opened: &Opened, (full, dst): (Window, Window), plan: &LoadPlan) -> ExplainedFile {
    let window = whole_blocks(full, opened);
    let pixels = |shape: Shape| shape.pixels() as u128;
    // A file holds its overviews too.
    let all = opened.header.overviews.iter().fold(pixels(opened.header.shape), |n, s| n + pixels(*s));
    let share = |bytes: u64| u64::try_from(u128::from(bytes) * pixels(window.shape()) / all.max(1)).unwrap_or(bytes);
    let stored_bytes = opened.header.stored_bytes;
    ExplainedFile {
        dataset: plan.datasets.get(file.dataset).map_or_else(Uuid::nil, |d| d.id),
        measurement: plan.measurements.get(file.measurement).map_or_else(String::new, |m| m.name.clone()),
        location: file.location.to_string(),
        driver: opened.header.driver.clone(),
        level: opened.level,
        shape: opened.shape,
        window,
        way: match opened.way {
            Way::Paste { .. } => "paste",
            Way::Linear(_) => "resample",
            Way::Cells(_) => "cells",
            Way::Warp => "warp",
        },
        stored_bytes,
        bytes_to_read: file.stored_bytes(opened.level, window).or(stored_bytes.map(share)),
        decoded_bytes: (window.shape().pixels() as u64).saturating_mul(opened.header.dtype.bytes() as u64),
        output_pixels: dst.shape().pixels() as u64,
    }
}

/// A window of the full resolution as whole blocks of the level that is read.
fn whole_blocks(full: Window, opened: &Opened) -> Window {
    let axis = |from: usize, n: usize, level: usize, size: usize, block: usize| {
        let first = (from * level / size.max(1)) / block * block;
        let end = ((from + n) * level).div_ceil(size.max(1)).div_ceil(block) * block;
        (first, end.min(level) - first)
    };
    let (image, level, block) = (opened.header.shape, opened.shape, opened.block);
    let (row, rows) = axis(full.row, full.rows, level.rows, image.rows, block.rows);
    let (col, cols) = axis(full.col, full.cols, level.cols, image.cols, block.cols);
    Window::new(row, col, rows, cols)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{product, red_at, utm, write_red};
    use crate::{GroupBy, LoadSpec, group, plan};

    #[test]
    fn explanation_reads_as_a_table() {
        let folder = tempfile::TempDir::new().unwrap();
        let grid = utm(600, 700, 500_000.0, 4_600_000.0);
        let times = ["2024-06-01T10:00:00Z", "2024-06-06T10:00:00Z"];
        let path = folder.path().join("scenes.zarr");
        write_red(&path, &grid, &times, vec![7_u16; 2 * 600 * 700], Some(0.0));
        let datasets = (0..2).map(|i| red_at(i as u128, times[i], &grid, &path, i + 1)).collect();
        let groups = group(datasets, GroupBy::SolarDay).unwrap();
        let products = [product(&[("red", DataType::UInt16, Some(0.0))])];
        let spec = LoadSpec::default().memory_limit(1 << 30).resampling(Resampling::Bilinear);
        let plan = plan(&products, &groups, utm(300, 200, 501_000.0, 4_600_500.0), &spec).unwrap();
        let explanation = explain(&plan, None).unwrap();
        assert!(explanation.bytes_to_read > 0);
        // Bytes and threads are the machine's.
        let steady = Explanation {
            bytes_to_read: 1_000_000,
            memory_bytes: 300_000_000,
            streamed_memory_bytes: 200_000_000,
            ..explanation.clone()
        };
        let text: String = steady.to_string();
        let text: Vec<&str> = text.lines().map(|line| line.split(" datasets, ").next().unwrap_or(line)).collect();
        insta::assert_snapshot!(text.join("\n"));
        let json = serde_json::to_value(&explanation).unwrap();
        assert_eq!(json["files"][0]["way"], "paste");
        assert_eq!(json["times"][1]["datasets"][0], "00000000-0000-0000-0000-000000000001");
        assert_eq!(json["output_bytes"], 300 * 200 * 2 * 2);
        assert!(explanation.cost.decoded_bytes >= 300 * 200 * 2 * 2 && explanation.cost.warped_pixels == 0);
    }
}
