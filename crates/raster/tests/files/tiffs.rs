//! Files against GDAL: its reader sees what its own writer would have said.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use cube_geo::{Affine, Crs, GeoBox, Shape};
use cube_model::{Cube, DataType, Flag};
use cube_raster::{WriteOptions, write_cog};
use gdal::cpl::CslStringList;
use gdal::raster::Buffer;
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, DriverManager, Metadata};
use ndarray::s;

use crate::cubes::{cube, plane, reader, same, utm};

const TIME: [&str; 1] = ["2034-05-01T10:00:00Z"];

fn textured(shape: Shape) -> Cube {
    let mut geobox = utm();
    geobox.shape = shape;
    let mut cube = cube(geobox, &TIME, DataType::UInt16, 0.0);
    if let cube_model::Pixels::UInt16(pixels) = &mut cube.arrays["green"].pixels {
        for ((_, row, col), value) in
            pixels.view_mut().into_dimensionality::<ndarray::Ix3>().unwrap().indexed_iter_mut()
        {
            let noise = (row * 7919 + col * 104_729 + row * col) % 601;
            *value = u16::try_from(noise + 1000).unwrap();
        }
        // A hole with an edge across pairs of pixels, and single missing pixels.
        pixels.slice_mut(s![0, 101..351, 33..402]).fill(0);
        pixels.slice_mut(s![0, ..;37, ..;41]).fill(0);
    }
    cube
}

/// What GDAL's COG driver makes of the same pixels.
fn by_gdal(cube: &Cube, path: &std::path::Path, resampling: &str) {
    let shape = cube.geobox.shape;
    let memory = DriverManager::get_driver_by_name("MEM").unwrap();
    let mut dataset = memory.create_with_band_type::<u16, _>("", shape.cols, shape.rows, 1).unwrap();
    dataset.set_geo_transform(&cube.geobox.affine.to_gdal()).unwrap();
    dataset.set_spatial_ref(&SpatialRef::from_definition(cube.geobox.crs.wkt()).unwrap()).unwrap();
    dataset.set_metadata_item("TIFFTAG_DATETIME", "2034:05:01 10:00:00", "").unwrap();
    dataset.set_metadata_item("time", TIME[0], "").unwrap();
    let mut band = dataset.rasterband(1).unwrap();
    band.set_description("green").unwrap();
    band.set_no_data_value(Some(0.0)).unwrap();
    band.set_scale(0.0001).unwrap();
    band.set_offset(-0.1).unwrap();
    let cube_model::Pixels::UInt16(pixels) = plane(&cube.arrays["green"], 0, None) else { return };
    let values = pixels.iter().copied().collect();
    let size = (shape.cols, shape.rows);
    band.write((0, 0), size, &mut Buffer::new(size, values)).unwrap();
    let mut options = CslStringList::new();
    let pairs =
        [("BLOCKSIZE", "512"), ("COMPRESS", "DEFLATE"), ("PREDICTOR", "YES"), ("OVERVIEW_RESAMPLING", resampling)];
    for (key, value) in pairs {
        options.set_name_value(key, value).unwrap();
    }
    let driver = DriverManager::get_driver_by_name("COG").unwrap();
    dataset.create_copy(&driver, path, &options).unwrap().close().unwrap();
}

/// What a file says of itself, line by line.
fn said(path: &std::path::Path) -> Vec<String> {
    let dataset = Dataset::open(path).unwrap();
    let mut said = vec![
        format!("{:?} {:?}", dataset.raster_size(), dataset.geo_transform().unwrap()),
        dataset.projection(),
        dataset.raster_count().to_string(),
    ];
    for domain in ["", "IMAGE_STRUCTURE"] {
        let mut items = dataset.metadata_domain(domain).unwrap_or_default();
        items.sort();
        said.push(format!("{domain}: {items:?}"));
    }
    let band = dataset.rasterband(1).unwrap();
    let count = usize::try_from(band.overview_count().unwrap()).unwrap();
    let overviews: Vec<_> = (0..count).map(|level| band.overview(level).unwrap().size()).collect();
    said.push(format!("{:?} {:?} {overviews:?}", band.block_size(), band.band_type()));
    said.push(format!("{:?} {:?} {:?} {:?}", band.no_data_value(), band.scale(), band.offset(), band.unit()));
    said.push(band.description().unwrap());
    said
}

