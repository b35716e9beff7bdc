//! Where the pixels are: the tags of GeoTIFF (OGC 19-008r4).

use cube_geo::{Affine, Crs};

use super::Refusal;
use super::ifd::{Directory, HeaderReader};
use crate::tiff_tags::{GEO_KEYS, PIXEL_SCALE, TIE_POINTS, TRANSFORMATION};

const MODEL_TYPE: u64 = 1024;
const RASTER_TYPE: u64 = 1025;
const GEODETIC_CRS: u64 = 2048;
const PROJECTED_CRS: u64 = 3072;
const VERTICAL_CRS: u64 = 4096;
/// `GeogTOWGS84GeoKey`: a datum shift of the file's own.
const DATUM_SHIFT: u64 = 2062;
const USER_DEFINED: u64 = 32767;

/// What the tags say of the place of the image.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    pub(crate) affine: Option<Affine>,
    pub(crate) crs: Option<Crs>,
    /// Why GDAL is asked, where the CRS is not one that a code names.
    pub(crate) foreign_crs: Option<String>,
}

/// Reads the tags of the full image.
pub(super) fn read(reader: &mut HeaderReader<'_>, directory: &Directory) -> Result<Place, Refusal> {
    let keys = keys(&reader.integers(directory, GEO_KEYS, usize::MAX)?.unwrap_or_default())?;
    let key = |wanted: u64| keys.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
    let mut affine = affine(reader, directory)?;
    if let (Some(2), Some(centred)) = (key(RASTER_TYPE).flatten(), affine.as_mut()) {
        // Coordinates of the pixel's centre, moved to its corner as GDAL does.
        centred.c -= centred.a * 0.5 + centred.b * 0.5;
        centred.f -= centred.d * 0.5 + centred.e * 0.5;
    }
    let (crs, foreign_crs) = match crs(&key) {
        Ok(crs) => (crs, None),
        Err(why) => (None, Some(why)),
    };
    Ok(Place { affine, crs, foreign_crs })
}

/// Pairs of a key and its value, `None` for values that are no short.
fn keys(directory: &[u64]) -> Result<Vec<(u64, Option<u64>)>, Refusal> {
    let (entries, _) = directory.as_chunks::<4>();
    let Some(([_, _, _, count], entries)) = entries.split_first() else { return Ok(Vec::new()) };
    let count = usize::try_from(*count).unwrap_or(usize::MAX);
    let entries = entries
        .get(..count)
        .ok_or_else(|| Refusal::broken(format!("its GeoKeys claim {count} entries and have {}", entries.len())))?;
    Ok(entries.iter().map(|[key, place, _, value]| (*key, (*place == 0).then_some(*value))).collect())
}

fn affine(reader: &mut HeaderReader<'_>, directory: &Directory) -> Result<Option<Affine>, Refusal> {
    let scale = reader.floats(directory, PIXEL_SCALE)?.unwrap_or_default();
    let ties = reader.floats(directory, TIE_POINTS)?.unwrap_or_default();
    if let ([sx, sy, ..], [col, row, _, x, y, _, ..]) = (scale.as_slice(), ties.as_slice())
        && *sx != 0.0
        && *sy != 0.0
    {
        let down = -sy.abs();
        return Ok(Some(Affine::new(*sx, 0.0, x - col * sx, 0.0, down, y - row * down)));
    }
    let matrix = reader.floats(directory, TRANSFORMATION)?.unwrap_or_default();
    if let [a, b, _, c, d, e, _, f, _, _, _, _, _, _, _, _] = matrix.as_slice() {
        return Ok(Some(Affine::new(*a, *b, *c, *d, *e, *f)));
    }
    if !ties.is_empty() {
        return Err(Refusal::foreign("it has ground control points instead of an affine"));
    }
    Ok(None)
}

/// The CRS that the keys name by its code, or why they do not.
fn crs(key: &impl Fn(u64) -> Option<Option<u64>>) -> Result<Option<Crs>, String> {
    let Some(model) = key(MODEL_TYPE) else {
        let named = [GEODETIC_CRS, PROJECTED_CRS].into_iter().any(|k| key(k).is_some());
        return if named { Err("its GeoKeys do not tell the kind of CRS".to_owned()) } else { Ok(None) };
    };
    let code = match model {
        Some(1) => key(PROJECTED_CRS),
        Some(2) => key(GEODETIC_CRS),
        other => return Err(format!("its CRS is of kind {other:?}")),
    };
    let code = match code.flatten() {
        Some(code) if code != USER_DEFINED && code != 0 => code,
        _ => return Err("its CRS is defined by parameters".to_owned()),
    };
    if key(VERTICAL_CRS).is_some() {
        return Err("it has a vertical CRS".to_owned());
    }
    if key(DATUM_SHIFT).is_some() {
        return Err("its CRS has a datum shift of its own".to_owned());
    }
    let code = u32::try_from(code).map_err(|e| e.to_string())?;
    Crs::epsg(code).map(Some).map_err(|error| error.to_string())
}
