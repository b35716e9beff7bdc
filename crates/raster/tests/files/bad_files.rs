//! Broken files give sentences, not pixels.

use crate::cubes::{cube, reader, utm};
use cube_model::DataType;
use cube_raster::{RasterError, RasterLocation, WriteOptions, open, write_cog, write_netcdf, write_zarr};

const TIME: [&str; 1] = ["2034-05-01T10:00:00Z"];

fn location(path: &std::path::Path) -> RasterLocation {
    RasterLocation { url: path.to_string_lossy().into_owned(), layer: None, band: 1 }
}

#[test]
fn a_truncated_tiff_names_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    write_cog(&path, &cube(utm(), &TIME, DataType::Float64, f64::NAN), &WriteOptions::default()).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 600]).unwrap();
    let mut raster = reader(&path, None, 1);
    let whole = raster.header().shape.whole();
    let error = raster.read(0, whole).unwrap_err();
    assert!(matches!(error, RasterError::Corrupt { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("a.tif: rows 0..37, columns 0..53 of level 0 cannot be read"), "{text}");
    std::fs::write(&path, &bytes[..100]).unwrap();
    let error = open(&location(&path)).err().unwrap();
    assert!(matches!(error, RasterError::Unreadable { .. }), "{error}");
}

#[test]
fn a_text_file_is_no_raster() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tif");
    std::fs::write(&path, "not a raster").unwrap();
    let error = open(&location(&path)).err().unwrap().to_string();
    assert!(error.contains("GDAL cannot read it as a raster") && error.contains("not recognized"), "{error}");
}

#[test]
fn a_truncated_netcdf_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nc");
    write_netcdf(&path, &cube(utm(), &TIME, DataType::Float64, f64::NAN), &WriteOptions::default()).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = open(&location(&path)).err().unwrap();
    assert!(matches!(error, RasterError::Unreadable { .. }), "{error}");
}

#[test]
fn a_broken_zarr_chunk_names_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zarr");
    write_zarr(&path, &cube(utm(), &TIME, DataType::Int32, -1.0), &WriteOptions::default()).unwrap();
    std::fs::write(path.join("green/c/0/0/0"), b"broken").unwrap();
    let mut raster = reader(&path, None, 1);
    let whole = raster.header().shape.whole();
    let error = raster.read(0, whole).unwrap_err();
    assert!(matches!(error, RasterError::Corrupt { .. }), "{error}");
}

#[test]
fn a_zarr_chunk_of_absurd_size_is_refused_before_memory_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zarr");
    write_zarr(&path, &cube(utm(), &TIME, DataType::Int32, -1.0), &WriteOptions::default()).unwrap();
    let metadata = path.join("green/zarr.json");
    let text = std::fs::read_to_string(&metadata).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["chunk_grid"]["configuration"]["chunk_shape"] = serde_json::json!([1, 1_000_000, 1_000_000]);
    std::fs::write(&metadata, json.to_string()).unwrap();
    let error = open(&location(&path)).err().unwrap();
    assert!(matches!(error, RasterError::TooLarge { .. }), "{error}");
}

#[test]
fn a_tiff_that_claims_too_many_pixels_is_refused() {
    // A classic little-endian TIFF whose header claims 4 billion columns and rows in one strip.
    let mut tiff = b"II*\0\x08\0\0\0".to_vec();
    let entries: [(u16, u16, u32); 8] = [
        (256, 4, 0x7fff_ffff),
        (257, 4, 0x7fff_ffff),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (278, 4, 0x7fff_ffff),
        (279, 4, 0xffff_ffff),
    ];
    tiff.extend(u16::try_from(entries.len()).unwrap().to_le_bytes());
    for (tag, kind, value) in entries {
        tiff.extend(tag.to_le_bytes());
        tiff.extend(kind.to_le_bytes());
        tiff.extend(1_u32.to_le_bytes());
        tiff.extend(value.to_le_bytes());
    }
    tiff.extend(0_u32.to_le_bytes());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.tif");
    std::fs::write(&path, tiff).unwrap();
    let error = match open(&location(&path)) {
        Err(error) => error,
        Ok(mut raster) => {
            let whole = raster.header().shape.whole();
            raster.read(0, whole).unwrap_err()
        }
    };
    let text = error.to_string();
    assert!(text.contains("huge.tif"), "{text}");
    assert!(matches!(error, RasterError::TooLarge { .. } | RasterError::Unreadable { .. }), "{text}");
}
