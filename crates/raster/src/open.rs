//! Which reader opens a location.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::bytes::{Location, Remote, RemoteFile};
#[cfg(feature = "gdal")]
use crate::gdal::{self, GdalFile, GdalRaster};
use crate::grib::{self, GribFile, GribRaster};
use crate::jp2::{self, Jp2File};
use crate::tiff::{self, Kind, Refusal, TiffFile};
use crate::zarr_place::StorePlace;
use crate::{Access, Dimension, Plane, Raster, RasterError, RasterLocation, netcdf_reader, zarr_reader};

/// What reads a location.
enum Source {
    Zarr(StorePlace),
    NetCdf(PathBuf),
    Tiff(PathBuf),
    Grib(PathBuf),
    Jp2(PathBuf),
    Gdal(String),
    FarTiff(RemoteFile),
    FarJp2(RemoteFile),
    FarGrib(RemoteFile),
}

/// Opens a location at its layer and band.
///
/// A directory with Zarr metadata goes to zarrs, a file that begins as netCDF or HDF5 to netcdf-c, a TIFF, JPEG 2000 or GRIB to our own
/// readers (which hand on what they do not read, with the reason in the log), and all else to GDAL. Locations are
/// paths and URLs of `file`, `http`, `https`, `s3`, `gs` and `az`; names that only GDAL understands (`/vsizip/…`,
/// `NETCDF:"f.nc":var`) are refused. What is far away is reached by the settings of the process ([`Access::default`]). Where
/// many planes of the same files are opened, [`OpenFiles`](crate::OpenFiles) opens each file once.
///
/// # Errors
/// Where nothing is there, the file cannot be read, or it has no such layer or band.
pub fn open(location: &RasterLocation) -> Result<Box<dyn Raster>, RasterError> {
    SharedFile::find(location, &Access::default())?.open(location)
}

/// What the planes of one layer of a file share.
#[derive(Clone)]
pub(crate) enum SharedFile {
    Zarr(StorePlace),
    NetCdf(PathBuf),
    Tiff(Arc<TiffFile>),
    Grib(Arc<GribFile>),
    Jp2(Arc<Jp2File>),
    #[cfg(feature = "gdal")]
    Gdal(Arc<GdalFile>),
}

impl SharedFile {
    /// Finds out what is at a location, and reads the header of a TIFF.
    pub(crate) fn find(location: &RasterLocation, access: &Access) -> Result<Self, RasterError> {
        match source(&location.url, access)? {
            Source::Zarr(place) => Ok(Self::Zarr(place)),
            Source::NetCdf(path) => Ok(Self::NetCdf(path)),
            Source::Tiff(path) => match tiff_file(&path, location.layer.as_deref()) {
                Ok(file) => Ok(Self::Tiff(Arc::new(file))),
                Err(Refusal::Foreign(why)) => Self::gdal(&gdal_name(&path), location, &foreign(&why)),
                Err(refusal) => Err(refusal.error(&location.to_string())),
            },
            Source::Grib(path) => match grib::open_path(&path) {
                Ok(file) => Ok(Self::Grib(Arc::new(file))),
                Err(refusal) => Self::gdal(&gdal_name(&path), location, &not_read(refusal, &location.to_string())?),
            },
            Source::Jp2(path) => match jp2_file(&path) {
                Ok(file) => Ok(Self::Jp2(Arc::new(file))),
                Err(Refusal::Foreign(why)) => Self::gdal(&gdal_name(&path), location, &foreign_jp2(&why)),
                Err(refusal) => Err(jp2::refused(refusal, &location.to_string())),
            },
            Source::Gdal(name) => Self::gdal(&name, location, OTHER),
            Source::FarTiff(file) => Ok(Self::Tiff(Arc::new(far_tiff(file, &location.to_string())?))),
            Source::FarJp2(file) => Ok(Self::Jp2(Arc::new(far_jp2(file, &location.to_string())?))),
            Source::FarGrib(file) => Ok(Self::Grib(Arc::new(far_grib(file, &location.to_string())?))),
        }
    }

    /// A file that GDAL reads, since it is `what`.
    #[cfg(feature = "gdal")]
    fn gdal(name: &str, location: &RasterLocation, what: &str) -> Result<Self, RasterError> {
        need_gdal(&location.url, what)?;
        Ok(Self::Gdal(Arc::new(GdalFile::new(name, location.layer.as_deref()))))
    }

    #[cfg(not(feature = "gdal"))]
    fn gdal(_name: &str, location: &RasterLocation, what: &str) -> Result<Self, RasterError> {
        Err(without_gdal(&location.url, what))
    }

