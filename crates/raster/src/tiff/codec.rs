//! Unpacks blocks: from the bytes of the file to samples in the machine's byte order.

use std::cell::RefCell;
use std::io::Cursor;

use super::image::{Codec, Image, Predictor};
use super::lerc::{self, Outer};
use super::predictor::{undo_float, undo_horizontal};
use crate::inflate::Inflate;

/// What is wrong with a block of the LZW that writers of before 1992 made: its bits are in reverse order.
pub(super) const OLD_LZW: &str = "its blocks are LZW of before TIFF 6.0, which is not read";

/// What a thread keeps between blocks.
struct Tools {
    /// For two blocks at once.
    inflate: Inflate,
    /// For one, and for what the other refuses.
    libdeflate: libdeflater::Decompressor,
    zstd: Option<zstd::bulk::Decompressor<'static>>,
    spare: Vec<u8>,
}

impl Tools {
    /// The decompressor of ZSTD, made when it is first needed.
    fn zstd(&mut self) -> std::io::Result<&mut zstd::bulk::Decompressor<'static>> {
        match &mut self.zstd {
            Some(zstd) => Ok(zstd),
            none => Ok(none.insert(zstd::bulk::Decompressor::new()?)),
        }
    }

    /// Frees a buffer that is larger than most blocks need.
    fn shrink(&mut self) {
        const USUAL: usize = 4 << 20;
        if self.spare.capacity() > USUAL {
            self.spare = Vec::new();
        }
    }
}

thread_local! {
    static TOOLS: RefCell<Tools> = RefCell::new(Tools {
        inflate: Inflate::new(),
        libdeflate: libdeflater::Decompressor::new(),
        zstd: None,
        spare: Vec::new(),
    });
}

/// Unpacks `packed`, one block of `rows` rows as they are stored, into `out`: samples of [`Image::bytes`] bytes each, as
/// they lie in the block. `out` must have just their length; nothing is written past it, whatever the bytes say.
///
/// # Errors
/// Why the bytes are no such block.
pub(super) fn decode(image: &Image, packed: &[u8], rows: usize, out: &mut [u8]) -> Result<(), String> {
    TOOLS.with_borrow_mut(|tools| {
        if image.bits == 1 {
            let said = bits(image, packed, rows, out, tools);
            tools.shrink();
            return said;
        }
        unpack(image, packed, rows, out, tools)?;
        finish(image, out, tools)
    })
}

/// A block for [`decode_two`]: its packed bytes, its rows, and where it goes.
pub(super) type Packed<'b> = (&'b [u8], usize, &'b mut [u8]);

/// As [`decode`], of two blocks at once, which takes less time than one after the other where they are packed by deflate.
pub(super) fn decode_two(image: &Image, (a, b): (Packed<'_>, Packed<'_>)) -> (Result<(), String>, Result<(), String>) {
    if image.codec != Codec::Deflate || image.bits == 1 {
        return (decode(image, a.0, a.1, a.2), decode(image, b.0, b.1, b.2));
    }
    TOOLS.with_borrow_mut(|tools| {
        let (first, second) = tools.inflate.two((a.0, a.2), (b.0, b.2));
        let mut end = |done: bool, (packed, rows, out): Packed<'_>| {
            if !done {
                deflate(image, packed, rows, out, &mut tools.libdeflate)?;
            }
            finish(image, out, tools)
        };
        (end(first, a), end(second, b))
    })
}

/// From unpacked bytes to samples.
fn finish(image: &Image, out: &mut [u8], tools: &mut Tools) -> Result<(), String> {
    let (bytes, stride) = (image.bytes(), image.together());
    let row_bytes = image.block.cols * stride * bytes;
    if image.predictor == Predictor::Float {
        undo_float(out, row_bytes, bytes, stride, &mut tools.spare);
        tools.shrink();
        return Ok(());
    }
    if image.format.big_endian != cfg!(target_endian = "big") {
        swap(out, bytes);
    }
    if image.predictor == Predictor::Horizontal && !undo_horizontal(out, row_bytes, bytes, stride) {
        return Err("its block lies askew in memory".to_owned());
    }
    Ok(())
}

