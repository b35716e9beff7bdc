use cube_geo::Resampling;

use super::*;
use crate::testing::{dataset, dataset_on, product, utm};
use crate::{Fuse, GroupBy, group};

const RED: (&str, DataType, Option<f64>) = ("red", DataType::UInt16, Some(0.0));

fn groups(datasets: Vec<Dataset>) -> Vec<DatasetGroup> {
    group(datasets, GroupBy::Time).unwrap()
}

fn plan_of(spec: &LoadSpec) -> Result<LoadPlan, LoadError> {
    let mut product = product(&[RED, ("nir", DataType::Float32, Some(f64::NAN))]);
    product.measurements[0].aliases.push("band_4".to_owned());
    let grid = utm(10, 10, 500_000.0, 4_600_000.0);
    let files = [("red", "red.tif"), ("nir", "nir.tif")];
    let datasets = vec![dataset_on(1, "2024-06-01T10:00:00Z", &grid, &files)];
    plan(&[product], &groups(datasets), grid, spec)
}

#[test]
fn aliases_name_the_array_as_asked() {
    let plan = plan_of(&LoadSpec::default().measurements(["band_4"])).unwrap();
    assert_eq!((plan.measurements[0].name.as_str(), plan.measurements[0].measurement.name.as_str()), ("band_4", "red"));
    assert_eq!(plan.location(0, 0, 0).unwrap().url, "/data/red.tif");
}

#[test]
fn unknown_measurement_is_answered_with_those_there_are() {
    let error = plan_of(&LoadSpec::default().measurements(["rad"])).unwrap_err().to_string();
    assert_eq!(error, "product \"scenes\" has no measurement \"rad\"; it has red, nir");
}

#[test]
fn resampling_for_a_typo_is_an_error() {
    let spec = LoadSpec::default().resampling_for("rad", Resampling::Bilinear);
    let error = plan_of(&spec).unwrap_err().to_string();
    assert_eq!(error, "resampling is given for measurement \"rad\", which is not loaded; loaded are red, nir");
    let by_alias = plan_of(&LoadSpec::default().resampling_for("band_4", Resampling::Bilinear)).unwrap();
    assert_eq!(by_alias.measurements[0].resampling, Resampling::Bilinear);
    assert_eq!(by_alias.measurements[1].resampling, Resampling::Nearest);
}

#[test]
fn fill_value_must_fit_the_type() {
    let error = plan_of(&LoadSpec::default().measurements(["red"]).fill_value(-1.0)).unwrap_err().to_string();
    assert!(error.contains("-1 does not fit uint16"), "{error}");
    let plan = plan_of(&LoadSpec::default().measurements(["red"]).fill_value(65535.0)).unwrap();
    assert_eq!((plan.measurements[0].nodata, plan.measurements[0].source_nodata), (Some(65535.0), Some(0.0)));
}

#[test]
fn measurement_that_the_document_lacks_names_the_dataset() {
    let spec = LoadSpec::default();
    let groups = groups(vec![dataset(7, "2024-06-01T10:00:00Z")]);
    let product = product(&[RED, ("nir", DataType::UInt16, None)]);
    let error = plan(&[product], &groups, utm(1, 1, 0.0, 10.0), &spec).unwrap_err().to_string();
    assert!(error.contains("00000007 has no measurement \"nir\"; its document has red"), "{error}");
}

#[test]
fn plan_survives_json_with_nan() {
    let plan = plan_of(&LoadSpec::default().fuse(Fuse::Last).memory_limit(1 << 30)).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    let back: LoadPlan = serde_json::from_str(&text).unwrap();
    assert!(back.measurements[1].nodata.unwrap().is_nan(), "{text}");
    assert_eq!(serde_json::to_string(&back).unwrap(), text);
    assert_eq!((back.fuse, back.memory_limit), (Fuse::Last, Some(1 << 30)));
}

