//! Pictures: maps with axes in degrees, time series, natural colours.
//!
//! Every picture is laid out in points and drawn at [`SCALE`] pixels a point, so that it is crisp on a screen of
//! double density and in print. The font is embedded: a picture looks the same on every machine.

mod bar;
mod canvas;
mod colours;
mod dates;
mod degrees;
mod grid;
mod maps;
mod png;
mod rgb;
mod series;
mod text;
mod ticks;

pub use canvas::SCALE;
pub use maps::{MapStyle, Panel, map_panels};
pub use png::write_png;
pub use rgb::{RgbStyle, Stretch, rgb, rgb_cube};
pub use series::{Series, SeriesStyle, time_series};

/// Red, green and blue, 0 to 255.
pub type Colour = [u8; 3];

/// A finished picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels along x.
    pub width: usize,
    /// Pixels along y.
    pub height: usize,
    /// Red, green and blue of each pixel, row by row from the top: `3 · width · height` bytes.
    pub pixels: Vec<u8>,
}

impl Picture {
    /// The colour at (`x`, `y`) counted from the upper left corner; `None` outside.
    #[must_use]
    pub fn at(&self, x: usize, y: usize) -> Option<Colour> {
        let i = (y * self.width + x) * 3;
        (x < self.width).then(|| self.pixels.get(i..i + 3)).flatten().map(|p| [p[0], p[1], p[2]])
    }
}

/// A picture could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// Nothing to draw.
    #[error("there is nothing to draw: {what}")]
    Empty {
        /// What is empty.
        what: String,
    },
    /// No such colour map.
    #[error("there is no colour map {name:?}; there are {} (add _r to turn one around)", .known.join(", "))]
    NoColours {
        /// The name as given.
        name: String,
        /// The names there are.
        known: Vec<&'static str>,
    },
    /// A range that is no range.
    #[error("the range {low} to {high} is no range: give two finite numbers, the smaller first")]
    BadRange {
        /// As given.
        low: f64,
        /// As given.
        high: f64,
    },
    /// Two things that belong together have different sizes.
    #[error("{what}: expected {expected}, got {got}")]
    Mismatch {
        /// What.
        what: String,
        /// The size it has to have.
        expected: String,
        /// The size it has.
        got: String,
    },
    /// Too many panels.
    #[error("{count} panels are more than one picture can show ({most}): choose fewer times")]
    TooManyPanels {
        /// How many.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// Too large for memory.
    #[error("a picture of {width} x {height} pixels is too large")]
    TooLarge {
        /// Pixels along x.
        width: f32,
        /// Pixels along y.
        height: f32,
    },
    /// The embedded font cannot be read.
    #[error("the embedded font cannot be read: the build is broken")]
    Font,
    /// No transform to longitude and latitude.
    #[error(transparent)]
    Crs(#[from] cube_geo::CrsError),
    /// A cube that lacks what is to be drawn.
    #[error(transparent)]
    Cube(#[from] cube_model::CubeError),
    /// The file cannot be written.
    #[error("cannot write the picture {}: {reason}", path.display())]
    Unwritable {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        reason: String,
    },
}
