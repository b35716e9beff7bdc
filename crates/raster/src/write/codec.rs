//! Compression of one tile or chunk by the thread that has it. Compressors are kept a thread: each is some 100 kB.

use std::cell::RefCell;
use std::io;

use libdeflater::{CompressionLvl, Compressor};

/// What stands around deflated bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrapper {
    /// zlib's, as TIFF has it.
    Zlib,
    /// gzip's, as Zarr has it.
    Gzip,
}

/// Level of Zstandard, in both formats: about the size of deflate's sixth at a fifth of its time.
const ZSTD_LEVEL: i32 = 3;

thread_local! {
    // libdeflate's default is the sixth level.
    static DEFLATE: RefCell<Compressor> = RefCell::new(Compressor::new(CompressionLvl::default()));
    static ZSTD: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
}

/// Deflates bytes.
///
/// # Errors
/// Where libdeflate finds its own bound too small, which it promises not to.
pub(crate) fn deflate(bytes: &[u8], wrapper: Wrapper) -> io::Result<Vec<u8>> {
    DEFLATE.with_borrow_mut(|compressor| {
        let bound = match wrapper {
            Wrapper::Zlib => compressor.zlib_compress_bound(bytes.len()),
            Wrapper::Gzip => compressor.gzip_compress_bound(bytes.len()),
        };
        let mut out = vec![0; bound];
        let length = match wrapper {
            Wrapper::Zlib => compressor.zlib_compress(bytes, &mut out),
            Wrapper::Gzip => compressor.gzip_compress(bytes, &mut out),
        };
        out.truncate(length.map_err(|error| io::Error::other(error.to_string()))?);
        Ok(out)
    })
}

/// Bytes as one frame of Zstandard.
///
/// # Errors
/// Where memory is short.
pub(crate) fn zstd(bytes: &[u8]) -> io::Result<Vec<u8>> {
    ZSTD.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
        };
        compressor.compress(bytes)
    })
}

/// Bytes in LZW as TIFF has it.
///
/// # Errors
/// Where the encoder fails, which it does on no input.
pub(crate) fn lzw(bytes: &[u8]) -> io::Result<Vec<u8>> {
    weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(bytes).map_err(io::Error::other)
}
