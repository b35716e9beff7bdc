//! `HEALPix`: cells of equal area on the sphere (Górski et al. 2005, `ApJ` 622, 759).
//!
//! Longitudes and latitudes are degrees; latitudes are taken for those of the sphere as they are, as everybody does with fields
//! of weather models. Numbers of cells, and the weights of [`Interpolation`], are those of the authors' own library
//! (`ang2pix`, `get_interp_val`), whose steps are followed one by one.

mod areas;
mod cells;
mod interpolation;

use serde::{Deserialize, Serialize};

pub use areas::CellOverlap;
pub use interpolation::Interpolation;

use crate::{Affine, Crs, CrsError, GeoBox, Shape};

/// In which order the cells of HEALPix are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealpixOrder {
    /// Along rings of equal latitude, from north to south.
    Ring,
    /// Each of the twelve faces in quarters, quarters of quarters, and so on.
    Nested,
}

impl HealpixOrder {
    /// `ring` or `nested`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::Nested => "nested",
        }
    }
}

/// A grid of `12·nside²` cells over the whole Earth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Healpix {
    nside: u32,
    order: HealpixOrder,
}

/// What is no grid of HEALPix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HealpixError {
    /// Cells along a side of a face, out of range.
    #[error("expected 1 to {} cells along a side of a HEALPix face (nside), got {nside}", Healpix::MOST)]
    Nside {
        /// What came.
        nside: u64,
    },
    /// Quarters of quarters make powers of two.
    #[error("expected a power of two of cells along a side (nside) where HEALPix cells are nested, got {nside}")]
    NotNested {
        /// What came.
        nside: u32,
    },
}

#[derive(Serialize, Deserialize)]
struct Written {
    nside: u32,
    order: HealpixOrder,
}

impl TryFrom<Written> for Healpix {
    type Error = HealpixError;

    fn try_from(written: Written) -> Result<Self, HealpixError> {
        Self::new(written.nside, written.order)
    }
}

impl From<Healpix> for Written {
    fn from(cells: Healpix) -> Self {
        Self { nside: cells.nside, order: cells.order }
    }
}

impl Healpix {
    /// Most cells along a side: their numbers, and those of places between them, fit 32 bits.
    pub const MOST: u32 = 8192;

    /// A grid with `nside` cells along each side of the twelve faces.
    ///
    /// # Errors
    /// Where `nside` is 0 or more than [`Healpix::MOST`], or no power of two for nested cells.
    pub fn new(nside: u32, order: HealpixOrder) -> Result<Self, HealpixError> {
        if nside == 0 || nside > Self::MOST {
            return Err(HealpixError::Nside { nside: u64::from(nside) });
        }
        if order == HealpixOrder::Nested && !nside.is_power_of_two() {
            return Err(HealpixError::NotNested { nside });
        }
        Ok(Self { nside, order })
    }

    /// Cells along a side of a face.
    #[must_use]
    pub const fn nside(self) -> u32 {
        self.nside
    }

    /// How they are counted.
    #[must_use]
    pub const fn order(self) -> HealpixOrder {
        self.order
    }

    /// Number of cells.
    #[must_use]
    pub const fn count(self) -> u32 {
        12 * self.nside * self.nside
    }

    /// All cells, in the order of their numbers, as an array of `12·nside` rows and `nside` columns: how readers hand them out.
    #[must_use]
    pub const fn folded(self) -> Shape {
        Shape::new(12 * self.nside as usize, self.nside as usize)
    }

    /// The pixel grid of longitude and latitude around the Earth that stands for the cells in documents: `2·nside` rows of
    /// `4·nside` pixels, each of about the width of a cell.
    #[must_use]
    pub fn around(self) -> (Shape, Affine) {
        let n = self.nside as usize;
        let size = 90.0 / f64::from(self.nside);
        (Shape::new(2 * n, 4 * n), Affine::new(size, 0.0, -180.0, 0.0, -size, 90.0))
    }

    /// That grid with its CRS.
    ///
    /// # Errors
    /// Where PROJ does not know longitude and latitude.
    pub fn geobox(self) -> Result<GeoBox, CrsError> {
        let (shape, affine) = self.around();
        Ok(GeoBox { shape, affine, crs: Crs::lonlat()? })
    }
}

impl std::fmt::Display for Healpix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HEALPix H{} {}", self.nside, self.order.name())
    }
}

#[cfg(test)]
mod tests;
