//! Files of real missions and models, where they lie beside the checkout; skipped, loudly, where not.

use std::path::{Path, PathBuf};

use cube_geo::{Crs, Shape, Window};
use cube_model::DataType;
use cube_raster::planes;

use crate::cubes::reader;

fn real(folder: &str, ending: &str) -> Option<String> {
    let root = std::env::var_os("CUBE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let found = std::fs::read_dir(root.join("realdata").join(folder)).ok().and_then(|entries| {
        entries.flatten().map(|e| e.path().to_string_lossy().into_owned()).find(|p| p.ends_with(ending))
    });
    if found.is_none() {
        eprintln!("skipped: no {folder}/*{ending} in {} (set CUBE_SHARED)", root.display());
    }
    found
}

#[test]
fn landsat_tiles_have_their_grid_and_nodata() {
    let Some(url) = real("landsat8_eo3", "_sr_band4.tif") else { return };
    let mut raster = reader(url.as_ref(), None, 1);
    let header = raster.header().clone();
    assert_eq!((header.dtype, header.shape), (DataType::Int16, Shape::new(336, 400)));
    assert_eq!((header.nodata, header.crs), (Some(-9999.0), Some(Crs::epsg(32655).unwrap())));
    let affine = header.affine.unwrap();
    assert_eq!((affine.a, affine.e), (30.0, -30.0));
    assert_eq!(raster.read(0, header.shape.whole()).unwrap().shape(), [336, 400]);
}

#[test]
fn era5_messages_are_kelvin_with_their_valid_times() {
    let Some(url) = real("era5_t2m", ".grib") else { return };
    let listed = planes(&url, None).unwrap();
    assert_eq!(listed.len(), 744);
    assert_eq!(listed[0].name.as_deref(), Some("2t"));
    assert_eq!(listed[0].time.unwrap().to_string(), "2019-03-01T00:00:00Z");
    assert_eq!(listed[743].time.unwrap().to_string(), "2019-03-31T23:00:00Z");
    assert_eq!(listed[0].header.units.as_deref(), Some("K"));
    // What does not begin as GRIB is GDAL's, which looks for the first message.
    let folder = tempfile::tempdir().unwrap();
    let gdal = folder.path().join("padded.grib");
    std::fs::write(&gdal, [b"\n".as_slice(), &std::fs::read(&url).unwrap()].concat()).unwrap();
    for band in [1, 372, 744] {
        let (mut own, mut other) = (reader(url.as_ref(), None, band), reader(gdal.as_ref(), None, band));
        let (header, expected) = (own.header().clone(), other.header().clone());
        assert_eq!((header.shape, header.dtype, header.time), (expected.shape, expected.dtype, expected.time));
        let (a, b) = (header.affine.unwrap(), expected.affine.unwrap());
        let apart = [a.a - b.a, a.c - b.c, a.e - b.e, a.f - b.f].into_iter().fold(0.0, |m: f64, d| m.max(d.abs()));
        assert!(apart < 1e-9, "{a:?} {b:?}");
        let [own, other] = [&mut own, &mut other].map(|r| r.read(0, header.shape.whole()).unwrap().to_f64());
        let apart = own.iter().zip(&other).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs()));
        assert!(apart < 1e-9, "{apart}");
    }
    let mean = listed.iter().map(|plane| {
        let mut raster = reader(url.as_ref(), None, plane.band);
        let whole = raster.header().shape.whole();
        raster.read(0, whole).unwrap().to_f64().mean().unwrap()
    });
    let mean = mean.sum::<f64>() / 744.0;
    assert!((mean - 280.774).abs() < 0.001, "{mean}");
}

#[test]
fn the_openeo_series_has_78_dates_of_unsigned_shorts() {
    let Some(url) = real("sentinel2_l2a_series", ".nc") else { return };
    let listed = planes(&url, None).unwrap();
    let scl: Vec<_> = listed.iter().filter(|p| p.layer.as_deref() == Some("S2-L2A-SCL")).collect();
    assert_eq!((listed.len(), scl.len()), (78 * 15, 78));
    let header = &scl[0].header;
    assert_eq!((header.dtype, header.shape), (DataType::UInt16, Shape::new(64, 64)));
    assert_eq!(header.crs, Some(Crs::epsg(32736).unwrap()));
    assert_eq!(header.affine.unwrap().resolution(), cube_geo::Resolution::square(10.0));
    assert!(scl.windows(2).all(|w| w[0].time.unwrap() < w[1].time.unwrap()));
    let mut raster = reader(url.as_ref(), Some("S2-L2A-SCL"), 40);
    let values = raster.read(0, Shape::new(64, 64).whole()).unwrap().to_f64();
    assert!(values.iter().all(|v| *v <= 11.0 || *v == 65_535.0), "{values}");
}

#[test]
fn jpeg_2000_is_read_at_its_reduced_levels() {
    let Some(root) = real("sentinel2_jp2", ".jp2") else { return };
    let mut raster = reader(root.as_ref(), None, 1);
    let header = raster.header().clone();
    assert_eq!((header.dtype, header.shape), (DataType::UInt16, Shape::new(1830, 1830)));
    assert!(!header.overviews.is_empty(), "{header:?}");
    let half = header.overviews[0];
    assert_eq!(raster.read(1, Window::new(0, 0, half.rows, 10)).unwrap().shape(), [half.rows, 10]);
}
