//! The sample data through the command: the lake has the area that is known, NetCDF and Zarr give one cube, two UTM
//! zones make one mosaic, and indexing twice changes nothing.
#![expect(clippy::unwrap_used, reason = "what a test function may do, its set-up may too")]

use std::fs;
use std::path::{Path, PathBuf};

use cube_tests::{Sandbox, product_definitions, python, sample_data};
use serde_json::{Value, json};

const SCENES: &str = "s2_l2a_bracciano";
/// The whole lake and some shore.
const LAKE: &str = "12.155,42.072,12.31,42.165";

/// A catalog with all products and these sources.
fn indexed(sources: &[PathBuf]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.cube(["init"]).succeeds();
    let products = [product_definitions(), sample_data().join("products")];
    sandbox.cube(["product".into(), "add".into()].into_iter().chain(products)).succeeds();
    sandbox.cube(std::iter::once("index".into()).chain(sources.iter().cloned())).succeeds();
    sandbox
}

fn scenes() -> Sandbox {
    indexed(&[sample_data().join("s2")])
}

/// A line of `truth.csv`.
struct Known {
    date: String,
    cloud_free: bool,
    area: f64,
    clear_percent: f64,
}

fn truth() -> Vec<Known> {
    let text = fs::read_to_string(sample_data().join("truth.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("date,cloud_free,area_km2,clear_percent"));
    let known = lines.map(|line| {
        let [date, cloud_free, area, clear_percent] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
        Known {
            date: date.to_owned(),
            cloud_free: cloud_free.parse().unwrap(),
            area: area.parse().unwrap(),
            clear_percent: clear_percent.parse().unwrap(),
        }
    });
    known.collect()
}

/// Runs `cube water` over the lake into `folder`, and looks at every date it reports.
fn find_the_lake(sandbox: &Sandbox, folder: &str, crs: &str, resolution: &str, threshold: &str) {
    let report = sandbox.cube(
        ["water", SCENES, "--bbox", LAKE, "--crs", crs, "--resolution", resolution]
            .into_iter()
            .chain(["--group-by", "solar-day", "--threshold", threshold, "--json", "-o", folder])
            .chain(["--truth", sample_data().join("truth.csv").to_str().unwrap()]),
    );
    let report = report.succeeds().json();
    let method = report["method"].as_str().unwrap();
    assert!(method.to_lowercase().contains(if threshold == "otsu" { "otsu" } else { "fixed threshold 0" }), "{method}");
    let (dates, truth) = (report["dates"].as_array().unwrap(), truth());
    assert_eq!(dates.len(), truth.len());
    for (found, known) in dates.iter().zip(truth) {
        let what = format!("{crs} at {resolution}, threshold {threshold}, {}: {found}", known.date);
        assert!(found["time"].as_str().unwrap().starts_with(&known.date), "{what}");
        assert_eq!(found["truth_km2"], json!(known.area), "{what}");
        let (water, seen) = (found["water_km2"].as_f64().unwrap(), found["extent_seen_percent"].as_f64().unwrap());
        // `clear_percent` is of the lake of that date, what the command knows is the ground that is water on any date.
        assert!((seen - known.clear_percent).abs() < 1.0, "{what}");
        if known.cloud_free {
            assert!((water / known.area - 1.0).abs() < 0.01, "{what}");
        } else {
            // What is not seen is not counted, and what is seen is.
            let visible = known.area * known.clear_percent / 100.0;
            assert!((water / visible - 1.0).abs() < 0.02, "{what}: {visible} km² can be seen");
        }
    }
}

#[test]
fn the_lake_has_its_known_area_in_every_grid_with_a_fixed_threshold() {
    let sandbox = scenes();
    find_the_lake(&sandbox, "utm33", "EPSG:32633", "20", "0");
    find_the_lake(&sandbox, "utm32", "EPSG:32632", "20", "0");
    find_the_lake(&sandbox, "laea", "EPSG:3035", "20", "0");
    find_the_lake(&sandbox, "lonlat", "EPSG:4326", "0.0002", "0");
}

#[test]
fn the_lake_has_its_known_area_in_every_grid_with_the_threshold_of_otsu() {
    let sandbox = scenes();
    find_the_lake(&sandbox, "utm33", "EPSG:32633", "20", "otsu");
    find_the_lake(&sandbox, "utm32", "EPSG:32632", "20", "otsu");
    find_the_lake(&sandbox, "laea", "EPSG:3035", "20", "otsu");
    find_the_lake(&sandbox, "lonlat", "EPSG:4326", "0.0002", "otsu");
}

/// In an equal-area CRS the area is the number of pixels times the size of one, and the table, the map and the
/// JSON are of one mind.
const FILES_OF_WATER: &str = r#"
import csv, json, sys
import rasterio, rioxarray, xarray as xr
folder, report = sys.argv[1], json.loads(sys.argv[2])
dates = report["dates"]
maps = xr.open_dataset(folder + "/water_extents.nc", mask_and_scale=False)
assert maps.rio.crs.to_epsg() == 3035, maps.rio.crs
counts = (maps["water"] == 1).sum(["y", "x"]).values
for date, count in zip(dates, counts, strict=True):
    assert abs(date["water_km2"] / (count * 400e-6) - 1) < 1e-6, (date, count)
with open(folder + "/water_extent.csv", newline="") as table:
    rows = list(csv.reader(table))
assert len(rows) == len(dates) + 1, rows
for row, date in zip(rows[1:], dates, strict=True):
    assert row[0][:10] == date["time"][:10] and abs(float(row[1]) - date["water_km2"]) < 1e-3, (row, date)
# How often a pixel is water: of the dates that saw it, whatever the others hide.
seen = (maps["water"] != 255).sum("time").values
wet = (maps["water"] == 1).sum("time").values
with rasterio.open(folder + "/water_frequency.tif") as file:
    assert file.crs.to_epsg() == 3035 and file.shape == wet.shape
    frequency = file.read(1)
    assert (abs(frequency[seen > 0] - (wet[seen > 0] / seen[seen > 0])) < 1e-6).all()
    unseen = frequency[seen == 0]
    assert ((unseen != unseen) | (unseen == file.nodata)).all(), unseen
for picture in ["water_extent", "water_extents", "water_frequency", "scene"]:
    with rasterio.open(f"{folder}/{picture}.png") as file:
        assert file.width >= 400 and file.read().std() > 5, picture
"#;

#[test]
fn pictures_tables_and_maps_of_the_water_agree() {
    let sandbox = scenes();
    let report = sandbox.cube(
        ["water", SCENES, "--bbox", LAKE, "--crs", "EPSG:3035", "--resolution", "20", "--json"]
            .into_iter()
            .chain(["-o", "water"]),
    );
    let report = report.succeeds();
    python(FILES_OF_WATER, [sandbox.path("water").to_str().unwrap(), &report.stdout]);
}

#[test]
fn indexing_twice_adds_nothing() {
    let scenes = sample_data().join("s2");
    let climate = sample_data().join("climatedt").join("*.odc-metadata.yaml");
    let sandbox = indexed(&[scenes.clone(), climate.clone()]);
    let before = sandbox.cube(["product", "list", "--json"]).succeeds().json();
    let summary = |sources: [&Path; 2]| {
        let run = sandbox.cube(["index".as_ref(), "--json".as_ref(), sources[0], sources[1]]).succeeds().json();
        (run["added"].clone(), run["present"].clone(), run["updated"].clone(), run["refused"].clone())
    };
    let again = summary([&scenes, &climate]);
    assert_eq!(again, (json!(0), json!(12 + 8 + 12), json!(0), json!([])));
    sandbox.cube(["product".into(), "add".into(), product_definitions(), sample_data().join("products")]).succeeds();
    assert_eq!(sandbox.cube(["product", "list", "--json"]).succeeds().json(), before);
}

const ONE_CUBE: &str = r#"
import sys
import numpy as np, xarray as xr
source, layers, (a, b) = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
a, b, source = (xr.open_dataset(path, mask_and_scale=False) for path in (a, b, source))
assert sorted(a.data_vars) == sorted(layers), a
xr.testing.assert_identical(a.drop_attrs(deep=False), b.drop_attrs(deep=False))
# Both are what the file holds.
for layer in layers:
    np.testing.assert_array_equal(a[layer].values, source[layer].values)
    assert a[layer].values.std() > 0 and a[layer].attrs["units"] == source[layer].attrs["units"]
np.testing.assert_array_equal(a.time.values, source.time.values)
for axis in ["latitude", "longitude"]:
    np.testing.assert_allclose(a[axis].values, source[axis].values, rtol=0, atol=1e-9)
"#;

#[test]
fn netcdf_and_zarr_give_the_same_cube_and_the_same_series() {
    let climate = sample_data().join("climatedt");
    let one = indexed(&[climate.join("*.odc-metadata.yaml")]);
    let other = indexed(&[climate.join("other-format")]);
    for (product, times) in [("climatedt_2t_prec", 8), ("climatedt_2t_prec_monthly", 12)] {
        let [a, b] = [&one, &other].map(|sandbox| {
            sandbox.cube(["load", product, "-o", &format!("{product}.nc")]).succeeds();
            sandbox.path(format!("{product}.nc"))
        });
        let file = climate.join(format!("{product}_2034.nc"));
        python(ONE_CUBE, [file.as_path(), "2t,tp".as_ref(), &a, &b]);
        let [a, b] = [&one, &other].map(|sandbox| sandbox.cube(["series", product, "--json"]).succeeds().json());
        assert_eq!(a, b);
        let [t, prec] = a.as_array().unwrap().as_slice() else { panic!("two measurements: {a}") };
        for (series, name, units) in [(t, "2t", "K"), (prec, "tp", "m")] {
            assert_eq!((&series["name"], &series["units"]), (&json!(name), &json!(units)));
            assert_eq!(series["points"].as_array().map(Vec::len), Some(times));
        }
        let mean = |point: &Value| point["mean"].as_f64().unwrap();
        assert!(t["points"].as_array().unwrap().iter().all(|p| (260.0..320.0).contains(&mean(p))), "{t}");
    }
}

/// `cube load` of both tiles in the CRS of one: that tile's own pixels are pasted, the other's are warped. PROJ says
/// where each output pixel's middle lies in the other tile; only where that is within a thousandth of a pixel of an
/// edge may the neighbour be taken. gdalwarp is asked too.
const MOSAIC: &str = r#"
import glob, os, shutil, subprocess, sys
import numpy as np, pyproj, rasterio, xarray as xr
from rasterio.transform import Affine

mosaic, data, epsg = sys.argv[1], sys.argv[2], int(sys.argv[3])
FILES = dict(blue="B02", green="B03", red="B04", nir="B08", swir16="B11", scl="SCL")
NODATA, TIE = 0, 2e-3
cube = xr.open_dataset(mosaic, mask_and_scale=False)
x, y = cube.x.values, cube.y.values
step = x[1] - x[0]
grid = Affine(step, 0, x[0] - step / 2, 0, -step, y[0] + step / 2)
rows, cols = np.meshgrid(np.arange(y.size), np.arange(x.size), indexing="ij")

def on_grid(path):
    """The file's pixels on the output grid, and the same with every tie broken the other way."""
    with rasterio.open(path) as file:
        pixels, affine, crs = file.read(1), file.transform, file.crs
    own = crs.to_epsg() == epsg
    if own:
        u, v = ~affine * (grid * (cols + 0.5, rows + 0.5))
    else:
        to_file = pyproj.Transformer.from_crs(epsg, crs.to_epsg(), always_xy=True)
        u, v = ~affine * to_file.transform(*(grid * (cols + 0.5, rows + 0.5)))
    def take(u, v):
        r, c = np.floor(v).astype(int), np.floor(u).astype(int)
        inside = (r >= 0) & (r < pixels.shape[0]) & (c >= 0) & (c < pixels.shape[1])
        out = np.full(u.shape, NODATA, pixels.dtype)
        out[inside] = pixels[r[inside], c[inside]]
        return out
    sides = [(0, 0)] if own else [(0, 0), (-TIE, -TIE), (-TIE, TIE), (TIE, -TIE), (TIE, TIE)]
    return own, [take(u + du, v + dv) for du, dv in sides]

def gdalwarp(path):
    bounds = [str(v) for v in (x[0] - step / 2, y[-1] - step / 2, x[-1] + step / 2, y[0] + step / 2)]
    out = mosaic + ".tif"
    options = ["-q", "-overwrite", "-et", "0", "-ovr", "NONE", "-r", "near", "-t_srs", f"EPSG:{epsg}", "-te", *bounds]
    sizes = ["-srcnodata", str(NODATA), "-dstnodata", str(NODATA), "-ts", str(x.size), str(y.size)]
    subprocess.run(["gdalwarp", *options, *sizes, path, out], check=True)
    with rasterio.open(out) as file:
        return file.read(1)

days = sorted({os.path.basename(f)[:10] for f in glob.glob(data + "/s2/*_*")})
assert [str(t)[:10] for t in cube.time.values] == days and len(days) == 6, cube.time
have_gdal = shutil.which("gdalwarp") is not None
if not have_gdal:
    print("skipped: there is no gdalwarp to compare with")
both, ties = 0, 0
for day, name in ((d, n) for d in days for n in FILES):
    got = cube[name].sel(time=cube.time.values[days.index(day)]).values
    # 33TTG is seen 15 seconds after 32TQM.
    paths = [f"{data}/s2/{day}_{tile}/{FILES[name]}.tif" for tile in ("32TQM", "33TTG")]
    first, second = map(on_grid, paths)
    assert first[0] != second[0]
    fused = [np.where(a != NODATA, a, b) for a in first[1] for b in second[1]]
    exact = fused[0]
    wrong = got != exact
    assert not (wrong & ~np.any([got == f for f in fused], axis=0)).any(), (day, name, int(wrong.sum()))
    # Pasted pixels are the file's, to the bit.
    if first[0]:
        own = first[1][0] != NODATA
    else:
        own = np.all([f == NODATA for f in first[1]], axis=0) & (second[1][0] != NODATA)
    assert own.sum() > 20_000 and not (wrong & own).any(), (day, name)
    if have_gdal and name in ("green", "scl"):
        a, b = map(gdalwarp, paths)
        gdal = int((got != np.where(a != NODATA, a, b)).sum())
        assert gdal <= 1e-4 * got.size, (day, name, gdal)
    both += int(((first[1][0] != NODATA) & (second[1][0] != NODATA)).sum())
    ties += int(wrong.sum())
assert both > 100_000, "the tiles do not overlap"
assert ties < 1e-4 * 36 * exact.size, ties
assert (cube["green"].values[3] == NODATA).sum() > (cube["green"].values[0] == NODATA).sum(), "the swath ends"
print(f"EPSG:{epsg}: {ties} ties in {36 * exact.size} pixels")
"#;

#[test]
fn two_utm_zones_make_one_mosaic_where_the_first_valid_pixel_wins() {
    let sandbox = scenes();
    for epsg in ["32632", "32633"] {
        let (crs, file) = (format!("EPSG:{epsg}"), format!("{epsg}.nc"));
        let load = ["load", SCENES, "--crs", &crs, "--resolution", "20", "--group-by", "solar-day", "-o", &file];
        sandbox.cube(load).succeeds();
        let (file, data) = (sandbox.path(file), sample_data());
        if let Some(said) = python(MOSAIC, [file.as_os_str(), data.as_os_str(), epsg.as_ref()]) {
            print!("{said}");
        }
    }
}
