//! Files that GDAL writes are read as GDAL reads them: each field of the header, each pixel, each mask.

use std::path::Path;
use std::sync::Arc;

use ::gdal::config::{clear_thread_local_config_option, set_thread_local_config_option};
use ::gdal::raster::{Buffer, GdalType, RasterCreationOptions};
use ::gdal::{Dataset, DriverManager, Metadata};
use cube_geo::{Shape, Window};
use cube_model::{Pixels, for_each_dtype};

use crate::gdal::{GdalFile, GdalRaster};
use crate::tiff::{open, open_path};
use crate::{Raster, RasterLocation};

/// Pixels as bytes, so that NaN equals itself.
fn bits(pixels: &Pixels) -> Vec<u8> {
    if let Pixels::Float32(values) = pixels {
        // GDAL widens half precision without making the NaNs quiet.
        return values.iter().flat_map(|v| if v.is_nan() { f32::NAN } else { *v }.to_ne_bytes()).collect();
    }
    for_each_dtype!(
        pixels.dtype(),
        T => {
            let view = <T as cube_model::Pixel>::view(pixels).unwrap();
            bytemuck::cast_slice::<T, u8>(view.as_slice().unwrap()).to_vec()
        },
        _ => unreachable!()
    )
}

fn windows(shape: Shape) -> Vec<Window> {
    let Shape { rows, cols } = shape;
    let (row, col) = (rows / 3, cols / 2);
    vec![
        shape.whole(),
        Window::new(row, col, (rows - row).min(40), (cols - col).min(21)),
        Window::new(rows - 1, 0, 1, cols),
        Window::new(0, cols - 1, rows, 1),
        Window::new(0, 0, rows.min(16), cols.min(16)),
    ]
}

/// Reads all bands, levels and some windows of a file both ways. `off_by` is how far values may differ: lossy codecs leave
/// their last bit to the library.
fn compare_within(path: &Path, off_by: i32) {
    let name = path.display().to_string();
    let file = Arc::new(open_path(path).unwrap_or_else(|e| panic!("{name}: {e:?}")));
    assert_eq!(file.foreign_crs(), None, "{name}");
    for band in 1..=file.bands() {
        let location = RasterLocation { url: name.clone(), layer: None, band };
        let mut ours = open(file.clone(), &location).unwrap();
        let mut theirs = GdalRaster::of(Arc::new(GdalFile::new(&name, None)), &location).unwrap();
        let header = ours.header().clone();
        assert_eq!(format!("{header:?}"), format!("{:?}", theirs.header()), "{name} band {band}");
        for (level, shape) in std::iter::once(header.shape).chain(header.overviews.clone()).enumerate() {
            for window in windows(shape) {
                let (a, b) = (ours.read(level, window).unwrap(), theirs.read(level, window).unwrap());
                assert_eq!((a.dtype(), a.shape()), (b.dtype(), b.shape()));
                let (a, b) = (bits(&a), bits(&b));
                let apart = a.iter().zip(&b).map(|(a, b)| (i32::from(*a) - i32::from(*b)).abs()).max();
                let at = a.iter().zip(&b).position(|(a, b)| a != b);
                assert!(
                    apart.unwrap_or(0) <= off_by,
                    "{name} band {band} level {level} {window}: {apart:?} apart, first at {at:?} of {}",
                    a.len()
                );
                let masks = (ours.read_mask(level, window).unwrap(), theirs.read_mask(level, window).unwrap());
                assert!(masks.0 == masks.1, "{name} band {band} level {level} {window}: masks differ");
            }
        }
    }
}

fn compare(path: &Path) {
    compare_within(path, 0);
}

/// What a file is made like.
struct Make<'a> {
    size: (usize, usize),
    bands: usize,
    epsg: Option<u32>,
    transform: Option<[f64; 6]>,
    nodata: Option<f64>,
    options: &'a [&'a str],
}

impl Default for Make<'_> {
    fn default() -> Self {
        Self {
            size: (301, 207),
            bands: 1,
            epsg: Some(32632),
            transform: Some([399_960.0, 10.0, 0.0, 5_900_040.0, 0.0, -10.0]),
            nodata: None,
            options: &[],
        }
    }
}

