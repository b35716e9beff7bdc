//! Nineteen Landsat-8 scenes of 2018 on the coast of New York, three paths and rows, each on a grid of its own.

use std::process::Command;

use cube_tests::{python, shared};
use serde_json::json;

use crate::{catalog, show};

const PRODUCT: &str = "
name: landsat8_ny
description: Landsat 8 Collection 1 Level-1, reduced to some 3 km
metadata_type: eo3
metadata: {product: {name: landsat8_ny}}
measurements:
  - {name: red, aliases: [B4], dtype: uint16, nodata: 0, units: \"1\"}
  - {name: nir, aliases: [B5], dtype: uint16, nodata: 0, units: \"1\"}
  - {name: qa, aliases: [BQA], dtype: uint16, nodata: 0, units: bit_index}
";

/// Writes a document for each scene into the second argument. The second row of a path is seen 24 seconds after
/// the first.
const DOCUMENTS: &str = r#"
import glob, json, os, sys, uuid
import rasterio
folder, out = sys.argv[1:]
os.makedirs(out)
scenes = sorted(glob.glob(folder + "/L8NY18/LC08_*"))
for scene in scenes:
    label = os.path.basename(scene)
    _, _, path_row, day, *_ = label.split("_")
    stem = f"{scene}/LC08_L1TP_{path_row}_{day}_"
    grids, measurements = {}, {}
    for name, band in dict(red="B4", nir="B5", qa="BQA").items():
        with rasterio.open(stem + band + ".TIF") as file:
            assert file.crs.to_epsg() == 32618
            grid = dict(shape=file.shape, transform=tuple(file.transform))
        if not grids:
            grids["default"] = grid
        assert grid == grids["default"], "the bands of a scene share its grid"
        measurements[name] = dict(path=stem + band + ".TIF")
    second = 24 if path_row == "014032" else 0
    time = f"{day[:4]}-{day[4:6]}-{day[6:]}T15:{33 if path_row[:3] == '013' else 39}:{second:02}Z"
    document = {
        "$schema": "https://schemas.opendatacube.org/dataset",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, label)), "label": label,
        "product": {"name": "landsat8_ny"}, "crs": "epsg:32618", "grids": grids,
        "properties": {"datetime": time, "odc:file_format": "GeoTIFF", "odc:region_code": path_row},
        "measurements": measurements, "lineage": {},
    }
    with open(f"{out}/{label}.odc-metadata.json", "w") as file:
        json.dump(document, file)
print(len(scenes))
"#;

/// gdalwarp's nearest, scene by scene, fused by numpy.
const MOSAICS: &str = r#"
import glob, json, subprocess, sys
import numpy as np, rasterio, xarray as xr
documents, loaded, epsg = sys.argv[1:]
scenes = sorted((json.load(open(p)) for p in glob.glob(documents + "/*.json")),
                key=lambda d: (d["properties"]["datetime"], d["id"]))
cube = xr.open_dataset(loaded, mask_and_scale=False)
x, y = cube.x.values, cube.y.values
step = x[1] - x[0]
bounds = [str(v) for v in (x[0] - step / 2, y[-1] - step / 2, x[-1] + step / 2, y[0] + step / 2)]

def gdalwarp(path):
    out = loaded + ".tif"
    options = ["-q", "-overwrite", "-et", "0", "-r", "near", "-t_srs", f"EPSG:{epsg}", "-te", *bounds]
    sizes = ["-srcnodata", "0", "-dstnodata", "0", "-ts", str(x.size), str(y.size)]
    subprocess.run(["gdalwarp", *options, *sizes, path, out], check=True)
    with rasterio.open(out) as file:
        return file.read(1)

days = sorted({d["properties"]["datetime"][:10] for d in scenes})
assert [str(t)[:10] for t in cube.time.values] == days, cube.time
mosaics, different, total = 0, 0, 0
for plane, day in enumerate(days):
    of_day = [d for d in scenes if d["properties"]["datetime"].startswith(day)]
    overlap = 0
    for name in ("red", "nir", "qa"):
        fused = np.zeros((y.size, x.size), np.uint16)
        for scene in of_day:
            warped = gdalwarp(scene["measurements"][name]["path"])
            overlap += int(((fused != 0) & (warped != 0)).sum())
            fused = np.where(fused != 0, fused, warped)
        got = cube[name].values[plane]
        assert (got != 0).sum() > 1000, (day, name)
        different += int((got != fused).sum())
        total += int(((got != 0) | (fused != 0)).sum())
    mosaics += overlap > 0
assert mosaics >= 2, mosaics
assert different <= 1e-3 * total, (different, total)
print(f"Landsat 8 coast in EPSG:{epsg}: {len(scenes)} scenes, {len(days)} days, {mosaics} of them mosaics; "
      f"{different} of {total} pixels differ from GDAL's")
"#;

#[test]
fn scenes_on_grids_of_their_own_make_the_mosaics_of_gdalwarp() {
    let Some(folder) = shared("realdata/landsat8_ny") else { return };
    if Command::new("gdalwarp").arg("--version").output().is_err() {
        eprintln!("skipped: there is no gdalwarp to compare with");
        return;
    }
    let sandbox = catalog();
    let documents = sandbox.path("documents");
    let Some(count) = python(DOCUMENTS, [&folder, &documents]) else { return };
    assert_eq!(count.trim(), "19");
    let product = sandbox.write("product.yaml", PRODUCT);
    sandbox.cube(["product".as_ref(), "add".as_ref(), product.as_os_str()]).succeeds();
    let summary = sandbox.cube(["index".as_ref(), "--json".as_ref(), documents.as_os_str()]).succeeds().json();
    assert_eq!((&summary["added"], &summary["refused"]), (&json!(19), &json!([])));
    for (epsg, resolution) in [("32618", "3000"), ("5070", "2500")] {
        let (crs, file) = (format!("EPSG:{epsg}"), format!("{epsg}.nc"));
        let load = ["load", "landsat8_ny", "--crs", &crs, "--resolution", resolution, "--group-by", "solar-day"];
        sandbox.cube(load.into_iter().chain(["-o", &file])).succeeds();
        show(python(MOSAICS, [documents.as_os_str(), sandbox.path(&file).as_os_str(), epsg.as_ref()]));
    }
}
