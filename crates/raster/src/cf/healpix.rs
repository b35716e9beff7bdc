//! Cells of HEALPix in CF files: the grid mapping of CF 1.13, and the attributes that xdggs gives to `cell_ids`.

use cube_geo::{Healpix, HealpixOrder};

use super::{Attributes, Variable, Variables};
use crate::RasterError;

/// The cells that the last dimension of a variable counts; `None` where it counts none. All cells of the Earth must be there, in
/// their order.
///
/// # Errors
/// Where it says that it is on HEALPix, but in a way that is not read.
pub(crate) fn cells_of(
    file: &impl Variables,
    variable: &Variable,
    location: &str,
) -> Result<Option<Healpix>, RasterError> {
    let Some((said, ids)) = said_by(file, variable) else { return Ok(None) };
    let length = variable.shape.last().copied().unwrap_or(0);
    let refused = |what: String| RasterError::NotAGrid {
        location: location.to_owned(),
        what: format!("layer {:?} lies on HEALPix cells, but {what}", variable.name),
    };
    let cells = said_cells(&said.attributes).map_err(refused)?;
    if cells.count() as usize != length {
        return Err(refused(format!(
            "has {length} of them where {cells} has {}: regional sets are not read",
            cells.count()
        )));
    }
    if let Some(ids) = ids.filter(|c| c.dtype.is_some()) {
        let numbers = file.numbers(ids)?.to_f64();
        let in_order = numbers.iter().zip(0_u32..).all(|(id, due)| (id - f64::from(due)).abs() < 0.5);
        if !in_order {
            return Err(refused(format!("{} does not count them one by one", ids.name)));
        }
    }
    Ok(Some(cells))
}

/// True for a variable on HEALPix cells that is none of their coordinates.
pub(crate) fn is_on_cells(file: &impl Variables, variable: &Variable) -> bool {
    let place = ["latitude", "longitude", "lat", "lon"];
    let standard = variable.attributes.text("standard_name").unwrap_or_default();
    let name = variable.name.rsplit('/').next().unwrap_or_default();
    let coordinate = place.contains(&name) || place.contains(&standard);
    !coordinate && said_by(file, variable).is_some_and(|(_, ids)| ids.is_none_or(|ids| ids.name != variable.name))
}

/// What says that the last dimension of a variable counts cells, and the coordinate with their numbers.
fn said_by<'f>(file: &'f impl Variables, variable: &Variable) -> Option<(&'f Variable, Option<&'f Variable>)> {
    let dimension = variable.dimensions.last()?;
    let ids = [dimension.as_str(), "cell_ids", "healpix_index"].into_iter().find_map(|name| {
        file.find_near(variable, name).filter(|c| c.dimensions.len() == 1 && c.dimensions.first() == Some(dimension))
    });
    let mapping = variable.attributes.text("grid_mapping").and_then(|text| text.split([':', ' ']).next());
    let mapping = mapping.and_then(|name| file.find_near(variable, name));
    let mapping = mapping.filter(|m| m.attributes.text("grid_mapping_name") == Some("healpix"));
    let said = mapping.or(ids.filter(|c| c.attributes.text("grid_name") == Some("healpix")))?;
    Some((said, ids))
}

/// Size and order, by the names that they have.
fn said_cells(attributes: &Attributes) -> Result<Healpix, String> {
    let level = ["refinement_level", "level", "healpix_level"].into_iter().find_map(|name| attributes.number(name));
    let nside = ["nside", "healpix_nside"].into_iter().find_map(|name| attributes.number(name));
    let nside = nside.or_else(|| level.filter(|l| (0.0..=13.0).contains(l)).map(f64::exp2));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be whole and in range")]
    let nside = nside
        .filter(|n| n.fract() == 0.0 && (1.0..1e9).contains(n))
        .map(|n| n as u32)
        .ok_or("says no refinement_level or nside that is in range")?;
    let scheme = ["indexing_scheme", "healpix_order", "order"].into_iter().find_map(|name| attributes.text(name));
    let nested = attributes.text("nest").map(|nest| nest.eq_ignore_ascii_case("true"));
    let order = match (scheme.map(str::to_ascii_lowercase).as_deref(), nested) {
        (Some("nested" | "nest"), _) | (None, Some(true)) => HealpixOrder::Nested,
        (Some("ring"), _) | (None, Some(false)) => HealpixOrder::Ring,
        (Some(other), _) => return Err(format!("they are in the order {other:?}, neither nested nor ring")),
        (None, None) => return Err("says no indexing_scheme".to_owned()),
    };
    Healpix::new(nside, order).map_err(|e| e.to_string())
}
