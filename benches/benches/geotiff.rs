//! What reading a GeoTIFF costs above inflating it: tiles of 512² of `uint16`, deflate with the horizontal predictor, as
//! Sentinel-2 archives hold them.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a bench whose set-up fails has nothing to measure")]

#[expect(dead_code, reason = "some of it is for the tests of the reader")]
#[path = "../../crates/raster/src/tiff/written.rs"]
mod written;

use std::sync::Arc;

use cube_raster::{RasterLocation, open_geotiff};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use written::Tiff;

const TILE: usize = 512;
const TILES: usize = 16;
const TILE_BYTES: usize = TILE * TILE * 2;

fn main() {
    divan::main();
}

/// Slopes with some noise, as differences of neighbours, packed.
fn packed() -> Vec<Vec<u8>> {
    let mut state = 1_u32;
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::new(6).expect("a level"));
    (0..TILES)
        .map(|tile| {
            let mut bytes = Vec::with_capacity(TILE_BYTES);
            for row in 0..TILE {
                let mut last = 0_u16;
                for col in 0..TILE {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let slope = u16::try_from(1000 + tile * 40 + row + col / 2).expect("a small number");
                    let value = slope + u16::try_from(state >> 23).expect("nine bits");
                    bytes.extend(value.wrapping_sub(last).to_le_bytes());
                    last = value;
                }
            }
            let mut out = vec![0; compressor.zlib_compress_bound(TILE_BYTES)];
            let length = compressor.zlib_compress(&bytes, &mut out).expect("room for it");
            out.truncate(length);
            out
        })
        .collect()
}

#[divan::bench]
fn inflate_alone(bencher: Bencher<'_, '_>) {
    let tiles = packed();
    let mut out = vec![0; TILE_BYTES];
    let mut inflate = libdeflater::Decompressor::new();
    bencher.counter(BytesCount::new(TILES * TILE_BYTES)).bench_local(|| {
        for tile in &tiles {
            inflate.zlib_decompress(tile, &mut out).expect("a tile");
            black_box(&out);
        }
    });
}

#[divan::bench]
fn read_block_by_block(bencher: Bencher<'_, '_>) {
    let tiles = packed();
    let side = u32::try_from(TILES.isqrt() * TILE).expect("a small image");
    let mut tiff = Tiff::tiled(side, u32::try_from(TILE).expect("a small tile"), 8, &tiles.concat());
    let lengths: Vec<u32> = tiles.iter().map(|tile| u32::try_from(tile.len()).expect("a small tile")).collect();
    let first = tiff.data_at();
    let offsets: Vec<u32> = (0..TILES).map(|n| first + lengths[..n].iter().sum::<u32>()).collect();
    tiff.short(317, 2).longs(324, &offsets).longs(325, &lengths);
    let location = RasterLocation { url: "bench.tif".to_owned(), layer: None, band: 1 };
    let mut raster = open_geotiff(Arc::new(tiff.bytes()), &location).expect("a TIFF");
    let header = raster.header().clone();
    bencher.counter(BytesCount::new(TILES * TILE_BYTES)).bench_local(|| {
        for window in header.shape.whole().tiles(header.block) {
            black_box(raster.read(0, window).expect("a block"));
        }
    });
}
