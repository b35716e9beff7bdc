//! Colour maps.

use colorgrad::{Gradient, preset};

use super::{Colour, PictureError};

/// 256 colours from the lowest value to the highest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Colours(Vec<Colour>);

/// Names of the colour maps; `temperature` is red-yellow-blue turned around, so that warm is red.
const NAMES: [&str; 15] = [
    "viridis",
    "cividis",
    "magma",
    "inferno",
    "plasma",
    "turbo",
    "blues",
    "greens",
    "reds",
    "greys",
    "ylgnbu",
    "rdylbu",
    "rdbu",
    "brbg",
    "temperature",
];

impl Colours {
    /// The colour map of this name, whatever its case; `_r` at the end turns it around.
    pub(crate) fn named(name: &str) -> Result<Self, PictureError> {
        let lower = name.to_ascii_lowercase();
        let (base, mut turned) = lower.strip_suffix("_r").map_or((lower.as_str(), false), |base| (base, true));
        let gradient: Box<dyn Gradient> = match base {
            "viridis" => Box::new(preset::viridis()),
            "cividis" => Box::new(preset::cividis()),
            "magma" => Box::new(preset::magma()),
            "inferno" => Box::new(preset::inferno()),
            "plasma" => Box::new(preset::plasma()),
            "turbo" => Box::new(preset::turbo()),
            "blues" => Box::new(preset::blues()),
            "greens" => Box::new(preset::greens()),
            "reds" => Box::new(preset::reds()),
            "greys" => Box::new(preset::greys()),
            "ylgnbu" => Box::new(preset::yl_gn_bu()),
            "rdylbu" => Box::new(preset::rd_yl_bu()),
            "rdbu" => Box::new(preset::rd_bu()),
            "brbg" => Box::new(preset::br_bg()),
            "temperature" => {
                turned = !turned;
                Box::new(preset::rd_yl_bu())
            }
            _ => return Err(PictureError::NoColours { name: name.to_owned(), known: NAMES.to_vec() }),
        };
        let mut colours = Self::of(gradient.as_ref());
        if turned {
            colours.0.reverse();
        }
        Ok(colours)
    }

    /// The map that is taken where none is named.
    pub(crate) fn viridis() -> Self {
        Self::of(&preset::viridis())
    }

    fn of(gradient: &dyn Gradient) -> Self {
        let colour = |i: u8| {
            let [r, g, b, _] = gradient.at(f32::from(i) / 255.0).to_rgba8();
            [r, g, b]
        };
        Self((0..=255).map(colour).collect())
    }

    /// The colour at `share` of the way from lowest (0) to highest (1), clamped.
    pub(crate) fn at(&self, share: f32) -> Colour {
        self.0[usize::from(super::canvas::byte(share.clamp(0.0, 1.0) * 255.0))]
    }
}

/// Colours that are told apart whatever one's eyes: Okabe and Ito, *Color Universal Design*, 2008, without yellow.
pub(crate) const LINES: [Colour; 7] =
    [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [86, 180, 233], [230, 159, 0], [60, 60, 60]];

/// Colours of classes: pale ground, water, then those of [`LINES`].
pub(crate) fn class_colour(i: usize) -> Colour {
    match i {
        0 => [236, 226, 202],
        1 => [33, 102, 172],
        _ => LINES[(i - 1) % LINES.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_those_of_the_published_maps() {
        let viridis = Colours::named("Viridis").unwrap();
        assert_eq!((viridis.at(-1.0), viridis.at(2.0)), ([68, 1, 84], [254, 232, 37]));
        let temperature = Colours::named("temperature").unwrap();
        assert_eq!((temperature.at(0.0), temperature.at(1.0)), ([49, 54, 149], [165, 0, 38]));
        assert_eq!(Colours::named("rdylbu_r").unwrap(), temperature);
    }

    #[test]
    fn every_name_is_a_map_and_others_list_them() {
        assert!(NAMES.iter().all(|name| Colours::named(name).is_ok()));
        let error = Colours::named("jet").unwrap_err().to_string();
        assert!(error.contains("jet") && error.contains("viridis"), "{error}");
    }
}
