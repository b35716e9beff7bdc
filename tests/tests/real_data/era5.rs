//! A month of hourly ERA5 2 metre temperatures in one GRIB file, one dataset a message.

use cube_tests::{Sandbox, grib_python, python, shared};
use serde_json::{Value, json};

use crate::{catalog, show};

const PRODUCT: &str = "era5_t2m";
const HOURS: usize = 744;

/// The catalog with the month, and the file.
fn month() -> Option<(Sandbox, String)> {
    let file = shared("realdata/era5_t2m/era5-2mt-2019-03-uk.grib")?.to_str().unwrap().to_owned();
    let sandbox = catalog();
    for (added, present) in [(HOURS, 0), (0, HOURS)] {
        let summary = sandbox.cube(["index", &file, "--product", PRODUCT, "--json"]).succeeds().json();
        assert_eq!((&summary["added"], &summary["present"]), (&json!(added), &json!(present)));
    }
    Some((sandbox, file))
}

/// The one series, and the mean of its means.
fn series(sandbox: &Sandbox, more: &[&str]) -> (Value, f64) {
    let run = ["series", PRODUCT, "--json"].into_iter().chain(more.iter().copied());
    let answer = sandbox.cube(run).succeeds().json();
    let [one] = answer.as_array().unwrap().as_slice() else { panic!("one measurement: {answer}") };
    assert_eq!((&one["name"], &one["units"]), (&json!("t2m"), &json!("K")));
    let means: Vec<f64> = one["points"].as_array().unwrap().iter().map(|p| p["mean"].as_f64().unwrap()).collect();
    assert_eq!(means.len(), HOURS);
    #[expect(clippy::cast_precision_loss, reason = "744")]
    let mean = means.iter().sum::<f64>() / HOURS as f64;
    (one["points"].clone(), mean)
}

/// ecCodes decodes the same messages. The true area of a cell between two parallels is the difference of the
/// authalic function q (Snyder 1987, equation 3-12) on the WGS 84 ellipsoid; cos(latitude) is its approximation on
/// a sphere at the cell's middle.
const MEANS: &str = r#"
import json, sys
import numpy as np, xarray as xr
path = sys.argv[1]
with open(sys.argv[2]) as file:
    plain, weighted = json.load(file)
t2m = xr.open_dataset(path, engine="cfgrib", backend_kwargs={"indexpath": ""})["t2m"]
assert t2m.shape == (744, 33, 49), t2m.shape
hours = [str(t)[:19] + "Z" for t in t2m.valid_time.values]
for points in (plain, weighted):
    assert [p["time"] for p in points] == hours
    assert all(p["seen_percent"] == 100 for p in points)
of = lambda points, key: np.array([p[key] for p in points])
values = t2m.values.astype(np.float64)
spread = dict(mean=values.mean((1, 2)), std=values.std((1, 2)), min=values.min((1, 2)), max=values.max((1, 2)))
for key, expected in spread.items():
    # cfgrib hands out single precision.
    np.testing.assert_allclose(of(plain, key), expected, rtol=0, atol=1e-4, err_msg=key)

E2 = (2 - 1 / 298.257223563) / 298.257223563
def q(latitude):
    s, e = np.sin(np.radians(latitude)), np.sqrt(E2)
    return (1 - E2) * (s / (1 - E2 * s * s) - np.log((1 - e * s) / (1 + e * s)) / (2 * e))
latitude = t2m.latitude.values
mean_by = lambda weights: (values.mean(2) * weights).sum(1) / weights.sum()
true = mean_by(q(latitude + 0.125) - q(latitude - 0.125))
cosine = mean_by(np.cos(np.radians(latitude)))
got = of(weighted, "mean")
np.testing.assert_allclose(got, true, rtol=0, atol=1e-6)
# The ellipsoid's flattening moves the weights by a few thousandths from north to south, the mean by a
# thousandth of a kelvin.
apart = np.abs(got - cosine).max()
assert apart < 3e-3, apart
moved = np.abs(got - of(plain, "mean"))
assert moved.mean() > 20 * np.abs(got - cosine).mean() and moved.max() > 0.02, (moved.mean(), moved.max())
print(f"ERA5: unweighted {of(plain, 'mean').mean():.4f} K, by area {got.mean():.4f} K (ecCodes {true.mean():.4f}), "
      f"by cos(latitude) {cosine.mean():.4f} K; at one hour at most {np.abs(got - true).max():.1e} from true areas, "
      f"{apart:.1e} from cosines")
"#;

#[test]
fn the_mean_temperature_is_that_of_eccodes_plain_and_by_area() {
    let Some((sandbox, file)) = month() else { return };
    let (plain, mean) = series(&sandbox, &["--unweighted"]);
    assert!((mean - 280.774).abs() <= 0.001, "{mean}");
    let (weighted, by_area) = series(&sandbox, &[]);
    assert!((by_area - mean).abs() > 0.01, "{by_area}");
    let points = sandbox.write("points.json", json!([plain, weighted]).to_string());
    show(grib_python(MEANS, [file.as_str(), points.to_str().unwrap()]));
}

/// Hands on what ecCodes decodes: cfgrib and the netCDF readers do not live in one interpreter.
const DECODE: &str = r#"
import sys
import numpy as np, xarray as xr
t2m = xr.open_dataset(sys.argv[1], engine="cfgrib", backend_kwargs={"indexpath": ""})["t2m"]
np.savez(sys.argv[2], t2m=t2m.values, time=t2m.valid_time.values, latitude=t2m.latitude, longitude=t2m.longitude)
"#;

const SAME_VALUES: &str = r#"
import sys
import numpy as np, xarray as xr
cube, decoded = xr.open_dataset(sys.argv[1]), np.load(sys.argv[2])
assert cube["t2m"].dims == ("time", "latitude", "longitude") and cube["t2m"].attrs["units"] == "K"
days = (decoded["time"] >= np.datetime64("2019-03-17")) & (decoded["time"] < np.datetime64("2019-03-19"))
np.testing.assert_array_equal(cube.time.values, decoded["time"][days])
assert cube.sizes["time"] == 48
for axis in ("latitude", "longitude"):
    np.testing.assert_allclose(cube[axis].values, decoded[axis], rtol=0, atol=1e-9)
# cfgrib hands out single precision.
np.testing.assert_allclose(cube["t2m"].values, decoded["t2m"][days].astype(np.float64), rtol=0, atol=2e-5)
"#;

#[test]
fn every_value_of_two_days_lies_where_eccodes_puts_it() {
    let Some((sandbox, file)) = month() else { return };
    sandbox.cube(["load", PRODUCT, "--time", "2019-03-17/2019-03-18", "-o", "days.nc"]).succeeds();
    let [days, decoded] = ["days.nc", "decoded.npz"].map(|name| sandbox.path(name).to_str().unwrap().to_owned());
    if grib_python(DECODE, [&file, &decoded]).is_some() {
        python(SAME_VALUES, [&days, &decoded]);
    }
}
