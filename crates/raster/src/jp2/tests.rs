//! Files that GDAL writes, and real ones, are read as GDAL reads them: header, levels, windows.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ::gdal::raster::{Buffer, ColorInterpretation, GdalType, RasterCreationOptions};
use ::gdal::{Dataset, DriverManager};
use cube_geo::{Crs, Shape, Window};
use cube_model::{DataType, Pixels};

use super::{Jp2File, open, open_path};
use crate::bytes::ByteSource;
use crate::gdal::{GdalFile, GdalRaster};
use crate::tiff::Refusal;
use crate::{Raster, RasterLocation};

fn location(path: &Path, band: usize) -> RasterLocation {
    RasterLocation { url: path.display().to_string(), layer: None, band }
}

fn windows(shape: Shape) -> Vec<Window> {
    let Shape { rows, cols } = shape;
    let (row, col) = (rows / 3, cols / 2);
    vec![
        shape.whole(),
        Window::new(row, col, (rows - row).min(70), (cols - col).min(133)),
        Window::new(rows - 1, 0, 1, cols),
        Window::new(0, cols - 1, rows, 1),
    ]
}

/// The largest difference of two windows.
fn apart(a: &Pixels, b: &Pixels) -> f64 {
    assert_eq!((a.dtype(), a.shape()), (b.dtype(), b.shape()));
    (a.to_f64() - b.to_f64()).iter().fold(0.0, |most, d| d.abs().max(most))
}

/// Reads all bands, levels and some windows of a file both ways.
fn compare(path: &Path, off_by: f64) {
    crate::gdal::load().unwrap();
    let name = path.display().to_string();
    let file = Arc::new(open_path(path).unwrap_or_else(|e| panic!("{name}: {e:?}")));
    assert_eq!(file.foreign_crs(), None, "{name}");
    assert_eq!(off_by == 0.0, file.is_reversible(), "{name}");
    for band in 1..=file.bands() {
        let mut ours = open(file.clone(), &location(path, band)).unwrap();
        let mut theirs = GdalRaster::of(Arc::new(GdalFile::new(&name, None)), &location(path, band)).unwrap();
        let (a, b) = (ours.header().clone(), theirs.header().clone());
        assert_eq!(
            (a.dtype, a.shape, a.affine, &a.crs, a.nodata, a.has_mask, a.scale_offset),
            (b.dtype, b.shape, b.affine, &b.crs, b.nodata, b.has_mask, b.scale_offset),
            "{name} band {band}"
        );
        assert!(a.overviews.starts_with(&b.overviews), "{name}: {:?} are not {:?}", a.overviews, b.overviews);
        for (level, shape) in std::iter::once(b.shape).chain(b.overviews).enumerate() {
            for window in windows(shape) {
                let found = apart(&ours.read(level, window).unwrap(), &theirs.read(level, window).unwrap());
                assert!(found <= off_by, "{name} band {band} level {level} {window}: {found} apart");
            }
        }
    }
}

/// Writes slopes with noise through GDAL.
fn write<T: GdalType + Copy>(
    path: &Path,
    (cols, rows): (usize, usize),
    bands: usize,
    options: &[&str],
    fit: impl Fn(u32) -> T,
) {
    crate::gdal::load().unwrap();
    let memory = DriverManager::get_driver_by_name("MEM").unwrap();
    let mut dataset: Dataset = memory.create_with_band_type::<T, _>("", cols, rows, bands).unwrap();
    dataset.set_projection(Crs::epsg(32632).unwrap().wkt()).unwrap();
    dataset.set_geo_transform(&[399_960.0, 10.0, 0.0, 5_900_040.0, 0.0, -10.0]).unwrap();
    for number in 1..=bands {
        let mut state = u32::try_from(number).unwrap();
        let values: Vec<T> = (0..rows * cols)
            .map(|i| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                fit(u32::try_from((i / cols + 2 * (i % cols)) / 5 + number * 7).unwrap() + (state >> 29))
            })
            .collect();
        dataset
            .rasterband(number)
            .unwrap()
            .write((0, 0), (cols, rows), &mut Buffer::new((cols, rows), values))
            .unwrap();
    }
    if bands == 4 {
        dataset.rasterband(4).unwrap().set_color_interpretation(ColorInterpretation::AlphaBand).unwrap();
    }
    let mut list = RasterCreationOptions::new();
    for option in options {
        let (key, value) = option.split_once('=').unwrap();
        list.set_name_value(key, value).unwrap();
    }
    let driver = DriverManager::get_driver_by_name("JP2OpenJPEG").unwrap();
    drop(dataset.create_copy(&driver, path, &list).unwrap());
}