    /// Opens one of the planes.
    pub(crate) fn open(&self, location: &RasterLocation) -> Result<Box<dyn Raster>, RasterError> {
        match self {
            Self::Zarr(place) => Ok(Box::new(zarr_reader::ZarrRaster::open(place, location)?)),
            Self::NetCdf(path) => match netcdf_reader::NetCdfRaster::open(path, location) {
                Ok(raster) => Ok(Box::new(raster)),
                // Some HDF5 products are no netCDF; GDAL knows many of them.
                Err(error @ RasterError::Unreadable { .. }) => {
                    Self::gdal(&location.url, location, OTHER).and_then(|file| file.open(location)).map_err(|_| error)
                }
                Err(error) => Err(error),
            },
            Self::Tiff(file) => tiff::open(file.clone(), location),
            Self::Grib(file) => Ok(Box::new(GribRaster::of(file.clone(), location)?)),
            Self::Jp2(file) => jp2::open(file.clone(), location),
            #[cfg(feature = "gdal")]
            Self::Gdal(file) => Ok(Box::new(GdalRaster::of(file.clone(), location)?)),
        }
    }

    /// Closes what no reader uses.
    pub(crate) fn close_idle(&self) {
        #[cfg(feature = "gdal")]
        if let Self::Gdal(file) = self {
            file.close_idle();
        }
    }
}

/// All planes of a file, or of one layer of it, in the order of layers and bands: what an index is made from.
/// The file is opened once.
///
/// # Errors
/// As [`open`].
pub fn planes(url: &str, layer: Option<&str>) -> Result<Vec<Plane>, RasterError> {
    match source(url, &Access::default())? {
        Source::Zarr(place) => zarr_reader::planes(&place, url, layer),
        Source::NetCdf(path) => match netcdf_reader::planes(&path, url, layer) {
            Err(error @ RasterError::Unreadable { .. }) => planes_gdal(url, layer).map_err(|_| error),
            other => other,
        },
        Source::Tiff(path) => match tiff_file(&path, layer) {
            Ok(file) => Ok(tiff::planes(&file)),
            Err(Refusal::Foreign(why)) => {
                need_gdal(url, &foreign(&why))?;
                planes_gdal(&gdal_name(&path), layer)
            }
            Err(refusal) => Err(refusal.error(url)),
        },
        Source::Grib(path) => match grib::open_path(&path) {
            Ok(file) if layer.is_none() => Ok(file.planes()),
            Ok(_) => {
                let layer = layer.unwrap_or_default().to_owned();
                Err(RasterError::NoLayer { location: url.to_owned(), layer, has: Vec::new() })
            }
            Err(refusal) => {
                need_gdal(url, &not_read(refusal, url)?)?;
                planes_gdal(&gdal_name(&path), layer)
            }
        },
        Source::Jp2(path) => match (jp2_file(&path), layer) {
            (Ok(file), None) => Ok(jp2::planes(&file)),
            (Ok(_), Some(layer)) => {
                Err(RasterError::NoLayer { location: url.to_owned(), layer: layer.to_owned(), has: Vec::new() })
            }
            (Err(Refusal::Foreign(why)), _) => {
                need_gdal(url, &foreign_jp2(&why))?;
                planes_gdal(&gdal_name(&path), layer)
            }
            (Err(refusal), _) => Err(jp2::refused(refusal, url)),
        },
        Source::Gdal(name) => planes_gdal(&name, layer),
        Source::FarTiff(file) => Ok(tiff::planes(&far_tiff(file, url)?)),
        Source::FarJp2(file) => Ok(jp2::planes(&far_jp2(file, url)?)),
        Source::FarGrib(file) => Ok(far_grib(file, url)?.planes()),
    }
}

/// The dimensions of a layer before its rows and columns, slowest first: bands count through them in C order. None where
/// the format has none (`GeoTIFF`, GRIB).
///
/// # Errors
/// As [`open`].
pub fn dimensions(url: &str, layer: Option<&str>) -> Result<Vec<Dimension>, RasterError> {
    match source(url, &Access::default())? {
        Source::Zarr(path) => zarr_reader::dimensions(&path, url, layer),
        Source::NetCdf(path) => netcdf_reader::dimensions(&path, url, layer),
        _ => Ok(Vec::new()),
    }
}

/// What a file is that no reader of our own takes.
const OTHER: &str = "it is neither Zarr nor NetCDF nor GeoTIFF nor JPEG 2000 nor GRIB";

/// A TIFF that our own reader does not read.
fn foreign(why: &str) -> String {
    format!("{why}, which the own reader of GeoTIFF does not read")
}

