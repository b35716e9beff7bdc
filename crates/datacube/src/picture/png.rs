//! Pictures as PNG files.

use std::io::BufWriter;
use std::path::Path;

use super::canvas::SCALE;
use super::{Picture, PictureError};

/// Pixels a metre when a point is 1/72 inch, so that programs that heed it show text in its true size.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small constant")]
const PIXELS_PER_METRE: u32 = (72.0 * SCALE / 0.0254) as u32;

/// Writes a picture as PNG (8 bit, sRGB). The file appears under its name only when complete; a file of that name is
/// replaced.
///
/// # Errors
/// Where the file cannot be written.
pub fn write_png(path: &Path, picture: &Picture) -> Result<(), PictureError> {
    let unwritable = |reason: String| PictureError::Unwritable { path: path.to_owned(), reason };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let side = |n: usize| u32::try_from(n).map_err(|e| unwritable(e.to_string()));
    let (width, height) = (side(picture.width)?, side(picture.height)?);
    let file = tempfile::Builder::new()
        .prefix(".picture-")
        .suffix(".png")
        .tempfile_in(folder)
        .map_err(|e| unwritable(e.to_string()))?;
    let mut encoder = png::Encoder::new(BufWriter::new(file.as_file()), width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: PIXELS_PER_METRE,
        yppu: PIXELS_PER_METRE,
        unit: png::Unit::Meter,
    }));
    let mut writer = encoder.write_header().map_err(|e| unwritable(e.to_string()))?;
    writer.write_image_data(&picture.pixels).map_err(|e| unwritable(e.to_string()))?;
    writer.finish().map_err(|e| unwritable(e.to_string()))?;
    share(file.as_file()).map_err(|e| unwritable(e.to_string()))?;
    file.persist(path).map_err(|e| unwritable(e.error.to_string()))?;
    Ok(())
}

/// Temporary files are private; a picture is for all to read, as other files that a user writes.
#[cfg(unix)]
fn share(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn share(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_picture_reads_back_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.png");
        let picture = Picture { width: 2, height: 1, pixels: vec![1, 2, 3, 250, 251, 252] };
        write_png(&path, &picture).unwrap();
        write_png(&path, &picture).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let mut reader =
            png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&path).unwrap())).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, picture.pixels);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let picture = Picture { width: 1, height: 1, pixels: vec![0, 0, 0] };
        let error = write_png(Path::new("no/such/folder/p.png"), &picture).unwrap_err().to_string();
        assert!(error.contains("no/such/folder/p.png"), "{error}");
    }
}
