//! What the writers write, the readers read: pixels, labels, times and places.

use crate::cubes::{TYPES, array, cube, lonlat, plane, reader, same, utm, with_extra};
use cube_geo::{Affine, Shape, Window};
use cube_model::{DataType, Flag};
#[cfg(feature = "gdal")]
use cube_raster::write_cog;
use cube_raster::{Compression, RasterError, WriteOptions, planes, write_geotiffs, write_netcdf, write_zarr};

const TIMES: [&str; 2] = ["2034-05-01T10:00:00Z", "2034-05-03T10:20:30.25Z"];

type Write = fn(&std::path::Path, &cube_model::Cube, &WriteOptions) -> Result<(), RasterError>;
const CF: [(&str, Write); 2] = [("a.zarr", write_zarr), ("a.nc", write_netcdf)];

fn nodata(dtype: DataType) -> f64 {
    match dtype {
        DataType::Float32 | DataType::Float64 => f64::NAN,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => -99.0,
        _ => 99.0,
    }
}

#[test]
fn every_type_comes_back_from_zarr_and_netcdf() {
    for dtype in TYPES {
        for (name, write) in CF {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            let cube = cube(utm(), &TIMES, dtype, nodata(dtype));
            write(&path, &cube, &WriteOptions::default()).unwrap();
            for (time, band) in [(0, 1), (1, 2)] {
                let mut raster = reader(&path, Some("green"), band);
                let header = raster.header().clone();
                assert_eq!((header.dtype, header.shape), (dtype, cube.geobox.shape), "{name}");
                assert_eq!(header.affine, Some(cube.geobox.affine), "{name}");
                assert_eq!(header.crs.as_ref(), Some(&cube.geobox.crs), "{name}");
                assert_eq!(header.time, Some(cube.times[time]), "{name}");
                assert_eq!(header.units.as_deref(), Some("1"));
                assert_eq!(header.nodata.unwrap().to_bits(), nodata(dtype).to_bits(), "{name} {dtype}");
                let all = raster.read(0, header.shape.whole()).unwrap();
                assert!(same(&all, &plane(&cube.arrays["green"], time, None)), "{name} {dtype}");
            }
        }
    }
}

#[test]
fn a_window_is_the_same_as_a_cut_of_the_whole() {
    for (name, write) in CF {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        write(&path, &cube(utm(), &TIMES, DataType::UInt16, 0.0), &WriteOptions::default()).unwrap();
        let mut raster = reader(&path, None, 2);
        let all = raster.read(0, raster.header().shape.whole()).unwrap().to_f64();
        let part = raster.read(0, Window::new(5, 7, 11, 13)).unwrap().to_f64();
        assert_eq!(part.view(), all.slice(ndarray::s![5..16, 7..20]).into_dyn());
        let beyond = raster.read(0, Window::new(30, 0, 11, 13)).unwrap_err();
        assert!(matches!(beyond, RasterError::OutsideShape { .. }), "{beyond}");
    }
}

#[test]
fn the_extra_dimension_comes_between_time_and_rows() {
    for (name, write) in CF {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let cube = with_extra(cube(lonlat(), &TIMES, DataType::Float32, f64::NAN));
        write(&path, &cube, &WriteOptions::default()).unwrap();
        // Band 5 of [2, 3]: the second time, the second level.
        let mut raster = reader(&path, Some("deep"), 5);
        assert_eq!(raster.header().time, Some(cube.times[1]));
        assert!(same(&raster.read(0, Shape::new(12, 14).whole()).unwrap(), &plane(&cube.arrays["deep"], 1, Some(1))));
        let listed = planes(path.to_str().unwrap(), None).unwrap();
        assert_eq!(listed.len(), 2 + 6);
        assert!(listed.iter().all(|p| p.header.crs.as_ref() == Some(&cube.geobox.crs)));
        let missing = cube_raster::open(&cube_raster::RasterLocation {
            url: path.to_str().unwrap().to_owned(),
            layer: Some("deep".into()),
            band: 7,
        });
        assert!(matches!(missing.err(), Some(RasterError::NoBand { has: 6, .. })));
    }
}