#[test]
fn the_header_says_what_gdal_would_have_said_and_overviews_are_within_one() {
    // Even sizes at each level, and odd ones.
    for (rows, cols) in [(2048, 1536), (1100, 1301), (1537, 700)] {
        for flagged in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let (ours, theirs) = (folder.path().join("ours.tif"), folder.path().join("theirs.tif"));
            let mut cube = textured(Shape::new(rows, cols));
            let measurement = &mut cube.arrays["green"].measurement;
            (measurement.scale_factor, measurement.add_offset) = (Some(0.0001), Some(-0.1));
            if flagged {
                let values = [(1, "cloud".to_owned())].into_iter().collect();
                measurement.flags.insert("qa".into(), Flag { bits: vec![0], values, description: None });
            }
            write_cog(&ours, &cube, &WriteOptions::default()).unwrap();
            by_gdal(&cube, &theirs, if flagged { "NEAREST" } else { "AVERAGE" });
            assert_eq!(said(&ours), said(&theirs));
            let (mut a, mut b) = (reader(&ours, None, 1), reader(&theirs, None, 1));
            let levels = a.header().overviews.clone();
            assert_eq!(levels, b.header().overviews);
            for (level, shape) in std::iter::once(a.header().shape).chain(levels).enumerate() {
                let (a, b) = (a.read(level, shape.whole()).unwrap(), b.read(level, shape.whole()).unwrap());
                if level == 0 || flagged && rows % 4 == 0 && cols % 4 == 0 {
                    assert!(same(&a, &b), "{rows} x {cols}, level {level}");
                    continue;
                }
                let (a, b) = (a.to_f64(), b.to_f64());
                let far = a.iter().zip(&b).filter(|(a, b)| (*a - *b).abs() > 1.0).count();
                assert_eq!(far, 0, "{rows} x {cols}, level {level}, flagged {flagged}: {far} of {}", a.len());
            }
        }
    }
}

#[test]
fn every_crs_comes_back() {
    let definitions = [
        "EPSG:4326",
        "EPSG:3035",
        "EPSG:3857",
        "EPSG:3031",
        "EPSG:5070",
        "EPSG:2263",
        "EPSG:27700",
        "ESRI:54009",
        "ESRI:54030",
        "ESRI:102008",
        "+proj=sinu +lon_0=0 +R=6371007.181 +units=m +no_defs",
        "+proj=laea +lat_0=10 +lon_0=20 +datum=WGS84 +units=m",
        "+proj=aea +lat_1=29.5 +lat_2=45.5 +lat_0=23 +lon_0=-96 +datum=NAD83 +units=m",
        "+proj=lcc +lat_1=33 +lat_2=45 +lat_0=40 +lon_0=-97 +R=6370000 +units=m",
        "+proj=lcc +lat_1=40 +lat_0=40 +lon_0=-97 +k_0=0.999 +ellps=GRS80 +units=m",
        "+proj=stere +lat_0=90 +lat_ts=60 +lon_0=-105 +R=6371229 +units=m",
        "+proj=tmerc +lat_0=1 +lon_0=9 +k=0.9999 +x_0=500000 +ellps=bessel +units=m",
        "+proj=merc +lat_ts=30 +lon_0=0 +datum=WGS84 +units=m",
        "+proj=aeqd +lat_0=47 +lon_0=11 +datum=WGS84 +units=m",
        "+proj=ortho +lat_0=30 +lon_0=10 +datum=WGS84 +units=m",
        "+proj=cea +lat_ts=30 +lon_0=0 +datum=WGS84 +units=m",
        "+proj=geos +h=35785831 +lon_0=0 +sweep=y +datum=WGS84 +units=m",
        "+proj=longlat +R=6371229 +no_defs",
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut lost = Vec::new();
    for (index, definition) in definitions.iter().enumerate() {
        let crs = Crs::parse(definition).unwrap();
        let affine = Affine::new(0.01, 0.0, 11.0, 0.0, -0.01, 42.0);
        let geobox = GeoBox::new(Shape::new(5, 7), affine, crs.clone()).unwrap();
        let path = folder.path().join(format!("{index}.tif"));
        if let Err(error) = write_cog(&path, &cube(geobox, &TIME, DataType::UInt8, 0.0), &WriteOptions::default()) {
            lost.push(format!("{definition}: {error}"));
            continue;
        }
        let read = reader(&path, None, 1).header().crs.clone();
        if read.as_ref() != Some(&crs) {
            lost.push(format!("{definition}: {:?}", read.map(|crs| crs.wkt().to_owned())));
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

#[test]
fn grids_that_are_rotated_or_turned_keep_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let grids = [
        Affine::new(20.0, 1.5, 600_000.0, -1.25, -20.0, 4_700_000.0),
        Affine::new(20.0, 0.0, 600_000.0, 0.0, 20.0, 4_700_000.0),
        Affine::new(-20.0, 0.0, 600_000.0, 0.0, -20.0, 4_700_000.0),
    ];
    for (index, affine) in grids.into_iter().enumerate() {
        let geobox = GeoBox::new(Shape::new(5, 7), affine, Crs::epsg(32633).unwrap()).unwrap();
        let path = folder.path().join(format!("{index}.tif"));
        write_cog(&path, &cube(geobox, &TIME, DataType::UInt8, 0.0), &WriteOptions::default()).unwrap();
        assert_eq!(reader(&path, None, 1).header().affine, Some(affine));
    }
}

#[test]
fn a_crs_without_keys_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // Easting, northing and height.
    let compound = Crs::epsg(7405).unwrap();
    let geobox = GeoBox::new(Shape::new(5, 7), Affine::new(1.0, 0.0, 0.0, 0.0, -1.0, 0.0), compound).unwrap();
    let cube = cube(geobox, &TIME, DataType::UInt8, 0.0);
    let error = write_cog(&folder.path().join("a.tif"), &cube, &WriteOptions::default()).unwrap_err().to_string();
    assert!(error.contains("has no keys for its CRS OSGB"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
