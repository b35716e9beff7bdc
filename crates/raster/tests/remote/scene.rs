//! A GeoTIFF whose pixels say where they are.

use cube_geo::{Affine, Crs, GeoBox, Shape, Window};
use cube_model::{Cube, CubeArray, DataType, Measurement, Pixels};
use cube_raster::{
    Access, AccessSettings, Compression, OpenFiles, Raster, RasterError, RasterLocation, WriteOptions, write_cog,
};
use indexmap::IndexMap;
use ndarray::{ArrayD, IxDyn};

/// Pixels of a row and of a column.
pub(crate) const SIDE: usize = 1536;

/// A COG of noise, which no codec makes small.
pub(crate) fn cog(compress: Compression) -> Vec<u8> {
    let affine = Affine::new(10.0, 0.0, 600_000.0, 0.0, -10.0, 4_700_000.0);
    let geobox = GeoBox::new(Shape::new(SIDE, SIDE), affine, Crs::epsg(32633).unwrap()).unwrap();
    let mut state = 1_u32;
    let noise = (0..SIDE * SIDE).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        u16::try_from(state >> 16).unwrap()
    });
    let pixels = Pixels::UInt16(ArrayD::from_shape_vec(IxDyn(&[1, SIDE, SIDE]), noise.collect()).unwrap());
    let measurement = Measurement::new("green", DataType::UInt16, Some(0.0));
    let arrays = IndexMap::from([("green".to_owned(), CubeArray { pixels, nodata: Some(0.0), measurement })]);
    let cube = Cube { geobox, times: vec!["2034-05-01T10:00:00Z".parse().unwrap()], extra: None, arrays };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.tif");
    write_cog(&path, &cube, &WriteOptions { compress: Some(compress), overwrite: false }).unwrap();
    std::fs::read(path).unwrap()
}

/// An access of its own: nothing is known of any server yet.
pub(crate) fn access() -> Access {
    Access::new(AccessSettings::default()).unwrap()
}

pub(crate) fn open(access: &Access, url: &str) -> Result<Box<dyn Raster>, RasterError> {
    let location = RasterLocation { url: url.to_owned(), layer: None, band: 1 };
    OpenFiles::default().with_access(access.clone()).open(&location)
}

/// Opens and reads a window of full resolution.
pub(crate) fn read(access: &Access, url: &str, window: Window) -> Result<Pixels, RasterError> {
    open(access, url)?.read(0, window)
}

/// The same window, read from a disk.
pub(crate) fn from_disk(file: &[u8], window: Window) -> Pixels {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.tif");
    std::fs::write(&path, file).unwrap();
    read(&access(), path.to_str().unwrap(), window).unwrap()
}
