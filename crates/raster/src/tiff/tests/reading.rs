//! How a file is read: in how few reads, and each block once.

use std::sync::{Arc, Mutex};

use cube_geo::Window;

use crate::RasterLocation;
use crate::bytes::Watched;
use crate::tiff::written::Tiff;
use crate::tiff::{TiffFile, open, open_geotiff};

fn location() -> RasterLocation {
    RasterLocation { url: "memory.tif".to_owned(), layer: None, band: 1 }
}

fn watched(bytes: Vec<u8>) -> Arc<Watched> {
    Arc::new(Watched { bytes, gap: 16, reads: Mutex::default() })
}

#[test]
fn a_header_within_32_kib_is_one_read_and_neighbouring_tiles_another() {
    let tile: Vec<u8> = (0..512_u16).flat_map(u16::to_le_bytes).collect::<Vec<_>>()[..512].to_vec();
    let mut tiff = Tiff::tiled(64, 16, 1, &tile.repeat(16));
    tiff.longs(324, &(0..16).map(|i| 8 + i * 512).collect::<Vec<u32>>()).longs(325, &[512; 16]);
    let source = watched(tiff.bytes());
    let mut raster = open_geotiff(source.clone(), &location()).unwrap();
    assert_eq!(source.taken(), [(0, source.bytes.len() as u64)]);
    assert_eq!(raster.stored_bytes(0, Window::new(0, 0, 17, 17)), Some(4 * 512));
    source.taken();
    raster.read(0, Window::new(16, 0, 32, 64)).unwrap();
    assert_eq!(source.taken(), [(8 + 4 * 512, 8 + 12 * 512)]);
    source.taken();
    raster.read(0, Window::new(20, 20, 3, 3)).unwrap();
    assert_eq!(source.taken(), [(8 + 5 * 512, 8 + 6 * 512)]);
}

#[test]
fn bands_that_share_tiles_unpack_them_once() {
    let tile: Vec<u8> = (0..16 * 16 * 3).map(|i| u8::try_from(i % 251).unwrap()).collect();
    let mut tiff = Tiff::tiled(16, 16, 1, &tile);
    tiff.set(258, 3, [8_u16; 3].iter().flat_map(|v| v.to_le_bytes()).collect()).short(277, 3).short(262, 2);
    let source = watched(tiff.bytes());
    let file = Arc::new(TiffFile::read(source.clone()).unwrap());
    source.taken();
    for band in 1..=3 {
        let mut raster = open(file.clone(), &RasterLocation { band, ..location() }).unwrap();
        let pixels = raster.read(0, Window::new(1, 2, 1, 2)).unwrap();
        let at = |col: usize| f64::from(u8::try_from(((16 + col) * 3 + band - 1) % 251).unwrap());
        assert_eq!(pixels.to_f64().into_raw_vec_and_offset().0, [at(2), at(3)]);
    }
    assert_eq!(source.taken().len(), 1);
}

#[test]
fn another_reader_shares_the_file() {
    let source = watched(Tiff::small().bytes());
    let raster = open_geotiff(source.clone(), &location()).unwrap();
    source.taken();
    let mut another = raster.another().unwrap();
    assert_eq!(another.header(), raster.header());
    assert_eq!(source.taken().len(), 0);
    let values = another.read(0, Window::new(1, 1, 2, 2)).unwrap().to_f64();
    assert_eq!(values.into_raw_vec_and_offset().0, [7.0, 8.0, 13.0, 14.0]);
}

#[test]
fn an_uncompressed_image_of_one_strip_is_read_in_pieces() {
    let (rows, cols) = (1000_usize, 2048_usize);
    let value = |row: usize, col: usize| u8::try_from((row * 7 + col) % 251).unwrap();
    let mut tiff = Tiff::small();
    tiff.data = (0..rows * cols).map(|i| value(i / cols, i % cols)).collect();
    tiff.long(256, 2048).long(257, 1000).long(278, 1000).long(279, 2_048_000);
    let source = watched(tiff.bytes());
    let mut raster = open_geotiff(source.clone(), &location()).unwrap();
    assert_eq!(raster.header().block, cube_geo::Shape::new(128, 2048));
    source.taken();
    for window in [Window::new(130, 5, 3, 4), Window::new(120, 0, 300, 2048), Window::new(990, 2040, 10, 8)] {
        let values = raster.read(0, window).unwrap().to_f64();
        let right = |((row, col), v): ((usize, usize), &f64)| {
            (*v - f64::from(value(window.row + row, window.col + col))).abs() < 0.5
        };
        let values = values.into_dimensionality::<ndarray::Ix2>().unwrap();
        assert!(values.indexed_iter().all(right), "{window}");
    }
    let taken = source.taken();
    assert_eq!(taken[0], (8 + 128 * 2048, 8 + 256 * 2048));
    assert_eq!(taken.last(), Some(&(8 + 896 * 2048, 8 + 1000 * 2048)));
}