/// What of a GRIB file our own reader does not read; the error where it is broken.
fn not_read(refusal: grib::Refusal, location: &str) -> Result<String, RasterError> {
    match refusal {
        grib::Refusal::Foreign(why) => {
            tracing::debug!(location, why, "GDAL reads this GRIB file");
            Ok(format!("{why}, which the own reader of GRIB does not read"))
        }
        grib::Refusal::Broken(reason) => {
            Err(RasterError::Unreadable { location: location.to_owned(), driver: "GRIB".to_owned(), reason })
        }
    }
}

/// A JPEG 2000 that our own reader does not read.
fn foreign_jp2(why: &str) -> String {
    format!("{why}, which the own reader of JPEG 2000 does not read")
}

/// The header of a JPEG 2000 on disk, where our own reader gives all that GDAL would.
fn jp2_file(path: &Path) -> Result<Jp2File, Refusal> {
    let file = jp2::open_path(path);
    let foreign = match &file {
        Err(Refusal::Broken(_) | Refusal::Unreached(_)) => return file,
        Err(Refusal::Foreign(why)) => Some(why.clone()),
        // Without GDAL the document says where the pixels are.
        Ok(file) => file.foreign_crs().filter(|_| has_gdal()).map(str::to_owned),
    };
    let foreign = foreign.or_else(|| tiff::matters(Kind::Jp2, path, file.as_ref().is_ok_and(Jp2File::has_affine)));
    match foreign {
        Some(why) => {
            tracing::debug!(path = %path.display(), why, "GDAL reads this JPEG 2000");
            Err(Refusal::Foreign(why))
        }
        None => file,
    }
}

/// The header of a TIFF on disk, where our own reader gives all that GDAL would.
fn tiff_file(path: &Path, layer: Option<&str>) -> Result<TiffFile, Refusal> {
    let file = tiff::open_path(path);
    let foreign = match &file {
        // No file beside it makes it sound.
        Err(Refusal::Broken(_) | Refusal::Unreached(_)) => return file,
        Err(Refusal::Foreign(why)) => Some(why.clone()),
        Ok(_) if layer.is_some_and(|layer| layer.parse::<usize>().is_err()) && has_gdal() => {
            Some("a layer is asked for by name".to_owned())
        }
        // Without GDAL the document says where the pixels are.
        Ok(file) => file.foreign_crs().filter(|_| has_gdal()).map(str::to_owned),
    };
    let foreign = foreign.or_else(|| tiff::matters(Kind::Tiff, path, file.as_ref().is_ok_and(TiffFile::has_affine)));
    match foreign {
        Some(why) => {
            tracing::debug!(path = %path.display(), why, "GDAL reads this TIFF");
            Err(Refusal::Foreign(why))
        }
        None => file,
    }
}

#[cfg(feature = "gdal")]
fn planes_gdal(name: &str, layer: Option<&str>) -> Result<Vec<Plane>, RasterError> {
    need_gdal(name, OTHER)?;
    gdal::planes(name, layer)
}

#[cfg(not(feature = "gdal"))]
fn planes_gdal(name: &str, _layer: Option<&str>) -> Result<Vec<Plane>, RasterError> {
    Err(without_gdal(name, OTHER))
}

/// True where GDAL can be asked. As [`need_gdal`].
fn has_gdal() -> bool {
    need_gdal("", "").is_ok()
}

/// An error where there is no GDAL to read a file that is `what`. The first call loads it: ask only where it is needed.
#[cfg(feature = "gdal")]
fn need_gdal(location: &str, what: &str) -> Result<(), RasterError> {
    gdal::load().map_err(|none| none.error(location, what))
}

#[cfg(not(feature = "gdal"))]
fn need_gdal(location: &str, what: &str) -> Result<(), RasterError> {
    Err(without_gdal(location, what))
}

#[cfg(not(feature = "gdal"))]
fn without_gdal(location: &str, what: &str) -> RasterError {
    RasterError::Unsupported {
        location: location.to_owned(),
        what: format!("{what}, and this build has no GDAL"),
        remedy: "use a build with the feature `gdal`, or convert the file to a COG".to_owned(),
    }
}

/// The header of a TIFF that is far away. Files beside it, which could say more, are not looked for: each would be a request.
fn far_tiff(file: RemoteFile, location: &str) -> Result<TiffFile, RasterError> {
    let file = TiffFile::read(Arc::new(file)).map_err(|refusal| refusal.error(location))?;
    if let Some(why) = file.foreign_crs() {
        tracing::debug!(location, why, "its CRS is not told");
    }
    Ok(file)
}

