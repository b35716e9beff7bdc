//! Items without pixel grids get them from the headers of their files.

use cube_model::documents::{ProductMatcher, RawDocument, resolve};
use cube_model::stac;
use cube_raster::RasterLocation;

/// An item with the grids that its assets leave out, as far as their files say them; the item as it is where it says them
/// all, with what could not be read.
pub(in crate::index) fn completed(
    document: RawDocument,
    location: &str,
    products: &ProductMatcher,
) -> (RawDocument, Option<String>) {
    let lacking = stac::lacking_grids(&document, Some(location), products);
    if lacking.is_empty() {
        return (document, None);
    }
    let (mut found, mut why) = (Vec::new(), None);
    for asset in lacking {
        match header_grid(&asset) {
            Ok(grid) => found.push((asset.key, grid)),
            Err(reason) => why = why.or(Some(reason)),
        }
    }
    (stac::with_grids(document, &found), why)
}

fn header_grid(asset: &stac::LackingGrid) -> Result<stac::HeaderGrid, String> {
    let Some((url, band)) = resolve(asset.base.as_deref(), &asset.href).filter(|(url, _)| may_be_opened(url)) else {
        return Err(format!("{}: it is no path or URL of a file", asset.href));
    };
    let location = RasterLocation { url, layer: asset.layer.clone(), band: band.unwrap_or(1) };
    let raster = cube_raster::open(&location).map_err(|e| e.to_string())?;
    let header = raster.header();
    match header.affine {
        Some(affine) => Ok(stac::HeaderGrid { shape: header.shape, affine, crs: header.crs.clone() }),
        None => Err(format!("{location}: its header says no grid either")),
    }
}

/// True for a path and for a URL of a file or object: nothing that a document names makes a library go elsewhere.
pub(super) fn may_be_opened(url: &str) -> bool {
    let schemes = ["file", "http", "https", "s3", "gs", "az"];
    !url.starts_with("/vsi")
        && url.split_once(':').is_none_or(|(scheme, rest)| rest.starts_with("//") && schemes.contains(&scheme))
}
