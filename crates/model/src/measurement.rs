//! Measurements: what each variable of a product is.

use indexmap::IndexMap;

use crate::DataType;

/// One named variable of a product.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// Its name; unique in the product.
    pub name: String,
    /// Other names that it answers to.
    pub aliases: Vec<String>,
    /// The type of its pixels.
    pub dtype: DataType,
    /// The pixel value that means "no measurement"; NaN where the document says so, `None` where it has none. NaN is
    /// a missing value in floats whatever stands here.
    pub nodata: Option<f64>,
    /// Units of the real value, as CF writes them; `"1"` where it has none.
    pub units: String,
    /// `real = scale_factor · pixel + add_offset`.
    pub scale_factor: Option<f64>,
    /// See `scale_factor`.
    pub add_offset: Option<f64>,
    /// The named bit fields of its pixels.
    pub flags: Flags,
    /// The name of the extra dimension that it has, if any.
    pub extra_dim: Option<String>,
    /// Everything else that the document says of it, such as `spectral_definition`, as written.
    pub other: IndexMap<String, serde_json::Value>,
}

impl Measurement {
    /// A measurement with nothing but a name, a type and a nodata value.
    #[must_use]
    pub fn new(name: impl Into<String>, dtype: DataType, nodata: Option<f64>) -> Self {
        Self {
            name: name.into(),
            aliases: Vec::new(),
            dtype,
            nodata,
            units: "1".to_owned(),
            scale_factor: None,
            add_offset: None,
            flags: Flags::default(),
            extra_dim: None,
            other: IndexMap::new(),
        }
    }

    /// True where `name` is its name or one of its aliases.
    #[must_use]
    pub fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.aliases.iter().any(|a| a == name)
    }
}

/// The bit fields of a measurement by name, in the document's order.
pub type Flags = IndexMap<String, Flag>;

/// A named bit field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Which bits, lowest first.
    pub bits: Vec<u8>,
    /// Name of each value of the field (value counted from the lowest of `bits`).
    pub values: IndexMap<u64, String>,
    /// What it is.
    pub description: Option<String>,
}

impl Flag {
    /// The bits of this field as a mask over the pixel.
    #[must_use]
    pub fn mask(&self) -> u64 {
        self.bits.iter().filter(|b| **b < 64).fold(0, |mask, bit| mask | (1 << bit))
    }

    /// The field's value in a pixel, shifted so that its lowest bit counts one.
    #[must_use]
    pub fn value(&self, pixel: u64) -> u64 {
        let lowest = self.bits.iter().min().copied().unwrap_or(0);
        (pixel & self.mask()).checked_shr(u32::from(lowest)).unwrap_or(0)
    }
}