/// Refuses a block whose `packed` bytes can never be as many as it claims, before memory is asked for. The factors are
/// bounds of each codec, far above what pixels reach.
///
/// # Errors
/// Why the bytes are no such block.
pub(super) fn check_claim(image: &Image, packed: &[u8], rows: usize) -> Result<(), String> {
    // The bits of a mask are packed first, whatever the codec.
    let expected = (image.block.cols * image.together() * image.bits).div_ceil(8) * rows;
    let most = match image.codec {
        Codec::None => packed.len(),
        // Two bits are 258 bytes at most, behind a header of less than any block.
        Codec::Deflate => packed.len().saturating_mul(1032),
        // A code of 12 bits is one of 3838 bytes at most.
        Codec::Lzw => packed.len().saturating_mul(2560),
        Codec::PackBits => packed.len().saturating_mul(64),
        Codec::Zstd => zstd_most(packed),
        // Components of 16 × 16 pixels in one bit each.
        Codec::Jpeg => packed.len().saturating_add(image.jpeg_tables.as_deref().map_or(0, <[u8]>::len)) * 4096,
        // One colour takes no bits at all: the size stands in the header, which is looked at where memory is at stake.
        Codec::WebP if expected > LARGE => {
            let decoder = image_webp::WebPDecoder::new(Cursor::new(packed));
            let (width, height) = decoder.map_err(|error| format!("a block is no WebP: {error}"))?.dimensions();
            (width as usize).saturating_mul(height as usize).saturating_mul(image.together())
        }
        // One value takes no bits at all: what may be asked for is bounded where the file is opened.
        Codec::Lerc(Outer::None) => lerc::check(image, packed, rows).map(|()| usize::MAX)?,
        Codec::WebP | Codec::Lerc(_) => usize::MAX,
    };
    if most < expected {
        return Err(match image.codec {
            Codec::None => format!("a block has {most} bytes, expected {expected}"),
            codec => {
                format!("a block of {} bytes of {codec:?} holds {most} at most, expected {expected}", packed.len())
            }
        });
    }
    Ok(())
}

/// Bytes of a block whose claim is worth a look into its header.
const LARGE: usize = 1 << 20;

/// What a ZSTD frame says that it holds. Where it does not say: a block of 4 bytes is 128 KiB of one value at most.
fn zstd_most(packed: &[u8]) -> usize {
    use zstd::zstd_safe::{find_frame_compressed_size, get_frame_content_size};
    let bound = packed.len().saturating_mul(32 << 10);
    // Only of one frame: behind it may be others.
    let said = get_frame_content_size(packed).ok().flatten();
    match said.filter(|_| find_frame_compressed_size(packed).is_ok_and(|size| size == packed.len())) {
        Some(said) => usize::try_from(said).unwrap_or(usize::MAX).min(bound),
        None => bound,
    }
}

fn unpack(image: &Image, packed: &[u8], rows: usize, out: &mut [u8], tools: &mut Tools) -> Result<(), String> {
    let expected = out.len();
    let short = |got: usize| Err(format!("a block has {got} bytes, expected {expected}"));
    match image.codec {
        Codec::None => match packed.get(..expected) {
            Some(all) => out.copy_from_slice(all),
            None => return short(packed.len()),
        },
        Codec::Deflate => deflate(image, packed, rows, out, &mut tools.libdeflate)?,
        Codec::Zstd => {
            let zstd = tools.zstd().map_err(|e| e.to_string())?;
            match zstd.decompress_to_buffer(packed, out) {
                Ok(got) if got < expected => return short(got),
                Ok(_) => {}
                Err(error) => {
                    return last_strip(image, rows, out, &mut |whole| {
                        zstd.decompress_to_buffer(packed, whole).map_err(|_| format!("a block is no ZSTD: {error}"))
                    });
                }
            }
        }
        Codec::Lzw => lzw(packed, out)?,
        Codec::PackBits => pack_bits(packed, out)?,
        Codec::Jpeg => jpeg(image, packed, rows, out)?,
        Codec::WebP => webp(image, packed, rows, out)?,
        Codec::Lerc(outer) => lerc_block(image, outer, packed, rows, out, tools)?,
    }
    Ok(())
}

