//! xarray, rioxarray and gdalinfo open what the writers write, with the right place, time, units and nodata.

#![expect(clippy::unwrap_used, reason = "functions that tests share are not exempt as tests are")]

use std::path::Path;

use cube_geo::{Affine, Crs, GeoBox, Shape};
use cube_model::{Cube, CubeArray, DataType, Flag, Measurement, Pixels};
use cube_raster::{WriteOptions, write_cog, write_netcdf, write_zarr};
use cube_tests::python;
use ndarray::{ArrayD, IxDyn};

/// Two measurements in UTM zone 33: `B03` counts from 0 and has nodata 0 and a scale, `lst` is in kelvin with a NaN.
fn cube(times: &[&str]) -> Cube {
    let affine = Affine::new(20.0, 0.0, 270_000.0, 0.0, -20.0, 4_670_000.0);
    let geobox = GeoBox::new(Shape::new(30, 40), affine, Crs::epsg(32633).unwrap()).unwrap();
    let shape = IxDyn(&[times.len(), 30, 40]);
    let count = times.len() * 1200;
    let green = ArrayD::from_shape_vec(shape.clone(), (0..count).map(|i| u16::try_from(i).unwrap()).collect()).unwrap();
    let mut kelvin = ArrayD::from_elem(shape, 280.5_f32);
    kelvin[[0, 0, 1]] = f32::NAN;
    let mut b03 = Measurement::new("B03", DataType::UInt16, Some(0.0));
    b03.scale_factor = Some(0.0001);
    b03.add_offset = Some(-0.1);
    let flag = Flag { bits: vec![15], values: [(1, "saturated".to_owned())].into_iter().collect(), description: None };
    b03.flags.insert("quality".to_owned(), flag);
    let mut lst = Measurement::new("lst", DataType::Float32, Some(f64::NAN));
    "K".clone_into(&mut lst.units);
    let arrays = [
        ("B03".to_owned(), CubeArray { pixels: Pixels::UInt16(green), nodata: Some(0.0), measurement: b03 }),
        ("lst".to_owned(), CubeArray { pixels: Pixels::Float32(kelvin), nodata: Some(f64::NAN), measurement: lst }),
    ];
    let times = times.iter().map(|t| t.parse().unwrap()).collect();
    Cube { geobox, times, extra: None, arrays: arrays.into_iter().collect() }
}

const TIMES: [&str; 2] = ["2034-05-01T10:00:00Z", "2034-05-03T10:20:30.25Z"];

const XARRAY: &str = r#"
import sys, warnings
import numpy as np, rioxarray, xarray as xr
path = sys.argv[1]
with warnings.catch_warnings():
    warnings.simplefilter("error")
    open_it = xr.open_zarr if path.endswith(".zarr") else xr.open_dataset
    ds = open_it(path)
    raw = open_it(path, mask_and_scale=False)
assert dict(ds.sizes) == {"time": 2, "y": 30, "x": 40}, ds.sizes
assert list(ds.data_vars) == ["B03", "lst"], list(ds.data_vars)
assert str(ds.time.values[1]) == "2034-05-03T10:20:30.250000000", ds.time.values
assert ds.x.values[0] == 270010 and ds.y.values[0] == 4669990 and ds.y.values[-1] == 4669410
assert ds.x.attrs["units"] == "m" and ds.x.attrs["standard_name"] == "projection_x_coordinate"
assert ds.rio.crs.to_epsg() == 32633, ds.rio.crs
assert tuple(ds.rio.transform())[:6] == (20, 0, 270000, 0, -20, 4670000), ds.rio.transform()
assert raw.B03.dtype == np.uint16 and (raw.B03.values.ravel() == np.arange(2400)).all()
assert np.isnan(ds.B03.values[0, 0, 0]) and abs(ds.B03.values[1, 0, 0] - (0.12 - 0.1)) < 1e-6
assert ds.B03.encoding["_FillValue"] == 0
assert ds.B03.attrs["flag_meanings"] == "saturated" and ds.B03.attrs["flag_masks"] == 32768
assert ds.lst.attrs["units"] == "K" and ds.lst.dtype == np.float32
assert np.isnan(ds.lst.values[0, 0, 1]) and np.isnan(ds.lst.encoding["_FillValue"])
assert np.nanmax(ds.lst.values) == np.nanmin(ds.lst.values) == np.float32(280.5)
"#;

