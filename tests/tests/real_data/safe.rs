//! Sentinel-2 SAFE folders are indexed as they come, and load without GDAL.

use std::path::{Path, PathBuf};

use cube_tests::{Sandbox, python, shared};
use serde_json::{Value, json};

use crate::catalog;

const SAFE: &str = "S2A_MSIL1C_20180101T105441_N0206_R051_T31TDH_20180101T124911";
const GRANULE: &str = "GRANULE/L1C_T31TDH_A013204_20180101T105435";
const B01: &str = "GRANULE/L1C_T31TDH_A013204_20180101T105435/IMG_DATA/T31TDH_20180101T105441_B01.jp2";

/// The shipped definition with the only measurement whose image the folder has.
const COASTAL: &str = "
name: sentinel2_l1c_safe
description: Sentinel-2 L1C at 443 nm
metadata_type: eo3
metadata: {product: {name: sentinel2_l1c_safe}}
measurements:
  - {name: coastal, aliases: [B01], dtype: uint16, nodata: 0, units: \"1\", scale_factor: 0.0001}
";

fn folder() -> Option<PathBuf> {
    shared(format!("realdata/sentinel2_jp2/{SAFE}").as_str())
}

fn with(product: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.cube(["init"]).succeeds();
    let product = sandbox.write("product.yaml", product);
    sandbox.cube(["product".as_ref(), "add".as_ref(), product.as_os_str()]).succeeds();
    sandbox
}

const EQUAL: &str = r"
import sys
import numpy as np, rasterio
jp2, tif = (rasterio.open(path) for path in sys.argv[1:])
assert jp2.crs == tif.crs and jp2.transform == tif.transform, tif.profile
np.testing.assert_array_equal(tif.read(1), jp2.read(1))
";

#[test]
fn a_safe_folder_is_indexed_by_its_metadata_and_loads_without_gdal() {
    let Some(folder) = folder() else { return };
    let sandbox = with(COASTAL);
    let path = folder.as_os_str();
    for added in [1, 0] {
        let report = sandbox.cube(["index".as_ref(), path, "--json".as_ref()]).succeeds().json();
        assert_eq!(report["added"], json!(added), "{report}");
    }
    let found = sandbox.cube(["search", "product=sentinel2_l1c_safe", "--json"]).succeeds().json();
    let dataset = sandbox.cube(["dataset", "show", id(&found), "--json"]).succeeds().json();
    let text = dataset.to_string();
    for part in ["2018-01-01T10:54:35.457", "11.9204", "31TDH", "02.06", "epsg:32631", "sentinel-2a"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    let load = |arguments: &[&str]| {
        let mut command = sandbox.command([&["load", "sentinel2_l1c_safe"], arguments].concat());
        command.env("CUBE_GDAL_LIBRARY", "/no/such/libgdal.so");
        sandbox.run(command).succeeds();
    };
    load(&["-o", "whole.tif"]);
    python(EQUAL, [folder.join(B01), sandbox.path("whole.tif")]);
}

/// The id of the first dataset that a search printed.
fn id(found: &Value) -> &str {
    let first = found.as_array().and_then(|list| list.first()).unwrap_or(found);
    first["id"].as_str().unwrap()
}

fn copied(to: &Path, from: &Path, names: &[&str]) {
    for name in names {
        let to = to.join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from.join(name), to).unwrap();
    }
}

#[test]
fn folders_that_lack_something_and_zips_are_refused_with_what_to_do() {
    let Some(folder) = folder() else { return };
    let sandbox = catalog();
    let granule = format!("{GRANULE}/MTD_TL.xml");
    let (whole, no_image, no_granule, nothing) =
        (folder.clone(), sandbox.path("a.SAFE"), sandbox.path("b.SAFE"), sandbox.path("c.SAFE"));
    copied(&no_image, &folder, &["MTD_MSIL1C.xml", &granule]);
    copied(&no_granule, &folder, &["MTD_MSIL1C.xml"]);
    std::fs::create_dir_all(&nothing).unwrap();
    std::fs::write(nothing.join("INSPIRE.xml"), "<a/>").unwrap();
    let zip = sandbox.write("d.SAFE.zip", b"PK\x03\x04");
    for (path, says) in [
        (&whole, "the measurements blue, green, red"),
        (&no_image, "none of the 14 images that its metadata names is there"),
        (&no_granule, "MTD_TL.xml is not there"),
        (&nothing, "neither MTD_MSIL1C.xml nor MTD_MSIL2A.xml is in this folder"),
        (&zip, "unzip it"),
    ] {
        let refused = sandbox.cube(["index".as_ref(), path.as_os_str()]).fails(1);
        let said = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(says), "no {says:?} in {refused}");
    }
}

#[test]
fn a_product_is_inferred_from_a_band_and_takes_datasets() {
    let Some(folder) = folder() else { return };
    let sandbox = Sandbox::new();
    sandbox.cube(["init"]).succeeds();
    let file = folder.join(B01);
    let run = sandbox.cube(["product".as_ref(), "infer".as_ref(), file.as_os_str(), "--name".as_ref(), "b01".as_ref()]);
    let run = run.succeeds();
    assert!(run.stdout.contains("dtype: uint16") && run.stdout.contains("EPSG:32631"), "{run}");
    assert!(run.stderr.contains("no nodata value"), "{run}");
    let product = sandbox.write("inferred.yaml", &run.stdout);
    sandbox.cube(["product".as_ref(), "add".as_ref(), product.as_os_str()]).succeeds();
}
