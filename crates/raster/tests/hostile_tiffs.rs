//! TIFFs that are made to break a reader: each is an error, soon, and takes little memory. One test, since memory is
//! counted for the whole process.
#![expect(clippy::unwrap_used, reason = "functions that tests share")]

#[path = "../src/tiff/written.rs"]
mod written;

use std::sync::Arc;
use std::time::{Duration, Instant};

use cube_geo::Window;
use cube_raster::{RasterLocation, open_geotiff};
use written::Tiff;

const MOST_TIME: Duration = Duration::from_secs(1);
const MOST_MEMORY: u64 = 64 << 20;

/// Opens the file and reads its first pixels, at full resolution and the first overview.
fn read(bytes: Vec<u8>) -> Result<(), String> {
    let location = RasterLocation { url: "hostile.tif".to_owned(), layer: None, band: 1 };
    let mut raster = open_geotiff(Arc::new(bytes), &location).map_err(|e| e.to_string())?;
    let levels = 1 + raster.header().overviews.len().min(1);
    for level in 0..levels {
        let shape = level.checked_sub(1).map_or(raster.header().shape, |n| raster.header().overviews[n]);
        let window = Window::new(0, 0, shape.rows.min(64), shape.cols.min(64));
        raster.read(level, window).map_err(|e| e.to_string())?;
        raster.read_mask(level, window).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// The most memory that the process ever had, in bytes; `None` where the system does not tell.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kb| kb * 1024)
}

fn deflated(bytes: usize) -> Vec<u8> {
    let mut deflater = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
    let zeros = vec![0; bytes];
    let mut packed = vec![0; deflater.zlib_compress_bound(bytes)];
    let length = deflater.zlib_compress(&zeros, &mut packed).unwrap();
    packed.truncate(length);
    packed
}

/// At least so many zeros as a zlib stream of a thousandth of that, quickly: one deflate block of matches, said again and
/// again (RFC 1951). Gives how many there are, too.
fn zeros(bytes: usize) -> (usize, Vec<u8>) {
    // Matches of a block, so many that it ends at a whole byte, and the zeros that it says.
    const MATCHES: usize = 10_001;
    const ZEROS: usize = 1 + MATCHES * 258;
    let (mut bits, mut have, mut block) = (0_u64, 0_u32, Vec::new());
    let mut put = |value: u64, length: u32| {
        bits |= value << have;
        have += length;
        while have >= 8 {
            block.push(u8::try_from(bits & 0xff).unwrap());
            (bits, have) = (bits >> 8, have - 8);
        }
    };
    // Not the last block, codes of its own: 286 of lengths, 1 of distances, 18 of the lengths of codes.
    for (value, length) in [(0, 1), (2, 2), (29, 5), (0, 5), (14, 4)] {
        put(value, length);
    }
    // Of these, in the order of the format: 18 has one bit (0), 1 and 2 have two (10 and 11, last bit first here).
    for length in [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2] {
        put(length, 3);
    }
    // The literal 0 has two bits, the end two, a match of 258 one; 138, 117 and 28 codes have none. Distance 1 has one.
    let (one, two, none) = (0b01, 0b11, 0);
    put(two, 2);
    for zeros in [138, 117] {
        put(none, 1);
        put(zeros - 11, 7);
    }
    put(two, 2);
    put(none, 1);
    put(28 - 11, 7);
    put(one, 2);
    put(one, 2);
    // The literal, the matches, the end, and an empty block that is stored, which begins at a whole byte.
    put(0b01, 2);
    (0..MATCHES).for_each(|_| put(0, 2));
    put(0b11, 2);
    put(0, 3);
    block.extend([0, 0, 0xff, 0xff]);
    let times = bytes.div_ceil(ZEROS);
    let sum = u32::try_from(times * ZEROS % 65_521).unwrap() << 16 | 1;
    (times * ZEROS, [&[0x78, 1], &block.repeat(times)[..], &[1, 0, 0, 0xff, 0xff], &sum.to_be_bytes()].concat())
}

/// Directories that share what stands in the data: each `(tag, kind, 8)` that says one value says `count` of them.
fn shared(tiff: &Tiff, tags: &[(u16, u16)], count: u32) -> Vec<u8> {
    let mut file = tiff.bytes();
    for (tag, kind) in tags {
        let entry = [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &1_u32.to_le_bytes(), &8_u32.to_le_bytes()].concat();
        let places: Vec<usize> = file.windows(12).enumerate().filter(|(_, w)| *w == entry).map(|(at, _)| at).collect();
        assert!(!places.is_empty());
        for at in places {
            file[at + 4..at + 8].copy_from_slice(&count.to_le_bytes());
        }
    }
    file
}

/// 2,000 overviews of 16,000 tiles, all of which share one list of tiles.
fn crowd() -> Vec<u8> {
    let mut tiff = Tiff::tiled(16, 16, 8, &vec![0; 32_000]);
    tiff.short(324, 8).short(325, 8).short(256, 2560).short(257, 1600).short(254, 1);
    let crowd = Tiff { directories: vec![tiff.directories[0].clone(); 2000], ..tiff };
    shared(&crowd, &[(324, 3), (325, 3)], 16_000)
}

/// Blocks that claim to be large, as [`files`].
fn large_blocks() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let mut files = Vec::new();
    let mut add = |name, tiff: &Tiff, says| files.push((name, tiff.bytes(), says));
    // 2 GiB of zeros as a zlib stream of 2 MB, and a tile that claims 1 GiB.
    add(
        "a tile that inflates to 2 GiB",
        &Tiff::tiled(32_768, 32_768, 8, &zeros(2 << 30).1),
        "at most 536870912 are read",
    );
    add("a tile of 1 GiB of little", &Tiff::tiled(23_000, 23_000, 8, &deflated(1000)), "at most 536870912 are read");
    // Tiles that claim 488 MiB, which is allowed, of which there is little: whatever the codec.
    let little = |codec: u16, packed: &[u8]| Tiff::tiled(16_000, 16_000, codec, packed);
    add("raw tile of little", &little(1, &vec![0; 100_000]), "has 100000 bytes, expected 512000000");
    add("zlib tile of little", &little(8, &deflated(1 << 20)), "of Deflate holds");
    add("LZW tile of little", &little(5, &vec![0x80; 100_000]), "of Lzw holds 256000000 at most, expected 512000000");
    add("PackBits tile of little", &little(32_773, &vec![0x81; 100_000]), "of PackBits holds 6400000 at most");
    let zstd = zstd::bulk::compress(&vec![0; 4 << 20], 3).unwrap();
    add("ZSTD tile of little", &little(50_000, &zstd), "of Zstd holds");
    let zstd = zstd::stream::encode_all([0; 1000].as_slice(), 3).unwrap();
    add("ZSTD tile that does not say how little", &little(50_000, &zstd), "of Zstd holds");
    // One value takes no room in LERC, whatever the size: the blob itself says 16,000² here.
    let lerc = lerc::encode_slice(64, 64, &[7_u16; 64 * 64], lerc::Precision::Lossless).unwrap();
    add("LERC tile of another size", &Tiff::tiled(128, 128, 34_887, &lerc), "64 × 64 × 1, expected 128 × 128 × 1");
    let mut large = lerc.clone();
    large[14..22].copy_from_slice(&[16_000_u32.to_le_bytes(), 16_000_u32.to_le_bytes()].concat());
    add("LERC tile of one value", &little(34_887, &large), "its blocks of LERC have 512000000 bytes");
    let mut other = lerc.clone();
    *other.last_mut().unwrap() ^= 1;
    add("LERC tile of other bytes", &Tiff::tiled(64, 64, 34_887, &other), "no LERC");
    let mut picture = Tiff::tiled(64, 64, 34_887, &lerc);
    picture.short(339, 2);
    add("LERC tile of another type", &picture, "LERC image of uint16, expected int16");
    let mut outer = Tiff::tiled(64, 64, 34_887, &zeros(64 << 20).1);
    outer.longs(50_674, &[4, 1]);
    add("LERC in a zlib stream of much", &outer, "no zlib stream of LERC");
    outer.longs(50_674, &[4, 9]);
    add("LERC in something unknown", &outer, "unknown way");
    let mut bands = little(8, &deflated(1000));
    bands.short(277, 2).long(322, 8000).set(258, 3, vec![16, 0, 16, 0]).set(339, 3, vec![1, 0, 1, 0]);
    bands.longs(324, &[8; 2]).longs(325, &[20; 2]);
    add("tile of two bands of little", &bands, "of Deflate holds");
    // A mask of one bit a pixel, which is eight times as large when it is unpacked.
    let masked = |size: u32, packed: &[u8]| {
        let mut tiff = Tiff::tiled(size, size.min(16_384), 8, packed);
        tiff.short(258, 8);
        let count = size.div_ceil(16_384).pow(2) as usize;
        tiff.longs(324, &vec![0; count]).longs(325, &vec![0; count]);
        let mut mask = Tiff::tiled(size, size, 8, packed);
        mask.short(254, 4).short(258, 1);
        tiff.directories.append(&mut mask.directories);
        tiff
    };
    let eight = [0x78, 0x9c, 3, 0, 0, 0, 0, 1];
    add("a mask of 131,056² in one tile", &masked(131_056, &eight), "at most 536870912 are read");
    add("a mask of 16,384² in 8 bytes", &masked(16_384, &eight), "of Deflate holds 8256 at most, expected 33554432");
    files
}