#[test]
fn layers_that_are_not_there_are_answered_with_those_that_are() {
    for (name, write) in CF {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        write(&path, &cube(lonlat(), &TIMES, DataType::Int16, -1.0), &WriteOptions::default()).unwrap();
        let location = cube_raster::RasterLocation {
            url: path.to_str().unwrap().to_owned(),
            layer: Some("red".to_owned()),
            band: 1,
        };
        let error = cube_raster::open(&location).err().unwrap().to_string();
        assert!(error.ends_with("there is no layer \"red\"; it has green"), "{error}");
    }
}

#[test]
fn scale_units_and_flags_are_written() {
    for (name, write) in CF {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let mut cube = cube(lonlat(), &TIMES, DataType::UInt16, 0.0);
        let measurement = &mut cube.arrays["green"].measurement;
        measurement.scale_factor = Some(0.0001);
        measurement.add_offset = Some(-0.1);
        measurement.units = "reflectance".to_owned();
        let values = [(0, "clear".to_owned()), (1, "cloud".to_owned())].into_iter().collect();
        measurement.flags.insert("qa".into(), Flag { bits: vec![15], values, description: None });
        write(&path, &cube, &WriteOptions { compress: Some(Compression::Deflate), overwrite: false }).unwrap();
        let header = reader(&path, None, 1).header().clone();
        assert_eq!(header.scale_offset, Some((0.0001, -0.1)));
        assert_eq!(header.units.as_deref(), Some("reflectance"));
        assert!(header.stored_bytes.unwrap() > 0);
    }
}