fn made<T: GdalType + Copy>(size: (usize, usize), bands: usize, options: &[&str], off_by: f64, fit: impl Fn(u32) -> T) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.jp2");
    write(&path, size, bands, options, fit);
    compare(&path, off_by);
}

const WHOLE: [&str; 2] = ["QUALITY=100", "REVERSIBLE=YES"];

#[test]
fn what_gdal_writes_is_read_as_gdal_reads_it() {
    let short = |v: u32| u16::try_from(v * 31 % 65_536).unwrap();
    for (size, options) in [
        ((301, 207), &["BLOCKXSIZE=64", "BLOCKYSIZE=64"][..]),
        // The last tiles are narrower than a pixel of the coarser levels.
        ((260, 131), &["BLOCKXSIZE=64", "BLOCKYSIZE=128", "RESOLUTIONS=5"]),
        ((257, 129), &["BLOCKXSIZE=128", "BLOCKYSIZE=64", "PROGRESSION=RPCL", "PRECINCTS={64,64},{32,32}"]),
        ((150, 170), &["PROGRESSION=PCRL", "SOP=YES", "EPH=YES"]),
        ((150, 170), &["BLOCKXSIZE=64", "BLOCKYSIZE=64", "PLT=YES", "TLM=YES", "CODEBLOCK_STYLE=63"]),
        ((150, 170), &["GMLJP2=NO"]),
        ((150, 170), &["GeoJP2=NO"]),
        ((150, 170), &["GMLJP2=NO", "GeoJP2=YES", "PROGRESSION=CPRL", "NBITS=12"]),
    ] {
        let fit = |v| if options.contains(&"NBITS=12") { short(v) & 4095 } else { short(v) };
        made(size, 1, &[&WHOLE, options].concat(), 0.0, fit);
    }
}

#[test]
fn bytes_and_signed_shorts_and_colours_are_read() {
    let tiles = ["BLOCKXSIZE=64", "BLOCKYSIZE=64"];
    made((201, 107), 1, &[&WHOLE[..], &tiles].concat(), 0.0, |v| u8::try_from(v % 256).unwrap());
    made((201, 107), 3, &[&WHOLE[..], &tiles].concat(), 0.0, |v| u8::try_from(v % 256).unwrap());
    made((201, 107), 3, &[&WHOLE[..], &tiles, &["YCC=NO"]].concat(), 0.0, |v| u16::try_from(v % 65_536).unwrap());
    made((201, 107), 1, &[&WHOLE[..], &tiles].concat(), 0.0, |v| i16::try_from(v % 2000).unwrap() - 1000);
}

#[test]
fn the_lossy_wavelet_differs_by_its_last_bit_at_most() {
    let options = ["QUALITY=40", "BLOCKXSIZE=128", "BLOCKYSIZE=64"];
    made((301, 207), 1, &options, 1.0, |v| u16::try_from(v * 31 % 65_536).unwrap());
}

#[test]
fn what_is_not_read_here_is_for_gdal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alpha.jp2");
    write(&path, (40, 30), 4, &WHOLE, |v| u8::try_from(v % 256).unwrap());
    assert!(matches!(open_path(&path), Err(Refusal::Foreign(_))), "four bands of bytes have opacity");
}