/// A picture with slopes, noise and a hole; `fit` brings numbers of 0 to 255 to the type.
fn memory<T: GdalType + Copy>(make: &Make<'_>, fit: impl Fn(u32) -> T) -> Dataset {
    crate::gdal::load().unwrap();
    let (cols, rows) = make.size;
    let driver = DriverManager::get_driver_by_name("MEM").unwrap();
    let mut dataset = driver.create_with_band_type::<T, _>("", cols, rows, make.bands).unwrap();
    if let Some(epsg) = make.epsg {
        dataset.set_projection(cube_geo::Crs::epsg(epsg).unwrap().wkt()).unwrap();
    }
    if let Some(transform) = make.transform {
        dataset.set_geo_transform(&transform).unwrap();
    }
    for number in 1..=make.bands {
        let mut band = dataset.rasterband(number).unwrap();
        let mut state = u32::try_from(number).unwrap();
        let values: Vec<T> = (0..rows * cols)
            .map(|i| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let (row, col) = (i / cols, i % cols);
                let slope = u32::try_from((row + 2 * col) / 5 + number * 7).unwrap();
                let hole = row.abs_diff(60) < 30 && col.abs_diff(90) < 40;
                fit(if hole { 0 } else { (slope + (state >> 29)) % 256 })
            })
            .collect();
        band.write((0, 0), (cols, rows), &mut Buffer::new((cols, rows), values)).unwrap();
        if let Some(nodata) = make.nodata {
            band.set_no_data_value(Some(nodata)).unwrap();
        }
    }
    dataset
}

fn write(dataset: &Dataset, path: &Path, options: &[&str]) -> Dataset {
    let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
    let mut list = RasterCreationOptions::new();
    for option in options {
        let (key, value) = option.split_once('=').unwrap();
        list.set_name_value(key, value).unwrap();
    }
    dataset.create_copy(&driver, path, &list).unwrap()
}

fn made<T: GdalType + Copy>(name: &str, make: &Make<'_>, fit: impl Fn(u32) -> T, check: impl Fn(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{name}.tif"));
    drop(write(&memory(make, fit), &path, make.options));
    check(&path);
}

const LAYOUTS: [&[&str]; 4] = [
    &["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=128"],
    &["BLOCKYSIZE=17"],
    &["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=64", "INTERLEAVE=BAND", "BIGTIFF=YES"],
    &["BLOCKYSIZE=1", "ENDIANNESS=BIG"],
];

/// Each of some codecs in each layout.
fn all_layouts<T: GdalType + Copy>(name: &str, codecs: &[&[&str]], bands: usize, fit: impl Fn(u32) -> T + Copy) {
    for (i, codec) in codecs.iter().enumerate() {
        for (j, layout) in LAYOUTS.iter().enumerate() {
            let options = [*codec, *layout].concat();
            made(&format!("{name}-{i}-{j}"), &Make { bands, options: &options, ..Make::default() }, fit, compare);
        }
    }
}

const INTEGERS: [&[&str]; 7] = [
    &["COMPRESS=NONE"],
    &["COMPRESS=DEFLATE", "PREDICTOR=2"],
    &["COMPRESS=DEFLATE"],
    &["COMPRESS=LZW", "PREDICTOR=2"],
    &["COMPRESS=LZW"],
    &["COMPRESS=ZSTD", "PREDICTOR=2"],
    &["COMPRESS=PACKBITS"],
];

const FLOATS: [&[&str]; 4] = [
    &["COMPRESS=DEFLATE", "PREDICTOR=3"],
    &["COMPRESS=ZSTD", "PREDICTOR=3"],
    &["COMPRESS=LZW", "PREDICTOR=2"],
    &["COMPRESS=NONE"],
];

#[test]
fn bytes_of_every_codec_and_layout_are_as_gdal_reads_them() {
    all_layouts("u8", &INTEGERS, 1, |v| u8::try_from(v).unwrap());
    all_layouts("u8x3", &INTEGERS[..4], 3, |v| u8::try_from(v).unwrap());
}

#[test]
fn words_of_every_codec_and_layout_are_as_gdal_reads_them() {
    all_layouts("u16", &INTEGERS, 1, |v| u16::try_from(v * 250).unwrap());
    all_layouts("i16x2", &INTEGERS[..4], 2, |v| i16::try_from(v).unwrap() * 120 - 9999);
}

#[test]
fn long_integers_are_as_gdal_reads_them() {
    all_layouts("u32", &INTEGERS[1..4], 1, |v| v * 16_000_000);
    all_layouts("i32x5", &INTEGERS[1..2], 5, |v| i32::try_from(v).unwrap() * -70_000);
    let options = ["COMPRESS=DEFLATE"];
    for layout in LAYOUTS {
        let options = [&options, layout].concat();
        let make = Make { options: &options, ..Make::default() };
        made("u64", &make, |v| u64::from(v) << 50, compare);
        made("i64", &make, |v| i64::from(v) - (1 << 60), compare);
    }
}

