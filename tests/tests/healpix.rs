//! A field on HEALPix cells through the command, next to Sentinel-2 on one grid, and what healpy says of the same places.
#![expect(clippy::unwrap_used, reason = "what a test function may do, its set-up may too")]

use cube_tests::{Sandbox, product_definitions, python, repository, sample_data, shared};
use serde_json::{Value, json};

const PRODUCT: &str = "climatedt_2t_hpx";
/// Degrees around the grid of the oracle, 4 km in EPSG:3857.
const LAKE: &str = "1336000,5144000,1392000,5204000";

fn catalog() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.cube(["init"]).succeeds();
    let products = [product_definitions(), sample_data().join("products")];
    sandbox.cube(["product".into(), "add".into()].into_iter().chain(products)).succeeds();
    sandbox
}

fn indexed() -> Sandbox {
    let sandbox = catalog();
    let file = sample_data().join("climatedt-hpx/climatedt_2t_hpx_2034-07-12.grib2");
    for (added, present) in [(4, 0), (0, 4)] {
        let summary = sandbox.cube(["index", file.to_str().unwrap(), "--product", PRODUCT, "--json"]).succeeds().json();
        assert_eq!((&summary["added"], &summary["present"]), (&json!(added), &json!(present)));
    }
    sandbox
}

fn oracle() -> String {
    repository().join("tests/oracles/healpix_sample.json").to_str().unwrap().to_owned()
}

#[test]
fn documents_name_the_cells_and_stay_eo3() {
    let sandbox = indexed();
    let found = sandbox.cube(["search", &format!("product={PRODUCT}"), "--json"]).succeeds().json();
    let ids: Vec<&str> = found.as_array().unwrap().iter().map(|d| d["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 4);
    let shown = sandbox.cube(["dataset", "show", ids[0], "--json"]).succeeds().json();
    let grids = find(&shown, "grids").unwrap();
    let due = json!({ "default": {
        "shape": [256, 512],
        "transform": [0.703_125, 0.0, -180.0, 0.0, -0.703_125, 90.0, 0, 0, 1],
        "healpix": { "nside": 128, "order": "nested" },
    }});
    assert_eq!(grids, &due);
    assert_eq!(find(&shown, "crs"), Some(&json!("EPSG:4326")));
}

/// The value under a key, wherever it stands.
fn find<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Object(map) => map.get(key).or_else(|| map.values().find_map(|v| find(v, key))),
        Value::Array(list) => list.iter().find_map(|v| find(v, key)),
        _ => None,
    }
}

const LAKE_VALUES: &str = r#"
import json, sys
import numpy as np, xarray as xr
due = json.load(open(sys.argv[1]))["lake"]
scenes = xr.open_dataset(sys.argv[4])
for name, mode in ((sys.argv[2], "nearest"), (sys.argv[3], "bilinear")):
    cube = xr.open_dataset(name)
    assert cube["2t"].dims == ("time", "y", "x") and cube.sizes["time"] == 4, cube.sizes
    assert [str(t)[11:13] for t in cube.time.values] == ["09", "10", "11", "12"]
    for axis in "xy":
        np.testing.assert_allclose(cube[axis].values, due[axis], rtol=0, atol=1e-6)
        np.testing.assert_array_equal(cube[axis].values, scenes[axis].values)
    got, due_values = cube["2t"].values[3].astype(np.float64), np.array(due[mode])
    # Values are single precision on both sides of the comparison but for the oracle's interpolation.
    np.testing.assert_allclose(got, due_values, rtol=1e-6, atol=0, err_msg=mode)
assert (scenes["nir"].values > 0).any()
"#;