#[test]
fn overviews_without_the_mask_of_the_file_are_left_out() {
    // Full resolution 4 × 6, overviews 2 × 3 (no mask) and 1 × 2 (with one), and the masks.
    let level = |rows: u16, cols: u16, kind: u16| {
        let mut tiff = Tiff::small();
        tiff.short(256, cols).short(257, rows).short(278, rows).short(254, kind).long(279, u32::from(rows * cols));
        tiff.directories.remove(0)
    };
    let full = Tiff::small().directories.remove(0);
    let overviews = [full, level(2, 3, 1), level(1, 2, 1)];
    let mut tiff = Tiff { directories: overviews.to_vec(), ..Tiff::small() };
    let levels = |tiff: &Tiff| open_geotiff(Arc::new(tiff.bytes()), &location()).unwrap().header().overviews.clone();
    let shape = cube_geo::Shape::new;
    assert_eq!(levels(&tiff), [shape(2, 3), shape(1, 2)]);
    tiff.directories.extend([level(4, 6, 4), level(1, 2, 5)]);
    assert_eq!(levels(&tiff), [shape(1, 2)]);
    let mut raster = open_geotiff(Arc::new(tiff.bytes()), &location()).unwrap();
    assert_eq!(raster.header().overview_blocks, [shape(1, 2)]);
    assert_eq!(raster.read(1, Window::new(0, 0, 1, 2)).unwrap().shape(), [1, 2]);
    assert_eq!(raster.read_mask(1, Window::new(0, 0, 1, 2)).unwrap(), Some(vec![0, 1]));
    assert!(raster.read(2, Window::new(0, 0, 1, 2)).is_err());
}

#[test]
fn old_lzw_is_an_error_that_says_what_to_do() {
    let mut tiff = Tiff::small();
    tiff.short(259, 5);
    // The clear code of 9 bits, least significant bit first.
    tiff.data[..2].copy_from_slice(&[0, 1]);
    let mut raster = open_geotiff(Arc::new(tiff.bytes()), &location()).unwrap();
    let error = raster.read(0, Window::new(0, 0, 4, 6)).unwrap_err().to_string();
    assert_eq!(
        error,
        "memory.tif: its blocks are LZW of before TIFF 6.0, which is not read; \
         convert the file: gdal_translate -of COG old.tif new.tif"
    );
}

#[test]
fn a_nodata_that_a_float_does_not_hold_is_refused_and_one_that_it_does_is_exact() {
    // Four pixels of 64 bits, kind 1 without a sign and 2 with one.
    let file = |kind: u16, text: &str, pixels: [i64; 4]| {
        let mut tiff = Tiff::small();
        tiff.data = pixels.iter().flat_map(|v| v.to_le_bytes()).collect();
        tiff.short(256, 2).short(257, 2).short(278, 2).short(258, 64).short(339, kind).long(279, 32);
        tiff.set(42113, 2, format!("{text}\0").into_bytes());
        open_geotiff(Arc::new(tiff.bytes()), &location())
    };
    let (signed, unsigned) = (2, 1);
    for (kind, text, value) in [
        (unsigned, "9007199254740993", "9007199254740993 of uint64"),
        (unsigned, "18446744073709551615", "18446744073709551615 of uint64"),
        (signed, "9223372036854775807", "9223372036854775807 of int64"),
        (signed, "-9.007199254740993e15", "-9007199254740993 of int64"),
    ] {
        let error = file(kind, text, [0; 4]).err().unwrap().to_string();
        assert!(error.starts_with("memory.tif: ") && error.contains(value) && error.contains("set it as"), "{error}");
    }
    #[expect(clippy::cast_precision_loss, reason = "numbers that a float holds")]
    for (kind, text, nodata) in [
        (signed, "-9999.0", Some(-9999_i64)),
        (signed, "-9223372036854775808", Some(i64::MIN)),
        (signed, "9007199254740994", Some(9_007_199_254_740_994)),
        (unsigned, "1e3", Some(1000)),
        (unsigned, "-1", None),
        (signed, "9223372036854775808", None),
        (signed, "0.5", None),
    ] {
        let mut raster = file(kind, text, [nodata.unwrap_or(5), 1, 2, 3]).unwrap();
        assert_eq!(raster.header().nodata, nodata.map(|v| v as f64), "{text}");
        let pixels = raster.read(0, Window::new(0, 0, 1, 1)).unwrap();
        assert_eq!(pixels.to_f64().into_raw_vec_and_offset().0, [nodata.unwrap_or(5) as f64], "{text}");
    }
}

#[test]
fn one_changed_bit_of_a_deflated_block_is_an_error_whatever_window_is_read() {
    let mut state = 1_u32;
    let pixels: Vec<u8> = (0..16 * 16 * 2)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0] % 8
        })
        .collect();
    let mut deflater = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
    let mut packed = vec![0; deflater.zlib_compress_bound(pixels.len())];
    let length = deflater.zlib_compress(&pixels, &mut packed).unwrap();
    packed.truncate(length);
    let read = |packed: &[u8]| {
        let tiff = Tiff::tiled(16, 16, 8, packed).bytes();
        open_geotiff(Arc::new(tiff), &location()).unwrap().read(0, Window::new(0, 0, 1, 16))
    };
    let right = read(&packed).unwrap();
    let mut meaningless = 0;
    for bit in 0..length * 8 {
        packed[bit / 8] ^= 1 << (bit % 8);
        match read(&packed) {
            Ok(pixels) => {
                assert_eq!(pixels, right, "bit {bit}");
                meaningless += 1;
            }
            Err(error) => assert!(matches!(error, crate::RasterError::Corrupt { .. }), "bit {bit}: {error}"),
        }
        packed[bit / 8] ^= 1 << (bit % 8);
    }
    // Up to seven bits fill the last byte before the checksum.
    assert!(meaningless < 8, "{meaningless}");
}
