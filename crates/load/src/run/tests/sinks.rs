use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use cube_geo::{Shape, Window};
use cube_model::{DataType, Pixels};
use cube_raster::{CubeSink, Place, RasterError};
use tempfile::TempDir;

use super::{DAY, speckled, store};
use crate::testing::{product, red_at, utm, write_red};
use crate::{Fuse, GroupBy, LoadError, LoadPlan, LoadSpec, RunOptions, group, plan, run, run_into};

type Pieces = Arc<Mutex<Vec<(Place, Pixels)>>>;

/// Keeps what it is given.
struct Kept {
    tile: Shape,
    pieces: Pieces,
    full: bool,
}

impl CubeSink for Kept {
    fn tile(&self) -> Shape {
        self.tile
    }

    fn working_bytes(&self) -> u64 {
        0
    }

    fn put(&self, place: Place, pixels: Pixels) -> Result<(), RasterError> {
        if self.full {
            return Err(RasterError::Unwritable { path: "out.zarr".into(), reason: "the disk is full".to_owned() });
        }
        self.pieces.lock().unwrap().push((place, pixels));
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Vec<PathBuf>, RasterError> {
        Ok(vec!["kept".into()])
    }
}

fn two_dates(folder: &TempDir, spec: &LoadSpec) -> LoadPlan {
    let grid = utm(90, 70, 500_000.0, 4_600_000.0);
    let times = [DAY, "2024-06-02T10:00:00Z"];
    let values: Vec<u16> = (1..=2).flat_map(|seed| speckled(&grid, seed)).collect();
    write_red(&store(folder, "a"), &grid, &times, values, Some(0.0));
    let datasets = (0..2).map(|i| red_at(i as u128, times[i], &grid, &store(folder, "a"), i + 1)).collect();
    let groups = group(datasets, GroupBy::Time).unwrap();
    plan(&[product(&[("red", DataType::UInt16, Some(0.0))])], &groups, utm(80, 75, 499_955.0, 4_599_915.0), spec)
        .unwrap()
}

fn keep(tile: Shape, full: bool) -> (Box<dyn CubeSink>, Pieces) {
    let pieces = Pieces::default();
    (Box::new(Kept { tile, pieces: pieces.clone(), full }), pieces)
}

#[test]
fn streamed_pieces_are_the_loaded_cube() {
    let folder = TempDir::new().unwrap();
    let spec = LoadSpec::default().resampling(cube_geo::Resampling::Bilinear).provenance(true);
    let plan = two_dates(&folder, &spec);
    let cube = run(&plan, &RunOptions::default()).unwrap().cube;
    let (sink, pieces) = keep(Shape::new(32, 50), false);
    let written = run_into(&plan, sink, &RunOptions { threads: 3, ..RunOptions::default() }).unwrap();
    assert_eq!(written.files, [PathBuf::from("kept")]);
    let pieces = pieces.lock().unwrap();
    assert_eq!(pieces.len(), 2 * 2 * 3 * 2, "dates, arrays, rows and columns of tiles");
    let names: Vec<String> = plan.layout().arrays.into_iter().map(|a| a.name).collect();
    assert_eq!(names, ["red", "provenance"]);
    for (place, pixels) in pieces.iter() {
        let Window { row, col, rows, cols } = place.window;
        let whole = cube.array::<u16>(&names[place.array]).unwrap();
        let part = whole.slice(ndarray::s![place.time, row..row + rows, col..col + cols]);
        assert_eq!(*pixels, Pixels::UInt16(part.to_owned().into_dyn()), "{place:?}");
    }
}

#[test]
fn output_that_takes_no_more_ends_the_load_with_its_reason() {
    let folder = TempDir::new().unwrap();
    let plan = two_dates(&folder, &LoadSpec::default());
    let (sink, _) = keep(Shape::new(32, 50), true);
    let error = run_into(&plan, sink, &RunOptions::default()).unwrap_err().to_string();
    assert!(error.contains("the disk is full"), "{error}");
}

#[test]
fn cancelled_stream_writes_nothing_more() {
    let folder = TempDir::new().unwrap();
    let plan = two_dates(&folder, &LoadSpec::default());
    let (sink, pieces) = keep(Shape::new(32, 50), false);
    let options = RunOptions { cancel: &AtomicBool::new(true), ..RunOptions::default() };
    assert!(matches!(run_into(&plan, sink, &options), Err(LoadError::Cancelled)));
    assert!(pieces.lock().unwrap().is_empty());
}

#[test]
fn stream_makes_do_with_less_memory_than_its_result_takes() {
    let folder = TempDir::new().unwrap();
    let spec = LoadSpec::default().fuse(Fuse::Mean).memory_limit(80 << 20);
    let mut plan = two_dates(&folder, &spec);
    // The result alone would be far above the limit.
    plan.geobox = utm(20_000, 20_000, 500_000.0, 4_600_000.0);
    assert!(plan.output_bytes() > 3_000_000_000);
    assert!(matches!(run(&plan, &RunOptions::default()), Err(LoadError::TooLarge { .. })));
    let budget = crate::run::Budget::of(&plan, 0, Shape::new(512, 512), 8).unwrap();
    assert!(budget.threads == 1 && budget.needed <= 80 << 20, "{budget:?}");
}