/// Directories of much that is kept, as [`files`].
fn large_directories() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let mut files = Vec::new();
    // Values of tags that directories share, too many tags, and a tag of which an error does not print all.
    let mut tables = Tiff { data: vec![0; 1 << 18], ..Tiff::small() };
    tables.short(259, 7).short(254, 1).set(347, 7, 8_u32.to_le_bytes().to_vec());
    tables.directories = vec![tables.directories[0].clone(); 1000];
    let mut tables = tables.bytes();
    let entry = [&347_u16.to_le_bytes()[..], &7_u16.to_le_bytes(), &4_u32.to_le_bytes()].concat();
    for at in 0..tables.len() - 8 {
        if tables[at..at + 8] == entry {
            tables[at + 4..at + 8].copy_from_slice(&(1_u32 << 18).to_le_bytes());
        }
    }
    files.push(("1,000 tables of 256 KiB", tables, "more than 33554432 bytes together"));
    let mut tags = Tiff::small();
    tags.short(254, 1);
    for tag in 1000..2000 {
        tags.short(tag, 1);
    }
    tags.directories = vec![tags.directories[0].clone(); 100];
    files.push(("100,000 tags", tags.bytes(), "more than 100000 tags together"));
    let mut kinds = Tiff::small();
    kinds.short(277, 60_000).set(258, 3, [8, 0, 16, 0].repeat(30_000));
    files.push(("60,000 types", kinds.bytes(), "tag 258 is 8 for the first band, 16 for band 2"));
    files
}

