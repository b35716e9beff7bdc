//! A Landsat-8 surface reflectance scene as USGS ESPA delivers it, with the EO3 document that came with it.

use cube_tests::{Sandbox, python, shared};
use serde_json::json;

use crate::{catalog, show};

const PRODUCT: &str = "usgs_espa_ls8c1_sr";

/// The catalog with the scene, and the folder of its files.
fn scene() -> Option<(Sandbox, String)> {
    let folder = shared("realdata/landsat8_eo3")?;
    let sandbox = catalog();
    let summary = sandbox.cube(["index".as_ref(), "--json".as_ref(), folder.as_os_str()]).succeeds().json();
    assert_eq!((&summary["added"], &summary["refused"]), (&json!(1), &json!([])));
    Some((sandbox, folder.to_str().unwrap().to_owned()))
}

/// What the scripts share: the folder's files by the end of their names, and a cube's window in them.
const SCENE: &str = r#"
import glob, os, sys
import numpy as np, rasterio, xarray as xr

folder = sys.argv[1]

def usgs(name):
    (path,) = glob.glob(f"{folder}/*_{name}.tif")
    return rasterio.open(path)

def window(cube):
    """Where the cube lies in the files: it ends where the document's geometry ends."""
    with usgs("sr_band4") as file:
        col, row = ~file.transform * (cube.x.values[0] - 15, cube.y.values[0] + 15)
        assert col == int(col) and row == int(row), "the cube is not on the files' grid"
        assert abs(cube.x.values[1] - cube.x.values[0]) == 30 == abs(cube.y.values[1] - cube.y.values[0])
    return slice(int(row), int(row) + cube.y.size), slice(int(col), int(col) + cube.x.size)
"#;

const PASTE: &str = r#"
BANDS = dict(coastal_aerosol="sr_band1", blue="sr_band2", green="sr_band3", red="sr_band4", nir="sr_band5",
             swir1="sr_band6", swir2="sr_band7", pixel_qa="pixel_qa", radsat_qa="radsat_qa", sr_aerosol="sr_aerosol")
netcdf, zarr, tifs = sys.argv[2:]
a = xr.open_dataset(netcdf, mask_and_scale=False)
b = xr.open_zarr(zarr, mask_and_scale=False)
where = window(a)
assert a.sizes["time"] == 1 and str(a.time.values[0])[:26] == "2019-02-05T23:56:14.511542", a.time
valid = 0
for name, file in BANDS.items():
    with usgs(file) as file:
        pixels, dtype = file.read(1), file.dtypes[0]
    outside = np.ones(pixels.shape, bool)
    outside[where] = False
    assert len(np.unique(pixels[outside])) <= 1, "the document's geometry cuts off pixels"
    for cube in (a, b):
        assert cube[name].dtype == dtype, (name, cube[name].dtype)
        np.testing.assert_array_equal(cube[name].values[0], pixels[where], err_msg=name)
    (tif,) = glob.glob(f"{tifs}/*_{name}.tif")
    with rasterio.open(tif) as tif:
        assert tif.crs.to_epsg() == 32655 and tif.dtypes == (dtype,)
        np.testing.assert_array_equal(tif.read(1), pixels[where], err_msg=name)
    valid += int((pixels[where] != a[name].attrs["_FillValue"]).sum())
assert valid > 900_000
"#;

#[test]
fn a_native_load_is_the_files_pixels_to_the_bit_in_every_format() {
    let Some((sandbox, folder)) = scene() else { return };
    for output in ["all.nc", "all.zarr", "all/"] {
        sandbox.cube(["load", PRODUCT, "-o", output]).succeeds();
    }
    let [netcdf, zarr, tifs] = ["all.nc", "all.zarr", "all"].map(|o| sandbox.path(o).to_str().unwrap().to_owned());
    python(&[SCENE, PASTE].concat(), [folder, netcdf, zarr, tifs]);
}