#[test]
fn nearest_and_bilinear_are_those_of_healpy_on_the_grid_of_sentinel_2() {
    let sandbox = indexed();
    sandbox.cube(["index", sample_data().join("s2").to_str().unwrap()]).succeeds();
    let on_grid = |product: &str, more: &[&str], out: &str| {
        let given = ["load", product, "--bbox", LAKE, "--bbox-crs", "EPSG:3857", "--crs", "EPSG:3857"];
        let rest = ["--resolution", "4000", "-o", out];
        sandbox.cube(given.into_iter().chain(rest).chain(more.iter().copied())).succeeds();
        sandbox.path(out).to_str().unwrap().to_owned()
    };
    let nearest = on_grid(PRODUCT, &[], "nearest.nc");
    let bilinear = on_grid(PRODUCT, &["--resampling", "bilinear"], "bilinear.nc");
    let scenes = on_grid(
        "s2_l2a_bracciano",
        &["--measurements", "nir", "--time", "2034-07-12", "--resampling", "average"],
        "scenes.nc",
    );
    python(LAKE_VALUES, [oracle(), nearest, bilinear, scenes]);
}

const EARTH_VALUES: &str = r#"
import json, sys
import numpy as np, xarray as xr
due = np.array(json.load(open(sys.argv[1]))["earth"])
got = xr.open_dataset(sys.argv[2])["2t"].values[-1].astype(np.float64)
assert got.shape == due.shape, got.shape
# The oracle counts places.
apart = np.abs(got - due)
assert apart.max() < 0.002, apart.max()
assert apart.mean() < 0.0003, apart.mean()
pieces = xr.open_dataset(sys.argv[3])["2t"].values[-1]
np.testing.assert_array_equal(pieces, got.astype(np.float32)[3:6, 10:14])
"#;

#[test]
fn average_counts_cells_by_their_shares() {
    let sandbox = indexed();
    let on = |bbox: &str, out: &str| {
        let given = ["load", PRODUCT, "--bbox", bbox, "--crs", "EPSG:4326", "--resolution", "15"];
        sandbox.cube(given.into_iter().chain(["--resampling", "average", "-o", out])).succeeds();
        sandbox.path(out).to_str().unwrap().to_owned()
    };
    let whole = on("-180,-90,180,90", "whole.nc");
    let part = on("-30,0,30,45", "part.nc");
    python(EARTH_VALUES, [oracle(), whole, part]);
}

#[test]
fn a_load_without_a_grid_lands_on_degrees_of_about_a_cell() {
    let sandbox = indexed();
    let plan = sandbox.cube(["load", PRODUCT, "--bbox", "10,40,14,44", "--explain", "--json"]).succeeds().json();
    assert_eq!(find(&plan, "way"), Some(&json!("cells")));
    assert_eq!(find(&plan, "geobox").unwrap()["shape"], json!({ "rows": 7, "cols": 6 }), "{plan}");
}

#[test]
fn other_modes_are_refused_with_a_sentence() {
    let sandbox = indexed();
    let refused =
        sandbox.cube(["load", PRODUCT, "--bbox", "10,40,14,44", "--resampling", "cubic", "-o", "x.nc"]).fails(1);
    assert!(refused.stderr.contains("lies on HEALPix cells, which are not resampled by cubic"), "{}", refused.stderr);
}

const PRESSURE: &str = r#"
name: hpx_levels
description: temperature and humidity on cells
metadata_type: eo3
metadata: { product: { name: hpx_levels } }
measurements:
  - { name: t500, aliases: ["t@typeOfLevel=isobaricInhPa,level=500"], dtype: float32, nodata: .nan, units: K }
  - { name: r500, aliases: ["r@level=500"], dtype: float32, nodata: .nan, units: "%" }
"#;