#[test]
fn floats_of_every_codec_and_layout_are_as_gdal_reads_them() {
    let odd = |v: u32| if v % 50 == 49 { f64::NAN } else { f64::from(v).sqrt() - 3.0 };
    #[expect(clippy::cast_possible_truncation, reason = "any floats do")]
    all_layouts("f32", &FLOATS, 1, |v| odd(v) as f32);
    all_layouts("f64x3", &FLOATS, 3, odd);
    #[expect(clippy::cast_possible_truncation, reason = "any floats do")]
    for layout in LAYOUTS {
        for codec in [&["COMPRESS=DEFLATE"][..], &["COMPRESS=DEFLATE", "PREDICTOR=3"]] {
            let options = [&["NBITS=16"], codec, layout].concat();
            let make = Make { options: &options, nodata: Some(-9999.0), ..Make::default() };
            made("f16", &make, |v| odd(v) as f32, compare);
        }
    }
}

#[test]
fn lerc_of_every_type_and_layout_is_as_gdal_reads_it() {
    const LERC: [&[&str]; 4] = [
        &["COMPRESS=LERC"],
        &["COMPRESS=LERC_DEFLATE"],
        &["COMPRESS=LERC_ZSTD"],
        &["COMPRESS=LERC", "MAX_Z_ERROR=1.5"],
    ];
    let byte = |v: u32| u8::try_from(v).unwrap();
    all_layouts("lerc-u8", &LERC, 1, byte);
    all_layouts("lerc-u8x3", &LERC, 3, byte);
    all_layouts("lerc-u16", &LERC[2..], 1, |v| u16::try_from(v * 250).unwrap());
    all_layouts("lerc-i16x2", &LERC[1..], 2, |v| i16::try_from(v).unwrap() * 120 - 9999);
    all_layouts("lerc-u32", &LERC[..1], 1, |v| v * 16_000_000);
    all_layouts("lerc-i32", &LERC[..1], 1, |v| i32::try_from(v).unwrap() * -70_000);
    let odd = |v: u32| if v % 50 == 49 { f64::NAN } else { f64::from(v).sqrt() - 3.0 };
    #[expect(clippy::cast_possible_truncation, reason = "any floats do")]
    all_layouts("lerc-f32", &LERC, 1, |v| odd(v) as f32);
    all_layouts("lerc-f64x3", &LERC, 3, odd);
    all_layouts("lerc-one-value", &LERC, 1, |_| 7.5_f64);
    // A tile of 24 MB in some hundred bytes.
    let large = ["TILED=YES", "BLOCKXSIZE=2048", "BLOCKYSIZE=1536", "COMPRESS=LERC_ZSTD"];
    let make = Make { size: (2048, 1536), options: &large, ..Make::default() };
    made("lerc-large", &make, |_| 0.0_f64, compare);
    for bands in [2, 4] {
        for codec in LERC {
            let options = [&["ALPHA=YES"], codec].concat();
            made("lerc-alpha", &Make { bands, options: &options, ..Make::default() }, byte, compare);
        }
    }
}

#[test]
fn signed_bytes_are_as_gdal_reads_them() {
    let make = Make { options: &["PIXELTYPE=SIGNEDBYTE", "COMPRESS=DEFLATE", "PREDICTOR=2"], ..Make::default() };
    made("i8", &make, |v| u8::try_from(v).unwrap(), compare);
}

#[test]
fn pictures_are_as_gdal_reads_them() {
    let tiled = ["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=64"];
    let strips = ["BLOCKYSIZE=16"];
    let grey = |v| u8::try_from(v).unwrap();
    let picture = |name: &str, bands: usize, codec: &[&str], off_by: i32| {
        for layout in [&tiled[..], &strips] {
            let options = [codec, layout].concat();
            made(name, &Make { bands, options: &options, ..Make::default() }, grey, |p| compare_within(p, off_by));
        }
    };
    picture("jpeg-grey", 1, &["COMPRESS=JPEG"], 1);
    picture("jpeg-rgb", 3, &["COMPRESS=JPEG", "JPEG_QUALITY=90"], 1);
    picture("jpeg-ycbcr", 3, &["COMPRESS=JPEG", "PHOTOMETRIC=YCBCR"], 3);
    picture("jpeg-planar", 3, &["COMPRESS=JPEG", "INTERLEAVE=BAND"], 1);
    picture("webp", 3, &["COMPRESS=WEBP", "WEBP_LOSSLESS=YES"], 0);
    picture("webp-alpha", 4, &["COMPRESS=WEBP", "WEBP_LOSSLESS=YES", "ALPHA=YES"], 0);
    picture("webp-lossy", 3, &["COMPRESS=WEBP"], 0);
}

