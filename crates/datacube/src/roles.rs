//! Which measurement of a product plays which part: the names that archives give to the same band.

use cube_model::Product;

/// A part that an application needs a measurement for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Green light, about 0.56 µm.
    Green,
    /// Red light, about 0.66 µm.
    Red,
    /// Blue light, about 0.48 µm.
    Blue,
    /// A scene classification (Sentinel-2 SCL).
    SceneClass,
    /// Quality flags (Landsat QA, fmask).
    Quality,
}

impl Role {
    /// Names it is known by, the likeliest first. A name that means another band with another sensor (`B04`, `sr_band5`)
    /// stands only where products that use it agree.
    #[must_use]
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Green => &["green", "nbart_green", "nbar_green", "sr_green", "B03", "sr_band3"],
            Self::Red => &["red", "nbart_red", "nbar_red", "sr_red", "B04", "sr_band4"],
            Self::Blue => &["blue", "nbart_blue", "nbar_blue", "sr_blue", "B02", "sr_band2"],
            Self::SceneClass => &["scl", "SCL"],
            Self::Quality => &["pixel_qa", "qa_pixel", "fmask", "oa_fmask", "pixel_quality"],
        }
    }

    /// The product's own name of the measurement in this role.
    #[must_use]
    pub fn find(self, product: &Product) -> Option<&str> {
        self.names().iter().find_map(|name| product.measurement(name)).map(|m| m.name.as_str())
    }
}