/// A zlib stream that is not just as long as its block, or not sound.
fn deflate(
    image: &Image,
    packed: &[u8],
    rows: usize,
    out: &mut [u8],
    inflate: &mut libdeflater::Decompressor,
) -> Result<(), String> {
    let expected = out.len();
    match inflate.zlib_decompress(packed, out) {
        Ok(got) if got < expected => Err(format!("a block has {got} bytes, expected {expected}")),
        Ok(_) => Ok(()),
        Err(libdeflater::DecompressionError::BadData) => Err("a block is no zlib stream".to_owned()),
        Err(libdeflater::DecompressionError::InsufficientSpace) => last_strip(image, rows, out, &mut |whole| {
            let inflated = inflate.zlib_decompress(packed, whole);
            inflated.map_err(|_| format!("a block inflates to more than its {expected} bytes"))
        }),
    }
}

/// A LERC image, out of what it is packed with.
fn lerc_block(
    image: &Image,
    outer: Outer,
    packed: &[u8],
    rows: usize,
    out: &mut [u8],
    tools: &mut Tools,
) -> Result<(), String> {
    if outer == Outer::None {
        return lerc::decode(image, packed, rows, out);
    }
    let mut blob = std::mem::take(&mut tools.spare);
    blob.clear();
    blob.resize(lerc::most_bytes(out.len()), 0);
    let length = if outer == Outer::Deflate {
        tools.libdeflate.zlib_decompress(packed, &mut blob).map_err(|_| "a block is no zlib stream of LERC".to_owned())
    } else {
        let read = tools.zstd().and_then(|zstd| zstd.decompress_to_buffer(packed, &mut blob));
        read.map_err(|error| format!("a block is no ZSTD of LERC: {error}"))
    };
    let done = length.and_then(|length| lerc::decode(image, blob.get(..length).unwrap_or_default(), rows, out));
    tools.spare = blob;
    tools.shrink();
    done
}

/// Some writers fill the last strip up to the height of the others: what lies below the image is dropped.
fn last_strip(
    image: &Image,
    rows: usize,
    out: &mut [u8],
    decode: &mut dyn FnMut(&mut [u8]) -> Result<usize, String>,
) -> Result<(), String> {
    let whole = if image.tiled || rows >= image.block.rows { 0 } else { out.len() / rows.max(1) * image.block.rows };
    let mut all = vec![0; whole];
    let got = decode(&mut all)?;
    let head = all.get(..out.len()).filter(|_| got >= out.len()).ok_or("the last strip is too long")?;
    out.copy_from_slice(head);
    Ok(())
}

fn swap(samples: &mut [u8], bytes: usize) {
    match bytes {
        2 => samples.as_chunks_mut::<2>().0.iter_mut().for_each(|s| s.reverse()),
        4 => samples.as_chunks_mut::<4>().0.iter_mut().for_each(|s| s.reverse()),
        8 => samples.as_chunks_mut::<8>().0.iter_mut().for_each(|s| s.reverse()),
        _ => {}
    }
}

/// A mask of one bit a pixel, rows padded to bytes: 255 where it is set.
fn bits(image: &Image, packed: &[u8], rows: usize, out: &mut [u8], tools: &mut Tools) -> Result<(), String> {
    let cols = image.block.cols * image.together();
    let row_bytes = cols.div_ceil(8);
    let mut all = std::mem::take(&mut tools.spare);
    all.clear();
    all.resize(row_bytes * rows, 0);
    unpack(image, packed, rows, &mut all, tools)?;
    for (row, set) in out.chunks_exact_mut(cols.max(1)).zip(all.chunks_exact(row_bytes.max(1))) {
        for (pixels, byte) in row.chunks_mut(8).zip(set) {
            for (n, pixel) in pixels.iter_mut().enumerate() {
                *pixel = if byte & (0x80 >> n) == 0 { 0 } else { 255 };
            }
        }
    }
    tools.spare = all;
    Ok(())
}