/// The header of a JPEG 2000 that is far away.
fn far_jp2(file: RemoteFile, location: &str) -> Result<Jp2File, RasterError> {
    Jp2File::read(Arc::new(file)).map_err(|refusal| jp2::refused(refusal, location))
}

/// The messages of a GRIB file that is far away.
fn far_grib(file: RemoteFile, location: &str) -> Result<GribFile, RasterError> {
    GribFile::new(Box::new(file)).map_err(|refusal| match not_read(refusal, location) {
        Ok(what) => RasterError::Unsupported {
            location: location.to_owned(),
            what,
            remedy: "copy it to a local path, where GDAL can read it too".to_owned(),
        },
        Err(error) => error,
    })
}

/// Decides by what an object begins with.
fn far_source(place: &Remote, access: &Access) -> Result<Source, RasterError> {
    // A store is a folder: there is no object of its name to look at.
    if place.has_extension("zarr") {
        return StorePlace::far(access, place).map(Source::Zarr);
    }
    let file = access.open(place)?;
    if tiff::is_tiff(file.head()) {
        return Ok(Source::FarTiff(file));
    }
    if jp2::is_jp2(file.head()) {
        return Ok(Source::FarJp2(file));
    }
    if grib::is_grib(file.head()) {
        return Ok(Source::FarGrib(file));
    }
    Err(RasterError::Unsupported {
        location: place.to_string(),
        what: "it is neither GeoTIFF nor JPEG 2000 nor GRIB nor Zarr, and no other file is read over a network yet"
            .to_owned(),
        remedy: "convert it to a COG, or copy it to a local path".to_owned(),
    })
}

/// Decides by the name, then by what is there.
fn source(url: &str, access: &Access) -> Result<Source, RasterError> {
    let path = match access.locate(url)? {
        Location::Remote(place) => return far_source(&place, access),
        Location::Local(path) => path,
    };
    let kind = path.metadata().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => RasterError::Missing { location: url.to_owned() },
        _ => unreadable(url, &error),
    })?;
    if kind.is_dir() {
        let named_so = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("zarr"));
        return Ok(if zarr_reader::is_store(&path) || named_so {
            Source::Zarr(StorePlace::Folder(path))
        } else {
            Source::Gdal(gdal_name(&path))
        });
    }
    let mut magic = Vec::with_capacity(8);
    let read = File::open(&path).and_then(|file| file.take(8).read_to_end(&mut magic));
    read.map_err(|error| unreadable(url, &error))?;
    let classic = magic.len() > 3 && magic.starts_with(b"CDF") && matches!(magic[3], 1 | 2 | 5);
    let hdf5 = magic == b"\x89HDF\r\n\x1a\n";
    Ok(if classic || hdf5 {
        Source::NetCdf(path)
    } else if tiff::is_tiff(&magic) {
        Source::Tiff(path)
    } else if grib::is_grib(&magic) {
        Source::Grib(path)
    } else if jp2::is_jp2(&magic) {
        Source::Jp2(path)
    } else {
        Source::Gdal(gdal_name(&path))
    })
}

fn unreadable(url: &str, error: &std::io::Error) -> RasterError {
    RasterError::Unreadable {
        location: url.to_owned(),
        driver: "the file system".to_owned(),
        reason: error.to_string(),
    }
}

fn gdal_name(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The path of a `file://` URL or of a plain path.
pub(crate) fn local_path(url: &str) -> Option<PathBuf> {
    match Location::parse(url) {
        Ok(Location::Local(path)) => Some(path),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_tiff_is_an_error_of_our_own_whatever_lies_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broken.tif");
        std::fs::write(&path, b"II*\0\xff\xff\xff\x7f").unwrap();
        for beside in ["none", "broken.wld", "broken.tif.ovr", "broken.tif.aux.xml"] {
            std::fs::write(folder.path().join(beside), b"<x/>").unwrap();
            let refusal = tiff_file(&path, None).err();
            assert!(matches!(refusal, Some(Refusal::Broken(_))), "beside {beside}: {refusal:?}");
            let url = path.display().to_string();
            let location = RasterLocation { url: url.clone(), layer: None, band: 1 };
            for error in [open(&location).err().unwrap(), planes(&url, None).unwrap_err()] {
                assert!(error.to_string().contains("GTiff cannot read it"), "beside {beside}: {error}");
            }
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let location = RasterLocation { url: "/no/such/file.tif".into(), layer: None, band: 1 };
        let error = open(&location).err().unwrap().to_string();
        assert_eq!(
            error,
            "/no/such/file.tif: no such file; check the path in the document, or that the storage is mounted"
        );
    }
}