fn real() -> Vec<PathBuf> {
    let root = std::env::var_os("CUBE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = root.join("realdata/sentinel2_jp2");
    let safe = "S2A_MSIL1C_20180101T105441_N0206_R051_T31TDH_20180101T124911/GRANULE/\
                L1C_T31TDH_A013204_20180101T105435/IMG_DATA/T31TDH_20180101T105441_B01.jp2";
    let files: Vec<_> = ["B01.jp2", safe].iter().map(|name| folder.join(name)).filter(|path| path.exists()).collect();
    if files.is_empty() {
        eprintln!("skipped: no sentinel2_jp2 in {} (set CUBE_SHARED)", root.display());
    }
    files
}

#[test]
fn real_bands_of_sentinel_2_are_pixel_for_pixel_what_openjpeg_gives() {
    for path in real() {
        compare(&path, 0.0);
        let header = open(Arc::new(open_path(&path).unwrap()), &location(&path, 1)).unwrap().header().clone();
        assert_eq!(
            (header.dtype, header.shape, header.block),
            (DataType::UInt16, Shape::new(1830, 1830), Shape::new(192, 192))
        );
        assert_eq!(header.overviews, [915, 458, 229, 115].map(|n| Shape::new(n, n)));
    }
}

/// Bytes in memory that count what was read.
struct Watched {
    bytes: Vec<u8>,
    read: Mutex<u64>,
}

impl ByteSource for Watched {
    fn length(&self) -> u64 {
        self.bytes.length()
    }

    fn gap(&self) -> u64 {
        0
    }

    fn read(&self, parts: &mut [(u64, &mut [u8])]) -> io::Result<()> {
        *self.read.lock().unwrap() += parts.iter().map(|(_, b)| b.len() as u64).sum::<u64>();
        self.bytes.read(parts)
    }
}

#[test]
fn a_window_reads_its_tiles_alone() {
    for path in real() {
        let bytes = std::fs::read(&path).unwrap();
        let length = bytes.length();
        let source = Arc::new(Watched { bytes, read: Mutex::default() });
        let file = Arc::new(Jp2File::read(source.clone()).unwrap());
        let header = *source.read.lock().unwrap();
        assert!(header < 64 << 10, "the header took {header} bytes");
        let mut raster = open(file, &location(&path, 1)).unwrap();
        let window = Window::new(300, 300, 50, 50);
        raster.read(0, window).unwrap();
        let read = *source.read.lock().unwrap() - header;
        assert_eq!(Some(read), raster.stored_bytes(0, window));
        assert!(read * 50 < length, "{read} bytes for one tile of 100");
        // The tile was kept.
        raster.read(0, Window::new(310, 310, 1, 1)).unwrap();
        assert_eq!(*source.read.lock().unwrap() - header, read);
    }
}

#[test]
fn a_file_that_was_cut_off_gives_the_tiles_that_came_and_names_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.jp2");
    write(&path, (256, 256), 1, &[&WHOLE[..], &["BLOCKXSIZE=64", "BLOCKYSIZE=64"]].concat(), |v| {
        u16::try_from(v % 65_536).unwrap()
    });
    let bytes = std::fs::read(&path).unwrap();
    let half = Arc::new(Jp2File::read(Arc::new(bytes[..bytes.len() / 2].to_vec())).unwrap());
    let mut raster = open(half, &location(Path::new("cut.jp2"), 1)).unwrap();
    raster.read(0, Window::new(0, 0, 64, 256)).unwrap();
    let error = raster.read(0, Window::new(192, 192, 1, 1)).unwrap_err().to_string();
    assert!(error.starts_with("cut.jp2") && error.contains("tile in row 3 and column 3 is missing"), "{error}");
    let error = raster.read(0, Shape::new(256, 256).whole()).unwrap_err().to_string();
    assert!(error.contains("truncated or corrupt"), "{error}");
}

#[test]
fn bytes_that_were_changed_are_an_error_or_pixels_and_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changed.jp2");
    write(&path, (128, 100), 1, &[&WHOLE[..], &["BLOCKXSIZE=64", "BLOCKYSIZE=64"]].concat(), |v| {
        u16::try_from(v % 65_536).unwrap()
    });
    let bytes = std::fs::read(&path).unwrap();
    let mut state = 7_u32;
    for _ in 0..400 {
        let mut changed = bytes.clone();
        for _ in 0..3 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Headers are where sizes and counts are.
            let at = (state >> 8) as usize % if state & 1 == 0 { 400 } else { changed.len() };
            changed[at] = state.to_le_bytes()[0];
        }
        if let Ok(file) = Jp2File::read(Arc::new(changed)) {
            let mut raster = open(Arc::new(file), &location(Path::new("changed.jp2"), 1)).unwrap();
            let shape = raster.header().shape;
            let _ = raster.read(0, Window::new(0, 0, shape.rows.min(64), shape.cols.min(64)));
        }
    }
}