#[test]
fn scale_makes_floats_and_takes_the_datasets_own_offset() {
    let mut product = product(&[RED]);
    product.measurements[0].scale_factor = Some(0.0001);
    let mut old = dataset(1, "2021-06-01T10:00:00Z");
    let mut new = dataset(2, "2024-06-01T10:00:00Z");
    new.measurements[0].add_offset = Some(-0.1);
    let spec = LoadSpec::default().scale(true);
    let grid = utm(10, 10, 500_000.0, 4_600_000.0);
    let both = groups(vec![old.clone(), new]);
    let scaled = plan(std::slice::from_ref(&product), &both, grid.clone(), &spec).unwrap();
    assert_eq!((scaled.measurements[0].dtype, scaled.warnings.len()), (DataType::Float32, 0));
    assert!(scaled.measurements[0].nodata.unwrap().is_nan());
    assert_eq!(scaled.source(0, 0).unwrap().scale, Some((0.0001, 0.0)));
    assert_eq!(scaled.source(1, 0).unwrap().scale, Some((0.0001, -0.1)));
    let raw = plan(std::slice::from_ref(&product), &both, grid.clone(), &LoadSpec::default()).unwrap();
    assert!(raw.warnings[0].contains("--scale"), "{:?}", raw.warnings);
    let said = &raw.measurements[0].measurement;
    assert_eq!((said.scale_factor, said.add_offset), (None, None), "no one scale is true of both datasets");
    old.measurements[0].add_offset = Some(-0.2);
    let one = plan(&[product], &groups(vec![old]), grid, &LoadSpec::default()).unwrap();
    assert_eq!((one.measurements[0].measurement.add_offset, one.warnings.len()), (Some(-0.2), 0));
}

#[test]
fn products_that_disagree_cannot_be_loaded_together() {
    let (a, mut b) = (product(&[RED]), product(&[("red", DataType::Int16, Some(-999.0))]));
    b.name = "others".to_owned();
    let mut other = dataset(2, "2024-06-01T10:00:00Z");
    other.product = "others".to_owned();
    let groups = groups(vec![dataset(1, "2024-06-01T10:00:00Z"), other]);
    let error = plan(&[a, b], &groups, utm(1, 1, 0.0, 10.0), &LoadSpec::default()).unwrap_err().to_string();
    assert!(error.contains("uint16") && error.contains("int16") && error.contains("one by one"), "{error}");
}

#[test]
fn plan_of_400_datasets_is_small() {
    let product = product(&[RED, ("nir", DataType::UInt16, Some(0.0)), ("scl", DataType::UInt8, Some(0.0))]);
    let grid = utm(10_980, 10_980, 500_000.0, 4_600_000.0);
    let datasets = (0..400_u128).map(|i| {
        let day = format!("2024-{:02}-{:02}T10:00:00Z", 1 + i / 28 % 12, 1 + i % 28);
        let base = format!("s3://archive/sentinel-2/33/T/UG/2024/S2A_{i:03}_0_L2A");
        let paths = ["B04", "B08", "SCL"].map(|b| format!("{base}/{b}.tif"));
        dataset_on(i, &day, &grid, &[("red", &paths[0]), ("nir", &paths[1]), ("scl", &paths[2])])
    });
    let groups = groups(datasets.collect());
    let plan = plan(&[product], &groups, grid, &LoadSpec::default()).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    assert!(text.len() <= 50_000, "{} bytes", text.len());
    // Its row and that of its time plane.
    let rows = serde_json::to_value(&plan).unwrap();
    for (i, dataset) in plan.datasets.iter().enumerate() {
        let (row, plane) = (&rows["datasets"][i], &rows["planes"][i]);
        let bytes = row.to_string().len() + plane.to_string().len() + 2 - dataset.base.len();
        assert!(bytes <= 64, "{bytes} bytes beside the URL: {row} {plane}");
    }
    assert_eq!(serde_json::from_str::<LoadPlan>(&text).unwrap(), plan);
    assert_eq!(plan.layouts.len(), 1);
    let url = plan.location(27, 2, 0).unwrap().url;
    assert!(url.starts_with("s3://archive/sentinel-2/33/T/UG/2024/S2A_") && url.ends_with("_0_L2A/SCL.tif"), "{url}");
}