#[test]
fn overviews_and_masks_are_as_gdal_reads_them() {
    for (bands, options) in [
        (1, &["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=64", "COMPRESS=DEFLATE"][..]),
        (3, &["COMPRESS=ZSTD", "BLOCKYSIZE=16"]),
        (3, &["INTERLEAVE=BAND", "COMPRESS=LZW", "TILED=YES", "BLOCKXSIZE=128", "BLOCKYSIZE=32"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("masked.tif");
        set_thread_local_config_option("GDAL_TIFF_INTERNAL_MASK", "YES").unwrap();
        let make = Make { bands, ..Make::default() };
        let mut dataset = write(&memory(&make, |v| u16::try_from(v).unwrap()), &path, options);
        dataset.rasterband(1).unwrap().create_mask_band(true).unwrap();
        {
            let band = dataset.rasterband(1).unwrap();
            let mut mask = band.open_mask_band().unwrap();
            let (cols, rows) = make.size;
            let valid = (0..rows * cols).map(|i| if (i % cols + i / cols) % 9 < 6 { 255_u8 } else { 0 }).collect();
            mask.write((0, 0), (cols, rows), &mut Buffer::new((cols, rows), valid)).unwrap();
        }
        dataset.flush_cache().unwrap();
        compare(&path);
        dataset.build_overviews("NEAREST", &[2, 4, 8], &[]).unwrap();
        drop(dataset);
        clear_thread_local_config_option("GDAL_TIFF_INTERNAL_MASK").unwrap();
        compare(&path);
    }
}

#[test]
fn alpha_bands_are_as_gdal_reads_them() {
    for bands in [2, 3, 4, 5] {
        for interleave in ["INTERLEAVE=PIXEL", "INTERLEAVE=BAND"] {
            let options = ["ALPHA=YES", "COMPRESS=DEFLATE", interleave];
            let make = Make { bands, options: &options, ..Make::default() };
            made("alpha8", &make, |v| u8::try_from(v).unwrap(), compare);
            made("alpha16", &make, |v| u16::try_from(v * 257).unwrap(), compare);
            made("alpha32", &make, |v| v, compare);
            let make = Make { nodata: Some(0.0), ..make };
            made("alpha8-nodata", &make, |v| u8::try_from(v).unwrap(), compare);
        }
    }
}

#[test]
fn nodata_is_as_gdal_says() {
    for nodata in [0.0, 255.0, -1.0, 300.0, 0.5, f64::NAN] {
        let make = Make { nodata: Some(nodata), options: &["COMPRESS=DEFLATE"], ..Make::default() };
        made("nodata-u8", &make, |v| u8::try_from(v).unwrap(), compare);
        made("nodata-i16", &make, |v| i16::try_from(v).unwrap(), compare);
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        made("nodata-f32", &make, |v| v as f32, compare);
    }
    for nodata in [-3.402_823_466_385_288_6e38, 1e-30, f64::INFINITY, 9.969_209_968_386_869e36] {
        let make = Make { nodata: Some(nodata), ..Make::default() };
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        made("nodata-f32", &make, |v| v as f32, compare);
        made("nodata-f64", &make, f64::from, compare);
    }
}

#[test]
fn blocks_that_were_never_written_are_nodata_as_gdal_fills_them() {
    fn sparse<T: GdalType + Copy>(nodata: Option<f64>, value: T, options: &[&str]) {
        crate::gdal::load().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse.tif");
        let mut list = RasterCreationOptions::new();
        for option in
            ["SPARSE_OK=TRUE", "TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=64", "COMPRESS=DEFLATE"].iter().chain(options)
        {
            let (key, value) = option.split_once('=').unwrap();
            list.set_name_value(key, value).unwrap();
        }
        let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
        let mut dataset = driver.create_with_band_type_with_options::<T, _>(&path, 200, 150, 3, &list).unwrap();
        dataset.set_geo_transform(&[0.0, 1.0, 0.0, 0.0, 0.0, -1.0]).unwrap();
        for number in 1..=3 {
            let mut band = dataset.rasterband(number).unwrap();
            band.set_no_data_value(nodata).unwrap();
            band.write((70, 70), (30, 30), &mut Buffer::new((30, 30), vec![value; 900])).unwrap();
        }
        drop(dataset);
        compare(&path);
    }
    for options in [&["INTERLEAVE=BAND"][..], &["INTERLEAVE=PIXEL"]] {
        for nodata in [None, Some(7.0), Some(-9999.0)] {
            sparse::<u8>(nodata, 3, options);
            sparse::<i16>(nodata, 3, options);
            sparse::<f32>(nodata, 3.0, options);
            sparse::<f64>(nodata, 3.0, options);
        }
        sparse::<f32>(Some(-9999.0), 3.0, &[options, &["NBITS=16"]].concat());
    }
}

#[test]
fn names_scales_units_and_times_are_as_gdal_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("described.tif");
    let mut source = memory(&Make { bands: 3, ..Make::default() }, |v| i16::try_from(v).unwrap());
    source.set_metadata_item("time", "2034-05-01T10:00:00Z", "").unwrap();
    source.set_metadata_item("TIFFTAG_DATETIME", "2034:05:02 10:00:00", "").unwrap();
    let mut band = source.rasterband(2).unwrap();
    band.set_scale(0.0001).unwrap();
    band.set_offset(-0.1).unwrap();
    band.set_description("near <infrared> & more").unwrap();
    band.set_metadata_item("GRIB_UNIT", "[K]", "").unwrap();
    band.set_metadata_item("NETCDF_VARNAME", "nir", "").unwrap();
    let mut band = source.rasterband(3).unwrap();
    band.set_metadata_item("GRIB_VALID_TIME", "2029000000 sec UTC", "").unwrap();
    band.set_description("thermal").unwrap();
    drop(write(&source, &path, &[]));
    compare(&path);
    let ours = crate::tiff::planes(&open_path(&path).unwrap());
    let theirs = crate::gdal::planes(&path.display().to_string(), None).unwrap();
    assert_eq!(ours, theirs);
    assert_eq!(ours[2].name.as_deref(), Some("thermal"));
    assert_eq!(ours[1].header.scale_offset, Some((0.0001, -0.1)));
}

#[test]
fn grids_are_where_gdal_puts_them() {
    let utm = [399_960.0, 10.0, 0.0, 5_900_040.0, 0.0, -10.0];
    let transforms = [
        (None, None),
        (None, Some(utm)),
        (Some(32632), None),
        (Some(32632), Some([1.0, 2.0, 0.5, 3.0, -0.25, -4.0])),
        (Some(32632), Some([1.0, 2.0, 0.0, 3.0, 0.0, 4.0])),
        (Some(32633), Some([1.0, -2.0, 0.0, 3.0, 0.0, -4.0])),
    ];
    let codes = [4326, 3035, 3857, 27700, 2154, 3577, 5070, 6933, 3031, 3995, 4258, 32755, 2193, 28355, 25832, 4269];
    let all = transforms.into_iter().chain(codes.map(|code| (Some(code), Some(utm))));
    for (epsg, transform) in all {
        made("grid", &Make { epsg, transform, size: (20, 10), ..Make::default() }, |v| v, compare);
        if epsg.is_none() {
            // GDAL makes up a CRS for the key of the point; we do not.
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("point.tif");
        let mut source = memory(&Make { epsg, transform, size: (20, 10), ..Make::default() }, |v| v);
        source.set_metadata_item("AREA_OR_POINT", "Point", "").unwrap();
        drop(write(&source, &path, &[]));
        compare(&path);
    }
}

#[test]
fn cogs_are_as_gdal_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cog.tif");
    let source = memory(&Make { size: (700, 900), ..Make::default() }, |v| u16::try_from(v * 200).unwrap());
    let driver = DriverManager::get_driver_by_name("COG").unwrap();
    let mut list = RasterCreationOptions::new();
    for (key, value) in [("BLOCKSIZE", "128"), ("COMPRESS", "DEFLATE"), ("PREDICTOR", "YES")] {
        list.set_name_value(key, value).unwrap();
    }
    drop(source.create_copy(&driver, &path, &list).unwrap());
    compare(&path);
}

/// Files of real missions, where they lie beside the checkout.
#[test]
fn real_files_are_as_gdal_reads_them() {
    let root = std::env::var_os("CUBE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), std::path::PathBuf::from);
    let (mut folders, mut read) = (vec![root.join("realdata")], 0);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("tif") || e.eq_ignore_ascii_case("tiff"))
            {
                compare(&path);
                read += 1;
            }
        }
    }
    if read == 0 {
        eprintln!("skipped: no TIFF under {} (set CUBE_SHARED)", root.display());
    }
}