#[test]
fn xarray_opens_zarr_and_netcdf_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let (zarr, netcdf) = (folder.path().join("a.zarr"), folder.path().join("a.nc"));
    write_zarr(&zarr, &cube(&TIMES), &WriteOptions::default()).unwrap();
    write_netcdf(&netcdf, &cube(&TIMES), &WriteOptions::default()).unwrap();
    for path in [zarr, netcdf] {
        python(XARRAY, [path]);
    }
}

const RASTERIO: &str = r#"
import sys
import rioxarray
nc, tif = sys.argv[1:]
a = rioxarray.open_rasterio(nc)
assert a.rio.crs.to_epsg() == 32633 and a.lst.shape == (2, 30, 40), a
assert tuple(a.rio.transform())[:6] == (20, 0, 270000, 0, -20, 4670000), a.rio.transform()
assert a.B03.rio.nodata == 0 and a.B03.attrs["scale_factor"] == 0.0001, a.B03.attrs
assert str(a.time.values[0]).startswith("2034-05-01 10:00:00") or str(a.time.values[0]).startswith("2034-05-01T10:00:00"), a.time
b = rioxarray.open_rasterio(tif)
assert b.rio.crs.to_epsg() == 32633 and b.shape == (1, 30, 40) and b.rio.nodata == 0
assert tuple(b.rio.transform())[:6] == (20, 0, 270000, 0, -20, 4670000)
assert b.attrs["long_name"] == "B03" and abs(b.attrs["scale_factor"] - 0.0001) < 1e-12 and b.attrs["add_offset"] == -0.1, b.attrs
assert b.attrs["TIFFTAG_DATETIME"] == "2034:05:01 10:00:00", b.attrs
assert b.values[0, 29, 39] == 1199
"#;

fn green_cog(path: &Path) {
    let mut cube = cube(&TIMES[..1]);
    cube.arrays.shift_remove("lst");
    write_cog(path, &cube, &WriteOptions::default()).unwrap();
}

#[test]
fn rioxarray_opens_netcdf_and_geotiff() {
    let folder = tempfile::tempdir().unwrap();
    let (netcdf, tif) = (folder.path().join("a.nc"), folder.path().join("a.tif"));
    write_netcdf(&netcdf, &cube(&TIMES), &WriteOptions::default()).unwrap();
    green_cog(&tif);
    python(RASTERIO, [netcdf, tif]);
}

#[test]
fn gdalinfo_tells_place_and_nodata() {
    let folder = tempfile::tempdir().unwrap();
    let (netcdf, tif) = (folder.path().join("a.nc"), folder.path().join("a.tif"));
    write_netcdf(&netcdf, &cube(&TIMES), &WriteOptions::default()).unwrap();
    green_cog(&tif);
    for (name, block) in [(format!("NETCDF:{}:B03", netcdf.display()), None), (tif.display().to_string(), Some(512))] {
        let output = match std::process::Command::new("gdalinfo").args(["-json", &name]).output() {
            Ok(output) => output,
            Err(error) => {
                eprintln!("skipped: gdalinfo does not start ({error}); install gdal-bin");
                return;
            }
        };
        let info: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(info["geoTransform"], serde_json::json!([270_000.0, 20.0, 0.0, 4_670_000.0, 0.0, -20.0]), "{name}");
        assert!(info["coordinateSystem"]["wkt"].as_str().unwrap().contains("ID[\"EPSG\",32633]]"), "{name}");
        let band = &info["bands"][0];
        assert_eq!(band["noDataValue"], 0.0, "{name}");
        assert_eq!(band["type"], "UInt16", "{name}");
        if let Some(block) = block {
            assert_eq!(band["block"], serde_json::json!([block, block]));
            assert_eq!(info["metadata"]["IMAGE_STRUCTURE"]["LAYOUT"], "COG");
            assert_eq!(band["description"], "B03");
        }
    }
}
