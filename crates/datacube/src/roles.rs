//! Which measurement of a product plays which part: the names that archives give to the same band.

use cube_model::Product;

use crate::Error;

/// A part that an application needs a measurement for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Green light, about 0.56 µm.
    Green,
    /// Red light, about 0.66 µm.
    Red,
    /// Blue light, about 0.48 µm.
    Blue,
    /// Near infrared, about 0.85 µm.
    Nir,
    /// Short-wave infrared, about 1.6 µm.
    Swir16,
    /// A scene classification (Sentinel-2 SCL).
    SceneClass,
    /// Quality flags (Landsat QA, fmask).
    Quality,
}

impl Role {
    /// What it is, in words.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Red => "red",
            Self::Blue => "blue",
            Self::Nir => "near infrared",
            Self::Swir16 => "short-wave infrared at 1.6 µm",
            Self::SceneClass => "the scene classification",
            Self::Quality => "quality flags",
        }
    }

    /// Names it is known by, the likeliest first. A name that means another band with another sensor (`B04`, `sr_band5`)
    /// stands only where products that use it agree.
    #[must_use]
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Green => &["green", "nbart_green", "nbar_green", "sr_green", "B03", "sr_band3"],
            Self::Red => &["red", "nbart_red", "nbar_red", "sr_red", "B04", "sr_band4"],
            Self::Blue => &["blue", "nbart_blue", "nbar_blue", "sr_blue", "B02", "sr_band2"],
            Self::Nir => &["nir", "nbart_nir", "nbar_nir", "nbart_nir_1", "nir_1", "nir08", "B08", "sr_band5"],
            Self::Swir16 => &[
                "swir16",
                "swir1",
                "swir_1",
                "nbart_swir_1",
                "nbar_swir_1",
                "nbart_swir_2",
                "swir_16",
                "B11",
                "sr_band6",
            ],
            Self::SceneClass => &["scl", "SCL"],
            Self::Quality => &["pixel_qa", "qa_pixel", "fmask", "oa_fmask", "pixel_quality"],
        }
    }

    /// The product's own name of the measurement in this role.
    #[must_use]
    pub fn find(self, product: &Product) -> Option<&str> {
        self.names().iter().find_map(|name| product.measurement(name)).map(|m| m.name.as_str())
    }

    /// As [`Role::find`].
    ///
    /// # Errors
    /// Where the product has none: the error says which names were looked for.
    pub fn require(self, product: &Product) -> Result<&str, Error> {
        self.find(product).ok_or_else(|| Error::NoRole {
            product: product.name.clone(),
            role: self.description().to_owned(),
            looked_for: self.names().iter().map(|&n| n.to_owned()).collect(),
            has: product.measurements.iter().map(|m| m.name.clone()).collect(),
        })
    }
}
