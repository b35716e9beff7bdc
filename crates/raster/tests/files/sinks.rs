//! Cubes piece by piece: in any order, from several threads, broken off.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use cube_geo::{Shape, Window};
use cube_model::{Cube, DataType, Pixels};
use cube_raster::{
    Compression, CubeLayout, CubeSink, Place, RasterError, WriteOptions, cog_sink, geotiffs_sink, netcdf_sink,
    zarr_sink,
};

use crate::cubes::{cube, cut, plane, utm, with_extra};

const TIMES: [&str; 2] = ["2034-05-01T10:00:00Z", "2034-05-03T10:20:30.25Z"];

type Begin = fn(&Path, CubeLayout, &WriteOptions) -> Result<Box<dyn CubeSink>, RasterError>;
const SINKS: [(&str, Begin); 4] =
    [("a.zarr", zarr_sink), ("a.nc", netcdf_sink), ("a.tif", cog_sink), ("folder", geotiffs_sink)];

/// A cube of several tiles; of one time and type where the output is one GeoTIFF.
fn tiled(name: &str) -> Cube {
    let mut geobox = utm();
    geobox.shape = Shape::new(1100, 1301);
    if name == "a.tif" {
        cube(geobox, &TIMES[..1], DataType::UInt16, 99.0)
    } else {
        with_extra(cube(geobox, &TIMES, DataType::UInt16, 99.0))
    }
}

/// All places of a cube in the order of the sink.
fn places(cube: &Cube, tile: Shape) -> Vec<Place> {
    let mut all = Vec::new();
    for time in 0..cube.times.len() {
        for (array, held) in cube.arrays.values().enumerate() {
            for extra in 0..if held.pixels.shape().len() == 4 { held.pixels.shape()[1] } else { 1 } {
                let windows = cube.geobox.shape.whole().tiles(tile);
                all.extend(windows.map(|window| Place { time, array, extra, window }));
            }
        }
    }
    all
}

fn piece(cube: &Cube, place: Place) -> Pixels {
    let array = &cube.arrays[place.array];
    let extra = (array.pixels.shape().len() == 4).then_some(place.extra);
    cut(&plane(array, place.time, extra), place.window)
}

/// All files under a folder with their bytes.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let below = files(&path).into_iter();
            found.extend(below.map(|(name, bytes)| (format!("{}/{name}", path.file_name().unwrap().display()), bytes)));
        } else {
            found.push((path.file_name().unwrap().display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn pieces_in_any_order_and_from_threads_make_the_same_output() {
    for (name, begin) in SINKS {
        let cube = tiled(name);
        for compress in [Compression::None, Compression::Deflate] {
            let options = WriteOptions { compress: Some(compress), overwrite: false };
            let written = |threads: usize, turned: bool| {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join(name);
                let sink = begin(&path, CubeLayout::of(&cube), &options).unwrap();
                let mut places = places(&cube, sink.tile());
                if turned {
                    places.reverse();
                }
                let next = AtomicUsize::new(0);
                std::thread::scope(|scope| {
                    for _ in 0..threads {
                        scope.spawn(|| {
                            while let Some(place) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
                                sink.put(*place, piece(&cube, *place)).unwrap();
                            }
                        });
                    }
                });
                assert!(
                    !path.is_file() && (name == "folder" || !path.exists()),
                    "{name} appears before it is complete"
                );
                assert!(!sink.finish().unwrap().is_empty());
                files(folder.path())
            };
            let ordered = written(1, false);
            assert!(!ordered.is_empty());
            if name == "a.nc" {
                // HDF5 puts chunks where they come.
                assert_eq!(ordered.len(), written(3, true).len());
                continue;
            }
            assert!(ordered == written(1, true), "{name} {compress:?} turned");
            assert!(ordered == written(3, false), "{name} {compress:?} by threads");
        }
    }
}

#[test]
fn an_output_that_is_broken_off_leaves_nothing() {
    for (name, begin) in SINKS {
        let cube = tiled(name);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        for end in ["dropped", "finished early", "refused"] {
            let sink = begin(&path, CubeLayout::of(&cube), &WriteOptions::default()).unwrap();
            let places = places(&cube, sink.tile());
            for place in &places[..places.len() - 1] {
                sink.put(*place, piece(&cube, *place)).unwrap();
            }
            match end {
                "dropped" => drop(sink),
                "finished early" => {
                    let error = sink.finish().unwrap_err().to_string();
                    assert!(error.contains(&format!("{} of {} pieces", places.len() - 1, places.len())), "{error}");
                }
                _ => {
                    let again = sink.put(places[0], piece(&cube, places[0])).unwrap_err().to_string();
                    assert!(again.contains("came twice"), "{again}");
                    let window = Window::new(0, 0, 3, 3);
                    let odd = Place { window, ..places[0] };
                    let refused = sink.put(odd, piece(&cube, odd)).unwrap_err().to_string();
                    assert!(refused.contains("is no tile of"), "{refused}");
                    drop(sink);
                }
            }
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{name} {end}");
        }
    }
}

#[test]
fn what_a_folder_held_before_stays_when_its_output_is_broken_off() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("other"), "x").unwrap();
    let cube = tiled("folder");
    let sink = geotiffs_sink(folder.path(), CubeLayout::of(&cube), &WriteOptions::default()).unwrap();
    let first = places(&cube, sink.tile())[0];
    sink.put(first, piece(&cube, first)).unwrap();
    drop(sink);
    assert_eq!(files(folder.path()), [("other".to_owned(), b"x".to_vec())]);
}

#[test]
fn an_output_takes_its_name_only_where_it_is_free() {
    for (name, begin) in SINKS {
        let cube = tiled(name);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let write = |overwrite| {
            let options = WriteOptions { compress: Some(Compression::None), overwrite };
            let sink = begin(&path, CubeLayout::of(&cube), &options)?;
            for place in places(&cube, sink.tile()) {
                sink.put(place, piece(&cube, place))?;
            }
            sink.finish()
        };
        let made = write(false).unwrap();
        assert!(matches!(write(false), Err(RasterError::Exists { .. })), "{name}");
        assert_eq!(write(true).unwrap(), made);
    }
}

#[test]
fn what_waits_is_about_a_row_of_tiles() {
    let mut geobox = utm();
    geobox.shape = Shape::new(40_960, 8192);
    let empty = Cube { geobox, times: vec![TIMES[0].parse().unwrap()], extra: None, arrays: indexmap::IndexMap::new() };
    let mut layout = CubeLayout::of(&empty);
    let small = cube(utm(), &TIMES[..1], DataType::UInt16, 0.0);
    layout.arrays = CubeLayout::of(&small).arrays;
    let folder = tempfile::tempdir().unwrap();
    let options = WriteOptions { compress: Some(Compression::None), overwrite: false };
    let sink = cog_sink(&folder.path().join("a.tif"), layout, &options).unwrap();
    // 8 + 4 + 2 + 1 + … tiles of half a MiB in a row, and one a level that is being made.
    assert!((8 << 20..16 << 20).contains(&sink.working_bytes()), "{}", sink.working_bytes());
}
