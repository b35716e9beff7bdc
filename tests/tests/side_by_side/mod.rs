//! What runs side by side: our own PROJ and SQLite on some threads, libgdal with its own copies of both on another.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use cube_geo::{Crs, Transform};
use cube_model::Pixels;
use cube_raster::RasterLocation;
use cube_tests::sample_data;
use sqlx::Connection;

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

/// Runs `gdal` on a thread of its own while others work with our copies.
pub(crate) fn while_our_proj_and_sqlite_work(gdal: impl FnOnce() + Send) {
    const TRANSFORMERS: usize = 4;
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
        let result = scope.spawn(gdal).join();
        // Whatever came of it: the other threads wait for this word, and the scope waits for them.
        gdal_is_done.store(true, Ordering::Relaxed);
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    });

    assert!(transforms.load(Ordering::Relaxed) > TRANSFORMERS * 60);
    assert!(queries.load(Ordering::Relaxed) > 200);
}

/// A sample picture as GDAL writes it, without loss, in formats that only GDAL reads: GRIB, and a
/// `GeoPackage`, which is a database of its SQLite. `None`, said aloud, where no `gdal_translate` is there.
pub(crate) fn translated(folder: &Path) -> Option<Vec<PathBuf>> {
    let formats: [(&str, &[&str]); 2] = [
        ("GRIB", &["-ot", "Float32", "-co", "IDS=REF_TIME=2034-06-07T10:05:27Z"]),
        ("GPKG", &["-co", "TILE_FORMAT=PNG"]),
    ];
    let mut files = Vec::new();
    for (format, options) in formats {
        let file = folder.join(format!("green.{format}"));
        let mut command = Command::new("gdal_translate");
        match command.args(["-q", "-of", format]).args(options).arg(green()).arg(&file).output() {
            Ok(done) => assert!(done.status.success(), "{format}: {}", String::from_utf8_lossy(&done.stderr)),
            Err(error) => {
                eprintln!("skipped: gdal_translate does not start ({error}); install gdal-bin");
                return None;
            }
        }
        files.push(file);
    }
    Some(files)
}

/// The picture itself, which our own reader reads.
pub(crate) fn green() -> PathBuf {
    sample_data().join("s2/2034-06-07_33TTG/B03.tif")
}

/// The pixels of the first band of a file and its CRS, read as a load reads them.
pub(crate) fn read(path: &Path) -> (Pixels, Crs) {
    let location = RasterLocation { url: path.display().to_string(), layer: None, band: 1 };
    let mut raster = cube_raster::open(&location).unwrap();
    let header = raster.header().clone();
    (raster.read(0, header.shape.whole()).unwrap(), header.crs.unwrap())
}

/// Reads all files as the product does and compares them with the original.
pub(crate) fn read_alike(files: &[PathBuf]) {
    let (ours, crs) = read(&green());
    for file in files {
        let (theirs, their_crs) = read(file);
        assert!(theirs.to_f64() == ours.to_f64(), "{}: other pixels", file.display());
        // GRIB has the parameters of the projection and no name of a datum.
        assert!(their_crs == crs || file.ends_with("green.GRIB"), "{}: {their_crs:?}", file.display());
    }
}
