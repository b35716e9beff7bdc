//! Zarr and NetCDF as xarray, zarr-python and netCDF4 write them: each version, codec and packing, and the calendars of
//! models.

use cube_tests::{Sandbox, python};

/// Writes the same field in every way, into the folder of its argument, and a list of names.
const WRITE: &str = r#"
import sys, warnings, os
import numpy as np, pandas as pd, xarray as xr, numcodecs
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec
warnings.filterwarnings("ignore")
os.chdir(sys.argv[1])
random = np.random.default_rng(3)
lat, lon = np.arange(50, 45, -0.25), np.arange(5, 11, 0.25)
field = (random.random((5, len(lat), len(lon))) * 40 + 250).astype("f4")
field[0, 3:5, 4:7] = np.nan
axes = dict(
    time=pd.date_range("2034-01-01", periods=5, freq="6h"),
    lat=("lat", lat, {"units": "degrees_north", "standard_name": "latitude"}),
    lon=("lon", lon, {"units": "degrees_east", "standard_name": "longitude"}),
)
data = xr.Dataset({"t2m": (("time", "lat", "lon"), field, {"units": "K"})}, coords=axes)
packed = dict(dtype="i2", scale_factor=0.01, add_offset=270.0, _FillValue=-9999)
small, whole = dict(chunks=(2, 8, 8)), dict(chunks=(1, 20, 24))
stores = {
    "v2_blosc_zstd": (2, True, dict(compressors=[numcodecs.Blosc("zstd", 3, 1)], **small)),
    "v2_blosc_lz4": (2, True, dict(compressors=[numcodecs.Blosc("lz4", 3, 1)], **small)),
    "v2_zstd_without_consolidated_metadata": (2, False, dict(compressors=[numcodecs.Zstd(3)], **whole)),
    "v2_gzip": (2, True, dict(compressors=[numcodecs.GZip(3)], **whole)),
    "v2_plain": (2, True, dict(compressors=None)),
    "v2_shuffled": (2, True, dict(filters=[numcodecs.Shuffle(4)], compressors=[numcodecs.Zstd(3)])),
    "v2_packed": (2, True, dict(compressors=[numcodecs.Blosc("zstd", 3, 1)], **packed)),
    "v3_zstd": (3, True, dict(compressors=[ZstdCodec()], **small)),
    "v3_blosc_without_consolidated_metadata": (3, False, dict(compressors=[BloscCodec(cname="zstd")], **small)),
    "v3_gzip": (3, True, dict(compressors=[GzipCodec()])),
    "v3_sharded": (3, True, dict(shards=(5, 20, 24), chunks=(1, 10, 8))),
    "v3_packed": (3, True, packed),
}
names = []
for name, (version, consolidated, encoding) in stores.items():
    data.to_zarr(f"{name}.zarr", zarr_format=version, consolidated=consolidated, encoding={"t2m": encoding})
    names.append(f"{name}.zarr")
for kind in ["NETCDF4", "NETCDF4_CLASSIC", "NETCDF3_64BIT", "NETCDF3_CLASSIC"]:
    data.to_netcdf(f"{kind}.nc", format=kind, engine="netcdf4", unlimited_dims=["time"], encoding={"t2m": packed})
    names.append(f"{kind}.nc")
open("names.txt", "w").write("\n".join(names))
"#;

const EQUAL: &str = r#"
import sys, warnings
import numpy as np, xarray as xr
warnings.filterwarnings("ignore")
source, loaded = sys.argv[1:]
open_ = xr.open_zarr if source.endswith(".zarr") else xr.open_dataset
source, loaded = open_(source, mask_and_scale=False), xr.open_dataset(loaded, mask_and_scale=False)
assert loaded.t2m.dtype == source.t2m.dtype, (loaded.t2m.dtype, source.t2m.dtype)
np.testing.assert_array_equal(loaded.t2m.values, source.t2m.values)
np.testing.assert_array_equal(loaded.time.values, source.time.values)
"#;

/// What `cube product infer` says of a file becomes a product, the file datasets of it, and these a cube.
fn round(sandbox: &Sandbox, file: &str, product: &str) {
    let inferred = sandbox.cube(["product", "infer", file, "--name", product]).succeeds();
    sandbox.write("product.yaml", &inferred.stdout);
    sandbox.cube(["product", "add", "product.yaml"]).succeeds();
    sandbox.cube(["index", file, "--product", product]).succeeds();
    sandbox.cube(["load", product, "-o", &format!("{product}.nc")]).succeeds();
}

