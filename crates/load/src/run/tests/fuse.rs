#![expect(clippy::float_cmp, reason = "exact values are asked for")]

use cube_geo::Shape;
use cube_model::{DataType, Pixel, Pixels};
use tempfile::TempDir;
use uuid::Uuid;

use super::{DAY, load, red, store};
use crate::testing::{product, red_at, utm, write_red};
use crate::{Fuse, GroupBy, LoadError, LoadPlan, LoadSpec, PlannedMeasurement, RunOptions, group, plan, run};

/// Three datasets of five pixels; 0 is nodata.
const PLANES: [[u16; 5]; 3] = [[5, 0, 9, 0, 7], [3, 4, 0, 0, 7], [8, 6, 2, 0, 1]];

struct Three {
    folder: TempDir,
}

impl Three {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        for (i, values) in PLANES.iter().enumerate() {
            let grid = utm(1, 5, 500_000.0, 4_600_000.0);
            write_red(&store(&folder, &i.to_string()), &grid, &[DAY], values.to_vec(), Some(0.0));
        }
        Self { folder }
    }

    fn datasets(&self, n: usize) -> Vec<cube_model::Dataset> {
        let grid = utm(1, 5, 500_000.0, 4_600_000.0);
        (0..n).map(|i| red_at(i as u128 + 1, DAY, &grid, &store(&self.folder, &i.to_string()), 1)).collect()
    }

    fn load(&self, n: usize, spec: &LoadSpec) -> crate::Loaded {
        let grid = utm(1, 5, 500_000.0, 4_600_000.0);
        // Pieces of two pixels: rules work piece by piece.
        let spec = spec.clone().chunk(Shape::new(1, 2));
        load(self.datasets(n), DataType::UInt16, 0.0, &grid, &spec).unwrap()
    }

    fn plan(&self, spec: &LoadSpec) -> Result<LoadPlan, LoadError> {
        let groups = group(self.datasets(3), GroupBy::Time)?;
        let products = [product(&[("red", DataType::UInt16, Some(0.0))])];
        plan(&products, &groups, utm(1, 5, 500_000.0, 4_600_000.0), spec)
    }
}

#[test]
fn smallest_and_largest_valid_pixels_win() {
    let three = Three::new();
    let of = |fuse| red::<u16>(&three.load(3, &LoadSpec::default().fuse(fuse)));
    assert_eq!(of(Fuse::Min), [3, 4, 2, 0, 1]);
    assert_eq!(of(Fuse::Max), [8, 6, 9, 0, 7]);
}

#[test]
fn mean_and_median_are_floats_with_nan_where_nothing_is() {
    let three = Three::new();
    let of = |fuse| {
        let got = red::<f32>(&three.load(3, &LoadSpec::default().fuse(fuse)));
        assert!(got[3].is_nan(), "{got:?}");
        [got[0], got[1], got[2], got[4]]
    };
    let mean = of(Fuse::Mean);
    for (got, want) in mean.iter().zip([16.0 / 3.0, 5.0, 5.5, 5.0]) {
        assert!((got - want).abs() < 1e-6, "{mean:?}");
    }
    assert_eq!(of(Fuse::Median), [5.0, 5.0, 5.5, 7.0]);
    let filled = three.load(3, &LoadSpec::default().fuse(Fuse::Mean).fill_value(5.0));
    let got = red::<f32>(&filled);
    assert_eq!(got[3], 5.0);
    assert!(got[1] < 5.0 && got[1] > 4.999, "a mean that equals the fill value moves off it: {got:?}");
}

#[test]
fn count_tells_how_many_datasets_have_a_pixel() {
    let three = Three::new();
    let loaded = three.load(3, &LoadSpec::default().fuse(Fuse::Count));
    assert_eq!(red::<u16>(&loaded), [3, 2, 2, 0, 3]);
    assert_eq!(loaded.cube.get("red").unwrap().nodata, Some(0.0));
}

#[test]
fn named_rules_run_for_one_dataset_too() {
    let three = Three::new();
    let of = |fuse| three.load(1, &LoadSpec::default().fuse(fuse));
    assert_eq!(red::<u16>(&of(Fuse::Count)), [1, 0, 1, 0, 1]);
    let mean = red::<f32>(&of(Fuse::Mean));
    assert!(mean[0] == 5.0 && mean[1].is_nan() && mean[4] == 7.0, "{mean:?}");
    assert_eq!(red::<u16>(&of(Fuse::Max)), PLANES[0]);
}

#[test]
fn provenance_names_the_dataset_of_each_pixel() {
    let three = Three::new();
    let of = |fuse| {
        let loaded = three.load(3, &LoadSpec::default().fuse(fuse).provenance(true));
        let numbers: Vec<u16> = loaded.cube.array::<u16>("provenance").unwrap().iter().copied().collect();
        (loaded, numbers)
    };
    let (first, numbers) = of(Fuse::First);
    assert_eq!((red::<u16>(&first), numbers), (vec![5, 4, 9, 0, 7], vec![1, 2, 1, 0, 1]));
    let (last, numbers) = of(Fuse::Last);
    assert_eq!((red::<u16>(&last), numbers), (vec![8, 6, 2, 0, 1], vec![3, 3, 3, 0, 3]));
    // Of equals the first in order.
    assert_eq!(of(Fuse::Max).1, [3, 3, 1, 0, 1]);
    assert_eq!(of(Fuse::Min).1, [2, 2, 3, 0, 3]);
    let flags = &first.cube.get("provenance").unwrap().measurement.flags["dataset"];
    assert_eq!(flags.values[&2], Uuid::from_u128(2).to_string());
}

#[test]
fn provenance_of_a_blend_is_refused() {
    let three = Three::new();
    let error = three.plan(&LoadSpec::default().fuse(Fuse::Median).provenance(true)).unwrap_err().to_string();
    assert!(error.contains("fuse rule median") && error.contains("use first, last, min or max"), "{error}");
}

#[test]
fn callers_function_fuses_what_follows_the_first_dataset() {
    let three = Three::new();
    let plan = three.plan(&LoadSpec::default().chunk(Shape::new(1, 2))).unwrap();
    let add = |_: &PlannedMeasurement, so_far: &mut Pixels, next: &Pixels| {
        let (so_far, next) = (u16::view_mut(so_far).unwrap(), u16::view(next).unwrap());
        so_far.zip_mut_with(next, |a, b| *a = *a * 10 + b);
    };
    let loaded = run(&plan, &RunOptions { fuse_with: Some(&add), ..RunOptions::default() }).unwrap();
    assert_eq!(red::<u16>(&loaded), [538, 46, 902, 0, 771]);
    let turn = |_: &PlannedMeasurement, so_far: &mut Pixels, _: &Pixels| {
        *so_far = Pixels::filled(DataType::UInt8, &[1, 2], 0.0).unwrap();
    };
    let error = run(&plan, &RunOptions { fuse_with: Some(&turn), ..RunOptions::default() }).unwrap_err().to_string();
    assert!(error.contains("changed the type or shape of measurement \"red\""), "{error}");
}
