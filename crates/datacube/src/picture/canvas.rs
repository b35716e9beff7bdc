//! The canvas: shapes and text in points, drawn with anti-aliasing.

use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect as SkiaRect, Stroke, Transform,
};

use super::text::{CAPITAL, Fonts, TextStyle, whole};
use super::{Colour, Picture, PictureError};

/// Pixels a point.
pub const SCALE: f32 = 2.0;

/// Longest side of a picture in pixels.
const LONGEST: f32 = 30_000.0;

pub(crate) const BLACK: Colour = [26, 26, 26];
pub(crate) const WHITE: Colour = [255, 255, 255];
/// Frames and ticks.
pub(crate) const FRAME: Colour = [60, 60, 60];
/// Grid lines.
pub(crate) const PALE: Colour = [226, 226, 226];
/// Pixels without a value.
pub(crate) const MISSING: Colour = [211, 211, 211];

/// A rectangle in points: upper left corner and size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) width: f32,
    pub(crate) height: f32,
}

impl Rect {
    pub(crate) const fn new(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self { x, y, width, height }
    }

    pub(crate) fn right(self) -> f32 {
        self.x + self.width
    }

    pub(crate) fn bottom(self) -> f32 {
        self.y + self.height
    }

    /// With corners on whole pixels, so that its edges are crisp.
    pub(crate) fn snapped(self) -> Self {
        let snap = |v: f32| (v * SCALE).round() / SCALE;
        let (x, y) = (snap(self.x), snap(self.y));
        Self { x, y, width: snap(self.right()) - x, height: snap(self.bottom()) - y }
    }
}

/// Which part of a text stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A shape that marks a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    Disc,
    Square,
    Diamond,
    Triangle,
}

pub(crate) struct Canvas {
    pixmap: Pixmap,
    pub(crate) fonts: Fonts,
}

impl Canvas {
    /// A white canvas of this size in points.
    pub(crate) fn new(width: f32, height: f32, fonts: Fonts) -> Result<Self, PictureError> {
        let (w, h) = ((width * SCALE).ceil(), (height * SCALE).ceil());
        let too_large = || PictureError::TooLarge { width: w, height: h };
        if !(w >= 1.0 && h >= 1.0 && w <= LONGEST && h <= LONGEST) {
            return Err(too_large());
        }
        let side = |v: f32| u32::try_from(whole(v)).map_err(|_| too_large());
        let mut pixmap = Pixmap::new(side(w)?, side(h)?).ok_or_else(too_large)?;
        pixmap.fill(Color::WHITE);
        Ok(Self { pixmap, fonts })
    }

    pub(crate) fn finish(self) -> Picture {
        let (width, height) = (self.pixmap.width() as usize, self.pixmap.height() as usize);
        let pixels = self.pixmap.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
        Picture { width, height, pixels }
    }

    pub(crate) fn fill_rect(&mut self, rect: Rect, colour: Colour) {
        if let Some(r) = SkiaRect::from_xywh(rect.x, rect.y, rect.width, rect.height) {
            self.pixmap.fill_rect(r, &paint(colour, 1.0), scale(), None);
        }
    }

    /// A line of `width` points just inside and outside the edge.
    pub(crate) fn stroke_rect(&mut self, rect: Rect, width: f32, colour: Colour) {
        let corners =
            [(rect.x, rect.y), (rect.right(), rect.y), (rect.right(), rect.bottom()), (rect.x, rect.bottom())];
        if let Some(path) = path(&corners, true) {
            self.stroke(&path, width, colour, LineJoin::Miter);
        }
    }

    pub(crate) fn line(&mut self, points: &[(f32, f32)], width: f32, colour: Colour) {
        if let Some(path) = path(points, false) {
            self.stroke(&path, width, colour, LineJoin::Round);
        }
    }

    fn stroke(&mut self, path: &Path, width: f32, colour: Colour, line_join: LineJoin) {
        let line_cap = if line_join == LineJoin::Round { LineCap::Round } else { LineCap::Butt };
        let stroke = Stroke { width, line_cap, line_join, ..Stroke::default() };
        self.pixmap.stroke_path(path, &paint(colour, 1.0), &stroke, scale(), None);
    }