#[test]
fn every_kind_of_zarr_and_netcdf_is_read_as_xarray_reads_it() {
    let sandbox = Sandbox::new();
    sandbox.cube(["init"]).succeeds();
    if python(WRITE, [sandbox.path("")]).is_none() {
        return;
    }
    let names = std::fs::read_to_string(sandbox.path("names.txt")).unwrap();
    assert_eq!(names.lines().count(), 16);
    for (number, name) in names.lines().enumerate() {
        let product = format!("p{number}");
        round(&sandbox, name, &product);
        python(EQUAL, [sandbox.path(name), sandbox.path(format!("{product}.nc"))]);
    }
}

/// Two months of days of 360, and two of a year without 29 February.
const CALENDARS: &str = r#"
import sys, os
import numpy as np, xarray as xr
os.chdir(sys.argv[1])
lat, lon = np.arange(50, 45, -0.25), np.arange(5, 11, 0.25)
axes = dict(lat=("lat", lat, {"units": "degrees_north"}), lon=("lon", lon, {"units": "degrees_east"}))
for calendar in ["360_day", "noleap"]:
    time = xr.date_range("2036-02-01", periods=60, freq="D", calendar=calendar, use_cftime=True)
    field = np.arange(60)[:, None, None] + np.zeros((60, len(lat), len(lon)), "f4")
    data = xr.Dataset({"t2m": (("time", "lat", "lon"), field.astype("f4"), {"units": "K"})}, coords=dict(axes, time=time))
    data.to_netcdf(f"{calendar}.nc")
"#;

const DATES: &str = r#"
import sys
import numpy as np, xarray as xr
source, loaded = xr.open_dataset(sys.argv[1]), xr.open_dataset(sys.argv[2])
# What xarray makes of it: dates keep their names, and those that there are not go.
expected = source.convert_calendar("standard", align_on="date", use_cftime=False)
np.testing.assert_array_equal(loaded.time.values, expected.time.values)
np.testing.assert_array_equal(loaded.t2m.values, expected.t2m.values)
"#;

#[test]
fn dates_of_models_keep_their_names_and_those_that_are_none_of_ours_are_left_out() {
    let sandbox = Sandbox::new();
    sandbox.cube(["init"]).succeeds();
    if python(CALENDARS, [sandbox.path("")]).is_none() {
        return;
    }
    for (file, product) in [("360_day.nc", "days_360"), ("noleap.nc", "no_leap")] {
        round(&sandbox, file, product);
        python(DATES, [sandbox.path(file), sandbox.path(format!("{product}.nc"))]);
    }
}

/// Three levels at two times.
const LEVELS: &str = r#"
import sys, os
import numpy as np, pandas as pd, xarray as xr
os.chdir(sys.argv[1])
lat, lon = np.arange(50, 45, -0.25), np.arange(5, 11, 0.25)
axes = dict(
    time=pd.date_range("2034-01-01", periods=2, freq="6h"),
    level=("level", [850.0, 500.0, 250.0], {"units": "hPa"}),
    lat=("lat", lat, {"units": "degrees_north"}),
    lon=("lon", lon, {"units": "degrees_east"}),
)
field = np.arange(6).reshape(2, 3, 1, 1) * 10 + np.random.default_rng(1).random((2, 3, len(lat), len(lon)))
data = xr.Dataset({"t": (("time", "level", "lat", "lon"), field.astype("f4"), {"units": "K"})}, coords=axes)
data.to_netcdf("levels.nc")
data.to_zarr("levels.zarr")
"#;

const SAME_LEVELS: &str = r#"
import sys, warnings
import numpy as np, xarray as xr
warnings.filterwarnings("ignore")
source, loaded = xr.open_dataset(sys.argv[1]), xr.open_dataset(sys.argv[2])
assert loaded.t.dims[:2] == ("time", "level"), loaded.t.dims
np.testing.assert_array_equal(loaded.t.values, source.t.values)
np.testing.assert_array_equal(loaded.level.values, source.level.values)
"#;

#[test]
fn levels_are_one_extra_dimension_by_the_product() {
    let sandbox = Sandbox::new();
    sandbox.cube(["init"]).succeeds();
    if python(LEVELS, [sandbox.path("")]).is_none() {
        return;
    }
    for (file, product) in [("levels.nc", "in_netcdf"), ("levels.zarr", "in_zarr")] {
        round(&sandbox, file, product);
        python(SAME_LEVELS, [sandbox.path("levels.nc"), sandbox.path(format!("{product}.nc"))]);
    }
    // Levels in another order are other levels.
    let product = sandbox.cube(["product", "infer", "levels.nc", "--name", "turned"]).succeeds().stdout;
    assert!(product.contains("extra_dim: level") && product.contains("850"), "{product}");
    sandbox.write("turned.yaml", product.replace("850", "1"));
    sandbox.cube(["product", "add", "turned.yaml"]).succeeds();
    let refused = sandbox.cube(["index", "levels.nc", "--product", "turned"]).fails(1);
    let said = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("with the same values in the same order"), "{refused}");
}
