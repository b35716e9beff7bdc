//! Sentinel-2 bands in JPEG 2000, whole tiles of 1830 × 1830 pixels.

use cube_tests::{python, shared};
use serde_json::json;

use crate::catalog;

const PRODUCT: &str = "
name: s2_l1c_aerosol
description: Sentinel-2 L1C at 443 nm
metadata_type: eo3
metadata: {product: {name: s2_l1c_aerosol}}
measurements:
  - {name: coastal, aliases: [B01], dtype: uint16, nodata: 0, units: \"1\"}
";

/// Tile's corner, EPSG code, path, and when it was seen.
const TILES: [(&str, [f64; 2], u32, &str); 2] = [
    ("realdata/sentinel2_jp2/B01.jp2", [499_980.0, 4_300_020.0], 32615, "2018-01-01T17:00:00Z"),
    (
        "realdata/sentinel2_jp2/S2A_MSIL1C_20180101T105441_N0206_R051_T31TDH_20180101T124911/GRANULE/\
         L1C_T31TDH_A013204_20180101T105435/IMG_DATA/T31TDH_20180101T105441_B01.jp2",
        [399_960.0, 4_800_000.0],
        32631,
        "2018-01-01T10:54:41Z",
    ),
];

const EQUAL: &str = r#"
import sys
import numpy as np, rasterio
jp2, tif = (rasterio.open(path) for path in sys.argv[1:])
assert jp2.driver.startswith("JP2") and jp2.shape == tif.shape == (1830, 1830)
assert jp2.crs == tif.crs and jp2.transform == tif.transform and jp2.dtypes == tif.dtypes, tif.profile
expected = jp2.read(1)
assert expected.std() > 50
np.testing.assert_array_equal(tif.read(1), expected)
"#;

#[test]
fn a_jpeg_2000_band_is_read_as_openjpeg_reads_it() {
    for (number, (path, [left, top], epsg, time)) in TILES.into_iter().enumerate() {
        let Some(file) = shared(path) else { return };
        let sandbox = catalog();
        let product = sandbox.write("product.yaml", PRODUCT);
        sandbox.cube(["product".as_ref(), "add".as_ref(), product.as_os_str()]).succeeds();
        let document = json!({
            "$schema": "https://schemas.opendatacube.org/dataset",
            "id": format!("6f0c7a52-0000-4000-8000-00000000000{number}"),
            "product": { "name": "s2_l1c_aerosol" },
            "crs": format!("epsg:{epsg}"),
            "grids": { "default": {
                "shape": [1830, 1830],
                "transform": [60.0, 0.0, left, 0.0, -60.0, top, 0.0, 0.0, 1.0],
            } },
            "properties": { "datetime": time, "odc:file_format": "JPEG2000" },
            "measurements": { "coastal": { "path": file } },
            "lineage": {},
        });
        let document = sandbox.write("tile.odc-metadata.json", document.to_string());
        sandbox.cube(["index".as_ref(), document.as_os_str()]).succeeds();
        sandbox.cube(["load", "s2_l1c_aerosol", "-o", "tile.tif"]).succeeds();
        python(EQUAL, [file, sandbox.path("tile.tif")]);
    }
}