/// Each file with a part of the sentence that it must give.
fn files() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let mut files = Vec::new();
    let mut add = |name, tiff: &Tiff, says| files.push((name, tiff.bytes(), says));
    let with = |change: &dyn Fn(&mut Tiff) -> &mut Tiff| {
        let mut tiff = Tiff::small();
        change(&mut tiff);
        tiff
    };
    add("no directory", &Tiff { directories: Vec::new(), next: 0, ..Tiff::small() }, "past its end");
    add("zero width", &with(&|t| t.short(256, 0)), "a width of 0");
    add("zero rows a strip", &with(&|t| t.short(278, 0)), "rows a strip of 0");
    add("no samples", &with(&|t| t.short(277, 0)), "number of samples of 0");
    add("65,535 samples", &with(&|t| t.short(277, 65_535)), "its strip of 24 bytes ends before row 1");
    add("byte count past the end", &with(&|t| t.long(279, 4_000_000_000)), "lies past its end");
    add("offset past the end", &with(&|t| t.long(273, 4_000_000_000)), "lies past its end");
    add("short strip", &with(&|t| t.long(279, 23)), "a block has 23 bytes, expected 24");
    add("fewer strips than rows", &with(&|t| t.short(278, 1)), "ask for 4 of them");
    add("three kinds of samples", &with(&|t| t.set(258, 3, vec![8, 0, 16, 0, 8, 0]).short(277, 3)), "several types");
    add("odd predictor", &with(&|t| t.short(259, 8).short(317, 9)), "predictor 9");
    add("float predictor of bytes", &with(&|t| t.short(259, 8).short(317, 3)), "predictor 3");
    add("planar of 9", &with(&|t| t.short(284, 9)), "planar configuration of 9");
    add("no zlib", &with(&|t| t.short(259, 8)), "no zlib stream");
    add("no ZSTD", &with(&|t| t.short(259, 50_000)), "no ZSTD");
    add("no JPEG", &with(&|t| t.short(259, 7)), "no JPEG");
    add("no LZW", &with(&|t| t.short(259, 5)), "LZW");
    add("text as numbers", &with(&|t| t.set(256, 2, b"six\0".to_vec())), "kind 2, expected whole numbers");
    add("GeoKeys that are not there", &with(&|t| t.set(34735, 3, vec![1, 0, 1, 0, 0, 0, 99, 0])), "claim 99");
    add("loop of itself", &Tiff { next: 32, ..Tiff::small() }, "loop");
    let mut two = Tiff::small();
    two.directories.push(two.directories[0].clone());
    add("loop of two", &Tiff { next: 32, ..two }, "loop");
    // 65,000 directories of one image.
    let one = Tiff::small().directories[0].clone();
    let many = Tiff { directories: vec![one; 65_000], ..Tiff::small() };
    add("65,000 directories", &many, "more than 2048 directories");
    // 10⁶ × 10⁶ pixels whose list of tiles is not there; and one block of that size.
    let mut huge = Tiff::tiled(512, 512, 8, &deflated(512 * 512 * 2));
    huge.long(256, 1_000_000).long(257, 1_000_000);
    add("10⁶ × 10⁶ pixels without tiles", &huge, "ask for 3818116 of them");
    huge.long(322, 1_000_000).long(323, 1_000_000);
    add("one tile of 10⁶ × 10⁶", &huge, "at most 536870912 are read");
    huge.long(322, 0);
    add("zero tiles", &huge, "a tile width of 0");
    // Tiles of 512 KiB that go on and on.
    let bomb = deflated(64 << 20);
    add("a tile that inflates to more", &Tiff::tiled(512, 512, 8, &bomb), "inflates to more");
    let zstd = zstd::bulk::compress(&vec![0; 64 << 20], 3).unwrap();
    add("a tile of ZSTD that is more", &Tiff::tiled(512, 512, 50_000, &zstd), "no ZSTD");
    // Claims of counts that no file has.
    let mut count = Tiff::small().bytes();
    let at = count.windows(4).position(|w| w == [0x11, 1, 4, 0]).unwrap();
    count[at + 4..at + 8].copy_from_slice(&u32::MAX.to_le_bytes());
    files.push(("2³² strips", count, "lies past its end"));
    let mut tags = Tiff { big: true, ..Tiff::small() };
    tags.long(273, 16);
    let mut tags = tags.bytes();
    let directory = usize::try_from(u64::from_le_bytes(tags[8..16].try_into().unwrap())).unwrap();
    tags[directory..directory + 8].copy_from_slice(&(1_u64 << 32).to_le_bytes());
    files.push(("2³² tags", tags, "claims 4294967296 tags"));
    // A picture that says it is larger than its tile.
    let jpeg = [&b"\xff\xd8\xff\xc0\0\x0b\x08\xff\xff\xff\xff\x01\x01\x11\0"[..], b"\xff\xd9"].concat();
    let mut picture = Tiff::tiled(16, 16, 7, &jpeg);
    picture.short(258, 8);
    files.push(("a JPEG of 65,535²", picture.bytes(), "no JPEG"));
    let webp = b"RIFF\x1e\0\0\0WEBPVP8L\x11\0\0\0\x2f\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    let mut picture = Tiff::tiled(16, 16, 50_001, &webp);
    picture.set(258, 3, vec![8, 0, 8, 0, 8, 0]).short(277, 3).short(262, 2);
    files.push(("a WebP of 16,384²", picture.bytes(), "WebP"));
    files.extend(large_blocks());
    files.extend(large_directories());
    files
}