#[test]
fn star_is_the_resampling_of_all_others() {
    let spec = LoadSpec::default().resampling_for("red", Resampling::Nearest).resampling_for("*", Resampling::Bilinear);
    let modes: Vec<Resampling> = plan_of(&spec).unwrap().measurements.iter().map(|m| m.resampling).collect();
    assert_eq!(modes, [Resampling::Nearest, Resampling::Bilinear]);
}

#[test]
fn times_of_documents_are_read_in_every_spelling() {
    for text in ["2024-06-01T10:00:00Z", "2024-06-01 10:00:00", "20240601T100000", "2024-06-01T12:00:00+02:00"] {
        let mut dataset = dataset(1, "2024-06-01T10:00:00Z");
        dataset.properties.insert("datetime".to_owned(), text.into());
        assert_eq!(datetime(&dataset), Some("2024-06-01T10:00:00Z".parse().unwrap()), "{text}");
    }
}

#[test]
fn one_pixel_of_twenty_degrees_is_warned_of() {
    let lonlat = cube_geo::Crs::lonlat().unwrap();
    let warnings = |size: f64, shape: Shape| {
        let affine = cube_geo::Affine::new(size, 0.0, 0.0, 0.0, -size, 60.0);
        let geobox = GeoBox::new(shape, affine, lonlat.clone()).unwrap();
        let spec = LoadSpec::new(lonlat.clone(), size);
        plan(&[product(&[RED])], &groups(vec![dataset(1, "2024-06-01T10:00:00Z")]), geobox, &spec).unwrap().warnings
    };
    let warning = "one pixel of 20 degree covers the whole area: is the resolution in units of EPSG:4326?";
    assert_eq!(warnings(20.0, Shape::new(1, 1)), [warning]);
    assert!(warnings(20.0, Shape::new(1, 2)).is_empty());
    assert!(warnings(0.0002, Shape::new(1, 1)).is_empty());
}

#[test]
fn band_of_a_forged_plan_does_not_overflow() {
    let mut plan = plan_of(&LoadSpec::default()).unwrap();
    plan.layouts[0][0].band = usize::MAX;
    assert_eq!(plan.location(0, 0, 1).unwrap().band, usize::MAX);
}

#[test]
fn mark_in_a_folders_name_leads_to_no_other_file() {
    let mut dataset = dataset(1, "2024-06-01T10:00:00Z");
    dataset.location = Some("/data/run#2/scene.yaml".to_owned());
    let grid = utm(1, 1, 0.0, 10.0);
    let plan = plan(&[product(&[RED])], &groups(vec![dataset]), grid, &LoadSpec::default()).unwrap();
    assert_eq!(plan.location(0, 0, 0).unwrap().url, "/data/run#2/red.tif");
}

#[test]
fn chunks_come_by_plane_measurement_and_row() {
    let plan = plan_of(&LoadSpec::default().chunk(cube_geo::Shape::new(6, 10))).unwrap();
    let got: Vec<(usize, usize)> = plan.chunks().map(|c| (c.measurement, c.window.row)).collect();
    assert_eq!(got, [(0, 0), (0, 6), (1, 0), (1, 6)]);
}

#[test]
fn common_prefix_stops_at_the_first_difference() {
    assert_eq!(common_prefix(["abc", "abd", "ab"].into_iter()), "ab");
    assert_eq!(common_prefix(["ab", "abc"].into_iter()), "ab");
    assert_eq!(common_prefix(["é1", "é2"].into_iter()), "é");
    assert_eq!(common_prefix(std::iter::empty()), "");
}
