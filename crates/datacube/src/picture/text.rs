//! Text: the embedded font, how wide a line is, and its glyphs as coverage.

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};

use super::PictureError;

/// The two weights of the embedded font (`DejaVu` Sans).
pub(crate) struct Fonts {
    regular: FontRef<'static>,
    bold: FontRef<'static>,
}

/// How a text looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TextStyle {
    /// Font size in points.
    pub(crate) size: f32,
    pub(crate) bold: bool,
}

impl TextStyle {
    pub(crate) const fn regular(size: f32) -> Self {
        Self { size, bold: false }
    }

    pub(crate) const fn bold(size: f32) -> Self {
        Self { size, bold: true }
    }
}

/// How much each pixel of a text is covered, row by row.
pub(crate) struct Coverage {
    pub(crate) width: usize,
    /// 0 to 1.
    pub(crate) values: Vec<f32>,
    /// Row of the baseline.
    pub(crate) baseline: f32,
}

/// Height of a capital letter and of the tallest glyphs, and depth of the deepest, as parts of the font size.
pub(crate) const CAPITAL: f32 = 0.73;
const ABOVE: f32 = 0.95;
const BELOW: f32 = 0.25;

impl Fonts {
    pub(crate) fn new() -> Result<Self, PictureError> {
        let read = |bytes| FontRef::try_from_slice(bytes).map_err(|_| PictureError::Font);
        Ok(Self { regular: read(dejavu::sans::regular())?, bold: read(dejavu::sans::bold())? })
    }

    fn font(&self, style: TextStyle) -> &FontRef<'static> {
        if style.bold { &self.bold } else { &self.regular }
    }

    /// Width of one line in points.
    pub(crate) fn width(&self, text: &str, style: TextStyle) -> f32 {
        self.place(text, style, 1.0).1
    }

    /// Each glyph with where it begins, and the whole width; `scale` is pixels a point.
    fn place(&self, text: &str, style: TextStyle, scale: f32) -> (Vec<(GlyphId, f32)>, f32) {
        let font = self.font(style);
        // ab_glyph measures a font by its height, everyone else by its em.
        let em = font.units_per_em().unwrap_or(1.0);
        let scaled = font.as_scaled(PxScale::from(style.size * scale * font.height_unscaled() / em));
        let (mut x, mut last, mut glyphs) = (0.0, None, Vec::new());
        for c in text.chars() {
            let id = font.glyph_id(c);
            if let Some(last) = last {
                x += scaled.kern(last, id);
            }
            glyphs.push((id, x));
            x += scaled.h_advance(id);
            last = Some(id);
        }
        (glyphs, x)
    }

    /// One line at `scale` pixels a point, its first pixel column `shift` (0..1) before the text.
    pub(crate) fn coverage(&self, text: &str, style: TextStyle, scale: f32, shift: (f32, f32)) -> Coverage {
        let font = self.font(style);
        let em = font.units_per_em().unwrap_or(1.0);
        let px = PxScale::from(style.size * scale * font.height_unscaled() / em);
        let (glyphs, length) = self.place(text, style, scale);
        let size = style.size * scale;
        let (width, height) = (whole(length + 4.0), whole(size * (ABOVE + BELOW) + 2.0));
        let baseline = (size * ABOVE).ceil();
        let mut values = vec![0.0_f32; width * height];
        for (id, x) in glyphs {
            let glyph = id.with_scale_and_position(px, point(x + shift.0, baseline + shift.1));
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let bounds = outline.px_bounds();
            outline.draw(|gx, gy, c| {
                #[expect(clippy::cast_precision_loss, reason = "glyphs are small")]
                let (px, py) = (bounds.min.x + gx as f32, bounds.min.y + gy as f32);
                if px >= 0.0 && py >= 0.0 {
                    let (px, py) = (whole(px), whole(py));
                    if px < width && py < height {
                        let value = &mut values[py * width + px];
                        *value = (*value + c).min(1.0);
                    }
                }
            });
        }
        Coverage { width, values, baseline }
    }

    /// The largest style not above `style` and not below `smallest` in which the text is no wider than `room`, and
    /// the text, cut with an ellipsis where even that is too wide.
    pub(crate) fn fit(&self, text: &str, style: TextStyle, room: f32, smallest: f32) -> (String, TextStyle) {
        let width = self.width(text, style);
        if width <= room {
            return (text.to_owned(), style);
        }
        let size = (style.size * room / width).max(smallest).min(style.size);
        let style = TextStyle { size, ..style };
        let mut text = text.to_owned();
        if self.width(&text, style) > room + 0.01 {
            while text.chars().count() > 1 && self.width(&format!("{text}…"), style) > room {
                text.pop();
            }
            text = format!("{}…", text.trim_end());
        }
        (text, style)
    }

    /// The text in lines no wider than `room`, broken between words; a word that is too wide stands alone.
    pub(crate) fn wrap(&self, text: &str, style: TextStyle, room: f32) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            match lines.last_mut() {
                Some(line) if self.width(&format!("{line} {word}"), style) <= room => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_owned()),
            }
        }
        lines
    }
}

/// A length in whole pixels, rounded down; zero below zero.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, as wanted")]
pub(crate) fn whole(v: f32) -> usize {
    v.floor() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_texts_are_wider_and_size_is_in_points() {
        let fonts = Fonts::new().unwrap();
        let ten = TextStyle::regular(10.0);
        assert!(fonts.width("42.1°N", ten) > fonts.width("42°N", ten));
        // A digit of DejaVu Sans is 1303 of 2048 units wide.
        assert!((fonts.width("0", ten) - 10.0 * 1303.0 / 2048.0).abs() < 1e-3);
    }

    #[test]
    fn texts_are_shrunk_then_cut_and_wrapped_between_words() {
        let fonts = Fonts::new().unwrap();
        let style = TextStyle::bold(12.0);
        let (text, fitted) = fonts.fit("a rather long title", style, 80.0, 6.0);
        assert!(text == "a rather long title" && fitted.size < 12.0 && fonts.width(&text, fitted) <= 80.01);
        let (text, fitted) = fonts.fit("a rather long title", style, 30.0, 9.0);
        assert!(text.ends_with('…') && fonts.width(&text, fitted) <= 30.0);
        assert_eq!(fonts.wrap("aaa bbb ccc", style, fonts.width("aaa bbb", style)), ["aaa bbb", "ccc"]);
    }

    #[test]
    fn glyphs_needed_on_axes_are_in_the_font() {
        let fonts = Fonts::new().unwrap();
        for c in "0123456789°−×⁻⁰¹²³⁴⁵⁶⁷⁸⁹µ…·≥≤".chars() {
            assert_ne!(fonts.regular.glyph_id(c).0, 0, "{c}");
        }
    }
}
