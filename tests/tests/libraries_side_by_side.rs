//! One executable holds a bundled SQLite (sqlx) and a bundled PROJ (proj-sys) beside a system libgdal that
//! brings its own of both. `.cargo/config.toml` hides the bundled symbols; without that the copies mix.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "the functions that the tests share are tests too")]

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use cube_geo::{Crs, Transform};
use gdal::spatial_ref::SpatialRef;
use gdal::vector::{FieldValue, Geometry, LayerAccess, LayerOptions, OGRFieldType, OGRwkbGeometryType};
use gdal::{Dataset, DriverManager};
use sqlx::Connection;

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

/// Our own PROJ: there and back through a projection, and one value known from outside.
fn proj_work(round: u32) {
    let crs = Crs::parse(&format!("EPSG:{}", 32601 + round % 60)).unwrap();
    let degrees = Crs::parse("EPSG:4326").unwrap();
    let central_meridian = f64::from(round % 60) * 6.0 - 177.0;
    let (x, y) = Transform::new(&degrees, &crs).unwrap().point(central_meridian, 42.0).unwrap();
    assert!((x - 500_000.0).abs() < 1e-3, "the central meridian lies at 500 km east, not at {x}");
    let (lon, lat) = Transform::new(&crs, &degrees).unwrap().point(x, y).unwrap();
    assert!((lon - central_meridian).abs() < 1e-9 && (lat - 42.0).abs() < 1e-9);
}

/// Our own SQLite, in memory, with an R*Tree as the catalog uses.
async fn sqlite_work(database: &mut sqlx::SqliteConnection, round: i64) {
    sqlx::query("INSERT INTO boxes VALUES (?, 12.0, 12.5, 42.0, 42.3)")
        .bind(round)
        .execute(&mut *database)
        .await
        .unwrap();
    let found: i64 = sqlx::query_scalar("SELECT count(*) FROM boxes WHERE west <= 12.2 AND east >= 12.1")
        .fetch_one(&mut *database)
        .await
        .unwrap();
    assert_eq!(found, round + 1);
}

#[test]
fn gdal_works_while_our_proj_and_sqlite_work_on_other_threads() {
    const TRANSFORMERS: usize = 4;
    let folder = tempfile::tempdir().unwrap();
    let gdal_is_done = AtomicBool::new(false);
    let transforms = AtomicUsize::new(0);
    let queries = AtomicUsize::new(0);

    thread::scope(|scope| {
        for _ in 0..TRANSFORMERS {
            scope.spawn(|| {
                for round in 0.. {
                    proj_work(round);
                    transforms.fetch_add(1, Ordering::Relaxed);
                    if gdal_is_done.load(Ordering::Relaxed) && round >= 60 {
                        break;
                    }
                }
            });
        }
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut database = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
                sqlx::query("CREATE VIRTUAL TABLE boxes USING rtree(id, west, east, south, north)")
                    .execute(&mut database)
                    .await
                    .unwrap();
                for round in 0.. {
                    sqlite_work(&mut database, round).await;
                    queries.fetch_add(1, Ordering::Relaxed);
                    if gdal_is_done.load(Ordering::Relaxed) && round >= 200 {
                        break;
                    }
                }
            });
        });
        let gdal = scope.spawn(|| (0..8).for_each(|round| gdal_work(folder.path(), round)));
        let result = gdal.join();
        // Whatever came of it: the other threads wait for this word, and the scope waits for them.
        gdal_is_done.store(true, Ordering::Relaxed);
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    });

    assert!(transforms.load(Ordering::Relaxed) > TRANSFORMERS * 60);
    assert!(queries.load(Ordering::Relaxed) > 200);
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