#[test]
fn hostile_tiffs_are_errors_soon_and_in_little_memory() {
    // The stream of zeros is a sound one.
    let (length, packed) = zeros(1 << 20);
    let mut inflated = vec![1; length];
    assert_eq!(libdeflater::Decompressor::new().zlib_decompress(&packed, &mut inflated), Ok(length));
    assert!(inflated.iter().all(|byte| *byte == 0) && packed.len() < length / 1000);
    drop(inflated);
    let files = files();
    let sound = [Tiff::small().bytes(), Tiff::tiled(40, 16, 8, &deflated(512)).bytes()];
    let mut sparse = Tiff::tiled(512, 512, 8, &[]);
    sparse
        .long(256, 1_000_000)
        .long(257, 1_000_000)
        .longs(324, &vec![0; 1954 * 1954])
        .longs(325, &vec![0; 1954 * 1954]);
    let sparse = sparse.bytes();
    let crowd = crowd();
    assert!(crowd.len() < 400_000);
    let before = peak();
    for (name, bytes, says) in files {
        let begin = Instant::now();
        let error = read(bytes).expect_err(name);
        assert!(error.contains("hostile.tif") && error.contains(says), "{name}: {error}");
        assert!(error.len() < 400, "{name} says {} bytes", error.len());
        assert!(begin.elapsed() < MOST_TIME, "{name} took {:?}", begin.elapsed());
    }
    for file in &sound {
        read(file.clone()).unwrap();
        // Cut anywhere: an error, or the pixels that are there all the same.
        for length in 0..file.len() {
            if let Err(error) = read(file[..length].to_vec()) {
                assert!(error.starts_with("hostile.tif: "), "{error}");
            }
        }
    }
    read(sparse).unwrap();
    // All levels of it, the last ones without room to keep their lists.
    let begin = Instant::now();
    let location = RasterLocation { url: "crowd.tif".to_owned(), layer: None, band: 1 };
    let mut raster = open_geotiff(Arc::new(crowd), &location).unwrap();
    assert_eq!(raster.header().overviews.len(), 1999);
    for level in 0..2000 {
        raster.read(level, Window::new(0, 0, 16, 16)).unwrap();
    }
    assert!(begin.elapsed() < MOST_TIME, "2,000 levels took {:?}", begin.elapsed());
    match before.zip(peak()) {
        Some((before, after)) => assert!(after - before < MOST_MEMORY, "{} MB more", (after - before) >> 20),
        None => eprintln!("skipped: this system does not tell how much memory was used"),
    }
}