#[test]
fn a_real_file_is_indexed_by_parameter_and_level() {
    let Some(file) = shared("realdata/healpix/healpix_H8.grib2") else { return };
    let sandbox = catalog();
    let product = sandbox.write("levels.yaml", PRESSURE);
    sandbox.cube(["product", "add", product.to_str().unwrap()]).succeeds();
    let summary =
        sandbox.cube(["index", file.to_str().unwrap(), "--product", "hpx_levels", "--json"]).succeeds().json();
    assert_eq!(summary["added"], json!(2), "{summary}");
    sandbox
        .cube(["load", "hpx_levels", "--bbox", "-180,-90,180,90", "--crs", "EPSG:4326"].into_iter().chain([
            "--resolution",
            "2.5",
            "-o",
            "real.nc",
        ]))
        .succeeds();
    let script = r#"
import sys
import numpy as np, xarray as xr
cube = xr.open_dataset(sys.argv[1])
assert cube["t500"].shape == (2, 72, 144), cube["t500"].shape
# ecCodes: the first four values of the ring at the pole, and of the field 6 hours later.
polar = np.unique(np.round(cube["t500"].values[0, 0], 3))
np.testing.assert_allclose(polar, np.unique(np.round([250.55247498, 250.69309998, 247.31809998, 246.53684998], 3)), atol=2e-3)
assert len(np.unique(cube["t500"].values[0])) <= 768 and not np.isnan(cube["r500"].values).any()
"#;
    python(script, [sandbox.path("real.nc")]);
}

const DECODE: &str = r#"
import sys
import eccodes, numpy as np
fields = []
with open(sys.argv[1], "rb") as file:
    while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
        fields.append(eccodes.codes_get_values(handle))
np.savez(sys.argv[2], np.array(fields, dtype=np.float32))
"#;

const TO_ZARR: &str = r#"
import sys
import numpy as np, xarray as xr
fields = np.load(sys.argv[1])["arr_0"]
time = np.datetime64("2034-07-12T09:00", "ns") + np.arange(4) * np.timedelta64(1, "h")
cf = {"grid_mapping_name": "healpix", "refinement_level": 7, "indexing_scheme": "nested"}
xdggs = {"grid_name": "healpix", "level": 7, "indexing_scheme": "nested"}
for name, on_mapping in ((sys.argv[2], True), (sys.argv[3], False)):
    cube = xr.Dataset({"2t": (("time", "cell"), fields, {"units": "K"})}, coords={"time": time})
    if on_mapping:
        cube["crs"] = ((), np.int32(0), cf)
        cube["2t"].attrs["grid_mapping"] = "crs"
    else:
        cube = cube.assign_coords(cell_ids=("cell", np.arange(fields.shape[1]), xdggs))
    cube.to_zarr(name, encoding={"2t": {"chunks": (1, 1 << 14)}}, consolidated=False)
"#;

const SAME_AS_GRIB: &str = r#"
import sys
import numpy as np, xarray as xr
grib, *others = [xr.open_dataset(name)["2t"] for name in sys.argv[1:]]
assert grib.sizes["time"] == 4
for other in others:
    np.testing.assert_array_equal(grib.time, other.time)
    np.testing.assert_allclose(grib.values, other.values, rtol=3e-7, atol=0)
"#;

#[test]
fn zarr_by_cf_and_by_xdggs_gives_what_grib_gives() {
    let grib = indexed();
    let path = |name: &str| grib.path(name).to_str().unwrap().to_owned();
    let file = sample_data().join("climatedt-hpx/climatedt_2t_hpx_2034-07-12.grib2");
    if cube_tests::grib_python(DECODE, [file.to_str().unwrap(), &path("fields.npz")]).is_none()
        || python(TO_ZARR, [path("fields.npz"), path("cf.zarr"), path("xdggs.zarr")]).is_none()
    {
        return;
    }
    let load = |sandbox: &Sandbox, out: &str| {
        let given = ["load", PRODUCT, "--bbox", "5,35,20,50", "--crs", "EPSG:3035", "--resolution", "20000"];
        sandbox.cube(given.into_iter().chain(["--resampling", "bilinear", "-o", &path(out)])).succeeds();
        path(out)
    };
    let mut written = vec![load(&grib, "grib.nc")];
    for (store, out) in [("cf.zarr", "cf.nc"), ("xdggs.zarr", "xdggs.nc")] {
        let sandbox = catalog();
        sandbox.cube(["index", &path(store), "--product", PRODUCT]).succeeds();
        written.push(load(&sandbox, out));
    }
    python(SAME_AS_GRIB, written);
}
