//! Ninety weeks of Sentinel-2 over one field, as an openEO back end writes them: one NetCDF file, 78 dates.

use cube_tests::{Sandbox, python, shared};
use serde_json::json;

use crate::{catalog, show};

const PRODUCT: &str = "s2_l2a_openeo_series";
const DATES: usize = 78;

/// The catalog with the series, and its file.
fn series() -> Option<(Sandbox, String)> {
    let folder = shared("realdata/sentinel2_l2a_series")?;
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let file = files.into_iter().find(|p| p.extension().is_some_and(|e| e == "nc")).unwrap();
    let file = file.to_str().unwrap().to_owned();
    let sandbox = catalog();
    for (added, present) in [(DATES, 0), (0, DATES)] {
        let summary = sandbox.cube(["index", &file, "--product", PRODUCT, "--json"]).succeeds().json();
        assert_eq!((&summary["added"], &summary["present"]), (&json!(added), &json!(present)));
    }
    Some((sandbox, file))
}

/// `_Unsigned` makes the file's 16-bit integers unsigned, and xarray knows that too.
const CLEAR: &str = r#"
import sys
import numpy as np, xarray as xr
source, raw, real = (xr.open_dataset(path) for path in sys.argv[1:])
raw = xr.open_dataset(sys.argv[2], mask_and_scale=False)
LAYERS = dict(scl="S2-L2A-SCL", red="S2-L2A-B04", nir="S2-L2A-B08")
np.testing.assert_array_equal(raw.time.values, source.t.values)
np.testing.assert_array_equal(raw.x.values, source.x.values)
np.testing.assert_array_equal(raw.y.values, source.y.values)
for name, layer in LAYERS.items():
    assert raw[name].dtype == np.uint16 == source[layer].dtype
    np.testing.assert_array_equal(raw[name].values, source[layer].values, err_msg=name)

clear = lambda scl: (scl >= 4) & (scl <= 7)
expected = clear(source["S2-L2A-SCL"].values)
got = clear(raw["scl"].values)
counts = got.sum((1, 2))
np.testing.assert_array_equal(counts, expected.sum((1, 2)))
assert counts.sum() > 100_000 and (counts == 0).any() and (counts == 4096).any(), counts

def ndvi(nir, red):
    return (nir - red) / (nir + red)
wide = lambda layer: source[layer].values.astype(np.float64)
truth = ndvi(wide("S2-L2A-B08"), wide("S2-L2A-B04"))
pixels = ndvi(raw["nir"].values.astype(np.float64), raw["red"].values.astype(np.float64))
# The second load is in reflectance, single precision, nodata as NaN.
assert real["red"].dtype == np.float32 and "scale_factor" not in real["red"].encoding
reflectance = ndvi(real["nir"].values.astype(np.float64), real["red"].values.astype(np.float64))
median = np.median(truth[expected])
for name, values in dict(pixels=pixels, reflectance=reflectance).items():
    assert abs(np.median(values[got]) - median) <= 1e-6, (name, np.median(values[got]), median)
    for date in np.flatnonzero(counts):
        mine, other = np.median(values[date][got[date]]), np.median(truth[date][expected[date]])
        assert abs(mine - other) <= 1e-6, (name, date, mine, other)
print(f"Sentinel-2 series: {counts.sum()} clear pixels on {(counts > 0).sum()} of {counts.size} dates, "
      f"median NDVI {np.median(reflectance[got]):.6f} (xarray {median:.6f})")
"#;

#[test]
fn clear_pixels_and_their_median_ndvi_are_those_of_xarray() {
    let Some((sandbox, file)) = series() else { return };
    sandbox.cube(["load", PRODUCT, "-m", "scl,red,nir", "-o", "raw.nc"]).succeeds();
    sandbox.cube(["load", PRODUCT, "-m", "red,nir", "--scale", "-o", "real.nc"]).succeeds();
    let [raw, real] = ["raw.nc", "real.nc"].map(|name| sandbox.path(name).to_str().unwrap().to_owned());
    show(python(CLEAR, [file, raw, real]));
}

#[test]
fn a_month_is_found_by_its_time_alone() {
    let Some((sandbox, _)) = series() else { return };
    let found = sandbox.cube(["search", &format!("product={PRODUCT}"), "time in 2017-07", "--json"]).succeeds().json();
    let times: Vec<_> = found.as_array().unwrap().iter().map(ToString::to_string).collect();
    assert!(!times.is_empty() && times.len() < DATES && times.iter().all(|t| t.contains("2017-07")), "{times:?}");
}