fn lzw(packed: &[u8], out: &mut [u8]) -> Result<(), String> {
    if packed.starts_with(&[0]) && packed.get(1).is_some_and(|b| b & 1 == 1) {
        return Err(OLD_LZW.to_owned());
    }
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
    let (mut read, mut written) = (0, 0);
    while written < out.len() {
        let result = decoder.decode_bytes(&packed[read..], &mut out[written..]);
        read += result.consumed_in;
        written += result.consumed_out;
        let done = match result.status {
            Ok(weezl::LzwStatus::Ok) => result.consumed_in == 0 && result.consumed_out == 0,
            Ok(_) => true,
            Err(error) => return Err(format!("a block is no LZW stream: {error}")),
        };
        if done && written < out.len() {
            return Err(format!("a block has {written} bytes, expected {}", out.len()));
        }
    }
    Ok(())
}

fn pack_bits(packed: &[u8], out: &mut [u8]) -> Result<(), String> {
    let (mut packed, mut written) = (packed, 0);
    let expected = out.len();
    let short = |written| format!("a block has {written} bytes, expected {expected}");
    while written < expected {
        let (head, rest) = packed.split_first().ok_or_else(|| short(written))?;
        let head = head.cast_signed();
        let room = &mut out[written..];
        if head >= 0 {
            let length = usize::from(head.unsigned_abs()) + 1;
            let literal = rest.get(..length).ok_or_else(|| short(written))?;
            let fits = length.min(room.len());
            room[..fits].copy_from_slice(&literal[..fits]);
            (packed, written) = (&rest[length..], written + fits);
        } else if head != -128 {
            let (byte, rest) = rest.split_first().ok_or_else(|| short(written))?;
            let fits = (usize::from(head.unsigned_abs()) + 1).min(room.len());
            room[..fits].fill(*byte);
            (packed, written) = (rest, written + fits);
        } else {
            packed = rest;
        }
    }
    Ok(())
}

/// A JPEG whose tables may stand in the directory. YCbCr becomes RGB, as the photometric interpretation says it is.
fn jpeg(image: &Image, packed: &[u8], rows: usize, out: &mut [u8]) -> Result<(), String> {
    use zune_core::colorspace::ColorSpace;
    use zune_core::options::DecoderOptions;
    let tables = image.jpeg_tables.as_deref().unwrap_or_default();
    let tables = tables.strip_suffix(&[0xff, 0xd9]).unwrap_or(tables);
    let joined;
    let stream = match packed.strip_prefix(&[0xff, 0xd8]) {
        Some(rest) if tables.starts_with(&[0xff, 0xd8]) => {
            joined = [tables, rest].concat();
            joined.as_slice()
        }
        _ => packed,
    };
    let components = image.together();
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(image.block.cols)
        .set_max_height(image.block.rows);
    let broken = |error: &dyn std::fmt::Debug| format!("a block is no JPEG: {error:?}");
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(Cursor::new(stream), options);
    decoder.decode_headers().map_err(|e| broken(&e))?;
    let info = decoder.info().ok_or("a block is a JPEG without a header")?;
    let size = (usize::from(info.height), usize::from(info.width), usize::from(info.components));
    if size.1 != image.block.cols || size.0 < rows || size.2 != components {
        return Err(format!(
            "a block is a JPEG of {} × {} × {}, expected {rows} × {} × {components}",
            size.0, size.1, size.2, image.block.cols
        ));
    }
    // Only YCbCr that the directory calls so is turned; other components come as they are.
    let colours = match (image.photometric, decoder.input_colorspace()) {
        _ if components == 1 => ColorSpace::Luma,
        (6, _) | (_, Some(ColorSpace::RGB)) => ColorSpace::RGB,
        _ => ColorSpace::YCbCr,
    };
    decoder.set_options(options.jpeg_set_out_colorspace(colours));
    if size.0 == rows {
        return decoder.decode_into(out).map_err(|e| broken(&e));
    }
    let all = decoder.decode().map_err(|e| broken(&e))?;
    out.copy_from_slice(all.get(..out.len()).ok_or("a JPEG ends early")?);
    Ok(())
}