/// USGS rounds in single precision, so that a tie may fall to either side, and clips to ±1.
const NDVI: &str = r#"
cube = xr.open_dataset(sys.argv[2], mask_and_scale=False)
where = window(cube)
red, nir = (cube[name].values[0].astype(np.float64) for name in ("red", "nir"))
with usgs("pixel_qa") as file:
    clear = (file.read(1)[where] & 2) != 0
with usgs("sr_ndvi") as file:
    expected = file.read(1)[where]
clear &= (red != -9999) & (nir != -9999)
with np.errstate(invalid="ignore", divide="ignore"):
    ndvi = np.rint(1e4 * (nir - red) / (nir + red))
equal = (ndvi == expected)[clear]
assert clear.sum() == 58_558 and expected[clear].std() > 1000, clear.sum()
assert equal.mean() >= 0.999, equal.mean()
print(f"Landsat 8 NDVI equals USGS's on {100 * equal.mean():.4f} % of {clear.sum()} clear pixels")
"#;

#[test]
fn ndvi_of_a_load_equals_the_ndvi_of_usgs() {
    let Some((sandbox, folder)) = scene() else { return };
    sandbox.cube(["load", PRODUCT, "-m", "red,nir", "-o", "ndvi.nc"]).succeeds();
    let cube = sandbox.path("ndvi.nc").to_str().unwrap().to_owned();
    show(python(&[SCENE, NDVI].concat(), [folder, cube]));
}

/// Without a grid of its own the command works on the scene's, so the masks compare pixel by pixel. In Collection 1
/// the bits for clear (1) and for water (2) exclude each other: land is clear, a lake is water, and both are seen.
const WATER: &str = r#"
import json
maps, report, index = xr.open_dataset(sys.argv[2], mask_and_scale=False), json.loads(sys.argv[3]), sys.argv[4]
found = maps["water"].values[0]
where = window(maps)
with usgs("pixel_qa") as file:
    qa = file.read(1)
outside = np.ones(qa.shape, bool)
outside[where] = False
qa, outside = qa[where], qa[outside]
assert (outside == 1).all()
clear, water = (qa & 2) != 0, (qa & 4) != 0
assert not (clear & water).any() and water.sum() == 3883
seen = found != 255
# Clouds, their shadows and snow are not seen; what USGS calls clear or water is, but for nodata in a band.
assert not (seen & ((qa & (8 | 16 | 32)) != 0)).any()
assert (seen[clear | water]).mean() > 0.999
compared = seen & (clear | water)
agree = ((found == 1) == water)[compared]
recall = (found == 1)[compared & water].mean()
precision = water[compared & (found == 1)].mean()
(date,) = report["dates"]
# Not an equal-area grid, but within its thousandth.
assert abs(date["water_km2"] / ((found == 1).sum() * 900e-6) - 1) < 2e-3, date
print(f"Landsat 8 water ({index}): {date['water_km2']:.3f} km2; agrees with USGS on {100 * agree.mean():.3f} % "
      f"of {compared.sum()} clear pixels; finds {100 * recall:.2f} % of its {(compared & water).sum()} water pixels, "
      f"and {100 * precision:.2f} % of those found are its water")
assert agree.mean() > 0.99 and recall > 0.85 and precision > 0.85, (agree.mean(), recall, precision)
"#;

#[test]
fn water_agrees_with_the_water_bit_of_usgs() {
    let Some((sandbox, folder)) = scene() else { return };
    for (index, threshold) in [("mndwi", "0"), ("ndwi", "0"), ("mndwi", "otsu")] {
        let output = format!("{index}-{threshold}");
        let run = ["water", PRODUCT, "--index", index, "--threshold", threshold, "--json", "-o", &output];
        let report = sandbox.cube(run).succeeds();
        let maps = sandbox.path(&output).join("water_extents.nc").to_str().unwrap().to_owned();
        let what = format!("{index}, threshold {threshold}");
        show(python(&[SCENE, WATER].concat(), [&folder, &maps, &report.stdout, &what]));
    }
}