#[test]
fn an_existing_output_is_replaced_only_when_told() {
    for (name, write) in CF {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let cube = cube(lonlat(), &TIMES, DataType::UInt8, 0.0);
        write(&path, &cube, &WriteOptions::default()).unwrap();
        assert_eq!(write(&path, &cube, &WriteOptions::default()), Err(RasterError::Exists { path: path.clone() }));
        write(&path, &cube, &WriteOptions { overwrite: true, ..WriteOptions::default() }).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_rotated_grid_is_refused_and_leaves_nothing() {
    for (name, write) in CF {
        let folder = tempfile::tempdir().unwrap();
        let mut cube = cube(utm(), &TIMES, DataType::UInt8, 0.0);
        cube.geobox.affine = Affine::new(20.0, 1.0, 0.0, 1.0, -20.0, 0.0);
        let error = write(&folder.path().join(name), &cube, &WriteOptions::default()).unwrap_err();
        assert!(error.to_string().contains("rotated"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[cfg(feature = "gdal")]
#[test]
fn every_type_comes_back_from_geotiff() {
    for dtype in TYPES {
        for compress in [Compression::None, Compression::Deflate, Compression::Zstd, Compression::Lzw] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.tif");
            let cube = cube(utm(), &TIMES[..1], dtype, nodata(dtype));
            write_cog(&path, &cube, &WriteOptions { compress: Some(compress), overwrite: false })
                .unwrap_or_else(|e| panic!("{dtype} {compress:?}: {e}"));
            let mut raster = reader(&path, None, 1);
            let header = raster.header().clone();
            assert_eq!((header.dtype, header.shape), (dtype, cube.geobox.shape));
            assert_eq!(header.affine, Some(cube.geobox.affine));
            assert_eq!(header.crs.as_ref(), Some(&cube.geobox.crs));
            assert_eq!(header.time, Some(cube.times[0]));
            assert_eq!(header.nodata.map(f64::to_bits), Some(nodata(dtype).to_bits()), "{dtype}");
            assert!(!header.has_mask && header.scale_offset.is_none());
            let all = raster.read(0, header.shape.whole()).unwrap();
            assert!(same(&all, &plane(&cube.arrays["green"], 0, None)), "{dtype} {compress:?}");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }
}

#[cfg(feature = "gdal")]
#[test]
fn nan_becomes_the_stated_nodata_of_floats() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    let mut cube = cube(utm(), &TIMES[..1], DataType::Float32, f64::NAN);
    cube.arrays["green"].nodata = Some(-9999.0);
    write_cog(&path, &cube, &WriteOptions::default()).unwrap();
    let mut raster = reader(&path, None, 1);
    assert_eq!(raster.header().nodata, Some(-9999.0));
    assert_eq!(raster.read(0, Window::new(0, 0, 1, 1)).unwrap().to_f64()[[0, 0]], -9999.0);
}

#[cfg(feature = "gdal")]
#[test]
fn geotiff_bands_are_named_and_overviews_follow_the_flags() {
    let folder = tempfile::tempdir().unwrap();
    let mut geobox = utm();
    geobox.shape = Shape::new(1100, 1300);
    for flagged in [false, true] {
        let path = folder.path().join(format!("{flagged}.tif"));
        let mut cube = cube(geobox.clone(), &TIMES[..1], DataType::UInt8, 255.0);
        cube.arrays.insert("qa".to_owned(), array("qa", DataType::UInt8, &[1, 1100, 1300], 255.0));
        cube.arrays["green"].measurement.units = "K".to_owned();
        cube.arrays["green"].measurement.scale_factor = Some(0.5);
        if flagged {
            let flag =
                Flag { bits: vec![0], values: [(1, "cloud".to_owned())].into_iter().collect(), description: None };
            cube.arrays["qa"].measurement.flags.insert("cloud".into(), flag);
        }
        write_cog(&path, &cube, &WriteOptions::default()).unwrap();
        let listed = planes(path.to_str().unwrap(), None).unwrap();
        let names: Vec<_> = listed.iter().map(|p| p.name.as_deref().unwrap()).collect();
        assert_eq!(names, ["green", "qa"]);
        assert_eq!(listed[0].header.units.as_deref(), Some("K"));
        assert_eq!(listed[0].header.scale_offset, Some((0.5, 0.0)));
        assert_eq!(listed[1].header.scale_offset, None);
        let header = &listed[0].header;
        assert_eq!(
            (header.block, header.overviews.as_slice()),
            (Shape::new(512, 512), [Shape::new(550, 650), Shape::new(275, 325)].as_slice())
        );
        let mut raster = reader(&path, None, 1);
        let full = raster.read(0, Window::new(100, 100, 2, 2)).unwrap().to_f64();
        let small = raster.read(1, Window::new(50, 50, 1, 1)).unwrap().to_f64()[[0, 0]];
        if flagged {
            assert!(full.iter().any(|v| *v == small));
        } else {
            assert!((full.mean().unwrap() - small).abs() <= 0.5, "{full} {small}");
        }
        assert!(matches!(raster.read(3, Window::new(0, 0, 1, 1)), Err(RasterError::NoLevel { has: 2, .. })));
    }
}

#[test]
fn planes_of_one_file_name_are_refused_before_the_first_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let refused = |cube: &cube_model::Cube| {
        let error = write_geotiffs(&out, cube, &WriteOptions::default()).unwrap_err().to_string();
        assert!(!out.exists());
        error
    };
    let time = "2034-05-17T10:00:00Z";
    let error = refused(&cube(utm(), &[time, time], DataType::Int16, -1.0));
    assert!(error.contains("two planes of one time") && error.contains("20340517T100000Z_"), "{error}");
    let mut named = cube(utm(), &[time], DataType::Int16, -1.0);
    let array = named.arrays.values().next().unwrap().clone();
    named.arrays.insert("a/b".to_owned(), array.clone());
    named.arrays.insert("a_b".to_owned(), array);
    let error = refused(&named);
    assert!(error.contains("20340517T100000Z_a_b.tif"), "{error}");
}

#[cfg(feature = "gdal")]
#[test]
fn several_times_make_a_folder_of_geotiffs() {
    let folder = tempfile::tempdir().unwrap();
    let cube = with_extra(cube(lonlat(), &TIMES, DataType::Float32, f64::NAN));
    let error = write_cog(&folder.path().join("a.tif"), &cube, &WriteOptions::default()).unwrap_err();
    assert!(error.to_string().contains("it has 2 times"), "{error}");
    let out = folder.path().join("out");
    let files = write_geotiffs(&out, &cube, &WriteOptions::default()).unwrap();
    let names: Vec<_> = files.iter().map(|f| f.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "20340501T100000Z_green.tif",
            "20340501T100000Z_deep.tif",
            "20340503T102030.25Z_green.tif",
            "20340503T102030.25Z_deep.tif"
        ]
    );
    let mut raster = reader(&files[3], None, 2);
    assert!(same(&raster.read(0, Shape::new(12, 14).whole()).unwrap(), &plane(&cube.arrays["deep"], 1, Some(1))));
    assert!(matches!(write_geotiffs(&out, &cube, &WriteOptions::default()), Err(RasterError::Exists { .. })));
}
