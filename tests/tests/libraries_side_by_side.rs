//! One executable holds a bundled SQLite (sqlx) and a bundled PROJ (proj-sys) beside a system libgdal that
//! brings its own of both. `.cargo/config.toml` hides the bundled symbols; without that the copies mix in an
//! executable that is linked to libgdal, as this one is. `cube` is not: see `gdal_on_demand.rs`.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "the functions that the tests share are tests too")]

use std::path::Path;
use std::process::Command;

use gdal::spatial_ref::SpatialRef;
use gdal::vector::{FieldValue, Geometry, LayerAccess, LayerOptions, OGRFieldType, OGRwkbGeometryType};
use gdal::{Dataset, DriverManager};

use crate::side_by_side::{read_alike, translated, while_our_proj_and_sqlite_work};

mod side_by_side;

/// What GDAL does while our copies work: a CRS look-up in its PROJ, a raster with that CRS, and a `GeoPackage`,
/// which is a database of its SQLite.
fn gdal_work(folder: &Path, round: u32) {
    let zone = 32601 + round % 60;
    let crs = SpatialRef::from_epsg(zone).expect("GDAL knows every UTM zone");
    assert!(crs.to_wkt().unwrap().contains("UTM zone"));

    let raster = DriverManager::get_driver_by_name("MEM").unwrap();
    let mut raster = raster.create_with_band_type::<u16, _>("", 64, 64, 1).unwrap();
    raster.set_spatial_ref(&crs).unwrap();
    assert_eq!(raster.spatial_ref().unwrap().auth_code().unwrap(), i32::try_from(zone).unwrap());

    let path = folder.join(format!("{round}.gpkg"));
    {
        let driver = DriverManager::get_driver_by_name("GPKG").unwrap();
        let mut file = driver.create_vector_only(&path).unwrap();
        let layer = file
            .create_layer(LayerOptions {
                name: "points",
                srs: Some(&crs),
                ty: OGRwkbGeometryType::wkbPoint,
                ..Default::default()
            })
            .unwrap();
        layer.create_defn_fields(&[("place", OGRFieldType::OFTString)]).unwrap();
        let defn = layer.defn();
        let place = defn.field_index("place").unwrap();
        for n in 0..20 {
            let mut feature = gdal::vector::Feature::new(defn).unwrap();
            feature.set_geometry(Geometry::from_wkt(&format!("POINT ({n} {round})")).unwrap()).unwrap();
            feature.set_field(place, &FieldValue::StringValue(format!("place {n}"))).unwrap();
            feature.create(&layer).unwrap();
        }
    }
    let written = Dataset::open(&path).unwrap();
    assert_eq!(written.layer(0).unwrap().feature_count(), 20);
}

#[test]
fn gdal_works_while_our_proj_and_sqlite_work_on_other_threads() {
    let folder = tempfile::tempdir().unwrap();
    let files = translated(folder.path()).unwrap_or_default();
    while_our_proj_and_sqlite_work(|| {
        for round in 0..8 {
            gdal_work(folder.path(), round);
            // The product loads by itself what is linked here: it is the same library.
            read_alike(&files);
        }
    });
}

/// Fails where an executable exports a symbol that libgdal, or a library it brings, would bind to.
fn exports_nothing(executable: &Path) {
    let nm = match Command::new("nm").args(["-D", "--defined-only"]).arg(executable).output() {
        Ok(nm) => nm,
        Err(e) => {
            eprintln!("skipped: nm does not start ({e}); it comes with binutils");
            return;
        }
    };
    assert!(nm.status.success(), "nm: {}", String::from_utf8_lossy(&nm.stderr));
    let exported: Vec<String> = String::from_utf8_lossy(&nm.stdout)
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .filter(|symbol| ["sqlite3_", "proj_", "H5", "nc_"].iter().any(|prefix| symbol.starts_with(prefix)))
        .map(str::to_owned)
        .collect();
    assert!(
        exported.is_empty(),
        "{} exports {} symbols that libgdal would bind to, such as {}; is -Wl,--exclude-libs,ALL among the link \
         arguments (.cargo/config.toml, and no RUSTFLAGS that replaces it)?",
        executable.display(),
        exported.len(),
        exported[0]
    );
}

#[test]
fn this_executable_exports_no_symbol_of_its_static_libraries() {
    exports_nothing(&std::env::current_exe().unwrap());
}

#[test]
fn cube_exports_no_symbol_of_its_static_libraries() {
    exports_nothing(cube_tests::cube_binary());
}
