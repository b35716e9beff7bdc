use libdeflater::{CompressionLvl, Compressor, Decompressor};
use proptest::prelude::*;

use super::Inflate;

fn packed(bytes: &[u8], level: i32) -> Vec<u8> {
    let mut compressor = Compressor::new(CompressionLvl::new(level).unwrap());
    let mut out = vec![0; compressor.zlib_compress_bound(bytes.len())];
    let length = compressor.zlib_compress(bytes, &mut out).unwrap();
    out.truncate(length);
    out
}

/// Another packer, whose blocks are laid out otherwise.
fn packed_by_zlib(bytes: &[u8], level: u32) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Bytes as they are in rasters: noise of `spread` values on flat ground, some of it repeated.
fn pixels(length: usize, spread: u32, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes: Vec<u8> = Vec::with_capacity(length);
    while bytes.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let back = (state >> 8) as usize % 5000 + 1;
        if state >> 30 == 0 && back < bytes.len() {
            let run = (state >> 20) as usize % 300;
            let from = bytes.len() - back;
            (0..run).for_each(|k| bytes.push(bytes[from + k % back]));
        } else {
            bytes.push(u8::try_from((state >> 16) % spread.max(1) % 256).unwrap());
        }
    }
    bytes.truncate(length);
    bytes
}

/// What libdeflate says to a stream of `length` bytes.
fn libdeflate(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut out = vec![0; length];
    (Decompressor::new().zlib_decompress(packed, &mut out).ok()? == length).then_some(out)
}

/// What comes of a stream beside a sound one, which must be the same on either side.
fn ours(packed_bytes: &[u8], length: usize) -> Option<Vec<u8>> {
    let beside = pixels(9_000, 50, 11);
    let stream = packed(&beside, 6);
    let mut inflate = Inflate::new();
    let (mut out, mut also) = (vec![0; length], vec![0; beside.len()]);
    let done = inflate.two((packed_bytes, &mut out), (&stream, &mut also));
    assert!(done.1 && also == beside);
    let mut again = vec![0; length];
    also.fill(0);
    assert_eq!(inflate.two((&stream, &mut also), (packed_bytes, &mut again)), (true, done.0));
    assert_eq!(also, beside);
    done.0.then(|| {
        assert_eq!(out, again);
        out
    })
}

/// It unpacks nothing that libdeflate does not, and that to the same bytes. What it refuses libdeflate is asked for.
fn agrees_with_libdeflate(stream: &[u8], length: usize) -> bool {
    ours(stream, length).is_none_or(|out| Some(out) == libdeflate(stream, length))
}

#[test]
fn every_kind_of_block_is_unpacked() {
    for (length, spread) in
        [(0, 1), (1, 256), (5, 2), (300, 256), (70_000, 1), (70_000, 7), (200_000, 40), (9_000, 256)]
    {
        let bytes = pixels(length, spread, 7);
        let streams =
            (0..=12).map(|level| packed(&bytes, level)).chain((0..=9).map(|level| packed_by_zlib(&bytes, level)));
        for stream in streams {
            assert_eq!(ours(&stream, length).as_ref(), Some(&bytes), "{length} bytes of {spread} values");
        }
    }
}

#[test]
fn other_lengths_and_damaged_streams_are_refused() {
    let bytes = pixels(3_000, 30, 3);
    let stream = packed(&bytes, 6);
    assert_eq!(ours(&stream, bytes.len() - 1), None);
    assert_eq!(ours(&stream, bytes.len() + 1), None);
    for end in 0..stream.len() {
        assert_eq!(ours(&stream[..end], bytes.len()), None, "the first {end} bytes");
    }
    for bit in 0..stream.len() * 8 {
        let mut damaged = stream.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(agrees_with_libdeflate(&damaged, bytes.len()), "bit {bit}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_was_packed_comes_back(length in 0_usize..60_000, spread in 1_u32..256, seed: u32, level in 0_i32..13) {
        let bytes = pixels(length, spread, seed);
        prop_assert_eq!(ours(&packed(&bytes, level), length), Some(bytes));
    }

    #[test]
    fn it_says_nothing_that_libdeflate_does_not_say(
        length in 1_usize..4_000, spread in 1_u32..256, seed: u32, level in 1_i32..13,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in 0_usize..8,
    ) {
        let mut stream = packed(&pixels(length, spread, seed), level);
        stream.truncate(stream.len() - cut.min(stream.len() - 1));
        for (place, byte) in damage {
            let place = place.index(stream.len());
            stream[place] = byte;
        }
        prop_assert!(agrees_with_libdeflate(&stream, length));
    }

    #[test]
    fn anything_behind_a_header_is_no_crash(mut bytes in prop::collection::vec(any::<u8>(), 0..400), length in 0_usize..2_000) {
        bytes.splice(0..0, [0x78, 0x9c]);
        prop_assert!(agrees_with_libdeflate(&bytes, length));
    }
}