/// A WebP of three or four samples; one without alpha is opaque.
fn webp(image: &Image, packed: &[u8], rows: usize, out: &mut [u8]) -> Result<(), String> {
    let broken = |error: image_webp::DecodingError| format!("a block is no WebP: {error}");
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(packed)).map_err(broken)?;
    let (width, height) = decoder.dimensions();
    let cols = image.block.cols;
    if (width as usize, height as usize) != (cols, rows) || decoder.is_animated() {
        return Err(format!("a block is a WebP of {height} × {width}, expected {rows} × {cols}"));
    }
    decoder.set_memory_limit(out.len().saturating_mul(4));
    let has = if decoder.has_alpha() { 4 } else { 3 };
    if has == image.samples {
        return decoder.read_image(out).map_err(broken);
    }
    let mut all = vec![0; rows * cols * has];
    decoder.read_image(&mut all).map_err(broken)?;
    for (pixel, found) in out.chunks_exact_mut(image.samples).zip(all.chunks_exact(has)) {
        pixel.fill(255);
        pixel.iter_mut().zip(found).for_each(|(to, from)| *to = *from);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_runs_are_cut_at_the_size_that_is_expected() {
        let mut out = [9; 6];
        pack_bits(&[0x81, 7], &mut out).unwrap();
        assert_eq!(out, [7; 6]);
        pack_bits(&[1, 4, 5, 0x80, 0xfd, 6], &mut out).unwrap();
        assert_eq!(out, [4, 5, 6, 6, 6, 6]);
        assert!(pack_bits(&[5, 1, 2], &mut out).unwrap_err().contains("has 0 bytes"));
        assert!(pack_bits(&[0xff, 1], &mut out).unwrap_err().contains("has 2 bytes"));
    }

    #[test]
    fn a_large_mask_leaves_no_large_buffer_behind_and_a_broken_one_no_pixels() {
        use std::sync::Arc;

        use cube_geo::Window;

        use crate::RasterLocation;
        use crate::tiff::open_geotiff;
        use crate::tiff::written::Tiff;
        let mut deflater = libdeflater::Compressor::new(libdeflater::CompressionLvl::fastest());
        let mut packed = vec![0; deflater.zlib_compress_bound(8 << 20)];
        let length = deflater.zlib_compress(&vec![0xf0; 8192 / 8 * 8192], &mut packed).unwrap();
        for (cut, right) in [(0, true), (1, false)] {
            let mut tiff = Tiff::tiled(8192, 8192, 8, &packed[..length - cut]);
            let mut mask = tiff.clone();
            tiff.long(324, 0).long(325, 0);
            mask.short(254, 4).short(258, 1);
            tiff.directories.append(&mut mask.directories);
            let location = RasterLocation { url: "mask.tif".to_owned(), layer: None, band: 1 };
            let mut raster = open_geotiff(Arc::new(tiff.bytes()), &location).unwrap();
            let mask = raster.read_mask(0, Window::new(8191, 8184, 1, 8));
            assert_eq!(mask.ok(), right.then_some(Some(vec![255, 255, 255, 255, 0, 0, 0, 0])));
            assert!(TOOLS.with_borrow(|tools| tools.spare.capacity()) <= 4 << 20);
        }
    }

    #[test]
    fn any_bytes_of_lzw_are_an_error_or_fill_the_block() {
        let mut state = 1_u32;
        for length in 0..400 {
            let packed: Vec<u8> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    state.to_be_bytes()[0]
                })
                .collect();
            let mut out = [0; 5000];
            let _ = lzw(&packed, &mut out);
        }
    }
}
