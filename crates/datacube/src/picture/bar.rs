//! The key of a map: a colour bar or a legend.

use super::Colour;
use super::canvas::{Anchor, BLACK, Canvas, FRAME, MISSING, Rect, SCALE, float};
use super::colours::Colours;
use super::text::{Fonts, TextStyle, whole};
use super::ticks::Ticks;

/// What the colours of a map mean.
pub(crate) enum Key {
    /// Nothing to explain.
    None,
    /// A range of values.
    Bar(Bar),
    /// Named colours.
    Classes(Vec<(String, Colour)>),
}

/// A range of values.
pub(crate) struct Bar {
    pub(crate) colours: Colours,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Measurement and units.
    pub(crate) label: String,
    /// Values lie below the range, or above it.
    pub(crate) beyond: (bool, bool),
    /// What pixels without a value are called, where there are any.
    pub(crate) missing: Option<String>,
}

const SMALL: TextStyle = TextStyle::regular(9.0);
const LABEL: TextStyle = TextStyle::regular(10.0);
const THICK: f32 = 13.0;
const TICK: f32 = 3.5;
const SWATCH: f32 = 11.0;
const TALLEST: f32 = 480.0;
/// Length of the point at an end beyond which there are values.
const POINT: f32 = THICK * 0.7;

impl Key {
    /// Room along x in points; zero for none.
    pub(crate) fn width(&self, fonts: &Fonts) -> f32 {
        match self {
            Self::None => 0.0,
            Self::Bar(bar) => bar.labels_width(fonts) + 8.0 + LABEL.size,
            Self::Classes(classes) => classes.iter().map(|(name, _)| swatch_width(fonts, name)).fold(0.0, f32::max),
        }
    }

    /// Draws from `x` to the right, beside the maps between `top` and `top + height`.
    pub(crate) fn draw(&self, canvas: &mut Canvas, x: f32, top: f32, height: f32) {
        match self {
            Self::None => {}
            Self::Bar(bar) => bar.draw(canvas, x, top, height),
            Self::Classes(classes) => {
                for (i, (name, colour)) in classes.iter().enumerate() {
                    swatch(canvas, x, top + SWATCH / 2.0 + 18.0 * float(i), name, *colour);
                }
            }
        }
    }
}

fn swatch_width(fonts: &Fonts, name: &str) -> f32 {
    SWATCH + 6.0 + fonts.width(name, LABEL)
}

fn swatch(canvas: &mut Canvas, x: f32, y: f32, name: &str, colour: Colour) {
    let rect = Rect::new(x, y - SWATCH / 2.0, SWATCH, SWATCH).snapped();
    canvas.fill_rect(rect, colour);
    canvas.stroke_rect(rect, 0.6, FRAME);
    canvas.text(name, LABEL, (x + SWATCH + 6.0, y), Anchor::Start, BLACK);
}

impl Bar {
    fn ticks(&self) -> Ticks {
        Ticks::new(self.low, self.high, 7)
    }

    /// From the bar's left edge to the right end of the tick labels (or of the swatch under the bar).
    fn labels_width(&self, fonts: &Fonts) -> f32 {
        let ticks = self.ticks();
        let labels = ticks.values.iter().map(|v| fonts.width(&ticks.label(*v), SMALL)).fold(0.0, f32::max);
        let missing = self.missing.as_ref().map_or(0.0, |name| swatch_width(fonts, name) - 8.0 - LABEL.size);
        (THICK + TICK + 3.0 + labels).max(missing)
    }

    fn draw(&self, canvas: &mut Canvas, x: f32, top: f32, height: f32) {
        let ticks = self.ticks();
        let point = |is: bool| if is { POINT } else { 0.0 };
        let foot = point(self.beyond.0) + if self.missing.is_some() { 22.0 } else { 0.0 };
        let head = point(self.beyond.1) + if ticks.exponent == 0 { 0.0 } else { 14.0 };
        let length = (height - foot - head).clamp(40.0, TALLEST);
        let middle = top + head + (height - foot - head) / 2.0;
        let bar = Rect::new(x, middle - length / 2.0, THICK, length).snapped();
        self.draw_colours(canvas, bar);
        for value in &ticks.values {
            #[expect(clippy::cast_possible_truncation, reason = "a share")]
            let share = ((value - self.low) / (self.high - self.low)) as f32;
            let y = bar.bottom() - share * bar.height;
            canvas.line(&[(bar.right(), y), (bar.right() + TICK, y)], 0.8, FRAME);
            canvas.text(&ticks.label(*value), SMALL, (bar.right() + TICK + 3.0, y), Anchor::Start, BLACK);
        }
        if let Some(multiplier) = ticks.multiplier() {
            let y = bar.y - point(self.beyond.1) - 8.0;
            canvas.text(&multiplier, SMALL, (bar.x, y), Anchor::Start, BLACK);
        }
        if let Some(name) = &self.missing {
            swatch(canvas, x, bar.bottom() + foot - SWATCH / 2.0, name, MISSING);
        }
        let label_x = x + self.labels_width(&canvas.fonts) + 6.0 + LABEL.size / 2.0;
        let (label, style) = canvas.fonts.fit(&self.label, LABEL, height.max(60.0), 7.5);
        canvas.text_upwards(&label, style, (label_x, middle), Anchor::Middle, BLACK);
    }

    /// The colours, and a point at an end beyond which there are values.
    fn draw_colours(&self, canvas: &mut Canvas, bar: Rect) {
        let (width, height) = (whole((bar.width * SCALE).round()), whole((bar.height * SCALE).round()));
        let last = float(height.saturating_sub(1).max(1));
        let pixels: Vec<Colour> =
            (0..height).flat_map(|i| std::iter::repeat_n(self.colours.at(1.0 - float(i) / last), width)).collect();
        let centre = bar.x + bar.width / 2.0;
        let mut outline = vec![(bar.x, bar.y)];
        if self.beyond.1 {
            outline.push((centre, bar.y - POINT));
            canvas.polygon(&[(bar.x, bar.y), (centre, bar.y - POINT), (bar.right(), bar.y)], self.colours.at(1.0), 1.0);
        }
        outline.extend([(bar.right(), bar.y), (bar.right(), bar.bottom())]);
        if self.beyond.0 {
            let tip = (centre, bar.bottom() + POINT);
            outline.push(tip);
            canvas.polygon(&[(bar.x, bar.bottom()), tip, (bar.right(), bar.bottom())], self.colours.at(0.0), 1.0);
        }
        outline.extend([(bar.x, bar.bottom()), (bar.x, bar.y)]);
        canvas.image(bar.x, bar.y, width, &pixels);
        canvas.line(&outline, 0.8, FRAME);
    }
}