    pub(crate) fn polygon(&mut self, points: &[(f32, f32)], colour: Colour, opacity: f32) {
        if let Some(path) = path(points, true) {
            self.pixmap.fill_path(&path, &paint(colour, opacity), FillRule::Winding, scale(), None);
        }
    }

    /// A marker of `radius` with a white rim, so that it stands out from lines; a hollow one is larger and lets what
    /// lies under it be seen.
    pub(crate) fn marker(&mut self, marker: Marker, (x, y): (f32, f32), radius: f32, colour: Colour, hollow: bool) {
        let radius = if hollow { radius * 1.45 } else { radius };
        let shape = match marker {
            Marker::Disc => PathBuilder::from_circle(x, y, radius),
            Marker::Square => {
                let r = radius * 0.9;
                path(&[(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)], true)
            }
            Marker::Diamond => {
                let r = radius * 1.25;
                path(&[(x, y - r), (x + r, y), (x, y + r), (x - r, y)], true)
            }
            Marker::Triangle => {
                let r = radius * 1.2;
                path(&[(x, y - r), (x + r, y + r * 0.8), (x - r, y + r * 0.8)], true)
            }
        };
        let Some(shape) = shape else { return };
        if hollow {
            self.stroke(&shape, 1.5, colour, LineJoin::Miter);
        } else {
            self.pixmap.fill_path(&shape, &paint(colour, 1.0), FillRule::Winding, scale(), None);
            self.stroke(&shape, 0.8, WHITE, LineJoin::Miter);
        }
    }

    /// Puts `pixels` (row by row, `width` pixels wide) with the upper left corner at (`x`, `y`) points.
    pub(crate) fn image(&mut self, x: f32, y: f32, width: usize, pixels: &[Colour]) {
        let (left, top) = (whole((x * SCALE).round()), whole((y * SCALE).round()));
        let (w, h) = (self.pixmap.width() as usize, self.pixmap.height() as usize);
        let data = self.pixmap.data_mut();
        for (i, row) in pixels.chunks(width.max(1)).enumerate().take_while(|(i, _)| top + i < h) {
            for (j, [r, g, b]) in row.iter().enumerate().take_while(|(j, _)| left + j < w) {
                let at = ((top + i) * w + left + j) * 4;
                data[at..at + 4].copy_from_slice(&[*r, *g, *b, 255]);
            }
        }
    }

    /// A line of text; `across` says which end of it stands at x, its capitals are centred on y.
    pub(crate) fn text(&mut self, text: &str, style: TextStyle, (x, y): (f32, f32), across: Anchor, colour: Colour) {
        let left = x - self.before(text, style, across);
        let baseline = y + style.size * CAPITAL / 2.0;
        let (px, py) = (left * SCALE, (baseline * SCALE).round());
        let coverage = self.fonts.coverage(text, style, SCALE, (px.rem_euclid(1.0), 0.0));
        let top = py - coverage.baseline;
        for (i, row) in coverage.values.chunks(coverage.width).enumerate() {
            for (j, c) in row.iter().enumerate().filter(|(_, c)| **c > 0.0) {
                self.blend(px.floor() + float(j), top + float(i), *c, colour);
            }
        }
    }

    /// A line of text that runs upwards; `along` says which end of it stands at y, its capitals are centred on x.
    pub(crate) fn text_upwards(
        &mut self,
        text: &str,
        style: TextStyle,
        (x, y): (f32, f32),
        along: Anchor,
        colour: Colour,
    ) {
        let start = y + self.before(text, style, along);
        let baseline = ((x + style.size * CAPITAL / 2.0) * SCALE).round();
        let coverage = self.fonts.coverage(text, style, SCALE, (0.0, 0.0));
        for (i, row) in coverage.values.chunks(coverage.width).enumerate() {
            for (j, c) in row.iter().enumerate().filter(|(_, c)| **c > 0.0) {
                let column = baseline - coverage.baseline + float(i);
                self.blend(column, (start * SCALE).round() - 1.0 - float(j), *c, colour);
            }
        }
    }

