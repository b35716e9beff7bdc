//! GRIB2 in every packing, as ecCodes writes it, through the command without GDAL.

use cube_tests::{Sandbox, grib_python, python};

/// Each packing without and with a bitmap, one level each.
const WRITE: &str = r#"
import sys
import eccodes, numpy as np
noise = np.random.default_rng(1)
fields = []
with open(sys.argv[1], "wb") as file:
    for packing in ("simple", "ccsds", "jpeg", "complex", "complex_spatial_differencing"):
        for bitmap in (0, 1):
            handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
            for key, value in {"shortName": "t", "typeOfLevel": "isobaricInhPa", "level": 500 + len(fields),
                               "bitmapPresent": bitmap, "missingValue": 9999}.items():
                eccodes.codes_set(handle, key, value)
            rows, columns = eccodes.codes_get(handle, "Nj"), eccodes.codes_get(handle, "Ni")
            y, x = np.mgrid[:rows, :columns]
            values = 270 + 10 * np.sin(x / 3) + 5 * np.cos(y / 4) + noise.normal(0, 0.1, (rows, columns))
            if bitmap:
                values.ravel()[::7] = 9999
            eccodes.codes_set_values(handle, values.ravel())
            eccodes.codes_set(handle, "packingType", f"grid_{packing}")
            got = eccodes.codes_get_values(handle).reshape(rows, columns)
            assert eccodes.codes_get(handle, "packingType") == f"grid_{packing}"
            fields.append(np.where(got == 9999, np.nan, got))
            file.write(eccodes.codes_get_message(handle))
np.savez(sys.argv[2], np.array(fields))
"#;

const SAME: &str = r#"
import sys
import numpy as np, xarray as xr
cube, due = xr.open_dataset(sys.argv[1]), np.load(sys.argv[2])["arr_0"]
assert len(due) == 10
for i, field in enumerate(due):
    got = cube[f"t{500 + i}"].values[0]
    # Single precision.
    np.testing.assert_allclose(got, field, rtol=1e-6, atol=0, equal_nan=True, err_msg=str(i))
    assert np.isnan(got).any() == bool(i % 2)
"#;

#[test]
fn every_packing_gives_the_values_of_eccodes_and_levels_tell_measurements_apart() {
    let sandbox = Sandbox::new();
    let [file, due] = ["packed.grib2", "due.npz"].map(|name| sandbox.path(name).to_str().unwrap().to_owned());
    if grib_python(WRITE, [&file, &due]).is_none() {
        return;
    }
    let measurement = |level| {
        format!(
            "  - {{name: t{level}, aliases: ['t@typeOfLevel=isobaricInhPa,level={level}'], dtype: float32, nodata: .nan, units: K}}"
        )
    };
    let measurements = (500..510).map(measurement).collect::<Vec<_>>().join("\n");
    let product = format!(
        "name: packed\ndescription: packings\nmetadata_type: eo3\nmetadata: {{product: {{name: packed}}}}\nmeasurements:\n{measurements}"
    );
    let product = sandbox.write("packed.yaml", product);
    sandbox.cube(["init"]).succeeds();
    sandbox.cube(["product", "add", product.to_str().unwrap()]).succeeds();
    let run = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        command.env("CUBE_GDAL_LIBRARY", "/no/such/libgdal.so");
        sandbox.run(command).succeeds();
    };
    run(&["index", &file, "--product", "packed"]);
    run(&["load", "packed", "-o", "packed.nc"]);
    python(SAME, [sandbox.path("packed.nc").to_str().unwrap(), &due]);
}
