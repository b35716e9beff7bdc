//! What the headers of a message say of one field.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use cube_geo::Shape;
use cube_model::DataType;
use jiff::Timestamp;

use super::grid::Grid;
use super::parameters;
use crate::RasterHeader;

/// One field: which quantity, at which level and time, of which member, on which grid, and where its values are.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) parameter: Parameter,
    pub(super) level: Option<Level>,
    /// When the forecast began, or the time of the analysis.
    pub(super) reference: Option<Timestamp>,
    /// What the values are valid for: the end of the interval where they are of one.
    pub(super) valid: Option<Timestamp>,
    /// Number of the ensemble's member.
    pub(super) member: Option<u32>,
    pub(super) grid: Arc<Grid>,
    pub(super) packed: Packed,
    /// Bytes that the field takes in the file.
    pub(super) stored_bytes: u64,
}

/// A quantity, by the codes of an edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parameter {
    /// Table and number.
    One { table: u8, number: u8 },
    /// Discipline, category and number.
    Two { discipline: u8, category: u8, number: u8 },
}

/// A level, by the code of its kind (both editions number the usual ones alike) and its value: pascals for pressures in
/// edition 2, hectopascals in edition 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Level {
    pub(super) kind: u8,
    pub(super) value: f64,
    /// Edition 1 counts pressures in hectopascals.
    pub(super) edition: u8,
}

/// Where packed values are.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Packed {
    /// Decimal scale factor, the bitmap's section (if any) and the data's, of edition 1.
    One { decimal: i32, bitmap: Option<Range<u64>>, data: Range<u64> },
    /// Sections 5, 6 and 7 of edition 2; the bitmap may be that of an earlier field. Points of the grid.
    Two { representation: Range<u64>, bitmap: Option<Range<u64>>, data: Range<u64>, points: usize },
}

impl Level {
    /// What ecCodes calls its kind, and its value in that kind's unit.
    fn described(self) -> (&'static str, f64) {
        let hundred = if self.edition == 2 { 100.0 } else { 1.0 };
        match self.kind {
            1 => ("surface", 0.0),
            8 => ("nominalTop", 0.0),
            100 => ("isobaricInhPa", self.value / hundred),
            101 => ("meanSea", 0.0),
            102 if self.edition == 1 => ("meanSea", 0.0),
            103 if self.edition == 1 => ("heightAboveSea", self.value),
            103 => ("heightAboveGround", self.value),
            105 if self.edition == 1 => ("heightAboveGround", self.value),
            105 => ("hybrid", self.value),
            109 if self.edition == 1 => ("hybrid", self.value),
            106 => ("depthBelowLand", self.value),
            111 | 112 if self.edition == 1 => ("depthBelowLandLayer", self.value),
            200 => ("entireAtmosphere", 0.0),
            _ => ("other", self.value),
        }
    }
}

impl Field {
    /// The header of the field as a raster.
    pub(super) fn header(&self) -> RasterHeader {
        let shape = self.grid.shape();
        let (affine, crs) = self.grid.affine_and_crs();
        RasterHeader {
            dtype: match self.packed {
                Packed::One { .. } => DataType::Float64,
                Packed::Two { .. } => DataType::Float32,
            },
            shape,
            affine,
            crs,
            healpix: self.grid.healpix(),
            nodata: None,
            has_mask: false,
            scale_offset: None,
            overviews: Vec::new(),
            overview_blocks: Vec::new(),
            block: self.block(shape),
            stored_bytes: Some(self.stored_bytes),
            time: self.valid,
            units: parameters::units(self.parameter).map(str::to_owned),
            driver: "GRIB".to_owned(),
        }
    }

    /// A field is unpacked whole. Cells of a HEALPix grid are handed out in pieces, since a load may need few of them.
    fn block(&self, shape: Shape) -> Shape {
        const CELLS: usize = 1 << 18;
        if self.grid.healpix().is_none() {
            return shape;
        }
        Shape::new((CELLS / shape.cols.max(1)).clamp(1, shape.rows), shape.cols)
    }

    /// The short name of its quantity, else its codes.
    pub(super) fn name(&self) -> String {
        parameters::short_name(self.parameter, self.level).map_or_else(|| self.parameter.codes(), str::to_owned)
    }

    /// What tells it from other fields of the same quantity.
    pub(super) fn keys(&self) -> BTreeMap<String, String> {
        let mut keys = BTreeMap::from([("param".to_owned(), self.parameter.codes())]);
        if let Some((kind, value)) = self.level.map(Level::described) {
            keys.insert("typeOfLevel".to_owned(), kind.to_owned());
            keys.insert("level".to_owned(), value.to_string());
        }
        if let Some(hours) = self.step_hours() {
            keys.insert("step".to_owned(), hours.to_string());
        }
        if let Some(member) = self.member {
            keys.insert("number".to_owned(), member.to_string());
        }
        keys
    }

    /// Hours from the reference to the valid time.
    #[expect(clippy::cast_precision_loss, reason = "seconds between two times of the calendar, below 2^53")]
    fn step_hours(&self) -> Option<f64> {
        let (valid, reference) = self.valid.zip(self.reference)?;
        Some((valid.as_second() - reference.as_second()) as f64 / 3600.0)
    }
}

impl Parameter {
    /// Its codes as text: `number.table`, or `discipline.category.number`.
    fn codes(self) -> String {
        match self {
            Self::One { table, number } => format!("{number}.{table}"),
            Self::Two { discipline, category, number } => format!("{discipline}.{category}.{number}"),
        }
    }
}