    fn before(&self, text: &str, style: TextStyle, anchor: Anchor) -> f32 {
        match anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => self.fonts.width(text, style) / 2.0,
            Anchor::End => self.fonts.width(text, style),
        }
    }

    fn blend(&mut self, x: f32, y: f32, coverage: f32, colour: Colour) {
        let (w, h) = (self.pixmap.width() as usize, self.pixmap.height() as usize);
        if x < 0.0 || y < 0.0 || whole(x) >= w || whole(y) >= h {
            return;
        }
        let at = (whole(y) * w + whole(x)) * 4;
        for (old, new) in self.pixmap.data_mut()[at..at + 3].iter_mut().zip(colour) {
            *old = byte(f32::from(*old) + (f32::from(new) - f32::from(*old)) * coverage);
        }
    }
}

/// A small count as a coordinate.
#[expect(clippy::cast_precision_loss, reason = "pictures have far fewer than 2^24 pixels on a side")]
pub(crate) const fn float(n: usize) -> f32 {
    n as f32
}

/// A colour component, clamped.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` clamps, as wanted")]
pub(crate) fn byte(v: f32) -> u8 {
    v.round() as u8
}

/// A coordinate of drawing; single precision holds a tenth of a pixel on any picture.
#[expect(clippy::cast_possible_truncation, reason = "places on a picture")]
pub(crate) const fn single(v: f64) -> f32 {
    v as f32
}

fn scale() -> Transform {
    Transform::from_scale(SCALE, SCALE)
}

fn paint([r, g, b]: Colour, opacity: f32) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(r, g, b, byte(opacity * 255.0));
    paint.anti_alias = true;
    paint
}

fn path(points: &[(f32, f32)], close: bool) -> Option<Path> {
    let mut builder = PathBuilder::new();
    let (first, rest) = points.split_first()?;
    builder.move_to(first.0, first.1);
    for (x, y) in rest {
        builder.line_to(*x, *y);
    }
    if close {
        builder.close();
    }
    builder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canvas() -> Canvas {
        Canvas::new(40.0, 20.0, Fonts::new().unwrap()).unwrap()
    }

    #[test]
    fn shapes_land_where_they_belong() {
        let mut c = canvas();
        c.fill_rect(Rect::new(10.0, 5.0, 10.0, 5.0), [255, 0, 0]);
        c.image(30.0, 10.0, 2, &[[0, 0, 255], [0, 255, 0]]);
        let p = c.finish();
        assert_eq!((p.width, p.height), (80, 40));
        assert_eq!(
            (p.at(19, 10), p.at(20, 10), p.at(39, 19), p.at(40, 19)),
            (Some(WHITE), Some([255, 0, 0]), Some([255, 0, 0]), Some(WHITE))
        );
        assert_eq!((p.at(60, 20), p.at(61, 20), p.at(80, 0)), (Some([0, 0, 255]), Some([0, 255, 0]), None));
    }

    #[test]
    fn text_is_centred_on_its_place_both_ways() {
        for upwards in [false, true] {
            let mut c = canvas();
            let style = TextStyle::regular(10.0);
            if upwards {
                c.text_upwards("HH", style, (20.0, 10.0), Anchor::Middle, BLACK);
            } else {
                c.text("HH", style, (20.0, 10.0), Anchor::Middle, BLACK);
            }
            let p = c.finish();
            let dark: Vec<(usize, usize)> = (0..80)
                .flat_map(|x| (0..40).map(move |y| (x, y)))
                .filter(|(x, y)| p.at(*x, *y).unwrap()[0] < 128)
                .collect();
            let middle = |v: Vec<usize>| (v.iter().min().unwrap() + v.iter().max().unwrap()).div_ceil(2);
            let (x, y) = (middle(dark.iter().map(|d| d.0).collect()), middle(dark.iter().map(|d| d.1).collect()));
            assert!(x.abs_diff(40) <= 1 && y.abs_diff(20) <= 1, "{x} {y}");
        }
    }

    #[test]
    fn absurd_sizes_are_refused() {
        assert!(matches!(Canvas::new(f32::NAN, 5.0, Fonts::new().unwrap()), Err(PictureError::TooLarge { .. })));
        assert!(matches!(Canvas::new(1e6, 5.0, Fonts::new().unwrap()), Err(PictureError::TooLarge { .. })));
    }
}
