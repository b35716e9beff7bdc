//! How a file is read: in how few reads, and each block once.

use std::sync::{Arc, Mutex};

use cube_geo::Window;

use crate::RasterLocation;
use crate::tiff::bytes::tests::Watched;
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
