//! Sources and answers as files, and gdalwarp itself.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use cube_geo::{GeoBox, Resampling};
use cube_model::DataType;
use gdal::raster::{Buffer, GdalType, RasterCreationOptions};
use gdal::{DriverManager, Metadata};

use crate::cases::Case;

fn write_bands<T: GdalType + Copy>(
    path: &Path,
    grid: &GeoBox,
    crs: &str,
    bands: &[(Resampling, Vec<f64>)],
    nodata: f64,
) {
    let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
    let size = (grid.shape.cols, grid.shape.rows);
    let options = RasterCreationOptions::from_iter(["COMPRESS=DEFLATE", "INTERLEAVE=BAND"]);
    let mut file =
        driver.create_with_band_type_with_options::<T, _>(path, size.0, size.1, bands.len(), &options).unwrap();
    file.set_geo_transform(&grid.affine.to_gdal()).unwrap();
    file.set_spatial_ref(&gdal::spatial_ref::SpatialRef::from_definition(crs).unwrap()).unwrap();
    for (number, (mode, values)) in bands.iter().enumerate() {
        let mut band = file.rasterband(number + 1).unwrap();
        band.set_no_data_value(Some(nodata)).unwrap();
        if bands.len() > 1 {
            band.set_description(mode.name()).unwrap();
        }
        // GDAL casts; the values are those of the type.
        band.write((0, 0), size, &mut Buffer::new(size, values.clone())).unwrap();
    }
    file.close().unwrap();
}

fn write(path: &Path, case: &Case, grid: &GeoBox, crs: &str, bands: &[(Resampling, Vec<f64>)]) {
    match case.dtype {
        DataType::UInt8 => write_bands::<u8>(path, grid, crs, bands, case.nodata),
        DataType::UInt16 => write_bands::<u16>(path, grid, crs, bands, case.nodata),
        DataType::Int16 => write_bands::<i16>(path, grid, crs, bands, case.nodata),
        DataType::UInt32 => write_bands::<u32>(path, grid, crs, bands, case.nodata),
        DataType::Int32 => write_bands::<i32>(path, grid, crs, bands, case.nodata),
        DataType::Float32 => write_bands::<f32>(path, grid, crs, bands, case.nodata),
        DataType::Float64 => write_bands::<f64>(path, grid, crs, bands, case.nodata),
        dtype => unimplemented!("no case has {dtype}"),
    }
}

pub(crate) fn write_source(path: &Path, case: &Case, values: &[f64]) {
    write(path, case, &case.source(), case.source_crs, &[(Resampling::Nearest, values.to_vec())]);
}

/// What the installed gdalwarp makes of a case.
pub(crate) fn ask_gdalwarp(case: &Case, mode: Resampling) -> Vec<f64> {
    let folder = tempfile::TempDir::new().unwrap();
    let (source, target) = (folder.path().join("source.tif"), folder.path().join("target.tif"));
    write_source(&source, case, &case.texture());
    let out = case.output();
    let name = match mode {
        Resampling::Nearest => "near",
        Resampling::CubicSpline => "cubicspline",
        mode => mode.name(),
    };
    let b = out.bounding_box();
    let nodata = case.nodata.to_string();
    let status = Command::new("gdalwarp")
        .args(["-q", "-et", "0", "-wo", "XSCALE=1", "-wo", "YSCALE=1", "-ovr", "NONE", "-r", name])
        .args(["-srcnodata", &nodata, "-dstnodata", &nodata, "-s_srs", case.source_crs, "-t_srs", case.out_crs, "-te"])
        .args([b.left, b.bottom, b.right, b.top].map(|v| format!("{v:.17e}")))
        .args(["-ts", &out.shape.cols.to_string(), &out.shape.rows.to_string()])
        .args([source.as_path(), target.as_path()])
        .status()
        .unwrap();
    assert!(status.success(), "gdalwarp -r {name} has failed on {}", case.name());
    read(&target, 1, case)
}

fn read(path: &Path, band: usize, case: &Case) -> Vec<f64> {
    let file = gdal::Dataset::open(path).unwrap();
    let size = (case.out_side, case.out_side);
    file.rasterband(band).unwrap().read_as::<f64>((0, 0), size, size, None).unwrap().data().to_vec()
}

pub(crate) fn keep_answers(path: &Path, case: &Case) {
    let bands: Vec<(Resampling, Vec<f64>)> = case.modes().map(|mode| (mode, ask_gdalwarp(case, mode))).collect();
    write(path, case, &case.output(), case.out_crs, &bands);
}

/// The kept answers, which must be those to this very case.
pub(crate) fn answers(path: &Path, case: &Case) -> HashMap<Resampling, Vec<f64>> {
    assert!(path.exists(), "{} is missing; scripts/oracle keep makes it", path.display());
    let file = gdal::Dataset::open(path).unwrap();
    let transform = file.geo_transform().unwrap();
    let same = transform.iter().zip(case.output().affine.to_gdal()).all(|(a, b)| (a - b).abs() <= 1e-9 * b.abs());
    let size = (case.out_side, case.out_side);
    assert!(same && file.raster_size() == size, "{} is the answer to another case", path.display());
    case.modes().zip(1..).map(|(mode, band)| (mode, read(path, band, case))).collect()
}
